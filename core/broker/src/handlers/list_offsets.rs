//! ListOffsets: the earliest, the latest, or the first at or after a time (KIP-79, KIP-734, KIP-405 for what is tiered).

use std::collections::{BTreeMap, BTreeSet};

use odradek_log::log::TimestampFound;
use odradek_log::output::{Answer, LookupId, RecordAt};
use odradek_machine::Now;
use odradek_wire::error::ErrorCode;
use odradek_wire::ids::{LeaderEpoch, Offset};
use odradek_wire::messages::list_offsets_request::ListOffsetsPartition;
use odradek_wire::messages::list_offsets_response::{ListOffsetsPartitionResponse, ListOffsetsTopicResponse};
use odradek_wire::messages::{ListOffsetsRequestData, ListOffsetsResponseData, text};

use super::resolve::topic_key;
use super::twice::Places;
use super::{Ask, Pending, Reply};
use crate::io::Outbox;
use crate::partition::{PartitionId, Replica};
use crate::running::Running;
use crate::sessions::RequestKey;

/// A ListOffsets that waits for searches on disk.
#[derive(Debug)]
pub(crate) struct PendingListOffsets {
    /// The version that the answer is said in.
    version: i16,
    topics: Vec<ListOffsetsTopicResponse>,
    /// The place of each answer that is searched for, and what of a record may be told.
    lookups: BTreeMap<(PartitionId, LookupId), (usize, usize, Seen)>,
}

/// What the numbers below zero ask for.
mod special {
    pub(super) const LATEST: i64 = -1;
    pub(super) const EARLIEST: i64 = -2;
    pub(super) const MAX_TIMESTAMP: i64 = -3;
    pub(super) const EARLIEST_LOCAL: i64 = -4;
    pub(super) const LATEST_TIERED: i64 = -5;
    pub(super) const EARLIEST_PENDING_UPLOAD: i64 = -6;
}

/// The oldest version that each special number is known in; older ones are answered with an error of the partition.
const fn known_since(timestamp: i64) -> Option<i16> {
    match timestamp {
        special::LATEST | special::EARLIEST | 0.. => Some(1),
        special::MAX_TIMESTAMP => Some(7),
        special::EARLIEST_LOCAL => Some(8),
        special::LATEST_TIERED => Some(9),
        special::EARLIEST_PENDING_UPLOAD => Some(11),
        _ => None,
    }
}

/// Who asks: decides up to where there is anything.
#[derive(Clone, Copy, Debug)]
struct Reader {
    version: i16,
    committed: bool,
    consumer: bool,
}

/// What a reader may see of what a search finds.
#[derive(Clone, Copy, Debug)]
struct Seen {
    /// Nothing from here on.
    until: Offset,
    /// A new leader whose high watermark lies before its term does not know yet what else is committed (KIP-207).
    not_yet: Option<ErrorCode>,
}

impl Seen {
    fn of(self, record: Option<RecordAt>) -> Found {
        match (record.filter(|r| r.offset < self.until), self.not_yet) {
            (Some(r), _) => Found::Here { timestamp: r.timestamp_ms, offset: r.offset.0, epoch: Some(r.epoch) },
            (None, Some(error)) => Found::Failed(error),
            (None, None) => Found::Nothing,
        }
    }
}

/// What one partition came to.
enum Found {
    Here { timestamp: i64, offset: i64, epoch: Option<LeaderEpoch> },
    Nothing,
    Cold(LookupId, Seen),
    Failed(ErrorCode),
}

/// Answers from memory, or when the searches on disk are over.
pub(crate) fn handle(node: &mut Running, now: Now, ask: &Ask, request: &ListOffsetsRequestData, out: &mut Outbox) -> Reply {
    let reader = Reader { version: ask.version, committed: request.isolation_level == 1, consumer: request.replica_id == -1 };
    let mut pending = PendingListOffsets { version: ask.version, topics: Vec::new(), lookups: BTreeMap::new() };
    let twice = named_twice(request);
    let (mut places, mut refused) = (Places::new(), BTreeSet::new());
    for topic in &request.topics {
        let name = topic.name.as_str();
        for asked in &topic.partitions {
            let is_twice = twice.contains(&(name, asked.partition_index));
            if is_twice && !refused.insert((name, asked.partition_index)) {
                continue; // it is refused once
            }
            let topic_at = places.of(name, pending.topics.len());
            if topic_at == pending.topics.len() {
                pending.topics.push(ListOffsetsTopicResponse::default().with_name(text(name)));
            }
            let found = if is_twice { Found::Failed(ErrorCode::InvalidRequest) } else { one(node, now, name, asked, reader, out) };
            let answers = &mut pending.topics[topic_at].partitions;
            if let Found::Cold(lookup, seen) = found {
                let id = node.partition(&topic_key(false, name, Default::default()), asked.partition_index);
                let id = id.expect("a partition that was just searched is here");
                node.lookups.entry((id, lookup)).or_default().push(ask.key);
                pending.lookups.insert((id, lookup), (topic_at, answers.len(), seen));
            }
            answers.push(answer(asked.partition_index, &found, ask.version));
        }
    }
    if pending.lookups.is_empty() {
        return Reply::Now(ListOffsetsResponseData::default().with_topics(pending.topics).into());
    }
    node.pending.insert(ask.key, Pending::ListOffsets(pending));
    Reply::Later
}

