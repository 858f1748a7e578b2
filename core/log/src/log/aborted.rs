//! The transaction index: which transactions were aborted, for readers of committed records (KIP-98).

use odradek_wire::ids::Offset;

use super::recovered::AbortedTransaction;

/// Those that overlap `from..until`, by ascending marker.
pub(super) fn overlapping(aborted: &[AbortedTransaction], from: Offset, until: Offset) -> Vec<AbortedTransaction> {
    // Markers ascend; first offsets do not, so everything behind `from` is looked at.
    let behind = aborted.partition_point(|a| a.last < from);
    aborted[behind..].iter().filter(|a| a.first < until).copied().collect()
}
