//! Marks: entered, written, told.

use bytes::Bytes;
use odradek_machine::{Note, Now};
use odradek_wire::ids::TopicPartition;

use super::ids::OwnerId;
use super::marks::{REPLACE_BYTES, RETRY_MS, State, URGENT_BYTES};
use super::whole::Client;
use super::{Kind, LogDir, METADATA_TOPIC, Output, Owner, Purpose};
use crate::dir::completions::DONE;
use crate::disk::{DiskAction, DiskError, DiskErrorKind, FileId, Name};
use crate::formats::synced_marks::{self, SyncedMark};
use crate::output::{Checkpoint as Entry, Mark, Token};

impl LogDir {
    /// A log says what the checkpoints and its mark shall be.
    pub(super) fn entered(&mut self, owner: OwnerId, entry: Entry) {
        let Some(o) = self.owners.get_mut(&owner) else { return };
        let before = o.entry.replace(entry);
        if !self.inherited.is_empty() {
            self.inherited.remove(&marked_as(&o.owner));
        }
        if o.start_asked == Some(entry.log_start) {
            o.start_asked = None;
        }
        if before.is_none_or(|b| (b.synced, b.log_start) != (entry.synced, entry.log_start)) {
            self.marks.dirty.insert(owner);
        }
        let changed = |of: fn(&Entry) -> i64| before.as_ref().map(of) != Some(of(&entry));
        self.checkpoints[Kind::RecoveryPoint as usize].dirty |= changed(|e| e.recovery_point.0);
        self.checkpoints[Kind::LogStart as usize].dirty |= changed(|e| e.log_start.0);
        self.checkpoints[Kind::HighWatermark as usize].dirty |= changed(|e| e.high_watermark.0);
    }

    /// A log is about to be cut: its mark must be lower first.
    pub(super) fn lower_mark(&mut self, owner: OwnerId, token: Token, to: Mark) {
        if let Some(entry) = self.owners.get_mut(&owner).and_then(|o| o.entry.as_mut()) {
            entry.synced = to;
            entry.recovery_point = entry.recovery_point.min(to.end);
        }
        self.checkpoints[Kind::RecoveryPoint as usize].dirty = true;
        self.marks.dirty.insert(owner);
        self.marks.lowering.push((owner, token));
    }

    /// Writes the marks that are new, if none are being written.
    pub(super) fn write_marks(&mut self, now: Now, out: &mut Vec<Output>) {
        if self.marks.retry_at.is_some_and(|at| at > now.mono) {
            return;
        }
        self.marks.retry_at = None;
        if self.marks.dirty.is_empty() && !self.marks.remembering || matches!(self.marks.state, State::Appending(_) | State::Replacing) {
            return;
        }
        self.marks.ahead.extend(self.marks.dirty.iter());
        self.marks.writing = std::mem::take(&mut self.marks.dirty);
        self.marks.lowered = std::mem::take(&mut self.marks.lowering);
        match self.marks.state {
            State::Idle(file) if !self.marks.replace => {
                let lines = Bytes::from(self.lines(self.marks.writing.iter()));
                let at = self.marks.length;
                self.marks.length += lines.len() as u64;
                self.marks.state = State::Appending(file);
                self.counts.mark_syncs += 1;
                self.submit(Purpose::MarkAppended, DiskAction::Write { file, at, parts: vec![lines] }, out);
                self.submit(Purpose::MarkSynced, DiskAction::Sync { file }, out);
            }
            State::None | State::Idle(_) => {
                if let State::Idle(file) = self.marks.state {
                    self.submit(Purpose::Nothing, DiskAction::Close { file }, out);
                }
                (self.marks.replace, self.marks.remembering) = (false, false);
                self.marks.state = State::Replacing;
                self.counts.mark_syncs += 1;
                let mut lines = self.lines(self.marks.ahead.iter());
                self.inherited.values().filter_map(|i| i.mark.as_ref()).for_each(|mark| lines.push_str(&synced_marks::encode(mark)));
                let lines = Bytes::from(lines);
                self.write_whole(Client::Marks, Name::from(synced_marks::FILE), lines, true, out);
            }
            State::Appending(_) | State::Replacing => unreachable!("looked at above"),
        }
    }

