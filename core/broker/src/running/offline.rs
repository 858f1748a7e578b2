//! Replicas of this node that are out of service: damaged, unreadable, of a form that is not served, or in a directory that is not here.
//!
//! They are never made anew. The controller is told, at the registration and whenever another log goes out of service, so that nobody is led to believe that they are served (KIP-858): a replica that is offline though its
//! directory is not is said to be in none ([`LOST`]).

use std::collections::BTreeMap;

use odradek_cluster::controller::{ControllerRequest, ControllerResponse};
use odradek_cluster::image::{LOST, MIGRATING, Partition as Granted, UNASSIGNED};
use odradek_cluster::messages::{AssignReplicasToDirsRequestData, assign_replicas_to_dirs_request as request};
use odradek_log::dir::Owner;
use odradek_log::dir::ids::{FileIds, OwnerId};
use odradek_log::disk::DirId;
use odradek_log::open::OutOfService;
use odradek_log::output::Request;
use odradek_machine::{Note, Now, Subject};
use odradek_wire::error::ErrorCode;
use odradek_wire::ids::{TopicPartition, Uuid};

use super::{Asker, Running};
use crate::io::{Outbox, Output};
use crate::membership::{Directories, Standing};
use crate::partition::{PartitionId, Replica};

/// The most replicas that one request assigns.
const ASSIGNMENTS_MAX: usize = 2_000;

/// A replica that was never in service in this life; those that fell while they served have a log.
#[derive(Debug)]
pub(crate) struct Offline {
    /// Its name.
    pub(crate) partition: TopicPartition,
    /// The directory that it is in, or was; none where that is not here.
    pub(crate) dir: Option<DirId>,
    /// Whose its directory is, where that is there.
    pub(crate) owner: Option<OwnerId>,
}

impl Running {
    /// A log that opening could not load; `files` where its directory is there.
    pub(super) fn put_offline(
        &mut self,
        id: PartitionId,
        dir: DirId,
        partition: TopicPartition,
        files: Option<FileIds>,
        why: OutOfService,
    ) {
        let directory = self.storage.dir_mut(dir);
        if let OutOfService::Damaged(damage) = &why {
            directory.remember(partition.clone(), id.topic, damage.synced);
        }
        let owner = files.map(|files| directory.adopt(Owner::Partition(partition.clone()), Some(files)).owner());
        self.offline.insert(id, Offline { partition, dir: Some(dir), owner });
    }

    /// A replica whose directory is none of this node's: it is somewhere else, or lost, and an empty one in its place would give its offsets out again.
    pub(super) fn is_elsewhere(&mut self, id: PartitionId, granted: &Granted, out: &mut Outbox) -> bool {
        let directory = granted.directory(self.me());
        if self.offline.contains_key(&id) {
            return true;
        }
        let named = self.storage.named(directory);
        let serves = named.is_some_and(|dir| !self.storage.is_out_of_service(dir));
        if directory == MIGRATING || directory == UNASSIGNED || serves {
            return false;
        }
        let topic = self.image().topic_by_id(id.topic).expect("a granted partition has a topic").name.clone();
        let why = match named {
            Some(dir) => format!("its log directory {} failed", self.storage.dirs[usize::from(dir.0)].path),
            None if directory == LOST => "it was offline before, and is in none of the log directories".to_owned(),
            None => format!("its log directory {directory} is not among log.dirs"),
        };
        let partition = TopicPartition { topic: topic.clone(), partition: id.index };
        let says = format!("{partition} is offline: {why}");
        out.push(Output::Note(Note::mark("replica.offline").of(Some(&Subject { name: topic, number: id.index })).says(says)));
        self.offline.insert(id, Offline { partition, dir: None, owner: None });
        true
    }

    /// A clean stop must not vouch for what is out of service.
    pub(super) fn close_offline(&mut self, now: Now, dir: DirId, out: &mut Outbox) {
        let here: Vec<OwnerId> =
            self.offline.sorted().into_iter().filter(|(_, o)| o.dir == Some(dir)).filter_map(|(_, o)| o.owner).collect();
        for owner in here {
            self.request_dir(now, owner, dir, Request::Closed { clean: false }, out);
        }
    }

    /// The topic of a replica that is out of service is deleted, and its directory with it.
    pub(super) fn delete_offline(&mut self, now: Now, id: PartitionId, out: &mut Outbox) {
        let Some(Offline { partition, dir: Some(dir), owner, .. }) = self.offline.remove(&id) else { return };
        self.storage.dir_mut(dir).forget_what_was_known(&partition);
        if let Some(owner) = owner {
            self.remove_offline(now, owner, dir, &partition, out);
        }
    }

