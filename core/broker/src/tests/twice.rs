//! The same partition, and the same topic, named twice in one request: what Apache Kafka 4.3.1 makes of it.

use bytes::Bytes;
use odradek_wire::error::ErrorCode;
use odradek_wire::ids::Uuid;
use odradek_wire::messages::delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic};
use odradek_wire::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use odradek_wire::messages::produce_request::{PartitionProduceData, TopicProduceData};
use odradek_wire::messages::produce_response::PartitionProduceResponse;
use odradek_wire::messages::{DeleteRecordsRequestData, FetchRequestData, ListOffsetsRequestData, ProduceRequestData, text};
use odradek_wire::response::Response;

use super::host::{Host, batch, produce, values};
use super::story::{fetch_of, fetched, produced, topic_id};
use crate::io::ConnectionId;

/// A node with the topics `t` and `u`; the id of `t`.
fn started() -> (Host, ConnectionId, Uuid) {
    let mut host = Host::started(37);
    let connection = host.connect();
    let id = topic_id(&mut host, connection, "t");
    topic_id(&mut host, connection, "u");
    (host, connection, id)
}

/// Topics with their partitions and records, as they are named.
fn request(topics: &[(&str, &[(i32, &Bytes)])]) -> ProduceRequestData {
    let part = |(index, records): &(i32, &Bytes)| PartitionProduceData::default().with_index(*index).with_records(Some((*records).clone()));
    let topic = |(name, parts): &(&str, &[(i32, &Bytes)])| {
        TopicProduceData::default().with_name(text(name)).with_partition_data(parts.iter().map(part).collect())
    };
    ProduceRequestData::default().with_acks(-1).with_timeout_ms(30_000).with_topic_data(topics.iter().map(topic).collect())
}

#[test]
fn of_a_partition_named_twice_the_last_batch_counts_and_is_answered_once() {
    let (mut host, connection, id) = started();
    let (a, b, bad) = (batch(&["a"]), batch(&["b"]), {
        let mut bytes = batch(&["c"]).to_vec();
        *bytes.last_mut().expect("a batch has bytes") ^= 1;
        Bytes::from(bytes)
    });
    let two = Bytes::from([&a[..], &b[..]].concat());
    let mut answered = |topics: &[(&str, &[(i32, &Bytes)])]| {
        let answer = produced(host.call(connection, 9, request(topics)));
        let part = |p: &PartitionProduceResponse| (p.index, ErrorCode::from_code(p.error_code), p.base_offset);
        let topics = answer.responses.iter().map(|t| (t.name.to_string(), t.partition_responses.iter().map(part).collect::<Vec<_>>()));
        topics.collect::<Vec<_>>()
    };
    let t = |parts: &[(i32, ErrorCode, i64)]| ("t".to_owned(), parts.to_vec());
    let u = |parts: &[(i32, ErrorCode, i64)]| ("u".to_owned(), parts.to_vec());
    assert_eq!(answered(&[("t", &[(0, &a), (0, &b)])]), [t(&[(0, ErrorCode::None, 0)])]);
    let around = answered(&[("t", &[(0, &a)]), ("u", &[(0, &a)]), ("t", &[(7, &a), (0, &b)])]);
    assert_eq!(around, [t(&[(0, ErrorCode::None, 1), (7, ErrorCode::UnknownTopicOrPartition, -1)]), u(&[(0, ErrorCode::None, 0)])]);
    assert_eq!(answered(&[("t", &[(0, &a), (0, &bad)])]), [t(&[(0, ErrorCode::CorruptMessage, -1)])]);
    assert_eq!(answered(&[("t", &[(0, &bad), (0, &b)])]), [t(&[(0, ErrorCode::None, 2)])]);
    // What no request may have is the answer; Apache Kafka appends the other batch in spite of it.
    assert_eq!(answered(&[("t", &[(0, &two), (0, &b)])]), [t(&[(0, ErrorCode::InvalidRecord, -1)])]);
    assert_eq!(answered(&[("t", &[(0, &a), (0, &two)])]), [t(&[(0, ErrorCode::InvalidRecord, -1)])]);
    let read = fetched(host.call(connection, 17, fetch_of(id, 0, 0)));
    assert_eq!(values(read.responses[0].partitions[0].records.clone()), ["b", "b", "b"]);
}

