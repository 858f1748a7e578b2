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

/// The same with a producer that the broker knows: a first record is in the log, with sequence 0.
pub(super) fn warm(change: impl FnOnce(&mut ProducerConfig)) -> Stage<Producer> {
    let mut stage = stage(1, change);
    send(&mut stage, 0, 0, "warm-up");
    stage.pass_ms(5);
    let asked = stage.next();
    stage.answer(&asked, told(&asked, ErrorCode::None, 0));
    stage.take_events();
    stage
}

/// Partition; producer id, epoch and base sequence; values.
pub(super) type SentBatch = (i32, Option<(i64, i16, i32)>, Vec<String>);

/// The batches of a Produce request.
pub(super) fn batches(asked: &Asked) -> Vec<SentBatch> {
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

#[test]
fn producer_batch_that_is_full_leaves_without_lingering_and_five_are_in_flight() {
    let mut stage = warm(|c| c.batch_bytes = 100);
    for token in 1..=8 {
        send(&mut stage, token, 0, &"x".repeat(60));
    }
    assert_eq!(stage.requests.len(), 5, "the limit of requests in flight");
    let sequences: Vec<i32> = stage.requests.iter().map(|r| batches(r)[0].1.expect("idempotent").2).collect();
    assert_eq!(sequences, [1, 2, 3, 4, 5]);
    let first = stage.next();
    stage.answer(&first, told(&first, ErrorCode::None, 1));
    assert_eq!(stage.requests.len(), 5, "an answer lets the next one leave");
}

#[test]
fn producer_retry_keeps_order_and_bytes_when_an_answer_is_lost_and_the_broker_has_it_already() {
    let mut stage = warm(|c| c.linger_ms = 0);
    send(&mut stage, 1, 0, "a");
    send(&mut stage, 2, 0, "b");
    send(&mut stage, 3, 0, "c");
    let lost: Vec<Asked> = stage.requests.iter().map(|r| Asked { request: r.request.clone(), header: r.header.clone(), ..*r }).collect();
    let sent: Vec<_> = lost.iter().flat_map(batches).collect();
    assert_eq!(sent.iter().map(|(_, stamp, _)| stamp.expect("idempotent").2).collect::<Vec<_>>(), [1, 2, 3]);
    stage.cut(lost[0].connection);
    stage.pass_ms(300);
    assert_eq!(stage.requests.len(), 1, "only the first outstanding batch is tried again");
    let again = stage.next();
    assert_eq!(batches(&again), [sent[0].clone()]);
    stage.answer(&again, told(&again, ErrorCode::DuplicateSequenceNumber, 0));
    let second = stage.next();
    assert_eq!(batches(&second), [sent[1].clone()]);
    stage.answer(&second, told(&second, ErrorCode::None, 2));
    let third = stage.next();
    stage.answer(&third, told(&third, ErrorCode::None, 3));
    assert_eq!(delivered(&stage.take_events()), [(1, None), (2, Some(2)), (3, Some(3))]);
    assert!(stage.marks.contains(&"producer.answer_lost") && stage.marks.contains(&"producer.retried"));
}

#[test]
fn producer_refused_batch_bumps_the_epoch_and_those_behind_it_start_at_zero() {
    let mut stage = warm(|c| c.linger_ms = 0);
    for (token, value) in [(1, "bad"), (2, "b"), (3, "c")] {
        send(&mut stage, token, 0, value);
    }
    let (first, second, third) = (stage.next(), stage.next(), stage.next());
    stage.answer(&first, told(&first, ErrorCode::InvalidRecord, 0));
    stage.answer(&second, told(&second, ErrorCode::OutOfOrderSequenceNumber, 0));
    assert!(stage.requests.is_empty(), "nothing leaves while the old epoch is in flight");
    stage.answer(&third, told(&third, ErrorCode::OutOfOrderSequenceNumber, 0));
    let events = stage.take_events();
    assert_eq!(failed(&events).iter().map(|(t, _, outcome)| (*t, *outcome)).collect::<Vec<_>>(), [(1, Outcome::Definite)]);
    let again = stage.next();
    assert_eq!(batches(&again), [(0, Some((4001, 1, 0)), vec!["b".to_owned()])]);
    assert!(stage.requests.is_empty(), "the broker does not know the epoch yet");
    stage.answer(&again, told(&again, ErrorCode::None, 1));
    let behind = stage.next();
    assert_eq!(batches(&behind), [(0, Some((4001, 1, 1)), vec!["c".to_owned()])]);
    assert!(stage.marks.contains(&"producer.epoch_bumped"));
}

#[test]
fn producer_batch_in_doubt_is_not_numbered_anew_but_fails_as_unknown() {
    let mut stage = warm(|c| c.linger_ms = 0);
    send(&mut stage, 1, 0, "a");
    send(&mut stage, 2, 0, "b");
    let connection = stage.next().connection;
    stage.cut(connection);
    stage.pass_ms(300);
    // The first was never written, and its retry is refused for good; the second may have been.
    let again = stage.next();
    stage.answer(&again, told(&again, ErrorCode::InvalidRecord, 0));
    let failures = failed(&stage.take_events());
    assert_eq!(failures.iter().map(|(t, _, outcome)| (*t, *outcome)).collect::<Vec<_>>(), [(1, Outcome::Unknown), (2, Outcome::Unknown)]);
    assert!(matches!(failures[1].1, ClientError::SequenceLost { .. }));
    send(&mut stage, 3, 0, "c");
    let next = stage.next();
    assert_eq!(batches(&next), [(0, Some((4001, 1, 0)), vec!["c".to_owned()])]);
}

#[test]
fn producer_delivery_timeout_is_definite_before_sending_and_unknown_after() {
    let mut stage = stage(1, |c| {
        c.linger_ms = 0;
        c.delivery_timeout_ms = 40_000;
    });
    send(&mut stage, 1, 0, "sent");
    let _never_answered = stage.next();
    stage.pass_ms(39_999);
    send(&mut stage, 2, 0, "queued");
    stage.plan.accept = false;
    stage.pass_ms(1);
    let failures = failed(&stage.take_events());
    assert_eq!(failures, [(1, ClientError::DeliveryTimeout { after_ms: 40_000 }, Outcome::Unknown)]);
    stage.pass_ms(40_000);
    assert!(failed(&stage.take_events()).iter().any(|(token, _, _)| *token == 2));
}

#[test]
fn producer_never_sent_fails_definitely_when_its_time_is_over() {
    let mut stage = stage(1, |c| c.delivery_timeout_ms = 40_000);
    stage.plan.topics.get_mut("orders").expect("it is planned").leaders = vec![(-1, 0)];
    send(&mut stage, 1, 0, "a");
    stage.pass_ms(40_000);
    assert_eq!(failed(&stage.take_events()), [(1, ClientError::DeliveryTimeout { after_ms: 40_000 }, Outcome::Definite)]);
}

#[test]
fn producer_splits_a_batch_that_is_too_large_and_keeps_its_sequences() {
    let mut stage = stage(1, |_| ());
    for (token, value) in [(1, "a"), (2, "b"), (3, "c")] {
        send(&mut stage, token, 0, value);
    }
    stage.pass_ms(5);
    let whole = stage.next();
    stage.answer(&whole, told(&whole, ErrorCode::MessageTooLarge, 0));
    let half = stage.next();
    assert_eq!(batches(&half), [(0, Some((4001, 0, 0)), vec!["a".to_owned()])]);
    stage.answer(&half, told(&half, ErrorCode::None, 10));
    let rest = stage.next();
    assert_eq!(batches(&rest), [(0, Some((4001, 0, 1)), vec!["b".to_owned(), "c".to_owned()])]);
    stage.answer(&rest, told(&rest, ErrorCode::None, 11));
    assert_eq!(delivered(&stage.take_events()), [(1, Some(10)), (2, Some(11)), (3, Some(12))]);
}

#[test]
fn producer_says_that_the_buffer_is_full_and_takes_more_when_there_is_room() {
    let mut stage = stage(1, |c| c.buffer_bytes_max = 200);
    send(&mut stage, 1, 0, &"x".repeat(100));
    send(&mut stage, 2, 0, &"y".repeat(100));
    let failures = failed(&stage.take_events());
    assert!(matches!(failures[..], [(2, ClientError::BufferFull { wanted: 125, held: 125, limit: 200 }, Outcome::Definite)]));
    let asked = stage.next();
    assert_eq!(values(&asked).len(), 1, "what is in hand leaves without lingering");
    stage.answer(&asked, told(&asked, ErrorCode::None, 0));
    send(&mut stage, 3, 0, &"z".repeat(100));
    assert!(failed(&stage.take_events()).is_empty());
}

#[test]
fn producer_without_acks_is_done_when_the_request_left() {
    let mut stage = stage(1, |c| (c.acks, c.idempotence, c.linger_ms) = (crate::config::Acks::None, false, 0));
    send(&mut stage, 1, 0, "a");
    assert_eq!(delivered(&stage.take_events()), [(1, None)]);
    assert_eq!(batches(&stage.next()), [(0, None, vec!["a".to_owned()])]);
}

#[test]
fn producer_flush_sends_what_lingers_and_ends_with_the_last_outcome() {
    let mut stage = stage(1, |c| c.linger_ms = 1_000);
    send(&mut stage, 1, 0, "a");
    stage.command(Command::Flush { token: Token(77) });
    let asked = stage.next();
    assert!(!stage.events.contains(&Event::Flushed { token: Token(77) }));
    stage.answer(&asked, told(&asked, ErrorCode::None, 0));
    assert_eq!(stage.take_events().last(), Some(&Event::Flushed { token: Token(77) }));
}

#[test]
fn producer_close_waits_for_what_is_in_hand_and_gives_up_in_time() {
    let mut stage = stage(1, |c| c.linger_ms = 1_000);
    send(&mut stage, 1, 0, "a");
    stage.command(Command::Close { timeout_ms: 500 });
    send(&mut stage, 2, 0, "late");
    let connection = stage.next().connection;
    stage.pass_ms(500);
    assert_eq!(
        stage.take_events(),
        [
            Event::Failed { token: Token(2), error: ClientError::Closed, outcome: Outcome::Definite },
            Event::Failed { token: Token(1), error: ClientError::Closed, outcome: Outcome::Unknown },
            Event::Closed,
        ]
    );
    assert!(!stage.is_open(connection));
    assert!(stage.machine.deadline().is_none());
}

#[test]
fn producer_follows_the_leader_that_an_answer_names() {
    let mut stage = stage(1, |c| c.linger_ms = 0);
    stage.plan.nodes = vec![1, 2];
    send(&mut stage, 1, 0, "a");
    let asked = stage.next();
    assert_eq!(asked.port, 9001);
    let mut body = told(&asked, ErrorCode::NotLeaderOrFollower, 0);
    body.responses[0].partition_responses[0].current_leader.leader_id = 2;
    body.responses[0].partition_responses[0].current_leader.leader_epoch = 4;
    stage.answer(&asked, body);
    let moved = stage.next();
    assert_eq!((moved.port, batches(&moved)), (9002, batches(&asked)), "the same bytes to the other node, at once");
}

#[test]
fn producer_asks_for_metadata_when_the_leader_moved_without_a_word() {
    let mut stage = stage(1, |c| c.linger_ms = 0);
    stage.plan.nodes = vec![1, 2];
    send(&mut stage, 1, 0, "a");
    let asked = stage.next();
    let before = stage.metadata_asked;
    stage.plan.topics.get_mut("orders").expect("it is planned").leaders = vec![(2, 1)];
    stage.answer(&asked, told(&asked, ErrorCode::NotLeaderOrFollower, 0));
    stage.pass_ms(300);
    assert!(stage.metadata_asked > before);
    assert_eq!(stage.next().port, 9002);
}

#[test]
fn producer_waits_for_a_topic_and_fails_definitely_when_it_does_not_come() {
    let mut stage = stage(1, |c| c.block_ms_max = 3_000);
    let record = ProducerRecord::new("nowhere", "a");
    stage.command(Command::Send { token: Token(1), record });
    stage.pass_ms(2_999);
    assert!(stage.events.is_empty());
    stage.pass_ms(1);
    assert!(matches!(failed(&stage.take_events())[..], [(1, ClientError::UnknownPartition { .. }, Outcome::Definite)]));
}

#[test]
fn producer_spreads_null_keys_over_partitions_batch_by_batch() {
    let mut stage = stage(4, |c| (c.batch_bytes, c.linger_ms) = (200, 50));
    for token in 0..100 {
        stage.command(Command::Send { token: Token(token), record: ProducerRecord::new(orders(), "x".repeat(20)) });
    }
    let mut by_partition = [0; 4];
    for _ in 0..200 {
        stage.pass_ms(10);
        while let Some(asked) = stage.requests.pop_front() {
            for (partition, _, values) in batches(&asked) {
                by_partition[partition as usize] += values.len();
            }
            stage.answer(&asked, told(&asked, ErrorCode::None, 0));
        }
    }
    assert_eq!(by_partition.iter().sum::<usize>(), 100);
    assert!(by_partition.iter().all(|n| *n >= 8), "{by_partition:?}");
    assert_eq!(delivered(&stage.take_events()).len(), 100);
}

#[test]
fn producer_holds_ten_thousand_records_over_a_thousand_partitions() {
    let mut stage = stage(1_000, |c| c.linger_ms = 20);
    for token in 0..10_000 {
        send(&mut stage, token, (token % 1_000) as i32, "x");
    }
    let mut done = 0;
    while done < 10_000 {
        stage.pass_ms(10);
        while let Some(asked) = stage.requests.pop_front() {
            stage.answer(&asked, told(&asked, ErrorCode::None, 0));
        }
        done += delivered(&stage.take_events()).len();
    }
}
