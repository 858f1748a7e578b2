//! OffsetForLeaderEpoch: where an epoch ended in this log (KIP-101, KIP-320).

use odradek_wire::error::ErrorCode;
use odradek_wire::ids::LeaderEpoch;
use odradek_wire::messages::offset_for_leader_epoch_request::OffsetForLeaderPartition;
use odradek_wire::messages::offset_for_leader_epoch_response::{EpochEndOffset, OffsetForLeaderTopicResult};
use odradek_wire::messages::{OffsetForLeaderEpochRequestData, OffsetForLeaderEpochResponseData, text};

use super::Reply;
use crate::running::Running;

/// Answers from the leader-epoch caches.
pub(crate) fn handle(node: &Running, request: &OffsetForLeaderEpochRequestData) -> Reply {
    let topic = |t: &odradek_wire::messages::offset_for_leader_epoch_request::OffsetForLeaderTopic| {
        let partitions = t.partitions.iter().map(|p| one(node, t.topic.as_str(), p)).collect();
        OffsetForLeaderTopicResult::default().with_topic(text(t.topic.as_str())).with_partitions(partitions)
    };
    Reply::Now(OffsetForLeaderEpochResponseData::default().with_topics(request.topics.iter().map(topic).collect()).into())
}

fn one(node: &Running, topic: &str, asked: &OffsetForLeaderPartition) -> EpochEndOffset {
    let base = EpochEndOffset::default().with_partition(asked.partition).with_leader_epoch(-1).with_end_offset(-1);
    let failed = |error: ErrorCode| base.clone().with_error_code(error.code());
    let replica = match node.replica_named(topic, asked.partition) {
        Ok(replica) => replica,
        Err(refusal) => return failed(refusal.error),
    };
    let believed = (asked.current_leader_epoch != -1).then_some(LeaderEpoch(asked.current_leader_epoch));
    if let Err(refusal) = replica.leader(believed) {
        return failed(refusal.error);
    }
    if asked.leader_epoch == -1 {
        return base; // nobody's epoch ends nowhere
    }
    match replica.log.end_offset_for(LeaderEpoch(asked.leader_epoch)) {
        Some(end) => base.with_leader_epoch(end.epoch.0).with_end_offset(end.end.0),
        None => base,
    }
}
