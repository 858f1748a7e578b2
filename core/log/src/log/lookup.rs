//! Questions that go to the disk: positions in old segments, and records by timestamp.
//!
//! | stage | what is under way |
//! |---|---|
//! | `OpenTimes`, `Times` | the time index of a closed segment is opened, searched |
//! | `OpenOffsets`, `Offsets` | its offset index is opened, searched |
//! | `Scan` | batches are walked from the position that the index gave |
//! | `Rebuild` | the index led astray, or cannot be read: the headers of all batches are read for another one, and the question begins anew |
//!
//! A segment whose indexes are in memory begins with `Scan`. Where the headers lead nowhere, they are read once more, since a disk may err once; then the log
//! is damaged, and goes out of service.

use odradek_machine::Note;
use odradek_wire::batch::NO_TIMESTAMP;
use odradek_wire::ids::Offset;

use super::positions::At;
use super::{Log, Pending, ReadError, TimestampFound};
use crate::disk::{DiskAction, DiskError, DiskErrorKind, FileId};
use crate::index::Indexes;
use crate::log::incoming::Incoming;
use crate::open::Damage;
use crate::output::{Answer, BatchAt, LookupId, Output, RecordAt, Work, WorkDone};
use crate::segment::{IndexFiles, Segment, file_name};

/// Headers of one unit of work, where an index is built again.
const HEADERS_MOST: u32 = 4096;

/// A question under way.
#[derive(Clone, Debug)]
pub(super) struct Lookup {
    goal: Goal,
    /// Base offset of the segment that is searched.
    segment: Offset,
    stage: Stage,
    /// The headers of this segment were read for it, and lead through the whole of it.
    walked: bool,
}

#[derive(Clone, Copy, Debug)]
enum Goal {
    /// The batch that holds this offset.
    Offset(Offset),
    /// The first record at or after this timestamp, below `until`.
    Timestamp { timestamp_ms: i64, until: Offset },
    /// The first record with the largest timestamp of the log, which is that of the batch that ends at `last`; −1 where no record has one.
    Newest { timestamp_ms: i64, last: Offset },
}

#[derive(Clone, Debug)]
enum Stage {
    OpenTimes(FileId),
    Times(FileId),
    OpenOffsets { file: FileId, floor: Offset },
    Offsets(FileId),
    Scan { from: u64 },
    Rebuild(Box<Rebuild>),
}

/// A segment whose headers are read.
#[derive(Clone, Debug)]
struct Rebuild {
    /// What it looks like as far as they were read.
    seen: Segment,
    /// How far they are read.
    until: u64,
    /// They led nowhere at the end of `seen`, and are read from there once more.
    again: bool,
}

impl Log {
    /// Begins to look for the batch that holds an offset.
    pub(super) fn look_up_offset(&mut self, segment: usize, offset: Offset, out: &mut Vec<Output>) -> LookupId {
        self.look_up(segment, Goal::Offset(offset), out)
    }

    pub(super) fn find_timestamp(&mut self, timestamp_ms: i64, until: Offset, out: &mut Vec<Output>) -> Result<TimestampFound, ReadError> {
        self.answers_reads()?;
        let until = until.min(self.ends.written);
        let newest = |i: &usize| self.segments[*i].newest.is_some_and(|n| n.timestamp_ms >= timestamp_ms);
        let holds = (0..self.segments.len()).find(newest).filter(|i| self.segments[*i].base < until);
        let Some(segment) = holds else { return Ok(TimestampFound::Ready(None)) };
        Ok(TimestampFound::Cold(self.look_up(segment, Goal::Timestamp { timestamp_ms, until }, out)))
    }

    /// As Kafka: of all that is in the files, be it below the log start, until its segment goes; of equal ones the first. Where no record has a timestamp, it is
    /// the first of those.
    pub(super) fn find_max_timestamp(&mut self, out: &mut Vec<Output>) -> Result<TimestampFound, ReadError> {
        self.answers_reads()?;
        let timestamp_ms = |i: usize| self.segments[i].newest.map_or(NO_TIMESTAMP, |n| n.timestamp_ms);
        let newest = (1..self.segments.len()).fold(0, |newest, i| if timestamp_ms(i) > timestamp_ms(newest) { i } else { newest });
        let s = &self.segments[newest];
        if s.is_empty() {
            return Ok(TimestampFound::Ready(None));
        }
        let goal = Goal::Newest { timestamp_ms: timestamp_ms(newest), last: s.newest.map_or(s.base, |n| n.last) };
        Ok(TimestampFound::Cold(self.look_up(newest, goal, out)))
    }

