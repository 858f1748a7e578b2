//! Weather: what is too fine to plan (a delay, a tie, an order), as a keyed integer hash of who, what and when.
//!
//! It has no state, so that one event more shifts no other: (seed, kind, link or name, bucket of 10 ms) decide. What happens more than once in a
//! bucket adds its own number. Stretches of calm may be declared: shrinking uses them to find out which weather a failure needs.

use std::ops::Range;

use odradek_machine::Seed;

use crate::time::{MICROSECOND, MILLISECOND, Time};

/// How long the weather of one link or name stays the same.
pub const BUCKET_NS: u64 = 10 * MILLISECOND;

/// What a piece of weather is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Kind {
    /// How long bytes take on a link.
    Delay = 1,
    /// Where the bytes of one read end.
    Split,
    /// Which of two simultaneous events comes first.
    Tie,
    /// How long a disk operation takes.
    Disk,
    /// What a disk does with it.
    Fate,
    /// How long a step of a core takes.
    Step,
    /// In which order the outputs of a step are carried out.
    Order,
    /// How late a wake comes.
    Wake,
    /// How long a unit of work takes.
    Work,
    /// How a connection ends when its process does.
    End,
    /// What a power cut leaves.
    Cut,
    /// What a medium does to its bytes.
    Medium,
}

/// The weather of one run.
#[derive(Clone, Debug)]
pub struct Weather {
    seed: Seed,
    calm: Vec<Range<Time>>,
}

impl Weather {
    /// The weather of a seed, with stretches of calm.
    pub fn new(seed: Seed, calm: Vec<Range<Time>>) -> Weather {
        Weather { seed: seed.named("weather"), calm }
    }

    /// The draw for a kind and a name (a link, a host, a file) at this time.
    pub fn at(&self, kind: Kind, name: u64, time: Time) -> Seed {
        self.seed.number(kind as u64).number(name).number(time.0 / BUCKET_NS)
    }

    /// True if nothing is left to chance at this time: delays are the shortest, orders those of submission.
    pub fn is_calm(&self, time: Time) -> bool {
        self.calm.iter().any(|stretch| stretch.contains(&time))
    }

    /// A span of time from `least`, mostly within `usual` more, one time in 64 within eight times that: never calm seas alone.
    pub fn span(&self, kind: Kind, name: u64, time: Time, nth: u64, least: u64, usual: u64) -> u64 {
        if usual == 0 || self.is_calm(time) {
            return least;
        }
        let bucket = self.at(kind, name, time);
        let rough = if bucket.one_in(64) { 8 } else { 1 };
        least + bucket.number(nth).below(usual * rough)
    }

    /// The tie-break of an event.
    pub fn tie(&self, time: Time, nth: u64) -> u32 {
        if self.is_calm(time) { 0 } else { self.seed.number(Kind::Tie as u64).number(nth).u64() as u32 }
    }
}

/// How long one step of a core takes: the least, and what it usually takes more.
pub const STEP_NS: (u64, u64) = (4 * MICROSECOND, 40 * MICROSECOND);
