//! The opening of a log directory: from its lock to logs that go on where they ended.
//!
//! Two halves, since only the metadata log says which partitions are assigned here:
//!
//! 1. lock, `meta.properties`, clean mark, root files; the metadata log is scanned whole, if it lies here → [`Output::Root`];
//! 2. after [`Opening::load`] the partitions' logs: strays renamed, the rest loaded or recovered → [`Output::Opened`].
//!
//! Between the halves the directory runs already (the metadata log is appended to), so the opening draws its ids from a mint of its own,
//! [`crate::dir::ids::DirIds::opening`]; completions of operations with [`crate::dir::ids::DirIds::is_opening`] belong here.
//!
//! Recovery after an unclean stop tells a torn tail from damage: what cannot be read beyond the point that was known to be synced is cut; below it nothing is
//! cut, and the log comes out as [`Damage`].

use std::sync::Arc;

use bytes::Bytes;
use odradek_machine::{Guards, Note, Notes, Now, Seed};
use odradek_wire::ids::{LeaderEpoch, NodeId, Offset, TopicPartition, Uuid};

use crate::config::LogConfig;
use crate::dir::ids::FileIds;
use crate::disk::{DirId, DiskAction, DiskError, DiskResult, Name, OpId};
use crate::formats::Malformed;
use crate::formats::checkpoint::OffsetOf;
use crate::formats::meta_properties::MetaProperties;
use crate::formats::synced_marks::SyncedMark;
use crate::work::{Work, WorkResult};

pub use crate::log::recovered::Recovered;

/// What a log directory is opened with.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Which directory.
    pub dir: DirId,
    /// What people call it: its path, for error lines.
    pub path: Arc<str>,
    /// `node.id`.
    pub node: NodeId,
    /// The cluster that it must belong to, if that is known.
    pub cluster_id: Option<String>,
    /// True if the metadata log lies here (`metadata.log.dir`, else the first of `log.dirs`).
    pub holds_metadata: bool,
    /// What an empty directory becomes; `None` refuses it.
    pub format: Option<Format>,
    /// Draws the names of strays.
    pub seed: Seed,
    /// Which guards stand.
    pub guards: Guards,
}

/// What a fresh directory is given.
#[derive(Clone, Debug)]
pub struct Format {
    /// The cluster.
    pub cluster_id: String,
    /// The directory.
    pub directory_id: Uuid,
    /// Content of `bootstrap.checkpoint`, where the metadata log lies here.
    pub bootstrap: Option<Bytes>,
}

/// What the host tells an [`Opening`].
#[derive(Clone, Debug)]
pub enum Input {
    /// A disk operation finished.
    Disk {
        /// Which.
        op: OpId,
        /// How.
        result: DiskResult,
    },
    /// A unit of work finished.
    Work {
        /// Which.
        op: OpId,
        /// With what.
        result: WorkResult,
    },
}

/// What an [`Opening`] asks for and says.
#[derive(Clone, Debug)]
pub enum Output {
    /// A disk operation on this directory.
    Disk {
        /// Its id.
        op: OpId,
        /// What to do.
        action: DiskAction,
    },
    /// A unit of work on an open file of this directory.
    Work {
        /// Its id, from the same mint.
        op: OpId,
        /// What to do.
        work: Work,
    },
    /// The first half is over; [`Opening::load`] begins the second.
    Root(Box<Root>),
    /// The second half is over, and the opening with it.
    Opened(Opened),
    /// The directory cannot be used; the lock was given back. Nothing follows.
    Refused(OpenError),
    /// Something worth knowing.
    Note(Note),
}