    fn look_up(&mut self, segment: usize, goal: Goal, out: &mut Vec<Output>) -> LookupId {
        self.lookup_ids += 1;
        let id = LookupId(self.lookup_ids);
        self.lookups.insert(id, Lookup { goal, segment: self.segments[segment].base, stage: Stage::Scan { from: 0 }, walked: false });
        self.search(id, segment, out);
        id
    }

    /// Searches a segment, by its indexes where they are.
    fn search(&mut self, id: LookupId, segment: usize, out: &mut Vec<Output>) {
        let s = &self.segments[segment];
        let base = s.base;
        let lookup = self.lookups.get_mut(&id).expect("the lookup is under way");
        lookup.segment = base;
        if let Some(indexes) = &s.indexes {
            let from = u64::from(floor(indexes, lookup.goal, base, self.ends.start));
            return self.scan(id, from, out);
        }
        let file = self.setup.files.file();
        let (stage, extension) = match lookup.goal {
            Goal::Offset(offset) => (Stage::OpenOffsets { file, floor: offset }, "index"),
            Goal::Newest { last, .. } => (Stage::OpenOffsets { file, floor: last }, "index"),
            Goal::Timestamp { .. } => (Stage::OpenTimes(file), "timeindex"),
        };
        lookup.stage = stage;
        self.open(id, file, base, extension, out);
    }

    fn open(&mut self, id: LookupId, file: FileId, base: Offset, extension: &str, out: &mut Vec<Output>) {
        let name = file_name(&self.setup.name, base, extension);
        self.disk(Pending::Lookup(id), DiskAction::Open { file, name }, out);
    }

    fn work(&mut self, id: LookupId, work: Work, out: &mut Vec<Output>) {
        let token = self.token(Pending::Lookup(id));
        out.push(Output::Work { token, work });
    }

    /// An index file is open, or cannot be.
    pub(super) fn lookup_opened(&mut self, id: LookupId, result: Result<(), DiskError>, out: &mut Vec<Output>) {
        let Some(lookup) = self.lookups.get_mut(&id) else { return };
        let base = lookup.segment;
        if let Err(error) = result {
            return self.rebuild(id, base, &error.to_string(), out);
        }
        match (&lookup.stage, lookup.goal) {
            (&Stage::OpenTimes(file), Goal::Timestamp { timestamp_ms, .. }) => {
                lookup.stage = Stage::Times(file);
                self.work(id, Work::SearchTimes { file, base, timestamp_ms }, out);
            }
            (&Stage::OpenOffsets { file, floor }, _) => {
                lookup.stage = Stage::Offsets(file);
                self.work(id, Work::SearchOffsets { file, base, offset: floor }, out);
            }
            (stage, goal) => unreachable!("nothing is opened for {goal:?} in {stage:?}"),
        }
    }

    /// A step of the search ended.
    pub(super) fn lookup_worked(&mut self, id: LookupId, result: Result<WorkDone, DiskError>, out: &mut Vec<Output>) {
        let Some(lookup) = self.lookups.get(&id).cloned() else { return };
        if let Stage::Times(file) | Stage::Offsets(file) = lookup.stage {
            self.disk(Pending::Nothing, DiskAction::Close { file }, out);
        }
        let done = match (result, &lookup.stage) {
            (Ok(done), _) => done,
            (Err(error), Stage::Times(_) | Stage::Offsets(_)) => return self.rebuild(id, lookup.segment, &error.to_string(), out),
            (Err(error), _) => return self.unreadable(error, out),
        };
        match done {
            WorkDone::Offset(floor) => self.open_offsets(id, lookup.segment, floor.max(self.ends.start), out),
            WorkDone::Position(from) => self.scan(id, from, out),
            WorkDone::Batch(found) => self.batch_scanned(id, &lookup, found, out),
            WorkDone::Record(found) => self.timestamp_scanned(id, &lookup, found, out),
            WorkDone::Headers { batches, next } => self.rebuild_on(id, lookup, &batches, next, out),
        }
    }

