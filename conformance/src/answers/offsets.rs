//! ListOffsets, OffsetForLeaderEpoch and DeleteRecords.

use kacrab_protocol::generated::delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic};
use kacrab_protocol::generated::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kacrab_protocol::generated::offset_for_leader_epoch_request::{OffsetForLeaderPartition, OffsetForLeaderTopic};
use kacrab_protocol::generated::{DeleteRecordsRequestData, ListOffsetsRequestData, OffsetForLeaderEpochRequestData};

use super::batch::{Batch, Record, THEN};
use super::fetch::whole_log;
use super::message::text;
use super::produce::produce;
use super::twins::Twins;

pub fn run(twins: &mut Twins) {
    twins.create("listed", 3, &[]);
    for at in [0, 10_000, 5_000, 20_000] {
        let record = |after_ms| Record { after_ms, value: Some("v"), ..Record::default() };
        let batch = Batch::of_records(vec![record(0), record(70), record(30), record(100)]).at(THEN + at);
        twins.ask("something to list", 9, |p| produce(p, 9, "listed", 0, -1, Some(batch.bytes())));
        twins.ask("something to list", 9, |p| produce(p, 9, "listed", 2, -1, Some(batch.bytes())));
    }
    twins.create("listed-stamped", 1, &[("message.timestamp.type", "LogAppendTime")]);
    twins.ask("something to list", 9, |p| produce(p, 9, "listed-stamped", 0, -1, Some(Batch::of(&["a", "b"]).bytes())));
    listed(twins);
    ended(twins);
    deleted(twins);
    for time in SPECIAL.into_iter().chain([THEN, THEN + 5_000, THEN + 20_000]) {
        twins.each(&format!("after deletion: time {time}"), |_, v| list(v, "listed", &[(2, time, -1)]));
    }
    timeless(twins);
    rolled(twins);
}

/// The numbers below zero that ask for a place and not for a time, and some that ask for nothing.
const SPECIAL: [i64; 7] = [-1, -2, -3, -4, -5, -6, -7];

fn special(twins: &mut Twins, title: &str, topic: &str, partition: i32) {
    for time in SPECIAL.into_iter().chain([0, 1, THEN]) {
        twins.each(&format!("{title}: time {time}"), |_, v| list(v, topic, &[(partition, time, -1)]));
        twins.each_of(&format!("{title}: time {time}, committed"), 2..=11, |_, v| {
            list(v, topic, &[(partition, time, -1)]).with_isolation_level(1)
        });
    }
}

fn delete(twins: &mut Twins, title: &str, topic: &str, partition: i32, offset: i64) {
    let part = DeleteRecordsPartition::default().with_partition_index(partition).with_offset(offset);
    let topic = DeleteRecordsTopic::default().with_name(text(topic)).with_partitions(vec![part]);
    twins.ask(title, 2, |_| DeleteRecordsRequestData::default().with_topics(vec![topic.clone()]).with_timeout_ms(20_000));
}

/// Records without a time, beside others and alone.
fn timeless(twins: &mut Twins) {
    twins.create("timeless", 5, &[]);
    let plain = Batch::of_records(vec![Record { value: Some("v"), ..Record::default() }; 2]);
    let (none, below, zero) = (plain.clone().at(-1), plain.clone().at(-5), plain.at(0));
    let mixed = Batch::of_records([0, -1 - THEN, 7].map(|after_ms| Record { after_ms, value: Some("v"), ..Record::default() }).to_vec());
    let batches: [&[&Batch]; 5] = [&[&none, &none], &[&none, &below], &[&below, &zero, &none], &[&none, &mixed, &none], &[&below, &none]];
    for (partition, batches) in (0..).zip(batches) {
        for batch in batches {
            twins.ask("something without a time", 9, |p| produce(p, 9, "timeless", partition, -1, Some(batch.bytes())));
        }
        special(twins, &format!("timeless {partition}"), "timeless", partition);
    }
    for partition in 0..5 {
        for offset in [1, 2, 3, -1] {
            delete(twins, "the first go", "timeless", partition, offset);
            special(twins, &format!("timeless {partition} after {offset}"), "timeless", partition);
        }
    }
}

