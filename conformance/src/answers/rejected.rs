//! Produce of batches in which records are wrong by the rules of their topic: all of them are named. And of batches that are too large for it.

use kacrab_protocol::generated::{ListOffsetsRequestData, list_offsets_request};

use super::batch::{Batch, LOG_APPEND_TIME, Record, THEN};
use super::fetch::whole_log;
use super::message::text;
use super::produce::produce;
use super::twins::Twins;

pub fn run(twins: &mut Twins) {
    timed(twins);
    keyed(twins);
    stamped_by_clients(twins);
    sized(twins);
}

const YEAR_MS: i64 = 365 * 24 * 3_600_000;

/// Sends a batch in every version that has a place for errors of records, and in two that have none.
fn send(twins: &mut Twins, topic: &str, title: &str, batch: &Batch) {
    twins.each_of(&format!("{topic}: {title}"), [3, 7, 8, 9, 12, 13], |p, v| produce(p, v, topic, 0, -1, Some(batch.bytes())));
    let packed = Batch { gzip: true, ..batch.clone() };
    twins.each_of(&format!("{topic}: {title}, compressed"), [9, 13], |p, v| produce(p, v, topic, 0, -1, Some(packed.bytes())));
}

fn at(after_ms: &[i64]) -> Vec<Record> {
    after_ms.iter().map(|&after_ms| Record { after_ms, key: Some("k"), value: Some("v"), ..Record::default() }).collect()
}

fn timed(twins: &mut Twins) {
    twins.create("timed", 1, &[("message.timestamp.before.max.ms", "1000"), ("message.timestamp.after.max.ms", "1000")]);
    twins.create("timed-packed", 1, &[("message.timestamp.before.max.ms", "1000"), ("compression.type", "gzip")]);
    for topic in ["timed", "timed-packed"] {
        send(twins, topic, "all are late", &Batch::of_records(at(&[0, 1, 2])));
        send(twins, topic, "one has no time", &Batch::of_records(at(&[0, -1 - THEN, 2])));
        send(twins, topic, "none has a time", &Batch::of_records(at(&[0, 0])).at(-1));
        send(twins, topic, "one has a time before all times", &Batch::of_records(at(&[0, -4, 0])).at(-1));
        send(twins, topic, "past and future", &Batch::of_records(at(&[0, 100 * YEAR_MS, -1 - THEN])));
        send(twins, topic, "the least time there is", &Batch::of_records(at(&[0, 1])).at(i64::MIN));
        whole_log(twins, &format!("what {topic} took"), topic, 0);
    }
    twins.create("timed-not", 1, &[]);
    send(twins, "timed-not", "the least time there is", &Batch::of_records(at(&[0, 1])).at(i64::MIN));
    send(twins, "timed-not", "the largest time there is", &Batch::of_records(at(&[0, 0])).at(i64::MAX));
    whole_log(twins, "what a topic without bounds took", "timed-not", 0);
}

fn keyed(twins: &mut Twins) {
    let record = |key, after_ms| Record { key, value: Some("v"), after_ms, ..Record::default() };
    twins.create("keyed", 1, &[("cleanup.policy", "compact")]);
    twins.create("keyed-packed", 1, &[("cleanup.policy", "compact"), ("compression.type", "gzip")]);
    twins.create("keyed-timed", 1, &[("cleanup.policy", "compact,delete"), ("message.timestamp.before.max.ms", "1000")]);
    for topic in ["keyed", "keyed-packed", "keyed-timed"] {
        let many = (0..7).map(|at| record((at == 3).then_some("k"), at)).collect();
        send(twins, topic, "six of seven have no key", &Batch::of_records(many));
        send(twins, topic, "two have no key", &Batch::of_records(vec![record(None, 0), record(Some("k"), 0), record(None, 0)]));
        send(twins, topic, "neither key nor time", &Batch::of_records(vec![record(None, 0), record(None, 0)]).at(-1));
    }
    // Its producer's sequence is not looked at.
    send(twins, "keyed", "of a producer out of order", &Batch::of_records(vec![record(None, 0)]).by(9_000, 0, 5));
}

