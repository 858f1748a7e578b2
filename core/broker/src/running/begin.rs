//! From opened directories to a broker that registers: the metadata log is read, the partitions that it assigns are loaded, their replicas made.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use odradek_cluster::Image;
use odradek_cluster::config::{NodeView, topic_config};
use odradek_cluster::image::{MIGRATING, Topic, UNASSIGNED};
use odradek_log::dir::Owner;
use odradek_log::dir::ids::dir_of;
use odradek_log::disk::{DirId, DiskResult, OpId};
use odradek_log::log::Log;
use odradek_log::open::{self, Assigned, OpenedLog, Opening};
use odradek_log::output::Output as LogOutput;
use odradek_machine::{Map, Note, Now, Timers};
use odradek_wire::ids::{TopicPartition, Uuid};

use super::Running;
use crate::fetch_sessions::{Cache, CacheLimits};
use crate::io::{Outbox, Output};
use crate::log_config::log_config;
use crate::membership::Membership;
use crate::metadata::Metadata;
use crate::partition::PartitionId;
use crate::purgatory::Purgatory;
use crate::sessions::{ConnectionLimits, Connections};
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
        let (nothing, idle_ms_max) = (Image::new(), setup.config.long("connections.max.idle.ms"));
        let limits = ConnectionLimits::of(&NodeView::of(&nothing, setup.node, &setup.config), &setup.hosts);
        let connections = Connections::new(setup.memory(), idle_ms_max, limits, setup.lanes());
        Running {
            cluster_id,
            connections,
            storage,
            metadata,
            openings,
            loading: None,
            replicas: Map::new(),
            offline: Map::new(),
            unmade: Map::new(),
            round: Default::default(),
            dying: Map::new(),
            sweeps: Map::new(),
            purgatory: Purgatory::default(),
            fetch_sessions: Cache::new(CacheLimits::of(&setup.config), setup.seed.named("fetch.session")),
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
        // Which directory has which replica is asked of all openings before the first goes on.
        let assigned: Vec<Vec<Assigned>> = (0..self.openings.len()).map(|at| self.assigned_to(at)).collect();
        for (at, assigned) in assigned.into_iter().enumerate() {
            let mut said = Vec::new();
            self.openings[at].load(now, assigned, &mut said);
            self.carry_openings(now, DirId(at as u16), said, out);
        }
    }

    /// The partitions whose replica is to be looked for in a directory.
    fn assigned_to(&self, at: usize) -> Vec<Assigned> {
        let me = self.me();
        let expiration_ms = self.producer_id_expiration_ms();
        let mut assigned = Vec::new();
        for topic in self.image().topics().filter(|_| self.storage.dirs[at].holds_partitions) {
            let config = log_config(&topic_config(self.image(), me, &self.setup.config, &topic.name), expiration_ms);
            for (&index, granted) in topic.partitions.iter().filter(|(_, p)| p.replicas.contains(&me)) {
                let partition = TopicPartition { topic: topic.name.clone(), partition: index };
                if self.is_looked_for_in(at, &partition, granted.directory(me)) {
                    assigned.push(Assigned { partition, topic_id: topic.id, config: config.clone() });
                }
            }
        }
        assigned
    }

    /// The directory that the metadata names, if it has the replica; else the first that has it, since an operator may have moved it. Where none has it, the one
    /// that is named, or (where none is) each that may have had it, so that what is known of it speaks.
    fn is_looked_for_in(&self, at: usize, partition: &TopicPartition, named: Uuid) -> bool {
        let named_at = self.storage.named(named).map(|dir| usize::from(dir.0));
        let holds = |at: usize| self.storage.dirs[at].holds_partitions && self.openings[at].holds(partition);
        let found_at = named_at.filter(|&at| holds(at)).or_else(|| (0..self.openings.len()).find(|&at| holds(at)));
        match (found_at, named_at) {
            (Some(found), _) => found == at,
            (None, Some(named)) => named == at,
            (None, None) => named == MIGRATING || named == UNASSIGNED,
        }
    }

    fn carry_openings(&mut self, now: Now, dir: DirId, said: Vec<open::Output>, out: &mut Outbox) {
        for output in said {
            match output {
                open::Output::Opened(opened) => self.opened(now, dir, opened, out),
                open::Output::Refused(error) => self.fail(error.to_string(), out),
                open::Output::Looked(_) | open::Output::Intended | open::Output::Root(_) => {
                    unreachable!("a directory says once what it is")
                }
                other => carry_opening(&mut self.storage, dir, other, out),
            }
        }
    }

    fn opened(&mut self, now: Now, dir: DirId, opened: open::Opened, out: &mut Outbox) {
        for log in opened.logs {
            let present = opened.present.contains(&log.partition);
            self.take_up(now, dir, log, present, out);
        }
        for name in opened.deleted {
            self.remove_deleted(now, dir, name, out);
        }
        for name in opened.strays {
            let says = format!("{name} belongs to no partition that is assigned here; it is kept");
            out.push(Output::Note(Note::mark("dir.stray").says(says)));
        }
        let assigned: BTreeSet<TopicPartition> = self.assigned_to_node();
        self.storage.dir_mut(dir).disown(|partition| opened.present.contains(partition) || assigned.contains(partition));
        let left = self.loading.as_mut().expect("directories are loaded once");
        *left -= 1;
        if *left == 0 {
            self.openings.clear();
            self.catch_up(now, out);
        }
    }

    /// Every partition that has a replica on this node, and the metadata log.
    fn assigned_to_node(&self) -> BTreeSet<TopicPartition> {
        let me = self.me();
        let of = |t: &Arc<Topic>| {
            let mine = t.partitions.iter().filter(move |(_, p)| p.replicas.contains(&me));
            mine.map(|(&index, _)| TopicPartition { topic: t.name.clone(), partition: index }).collect::<Vec<_>>()
        };
        let metadata = TopicPartition { topic: "__cluster_metadata".into(), partition: 0 };
        self.image().topics().flat_map(of).chain([metadata]).collect()
    }

    fn take_up(&mut self, now: Now, dir: DirId, found: OpenedLog, present: bool, out: &mut Outbox) {
        let OpenedLog { partition, name, files, log } = found;
        let Some(topic) = self.image().topic_id(&partition.topic) else { return };
        let id = PartitionId { topic, index: partition.partition };
        let recovered = match log {
            Ok(recovered) => recovered,
            Err(why) => return self.put_offline(id, dir, partition, present.then_some(files), why),
        };
        let files = self.storage.dir_mut(dir).adopt(Owner::Partition(partition.clone()), Some(files));
        let owner = files.owner();
        let setup = self.log_setup(id, partition, dir, name, files);
        let mut said = Vec::new();
        let log = Log::from_recovered(now, setup, recovered, &mut said);
        self.insert_replica(id, dir, owner, log);
        self.carry_log(now, owner, dir, Holder::Partition(id), said, out);
    }
}
