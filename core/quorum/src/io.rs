//! Everything that crosses the border of a quorum.

use bytes::Bytes;
use odradek_machine::{Note, Notes};
use odradek_wire::batch::ReplicaBatch;
use odradek_wire::ids::{LeaderEpoch, NodeId, Offset, Uuid};
use odradek_wire::records::metadata::MetadataRecord;

use crate::{SnapshotId, StateError};

/// A node that votes, by static configuration (`controller.quorum.voters`) or by the log (KIP-853).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Voter {
    /// Its node id.
    pub id: NodeId,
    /// Its metadata directory; `None` while voters are static.
    pub directory_id: Option<Uuid>,
    /// Where it listens.
    pub host: String,
    /// Where it listens.
    pub port: u16,
}

/// What does not change while a node lives.
#[derive(Clone, Debug)]
pub struct QuorumConfig {
    /// This node.
    pub node: NodeId,
    /// Its metadata directory, from `meta.properties`.
    pub directory_id: Uuid,
    /// `controller.quorum.voters`; not looked at once the log says who votes.
    pub voters: Vec<Voter>,
    /// `metadata.log.max.record.bytes.between.snapshots`.
    pub snapshot_bytes_max: u64,
    /// `metadata.log.max.snapshot.interval.ms`; zero for never.
    pub snapshot_interval_ms_max: u64,
}

/// What was found in the directory of the metadata log, after its recovery.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The content of `quorum-state`, if the file is there.
    pub quorum_state: Option<Bytes>,
    /// Every snapshot, by its file name.
    pub snapshots: Vec<SnapshotId>,
    /// The content of the newest of them.
    pub newest_snapshot: Option<Bytes>,
    /// The log's first offset.
    pub log_start: Offset,
    /// The offset that the next record would get.
    pub log_end: Offset,
    /// The epoch of the last batch, if there is one.
    pub last_epoch: Option<LeaderEpoch>,
}

/// A directory that cannot be gone on from.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// `quorum-state` is damaged.
    #[error(transparent)]
    State(#[from] StateError),
    /// A snapshot is damaged.
    #[error("snapshot {name}: {why}")]
    Snapshot {
        /// Its file name.
        name: String,
        /// What is wrong.
        why: String,
    },
    /// A batch of the log is damaged, or its records cannot be read.
    #[error("metadata log at offset {at}: {why}")]
    Log {
        /// The offset of the batch.
        at: i64,
        /// What is wrong.
        why: String,
    },
    /// The log begins above zero and no snapshot covers what went.
    #[error("Inconsistent snapshot state: there must be a snapshot at or above the start {log_start} of the metadata log")]
    NoSnapshot {
        /// The log's first offset.
        log_start: i64,
    },
    /// A quorum of several voters, which this version cannot be part of.
    #[error("a metadata quorum of several voters ({voters}) is not supported yet")]
    SeveralVoters {
        /// Who votes.
        voters: String,
    },
    /// This node is not among the voters.
    #[error("node {node} with directory {directory_id} is not among the voters of the metadata quorum ({voters})")]
    NotAVoter {
        /// This node.
        node: i32,
        /// Its metadata directory.
        directory_id: Uuid,
        /// Who votes.
        voters: String,
    },
}

/// What the host tells a [`crate::Quorum`].
#[derive(Clone, Debug)]
pub enum Input {
    /// The oldest [`Output::StoreState`] that was not yet reported is durable.
    StateStored,
    /// The metadata log is durable below this offset.
    Synced {
        /// The first offset that may be lost.
        end: Offset,
    },
    /// An [`Output::StoreSnapshot`] is durable under its name.
    SnapshotStored {
        /// Which.
        id: SnapshotId,
    },
    /// The directory failed: nothing of this node may count any more.
    DirectoryFailed,
    /// The deadline passed.
    Wake,
}

/// What a [`crate::Quorum`] asks of its host. To be carried out in this order; what must be durable first is waited for inside.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Replace `quorum-state` in one step (temporary file, sync, rename, sync of the directory), then say [`Input::StateStored`].
    StoreState {
        /// Its content.
        content: Bytes,
    },
    /// Empty the log, so that it begins at this offset: the snapshot that was loaded lies beyond its end.
    RestartLog {
        /// The log's first offset from now on.
        at: Offset,
    },
    /// Append this batch to the metadata log; offsets and epoch are inside. Durability is reported by [`Input::Synced`].
    Append {
        /// The batch.
        batch: ReplicaBatch,
    },
    /// The image begins anew from these records: a snapshot was loaded.
    Restart {
        /// Which.
        id: SnapshotId,
        /// Its records.
        records: Vec<MetadataRecord>,
    },
    /// A batch of metadata records is committed; in the order of the log.
    Committed(CommittedBatch),
    /// Everything below this offset is committed; comes after the batches below it.
    HighWatermark {
        /// The offset.
        to: Offset,
    },
    /// This node leads, and its first record is committed, with all before it: a controller may begin.
    Leading {
        /// The term.
        epoch: LeaderEpoch,
    },
    /// This node leads no longer.
    Resigned {
        /// The term that ended.
        epoch: LeaderEpoch,
    },
    /// A snapshot of the image of exactly this place in the outbox is due: encode it as work ([`crate::snapshot::encode`]), hand it to
    /// [`crate::Quorum::store_snapshot`].
    SnapshotDue {
        /// Which.
        id: SnapshotId,
        /// What encoding needs beside the records.
        header: crate::snapshot::SnapshotHeader,
    },
    /// Write a snapshot under a temporary name, sync it, rename it, sync the directory, then say [`Input::SnapshotStored`].
    StoreSnapshot {
        /// Which; its name is [`SnapshotId::file_name`].
        id: SnapshotId,
        /// Its content.
        content: Bytes,
    },
    /// Segments wholly below this offset may go.
    AdvanceLogStart {
        /// The log's first offset from now on.
        to: Offset,
    },
    /// A snapshot may go: newer ones are durable.
    RemoveSnapshot {
        /// Which.
        id: SnapshotId,
    },
    /// Something worth knowing.
    Note(Note),
}

/// Lets an outbox of outputs take notes.
pub(crate) struct NotesOf<'a>(pub(crate) &'a mut Vec<Output>);

impl Notes for NotesOf<'_> {
    fn note(&mut self, note: Note) {
        self.0.push(Output::Note(note));
    }
}

/// A committed batch of metadata records.
#[derive(Clone, Debug, PartialEq)]
pub struct CommittedBatch {
    /// The offset of its first record.
    pub base: Offset,
    /// The offset after its last.
    pub end: Offset,
    /// The term of the leader that wrote it.
    pub epoch: LeaderEpoch,
    /// When it was appended, by that leader's wall clock.
    pub append_ms: i64,
    /// Its records.
    pub records: Vec<MetadataRecord>,
}

/// What an append got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The offset of the first record.
    pub base: Offset,
    /// The offset after the last.
    pub end: Offset,
}

/// Why an append was refused; nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// This node does not lead, or its first record is not committed yet.
    #[error("this node does not lead the metadata quorum")]
    NotLeader,
    /// The batch would be longer than a batch may be.
    #[error("{bytes} bytes are more than one atomic batch may have")]
    TooLarge {
        /// Its length.
        bytes: usize,
    },
}

/// What a node is in its quorum, for metrics and DescribeQuorum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Nobody is known to lead.
    Unattached,
    /// It stands for election.
    Candidate,
    /// It leads.
    Leader,
    /// Its directory failed: it takes no part any more.
    Resigned,
}
