//! The metadata log `__cluster_metadata-0` and its Raft quorum, as KRaft speaks it.
//!
//! [`Quorum`] decides who leads, what is committed, when a snapshot is due and what of the log may go. It owns no file: the host carries its appends to
//! the log of the partition, replaces its small files in one step each, and says what became durable. Committed batches come out in order.
//!
//! | file | what |
//! |---|---|
//! | `io` | everything that crosses its border |
//! | `open` | from what a directory holds to a quorum that can take part |
//! | `quorum` | elections, appends, the high watermark, snapshots |
//! | `state` | `quorum-state` |
//! | `batches`, `snapshot` | the log's batches and checkpoint files, made and read |
//!
//! `tests/metadata/host.rs` shows a whole host of quorum, image and controller in a page.
#![deny(clippy::float_arithmetic)]

mod batches;
mod io;
mod open;
mod quorum;
mod state;
#[cfg(test)]
mod tests;

pub mod snapshot;

pub use io::{Appended, CommittedBatch, Found, Input, OpenError, Output, QuorumConfig, Refused, Role, Voter};
pub use quorum::Quorum;
pub use snapshot::SnapshotId;
pub use state::{QuorumState, StateError};
