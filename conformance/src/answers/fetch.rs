//! Fetch without sessions.

use std::ops::RangeInclusive;

use kacrab_protocol::generated::delete_topics_request::DeleteTopicState;
use kacrab_protocol::generated::fetch_request::{FetchPartition, FetchTopic, ReplicaState};
use kacrab_protocol::generated::{ApiKey, DeleteTopicsRequestData, FetchRequestData};

use super::batch::Batch;
use super::message::{text, versions};
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

/// In every version, by readers of everything and of what is committed.
fn each(twins: &mut Twins, title: &str, make: impl Fn(&Peer, i16) -> FetchRequestData) {
    each_of(twins, title, versions(ApiKey::Fetch), make);
}

fn each_of(twins: &mut Twins, title: &str, versions: RangeInclusive<i16>, make: impl Fn(&Peer, i16) -> FetchRequestData) {
    twins.each_of(title, versions.clone(), |p, v| make(p, v));
    twins.each_of(&format!("{title}, committed"), versions, |p, v| make(p, v).with_isolation_level(1));
}

fn one(twins: &mut Twins, title: &str, wanted: &FetchPartition) {
    each(twins, title, |p, v| fetch(vec![of_topic(p, v, "fetched", vec![wanted.clone()])]));
}

fn offsets(twins: &mut Twins) {
    for offset in [0, 1, 4, 9, 10, 11, 1000, -1, -2, i64::MAX, i64::MIN] {
        one(twins, &format!("from {offset}"), &part(0, offset));
    }
    each(twins, "an empty partition", |p, v| fetch(vec![of_topic(p, v, "empty", vec![part(0, 0)])]));
    each_of(twins, "a log start", 5..=18, |p, v| fetch(vec![of_topic(p, v, "fetched", vec![part(0, 0).with_log_start_offset(5)])]));
}

