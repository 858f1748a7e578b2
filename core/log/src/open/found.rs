//! What an opening finds, and what it must be told between its halves.

use std::collections::BTreeSet;

use bytes::Bytes;
use odradek_wire::ids::{LeaderEpoch, Offset, TopicPartition, Uuid};

use super::OutOfService;
use crate::config::LogConfig;
use crate::dir::ids::FileIds;
use crate::disk::Name;
use crate::formats::checkpoint::OffsetOf;
use crate::formats::meta_properties::MetaProperties;
use crate::formats::synced_marks::SyncedMark;
use crate::log::recovered::Recovered;

/// What lies in the root, and the metadata log.
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
    /// The metadata log, where [`holds_metadata`](super::Setup::holds_metadata).
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

/// What lies in the directories of partitions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Opened {
    /// The logs of assigned partitions that are here, or should be, by partition. The others are made by [`crate::log::Log::create`].
    pub logs: Vec<OpenedLog>,
    /// Directories of deleted topics (`-delete`), to be removed.
    pub deleted: Vec<Name>,
    /// Directories that belong to no partition assigned here, under their `-stray` names; kept.
    pub strays: Vec<Name>,
    /// Every partition that has a directory here, under whatever name: what is known of its log stays known.
    pub present: BTreeSet<TopicPartition>,
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
    /// The log; or why it is out of service. A directory with such a log must not get a clean-shutdown mark, which vouches for all that is in it.
    pub log: Result<Recovered, OutOfService>,
}
