//! Produce: batches into logs, and the answer when they are as durable as was asked for.
//!
//! Each partition of a request goes its own way: refused, appended, or queued behind a batch of its partition that is being compressed again. The request is
//! answered when none of them waits any more. Of several batches for one partition the last counts, and the others are dropped, as in Apache Kafka.

mod answer;
mod append;

use std::collections::{BTreeMap, BTreeSet};

use odradek_log::log::Appended;
use odradek_machine::Now;
use odradek_wire::batch::{BatchError, ProducerBatch};
use odradek_wire::error::ErrorCode;
use odradek_wire::ids::{Offset, Uuid};
use odradek_wire::messages::produce_response::PartitionProduceResponse;
use odradek_wire::messages::{KafkaString, text};
use odradek_wire::request::{Acks, ProducePartition, ProduceRequest, ProduceTopic};

use super::resolve::{is_internal, topic_key};
use super::twice::Places;
use super::{Ask, Pending, Reply};
use crate::fetch_sessions::TopicKey;
use crate::io::Outbox;
use crate::partition::{PartitionId, Refusal, Replica};
use crate::purgatory::{End, WaitsFor};
use crate::running::Running;
use crate::sessions::RequestKey;

pub(crate) use append::AppendQueue;

/// A Produce that waits.
#[derive(Debug)]
pub(crate) struct PendingProduce {
    version: i16,
    acks: Acks,
    topics: Vec<TopicParts>,
    /// Parts that are not over.
    waiting: usize,
    /// Bytes that errors of single records may still take in the answer.
    record_errors_room: usize,
}

/// What errors of single records may take in one answer: a compressed batch may have more wrong records than a node has memory.
const RECORD_ERRORS_BYTES_MAX: usize = 8 << 20;
/// The version that has a place for them (KIP-467).
const RECORD_ERRORS_SINCE: i16 = 8;

#[derive(Debug)]
struct TopicParts {
    name: KafkaString,
    id: Uuid,
    parts: Vec<Part>,
}

/// One partition of a request.
#[derive(Debug)]
struct Part {
    index: i32,
    state: State,
}

/// | from | to | trigger |
/// |---|---|---|
/// | `Queued` | `Appended` | the batch before it, or its own, is compressed |
/// | `Appended` | `Over` | the end that it waits for was reached, or never will be |
/// | any | `Over` | refused, timed out |
#[derive(Debug)]
enum State {
    Queued,
    Appended { partition: PartitionId, appended: Appended },
    Over(Box<PartitionProduceResponse>),
}

/// Which part of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot {
    key: RequestKey,
    topic: usize,
    part: usize,
}

/// Appends what may be appended; answers at once or when it is durable.
pub(crate) fn handle(node: &mut Running, now: Now, ask: &Ask, request: ProduceRequest, out: &mut Outbox) -> Reply {
    let acks = Acks::known(request.acks);
    let refusal = match acks {
        // A batch of a transaction has a transactional id to be authorized by; an id without such a batch means nothing.
        Some(_) if request.transactional_id.is_none() && is_transactional(&request) => Some(ErrorCode::TransactionalIdAuthorizationFailed),
        None => Some(ErrorCode::InvalidRequiredAcks),
        Some(_) => None,
    };
    let (mut pending, batches) = read(node, ask, acks, refusal, request.topics);
    pending.waiting = batches.len();
    node.pending.insert(ask.key, Pending::Produce(pending));
    let timed = refusal.is_none() && acks != Some(Acks::None);
    let until = timed.then(|| now.mono.plus_ms(u64::try_from(request.timeout_ms).unwrap_or(0)));
    node.purgatory.park(ask.key, Vec::new(), until);
    for ((topic, part), (id, batch)) in batches {
        append::enter(node, now, Slot { key: ask.key, topic, part }, id, batch, out);
    }
    finish_if_over(node, now, ask.key, out);
    Reply::Later
}

fn is_transactional(request: &ProduceRequest) -> bool {
    let mut batches = request.topics.iter().flat_map(|t| &t.partitions).filter_map(|p| p.batch.as_ref().ok());
    batches.any(ProducerBatch::is_transactional)
}

