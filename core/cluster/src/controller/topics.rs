//! Topics are created.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use odradek_wire::ids::{NodeId, Offset, Uuid};

use super::directories::DirectoryLoad;
use super::names::{check_collision, check_topic_name};
use super::place::{UsableBroker, place};
use super::refusal::create_topic_refused;
use super::{
    Controller, ControllerResponse, DIRECTORIES_SINCE, Decision, PARTITIONS_PER_REQUEST_MAX, RECORDS_PER_REQUEST_MAX, Refusal, topic_id,
};
use crate::config::{NodeView, effective_of_overrides, validate_topic_overrides};
use crate::image::Overrides;
use crate::messages::create_topics_request::CreatableTopic;
use crate::messages::create_topics_response::{CreatableTopicConfigs, CreatableTopicResult};
use crate::messages::{CreateTopicsRequestData, CreateTopicsResponseData, ErrorCode, KafkaString, text};
use crate::record::{ConfigRecord, MetadataRecord, PartitionRecord, TopicRecord};

/// The topic that is the metadata log.
const CLUSTER_METADATA: &str = "__cluster_metadata";

impl Controller {
    pub(super) fn create_topics(&self, r: &CreateTopicsRequestData, next: Offset) -> Result<Decision, Refusal> {
        self.check_partition_total(r)?;
        let repeated = repeated(r.topics.iter().map(|t| t.name.as_str()));
        let mut load = DirectoryLoad::of(&self.image);
        let mut records = Vec::new();
        let mut topics = Vec::new();
        for topic in r.topics.iter().filter(|t| !repeated.contains(t.name.as_str()) && t.name.as_str() != CLUSTER_METADATA) {
            let created = self.create_topic(topic, next, &mut load, &mut records);
            topics.push(created.unwrap_or_else(|why| create_topic_refused(&topic.name, &why)));
        }
        let invalid = |message: &str| Refusal::new(ErrorCode::InvalidRequest, message);
        topics.extend(repeated.iter().map(|name| create_topic_refused(&text(name), &invalid("Duplicate topic name."))));
        if r.topics.iter().any(|t| t.name.as_str() == CLUSTER_METADATA) && !repeated.contains(CLUSTER_METADATA) {
            let why = invalid("Creation of internal topic __cluster_metadata is prohibited.");
            topics.push(create_topic_refused(&text(CLUSTER_METADATA), &why));
        }
        check_record_total(&records)?;
        if r.validate_only {
            records.clear();
        }
        Ok(Decision { records, reply: ControllerResponse::CreateTopics(CreateTopicsResponseData { topics, ..Default::default() }) })
    }

    fn check_partition_total(&self, r: &CreateTopicsRequestData) -> Result<(), Refusal> {
        let wanted = |t: &CreatableTopic| match t.num_partitions {
            _ if !t.assignments.is_empty() => t.assignments.len() as i64,
            -1 => self.config.defaults.long("num.partitions"),
            n => i64::from(n.max(0)),
        };
        if r.topics.iter().map(wanted).sum::<i64>() > PARTITIONS_PER_REQUEST_MAX {
            return Err(Refusal::new(ErrorCode::PolicyViolation, "Excessively large number of partitions per request."));
        }
        Ok(())
    }

    fn create_topic(
        &self,
        topic: &CreatableTopic,
        next: Offset,
        load: &mut DirectoryLoad,
        records: &mut Vec<MetadataRecord>,
    ) -> Result<CreatableTopicResult, Refusal> {
        let name = topic.name.as_str();
        check_topic_name(name)?;
        if self.image.topic_id(name).is_some() {
            return Err(Refusal::new(ErrorCode::TopicAlreadyExists, format!("Topic '{name}' already exists.")));
        }
        check_collision(&self.image, name)?;
        let overrides = self.creation_overrides(topic)?;
        let assignments = self.assignments(topic, next)?;
        let id = self.free_topic_id(name, next);
        records.push(MetadataRecord::Topic(TopicRecord { name: name.to_owned(), topic_id: id }));
        records.extend(overrides.iter().map(|(key, value)| {
            MetadataRecord::Config(ConfigRecord {
                resource_type: 2,
                resource_name: name.to_owned(),
                name: key.to_string(),
                value: Some(value.to_string()),
            })
        }));
        for (index, replicas) in (0..).zip(&assignments) {
            records.push(self.partition_record(id, index, replicas, load));
        }
        let replication_factor = assignments.first().map_or(0, Vec::len);
        Ok(CreatableTopicResult {
            name: topic.name.clone(),
            topic_id: id.into(),
            num_partitions: assignments.len() as i32,
            replication_factor: replication_factor as i16,
            configs: Some(self.creation_configs(&overrides)),
            ..Default::default()
        })
    }

