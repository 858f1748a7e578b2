//! Ids that are never used twice within one life of a node: of operations, of files, and of who asked.

use crate::disk::{DirId, FileId, OpId};

/// Who asks a log directory: a log, the quorum, or the directory itself. Unique within one life of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OwnerId(pub u64);

/// The mint of one log directory. Opening and recovery draw from it first and hand it on to the running directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirIds {
    dir: DirId,
    ops: u64,
    owners: u64,
}

/// The mint of one owner's file handles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileIds {
    owner: OwnerId,
    files: u64,
}

const DIR_BITS: u32 = 8;
const OWNER_BITS: u32 = 28;
const FILE_BITS: u32 = 64 - DIR_BITS - OWNER_BITS;
const OPENING_OPS: u64 = 1 << (64 - DIR_BITS - 1);
const OPENING_OWNERS: u64 = 1 << (OWNER_BITS - 1);

impl DirIds {
    /// The mint of a directory, at the beginning of a life.
    ///
    /// # Panics
    /// If there are more than 256 log directories.
    pub fn new(dir: DirId) -> DirIds {
        assert!(dir.0 < 1 << DIR_BITS, "log directory {} of at most 256", dir.0);
        DirIds { dir, ops: 0, owners: 0 }
    }

    /// The mint of a directory's opening, which runs beside the directory: nothing it gives out is ever given out by the other.
    ///
    /// # Panics
    /// If there are more than 256 log directories.
    pub fn opening(dir: DirId) -> DirIds {
        DirIds { ops: OPENING_OPS, owners: OPENING_OWNERS, ..DirIds::new(dir) }
    }

    /// True if this operation belongs to the opening of its directory.
    pub const fn is_opening(op: OpId) -> bool {
        op.0 & OPENING_OPS != 0
    }

    /// The directory.
    pub const fn dir(&self) -> DirId {
        self.dir
    }

    /// An operation nobody had.
    pub fn op(&mut self) -> OpId {
        self.ops += 1;
        OpId(u64::from(self.dir.0) << (64 - DIR_BITS) | self.ops)
    }

    /// An owner nobody was, with the mint of its files.
    ///
    /// # Panics
    /// After 268 million owners in one life.
    pub fn owner(&mut self) -> FileIds {
        self.owners += 1;
        assert!(self.owners < 1 << OWNER_BITS, "{} owners in one life", self.owners);
        FileIds { owner: OwnerId(u64::from(self.dir.0) << OWNER_BITS | self.owners), files: 0 }
    }
}

/// The log directory that an operation belongs to.
pub const fn dir_of(op: OpId) -> DirId {
    DirId((op.0 >> (64 - DIR_BITS)) as u16)
}

impl FileIds {
    /// The owner.
    pub const fn owner(&self) -> OwnerId {
        self.owner
    }

    /// A handle nobody had.
    ///
    /// # Panics
    /// After 268 million files of one owner in one life.
    pub fn file(&mut self) -> FileId {
        self.files += 1;
        assert!(self.files < 1 << FILE_BITS, "{} files of one owner in one life", self.files);
        FileId(self.owner.0 << FILE_BITS | self.files)
    }
}

impl OwnerId {
    /// The owner of a file handle.
    pub const fn of(file: FileId) -> OwnerId {
        OwnerId(file.0 >> FILE_BITS)
    }
}