/// A log of several segments, the largest time in the middle one.
fn rolled(twins: &mut Twins) {
    let value: &'static str = Box::leak("x".repeat(400_000).into_boxed_str());
    twins.create("rolled", 1, &[("segment.bytes", "1048576")]);
    for at in [0, 10, 70, 40, 20, 30, 70, 5] {
        let batch =
            Batch::of_records(vec![Record { value: Some(value), ..Record::default() }, Record { after_ms: -3, ..Record::default() }]);
        twins.ask("something large", 9, |p| produce(p, 9, "rolled", 0, -1, Some(batch.clone().at(THEN + at).bytes())));
    }
    special(twins, "rolled", "rolled", 0);
    delete(twins, "the first goes", "rolled", 0, 1);
    special(twins, "rolled after 1", "rolled", 0);
    // Where whole segments lie below the log start, times are not asked: ours go at once. Those of Apache Kafka stay for up to five minutes, and meanwhile it
    // looks for a time in the first of them that has one as young, and no further, though records of that time follow.
    for offset in [4, 5, 9, -1] {
        delete(twins, "the first go", "rolled", 0, offset);
        for time in [-1, -2, -4, -5, -6, -7] {
            twins.each(&format!("rolled after {offset}: time {time}"), |_, v| list(v, "rolled", &[(0, time, -1)]));
        }
    }
    twins.delete("rolled");
}

fn list(version: i16, topic: &str, partitions: &[(i32, i64, i32)]) -> ListOffsetsRequestData {
    let one = |(index, time, epoch): &(i32, i64, i32)| {
        let part = ListOffsetsPartition::default().with_partition_index(*index).with_timestamp(*time);
        if version >= 4 { part.with_current_leader_epoch(*epoch) } else { part }
    };
    let topic = ListOffsetsTopic::default().with_name(text(topic)).with_partitions(partitions.iter().map(one).collect());
    ListOffsetsRequestData::default().with_replica_id(-1).with_topics(vec![topic])
}

fn listed(twins: &mut Twins) {
    let times = [0, 1, 29, 30, 31, 70, 71, 100, 101, 5_000, 5_070, 10_000, 10_100, 10_101, 20_100, 20_101].map(|t| THEN + t);
    for time in [-1, -2, -3, -4, -5, -6, -7, i64::MIN, 0, 1, i64::MAX].into_iter().chain(times) {
        let title = if (THEN..i64::MAX).contains(&time) { format!("time + {}", time - THEN) } else { format!("time {time}") };
        twins.each(&title, |_, v| list(v, "listed", &[(0, time, -1)]));
        twins.each(&format!("{title}, empty"), |_, v| list(v, "listed", &[(1, time, -1)]));
        twins.each_of(&format!("{title}, committed"), 2..=11, |_, v| list(v, "listed", &[(0, time, -1)]).with_isolation_level(1));
    }
    for time in [-1, -2, -3, THEN, 4_000_000_000_000] {
        twins.each(&format!("stamped: time {time}"), |_, v| list(v, "listed-stamped", &[(0, time, -1)]));
    }
    for epoch in [0, 1, -2] {
        twins.each(&format!("epoch {epoch}"), |_, v| list(v, "listed", &[(0, -1, epoch)]));
    }
    twins.each("unknown topic", |_, v| list(v, "nobody", &[(0, -1, -1)]));
    twins.each("bad name", |_, v| list(v, "a b", &[(0, -1, -1)]));
    twins.each("unknown partitions", |_, v| list(v, "listed", &[(5, -1, -1), (-1, -1, -1), (0, -1, -1)]));
    twins.each("a partition twice", |_, v| list(v, "listed", &[(0, -1, -1), (0, -2, -1), (1, -1, -1)]));
    twins.each("no partition", |_, v| list(v, "listed", &[]));
    twins.each("no topic", |_, v| list(v, "listed", &[]).with_topics(Vec::new()));
    for replica in [-2, 0, 5] {
        twins.each(&format!("replica {replica}"), |_, v| list(v, "listed", &[(0, -1, -1), (1, -2, -1)]).with_replica_id(replica));
    }
    twins.each("several topics", |_, v| {
        let (one, two) = (list(v, "listed", &[(1, -1, -1)]), list(v, "listed-stamped", &[(0, -2, -1)]));
        one.clone().with_topics([one.topics, two.topics].concat())
    });
}

