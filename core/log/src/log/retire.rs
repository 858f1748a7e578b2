//! Letting go of old records: the log start moves, and segments below it are deleted in Kafka's order (renamed to `.deleted`, removed after a delay).

use std::collections::VecDeque;

use odradek_machine::{Mono, Now, reached};
use odradek_wire::ids::Offset;

use super::{Log, Pending, ReadError};
use crate::disk::{DiskAction, FileId, Name};
use crate::output::{NotesOf, Output, Request};
use crate::retention::{Candidate, Limits, retire};
use crate::segment::{IndexFiles, Segment, file_name};

/// Files on their way out: one rename after the other, a delay, one removal after the other.
#[derive(Debug)]
pub(super) struct Doomed {
    id: u64,
    /// The handle to close before the removal.
    file: Option<FileId>,
    /// Names that are not yet `.deleted`.
    renames: VecDeque<Name>,
    /// Names that are.
    removes: VecDeque<Name>,
    stage: Stage,
    /// A truncation waits for the renames.
    truncated: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Renaming,
    Waiting(Mono),
    Removing,
}

impl Doomed {
    /// The handle that is still open.
    pub(super) const fn file(&self) -> Option<FileId> {
        self.file
    }

    pub(super) fn due(&self) -> Option<Mono> {
        match self.stage {
            Stage::Waiting(at) => Some(at),
            Stage::Renaming | Stage::Removing => None,
        }
    }
}

impl Log {
    pub(super) fn delete_before(&mut self, now: Now, to: Offset, out: &mut Vec<Output>) -> Result<Offset, ReadError> {
        self.answers_reads()?;
        if to > self.ends.high_watermark || to < Offset(0) {
            return Err(ReadError::OutOfRange { asked: to, log_start: self.ends.start, log_end: self.ends.high_watermark });
        }
        if to > self.ends.start {
            self.move_start(to, out);
        } else {
            self.drop_segments(now, out);
        }
        Ok(to.max(self.ends.start))
    }

    pub(super) fn give_up_segments(&mut self, now: Now, out: &mut Vec<Output>) -> usize {
        if self.answers_reads().is_err() || self.start_moving.is_some() {
            return 0;
        }
        let config = &self.setup.config;
        let limits = Limits {
            retention_ms: config.retention_ms.filter(|_| config.cleanup_delete),
            retention_bytes: config.retention_bytes.filter(|_| config.cleanup_delete),
            log_start: self.ends.start,
            high_watermark: self.ends.high_watermark,
            wall_ms: now.wall.0,
        };
        let going = retire(&self.candidates(), &limits);
        if going == 0 {
            return 0;
        }
        if going == self.segments.len() {
            self.roll(now, self.ends.end, out);
        }
        let to = self.segments[going].base.max(self.ends.start);
        if to > self.ends.start {
            self.move_start(to, out);
        } else {
            self.drop_segments(now, out);
        }
        going
    }

    fn candidates(&self) -> Vec<Candidate> {
        let ends = self.segments.iter().skip(1).map(|s| s.base).chain([self.ends.end]);
        self.segments.iter().zip(ends).map(|(s, end)| Candidate { end, bytes: s.length, age_ms: s.age_ms() }).collect()
    }

    /// Begins to move the log start: nobody is told before the move is durable, since a log start must not go back, not even over a power cut.
    fn move_start(&mut self, to: Offset, out: &mut Vec<Output>) {
        if self.start_moving.is_none_or(|moving| moving < to) {
            self.start_moving = Some(to);
            let token = self.token(Pending::LogStart(to));
            out.push(Output::Dir(Request::LogStart { token, to }));
        }
    }

    /// The log start is durable where it was asked to be.
    pub(super) fn start_moved(&mut self, now: Now, to: Offset, done: bool, out: &mut Vec<Output>) {
        if self.start_moving == Some(to) {
            self.start_moving = None;
        }
        if !done || to <= self.ends.start || to > self.ends.end || self.answers_reads().is_err() {
            return;
        }
        self.ends.start = to;
        reached!(&mut NotesOf(out), "log.start_moved", of = &self.subject, to.0, self.ends.end.0);
        out.push(Output::LogStartMoved { to });
        if self.epochs.cut_start(to) {
            self.save_epochs(self.ends.end, out);
        }
        self.positions.cut_start(to);
        self.drop_segments(now, out);
        self.moved(out);
    }

