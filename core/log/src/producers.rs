//! Producer state of one log: what makes a producer idempotent (KIP-98, KIP-360), and its open transactions.

use odradek_wire::ids::{Offset, ProducerEpoch, ProducerId, Sequence};

/// One batch that a producer appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProducerBatchMeta {
    /// Sequence of the last record.
    pub last_sequence: Sequence,
    /// Offset of the last record.
    pub last_offset: Offset,
    /// Last offset minus first offset.
    pub offset_delta: i32,
    /// The largest timestamp.
    pub timestamp_ms: i64,
}

/// What a log knows of one producer, as DescribeProducers tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProducerInfo {
    /// The producer.
    pub id: ProducerId,
    /// Its incarnation.
    pub epoch: ProducerEpoch,
    /// Sequence of its last record; `None` after a marker that bumped the epoch.
    pub last_sequence: Option<Sequence>,
    /// Time of its last append.
    pub last_timestamp_ms: i64,
    /// Epoch of the coordinator that wrote its last marker, −1 before any.
    pub coordinator_epoch: i32,
    /// Where its open transaction begins.
    pub transaction_start: Option<Offset>,
}
