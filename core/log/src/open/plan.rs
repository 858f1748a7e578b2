//! The decisions of a recovery, as pure functions: where to begin, and what a batch that cannot be believed means.

use odradek_wire::ids::Offset;

use crate::work::scan::Fault;

/// How far a log is known to be synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// By a clean stop: all of it, up to here at the least.
    Clean {
        /// The recovery point, or our own mark where that says more: a life of another system may have cut the log since.
        end: Offset,
        /// The log ends there: the stop wrote the recovery point last.
        exact: bool,
    },
    /// By our own mark, at most one round of syncs behind.
    Mark {
        /// Everything below is synced.
        end: Offset,
    },
    /// By a recovery point alone, as Apache Kafka writes it: a truncation after it leaves it too high.
    RecoveryPoint {
        /// Everything below that was not truncated is synced.
        end: Offset,
    },
}

impl Known {
    /// Everything below was synced once.
    pub(crate) const fn end(self) -> Offset {
        match self {
            Known::Clean { end, .. } | Known::Mark { end } | Known::RecoveryPoint { end } => end,
        }
    }
}

/// The segment from which on checksums are looked at: the one that holds the end of what is known to be synced, or an earlier one whose indexes must be built
/// again; `None` if nothing needs to be. `bases` ascend.
///
/// Segments that lie whole below the log start are never looked at: a crash amid their removal leaves any of them, and what lacks there is no hole.
pub(crate) fn recover_from(bases: &[Offset], known: Known, first_damaged: Option<usize>, log_start: Option<Offset>) -> Option<usize> {
    if bases.is_empty() {
        return None;
    }
    let unclean = match known {
        Known::Clean { .. } => None,
        Known::Mark { end } | Known::RecoveryPoint { end } => Some(holding(bases, Some(end))),
    };
    let from = match (unclean, first_damaged) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
    from.map(|from| from.max(holding(bases, log_start)))
}

/// The segment that holds an offset, or the nearest; the first where none is given. `bases` ascend.
pub(crate) fn holding(bases: &[Offset], offset: Option<Offset>) -> usize {
    offset.map_or(0, |offset| bases.partition_point(|base| *base <= offset).saturating_sub(1))
}

/// What is to be done about the first batch that cannot be believed, or about a log that is shorter than it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// All is there.
    Whole,
    /// What follows was never known to be synced: it is cut.
    Torn,
    /// It was known to be synced: nothing is touched.
    Damaged,
}

/// How far what lies at or above the log start is known to be synced. Files that lie whole below it may be there or not: a crash that came before their
/// removal was durable leaves any of them.
pub(crate) fn of_what_counts(known: Known, log_start: Option<Offset>) -> Known {
    match known {
        Known::Mark { end } | Known::RecoveryPoint { end } if log_start.is_some_and(|start| end <= start) => {
            Known::RecoveryPoint { end: Offset(0) }
        }
        known => known,
    }
}

/// `end` is the offset up to which everything was read; `fault` what is wrong there, if anything.
pub(crate) fn judge(known: Known, end: Offset, fault: Option<&Fault>) -> Verdict {
    let below = end < known.end();
    match (fault, known) {
        (Some(_), _) if below => Verdict::Damaged,
        // A clean stop wrote nothing after its last sync; an incomplete batch is what an earlier life left, and less than a batch.
        (Some(Fault::Incomplete { .. }), _) => Verdict::Torn,
        (Some(_), Known::Clean { .. }) => Verdict::Damaged,
        (Some(_), _) => Verdict::Torn,
        // Kafka truncates before it rewrites its checkpoint: after a crash, a recovery point above a log that is whole says nothing.
        (None, Known::RecoveryPoint { .. }) => Verdict::Whole,
        (None, Known::Clean { end: known, exact: true }) if end > known => Verdict::Damaged,
        (None, Known::Mark { .. } | Known::Clean { .. }) => {
            if below {
                Verdict::Damaged
            } else {
                Verdict::Whole
            }
        }
    }
}

/// True if a segment does not follow from the one before in a stretch that was not synced: the end of the one before is what a crash took.
///
/// Compaction leaves gaps too, but only in what is synced: a mark of ours says how far that is. Apache Kafka's recovery point may be a minute old, so that with it
/// alone only a log that is not compacted has no gaps.
pub(crate) fn is_torn_between(known: Known, compacts: bool, end: Offset, next_base: Offset) -> bool {
    let tells = match known {
        Known::Clean { .. } => false,
        Known::Mark { .. } => true,
        Known::RecoveryPoint { .. } => !compacts,
    };
    tells && next_base > end && end >= known.end()
}