/// Batches to be appended, by topic and part.
type Batches = BTreeMap<(usize, usize), (PartitionId, Box<ProducerBatch>)>;

/// Every part of a request once, and the batch of each that is not refused.
fn read(node: &Running, ask: &Ask, acks: Option<Acks>, refusal: Option<ErrorCode>, topics: Vec<ProduceTopic>) -> (PendingProduce, Batches) {
    let record_errors_room = if ask.version >= RECORD_ERRORS_SINCE { RECORD_ERRORS_BYTES_MAX } else { 0 };
    let acks = acks.unwrap_or(Acks::All);
    let mut pending = PendingProduce { version: ask.version, acks, topics: Vec::new(), waiting: 0, record_errors_room };
    let (mut topic_places, mut part_places) = (Places::new(), Vec::new());
    let (mut batches, mut malformed) = (Batches::new(), BTreeSet::new());
    for topic in topics {
        let key = topic_key(ask.version >= 13, topic.name.as_str(), topic.id);
        let topic_at = topic_places.of(key.clone(), pending.topics.len());
        if topic_at == pending.topics.len() {
            pending.topics.push(TopicParts { name: text(topic.name.as_str()), id: topic.id, parts: Vec::new() });
            part_places.push(Places::new());
        }
        let parts = &mut pending.topics[topic_at].parts;
        for partition in topic.partitions {
            let index = partition.index;
            let slot = (topic_at, part_places[topic_at].of(index, parts.len()));
            if malformed.contains(&slot) {
                continue; // what the request itself has wrong is the answer, whatever else it has for the partition
            }
            batches.remove(&slot);
            let taken = match refusal {
                Some(error) => Taken::Refused(answer::refused(index, Refusal::of(error))),
                None => take(node, &key, acks, partition),
            };
            let state = match taken {
                Taken::Batch(id, batch) => {
                    batches.insert(slot, (id, batch));
                    State::Queued
                }
                Taken::Refused(refused) => State::Over(refused),
                Taken::Malformed(refused) => {
                    malformed.insert(slot);
                    State::Over(refused)
                }
            };
            match parts.get_mut(slot.1) {
                Some(part) => part.state = state,
                None => parts.push(Part { index, state }),
            }
        }
    }
    (pending, batches)
}

/// What of a part can be said before the log is asked.
enum Taken {
    Batch(PartitionId, Box<ProducerBatch>),
    Refused(Box<PartitionProduceResponse>),
    /// As no request may have it, whatever the partition.
    Malformed(Box<PartitionProduceResponse>),
}

fn take(node: &Running, topic: &TopicKey, acks: Acks, partition: ProducePartition) -> Taken {
    let ProducePartition { index, batch, batch_bytes } = partition;
    let id = match node.partition(topic, index) {
        Ok(id) => id,
        Err(refusal) => return Taken::Refused(answer::refused(index, refusal)),
    };
    let replica = node.replicas.get(&id).expect("a partition that was found here has a replica");
    match batch {
        Err(wrong) if wrong.is_of_request() => Taken::Malformed(answer::invalid_batch(index, &wrong, replica.log.log_start())),
        _ if is_internal(&replica.topic) => Taken::Refused(answer::refused(index, Refusal::of(ErrorCode::InvalidTopicException))),
        Err(wrong) => Taken::Refused(append::refuse_wrong(replica, acks, &wrong, batch_bytes)),
        // Transactions are not spoken yet: as for one whose partition was never added to it.
        Ok(batch) if batch.is_transactional() => Taken::Refused(answer::refused(index, Refusal::of(ErrorCode::InvalidTxnState))),
        Ok(batch) => Taken::Batch(id, Box::new(batch)),
    }
}

/// The end that acknowledgments of this kind wait for.
const fn end_for(acks: Acks) -> End {
    match acks {
        Acks::None => End::Written,
        Acks::Leader => End::Durable,
        Acks::All => End::Committed,
    }
}

fn end_of(replica: &Replica, end: End) -> Offset {
    let ends = replica.ends();
    match end {
        End::Written => ends.written,
        End::Durable => ends.durable,
        End::Committed => ends.high_watermark,
    }
}