/// What the first half found.
#[derive(Clone, Debug, PartialEq)]
pub struct Root {
    /// Whose directory it is.
    pub meta: MetaProperties,
    /// True if it was formatted just now.
    pub formatted: bool,
    /// True if the last life ended cleanly. The mark is gone from the disk by now.
    pub clean: bool,
    /// The broker epoch of the life that ended cleanly, if it was written down (KIP-966).
    pub previous_broker_epoch: Option<i64>,
    /// The recovery points as they are on disk: an entry stays until its log is opened.
    pub recovery_points: Vec<OffsetOf>,
    /// The log starts as they are on disk, likewise.
    pub log_starts: Vec<OffsetOf>,
    /// The high watermarks as they are on disk, likewise.
    pub high_watermarks: Vec<OffsetOf>,
    /// How far each log was known to be synced, as it is on disk, likewise.
    pub marks: Vec<SyncedMark>,
    /// The metadata log, where [`Setup::holds_metadata`].
    pub metadata: Option<MetadataFound>,
}

/// The directory of the metadata log.
#[derive(Clone, Debug, PartialEq)]
pub struct MetadataFound {
    /// Name of its directory.
    pub name: Name,
    /// The owner of its open files, for [`crate::dir::LogDir::adopt`].
    pub files: FileIds,
    /// Its log; `None` if there is no directory, and [`crate::log::Log::create`] makes it.
    pub recovered: Option<Recovered>,
    /// The content of `quorum-state`, if the file is there.
    pub quorum_state: Option<Bytes>,
    /// The newest snapshot at or above the log's start, and its content.
    pub snapshot: Option<(Offset, LeaderEpoch, Bytes)>,
    /// Every snapshot on disk: end and epoch, ascending.
    pub snapshots: Vec<(Offset, LeaderEpoch)>,
    /// The content of `bootstrap.checkpoint`, if the file is there.
    pub bootstrap: Option<Bytes>,
}

/// A partition that is assigned to this directory.
#[derive(Clone, Debug, PartialEq)]
pub struct Assigned {
    /// Topic and index.
    pub partition: TopicPartition,
    /// The topic's id.
    pub topic_id: Uuid,
    /// The topic's configuration.
    pub config: LogConfig,
}

/// What the second half found.
#[derive(Clone, Debug, PartialEq)]
pub struct Opened {
    /// The logs of assigned partitions whose directories were here, by partition. The others are made by [`crate::log::Log::create`].
    pub logs: Vec<OpenedLog>,
    /// Directories of deleted topics (`-delete`), to be removed.
    pub deleted: Vec<Name>,
    /// Directories that belong to no partition assigned here, under their `-stray` names; kept.
    pub strays: Vec<Name>,
}

/// A partition's log as it was opened.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenedLog {
    /// Topic and index.
    pub partition: TopicPartition,
    /// Name of its directory.
    pub name: Name,
    /// The owner of its open files, for [`crate::dir::LogDir::adopt`].
    pub files: FileIds,
    /// The log; or why it is out of service, untouched. A directory with such a log must not get a clean-shutdown mark, or the next start would believe it.
    pub log: Result<Recovered, Damage>,
}

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

/// Lets an outbox take notes.
pub struct NotesOf<'a>(pub &'a mut Vec<Output>);

impl Notes for NotesOf<'_> {
    fn note(&mut self, note: Note) {
        self.0.push(Output::Note(note));
    }
}

/// A log directory that is being opened.
#[derive(Debug)]
pub struct Opening {
    setup: Setup,
}

impl Opening {
    /// Begins: takes the lock first.
    pub fn new(now: Now, setup: Setup, out: &mut Vec<Output>) -> Opening {
        let _ = (now, out);
        Opening { setup }
    }

    /// Takes in what the disk or a worker says.
    pub fn step(&mut self, now: Now, input: Input, out: &mut Vec<Output>) {
        let _ = (now, input, out, &self.setup);
    }

    /// Begins the second half, after [`Output::Root`]: `assigned` is what the metadata says belongs into this directory.
    pub fn load(&mut self, now: Now, assigned: Vec<Assigned>, out: &mut Vec<Output>) {
        let _ = (now, assigned, out);
    }

    /// Every invariant that can be seen from inside.
    pub fn check(&self) {}
}