    /// Deletes every segment that lies whole below the log start.
    pub(super) fn drop_segments(&mut self, now: Now, out: &mut Vec<Output>) {
        while self.segments.len() > 1 && self.segments[1].base <= self.ends.start {
            let old = self.segments.pop_front().expect("there are two");
            reached!(&mut NotesOf(out), "log.segment_deleted", of = &self.subject, old.base.0, old.length);
            self.doom_segment(now, &old, false, out);
        }
        let first = self.segments.front().expect("a log has an active segment").base;
        self.aborted.retain(|a| a.segment >= first);
        self.doom_stale_snapshots(now, out);
    }

    /// Snapshots are kept at the bases of segments, and the newest.
    pub(super) fn doom_stale_snapshots(&mut self, now: Now, out: &mut Vec<Output>) {
        let newest = self.snapshots.last().copied();
        let stale: Vec<_> = self
            .snapshots
            .iter()
            .filter(|at| Some(**at) != newest && self.segments.binary_search_by(|s| s.base.cmp(at)).is_err())
            .copied()
            .collect();
        self.doom_snapshots(now, &stale, out);
    }

    pub(super) fn doom_snapshots(&mut self, now: Now, at: &[Offset], out: &mut Vec<Output>) {
        let names: VecDeque<_> = at.iter().map(|at| file_name(&self.setup.name, *at, "snapshot")).collect();
        for at in at {
            self.snapshots.remove(at);
        }
        if !names.is_empty() {
            self.doom(now, None, names, false, out);
        }
    }

    /// Deletes a segment's files, `.log` first: indexes without their log are no log.
    pub(super) fn doom_segment(&mut self, now: Now, s: &Segment, truncated: bool, out: &mut Vec<Output>) {
        let mut names = VecDeque::from([s.name(&self.setup.name, "log")]);
        if s.index_files != IndexFiles::Memory || s.indexes.is_none() {
            names.extend(["index", "timeindex"].map(|extension| s.name(&self.setup.name, extension)));
            if s.has_aborted {
                names.push_back(s.name(&self.setup.name, "txnindex"));
            }
        }
        self.doom(now, Some(s.file), names, truncated, out);
    }

    fn doom(&mut self, now: Now, file: Option<FileId>, renames: VecDeque<Name>, truncated: bool, out: &mut Vec<Output>) {
        self.tokens += 1;
        let id = self.tokens;
        self.doomed.push_back(Doomed { id, file, renames, removes: VecDeque::new(), stage: Stage::Renaming, truncated });
        self.doomed_step(now, id, out);
    }

    /// The next rename or removal of a doomed file; the one before succeeded, or found nothing to do.
    pub(super) fn doomed_step(&mut self, now: Now, id: u64, out: &mut Vec<Output>) {
        let delay_ms = self.setup.config.file_delete_delay_ms;
        let Some(i) = self.doomed.iter().position(|d| d.id == id) else { return };
        let d = &mut self.doomed[i];
        let action = match d.stage {
            Stage::Waiting(_) => return,
            Stage::Renaming => match d.renames.pop_front() {
                Some(from) => {
                    let to = from.parent().join(&format!("{}.deleted", from.file_name()));
                    d.removes.push_back(to.clone());
                    DiskAction::Rename { from, to }
                }
                None => {
                    d.stage = Stage::Waiting(now.mono.plus_ms(delay_ms));
                    return self.truncation_renamed(now, out);
                }
            },
            Stage::Removing => match d.removes.pop_front() {
                Some(name) => DiskAction::Remove { name },
                None => {
                    self.doomed.remove(i);
                    return;
                }
            },
        };
        self.disk(Pending::Doomed(id), action, out);
    }

    /// True while a truncation has names to wait for.
    pub(super) fn truncated_names_left(&self) -> bool {
        self.doomed.iter().any(|d| d.truncated && d.stage == Stage::Renaming)
    }

    /// Removes the files whose delay is over.
    pub(super) fn remove_doomed(&mut self, now: Now, out: &mut Vec<Output>) {
        while let Some(d) = self.doomed.iter_mut().find(|d| d.due().is_some_and(|at| at <= now.mono)) {
            d.stage = Stage::Removing;
            let (id, file) = (d.id, d.file.take());
            if let Some(file) = file {
                self.disk(Pending::Nothing, DiskAction::Close { file }, out);
            }
            self.doomed_step(now, id, out);
        }
    }
}
