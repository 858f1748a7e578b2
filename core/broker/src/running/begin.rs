//! From opened directories to a broker that registers: the metadata log is read, the partitions that it assigns are loaded, their replicas made.

use std::collections::VecDeque;
use std::sync::Arc;

use odradek_cluster::config::topic_config;
use odradek_log::dir::Owner;
use odradek_log::dir::ids::dir_of;
use odradek_log::disk::{DirId, DiskResult, OpId};
use odradek_log::log::Log;
use odradek_log::open::{self, Assigned, OpenedLog, Opening};
use odradek_log::output::{Output as LogOutput, Request};
use odradek_machine::{Map, Note, Now, Timers};
use odradek_wire::ids::{TopicPartition, Uuid};

use super::Running;
use crate::fetch_sessions::Cache;
use crate::io::{Outbox, Output};
use crate::log_config::log_config;
use crate::membership::Membership;
use crate::metadata::Metadata;
use crate::partition::PartitionId;
use crate::purgatory::Purgatory;
use crate::sessions::Connections;
use crate::setup::NodeSetup;
use crate::start::carry_opening;
use crate::storage::{Holder, Storage};

impl Running {
    pub(crate) fn new(
        setup: Arc<NodeSetup>,
        cluster_id: Arc<str>,
        storage: Storage,
        metadata: Metadata,
        previous_epoch: Option<i64>,
        openings: Vec<Opening>,
    ) -> Running {
        Running {
            cluster_id,
            connections: Connections::new(setup.memory),
            storage,
            metadata,
            openings,
            loading: None,
            replicas: Map::new(),
            round: Default::default(),
            dying: Map::new(),
            sweeps: Map::new(),
            purgatory: Purgatory::default(),
            fetch_sessions: Cache::new(setup.fetch_sessions, setup.seed.named("fetch.session")),
            pending: Map::new(),
            queues: Map::new(),
            membership: Membership::new(&setup, previous_epoch),
            waiting_for_ids: VecDeque::new(),
            asked: Map::new(),
            asks: 0,
            lookups: Map::new(),
            alarms: Timers::default(),
            log_alarms: Map::new(),
            retention_next: None,
            events: VecDeque::new(),
            touched: Vec::new(),
            listening: false,
            stopping: None,
            ended: false,
            fatal: None,
            steps: 0,
            setup,
        }
    }

    /// The directories are open: reads the metadata log.
    pub(crate) fn begin(&mut self, now: Now, said: (Vec<LogOutput>, Vec<odradek_quorum::Output>), out: &mut Outbox) {
        let (owner, dir) = (self.metadata.log_owner, self.metadata.dir);
        self.carry_log(now, owner, dir, Holder::MetadataLog, said.0, out);
        self.quorum_begins(now, said.1, out);
        if !self.metadata.being_made {
            self.load_on(now, out);
        }
    }

    /// A disk operation of an opening finished.
    pub(super) fn opening_done(&mut self, now: Now, op: OpId, result: DiskResult, out: &mut Outbox) {
        self.step_opening(now, dir_of(op), open::Input::Disk { op, result }, out);
    }

    pub(super) fn step_opening(&mut self, now: Now, dir: DirId, input: open::Input, out: &mut Outbox) {
        let mut said = Vec::new();
        if let Some(opening) = self.openings.get_mut(usize::from(dir.0)) {
            opening.step(now, input, &mut said);
        }
        self.carry_openings(now, dir, said, out);
    }

    /// The image is whole for the first time: the partitions that it assigns here are loaded.
    pub(super) fn load_partitions(&mut self, now: Now, out: &mut Outbox) {
        if self.loading.is_some() || self.membership.caught_up {
            return;
        }
        self.loading = Some(self.openings.len());
        for at in 0..self.openings.len() {
            let assigned = self.assigned_to(at);
            let mut said = Vec::new();
            self.openings[at].load(now, assigned, &mut said);
            self.carry_openings(now, DirId(at as u16), said, out);
        }
    }

    /// The partitions whose replica belongs into a directory; one that was assigned to none of ours may be in any.
    fn assigned_to(&self, at: usize) -> Vec<Assigned> {
        let (me, here) = (self.me(), self.storage.dirs[at].id);
        let known = |id: Uuid| self.storage.dirs.iter().any(|d| d.id == id);
        let expiration_ms = self.setup.config.long("producer.id.expiration.ms");
        let mut assigned = Vec::new();
        for topic in self.image().topics() {
            let config = log_config(&topic_config(self.image(), me, &self.setup.config, &topic.name), expiration_ms);
            for (&index, partition) in topic.partitions.iter().filter(|(_, p)| p.replicas.contains(&me)) {
                let directory = partition.directory(me);
                if directory == here || !known(directory) {
                    let partition = TopicPartition { topic: topic.name.clone(), partition: index };
                    assigned.push(Assigned { partition, topic_id: topic.id, config: config.clone() });
                }
            }
        }
        assigned
    }

    fn carry_openings(&mut self, now: Now, dir: DirId, said: Vec<open::Output>, out: &mut Outbox) {
        for output in said {
            match output {
                open::Output::Opened(opened) => self.opened(now, dir, opened, out),
                open::Output::Refused(error) => self.fail(error.to_string(), out),
                open::Output::Root(_) => unreachable!("a directory says once what it is"),
                other => carry_opening(&mut self.storage, dir, other, out),
            }
        }
    }

    fn opened(&mut self, now: Now, dir: DirId, opened: open::Opened, out: &mut Outbox) {
        for log in opened.logs {
            self.take_up(now, dir, log, out);
        }
        for name in opened.deleted {
            self.remove_deleted(now, dir, name, out);
        }
        for name in opened.strays {
            let says = format!("{name} belongs to no partition that is assigned here; it is kept");
            out.push(Output::Note(Note::mark("dir.stray").says(says)));
        }
        let left = self.loading.as_mut().expect("directories are loaded once");
        *left -= 1;
        if *left == 0 {
            self.openings.clear();
            self.catch_up(now, out);
        }
    }

    fn take_up(&mut self, now: Now, dir: DirId, found: OpenedLog, out: &mut Outbox) {
        let OpenedLog { partition, name, files, log } = found;
        let files = self.storage.dir_mut(dir).adopt(Owner::Partition(partition.clone()), Some(files));
        let owner = files.owner();
        let recovered = match log {
            Ok(recovered) => recovered,
            Err(damage) => {
                out.push(Output::Note(Note::mark("log.damaged").says(damage.to_string())));
                self.storage.dirs[usize::from(dir.0)].damaged.push((partition, owner));
                return;
            }
        };
        let Some(topic) = self.image().topic_id(&partition.topic) else { return };
        let id = PartitionId { topic, index: partition.partition };
        let setup = self.log_setup(id, partition, dir, name, files);
        let mut said = Vec::new();
        let log = Log::from_recovered(now, setup, recovered, &mut said);
        self.insert_replica(id, dir, owner, log);
        self.carry_log(now, owner, dir, Holder::Partition(id), said, out);
    }

    /// A clean stop must not vouch for what was found damaged.
    pub(super) fn close_damaged(&mut self, now: Now, dir: DirId, out: &mut Outbox) {
        for (_, owner) in std::mem::take(&mut self.storage.dirs[usize::from(dir.0)].damaged) {
            self.request_dir(now, owner, dir, Request::Closed { clean: false }, out);
        }
    }
}
