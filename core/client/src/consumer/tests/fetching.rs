//! Fetch sessions, decoding, isolation, errors.

use bytes::{Bytes, BytesMut};
use odradek_machine::Seed;
use odradek_wire::batch::{BatchProducer, Builder, NewRecord};
use odradek_wire::codec::Codec;
use odradek_wire::error::ErrorCode;
use odradek_wire::ids::{LeaderEpoch, Offset, ProducerEpoch, ProducerId, Sequence, TopicPartition, Uuid};
use odradek_wire::messages::fetch_response::{AbortedTransaction, FetchableTopicResponse, PartitionData};
use odradek_wire::messages::{FetchRequestData, FetchResponseData};
use odradek_wire::request::Request;

use crate::config::{ConsumerConfig, Isolation, OffsetReset};
use crate::consumer::{Command, Consumer, Event, SeekTo, Token};
use crate::error::ClientError;
use crate::testing::{Asked, Plan, Stage, common, orders};

pub(super) fn of(partition: i32) -> TopicPartition {
    TopicPartition { topic: orders(), partition }
}

pub(super) fn stage(partitions: usize, change: impl FnOnce(&mut ConsumerConfig)) -> Stage<Consumer> {
    let mut config = ConsumerConfig::new(common());
    config.offset_reset = OffsetReset::None;
    change(&mut config);
    Stage::new(Consumer::new(config, Seed(7)), Plan::one_node(partitions))
}

pub(super) fn read_from(stage: &mut Stage<Consumer>, offsets: &[(i32, i64)]) {
    stage.plan.accept = false; // nothing leaves before every seek is said
    stage.command(Command::Assign { partitions: offsets.iter().map(|(p, _)| of(*p)).collect() });
    for &(partition, offset) in offsets {
        stage.command(Command::Seek { partition: of(partition), to: SeekTo::Offset(offset) });
    }
    stage.plan.accept = true;
    stage.accept_dials();
}

pub(super) fn fetch(asked: &Asked) -> &FetchRequestData {
    match &asked.request {
        Request::Fetch(body) => body,
        other => panic!("no Fetch: {other:?}"),
    }
}

/// What a fetch asks: partition and offset.
pub(super) fn wanted(asked: &Asked) -> Vec<(i32, i64)> {
    fetch(asked).topics.iter().flat_map(|t| &t.partitions).map(|p| (p.partition, p.fetch_offset)).collect()
}

fn forgotten(asked: &Asked) -> Vec<i32> {
    fetch(asked).forgotten_topics_data.iter().flat_map(|t| t.partitions.clone()).collect()
}

/// A batch of the log with one record a value.
pub(super) fn batch(base: i64, epoch: i32, values: &[&str]) -> Bytes {
    let mut builder = Builder::new(Codec::None).at(Offset(base), LeaderEpoch(epoch));
    values.iter().for_each(|value| builder.push(NewRecord { timestamp_ms: 5, value: Some(value.as_bytes()), ..NewRecord::default() }));
    builder.build().into_bytes()
}

fn transactional(base: i64, producer: i64, values: &[&str]) -> Bytes {
    let mut builder = Builder::new(Codec::Lz4).at(Offset(base), LeaderEpoch(0));
    builder.set_producer(BatchProducer { id: ProducerId(producer), epoch: ProducerEpoch(0), base_sequence: Some(Sequence(0)) }, true);
    values.iter().for_each(|value| builder.push(NewRecord { timestamp_ms: 5, value: Some(value.as_bytes()), ..NewRecord::default() }));
    builder.build().into_bytes()
}

fn marker(base: i64, producer: i64, commit: bool) -> Bytes {
    let mut builder = Builder::new(Codec::None).at(Offset(base), LeaderEpoch(0)).control();
    builder.set_producer(BatchProducer { id: ProducerId(producer), epoch: ProducerEpoch(0), base_sequence: None }, true);
    let key = [0, 0, 0, u8::from(commit)];
    builder.push(NewRecord { timestamp_ms: 5, key: Some(&key), value: Some(&[0, 0, 0, 0, 0, 0]), ..NewRecord::default() });
    builder.build().into_bytes()
}

pub(super) fn joined(batches: &[Bytes]) -> Bytes {
    let mut all = BytesMut::new();
    batches.iter().for_each(|b| all.extend_from_slice(b));
    all.freeze()
}

pub(super) fn data(partition: i32, records: Bytes) -> PartitionData {
    PartitionData::default().with_partition_index(partition).with_high_watermark(100).with_records(Some(records))
}

pub(super) fn told(session: i32, partitions: Vec<PartitionData>) -> FetchResponseData {
    let topic = FetchableTopicResponse::default().with_topic_id(Uuid([7; 16]).into()).with_partitions(partitions);
    FetchResponseData::default().with_session_id(session).with_responses(vec![topic])
}

pub(super) fn poll(stage: &mut Stage<Consumer>, records_max: usize) -> Vec<(i32, i64, String)> {
    stage.command(Command::Poll { token: Token(1), records_max, timeout_ms: 0 });
    polled(&stage.take_events())
}

