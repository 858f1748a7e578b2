//! A batch into its partition's log: the topic's rules, the queue behind a batch that is compressed again, and the append.

use std::collections::VecDeque;

use odradek_log::log::incoming::Incoming;
use odradek_log::log::{AppendError, Appended};
use odradek_machine::{Now, reached};
use odradek_wire::batch::{BatchError, ProducerBatch};
use odradek_wire::error::ErrorCode;
use odradek_wire::ids::Offset;
use odradek_wire::messages::produce_response::PartitionProduceResponse;
use odradek_wire::request::Acks;

use super::{Slot, answer, pending, settle_part};
use crate::io::{NotesOf, Outbox, Output};
use crate::partition::{PartitionId, Refusal, Replica};
use crate::recompress::codec_of;
use crate::running::Running;
use crate::sessions::RequestKey;
use crate::storage::WorkOwner;
use crate::work::Work;

/// Batches of one partition in the order of arrival; the first is being compressed again, the others wait for it.
pub(crate) type AppendQueue = VecDeque<(Slot, Box<ProducerBatch>)>;

/// Bytes that the records of a batch may have when they are compressed again: it was read once within the same bound.
const DECODED_BYTES_MAX: usize = 256 << 20;

/// Takes a batch in: appended at once, or queued.
pub(super) fn enter(node: &mut Running, now: Now, slot: Slot, id: PartitionId, batch: Box<ProducerBatch>, out: &mut Outbox) {
    if let Some(queue) = node.queues.get_mut(&id) {
        queue.push_back((slot, batch));
    } else if let Some(batch) = go_on(node, now, slot, id, batch, out) {
        node.queues.insert(id, VecDeque::from([(slot, batch)]));
    }
}

/// Appends or refuses a batch; gives it back if it is compressed again first. That work is begun for nothing that is refused.
fn go_on(
    node: &mut Running,
    now: Now,
    slot: Slot,
    id: PartitionId,
    batch: Box<ProducerBatch>,
    out: &mut Outbox,
) -> Option<Box<ProducerBatch>> {
    let settled = if wants_another_codec(node, id, &batch) {
        match admits(node, now, slot, id, &batch) {
            Ok(()) => {
                begin_work(node, id, batch.clone(), out);
                return Some(batch);
            }
            Err(refused) => Err(refused),
        }
    } else {
        append(node, now, slot, id, *batch, out)
    };
    settle_part(node, slot, id, settled);
    None
}

/// The first of a queue is compressed: it is appended, and those behind it up to the next that must be. Gives the requests that went on.
pub(super) fn recompressed(
    node: &mut Running,
    now: Now,
    id: PartitionId,
    batch: Result<Box<ProducerBatch>, BatchError>,
    out: &mut Outbox,
) -> Vec<RequestKey> {
    let Some(mut queue) = node.queues.remove(&id) else { return Vec::new() };
    let (slot, _) = queue.pop_front().expect("a queue begins with what is compressed");
    let mut went_on = vec![slot.key];
    let appended = match batch {
        Ok(batch) => append(node, now, slot, id, *batch, out),
        Err(wrong) => {
            let log_start = node.replicas.get(&id).map_or(Offset(0), |r| r.log.log_start());
            Err(answer::invalid_batch(index_of(node, slot), &wrong, log_start))
        }
    };
    settle_part(node, slot, id, appended);
    while let Some((slot, batch)) = queue.pop_front() {
        if let Some(batch) = go_on(node, now, slot, id, batch, out) {
            queue.push_front((slot, batch));
            node.queues.insert(id, queue);
            break;
        }
        went_on.push(slot.key);
    }
    went_on
}

fn wants_another_codec(node: &Running, id: PartitionId, batch: &ProducerBatch) -> bool {
    let config = node.replicas.get(&id).map(|r| r.config.compression_type);
    config.and_then(codec_of).is_some_and(|(codec, _)| codec != batch.codec())
}

fn begin_work(node: &mut Running, id: PartitionId, batch: Box<ProducerBatch>, out: &mut Outbox) {
    let Some(replica) = node.replicas.get(&id) else { return };
    let codec = replica.config.compression_type;
    let work = node.storage.begin_work(WorkOwner::Recompress(id));
    reached!(&mut NotesOf(out), "produce.recompressed", of = replica.log.subject());
    out.push(Output::Work { work, what: Work::Recompress { batch, codec, decoded_bytes_max: DECODED_BYTES_MAX } });
}

fn index_of(node: &mut Running, slot: Slot) -> i32 {
    pending(node, slot.key).map_or(-1, |p| p.topics[slot.topic].parts[slot.part].index)
}

