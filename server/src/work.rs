//! Units of work, on helper threads.

use std::fs::File;
use std::sync::Arc;

use bytes::Bytes;
use odradek_broker::io::WorkId;
use odradek_broker::work::Work;
use odradek_log::disk::{DiskError, DiskErrorKind, Name};
use odradek_log::work::ReadAt;

use crate::disk::{Disk, Helpers, Lane, read_up_to};
use crate::host::Back;

/// Hands a unit of work to a helper.
pub fn begin(id: WorkId, work: Work, disk: &Disk, helpers: &Helpers) {
    let file = work.file().map(|(_, file)| disk.handle(file));
    helpers.run_any(
        Lane::Files,
        Box::new(move || {
            let result = match file {
                Some(handle) => work.run(Some(&mut Reader { length: handle.metadata().map_or(0, |m| m.len()), handle })),
                None => work.run(None),
            };
            Back::Work(id, result)
        }),
    );
}

/// An open file, as work reads it.
struct Reader {
    handle: Arc<File>,
    length: u64,
}

impl ReadAt for Reader {
    fn length(&self) -> u64 {
        self.length
    }

    fn read_at(&mut self, at: u64, length: u64) -> Result<Bytes, DiskError> {
        read_up_to(&self.handle, at, length.min(self.length.saturating_sub(at))).map_err(|error| DiskError {
            kind: DiskErrorKind::Io,
            action: "read",
            name: Name::root(),
            says: error.to_string(),
        })
    }
}