    /// True for a replica that went out of service in a directory that serves others.
    pub(crate) fn fell_alone(&self, replica: &Replica) -> bool {
        replica.log.is_out_of_service() && !self.storage.is_out_of_service(replica.dir)
    }

    /// What the metadata is to learn of where this node's replicas are: found in another directory than it names, or offline.
    fn assignments(&self) -> Vec<(Uuid, PartitionId)> {
        let me = self.me();
        let mut found = Vec::new();
        for topic in self.image().topics() {
            for (&index, granted) in topic.partitions.iter().filter(|(_, p)| p.replicas.contains(&me)) {
                let id = PartitionId { topic: topic.id, index };
                let is = match (self.replicas.get(&id), self.offline.get(&id)) {
                    // Of a directory that failed the heartbeat tells.
                    (Some(replica), _) if self.fell_alone(replica) => LOST,
                    (Some(replica), _) => self.storage.dirs[usize::from(replica.dir.0)].id,
                    (None, Some(Offline { dir: Some(_), .. })) => LOST,
                    _ => continue,
                };
                if granted.directory(me) != is && !is.is_zero() {
                    found.push((is, id));
                }
            }
        }
        found
    }

    /// Tells the controller, before it may elect a leader here. True if there was something to tell.
    pub(super) fn assign_directories(&mut self, now: Now, out: &mut Outbox) -> bool {
        let Some(epoch) = self.membership.epoch() else { return false };
        let mut assignments = self.assignments();
        self.membership.directories.untold = !assignments.is_empty();
        if assignments.is_empty() {
            return false;
        }
        self.membership.directories.under_way = true;
        assignments.truncate(ASSIGNMENTS_MAX);
        let mut by_directory: BTreeMap<Uuid, BTreeMap<Uuid, Vec<i32>>> = BTreeMap::new();
        for (directory, id) in assignments {
            by_directory.entry(directory).or_default().entry(id.topic).or_default().push(id.index);
        }
        let partition = |index: i32| request::PartitionData { partition_index: index, ..Default::default() };
        let topic = |(id, indexes): (Uuid, Vec<i32>)| request::TopicData {
            topic_id: id.into(),
            partitions: indexes.into_iter().map(partition).collect(),
            ..Default::default()
        };
        let directory = |(id, topics): (Uuid, BTreeMap<Uuid, Vec<i32>>)| request::DirectoryData {
            id: id.into(),
            topics: topics.into_iter().map(topic).collect(),
            ..Default::default()
        };
        let request = AssignReplicasToDirsRequestData {
            broker_id: self.me().0,
            broker_epoch: epoch.0,
            directories: by_directory.into_iter().map(directory).collect(),
            ..Default::default()
        };
        self.ask(now, Asker::Directories, ControllerRequest::AssignReplicasToDirs(request), out);
        true
    }

    /// Logs went out of service while they served, or were made in another directory than the one that was named.
    pub(super) fn directories_changed(&mut self, now: Now, out: &mut Outbox) {
        self.membership.directories.untold = true;
        self.tell_directories(now, out);
    }

    /// Tells the controller what it does not know yet; again with each heartbeat, until it does.
    pub(super) fn tell_directories(&mut self, now: Now, out: &mut Outbox) {
        let Directories { untold, under_way } = self.membership.directories;
        if untold && !under_way && self.stopping.is_none() {
            self.assign_directories(now, out);
        }
    }

    /// The controller answered: what is left is told, and then the broker may be unfenced.
    pub(super) fn directories_assigned(&mut self, now: Now, response: &ControllerResponse, out: &mut Outbox) {
        let ControllerResponse::AssignReplicasToDirs(r) = response else { return };
        self.membership.directories.under_way = false;
        let partitions = r.directories.iter().flat_map(|d| &d.topics).flat_map(|t| &t.partitions);
        let refused = partitions.map(|p| p.error_code).chain([r.error_code]).find(|&code| code != 0);
        if let Some(code) = refused {
            // An older metadata.version knows no directories, and a broker whose epoch is stale registers again.
            self.membership.directories.untold &= code != ErrorCode::UnsupportedVersion.code();
            let says = format!("the directories of replicas could not be told: {}", ErrorCode::from_code(code));
            out.push(Output::Note(Note::mark("replica.directories_not_told").says(says)));
        } else if self.assign_directories(now, out) {
            return;
        }
        if matches!(self.membership.standing, Standing::Fenced(_)) {
            self.beat(now, false, out);
        }
    }
}
