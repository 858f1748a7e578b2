//! What is due: parked requests, late frames, logs, directories, the quorum, heartbeats, retention.

use odradek_machine::{Now, ms};
use odradek_quorum::Input;

use super::{Alarm, Running};
use crate::io::Outbox;
use crate::partition::PartitionId;

impl Running {
    /// Does everything that is due.
    pub(crate) fn wake(&mut self, now: Now, out: &mut Outbox) {
        self.wake_metadata(now, out);
        while let Some(key) = self.purgatory.expired(now.mono) {
            self.expired(now, key, out);
        }
        self.connections.wake(now.mono, out);
        while let Some(alarm) = self.alarms.pop_due(now.mono) {
            self.ring(now, alarm, out);
        }
        self.wake_dirs(now, out);
        self.membership_wake(now, out);
        self.stop_wake(now, out);
    }

    fn wake_metadata(&mut self, now: Now, out: &mut Outbox) {
        let due = |deadline: Option<odradek_machine::Deadline>| deadline.is_some_and(|d| d.at <= now.mono);
        if due(self.metadata.quorum.deadline()) {
            self.with_quorum(now, out, |quorum, said| quorum.step(now, Input::Wake, said));
        }
        if due(self.metadata.log.deadline()) {
            self.with_metadata_log(now, out, |log, said| log.wake(now, said));
        }
        self.wake_controller(now, out);
    }

    fn wake_dirs(&mut self, now: Now, out: &mut Outbox) {
        for at in 0..self.storage.dirs.len() {
            let dir = &mut self.storage.dirs[at].dir;
            if dir.deadline().is_some_and(|d| d.at <= now.mono) {
                let (id, mut said) = (dir.id(), Vec::new());
                dir.wake(now, &mut said);
                self.carry_dir(now, id, said, out);
            }
        }
    }

    fn ring(&mut self, now: Now, alarm: Alarm, out: &mut Outbox) {
        match alarm {
            Alarm::Log(id) => {
                self.log_alarms.remove(&id);
                self.with_replica(now, id, out, |replica, said| replica.log.wake(now, said));
            }
            Alarm::Dying(owner) => self.with_dying(now, owner, out, |log, said| log.wake(now, said)),
            Alarm::Make(id) => self.make_again(now, id, out),
            Alarm::Retention => self.retain_next(now, out),
        }
    }

    /// Retention begins its next round after `log.retention.check.interval.ms`.
    pub(super) fn schedule_retention(&mut self, now: Now) {
        let interval_ms = u64::try_from(self.setup.config.long("log.retention.check.interval.ms")).unwrap_or(1);
        self.retention_next = None;
        self.alarms.set(now.mono.plus_ms(interval_ms), Alarm::Retention);
    }

    /// One slice of retention: one log; the next follows at once in a step of its own.
    fn retain_next(&mut self, now: Now, out: &mut Outbox) {
        let next = match self.retention_next {
            None => self.round.first().copied(),
            Some(last) => self.round.range((std::ops::Bound::Excluded(last), std::ops::Bound::Unbounded)).next().copied(),
        };
        let Some(id) = next else { return self.schedule_retention(now) };
        self.retain_one(now, id, out);
        self.retention_next = Some(id);
        self.alarms.set(now.mono + ms(1), Alarm::Retention);
    }

    fn retain_one(&mut self, now: Now, id: PartitionId, out: &mut Outbox) {
        self.with_replica(now, id, out, |replica, said| {
            replica.log.retire(now, said);
            replica.log.expire_producers(now);
        });
    }
}
