//! Produce without a producer's state.

use bytes::Bytes;
use kacrab_protocol::generated::produce_request::{PartitionProduceData, TopicProduceData};
use kacrab_protocol::generated::{ApiKey, ApiVersionsRequestData, ProduceRequestData};

use super::batch::{Batch, CONTROL, Record, THEN, TRANSACTIONAL};
use super::fetch::{fetch, of_topic as fetch_topic, part, whole_log};
use super::message::{encoded, frame, head, text, versions};
use super::peer::Peer;
use super::topics::NOBODY;
use super::twins::Twins;

pub fn run(twins: &mut Twins) {
    taken(twins);
    refused(twins);
    keyed(twins);
    stamped(twins);
    bounded(twins);
    several(twins);
    unanswered(twins);
}

/// A Produce of one partition, whose topic is named as the version does it.
pub fn produce(peer: &Peer, version: i16, topic: &str, partition: i32, acks: i16, records: Option<Bytes>) -> ProduceRequestData {
    let part = PartitionProduceData::default().with_index(partition).with_records(records);
    ProduceRequestData::default().with_acks(acks).with_timeout_ms(20_000).with_topic_data(vec![of_topic(peer, version, topic, vec![part])])
}

/// A topic as the version names it.
pub fn of_topic(peer: &Peer, version: i16, topic: &str, parts: Vec<PartitionProduceData>) -> TopicProduceData {
    let of = TopicProduceData::default().with_partition_data(parts);
    if version < 13 {
        return of.with_name(text(topic));
    }
    of.with_topic_id(if topic == "nobody" { NOBODY } else { peer.id(topic) })
}

fn taken(twins: &mut Twins) {
    twins.create("taken", 2, &[]);
    let records = vec![
        Record { key: Some("k"), value: Some("v"), header: Some(("h", "1")), ..Record::default() },
        Record { after_ms: 5, key: None, value: None, header: None },
        Record { after_ms: -3, key: Some(""), value: Some(""), header: Some(("", "")) },
    ];
    for acks in [-1, 1] {
        twins.each(&format!("acks {acks}"), |p, v| produce(p, v, "taken", 0, acks, Some(Batch::of_records(records.clone()).bytes())));
    }
    let strange = Batch { base_offset: 77, leader_epoch: 12, ..Batch::of(&["a", "b"]) };
    twins.each("a base offset and a leader epoch of its own", |p, v| produce(p, v, "taken", 0, -1, Some(strange.bytes())));
    let control = |attributes| Batch { attributes, ..Batch::of(&["a"]) };
    twins.each("says an unused attribute", |p, v| produce(p, v, "taken", 0, -1, Some(control(1 << 8).bytes())));
    twins.each("says a delete horizon", |p, v| produce(p, v, "taken", 0, -1, Some(control(1 << 6).bytes())));
    whole_log(twins, "what was taken", "taken", 0);
}

