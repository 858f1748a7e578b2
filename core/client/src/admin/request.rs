//! Items of an operation into one request.

use std::collections::BTreeMap;

use odradek_wire::api::ApiKey;
use odradek_wire::ids::TopicPartition;
use odradek_wire::messages::delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic};
use odradek_wire::messages::describe_topic_partitions_request::{Cursor, TopicRequest};
use odradek_wire::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use odradek_wire::messages::metadata_request::MetadataRequestTopic;
use odradek_wire::messages::{
    AlterConfigsRequestData, CreatePartitionsRequestData, CreateTopicsRequestData, DeleteRecordsRequestData, DeleteTopicsRequestData,
    DescribeClusterRequestData, DescribeConfigsRequestData, DescribeLogDirsRequestData, DescribeProducersRequestData,
    DescribeTopicPartitionsRequestData, IncrementalAlterConfigsRequestData, KafkaString, ListConfigResourcesRequestData,
    ListOffsetsRequestData, MetadataRequestData, alter_configs_request as alter, create_partitions_request as partitions,
    create_topics_request as create, delete_topics_request as delete, describe_configs_request as describe,
    describe_producers_request as producers, incremental_alter_configs_request as incremental, text,
};
use odradek_wire::request::RequestBody;

use super::job::Job;
use super::operation::{ConfigChange, ConfigResource, NewTopic, OffsetSpec, Operation};
use crate::config::Isolation;

/// The APIs by which an operation can be asked, the best first.
pub(super) const fn api_of(operation: &Operation) -> &'static [ApiKey] {
    match operation {
        Operation::CreateTopics { .. } => &[ApiKey::CreateTopics],
        Operation::DeleteTopics { .. } => &[ApiKey::DeleteTopics],
        Operation::CreatePartitions { .. } => &[ApiKey::CreatePartitions],
        Operation::DeleteRecords { .. } => &[ApiKey::DeleteRecords],
        Operation::DescribeConfigs { .. } => &[ApiKey::DescribeConfigs],
        Operation::AlterConfigs { .. } => &[ApiKey::AlterConfigs],
        Operation::IncrementalAlterConfigs { .. } => &[ApiKey::IncrementalAlterConfigs],
        Operation::ListConfigResources { .. } => &[ApiKey::ListConfigResources],
        Operation::DescribeCluster => &[ApiKey::DescribeCluster],
        Operation::DescribeTopics { .. } => &[ApiKey::DescribeTopicPartitions, ApiKey::Metadata],
        Operation::ListTopics { .. } => &[ApiKey::Metadata],
        Operation::DescribeLogDirs { .. } => &[ApiKey::DescribeLogDirs],
        Operation::DescribeProducers { .. } => &[ApiKey::DescribeProducers],
        Operation::ListOffsets { .. } => &[ApiKey::ListOffsets],
    }
}

