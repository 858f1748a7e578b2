//! What logs and log directories ask for, carried to those who do it, and what comes back.

use odradek_log::dir::Output as DirOutput;
use odradek_log::dir::ids::{DirIds, OwnerId};
use odradek_log::disk::{DirId, DiskResult, OpId};
use odradek_log::output::{Input as LogInput, Output as LogOutput, Request};
use odradek_log::work::{Work as LogWork, WorkResult as LogWorkResult};
use odradek_machine::{Now, Subject, reached};

use super::{Alarm, Event, Running};
use crate::io::{NotesOf, Outbox, Output, WorkId};
use crate::partition::{PartitionId, Replica};
use crate::storage::{Holder, WorkOwner};
use crate::work::{Work, WorkResult};

impl Running {
    /// A disk operation finished.
    pub(crate) fn disk_done(&mut self, now: Now, op: OpId, result: DiskResult, out: &mut Outbox) {
        if DirIds::is_opening(op) {
            return self.opening_done(now, op, result, out);
        }
        let mut said = Vec::new();
        if let Some(dir) = self.storage.completed(now, op, result, &mut said) {
            self.carry_dir(now, dir, said, out);
        }
    }

    /// Begins the syncs that this step asked for, one for all that wait on a file; true if that led to anything more to be done in this step.
    pub(super) fn settle_dirs(&mut self, now: Now, out: &mut Outbox) -> bool {
        for at in 0..self.storage.dirs.len() {
            let (dir, mut said) = (DirId(at as u16), Vec::new());
            self.storage.dirs[at].dir.settle(now, &mut said);
            self.carry_dir(now, dir, said, out);
        }
        !self.events.is_empty()
    }

    /// A unit of work finished.
    pub(crate) fn work_done(&mut self, work: WorkId, result: WorkResult) {
        let Some(owner) = self.storage.end_work(work) else { return };
        let event = match (owner, result) {
            (WorkOwner::Log(owner, token), WorkResult::Log(LogWorkResult::Search(result))) => {
                Event::ToOwner(owner, LogInput::Work { token, result })
            }
            (WorkOwner::Opening(dir, op), WorkResult::Log(result)) => Event::OpeningWorked(dir, op, result),
            (WorkOwner::Recompress(partition), WorkResult::Recompressed(batch)) => Event::Recompressed(partition, batch),
            (WorkOwner::Snapshot(id), WorkResult::Snapshot(content)) => Event::SnapshotEncoded(id, content),
            (owner, result) => unreachable!("work of {owner:?} answered with {result:?}"),
        };
        self.events.push_back(event);
    }

    /// A log, or the quorum's files, are told something.
    pub(super) fn told(&mut self, now: Now, owner: OwnerId, input: LogInput, out: &mut Outbox) {
        match self.storage.holder(owner) {
            Some((Holder::Partition(id), _)) => {
                self.with_replica(now, id, out, |replica, said| replica.log.step(now, input, said));
            }
            Some((Holder::MetadataLog, _)) => {
                self.with_metadata_log(now, out, |log, said| log.step(now, input, said));
                // The first thing that a log is told is that its directory was made.
                if std::mem::take(&mut self.metadata.being_made) {
                    self.load_on(now, out);
                }
            }
            Some((Holder::Quorum, _)) => self.quorum_file_done(now, input, out),
            Some((Holder::Dying, _)) => self.with_dying(now, owner, out, |log, said| log.step(now, input, said)),
            Some((Holder::Sweep, dir)) => self.swept(now, owner, dir, input, out),
            None => {} // it ended while this was under way
        }
    }

    /// Does something with a replica, moves its high watermark, carries what its log asks for, and tells who waits for its ends.
    pub(crate) fn with_replica<T>(
        &mut self,
        now: Now,
        id: PartitionId,
        out: &mut Outbox,
        f: impl FnOnce(&mut Replica, &mut Vec<LogOutput>) -> T,
    ) -> Option<T> {
        let replica = self.replicas.get_mut(&id)?;
        let before = replica.ends();
        let mut said = Vec::new();
        let result = f(replica, &mut said);
        replica.advance(&mut said);
        let (owner, dir, after) = (replica.owner, replica.dir, replica.ends());
        if after != before {
            self.events.push_back(Event::Moved(id, before));
        }
        if self.touched.last() != Some(&id) {
            self.touched.push(id);
        }
        self.carry_log(now, owner, dir, Holder::Partition(id), said, out);
        self.set_log_alarm(id);
        Some(result)
    }

