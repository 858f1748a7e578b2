//! CreateTopics and CreatePartitions after the controller decided: answered when this node has made the logs of its replicas, or could not.
//!
//! Thousands of logs take longer than a client waits. When half of the time that is left is over, what is still being made counts as made: what is asked of it
//! waits for it.

use std::collections::BTreeMap;

use odradek_cluster::controller::ControllerResponse;
use odradek_cluster::image::Topic;
use odradek_machine::{Mono, Now};
use odradek_wire::error::ErrorCode;
use odradek_wire::messages::create_partitions_response::CreatePartitionsTopicResult;
use odradek_wire::messages::create_topics_response::CreatableTopicResult;
use odradek_wire::messages::text;

use super::{Pending, forward};
use crate::io::Outbox;
use crate::partition::PartitionId;
use crate::purgatory::WaitsFor;
use crate::running::{Making, Running};
use crate::sessions::RequestKey;

/// An answer that waits for logs.
#[derive(Debug)]
pub(crate) struct PendingMade {
    response: ControllerResponse,
    /// Logs that are being made, and the place of their topic in the answer.
    waiting: BTreeMap<PartitionId, usize>,
}

/// Answers at once, or when the logs are there, or when half of the time until `until` is over.
pub(crate) fn answer_when_made(
    node: &mut Running,
    now: Now,
    key: RequestKey,
    mut response: ControllerResponse,
    until: Mono,
    out: &mut Outbox,
) {
    let mut waiting = BTreeMap::new();
    for (at, name) in names(&response) {
        for id in partitions(node, &name) {
            match node.making(id) {
                Making::UnderWay => drop(waiting.insert(id, at)),
                Making::Failed(why) => could_not(&mut response, at, id, &why),
                Making::Over => {}
            }
        }
    }
    if waiting.is_empty() {
        return forward::answer_to_client(node, now, key, response, out);
    }
    let half = now.mono + until.since(now.mono) / 2;
    node.purgatory.park(key, waiting.keys().copied().map(WaitsFor::News).collect(), Some(half));
    node.pending.insert(key, Pending::Made(Box::new(PendingMade { response, waiting })));
}

/// Topics of an answer that are there, with their places.
fn names(response: &ControllerResponse) -> Vec<(usize, String)> {
    let good = |(at, (name, code)): (usize, (&str, i16))| (code == 0).then(|| (at, name.to_owned()));
    match response {
        ControllerResponse::CreateTopics(r) => {
            r.topics.iter().map(|t| (t.name.as_str(), t.error_code)).enumerate().filter_map(good).collect()
        }
        ControllerResponse::CreatePartitions(r) => {
            r.results.iter().map(|t| (t.name.as_str(), t.error_code)).enumerate().filter_map(good).collect()
        }
        _ => Vec::new(),
    }
}

/// The partitions of a topic, if it is there.
pub(crate) fn partitions(node: &Running, topic: &str) -> Vec<PartitionId> {
    let of = |t: &Topic| t.partitions.keys().map(|&index| PartitionId { topic: t.id, index }).collect();
    node.image().topic(topic).map(|t| of(t)).unwrap_or_default()
}

/// A log is there, or could not be made.
pub(crate) fn look(node: &mut Running, now: Now, key: RequestKey, id: PartitionId, out: &mut Outbox) {
    let making = node.making(id);
    let Some(Pending::Made(made)) = node.pending.get_mut(&key) else { return };
    if matches!(making, Making::UnderWay) {
        return;
    }
    if let (Some(at), Making::Failed(why)) = (made.waiting.remove(&id), making) {
        could_not(&mut made.response, at, id, &why);
    }
    if made.waiting.is_empty()
        && let Some(Pending::Made(made)) = node.pending.remove(&key)
    {
        forward::answer_to_client(node, now, key, made.response, out);
    }
}

/// The time for making logs is over.
pub(crate) fn expired(node: &mut Running, now: Now, key: RequestKey, out: &mut Outbox) {
    if let Some(Pending::Made(made)) = node.pending.remove(&key) {
        forward::answer_to_client(node, now, key, made.response, out);
    }
}

/// A topic of an answer is refused after all; the first reason stands.
fn could_not(response: &mut ControllerResponse, at: usize, id: PartitionId, why: &str) {
    let says = format!("Partition {} could not be made and is tried again: {why}", id.index);
    let (error, says) = (ErrorCode::KafkaStorageError.code(), Some(text(&says)));
    match response {
        ControllerResponse::CreateTopics(r) if r.topics[at].error_code == 0 => {
            let refused = CreatableTopicResult::default().with_name(r.topics[at].name.clone());
            r.topics[at] = refused.with_error_code(error).with_error_message(says).with_configs(Some(Vec::new()));
        }
        ControllerResponse::CreatePartitions(r) if r.results[at].error_code == 0 => {
            let refused = CreatePartitionsTopicResult::default().with_name(r.results[at].name.clone());
            r.results[at] = refused.with_error_code(error).with_error_message(says);
        }
        _ => {}
    }
}
