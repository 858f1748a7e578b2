//! Work: pure functions over bytes that the core names, run by the host on any thread and answered by an input.
//!
//! The core itself never loops over payload. A unit of work reads one open file, decides nothing, and returns a value; [`run`] does it. A long scan comes in
//! slices: it returns where it stands, and is handed in again.

mod front;
pub mod scan;
pub mod search;
pub mod survey;
#[cfg(test)]
pub(crate) mod tests;
mod window;

use bytes::Bytes;

use crate::disk::{DiskError, FileId};
use crate::output;
use scan::Scan;

/// Reads the bytes of one open file for a unit of work.
pub trait ReadAt {
    /// The file's length in bytes when the work was submitted.
    fn length(&self) -> u64;
    /// Up to `length` bytes from `at`; fewer only at the end.
    ///
    /// # Errors
    /// What the disk said.
    fn read_at(&mut self, at: u64, length: u64) -> Result<Bytes, DiskError>;
}

/// A pure function over one open file.
#[derive(Clone, Debug)]
pub enum Work {
    /// Find something in a running log.
    Search(output::Work),
    /// Read on in a segment that is being opened or recovered.
    Scan(Box<Scan>),
}

/// What a unit of [`Work`] came to.
#[derive(Clone, Debug)]
pub enum WorkResult {
    /// Of a [`Work::Search`].
    Search(Result<output::WorkDone, DiskError>),
    /// Of a [`Work::Scan`]: where it stands.
    Scan(Result<Box<Scan>, DiskError>),
}

impl Work {
    /// The open file that this reads; what was written before the work was submitted is what it sees.
    pub const fn file(&self) -> FileId {
        match self {
            Work::Search(search) => search.file(),
            Work::Scan(scan) => scan.file,
        }
    }
}

/// Does the work. `file` reads what [`Work::file`] names.
pub fn run(work: Work, file: &mut dyn ReadAt) -> WorkResult {
    match work {
        Work::Search(search) => WorkResult::Search(search::run(search, file)),
        Work::Scan(mut scan) => WorkResult::Scan(scan.slice(file).map(|()| scan)),
    }
}
