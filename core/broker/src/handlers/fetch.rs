//! Fetch: records out of logs, at once or when there are enough of them (KIP-227 sessions, KIP-320 epochs, KIP-74 limits).
//!
//! A fetch is read again each time something that it waits for moves; it is answered when there is enough, something went wrong, or its time is over. What
//! lies on cold positions is looked up on disk first, and the fetch is read again when that is known.

mod answer;
mod read;

use std::collections::BTreeSet;

use odradek_log::output::{Answer, LookupId};
use odradek_machine::{Mono, Now, reached};
use odradek_wire::error::ErrorCode;
use odradek_wire::fetch::FetchAnswer;
use odradek_wire::ids::{LeaderEpoch, Offset};
use odradek_wire::messages::FetchRequestData;

use super::resolve::topic_key;
use super::twice::Places;
use super::{Ask, Pending, Reply};
use crate::fetch_sessions::{Asked, Begin, Context, TopicKey, begin};
use crate::io::{NotesOf, Outbox};
use crate::partition::PartitionId;
use crate::purgatory::WaitsFor;
use crate::running::Running;
use crate::sessions::RequestKey;

/// A Fetch that waits: for records, or for positions on disk.
#[derive(Debug)]
pub(crate) struct PendingFetch {
    version: i16,
    context: Context,
    limits: Limits,
    /// Lookups on disk that are under way.
    lookups: BTreeSet<(PartitionId, LookupId)>,
    /// Partitions whose lookup failed.
    failed: BTreeSet<PartitionId>,
    /// Places of what was not there when the fetch began to wait; what goes later is told at once.
    unknown: Option<Vec<usize>>,
    until: Mono,
    expired: bool,
}

/// How much a fetch wants, and of what.
#[derive(Clone, Copy, Debug)]
struct Limits {
    bytes_min: u64,
    bytes_max: u64,
    /// Only what is decided (read_committed).
    committed: bool,
    /// A follower, by id.
    follower: Option<i32>,
}

/// Reads what is there; answers at once or waits.
pub(crate) fn handle(node: &mut Running, now: Now, ask: &Ask, request: &FetchRequestData, out: &mut Outbox) -> Reply {
    let by_id = ask.version >= 13;
    let replica = if ask.version >= 15 { request.replica_state.replica_id } else { request.replica_id };
    let image = node.metadata.image();
    let begun = begin(
        now.mono,
        &mut node.fetch_sessions,
        Begin {
            session_id: request.session_id,
            session_epoch: request.session_epoch,
            privileged: replica >= 0,
            uses_ids: by_id,
            asked: asked(request, by_id),
            forgotten: forgotten(request, by_id),
        },
        |id| image.topic_by_id(id).map(|topic| topic.name.clone()),
    );
    let context = match begun {
        Ok(context) => context,
        Err(error) => {
            reached!(&mut NotesOf(out), "fetch.session_refused", error.code(), request.session_id);
            return answer::frame(node, ask.key, FetchAnswer::of_error(error));
        }
    };
    let bytes_of_broker = u64::try_from(node.setup.config.long("fetch.max.bytes")).unwrap_or(0);
    let bytes_max = u64::try_from(request.max_bytes).unwrap_or(0).min(bytes_of_broker);
    let limits = Limits {
        bytes_min: u64::try_from(request.min_bytes).unwrap_or(0).min(bytes_max),
        bytes_max,
        committed: request.isolation_level == 1,
        follower: (replica >= 0).then_some(replica),
    };
    let wait_ms = u64::try_from(request.max_wait_ms).unwrap_or(0);
    let pending = PendingFetch {
        version: ask.version,
        expired: wait_ms == 0 || context.wanted.is_empty(),
        context,
        limits,
        lookups: BTreeSet::new(),
        failed: BTreeSet::new(),
        unknown: None,
        until: now.mono.plus_ms(wait_ms),
    };
    node.pending.insert(ask.key, Pending::Fetch(Box::new(pending)));
    look(node, now, ask.key, out);
    Reply::Later
}

