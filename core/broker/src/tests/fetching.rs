//! Long polls, sessions, limits and errors of Fetch.

use odradek_cluster::config::StaticConfig;
use odradek_wire::error::ErrorCode;
use odradek_wire::ids::Uuid;
use odradek_wire::messages::delete_topics_request::DeleteTopicState;
use odradek_wire::messages::{DeleteTopicsRequestData, FetchRequestData, FetchResponseData, KafkaUuid, text};
use odradek_wire::response::Response;

use super::disk::Disk;
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
    by_name.topics[0].topic = text("orders");
    by_name.topics[0].topic_id = KafkaUuid::from(Uuid::ZERO);
    for version in [4, 7, 11, 12] {
        let answer = fetched(host.call(connection, version, by_name.clone()));
        assert_eq!(values(answer.responses[0].partitions[0].records.clone()), ["a"], "version {version}");
        assert!(answer.responses[0].partitions[0].aborted_transactions.is_none());
    }
}

fn delete(host: &mut Host, connection: ConnectionId, topic: &str) {
    let topic = DeleteTopicState::default().with_name(Some(text(topic))).with_topic_id(KafkaUuid::ZERO);
    let request = DeleteTopicsRequestData::default().with_topics(vec![topic]).with_timeout_ms(10_000);
    assert!(matches!(host.call(connection, 6, request), Response::DeleteTopics(r) if r.responses[0].error_code == 0));
}

/// The errors of an answer, in order.
fn errors(answer: &FetchResponseData) -> Vec<ErrorCode> {
    answer.responses.iter().flat_map(|t| &t.partitions).map(|p| ErrorCode::from_code(p.error_code)).collect()
}

#[test]
fn fetch_session_that_knew_a_topic_says_that_it_is_gone_and_a_whole_fetch_that_nobody_knows_its_id() {
    let (mut host, connection, id) = started();
    let session = fetched(host.call(connection, 17, fetch_of(id, 0, 0).with_session_epoch(0))).session_id;
    let mut epoch = 0;
    let mut next = |host: &mut Host| {
        epoch += 1;
        let request = FetchRequestData::default().with_session_id(session).with_session_epoch(epoch).with_max_bytes(1 << 20);
        fetched(host.call(connection, 17, request))
    };
    assert_eq!(errors(&next(&mut host)), []);
    delete(&mut host, connection, "orders");
    for _ in 0..2 {
        let answer = next(&mut host);
        assert_eq!(errors(&answer), [ErrorCode::UnknownTopicOrPartition]);
        assert_eq!(answer.responses[0].partitions[0].aborted_transactions, Some(Vec::new()));
    }
    assert_eq!(errors(&fetched(host.call(connection, 17, fetch_of(id, 0, 0)))), [ErrorCode::UnknownTopicId]);
    let other = topic_id(&mut host, connection, "orders");
    assert_ne!(other, id);
    let answer = next(&mut host);
    assert_eq!(errors(&answer), [ErrorCode::InconsistentTopicId], "another topic has its name");
    assert_eq!(answer.responses[0].partitions[0].aborted_transactions, None);
    assert_eq!(errors(&fetched(host.call(connection, 17, fetch_of(id, 0, 0)))), [ErrorCode::UnknownTopicId]);
    assert_eq!(errors(&fetched(host.call(connection, 17, fetch_of(other, 0, 0)))), [ErrorCode::None]);
}

#[test]
fn fetch_tells_what_is_not_there_behind_all_else() {
    let (mut host, connection, id) = started();
    let mut request = fetch_of(Uuid([7; 16]), 0, 0);
    request.topics.extend(fetch_of(id, 0, 0).topics);
    assert_eq!(errors(&fetched(host.call(connection, 17, request))), [ErrorCode::None, ErrorCode::UnknownTopicId]);
}

