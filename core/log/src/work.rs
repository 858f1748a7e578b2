//! Work: pure functions over bytes that the core names, run by the host on any thread and answered by an input.
//!
//! The core itself never loops over payload. A unit of work reads a file (or bytes in hand), decides nothing, and returns a value.

use bytes::Bytes;

use crate::disk::DiskError;

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
