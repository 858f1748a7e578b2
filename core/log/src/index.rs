//! Sparse indexes of one segment, in memory: of offsets, and of timestamps (KIP-33).
//!
//! Those of the active segment live here and are written when it is rolled or the log is closed; those of older segments are searched on disk.

use odradek_wire::ids::Offset;

use crate::log::recovered::{OffsetEntry, TimeEntry};

/// Bytes of an entry of `.index`: relative offset and position.
pub const OFFSET_ENTRY_BYTES: u32 = 8;
/// Bytes of an entry of `.timeindex`: timestamp and relative offset.
pub const TIME_ENTRY_BYTES: u32 = 12;

/// Both indexes of a segment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Indexes {
    /// Last offset of a batch, position of its start; ascending in both.
    pub offsets: Vec<OffsetEntry>,
    /// The largest timestamp so far, last offset of the batch that has it; ascending in both.
    pub times: Vec<TimeEntry>,
}

impl Indexes {
    /// Adds the entries for a batch that begins at `at`, where the largest timestamp so far is `newest`.
    pub fn push(&mut self, last: Offset, at: u32, newest: Option<TimeEntry>) {
        assert!(
            self.offsets.last().is_none_or(|e| e.last < last && e.at < at),
            "index entry ({last:?}, {at}) after {:?}",
            self.offsets.last()
        );
        self.offsets.push(OffsetEntry { last, at });
        self.push_time(newest);
    }

    /// Adds a time entry if it is newer than the last one, as is also done when a segment becomes inactive.
    pub fn push_time(&mut self, newest: Option<TimeEntry>) {
        if let Some(newest) = newest
            && self.times.last().is_none_or(|e| e.timestamp_ms < newest.timestamp_ms && e.last <= newest.last)
        {
            self.times.push(newest);
        }
    }

    /// True if another entry would not fit into files of `bytes_max`; one time entry is kept free for the end of the segment.
    pub fn is_full(&self, bytes_max: u32) -> bool {
        self.offsets.len() >= (bytes_max / OFFSET_ENTRY_BYTES) as usize || self.times.len() + 1 >= (bytes_max / TIME_ENTRY_BYTES) as usize
    }

    /// A position at or before the batch that holds `offset`: that of the last entry not above it, or the beginning.
    pub fn floor(&self, offset: Offset) -> u32 {
        let after = self.offsets.partition_point(|e| e.last <= offset);
        if after == 0 { 0 } else { self.offsets[after - 1].at }
    }

    /// The last offset known to lie before the first record with this timestamp, if the index knows any.
    pub fn time_floor(&self, timestamp_ms: i64) -> Option<Offset> {
        let after = self.times.partition_point(|e| e.timestamp_ms <= timestamp_ms);
        (after > 0).then(|| self.times[after - 1].last)
    }

    /// Forgets entries at or beyond an offset.
    pub fn cut(&mut self, to: Offset) {
        self.offsets.retain(|e| e.last < to);
        self.times.retain(|e| e.last < to);
    }
}
