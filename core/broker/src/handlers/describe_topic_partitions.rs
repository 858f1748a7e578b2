//! DescribeTopicPartitions: topics page by page, with the ELR (KIP-966).

use odradek_cluster::controller::check_topic_name;
use odradek_cluster::image::Topic;
use odradek_wire::error::ErrorCode;
use odradek_wire::ids::NodeId;
use odradek_wire::messages::describe_topic_partitions_response::{
    Cursor, DescribeTopicPartitionsResponsePartition, DescribeTopicPartitionsResponseTopic,
};
use odradek_wire::messages::{DescribeTopicPartitionsRequestData, DescribeTopicPartitionsResponseData, text};

use super::Reply;
use super::resolve::{TOPIC_OPERATIONS, is_internal};
use crate::partition::PartitionId;
use crate::running::Running;

/// Answers from the committed image, from the cursor on, up to a bounded number of partitions.
pub(crate) fn handle(node: &Running, request: &DescribeTopicPartitionsRequestData) -> Reply {
    let limit = node.setup.config.long("max.request.partition.size.limit").min(i64::from(request.response_partition_limit)).max(1);
    let mut left = usize::try_from(limit).unwrap_or(1);
    let (first, mut from) = request.cursor.as_ref().map_or(("", 0), |c| (c.topic_name.as_str(), c.partition_index));
    let mut names: Vec<String> = match request.topics.as_slice() {
        [] => node.image().topics().map(|t| t.name.to_string()).collect(),
        asked => asked.iter().map(|t| t.name.as_str().to_owned()).collect(),
    };
    names.sort_unstable();
    names.dedup();
    if let Some(cursor) = &request.cursor
        && !is_place(cursor.topic_name.as_str(), cursor.partition_index, request)
    {
        let refused = names.iter().filter(|_| !request.topics.is_empty()).map(|n| failed(n, ErrorCode::InvalidRequest)).collect();
        return Reply::Now(DescribeTopicPartitionsResponseData::default().with_topics(refused).into());
    }
    let mut response = DescribeTopicPartitionsResponseData::default();
    for name in names.iter().filter(|n| n.as_str() >= first) {
        let start = if name == first { std::mem::take(&mut from) } else { 0 };
        if left == 0 {
            response.next_cursor = Some(Box::new(cursor(name, start)));
            break;
        }
        let Some(topic) = node.image().topic(name) else {
            let error = if check_topic_name(name).is_ok() { ErrorCode::UnknownTopicOrPartition } else { ErrorCode::InvalidTopicException };
            response.topics.push(failed(name, error).with_topic_authorized_operations(TOPIC_OPERATIONS));
            continue;
        };
        let of = |(&index, p)| partition(node, PartitionId { topic: topic.id, index }, p);
        let partitions: Vec<_> = topic.partitions.range(start..).take(left).map(of).collect();
        left -= partitions.len();
        let next = start.saturating_add(partitions.len() as i32);
        response.topics.push(described(topic, partitions));
        if topic.partitions.contains_key(&next) {
            response.next_cursor = Some(Box::new(cursor(name, next)));
            break;
        }
    }
    Reply::Now(response.into())
}

/// True for a cursor that can have come from an answer to this request: on one of its topics, if it names any.
fn is_place(topic: &str, partition: i32, request: &DescribeTopicPartitionsRequestData) -> bool {
    partition >= 0 && (request.topics.is_empty() || request.topics.iter().any(|t| t.name.as_str() == topic))
}

fn failed(name: &str, error: ErrorCode) -> DescribeTopicPartitionsResponseTopic {
    DescribeTopicPartitionsResponseTopic::default().with_name(Some(text(name))).with_error_code(error.code())
}

fn cursor(topic: &str, partition: i32) -> Cursor {
    Cursor::default().with_topic_name(text(topic)).with_partition_index(partition)
}

fn described(topic: &Topic, partitions: Vec<DescribeTopicPartitionsResponsePartition>) -> DescribeTopicPartitionsResponseTopic {
    DescribeTopicPartitionsResponseTopic::default()
        .with_name(Some(text(&topic.name)))
        .with_topic_id(topic.id.into())
        .with_is_internal(is_internal(&topic.name))
        .with_partitions(partitions)
        .with_topic_authorized_operations(TOPIC_OPERATIONS)
}

fn partition(node: &Running, id: PartitionId, p: &odradek_cluster::image::Partition) -> DescribeTopicPartitionsResponsePartition {
    let alive = |id: NodeId| node.image().broker(id).is_some_and(|b| !b.fenced);
    let numbers = |ids: &[NodeId]| ids.iter().map(|id| id.0).collect::<Vec<_>>();
    let leader = p.leader.filter(|&l| alive(l) && !node.awaits_log(l, id));
    let is_offline = |&r: &NodeId| !node.image().is_online(p, r) || node.awaits_log(r, id);
    let offline: Vec<NodeId> = p.replicas.iter().copied().filter(is_offline).collect();
    DescribeTopicPartitionsResponsePartition::default()
        .with_error_code(if leader.is_some() { 0 } else { ErrorCode::LeaderNotAvailable.code() })
        .with_partition_index(id.index)
        .with_leader_id(leader.map_or(-1, |l| l.0))
        .with_leader_epoch(p.leader_epoch.0)
        .with_replica_nodes(numbers(&p.replicas))
        .with_isr_nodes(numbers(&p.isr))
        .with_eligible_leader_replicas(Some(numbers(&p.elr)))
        .with_last_known_elr(Some(numbers(&p.last_known_elr)))
        .with_offline_replicas(numbers(&offline))
}
