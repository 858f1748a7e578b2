//! A response into results by item.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use odradek_wire::error::ErrorCode;
use odradek_wire::ids::{TopicPartition, Uuid};
use odradek_wire::messages::describe_configs_response::DescribeConfigsResourceResult;
use odradek_wire::messages::describe_log_dirs_response::DescribeLogDirsResult;
use odradek_wire::messages::describe_producers_response::PartitionResponse;
use odradek_wire::messages::metadata_response::MetadataResponseTopic;
use odradek_wire::messages::{DescribeClusterResponseData, DescribeTopicPartitionsResponseData, KafkaString};
use odradek_wire::response::Response;

use super::Asked;
use super::job::{Job, Value};
use super::operation::{
    ClusterDescription, ConfigEntry, ConfigResource, CreatedTopic, ListedOffset, LogDirDescription, NodeDescription, Operation,
    PartitionDescription, ProducerState, ReplicaSize, TopicDescription, TopicListing,
};
use crate::error::ClientError;

/// What a response said about an item.
#[derive(Debug)]
pub(super) enum Told {
    Value(Value),
    /// Some of it; the rest is to be asked for.
    More,
    Error {
        code: ErrorCode,
        message: Option<String>,
    },
}

/// Results by item, and for how long the node wants to be left alone. Items that the response does not mention are absent.
pub(super) fn told(job: &mut Job, asked: &Asked, response: Response) -> (Vec<(usize, Told)>, i32) {
    let slots = &asked.slots;
    let only = slots.first().copied().unwrap_or(0);
    match (&job.operation, response) {
        (Operation::CreateTopics { topics, .. }, Response::CreateTopics(body)) => {
            let places = index(slots, |at| &*topics[at].name);
            let told = body.topics.iter().filter_map(|t| {
                let created =
                    CreatedTopic { id: Uuid::from(t.topic_id), partitions: t.num_partitions, replication_factor: t.replication_factor };
                let slot = *places.get(&t.name.as_str())?;
                Some((slot, value_or(t.error_code, t.error_message.as_ref(), || Value::Created(created))))
            });
            (told.collect(), body.throttle_time_ms)
        }
        (Operation::DeleteTopics { topics }, Response::DeleteTopics(body)) => {
            let places = index(slots, |at| &*topics[at]);
            let told = body.responses.iter().filter_map(|t| {
                let slot = *places.get(&t.name.as_ref()?.as_str())?;
                Some((slot, value_or(t.error_code, t.error_message.as_ref(), || Value::Nothing)))
            });
            (told.collect(), body.throttle_time_ms)
        }
        (Operation::CreatePartitions { topics, .. }, Response::CreatePartitions(body)) => {
            let places = index(slots, |at| &*topics[at].0);
            let told = body.results.iter().filter_map(|t| {
                let slot = *places.get(&t.name.as_str())?;
                Some((slot, value_or(t.error_code, t.error_message.as_ref(), || Value::Nothing)))
            });
            (told.collect(), body.throttle_time_ms)
        }
        (Operation::DeleteRecords { before }, Response::DeleteRecords(body)) => {
            let places = index(slots, |at| (&*before[at].0.topic, before[at].0.partition));
            let all = body.topics.iter().flat_map(|t| t.partitions.iter().map(move |p| (&t.name, p)));
            let told = all.filter_map(|(name, p)| {
                let slot = *places.get(&(name.as_str(), p.partition_index))?;
                Some((slot, value_or(p.error_code, None, || Value::Offset(p.low_watermark))))
            });
            (told.collect(), body.throttle_time_ms)
        }
        (Operation::DescribeConfigs { resources, .. }, Response::DescribeConfigs(body)) => {
            let places = index(slots, |at| resources[at].0.code_and_name());
            let told = body.results.iter().filter_map(|r| {
                let slot = *places.get(&(r.resource_type, r.resource_name.as_str()))?;
                let entries = || Value::Configs(r.configs.iter().map(entry).collect());
                Some((slot, value_or(r.error_code, r.error_message.as_ref(), entries)))
            });
            (told.collect(), body.throttle_time_ms)
        }
        (Operation::AlterConfigs { resources, .. }, Response::AlterConfigs(body)) => {
            let places = index(slots, |at| resources[at].0.code_and_name());
            let told = body.responses.iter().filter_map(|r| {
                let slot = *places.get(&(r.resource_type, r.resource_name.as_str()))?;
                Some((slot, value_or(r.error_code, r.error_message.as_ref(), || Value::Nothing)))
            });
            (told.collect(), body.throttle_time_ms)
        }
        (Operation::IncrementalAlterConfigs { resources, .. }, Response::IncrementalAlterConfigs(body)) => {
            let places = index(slots, |at| resources[at].0.code_and_name());
            let told = body.responses.iter().filter_map(|r| {
                let slot = *places.get(&(r.resource_type, r.resource_name.as_str()))?;
                Some((slot, value_or(r.error_code, r.error_message.as_ref(), || Value::Nothing)))
            });
            (told.collect(), body.throttle_time_ms)
        }
        (Operation::ListConfigResources { .. }, Response::ListConfigResources(body)) => {
            let resources = || {
                let all = body.config_resources.iter();
                Value::Resources(all.map(|r| ConfigResource::from_code_and_name(r.resource_type, r.resource_name.as_str())).collect())
            };
            (vec![(only, value_or(body.error_code, None, resources))], body.throttle_time_ms)
        }
        (Operation::DescribeCluster, Response::DescribeCluster(body)) => {
            let told = value_or(body.error_code, body.error_message.as_ref(), || Value::Cluster(cluster(&body)));
            (vec![(only, told)], body.throttle_time_ms)
        }
        (Operation::DescribeTopics { .. }, Response::DescribeTopicPartitions(body)) => {
            let throttle_ms = body.throttle_time_ms;
            (described(job, slots, &body), throttle_ms)
        }
        (Operation::DescribeTopics { topics }, Response::Metadata(body)) => {
            let places = index(slots, |at| &*topics[at]);
            let told = body.topics.iter().filter_map(|t| {
                let slot = *places.get(&t.name.as_ref()?.as_str())?;
                Some((slot, value_or(t.error_code, None, || Value::Topic(topic(t)))))
            });
            (told.collect(), body.throttle_time_ms)
        }
        (Operation::ListTopics { internal }, Response::Metadata(body)) => {
            let listed = body.topics.iter().filter(|t| !ErrorCode::from_code(t.error_code).is_error() && (*internal || !t.is_internal));
            let mut listings: Vec<TopicListing> = listed.filter_map(listing).collect();
            listings.sort_by(|a, b| a.name.cmp(&b.name));
            (vec![(only, Told::Value(Value::Topics(listings)))], body.throttle_time_ms)
        }
        (Operation::DescribeLogDirs { .. }, Response::DescribeLogDirs(body)) => {
            let dirs = || Value::LogDirs(body.results.iter().map(log_dir).collect());
            (vec![(only, value_or(body.error_code, None, dirs))], body.throttle_time_ms)
        }
        (Operation::DescribeProducers { partitions }, Response::DescribeProducers(body)) => {
            let places = index(slots, |at| (&*partitions[at].topic, partitions[at].partition));
            let all = body.topics.iter().flat_map(|t| t.partitions.iter().map(move |p| (&t.name, p)));
            let told = all.filter_map(|(name, p)| {
                let slot = *places.get(&(name.as_str(), p.partition_index))?;
                Some((slot, value_or(p.error_code, p.error_message.as_ref(), || Value::Producers(producers(p)))))
            });
            (told.collect(), body.throttle_time_ms)
        }
        (Operation::ListOffsets { offsets, .. }, Response::ListOffsets(body)) => {
            let places = index(slots, |at| (&*offsets[at].0.topic, offsets[at].0.partition));
            let all = body.topics.iter().flat_map(|t| t.partitions.iter().map(move |p| (&t.name, p)));
            let told = all.filter_map(|(name, p)| {
                let slot = *places.get(&(name.as_str(), p.partition_index))?;
                let listed = ListedOffset { offset: p.offset, timestamp: p.timestamp, leader_epoch: p.leader_epoch };
                Some((slot, value_or(p.error_code, None, || Value::Listed(listed))))
            });
            (told.collect(), body.throttle_time_ms)
        }
        _ => (Vec::new(), 0), // an answer to something else: nothing was said
    }
}

