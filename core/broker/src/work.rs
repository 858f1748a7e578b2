//! Units of work: pure functions that a host runs on any thread, each over at most one open file.

use odradek_log::disk::{DirId, DiskError, FileId};
use odradek_log::output::{Work as LogWork, WorkDone};
use odradek_log::work::ReadAt;

/// What is to be done.
#[derive(Clone, Debug)]
pub enum Work {
    /// Find something in a segment.
    Search {
        /// In which log directory.
        dir: DirId,
        /// What to find, and in which file.
        what: LogWork,
    },
    /// Read on in a segment while a log directory is opened.
    Open {
        /// In which log directory.
        dir: DirId,
        /// What to do.
        what: odradek_log::work::Work,
    },
}

/// What came of it.
#[derive(Clone, Debug)]
pub enum WorkResult {
    /// Of a [`Work::Search`].
    Found(Result<WorkDone, DiskError>),
    /// Of a [`Work::Open`].
    Opening(odradek_log::work::WorkResult),
}

impl Work {
    /// The open file that this reads; what was written before the work was submitted is what it sees.
    pub const fn file(&self) -> Option<(DirId, FileId)> {
        match self {
            Work::Search { dir, what } => Some((*dir, what.file())),
            Work::Open { dir, what } => Some((*dir, what.file())),
        }
    }

    /// Does it. `file` reads what [`Work::file`] names.
    ///
    /// # Panics
    /// If the host has no such file: the core names only files that it opened.
    pub fn run(self, file: Option<&mut dyn ReadAt>) -> WorkResult {
        let file = file.expect("every work of a node reads an open file");
        match self {
            Work::Open { what, .. } => WorkResult::Opening(odradek_log::work::run(what, file)),
            Work::Search { what, .. } => match odradek_log::work::run(odradek_log::work::Work::Search(what), file) {
                odradek_log::work::WorkResult::Search(found) => WorkResult::Found(found),
                odradek_log::work::WorkResult::Scan(_) => unreachable!("a search is answered by what it found"),
            },
        }
    }
}
