//! Produce of what the rules of a topic refuse: named record by record, and refused before work is spent on it.

use bytes::Bytes;
use odradek_wire::batch::{Builder, NewRecord};
use odradek_wire::codec::Codec;
use odradek_wire::error::ErrorCode;
use odradek_wire::messages::KafkaString;
use odradek_wire::messages::produce_response::PartitionProduceResponse;

use super::host::{Host, batch, produce, values};
use super::order::create;
use super::story::{fetch_of, fetched, produced, topic_id};
use crate::io::ConnectionId;

const T: i64 = 1_700_000_000_000;

/// A node with one topic.
fn started(configs: &[(&str, &str)]) -> (Host, ConnectionId) {
    let mut host = Host::started(31);
    let connection = host.connect();
    create(&mut host, connection, "t", configs);
    (host, connection)
}

fn part(host: &mut Host, connection: ConnectionId, version: i16, records: Bytes) -> PartitionProduceResponse {
    produced(host.call(connection, version, produce("t", 0, -1, records))).responses[0].partition_responses[0].clone()
}

/// Keys and times of records to a batch.
fn of(records: &[(bool, i64)], codec: Codec) -> Bytes {
    let mut builder = Builder::new(codec);
    for &(key, timestamp_ms) in records {
        builder.push(NewRecord { timestamp_ms, key: key.then_some(&b"k"[..]), value: Some(b"v"), headers: &[] });
    }
    builder.build_bytes()
}

fn errors(part: &PartitionProduceResponse) -> Vec<(i32, &str)> {
    part.record_errors.iter().map(|e| (e.batch_index, e.batch_index_error_message.as_ref().map_or("", KafkaString::as_str))).collect()
}

fn says(part: &PartitionProduceResponse) -> (ErrorCode, &str, i64) {
    let message = part.error_message.as_ref().map_or("", KafkaString::as_str);
    (ErrorCode::from_code(part.error_code), message, part.log_start_offset)
}

#[test]
fn every_record_without_a_key_is_named_in_kafkas_words() {
    const NO_KEY: &str = "Compacted topic cannot accept message without key in topic partition t-0";
    for codec in ["producer", "gzip"] {
        let (mut host, connection) = started(&[("cleanup.policy", "compact"), ("compression.type", codec)]);
        let answer = part(&mut host, connection, 9, of(&[(false, T), (true, T), (false, T), (false, T), (false, -1)], Codec::None));
        assert_eq!(errors(&answer), [(0, NO_KEY), (2, NO_KEY), (3, NO_KEY), (4, NO_KEY)]);
        let one = |at: i32| format!("RecordError(batchIndex={at}, message='{NO_KEY}')");
        let all = format!(
            "One or more records have been rejected due to 4 record errors in total, and only showing the first three errors at most: [{}, {}, {}]",
            one(0),
            one(2),
            one(3)
        );
        assert_eq!(says(&answer), (ErrorCode::InvalidRecord, &*all, 0));
        assert!(!host.marks.contains(&"produce.recompressed"), "nothing is compressed that is refused");
        assert_eq!(errors(&part(&mut host, connection, 7, of(&[(false, T)], Codec::None))), [], "there is no place for them yet");
    }
}

#[test]
fn every_record_out_of_time_is_named_and_decides_about_the_error() {
    let (mut host, connection) = started(&[("cleanup.policy", "compact"), ("message.timestamp.before.max.ms", "1000")]);
    let wall = host.now.wall.0;
    let answer =
        part(&mut host, connection, 9, of(&[(true, 5), (true, -1), (false, 5), (true, wall), (true, wall + 7_200_000)], Codec::Gzip));
    let span = format!("[{}, {}]", wall - 1000, wall + 3_600_000);
    let late = format!("Timestamp 5 of message with offset 0 is out of range. The timestamp should be within {span}");
    let early = format!("Timestamp {} of message with offset 4 is out of range. The timestamp should be within {span}", wall + 7_200_000);
    let no_key = "Compacted topic cannot accept message without key in topic partition t-0";
    assert_eq!(errors(&answer), [(0, &*late), (2, no_key), (4, &*early)]);
    assert_eq!(says(&answer), (ErrorCode::InvalidTimestamp, "One or more records have been rejected due to invalid timestamp", 0));
}

