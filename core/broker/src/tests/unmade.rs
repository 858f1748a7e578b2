//! Topics that are made while the disk has no room for them.

use odradek_wire::error::ErrorCode;
use odradek_wire::messages::create_partitions_request::CreatePartitionsTopic;
use odradek_wire::messages::create_topics_request::CreatableTopic;
use odradek_wire::messages::delete_topics_request::DeleteTopicState;
use odradek_wire::messages::{CreatePartitionsRequestData, CreateTopicsRequestData, DeleteTopicsRequestData, KafkaUuid, text};
use odradek_wire::response::Response;

use super::host::{Host, batch, produce, values};
use super::story::{fetch_of, fetched, metadata, produced, topic_id};
use crate::io::ConnectionId;

/// A node whose disk has no room for names that begin so.
fn started(no_room_for: Option<&'static str>) -> (Host, ConnectionId) {
    let mut host = Host::started(61);
    let connection = host.connect();
    host.disk.no_room_for = no_room_for;
    (host, connection)
}

fn creation(topic: &str, partitions: i32) -> CreateTopicsRequestData {
    let topic = CreatableTopic::default().with_name(text(topic)).with_num_partitions(partitions).with_replication_factor(1);
    CreateTopicsRequestData::default().with_topics(vec![topic]).with_timeout_ms(10_000)
}

fn created(response: Response) -> (ErrorCode, String) {
    match response {
        Response::CreateTopics(r) => {
            let topic = &r.topics[0];
            (ErrorCode::from_code(topic.error_code), topic.error_message.as_ref().map_or(String::new(), |m| m.as_str().to_owned()))
        }
        other => panic!("{other:?}"),
    }
}

/// Leader, error and offline replicas of the first partition.
fn led(host: &mut Host, connection: ConnectionId, topic: &str) -> (i32, ErrorCode, usize) {
    let answer = metadata(host, connection, topic);
    let part = &answer.topics[0].partitions[0];
    (part.leader_id, ErrorCode::from_code(part.error_code), part.offline_replicas.len())
}

fn sent(host: &mut Host, connection: ConnectionId, topic: &str, value: &str) -> (ErrorCode, i64) {
    let answer = produced(host.call(connection, 9, produce(topic, 0, -1, batch(&[value]))));
    let part = &answer.responses[0].partition_responses[0];
    (ErrorCode::from_code(part.error_code), part.base_offset)
}

#[test]
fn a_topic_that_could_not_be_made_is_told_so_and_made_when_there_is_room() {
    // The directory itself; its identity; its first segment.
    for no_room_for in ["orders-0", "orders-0/partition.metadata", "orders-0/0000"] {
        let (mut host, connection) = started(Some(no_room_for));
        let (error, says) = created(host.call(connection, 7, creation("orders", 2)));
        assert_eq!(error, ErrorCode::KafkaStorageError, "{no_room_for}");
        assert!(says.starts_with("Partition 0 could not be made and is tried again: ") && says.ends_with("Full"), "{says}");
        assert_eq!(led(&mut host, connection, "orders"), (-1, ErrorCode::LeaderNotAvailable, 1), "{no_room_for}");
        assert_eq!(sent(&mut host, connection, "orders", "a"), (ErrorCode::KafkaStorageError, -1), "{no_room_for}");
        host.pass_ms(20_000);
        assert_eq!(led(&mut host, connection, "orders").0, -1, "{no_room_for}: there is no room yet");
        host.disk.no_room_for = None;
        host.pass_ms(60_000);
        assert!(host.marks.contains(&"replica.made_at_last"), "{no_room_for}");
        assert_eq!(led(&mut host, connection, "orders"), (1, ErrorCode::None, 0), "{no_room_for}");
        assert_eq!(sent(&mut host, connection, "orders", "a"), (ErrorCode::None, 0), "{no_room_for}");
        let left: Vec<&str> = host.disk.files().into_iter().filter(|f| f.contains("-delete")).collect();
        assert_eq!(left, Vec::<&str>::new(), "{no_room_for}: what was half made is gone");
        let id = topic_id(&mut host, connection, "orders");
        let mut host = host.restarted(true, 62);
        let connection = host.connect();
        let read = fetched(host.call(connection, 17, fetch_of(id, 0, 0)));
        assert_eq!(values(read.responses[0].partitions[0].records.clone()), ["a"]);
    }
}

