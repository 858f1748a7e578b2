//! A log directory: mints the ids of disk operations, brings completions home, and decides when files are synced.
//!
//! Owners (logs, the quorum) ask by [`Request`]; the directory answers with [`Output::ToOwner`], which the node hands to the owner as its
//! [`crate::output::Input`]. One sync covers everything that waits on a file; the next one gathers meanwhile. A sync that fails takes the directory out of
//! service for good.

mod checkpointing;
mod checkpoints;
mod completions;
mod files;
pub mod ids;
mod marking;
mod marks;
mod names;
mod requests;
mod stopping;
#[cfg(test)]
mod tests;
mod whole;
mod writing;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use odradek_machine::{Deadline, Guards, Map, Mono, Note, Notes, Now, guard};
use odradek_wire::ids::{Offset, TopicPartition, Uuid};

use crate::disk::{DirId, DiskAction, DiskError, DiskResult, FileId, Name, OpId};
use crate::formats::synced_marks::SyncedMark;
use crate::open::Root;
use crate::output::{Checkpoint as Entry, Input as OwnerInput, Request, Token};
use checkpoints::{Checkpoint, Kind};
use files::Files;
use ids::{DirIds, FileIds, OwnerId};
use marks::Marks;
use names::{Birth, Names};
use stopping::Stopping;
use whole::{Part, WholeId, Wholes};

/// Whose marks are kept beside those of partitions.
const METADATA_TOPIC: &str = "__cluster_metadata";

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
    /// The mint of its own files.
    own: FileIds,
    guards: Guards,
    state: State,
    owners: BTreeMap<OwnerId, OwnerState>,
    /// What the checkpoints and the marks on disk say of logs that are not open: it stays in them.
    inherited: BTreeMap<TopicPartition, Inherited>,
    /// Which directories of partitions have an owner.
    taken: BTreeMap<Name, OwnerId>,
    /// Who waits until a directory's name is free.
    waiting_for_name: Vec<(Name, OwnerId)>,
    ops: Map<OpId, Purpose>,
    files: Files,
    names: Names,
    wholes: Wholes,
    marks: Marks,
    /// By [`Kind`].
    checkpoints: [Checkpoint; 3],
    stopping: Option<Stopping>,
    /// Owners of a directory that stops which have let go.
    closed_owners: BTreeSet<OwnerId>,
    /// Something may wait for [`LogDir::settle`].
    unsettled: bool,
    counts: Counts,
}

/// | from | to | trigger |
/// |---|---|---|
/// | `Serving` | `OutOfService` | a sync fails, or a mark cannot be written for another reason than a full disk; there is no way back |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Serving,
    OutOfService,
}

/// What the directory has done, for tests and metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Syncs of logs' files.
    pub file_syncs: u64,
    /// Syncs of directories.
    pub directory_syncs: u64,
    /// Syncs of the file of marks.
    pub mark_syncs: u64,
    /// Wants that those syncs of files answered.
    pub wants: u64,
}

/// What is on disk of a log that is not open: not loaded yet, out of service, or not assigned here.
#[derive(Clone, Debug, Default)]
struct Inherited {
    recovery_point: Option<Offset>,
    log_start: Option<Offset>,
    high_watermark: Option<Offset>,
    mark: Option<SyncedMark>,
}

#[derive(Debug)]
struct OwnerState {
    owner: Owner,
    /// What the checkpoints say of it.
    entry: Option<Entry>,
    /// A log start that it asked for and does not yet say itself.
    start_asked: Option<Offset>,
    /// Its directory is being made: what it asks waits, and what others ask below that directory.
    held: Option<VecDeque<(OwnerId, Request)>>,
}

/// What an operation is for.
#[derive(Clone, Debug)]
enum Purpose {
    Owner { owner: OwnerId, token: Token, after: After },
    SyncFile(FileId),
    SyncDirectory(Name, Birth),
    Whole(WholeId, Part),
    MarkAppended,
    MarkSynced,
    Unlock,
    Nothing,
}

/// What the directory notes when an owner's operation succeeded.
#[derive(Clone, Debug)]
enum After {
    Nothing,
    /// A sync of one file, or of a directory that is there.
    Synced,
    Created(FileId),
    /// A write or a truncation of one file.
    Wrote(FileId),
    MadeDirectory(Name),
    Renamed {
        from: Name,
        to: Name,
    },
}

