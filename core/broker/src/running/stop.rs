//! The end of a node: controlled shutdown, connections, partitions' logs, checkpoints and mark, and last of all the metadata log.

use odradek_log::disk::DirId;
use odradek_machine::{Deadline, Mono, Now, reached};

use super::Running;
use crate::io::{NotesOf, Outbox, Output};

/// How far a stop is.
///
/// | from | to | trigger |
/// |---|---|---|
/// | `Handing` | `Closing` | the controller says that nothing is led here, or the time for it is over |
/// | `Closing` | `MetadataLog` | every log directory wrote its mark |
/// | `MetadataLog` | `Done` | the metadata log is closed |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Handing,
    Closing,
    MetadataLog,
    Done,
}

/// A stop that is under way.
#[derive(Debug)]
pub(crate) struct Stopping {
    stage: Stage,
    until: Mono,
    /// The controller answered once that it is not time yet.
    answered: bool,
    dirs_left: usize,
}

/// How long a controlled shutdown may take before the node stops without it.
const HANDING_MS: u64 = 30_000;

/// How soon after the first answer the controller is asked again.
const ASKS_AGAIN_MS: u64 = 50;

impl Stopping {
    /// The milliseconds until the controller is asked again, where that is sooner than a heartbeat is due: once.
    pub(super) fn asks_soon(&mut self) -> Option<u64> {
        (!std::mem::replace(&mut self.answered, true)).then_some(ASKS_AGAIN_MS)
    }

    /// The metadata log is closed, or on its way.
    pub(super) fn closes_the_metadata_log(&self) -> bool {
        matches!(self.stage, Stage::MetadataLog | Stage::Done)
    }

    pub(crate) fn deadline(&self) -> Option<Deadline> {
        (self.stage == Stage::Handing).then_some(Deadline { at: self.until, why: "controlled shutdown takes too long" })
    }
}

impl Running {
    /// Stops cleanly: hands over first, unless `controlled.shutdown.enable` is false.
    pub(crate) fn stop(&mut self, now: Now, out: &mut Outbox) {
        if self.stopping.is_some() {
            return;
        }
        reached!(&mut NotesOf(out), "node.stopping");
        if !self.membership.caught_up {
            // Not every log was loaded, so no mark may vouch for them: the next start recovers what this one would have.
            self.ended = true;
            return out.push(Output::Stopped { outcome: Ok(()) });
        }
        let until = now.mono.plus_ms(HANDING_MS);
        self.stopping = Some(Stopping { stage: Stage::Handing, until, answered: false, dirs_left: self.storage.dirs.len() });
        let hands_over = self.setup.config.boolean("controlled.shutdown.enable");
        if hands_over && self.membership.epoch().is_some() && self.metadata.controller.is_some() {
            self.beat(now, true, out);
        } else {
            self.may_shut_down(now, out);
        }
    }

    /// Nothing is led here any more.
    pub(super) fn may_shut_down(&mut self, now: Now, out: &mut Outbox) {
        let Some(stopping) = self.stopping.as_mut().filter(|s| s.stage == Stage::Handing) else { return };
        stopping.stage = Stage::Closing;
        self.connections.close_all("the broker stops", out);
        let epoch = self.membership.epoch().map_or(-1, |e| e.0);
        for at in 0..self.storage.dirs.len() {
            let (dir, mut said) = (DirId(at as u16), Vec::new());
            if self.storage.dirs[at].dir.is_out_of_service() {
                self.dir_stopped(now, dir, false, out);
                continue;
            }
            self.storage.dirs[at].dir.stop(now, epoch, &mut said);
            self.carry_dir(now, dir, said, out);
        }
    }

    pub(super) fn stop_wake(&mut self, now: Now, out: &mut Outbox) {
        if self.stopping.as_ref().is_some_and(|s| s.stage == Stage::Handing && s.until <= now.mono) {
            reached!(&mut NotesOf(out), "node.handed_over_too_slowly");
            self.may_shut_down(now, out);
        }
    }

    /// The high watermarks of a directory are on disk: its logs close.
    pub(super) fn close_logs(&mut self, now: Now, dir: DirId, out: &mut Outbox) {
        self.close_offline(now, dir, out);
        let here: Vec<_> = self.replicas.sorted().into_iter().filter(|(_, r)| r.dir == dir).map(|(&id, _)| id).collect();
        for id in here {
            self.with_replica(now, id, out, |replica, said| replica.log.close(now, said));
        }
        let dying: Vec<_> = self.dying.sorted().into_iter().filter(|(_, (_, d))| *d == dir).map(|(&owner, _)| owner).collect();
        for owner in dying {
            self.with_dying(now, owner, out, |log, said| log.close(now, said));
        }
    }

    /// A directory wrote its mark, or could not.
    pub(super) fn dir_stopped(&mut self, now: Now, dir: DirId, clean: bool, out: &mut Outbox) {
        reached!(&mut NotesOf(out), "dir.stopped", dir.0, clean);
        let Some(stopping) = self.stopping.as_mut() else { return };
        stopping.dirs_left -= 1;
        if stopping.dirs_left == 0 {
            stopping.stage = Stage::MetadataLog;
            self.with_metadata_log(now, out, |log, said| log.close(now, said));
        }
    }

    /// The metadata log is closed: the node has ended.
    pub(super) fn metadata_log_ended(&mut self, clean: bool, out: &mut Outbox) {
        reached!(&mut NotesOf(out), "node.stopped", clean, 0);
        if let Some(stopping) = self.stopping.as_mut().filter(|s| s.stage == Stage::MetadataLog) {
            stopping.stage = Stage::Done;
            self.ended = true;
            out.push(Output::Stopped { outcome: Ok(()) });
        }
    }
}
