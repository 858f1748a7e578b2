//! Replicas follow the committed image: they are made, given their roles, configured anew and deleted as it says.

use odradek_cluster::config::{NodeView, topic_config};
use odradek_cluster::image::{Changed, Partition as Granted, ResourceType, Topic};
use odradek_cluster::record::MetadataRecord;
use odradek_log::dir::Owner;
use odradek_log::dir::ids::{FileIds, OwnerId};
use odradek_log::disk::{DirId, Name};
use odradek_log::log::{Log, Setup};
use odradek_machine::{Note, Now, Subject, reached};
use odradek_wire::ids::{TopicPartition, Uuid};

use super::{Alarm, Event, Running};
use crate::handlers::{self, Pending};
use crate::io::{NotesOf, Outbox, Output};
use crate::log_config::log_config;
use crate::partition::{Ends, PartitionId, Replica};
use crate::purgatory::End;
use crate::start::directory_name;
use crate::storage::Holder;

impl Running {
    /// Applies committed records to the image and acts on what they changed.
    pub(super) fn apply(&mut self, now: Now, records: &[MetadataRecord], out: &mut Outbox) {
        let mut changed = Vec::new();
        for record in records {
            if let Err(error) = self.metadata.loader.apply(record, &mut changed) {
                self.fail(format!("the metadata log cannot be applied: {error}"), out);
                return;
            }
        }
        if self.membership.caught_up {
            Running::tell_unheeded_changes(records, out);
        }
        for change in changed {
            self.note_kept(&change, out);
            if self.membership.caught_up {
                self.follow(now, change, out);
            }
        }
    }

    fn note_kept(&self, change: &Changed, out: &mut Outbox) {
        if let Changed::Kept { api_key, name, first: true } = change {
            let says = format!("the metadata log has a {name} (key {api_key}): such records are kept, and not acted upon");
            out.push(Output::Note(Note::mark("metadata.record_kept").facts(i64::from(*api_key), 0).says(says)));
        }
    }

    fn follow(&mut self, now: Now, change: Changed, out: &mut Outbox) {
        match change {
            Changed::Partition(topic, index) => self.partition_changed(now, PartitionId { topic, index }, out),
            Changed::TopicCreated(topic) => self.tell_if_made_compacted(topic, out),
            Changed::TopicDeleted(topic) => self.topic_deleted(now, &topic, out),
            Changed::Config(resource) if resource.kind == ResourceType::TOPIC => {
                if let Some(id) = self.image().topic_id(&resource.name) {
                    self.reconfigure_topic(now, id, out);
                }
            }
            Changed::Config(resource) if resource.kind == ResourceType::BROKER => {
                let topics: Vec<Uuid> = self.image().topics().map(|t| t.id).collect();
                topics.into_iter().for_each(|id| self.reconfigure_topic(now, id, out));
                self.limit_connections(now, out);
            }
            Changed::Broker(_)
            | Changed::Config(_)
            | Changed::Nothing
            | Changed::Controller(_)
            | Changed::Feature(_)
            | Changed::ProducerIds
            | Changed::Kept { .. } => {}
        }
    }

    /// The image is whole and every log is loaded: each replica of this node gets its role, and the broker registers.
    pub(super) fn catch_up(&mut self, now: Now, out: &mut Outbox) {
        self.membership.caught_up = true;
        self.limit_connections(now, out);
        let me = self.me();
        let mine = |t: &std::sync::Arc<Topic>| {
            let all = t.partitions.iter().filter(move |(_, p)| p.replicas.contains(&me));
            all.map(|(&index, _)| PartitionId { topic: t.id, index }).collect::<Vec<_>>()
        };
        let all: Vec<PartitionId> = self.image().topics().flat_map(mine).collect();
        for id in all {
            self.partition_changed(now, id, out);
        }
        self.tell_what_does_not_hold(out);
        self.schedule_retention(now);
        self.register(now, out);
    }

    /// What the controller granted for a partition that this node holds.
    fn granted(&self, id: PartitionId) -> Option<&Granted> {
        self.image().partition(id.topic, id.index).filter(|p| p.replicas.contains(&self.me()))
    }

