//! The same topic, and the same partition, named twice in one request.

use bytes::Bytes;
use kacrab_protocol::generated::delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic};
use kacrab_protocol::generated::describe_producers_request::TopicRequest as ProducersOf;
use kacrab_protocol::generated::fetch_request::{FetchPartition, ForgottenTopic};
use kacrab_protocol::generated::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kacrab_protocol::generated::offset_for_leader_epoch_request::{OffsetForLeaderPartition, OffsetForLeaderTopic};
use kacrab_protocol::generated::produce_request::PartitionProduceData;
use kacrab_protocol::generated::{
    DeleteRecordsRequestData, DescribeProducersRequestData, FetchRequestData, ListOffsetsRequestData, OffsetForLeaderEpochRequestData,
    ProduceRequestData,
};

use super::batch::Batch;
use super::fetch::{self, fetch, part, whole_log};
use super::message::text;
use super::peer::Peer;
use super::produce::{of_topic, produce};
use super::twins::Twins;

pub fn run(twins: &mut Twins) {
    twins.create("twice", 3, &[]);
    twins.create("twice-too", 2, &[]);
    twins.create("twice-refused", 2, &[]);
    produced(twins);
    fetched(twins);
    in_sessions(twins);
    listed(twins);
    ended(twins);
    described(twins);
    deleted(twins);
}

/// Title, and topics with what is said of each partition.
type Named<'a, T> = (&'a str, &'a [Topic<'a, T>]);

/// A topic, and what is said of each partition.
type Topic<'a, T> = (&'a str, &'a [(i32, T)]);

fn produced(twins: &mut Twins) {
    let [a, b, c] = ["a", "b", "c"].map(|value| Batch::of(&[value]).bytes());
    let late = Batch { count: Some(9), ..Batch::of(&["late"]) }.bytes();
    let foreign = Batch { magic: 1, ..Batch::of(&["foreign"]) }.bytes();
    let two = Bytes::from([&a[..], &b[..]].concat());
    let request = |p: &Peer, v: i16, acks: i16, topics: &[Topic<'_, &Bytes>]| {
        let part =
            |(index, records): &(i32, &Bytes)| PartitionProduceData::default().with_index(*index).with_records(Some((*records).clone()));
        let one = |(name, parts): &Topic<'_, &Bytes>| of_topic(p, v, name, parts.iter().map(part).collect());
        ProduceRequestData::default().with_acks(acks).with_timeout_ms(20_000).with_topic_data(topics.iter().map(one).collect())
    };
    let asked: &[Named<'_, &Bytes>] = &[
        ("a partition twice", &[("twice", &[(0, &a), (0, &b)])]),
        ("a partition three times", &[("twice", &[(0, &a), (1, &b), (0, &b), (0, &c)])]),
        ("a topic twice", &[("twice", &[(0, &a)]), ("twice", &[(1, &b)])]),
        ("a topic twice around another", &[("twice", &[(0, &a)]), ("twice-too", &[(0, &b)]), ("twice", &[(1, &c)])]),
        ("a partition of a topic twice", &[("twice", &[(0, &a)]), ("twice", &[(0, &b)])]),
        ("twice, the last is wrong", &[("twice", &[(0, &a), (0, &late)])]),
        ("twice, the first is wrong", &[("twice", &[(0, &late), (0, &b)])]),
        ("an unknown partition twice", &[("twice", &[(9, &a), (9, &b), (0, &c)])]),
        ("an unknown topic twice", &[("nobody", &[(0, &a)]), ("nobody", &[(0, &b)])]),
    ];
    for acks in [-1, 1] {
        for (title, topics) in asked {
            twins.each(&format!("{title}, acks {acks}"), |p, v| request(p, v, acks, topics));
        }
    }
    for partition in 0..3 {
        whole_log(twins, &format!("what partition {partition} took"), "twice", partition);
    }
    whole_log(twins, "what the other took", "twice-too", 0);
    // What no version knows is refused before anything is appended; Apache Kafka appends the other batch although it answers with the refusal.
    let refused: &[Named<'_, &Bytes>] = &[
        ("twice, the last of another format", &[("twice-refused", &[(1, &a), (1, &foreign)])]),
        ("twice, the first of another format", &[("twice-refused", &[(1, &foreign), (1, &b)])]),
        ("twice, two batches in one", &[("twice-refused", &[(1, &a), (1, &two)])]),
    ];
    for (title, topics) in refused {
        twins.each(title, |p, v| request(p, v, -1, topics));
    }
    twins.delete("twice-refused");
}