    /// A position is remembered, so that the same read, asked again, is answered at once.
    fn batch_scanned(&mut self, id: LookupId, lookup: &Lookup, found: Option<BatchAt>, out: &mut Vec<Output>) {
        let (Goal::Offset(offset), Stage::Scan { from }) = (lookup.goal, &lookup.stage) else {
            unreachable!("only an offset finds a batch")
        };
        // What is gone meanwhile, or was cut, is worth nothing; the same read finds out.
        let stands = self.segments.iter().find(|s| s.base == lookup.segment && offset < s.end);
        let Some(s) = stands else { return self.answer(id, Answer::ReadAgain, out) };
        // The batch of an index entry ends at or before the offset; one that begins behind it was never that of the entry.
        let astray = |b: &BatchAt| b.base < s.base || b.last >= s.end || *from > 0 && b.at == *from && b.base > offset;
        // Offsets are without gaps where nothing is compacted. Whoever wrote this log may have compacted it; a walk tells that from an offset that rotted.
        let gap = |b: &BatchAt| b.base > offset && !self.setup.config.cleanup_compact && !lookup.walked;
        match found.filter(|b| !astray(b) && !gap(b)) {
            Some(b) => {
                self.positions.found(offset, At { base: b.base, last: b.last, at: b.at, length: b.length });
                self.answer(id, Answer::ReadAgain, out);
            }
            None => self.rebuild(id, lookup.segment, "its index leads nowhere", out),
        }
    }

    /// The headers of a segment are read whose index leads nowhere or cannot be had: once for a question.
    fn rebuild(&mut self, id: LookupId, base: Offset, why: &str, out: &mut Vec<Output>) {
        let Some(i) = self.segments.iter().position(|s| s.base == base) else { return self.answer(id, Answer::ReadAgain, out) };
        let until = self.written_of(i);
        let s = &self.segments[i];
        let lookup = self.lookups.get_mut(&id).expect("the lookup is under way");
        if lookup.walked {
            // The batches are whole, and were not found: the disk errs now and then.
            let (name, says) = (file_name(&self.setup.name, base, "log"), "it is read otherwise from one time to the next".to_owned());
            return self.answer(id, Answer::Failed(DiskError { kind: DiskErrorKind::Io, action: "search", name, says }), out);
        }
        let says = format!("{}: the headers of all batches are read: {why}", file_name(&self.setup.name, base, "log"));
        out.push(Output::Note(Note::mark("log.index_damaged").of(Some(&self.subject)).facts(base.0, s.length as i64).says(says)));
        let seen = Segment::new(base, s.file, s.made_ms, s.jitter_ms);
        let work = Work::Headers { file: s.file, from: 0, until, most: HEADERS_MOST };
        lookup.stage = Stage::Rebuild(Box::new(Rebuild { seen, until, again: false }));
        self.work(id, work, out);
    }

    fn rebuild_on(&mut self, id: LookupId, lookup: Lookup, batches: &[Incoming], next: u64, out: &mut Vec<Output>) {
        let Stage::Rebuild(mut rebuild) = lookup.stage else { unreachable!("only a rebuild asks for headers") };
        let Some(i) = self.segments.iter().position(|s| s.base == lookup.segment) else { return self.answer(id, Answer::ReadAgain, out) };
        let interval = self.setup.config.index_interval_bytes;
        let Rebuild { seen, until, again } = &mut *rebuild;
        let (before, end) = (seen.length, self.segments[i].end);
        for batch in batches {
            let last = batch.base.plus(i64::from(batch.last_offset_delta));
            // Offsets lie outside the checksum of a batch: one that is not of this segment is damage, and leads no further.
            if batch.base < seen.end || last >= end {
                break;
            }
            seen.append(last, batch.bytes, batch.max_timestamp_ms(), interval);
        }
        let until = *until;
        if seen.length < until {
            let led = seen.length > before;
            if !led && *again {
                return self.leads_nowhere(&rebuild.seen, out);
            }
            let from = if led { next.min(seen.length) } else { seen.length };
            *again = !led;
            let work = Work::Headers { file: seen.file, from, until, most: HEADERS_MOST };
            self.lookups.get_mut(&id).expect("the lookup is under way").stage = Stage::Rebuild(rebuild);
            return self.work(id, work, out);
        }
        let s = &mut self.segments[i];
        // Another question may have had them built meanwhile.
        if s.indexes.is_none() {
            (s.indexes, s.newest, s.index_files) = (rebuild.seen.indexes, rebuild.seen.newest, IndexFiles::Memory);
            let end = s.end;
            self.write_indexes(i, end, out);
        }
        self.lookups.get_mut(&id).expect("the lookup is under way").walked = true;
        self.search(id, i, out);
    }

