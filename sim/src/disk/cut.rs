//! What a power cut leaves: the choice, apart from the bytes it is applied to.

use odradek_machine::Seed;

use super::contents::SECTOR_BYTES;

/// How much of what was not synced survives a power cut.
///
/// Every shape is legal everywhere; they are apart because an even draw over sectors would almost never lose all, or tear a tail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Survival {
    /// Nothing that was not synced.
    None,
    /// Everything: as if the kernel had just written all back.
    All,
    /// Each sector, length and directory change by itself, with this many chances in eight.
    Each {
        /// Chances in eight.
        eighths: u64,
    },
    /// The oldest, up to a point: as a disk without a cache of its own would.
    Prefix,
    /// Late sectors without early ones: the file is as long as it was made, and full of holes.
    Holes,
    /// As [`Survival::Each`], and of the first sector lost in a page each byte is old or new: beyond what a power cut may do to a disk that writes sectors whole.
    TornInside,
}

impl Survival {
    /// The shape for one file or directory: drawn, so that one power cut treats neighbours differently.
    pub fn drawn(draw: Seed) -> Survival {
        match draw.named("survival").below(10) {
            0 | 1 => Survival::None,
            2 => Survival::All,
            3 | 4 => Survival::Prefix,
            5 | 6 => Survival::Holes,
            7 => Survival::Each { eighths: 1 },
            8 => Survival::Each { eighths: 7 },
            _ => Survival::Each { eighths: 4 },
        }
    }

    /// Which of the dirty sectors of one page survive; `first` is the number of the page's first sector in the file, `reach` where a prefix ends.
    pub(super) fn sectors(self, draw: Seed, first: u64, dirty: u8, reach: u64) -> u8 {
        let mut kept = 0;
        for bit in (0..8).filter(|bit| dirty & 1 << bit != 0) {
            let one = draw.number(first + bit);
            let survives = match self {
                Survival::None => false,
                Survival::All => true,
                Survival::Each { eighths } => one.below(8) < eighths,
                Survival::Prefix => first + bit < reach,
                Survival::Holes => one.below(8) < 2 + 5 * (bit & 1),
                Survival::TornInside => one.one_in(2),
            };
            kept |= u8::from(survives) << bit;
        }
        kept
    }

    /// The sector of a page, among those that were lost, whose bytes are mixed.
    pub(super) fn torn_inside(self, draw: Seed, lost: u8) -> Option<u8> {
        (self == Survival::TornInside && lost != 0 && draw.named("inside").one_in(2)).then(|| lost & lost.wrapping_neg())
    }

    /// Which length survives: the synced one, one that the file has had since, or a whole number of sectors between.
    pub(super) fn length(self, draw: Seed, synced: u64, since: &[u64], reach: u64) -> u64 {
        let Some(&newest) = since.last() else { return synced };
        match self {
            Survival::None => synced,
            Survival::All | Survival::Holes => newest,
            Survival::Prefix if newest > synced => (reach * SECTOR_BYTES).clamp(synced, newest),
            Survival::Each { .. } | Survival::Prefix | Survival::TornInside => {
                let nth = draw.below(since.len() as u64 + 1) as usize;
                since.get(nth).copied().unwrap_or(synced)
            }
        }
    }

    /// Whether the `nth` of `all` directory changes survives, if the ones it stands on do.
    pub(super) fn change(self, draw: Seed, nth: usize, all: usize) -> bool {
        match self {
            Survival::None => false,
            Survival::All => true,
            Survival::Each { eighths } => draw.number(nth as u64).below(8) < eighths,
            Survival::Prefix => (nth as u64) < draw.named("prefix").below(all as u64 + 1),
            Survival::Holes | Survival::TornInside => draw.number(nth as u64).one_in(2),
        }
    }
}
