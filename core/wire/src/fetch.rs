//! Fetch responses as scatter lists: everything but the records in bytes, the records as ranges of log files or as bytes, copied by nobody.
//!
//! Equal byte for byte to what the codec writes when the ranges are replaced by their bytes, in every version.

mod encode;

pub use encode::encode;

use crate::error::ErrorCode;
use crate::ids::{LeaderEpoch, NodeId, Offset, ProducerId, Uuid};
use crate::messages::KafkaString;
use crate::scatter::Part;

/// The answer to a Fetch request.
#[derive(Clone, Debug, PartialEq)]
pub struct FetchAnswer<R> {
    /// For how long the client is asked to wait, in milliseconds.
    pub throttle_ms: i32,
    /// What concerns the whole request; told from version 7 on.
    pub error: ErrorCode,
    /// The fetch session, zero for none (KIP-227); told from version 7 on.
    pub session_id: i32,
    /// By topic.
    pub topics: Vec<FetchedTopic<R>>,
    /// Where the leaders live that are named in [`FetchedPartition::current_leader`]; told from version 16 on (KIP-951).
    pub node_endpoints: Vec<NodeEndpoint>,
}

/// One topic of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct FetchedTopic<R> {
    /// Its name; told before version 13.
    pub name: KafkaString,
    /// Its id; told from version 13 on (KIP-516).
    pub id: Uuid,
    /// By partition.
    pub partitions: Vec<FetchedPartition<R>>,
}

/// One partition of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct FetchedPartition<R> {
    /// The partition.
    pub index: i32,
    /// How it went.
    pub error: ErrorCode,
    /// The high watermark, −1 if unknown.
    pub high_watermark: Offset,
    /// The last stable offset, −1 if unknown.
    pub last_stable_offset: Offset,
    /// The log start offset, −1 if unknown; told from version 5 on (KIP-107).
    pub log_start_offset: Offset,
    /// Where the fetcher's log left this one (KIP-595); told from version 12 on.
    pub diverging_epoch: Option<DivergingEpoch>,
    /// Who leads instead (KIP-595, KIP-951); told from version 12 on.
    pub current_leader: Option<CurrentLeader>,
    /// The snapshot to fetch instead (KIP-630); told from version 12 on.
    pub snapshot: Option<SnapshotId>,
    /// The aborted transactions of the range that was read.
    ///
    /// `None` under READ_UNCOMMITTED, whose readers must not filter; otherwise by ascending first offset, since clients walk it once beside the records.
    pub aborted_transactions: Option<Vec<AbortedTransaction>>,
    /// The replica to read from instead (KIP-392); told from version 11 on.
    pub preferred_read_replica: Option<NodeId>,
    /// The batches, in order. None of them is "empty", never null: clients of all versions take null for damage.
    pub records: Vec<Part<R>>,
}

/// Where a fetcher's log and this one have parted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DivergingEpoch {
    /// The largest epoch that both may share.
    pub epoch: LeaderEpoch,
    /// Where it ends here.
    pub end_offset: Offset,
}

/// Who leads a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CurrentLeader {
    /// The leader, −1 if there is none.
    pub leader: NodeId,
    /// Its epoch.
    pub epoch: LeaderEpoch,
}

/// A snapshot of the metadata log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotId {
    /// The offset after the last one that it holds.
    pub end_offset: Offset,
    /// The epoch of that last one.
    pub epoch: LeaderEpoch,
}

/// A transaction that was aborted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AbortedTransaction {
    /// Whose.
    pub producer: ProducerId,
    /// Its first offset in this partition.
    pub first_offset: Offset,
}

/// Where a node lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeEndpoint {
    /// The node.
    pub node: NodeId,
    /// Its host name or address.
    pub host: KafkaString,
    /// Its port.
    pub port: i32,
    /// Its rack, if it has one.
    pub rack: Option<KafkaString>,
}

impl<R> FetchAnswer<R> {
    /// An answer to the whole request without any topic.
    pub fn of_error(error: ErrorCode) -> FetchAnswer<R> {
        FetchAnswer { throttle_ms: 0, error, session_id: 0, topics: Vec::new(), node_endpoints: Vec::new() }
    }
}

impl<R> FetchedPartition<R> {
    /// An answer that tells an error and knows nothing else.
    pub fn of_error(index: i32, error: ErrorCode) -> FetchedPartition<R> {
        FetchedPartition {
            index,
            error,
            high_watermark: Offset(-1),
            last_stable_offset: Offset(-1),
            log_start_offset: Offset(-1),
            diverging_epoch: None,
            current_leader: None,
            snapshot: None,
            aborted_transactions: None,
            preferred_read_replica: None,
            records: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests;
