//! Metadata: brokers, topics and leaders from the committed image; topics that are asked for by name may be created (KIP-4, KIP-516).

use std::collections::BTreeSet;

use odradek_cluster::controller::{ControllerRequest, ControllerResponse, check_topic_name};
use odradek_cluster::image::Topic;
use odradek_machine::{Mono, Now, reached};
use odradek_wire::error::ErrorCode;
use odradek_wire::ids::{NodeId, Uuid};
use odradek_wire::messages::create_topics_request::CreatableTopic;
use odradek_wire::messages::metadata_request::MetadataRequestTopic;
use odradek_wire::messages::metadata_response::{MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic};
use odradek_wire::messages::{CreateTopicsRequestData, KafkaString, MetadataRequestData, MetadataResponseData, text};

use super::resolve::{CLUSTER_OPERATIONS, TOPIC_OPERATIONS, is_internal};
use super::{Ask, Pending, Reply, made};
use crate::io::{NotesOf, Outbox};
use crate::partition::PartitionId;
use crate::purgatory::WaitsFor;
use crate::running::{Asker, Making, Running};
use crate::sessions::RequestKey;

/// A Metadata that waits for topics to be created.
#[derive(Debug)]
pub(crate) struct PendingMetadata {
    version: i16,
    wanted: Wanted,
    topic_operations: bool,
    cluster_operations: bool,
    /// When the answer says what is there by then.
    until: Mono,
    /// Logs of topics that were created, while they are being made.
    making: BTreeSet<PartitionId>,
}

/// Which topics are asked for, each once.
#[derive(Debug)]
enum Wanted {
    All,
    Names(Vec<String>),
    Ids(Vec<Uuid>),
}

/// How long an answer waits for topics that are being created.
const CREATE_MS: u64 = 5_000;

/// Answers from the committed image, after creating what may be created.
pub(crate) fn handle(node: &mut Running, now: Now, ask: &Ask, request: &MetadataRequestData, out: &mut Outbox) -> Reply {
    let wanted = match wanted(ask.version, request.topics.as_deref()) {
        Ok(wanted) => wanted,
        Err(error) => return Reply::Now(refused(ask.version, request, error).into()),
    };
    let pending = PendingMetadata {
        version: ask.version,
        wanted,
        topic_operations: request.include_topic_authorized_operations,
        cluster_operations: request.include_cluster_authorized_operations,
        until: now.mono.plus_ms(CREATE_MS),
        making: BTreeSet::new(),
    };
    let may_create = (ask.version < 4 || request.allow_auto_topic_creation) && node.setup.config.boolean("auto.create.topics.enable");
    let missing = if may_create { missing(node, &pending.wanted) } else { Vec::new() };
    if missing.is_empty() {
        return Reply::Now(response(node, ask.key, &pending).into());
    }
    reached!(&mut NotesOf(out), "topic.auto_created", missing.len(), 0);
    let topic = |name: &String| CreatableTopic::default().with_name(text(name)).with_num_partitions(-1).with_replication_factor(-1);
    let create = CreateTopicsRequestData::default().with_topics(missing.iter().map(topic).collect()).with_timeout_ms(CREATE_MS as i32);
    node.purgatory.park(ask.key, Vec::new(), Some(pending.until));
    node.pending.insert(ask.key, Pending::Metadata(pending));
    node.ask(now, Asker::AutoCreate(ask.key), ControllerRequest::CreateTopics(create), out);
    Reply::Later
}

/// The controller created what could be created, and it is committed: the answer follows when the logs are there, or could not be made.
pub(crate) fn created(node: &mut Running, now: Now, key: RequestKey, _response: &ControllerResponse, out: &mut Outbox) {
    let Some(Pending::Metadata(mut pending)) = node.pending.remove(&key) else { return };
    if let Wanted::Names(names) = &pending.wanted {
        let all = names.iter().flat_map(|name| made::partitions(node, name));
        pending.making = all.filter(|&id| matches!(node.making(id), Making::UnderWay)).collect();
    }
    node.purgatory.park(key, pending.making.iter().copied().map(WaitsFor::News).collect(), Some(pending.until));
    let is_whole = pending.making.is_empty();
    node.pending.insert(key, Pending::Metadata(pending));
    if is_whole {
        expired(node, now, key, out);
    }
}

