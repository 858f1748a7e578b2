//! DescribeProducers: who writes to a partition, as its log remembers it (KIP-664).

use odradek_cluster::controller::check_topic_name;
use odradek_log::producers::ProducerInfo;
use odradek_wire::error::ErrorCode;
use odradek_wire::messages::describe_producers_request::TopicRequest;
use odradek_wire::messages::describe_producers_response::{PartitionResponse, ProducerState, TopicResponse};
use odradek_wire::messages::{DescribeProducersRequestData, DescribeProducersResponseData, text};

use super::Reply;
use crate::running::Running;

/// Answers from the producer state of logs that are led here.
pub(crate) fn handle(node: &Running, request: &DescribeProducersRequestData) -> Reply {
    let topic = |t: &TopicRequest| {
        let partitions = t.partition_indexes.iter().map(|&index| one(node, t.name.as_str(), index)).collect();
        TopicResponse::default().with_name(text(t.name.as_str())).with_partitions(partitions)
    };
    Reply::Now(DescribeProducersResponseData::default().with_topics(request.topics.iter().map(topic).collect()).into())
}

fn one(node: &Running, topic: &str, index: i32) -> PartitionResponse {
    let base = PartitionResponse::default().with_partition_index(index);
    let nowhere = |error: ErrorCode, why: &str| base.clone().with_error_code(error.code()).with_error_message(Some(text(why)));
    if check_topic_name(topic).is_err() {
        return nowhere(ErrorCode::InvalidTopicException, "No topic has such a name.");
    }
    if node.image().topic(topic).is_none() {
        return nowhere(ErrorCode::UnknownTopicOrPartition, "There is no topic of this name.");
    }
    let replica = node.replica_named(topic, index).and_then(|r| r.leader(None).map(|_| r));
    match replica {
        Ok(replica) => base.with_active_producers(replica.log.producers().iter().map(producer).collect()),
        Err(refusal) => base.with_error_code(refusal.error.code()),
    }
}

fn producer(info: &ProducerInfo) -> ProducerState {
    ProducerState::default()
        .with_producer_id(info.id.0)
        .with_producer_epoch(i32::from(info.epoch.0))
        .with_last_sequence(info.last_sequence.map_or(-1, |s| s.0))
        .with_last_timestamp(info.last_timestamp_ms)
        .with_coordinator_epoch(info.coordinator_epoch)
        .with_current_txn_start_offset(info.transaction_start.map_or(-1, |o| o.0))
}