fn ended(twins: &mut Twins) {
    let ask = |topic: &str, partitions: &[(i32, i32, i32)]| {
        let one = |(index, current, epoch): &(i32, i32, i32)| {
            OffsetForLeaderPartition::default().with_partition(*index).with_current_leader_epoch(*current).with_leader_epoch(*epoch)
        };
        let topic = OffsetForLeaderTopic::default().with_topic(text(topic)).with_partitions(partitions.iter().map(one).collect());
        OffsetForLeaderEpochRequestData::default().with_replica_id(-1).with_topics(vec![topic])
    };
    for epoch in [0, 1, 7, -1, -2, i32::MAX] {
        for current in [-1, 0, 1, -2] {
            twins.each(&format!("epoch {epoch} of {current}"), |_, _| ask("listed", &[(0, current, epoch)]));
        }
        twins.each(&format!("epoch {epoch} of nothing written"), |_, _| ask("listed", &[(1, -1, epoch)]));
    }
    twins.each("unknown topic", |_, _| ask("nobody", &[(0, -1, 0)]));
    twins.each("bad name", |_, _| ask("a b", &[(0, -1, 0)]));
    twins.each("unknown partitions", |_, _| ask("listed", &[(9, -1, 0), (-1, -1, 0), (0, -1, 0)]));
    twins.each("a partition twice", |_, _| ask("listed", &[(0, -1, 0), (0, -1, 5)]));
    twins.each("nothing", |_, _| OffsetForLeaderEpochRequestData::default().with_replica_id(-1));
    twins.each_of("a replica", 3..=4, |_, _| ask("listed", &[(0, -1, 0)]).with_replica_id(0));
    twins.each_of("an unknown replica", 3..=4, |_, _| ask("listed", &[(0, -1, 0)]).with_replica_id(9));
}

fn deleted(twins: &mut Twins) {
    let delete = |topic: &str, partitions: &[(i32, i64)]| {
        let one = |(index, offset): &(i32, i64)| DeleteRecordsPartition::default().with_partition_index(*index).with_offset(*offset);
        let topic = DeleteRecordsTopic::default().with_name(text(topic)).with_partitions(partitions.iter().map(one).collect());
        DeleteRecordsRequestData::default().with_topics(vec![topic]).with_timeout_ms(20_000)
    };
    for offset in [0, 5, 5, 3, 17, 1000, -2, i64::MIN, i64::MAX] {
        twins.each(&format!("before {offset}"), |_, _| delete("listed", &[(2, offset)]));
    }
    twins.each("unknown topic", |_, _| delete("nobody", &[(0, 1)]));
    twins.each("bad name", |_, _| delete("a b", &[(0, 1)]));
    twins.each("an internal topic", |_, _| delete("__consumer_offsets", &[(0, 1)]));
    twins.each("unknown partitions", |_, _| delete("listed", &[(9, 1), (-1, 1), (2, 6)]));
    twins.each("a compacted topic", |_, _| delete("compacted", &[(0, 1)]));
    twins.each("no partition", |_, _| delete("listed", &[]));
    twins.each("no topic", |_, _| delete("listed", &[]).with_topics(Vec::new()));
    // No time is not asked: one replica of Apache Kafka answers at once, ours when the new beginning is durable.
    twins.each("before all", |_, _| delete("listed", &[(2, -1)]));
    twins.each("before all of an empty one", |_, _| delete("listed", &[(1, -1)]));
    whole_log(twins, "what deletion left, from 0", "listed", 2);
}
