//! Reading what a fetch wants: each partition in turn, within the limits of the whole.

use odradek_log::disk::FileRange;
use odradek_log::log::{Read, ReadError, ReadRequest};
use odradek_log::output::LookupId;
use odradek_machine::Now;
use odradek_wire::error::ErrorCode;
use odradek_wire::fetch::{AbortedTransaction, CurrentLeader, DivergingEpoch, FetchedPartition};
use odradek_wire::ids::{LeaderEpoch, NodeId, Offset};
use odradek_wire::scatter::Part;

use super::{Limits, PendingFetch, is_answer};
use crate::fetch_sessions::{Answered, Asked, TopicKey, Wanted};
use crate::io::Outbox;
use crate::partition::{PartitionId, Refusal, Replica};
use crate::running::Running;

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Of each partition, in the order in which they are wanted; behind them, as in Kafka, what is not there at all.
    pub(super) answers: Vec<Answered<FileRange>>,
    /// Bytes of records.
    pub(super) bytes: u64,
    /// Something is to be told without waiting: an error, a divergence.
    pub(super) at_once: bool,
    /// Lookups that must come first.
    pub(super) cold: Vec<(PartitionId, LookupId)>,
    /// Partitions that are here and may bring news.
    pub(super) partitions: Vec<PartitionId>,
    /// Places of those that are not there, ascending.
    pub(super) unknown: Vec<usize>,
}

/// Reads every partition that a fetch wants.
pub(super) fn everything(node: &mut Running, now: Now, fetch: &PendingFetch, out: &mut Outbox) -> Seen {
    let (mut seen, mut unknown) = (Seen::default(), Vec::new());
    for (at, wanted) in fetch.context.wanted.iter().enumerate() {
        let (index, asked) = (wanted.partition, &wanted.asked);
        let room = fetch.limits.bytes_max.saturating_sub(seen.bytes);
        let answer = match find(node, wanted) {
            Ok(id) if fetch.failed.contains(&id) => FetchedPartition::of_error(index, ErrorCode::KafkaStorageError),
            Ok(id) => {
                seen.partitions.push(id);
                let first = seen.bytes == 0;
                let read = |replica: &mut Replica, said: &mut Vec<odradek_log::output::Output>| {
                    one(replica, now, asked, &fetch.limits, room, first, said)
                };
                match node.with_replica(now, id, out, read).expect("a partition that was found here has a replica") {
                    Ok(answer) => answer,
                    Err(lookup) => {
                        seen.cold.push((id, lookup));
                        FetchedPartition::of_error(index, ErrorCode::None)
                    }
                }
            }
            Err(refusal) if is_unknown(refusal) && fetch.unknown.as_ref().is_none_or(|unknown| unknown.binary_search(&at).is_ok()) => {
                // What was never there does not hurry what others wait for, or a consumer of a deleted topic would ask without end.
                unknown.push((at, FetchedPartition { aborted_transactions: Some(Vec::new()), ..refused(index, refusal) }));
                seen.unknown.push(at);
                continue;
            }
            Err(refusal) => refused(index, refusal),
        };
        seen.bytes += answer.records.iter().map(Part::length).sum::<u64>();
        seen.at_once |= is_answer(answer.error) || answer.diverging_epoch.is_some();
        seen.answers.push((at, answer));
    }
    seen.answers.append(&mut unknown);
    seen.at_once |= seen.partitions.is_empty();
    seen
}

/// Where a partition is. A topic that was known by its id and is gone is looked for by its name, as in Kafka, so that a fetcher which knew it is told that it
/// is gone, or that another has its name; one that never knew it is told that nobody knows the id.
fn find(node: &Running, wanted: &Wanted) -> Result<PartitionId, Refusal> {
    match (node.partition(&wanted.topic, wanted.partition), &wanted.name) {
        (Err(Refusal { error: ErrorCode::UnknownTopicId, .. }), Some(name)) => {
            node.partition(&TopicKey::Name(name.clone()), wanted.partition)?;
            Err(Refusal::of(ErrorCode::InconsistentTopicId))
        }
        (found, _) => found,
    }
}

const fn is_unknown(refusal: Refusal) -> bool {
    matches!(refusal.error, ErrorCode::UnknownTopicOrPartition | ErrorCode::UnknownTopicId)
}

