//! DeleteRecords: moves log starts, and answers when the moves are durable (KIP-107).

use odradek_log::log::ReadError;
use odradek_machine::Now;
use odradek_wire::error::ErrorCode;
use odradek_wire::ids::Offset;
use odradek_wire::messages::delete_records_request::DeleteRecordsPartition;
use odradek_wire::messages::delete_records_response::{DeleteRecordsPartitionResult, DeleteRecordsTopicResult};
use odradek_wire::messages::{DeleteRecordsRequestData, DeleteRecordsResponseData, text};

use super::resolve::{is_internal, topic_key};
use super::twice::Places;
use super::{Ask, Pending, Reply};
use crate::io::Outbox;
use crate::partition::PartitionId;
use crate::purgatory::WaitsFor;
use crate::running::Running;
use crate::sessions::RequestKey;

/// A DeleteRecords that waits for log starts to be durable.
#[derive(Debug)]
pub(crate) struct PendingDeleteRecords {
    topics: Vec<DeleteRecordsTopicResult>,
    /// The place of each answer that waits, its partition and the log start that it waits for.
    waiting: Vec<(usize, usize, PartitionId, Offset)>,
}

/// The offset that means the high watermark.
const HIGH_WATERMARK: i64 = -1;

/// Moves what may be moved.
pub(crate) fn handle(node: &mut Running, now: Now, ask: &Ask, request: &DeleteRecordsRequestData, out: &mut Outbox) -> Reply {
    let mut pending = PendingDeleteRecords { topics: Vec::new(), waiting: Vec::new() };
    for (topic_at, (name, partitions)) in named(request).into_iter().enumerate() {
        let mut answers = Vec::with_capacity(partitions.len());
        for (at, asked) in partitions.into_iter().enumerate() {
            let base = DeleteRecordsPartitionResult::default().with_partition_index(asked.partition_index).with_low_watermark(-1);
            answers.push(match one(node, now, name, asked, out) {
                Ok((id, to)) => {
                    pending.waiting.push((topic_at, at, id, to));
                    base
                }
                Err(error) => base.with_error_code(error.code()),
            });
        }
        pending.topics.push(DeleteRecordsTopicResult::default().with_name(text(name)).with_partitions(answers));
    }
    let waits = pending.waiting.iter().map(|&(_, _, id, _)| WaitsFor::News(id)).collect();
    let until = now.mono.plus_ms(u64::try_from(request.timeout_ms).unwrap_or(0));
    node.pending.insert(ask.key, Pending::DeleteRecords(pending));
    node.purgatory.park(ask.key, waits, Some(until));
    look(node, now, ask.key, out);
    Reply::Later
}

/// Topics and their partitions, each once: of a partition that is named twice the last offset counts, as in Apache Kafka.
fn named(request: &DeleteRecordsRequestData) -> Vec<(&str, Vec<&DeleteRecordsPartition>)> {
    let mut topics: Vec<(&str, Vec<&DeleteRecordsPartition>)> = Vec::new();
    let (mut topic_places, mut part_places) = (Places::new(), Places::new());
    for topic in request.topics.iter().filter(|t| !t.partitions.is_empty()) {
        let topic_at = topic_places.of(topic.name.as_str(), topics.len());
        if topic_at == topics.len() {
            topics.push((topic.name.as_str(), Vec::new()));
        }
        let parts = &mut topics[topic_at].1;
        for asked in &topic.partitions {
            let place = part_places.of((topic_at, asked.partition_index), parts.len());
            match parts.get_mut(place) {
                Some(named) => *named = asked,
                None => parts.push(asked),
            }
        }
    }
    topics
}

fn one(
    node: &mut Running,
    now: Now,
    topic: &str,
    asked: &DeleteRecordsPartition,
    out: &mut Outbox,
) -> Result<(PartitionId, Offset), ErrorCode> {
    let id = node.partition(&topic_key(false, topic, Default::default()), asked.partition_index).map_err(|r| r.error)?;
    if is_internal(topic) {
        return Err(ErrorCode::InvalidTopicException);
    }
    let moved = node.with_replica(now, id, out, |replica, said| {
        replica.leader(None).map_err(|r| r.error)?;
        if !replica.config.cleanup_policy.delete {
            return Err(ErrorCode::PolicyViolation);
        }
        let to = if asked.offset == HIGH_WATERMARK { replica.ends().high_watermark } else { Offset(asked.offset) };
        if to < Offset(0) || to > replica.ends().high_watermark {
            return Err(ErrorCode::OffsetOutOfRange);
        }
        replica.log.delete_records_before(now, to, said).map_err(|error| match error {
            ReadError::OutOfRange { .. } => ErrorCode::OffsetOutOfRange,
            ReadError::OutOfService => ErrorCode::KafkaStorageError,
            ReadError::Busy => ErrorCode::NotLeaderOrFollower,
        })?;
        Ok(to)
    });
    Ok((id, moved.expect("a partition that was found here has a replica")?))
}

/// Something moved that the request waits for.
pub(crate) fn look(node: &mut Running, now: Now, key: RequestKey, out: &mut Outbox) {
    let Some(Pending::DeleteRecords(mut pending)) = node.pending.remove(&key) else { return };
    let PendingDeleteRecords { topics, waiting } = &mut pending;
    waiting.retain(|&(topic, at, id, to)| {
        let answer = &mut topics[topic].partitions[at];
        match node.replicas.get(&id) {
            None => answer.error_code = ErrorCode::UnknownTopicOrPartition.code(),
            Some(replica) if replica.log.is_out_of_service() => answer.error_code = ErrorCode::KafkaStorageError.code(),
            Some(replica) if replica.ends().log_start >= to => answer.low_watermark = replica.ends().log_start.0,
            Some(_) => return true,
        }
        false
    });
    if pending.waiting.is_empty() {
        return node.answer(now, key, &DeleteRecordsResponseData::default().with_topics(pending.topics).into(), out);
    }
    node.pending.insert(key, Pending::DeleteRecords(pending));
}

/// The time is over.
pub(crate) fn expired(node: &mut Running, now: Now, key: RequestKey, out: &mut Outbox) {
    let Some(Pending::DeleteRecords(mut pending)) = node.pending.remove(&key) else { return };
    for (topic, at, ..) in pending.waiting {
        pending.topics[topic].partitions[at].error_code = ErrorCode::RequestTimedOut.code();
    }
    node.answer(now, key, &DeleteRecordsResponseData::default().with_topics(pending.topics).into(), out);
}
