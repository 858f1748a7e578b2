//! Rolling: when the active segment is full or old enough, and what is written then.

use odradek_machine::{Now, guard, reached};
use odradek_wire::ids::Offset;

use super::{Log, Pending};
use crate::config::LogConfig;
use crate::disk::{DiskAction, DiskError};
use crate::formats::index::{encode_aborted, encode_offsets, encode_times};
use crate::output::{NotesOf, Output, Request};
use crate::segment::{IndexFiles, Segment, file_name};

/// A position must fit the index's field, and Kafka reads it with a sign.
const SEGMENT_LENGTH_MAX: u64 = i32::MAX as u64;

/// What is about to be appended, as far as rolling depends on it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Next {
    pub(super) last: Offset,
    pub(super) bytes: u64,
    pub(super) timestamp_ms: i64,
    pub(super) wall_ms: i64,
}

/// True if the batch must begin another segment, by Kafka's rules.
///
/// `segment.ms` compares timestamps of records where the first batch has one, and the wall clock where it has none, so that a log which is filled with old
/// records is cut by their time.
pub(super) fn must_roll(segment: &Segment, config: &LogConfig, next: Next) -> bool {
    let out_of_range = next.last.0.checked_sub(segment.base.0).is_none_or(|delta| delta > i64::from(i32::MAX));
    if segment.sealed || out_of_range {
        return true;
    }
    if segment.is_empty() {
        return false;
    }
    let waited_ms = match segment.first_timestamp_ms {
        Some(first) if first >= 0 => next.timestamp_ms.saturating_sub(first),
        _ => next.wall_ms.saturating_sub(segment.made_ms),
    };
    let full = segment.length + next.bytes > u64::from(config.segment_bytes).min(SEGMENT_LENGTH_MAX);
    let index_full = segment.indexes.as_ref().is_some_and(|i| i.is_full(config.segment_index_bytes));
    full || index_full || waited_ms > config.segment_ms.saturating_sub(segment.jitter_ms)
}

impl Log {
    /// Rolls if the batch does not belong into the active segment.
    pub(super) fn make_room(&mut self, now: Now, base: Offset, last: Offset, bytes: u64, timestamp_ms: i64, out: &mut Vec<Output>) {
        let next = Next { last, bytes, timestamp_ms, wall_ms: now.wall.0 };
        let active = self.segments.back().expect("a log has an active segment");
        if must_roll(active, &self.setup.config, next) {
            self.roll(now, base, out);
        }
    }

    /// Begins a segment at `base`: writes the old one's indexes and the state of producers, and makes the file.
    pub(super) fn roll(&mut self, now: Now, base: Offset, out: &mut Vec<Output>) {
        let old = self.segments.back().expect("a log has an active segment");
        assert!(base > old.base, "a segment at {base:?} after one at {:?}", old.base);
        reached!(&mut NotesOf(out), "log.rolled", of = &self.subject, base.0, old.length);
        if old.asked < old.end {
            let file = old.file;
            self.want_sync(file, out);
        }
        self.write_indexes(self.segments.len() - 1, base, out);
        self.write_snapshot(base, out);
        self.push_segment(now, base, out);
    }

    /// Makes a file for a segment and lets it be the active one.
    pub(super) fn push_segment(&mut self, now: Now, base: Offset, out: &mut Vec<Output>) {
        self.add_segment(now, base);
        self.make_active(out);
    }

    /// Lets an empty segment be the active one; its file is not made yet.
    pub(super) fn add_segment(&mut self, now: Now, base: Offset) {
        let file = self.setup.files.file();
        let jitter_ms = self.draw_jitter(base);
        self.segments.push_back(Segment::new(base, file, now.wall.0, jitter_ms));
    }

    /// Makes the file of the active segment.
    pub(super) fn make_active(&mut self, out: &mut Vec<Output>) {
        let active = self.segments.back().expect("a log has an active segment");
        let (file, name) = (active.file, file_name(&self.setup.name, active.base, "log"));
        self.disk(Pending::Create, DiskAction::Create { file, name, length: 0 }, out);
    }

    pub(super) fn draw_jitter(&self, base: Offset) -> i64 {
        match u64::try_from(self.setup.config.segment_jitter_ms) {
            Ok(jitter) if jitter > 0 => self.setup.seed.named("segment.jitter").number(base.0.unsigned_abs()).below(jitter).cast_signed(),
            _ => 0,
        }
    }

    /// Hands a segment's indexes to the disk. `rolled_at` is the end of the segment: what was appended from there on did not wait for this.
    pub(super) fn write_indexes(&mut self, segment: usize, rolled_at: Offset, out: &mut Vec<Output>) {
        let s = &mut self.segments[segment];
        let Some(indexes) = s.indexes.as_mut() else { return };
        indexes.push_time(s.newest);
        let base = s.base;
        let mut files = vec![("index", encode_offsets(base, &indexes.offsets)), ("timeindex", encode_times(base, &indexes.times))];
        if s.has_aborted {
            let aborted: Vec<_> = self.aborted.iter().filter(|a| a.segment == base).copied().collect();
            files.push(("txnindex", encode_aborted(&aborted)));
        }
        s.index_files = IndexFiles::Writing(files.len() as u8);
        for (extension, bytes) in files {
            let name = file_name(&self.setup.name, base, extension);
            let token = self.token(Pending::Index { segment: base, rolled_at });
            out.push(Output::Dir(Request::Replace { token, name, bytes }));
        }
    }

    /// One index file of a segment is in place, or could not be written.
    ///
    /// A segment's indexes can be made again from its batches, so a failure costs no more than the clean-shutdown mark: they stay in memory, are written
    /// again at the clean stop, and until then the recovery point does not pass the segment.
    pub(super) fn index_written(&mut self, segment: Offset, rolled_at: Offset, failed: Option<DiskError>, out: &mut Vec<Output>) {
        let active = self.segments.back().map(|s| s.base);
        let Some(s) = self.segments.iter_mut().find(|s| s.base == segment) else { return };
        let Some(error) = failed else {
            if let IndexFiles::Writing(missing) = s.index_files {
                s.index_files = if missing > 1 { IndexFiles::Writing(missing - 1) } else { IndexFiles::OnDisk };
            }
            if s.index_files == IndexFiles::OnDisk && active != Some(segment) {
                s.indexes = None;
            }
            return self.moved(out);
        };
        s.index_files = IndexFiles::Memory;
        self.index_failures += 1;
        out.push(Output::Note(
            odradek_machine::Note::mark("log.index_write_failed")
                .of(Some(&self.subject))
                .facts(segment.0, rolled_at.0)
                .says(error.to_string()),
        ));
        // The batches behind the roll are in the log, whatever becomes of an index: their offsets were given out (KAFKA-7866).
        if guard!(self.setup.guards, KAFKA_7866, !self.holds(rolled_at)) {
            self.give_back(rolled_at);
        }
    }

    /// True if offsets from `from` on were given out by this log and stand in it.
    fn holds(&self, from: Offset) -> bool {
        self.segments.iter().any(|s| s.base <= from && from <= s.end)
    }

    /// Lets the log end where it was before, with nothing cut from the file.
    fn give_back(&mut self, to: Offset) {
        self.positions.cut(to);
        if let Some(s) = self.segments.iter_mut().find(|s| s.base == to) {
            (s.end, s.synced) = (to, to);
            self.ends.cut(to, (to, s.length));
            if let Some(indexes) = &mut s.indexes {
                indexes.cut(to);
            }
        }
    }
}
