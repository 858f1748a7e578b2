//! Fetch sessions (KIP-227).

use kacrab_protocol::generated::FetchRequestData;
use kacrab_protocol::generated::fetch_request::{FetchPartition, FetchTopic, ForgottenTopic};

use super::batch::Batch;
use super::fetch::{of_topic, part};
use super::message::text;
use super::peer::Peer;
use super::produce::produce;
use super::topics::NOBODY;
use super::twins::Twins;

pub fn run(twins: &mut Twins) {
    twins.create("session", 3, &[]);
    for version in 7..=18 {
        for isolation in [0, 1] {
            story(twins, version, isolation);
        }
    }
}

fn session(request: FetchRequestData, peer: &Peer, epoch: i32) -> FetchRequestData {
    request.with_session_id(peer.number("session") as i32).with_session_epoch(epoch)
}

fn story(twins: &mut Twins, version: i16, isolation: i8) {
    let fetch = |topics: Vec<FetchTopic>| super::fetch::fetch(topics).with_isolation_level(isolation);
    let wants = |p: &Peer, parts: Vec<FetchPartition>| fetch(vec![of_topic(p, version, "session", parts)]);
    let one = |topic: &str, p: &Peer, partitions: Vec<i32>| {
        let topic_id = match (version < 13, topic) {
            (true, _) => Default::default(),
            (false, "nobody") => NOBODY,
            (false, topic) => p.id(topic),
        };
        ForgottenTopic::default().with_topic(text(topic)).with_topic_id(topic_id).with_partitions(partitions)
    };
    let ends = |p: &Peer| wants(p, vec![part(0, 1000), part(1, 0)]);
    let answers = twins.ask("a session begins", version, |p| session(ends(p).with_session_id(0), p, 0).with_session_id(0));
    remember(twins, answers.map(|a| a.map(|a| a.session_id)));
    twins.ask("nothing changed", version, |p| session(fetch(Vec::new()), p, 1));
    twins.ask("a wrong offset is mended", version, |p| session(wants(p, vec![part(0, 0)]), p, 2));
    twins.ask("something to fetch", 9, |p| produce(p, 9, "session", 1, -1, Some(Batch::of(&["a"]).bytes())));
    twins.ask("news", version, |p| session(fetch(Vec::new()), p, 3));
    twins.ask("the same news", version, |p| session(fetch(Vec::new()), p, 4));
    twins.ask("one more partition", version, |p| session(wants(p, vec![part(2, 0)]), p, 5));
    twins.ask("an unknown partition", version, |p| session(wants(p, vec![part(7, 0)]), p, 6));
    twins.ask("the unknown partition again", version, |p| session(fetch(Vec::new()), p, 7));
    twins.ask("forgotten", version, |p| session(fetch(Vec::new()).with_forgotten_topics_data(vec![one("session", p, vec![1, 7])]), p, 8));
    twins.ask("forgotten, unknown", version, |p| {
        session(fetch(Vec::new()).with_forgotten_topics_data(vec![one("nobody", p, vec![1])]), p, 9)
    });
    twins.ask("an unknown topic", version, |p| session(fetch(vec![of_topic(p, version, "nobody", vec![part(0, 0)])]), p, 10));
    twins.ask("the unknown topic again", version, |p| session(fetch(Vec::new()), p, 11));
    twins.ask("a wrong epoch", version, |p| session(fetch(Vec::new()), p, 99));
    twins.ask("the right epoch after a wrong one", version, |p| session(fetch(Vec::new()), p, 12));
    twins.ask("an old epoch", version, |p| session(fetch(Vec::new()), p, 3));
    twins.ask("an unknown session", version, |p| session(fetch(Vec::new()), p, 1).with_session_id(12345));
    twins.ask("no session, an epoch", version, |_| fetch(Vec::new()).with_session_id(0).with_session_epoch(5));
    twins.ask("closed", version, |p| session(fetch(Vec::new()), p, -1));
    twins.ask("after it was closed", version, |p| session(fetch(Vec::new()), p, 13));
    twins.ask("without a session", version, |p| session(ends(p), p, -1).with_session_id(0));
    let answers = twins.ask("another begins", version, |p| session(wants(p, vec![part(1, 0)]), p, 0).with_session_id(0));
    remember(twins, answers.map(|a| a.map(|a| a.session_id)));
    twins.ask("a new one instead of it", version, |p| session(wants(p, vec![part(2, 0)]), p, 0));
    twins.ask("the one before", version, |p| session(fetch(Vec::new()), p, 1));
    twins.ask("of nothing", version, |p| session(fetch(Vec::new()), p, 0).with_session_id(0));
    if version >= 13 {
        twins.ask("by names in a session of ids", 12, |p| session(fetch(vec![of_topic(p, 12, "session", vec![part(0, 0)])]), p, 1));
        twins.ask("by names, nothing said", 12, |p| session(fetch(Vec::new()), p, 1));
    }
}

fn remember(twins: &mut Twins, [kafka, ours]: [Option<i32>; 2]) {
    twins.kafka.numbers.insert("session", kafka.unwrap_or(0).into());
    twins.ours.numbers.insert("session", ours.unwrap_or(0).into());
}
