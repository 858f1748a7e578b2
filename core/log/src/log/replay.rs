//! Producer state and indexes read again after a cut: the newest snapshot that is not above it, then the headers of the batches behind.

use std::collections::VecDeque;

use odradek_machine::Now;
use odradek_wire::ids::Offset;

use super::incoming::{Incoming, Origin};
use super::{Log, Pending};
use crate::disk::{DiskAction, DiskDone, DiskResult, FileId};
use crate::formats::producer_snapshot;
use crate::output::{Output, Work};
use crate::producers::{Producers, Verdict};
use crate::segment::file_name;

/// Headers of one unit of work.
const HEADERS_MOST: u32 = 4096;
/// A snapshot is read whole: 46 bytes for each producer.
const SNAPSHOT_BYTES_MAX: u64 = 64 << 20;

/// A replay under way.
#[derive(Debug)]
pub(super) struct Replay {
    to: Offset,
    producers: Producers,
    stage: Stage,
    /// Segments whose headers are still to be read, by base offset.
    segments: VecDeque<Offset>,
    position: u64,
    /// Offsets below are in the snapshot.
    from: Offset,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    /// To look for a snapshot at or below this offset.
    Choose(Offset),
    Open {
        file: FileId,
        at: Offset,
    },
    Read {
        file: FileId,
        at: Offset,
    },
    Headers,
}

impl Log {
    pub(super) fn begin_replay(&self, to: Offset) -> Replay {
        // The last segment is read whole, for its indexes: a snapshot inside it saves nothing.
        let last = self.segments.back().map_or(to, |s| s.base);
        Replay {
            to,
            producers: Producers::default(),
            stage: Stage::Choose(last),
            segments: VecDeque::new(),
            position: 0,
            from: self.ends.start,
        }
    }

    pub(super) fn replay_on(&mut self, now: Now, out: &mut Vec<Output>) {
        let Some(Stage::Choose(below)) = self.replay().map(|r| r.stage) else { return };
        match self.snapshots.range(..=below).next_back().copied() {
            Some(at) => {
                let file = self.setup.files.file();
                let name = file_name(&self.setup.name, at, "snapshot");
                if let Some(r) = self.replay() {
                    r.stage = Stage::Open { file, at };
                }
                self.disk(Pending::Truncation, DiskAction::Open { file, name }, out);
            }
            None => self.replay_from(now, self.ends.start, out),
        }
    }

    /// A snapshot was opened or read, or could not be: then an older one is tried.
    pub(super) fn replay_read(&mut self, now: Now, result: DiskResult, out: &mut Vec<Output>) {
        let Some(stage) = self.replay().map(|r| r.stage) else { return };
        match (stage, result) {
            (Stage::Open { file, at }, Ok(DiskDone::Opened { length })) if length <= SNAPSHOT_BYTES_MAX => {
                if let Some(r) = self.replay() {
                    r.stage = Stage::Read { file, at };
                }
                self.disk(Pending::Truncation, DiskAction::Read { file, at: 0, length }, out);
            }
            (Stage::Read { file, at }, Ok(DiskDone::Read(bytes))) => {
                self.disk(Pending::Nothing, DiskAction::Close { file }, out);
                let Ok(producers) = producer_snapshot::decode(at, &bytes, self.setup.guards) else { return self.older(now, at, out) };
                if let Some(r) = self.replay() {
                    r.producers = Producers::recovered(producers);
                }
                self.replay_from(now, at, out);
            }
            (Stage::Open { at, .. } | Stage::Read { at, .. }, _) => self.older(now, at, out),
            (Stage::Choose(_) | Stage::Headers, _) => {}
        }
    }

    fn older(&mut self, now: Now, at: Offset, out: &mut Vec<Output>) {
        if let Some(r) = self.replay() {
            r.stage = Stage::Choose(Offset(at.0 - 1));
        }
        self.replay_on(now, out);
    }

    /// Reads headers from the segment that holds `from`.
    fn replay_from(&mut self, now: Now, from: Offset, out: &mut Vec<Output>) {
        let first = self.segment_of(from);
        let segments = self.segments.iter().skip(first).map(|s| s.base).collect();
        if let Some(s) = self.last_segment()
            && s.sealed
        {
            // Its indexes are made again with the state of producers.
            let mut again = crate::segment::Segment::new(s.base, s.file, s.made_ms, s.jitter_ms);
            again.changed_ms = s.changed_ms;
            (again.synced, again.synced_length, again.sealed) = (s.synced, s.synced_length, true);
            (again.end, again.length) = (s.end, s.length);
            again.has_aborted = s.has_aborted;
            *s = again;
        }
        if let Some(r) = self.replay() {
            (r.segments, r.position, r.stage, r.from) = (segments, 0, Stage::Headers, from);
        }
        self.next_headers(now, out);
    }

    fn next_headers(&mut self, now: Now, out: &mut Vec<Output>) {
        let Some((segment, from)) = self.replay().map(|r| (r.segments.front().copied(), r.position)) else { return };
        let Some(base) = segment else { return self.replay_ended(now, out) };
        let s = self.segments.iter().find(|s| s.base == base).expect("segments stay while they are replayed");
        let (file, until) = (s.file, s.length);
        if from < until {
            let token = self.token(Pending::Truncation);
            out.push(Output::Work { token, work: Work::Headers { file, from, until, most: HEADERS_MOST } });
            return;
        }
        if let Some(r) = self.replay() {
            r.segments.pop_front();
            r.position = 0;
        }
        self.next_headers(now, out);
    }

    pub(super) fn replayed(&mut self, now: Now, batches: Vec<Incoming>, next: u64, out: &mut Vec<Output>) {
        let interval = self.setup.config.index_interval_bytes;
        let last = self.segments.back().map(|s| s.base);
        let Some(Replay { segments, position, producers, from, to, .. }) = self.replay() else { return };
        let (rebuilds, mut at, from, to) = (last.is_some() && segments.front().copied() == last, *position, *from, *to);
        // Without progress the file is shorter than it was cut: what is missing cannot be waited for.
        let stuck = next <= at;
        *position = if stuck { u64::MAX } else { next };
        for batch in &batches {
            if batch.base >= from
                && batch.base < to
                && let Ok(Verdict::Fresh(update)) = producers.judge(batch, Origin::Replication)
            {
                let _completed = producers.accept(update, batch.base, batch.max_timestamp_ms());
            }
        }
        if rebuilds && let Some(s) = self.last_segment() {
            for batch in &batches {
                let last = batch.base.plus(i64::from(batch.last_offset_delta));
                if s.indexes.as_ref().is_some_and(|i| i.offsets.last().is_some_and(|e| e.last >= last)) {
                    break;
                }
                s.note(last, at, batch.bytes, batch.max_timestamp_ms(), interval);
                at += batch.bytes;
            }
        }
        self.next_headers(now, out);
    }

    fn replay_ended(&mut self, _now: Now, out: &mut Vec<Output>) {
        if let Some(r) = self.replay() {
            let producers = std::mem::take(&mut r.producers);
            self.producers = producers;
        }
        self.end_truncation(out);
    }
}
