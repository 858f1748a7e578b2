//! The order of answers, duplicates, acks, and what is refused.

use odradek_wire::batch::{BatchProducer, Builder, NewRecord};
use odradek_wire::codec::Codec;
use odradek_wire::error::ErrorCode;
use odradek_wire::ids::{ProducerEpoch, ProducerId, Sequence};
use odradek_wire::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use odradek_wire::messages::{ApiVersionsRequestData, CreateTopicsRequestData, InitProducerIdRequestData, text};
use odradek_wire::response::Response;

use super::host::{Host, batch, produce, values};
use super::story::{fetch_of, fetched, metadata, produced, topic_id};
use crate::io::{ConnectionId, Input};

fn code(response: Response) -> (ErrorCode, i64) {
    let answer = produced(response);
    let part = &answer.responses[0].partition_responses[0];
    (ErrorCode::from_code(part.error_code), part.base_offset)
}

pub(super) fn create(host: &mut Host, connection: ConnectionId, topic: &str, configs: &[(&str, &str)]) {
    let config = |(key, value): &(&str, &str)| CreatableTopicConfig::default().with_name(text(key)).with_value(Some(text(value)));
    let topic = CreatableTopic::default().with_name(text(topic)).with_num_partitions(1).with_replication_factor(1);
    let topic = topic.with_configs(configs.iter().map(config).collect());
    let request = CreateTopicsRequestData::default().with_topics(vec![topic]).with_timeout_ms(10_000);
    match host.call(connection, 7, request) {
        Response::CreateTopics(r) => assert_eq!(r.topics[0].error_code, 0, "{:?}", r.topics[0]),
        other => panic!("{other:?}"),
    }
}

#[test]
fn answers_leave_in_the_order_of_their_requests_while_produces_overtake_no_one() {
    for seed in 0..20 {
        let mut host = Host::started(seed);
        let connection = host.connect();
        let id = topic_id(&mut host, connection, "orders");
        host.disk_stalls = true;
        let mut asked = Vec::new();
        for n in 0..4 {
            asked.push(host.ask(connection, 9, produce("orders", 0, -1, batch(&[&format!("{n}")]))));
        }
        asked.push(host.ask(connection, 17, fetch_of(id, 0, 0)));
        asked.push(host.ask(connection, 0, ApiVersionsRequestData::default()));
        host.rest();
        assert!(host.answered(connection).is_none(), "nothing is durable, and nothing overtakes");
        host.disk_stalls = false;
        host.rest();
        for (n, &correlation) in asked.iter().enumerate() {
            let (answered, response) = host.answered(connection).expect("every request is answered");
            assert_eq!(answered, correlation);
            match response {
                Response::Produce(_) => assert_eq!(code(response), (ErrorCode::None, n as i64)),
                Response::Fetch(f) => assert_eq!(values(f.responses[0].partitions[0].records.clone()), ["0", "1", "2", "3"]),
                other => assert!(matches!(other, Response::ApiVersions(_))),
            }
        }
    }
}

#[test]
fn acks_of_every_kind_are_answered_as_they_ask() {
    let mut host = Host::started(3);
    let connection = host.connect();
    let id = topic_id(&mut host, connection, "orders");
    host.ask(connection, 9, produce("orders", 0, 0, batch(&["silent"])));
    let next = host.ask(connection, 9, produce("orders", 0, 1, batch(&["heard"])));
    host.until("it answers", |h| h.sent.get(&connection).is_some_and(|s| !s.is_empty()));
    host.forget_silent(connection);
    let (answered, response) = host.answered(connection).expect("acks=1 is answered");
    assert_eq!((answered, code(response)), (next, (ErrorCode::None, 1)));
    assert_eq!(code(host.call(connection, 9, produce("orders", 0, 7, batch(&["x"])))).0, ErrorCode::InvalidRequiredAcks);
    let read = fetched(host.call(connection, 17, fetch_of(id, 0, 0)));
    assert_eq!(values(read.responses[0].partitions[0].records.clone()), ["silent", "heard"]);
}

#[test]
fn acks_none_that_fails_closes_its_connection() {
    let mut host = Host::started(3);
    let connection = host.connect();
    host.ask(connection, 9, produce("nowhere", 0, 0, batch(&["x"])));
    host.rest();
    assert!(host.closed[&connection].contains("UNKNOWN_TOPIC_OR_PARTITION"), "{:?}", host.closed);
}

