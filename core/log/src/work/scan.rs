//! The scan of a segment: from a batch to the file's end, or to the first batch that cannot be believed.
//!
//! Along the way it builds what a log wants to know of the segment: indexes, epochs, producer state, aborted transactions. What a batch that cannot be believed
//! means (a torn tail, damage) is for [`crate::open`] to say, which knows how far the log was synced.

use std::fmt;

use odradek_machine::Guards;
use odradek_wire::batch::{BatchError, BatchHeader, HEADER_BYTES};
use odradek_wire::ids::Offset;

use super::ReadAt;
use super::front::{self, Front};
use super::window::{HEADERS_BYTES, PAYLOAD_BYTES, Window};
use crate::disk::{DiskError, FileId};
use crate::epochs::EpochStart;
use crate::log::incoming::{Incoming, Origin};
use crate::log::recovered::{AbortedTransaction, OffsetEntry, TimeEntry};
use crate::producers::{Producers, Verdict};

/// A slice ends with the batch at which it has read so much.
pub const SLICE_BYTES: u64 = 8 << 20;

/// How closely batches are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Lengths, counts and offsets: of what a clean stop vouches for.
    Headers,
    /// Checksums too.
    Checksums,
}

/// Why a batch cannot be believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The file ends before the batch does.
    #[error("{have} bytes of a batch of {need}")]
    Incomplete {
        /// Bytes up to the file's end.
        have: u64,
        /// Bytes of the batch, or of a header.
        need: u64,
    },
    /// Length, format, counts or checksum.
    #[error("{0}")]
    Batch(BatchError),
    /// It is whole by its own length and checksum, and of a form that is not served here.
    #[error("{0}")]
    Unserved(String),
    /// Its offsets do not follow.
    #[error("base offset {} with last offset delta {last_offset_delta}, where {} is next", base.0, next.0)]
    Offsets {
        /// Its first offset.
        base: Offset,
        /// Its last offset, relative.
        last_offset_delta: i32,
        /// The least that its first offset can be.
        next: Offset,
    },
    /// An index sent the scan to a position where another batch begins, or none.
    #[error("the index has the batch with last offset {} here", expected.0)]
    Index {
        /// What should be here.
        expected: Offset,
    },
}

/// How a scan ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// At the end of the file, or where it was told to.
    Whole,
    /// At [`Scan::at`], where this is wrong.
    Fault(Fault),
}

/// A scan under way: what to do, where it stands, what it found. Made by [`Scan::new`], run as work until [`Scan::end`] says something.
#[derive(Clone)]
pub struct Scan {
    /// The segment's file.
    pub file: FileId,
    /// Base offset of the segment.
    pub base: Offset,
    /// How closely batches are looked at.
    pub depth: Depth,
    /// `index.interval.bytes`.
    pub index_interval_bytes: u32,
    /// Batches below are known to the producer state already.
    pub producers_from: Offset,
    /// Which guards stand.
    pub guards: Guards,
    /// What the index says of the batch at which the scan begins: its last offset.
    pub expected_last: Option<Offset>,
    /// The base of the segment behind, which no offset of this one reaches.
    pub until: Option<Offset>,
    /// Where a mark was set: at this byte the next offset is this one.
    pub marked: Option<(u64, Offset)>,
    /// Where the next batch begins: after the end, the length of what can be believed.
    pub at: u64,
    /// The offset after the last batch; the least that the next one may have.
    pub next: Offset,
    /// How it ended; `None` while there is more to read.
    pub end: Option<End>,
    /// Bytes since the last index entry.
    pub bytes_since_entry: u64,
    /// Entries of the offset index.
    pub offsets: Vec<OffsetEntry>,
    /// Entries of the time index.
    pub times: Vec<TimeEntry>,
    /// The largest timestamp so far, and the last offset of the batch that has it.
    pub newest: Option<TimeEntry>,
    /// The largest timestamp of the segment's first batch.
    pub first_timestamp_ms: Option<i64>,
    /// Epochs above those before, each where it began.
    pub epochs: Vec<EpochStart>,
    /// Transactions whose abort marker lies in what was scanned.
    pub aborted: Vec<AbortedTransaction>,
    /// Producer state: as it was given, with every batch that was scanned.
    pub producers: Producers,
    /// Batches that were scanned.
    pub batches: u64,
    /// After a checksum that does not fit: the first offset of a whole batch right behind, which a write that was torn may leave, and one that was synced
    /// in order cannot.
    pub followed_by: Option<Offset>,
}

