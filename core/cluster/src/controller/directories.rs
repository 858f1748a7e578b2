//! Which log directory of a broker a replica is in (KIP-858).
//!
//! Apache Kafka leaves the choice among several directories to the broker, which tells it afterwards. Until then nothing in the metadata says where a replica
//! is, and one whose directory is lost meanwhile would be made anew. Here the controller chooses, so that the record which creates a partition says it.

use std::collections::BTreeMap;

use odradek_wire::ids::{BrokerEpoch, NodeId, Uuid};

use super::elect::change;
use super::{Controller, ControllerResponse, DIRECTORIES_SINCE, Decision, Refusal};
use crate::image::{Broker, Image, MIGRATING, Partition, Topic};
use crate::messages::{
    AssignReplicasToDirsRequestData, AssignReplicasToDirsResponseData, ErrorCode, assign_replicas_to_dirs_response as response,
};
use crate::record::{MetadataRecord, PartitionChangeRecord};

/// How many replicas each log directory has, of brokers with several.
#[derive(Debug, Default)]
pub(super) struct DirectoryLoad {
    replicas: BTreeMap<(NodeId, Uuid), usize>,
}

impl DirectoryLoad {
    /// Counts them; nothing is counted where no broker has a choice.
    pub(super) fn of(image: &Image) -> DirectoryLoad {
        let mut load = DirectoryLoad::default();
        if image.brokers().all(|b| b.log_dirs.len() < 2) {
            return load;
        }
        for partition in image.topics().flat_map(|t| t.partitions.values()) {
            for &replica in &partition.replicas {
                *load.replicas.entry((replica, partition.directory(replica))).or_default() += 1;
            }
        }
        load
    }

    /// The directory for a new replica: the one with the fewest that takes further partitions; of several the first that the broker named.
    pub(super) fn place(&mut self, image: &Image, broker: NodeId) -> Uuid {
        let Some(b) = image.broker(broker) else { return MIGRATING };
        let count = |d: &Uuid| self.replicas.get(&(broker, *d)).copied().unwrap_or(0);
        let open = |d: &&Uuid| !b.cordoned_log_dirs.as_deref().unwrap_or(&[]).contains(d);
        let Some(chosen) = b.log_dirs.iter().filter(open).min_by_key(|d| count(d)).copied() else { return MIGRATING };
        *self.replicas.entry((broker, chosen)).or_default() += 1;
        chosen
    }
}

impl Controller {
    /// A broker says in which directories it found its replicas, or that some are offline ([`crate::image::LOST`]).
    pub(super) fn assign_replicas_to_dirs(&self, r: &AssignReplicasToDirsRequestData) -> Result<Decision, Refusal> {
        let broker = NodeId(r.broker_id);
        self.check_broker_epoch(broker, BrokerEpoch(r.broker_epoch))?;
        if !self.since(DIRECTORIES_SINCE) {
            let message = "The current MetadataVersion is too old to support directory assignments.";
            return Err(Refusal::new(ErrorCode::UnsupportedVersion, message));
        }
        let mut records = Vec::new();
        let mut directories = Vec::new();
        for dir in &r.directories {
            let mut topics = Vec::new();
            for topic in &dir.topics {
                let assign = |p: &crate::messages::assign_replicas_to_dirs_request::PartitionData| {
                    let outcome = self.assign(broker, topic.topic_id.into(), p.partition_index, dir.id.into(), &mut records);
                    let error = outcome.err().unwrap_or(ErrorCode::None);
                    response::PartitionData { partition_index: p.partition_index, error_code: error.code(), ..Default::default() }
                };
                let partitions = topic.partitions.iter().map(assign).collect();
                topics.push(response::TopicData { topic_id: topic.topic_id, partitions, ..Default::default() });
            }
            directories.push(response::DirectoryData { id: dir.id, topics, ..Default::default() });
        }
        let reply = AssignReplicasToDirsResponseData { directories, ..Default::default() };
        Ok(Decision { records, reply: ControllerResponse::AssignReplicasToDirs(reply) })
    }

    fn assign(&self, broker: NodeId, topic: Uuid, index: i32, directory: Uuid, records: &mut Vec<MetadataRecord>) -> Result<(), ErrorCode> {
        let topic = self.image.topic_by_id(topic).ok_or(ErrorCode::UnknownTopicId)?;
        let partition = topic.partitions.get(&index).ok_or(ErrorCode::UnknownTopicOrPartition)?;
        let at = partition.replicas.iter().position(|&r| r == broker).ok_or(ErrorCode::NotLeaderOrFollower)?;
        if partition.directory(broker) == directory {
            return Ok(());
        }
        let mut moved = partition.clone();
        moved.directories.resize(moved.replicas.len(), MIGRATING);
        moved.directories[at] = directory;
        records.push(MetadataRecord::PartitionChange(PartitionChangeRecord {
            partition_id: index,
            topic_id: topic.id,
            directories: Some(moved.directories.clone()),
            ..Default::default()
        }));
        if !self.image.broker(broker).is_some_and(|b: &std::sync::Arc<Broker>| b.has_online(directory)) {
            records.extend(self.goes_offline(broker, topic, index, &moved));
        }
        Ok(())
    }

    /// A replica in a directory that is not online leaves ISR and leadership.
    fn goes_offline(&self, broker: NodeId, topic: &Topic, index: i32, partition: &Partition) -> Option<MetadataRecord> {
        let config = self.topic_config(topic);
        let isr = partition.isr.iter().copied().filter(|&m| m != broker).collect();
        let acceptable = |r: NodeId| self.is_active(r) && self.is_directory_online(partition, r);
        change(partition, self.situation(topic, index, partition, &config), isr, None, acceptable).map(MetadataRecord::PartitionChange)
    }
}