pub(super) fn polled(events: &[Event]) -> Vec<(i32, i64, String)> {
    let mut all = Vec::new();
    for event in events {
        if let Event::Polled { records, .. } = event {
            for (of, records) in records {
                let text = |r: &crate::record::ConsumerRecord| String::from_utf8(r.value.clone().expect("a value").to_vec()).expect("text");
                all.extend(records.iter().map(|r| (of.partition, r.offset, text(r))));
            }
        }
    }
    all
}

#[test]
fn consumer_reads_from_the_position_inside_a_batch_and_moves_on() {
    let mut stage = stage(1, |_| ());
    read_from(&mut stage, &[(0, 11)]);
    let asked = stage.next();
    assert_eq!(wanted(&asked), [(0, 11)]);
    let partial = batch(13, 0, &["cut"]).slice(..40);
    stage.answer(&asked, told(0, vec![data(0, joined(&[batch(10, 0, &["a", "b", "c"]), partial]))]));
    assert!(stage.requests.is_empty(), "nothing is fetched while records wait");
    assert_eq!(poll(&mut stage, 1), [(0, 11, "b".to_owned())]);
    assert_eq!(poll(&mut stage, 10), [(0, 12, "c".to_owned())]);
    assert_eq!(wanted(&stage.next()), [(0, 13)]);
}

#[test]
fn consumer_poll_waits_for_records_until_its_time_is_over() {
    let mut stage = stage(1, |_| ());
    read_from(&mut stage, &[(0, 0)]);
    stage.command(Command::Poll { token: Token(5), records_max: 10, timeout_ms: 200 });
    assert!(stage.events.is_empty());
    let asked = stage.next();
    stage.answer(&asked, told(0, vec![data(0, batch(0, 0, &["a"]))]));
    assert_eq!(polled(&stage.take_events()), [(0, 0, "a".to_owned())]);
    stage.command(Command::Poll { token: Token(6), records_max: 10, timeout_ms: 200 });
    stage.pass_ms(200);
    assert_eq!(stage.take_events(), [Event::Polled { token: Token(6), records: Vec::new() }]);
}

#[test]
fn consumer_session_names_what_changed_and_forgets_what_is_paused() {
    let mut stage = stage(3, |_| ());
    read_from(&mut stage, &[(0, 0), (1, 0), (2, 0)]);
    let first = stage.next();
    assert_eq!((fetch(&first).session_id, fetch(&first).session_epoch, wanted(&first).len()), (0, 0, 3));
    stage.answer(&first, told(9, vec![data(0, batch(0, 0, &["a"]))]));
    stage.command(Command::Pause { partitions: vec![of(2)] });
    assert_eq!(poll(&mut stage, 10).len(), 1);
    let second = stage.next();
    assert_eq!((fetch(&second).session_id, fetch(&second).session_epoch), (9, 1));
    assert_eq!((wanted(&second), forgotten(&second)), (vec![(0, 1)], vec![2]));
    stage.command(Command::Resume { partitions: vec![of(2)] });
    stage.answer(&second, told(9, Vec::new()));
    let third = stage.next();
    assert_eq!((fetch(&third).session_epoch, wanted(&third), forgotten(&third)), (2, vec![(2, 0)], Vec::new()));
    stage.answer(&third, told(0, Vec::new()).with_error_code(ErrorCode::FetchSessionIdNotFound.code()));
    stage.command(Command::Pause { partitions: vec![of(0), of(1), of(2)] });
    stage.pass_ms(200);
    stage.command(Command::Resume { partitions: vec![of(0), of(1), of(2)] });
    let anew = stage.next();
    assert_eq!((fetch(&anew).session_id, fetch(&anew).session_epoch, wanted(&anew).len()), (0, 0, 3));
    assert!(stage.marks.contains(&"consumer.session_lost"));
}

#[test]
fn consumer_gives_its_session_back_when_it_closes() {
    let mut stage = stage(1, |_| ());
    read_from(&mut stage, &[(0, 0)]);
    let first = stage.next();
    stage.answer(&first, told(9, Vec::new()));
    let second = stage.next();
    stage.command(Command::Close);
    let end = stage.next();
    assert_eq!((fetch(&end).session_id, fetch(&end).session_epoch), (9, -1));
    assert!(stage.take_events().is_empty(), "the end of the session is on its way");
    stage.answer(&second, told(9, Vec::new()));
    stage.answer(&end, told(0, Vec::new()));
    assert_eq!(stage.take_events(), [Event::Closed]);
    assert!(!stage.is_open(end.connection));
}