    fn lines<'a>(&self, owners: impl Iterator<Item = &'a OwnerId>) -> String {
        let mut lines = String::new();
        for o in owners.filter_map(|o| self.owners.get(o)) {
            if let Some(entry) = &o.entry {
                line(&mut lines, marked_as(&o.owner), entry);
            }
        }
        lines
    }

    /// An operation of an append to the marks finished.
    pub(super) fn mark_finished(&mut self, now: Now, synced: bool, result: Result<(), DiskError>, out: &mut Vec<Output>) {
        match (result, self.marks.state) {
            (Err(error), _) if !synced && error.kind == DiskErrorKind::Full => self.marks.no_room = Some(error),
            (Err(error), _) => self.fall(error, out),
            (Ok(()), State::Appending(file)) if synced => match self.marks.no_room.take() {
                None => self.marked(file, out),
                Some(error) => {
                    self.submit(Purpose::Nothing, DiskAction::Close { file }, out);
                    self.no_room_for_marks(now, error, out);
                }
            },
            (Ok(()), _) => {}
        }
    }

    /// A full disk takes nothing that is synced: what is not marked is kept back until there is room. A stop does not wait for that.
    fn no_room_for_marks(&mut self, now: Now, error: DiskError, out: &mut Vec<Output>) {
        if self.stopping.is_some() {
            return self.fall(error, out);
        }
        let says = format!("no log is told that it is synced before there is room: {error}");
        out.push(Output::Note(Note::mark("dir.marks_wait").facts(i64::from(self.id().0), RETRY_MS as i64).says(says)));
        let m = &mut self.marks;
        m.dirty.append(&mut m.writing);
        m.lowering.append(&mut m.lowered);
        (m.state, m.replace, m.remembering) = (State::None, true, true);
        m.retry_at = Some(now.mono.plus_ms(RETRY_MS));
    }

    /// The file of marks was replaced.
    pub(super) fn marks_replaced(&mut self, now: Now, file: FileId, length: u64, result: Result<(), DiskError>, out: &mut Vec<Output>) {
        match result {
            Err(error) if error.kind == DiskErrorKind::Full => self.no_room_for_marks(now, error, out),
            Err(error) => self.fall(error, out),
            Ok(()) => {
                self.marks.length = length;
                self.marked(file, out);
            }
        }
    }

    fn marked(&mut self, file: FileId, out: &mut Vec<Output>) {
        self.marks.state = State::Idle(file);
        self.marks.writing.clear();
        for (owner, token) in std::mem::take(&mut self.marks.lowered) {
            self.tell(owner, token, DONE, out);
        }
        if self.marks.length > URGENT_BYTES {
            self.checkpoints[Kind::RecoveryPoint as usize].urgent = true;
        }
        self.deliver_held(out);
    }

    /// The recovery points on disk are new: marks that say no more than they need not be kept.
    pub(super) fn marks_overtaken(&mut self) {
        let ahead = std::mem::take(&mut self.marks.ahead);
        self.marks.ahead = ahead.into_iter().filter(|o| self.says_more(*o)).collect();
        self.marks.replace = self.marks.length > REPLACE_BYTES;
    }

    fn says_more(&self, owner: OwnerId) -> bool {
        // What was marked while the checkpoint was being built is kept: it costs a line, and whether the checkpoint saw it need not be known.
        self.owners.get(&owner).and_then(|o| o.entry).is_some()
    }
}

/// By which partition's name an owner is marked.
pub(super) fn marked_as(owner: &Owner) -> TopicPartition {
    match owner {
        Owner::Partition(partition) => partition.clone(),
        Owner::Metadata => TopicPartition { topic: METADATA_TOPIC.into(), partition: 0 },
    }
}

fn line(lines: &mut String, partition: TopicPartition, entry: &Entry) {
    let Mark { segment, length, end } = entry.synced;
    let topic_id = Some(entry.topic_id).filter(|id| !id.is_zero());
    lines.push_str(&synced_marks::encode(&SyncedMark { partition, topic_id, segment, length, end, start: entry.log_start }));
}