impl LogDir {
    /// A directory whose opening is over; `ids` is the mint that opening drew from.
    pub fn new(now: Now, mut ids: DirIds, config: DirConfig, guards: Guards) -> LogDir {
        let own = ids.owner();
        let every = [config.recovery_point_checkpoint_ms, config.log_start_checkpoint_ms, config.high_watermark_checkpoint_ms];
        LogDir {
            ids,
            own,
            guards,
            state: State::Serving,
            owners: BTreeMap::new(),
            inherited: BTreeMap::new(),
            taken: BTreeMap::new(),
            waiting_for_name: Vec::new(),
            ops: Map::new(),
            files: Files::default(),
            names: Names::default(),
            wholes: Wholes::default(),
            marks: Marks::default(),
            checkpoints: every.map(|ms| Checkpoint::new(now.mono, ms)),
            stopping: None,
            closed_owners: BTreeSet::new(),
            unsettled: false,
            counts: Counts::default(),
        }
    }

    /// What the checkpoints and the marks on disk say: of each log it stays in them until the log itself says something better, or [`LogDir::disown`] finds
    /// that there is nothing of which it could be true.
    pub fn inherit(&mut self, root: &Root) {
        if self.forgets() {
            return;
        }
        let mut entry =
            |partition: &TopicPartition, enter: &dyn Fn(&mut Inherited)| enter(self.inherited.entry(partition.clone()).or_default());
        for found in &root.recovery_points {
            entry(&found.partition, &|e| e.recovery_point = Some(found.offset));
        }
        for found in &root.log_starts {
            entry(&found.partition, &|e| e.log_start = Some(found.offset));
        }
        for found in &root.high_watermarks {
            entry(&found.partition, &|e| e.high_watermark = Some(found.offset));
        }
        for found in &root.marks {
            entry(&found.partition, &|e| e.mark = Some(found.clone()));
        }
    }

    /// Ends the waiting for logs of which nothing can be here: they have no directory, and are not assigned to this one. Of all others, what is known stays, in
    /// this life and every later one.
    pub fn disown(&mut self, may_be_here: impl Fn(&TopicPartition) -> bool) {
        let before = self.inherited.len();
        self.inherited.retain(|partition, _| may_be_here(partition));
        if self.inherited.len() < before {
            for c in &mut self.checkpoints {
                c.dirty = true;
            }
        }
    }

    /// Keeps what is known of a log that is out of service, as a mark of its own: a recovery point alone may be that of an earlier topic of its name.
    pub fn remember(&mut self, partition: TopicPartition, topic_id: Uuid, end: Offset) {
        if self.forgets() {
            return;
        }
        let inherited = self.inherited.entry(partition.clone()).or_default();
        if inherited.mark.as_ref().is_some_and(|m| m.topic_id == Some(topic_id) && m.end >= end) {
            return;
        }
        let start = inherited.log_start.unwrap_or_default();
        inherited.mark = Some(SyncedMark { partition, topic_id: Some(topic_id), segment: Offset(0), length: 0, end, start });
        self.marks.remembering = true;
        self.marks.replace = true;
        self.unsettled = true;
    }

    /// The topic of a log that is out of service is deleted: nothing shall be known of it any more.
    pub fn forget_what_was_known(&mut self, partition: &TopicPartition) {
        if self.inherited.remove(partition).is_some() {
            (self.marks.remembering, self.marks.replace) = (true, true);
            for c in &mut self.checkpoints {
                c.dirty = true;
            }
            self.unsettled = true;
        }
    }

    /// Takes in an owner: one that is new, or one that opening knew (`files` from [`DirIds::owner`]), whose directory is there.
    pub fn adopt(&mut self, owner: Owner, files: Option<FileIds>) -> FileIds {
        if let (Some(known), Owner::Partition(partition)) = (&files, &owner) {
            self.taken.insert(Name::from(partition.to_string().as_str()), known.owner());
        }
        let files = files.unwrap_or_else(|| self.ids.owner());
        self.owners.insert(files.owner(), OwnerState { owner, entry: None, start_asked: None, held: None });
        files
    }

    /// Carries out what an owner asks. Syncs begin with [`LogDir::settle`].
    pub fn request(&mut self, now: Now, owner: OwnerId, request: Request, out: &mut Vec<Output>) {
        self.unsettled = true;
        self.take_request(now, owner, request, out);
    }

    /// A disk operation of this directory finished.
    pub fn completed(&mut self, now: Now, op: OpId, result: DiskResult, out: &mut Vec<Output>) {
        self.unsettled = true;
        self.take_completion(now, op, result, out);
    }