impl Scan {
    /// A scan of a whole segment. `next` is the end of the segment before.
    pub fn new(file: FileId, base: Offset, depth: Depth, guards: Guards) -> Scan {
        Scan {
            file,
            base,
            depth,
            index_interval_bytes: 4096,
            producers_from: base,
            guards,
            expected_last: None,
            until: None,
            marked: None,
            at: 0,
            next: base,
            end: None,
            bytes_since_entry: 0,
            offsets: Vec::new(),
            times: Vec::new(),
            newest: None,
            first_timestamp_ms: None,
            epochs: Vec::new(),
            aborted: Vec::new(),
            producers: Producers::default(),
            batches: 0,
            followed_by: None,
        }
    }

    /// The same scan, begun at the last entries of indexes that can be believed.
    #[must_use]
    pub fn from_indexes(mut self, offsets: Vec<OffsetEntry>, times: Vec<TimeEntry>) -> Scan {
        if let Some(last) = offsets.last() {
            self.at = u64::from(last.at);
            self.expected_last = Some(last.last);
        }
        self.newest = times.last().copied();
        (self.offsets, self.times) = (offsets, times);
        self
    }

    /// Reads on, some MiB at the most.
    ///
    /// # Errors
    /// What the disk said; the scan stands where it stood before the slice or further.
    pub fn slice(&mut self, file: &mut dyn ReadAt) -> Result<(), DiskError> {
        let ahead = if self.depth == Depth::Checksums { PAYLOAD_BYTES } else { HEADERS_BYTES };
        let mut window = Window::new(file, u64::MAX, ahead);
        if self.at > 0 && self.first_timestamp_ms.is_none() {
            self.peek_first(&mut window)?;
        }
        while self.end.is_none() && window.read < SLICE_BYTES {
            match front::look(&mut window, self.at)? {
                Front::End => self.end = Some(End::Whole),
                Front::Fault(fault) => {
                    let unserved = front::unserved(&fault, self.at, &mut window)?;
                    self.end = Some(End::Fault(unserved.map_or(fault, Fault::Unserved)));
                }
                Front::Batch(header) => match self.judge(&header, &mut window)? {
                    Some(fault) => {
                        self.followed_by = self.behind(&header, &mut window)?;
                        self.end = Some(End::Fault(fault));
                    }
                    None => {
                        let batch = front::for_replay(&header, self.at, &mut window)?;
                        self.take(&batch);
                    }
                },
            }
        }
        Ok(())
    }

    /// The bytes of the time index's last entry, which a closed segment has even if no interval was over.
    pub fn close_times(&mut self) {
        if let Some(newest) = self.newest
            && self.times.last().is_none_or(|t| t.timestamp_ms < newest.timestamp_ms && t.last <= newest.last)
        {
            self.times.push(newest);
        }
    }

    /// Why this batch cannot be believed, if so.
    fn judge(&self, header: &BatchHeader, window: &mut Window<'_>) -> Result<Option<Fault>, DiskError> {
        if let Some(expected) = self.expected_last
            && header.last_offset() != expected
        {
            return Ok(Some(Fault::Index { expected }));
        }
        let place = (self.base, self.next);
        let parts = self.parts_from_what_is_known(header);
        if self.depth == Depth::Checksums || parts.is_some() || front::fits(header, self.base, self.next).is_err() {
            let fault = front::judge(header, self.at, place, self.guards, window)?.or(parts);
            if fault.is_some() {
                return Ok(fault);
            }
        }
        let BatchHeader { base_offset: base, last_offset_delta, .. } = *header;
        let overtaken = front::is_overtaken(header, self.at, place, self.guards, window)?;
        Ok(overtaken.then_some(Fault::Offsets { base, last_offset_delta, next: self.next }))
    }