/// The request for these items. Fields that a version has not stay at their defaults.
pub(super) fn request(job: &Job, api: ApiKey, slots: &[usize], version: i16, timeout_ms: i32) -> RequestBody {
    match &job.operation {
        Operation::CreateTopics { topics, validate_only } => {
            let topics = slots.iter().map(|&at| creatable(&topics[at])).collect();
            CreateTopicsRequestData::default().with_topics(topics).with_timeout_ms(timeout_ms).with_validate_only(*validate_only).into()
        }
        Operation::DeleteTopics { topics } => {
            let names = slots.iter().map(|&at| text(&topics[at]));
            let body = DeleteTopicsRequestData::default().with_timeout_ms(timeout_ms);
            if version >= 6 {
                let states = names.map(|name| delete::DeleteTopicState::default().with_name(Some(name)));
                body.with_topics(states.collect()).into()
            } else {
                body.with_topic_names(names.collect()).into()
            }
        }
        Operation::CreatePartitions { topics, validate_only } => {
            let topics = slots.iter().map(|&at| {
                let (name, count) = &topics[at];
                partitions::CreatePartitionsTopic::default().with_name(text(name)).with_count(*count).with_assignments(None)
            });
            let body = CreatePartitionsRequestData::default().with_topics(topics.collect());
            body.with_timeout_ms(timeout_ms).with_validate_only(*validate_only).into()
        }
        Operation::DeleteRecords { before } => {
            let topics = by_topic(slots.iter().map(|&at| (&before[at].0, before[at].1))).into_iter().map(|(name, partitions)| {
                let partitions = partitions
                    .into_iter()
                    .map(|(index, offset)| DeleteRecordsPartition::default().with_partition_index(index).with_offset(offset));
                DeleteRecordsTopic::default().with_name(name).with_partitions(partitions.collect())
            });
            DeleteRecordsRequestData::default().with_topics(topics.collect()).with_timeout_ms(timeout_ms).into()
        }
        Operation::DescribeConfigs { resources, synonyms, documentation } => {
            let resources = slots.iter().map(|&at| {
                let (of, keys) = &resources[at];
                let (code, name) = of.code_and_name();
                let keys = keys.as_ref().map(|keys| keys.iter().map(|key| text(key)).collect());
                let resource = describe::DescribeConfigsResource::default().with_resource_type(code).with_resource_name(text(name));
                resource.with_configuration_keys(keys)
            });
            let body = DescribeConfigsRequestData::default().with_resources(resources.collect()).with_include_synonyms(*synonyms);
            body.with_include_documentation(*documentation && version >= 3).into()
        }
        Operation::AlterConfigs { resources, validate_only } => {
            let resources = slots.iter().map(|&at| replaced(&resources[at]));
            AlterConfigsRequestData::default().with_resources(resources.collect()).with_validate_only(*validate_only).into()
        }
        Operation::IncrementalAlterConfigs { resources, validate_only } => {
            let resources = slots.iter().map(|&at| changed(&resources[at]));
            IncrementalAlterConfigsRequestData::default().with_resources(resources.collect()).with_validate_only(*validate_only).into()
        }
        Operation::ListConfigResources { types } => {
            let types = if version >= 1 { types.clone() } else { Vec::new() };
            ListConfigResourcesRequestData::default().with_resource_types(types).into()
        }
        Operation::DescribeCluster => DescribeClusterRequestData::default().into(),
        Operation::DescribeTopics { topics } if api == ApiKey::DescribeTopicPartitions => {
            let mut wanted: Vec<usize> = slots.to_vec();
            wanted.sort_by(|a, b| topics[*a].cmp(&topics[*b]));
            let cursor = wanted
                .first()
                .filter(|at| job.partial_len(**at) > 0)
                .map(|&at| Box::new(Cursor::default().with_topic_name(text(&topics[at])).with_partition_index(job.partial_len(at) as i32)));
            let topics = wanted.iter().map(|&at| TopicRequest::default().with_name(text(&topics[at])));
            DescribeTopicPartitionsRequestData::default().with_topics(topics.collect()).with_cursor(cursor).into()
        }
        Operation::DescribeTopics { topics } => {
            let topics = slots.iter().map(|&at| MetadataRequestTopic::default().with_name(Some(text(&topics[at]))));
            metadata(Some(topics.collect()), version)
        }
        Operation::ListTopics { .. } => metadata(None, version),
        Operation::DescribeLogDirs { .. } => DescribeLogDirsRequestData::default().with_topics(None).into(),
        Operation::DescribeProducers { partitions } => {
            let topics = by_topic(slots.iter().map(|&at| (&partitions[at], ()))).into_iter().map(|(name, partitions)| {
                let indexes = partitions.into_iter().map(|(index, ())| index);
                producers::TopicRequest::default().with_name(name).with_partition_indexes(indexes.collect())
            });
            DescribeProducersRequestData::default().with_topics(topics.collect()).into()
        }
        Operation::ListOffsets { offsets, isolation } => {
            list_offsets(slots.iter().map(|&at| &offsets[at]), *isolation, version, timeout_ms)
        }
    }
}

