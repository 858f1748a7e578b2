//! Replicas whose logs go out of service while they serve.

use odradek_log::disk::FileRange;
use odradek_wire::error::ErrorCode;
use odradek_wire::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use odradek_wire::messages::{DescribeLogDirsRequestData, ListOffsetsRequestData, text};
use odradek_wire::response::Response;

use super::disk::Disk;
use super::host::{Host, batch, produce, values};
use super::story::{fetch_of, fetched, metadata, produced, topic_id};
use crate::io::{ConnectionId, Input};

/// A node with a record in each of two topics.
fn with_records() -> (Host, ConnectionId) {
    let mut host = Host::started(81);
    let connection = host.connect();
    for topic in ["orders", "payments"] {
        metadata(&mut host, connection, topic);
        assert_eq!(sent(&mut host, connection, topic), ErrorCode::None);
    }
    (host, connection)
}

/// A node with the log directories `a` and `b`.
fn with_two(disk: Disk, other: Disk, seed: u64) -> (Host, ConnectionId) {
    let mut host = Host::on(disk, seed, |setup| setup.log_dirs = vec!["a".to_owned(), "b".to_owned()]);
    host.other = other;
    host.start();
    let connection = host.connect();
    (host, connection)
}

fn sent(host: &mut Host, connection: ConnectionId, topic: &str) -> ErrorCode {
    let answer = produced(host.call(connection, 9, produce(topic, 0, -1, batch(&["a"]))));
    ErrorCode::from_code(answer.responses[0].partition_responses[0].error_code)
}

/// Leader and offline replicas of the first partition.
fn led(host: &mut Host, connection: ConnectionId, topic: &str) -> (i32, usize) {
    let answer = metadata(host, connection, topic);
    let part = &answer.topics[0].partitions[0];
    (part.leader_id, part.offline_replicas.len())
}

/// A range that a fetch of the first record of a topic sends.
fn range_of(host: &mut Host, connection: ConnectionId, topic: &str) -> FileRange {
    let id = topic_id(host, connection, topic);
    let answer = fetched(host.call(connection, 17, fetch_of(id, 0, 0)));
    assert_eq!(values(answer.responses[0].partitions[0].records.clone()), ["a"]);
    host.ranges.last().copied().expect("a fetch sends a range")
}

/// The log directories that are told as failed.
fn failed_dirs(host: &mut Host, connection: ConnectionId) -> Vec<String> {
    let Response::DescribeLogDirs(answer) = host.call(connection, 4, DescribeLogDirsRequestData::default().with_topics(None)) else {
        panic!("another answer")
    };
    let failed = answer.results.iter().filter(|r| ErrorCode::from_code(r.error_code) == ErrorCode::KafkaStorageError);
    failed.map(|r| r.log_dir.as_str().to_owned()).collect()
}

#[test]
fn a_log_directory_that_fails_takes_its_replicas_along_and_gets_no_others() {
    let (mut host, connection) = with_two(Disk::default(), Disk::default(), 83);
    // The first of these goes to the first directory, the second to the other.
    for topic in ["orders", "payments"] {
        metadata(&mut host, connection, topic);
        assert_eq!(sent(&mut host, connection, topic), ErrorCode::None);
    }
    assert!(host.other.files().iter().any(|f| f.starts_with("payments-0/")));
    host.other.sync_fails = true;
    assert_eq!(sent(&mut host, connection, "payments"), ErrorCode::KafkaStorageError);
    host.pass_ms(1);
    assert_eq!((led(&mut host, connection, "orders"), led(&mut host, connection, "payments")), ((1, 0), (-1, 1)));
    assert_eq!(failed_dirs(&mut host, connection), ["b"]);
    for topic in ["invoices", "returns", "refunds"] {
        metadata(&mut host, connection, topic);
        assert_eq!((sent(&mut host, connection, topic), led(&mut host, connection, topic)), (ErrorCode::None, (1, 0)), "{topic}");
    }
    let (mut host, connection) = with_two(host.disk.without_handles(), host.other.without_handles(), 84);
    assert_eq!(
        (led(&mut host, connection, "payments"), sent(&mut host, connection, "payments")),
        ((1, 0), ErrorCode::None),
        "it is mended"
    );
}

#[test]
fn a_log_that_cannot_be_made_in_one_directory_is_made_in_another() {
    let (mut host, connection) = with_two(Disk::default(), Disk::default(), 85);
    metadata(&mut host, connection, "orders");
    host.other.no_room_for = Some("payments-0");
    metadata(&mut host, connection, "payments");
    host.pass_ms(2_000);
    assert_eq!((led(&mut host, connection, "payments"), sent(&mut host, connection, "payments")), ((1, 0), ErrorCode::None));
    assert!(host.disk.files().iter().any(|f| f.starts_with("payments-0/")));
    let (mut host, connection) = with_two(host.disk.without_handles(), host.other.without_handles(), 86);
    let id = topic_id(&mut host, connection, "payments");
    let answer = fetched(host.call(connection, 17, fetch_of(id, 0, 0)));
    assert_eq!(values(answer.responses[0].partitions[0].records.clone()), ["a"], "the next life finds it there");
}

#[test]
fn replicas_that_fall_one_after_the_other_are_all_told() {
    let (mut host, connection) = with_records();
    for topic in ["orders", "payments"] {
        let range = range_of(&mut host, connection, topic);
        host.step(Input::SendFailed { connection, range, says: "Input/output error".to_owned() });
        host.rest();
        assert_eq!(led(&mut host, connection, topic), (-1, 1), "{topic}");
    }
}

