//! Units of work: pure functions that a host runs on any thread, each over at most one open file.

use bytes::Bytes;
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
}

/// What came of it.
#[derive(Clone, Debug)]
pub enum WorkResult {
    /// Of a [`Work::Search`].
    Found(Result<WorkDone, DiskError>),
}

impl Work {
    /// The open file that this reads; what was written before the work was submitted is what it sees.
    pub const fn file(&self) -> Option<(DirId, FileId)> {
        match self {
            Work::Search { dir, what } => Some((*dir, what.file())),
        }
    }

    /// Does it. `file` reads what [`Work::file`] names.
    pub fn run(self, file: Option<&mut dyn ReadAt>) -> WorkResult {
        match self {
            Work::Search { .. } => {
                let _: Option<Bytes> = file.and_then(|f| f.read_at(0, 0).ok());
                WorkResult::Found(Ok(WorkDone::Batch(None)))
            }
        }
    }
}