/// A log is there, or could not be made.
pub(crate) fn look(node: &mut Running, now: Now, key: RequestKey, id: PartitionId, out: &mut Outbox) {
    let under_way = matches!(node.making(id), Making::UnderWay);
    let Some(Pending::Metadata(pending)) = node.pending.get_mut(&key) else { return };
    if !under_way && pending.making.remove(&id) && pending.making.is_empty() {
        expired(node, now, key, out);
    }
}

/// The controller took too long, or there is nothing more to wait for: the answer says what is there.
pub(crate) fn expired(node: &mut Running, now: Now, key: RequestKey, out: &mut Outbox) {
    let Some(Pending::Metadata(pending)) = node.pending.remove(&key) else { return };
    let response = response(node, key, &pending);
    node.answer(now, key, &response.into(), out);
}

/// Version 0 says "all" with an empty list; later ones with null, and "none" with an empty list.
///
/// Where any topic is asked for by id, ids alone count. Before version 12 every topic has a name and none an id (KAFKA-14190).
fn wanted(version: i16, topics: Option<&[MetadataRequestTopic]>) -> Result<Wanted, ErrorCode> {
    let topics = match topics {
        None => return Ok(Wanted::All),
        Some([]) if version == 0 => return Ok(Wanted::All),
        Some(topics) => topics,
    };
    let ids: Vec<Uuid> = topics.iter().map(|t| Uuid::from(t.topic_id)).filter(|id| !id.is_zero()).collect();
    if version < 12 && !ids.is_empty() {
        return Err(ErrorCode::InvalidRequest);
    }
    if !ids.is_empty() {
        return Ok(Wanted::Ids(once(ids)));
    }
    let names: Option<Vec<String>> = topics.iter().map(|t| t.name.as_ref().map(|n| n.as_str().to_owned())).collect();
    names.map(|names| Wanted::Names(once(names))).ok_or(ErrorCode::InvalidRequest)
}

fn once<T: Ord + Clone>(mut all: Vec<T>) -> Vec<T> {
    let mut seen = BTreeSet::new();
    all.retain(|one| seen.insert(one.clone()));
    all
}

/// A request that cannot be understood is refused as a whole, in each of its topics.
fn refused(version: i16, request: &MetadataRequestData, error: ErrorCode) -> MetadataResponseData {
    let name = |t: &MetadataRequestTopic| text(t.name.as_ref().map_or("", |n| n.as_str()));
    let topics = request.topics.iter().flatten().map(|t| failed(Some(name(t)), t.topic_id.into(), error)).collect();
    let response = MetadataResponseData::default().with_topics(topics);
    if version >= 13 { response.with_error_code(error.code()) } else { response }
}

fn failed(name: Option<KafkaString>, id: Uuid, error: ErrorCode) -> MetadataResponseTopic {
    MetadataResponseTopic::default().with_name(name).with_topic_id(id.into()).with_error_code(error.code())
}

/// The names that lead to no topic and may be a topic's.
fn missing(node: &Running, wanted: &Wanted) -> Vec<String> {
    let Wanted::Names(names) = wanted else { return Vec::new() };
    let is_missing = |n: &&String| node.image().topic(n).is_none() && !is_internal(n) && check_topic_name(n).is_ok();
    names.iter().filter(is_missing).cloned().collect()
}

