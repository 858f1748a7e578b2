//! A validated batch on its way into a log: the one place that knows the batch types of `wire`.

use bytes::Bytes;
use odradek_wire::ids::{LeaderEpoch, Offset, ProducerEpoch, ProducerId, Sequence};

/// What a log must know of a batch to append it. Obtained from `wire`'s validated batches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incoming {
    /// First offset; for a producer's batch what the client wrote, which counts for nothing.
    pub base: Offset,
    /// Leader epoch; for a producer's batch not yet assigned.
    pub epoch: LeaderEpoch,
    /// Last offset minus first offset.
    pub last_offset_delta: i32,
    /// Records.
    pub records: i32,
    /// The producer, if the batch has one.
    pub producer: Option<BatchProducer>,
    /// The batch is part of a transaction.
    pub transactional: bool,
    /// The batch holds control records; for a transaction marker, which.
    pub control: Option<Control>,
    /// The largest timestamp, −1 if there is none.
    pub max_timestamp_ms: i64,
    /// The batch, in order.
    pub parts: Vec<Bytes>,
}

/// The producer's fields of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchProducer {
    /// The producer.
    pub id: ProducerId,
    /// Its incarnation.
    pub epoch: ProducerEpoch,
    /// Sequence of the first record; `None` in markers.
    pub base_sequence: Option<Sequence>,
}

/// What a control batch says to a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// The producer's open transaction is committed.
    Commit {
        /// Epoch of the coordinator that says so.
        coordinator_epoch: i32,
    },
    /// The producer's open transaction is aborted.
    Abort {
        /// Epoch of the coordinator that says so.
        coordinator_epoch: i32,
    },
    /// Of the raft layer: means nothing here.
    Raft,
}

/// Who appends: decides which checks of producer state apply (Kafka's AppendOrigin).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A client's produce: sequences are checked, duplicates answered.
    Client,
    /// A coordinator of this broker.
    Coordinator,
    /// The leader of the metadata quorum.
    Raft,
    /// A follower that copies its leader: nothing is refused.
    Replication,
}