fn limits(twins: &mut Twins) {
    // A negative number of bytes, and an unknown isolation, are not asked: Apache Kafka throws.
    for bytes in [0, 1, 100, 150, i32::MAX] {
        one(twins, &format!("partition bytes {bytes}"), &part(0, 0).with_partition_max_bytes(bytes));
        each(twins, &format!("bytes {bytes}"), |p, v| {
            fetch(vec![of_topic(p, v, "fetched", vec![part(0, 0), part(1, 0)])]).with_max_bytes(bytes)
        });
    }
    each(twins, "least bytes beyond all", |p, v| fetch(vec![of_topic(p, v, "fetched", vec![part(0, 0)])]).with_min_bytes(i32::MAX));
    for bytes in [0, 1, 50, 80, 200] {
        each(twins, &format!("a second partition within {bytes} bytes"), |p, v| {
            fetch(vec![of_topic(p, v, "fetched", vec![part(0, 0), part(1, 0).with_partition_max_bytes(bytes), part(2, 0)])])
        });
        each(twins, &format!("{bytes} bytes behind the first"), |p, v| {
            fetch(vec![of_topic(p, v, "fetched", vec![part(0, 8), part(1, 0), part(2, 0)])]).with_max_bytes(83 + bytes)
        });
    }
    each(twins, "the first is full, the second empty", |p, v| {
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
        each_of(twins, &format!("leader epoch {epoch}"), 9..=18, |p, v| {
            fetch(vec![of_topic(p, v, "fetched", vec![part(0, 0).with_current_leader_epoch(epoch)])])
        });
        for offset in [0, 4, 10, 12] {
            let title = format!("last epoch {epoch} at {offset}");
            each_of(twins, &title, 12..=18, |p, v| {
                fetch(vec![of_topic(p, v, "fetched", vec![part(0, offset).with_last_fetched_epoch(epoch)])])
            });
        }
    }
    each_of(twins, "a known and an unknown epoch", 12..=18, |p, v| {
        fetch(vec![of_topic(
            p,
            v,
            "fetched",
            vec![part(0, 10).with_current_leader_epoch(0).with_last_fetched_epoch(0), part(1, 2).with_current_leader_epoch(3)],
        )])
    });
}

fn topics(twins: &mut Twins) {
    each(twins, "unknown topic", |p, v| fetch(vec![of_topic(p, v, "nobody", vec![part(0, 0)])]));
    each_of(twins, "bad name", 4..=12, |p, v| fetch(vec![of_topic(p, v, "a b", vec![part(0, 0)])]));
    each(twins, "unknown partitions", |p, v| fetch(vec![of_topic(p, v, "fetched", vec![part(3, 0), part(-1, 0), part(0, 0)])]));
    each(twins, "unknown and known topic", |p, v| {
        fetch(vec![of_topic(p, v, "nobody", vec![part(0, 0)]), of_topic(p, v, "fetched", vec![part(0, 9)])])
    });
    each(twins, "two topics", |p, v| {
        fetch(vec![of_topic(p, v, "fetched", vec![part(1, 8), part(0, 8)]), of_topic(p, v, "empty", vec![part(0, 0)])])
    });
    each(twins, "a topic twice", |p, v| {
        fetch(vec![of_topic(p, v, "fetched", vec![part(0, 8)]), of_topic(p, v, "fetched", vec![part(1, 8)])])
    });
    each(twins, "no topics", |_, _| fetch(Vec::new()));
    each(twins, "no partitions", |p, v| fetch(vec![of_topic(p, v, "fetched", Vec::new())]));
    each_of(twins, "a deleted topic's id", 13..=18, |p, _| {
        fetch(vec![FetchTopic::default().with_topic_id(p.id("vanished")).with_partitions(vec![part(0, 0)])])
    });
    each_of(twins, "a zero id", 13..=18, |_, _| fetch(vec![FetchTopic::default().with_partitions(vec![part(0, 0)])]));
    each_of(twins, "a rack", 11..=18, |p, v| fetch(vec![of_topic(p, v, "fetched", vec![part(0, 9)])]).with_rack_id(text("r")));
    each_of(twins, "another cluster", 12..=18, |p, v| {
        fetch(vec![of_topic(p, v, "fetched", vec![part(0, 9)])]).with_cluster_id(Some(text("elsewhere")))
    });
}

fn waits(twins: &mut Twins) {
    let at_end = |p: &Peer, v: i16| vec![of_topic(p, v, "fetched", vec![part(0, 10)])];
    each(twins, "nothing comes in 30 ms", |p, v| fetch(at_end(p, v)).with_max_wait_ms(30).with_min_bytes(1));
    each(twins, "nothing must come", |p, v| fetch(at_end(p, v)).with_max_wait_ms(20_000));
    each(twins, "an error does not wait", |p, v| {
        fetch(vec![of_topic(p, v, "fetched", vec![part(0, 10), part(1, 99)])]).with_max_wait_ms(20_000).with_min_bytes(1)
    });
    each(twins, "an unknown topic hurries nothing", |p, v| {
        fetch(vec![of_topic(p, v, "fetched", vec![part(0, 10)]), of_topic(p, v, "nobody", vec![part(0, 0)])])
            .with_max_wait_ms(30)
            .with_min_bytes(1)
    });
    each(twins, "unknown topics alone do not wait", |p, v| {
        fetch(vec![of_topic(p, v, "nobody", vec![part(0, 0)])]).with_max_wait_ms(20_000).with_min_bytes(1)
    });
    each_of(twins, "a divergence does not wait", 12..=18, |p, v| {
        fetch(vec![of_topic(p, v, "fetched", vec![part(0, 12).with_last_fetched_epoch(0)])]).with_max_wait_ms(20_000).with_min_bytes(1)
    });
    each(twins, "a negative wait", |p, v| fetch(at_end(p, v)).with_max_wait_ms(-1).with_min_bytes(1));
    each(twins, "no topics do not wait", |_, _| fetch(Vec::new()).with_max_wait_ms(20_000).with_min_bytes(1));
}

fn followers(twins: &mut Twins) {
    for replica in [0, 5, -2] {
        each_of(twins, &format!("replica {replica}"), 4..=14, |p, v| {
            fetch(vec![of_topic(p, v, "fetched", vec![part(0, 8)])]).with_replica_id(replica)
        });
        each_of(twins, &format!("replica {replica}"), 15..=18, |p, v| {
            let state = ReplicaState::default().with_replica_id(replica).with_replica_epoch(-1);
            fetch(vec![of_topic(p, v, "fetched", vec![part(0, 8)])]).with_replica_state(state)
        });
    }
}
