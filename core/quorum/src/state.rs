//! `quorum-state`: what a node must remember of elections, as JSON that Apache Kafka reads and writes.

use odradek_wire::ids::{LeaderEpoch, NodeId, Uuid};

/// The election as far as this node knows it; replaced whole, before anything that follows from it is done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QuorumState {
    /// The epoch.
    pub epoch: LeaderEpoch,
    /// Its leader, once known.
    pub leader: Option<NodeId>,
    /// Whom this node voted for in the epoch.
    pub voted: Option<(NodeId, Uuid)>,
}

/// A file that is no election state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Error while reading the Quorum status from the file quorum-state: {why}")]
pub struct StateError {
    /// What is wrong with it.
    pub why: String,
}
