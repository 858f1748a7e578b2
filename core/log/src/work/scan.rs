//! The scan of a segment: from a batch to the file's end or to the first batch that cannot be believed.

use odradek_machine::Guards;
use odradek_wire::ids::Offset;

use super::ReadAt;
use crate::disk::{DiskError, FileId};

/// A scan under way: what to do, where it stands, what it found.
#[derive(Clone, Debug)]
pub struct Scan {
    /// The segment's file.
    pub file: FileId,
    /// Base offset of the segment.
    pub base: Offset,
    /// Which guards stand.
    pub guards: Guards,
}

impl Scan {
    /// Reads on, some MiB at the most.
    ///
    /// # Errors
    /// What the disk said.
    pub fn slice(&mut self, file: &mut dyn ReadAt) -> Result<(), DiskError> {
        let _ = file.length();
        Ok(())
    }
}