#[test]
fn a_clean_stop_does_not_vouch_for_a_replica_that_is_out_of_service() {
    let (mut host, _) = with_records();
    host.disk.bytes_mut("orders-0/00000000000000000000.log")[64] ^= 1;
    let mut host = host.restarted(false, 87);
    let connection = host.connect();
    assert_eq!(led(&mut host, connection, "orders"), (-1, 1));
    host.step(Input::Stop);
    host.until("it stopped", |h| h.stopped.is_some());
    assert!(!host.disk.files().contains(&".kafka_cleanshutdown"));
}

#[test]
fn a_stop_is_clean_though_the_quorum_goes_on_while_the_metadata_log_is_closed() {
    let (mut host, _) = with_records();
    host.step(Input::Stop);
    host.until("the directory has its mark", |h| h.marks.contains(&"dir.stopped"));
    assert_eq!(host.stopped, None);
    host.disk_stalls = true;
    // A record without content is due twice a second.
    host.pass_ms(1_200);
    host.disk_stalls = false;
    host.until("it stopped", |h| h.stopped.is_some());
    assert_eq!(host.stopped, Some(Ok(())));
}

#[test]
fn a_replica_that_was_moved_to_another_directory_is_served_from_there() {
    let (mut host, connection) = with_two(Disk::default(), Disk::default(), 88);
    metadata(&mut host, connection, "orders");
    assert_eq!(sent(&mut host, connection, "orders"), ErrorCode::None);
    host.step(Input::Stop);
    host.until("it stopped", |h| h.stopped.is_some());
    let (mut disk, mut other) = (host.disk.without_handles(), host.other.without_handles());
    disk.move_to(&mut other, "orders-0");
    let (mut host, connection) = with_two(disk, other, 89);
    assert_eq!((led(&mut host, connection, "orders"), sent(&mut host, connection, "orders")), ((1, 0), ErrorCode::None));
    let id = topic_id(&mut host, connection, "orders");
    let answer = fetched(host.call(connection, 17, fetch_of(id, 0, 0)));
    assert_eq!(values(answer.responses[0].partitions[0].records.clone()), ["a", "a"]);
}

#[test]
fn what_is_not_synced_is_shown_to_nobody() {
    let (mut host, connection) = with_records();
    let id = topic_id(&mut host, connection, "orders");
    let producer = host.connect();
    host.syncs_stall = true;
    host.ask(producer, 9, produce("orders", 0, -1, batch(&["b"])));
    host.rest();
    assert!(host.answered(producer).is_none(), "it is not durable");
    let ends = |host: &mut Host| {
        let partition = ListOffsetsPartition::default().with_current_leader_epoch(-1).with_timestamp(-1);
        let topic = ListOffsetsTopic::default().with_name(text("orders")).with_partitions(vec![partition]);
        match host.call(connection, 7, ListOffsetsRequestData::default().with_replica_id(-1).with_topics(vec![topic])) {
            Response::ListOffsets(r) => r.topics[0].partitions[0].offset,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(ends(&mut host), 1);
    let answer = fetched(host.call(connection, 17, fetch_of(id, 0, 0)));
    assert_eq!(
        (values(answer.responses[0].partitions[0].records.clone()), answer.responses[0].partitions[0].high_watermark),
        (vec!["a".to_owned()], 1)
    );
    host.syncs_stall = false;
    host.rest();
    assert_eq!(ends(&mut host), 2);
}

#[test]
fn a_replica_whose_range_cannot_be_sent_has_no_leader_and_the_next_life_serves_it_again() {
    let (mut host, connection) = with_records();
    let range = range_of(&mut host, connection, "orders");
    assert_eq!((led(&mut host, connection, "orders"), led(&mut host, connection, "payments")), ((1, 0), (1, 0)));
    host.step(Input::SendFailed { connection, range, says: "Input/output error".to_owned() });
    host.step(Input::Closed { connection });
    host.rest();
    let says = host.said.iter().find(|(mark, _)| *mark == "log.unreadable").map(|(_, says)| says.clone());
    let name = "orders-0/00000000000000000000.log";
    let bytes = range.length;
    assert_eq!(says, Some(format!("orders-0 is out of service: send {name}: {bytes} bytes at 0: Input/output error")));
    let connection = host.connect();
    assert_eq!((led(&mut host, connection, "orders"), led(&mut host, connection, "payments")), ((-1, 1), (1, 0)));
    assert_eq!(failed_dirs(&mut host, connection), ["data/orders-0"]);
    assert_eq!(sent(&mut host, connection, "orders"), ErrorCode::KafkaStorageError);
    assert_eq!(sent(&mut host, connection, "payments"), ErrorCode::None);
    let id = topic_id(&mut host, connection, "orders");
    let answer = fetched(host.call(connection, 17, fetch_of(id, 0, 0)));
    assert_eq!(ErrorCode::from_code(answer.responses[0].partitions[0].error_code), ErrorCode::KafkaStorageError);

    let mut host = host.restarted(true, 82);
    let connection = host.connect();
    assert_eq!(led(&mut host, connection, "orders"), (1, 0), "the disk gives it again");
    assert_eq!(sent(&mut host, connection, "orders"), ErrorCode::None);
}