    /// A partition appeared or its state changed.
    pub(super) fn partition_changed(&mut self, now: Now, id: PartitionId, out: &mut Outbox) {
        let Some(granted) = self.granted(id).cloned() else { return };
        if !self.replicas.contains_key(&id) {
            self.create_replica(now, id, &granted, out);
        }
        let me = self.me();
        let led = self.with_replica(now, id, out, |replica, said| replica.granted(me, &granted, said));
        if led == Some(true) {
            self.events.push_back(Event::Upset(id));
        }
    }

    fn create_replica(&mut self, now: Now, id: PartitionId, granted: &Granted, out: &mut Outbox) {
        if self.is_elsewhere(id, granted, out) {
            return;
        }
        let dir = self.another_directory(id).or_else(|| self.storage.named(granted.directory(self.me())));
        let Some(dir) = dir.or_else(|| self.storage.emptiest(None)) else {
            return self.fail("no log directory is in service for a new partition".to_owned(), out);
        };
        let topic = self.image().topic_by_id(id.topic).expect("a granted partition has a topic").name.clone();
        let partition = TopicPartition { topic, partition: id.index };
        let files = self.storage.adopt(dir, Owner::Partition(partition.clone()));
        let owner = files.owner();
        let name = directory_name(&partition);
        let setup = self.log_setup(id, partition, dir, name, files);
        let mut said = Vec::new();
        let log = Log::create(now, setup, &mut said);
        self.insert_replica(id, dir, owner, log);
        self.carry_log(now, owner, dir, Holder::Partition(id), said, out);
    }

    pub(super) fn insert_replica(&mut self, id: PartitionId, dir: DirId, owner: OwnerId, log: Log) {
        let topic = log.setup().partition.topic.clone();
        let config = topic_config(self.image(), self.me(), &self.setup.config, &topic);
        self.storage.hold(owner, Holder::Partition(id), dir);
        self.storage.dirs[usize::from(dir.0)].partitions += 1;
        self.replicas.insert(id, Replica::new(id, topic, dir, owner, log, config));
        self.round.insert(id);
    }

    pub(super) fn log_setup(&self, id: PartitionId, partition: TopicPartition, dir: DirId, name: Name, files: FileIds) -> Setup {
        let config = topic_config(self.image(), self.me(), &self.setup.config, &partition.topic);
        let seed = self.setup.seed.named("log").named(&partition.topic).number(id.index as u64);
        Setup {
            topic_id: id.topic,
            config: log_config(&config, self.producer_id_expiration_ms()),
            partition,
            dir,
            name,
            files,
            seed,
            guards: self.setup.guards,
        }
    }

    /// `producer.id.expiration.ms`, as it holds now.
    pub(super) fn producer_id_expiration_ms(&self) -> i64 {
        NodeView::of(self.image(), self.me(), &self.setup.config).current_long("producer.id.expiration.ms")
    }

    fn topic_deleted(&mut self, now: Now, topic: &Topic, out: &mut Outbox) {
        for &index in topic.partitions.keys() {
            let id = PartitionId { topic: topic.id, index };
            self.delete_offline(now, id, out);
            if self.unmade.remove(&id).is_some() | self.bury(now, id, out) {
                reached!(&mut NotesOf(out), "topic.deleted", of = &Subject { name: topic.name.clone(), number: index });
                self.events.push_back(Event::Upset(id));
            }
        }
    }

    /// Takes a replica out of service for good, and its files with it. True if it was there.
    pub(super) fn bury(&mut self, now: Now, id: PartitionId, out: &mut Outbox) -> bool {
        let Some(replica) = self.replicas.remove(&id) else { return false };
        self.round.remove(&id);
        self.set_log_alarm(id);
        let Replica { mut log, owner, dir, .. } = replica;
        let mut said = Vec::new();
        log.delete(now, &mut said);
        self.storage.hold(owner, Holder::Dying, dir);
        self.storage.dirs[usize::from(dir.0)].partitions -= 1;
        self.dying.insert(owner, (log, dir));
        self.carry_log(now, owner, dir, Holder::Dying, said, out);
        self.set_dying_alarm(owner);
        true
    }