    /// Begins the syncs that were asked for: called by the node at the end of each of its steps, so that one sync covers everything that the step wrote to a
    /// file, and once more after each wake.
    pub fn settle(&mut self, now: Now, out: &mut Vec<Output>) {
        self.unsettled = false;
        if self.state == State::OutOfService {
            return;
        }
        for file in self.files.begin_syncs() {
            self.counts.file_syncs += 1;
            self.submit(Purpose::SyncFile(file), DiskAction::Sync { file }, out);
        }
        if guard!(self.guards, KAFKA_16541, false) {
            // Made names stay where the kernel has them: nobody waits for a directory.
        } else {
            for (name, birth) in self.names.begin_syncs() {
                self.counts.directory_syncs += 1;
                self.submit(Purpose::SyncDirectory(name.clone(), birth), DiskAction::SyncDirectory { name }, out);
            }
        }
        self.write_marks(now, out);
        self.checkpoint_what_is_due(now, out);
    }

    /// Does what is due.
    pub fn wake(&mut self, now: Now, out: &mut Vec<Output>) {
        self.build_checkpoints(now, out);
        self.settle(now, out);
    }

    /// Begins a clean stop: high watermarks, then [`Output::CloseLogs`], then (when every log is closed) checkpoints, mark, lock, [`Output::Stopped`].
    pub fn stop(&mut self, now: Now, broker_epoch: i64, out: &mut Vec<Output>) {
        self.begin_stop(now, broker_epoch, out);
    }

    /// When it wants to be woken next: at once, if it was not settled.
    pub fn deadline(&self) -> Option<Deadline> {
        if self.unsettled {
            return Some(Deadline { at: Mono(0), why: "dir.settle" });
        }
        let checkpoint = self.checkpoints.iter().filter_map(Checkpoint::deadline).min().map(|at| Deadline { at, why: "dir.checkpoint" });
        let marks = self.marks.retry_at.map(|at| Deadline { at, why: "dir.marks" });
        Deadline::earliest(checkpoint, marks).filter(|_| self.state == State::Serving)
    }

    /// Which directory this is.
    pub const fn id(&self) -> DirId {
        self.ids.dir()
    }

    /// True after a failure that leaves unknown what is on disk.
    pub const fn is_out_of_service(&self) -> bool {
        matches!(self.state, State::OutOfService)
    }

    /// What it has done so far.
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// Every invariant that can be seen from inside.
    pub fn check(&self) {
        self.names.check();
        self.files.check();
        for kind in Kind::ALL {
            let c = &self.checkpoints[kind as usize];
            assert!(
                c.asked.is_empty() || !matches!(c.state, checkpoints::State::Idle),
                "{kind:?}: {} wait for a checkpoint that is not written",
                c.asked.len()
            );
        }
    }

    /// True if a power cut cannot take this name away: its directory was synced after it was made (KAFKA-16541).
    fn name_is_durable(&self, dir: &Name, birth: Birth) -> bool {
        guard!(self.guards, KAFKA_16541, self.names.is_durable(dir, birth))
    }

    /// True if nothing is kept of logs that are not open.
    fn forgets(&self) -> bool {
        guard!(self.guards, FORGOTTEN, false)
    }

    fn submit(&mut self, purpose: Purpose, action: DiskAction, out: &mut Vec<Output>) {
        let op = self.ids.op();
        self.ops.insert(op, purpose);
        out.push(Output::Disk { op, action });
    }

    fn tell(&self, owner: OwnerId, token: Token, result: DiskResult, out: &mut Vec<Output>) {
        out.push(Output::ToOwner { owner, input: OwnerInput::Disk { token, result } });
    }

    /// Ends the service of the directory. What was not synced is unknown from here on, and no later sync may be believed.
    fn fall(&mut self, error: DiskError, out: &mut Vec<Output>) {
        if self.state == State::OutOfService {
            return;
        }
        self.state = State::OutOfService;
        out.push(Output::Note(Note::mark("dir.out_of_service").facts(i64::from(self.id().0), 0).says(error.to_string())));
        for &owner in self.owners.keys() {
            out.push(Output::ToOwner { owner, input: OwnerInput::OutOfService });
        }
        let checkpoints = self.checkpoints.iter_mut().flat_map(|c| c.asking.drain(..).chain(c.asked.drain(..)));
        let marks = self.marks.lowering.drain(..).chain(self.marks.lowered.drain(..));
        let waiting: Vec<_> = checkpoints.chain(marks).collect();
        for (owner, token) in waiting {
            self.tell(owner, token, Err(error.clone()), out);
        }
        out.push(Output::OutOfService { error });
    }
}
