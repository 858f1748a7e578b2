//! What a log does when it is told something, and when its time has come.

use odradek_machine::{Deadline, Note, Now, reached};

use super::{Log, Pending, Phase};
use crate::disk::{DiskDone, DiskError, DiskErrorKind, DiskResult, FileRange};
use crate::formats::damage;
use crate::open::Damage;
use crate::output::{Input, NotesOf, Output, Request, Token, WorkDone};

/// How many producers one wake forgets at the most.
const EXPIRED_MOST: usize = 1000;

impl Log {
    pub(super) fn take_step(&mut self, now: Now, input: Input, out: &mut Vec<Output>) {
        match input {
            Input::Disk { token, result } => self.disk_done(now, token, result, out),
            Input::Synced { file, through, length } => {
                self.synced(file, through, length, out);
                self.go_on_stopping(now, out);
            }
            Input::Work { token, result } => self.work_done(now, token, result, out),
            Input::OutOfService => self.fall(None, out),
            Input::Unreadable { range, says } => self.range_unreadable(range, says, out),
        }
    }

    fn disk_done(&mut self, now: Now, token: Token, result: DiskResult, out: &mut Vec<Output>) {
        let Some(pending) = self.pending.remove(&token) else { return };
        let done = result.is_ok();
        match pending {
            Pending::Directory => {
                self.has_directory = done;
                self.must_succeed(result, out);
            }
            Pending::Create => self.must_succeed(result, out),
            Pending::Write => match result {
                Ok(_) => self.ends.wrote(token),
                Err(error) => self.fall(Some(error), out),
            },
            Pending::Identity => match result {
                Ok(_) => {
                    self.identity_durable = true;
                    self.moved(out);
                }
                Err(error) => self.fall(Some(error), out),
            },
            Pending::Index { segment, rolled_at } => self.index_written(segment, rolled_at, result.err(), out),
            Pending::Snapshot(at) => self.snapshot_written(at, result.is_err()),
            Pending::Epochs => self.epochs_saved(token, result.is_err(), out),
            Pending::Lookup(lookup) => self.lookup_opened(lookup, result.map(drop), out),
            Pending::Doomed(id) => self.doomed_step(now, id, out),
            Pending::LogStart(to) => self.start_moved(now, to, result.is_ok(), out),
            Pending::Truncation => self.truncation_step(now, result, out),
            Pending::Stop => self.stop_step(now, result, out),
            Pending::Damage => self.damage_written(result, out),
            Pending::Nothing => {}
        }
        if done && self.making.remove(&token) && self.making.is_empty() && matches!(self.phase, Phase::Serving) {
            out.push(Output::Made);
        }
        self.cut_if_due(now, out);
        self.go_on_stopping(now, out);
    }

    fn work_done(&mut self, now: Now, token: Token, result: Result<WorkDone, DiskError>, out: &mut Vec<Output>) {
        match self.pending.remove(&token) {
            Some(Pending::Lookup(lookup)) => self.lookup_worked(lookup, result, out),
            Some(Pending::Truncation) => self.truncation_worked(now, result, out),
            _ => {}
        }
    }

    fn must_succeed(&mut self, result: Result<DiskDone, DiskError>, out: &mut Vec<Output>) {
        if let Err(error) = result {
            self.fall(Some(error), out);
        }
    }

    /// Ends the service of this log. What was assigned and not yet durable is never acknowledged: a failed write may be in the file in part, or whole, or not
    /// at all, and only recovery can tell.
    pub(super) fn fall(&mut self, error: Option<DiskError>, out: &mut Vec<Output>) {
        match self.phase {
            Phase::OutOfService | Phase::Ended => return,
            Phase::Closing(ref mut closing) => return closing.fail(),
            Phase::Deleting(_) => return,
            Phase::Serving | Phase::Truncating(_) => {}
        }
        self.phase = Phase::OutOfService;
        self.fail_lookups(out);
        reached!(&mut NotesOf(out), "log.out_of_service", of = &self.subject, self.ends.synced.0, self.ends.end.0);
        if let Some(error) = error {
            out.push(Output::Note(Note::mark("log.failed").of(Some(&self.subject)).says(error.to_string())));
            out.push(Output::OutOfService { error });
        }
    }

    /// What was written is not what is read: the log serves no more, in this life and every later one, until an operator gives up what is lost.
    pub(super) fn damaged(&mut self, damage: Damage, out: &mut Vec<Output>) {
        if !matches!(self.phase, Phase::Serving | Phase::Truncating(_)) {
            return;
        }
        let note = Note::mark("log.damaged").of(Some(&self.subject)).facts(damage.offset.0, damage.at as i64);
        out.push(Output::Note(note.says(format!("{} is out of service: {damage}", self.setup.partition))));
        let (name, bytes) = (self.setup.name.join(damage::FILE), damage::encode(&damage).into_bytes().into());
        let token = self.token(Pending::Damage);
        out.push(Output::Dir(Request::Replace { token, name, bytes }));
        let Damage { segment: name, why: says, .. } = damage;
        self.fall(Some(DiskError { kind: DiskErrorKind::Io, action: "read", name, says }), out);
    }

    /// The disk does not give back what was written: the log serves no more in this life. The next one tries again.
    pub(super) fn unreadable(&mut self, error: DiskError, out: &mut Vec<Output>) {
        if !matches!(self.phase, Phase::Serving | Phase::Truncating(_)) {
            return;
        }
        let says = format!("{} is out of service: {error}", self.setup.partition);
        out.push(Output::Note(Note::mark("log.unreadable").of(Some(&self.subject)).says(says)));
        self.fall(Some(error), out);
    }

    /// A range that was given out; one of a segment that was deleted or cut meanwhile says nothing of this log.
    fn range_unreadable(&mut self, range: FileRange, says: String, out: &mut Vec<Output>) {
        let of = self.segments.iter().find(|s| s.file == range.file && range.at + range.length <= s.length);
        let Some(name) = of.map(|s| s.name(&self.setup.name, "log")) else { return };
        let says = format!("{} bytes at {}: {says}", range.length, range.at);
        self.unreadable(DiskError { kind: DiskErrorKind::Io, action: "send", name, says }, out);
    }

    /// Where damage cannot be written down, a later life finds it as this one did, or serves what it can.
    fn damage_written(&self, result: DiskResult, out: &mut Vec<Output>) {
        if let Err(error) = result {
            let says = format!("damage could not be written down: {error}");
            out.push(Output::Note(Note::mark("log.damage_not_recorded").of(Some(&self.subject)).says(says)));
        }
    }

    pub(super) fn do_what_is_due(&mut self, now: Now, out: &mut Vec<Output>) {
        if matches!(self.phase, Phase::Serving) && self.flush_at.is_some_and(|at| at <= now.mono) {
            self.want_sync_of_active(out);
        }
        self.remove_doomed(now, out);
        self.go_on_stopping(now, out);
    }

    pub(super) fn next_deadline(&self) -> Option<Deadline> {
        let flush = self.flush_at.map(|at| Deadline { at, why: "log.flush" });
        let doomed = self.doomed.iter().find_map(super::retire::Doomed::due).map(|at| Deadline { at, why: "log.file_delete" });
        let stop = self.stop_deadline();
        Deadline::earliest(Deadline::earliest(flush, doomed), stop)
    }

    /// Forgets producers that were silent for `producer.id.expiration.ms`, some at a time; the owner calls it with its retention sweep. Says how many went.
    pub fn expire_producers(&mut self, now: Now) -> usize {
        self.producers.expire(now.wall.0, self.setup.config.producer_id_expiration_ms, EXPIRED_MOST)
    }
}
