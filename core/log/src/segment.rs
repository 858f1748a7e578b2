//! One segment of a log: a file of batches with two sparse indexes beside it.

use odradek_wire::ids::Offset;

use crate::disk::{FileId, Name};
use crate::index::Indexes;
use crate::log::recovered::TimeEntry;

/// A segment. The last one of a log is active; the others never change again.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    /// Base offset: its name.
    pub(crate) base: Offset,
    /// Handle of `.log`.
    pub(crate) file: FileId,
    /// The offset after the last batch that was appended.
    pub(crate) end: Offset,
    /// Bytes that were appended.
    pub(crate) length: u64,
    /// Everything below is durable.
    pub(crate) synced: Offset,
    /// A sync was asked for up to here.
    pub(crate) asked: Offset,
    /// Length of the file at `synced`.
    pub(crate) synced_length: u64,
    /// The indexes, while they are in memory.
    pub(crate) indexes: Option<Indexes>,
    /// Where the indexes are on disk.
    pub(crate) index_files: IndexFiles,
    /// Bytes appended since the last index entry.
    pub(crate) bytes_since_entry: u64,
    /// The largest timestamp, and the last offset of the batch that has it.
    pub(crate) newest: Option<TimeEntry>,
    /// Timestamp of its first batch, −1 if that has none; `None` while the segment is empty, or not known.
    pub(crate) first_timestamp_ms: Option<i64>,
    /// Wall clock when it was made, as far as is known; `segment.ms` goes by it where the first batch has no timestamp.
    pub(crate) made_ms: i64,
    /// Wall clock when it was last changed; retention goes by it where no record has a timestamp.
    pub(crate) changed_ms: i64,
    /// What is taken off `segment.ms`.
    pub(crate) jitter_ms: i64,
    /// Nothing may be appended: it was cut, or the file is not ours to extend.
    pub(crate) sealed: bool,
    /// An aborted transaction ended in it, so there is a `.txnindex`.
    pub(crate) has_aborted: bool,
}

/// Where a segment's index files stand.
///
/// | from | to | trigger |
/// |---|---|---|
/// | `Memory` | `Writing` | roll, clean stop |
/// | `Writing` | `OnDisk` | both files are written, synced and in place |
/// | `Writing` | `Memory` | a write failed: the indexes stay in memory, the next clean stop tries again |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IndexFiles {
    /// Not on disk as they should be.
    Memory,
    /// Under way: how many files are missing.
    Writing(u8),
    /// Complete on disk; handles once they were opened.
    OnDisk,
}

impl Segment {
    /// An empty one.
    pub(crate) fn new(base: Offset, file: FileId, wall_ms: i64, jitter_ms: i64) -> Segment {
        Segment {
            base,
            file,
            end: base,
            length: 0,
            synced: base,
            asked: base,
            synced_length: 0,
            indexes: Some(Indexes::default()),
            index_files: IndexFiles::Memory,
            bytes_since_entry: 0,
            newest: None,
            first_timestamp_ms: None,
            made_ms: wall_ms,
            changed_ms: wall_ms,
            jitter_ms,
            sealed: false,
            has_aborted: false,
        }
    }

    /// Takes in a batch that begins at the file's end. Returns its position.
    pub(crate) fn append(&mut self, last: Offset, bytes: u64, timestamp_ms: i64, index_interval_bytes: u32) -> u64 {
        let at = self.length;
        self.note(last, at, bytes, timestamp_ms, index_interval_bytes);
        self.length += bytes;
        self.end = last.next();
        at
    }

    /// Enters a batch into indexes and timestamps, be it appended or read again.
    pub(crate) fn note(&mut self, last: Offset, at: u64, bytes: u64, timestamp_ms: i64, index_interval_bytes: u32) {
        if timestamp_ms > self.newest.map_or(-1, |n| n.timestamp_ms) {
            self.newest = Some(TimeEntry { timestamp_ms, last });
        }
        self.first_timestamp_ms.get_or_insert(timestamp_ms);
        if self.bytes_since_entry > u64::from(index_interval_bytes) {
            let at = u32::try_from(at).expect("a segment is rolled before its length leaves the range of an index position");
            self.indexes.as_mut().expect("the active segment has its indexes in memory").push(last, at, self.newest);
            self.bytes_since_entry = 0;
        }
        self.bytes_since_entry += bytes;
    }

    /// The timestamp by which retention ages it: the largest of its records, or its last change if they have none.
    pub(crate) fn age_ms(&self) -> i64 {
        self.newest.map_or(self.changed_ms, |n| n.timestamp_ms)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The name of one of its files in a log's directory.
    pub(crate) fn name(&self, dir: &Name, extension: &str) -> Name {
        file_name(dir, self.base, extension)
    }
}

/// `NNN.extension`: an offset in twenty digits.
pub(crate) fn file_name(dir: &Name, offset: Offset, extension: &str) -> Name {
    dir.join(&format!("{:020}.{extension}", offset.0))
}