fn refused(twins: &mut Twins) {
    twins.create("refused", 1, &[]);
    let good = Batch::of(&["a", "b"]);
    twins.each("unknown topic", |p, v| produce(p, v, "nobody", 0, -1, Some(good.bytes())));
    twins.each_of("bad name", 3..=12, |p, v| produce(p, v, "a b", 0, -1, Some(good.bytes())));
    twins.each_of("no name", 3..=12, |p, v| produce(p, v, "", 0, -1, Some(good.bytes())));
    twins.each_of("an internal topic", 3..=12, |p, v| produce(p, v, "__consumer_offsets", 0, -1, Some(good.bytes())));
    for partition in [1, -1] {
        twins.each(&format!("partition {partition}"), |p, v| produce(p, v, "refused", partition, -1, Some(good.bytes())));
    }
    for acks in [2, -2, 100] {
        twins.each(&format!("acks {acks}"), |p, v| produce(p, v, "refused", 0, acks, Some(good.bytes())));
    }
    // Null records are not asked: Apache Kafka throws and never answers.
    twins.each("no bytes", |p, v| produce(p, v, "refused", 0, -1, Some(Bytes::new())));
    twins.each("a batch without records", |p, v| produce(p, v, "refused", 0, -1, Some(Batch::of(&[]).bytes())));
    let wrong = [
        ("wrong checksum", Batch { wrong_checksum: true, ..good.clone() }),
        ("magic 1", Batch { magic: 1, ..good.clone() }),
        ("magic 0", Batch { magic: 0, ..good.clone() }),
        ("magic 3", Batch { magic: 3, ..good.clone() }),
        ("more records said", Batch { count: Some(3), ..good.clone() }),
        ("fewer records said", Batch { count: Some(1), ..good.clone() }),
        ("a negative count", Batch { count: Some(-1), ..good.clone() }),
        ("a last delta beyond", Batch { last_delta: Some(5), ..good.clone() }),
        ("a last delta of none", Batch { last_delta: Some(0), ..good.clone() }),
        ("a negative last delta", Batch { last_delta: Some(-1), ..good.clone() }),
        ("longer than it is", Batch { length: Some(1000), ..good.clone() }),
        ("shorter than a header", Batch { length: Some(20), ..good.clone() }),
        ("shorter than it is", Batch { length: Some(55), ..good.clone() }),
        ("a negative length", Batch { length: Some(-1), ..good.clone() }),
        ("a control batch", Batch { attributes: CONTROL, ..good.clone() }),
        ("says gzip and is not", Batch { attributes: 1, ..good.clone() }),
        ("says snappy and is not", Batch { attributes: 2, ..good.clone() }),
        ("says lz4 and is not", Batch { attributes: 3, ..good.clone() }),
        ("a negative time", good.clone().at(-5)),
        ("no time", good.clone().at(-1)),
        ("transactional without a producer", Batch { attributes: TRANSACTIONAL, ..good.clone() }),
        ("a sequence without a producer", good.clone().by(-1, -1, 0)),
    ];
    for (title, batch) in &wrong {
        twins.each(title, |p, v| produce(p, v, "refused", 0, -1, Some(batch.bytes())));
    }
    twins.each_of("says zstd and is not", [3, 6, 7, 13], |p, v| {
        produce(p, v, "refused", 0, -1, Some(Batch { attributes: 4, ..good.clone() }.bytes()))
    });
    for codec in [5, 7] {
        twins.each_of(&format!("codec {codec}"), 7..=13, |p, v| {
            produce(p, v, "refused", 0, -1, Some(Batch { attributes: codec, ..good.clone() }.bytes()))
        });
    }
    let two = [good.bytes(), good.bytes()].concat();
    twins.each("two batches", |p, v| produce(p, v, "refused", 0, -1, Some(two.clone().into())));
    let tail = [&good.bytes()[..], &[1, 2, 3]].concat();
    twins.each("bytes behind a batch", |p, v| produce(p, v, "refused", 0, -1, Some(tail.clone().into())));
    let torn = good.bytes().slice(..40);
    twins.each("half a batch", |p, v| produce(p, v, "refused", 0, -1, Some(torn.clone())));
    twins.each("a few bytes", |p, v| produce(p, v, "refused", 0, -1, Some(Bytes::from_static(b"abcdefgh"))));
    twins.each("a transactional id", |p, v| produce(p, v, "refused", 0, -1, Some(good.bytes())).with_transactional_id(Some(text("t"))));
    twins.each("no topics", |_, _| ProduceRequestData::default().with_acks(-1).with_timeout_ms(1000));
    twins.each("no partitions", |p, v| {
        ProduceRequestData::default().with_acks(-1).with_timeout_ms(1000).with_topic_data(vec![of_topic(p, v, "refused", Vec::new())])
    });
    whole_log(twins, "what was not refused", "refused", 0);
}

fn keyed(twins: &mut Twins) {
    twins.create("compacted", 1, &[("cleanup.policy", "compact")]);
    let record = |key, value| Record { key, value, ..Record::default() };
    let batches = [
        ("with keys", vec![record(Some("k"), Some("v")), record(Some("k"), None)]),
        ("without a key", vec![record(None, Some("v"))]),
        (
            "some without a key",
            vec![record(Some("k"), Some("v")), record(None, Some("v")), record(Some("k"), Some("v")), record(None, None)],
        ),
        ("with an empty key", vec![record(Some(""), Some("v"))]),
    ];
    for (title, records) in &batches {
        twins.each(&format!("compacted, {title}"), |p, v| {
            produce(p, v, "compacted", 0, -1, Some(Batch::of_records(records.clone()).bytes()))
        });
    }
    whole_log(twins, "what a compacted topic took", "compacted", 0);
}