fn response(node: &Running, key: RequestKey, asked: &PendingMetadata) -> MetadataResponseData {
    let listener = node.listener_of(key.connection);
    let alive = node.image().brokers().filter_map(|b| node.endpoint(b.id, listener).map(|(at, rack)| (b.id, at, rack)));
    let broker = |(id, at, rack): (NodeId, &odradek_cluster::image::Endpoint, Option<&str>)| {
        MetadataResponseBroker::default()
            .with_node_id(id.0)
            .with_host(text(&at.host))
            .with_port(i32::from(at.port))
            .with_rack(rack.map(text))
    };
    let brokers: Vec<MetadataResponseBroker> = alive.map(broker).collect();
    let topics = match &asked.wanted {
        Wanted::All => node.image().topics().map(|t| topic(node, listener, t, asked)).collect(),
        Wanted::Names(names) => names.iter().map(|name| by_name(node, listener, name, asked)).collect(),
        Wanted::Ids(ids) => ids.iter().map(|&id| by_id(node, listener, id, asked)).collect(),
    };
    // A broker of a KRaft cluster names any live broker as controller: what is sent there is passed on.
    let controller = brokers.iter().map(|b| b.node_id).find(|&id| id == node.me().0).or(brokers.first().map(|b| b.node_id));
    let operations = asked.cluster_operations && (8..=10).contains(&asked.version);
    MetadataResponseData::default()
        .with_brokers(brokers)
        .with_cluster_id(Some(text(&node.cluster_id)))
        .with_controller_id(controller.unwrap_or(-1))
        .with_topics(topics)
        .with_cluster_authorized_operations(if operations { CLUSTER_OPERATIONS } else { i32::MIN })
}

fn by_name(node: &Running, listener: &str, name: &str, asked: &PendingMetadata) -> MetadataResponseTopic {
    let error = match node.image().topic(name) {
        Some(found) => return topic(node, listener, found, asked),
        None if check_topic_name(name).is_err() => ErrorCode::InvalidTopicException,
        None => ErrorCode::UnknownTopicOrPartition,
    };
    failed(Some(text(name)), Uuid::ZERO, error).with_is_internal(is_internal(name)).with_topic_authorized_operations(operations(asked))
}

fn by_id(node: &Running, listener: &str, id: Uuid, asked: &PendingMetadata) -> MetadataResponseTopic {
    match node.image().topic_by_id(id) {
        Some(found) => topic(node, listener, found, asked),
        None => failed(None, id, ErrorCode::UnknownTopicId).with_topic_authorized_operations(operations(asked)),
    }
}

/// What may be done to a topic, if that is asked; told of a topic that is not there, too.
const fn operations(asked: &PendingMetadata) -> i32 {
    if asked.topic_operations { TOPIC_OPERATIONS } else { i32::MIN }
}

fn topic(node: &Running, listener: &str, topic: &Topic, asked: &PendingMetadata) -> MetadataResponseTopic {
    let partitions =
        topic.partitions.iter().map(|(&index, p)| partition(node, listener, PartitionId { topic: topic.id, index }, p)).collect();
    MetadataResponseTopic::default()
        .with_name(Some(text(&topic.name)))
        .with_topic_id(topic.id.into())
        .with_is_internal(is_internal(&topic.name))
        .with_partitions(partitions)
        .with_topic_authorized_operations(operations(asked))
}

fn partition(node: &Running, listener: &str, id: PartitionId, p: &odradek_cluster::image::Partition) -> MetadataResponsePartition {
    let alive = |id: NodeId| node.image().broker(id).is_some_and(|b| !b.fenced);
    let numbers = |ids: &[NodeId]| ids.iter().map(|id| id.0).collect::<Vec<_>>();
    let (leader, error) = match p.leader.filter(|&leader| !node.awaits_log(leader, id)) {
        Some(leader) if node.endpoint(leader, listener).is_some() => (leader.0, ErrorCode::None),
        Some(leader) if alive(leader) => (-1, ErrorCode::ListenerNotFound),
        _ => (-1, ErrorCode::LeaderNotAvailable),
    };
    let is_offline = |&r: &NodeId| !node.image().is_online(p, r) || node.awaits_log(r, id);
    let offline: Vec<NodeId> = p.replicas.iter().copied().filter(is_offline).collect();
    MetadataResponsePartition::default()
        .with_error_code(error.code())
        .with_partition_index(id.index)
        .with_leader_id(leader)
        .with_leader_epoch(p.leader_epoch.0)
        .with_replica_nodes(numbers(&p.replicas))
        .with_isr_nodes(numbers(&p.isr))
        .with_offline_replicas(numbers(&offline))
}