fn pending(node: &mut Running, key: RequestKey) -> Option<&mut PendingProduce> {
    match node.pending.get_mut(&key) {
        Some(Pending::Produce(pending)) => Some(pending),
        _ => None,
    }
}

/// A part is appended, or refused by the log.
fn settle_part(node: &mut Running, slot: Slot, id: PartitionId, appended: Result<Appended, Box<PartitionProduceResponse>>) {
    let Some(pending) = pending(node, slot.key) else { return };
    let (acks, part) = (pending.acks, &mut pending.topics[slot.topic].parts[slot.part]);
    match appended {
        Ok(appended) => {
            part.state = State::Appended { partition: id, appended };
            let end = end_for(acks);
            let reached = node.replicas.get(&id).is_some_and(|r| end_of(r, end) >= appended.end);
            if reached {
                acknowledge(node, slot.key, id, appended.end);
            } else {
                node.purgatory.also(slot.key, WaitsFor::Offset(id, end, appended.end));
            }
        }
        Err(refused) => {
            part.state = State::Over(refused);
            pending.waiting -= 1;
        }
    }
}

/// Everything that a request appended to a partition up to `end` is as durable as it asked for.
fn acknowledge(node: &mut Running, key: RequestKey, id: PartitionId, end: Offset) {
    let Some(pending) = pending(node, key) else { return };
    for part in pending.topics.iter_mut().flat_map(|t| &mut t.parts) {
        match &part.state {
            State::Appended { partition, appended } if *partition == id && appended.end <= end => {
                part.state = State::Over(answer::acknowledged(part.index, appended));
                pending.waiting -= 1;
            }
            _ => {}
        }
    }
}

/// An end that a request waited for was reached.
pub(crate) fn reached(node: &mut Running, now: Now, key: RequestKey, id: PartitionId, end: Offset, out: &mut Outbox) {
    acknowledge(node, key, id, end);
    finish_if_over(node, now, key, out);
}

/// The time is over: what is not durable by now is told so. It may still become durable.
pub(crate) fn expired(node: &mut Running, now: Now, key: RequestKey, out: &mut Outbox) {
    end_parts(node, key, |_| true, Refusal::of(ErrorCode::RequestTimedOut));
    finish_if_over(node, now, key, out);
}

/// A partition that a request waits for changed its leader, failed or is gone.
pub(crate) fn upset(node: &mut Running, now: Now, key: RequestKey, id: PartitionId, out: &mut Outbox) {
    let refusal = match node.replicas.get(&id) {
        Some(replica) => match replica.leader(None) {
            Ok(_) => return, // still led from here: its end will come
            Err(refusal) => refusal,
        },
        None => node.gone(id),
    };
    let of_it = |state: &State| matches!(state, State::Appended { partition, .. } if *partition == id);
    end_parts(node, key, of_it, refusal);
    finish_if_over(node, now, key, out);
}

fn end_parts(node: &mut Running, key: RequestKey, which: impl Fn(&State) -> bool, refusal: Refusal) {
    let Some(pending) = pending(node, key) else { return };
    for part in pending.topics.iter_mut().flat_map(|t| &mut t.parts) {
        if !matches!(part.state, State::Over(_)) && which(&part.state) {
            part.state = State::Over(answer::refused(part.index, refusal));
            pending.waiting -= 1;
        }
    }
}

/// Answers a request none of whose parts waits any more.
fn finish_if_over(node: &mut Running, now: Now, key: RequestKey, out: &mut Outbox) {
    if pending(node, key).is_none_or(|p| p.waiting > 0) {
        return;
    }
    let Some(Pending::Produce(over)) = node.pending.remove(&key) else { return };
    let reply = answer::whole(node, key, over);
    node.reply(now, key, reply, out);
}

/// A batch was compressed again.
pub(crate) fn recompressed(node: &mut Running, now: Now, id: PartitionId, batch: Result<Box<ProducerBatch>, BatchError>, out: &mut Outbox) {
    for key in append::recompressed(node, now, id, batch, out) {
        finish_if_over(node, now, key, out);
    }
}