    fn creation_overrides(&self, topic: &CreatableTopic) -> Result<Overrides, Refusal> {
        let nulls: Vec<&str> = topic.configs.iter().filter(|c| c.value.is_none()).map(|c| c.name.as_str()).collect();
        if !nulls.is_empty() {
            let message = format!("Null value not supported for topic configs: {}", nulls.join(","));
            return Err(Refusal::new(ErrorCode::InvalidConfig, message));
        }
        let pair = |name: &KafkaString, value: &KafkaString| (Arc::from(name.as_str()), Arc::from(value.as_str()));
        let overrides: Overrides = topic.configs.iter().filter_map(|c| Some(pair(&c.name, c.value.as_ref()?))).collect();
        validate_topic_overrides(&overrides, &NodeView::of_cluster(&self.image, &self.config.defaults))?;
        Ok(overrides)
    }

    fn creation_configs(&self, overrides: &Overrides) -> Vec<CreatableTopicConfigs> {
        let view = NodeView::of_cluster(&self.image, &self.config.defaults);
        let row = |e: crate::config::Effective| CreatableTopicConfigs {
            name: text(e.definition.name),
            value: e.value.as_deref().map(text),
            read_only: false,
            config_source: e.source() as i8,
            is_sensitive: e.definition.is_sensitive(),
            ..Default::default()
        };
        effective_of_overrides(&view, overrides).into_iter().map(row).collect()
    }

    fn assignments(&self, topic: &CreatableTopic, next: Offset) -> Result<Vec<Vec<NodeId>>, Refusal> {
        if !topic.assignments.is_empty() {
            return self.manual_assignments(topic);
        }
        if topic.replication_factor < -1 || topic.replication_factor == 0 {
            let message = "Replication factor must be larger than 0, or -1 to use the default value.";
            return Err(Refusal::new(ErrorCode::InvalidReplicationFactor, message));
        }
        if topic.num_partitions < -1 || topic.num_partitions == 0 {
            let message = "Number of partitions was set to an invalid non-positive value.";
            return Err(Refusal::new(ErrorCode::InvalidPartitions, message));
        }
        let or_default = |n: i32, default: i64| if n == -1 { default as i32 } else { n };
        let partitions = or_default(topic.num_partitions, self.config.defaults.long("num.partitions"));
        let replicas = or_default(topic.replication_factor.into(), self.config.defaults.long("default.replication.factor"));
        self.place(topic.name.as_str(), partitions as usize, replicas, next)
    }

    fn manual_assignments(&self, topic: &CreatableTopic) -> Result<Vec<Vec<NodeId>>, Refusal> {
        let request = |message: &str| Err(Refusal::new(ErrorCode::InvalidRequest, message));
        let assignment = |message: String| Err(Refusal::new(ErrorCode::InvalidReplicaAssignment, message));
        if topic.replication_factor != -1 {
            return request("A manual partition assignment was specified, but replication factor was not set to -1.");
        }
        if topic.num_partitions != -1 {
            return request("A manual partition assignment was specified, but numPartitions was not set to -1.");
        }
        let mut by_index = BTreeMap::new();
        let mut factor = None;
        for a in &topic.assignments {
            if by_index.contains_key(&a.partition_index) {
                return assignment(format!("Found multiple manual partition assignments for partition {}", a.partition_index));
            }
            self.check_manual_assignment(a.partition_index, &a.broker_ids, factor)?;
            factor = Some(a.broker_ids.len());
            by_index.insert(a.partition_index, nodes(&a.broker_ids));
        }
        if by_index.keys().copied().ne(0..by_index.len() as i32) {
            return assignment("partitions should be a consecutive 0-based integer sequence".to_owned());
        }
        Ok(by_index.into_values().collect())
    }