#[test]
fn a_topic_that_could_not_be_made_may_be_deleted_and_comes_with_the_next_life() {
    for delete in [true, false] {
        let (mut host, connection) = started(Some("orders-0"));
        assert_eq!(created(host.call(connection, 7, creation("orders", 1))).0, ErrorCode::KafkaStorageError);
        if delete {
            let topic = DeleteTopicState::default().with_name(Some(text("orders"))).with_topic_id(KafkaUuid::ZERO);
            let request = DeleteTopicsRequestData::default().with_topics(vec![topic]).with_timeout_ms(10_000);
            assert!(matches!(host.call(connection, 6, request), Response::DeleteTopics(r) if r.responses[0].error_code == 0));
            assert_eq!(sent(&mut host, connection, "orders", "a"), (ErrorCode::UnknownTopicOrPartition, -1));
            host.pass_ms(120_000);
        }
        host.disk.no_room_for = None;
        let mut host = host.restarted(true, 63);
        let connection = host.connect();
        host.rest();
        if delete {
            assert_eq!(created(host.call(connection, 7, creation("orders", 1))).0, ErrorCode::None);
        }
        assert_eq!(sent(&mut host, connection, "orders", "a"), (ErrorCode::None, 0), "deleted: {delete}");
    }
}

#[test]
fn partitions_that_could_not_be_made_are_told_and_the_others_go_on() {
    let (mut host, connection) = started(None);
    assert_eq!(created(host.call(connection, 7, creation("orders", 1))).0, ErrorCode::None);
    host.disk.no_room_for = Some("orders-1");
    let topic = CreatePartitionsTopic::default().with_name(text("orders")).with_count(2).with_assignments(None);
    let request = CreatePartitionsRequestData::default().with_topics(vec![topic]).with_timeout_ms(10_000);
    match host.call(connection, 3, request) {
        Response::CreatePartitions(r) => assert_eq!(ErrorCode::from_code(r.results[0].error_code), ErrorCode::KafkaStorageError),
        other => panic!("{other:?}"),
    }
    assert_eq!(sent(&mut host, connection, "orders", "a"), (ErrorCode::None, 0));
}

#[test]
fn a_creation_waits_for_its_logs_half_of_its_time() {
    let (mut host, connection) = started(None);
    host.ask(connection, 7, creation("orders", 1));
    host.until("the record is committed", |h| h.node.running().is_some_and(|r| r.image().topic("orders").is_some()));
    host.disk_stalls = true;
    host.pass_ms(4_000);
    assert!(host.answered(connection).is_none(), "its log is being made");
    host.pass_ms(2_000);
    assert_eq!(created(host.answered(connection).expect("half of its time is over").1).0, ErrorCode::None);
    host.ask(connection, 9, produce("orders", 0, -1, batch(&["a"])));
    host.rest();
    assert!(host.answered(connection).is_none(), "what is asked of it waits for it");
    host.disk_stalls = false;
    host.rest();
    let answer = produced(host.answered(connection).expect("it is there").1);
    assert_eq!(answer.responses[0].partition_responses[0].error_code, 0);
}

#[test]
fn a_topic_made_by_asking_for_it_has_no_leader_while_it_cannot_be_made() {
    let (mut host, connection) = started(Some("orders-0"));
    assert_eq!(led(&mut host, connection, "orders"), (-1, ErrorCode::LeaderNotAvailable, 1));
    host.disk.no_room_for = None;
    host.pass_ms(5_000);
    assert_eq!(led(&mut host, connection, "orders"), (1, ErrorCode::None, 0));
}
