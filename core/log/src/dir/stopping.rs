//! A clean stop, in Kafka's order: the clean-shutdown mark last of all that it vouches for.

use bytes::Bytes;
use odradek_machine::Now;

use super::checkpoints::Kind;
use super::ids::OwnerId;
use super::whole::Client;
use super::{LogDir, Output, Owner, Purpose, State};
use crate::disk::{DiskAction, Name};
use crate::formats::clean_shutdown;

const CLEAN_MARK: &str = ".kafka_cleanshutdown";

/// A stop under way.
///
/// | from | to | trigger |
/// |---|---|---|
/// | `HighWatermarks` | `Closing` | the high watermarks are on disk |
/// | `Closing` | `Checkpoints` | every log of a partition is closed |
/// | `Checkpoints` | `CleanMark` | recovery points and log starts are on disk, and everything was clean |
/// | `Checkpoints` | `Unlocking` | the same, and something was not |
/// | `CleanMark` | `Unlocking` | the mark is durable |
/// | `Unlocking` | stopped | the lock is given back |
#[derive(Clone, Copy, Debug)]
pub(super) struct Stopping {
    stage: Stage,
    clean: bool,
    broker_epoch: i64,
    /// The mark was written.
    marked: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    HighWatermarks,
    Closing,
    Checkpoints { left: u8 },
    CleanMark,
    Unlocking,
    Stopped,
}

impl LogDir {
    pub(super) fn begin_stop(&mut self, now: Now, broker_epoch: i64, out: &mut Vec<Output>) {
        if self.stopping.is_some() {
            return;
        }
        let clean = self.state == State::Serving;
        self.stopping = Some(Stopping { stage: Stage::HighWatermarks, clean, broker_epoch, marked: false });
        self.marks.retry_at = None;
        if clean {
            self.checkpoints[Kind::HighWatermark as usize].urgent = true;
            self.settle(now, out);
        } else {
            self.close_logs(now, out);
        }
    }

    fn close_logs(&mut self, now: Now, out: &mut Vec<Output>) {
        self.stage(Stage::Closing);
        out.push(Output::CloseLogs);
        self.all_closed(now, out);
    }

    fn stage(&mut self, stage: Stage) {
        if let Some(s) = &mut self.stopping {
            s.stage = stage;
        }
    }

    /// An owner let its files go. What it said for the checkpoints stands.
    pub(super) fn closed(&mut self, now: Now, owner: OwnerId, clean: bool, out: &mut Vec<Output>) {
        let Some(o) = self.owners.get_mut(&owner) else { return };
        let name = match &o.owner {
            Owner::Partition(partition) => Some(Name::from(partition.to_string().as_str())),
            Owner::Metadata => None,
        };
        let partition = name.is_some();
        if self.stopping.is_none() || o.entry.is_none() {
            self.owners.remove(&owner);
        } else {
            // The checkpoints of the stop still speak of it.
            o.held = None;
        }
        // It may have its directory's name still, where that was never made or could not be renamed: whoever waits for the name must not wait for ever.
        if let Some(name) = name.filter(|name| self.taken.get(name) == Some(&owner)) {
            self.name_is_free(now, &name, out);
        }
        self.closed_owners.insert(owner);
        if partition && let Some(s) = &mut self.stopping {
            s.clean &= clean;
        }
        self.all_closed(now, out);
    }

    fn all_closed(&mut self, now: Now, out: &mut Vec<Output>) {
        if !self.stopping.is_some_and(|s| s.stage == Stage::Closing) {
            return;
        }
        let open = |(id, o): (&OwnerId, &super::OwnerState)| matches!(o.owner, Owner::Partition(_)) && !self.closed_owners.contains(id);
        if self.owners.iter().any(open) {
            return;
        }
        if self.state == State::OutOfService {
            return self.unlock(out);
        }
        self.stage(Stage::Checkpoints { left: 2 });
        self.checkpoints[Kind::RecoveryPoint as usize].urgent = true;
        self.checkpoints[Kind::LogStart as usize].urgent = true;
        self.settle(now, out);
    }

    /// A checkpoint was written while the directory stops.
    pub(super) fn stop_checkpointed(&mut self, now: Now, kind: Kind, written: bool, out: &mut Vec<Output>) {
        // One that was begun before the stop asked for it does not count.
        if self.checkpoints[kind as usize].urgent {
            return;
        }
        let Some(s) = &mut self.stopping else { return };
        s.clean &= written;
        match (&mut s.stage, kind) {
            (Stage::HighWatermarks, Kind::HighWatermark) => self.close_logs(now, out),
            (Stage::Checkpoints { left }, Kind::RecoveryPoint | Kind::LogStart) => {
                *left -= 1;
                if *left == 0 {
                    self.vouch(out);
                }
            }
            _ => {}
        }
    }

    /// Writes the clean-shutdown mark, if all that it says is true.
    fn vouch(&mut self, out: &mut Vec<Output>) {
        let Some(s) = self.stopping else { return };
        if !s.clean || self.state == State::OutOfService {
            return self.unlock(out);
        }
        self.stage(Stage::CleanMark);
        let text = clean_shutdown::encode(s.broker_epoch);
        self.write_whole(Client::CleanMark, Name::from(CLEAN_MARK), Bytes::from(text), false, out);
    }

    pub(super) fn clean_mark_written(&mut self, written: bool, out: &mut Vec<Output>) {
        if let Some(s) = &mut self.stopping {
            s.marked = written;
        }
        self.unlock(out);
    }

    fn unlock(&mut self, out: &mut Vec<Output>) {
        self.stage(Stage::Unlocking);
        self.submit(Purpose::Unlock, DiskAction::Unlock { name: Name::from(".lock") }, out);
    }

    pub(super) fn unlocked(&mut self, out: &mut Vec<Output>) {
        self.stage(Stage::Stopped);
        let clean = self.stopping.is_some_and(|s| s.marked);
        out.push(Output::Stopped { clean });
    }
}
