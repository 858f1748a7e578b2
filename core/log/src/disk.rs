//! The conversation with a disk: operations, each with an id and exactly one completion.
//!
//! What the host promises, and all that it promises:
//! * operations on one file (an open handle) apply and complete in the order of submission; **everything else may be carried out in any order, or at once**;
//! * a sync covers what was submitted on that file before it; between files nothing is ordered except by waiting for a completion;
//! * a created, renamed or removed name is durable after a [`DiskAction::SyncDirectory`] of its directory that was submitted after the completion of that operation;
//! * a write either completes whole or fails; after a failure any part of it may be in the file;
//! * a sync that fails leaves unknown what was not yet synced, and must never be retried and believed.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

/// Which disk operation a completion belongs to. Chosen by the core, never reused within one life of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OpId(pub u64);

/// A file handle, chosen by the core in [`DiskAction::Create`] or [`DiskAction::Open`], never reused within one life of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub u64);

/// A configured log directory (an entry of `log.dirs`), by its place in the configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DirId(pub u16);

/// A name within one log directory, with `/` between parts and no leading one; the empty name is the directory itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(pub Arc<str>);

impl Name {
    /// The root of the log directory.
    pub fn root() -> Name {
        Name(Arc::from(""))
    }

    /// A name below this one.
    #[must_use]
    pub fn join(&self, part: &str) -> Name {
        if self.0.is_empty() { Name(Arc::from(part)) } else { Name(Arc::from(format!("{}/{part}", self.0))) }
    }

    /// The directory that holds this name; the root is its own.
    #[must_use]
    pub fn parent(&self) -> Name {
        Name(Arc::from(self.0.rsplit_once('/').map_or("", |(dir, _)| dir)))
    }

    /// The last part.
    pub fn file_name(&self) -> &str {
        self.0.rsplit_once('/').map_or(&self.0, |(_, name)| name)
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Name {
        Name(Arc::from(text))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One operation on one log directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DiskAction {
    /// Makes a new file for reading and writing, `length` bytes of zeros long; fails with [`DiskErrorKind::Exists`] if the name is taken.
    Create {
        /// The handle that later operations use.
        file: FileId,
        /// Where.
        name: Name,
        /// Length in bytes; beyond what is written the file is sparse.
        length: u64,
    },
    /// Opens a file that is there, for reading and writing; completes with its length.
    Open {
        /// The handle that later operations use.
        file: FileId,
        /// Which.
        name: Name,
    },
    /// Lets a handle go. What was written stays, synced or not.
    Close {
        /// The handle, not used again.
        file: FileId,
    },
    /// Writes all parts one after the other, beginning at `at`.
    Write {
        /// Into which file.
        file: FileId,
        /// Position of the first byte.
        at: u64,
        /// The bytes, in order.
        parts: Vec<Bytes>,
    },
    /// Reads up to `length` bytes from `at`; fewer only at the end of the file.
    Read {
        /// From which file.
        file: FileId,
        /// Position of the first byte.
        at: u64,
        /// How many bytes at the most.
        length: u64,
    },
    /// Makes durable what was submitted on this file before.
    Sync {
        /// Which file.
        file: FileId,
    },
    /// Cuts a file, or lengthens it with zeros.
    Truncate {
        /// Which file.
        file: FileId,
        /// Its new length in bytes.
        length: u64,
    },
    /// Gives a file or directory a new name, replacing a file of that name in one step.
    Rename {
        /// The old name.
        from: Name,
        /// The new name.
        to: Name,
    },
    /// Removes a file, or an empty directory.
    Remove {
        /// Which.
        name: Name,
    },
    /// Makes a directory; fails with [`DiskErrorKind::Exists`] if the name is taken. The root of a log directory is made with all that it lies in, durably.
    MakeDirectory {
        /// Where.
        name: Name,
    },
    /// Makes the entries of a directory durable.
    SyncDirectory {
        /// Which.
        name: Name,
    },
    /// Lists the entries of a directory, in no order.
    List {
        /// Which.
        name: Name,
    },
    /// The bytes free for this node on the file system of the log directory.
    FreeSpace,
    /// Takes the exclusive lock of the directory, as Apache Kafka does with `.lock` (a POSIX record lock); fails with [`DiskErrorKind::Locked`], and with
    /// [`DiskErrorKind::NotFound`] where there is no such directory.
    Lock {
        /// The lock file, made if absent.
        name: Name,
    },
    /// Gives the lock back and removes the file.
    Unlock {
        /// The lock file.
        name: Name,
    },
}

/// What an operation completed with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DiskDone {
    /// Done; nothing more to say.
    Done,
    /// A file was opened and is this long.
    Opened {
        /// Length in bytes.
        length: u64,
    },
    /// What was read.
    Read(Bytes),
    /// What a directory holds.
    Listed(Vec<Entry>),
    /// Free bytes.
    Free(u64),
}

/// One entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// The last part of its name.
    pub name: String,
    /// True for a directory.
    pub directory: bool,
    /// Length in bytes; zero for a directory.
    pub length: u64,
    /// Time of last change in wall-clock milliseconds; segments whose records carry no timestamp are aged by it.
    pub modified_ms: i64,
}

/// Why an operation failed, as far as a decision may depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DiskErrorKind {
    /// No such file or directory.
    NotFound,
    /// The name is taken.
    Exists,
    /// No space, or a quota was met.
    Full,
    /// Another process holds the lock.
    Locked,
    /// Permission denied, or the file system is read-only.
    Denied,
    /// The device failed, or anything else.
    Io,
}

