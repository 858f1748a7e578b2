//! The leader-epoch cache: at which offset each epoch began (KIP-101), as `leader-epoch-checkpoint` holds it.

use odradek_wire::ids::{LeaderEpoch, Offset};

/// One leadership: its epoch, and the first offset that was assigned in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochStart {
    /// The epoch.
    pub epoch: LeaderEpoch,
    /// The first offset of that epoch.
    pub start: Offset,
}

/// Where an epoch ended in this log (KIP-320).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochEnd {
    /// The largest epoch not above the one asked for.
    pub epoch: LeaderEpoch,
    /// The first offset that does not belong to it, or the log end.
    pub end: Offset,
}

/// The epochs of one log, ascending in epoch and offset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Epochs {
    starts: Vec<EpochStart>,
}

impl Epochs {
    /// The history as it was found on disk; entries that do not ascend are the work of a disk and give way to later ones.
    pub fn recovered(starts: Vec<EpochStart>) -> Epochs {
        let mut epochs = Epochs::default();
        for s in starts {
            epochs.assign(s.epoch, s.start);
        }
        epochs
    }

    /// Records that an epoch began; what contradicts it goes. True if that changed anything.
    pub fn assign(&mut self, epoch: LeaderEpoch, start: Offset) -> bool {
        if self.starts.last().is_some_and(|l| l.epoch == epoch && l.start <= start) {
            return false;
        }
        while self.starts.last().is_some_and(|l| l.epoch >= epoch || l.start >= start) {
            self.starts.pop();
        }
        self.starts.push(EpochStart { epoch, start });
        true
    }

    /// Forgets epochs that begin at or beyond a log end. True if that changed anything.
    pub fn cut_end(&mut self, log_end: Offset) -> bool {
        let before = self.starts.len();
        self.starts.retain(|s| s.start < log_end);
        self.starts.len() != before
    }

    /// Forgets epochs that end at or below a log start; the one that holds it begins there. True if that changed anything.
    pub fn cut_start(&mut self, log_start: Offset) -> bool {
        let keep_from = self.starts.iter().rposition(|s| s.start <= log_start).unwrap_or(0);
        let moved = self.starts.get(keep_from).is_some_and(|s| s.start < log_start);
        self.starts.drain(..keep_from);
        if moved {
            self.starts[0].start = log_start;
        }
        keep_from > 0 || moved
    }

    /// Where an epoch ended; `None` if it is above all that are known.
    pub fn end_offset_for(&self, epoch: LeaderEpoch, log_end: Offset) -> Option<EpochEnd> {
        let newest = self.starts.last()?;
        if epoch == newest.epoch {
            return Some(EpochEnd { epoch, end: log_end });
        }
        let higher = self.starts.iter().position(|s| s.epoch > epoch)?;
        let end = self.starts[higher].start;
        // Below all that are known, the asker's own epoch is answered: it diverged before this log began.
        let epoch = if higher == 0 { epoch } else { self.starts[higher - 1].epoch };
        Some(EpochEnd { epoch, end })
    }

    /// The epoch that an offset was assigned in.
    pub fn epoch_of(&self, offset: Offset) -> Option<LeaderEpoch> {
        self.starts.iter().rev().find(|s| s.start <= offset).map(|s| s.epoch)
    }

    /// The newest epoch.
    pub fn latest(&self) -> Option<EpochStart> {
        self.starts.last().copied()
    }

    /// Every epoch, oldest first.
    pub fn starts(&self) -> &[EpochStart] {
        &self.starts
    }

    /// Every invariant that can be seen from inside.
    pub fn check(&self, log_end: Offset) {
        for pair in self.starts.windows(2) {
            assert!(pair[0].epoch < pair[1].epoch && pair[0].start < pair[1].start, "epochs do not ascend: {pair:?}");
        }
        if let Some(last) = self.starts.last() {
            assert!(last.start <= log_end, "epoch {:?} begins at {:?} beyond the log end {log_end:?}", last.epoch, last.start);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(e: &Epochs) -> String {
        e.starts().iter().map(|s| format!("{}@{} ", s.epoch.0, s.start.0)).collect()
    }

    fn epochs(starts: &[(i32, i64)]) -> Epochs {
        Epochs::recovered(starts.iter().map(|&(e, o)| EpochStart { epoch: LeaderEpoch(e), start: Offset(o) }).collect())
    }

    #[test]
    fn epoch_ends_where_the_next_begins_and_the_newest_at_the_log_end() {
        let e = epochs(&[(1, 0), (3, 10), (4, 20)]);
        let end = |epoch| e.end_offset_for(LeaderEpoch(epoch), Offset(30)).map(|e| (e.epoch.0, e.end.0));
        assert_eq!(
            [end(0), end(1), end(2), end(3), end(4), end(5)],
            [Some((0, 0)), Some((1, 10)), Some((1, 10)), Some((3, 20)), Some((4, 30)), None]
        );
        assert_eq!(Epochs::default().end_offset_for(LeaderEpoch(0), Offset(0)), None);
    }

    #[test]
    fn epoch_assigned_over_an_older_claim_replaces_it() {
        let mut e = epochs(&[(1, 0), (2, 10)]);
        assert!(!e.assign(LeaderEpoch(2), Offset(15)));
        assert!(e.assign(LeaderEpoch(3), Offset(10)), "epoch 2 had no record");
        assert_eq!(text(&e), "1@0 3@10 ");
        assert!(e.cut_end(Offset(10)));
        assert_eq!(e.starts().len(), 1);
    }

    #[test]
    fn epoch_history_follows_the_log_start() {
        let mut e = epochs(&[(1, 0), (3, 10), (4, 20)]);
        assert!(e.cut_start(Offset(15)));
        assert_eq!(text(&e), "3@15 4@20 ");
        assert!(!e.cut_start(Offset(15)));
        assert!(e.cut_start(Offset(40)));
        assert_eq!(text(&e), "4@40 ");
        assert_eq!(e.epoch_of(Offset(41)), Some(LeaderEpoch(4)));
    }
}
