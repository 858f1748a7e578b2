//! A log directory: mints the ids of disk operations, brings completions home, and decides when files are synced.
//!
//! Owners (logs, the quorum) ask by [`Request`]; the directory answers with [`Output::ToOwner`], which the node hands to the owner as its
//! [`crate::output::Input`]. One sync covers everything that waits on a file; the next one gathers meanwhile. A sync that fails takes the directory out of
//! service for good.

pub mod ids;

use odradek_machine::{Deadline, Guards, Note, Notes, Now};
use odradek_wire::ids::TopicPartition;

use crate::disk::{DirId, DiskAction, DiskError, DiskResult, OpId};
use crate::output::{Input as OwnerInput, Request};
use ids::{DirIds, FileIds, OwnerId};

/// How often a log directory rewrites its checkpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DirConfig {
    /// `log.flush.offset.checkpoint.interval.ms`.
    pub recovery_point_checkpoint_ms: u64,
    /// `log.flush.start.offset.checkpoint.interval.ms`.
    pub log_start_checkpoint_ms: u64,
    /// `replica.high.watermark.checkpoint.interval.ms`.
    pub high_watermark_checkpoint_ms: u64,
}

impl Default for DirConfig {
    /// Kafka's defaults.
    fn default() -> Self {
        DirConfig { recovery_point_checkpoint_ms: 60_000, log_start_checkpoint_ms: 60_000, high_watermark_checkpoint_ms: 5_000 }
    }
}

/// What an owner is, as far as the directory treats it differently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// A partition's log: its checkpoint entries are kept under this name, and a clean stop waits for it.
    Partition(TopicPartition),
    /// The metadata log or the quorum's files: in no checkpoint, and at work until after the clean-shutdown mark.
    Metadata,
}

/// What a log directory asks for and says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// A disk operation on this directory.
    Disk {
        /// Its id.
        op: OpId,
        /// What to do.
        action: DiskAction,
    },
    /// For an owner: its `step` must be called with this.
    ToOwner {
        /// Whose.
        owner: OwnerId,
        /// What it is told.
        input: OwnerInput,
    },
    /// A clean stop is under way and the high watermarks are on disk: every log of a partition shall be closed.
    CloseLogs,
    /// The clean stop is over: the mark was written if `clean`, the lock is given back. The metadata log may be closed after this.
    Stopped {
        /// True if the clean-shutdown mark was written.
        clean: bool,
    },
    /// The directory is out of service. Said once; every owner is told as well.
    OutOfService {
        /// Why.
        error: DiskError,
    },
    /// Something worth knowing that changes nothing.
    Note(Note),
}

/// Lets an outbox take notes.
pub struct NotesOf<'a>(pub &'a mut Vec<Output>);

impl Notes for NotesOf<'_> {
    fn note(&mut self, note: Note) {
        self.0.push(Output::Note(note));
    }
}

/// A log directory in service.
#[derive(Debug)]
pub struct LogDir {
    ids: DirIds,
    config: DirConfig,
    guards: Guards,
}

impl LogDir {
    /// A directory whose opening is over; `ids` is the mint that opening drew from.
    pub fn new(now: Now, ids: DirIds, config: DirConfig, guards: Guards) -> LogDir {
        let _ = now;
        LogDir { ids, config, guards }
    }

    /// Takes in an owner that opening did not know, or that it did (`files` from [`DirIds::owner`]).
    pub fn adopt(&mut self, owner: Owner, files: Option<FileIds>) -> FileIds {
        let _ = owner;
        files.unwrap_or_else(|| self.ids.owner())
    }

    /// Carries out what an owner asks.
    pub fn request(&mut self, now: Now, owner: OwnerId, request: Request, out: &mut Vec<Output>) {
        let _ = (now, owner, request, out, self.config, self.guards);
    }

    /// A disk operation of this directory finished.
    pub fn completed(&mut self, now: Now, op: OpId, result: DiskResult, out: &mut Vec<Output>) {
        let _ = (now, op, result, out);
    }

    /// Does what is due.
    pub fn wake(&mut self, now: Now, out: &mut Vec<Output>) {
        let _ = (now, out);
    }

    /// Begins a clean stop: high watermarks, then [`Output::CloseLogs`], then (when every log is closed) checkpoints, mark, lock, [`Output::Stopped`].
    pub fn stop(&mut self, now: Now, broker_epoch: i64, out: &mut Vec<Output>) {
        let _ = (now, broker_epoch, out);
    }

    /// When it wants to be woken next.
    pub fn deadline(&self) -> Option<Deadline> {
        None
    }

    /// Which directory this is.
    pub const fn id(&self) -> DirId {
        self.ids.dir()
    }

    /// True after a failure that leaves unknown what is on disk.
    pub const fn is_out_of_service(&self) -> bool {
        false
    }

    /// Every invariant that can be seen from inside.
    pub fn check(&self) {}
}