    /// The batches of a segment cannot be walked through it: they are damaged.
    fn leads_nowhere(&mut self, seen: &Segment, out: &mut Vec<Output>) {
        let segment = file_name(&self.setup.name, seen.base, "log");
        let why = "the batches that lie here do not go on from those before".to_owned();
        self.damaged(Damage { segment, at: seen.length, offset: seen.end, synced: self.ends.synced, why }, out);
    }

    fn open_offsets(&mut self, id: LookupId, base: Offset, floor: Offset, out: &mut Vec<Output>) {
        let file = self.setup.files.file();
        self.lookups.get_mut(&id).expect("the lookup is under way").stage = Stage::OpenOffsets { file, floor };
        self.open(id, file, base, "index", out);
    }

    fn scan(&mut self, id: LookupId, from: u64, out: &mut Vec<Output>) {
        let (start, written) = (self.ends.start, self.ends.written);
        let lookup = self.lookups.get_mut(&id).expect("the lookup is under way");
        lookup.stage = Stage::Scan { from };
        let (goal, base) = (lookup.goal, lookup.segment);
        let Some(i) = self.segments.iter().position(|s| s.base == base) else { return self.answer(id, Answer::ReadAgain, out) };
        let (file, until) = (self.segments[i].file, self.written_of(i));
        self.work(
            id,
            match goal {
                Goal::Offset(offset) => Work::FindOffset { file, from, until, offset: offset.min(written) },
                Goal::Timestamp { timestamp_ms, .. } => Work::FindTimestamp { file, from, until, offset: start, timestamp_ms },
                Goal::Newest { timestamp_ms, .. } => Work::FindNewest { file, from, until, timestamp_ms },
            },
            out,
        );
    }

    /// How far a segment is in its file.
    fn written_of(&self, segment: usize) -> u64 {
        let (s, (base, at)) = (&self.segments[segment], self.ends.written_at);
        if s.base == base { at } else { s.length }
    }

    /// A segment may promise a timestamp and hold it only below the log start: then the next one is asked.
    fn timestamp_scanned(&mut self, id: LookupId, lookup: &Lookup, found: Option<RecordAt>, out: &mut Vec<Output>) {
        let (timestamp_ms, until) = match lookup.goal {
            Goal::Timestamp { timestamp_ms, until } => (timestamp_ms, until),
            // The index may have led astray.
            Goal::Newest { .. } if found.is_none() && !matches!(lookup.stage, Stage::Scan { from: 0 }) => return self.scan(id, 0, out),
            Goal::Newest { .. } => return self.answer(id, Answer::Timestamp(found), out),
            Goal::Offset(_) => unreachable!("only a timestamp finds a record"),
        };
        if let Some(record) = found {
            return self.answer(id, Answer::Timestamp(Some(record).filter(|r| r.offset < until)), out);
        }
        // The indexes may have led astray.
        if !matches!(lookup.stage, Stage::Scan { from: 0 }) {
            return self.scan(id, 0, out);
        }
        // Or the batches, past which nobody is led.
        if lookup.segment >= self.ends.start && !lookup.walked {
            return self.rebuild(id, lookup.segment, "no record has a timestamp that the segment has", out);
        }
        let after = self.segments.partition_point(|s| s.base <= lookup.segment);
        let next = (after..self.segments.len()).find(|i| self.segments[*i].newest.is_some_and(|n| n.timestamp_ms >= timestamp_ms));
        match next {
            Some(segment) => self.search(id, segment, out),
            None => self.answer(id, Answer::Timestamp(None), out),
        }
    }

    fn answer(&mut self, lookup: LookupId, answer: Answer, out: &mut Vec<Output>) {
        if self.lookups.remove(&lookup).is_none() {
            return;
        }
        if self.truncation_waits_for(lookup) {
            return self.truncation_located(answer, out);
        }
        out.push(Output::Answered { lookup, answer });
    }

    /// Nobody shall wait for a log that is out of service, or for one that is closed.
    pub(super) fn fail_lookups(&mut self, out: &mut Vec<Output>) {
        for (lookup, _) in self.lookups.drain_sorted() {
            out.push(Output::Answered { lookup, answer: Answer::ReadAgain });
        }
    }
}

/// Where a search may begin, by indexes in memory.
fn floor(indexes: &Indexes, goal: Goal, base: Offset, log_start: Offset) -> u32 {
    match goal {
        Goal::Offset(offset) => indexes.floor(offset),
        Goal::Newest { last, .. } => indexes.floor(last),
        Goal::Timestamp { timestamp_ms, .. } => indexes.floor(indexes.time_floor(timestamp_ms).unwrap_or(base).max(log_start)),
    }
}
