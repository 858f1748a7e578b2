//! Offsets by time, deleted records, deleted topics, many partitions through restarts.

use odradek_wire::error::ErrorCode;
use odradek_wire::messages::create_topics_request::CreatableTopic;
use odradek_wire::messages::delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic};
use odradek_wire::messages::delete_topics_request::DeleteTopicState;
use odradek_wire::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use odradek_wire::messages::{CreateTopicsRequestData, DeleteRecordsRequestData, DeleteTopicsRequestData, ListOffsetsRequestData, text};
use odradek_wire::response::Response;

use super::host::{Host, batch, produce, values};
use super::story::{fetch_of, fetched, produced, topic_id};
use crate::io::{ConnectionId, Input};

fn offset_at(host: &mut Host, connection: ConnectionId, timestamp: i64) -> (ErrorCode, i64) {
    let partition = ListOffsetsPartition::default().with_timestamp(timestamp).with_current_leader_epoch(-1);
    let topic = ListOffsetsTopic::default().with_name(text("orders")).with_partitions(vec![partition]);
    match host.call(connection, 10, ListOffsetsRequestData::default().with_replica_id(-1).with_topics(vec![topic])) {
        Response::ListOffsets(r) => {
            let p = &r.topics[0].partitions[0];
            (ErrorCode::from_code(p.error_code), p.offset)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn list_offsets_finds_the_ends_and_times() {
    for restart in [false, true] {
        let mut host = Host::started(21);
        let mut connection = host.connect();
        topic_id(&mut host, connection, "orders");
        for _ in 0..3 {
            host.call(connection, 9, produce("orders", 0, -1, batch(&["a", "b"])));
        }
        if restart {
            host = host.restarted(false, 22);
            connection = host.connect();
        }
        assert_eq!(offset_at(&mut host, connection, -1), (ErrorCode::None, 6));
        assert_eq!(offset_at(&mut host, connection, -2), (ErrorCode::None, 0));
        assert_eq!(offset_at(&mut host, connection, -3), (ErrorCode::None, 0));
        assert_eq!(offset_at(&mut host, connection, -4), (ErrorCode::None, 0));
        assert_eq!(offset_at(&mut host, connection, -5), (ErrorCode::None, -1));
        assert_eq!(offset_at(&mut host, connection, -9).0, ErrorCode::UnsupportedVersion);
        assert_eq!(offset_at(&mut host, connection, 1_700_000_000_000), (ErrorCode::None, 0));
        assert_eq!(offset_at(&mut host, connection, 1_700_000_000_001), (ErrorCode::None, -1));
    }
}

#[test]
fn deleted_records_stay_deleted_through_a_kill() {
    for seed in 30..40 {
        let mut host = Host::started(seed);
        let connection = host.connect();
        let id = topic_id(&mut host, connection, "orders");
        for n in 0..4 {
            host.call(connection, 9, produce("orders", 0, -1, batch(&[&format!("{n}")])));
        }
        let delete = |offset: i64| {
            let partition = DeleteRecordsPartition::default().with_offset(offset);
            let topic = DeleteRecordsTopic::default().with_name(text("orders")).with_partitions(vec![partition]);
            DeleteRecordsRequestData::default().with_timeout_ms(10_000).with_topics(vec![topic])
        };
        let low = |response: Response| match response {
            Response::DeleteRecords(r) => {
                let p = &r.topics[0].partitions[0];
                (ErrorCode::from_code(p.error_code), p.low_watermark)
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(low(host.call(connection, 2, delete(9))), (ErrorCode::OffsetOutOfRange, -1));
        assert_eq!(low(host.call(connection, 2, delete(3))), (ErrorCode::None, 3));
        let mut host = host.restarted(false, seed + 100);
        let connection = host.connect();
        assert_eq!(offset_at(&mut host, connection, -2), (ErrorCode::None, 3));
        let gone = fetched(host.call(connection, 17, fetch_of(id, 1, 0)));
        assert_eq!(ErrorCode::from_code(gone.responses[0].partitions[0].error_code), ErrorCode::OffsetOutOfRange);
        let there = fetched(host.call(connection, 17, fetch_of(id, 3, 0)));
        assert_eq!(values(there.responses[0].partitions[0].records.clone()), ["3"]);
    }
}

#[test]
fn a_deleted_topic_goes_with_its_directory_and_its_name_may_come_back() {
    let mut host = Host::started(41);
    let connection = host.connect();
    let old = topic_id(&mut host, connection, "orders");
    host.call(connection, 9, produce("orders", 0, -1, batch(&["old"])));
    let topic = DeleteTopicState::default().with_name(Some(text("orders")));
    match host.call(connection, 6, DeleteTopicsRequestData::default().with_topics(vec![topic]).with_timeout_ms(10_000)) {
        Response::DeleteTopics(r) => assert_eq!(r.responses[0].error_code, 0),
        other => panic!("{other:?}"),
    }
    let new = topic_id(&mut host, connection, "orders");
    assert_ne!(new, old);
    let answer = produced(host.call(connection, 9, produce("orders", 0, -1, batch(&["new"]))));
    assert_eq!(answer.responses[0].partition_responses[0].base_offset, 0);
    host.pass_ms(70_000);
    assert!(host.disk.files().iter().all(|f| !f.contains("-delete")), "{:?}", host.disk.files());
    let mut host = host.restarted(true, 42);
    let connection = host.connect();
    let read = fetched(host.call(connection, 17, fetch_of(new, 0, 0)));
    assert_eq!(values(read.responses[0].partitions[0].records.clone()), ["new"]);
}

#[test]
fn a_name_comes_back_again_and_again_before_the_files_of_the_first_are_gone() {
    let mut host = Host::started(47);
    let connection = host.connect();
    for round in 0..4 {
        topic_id(&mut host, connection, "orders");
        let answer = produced(host.call(connection, 9, produce("orders", 0, -1, batch(&["a"]))));
        let part = &answer.responses[0].partition_responses[0];
        assert_eq!((part.error_code, part.base_offset), (0, 0), "round {round}");
        let topic = DeleteTopicState::default().with_name(Some(text("orders")));
        host.call(connection, 6, DeleteTopicsRequestData::default().with_topics(vec![topic]).with_timeout_ms(10_000));
        host.rest();
        let gone = host.disk.files().iter().filter(|f| f.contains("-delete/") && f.ends_with(".log")).count();
        assert_eq!(gone, round + 1, "{:?}", host.disk.files());
    }
    host.restarted(true, 48);
}

#[test]
fn a_topic_deleted_before_a_kill_is_swept_at_the_next_start() {
    let mut host = Host::started(43);
    let connection = host.connect();
    topic_id(&mut host, connection, "orders");
    let topic = DeleteTopicState::default().with_name(Some(text("orders")));
    host.call(connection, 6, DeleteTopicsRequestData::default().with_topics(vec![topic]).with_timeout_ms(10_000));
    host.rest();
    assert!(host.disk.files().iter().any(|f| f.contains("-delete")), "{:?}", host.disk.files());
    let mut host = host.restarted(false, 44);
    host.rest();
    assert!(host.disk.files().iter().all(|f| !f.contains("-delete") && !f.starts_with("orders")), "{:?}", host.disk.files());
}

#[test]
fn many_partitions_come_back() {
    let mut host = Host::started(51);
    let connection = host.connect();
    let topic = CreatableTopic::default().with_name(text("wide")).with_num_partitions(40).with_replication_factor(1);
    host.call(connection, 7, CreateTopicsRequestData::default().with_topics(vec![topic]).with_timeout_ms(10_000));
    for partition in 0..40 {
        let answer = produced(host.call(connection, 9, produce("wide", partition, -1, batch(&["x"]))));
        assert_eq!(answer.responses[0].partition_responses[0].error_code, 0);
    }
    let mut host = host.restarted(true, 52).restarted(false, 53);
    let connection = host.connect();
    for partition in 0..40 {
        let answer = produced(host.call(connection, 9, produce("wide", partition, -1, batch(&["y"]))));
        assert_eq!(answer.responses[0].partition_responses[0].base_offset, 1);
    }
}

#[test]
fn a_clean_stop_does_not_wait_for_a_deleted_topic() {
    for seed in 60..80 {
        let mut host = Host::started(seed);
        let connection = host.connect();
        topic_id(&mut host, connection, "orders");
        topic_id(&mut host, connection, "gone");
        host.call(connection, 9, produce("gone", 0, -1, batch(&["x"])));
        let topic = DeleteTopicState::default().with_name(Some(text("gone")));
        host.call(connection, 6, DeleteTopicsRequestData::default().with_topics(vec![topic]).with_timeout_ms(10_000));
        if seed % 2 == 0 {
            host.rest();
        }
        let asked = host.now.mono;
        host.step(Input::Stop);
        host.until("it stopped", |h| h.stopped.is_some());
        let took = host.now.mono.since(asked) / 1_000_000;
        assert!(took < 1000, "the stop took {took} ms, of the minute that files of a deleted topic stay");
        let mut host = Host::on(host.disk.without_handles(), seed + 100, |_| {});
        host.start();
        host.rest();
        assert!(host.disk.files().iter().all(|f| !f.contains("gone")), "{:?}", host.disk.files());
    }
}
