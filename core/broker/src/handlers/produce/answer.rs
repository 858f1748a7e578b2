//! What a Produce is answered.

use odradek_log::log::Appended;
use odradek_log::log::admit::{RecordFault, Rejected, RejectedRecord};
use odradek_wire::batch::BatchError;
use odradek_wire::error::ErrorCode;
use odradek_wire::ids::{NodeId, Offset};
use odradek_wire::messages::produce_response::{
    BatchIndexAndErrorMessage, LeaderIdAndEpoch, NodeEndpoint, PartitionProduceResponse, TopicProduceResponse,
};
use odradek_wire::messages::{ProduceResponseData, text};
use odradek_wire::request::Acks;

use super::{PendingProduce, State};
use crate::handlers::Reply;
use crate::partition::Refusal;
use crate::running::Running;
use crate::sessions::RequestKey;

/// A part that was written as durably as asked.
pub(super) fn acknowledged(index: i32, appended: &Appended) -> Box<PartitionProduceResponse> {
    Box::new(
        PartitionProduceResponse::default()
            .with_index(index)
            .with_base_offset(appended.base.0)
            .with_log_append_time_ms(appended.log_append_time_ms.unwrap_or(-1))
            .with_log_start_offset(appended.log_start.0),
    )
}

/// A part that was not written, or not in time.
pub(super) fn refused(index: i32, refusal: Refusal) -> Box<PartitionProduceResponse> {
    let mut answer = PartitionProduceResponse::default()
        .with_index(index)
        .with_error_code(refusal.error.code())
        .with_base_offset(-1)
        .with_log_append_time_ms(-1)
        .with_log_start_offset(-1);
    if let Some((leader, epoch)) = refusal.leader.filter(|_| refusal.error == ErrorCode::NotLeaderOrFollower) {
        answer.current_leader = LeaderIdAndEpoch::default().with_leader_id(leader.0).with_leader_epoch(epoch.0);
    }
    Box::new(answer)
}

/// A refusal with a sentence. Where the log itself was asked, it says where it begins.
pub(super) fn refused_because(index: i32, error: ErrorCode, why: &str, log_start: Option<Offset>) -> Box<PartitionProduceResponse> {
    let mut answer = refused(index, Refusal::of(error));
    answer.error_message = Some(text(why));
    answer.log_start_offset = log_start.map_or(-1, |o| o.0);
    answer
}

/// A batch that is wrong in itself. Kafka asks the log about all that has one whole batch of a known format and checksum.
pub(super) fn invalid_batch(index: i32, wrong: &BatchError, log_start: Offset) -> Box<PartitionProduceResponse> {
    let asked = !wrong.is_of_request() && !matches!(wrong.code(), ErrorCode::CorruptMessage | ErrorCode::MessageTooLarge);
    refused_because(index, wrong.code(), &wrong.to_string(), asked.then_some(log_start))
}

/// Records that the rules of their topic refuse, each by its place (KIP-467), in Kafka's words.
pub(super) fn rejected(index: i32, topic: &str, rejected: &Rejected, log_start: Offset, room: &mut usize) -> Box<PartitionProduceResponse> {
    /// What an error takes besides its sentence: the place, and how the sentence is held.
    const ENTRY_BYTES: usize = size_of::<BatchIndexAndErrorMessage>();
    let mut answer = refused_because(index, code_of(rejected), &sentence_of_all(index, topic, rejected), Some(log_start));
    for record in &rejected.records {
        let says = sentence(index, topic, record);
        let Some(left) = room.checked_sub(ENTRY_BYTES + says.len()) else { break };
        *room = left;
        let error = BatchIndexAndErrorMessage::default().with_batch_index(record.index).with_batch_index_error_message(Some(text(&says)));
        answer.record_errors.push(error);
    }
    answer
}

/// A wrong time is told before anything else that is wrong.
pub(super) const fn code_of(rejected: &Rejected) -> ErrorCode {
    if rejected.untimely { ErrorCode::InvalidTimestamp } else { ErrorCode::InvalidRecord }
}

fn sentence_of_all(index: i32, topic: &str, rejected: &Rejected) -> String {
    if rejected.untimely {
        return "One or more records have been rejected due to invalid timestamp".to_owned();
    }
    let one = |r: &RejectedRecord| format!("RecordError(batchIndex={}, message='{}')", r.index, sentence(index, topic, r));
    let few: Vec<String> = rejected.records.iter().take(3).map(one).collect();
    format!(
        "One or more records have been rejected due to {} record errors in total, and only showing the first three errors at most: [{}]",
        rejected.count,
        few.join(", ")
    )
}

fn sentence(index: i32, topic: &str, record: &RejectedRecord) -> String {
    let offset = record.index;
    match record.fault {
        RecordFault::NoKey => format!("Compacted topic cannot accept message without key in topic partition {topic}-{index}"),
        RecordFault::OutOfTime { timestamp_ms, least_ms, most_ms } => format!(
            "Timestamp {timestamp_ms} of message with offset {offset} is out of range. \
             The timestamp should be within [{least_ms}, {most_ms}]"
        ),
        RecordFault::Stamped { timestamp_ms, key_bytes, value_bytes } => format!(
            "Invalid timestamp type in message \
             DefaultRecord(offset={offset}, timestamp={timestamp_ms}, key={key_bytes} bytes, value={value_bytes} bytes). \
             Producer should not set timestamp type to LogAppendTime."
        ),
    }
}

/// The answer of a request none of whose parts waits. With `acks=0` nothing is said; after an error its connection is closed, since that is all such a
/// client can notice.
pub(super) fn whole(node: &Running, key: RequestKey, over: PendingProduce) -> Reply {
    let (version, acks) = (over.version, over.acks);
    let mut leaders = Vec::new();
    let mut topics = Vec::with_capacity(over.topics.len());
    for topic in over.topics.into_iter().filter(|t| !t.parts.is_empty()) {
        let mut parts = Vec::with_capacity(topic.parts.len());
        for part in topic.parts {
            let State::Over(answer) = part.state else { unreachable!("no part of an answered request waits") };
            if answer.error_code == ErrorCode::NotLeaderOrFollower.code() && answer.current_leader.leader_id >= 0 {
                leaders.push(NodeId(answer.current_leader.leader_id));
            }
            parts.push(*answer);
        }
        topics.push(TopicProduceResponse::default().with_name(topic.name).with_topic_id(topic.id.into()).with_partition_responses(parts));
    }
    if acks == Acks::None {
        let error = topics.iter().flat_map(|t| &t.partition_responses).map(|p| p.error_code).find(|&code| code != 0);
        return match error {
            Some(code) => Reply::Close(format!("a produce with acks=0 failed: {}", ErrorCode::from_code(code))),
            None => Reply::Silent,
        };
    }
    let mut response = ProduceResponseData::default().with_responses(topics);
    if version >= 10 {
        response.node_endpoints = endpoints(node, key, leaders);
    }
    Reply::Now(response.into())
}

/// Where the leaders live that are named in an answer (KIP-951).
fn endpoints(node: &Running, key: RequestKey, mut leaders: Vec<NodeId>) -> Vec<NodeEndpoint> {
    leaders.sort_unstable();
    leaders.dedup();
    let listener = node.listener_of(key.connection);
    let endpoint = |id: NodeId| {
        let (at, rack) = node.endpoint(id, listener)?;
        let endpoint = NodeEndpoint::default().with_node_id(id.0).with_host(text(&at.host)).with_port(i32::from(at.port));
        Some(endpoint.with_rack(rack.map(text)))
    };
    leaders.into_iter().filter_map(endpoint).collect()
}