fn value_or(code: i16, message: Option<&KafkaString>, value: impl FnOnce() -> Value) -> Told {
    match ErrorCode::from_code(code) {
        ErrorCode::None => Told::Value(value()),
        code => Told::Error { code, message: message.map(ToString::to_string) },
    }
}

/// Where the item of a key is. A key that was asked for twice has one place; the other is asked again, and answered then.
fn index<K: Ord>(slots: &[usize], key: impl Fn(usize) -> K) -> BTreeMap<K, usize> {
    slots.iter().map(|&at| (key(at), at)).collect()
}

fn entry(told: &DescribeConfigsResourceResult) -> ConfigEntry {
    let some = |s: &Option<KafkaString>| s.as_ref().map(ToString::to_string);
    ConfigEntry {
        name: told.name.to_string(),
        value: some(&told.value),
        read_only: told.read_only,
        source: told.config_source,
        sensitive: told.is_sensitive,
        value_type: told.config_type,
        documentation: some(&told.documentation),
        synonyms: told.synonyms.iter().map(|s| (s.name.to_string(), some(&s.value), s.source)).collect(),
    }
}

fn cluster(body: &DescribeClusterResponseData) -> ClusterDescription {
    let nodes = body.brokers.iter().map(|b| NodeDescription {
        id: b.broker_id,
        host: b.host.to_string(),
        port: b.port,
        rack: b.rack.as_ref().map(ToString::to_string),
    });
    ClusterDescription { cluster_id: body.cluster_id.to_string(), controller_id: body.controller_id, nodes: nodes.collect() }
}

