//! The log directories of a node, and who in it owns which files: where completions go, and where requests come from.

use odradek_log::dir::ids::{FileIds, OwnerId, dir_of};
use odradek_log::dir::{LogDir, Output as DirOutput, Owner};
use odradek_log::disk::{DirId, DiskResult, OpId};
use odradek_log::output::Token;
use odradek_machine::{Map, Now};
use odradek_quorum::SnapshotId;
use odradek_wire::ids::Uuid;

use crate::io::WorkId;
use crate::partition::PartitionId;

/// Who owns files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    /// The log of a partition.
    Partition(PartitionId),
    /// The metadata log.
    MetadataLog,
    /// The small files of the quorum: `quorum-state`, snapshots.
    Quorum,
    /// A log whose topic is deleted.
    Dying,
    /// What was left of deleted topics at the start.
    Sweep,
}

/// One log directory in service.
#[derive(Debug)]
pub(crate) struct Directory {
    /// Its machine.
    pub(crate) dir: LogDir,
    /// `directory.id`.
    pub(crate) id: Uuid,
    /// Its path as configured.
    pub(crate) path: String,
    /// It is one of `log.dirs`, and not for the metadata log alone.
    pub(crate) holds_partitions: bool,
    /// How many partitions it has.
    pub(crate) partitions: usize,
}

/// Whose a unit of work is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WorkOwner {
    /// A search that a log asked for.
    Log(OwnerId, Token),
    /// A directory that is being opened.
    Opening(DirId, OpId),
    /// A batch that is compressed again for its topic.
    Recompress(PartitionId),
    /// A snapshot of the metadata.
    Snapshot(SnapshotId),
}

/// Log directories, owners and work under way.
#[derive(Debug, Default)]
pub(crate) struct Storage {
    pub(crate) dirs: Vec<Directory>,
    holders: Map<OwnerId, (Holder, DirId)>,
    works: Map<WorkId, WorkOwner>,
    work: u64,
}

impl Storage {
    /// Remembers whose the files of an owner are.
    pub(crate) fn hold(&mut self, owner: OwnerId, holder: Holder, dir: DirId) {
        self.holders.insert(owner, (holder, dir));
    }

    /// An owner whose files are closed or gone.
    pub(crate) fn release(&mut self, owner: OwnerId) {
        self.holders.remove(&owner);
    }

    pub(crate) fn holder(&self, owner: OwnerId) -> Option<(Holder, DirId)> {
        self.holders.get(&owner).copied()
    }

    /// The directory that an operation belongs to: its number is in the id.
    pub(crate) fn completed(&mut self, now: Now, op: OpId, result: DiskResult, out: &mut Vec<DirOutput>) -> Option<DirId> {
        let dir = dir_of(op);
        self.dirs.get_mut(usize::from(dir.0))?.dir.completed(now, op, result, out);
        Some(dir)
    }

    pub(crate) fn dir_mut(&mut self, dir: DirId) -> &mut LogDir {
        &mut self.dirs[usize::from(dir.0)].dir
    }

    /// Takes in an owner of files in a directory.
    pub(crate) fn adopt(&mut self, dir: DirId, owner: Owner) -> FileIds {
        self.dir_mut(dir).adopt(owner, None)
    }

    /// An id for work that nobody had.
    pub(crate) fn begin_work(&mut self, owner: WorkOwner) -> WorkId {
        self.work += 1;
        self.works.insert(WorkId(self.work), owner);
        WorkId(self.work)
    }

    /// Work that is over; `None` if nobody asked for it.
    pub(crate) fn end_work(&mut self, work: WorkId) -> Option<WorkOwner> {
        self.works.remove(&work)
    }

    /// The log directory with this id.
    pub(crate) fn named(&self, id: Uuid) -> Option<DirId> {
        self.log_dirs().find(|d| d.id == id).map(|d| d.dir.id())
    }

    /// The directory for a partition that none is assigned to: the online one with the fewest, other than this one.
    pub(crate) fn emptiest(&self, but: Option<DirId>) -> Option<DirId> {
        let online = self.log_dirs().filter(|d| Some(d.dir.id()) != but && !d.dir.is_out_of_service());
        online.min_by_key(|d| (d.partitions, d.dir.id())).map(|d| d.dir.id())
    }

    /// True if a directory failed as a whole.
    pub(crate) fn is_out_of_service(&self, dir: DirId) -> bool {
        self.dirs[usize::from(dir.0)].dir.is_out_of_service()
    }

    /// The directories of `log.dirs`.
    pub(crate) fn log_dirs(&self) -> impl Iterator<Item = &Directory> {
        self.dirs.iter().filter(|d| d.holds_partitions)
    }

    /// Every directory is in service or said once that it is not.
    pub(crate) fn check(&self) {
        for d in &self.dirs {
            d.dir.check();
        }
    }
}