    /// Does something with a log whose topic is gone.
    pub(super) fn with_dying(
        &mut self,
        now: Now,
        owner: OwnerId,
        out: &mut Outbox,
        f: impl FnOnce(&mut Log, &mut Vec<odradek_log::output::Output>),
    ) {
        let Some((log, dir)) = self.dying.get_mut(&owner) else { return };
        let (mut said, dir) = (Vec::new(), *dir);
        f(log, &mut said);
        self.carry_log(now, owner, dir, Holder::Dying, said, out);
        self.set_dying_alarm(owner);
    }

    fn set_dying_alarm(&mut self, owner: OwnerId) {
        if let Some(deadline) = self.dying.get(&owner).and_then(|(log, _)| log.deadline()) {
            self.alarms.set(deadline.at, Alarm::Dying(owner));
        }
    }

    fn reconfigure_topic(&mut self, now: Now, topic: Uuid, out: &mut Outbox) {
        let Some(found) = self.image().topic_by_id(topic).cloned() else { return };
        let config = topic_config(self.image(), self.me(), &self.setup.config, &found.name);
        let expiration_ms = self.producer_id_expiration_ms();
        let ids = || found.partitions.keys().map(|&index| PartitionId { topic, index });
        let was_compacted = ids().find_map(|id| self.replicas.get(&id)).is_none_or(|replica| replica.config.cleanup_policy.compact);
        if config.cleanup_policy.compact && !was_compacted {
            self.tell_not_compacted(&found.name, out);
        }
        for id in ids() {
            self.with_replica(now, id, out, |replica, said| replica.reconfigure(now, config.clone(), expiration_ms, said));
        }
    }

    /// A log ended: it was closed, or its directory is gone.
    pub(super) fn log_ended(&mut self, owner: OwnerId, holder: Holder, clean: bool, out: &mut Outbox) {
        match holder {
            Holder::Dying => {
                self.dying.remove(&owner);
                self.storage.release(owner);
            }
            Holder::Partition(_) => self.storage.release(owner),
            Holder::MetadataLog => self.metadata_log_ended(clean, out),
            Holder::Quorum | Holder::Sweep => {}
        }
    }

    /// A replica moved on: wakes who waited for the ends that moved.
    pub(super) fn moved(&mut self, now: Now, id: PartitionId, before: Ends, out: &mut Outbox) {
        let Some(ends) = self.replicas.get(&id).map(Replica::ends) else { return };
        let mut woken = Vec::new();
        for (end, was, is) in [
            (End::Written, before.written, ends.written),
            (End::Durable, before.durable, ends.durable),
            (End::Committed, before.high_watermark, ends.high_watermark),
        ] {
            if is > was {
                self.purgatory.reached(id, end, is, &mut woken);
            }
        }
        for (key, offset) in woken {
            handlers::produce::reached(self, now, key, id, offset, out);
        }
        if ends.high_watermark > before.high_watermark || ends.last_stable > before.last_stable || ends.log_start > before.log_start {
            self.news(now, id, out);
        }
    }

    /// A leadership began or ended here, the log failed, or the partition is gone.
    pub(super) fn upset(&mut self, now: Now, id: PartitionId, out: &mut Outbox) {
        for key in self.purgatory.waiting_for(id) {
            handlers::produce::upset(self, now, key, id, out);
        }
        self.who_waits_for_logs(now, id, out);
        self.news(now, id, out);
    }

    fn news(&mut self, now: Now, id: PartitionId, out: &mut Outbox) {
        for key in self.purgatory.curious(id) {
            match self.pending.get(&key) {
                Some(Pending::Fetch(_)) => handlers::fetch::look_again(self, now, key, out),
                Some(Pending::DeleteRecords(_)) => handlers::delete_records::look(self, now, key, out),
                _ => {}
            }
        }
    }
}
