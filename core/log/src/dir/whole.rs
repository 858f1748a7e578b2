//! Small files that are written whole: replaced in one step, or made anew.
//!
//! | how | steps |
//! |---|---|
//! | replace | make `NAME.tmp`, write, sync; rename; sync the directory |
//! | anew | make `NAME`, write, sync; sync the directory; if the name is taken: replace |

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

use super::checkpoints::Kind;
use super::ids::OwnerId;
use super::names::Birth;
use crate::disk::{DiskError, DiskErrorKind, FileId, Name};
use crate::output::Token;

/// Which write of a whole file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct WholeId(u64);

/// Who wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Client {
    Owner(OwnerId, Token),
    Checkpoint(Kind),
    /// `synced-marks`, whose handle stays open for what is appended.
    Marks,
    /// `.kafka_cleanshutdown`.
    CleanMark,
}

/// Which of its operations finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Create,
    Write,
    Sync,
    Rename,
    /// A leftover was removed.
    Remove,
}

/// What to do next with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Wait,
    /// Make, write and sync it.
    Make,
    /// Remove what has its name, then make it.
    RemoveLeftover,
    /// Let the handle go and give it its name.
    Rename,
    /// Its name was changed in this life; the directory must be synced.
    Named,
    /// It is over.
    Failed(DiskError),
    /// A sync failed: nothing may be believed.
    SyncFailed(DiskError),
}

/// One file on its way.
#[derive(Clone, Debug)]
pub(super) struct Whole {
    pub(super) client: Client,
    pub(super) name: Name,
    pub(super) bytes: Bytes,
    pub(super) file: FileId,
    /// Written under another name first.
    pub(super) replaces: bool,
    /// Operations that have not finished.
    left: u8,
    failed: Option<(Part, DiskError)>,
    /// Set when it has its name.
    pub(super) birth: Option<Birth>,
}

impl Whole {
    /// The name that is written.
    pub(super) fn working_name(&self) -> Name {
        if self.replaces { self.name.parent().join(&format!("{}.tmp", self.name.file_name())) } else { self.name.clone() }
    }

    /// So many operations were submitted.
    pub(super) fn submitted(&mut self, operations: u8) {
        self.left = operations;
        self.failed = None;
    }

    /// One of them finished.
    pub(super) fn finished(&mut self, part: Part, result: Result<(), DiskError>) -> Next {
        self.left -= 1;
        if let Err(error) = result
            && part != Part::Remove
        {
            // What fails after the first failure fails because of it.
            self.failed.get_or_insert((part, error));
        }
        if self.left > 0 {
            return Next::Wait;
        }
        match (self.failed.take(), part) {
            (Some((Part::Create, error)), _) if error.kind == DiskErrorKind::Exists && self.replaces => Next::RemoveLeftover,
            (Some((Part::Create, error)), _) if error.kind == DiskErrorKind::Exists => {
                self.replaces = true;
                Next::Make
            }
            (Some((Part::Sync, error)), _) => Next::SyncFailed(error),
            (Some((_, error)), _) => Next::Failed(error),
            (None, Part::Remove) => Next::Make,
            (None, Part::Rename) => Next::Named,
            (None, Part::Create | Part::Write | Part::Sync) if self.replaces => Next::Rename,
            (None, Part::Create | Part::Write | Part::Sync) => Next::Named,
        }
    }
}

/// All of them; those of one name one after the other.
#[derive(Clone, Debug, Default)]
pub(super) struct Wholes {
    pub(super) all: BTreeMap<WholeId, Whole>,
    by_name: BTreeMap<Name, VecDeque<WholeId>>,
    /// Those that wait for a directory, by its name.
    pub(super) naming: BTreeMap<Name, Vec<WholeId>>,
    minted: u64,
}

impl Wholes {
    /// Takes one in. Says whether it begins at once.
    pub(super) fn add(&mut self, client: Client, name: Name, bytes: Bytes, file: FileId, replaces: bool) -> (WholeId, bool) {
        self.minted += 1;
        let id = WholeId(self.minted);
        let queue = self.by_name.entry(name.clone()).or_default();
        queue.push_back(id);
        let first = queue.len() == 1;
        self.all.insert(id, Whole { client, name, bytes, file, replaces, left: 0, failed: None, birth: None });
        (id, first)
    }

    /// One is over. Says which begins in its place.
    pub(super) fn end(&mut self, id: WholeId) -> (Whole, Option<WholeId>) {
        let whole = self.all.remove(&id).expect("a file is over once");
        let queue = self.by_name.get_mut(&whole.name).expect("its name is in work");
        assert_eq!(queue.pop_front(), Some(id), "files of one name are written in order");
        let next = queue.front().copied();
        if next.is_none() {
            self.by_name.remove(&whole.name);
        }
        (whole, next)
    }
}
