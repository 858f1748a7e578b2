//! Batching, lingering, retries, order.

use odradek_machine::Seed;
use odradek_wire::error::ErrorCode;
use odradek_wire::messages::ProduceResponseData;
use odradek_wire::messages::produce_response::{PartitionProduceResponse, TopicProduceResponse};
use odradek_wire::request::{ProducePartition, Request};

use crate::config::ProducerConfig;
use crate::error::{ClientError, Outcome};
use crate::producer::{Command, Event, Producer, Token};
use crate::record::ProducerRecord;
use crate::testing::{Asked, Plan, Stage, common, orders};

pub(super) fn stage(partitions: usize, change: impl FnOnce(&mut ProducerConfig)) -> Stage<Producer> {
    let mut config = ProducerConfig::new(common());
    change(&mut config);
    Stage::new(Producer::new(config, Seed(7)).expect("the configuration is sound"), Plan::one_node(partitions))
}

pub(super) fn send(stage: &mut Stage<Producer>, token: u64, partition: i32, value: &str) {
    let record = ProducerRecord::new(orders(), value.to_owned()).to(partition);
    stage.command(Command::Send { token: Token(token), record });
}

/// The batches of a Produce request: partition, base sequence, values.
pub(super) fn batches(asked: &Asked) -> Vec<(i32, Option<(i64, i16, i32)>, Vec<String>)> {
    let Request::Produce(request) = &asked.request else { panic!("no Produce: {:?}", asked.request) };
    let partitions = request.topics.iter().flat_map(|topic| &topic.partitions);
    partitions
        .map(|p: &ProducePartition| {
            let batch = p.batch.as_ref().expect("a producer's batch is sound");
            let stamp = batch.producer().map(|p| (p.id.0, p.epoch.0, p.base_sequence.expect("a data batch has a sequence").0));
            let records = batch.records(1 << 20).expect("the records can be read");
            let values = records.map(|r| String::from_utf8(r.expect("a record").value.expect("a value").to_vec()).expect("text"));
            (p.index, stamp, values.collect())
        })
        .collect()
}

pub(super) fn values(asked: &Asked) -> Vec<String> {
    batches(asked).into_iter().flat_map(|(_, _, values)| values).collect()
}

/// An answer that gives each partition of a request the same outcome.
pub(super) fn told(asked: &Asked, code: ErrorCode, base_offset: i64) -> ProduceResponseData {
    let Request::Produce(request) = &asked.request else { panic!("no Produce: {:?}", asked.request) };
    let topics = request.topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|p| {
            let offset = if code.is_error() { -1 } else { base_offset };
            PartitionProduceResponse::default().with_index(p.index).with_error_code(code.code()).with_base_offset(offset)
        });
        TopicProduceResponse::default()
            .with_name(topic.name.clone())
            .with_topic_id(topic.id.into())
            .with_partition_responses(partitions.collect())
    });
    ProduceResponseData::default().with_responses(topics.collect())
}

pub(super) fn delivered(events: &[Event]) -> Vec<(u64, Option<i64>)> {
    events
        .iter()
        .filter_map(|e| match e {
            Event::Delivered { token, offset, .. } => Some((token.0, *offset)),
            _ => None,
        })
        .collect()
}

pub(super) fn failed(events: &[Event]) -> Vec<(u64, ClientError, Outcome)> {
    events
        .iter()
        .filter_map(|e| match e {
            Event::Failed { token, error, outcome } => Some((token.0, error.clone(), *outcome)),
            _ => None,
        })
        .collect()
}

#[test]
fn producer_batch_lingers_then_leaves_whole_and_its_records_get_their_offsets() {
    let mut stage = stage(1, |_| ());
    send(&mut stage, 1, 0, "a");
    send(&mut stage, 2, 0, "b");
    stage.pass_ms(4);
    assert!(stage.requests.is_empty(), "the batch left before its linger was over");
    stage.pass_ms(1);
    let asked = stage.next();
    assert_eq!(batches(&asked), [(0, Some((4001, 0, 0)), vec!["a".to_owned(), "b".to_owned()])]);
    stage.answer(&asked, told(&asked, ErrorCode::None, 40));
    assert_eq!(delivered(&stage.take_events()), [(1, Some(40)), (2, Some(41))]);
}
