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

/// A batch that is whole by its own length and checksum, and of a form that is not served here: nothing of its log is touched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{segment} at byte {at}: {why}")]
pub struct Unserved {
    /// The segment's file.
    pub segment: Name,
    /// Where the batch begins.
    pub at: u64,
    /// What it is, and who can read it.
    pub why: String,
}

/// Why a log is out of service. Nothing of it was touched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutOfService {
    /// What was synced is not there as it was written. Written down beside the log, until an operator gives up what is lost.
    #[error(transparent)]
    Damaged(#[from] Damage),
    /// It holds what is not served here. Looked for again at each start.
    #[error(transparent)]
    Unserved(#[from] Unserved),
    /// The disk does not give it back. Tried again at each start.
    #[error(transparent)]
    Unreadable(#[from] DiskError),
}

/// A log directory that cannot be used, in one line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Another process uses it.
    #[error("Failed to acquire lock on file .lock in {path}: another process is using this directory, or this one has it under two names")]
    InUse {
        /// The directory.
        path: Arc<str>,
    },
    /// A directory that the node could do without cannot be opened.
    #[error("{path}: {error}. Mend it; or take it out of log.dirs, and its replicas are offline")]
    Unusable {
        /// The directory.
        path: Arc<str>,
        /// What failed.
        error: DiskError,
    },
    /// An operation failed.
    #[error("{path}: {error}")]
    Disk {
        /// The directory.
        path: Arc<str>,
        /// What failed.
        error: DiskError,
    },
    /// It has no identity, and others of the node have.
    #[error(
        "{path} holds no meta.properties, though {beside} is of this node: a log directory that is lost is not made anew, since what it held would be served as \
         empty. Put it back, or its meta.properties if only that is lost; or take it out of log.dirs, and its replicas are offline; or, to add it as a new and \
         empty directory, run: odradek format {path} --beside {beside}"
    )]
    Lost {
        /// The directory.
        path: Arc<str>,
        /// One that is there.
        beside: Arc<str>,
    },
    /// The metadata log is not there, and something of the node's is.
    #[error(
        "{path} holds no __cluster_metadata-0, though {found} is there: without its metadata log the node would take all of its logs for strays. Put the \
         directory of the metadata log back, or name it as metadata.log.dir"
    )]
    MetadataLost {
        /// The directory in which the metadata log belongs.
        path: Arc<str>,
        /// What is there.
        found: String,
    },
    /// Two directories have one id.
    #[error("{path} and {other} have the same directory.id in meta.properties: one is a copy of the other")]
    SameDirectory {
        /// One.
        path: Arc<str>,
        /// The other.
        other: Arc<str>,
    },
    /// There is no `meta.properties` anywhere, but something that a node left: formatting would orphan it.
    #[error(
        "{path} holds no meta.properties, but {name}: it is not formatted over. Put meta.properties back, with the node.id, cluster.id and directory.id that it \
         had; or name a directory that is empty"
    )]
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
    #[error(
        "Found {path}/__cluster_metadata-0, but the metadata log belongs in another directory: metadata.log.dir, or the first of log.dirs where that is not set"
    )]
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
    /// The metadata log is damaged below what was known to be synced, or is of a form that is not served.
    #[error("{path}/{what}")]
    Metadata {
        /// The directory.
        path: Arc<str>,
        /// The damage.
        what: String,
    },
}
