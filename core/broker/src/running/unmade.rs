//! Partitions whose logs could not be made: the disk was full, say.
//!
//! Nothing was ever in them, so they are made again until that works, after longer and longer pauses. Until then nobody is led to believe that they are
//! served: whoever asked for the topic is told, they have no leader, and what is asked of them is refused.

use odradek_log::disk::{DirId, DiskError};
use odradek_machine::{Note, Now, Subject, reached};

use super::{Alarm, Event, Running};
use crate::handlers::{self, Pending};
use crate::io::{NotesOf, Outbox, Output};
use crate::partition::PartitionId;

/// A partition that awaits its log.
#[derive(Debug)]
pub(crate) struct Unmade {
    attempts: u32,
    /// In which directory that was.
    dir: DirId,
    /// What failed the last time.
    pub(crate) says: String,
}

/// The first pause before it is made again, and the longest.
const PAUSE_MS: u64 = 1_000;
const PAUSE_MS_MAX: u64 = 60_000;

/// How the log of a partition stands that is to be made here.
pub(crate) enum Making {
    UnderWay,
    Failed(String),
    /// It is made, or it is not this node's to make.
    Over,
}

impl Running {
    /// The log of a partition fell before it was made. What is there of it goes.
    pub(super) fn could_not_make(&mut self, now: Now, id: PartitionId, error: &DiskError, out: &mut Outbox) {
        let Some((topic, dir)) = self.replicas.get(&id).map(|r| (r.topic.clone(), r.dir)) else { return };
        let attempts = self.unmade.get(&id).map_or(1, |unmade| unmade.attempts.saturating_add(1));
        let pause_ms = PAUSE_MS.saturating_mul(1 << (attempts - 1).min(10)).min(PAUSE_MS_MAX);
        let says = format!("{topic}-{} could not be made and is tried again in {pause_ms} ms: {error}", id.index);
        let subject = Subject { name: topic, number: id.index };
        reached!(&mut NotesOf(out), "replica.not_made", of = &subject, i64::from(attempts), pause_ms as i64);
        out.push(Output::Note(Note::mark("replica.make_failed").of(Some(&subject)).says(says)));
        self.unmade.insert(id, Unmade { attempts, dir, says: error.to_string() });
        self.bury(now, id, out);
        self.alarms.set(now.mono.plus_ms(pause_ms), Alarm::Make(id));
        self.events.push_back(Event::Upset(id));
    }

    /// The directory for a replica that could not be made in one: another that serves, with the fewest, since nothing was ever in it.
    pub(super) fn another_directory(&self, id: PartitionId) -> Option<DirId> {
        self.storage.emptiest(Some(self.unmade.get(&id)?.dir))
    }

    /// Tries again, if the partition is still wanted.
    pub(super) fn make_again(&mut self, now: Now, id: PartitionId, out: &mut Outbox) {
        if self.unmade.contains_key(&id) && !self.replicas.contains_key(&id) && self.stopping.is_none() {
            self.partition_changed(now, id, out);
        }
    }

    /// A log that was made anew is there.
    pub(super) fn made(&mut self, now: Now, id: PartitionId, out: &mut Outbox) {
        if self.unmade.remove(&id).is_some()
            && let Some(replica) = self.replicas.get(&id)
        {
            let says = format!("{} is made, and is served", replica.log.setup().partition);
            out.push(Output::Note(Note::mark("replica.made_at_last").of(Some(replica.log.subject())).says(says)));
            self.directories_changed(now, out);
        }
        self.who_waits_for_logs(now, id, out);
    }

    /// Those who asked for a partition look whether it is there.
    pub(super) fn who_waits_for_logs(&mut self, now: Now, id: PartitionId, out: &mut Outbox) {
        for key in self.purgatory.curious(id) {
            match self.pending.get(&key) {
                Some(Pending::Made(_)) => handlers::made::look(self, now, key, id, out),
                Some(Pending::Metadata(_)) => handlers::metadata::look(self, now, key, id, out),
                _ => {}
            }
        }
    }

    /// How the log of a partition stands.
    pub(crate) fn making(&self, id: PartitionId) -> Making {
        if let Some(unmade) = self.unmade.get(&id) {
            return Making::Failed(unmade.says.clone());
        }
        match self.replicas.get(&id).map(|r| &r.log) {
            Some(log) if log.is_made() => Making::Over,
            Some(log) if log.is_out_of_service() => Making::Failed("its log directory is out of service".to_owned()),
            Some(_) => Making::UnderWay,
            None if self.offline.contains_key(&id) => Making::Failed("its log directory is out of service".to_owned()),
            None => Making::Over,
        }
    }
}