#[test]
fn a_batch_that_its_client_stamped_is_for_topics_with_create_time_alone() {
    for (kind, error) in [("CreateTime", ErrorCode::None), ("LogAppendTime", ErrorCode::InvalidTimestamp)] {
        let (mut host, connection) = started(&[("message.timestamp.type", kind)]);
        let mut builder = Builder::new(Codec::None).log_append_time(T);
        builder.push(NewRecord { timestamp_ms: T - 5, key: Some(b"key"), value: None, headers: &[] });
        let answer = part(&mut host, connection, 9, builder.build_bytes());
        assert_eq!(ErrorCode::from_code(answer.error_code), error);
        let stamped = format!(
            "Invalid timestamp type in message DefaultRecord(offset=0, timestamp={T}, key=3 bytes, value=0 bytes). \
             Producer should not set timestamp type to LogAppendTime."
        );
        assert_eq!(errors(&answer), if error.is_error() { vec![(0, &*stamped)] } else { vec![] });
    }
}

#[test]
fn errors_of_records_are_named_as_far_as_an_answer_has_room() {
    let (mut host, connection) = started(&[("cleanup.policy", "compact"), ("max.message.bytes", "10000000")]);
    let answer = part(&mut host, connection, 9, of(&vec![(false, T); 300_000], Codec::Gzip));
    let bytes: usize = errors(&answer).iter().map(|(_, says)| says.len()).sum();
    assert!(answer.record_errors.len() > 10_000 && bytes < 8 << 20, "{} errors, {bytes} bytes", answer.record_errors.len());
    assert!(says(&answer).1.contains("300000 record errors in total"));
}

#[test]
fn a_batch_is_measured_before_it_is_compressed_again_and_after() {
    for codec in ["gzip", "uncompressed"] {
        let (mut host, connection) = started(&[("compression.type", codec), ("max.message.bytes", "1000")]);
        let large = batch(&[&"x".repeat(5000)]);
        let answer = part(&mut host, connection, 9, large.clone());
        assert_eq!((ErrorCode::from_code(answer.error_code), answer.log_start_offset), (ErrorCode::MessageTooLarge, -1), "{codec}");
        let mut damaged = large.to_vec();
        *damaged.last_mut().expect("a batch has bytes") ^= 1;
        let answer = part(&mut host, connection, 9, damaged.into());
        assert_eq!(ErrorCode::from_code(answer.error_code), ErrorCode::MessageTooLarge, "{codec}: its size is seen first");
        assert!(!host.marks.contains(&"produce.recompressed"), "{codec}");
    }
    let (mut host, connection) = started(&[("compression.type", "uncompressed"), ("max.message.bytes", "1000")]);
    let mut builder = Builder::new(Codec::Gzip);
    builder.push(NewRecord { timestamp_ms: T, key: None, value: Some(&[b'x'; 5000]), headers: &[] });
    let answer = part(&mut host, connection, 9, builder.build_bytes());
    assert_eq!(ErrorCode::from_code(answer.error_code), ErrorCode::MessageTooLarge);
    assert!(host.marks.contains(&"produce.recompressed"), "it was small enough to be unpacked");
}

#[test]
fn a_batch_that_is_refused_behind_one_that_is_compressed_lets_the_next_go_on() {
    let (mut host, connection) = started(&[("compression.type", "gzip"), ("max.message.bytes", "1000")]);
    let id = topic_id(&mut host, connection, "t");
    for records in [batch(&["a"]), batch(&[&"x".repeat(5000)]), batch(&["b"])] {
        host.ask(connection, 9, produce("t", 0, -1, records));
    }
    host.rest();
    let codes: Vec<ErrorCode> = (0..3)
        .map(|_| produced(host.answered(connection).expect("it is answered").1))
        .map(|p| ErrorCode::from_code(p.responses[0].partition_responses[0].error_code))
        .collect();
    assert_eq!(codes, [ErrorCode::None, ErrorCode::MessageTooLarge, ErrorCode::None]);
    let read = fetched(host.call(connection, 17, fetch_of(id, 0, 0)));
    assert_eq!(values(read.responses[0].partitions[0].records.clone()), ["a", "b"]);
}