/// A failed operation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{action} {name}: {says}")]
pub struct DiskError {
    /// As far as a decision may depend on it.
    pub kind: DiskErrorKind,
    /// The operation, in one word.
    pub action: &'static str,
    /// The file or directory.
    pub name: Name,
    /// What the system said.
    pub says: String,
}

/// The outcome of one operation.
pub type DiskResult = Result<DiskDone, DiskError>;

impl DiskAction {
    /// The operation in one word, for errors and traces.
    pub const fn verb(&self) -> &'static str {
        match self {
            DiskAction::Create { .. } => "create",
            DiskAction::Open { .. } => "open",
            DiskAction::Close { .. } => "close",
            DiskAction::Write { .. } => "write",
            DiskAction::Read { .. } => "read",
            DiskAction::Sync { .. } => "sync",
            DiskAction::Truncate { .. } => "truncate",
            DiskAction::Rename { .. } => "rename",
            DiskAction::Remove { .. } => "remove",
            DiskAction::MakeDirectory { .. } => "mkdir",
            DiskAction::SyncDirectory { .. } => "syncdir",
            DiskAction::List { .. } => "list",
            DiskAction::FreeSpace => "free",
            DiskAction::Lock { .. } => "lock",
            DiskAction::Unlock { .. } => "unlock",
        }
    }

    /// The open file that orders this operation, if there is one.
    pub const fn file(&self) -> Option<FileId> {
        match self {
            DiskAction::Create { file, .. }
            | DiskAction::Open { file, .. }
            | DiskAction::Close { file }
            | DiskAction::Write { file, .. }
            | DiskAction::Read { file, .. }
            | DiskAction::Sync { file }
            | DiskAction::Truncate { file, .. } => Some(*file),
            _ => None,
        }
    }
}

/// Bytes of a log file that a response points at: sent by the host without passing through the core.
///
/// The bytes in the range are never overwritten and never cut while a connection holds it; a file that is closed or removed stays readable
/// through the ranges that were handed out before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileRange {
    /// Which log directory.
    pub dir: DirId,
    /// Which file.
    pub file: FileId,
    /// Position of the first byte.
    pub at: u64,
    /// How many bytes.
    pub length: u64,
}

impl odradek_wire::scatter::RangeLength for FileRange {
    fn length(&self) -> u64 {
        self.length
    }
}