/// Batches that say that their time is that of an append.
fn stamped_by_clients(twins: &mut Twins) {
    let stamped = |batch: Batch| Batch { attributes: LOG_APPEND_TIME, ..batch };
    let batches = [
        ("stamped by a client", stamped(Batch::of(&["a", "b"]))),
        ("stamped by a client at another time", Batch { max_ms: Some(THEN + 5_000), ..stamped(Batch::of(&["a", "b"])) }),
        ("stamped by a client before its records", Batch { max_ms: Some(THEN - 5_000), ..stamped(Batch::of(&["a", "b"])) }),
        ("stamped by a client in the future", Batch { max_ms: Some(THEN + 100 * YEAR_MS), ..stamped(Batch::of(&["a", "b"])) }),
        ("stamped by a client with no time", Batch { max_ms: Some(-1), ..stamped(Batch::of(&["a", "b"])) }),
        ("stamped by a client below no time", Batch { max_ms: Some(-5), ..stamped(Batch::of(&["a", "b"])) }),
        ("stamped by a client, unused attributes", Batch { attributes: LOG_APPEND_TIME | 1 << 9, ..Batch::of(&["a"]) }),
        ("stamped by a client, with a producer", stamped(Batch::of(&["a"]).by(9_100, 0, 0))),
    ];
    twins.create("client-stamped", 1, &[]);
    twins.create("client-stamped-plain", 1, &[("compression.type", "uncompressed")]);
    twins.create("broker-stamped", 1, &[("message.timestamp.type", "LogAppendTime")]);
    for topic in ["client-stamped", "client-stamped-plain", "broker-stamped"] {
        for (title, batch) in &batches {
            twins.each_of(&format!("{topic}: {title}"), [3, 8, 9, 13], |p, v| produce(p, v, topic, 0, -1, Some(batch.bytes())));
        }
        whole_log(twins, &format!("what {topic} took"), topic, 0);
    }
    // A time below none is not asked where the batch is written anew: Apache Kafka throws.
    for (title, batch) in batches.iter().filter(|(_, batch)| batch.max_ms != Some(-5)) {
        let packed = Batch { gzip: true, ..batch.clone() };
        twins.ask(&format!("compressed: {title}"), 9, |p| produce(p, 9, "client-stamped-plain", 0, -1, Some(packed.bytes())));
    }
    whole_log(twins, "what was unpacked", "client-stamped-plain", 0);
    for time in [-1, -3, THEN, THEN + 1, THEN + 2, THEN + 5_000, THEN + 100 * YEAR_MS] {
        twins.each_of(&format!("stamped by clients: time {time}"), [7, 11], |_, _| {
            let part = list_offsets_request::ListOffsetsPartition::default().with_partition_index(0).with_timestamp(time);
            let part = part.with_current_leader_epoch(-1);
            let topic = list_offsets_request::ListOffsetsTopic::default().with_name(text("client-stamped")).with_partitions(vec![part]);
            ListOffsetsRequestData::default().with_replica_id(-1).with_topics(vec![topic])
        });
    }
}

/// A batch is measured as it comes, and again if it is compressed anew.
fn sized(twins: &mut Twins) {
    let text = |bytes: usize| -> &'static str { Box::leak("x".repeat(bytes).into_boxed_str()) };
    let (long, some) = (text(1_100_000), text(5_000));
    let limit = ("max.message.bytes", "1000");
    twins.create("sized", 1, &[limit]);
    twins.create("sized-packed", 1, &[limit, ("compression.type", "gzip")]);
    twins.create("sized-plain", 1, &[limit, ("compression.type", "uncompressed")]);
    twins.create("sized-keyed", 1, &[limit, ("compression.type", "gzip"), ("cleanup.policy", "compact")]);
    twins.create("sized-packed-much", 1, &[("compression.type", "gzip")]);
    twins.create(
        "sized-segment",
        1,
        &[("segment.bytes", "1048576"), ("max.message.bytes", "3000000"), ("message.timestamp.before.max.ms", "1000")],
    );
    let now = Batch::of(&["a"]);
    let batches = [
        ("small", now.clone()),
        ("too large until it is compressed", Batch::of(&[some])),
        ("too large after it is unpacked", Batch { gzip: true, ..Batch::of(&[some]) }),
        ("too large with a wrong checksum", Batch { wrong_checksum: true, ..Batch::of(&[some]) }),
        ("too large and broken", Batch { attributes: 1, ..Batch::of(&[some]) }),
        ("too large with a wrong count", Batch { count: Some(9), ..Batch::of(&[some]) }),
        ("too large with a base offset", Batch { base_offset: 9, ..Batch::of(&[some]) }),
        ("too large, stamped by a client", Batch { attributes: LOG_APPEND_TIME, ..Batch::of(&[some]) }),
        ("too large, magic 1", Batch { magic: 1, ..Batch::of(&[some]) }),
    ];
    for topic in ["sized", "sized-packed", "sized-plain", "sized-keyed"] {
        for (title, batch) in &batches {
            twins.each_of(&format!("{topic}: {title}"), [3, 9, 13], |p, v| produce(p, v, topic, 0, -1, Some(batch.bytes())));
        }
        if topic != "sized-packed" {
            whole_log(twins, &format!("what {topic} took"), topic, 0);
        }
    }
    for topic in ["sized-packed-much", "sized-segment"] {
        let batch = Batch::of(&[long]);
        twins.each_of(&format!("{topic}: very large"), [3, 9, 13], |p, v| produce(p, v, topic, 0, -1, Some(batch.bytes())));
        let timeless = Batch::of(&[long]).at(-1);
        twins.each_of(&format!("{topic}: very large, without a time"), [9, 13], |p, v| produce(p, v, topic, 0, -1, Some(timeless.bytes())));
    }
}