fn stamped(twins: &mut Twins) {
    twins.create("stamped", 1, &[("message.timestamp.type", "LogAppendTime")]);
    twins.each("stamped by the broker", |p, v| produce(p, v, "stamped", 0, -1, Some(Batch::of(&["a", "b"]).bytes())));
    twins.each("stamped by the broker, a time far off", |p, v| produce(p, v, "stamped", 0, -1, Some(Batch::of(&["a", "b"]).at(5).bytes())));
    whole_log(twins, "what was stamped", "stamped", 0);
    twins.create("bounded", 1, &[("message.timestamp.before.max.ms", "1000"), ("message.timestamp.after.max.ms", "1000")]);
    for at in [0, THEN, 4_000_000_000_000] {
        twins.each(&format!("out of bounds at {at}"), |p, v| produce(p, v, "bounded", 0, -1, Some(Batch::of(&["a", "b"]).at(at).bytes())));
    }
    twins.create("unbounded", 1, &[]);
    twins.each("the far future", |p, v| produce(p, v, "unbounded", 0, -1, Some(Batch::of(&["a", "b"]).at(4_000_000_000_000).bytes())));
    twins.each("the beginning of time", |p, v| produce(p, v, "unbounded", 0, -1, Some(Batch::of(&["a", "b"]).at(0).bytes())));
}

fn bounded(twins: &mut Twins) {
    let long: &'static str = Box::leak("x".repeat(1_100_000).into_boxed_str());
    let some: &'static str = Box::leak("x".repeat(200).into_boxed_str());
    twins.create("large", 1, &[]);
    twins.create("small", 1, &[("max.message.bytes", "200")]);
    twins.each_of("larger than any", [3, 9, 13], |p, v| produce(p, v, "large", 0, -1, Some(Batch::of(&[long]).bytes())));
    twins.each("larger than the topic takes", |p, v| produce(p, v, "small", 0, -1, Some(Batch::of(&[some]).bytes())));
    twins.each("small enough", |p, v| produce(p, v, "small", 0, -1, Some(Batch::of(&["a"]).bytes())));
}

fn several(twins: &mut Twins) {
    twins.create("several", 3, &[]);
    let part = |index: i32| PartitionProduceData::default().with_index(index).with_records(Some(Batch::of(&["a"]).bytes()));
    let request =
        |topics: Vec<TopicProduceData>| ProduceRequestData::default().with_acks(-1).with_timeout_ms(20_000).with_topic_data(topics);
    twins.each("several partitions, some of them good", |p, v| request(vec![of_topic(p, v, "several", vec![part(2), part(0), part(9)])]));
    twins.each("several topics", |p, v| request(vec![of_topic(p, v, "several", vec![part(1)]), of_topic(p, v, "taken", vec![part(1)])]));
    twins.each("a good and an unknown topic", |p, v| {
        request(vec![of_topic(p, v, "nobody", vec![part(0)]), of_topic(p, v, "several", vec![part(1)])])
    });
    for partition in 0..3 {
        whole_log(twins, &format!("several: partition {partition}"), "several", partition);
    }
}

/// Without acknowledgment nothing is said; what is asked next shows whether the connection is still there.
fn unanswered(twins: &mut Twins) {
    twins.create("unanswered", 1, &[]);
    let good = Batch::of(&["a"]).bytes();
    let bad = Batch { wrong_checksum: true, ..Batch::of(&["a"]) }.bytes();
    let next = frame(head(ApiKey::ApiVersions, 0, 2), &encoded(&ApiVersionsRequestData::default(), 0));
    for version in versions(ApiKey::Produce).take_while(|v| *v < 13) {
        for (title, topic, partition, records) in [
            ("taken", "unanswered", 0, &good),
            ("unknown topic", "nobody", 0, &good),
            ("unknown partition", "unanswered", 4, &good),
            ("wrong checksum", "unanswered", 0, &bad),
        ] {
            let request = produce(&twins.kafka, version, topic, partition, 0, Some(records.clone()));
            let sent = [frame(head(ApiKey::Produce, version, 1), &encoded(&request, version)), next.clone()].concat();
            twins.bytes(&format!("unanswered: {title}, {version}"), &sent, &[(ApiKey::ApiVersions, 0)]);
        }
    }
    twins.ask_settled("what was taken unanswered", 12, |p| fetch(vec![fetch_topic(p, 12, "unanswered", vec![part(0, 0)])]));
}