#[test]
fn list_offsets_refuses_a_partition_named_twice_once_be_it_under_two_topics() {
    let (mut host, connection, _) = started();
    let part = |&(index, time): &(i32, i64)| {
        ListOffsetsPartition::default().with_partition_index(index).with_timestamp(time).with_current_leader_epoch(-1)
    };
    let topic = |(name, parts): &(&str, &[(i32, i64)])| {
        ListOffsetsTopic::default().with_name(text(name)).with_partitions(parts.iter().map(part).collect())
    };
    let mut answered = |topics: &[(&str, &[(i32, i64)])]| {
        let request = ListOffsetsRequestData::default().with_replica_id(-1).with_topics(topics.iter().map(topic).collect());
        match host.call(connection, 9, request) {
            Response::ListOffsets(r) => r
                .topics
                .iter()
                .map(|t| {
                    (t.name.to_string(), t.partitions.iter().map(|p| (p.partition_index, ErrorCode::from_code(p.error_code))).collect())
                })
                .collect::<Vec<(String, Vec<_>)>>(),
            other => panic!("{other:?}"),
        }
    };
    let (good, twice, unknown) = (ErrorCode::None, ErrorCode::InvalidRequest, ErrorCode::UnknownTopicOrPartition);
    let of = |name: &str, parts: &[(i32, ErrorCode)]| (name.to_owned(), parts.to_vec());
    assert_eq!(
        answered(&[("t", &[(0, -1)]), ("u", &[(0, -1)]), ("t", &[(5, -1)])]),
        [of("t", &[(0, good), (5, unknown)]), of("u", &[(0, good)])]
    );
    assert_eq!(answered(&[("t", &[(0, -1), (5, -1)]), ("t", &[(0, -2)])]), [of("t", &[(0, twice), (5, unknown)])]);
    assert_eq!(answered(&[("t", &[(0, -9), (0, -9), (0, -9)])]), [of("t", &[(0, twice)])]);
    assert_eq!(answered(&[("t", &[]), ("t", &[])]), []);
}

#[test]
fn delete_records_goes_to_the_last_offset_that_a_partition_is_named_with() {
    let (mut host, connection, _) = started();
    host.call(connection, 9, produce("t", 0, -1, batch(&["a", "b", "c", "d"])));
    let topic = |offsets: &[i64]| {
        let part = |&offset: &i64| DeleteRecordsPartition::default().with_partition_index(0).with_offset(offset);
        DeleteRecordsTopic::default().with_name(text("t")).with_partitions(offsets.iter().map(part).collect())
    };
    let mut answered = |topics: &[&[i64]]| {
        let topics = topics.iter().map(|offsets| topic(offsets)).collect();
        match host.call(connection, 2, DeleteRecordsRequestData::default().with_topics(topics).with_timeout_ms(10_000)) {
            Response::DeleteRecords(r) => {
                let parts = r.topics.iter().flat_map(|t| &t.partitions);
                parts.map(|p| (p.low_watermark, ErrorCode::from_code(p.error_code))).collect::<Vec<_>>()
            }
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(answered(&[&[3, 1]]), [(1, ErrorCode::None)]);
    assert_eq!(answered(&[&[4], &[2]]), [(2, ErrorCode::None)]);
    assert_eq!(answered(&[&[3, 900]]), [(-1, ErrorCode::OffsetOutOfRange)]);
}

#[test]
fn a_fetch_reads_a_partition_once_from_the_last_offset_that_it_is_named_with() {
    let (mut host, connection, id) = started();
    for value in ["a", "b"] {
        host.call(connection, 9, produce("t", 0, -1, batch(&[value])));
    }
    let named = |offsets: &[i64]| -> FetchRequestData {
        let mut request = fetch_of(id, offsets[0], 0);
        for &offset in &offsets[1..] {
            request.topics.extend(fetch_of(id, offset, 0).topics);
        }
        request
    };
    let answer = fetched(host.call(connection, 17, named(&[0, 1])));
    assert_eq!((answer.responses.len(), answer.responses[0].partitions.len()), (1, 1));
    assert_eq!(values(answer.responses[0].partitions[0].records.clone()), ["b"]);
    // A session that begins so holds the partition once, and remembers what was told of it.
    let begun = fetched(host.call(connection, 17, named(&[0, 2]).with_session_epoch(0)));
    let next = FetchRequestData::default().with_session_id(begun.session_id).with_session_epoch(1).with_max_bytes(1 << 20);
    assert_eq!(fetched(host.call(connection, 17, next)).responses.len(), 0, "nothing changed");
}