    /// Carries what a log asks for and says.
    pub(super) fn carry_log(&mut self, now: Now, owner: OwnerId, dir: DirId, holder: Holder, said: Vec<LogOutput>, out: &mut Outbox) {
        for output in said {
            match output {
                LogOutput::Dir(request) => self.request_dir(now, owner, dir, request, out),
                LogOutput::Work { token, work } => {
                    let id = self.storage.begin_work(WorkOwner::Log(owner, token));
                    out.push(Output::Work { work: id, what: Work::Log { dir, what: LogWork::Search(work) } });
                }
                LogOutput::Answered { lookup, answer } => {
                    if let Holder::Partition(partition) = holder {
                        self.events.push_back(Event::Answered(partition, lookup, answer));
                    }
                }
                LogOutput::RangesCut { file, past } => {
                    let cut = |r: &odradek_log::disk::FileRange| r.dir == dir && r.file == file && r.at + r.length > past;
                    if self.connections.close_holders(cut, out) > 0 {
                        reached!(&mut NotesOf(out), "response.range_cut", past, 0);
                    }
                }
                // The ends tell those who wait.
                LogOutput::Truncated { .. } | LogOutput::LogStartMoved { .. } => {}
                LogOutput::Ended { clean } => self.log_ended(owner, holder, clean, out),
                LogOutput::Made => {
                    if let Holder::Partition(partition) = holder {
                        self.events.push_back(Event::Made(partition));
                    }
                }
                LogOutput::OutOfService { error } => match holder {
                    Holder::Partition(partition) => {
                        if self.replicas.get(&partition).is_none_or(|r| r.log.is_made()) {
                            self.events.extend([Event::Upset(partition), Event::Fell]);
                        } else {
                            self.events.push_back(Event::NotMade(partition, error));
                        }
                    }
                    Holder::Dying | Holder::Sweep => {}
                    Holder::MetadataLog | Holder::Quorum => self.fail(format!("the metadata log is out of service: {error}"), out),
                },
                LogOutput::Note(note) => out.push(Output::Note(note)),
            }
        }
    }

    /// Hands a request of an owner to its directory.
    pub(super) fn request_dir(&mut self, now: Now, owner: OwnerId, dir: DirId, request: Request, out: &mut Outbox) {
        let mut said = Vec::new();
        self.storage.dir_mut(dir).request(now, owner, request, &mut said);
        self.carry_dir(now, dir, said, out);
    }

    /// Carries what a log directory asks for and says.
    pub(super) fn carry_dir(&mut self, now: Now, dir: DirId, said: Vec<DirOutput>, out: &mut Outbox) {
        for output in said {
            match output {
                DirOutput::Disk { op, action } => out.push(Output::Disk { op, dir, action }),
                DirOutput::ToOwner { owner, input } => self.events.push_back(Event::ToOwner(owner, input)),
                DirOutput::CloseLogs => self.close_logs(now, dir, out),
                DirOutput::Stopped { clean } => self.dir_stopped(now, dir, clean, out),
                DirOutput::OutOfService { error } => self.dir_failed(now, dir, &error, out),
                DirOutput::Note(note) => out.push(Output::Note(note)),
            }
        }
    }

    /// A log directory failed: what is in it is out of service, and a node without a healthy directory ends.
    fn dir_failed(&mut self, now: Now, dir: DirId, error: &odradek_log::disk::DiskError, out: &mut Outbox) {
        let path = self.storage.dirs[usize::from(dir.0)].path.clone();
        let subject = Subject { name: path.as_str().into(), number: i32::from(dir.0) };
        reached!(&mut NotesOf(out), "dir.out_of_service", of = &subject);
        for (&id, replica) in self.replicas.sorted() {
            if replica.dir == dir {
                self.events.push_back(Event::Upset(id));
            }
        }
        // The controller takes its replicas out, and makes no others in it.
        self.membership.beat_at(now.mono);
        if dir == self.metadata.dir {
            self.fail(format!("log directory {path}, which holds the metadata log, is out of service: {error}"), out);
        } else if self.storage.dirs.iter().all(|d| d.dir.is_out_of_service()) {
            self.fail(format!("all log dirs have failed; the last: {path}: {error}"), out);
        }
    }

    /// Keeps one alarm for each log, at its deadline.
    pub(super) fn set_log_alarm(&mut self, id: PartitionId) {
        let wanted = self.replicas.get(&id).and_then(|r| r.log.deadline()).map(|d| d.at);
        let set = self.log_alarms.get(&id).map(|(at, _)| *at);
        if wanted == set {
            return;
        }
        if let Some((_, timer)) = self.log_alarms.remove(&id) {
            self.alarms.cancel(timer);
        }
        if let Some(at) = wanted {
            let timer = self.alarms.set(at, Alarm::Log(id));
            self.log_alarms.insert(id, (at, timer));
        }
    }
}