    pub(super) fn check_manual_assignment(&self, index: i32, brokers: &[i32], factor: Option<usize>) -> Result<(), Refusal> {
        let refuse = |message: String| Err(Refusal::new(ErrorCode::InvalidReplicaAssignment, message));
        if brokers.is_empty() {
            return refuse("The manual partition assignment includes an empty replica list.".to_owned());
        }
        let mut sorted = brokers.to_vec();
        sorted.sort_unstable();
        for (i, &id) in sorted.iter().enumerate() {
            let Some(broker) = self.image.broker(NodeId(id)) else {
                return refuse(format!("The manual partition assignment includes broker {id}, but no such broker is registered."));
            };
            if !broker.takes_partitions() {
                return refuse(format!("The manual partition assignment includes broker {id}, but all its log directories are cordoned."));
            }
            if i > 0 && sorted[i - 1] == id {
                return refuse(format!("The manual partition assignment includes the broker {id} more than once."));
            }
        }
        if let Some(factor) = factor.filter(|&f| f != brokers.len()) {
            return refuse(format!(
                "The manual partition assignment includes a partition with {} replica(s), but this is not consistent with previous partitions, which \
                 have {factor} replica(s).",
                brokers.len()
            ));
        }
        if !brokers.iter().any(|&id| self.is_active(NodeId(id))) {
            return refuse(format!(
                "All brokers specified in the manual partition assignment for partition {index} are fenced or in controlled shutdown."
            ));
        }
        Ok(())
    }

    pub(super) fn place(&self, name: &str, partitions: usize, replicas: i32, next: Offset) -> Result<Vec<Vec<NodeId>>, Refusal> {
        let usable: Vec<UsableBroker> = self
            .image
            .brokers()
            .filter(|b| !b.in_controlled_shutdown && b.takes_partitions())
            .map(|b| UsableBroker { id: b.id, rack: b.rack.as_deref().map(str::to_owned), fenced: b.fenced })
            .collect();
        let seed = self.seed.named("placement").named(name).number(next.0 as u64);
        place(&usable, partitions, replicas, seed).map_err(|why| {
            let message = format!("Unable to replicate the partition {replicas} time(s): {why}");
            Refusal::new(ErrorCode::InvalidReplicationFactor, message)
        })
    }

    /// A drawn id that no topic has; a second draw is needed about once in 2^122 times.
    fn free_topic_id(&self, name: &str, next: Offset) -> Uuid {
        (0..)
            .map(|attempt| topic_id(self.seed, name, next, attempt))
            .find(|id| self.image.topic_by_id(*id).is_none())
            .expect("some id is free")
    }

    /// A partition as it begins: led by the first of its replicas that is active, with all that are active in sync.
    pub(super) fn partition_record(
        &self,
        topic_id: Uuid,
        partition_id: i32,
        replicas: &[NodeId],
        load: &mut DirectoryLoad,
    ) -> MetadataRecord {
        let isr: Vec<i32> = replicas.iter().filter(|&&r| self.is_active(r)).map(|r| r.0).collect();
        let leader = *isr.first().expect("an assignment has an active replica");
        MetadataRecord::Partition(PartitionRecord {
            partition_id,
            topic_id,
            replicas: replicas.iter().map(|r| r.0).collect(),
            isr,
            leader,
            leader_epoch: 0,
            partition_epoch: 0,
            directories: if self.since(DIRECTORIES_SINCE) {
                replicas.iter().map(|&r| load.place(&self.image, r)).collect()
            } else {
                Vec::new()
            },
            ..Default::default()
        })
    }
}

pub(super) const EXCESSIVE: &str = "Unable to perform excessively large batch operation.";

pub(super) fn check_record_total(records: &[MetadataRecord]) -> Result<(), Refusal> {
    if records.len() > RECORDS_PER_REQUEST_MAX {
        return Err(Refusal::new(ErrorCode::PolicyViolation, EXCESSIVE));
    }
    Ok(())
}

pub(super) fn repeated<T: Ord + Copy>(items: impl Iterator<Item = T>) -> BTreeSet<T> {
    let mut seen = BTreeSet::new();
    items.filter(|&i| !seen.insert(i)).collect()
}

pub(super) fn nodes(ids: &[i32]) -> Vec<NodeId> {
    ids.iter().map(|&id| NodeId(id)).collect()
}
