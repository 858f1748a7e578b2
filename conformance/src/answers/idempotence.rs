//! InitProducerId, Produce of idempotent producers, and DescribeProducers.

use kacrab_protocol::generated::describe_producers_request::TopicRequest;
use kacrab_protocol::generated::{ApiKey, DescribeProducersRequestData, InitProducerIdRequestData};

use super::batch::{Batch, TRANSACTIONAL};
use super::fetch::whole_log;
use super::message::{text, versions};
use super::produce::produce;
use super::twins::Twins;

pub fn run(twins: &mut Twins) {
    given(twins);
    for version in versions(ApiKey::Produce) {
        sequences(twins, version);
    }
    epochs(twins);
    described(twins);
}

fn given(twins: &mut Twins) {
    let request = || InitProducerIdRequestData::default().with_transaction_timeout_ms(60_000);
    twins.each("an id", |_, _| request());
    twins.each_of("an id again", 3..=5, |_, _| request().with_producer_id(4).with_producer_epoch(3));
    twins.each_of("an epoch without an id", 3..=5, |_, _| request().with_producer_epoch(3));
    twins.each_of("an id without an epoch", 3..=5, |_, _| request().with_producer_id(4));
    twins.each("an empty transactional id", |_, _| request().with_transactional_id(Some(text(""))));
    twins.each("no timeout", |_, _| InitProducerIdRequestData::default());
    twins.each("a negative timeout", |_, _| request().with_transaction_timeout_ms(-1));
}

/// Batches of a producer: those that follow, repeat and skip.
fn sequences(twins: &mut Twins, version: i16) {
    let topic = format!("sequences-{version}");
    twins.create(&topic, 1, &[]);
    let id = 5_000 + i64::from(version);
    let mut send = |title: &str, batch: Batch| {
        twins.ask(&format!("sequence: {title}"), version, |p| produce(p, version, &topic, 0, -1, Some(batch.bytes())));
    };
    let by = |epoch: i16, sequence: i32| Batch::of(&["a", "b"]).by(id, epoch, sequence);
    send("0", by(0, 0));
    send("0 again", by(0, 0));
    send("2", by(0, 2));
    send("0 again, after 2", by(0, 0));
    send("6, a gap", by(0, 6));
    send("3, an overlap", by(0, 3));
    send("2, one record of two", Batch::of(&["a"]).by(id, 0, 2));
    send("2, three records", Batch::of(&["a", "b", "c"]).by(id, 0, 2));
    for sequence in [4, 6, 8, 10, 12] {
        send(&format!("{sequence}"), by(0, sequence));
    }
    send("2 again, forgotten", by(0, 2));
    send("6 again, remembered", by(0, 6));
    send("an epoch later, not from 0", by(1, 5));
    send("an epoch later", by(1, 0));
    send("an epoch earlier", by(0, 14));
    send("an epoch earlier, again", by(0, 12));
    send("two epochs later", by(3, 0));
    send("a negative sequence", by(3, -1));
    send("a negative epoch", by(-1, 2));
    send("another producer from 7", Batch::of(&["x"]).by(id + 100, 0, 7));
    send("another producer goes on", Batch::of(&["x"]).by(id + 100, 0, 8));
    send("the end of sequences", Batch::of(&["x", "y"]).by(id + 200, 0, i32::MAX - 1));
    send("behind the end", Batch::of(&["x", "y"]).by(id + 200, 0, 0));
    send("behind the end, again", Batch::of(&["x", "y"]).by(id + 200, 0, 0));
    send("within the end", Batch::of(&["x", "y", "z"]).by(id + 300, 0, i32::MAX - 1));
    send("after the wrap", Batch::of(&["x", "y"]).by(id + 300, 0, 1));
    send("transactional", Batch { attributes: TRANSACTIONAL, ..by(3, 2) });
    send("no producer between", Batch::of(&["n"]));
    send("goes on", by(3, 2));
    whole_log(twins, "what sequences left", &topic, 0);
    describe(twins, "producers of sequences", &topic, &[0]);
}

fn epochs(twins: &mut Twins) {
    twins.create("epochs", 1, &[]);
    let mut send = |title: &str, batch: Batch| {
        twins.ask(&format!("epoch: {title}"), 9, |p| produce(p, 9, "epochs", 0, -1, Some(batch.bytes())));
    };
    send("from the last", Batch::of(&["a"]).by(7_000, i16::MAX, 0));
    send("the last goes on", Batch::of(&["a"]).by(7_000, i16::MAX, 1));
    send("0 after the last", Batch::of(&["a"]).by(7_000, 0, 0));
    send("a negative producer", Batch::of(&["a"]).by(-2, 0, 0));
    send("two batches of a producer", Batch::of(&["a"]).by(7_001, 0, 0));
    let two = [Batch::of(&["a"]).by(7_001, 0, 1).bytes(), Batch::of(&["a"]).by(7_001, 0, 2).bytes()].concat();
    twins.ask("epoch: two batches at once", 9, |p| produce(p, 9, "epochs", 0, -1, Some(two.clone().into())));
}

fn describe(twins: &mut Twins, title: &str, topic: &str, partitions: &[i32]) {
    twins.ask(title, 0, |_| {
        let topic = TopicRequest::default().with_name(text(topic)).with_partition_indexes(partitions.to_vec());
        DescribeProducersRequestData::default().with_topics(vec![topic])
    });
}

fn described(twins: &mut Twins) {
    describe(twins, "producers of an unknown topic", "nobody", &[0]);
    describe(twins, "producers of unknown partitions", "epochs", &[0, 1, -1]);
    describe(twins, "producers of no partition", "epochs", &[]);
    describe(twins, "producers of a bad name", "a b", &[0]);
    describe(twins, "producers of a partition twice", "epochs", &[0, 0]);
    twins.ask("producers of nothing", 0, |_| DescribeProducersRequestData::default());
}
