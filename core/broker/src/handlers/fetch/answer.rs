//! What a Fetch is answered.

use odradek_log::disk::FileRange;
use odradek_machine::Now;
use odradek_wire::fetch::{self, FetchAnswer, FetchedTopic, NodeEndpoint};
use odradek_wire::ids::{NodeId, Uuid};
use odradek_wire::messages::{KafkaString, text};

use super::PendingFetch;
use crate::fetch_sessions::{Answered, TopicKey, Wanted};
use crate::handlers::Reply;
use crate::running::Running;
use crate::sessions::RequestKey;

/// The version that tells leaders to those who asked somebody else (KIP-951).
const LEADERS_SINCE: i16 = 16;

/// The answer with what was read, as far as the session wants it told.
pub(super) fn whole(node: &mut Running, now: Now, key: RequestKey, fetch: &PendingFetch, mut answers: Vec<Answered<FileRange>>) -> Reply {
    let session_id = match fetch.context.finish(now.mono, &mut node.fetch_sessions, &mut answers) {
        Ok(id) => id,
        Err(error) => return frame(node, key, FetchAnswer::of_error(error)),
    };
    if fetch.version < LEADERS_SINCE {
        answers.iter_mut().for_each(|(_, answer)| answer.current_leader = None);
    }
    // Followers know where leaders live from the metadata log.
    let node_endpoints = if fetch.limits.follower.is_none() { endpoints(node, key, &answers) } else { Vec::new() };
    let topics = by_topic(&fetch.context.wanted, answers);
    frame(node, key, FetchAnswer { session_id, topics, node_endpoints, ..FetchAnswer::of_error(odradek_wire::error::ErrorCode::None) })
}

/// The frame of an answer.
pub(super) fn frame(node: &Running, key: RequestKey, answer: FetchAnswer<FileRange>) -> Reply {
    let Some(header) = node.connections.header(key) else { return Reply::Silent };
    match fetch::encode(header.version, header.correlation, answer) {
        Ok(frame) => Reply::Frame(frame),
        Err(error) => Reply::Close(format!("an answer to Fetch cannot be said in version {}: {error}", header.version)),
    }
}

/// Neighbours of one topic under its name.
fn by_topic(wanted: &[Wanted], answers: Vec<Answered<FileRange>>) -> Vec<FetchedTopic<FileRange>> {
    let mut topics: Vec<(&TopicKey, FetchedTopic<FileRange>)> = Vec::new();
    for (at, answer) in answers {
        let topic = &wanted[at].topic;
        match topics.last_mut() {
            Some((last, of)) if *last == topic => of.partitions.push(answer),
            _ => {
                let (name, id) = match topic {
                    TopicKey::Name(name) => (text(name), Uuid::ZERO),
                    TopicKey::Id(id) => (KafkaString::default(), *id),
                };
                topics.push((topic, FetchedTopic { name, id, partitions: vec![answer] }));
            }
        }
    }
    topics.into_iter().map(|(_, topic)| topic).collect()
}

/// Where the leaders live that are named in an answer (KIP-951).
fn endpoints(node: &Running, key: RequestKey, answers: &[Answered<FileRange>]) -> Vec<NodeEndpoint> {
    let mut leaders: Vec<NodeId> = answers.iter().filter_map(|(_, a)| a.current_leader).map(|l| l.leader).collect();
    leaders.sort_unstable();
    leaders.dedup();
    let listener = node.listener_of(key.connection);
    let endpoint = |id: NodeId| {
        let (at, rack) = node.endpoint(id, listener)?;
        Some(NodeEndpoint { node: id, host: text(&at.host), port: i32::from(at.port), rack: rack.map(text) })
    };
    leaders.into_iter().filter_map(endpoint).collect()
}
