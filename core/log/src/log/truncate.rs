//! Truncation: a follower cuts what its leader does not have.
//!
//! A segment file is never overwritten and never reused: the cut file is sealed, and what is appended next begins another one. Ranges of cut bytes that were
//! handed out are reported, since a connection may still be sending them.
//!
//! | stage | waits for |
//! |---|---|
//! | `Locating` | the position of the cut in an old segment |
//! | `Lowering` | what was asked for before, and the directory's mark of what is known to be synced (and the log start, if everything goes): recovery must not take the cut for damage |
//! | `Cutting` | names of removed segments to be free, and the cut file to be synced: what it held must not come back beside what follows |
//! | `Rebuilding` | indexes and producer state, read again from what is left |

use odradek_machine::{Now, reached};
use odradek_wire::ids::Offset;

use super::positions::At;
use super::{Log, Pending, Phase, Truncation, replay::Replay};
use crate::disk::{DiskAction, DiskError, DiskResult};
use crate::output::{Answer, LookupId, Mark, NotesOf, Output, Request, WorkDone};
use crate::segment::{IndexFiles, Segment};

/// A truncation under way.
#[derive(Debug)]
pub(super) struct Truncating {
    to: Offset,
    /// Everything goes, and the log goes on at `to`.
    whole: bool,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Locating(LookupId),
    Lowering { cut: Option<At>, left: u8 },
    Cutting { left: u8, to_make: bool },
    Rebuilding(Box<Replay>),
}

impl Log {
    pub(super) fn begin_truncation(&mut self, _now: Now, to: Offset, out: &mut Vec<Output>) -> Truncation {
        if !matches!(self.phase, Phase::Serving) || to >= self.ends.end {
            return Truncation::Done;
        }
        if to <= self.ends.start {
            return self.begin_whole(to, out);
        }
        reached!(&mut NotesOf(out), "log.truncated", of = &self.subject, to.0, self.ends.end.0);
        self.fail_lookups(out);
        let segment = self.segment_of(to);
        let s = &self.segments[segment];
        let stage = if to == s.base || to >= s.end {
            self.lower(to, None, out)
        } else if let Some(batch) = self.positions.holds(to).filter(|b| b.base >= s.base) {
            self.lower(batch.base.min(to), Some(batch), out)
        } else {
            Stage::Locating(self.look_up_offset(segment, to, out))
        };
        self.phase = Phase::Truncating(Truncating { to, whole: false, stage });
        Truncation::UnderWay
    }

    pub(super) fn begin_full_truncation(&mut self, _now: Now, start: Offset, out: &mut Vec<Output>) -> Truncation {
        if !matches!(self.phase, Phase::Serving) {
            return Truncation::Done;
        }
        self.begin_whole(start, out)
    }

    fn begin_whole(&mut self, to: Offset, out: &mut Vec<Output>) -> Truncation {
        reached!(&mut NotesOf(out), "log.truncated_fully", of = &self.subject, to.0, self.ends.end.0);
        self.fail_lookups(out);
        let token = self.token(Pending::Truncation);
        out.push(Output::Dir(Request::LogStart { token, to }));
        // Nothing will be left of what is synced.
        let first = self.segments.front().expect("a log has an active segment").base.min(to);
        self.lower_to(Mark { segment: first, length: 0, end: first }, out);
        self.phase = Phase::Truncating(Truncating { to, whole: true, stage: Stage::Lowering { cut: None, left: 2 } });
        Truncation::UnderWay
    }

    /// Tells the directory where the log will end, before anything is cut; never more than is synced.
    fn lower(&mut self, to: Offset, cut: Option<At>, out: &mut Vec<Output>) -> Stage {
        let s = &self.segments[self.segment_of(to)];
        let kept = cut.map_or(if to >= s.end { s.length } else { 0 }, |c| c.at);
        let mark = Mark { segment: s.base.min(to), length: kept.min(s.synced_length), end: to.min(s.synced.max(s.base)) };
        let synced = self.synced_mark();
        self.lower_to(if synced.end < mark.end { synced } else { mark }, out);
        Stage::Lowering { cut, left: 1 }
    }

    fn lower_to(&mut self, mark: Mark, out: &mut Vec<Output>) {
        let token = self.token(Pending::Truncation);
        out.push(Output::Dir(Request::LowerMark { token, to: mark }));
    }

    pub(super) fn truncation_waits_for(&self, lookup: LookupId) -> bool {
        matches!(self.phase, Phase::Truncating(Truncating { stage: Stage::Locating(id), .. }) if id == lookup)
    }

    /// The position of the cut is known.
    pub(super) fn truncation_located(&mut self, answer: Answer, out: &mut Vec<Output>) {
        let Phase::Truncating(Truncating { to, .. }) = self.phase else { return };
        if let Answer::Failed(error) = answer {
            return self.fall(Some(error), out);
        }
        let cut = self.positions.holds(to);
        let stage = self.lower(cut.map_or(to, |c| c.base.min(to)), cut, out);
        if let Phase::Truncating(t) = &mut self.phase {
            (t.to, t.stage) = (cut.map_or(to, |c| c.base.min(to)), stage);
        }
    }

    /// Something that a truncation asked the disk for is done.
    pub(super) fn truncation_step(&mut self, now: Now, result: DiskResult, out: &mut Vec<Output>) {
        let Phase::Truncating(t) = &mut self.phase else { return };
        if let Stage::Rebuilding(_) = t.stage {
            return self.replay_read(now, result, out);
        }
        if let Err(error) = result {
            return self.fall(Some(error), out);
        }
        match &mut t.stage {
            Stage::Lowering { left, .. } => *left -= 1,
            Stage::Cutting { left, .. } => {
                *left -= 1;
                self.truncation_renamed(now, out);
            }
            Stage::Locating(_) | Stage::Rebuilding(_) => {}
        }
    }

