//! The transaction index: which transactions were aborted, for readers of committed records (KIP-98).

use bytes::{BufMut, Bytes, BytesMut};
use odradek_wire::ids::Offset;

use super::recovered::AbortedTransaction;

/// Those that overlap `from..until`, by ascending marker.
pub(super) fn overlapping(aborted: &[AbortedTransaction], from: Offset, until: Offset) -> Vec<AbortedTransaction> {
    // Markers ascend; first offsets do not, so everything behind `from` is looked at.
    let behind = aborted.partition_point(|a| a.last < from);
    aborted[behind..].iter().filter(|a| a.first < until).copied().collect()
}

/// The bytes of `.txnindex`.
pub(super) fn encode<'a>(aborted: impl Iterator<Item = &'a AbortedTransaction>) -> Bytes {
    let mut bytes = BytesMut::new();
    for a in aborted {
        bytes.put_i16(0);
        bytes.put_i64(a.producer.0);
        bytes.put_i64(a.first.0);
        bytes.put_i64(a.last.0);
        bytes.put_i64(a.last_stable.0);
    }
    bytes.freeze()
}
