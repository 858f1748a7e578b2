//! Appending: the one place where offsets are assigned.

use bytes::Bytes;
use odradek_machine::{Now, guard, reached};
use odradek_wire::ids::{LeaderEpoch, Offset};

use super::incoming::{Incoming, Origin};
use super::positions::At;
use super::{AppendError, Appended, Log, Pending, Phase};
use crate::config::LogConfig;
use crate::disk::DiskAction;
use crate::log::recovered::AbortedTransaction;
use crate::output::{NotesOf, Output, Request};
use crate::producers::{CompletedTransaction, Update, Verdict};

/// How far an append has come, where it matters to producer state.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The batch may still be refused, and what is written down meanwhile must not know it.
    Judged,
    /// The batch has its offsets.
    Accepted,
}

impl Log {
    pub(super) fn append_leader(
        &mut self,
        now: Now,
        batch: Incoming,
        epoch: LeaderEpoch,
        origin: Origin,
        out: &mut Vec<Output>,
    ) -> Result<Appended, AppendError> {
        self.takes_appends()?;
        let config = &self.setup.config;
        if origin == Origin::Client {
            self.admits_incoming(now, &batch)?;
            check_fits_segment(config, &batch)?;
        }
        let append_time_ms = (config.log_append_time && origin == Origin::Client).then_some(now.wall.0);
        let base = self.ends.end;
        let last = last_offset(base, batch.last_offset_delta)?;
        let update = match self.producers.judge(&batch, origin)? {
            Verdict::Nothing => None,
            Verdict::Fresh(update) => Some(update),
            Verdict::Duplicate(original) => {
                reached!(&mut NotesOf(out), "producer.duplicate", of = &self.subject, original.base_offset().0, self.ends.synced.0);
                return Ok(Appended {
                    base: original.base_offset(),
                    end: original.last_offset.next(),
                    log_append_time_ms: Some(original.timestamp_ms),
                    log_start: self.ends.start,
                    duplicate: true,
                });
            }
        };
        let timestamp_ms = append_time_ms.unwrap_or(batch.max_timestamp_ms());
        if self.epochs.assign(epoch, base) {
            self.save_epochs(base, out);
        }
        let bytes = batch.bytes;
        self.take_in(now, Accepting { base, last, bytes, timestamp_ms, update }, || batch.assign(base, epoch, append_time_ms), out);
        Ok(Appended { base, end: last.next(), log_append_time_ms: append_time_ms, log_start: self.ends.start, duplicate: false })
    }

    pub(super) fn append_follower(&mut self, now: Now, batch: Incoming, out: &mut Vec<Output>) -> Result<Appended, AppendError> {
        self.takes_appends()?;
        let base = batch.base;
        // A leader's log may have holes where it was compacted, but never goes back.
        if base < self.ends.end {
            return Err(AppendError::NotNext { got: base, expected: self.ends.end });
        }
        let last = last_offset(base, batch.last_offset_delta)?;
        let update = match self.producers.judge(&batch, Origin::Replication)? {
            Verdict::Fresh(update) => Some(update),
            Verdict::Nothing | Verdict::Duplicate(_) => None,
        };
        if batch.epoch.0 >= 0 && self.epochs.latest().is_none_or(|l| l.epoch < batch.epoch) && self.epochs.assign(batch.epoch, base) {
            self.save_epochs(base, out);
        }
        let (bytes, timestamp_ms) = (batch.bytes, batch.max_timestamp_ms());
        self.take_in(now, Accepting { base, last, bytes, timestamp_ms, update }, || batch.into_parts(), out);
        Ok(Appended { base, end: last.next(), log_append_time_ms: None, log_start: self.ends.start, duplicate: false })
    }

    fn takes_appends(&self) -> Result<(), AppendError> {
        match self.phase {
            Phase::Serving => Ok(()),
            Phase::Truncating(_) | Phase::Closing(_) | Phase::Deleting(_) => Err(AppendError::Busy),
            Phase::OutOfService | Phase::Ended => Err(AppendError::OutOfService),
        }
    }

    /// Rolls if it must, gives the batch its place, and lets everything follow that speaks of it.
    fn take_in(&mut self, now: Now, a: Accepting, parts: impl FnOnce() -> Vec<Bytes>, out: &mut Vec<Output>) {
        let Accepting { base, last, bytes, timestamp_ms, mut update } = a;
        self.mutate_producers(Stage::Judged, &mut update, base, timestamp_ms);
        self.make_room(now, base, last, bytes, timestamp_ms, out);

        let interval = self.setup.config.index_interval_bytes;
        let segment = self.segments.back_mut().expect("a log has an active segment");
        assert!(base >= segment.end, "append at {base:?} before the segment's end {:?}", segment.end);
        let at = segment.append(last, bytes, timestamp_ms, interval);
        segment.changed_ms = now.wall.0;
        let (file, written_at) = (segment.file, (segment.base, segment.length));
        self.positions.push(At { base, last, at, length: bytes }, self.ends.written);
        let token = self.token(Pending::Write);
        out.push(Output::Dir(Request::Disk { token, action: DiskAction::Write { file, at, parts: parts() } }));
        let old_end = self.ends.end;
        self.ends.appended(token, last.next(), written_at);

        let completed = self.mutate_producers(Stage::Accepted, &mut update, base, timestamp_ms);
        if let Some(done) = completed.filter(|c| !c.committed) {
            self.aborted(done);
        }
        self.unflushed += last.next().since(old_end).unsigned_abs();
        self.want_sync_if_due(now, out);

        assert!(update.is_none(), "an accepted batch left producer state behind");
        assert!(self.ends.end > old_end, "log end {:?} after an append at {old_end:?}", self.ends.end);
        assert_eq!(self.segments.back().map(|s| s.end), Some(self.ends.end), "the active segment ends elsewhere than the log");
    }

    /// Producer state follows the log and never runs ahead of it: a snapshot that is taken by the roll which this batch caused must not know the batch, or a
    /// crash before the batch is written makes its retry a duplicate of nothing (KAFKA-6683).
    fn mutate_producers(
        &mut self,
        stage: Stage,
        update: &mut Option<Update>,
        base: Offset,
        timestamp_ms: i64,
    ) -> Option<CompletedTransaction> {
        if guard!(self.setup.guards, KAFKA_6683, stage == Stage::Accepted) {
            return self.producers.accept(update.take()?, base, timestamp_ms);
        }
        None
    }

    fn aborted(&mut self, done: CompletedTransaction) {
        let segment = self.segments.back_mut().expect("a log has an active segment");
        segment.has_aborted = true;
        self.aborted.push(AbortedTransaction {
            segment: segment.base,
            producer: done.producer,
            first: done.first,
            last: done.last,
            last_stable: done.last_stable,
        });
    }
}

/// A batch that nothing can refuse any more.
struct Accepting {
    base: Offset,
    last: Offset,
    bytes: u64,
    timestamp_ms: i64,
    update: Option<Update>,
}

fn last_offset(base: Offset, delta: i32) -> Result<Offset, AppendError> {
    // The offset after the last one must exist as well: it is the log end.
    let last = base.0.checked_add(i64::from(delta)).filter(|last| *last >= base.0 && *last < i64::MAX);
    last.map(Offset).ok_or(AppendError::Exhausted { after: base })
}

fn check_fits_segment(config: &LogConfig, batch: &Incoming) -> Result<(), AppendError> {
    let limit = u64::from(config.segment_bytes);
    if batch.bytes > limit { Err(AppendError::LargerThanSegment { bytes: batch.bytes, limit }) } else { Ok(()) }
}