#[test]
fn fetch_that_waits_is_told_at_once_when_a_topic_of_it_goes() {
    let (mut host, reader, id) = started();
    let other = topic_id(&mut host, reader, "second");
    let writer = host.connect();
    let mut both = fetch_of(other, 0, 50_000);
    both.topics.extend(fetch_of(id, 0, 50_000).topics);
    both.topics.extend(fetch_of(Uuid([7; 16]), 0, 50_000).topics);
    host.ask(reader, 17, both.with_isolation_level(1));
    host.rest();
    assert!(host.answered(reader).is_none());
    delete(&mut host, writer, "orders");
    host.rest();
    let answer = fetched(host.answered(reader).expect("it is told").1);
    assert_eq!(errors(&answer), [ErrorCode::None, ErrorCode::UnknownTopicOrPartition, ErrorCode::UnknownTopicId]);
    let aborted: Vec<bool> = answer.responses.iter().map(|t| t.partitions[0].aborted_transactions.is_some()).collect();
    assert_eq!(aborted, [true, false, true]);
}

#[test]
fn fetch_of_what_is_committed_lists_aborted_transactions_as_kafka_does() {
    let (mut host, connection, id) = started();
    for value in ["a", "b"] {
        host.call(connection, 9, produce("orders", 0, -1, batch(&[value])));
    }
    let mut listed = |offset: i64, change: &dyn Fn(&mut FetchRequestData)| {
        let mut request = fetch_of(id, offset, 0).with_isolation_level(1);
        change(&mut request);
        let answer = fetched(host.call(connection, 17, request));
        let last = answer.responses.last().and_then(|t| t.partitions.last()).expect("a partition was asked for");
        (last.aborted_transactions.is_some(), ErrorCode::from_code(last.error_code))
    };
    assert_eq!(listed(0, &|_| {}), (true, ErrorCode::None));
    assert_eq!(listed(2, &|_| {}), (true, ErrorCode::None), "at the end");
    assert_eq!(listed(0, &|r| r.isolation_level = 0), (false, ErrorCode::None));
    assert_eq!(listed(9, &|_| {}), (false, ErrorCode::OffsetOutOfRange));
    assert_eq!(listed(0, &|r| r.topics[0].topic_id = KafkaUuid::from(Uuid([7; 16]))), (true, ErrorCode::UnknownTopicId));
    assert_eq!(listed(0, &|r| r.topics[0].partitions[0].partition = 9), (true, ErrorCode::UnknownTopicOrPartition));
    assert_eq!(listed(0, &|r| r.topics[0].partitions[0].current_leader_epoch = 9), (false, ErrorCode::UnknownLeaderEpoch));
    assert_eq!(listed(12, &|r| r.topics[0].partitions[0].last_fetched_epoch = 0), (false, ErrorCode::None), "its log parted from this one");
}

#[test]
fn fetch_of_what_is_committed_says_nothing_of_a_batch_that_did_not_fit_behind_another() {
    let (mut host, connection, id) = started();
    let second = topic_id(&mut host, connection, "second");
    for topic in ["orders", "second"] {
        host.call(connection, 9, produce(topic, 0, -1, batch(&["a"])));
    }
    for (bytes, listed) in [(0, true), (1, false), (1 << 20, true)] {
        let mut request = fetch_of(id, 0, 0).with_isolation_level(1);
        request.topics.extend(fetch_of(second, 0, 0).topics);
        request.topics[1].partitions[0].partition_max_bytes = bytes;
        let answer = fetched(host.call(connection, 17, request));
        assert_eq!(answer.responses[1].partitions[0].aborted_transactions.is_some(), listed, "{bytes} bytes");
    }
}

#[test]
fn there_are_as_many_fetch_sessions_as_slots() {
    for slots in [0, 2] {
        let text = slots.to_string();
        let lines = [("max.incremental.fetch.session.cache.slots", text.as_str())];
        let mut host = Host::on(Disk::default(), 12, |setup| setup.config = StaticConfig::parse(lines).expect("a key of the table"));
        host.start();
        let connection = host.connect();
        let id = topic_id(&mut host, connection, "orders");
        let begins = |host: &mut Host| fetched(host.call(connection, 17, fetch_of(id, 0, 0).with_session_epoch(0))).session_id > 0;
        assert_eq!((0..4).filter(|_| begins(&mut host)).count(), slots);
    }
}