/// What is wanted of each partition: of one that is named twice, what the last says, at the place of the first.
fn asked(request: &FetchRequestData, by_id: bool) -> Vec<(TopicKey, i32, Asked)> {
    let epoch = |epoch: i32| (epoch >= 0).then_some(LeaderEpoch(epoch));
    let (mut all, mut places) = (Vec::new(), Places::new());
    for topic in &request.topics {
        let key = topic_key(by_id, topic.topic.as_str(), topic.topic_id.into());
        for p in &topic.partitions {
            let asked = Asked {
                offset: Offset(p.fetch_offset),
                bytes_max: u64::try_from(p.partition_max_bytes).unwrap_or(0),
                current_epoch: epoch(p.current_leader_epoch),
                last_epoch: epoch(p.last_fetched_epoch),
                log_start: Offset(p.log_start_offset),
            };
            let place = places.of((key.clone(), p.partition), all.len());
            match all.get_mut(place) {
                Some((_, _, named)) => *named = asked,
                None => all.push((key.clone(), p.partition, asked)),
            }
        }
    }
    all
}

fn forgotten(request: &FetchRequestData, by_id: bool) -> Vec<(TopicKey, i32)> {
    let mut all = Vec::new();
    for topic in &request.forgotten_topics_data {
        let key = topic_key(by_id, topic.topic.as_str(), topic.topic_id.into());
        all.extend(topic.partitions.iter().map(|&p| (key.clone(), p)));
    }
    all
}

/// Reads everything that the fetch wants, and answers it if that is enough.
fn look(node: &mut Running, now: Now, key: RequestKey, out: &mut Outbox) {
    let Some(Pending::Fetch(mut pending)) = node.pending.remove(&key) else { return };
    let seen = read::everything(node, now, &pending, out);
    for &(partition, lookup) in &seen.cold {
        node.lookups.entry((partition, lookup)).or_default().push(key);
        pending.lookups.insert((partition, lookup));
    }
    let enough = seen.bytes >= pending.limits.bytes_min || seen.at_once || pending.expired;
    if pending.lookups.is_empty() && enough {
        node.purgatory.remove(key);
        let reply = answer::whole(node, now, key, &pending, seen.answers);
        return node.reply(now, key, reply, out);
    }
    if !node.purgatory.holds(key) {
        pending.unknown = Some(seen.unknown);
        let waits = seen.partitions.into_iter().map(WaitsFor::News).collect();
        let until = (!pending.expired).then_some(pending.until);
        node.purgatory.park(key, waits, until);
    }
    node.pending.insert(key, Pending::Fetch(pending));
}

/// Something moved that a fetch waits for.
pub(crate) fn look_again(node: &mut Running, now: Now, key: RequestKey, out: &mut Outbox) {
    if matches!(node.pending.get(&key), Some(Pending::Fetch(p)) if p.lookups.is_empty()) {
        look(node, now, key, out);
    }
}

/// A position is known.
pub(crate) fn looked_up(
    node: &mut Running,
    now: Now,
    key: RequestKey,
    partition: PartitionId,
    lookup: LookupId,
    answer: &Answer,
    out: &mut Outbox,
) {
    let Some(Pending::Fetch(pending)) = node.pending.get_mut(&key) else { return };
    pending.lookups.remove(&(partition, lookup));
    if matches!(answer, Answer::Failed(_)) {
        pending.failed.insert(partition);
    }
    if pending.lookups.is_empty() {
        look(node, now, key, out);
    }
}

/// The time is over: what is there is the answer.
pub(crate) fn expired(node: &mut Running, now: Now, key: RequestKey, out: &mut Outbox) {
    let Some(Pending::Fetch(pending)) = node.pending.get_mut(&key) else { return };
    pending.expired = true;
    if pending.lookups.is_empty() {
        look(node, now, key, out);
    }
}

/// Errors that answer a fetch of one partition.
const fn is_answer(error: ErrorCode) -> bool {
    error.is_error()
}
