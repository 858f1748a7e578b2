//! Fetch without sessions.

use kacrab_protocol::generated::delete_topics_request::DeleteTopicState;
use kacrab_protocol::generated::fetch_request::{FetchPartition, FetchTopic, ReplicaState};
use kacrab_protocol::generated::{DeleteTopicsRequestData, FetchRequestData};

use super::batch::Batch;
use super::message::text;
use super::peer::Peer;
use super::produce::produce;
use super::topics::NOBODY;
use super::twins::Twins;

const ALL: i32 = 50 << 20;

pub fn run(twins: &mut Twins) {
    twins.create("fetched", 3, &[]);
    twins.create("empty", 1, &[]);
    twins.create("vanished", 1, &[]);
    twins.ask("a topic that goes", 6, |p| {
        DeleteTopicsRequestData::default()
            .with_topics(vec![DeleteTopicState::default().with_topic_id(p.id("vanished"))])
            .with_timeout_ms(20_000)
    });
    for at in 0..5 {
        let value: &'static str = Box::leak(format!("value number {at}").into_boxed_str());
        let batch = Batch::of(&[value, "and another"]).at(super::batch::THEN + at * 1000);
        twins.ask("something to fetch", 9, |p| produce(p, 9, "fetched", 0, -1, Some(batch.bytes())));
        twins.ask("something to fetch", 9, |p| produce(p, 9, "fetched", 1, -1, Some(batch.bytes())));
    }
    offsets(twins);
    limits(twins);
    epochs(twins);
    topics(twins);
    waits(twins);
    followers(twins);
}

/// A partition that is wanted from an offset on.
pub fn part(partition: i32, offset: i64) -> FetchPartition {
    FetchPartition::default().with_partition(partition).with_fetch_offset(offset).with_partition_max_bytes(ALL)
}

/// A topic as the version names it.
pub fn of_topic(peer: &Peer, version: i16, topic: &str, parts: Vec<FetchPartition>) -> FetchTopic {
    let of = FetchTopic::default().with_partitions(parts);
    if version < 13 {
        return of.with_topic(text(topic));
    }
    of.with_topic_id(if topic == "nobody" { NOBODY } else { peer.id(topic) })
}

/// A fetch that does not wait.
pub fn fetch(topics: Vec<FetchTopic>) -> FetchRequestData {
    FetchRequestData::default().with_max_wait_ms(0).with_min_bytes(0).with_max_bytes(ALL).with_topics(topics)
}

/// Everything in a partition: what both wrote must be the same, byte by byte.
pub fn whole_log(twins: &mut Twins, title: &str, topic: &str, partition: i32) {
    twins.ask(title, 12, |p| fetch(vec![of_topic(p, 12, topic, vec![part(partition, 0)])]));
}

fn one(twins: &mut Twins, title: &str, wanted: &FetchPartition) {
    twins.each(title, |p, v| fetch(vec![of_topic(p, v, "fetched", vec![wanted.clone()])]));
    twins.each(&format!("{title}, committed"), |p, v| fetch(vec![of_topic(p, v, "fetched", vec![wanted.clone()])]).with_isolation_level(1));
}

fn offsets(twins: &mut Twins) {
    for offset in [0, 1, 4, 9, 10, 11, 1000, -1, -2, i64::MAX, i64::MIN] {
        one(twins, &format!("from {offset}"), &part(0, offset));
    }
    twins.each("an empty partition", |p, v| fetch(vec![of_topic(p, v, "empty", vec![part(0, 0)])]));
    twins.each_of("a log start", 5..=18, |p, v| fetch(vec![of_topic(p, v, "fetched", vec![part(0, 0).with_log_start_offset(5)])]));
}

fn limits(twins: &mut Twins) {
    // A negative number of bytes, and an unknown isolation, are not asked: Apache Kafka throws.
    for bytes in [0, 1, 100, 150, i32::MAX] {
        one(twins, &format!("partition bytes {bytes}"), &part(0, 0).with_partition_max_bytes(bytes));
        twins.each(&format!("bytes {bytes}"), |p, v| {
            fetch(vec![of_topic(p, v, "fetched", vec![part(0, 0), part(1, 0)])]).with_max_bytes(bytes)
        });
    }
    twins.each("least bytes beyond all", |p, v| fetch(vec![of_topic(p, v, "fetched", vec![part(0, 0)])]).with_min_bytes(i32::MAX));
    twins.each("the first is full, the second empty", |p, v| {
        fetch(vec![of_topic(
            p,
            v,
            "fetched",
            vec![part(0, 0).with_partition_max_bytes(1), part(2, 0), part(1, 0).with_partition_max_bytes(1)],
        )])
    });
}