/// Whether the replica takes appends that are acknowledged so.
fn takes_appends(replica: &Replica, acks: Acks) -> Result<(), Refusal> {
    let leader = replica.leader(None)?;
    if acks == Acks::All && leader.isr.len() < leader.isr_min(replica.config.min_insync_replicas) {
        return Err(Refusal::of(ErrorCode::NotEnoughReplicas));
    }
    Ok(())
}

/// The answer to a batch that is wrong in itself. As in Kafka, what the partition has to say comes first, and then the limit of its topic.
pub(super) fn refuse_wrong(replica: &Replica, acks: Acks, wrong: &BatchError, bytes: u64) -> Box<PartitionProduceResponse> {
    let (index, log_start) = (replica.id.index, replica.log.log_start());
    if let Err(refusal) = takes_appends(replica, acks) {
        return answer::refused(index, refusal);
    }
    let limit = u64::from(replica.log.setup().config.max_message_bytes);
    if bytes > limit && !wrong.precedes_size() {
        return refused(index, &AppendError::TooLarge { bytes, limit }, log_start);
    }
    answer::invalid_batch(index, wrong, log_start)
}

/// The partition of a batch, as far as it takes appends at all.
fn replica_for(node: &mut Running, slot: Slot, id: PartitionId) -> Result<&Replica, Box<PartitionProduceResponse>> {
    let acks = pending(node, slot.key).map_or(Acks::Leader, |p| p.acks);
    let replica = node.replicas.get(&id).ok_or_else(|| answer::refused(id.index, node.gone(id)))?;
    takes_appends(replica, acks).map_err(|refusal| answer::refused(id.index, refusal))?;
    Ok(replica)
}

/// Whether a batch would be taken as it came, before work is spent on it.
fn admits(node: &mut Running, now: Now, slot: Slot, id: PartitionId, batch: &ProducerBatch) -> Result<(), Box<PartitionProduceResponse>> {
    let admitted = replica_for(node, slot, id)?.log.admits(now, batch);
    admitted.map_err(|error| refuse(node, slot, id, &error))
}

/// Appends a batch in the leader's epoch, after the rules that need the topic.
fn append(
    node: &mut Running,
    now: Now,
    slot: Slot,
    id: PartitionId,
    batch: ProducerBatch,
    out: &mut Outbox,
) -> Result<Appended, Box<PartitionProduceResponse>> {
    replica_for(node, slot, id)?;
    let incoming = Incoming::produced(batch);
    let appended = node.with_replica(now, id, out, |replica, said| replica.append(now, incoming, said));
    appended.expect("the replica was found above").map_err(|error| refuse(node, slot, id, &error))
}

/// The answer to a batch that the log refuses. Records are named as long as there is room in the answer to their request.
fn refuse(node: &mut Running, slot: Slot, id: PartitionId, error: &AppendError) -> Box<PartitionProduceResponse> {
    let (topic, log_start) = node.replicas.get(&id).map(|r| (r.topic.clone(), r.log.log_start())).unwrap_or_default();
    let AppendError::Rejected(rejected) = error else { return refused(id.index, error, log_start) };
    let mut none = 0;
    let room = pending(node, slot.key).map_or(&mut none, |p| &mut p.record_errors_room);
    answer::rejected(id.index, &topic, rejected, log_start, room)
}

fn refused(index: i32, error: &AppendError, log_start: Offset) -> Box<PartitionProduceResponse> {
    let code = match error {
        AppendError::OutOfService => ErrorCode::KafkaStorageError,
        AppendError::Busy | AppendError::NotNext { .. } => ErrorCode::NotLeaderOrFollower,
        AppendError::TooLarge { .. } => ErrorCode::MessageTooLarge,
        AppendError::LargerThanSegment { .. } => ErrorCode::RecordListTooLarge,
        AppendError::Rejected(rejected) => answer::code_of(rejected),
        AppendError::OutOfOrderSequence { .. } => ErrorCode::OutOfOrderSequenceNumber,
        AppendError::ProducerFenced { .. } => ErrorCode::InvalidProducerEpoch,
        AppendError::CoordinatorFenced { .. } => ErrorCode::TransactionCoordinatorFenced,
        AppendError::TransactionState { .. } => ErrorCode::InvalidTxnState,
        AppendError::Exhausted { .. } => ErrorCode::UnknownServerError,
    };
    // What was refused before anything of the log was looked at, as Kafka does it, does not say where the log begins.
    let unasked = matches!(
        error,
        AppendError::OutOfService
            | AppendError::Busy
            | AppendError::NotNext { .. }
            | AppendError::TooLarge { .. }
            | AppendError::LargerThanSegment { .. }
    );
    answer::refused_because(index, code, &error.to_string(), (!unasked).then_some(log_start))
}
