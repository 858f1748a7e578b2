//! Group commit: one sync for all that wait on a file; the next one gathers meanwhile.

use std::collections::{BTreeMap, BTreeSet};

use odradek_wire::ids::Offset;

use super::ids::OwnerId;
use super::names::Birth;
use crate::disk::{FileId, Name};

/// The point up to which a file shall be durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Want {
    pub(super) through: Offset,
    pub(super) length: u64,
}

/// One open file that was made here or waits for a sync.
#[derive(Clone, Debug)]
pub(super) struct File {
    pub(super) owner: OwnerId,
    pub(super) dir: Name,
    /// `None` until the file is made.
    pub(super) birth: Option<Birth>,
    /// Gathers for the next sync.
    want: Option<Want>,
    /// Covered by the sync that runs.
    running: Option<Want>,
    /// Synced, and held back until the name is durable and the mark before is.
    pub(super) held: Option<Want>,
    /// It could not be made: what follows on its handle fails and means nothing.
    pub(super) broken: bool,
}

/// Files by handle.
#[derive(Clone, Debug, Default)]
pub(super) struct Files {
    files: BTreeMap<FileId, File>,
    /// Those with a want and without a running sync.
    due: BTreeSet<FileId>,
    /// Those with something held back.
    pub(super) holding: BTreeSet<FileId>,
}

impl Files {
    /// A file that is about to be made in a directory, or (with its birth) one that is there.
    pub(super) fn add(&mut self, file: FileId, owner: OwnerId, dir: Name, birth: Option<Birth>) {
        self.files.insert(file, File { owner, dir, birth, want: None, running: None, held: None, broken: false });
    }

    pub(super) fn get(&self, file: FileId) -> Option<&File> {
        self.files.get(&file)
    }

    pub(super) fn get_mut(&mut self, file: FileId) -> Option<&mut File> {
        self.files.get_mut(&file)
    }

    /// The handle is let go.
    pub(super) fn remove(&mut self, file: FileId) {
        self.files.remove(&file);
        self.due.remove(&file);
        self.holding.remove(&file);
    }

    /// Someone waits for this file.
    pub(super) fn want(&mut self, file: FileId, want: Want) {
        let Some(f) = self.files.get_mut(&file) else { return };
        f.want = Some(want);
        if f.running.is_none() {
            self.due.insert(file);
        }
    }

    /// The files to sync now; each sync is under way from here on, and covers every want so far.
    pub(super) fn begin_syncs(&mut self) -> Vec<FileId> {
        let due: Vec<_> = std::mem::take(&mut self.due).into_iter().collect();
        for file in &due {
            let f = self.files.get_mut(file).expect("a due file is known");
            f.running = f.want.take();
        }
        due
    }

    /// A sync of a file ended well: what it covers is held until it may be told.
    pub(super) fn synced(&mut self, file: FileId) {
        let Some(f) = self.files.get_mut(&file) else { return };
        if let Some(done) = f.running.take() {
            f.held = Some(done);
            self.holding.insert(file);
        }
        if f.want.is_some() {
            self.due.insert(file);
        }
    }

    pub(super) fn check(&self) {
        for file in &self.due {
            let f = self.files.get(file).expect("a due file is known");
            assert!(f.running.is_none(), "{file:?} is due while its sync runs");
        }
    }
}