fn fetched(twins: &mut Twins) {
    let wants = |p: &Peer, v: i16, topics: &[Topic<'_, i64>]| {
        let one = |(name, parts): &Topic<'_, i64>| {
            fetch::of_topic(p, v, name, parts.iter().map(|&(index, offset)| part(index, offset)).collect())
        };
        fetch(topics.iter().map(one).collect())
    };
    let asked: &[Named<'_, i64>] = &[
        ("a partition twice", &[("twice", &[(0, 0), (0, 1)])]),
        ("a partition twice around another", &[("twice", &[(0, 0), (1, 0), (0, 1)])]),
        ("a partition twice, the last beyond", &[("twice", &[(0, 0), (0, 1000)])]),
        ("a topic twice", &[("twice", &[(0, 0)]), ("twice", &[(1, 0)])]),
        ("a topic twice around another", &[("twice", &[(0, 0)]), ("twice-too", &[(0, 0)]), ("twice", &[(1, 0)])]),
        ("a partition of a topic twice", &[("twice", &[(0, 0)]), ("twice", &[(0, 1)])]),
        ("an unknown partition twice", &[("twice", &[(9, 0), (9, 1), (0, 1000)])]),
        ("an unknown topic twice", &[("nobody", &[(0, 0)]), ("nobody", &[(0, 0)])]),
    ];
    for (title, topics) in asked {
        twins.each(title, |p, v| wants(p, v, topics));
        twins.each(&format!("{title}, committed"), |p, v| wants(p, v, topics).with_isolation_level(1));
    }
}

fn in_sessions(twins: &mut Twins) {
    let in_session =
        |request: FetchRequestData, p: &Peer, epoch: i32| request.with_session_id(p.number("twice") as i32).with_session_epoch(epoch);
    for v in 7..=18 {
        let wants = |p: &Peer, parts: Vec<FetchPartition>| fetch(vec![fetch::of_topic(p, v, "twice", parts)]);
        let answers = twins.ask("a session with a partition twice", v, |p| {
            in_session(wants(p, vec![part(0, 0), part(1, 1000), part(0, 1000)]), p, 0).with_session_id(0)
        });
        let [kafka, ours] = answers.map(|a| a.map_or(0, |a| i64::from(a.session_id)));
        twins.kafka.numbers.insert("twice", kafka);
        twins.ours.numbers.insert("twice", ours);
        twins.ask("it goes on", v, |p| in_session(fetch(Vec::new()), p, 1));
        twins.ask("a partition of it twice", v, |p| in_session(wants(p, vec![part(0, 1000), part(0, 0)]), p, 2));
        twins.ask("one added twice", v, |p| in_session(wants(p, vec![part(2, 1000), part(2, 0)]), p, 3));
        let forgotten = |p: &Peer| {
            let topic = ForgottenTopic::default().with_topic(text("twice")).with_partitions(vec![0, 0]);
            if v < 13 { topic } else { topic.with_topic_id(p.id("twice")) }
        };
        twins.ask("forgotten twice", v, |p| {
            in_session(fetch(Vec::new()).with_forgotten_topics_data(vec![forgotten(p), forgotten(p)]), p, 4)
        });
        twins.ask("asked and forgotten at once", v, |p| {
            in_session(wants(p, vec![part(0, 0)]).with_forgotten_topics_data(vec![forgotten(p)]), p, 5)
        });
        twins.ask("the rest of it", v, |p| in_session(wants(p, vec![part(1, 0)]), p, 6));
        twins.ask("it ends", v, |p| in_session(fetch(Vec::new()), p, -1));
    }
}

fn listed(twins: &mut Twins) {
    let request = |v: i16, topics: &[Topic<'_, i64>]| {
        let part = |&(index, time): &(i32, i64)| {
            let part = ListOffsetsPartition::default().with_partition_index(index).with_timestamp(time);
            if v >= 4 { part.with_current_leader_epoch(-1) } else { part }
        };
        let one = |(name, parts): &Topic<'_, i64>| {
            ListOffsetsTopic::default().with_name(text(name)).with_partitions(parts.iter().map(part).collect())
        };
        ListOffsetsRequestData::default().with_replica_id(-1).with_topics(topics.iter().map(one).collect())
    };
    let asked: &[Named<'_, i64>] = &[
        ("a partition twice", &[("twice", &[(0, -1), (0, -2), (1, -1)])]),
        ("a partition three times", &[("twice", &[(0, -1), (0, -2), (1, -1), (0, -3)])]),
        ("a topic twice", &[("twice", &[(0, -1)]), ("twice", &[(1, -1)])]),
        ("a topic twice around another", &[("twice", &[(0, -1)]), ("twice-too", &[(0, -1)]), ("twice", &[(1, -1)])]),
        ("a partition of a topic twice", &[("twice", &[(0, -1), (2, -1)]), ("twice", &[(0, -2), (1, -1)])]),
        ("an unknown partition twice", &[("twice", &[(9, -1), (9, -2)])]),
        ("an unknown topic twice", &[("nobody", &[(0, -1)]), ("nobody", &[(0, -2), (1, -1)])]),
        ("a partition twice with a time that nobody knows", &[("twice", &[(0, -9), (0, -9)])]),
    ];
    for (title, topics) in asked {
        twins.each(title, |_, v| request(v, topics));
    }
}