/// A page of topics in the order of names. The topic at which the next page begins is not told to its end; those behind it are not told at all.
fn described(job: &mut Job, slots: &[usize], body: &DescribeTopicPartitionsResponseData) -> Vec<(usize, Told)> {
    let Operation::DescribeTopics { topics } = &job.operation else { return Vec::new() };
    let next = body.next_cursor.as_ref().map(|cursor| &cursor.topic_name);
    let places = index(slots, |at| &*topics[at]);
    let found = body.topics.iter().filter_map(|t| Some((*places.get(t.name.as_ref()?.as_str())?, t)));
    let found: Vec<(usize, &_)> = found.collect();
    let mut told = Vec::new();
    for (slot, t) in found {
        let code = ErrorCode::from_code(t.error_code);
        if code.is_error() {
            told.push((slot, Told::Error { code, message: None }));
            continue;
        }
        let partitions = t.partitions.iter().map(|p| PartitionDescription {
            partition: p.partition_index,
            leader: p.leader_id,
            leader_epoch: p.leader_epoch,
            replicas: p.replica_nodes.clone(),
            isr: p.isr_nodes.clone(),
            eligible_leaders: p.eligible_leader_replicas.clone(),
            offline: p.offline_replicas.clone(),
        });
        job.partial(slot).extend(partitions);
        if t.name.is_some() && t.name.as_ref() == next {
            told.push((slot, Told::More));
        } else {
            let partitions = std::mem::take(job.partial(slot));
            let topic = TopicDescription { id: Uuid::from(t.topic_id), internal: t.is_internal, partitions };
            told.push((slot, Told::Value(Value::Topic(topic))));
        }
    }
    // What the page did not reach is asked for with the next one, and is no failure.
    if next.is_some() {
        let reached: BTreeSet<usize> = told.iter().map(|(slot, _)| *slot).collect();
        told.extend(slots.iter().filter(|slot| !reached.contains(slot)).map(|slot| (*slot, Told::More)));
    }
    told
}

fn topic(told: &MetadataResponseTopic) -> TopicDescription {
    let partitions = told.partitions.iter().map(|p| PartitionDescription {
        partition: p.partition_index,
        leader: p.leader_id,
        leader_epoch: p.leader_epoch,
        replicas: p.replica_nodes.clone(),
        isr: p.isr_nodes.clone(),
        eligible_leaders: None,
        offline: p.offline_replicas.clone(),
    });
    let mut partitions: Vec<PartitionDescription> = partitions.collect();
    partitions.sort_by_key(|p| p.partition);
    TopicDescription { id: Uuid::from(told.topic_id), internal: told.is_internal, partitions }
}

fn listing(told: &MetadataResponseTopic) -> Option<TopicListing> {
    let name: Arc<str> = Arc::from(told.name.as_ref()?.as_str());
    Some(TopicListing { name, id: Uuid::from(told.topic_id), internal: told.is_internal, partitions: told.partitions.len() })
}

fn log_dir(told: &DescribeLogDirsResult) -> LogDirDescription {
    let code = ErrorCode::from_code(told.error_code);
    let replicas = told.topics.iter().flat_map(|t| {
        let topic: Arc<str> = Arc::from(t.name.as_str());
        t.partitions.iter().map(move |p| {
            let of = TopicPartition { topic: topic.clone(), partition: p.partition_index };
            (of, ReplicaSize { bytes: p.partition_size, lag: p.offset_lag, future: p.is_future_key })
        })
    });
    LogDirDescription {
        path: told.log_dir.to_string(),
        error: code.is_error().then_some(ClientError::Broker { code: told.error_code, message: None }),
        total_bytes: told.total_bytes,
        usable_bytes: told.usable_bytes,
        replicas: replicas.collect(),
    }
}

fn producers(told: &PartitionResponse) -> Vec<ProducerState> {
    let states = told.active_producers.iter().map(|p| ProducerState {
        producer_id: p.producer_id,
        producer_epoch: p.producer_epoch,
        last_sequence: p.last_sequence,
        last_timestamp: p.last_timestamp,
        coordinator_epoch: p.coordinator_epoch,
        transaction_start: (p.current_txn_start_offset >= 0).then_some(p.current_txn_start_offset),
    });
    states.collect()
}
