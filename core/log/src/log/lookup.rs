//! Questions that go to the disk: positions in old segments, and records by timestamp.
//!
//! | stage | what is under way |
//! |---|---|
//! | `OpenTimes`, `Times` | the time index of a closed segment is opened, searched |
//! | `OpenOffsets`, `Offsets` | its offset index is opened, searched |
//! | `Scan` | batches are walked from the position that the index gave |
//!
//! A segment whose indexes are in memory begins with `Scan`.

use odradek_wire::ids::Offset;

use super::positions::At;
use super::{Log, Pending, ReadError, TimestampFound};
use crate::disk::{DiskAction, DiskError, FileId};
use crate::index::Indexes;
use crate::output::{Answer, LookupId, Output, RecordAt, Work, WorkDone};
use crate::segment::file_name;

/// A question under way.
#[derive(Clone, Debug)]
pub(super) struct Lookup {
    goal: Goal,
    /// Base offset of the segment that is searched.
    segment: Offset,
    stage: Stage,
}

#[derive(Clone, Copy, Debug)]
enum Goal {
    /// The batch that holds this offset.
    Offset(Offset),
    /// The first record at or after this timestamp, below `until`.
    Timestamp { timestamp_ms: i64, until: Offset },
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    OpenTimes(FileId),
    Times(FileId),
    OpenOffsets { file: FileId, floor: Offset },
    Offsets(FileId),
    Scan,
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

    pub(super) fn find_max_timestamp(&mut self, out: &mut Vec<Output>) -> Result<TimestampFound, ReadError> {
        self.answers_reads()?;
        let newest = self.segments.iter().filter_map(|s| s.newest).map(|n| n.timestamp_ms).max();
        match newest {
            Some(timestamp_ms) => self.find_timestamp(timestamp_ms, self.ends.written, out),
            None => Ok(TimestampFound::Ready(None)),
        }
    }

    fn look_up(&mut self, segment: usize, goal: Goal, out: &mut Vec<Output>) -> LookupId {
        self.lookup_ids += 1;
        let id = LookupId(self.lookup_ids);
        let s = &self.segments[segment];
        let base = s.base;
        if let Some(indexes) = &s.indexes {
            let from = u64::from(floor(indexes, goal, base, self.ends.start));
            self.lookups.insert(id, Lookup { goal, segment: base, stage: Stage::Scan });
            self.scan(id, from, out);
        } else {
            let file = self.setup.files.file();
            let (stage, extension) = match goal {
                Goal::Offset(offset) => (Stage::OpenOffsets { file, floor: offset }, "index"),
                Goal::Timestamp { .. } => (Stage::OpenTimes(file), "timeindex"),
            };
            self.lookups.insert(id, Lookup { goal, segment: base, stage });
            self.open(id, file, base, extension, out);
        }
        id
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
            return self.answer(id, Answer::Failed(error), out);
        }
        match (lookup.stage, lookup.goal) {
            (Stage::OpenTimes(file), Goal::Timestamp { timestamp_ms, .. }) => {
                lookup.stage = Stage::Times(file);
                self.work(id, Work::SearchTimes { file, base, timestamp_ms }, out);
            }
            (Stage::OpenOffsets { file, floor }, _) => {
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
        let done = match result {
            Ok(done) => done,
            Err(error) => return self.answer(id, Answer::Failed(error), out),
        };
        match done {
            WorkDone::Offset(floor) => self.open_offsets(id, lookup.segment, floor.max(self.ends.start), out),
            WorkDone::Position(from) => self.scan(id, from, out),
            WorkDone::Batch(found) => {
                // What was found in a segment that is gone, or beyond a cut, is worth nothing; the same read, asked again, finds out.
                let stands = self.segments.iter().find(|s| s.base == lookup.segment);
                if let (Some(b), Some(s)) = (found, stands)
                    && b.base >= s.base
                    && b.last < s.end
                {
                    self.positions.found(At { base: b.base, last: b.last, at: b.at, length: b.length });
                }
                self.answer(id, Answer::ReadAgain, out);
            }
            WorkDone::Record(found) => self.timestamp_scanned(id, &lookup, found, out),
            WorkDone::Headers { .. } => unreachable!("no lookup asks for headers"),
        }
    }

    fn open_offsets(&mut self, id: LookupId, base: Offset, floor: Offset, out: &mut Vec<Output>) {
        let file = self.setup.files.file();
        self.lookups.get_mut(&id).expect("the lookup is under way").stage = Stage::OpenOffsets { file, floor };
        self.open(id, file, base, "index", out);
    }

    fn scan(&mut self, id: LookupId, from: u64, out: &mut Vec<Output>) {
        let (start, written) = (self.ends.start, self.ends.written);
        let lookup = self.lookups.get_mut(&id).expect("the lookup is under way");
        lookup.stage = Stage::Scan;
        let goal = lookup.goal;
        let Some(s) = self.segments.iter().find(|s| s.base == lookup.segment) else { return self.answer(id, Answer::ReadAgain, out) };
        let (file, until) = (s.file, if s.base == self.ends.written_at.0 { self.ends.written_at.1 } else { s.length });
        self.work(
            id,
            match goal {
                Goal::Offset(offset) => Work::FindOffset { file, from, until, offset: offset.min(written) },
                Goal::Timestamp { timestamp_ms, .. } => Work::FindTimestamp { file, from, until, offset: start, timestamp_ms },
            },
            out,
        );
    }

    /// A segment may promise a timestamp and hold it only below the log start: then the next one is asked.
    fn timestamp_scanned(&mut self, id: LookupId, lookup: &Lookup, found: Option<RecordAt>, out: &mut Vec<Output>) {
        let Goal::Timestamp { timestamp_ms, until } = lookup.goal else { unreachable!("only a timestamp finds a record") };
        if let Some(record) = found {
            return self.answer(id, Answer::Timestamp(Some(record).filter(|r| r.offset < until)), out);
        }
        let after = self.segments.partition_point(|s| s.base <= lookup.segment);
        let next = (after..self.segments.len()).find(|i| self.segments[*i].newest.is_some_and(|n| n.timestamp_ms >= timestamp_ms));
        match next {
            Some(segment) => self.look_further(id, segment, out),
            None => self.answer(id, Answer::Timestamp(None), out),
        }
    }

    fn look_further(&mut self, id: LookupId, segment: usize, out: &mut Vec<Output>) {
        let s = &self.segments[segment];
        let base = s.base;
        let lookup = self.lookups.get_mut(&id).expect("the lookup is under way");
        lookup.segment = base;
        let from = s.indexes.as_ref().map(|indexes| u64::from(floor(indexes, lookup.goal, base, self.ends.start)));
        match from {
            Some(from) => self.scan(id, from, out),
            None => {
                let file = self.setup.files.file();
                self.lookups.get_mut(&id).expect("the lookup is under way").stage = Stage::OpenTimes(file);
                self.open(id, file, base, "timeindex", out);
            }
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
        Goal::Timestamp { timestamp_ms, .. } => indexes.floor(indexes.time_floor(timestamp_ms).unwrap_or(base).max(log_start)),
    }
}
