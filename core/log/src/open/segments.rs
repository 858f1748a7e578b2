//! The segments of a log that is being loaded, with what was read of each.

use bytes::Bytes;
use odradek_machine::Guards;
use odradek_wire::batch::{BatchHeader, HEADER_BYTES};
use odradek_wire::ids::Offset;

use super::errands::{Done, Errand};
use super::tidy::{Listing, SegmentFiles};
use crate::disk::{FileId, Name};
use crate::formats::file_name::{FileName, Kind, LEADER_EPOCHS};
use crate::formats::index::{self, OFFSET_ENTRY_BYTES, TIME_ENTRY_BYTES};
use crate::log::recovered::{AbortedTransaction, OffsetEntry, TimeEntry};
use crate::work::scan::{Depth, End, Scan};

/// One segment.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    pub(super) base: Offset,
    pub(super) file: FileId,
    /// Bytes of `.log`; after a scan, those that can be believed.
    pub(super) length: u64,
    pub(super) modified_ms: i64,
    /// The offset after its last batch, if it was scanned.
    pub(super) end: Option<Offset>,
    pub(super) newest: Option<TimeEntry>,
    pub(super) first_timestamp_ms: Option<i64>,
    pub(super) offsets: Option<Vec<OffsetEntry>>,
    /// The last entry of its offset index on disk.
    pub(super) last_entry: Option<OffsetEntry>,
    pub(super) times: Option<Vec<TimeEntry>>,
    pub(super) indexes_on_disk: bool,
    /// Its `.txnindex`.
    pub(super) aborted: Vec<AbortedTransaction>,
    /// The bytes of that file, if it is there.
    pub(super) aborted_on_disk: Option<Bytes>,
    /// An index is missing or cannot be believed.
    damaged: bool,
    files: SegmentFiles,
}

/// The segments of a log, by ascending base.
#[derive(Clone, Debug, Default)]
pub(super) struct Segments {
    pub(super) all: Vec<Segment>,
    asked: Vec<Asked>,
}

/// What an errand of [`Segments::errands`] reads.
#[derive(Clone, Copy, Debug)]
enum Asked {
    Epochs,
    Log(usize),
    Aborted(usize),
    Offsets(usize),
    Times(usize),
}

impl Segments {
    /// The segments that a directory holds.
    pub(super) fn listed(listing: &Listing) -> Segments {
        let segment = |(base, files): (&Offset, &SegmentFiles)| Segment {
            base: *base,
            file: FileId(0),
            length: 0,
            modified_ms: files.log_modified_ms.unwrap_or(-1),
            end: None,
            newest: None,
            first_timestamp_ms: None,
            offsets: None,
            last_entry: None,
            times: None,
            indexes_on_disk: true,
            aborted: Vec::new(),
            aborted_on_disk: None,
            damaged: files.index.is_none() || files.time_index.is_none(),
            files: files.clone(),
        };
        Segments { all: listing.segments.iter().map(segment).collect(), asked: Vec::new() }
    }

    /// What is to be read: every log opened, of the last one both indexes, of the others only their last entries.
    pub(super) fn errands(&mut self, dir: &Name) -> Vec<Errand> {
        let mut errands = vec![Errand::Read(dir.join(LEADER_EPOCHS))];
        self.asked = vec![Asked::Epochs];
        let last = self.all.len().wrapping_sub(1);
        for (i, s) in self.all.iter().enumerate() {
            let name = |kind| dir.join(&FileName::of(kind, s.base));
            let mut ask = |asked, errand| {
                self.asked.push(asked);
                errands.push(errand);
            };
            ask(Asked::Log(i), Errand::Open(name(Kind::Log)));
            if s.files.txn_index.is_some() {
                ask(Asked::Aborted(i), Errand::Read(name(Kind::TxnIndex)));
            }
            if s.damaged {
                continue;
            }
            if i == last {
                ask(Asked::Offsets(i), Errand::Read(name(Kind::Index)));
                ask(Asked::Times(i), Errand::Read(name(Kind::TimeIndex)));
            } else {
                ask(Asked::Offsets(i), Errand::ReadEnd(name(Kind::Index), OFFSET_ENTRY_BYTES as u64));
                ask(Asked::Times(i), Errand::ReadEnd(name(Kind::TimeIndex), TIME_ENTRY_BYTES as u64));
            }
        }
        errands
    }

    /// Takes in what was read. Returns the content of `leader-epoch-checkpoint`.
    pub(super) fn take(&mut self, done: Vec<Done>) -> Option<Bytes> {
        let mut epochs = None;
        let asked = std::mem::take(&mut self.asked);
        for (asked, done) in asked.into_iter().zip(done) {
            match asked {
                Asked::Epochs => epochs = done.content(),
                Asked::Log(i) => (self.all[i].file, self.all[i].length) = done.opened(),
                Asked::Aborted(i) => self.all[i].take_aborted(done.content()),
                Asked::Offsets(i) => self.take_offsets(i, done.content()),
                Asked::Times(i) => self.take_times(i, done.content()),
            }
        }
        epochs
    }

    fn take_offsets(&mut self, i: usize, bytes: Option<Bytes>) {
        let is_last = i + 1 == self.all.len();
        let s = &mut self.all[i];
        let whole = s.files.index.is_some_and(|length| length.is_multiple_of(OFFSET_ENTRY_BYTES as u64));
        match bytes.filter(|_| whole).map(|bytes| index::decode_offsets(s.base, &bytes, s.length)) {
            // The first batch of a segment has no entry: a position of zero is padding.
            Some(Ok(entries)) if entries.last().is_none_or(|e| e.at > 0) => {
                s.last_entry = entries.last().copied();
                s.offsets = is_last.then_some(entries);
            }
            _ => s.damaged = true,
        }
    }

