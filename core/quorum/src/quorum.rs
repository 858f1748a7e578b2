//! The quorum's machine.

use bytes::Bytes;
use odradek_cluster::record::MetadataRecord;
use odradek_machine::{Deadline, Note, Now, Seed};
use odradek_wire::ids::{LeaderEpoch, NodeId, Offset, Uuid};

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
    /// The newest snapshot at or above the log's start, and its content.
    pub snapshot: Option<(SnapshotId, Bytes)>,
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
    /// This node is not among the voters.
    #[error("node {node} is not among the voters of the metadata quorum ({voters})")]
    NotAVoter {
        /// This node.
        node: i32,
        /// Who votes.
        voters: String,
    },
}

/// What the host tells a [`Quorum`].
#[derive(Clone, Debug)]
pub enum Input {
    /// The last [`Output::StoreState`] is durable.
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

/// What a [`Quorum`] asks of its host.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Replace `quorum-state` in one step (temporary file, sync, rename, sync of the directory), then say [`Input::StateStored`].
    StoreState {
        /// Its content.
        content: Bytes,
    },
    /// Append this batch to the metadata log; offsets and epoch are inside. Durability is reported by [`Input::Synced`].
    Append {
        /// The batch.
        batch: Bytes,
        /// Its first offset, which is the log's end.
        base: Offset,
        /// The offset after its last.
        end: Offset,
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
    /// A snapshot of the committed image is due: encode it ([`crate::snapshot::encode`]) and hand it to [`Quorum::store_snapshot`].
    SnapshotDue {
        /// Its id: the image must be the one of exactly this offset.
        id: SnapshotId,
        /// The time of the last record that it contains.
        last_contained_ms: i64,
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
    /// A snapshot may go: a newer one is durable.
    RemoveSnapshot {
        /// Which.
        id: SnapshotId,
    },
    /// Something worth knowing.
    Note(Note),
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
    /// This node does not lead.
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
}

/// The metadata quorum of one node (KIP-595).
pub struct Quorum {
    config: QuorumConfig,
    seed: Seed,
    epoch: LeaderEpoch,
    log_end: Offset,
    high_watermark: Option<Offset>,
}

impl Quorum {
    /// The quorum of a directory, before its log was read.
    ///
    /// # Errors
    /// If the directory cannot be gone on from.
    pub fn open(config: QuorumConfig, seed: Seed, found: Found, out: &mut Vec<Output>) -> Result<Quorum, OpenError> {
        let _ = out;
        Ok(Quorum { config, seed, epoch: found.last_epoch.unwrap_or_default(), log_end: found.log_end, high_watermark: None })
    }

    /// Where [`Quorum::load`] begins: the end of the snapshot, or the log's start.
    pub fn load_from(&self) -> Offset {
        Offset(0)
    }

    /// Takes the next whole batches of the log, from [`Quorum::load_from`] to the log's end; they come out again when they are committed.
    ///
    /// # Errors
    /// If a batch is damaged: the log was scanned before, so this is damage since.
    pub fn load(&mut self, batches: Bytes) -> Result<(), OpenError> {
        let _ = batches;
        Ok(())
    }

    /// The log was read whole: takes part in the quorum from now on.
    pub fn start(&mut self, now: Now, out: &mut Vec<Output>) {
        let _ = (now, out, &self.config, self.seed);
    }

    /// Everything that happens later.
    pub fn step(&mut self, now: Now, input: Input, out: &mut Vec<Output>) {
        let _ = (now, input, out);
    }

    /// Appends records as one atomic batch.
    ///
    /// # Errors
    /// If nothing was appended, why.
    pub fn append(&mut self, now: Now, records: &[MetadataRecord], out: &mut Vec<Output>) -> Result<Appended, Refused> {
        let _ = (now, records, out);
        Err(Refused::NotLeader)
    }

    /// A snapshot that was due is encoded.
    pub fn store_snapshot(&mut self, id: SnapshotId, content: Bytes, out: &mut Vec<Output>) {
        out.push(Output::StoreSnapshot { id, content });
    }

    /// When it wants to be woken.
    pub fn deadline(&self) -> Option<Deadline> {
        None
    }

    /// Every invariant that can be seen from inside.
    pub fn check(&self) {
        assert!(self.high_watermark.is_none_or(|hw| hw <= self.log_end), "committed beyond the log's end");
    }

    /// What this node is.
    pub const fn role(&self) -> Role {
        Role::Unattached
    }

    /// The term.
    pub const fn epoch(&self) -> LeaderEpoch {
        self.epoch
    }

    /// The leader of the term, if known.
    pub const fn leader(&self) -> Option<NodeId> {
        None
    }

    /// The offset that the next record would get.
    pub const fn log_end(&self) -> Offset {
        self.log_end
    }

    /// Everything below is committed; `None` until a leader said so in this life.
    pub const fn high_watermark(&self) -> Option<Offset> {
        self.high_watermark
    }
}