/// Partitions that a request names twice, be it under one topic or under two of its name.
fn named_twice(request: &ListOffsetsRequestData) -> BTreeSet<(&str, i32)> {
    let mut seen = BTreeSet::new();
    let all = request.topics.iter().flat_map(|t| t.partitions.iter().map(|p| (t.name.as_str(), p.partition_index)));
    all.filter(|named| !seen.insert(*named)).collect()
}

fn one(node: &mut Running, now: Now, topic: &str, asked: &ListOffsetsPartition, reader: Reader, out: &mut Outbox) -> Found {
    if known_since(asked.timestamp).is_none_or(|since| reader.version < since) {
        return Found::Failed(ErrorCode::UnsupportedVersion);
    }
    let id = match node.partition(&topic_key(false, topic, Default::default()), asked.partition_index) {
        Ok(id) => id,
        Err(refusal) => return Found::Failed(refusal.error),
    };
    let believed = (asked.current_leader_epoch != -1).then_some(LeaderEpoch(asked.current_leader_epoch));
    let timestamp = asked.timestamp;
    let found = node.with_replica(now, id, out, |replica, said| search(replica, believed, timestamp, reader, said));
    found.expect("a partition that was found here has a replica")
}

fn search(
    replica: &mut Replica,
    believed: Option<LeaderEpoch>,
    timestamp: i64,
    reader: Reader,
    said: &mut Vec<odradek_log::output::Output>,
) -> Found {
    let (epoch, epoch_start) = match replica.leader(believed) {
        Ok(leader) => (leader.epoch, leader.epoch_start),
        Err(refusal) => return Found::Failed(refusal.error),
    };
    let ends = replica.ends();
    let until = match reader {
        Reader { consumer: false, .. } => replica.log.log_end(),
        Reader { committed: true, .. } => ends.last_stable,
        Reader { .. } => ends.high_watermark,
    };
    let unsure = reader.consumer && ends.high_watermark < epoch_start;
    let error = if reader.version >= 5 { ErrorCode::OffsetNotAvailable } else { ErrorCode::LeaderNotAvailable };
    let seen = Seen { until, not_yet: unsure.then_some(error) };
    let start = |replica: &Replica| {
        let epoch = replica.log.epoch_of(ends.log_start);
        Found::Here { timestamp: -1, offset: ends.log_start.0, epoch }
    };
    let searched = match timestamp {
        special::EARLIEST | special::EARLIEST_LOCAL => return start(replica),
        special::LATEST_TIERED | special::EARLIEST_PENDING_UPLOAD => return Found::Nothing,
        special::LATEST => return seen.not_yet.map_or(Found::Here { timestamp: -1, offset: until.0, epoch: Some(epoch) }, Found::Failed),
        special::MAX_TIMESTAMP => replica.log.offset_of_max_timestamp(said),
        timestamp => replica.log.offset_for_timestamp(timestamp, until, said),
    };
    match searched {
        Ok(TimestampFound::Ready(record)) => seen.of(record),
        Ok(TimestampFound::Cold(lookup)) => Found::Cold(lookup, seen),
        Err(_) => Found::Failed(ErrorCode::KafkaStorageError),
    }
}

/// What a partition is told; the leader epoch has a place from version 4 on (KIP-320).
fn answer(index: i32, found: &Found, version: i16) -> ListOffsetsPartitionResponse {
    let base = ListOffsetsPartitionResponse::default().with_partition_index(index).with_timestamp(-1).with_offset(-1).with_leader_epoch(-1);
    match *found {
        Found::Here { timestamp, offset, epoch } => {
            let epoch = epoch.filter(|_| version >= 4);
            base.with_timestamp(timestamp).with_offset(offset).with_leader_epoch(epoch.map_or(-1, |e| e.0))
        }
        Found::Nothing | Found::Cold(..) => base,
        Found::Failed(error) => base.with_error_code(error.code()),
    }
}

/// A search on disk is over.
pub(crate) fn looked_up(node: &mut Running, now: Now, key: RequestKey, id: PartitionId, lookup: LookupId, said: &Answer, out: &mut Outbox) {
    let Some(Pending::ListOffsets(pending)) = node.pending.get_mut(&key) else { return };
    let Some((topic, at, seen)) = pending.lookups.remove(&(id, lookup)) else { return };
    let found = match said {
        Answer::Timestamp(record) => seen.of(*record),
        // What was searched is gone, or serves no more: who asks again is told.
        Answer::ReadAgain => Found::Failed(ErrorCode::NotLeaderOrFollower),
        Answer::Failed(_) => Found::Failed(ErrorCode::KafkaStorageError),
    };
    pending.topics[topic].partitions[at] = answer(id.index, &found, pending.version);
    if pending.lookups.is_empty()
        && let Some(Pending::ListOffsets(over)) = node.pending.remove(&key)
    {
        let response = ListOffsetsResponseData::default().with_topics(over.topics);
        node.answer(now, key, &response.into(), out);
    }
}