#[test]
fn a_produce_whose_disk_stalls_times_out_and_its_connection_goes_on() {
    let mut host = Host::started(5);
    let connection = host.connect();
    topic_id(&mut host, connection, "orders");
    host.disk_stalls = true;
    host.ask(connection, 9, produce("orders", 0, -1, batch(&["late"])).with_timeout_ms(1_000));
    host.pass_ms(1_500);
    assert_eq!(code(host.answered(connection).expect("it timed out").1), (ErrorCode::RequestTimedOut, -1));
    host.disk_stalls = false;
    assert_eq!(code(host.call(connection, 9, produce("orders", 0, -1, batch(&["next"])))), (ErrorCode::None, 1));
}

#[test]
fn a_duplicate_of_an_idempotent_producer_gets_the_offset_of_its_original() {
    for cleanly in [true, false] {
        let mut host = Host::started(9);
        let connection = host.connect();
        let id = topic_id(&mut host, connection, "orders");
        let producer = match host.call(connection, 4, InitProducerIdRequestData::default().with_transactional_id(None)) {
            Response::InitProducerId(r) => {
                BatchProducer { id: ProducerId(r.producer_id), epoch: ProducerEpoch(r.producer_epoch), base_sequence: None }
            }
            other => panic!("{other:?}"),
        };
        let numbered = |sequence: i32| {
            let mut builder = Builder::new(Codec::None);
            builder.set_producer(BatchProducer { base_sequence: Some(Sequence(sequence)), ..producer }, false);
            let value = sequence.to_string();
            builder.push(NewRecord { timestamp_ms: 1_700_000_000_000, key: None, value: Some(value.as_bytes()), headers: &[] });
            builder.build_bytes()
        };
        for n in 0..3 {
            assert_eq!(code(host.call(connection, 9, produce("orders", 0, -1, numbered(n)))), (ErrorCode::None, i64::from(n)));
        }
        assert_eq!(code(host.call(connection, 9, produce("orders", 0, -1, numbered(1)))), (ErrorCode::None, 1));
        assert_eq!(code(host.call(connection, 9, produce("orders", 0, -1, numbered(7)))).0, ErrorCode::OutOfOrderSequenceNumber);
        let mut host = host.restarted(cleanly, 77);
        let connection = host.connect();
        metadata(&mut host, connection, "orders");
        assert_eq!(code(host.call(connection, 9, produce("orders", 0, -1, numbered(2)))), (ErrorCode::None, 2));
        assert_eq!(code(host.call(connection, 9, produce("orders", 0, -1, numbered(3)))), (ErrorCode::None, 3));
        let read = fetched(host.call(connection, 17, fetch_of(id, 0, 0)));
        assert_eq!(values(read.responses[0].partitions[0].records.clone()), ["0", "1", "2", "3"]);
    }
}

#[test]
fn a_topic_with_its_own_codec_compresses_again_and_keeps_the_order() {
    for seed in 0..10 {
        let mut host = Host::started(seed);
        let connection = host.connect();
        create(&mut host, connection, "packed", &[("compression.type", "gzip")]);
        let id = topic_id(&mut host, connection, "packed");
        for n in 0..5 {
            host.ask(connection, 9, produce("packed", 0, -1, batch(&[&format!("{n}")])));
        }
        host.rest();
        for n in 0..5 {
            assert_eq!(code(host.answered(connection).expect("answered").1), (ErrorCode::None, n));
        }
        assert!(host.marks.contains(&"produce.recompressed"));
        let read = fetched(host.call(connection, 17, fetch_of(id, 0, 0)));
        assert_eq!(values(read.responses[0].partitions[0].records.clone()), ["0", "1", "2", "3", "4"]);
    }
}

#[test]
fn a_compacted_topic_refuses_records_without_keys_and_says_which() {
    let mut host = Host::started(1);
    let connection = host.connect();
    create(&mut host, connection, "keyed", &[("cleanup.policy", "compact")]);
    let answer = produced(host.call(connection, 9, produce("keyed", 0, -1, batch(&["a"]))));
    let part = &answer.responses[0].partition_responses[0];
    assert_eq!(ErrorCode::from_code(part.error_code), ErrorCode::InvalidRecord);
    assert_eq!(part.record_errors[0].batch_index, 0);
}

#[test]
fn a_malformed_request_closes_its_connection_and_no_other() {
    let mut host = Host::started(1);
    let (bad, good) = (host.connect(), host.connect());
    let request = odradek_wire::prepare::prepare(bytes::Bytes::from_static(&[0, 3, 0, 9, 0]), &odradek_wire::prepare::Limits::default());
    host.step(Input::Request { connection: bad, frame_bytes: 5, request });
    assert!(host.closed.contains_key(&bad));
    assert!(matches!(host.call(good, 0, ApiVersionsRequestData::default()), Response::ApiVersions(_)));
}