fn creatable(topic: &NewTopic) -> create::CreatableTopic {
    let assignments =
        topic.assignments.iter().zip(0..).map(|(brokers, index)| {
            create::CreatableReplicaAssignment::default().with_partition_index(index).with_broker_ids(brokers.clone())
        });
    let configs = topic
        .config
        .iter()
        .map(|(name, value)| create::CreatableTopicConfig::default().with_name(text(name)).with_value(Some(text(value))));
    let assigned = !topic.assignments.is_empty();
    create::CreatableTopic::default()
        .with_name(text(&topic.name))
        .with_num_partitions(topic.partitions.filter(|_| !assigned).unwrap_or(-1))
        .with_replication_factor(topic.replication_factor.filter(|_| !assigned).unwrap_or(-1))
        .with_assignments(assignments.collect())
        .with_configs(configs.collect())
}

fn replaced((of, entries): &(ConfigResource, Vec<(String, String)>)) -> alter::AlterConfigsResource {
    let (code, name) = of.code_and_name();
    let configs = entries.iter().map(|(key, value)| alter::AlterableConfig::default().with_name(text(key)).with_value(Some(text(value))));
    let resource = alter::AlterConfigsResource::default().with_resource_type(code).with_resource_name(text(name));
    resource.with_configs(configs.collect())
}

fn changed((of, changes): &(ConfigResource, Vec<ConfigChange>)) -> incremental::AlterConfigsResource {
    let (code, name) = of.code_and_name();
    let configs = changes.iter().map(|change| {
        let (operation, key, value) = match change {
            ConfigChange::Set(key, value) => (0, key, Some(value)),
            ConfigChange::Delete(key) => (1, key, None),
            ConfigChange::Append(key, value) => (2, key, Some(value)),
            ConfigChange::Subtract(key, value) => (3, key, Some(value)),
        };
        let config = incremental::AlterableConfig::default().with_name(text(key)).with_config_operation(operation);
        config.with_value(value.map(|v| text(v)))
    });
    let resource = incremental::AlterConfigsResource::default().with_resource_type(code).with_resource_name(text(name));
    resource.with_configs(configs.collect())
}

fn metadata(topics: Option<Vec<MetadataRequestTopic>>, version: i16) -> RequestBody {
    let body = MetadataRequestData::default().with_topics(topics);
    body.with_allow_auto_topic_creation(version < 4).into()
}

fn list_offsets<'a>(
    offsets: impl Iterator<Item = &'a (TopicPartition, OffsetSpec)>,
    isolation: Isolation,
    version: i16,
    timeout_ms: i32,
) -> RequestBody {
    let topics = by_topic(offsets.map(|(of, spec)| (of, timestamp_of(*spec)))).into_iter().map(|(name, partitions)| {
        let partitions =
            partitions.into_iter().map(|(index, at)| ListOffsetsPartition::default().with_partition_index(index).with_timestamp(at));
        ListOffsetsTopic::default().with_name(name).with_partitions(partitions.collect())
    });
    ListOffsetsRequestData::default()
        .with_replica_id(-1)
        .with_isolation_level(if version >= 2 { isolation.code() } else { 0 })
        .with_topics(topics.collect())
        .with_timeout_ms(if version >= 10 { timeout_ms } else { 0 })
        .into()
}

const fn timestamp_of(spec: OffsetSpec) -> i64 {
    match spec {
        OffsetSpec::Latest => -1,
        OffsetSpec::Earliest => -2,
        OffsetSpec::MaxTimestamp => -3,
        OffsetSpec::Timestamp(at) => at,
    }
}

fn by_topic<'a, T>(items: impl Iterator<Item = (&'a TopicPartition, T)>) -> Vec<(KafkaString, Vec<(i32, T)>)> {
    let mut topics: BTreeMap<&str, Vec<(i32, T)>> = BTreeMap::new();
    for (of, item) in items {
        topics.entry(&of.topic).or_default().push((of.partition, item));
    }
    topics.into_iter().map(|(name, partitions)| (text(name), partitions)).collect()
}