    /// Cuts when the directory knows of it and everything that was asked for before is done: a name cannot be changed before it is made.
    pub(super) fn cut_if_due(&mut self, now: Now, out: &mut Vec<Output>) {
        let Phase::Truncating(Truncating { stage: Stage::Lowering { cut, left: 0 }, .. }) = self.phase else { return };
        let waits = |p: &Pending| {
            matches!(
                p,
                Pending::Create
                    | Pending::Write
                    | Pending::Index { .. }
                    | Pending::Snapshot(_)
                    | Pending::Epochs
                    | Pending::Directory
                    | Pending::Identity
            )
        };
        if !self.pending.values_unordered().any(waits) {
            self.cut(now, cut, out);
        }
    }

    /// Cuts: in memory at once, on disk by names and by length.
    fn cut(&mut self, now: Now, cut: Option<At>, out: &mut Vec<Output>) {
        let Phase::Truncating(t) = &mut self.phase else { return };
        let below = match cut {
            // The first batch of a segment goes, and so the whole of it.
            Some(c) if c.at == 0 => self.segments[self.segments.partition_point(|s| s.base <= c.base) - 1].base,
            Some(c) => c.base.min(t.to),
            None => t.to,
        };
        // Where the log start lies inside the batch that goes, the log is empty and ends there.
        let to = if t.whole { t.to } else { below.max(self.ends.start) };
        let cut = cut.filter(|c| c.at > 0);
        t.to = to;
        let whole = t.whole;
        t.stage = Stage::Cutting { left: 0, to_make: false };
        let mut removed = Vec::new();
        while self.segments.back().is_some_and(|s| whole || s.base >= below) {
            removed.push(self.segments.pop_back().expect("there is a last one"));
        }
        let left = self.cut_last(to, cut, out);
        let to_make = self.segments.is_empty();
        if to_make {
            self.add_segment(now, to);
        }
        if let Phase::Truncating(t) = &mut self.phase {
            t.stage = Stage::Cutting { left, to_make };
        }
        let at = self.segments.back().map_or((to, 0), |s| (s.base, s.length));
        self.ends.cut(to, at);
        if whole {
            (self.ends.start, self.ends.end, self.ends.written, self.ends.synced, self.ends.high_watermark) = (to, to, to, to, to);
        }
        self.positions.cut(to);
        self.aborted.retain(|a| a.last < to && !whole);
        if self.epochs.cut_end(if whole { Offset(i64::MIN) } else { to }) {
            self.save_epochs(to, out);
        }
        let gone: Vec<_> = self.snapshots.iter().filter(|s| whole || **s > to).copied().collect();
        self.doom_snapshots(now, &gone, out);
        for s in &removed {
            out.push(Output::RangesCut { file: s.file, past: 0 });
            self.doom_segment(now, s, true, out);
        }
        self.truncation_renamed(now, out);
    }

    /// Cuts the file of the segment that becomes the last. Says how many operations are to be waited for.
    fn cut_last(&mut self, to: Offset, cut: Option<At>, out: &mut Vec<Output>) -> u8 {
        let Some(s) = self.segments.back_mut() else { return 0 };
        s.sealed = true;
        let Some(cut) = cut else { return 0 };
        let (file, base) = (s.file, s.base);
        assert!(cut.at < s.length && base < to, "a cut at {} of {} bytes, offset {to:?} in {base:?}", cut.at, s.length);
        (s.end, s.length) = (to, cut.at);
        (s.synced, s.synced_length) = (s.synced.min(to), s.synced_length.min(cut.at));
        s.index_files = IndexFiles::Memory;
        s.indexes = Some(crate::index::Indexes::default());
        out.push(Output::RangesCut { file, past: cut.at });
        self.disk(Pending::Truncation, DiskAction::Truncate { file, length: cut.at }, out);
        self.disk(Pending::Truncation, DiskAction::Sync { file }, out);
        self.want_sync(file, out);
        2
    }

    /// Goes on when the removed names are free and the cut file is synced.
    pub(super) fn truncation_renamed(&mut self, now: Now, out: &mut Vec<Output>) {
        let Phase::Truncating(Truncating { to, stage: Stage::Cutting { left: 0, to_make }, .. }) = self.phase else { return };
        if self.truncated_names_left() {
            return;
        }
        if to_make {
            self.make_active(out);
        }
        let replay = Box::new(self.begin_replay(to));
        if let Phase::Truncating(t) = &mut self.phase {
            t.stage = Stage::Rebuilding(replay);
        }
        self.replay_on(now, out);
    }

    pub(super) fn truncation_worked(&mut self, now: Now, result: Result<WorkDone, DiskError>, out: &mut Vec<Output>) {
        match result {
            Ok(WorkDone::Headers { batches, next }) => self.replayed(now, batches, next, out),
            Ok(_) => {}
            Err(error) => self.fall(Some(error), out),
        }
    }

    pub(super) fn replay(&mut self) -> Option<&mut Replay> {
        match &mut self.phase {
            Phase::Truncating(Truncating { stage: Stage::Rebuilding(replay), .. }) => Some(replay),
            _ => None,
        }
    }

    /// Everything is as if what was cut had never been appended.
    pub(super) fn end_truncation(&mut self, out: &mut Vec<Output>) {
        let to = self.ends.end;
        self.phase = Phase::Serving;
        let high_watermark = self.ends.high_watermark;
        self.producers.high_watermark(high_watermark);
        self.told = None;
        self.moved(out);
        out.push(Output::Truncated { to });
        self.check();
    }

    /// The last segment, as its batches are read again.
    pub(super) fn last_segment(&mut self) -> Option<&mut Segment> {
        self.segments.back_mut()
    }
}