    /// The offset of a batch lies outside its checksum: it is held to the mark and to the segment behind.
    fn parts_from_what_is_known(&self, header: &BatchHeader) -> Option<Fault> {
        let end = self.at + header.size_bytes() as u64;
        let is_beyond = self.until.is_some_and(|until| header.last_offset() >= until);
        let is_marked_otherwise = self.marked.is_some_and(|(at, next)| at == end && header.next_offset() != next);
        let BatchHeader { base_offset: base, last_offset_delta, .. } = *header;
        (is_beyond || is_marked_otherwise).then_some(Fault::Offsets { base, last_offset_delta, next: self.next })
    }

    /// The first offset of a whole batch behind one that is not believed.
    fn behind(&self, header: &BatchHeader, window: &mut Window<'_>) -> Result<Option<Offset>, DiskError> {
        let at = self.at + header.size_bytes() as u64;
        let Front::Batch(behind) = front::look(window, at)? else { return Ok(None) };
        let whole = front::fits(&behind, self.base, self.next).is_ok() && front::checksum(&behind, at, window)? == behind.crc;
        Ok(whole.then_some(behind.base_offset))
    }

    /// Takes in a batch that is believed.
    fn take(&mut self, batch: &Incoming) {
        let last = batch.base.plus(i64::from(batch.last_offset_delta));
        let timestamp_ms = batch.max_timestamp_ms();
        if timestamp_ms > self.newest.map_or(-1, |n| n.timestamp_ms) {
            self.newest = Some(TimeEntry { timestamp_ms, last });
        }
        self.first_timestamp_ms.get_or_insert(timestamp_ms);
        // The batch of the entry with which the scan began is in the index.
        if self.expected_last.take().is_none() && self.bytes_since_entry > u64::from(self.index_interval_bytes) {
            self.index(last);
        }
        if batch.epoch.0 >= 0 && self.epochs.last().is_none_or(|e| e.epoch < batch.epoch) {
            self.epochs.push(EpochStart { epoch: batch.epoch, start: batch.base });
        }
        if batch.base >= self.producers_from {
            self.replay(batch);
        }
        self.bytes_since_entry += batch.bytes;
        self.at += batch.bytes;
        self.next = last.next();
        self.batches += 1;
        assert!(self.next > batch.base, "a batch at {:?} ends at {:?}", batch.base, self.next);
    }

    /// Adds the index entries of a batch that begins here. A position beyond the range of an index gets none: no log of ours or Kafka's is that long.
    fn index(&mut self, last: Offset) {
        if let Ok(at) = i32::try_from(self.at) {
            self.offsets.push(OffsetEntry { last, at: at.unsigned_abs() });
            self.close_times();
            self.bytes_since_entry = 0;
        }
    }

    fn replay(&mut self, batch: &Incoming) {
        let Ok(Verdict::Fresh(update)) = self.producers.judge(batch, Origin::Replication) else { return };
        let completed = self.producers.accept(update, batch.base, batch.max_timestamp_ms());
        if let Some(c) = completed.filter(|c| !c.committed) {
            self.aborted.push(AbortedTransaction {
                segment: self.base,
                producer: c.producer,
                first: c.first,
                last: c.last,
                last_stable: c.last_stable,
            });
        }
    }

    fn peek_first(&mut self, window: &mut Window<'_>) -> Result<(), DiskError> {
        if let Front::Batch(header) = front::look(window, 0)? {
            self.first_timestamp_ms = Some(header.max_timestamp_ms);
        }
        Ok(())
    }
}

impl fmt::Debug for Scan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Scan { file, base, depth, at, next, end, batches, .. } = self;
        write!(f, "Scan {{ {file:?}, {base:?}, {depth:?}, at: {at}, next: {next:?}, batches: {batches}, end: {end:?} }}")
    }
}

const _: () = assert!(HEADERS_BYTES > HEADER_BYTES as u64, "a window holds a header");
