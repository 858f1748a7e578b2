//! Open transactions of one log, and those that ended above the high watermark: both hold back the last stable offset.

use std::collections::BTreeMap;

use odradek_wire::ids::{Offset, ProducerId};

/// A transaction that a marker ended in this log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompletedTransaction {
    /// The producer.
    pub producer: ProducerId,
    /// Its first offset.
    pub first: Offset,
    /// Offset of the marker.
    pub last: Offset,
    /// False if it was aborted.
    pub committed: bool,
    /// The last stable offset that the marker leaves, as the transaction index records it.
    pub last_stable: Offset,
}

/// Transactions by first offset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transactions {
    open: BTreeMap<Offset, ProducerId>,
    /// Ended, but the marker is not below the high watermark: first offset, offset of the marker.
    unreplicated: BTreeMap<Offset, Offset>,
}

impl Transactions {
    pub(super) fn begin(&mut self, first: Offset, producer: ProducerId) {
        self.open.insert(first, producer);
    }

    pub(super) fn end(&mut self, producer: ProducerId, first: Offset, last: Offset, committed: bool) -> CompletedTransaction {
        let was = self.open.remove(&first);
        assert_eq!(was, Some(producer), "the transaction at {first:?} is not open");
        self.unreplicated.insert(first, last);
        let last_stable = self.open.first_key_value().map_or(last.next(), |(first, _)| *first);
        CompletedTransaction { producer, first, last, committed, last_stable }
    }

    pub(super) fn high_watermark(&mut self, to: Offset) {
        self.unreplicated.retain(|_, last| *last >= to);
    }

    /// The first offset that is not decided, or whose decision is not replicated.
    pub fn first_unstable(&self) -> Option<Offset> {
        let open = self.open.first_key_value().map(|(first, _)| *first);
        let unreplicated = self.unreplicated.first_key_value().map(|(first, _)| *first);
        match (open, unreplicated) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// How many are open.
    pub fn open_count(&self) -> usize {
        self.open.len()
    }
}