fn epochs(twins: &mut Twins) {
    for epoch in [0, 1, 5, -1, -2] {
        twins.each_of(&format!("leader epoch {epoch}"), 9..=18, |p, v| {
            fetch(vec![of_topic(p, v, "fetched", vec![part(0, 0).with_current_leader_epoch(epoch)])])
        });
        for offset in [0, 4, 10, 12] {
            let title = format!("last epoch {epoch} at {offset}");
            twins.each_of(&title, 12..=18, |p, v| {
                fetch(vec![of_topic(p, v, "fetched", vec![part(0, offset).with_last_fetched_epoch(epoch)])])
            });
        }
    }
    twins.each_of("a known and an unknown epoch", 12..=18, |p, v| {
        fetch(vec![of_topic(
            p,
            v,
            "fetched",
            vec![part(0, 10).with_current_leader_epoch(0).with_last_fetched_epoch(0), part(1, 2).with_current_leader_epoch(3)],
        )])
    });
}

fn topics(twins: &mut Twins) {
    twins.each("unknown topic", |p, v| fetch(vec![of_topic(p, v, "nobody", vec![part(0, 0)])]));
    twins.each_of("bad name", 4..=12, |p, v| fetch(vec![of_topic(p, v, "a b", vec![part(0, 0)])]));
    twins.each("unknown partitions", |p, v| fetch(vec![of_topic(p, v, "fetched", vec![part(3, 0), part(-1, 0), part(0, 0)])]));
    twins.each("unknown and known topic", |p, v| {
        fetch(vec![of_topic(p, v, "nobody", vec![part(0, 0)]), of_topic(p, v, "fetched", vec![part(0, 9)])])
    });
    twins.each("two topics", |p, v| {
        fetch(vec![of_topic(p, v, "fetched", vec![part(1, 8), part(0, 8)]), of_topic(p, v, "empty", vec![part(0, 0)])])
    });
    twins.each("a topic twice", |p, v| {
        fetch(vec![of_topic(p, v, "fetched", vec![part(0, 8)]), of_topic(p, v, "fetched", vec![part(1, 8)])])
    });
    twins.each("no topics", |_, _| fetch(Vec::new()));
    twins.each("no partitions", |p, v| fetch(vec![of_topic(p, v, "fetched", Vec::new())]));
    twins.each_of("a deleted topic's id", 13..=18, |p, _| {
        fetch(vec![FetchTopic::default().with_topic_id(p.id("vanished")).with_partitions(vec![part(0, 0)])])
    });
    twins.each_of("a zero id", 13..=18, |_, _| fetch(vec![FetchTopic::default().with_partitions(vec![part(0, 0)])]));
    twins.each_of("a rack", 11..=18, |p, v| fetch(vec![of_topic(p, v, "fetched", vec![part(0, 9)])]).with_rack_id(text("r")));
    twins.each_of("another cluster", 12..=18, |p, v| {
        fetch(vec![of_topic(p, v, "fetched", vec![part(0, 9)])]).with_cluster_id(Some(text("elsewhere")))
    });
}

fn waits(twins: &mut Twins) {
    let at_end = |p: &Peer, v: i16| vec![of_topic(p, v, "fetched", vec![part(0, 10)])];
    twins.each("nothing comes in 30 ms", |p, v| fetch(at_end(p, v)).with_max_wait_ms(30).with_min_bytes(1));
    twins.each("nothing must come", |p, v| fetch(at_end(p, v)).with_max_wait_ms(20_000));
    twins.each("an error does not wait", |p, v| {
        fetch(vec![of_topic(p, v, "fetched", vec![part(0, 10), part(1, 99)])]).with_max_wait_ms(20_000).with_min_bytes(1)
    });
    twins.each("an unknown topic hurries nothing", |p, v| {
        fetch(vec![of_topic(p, v, "fetched", vec![part(0, 10)]), of_topic(p, v, "nobody", vec![part(0, 0)])])
            .with_max_wait_ms(30)
            .with_min_bytes(1)
    });
    twins.each("unknown topics alone do not wait", |p, v| {
        fetch(vec![of_topic(p, v, "nobody", vec![part(0, 0)])]).with_max_wait_ms(20_000).with_min_bytes(1)
    });
    twins.each_of("a divergence does not wait", 12..=18, |p, v| {
        fetch(vec![of_topic(p, v, "fetched", vec![part(0, 12).with_last_fetched_epoch(0)])]).with_max_wait_ms(20_000).with_min_bytes(1)
    });
    twins.each("a negative wait", |p, v| fetch(at_end(p, v)).with_max_wait_ms(-1).with_min_bytes(1));
    twins.each("no topics do not wait", |_, _| fetch(Vec::new()).with_max_wait_ms(20_000).with_min_bytes(1));
}

fn followers(twins: &mut Twins) {
    for replica in [0, 5, -2] {
        twins.each_of(&format!("replica {replica}"), 4..=14, |p, v| {
            fetch(vec![of_topic(p, v, "fetched", vec![part(0, 8)])]).with_replica_id(replica)
        });
        twins.each_of(&format!("replica {replica}"), 15..=18, |p, v| {
            let state = ReplicaState::default().with_replica_id(replica).with_replica_epoch(-1);
            fetch(vec![of_topic(p, v, "fetched", vec![part(0, 8)])]).with_replica_state(state)
        });
    }
}