fn ended(twins: &mut Twins) {
    let request = |topics: &[Topic<'_, i32>]| {
        let part = |&(index, epoch): &(i32, i32)| {
            OffsetForLeaderPartition::default().with_partition(index).with_current_leader_epoch(-1).with_leader_epoch(epoch)
        };
        let one = |(name, parts): &Topic<'_, i32>| {
            OffsetForLeaderTopic::default().with_topic(text(name)).with_partitions(parts.iter().map(part).collect())
        };
        OffsetForLeaderEpochRequestData::default().with_replica_id(-1).with_topics(topics.iter().map(one).collect())
    };
    let asked: &[Named<'_, i32>] = &[
        ("a partition twice", &[("twice", &[(0, 0), (0, 5), (1, 0)])]),
        ("a topic twice", &[("twice", &[(0, 0)]), ("twice", &[(1, 0)])]),
        ("a topic twice around another", &[("twice", &[(0, 0)]), ("twice-too", &[(0, 0)]), ("twice", &[(1, 0)])]),
        ("a partition of a topic twice", &[("twice", &[(0, 0)]), ("twice", &[(0, 5)])]),
        ("an unknown topic twice", &[("nobody", &[(0, 0)]), ("nobody", &[(0, 5)])]),
    ];
    for (title, topics) in asked {
        twins.each(title, |_, _| request(topics));
    }
}

fn described(twins: &mut Twins) {
    let request = |topics: &[(&str, &[i32])]| {
        let one = |(name, parts): &(&str, &[i32])| ProducersOf::default().with_name(text(name)).with_partition_indexes(parts.to_vec());
        DescribeProducersRequestData::default().with_topics(topics.iter().map(one).collect())
    };
    twins.ask("a partition twice", 0, |_| request(&[("twice", &[0, 0, 1])]));
    twins.ask("a topic twice", 0, |_| request(&[("twice", &[0]), ("twice", &[1])]));
    twins.ask("a partition of a topic twice", 0, |_| request(&[("twice", &[0]), ("twice-too", &[0]), ("twice", &[0])]));
    twins.ask("an unknown topic twice", 0, |_| request(&[("nobody", &[0]), ("nobody", &[0])]));
}

fn deleted(twins: &mut Twins) {
    let request = |topics: &[Topic<'_, i64>]| {
        let part = |&(index, offset): &(i32, i64)| DeleteRecordsPartition::default().with_partition_index(index).with_offset(offset);
        let one = |(name, parts): &Topic<'_, i64>| {
            DeleteRecordsTopic::default().with_name(text(name)).with_partitions(parts.iter().map(part).collect())
        };
        DeleteRecordsRequestData::default().with_topics(topics.iter().map(one).collect()).with_timeout_ms(20_000)
    };
    twins.create("twice-deleted", 2, &[]);
    for partition in 0..2 {
        let batch = Batch::of(&["a", "b", "c", "d", "e", "f", "g", "h", "i"]).bytes();
        twins.ask("something to delete", 9, |p| produce(p, 9, "twice-deleted", partition, -1, Some(batch.clone())));
    }
    let asked: &[Named<'_, i64>] = &[
        ("a partition twice", &[("twice-deleted", &[(0, 2), (0, 1)])]),
        ("a partition twice, the last is wrong", &[("twice-deleted", &[(0, 3), (0, 1000)])]),
        ("a topic twice", &[("twice-deleted", &[(0, 4)]), ("twice-deleted", &[(1, 2)])]),
        ("a topic twice around another", &[("twice-deleted", &[(0, 5)]), ("twice", &[(0, 0)]), ("twice-deleted", &[(1, 3)])]),
        ("a partition of a topic twice", &[("twice-deleted", &[(0, 5), (1, 3)]), ("twice-deleted", &[(0, 6)])]),
        ("an unknown partition twice", &[("twice-deleted", &[(9, 1), (9, 2)])]),
        ("an unknown topic twice", &[("nobody", &[(0, 1)]), ("nobody", &[(0, 2)])]),
    ];
    for (title, topics) in asked {
        twins.each(title, |_, _| request(topics));
    }
}
