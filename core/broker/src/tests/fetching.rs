//! Long polls, sessions, limits and errors of Fetch.

use odradek_wire::error::ErrorCode;
use odradek_wire::ids::Uuid;
use odradek_wire::messages::{FetchRequestData, KafkaUuid};

use super::host::{Host, batch, produce, values};
use super::story::{fetch_of, fetched, topic_id};
use crate::io::{ConnectionId, Input};

fn started() -> (Host, ConnectionId, Uuid) {
    let mut host = Host::started(11);
    let connection = host.connect();
    let id = topic_id(&mut host, connection, "orders");
    (host, connection, id)
}

#[test]
fn fetch_waits_and_is_woken_by_what_becomes_committed() {
    let (mut host, reader, id) = started();
    let writer = host.connect();
    host.ask(reader, 17, fetch_of(id, 0, 5_000));
    host.rest();
    assert!(host.answered(reader).is_none(), "there is nothing to be read yet");
    host.ask(writer, 9, produce("orders", 0, -1, batch(&["news"])));
    host.rest();
    let answer = fetched(host.answered(reader).expect("the record woke it").1);
    assert_eq!(values(answer.responses[0].partitions[0].records.clone()), ["news"]);
}

#[test]
fn fetch_answers_empty_when_its_time_is_over_and_not_before() {
    let (mut host, reader, id) = started();
    host.ask(reader, 17, fetch_of(id, 0, 400));
    host.pass_ms(300);
    assert!(host.answered(reader).is_none());
    host.pass_ms(200);
    let answer = fetched(host.answered(reader).expect("its time is over").1);
    assert!(values(answer.responses[0].partitions[0].records.clone()).is_empty());
}

#[test]
fn fetch_of_a_closed_connection_is_forgotten() {
    let (mut host, reader, id) = started();
    host.ask(reader, 17, fetch_of(id, 0, 5_000));
    host.rest();
    host.step(Input::Closed { connection: reader });
    let running = host.node.running().expect("it runs");
    assert!(running.purgatory.is_empty() && running.pending.is_empty());
}

#[test]
fn fetch_session_tells_only_what_changed() {
    let (mut host, connection, id) = started();
    let full = fetched(host.call(connection, 17, fetch_of(id, 0, 0).with_session_epoch(0)));
    assert!(full.session_id > 0);
    let next = |epoch: i32| {
        FetchRequestData::default().with_session_id(full.session_id).with_session_epoch(epoch).with_min_bytes(1).with_max_bytes(1 << 20)
    };
    let quiet = fetched(host.call(connection, 17, next(1)));
    assert_eq!((quiet.session_id, quiet.responses.len()), (full.session_id, 0));
    host.call(connection, 9, produce("orders", 0, -1, batch(&["a"])));
    let news = fetched(host.call(connection, 17, next(2)));
    assert_eq!(values(news.responses[0].partitions[0].records.clone()), ["a"]);
    let wrong = fetched(host.call(connection, 17, next(2)));
    assert_eq!(ErrorCode::from_code(wrong.error_code), ErrorCode::InvalidFetchSessionEpoch);
    let unknown = fetched(host.call(connection, 17, next(3).with_session_id(full.session_id ^ 1)));
    assert_eq!(ErrorCode::from_code(unknown.error_code), ErrorCode::FetchSessionIdNotFound);
}

#[test]
fn fetch_errors_are_those_of_kafka() {
    let (mut host, connection, id) = started();
    let code = |host: &mut Host, request: FetchRequestData| {
        let answer = fetched(host.call(connection, 17, request));
        ErrorCode::from_code(answer.responses[0].partitions[0].error_code)
    };
    assert_eq!(code(&mut host, fetch_of(id, 5, 0)), ErrorCode::OffsetOutOfRange);
    assert_eq!(code(&mut host, fetch_of(Uuid([7; 16]), 0, 0)), ErrorCode::UnknownTopicId);
    let mut stale = fetch_of(id, 0, 0);
    stale.topics[0].partitions[0].current_leader_epoch = 9;
    assert_eq!(code(&mut host, stale), ErrorCode::UnknownLeaderEpoch);
    let mut beyond = fetch_of(id, 0, 0);
    beyond.topics[0].partitions[0].partition = 3;
    assert_eq!(code(&mut host, beyond), ErrorCode::UnknownTopicOrPartition);
    let mut restarted = host.restarted(true, 12);
    let connection = restarted.connect();
    let mut fenced = fetch_of(id, 0, 0);
    fenced.topics[0].partitions[0].current_leader_epoch = 0;
    let answer = fetched(restarted.call(connection, 17, fenced));
    assert_eq!(ErrorCode::from_code(answer.responses[0].partitions[0].error_code), ErrorCode::FencedLeaderEpoch);
}

#[test]
fn fetch_gives_one_batch_whole_however_small_the_limit() {
    let (mut host, connection, id) = started();
    for n in 0..3 {
        host.call(connection, 9, produce("orders", 0, -1, batch(&[&format!("{n}").repeat(100)])));
    }
    let answer = fetched(host.call(connection, 17, fetch_of(id, 0, 0).with_max_bytes(1)));
    assert_eq!(values(answer.responses[0].partitions[0].records.clone()), ["0".repeat(100)]);
}

#[test]
fn fetch_by_name_reads_the_same() {
    let (mut host, connection, id) = started();
    host.call(connection, 9, produce("orders", 0, -1, batch(&["a"])));
    let mut by_name = fetch_of(id, 0, 0);
    by_name.topics[0].topic = odradek_wire::messages::text("orders");
    by_name.topics[0].topic_id = KafkaUuid::from(Uuid::ZERO);
    for version in [4, 7, 11, 12] {
        let answer = fetched(host.call(connection, version, by_name.clone()));
        assert_eq!(values(answer.responses[0].partitions[0].records.clone()), ["a"], "version {version}");
        assert!(answer.responses[0].partitions[0].aborted_transactions.is_none());
    }
}
