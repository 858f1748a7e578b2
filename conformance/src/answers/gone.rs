//! Fetch sessions that hold a topic which is deleted, and made again.

use kacrab_protocol::KafkaUuid;
use kacrab_protocol::generated::FetchRequestData;
use kacrab_protocol::generated::fetch_request::{FetchPartition, FetchTopic, ForgottenTopic};

use super::batch::Batch;
use super::fetch::{fetch, of_topic, part};
use super::message::text;
use super::peer::Peer;
use super::produce::produce;
use super::twins::Twins;

pub fn run(twins: &mut Twins) {
    twins.create("stays", 1, &[]);
    for version in 4..=18 {
        story(twins, version);
        waits(twins, version);
    }
}

/// Fetches that wait while a topic of theirs goes.
fn waits(twins: &mut Twins, v: i16) {
    twins.create("waits", 1, &[]);
    let long = |request: FetchRequestData| request.with_max_wait_ms(6_000).with_min_bytes(1);
    twins.ask_during(
        "it goes while it is waited for",
        v,
        |p| long(fetch(vec![of_topic(p, v, "waits", vec![part(0, 0)])])),
        |twins| {
            twins.delete("waits");
        },
    );
    twins.create("waits", 1, &[]);
    let beside = |p: &Peer| long(fetch(vec![of_topic(p, v, "stays", vec![part(0, 0)]), of_topic(p, v, "waits", vec![part(0, 0)])]));
    twins.ask_during("it goes while another is waited for too", v, beside, |twins| twins.delete("waits"));
}

/// A topic that goes is named in several ways: by a session that began with it, by one that it was added to, and by fetches that are whole.
fn story(twins: &mut Twins, v: i16) {
    let name = &format!("goes-{v}");
    twins.create(name, 2, &[]);
    twins.ask("something in it", 9, |p| produce(p, 9, name, 0, -1, Some(Batch::of(&["a"]).bytes())));
    let old = twins.ids(name);
    let topic = |p: &Peer, parts: Vec<FetchPartition>| topic_of(p, v, name, old, parts);
    let both = |p: &Peer| fetch(vec![topic(p, vec![part(0, 0), part(1, 0)]), of_topic(p, v, "stays", vec![part(0, 0)])]);
    let sessions = v >= 7;
    if sessions {
        begins(twins, "first", v, both);
        begins(twins, "second", v, |p| fetch(vec![of_topic(p, v, "stays", vec![part(0, 0)])]));
        twins.ask("the first goes on", v, |p| session(fetch(Vec::new()), p, "first", 1));
        twins.ask("the second takes it in", v, |p| session(fetch(vec![topic(p, vec![part(0, 0)])]), p, "second", 1));
    }
    twins.delete(name);
    for isolation in [0, 1] {
        twins.ask(&format!("it is gone, isolation {isolation}"), v, |p| both(p).with_isolation_level(isolation));
    }
    if sessions {
        for at in 0..2 {
            twins.ask(&format!("the first after it is gone, {at}"), v, |p| session(fetch(Vec::new()), p, "first", 2 + at));
            twins.ask(&format!("the second after it is gone, {at}"), v, |p| session(fetch(Vec::new()), p, "second", 2 + at));
        }
        twins.ask("committed", v, |p| session(fetch(Vec::new()).with_isolation_level(1), p, "first", 4));
        twins.ask("asked for again", v, |p| session(fetch(vec![topic(p, vec![part(0, 0)])]), p, "first", 5));
        twins.ask("another partition of it", v, |p| session(fetch(vec![topic(p, vec![part(5, 0)])]), p, "first", 6));
        twins.ask("forgotten", v, |p| session(forgets(p, v, name, old, vec![0]), p, "first", 7));
        twins.ask("asked for after it was forgotten", v, |p| session(fetch(vec![topic(p, vec![part(0, 0)])]), p, "first", 8));
        begins(twins, "third", v, both);
        twins.ask("the third goes on", v, |p| session(fetch(Vec::new()), p, "third", 1));
    }
    twins.create(name, 1, &[]);
    twins.ask("something in the one behind it", 9, |p| produce(p, 9, name, 0, -1, Some(Batch::of(&["b"]).bytes())));
    for isolation in [0, 1] {
        twins.ask(&format!("another has its name, isolation {isolation}"), v, |p| both(p).with_isolation_level(isolation));
    }
    if sessions {
        for at in 0..2 {
            twins.ask(&format!("the first when another has its name, {at}"), v, |p| session(fetch(Vec::new()), p, "first", 9 + at));
            twins.ask(&format!("the second when another has its name, {at}"), v, |p| session(fetch(Vec::new()), p, "second", 4 + at));
            twins.ask(&format!("the third when another has its name, {at}"), v, |p| session(fetch(Vec::new()), p, "third", 2 + at));
        }
        twins.ask("the new one beside it", v, |p| session(fetch(vec![of_topic(p, v, name, vec![part(0, 0)])]), p, "second", 6));
        twins.ask("both of them", v, |p| session(fetch(Vec::new()), p, "second", 7));
        for session_name in ["first", "second", "third"] {
            twins.ask("closed", v, |p| session(fetch(Vec::new()), p, session_name, -1));
        }
    }
    twins.delete(name);
}

/// A topic by its name, or by the id that it had.
fn topic_of(p: &Peer, v: i16, name: &str, [kafka, ours]: [KafkaUuid; 2], parts: Vec<FetchPartition>) -> FetchTopic {
    let of = FetchTopic::default().with_partitions(parts);
    if v < 13 { of.with_topic(text(name)) } else { of.with_topic_id(if p.name == "odradek" { ours } else { kafka }) }
}

fn forgets(p: &Peer, v: i16, name: &str, [kafka, ours]: [KafkaUuid; 2], partitions: Vec<i32>) -> FetchRequestData {
    let of = ForgottenTopic::default().with_partitions(partitions);
    let id = if p.name == "odradek" { ours } else { kafka };
    fetch(Vec::new()).with_forgotten_topics_data(vec![if v < 13 { of.with_topic(text(name)) } else { of.with_topic_id(id) }])
}

fn session(request: FetchRequestData, p: &Peer, name: &'static str, epoch: i32) -> FetchRequestData {
    request.with_session_id(p.number(name) as i32).with_session_epoch(epoch)
}

fn begins(twins: &mut Twins, name: &'static str, version: i16, make: impl Fn(&Peer) -> FetchRequestData) {
    let answers = twins.ask(&format!("the {name} begins"), version, |p| make(p).with_session_id(0).with_session_epoch(0));
    let [kafka, ours] = answers.map(|a| a.map_or(0, |a| i64::from(a.session_id)));
    twins.kafka.numbers.insert(name, kafka);
    twins.ours.numbers.insert(name, ours);
}
