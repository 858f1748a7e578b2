//! The metadata log `__cluster_metadata-0` and its Raft quorum, as KRaft speaks it.
//!
//! [`Quorum`] decides who leads, what is committed, when a snapshot is due and what of the log may go. It owns no file: the host carries its appends to
//! the log of the partition, replaces its small files in one step each, and says what became durable. Committed batches come out in order.
#![deny(clippy::float_arithmetic)]

mod quorum;
mod state;

pub mod snapshot;

pub use quorum::{Appended, CommittedBatch, Found, Input, OpenError, Output, Quorum, QuorumConfig, Refused, Role, Voter};
pub use snapshot::SnapshotId;
pub use state::{QuorumState, StateError};