#[test]
fn consumer_read_committed_passes_over_aborted_records_and_markers_and_its_position_moves_on() {
    let log = joined(&[
        transactional(0, 7, &["aborted"]),
        transactional(1, 8, &["kept"]),
        marker(2, 7, false),
        transactional(3, 7, &["also kept"]),
        marker(4, 8, true),
        marker(5, 7, true),
    ]);
    // Not sorted, as some brokers send them.
    let aborted = vec![
        AbortedTransaction::default().with_producer_id(9).with_first_offset(50),
        AbortedTransaction::default().with_producer_id(7).with_first_offset(0),
    ];
    for (isolation, want) in
        [(Isolation::ReadCommitted, vec!["kept", "also kept"]), (Isolation::ReadUncommitted, vec!["aborted", "kept", "also kept"])]
    {
        let mut stage = stage(1, |c| c.isolation = isolation);
        read_from(&mut stage, &[(0, 0)]);
        let asked = stage.next();
        assert_eq!(fetch(&asked).isolation_level, isolation.code());
        stage.answer(&asked, told(0, vec![data(0, log.clone()).with_aborted_transactions(Some(aborted.clone()))]));
        let values: Vec<String> = poll(&mut stage, 10).into_iter().map(|(_, _, value)| value).collect();
        assert_eq!(values, want);
        assert_eq!(wanted(&stage.next()), [(0, 6)], "the position is behind the markers");
    }
}

#[test]
fn consumer_tells_of_damage_and_gives_what_came_before_it() {
    let mut stage = stage(1, |_| ());
    read_from(&mut stage, &[(0, 0)]);
    let mut damaged = BytesMut::from(&batch(1, 0, &["b"])[..]);
    let last = damaged.len() - 3;
    damaged[last] ^= 1;
    let damaged = damaged.freeze();
    let asked = stage.next();
    stage.answer(&asked, told(0, vec![data(0, joined(&[batch(0, 0, &["a"]), damaged.clone()]))]));
    assert_eq!(poll(&mut stage, 10), [(0, 0, "a".to_owned())]);
    let again = stage.next();
    assert_eq!(wanted(&again), [(0, 1)]);
    stage.answer(&again, told(0, vec![data(0, damaged)]));
    let events = stage.take_events();
    assert!(matches!(&events[..], [Event::PartitionFailed { error: ClientError::CorruptRecords { offset: 1, .. }, .. }]), "{events:?}");
}

#[test]
fn consumer_does_not_believe_offsets_that_go_back() {
    let mut stage = stage(1, |_| ());
    read_from(&mut stage, &[(0, 0)]);
    let asked = stage.next();
    stage.answer(&asked, told(0, vec![data(0, joined(&[batch(5, 0, &["a", "b"]), batch(6, 0, &["again"])]))]));
    assert_eq!(poll(&mut stage, 10), [(0, 5, "a".to_owned()), (0, 6, "b".to_owned())]);
}

#[test]
fn consumer_drops_an_answer_that_a_seek_has_overtaken() {
    let mut stage = stage(1, |_| ());
    read_from(&mut stage, &[(0, 0)]);
    let old = stage.next();
    stage.command(Command::Seek { partition: of(0), to: SeekTo::Offset(40) });
    stage.answer(&old, told(0, vec![data(0, batch(0, 0, &["old"]))]));
    assert!(poll(&mut stage, 10).is_empty());
    assert_eq!(wanted(&stage.next()), [(0, 40)]);
}

#[test]
fn consumer_asks_for_metadata_and_tries_again_when_the_leader_moved() {
    let mut stage = stage(1, |_| ());
    stage.plan.nodes = vec![1, 2];
    read_from(&mut stage, &[(0, 3)]);
    let asked = stage.next();
    let before = stage.metadata_asked;
    stage.plan.topics.get_mut("orders").expect("it is planned").leaders = vec![(2, 1)];
    let moved = |_: &Asked| told(0, vec![data(0, Bytes::new()).with_error_code(ErrorCode::NotLeaderOrFollower.code())]).into();
    stage.answer(&asked, moved(&asked));
    let again = stage.until(|asked| asked.port == 9002, moved);
    assert!(stage.metadata_asked > before);
    assert_eq!(wanted(&again), [(0, 3)]);
}

#[test]
fn consumer_serves_partitions_in_turn() {
    let mut stage = stage(2, |_| ());
    read_from(&mut stage, &[(0, 0), (1, 0)]);
    let asked = stage.next();
    stage.answer(&asked, told(0, vec![data(0, batch(0, 0, &["a", "b", "c"])), data(1, batch(0, 0, &["x", "y", "z"]))]));
    let order: Vec<i32> = (0..6).map(|_| poll(&mut stage, 1)[0].0).collect();
    assert_eq!(order, [0, 1, 0, 1, 0, 1]);
}

#[test]
fn consumer_falls_back_to_names_and_no_session_with_an_old_broker() {
    let mut stage = stage(1, |_| ());
    stage.plan.newest.insert(odradek_wire::api::ApiKey::Fetch, 4);
    read_from(&mut stage, &[(0, 0)]);
    let asked = stage.next();
    assert_eq!((asked.header.version, fetch(&asked).topics[0].topic.as_str()), (4, "orders"));
    let topic = FetchableTopicResponse::default().with_topic(odradek_wire::messages::text("orders"));
    let body = FetchResponseData::default().with_responses(vec![topic.with_partitions(vec![data(0, batch(0, 0, &["a"]))])]);
    stage.answer(&asked, body);
    assert_eq!(poll(&mut stage, 10), [(0, 0, "a".to_owned())]);
}