    fn take_times(&mut self, i: usize, bytes: Option<Bytes>) {
        let is_last = i + 1 == self.all.len();
        let s = &mut self.all[i];
        let length = s.files.time_index.unwrap_or(0);
        let whole = length.is_multiple_of(TIME_ENTRY_BYTES as u64);
        match bytes.filter(|_| whole).map(|bytes| index::decode_times(s.base, &bytes)) {
            // Timestamps ascend: only a first entry can have none.
            Some(Ok(entries)) if length <= TIME_ENTRY_BYTES as u64 || entries.last().is_some_and(|e| e.timestamp_ms > 0) => {
                s.newest = entries.last().copied();
                s.times = is_last.then_some(entries);
            }
            _ => s.damaged = true,
        }
    }

    /// Base offsets, ascending.
    pub(super) fn bases(&self) -> Vec<Offset> {
        self.all.iter().map(|s| s.base).collect()
    }

    /// The first segment whose indexes must be built again. After an unclean stop the last one's always are.
    pub(super) fn first_damaged(&self, clean: bool) -> Option<usize> {
        let looked_at = if clean { self.all.len() } else { self.all.len().saturating_sub(1) };
        self.all[..looked_at].iter().position(|s| s.damaged)
    }

    /// The first segment whose time index is empty although its first batch has a timestamp: one that was closed has an entry at least.
    pub(super) fn first_untimed(&self) -> Option<usize> {
        let closed = self.all.len().saturating_sub(1);
        self.all[..closed].iter().position(|s| s.newest.is_none() && s.first_timestamp_ms.is_some_and(|ms| ms >= 0))
    }

    /// Reads the first header of each segment that is neither scanned nor empty.
    pub(super) fn peeks(&mut self, recover_from: Option<usize>) -> Vec<Errand> {
        let until = recover_from.unwrap_or(self.all.len());
        let wanted = self.all[..until].iter().enumerate().filter(|(_, s)| s.length > 0);
        let (asked, errands) = wanted.map(|(i, s)| (Asked::Log(i), Errand::Peek(s.file, 0, HEADER_BYTES as u64))).unzip();
        self.asked = asked;
        errands
    }

    /// Walks the end of each closed segment that is not scanned, from the last entry of its index: it must meet the segment behind.
    pub(super) fn ends(&mut self, from: usize, until: usize, guards: Guards) -> Vec<Errand> {
        let bases = self.bases();
        let walked = (from..until.min(self.all.len().saturating_sub(1))).map(|i| {
            let s = &self.all[i];
            let scan =
                Scan { producers_from: Offset(i64::MAX), until: Some(bases[i + 1]), ..Scan::new(s.file, s.base, Depth::Headers, guards) };
            let scan = scan.from_indexes(s.last_entry.into_iter().collect(), Vec::new());
            (Asked::Log(i), Errand::Scan(Box::new(scan)))
        });
        let (asked, errands) = walked.unzip();
        self.asked = asked;
        errands
    }

    /// Takes in those walks. Returns the first segment that does not meet the one behind.
    pub(super) fn walked(&mut self, done: Vec<Done>) -> Option<usize> {
        let met = |(asked, done): (Asked, Done)| {
            let Asked::Log(i) = asked else { return None };
            let scan = done.scanned();
            (scan.end != Some(End::Whole) || scan.next != self.all[i + 1].base).then_some(i)
        };
        std::mem::take(&mut self.asked).into_iter().zip(done).filter_map(met).min()
    }

    /// Takes in first headers. Returns the first segment that does not begin with a batch, or (where there can be no gaps) with one of another offset.
    pub(super) fn peeked(&mut self, done: Vec<Done>, gapless: bool) -> Option<usize> {
        let mut strange = None;
        for (asked, done) in std::mem::take(&mut self.asked).into_iter().zip(done) {
            if let (Asked::Log(i), Some(bytes)) = (asked, done.content()) {
                match BatchHeader::parse(&bytes) {
                    Ok(header) if header.base_offset == self.all[i].base || !gapless && header.base_offset > self.all[i].base => {
                        self.all[i].first_timestamp_ms = Some(header.max_timestamp_ms);
                    }
                    Ok(_) | Err(_) => strange = strange.or(Some(i)),
                }
            }
        }
        strange
    }
}

impl Segment {
    fn take_aborted(&mut self, bytes: Option<Bytes>) {
        match bytes.as_deref().map_or(Ok(Vec::new()), |bytes| index::decode_aborted(self.base, bytes)) {
            Ok(entries) => self.aborted = entries,
            Err(_) => self.damaged = true,
        }
        self.aborted_on_disk = bytes;
    }

    /// Takes in the walk to the end of a cleanly closed log.
    pub(super) fn tail(&mut self, scan: Scan) {
        self.length = scan.at;
        self.end = Some(scan.next);
        self.newest = scan.newest;
        self.first_timestamp_ms = scan.first_timestamp_ms;
        (self.offsets, self.times) = (Some(scan.offsets), Some(scan.times));
    }

    /// Takes in a scan of the whole segment.
    pub(super) fn rebuilt(&mut self, mut scan: Scan, is_last: bool) {
        if !is_last {
            scan.close_times();
        }
        self.aborted = std::mem::take(&mut scan.aborted);
        self.indexes_on_disk = false;
        self.tail(scan);
    }
}
