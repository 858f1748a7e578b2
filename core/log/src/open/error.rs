//! Why a log directory, or one log in it, cannot be used.

use std::sync::Arc;

use odradek_wire::ids::Offset;

use crate::disk::{DiskError, Name};
use crate::formats::Malformed;

/// Bytes below the point that was known to be synced are not what was written there: a log that is out of service.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{segment} at byte {at}, offset {offset}: {why}; everything below offset {synced} was known to be synced", offset = offset.0, synced = synced.0)]
pub struct Damage {
    /// The segment's file.
    pub segment: Name,
    /// Where the batch begins that cannot be read.
    pub at: u64,
    /// The offset that should be there.
    pub offset: Offset,
    /// Everything below was known to be synced.
    pub synced: Offset,
    /// What is wrong with it.
    pub why: String,
}

/// A log directory that cannot be used, in one line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Another process uses it.
    #[error("Failed to acquire lock on file .lock in {path}: another process is using this directory")]
    InUse {
        /// The directory.
        path: Arc<str>,
    },
    /// An operation failed.
    #[error("{path}: {error}")]
    Disk {
        /// The directory.
        path: Arc<str>,
        /// What failed.
        error: DiskError,
    },
    /// It was never formatted, and nobody asked for it.
    #[error("{path} holds no meta.properties: it is not formatted")]
    NotFormatted {
        /// The directory.
        path: Arc<str>,
    },
    /// There is no `meta.properties`, but there are logs: formatting would orphan them.
    #[error("{path} holds no meta.properties, but {name}: it is not formatted over")]
    NotEmpty {
        /// The directory.
        path: Arc<str>,
        /// What is in it.
        name: String,
    },
    /// It belongs to another node.
    #[error("Stored node id {stored} doesn't match node id {node} in {path}/meta.properties")]
    OtherNode {
        /// The directory.
        path: Arc<str>,
        /// In the file.
        stored: i32,
        /// In the configuration.
        node: i32,
    },
    /// It belongs to another cluster.
    #[error("Stored cluster id {stored} doesn't match cluster id {cluster} in {path}/meta.properties")]
    OtherCluster {
        /// The directory.
        path: Arc<str>,
        /// In the file.
        stored: String,
        /// The one expected.
        cluster: String,
    },
    /// A directory that is no partition's.
    #[error("Found directory {path}/{name}, which is not in the form of topic-partition or topic-partition.uniqueId-delete")]
    StrangeDirectory {
        /// The directory.
        path: Arc<str>,
        /// What is in it.
        name: String,
    },
    /// A metadata log where none belongs.
    #[error("Found {path}/__cluster_metadata-0, but the metadata log lies in another directory")]
    OtherMetadata {
        /// The directory.
        path: Arc<str>,
    },
    /// A replica and its successor side by side.
    #[error("{path} holds both {current} and {future}")]
    TwoReplicas {
        /// The directory.
        path: Arc<str>,
        /// One.
        current: String,
        /// The other.
        future: String,
    },
    /// A file that is not what it should be.
    #[error("Error while reading {path}/{what}")]
    Malformed {
        /// The directory.
        path: Arc<str>,
        /// Which file, and what is wrong with it.
        what: Malformed,
    },
    /// The metadata log is damaged below what was known to be synced.
    #[error("{path}/{what}")]
    Metadata {
        /// The directory.
        path: Arc<str>,
        /// The damage.
        what: Damage,
    },
}