fn refused(index: i32, refusal: Refusal) -> FetchedPartition<FileRange> {
    let told = matches!(refusal.error, ErrorCode::NotLeaderOrFollower | ErrorCode::FencedLeaderEpoch);
    let current_leader = refusal.leader.filter(|_| told).map(|(leader, epoch)| CurrentLeader { leader, epoch });
    FetchedPartition { current_leader, ..FetchedPartition::of_error(index, refusal.error) }
}

/// Reads one partition; `Err` says what must be looked up on disk first.
fn one(
    replica: &mut Replica,
    now: Now,
    asked: &Asked,
    limits: &Limits,
    room: u64,
    first: bool,
    said: &mut Vec<odradek_log::output::Output>,
) -> Result<FetchedPartition<FileRange>, LookupId> {
    let index = replica.id.index;
    let leader = match replica.leader(asked.current_epoch) {
        Ok(leader) => leader,
        Err(refusal) => return Ok(refused(index, refusal)),
    };
    if limits.follower.is_some_and(|id| !leader.followers.contains_key(&NodeId(id))) {
        return Ok(refused(index, Refusal { error: ErrorCode::NotLeaderOrFollower, leader: Some((leader.me, leader.epoch)) }));
    }
    let ends = replica.ends();
    let base = FetchedPartition {
        high_watermark: ends.high_watermark,
        last_stable_offset: ends.last_stable,
        log_start_offset: ends.log_start,
        aborted_transactions: limits.committed.then(Vec::new),
        ..FetchedPartition::of_error(index, ErrorCode::None)
    };
    match divergence(replica, asked) {
        Ok(None) => {}
        // As in Kafka: who has to cut its log is told nothing of transactions, nor who is given nothing of what is there.
        Ok(Some(diverging)) => return Ok(FetchedPartition { diverging_epoch: Some(diverging), aborted_transactions: None, ..base }),
        Err(error) => return Ok(FetchedPartition::of_error(index, error)),
    }
    let until = if limits.follower.is_some() {
        replica.log.log_end()
    } else if limits.committed {
        ends.last_stable
    } else {
        ends.high_watermark
    };
    let hidden = asked.offset > until && asked.offset <= replica.log.log_end();
    let no_room = room == 0 && !first && (ends.log_start..=until).contains(&asked.offset);
    if hidden || no_room {
        return Ok(base); // there, but not to be seen yet, or not in this answer
    }
    let request = ReadRequest {
        from: asked.offset,
        until,
        bytes_max: asked.bytes_max.min(room),
        at_least_one: first,
        want_aborted: limits.committed,
    };
    match replica.log.read(now, request, said) {
        Ok(Read::Ready(slice)) => {
            let mut aborted: Vec<AbortedTransaction> =
                slice.aborted.iter().map(|a| AbortedTransaction { producer: a.producer, first_offset: a.first }).collect();
            aborted.sort_by_key(|a| (a.first_offset, a.producer));
            let left_out = slice.left_out && request.bytes_max > 0;
            Ok(FetchedPartition {
                aborted_transactions: (limits.committed && !left_out).then_some(aborted),
                records: slice.ranges.into_iter().map(Part::Range).collect(),
                ..base
            })
        }
        Ok(Read::Cold(lookup)) => Err(lookup),
        Err(ReadError::OutOfRange { .. }) => Ok(FetchedPartition::of_error(index, ErrorCode::OffsetOutOfRange)),
        Err(ReadError::OutOfService) => Ok(FetchedPartition::of_error(index, ErrorCode::KafkaStorageError)),
        Err(ReadError::Busy) => Ok(FetchedPartition::of_error(index, ErrorCode::NotLeaderOrFollower)),
    }
}

/// Where the fetcher's log left this one, if it said what it has last (KIP-595).
fn divergence(replica: &Replica, asked: &Asked) -> Result<Option<DivergingEpoch>, ErrorCode> {
    let Some(last) = asked.last_epoch else { return Ok(None) };
    let Some(end) = replica.log.end_offset_for(last) else { return Err(ErrorCode::OffsetOutOfRange) };
    let parted = end.epoch < last || end.end < asked.offset;
    Ok(parted.then_some(diverging(end.epoch, end.end)))
}

const fn diverging(epoch: LeaderEpoch, end_offset: Offset) -> DivergingEpoch {
    DivergingEpoch { epoch, end_offset }
}
