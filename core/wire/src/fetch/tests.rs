//! Our encoder of Fetch responses against the codec, byte for byte, in every version.

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;

use super::*;
use crate::api::ApiKey;
use crate::ids::CorrelationId;
use crate::messages::{FetchResponseData, fetch_response, text};
use crate::response::{self, Response};
use crate::scatter::{NoRange, RangeLength, ScatterList};

/// A range of an imagined file whose bytes are all the same.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Run {
    byte: u8,
    length: u64,
}

impl RangeLength for Run {
    fn length(&self) -> u64 {
        self.length
    }
}

fn read(part: &Part<Run>) -> Bytes {
    match part {
        Part::Bytes(bytes) => bytes.clone(),
        Part::Range(run) => Bytes::from(vec![run.byte; run.length as usize]),
    }
}

fn joined(parts: &[Part<Run>]) -> Bytes {
    parts
        .iter()
        .map(read)
        .fold(BytesMut::new(), |mut all, part| {
            all.extend_from_slice(&part);
            all
        })
        .freeze()
}

/// What the codec is given: the answer without what the version cannot say.
fn codec_value(answer: &FetchAnswer<Run>, version: i16) -> FetchResponseData {
    let mut value = FetchResponseData::default().with_throttle_time_ms(answer.throttle_ms);
    if version >= 7 {
        value = value.with_error_code(answer.error.code()).with_session_id(answer.session_id);
    }
    value.responses = answer.topics.iter().map(|topic| codec_topic(topic, version)).collect();
    value.node_endpoints = answer.node_endpoints.iter().filter(|_| version >= 16).map(codec_node).collect();
    value
}

fn codec_topic(topic: &FetchedTopic<Run>, version: i16) -> fetch_response::FetchableTopicResponse {
    let mut value = fetch_response::FetchableTopicResponse::default();
    if version >= 13 {
        value.topic_id = topic.id.into();
    } else {
        value.topic = topic.name.clone();
    }
    value.partitions = topic.partitions.iter().map(|partition| codec_partition(partition, version)).collect();
    value
}

fn codec_partition(partition: &FetchedPartition<Run>, version: i16) -> fetch_response::PartitionData {
    let aborted = partition.aborted_transactions.as_ref().map(|all| {
        let one = |t: &AbortedTransaction| {
            fetch_response::AbortedTransaction::default().with_producer_id(t.producer.0).with_first_offset(t.first_offset.0)
        };
        all.iter().map(one).collect()
    });
    let mut value = fetch_response::PartitionData::default()
        .with_partition_index(partition.index)
        .with_error_code(partition.error.code())
        .with_high_watermark(partition.high_watermark.0)
        .with_last_stable_offset(partition.last_stable_offset.0)
        .with_log_start_offset(if version >= 5 { partition.log_start_offset.0 } else { -1 })
        .with_aborted_transactions(aborted)
        .with_records(Some(joined(&partition.records)));
    if version >= 11
        && let Some(node) = partition.preferred_read_replica
    {
        value.preferred_read_replica = node.0;
    }
    if version >= 12 {
        if let Some(d) = partition.diverging_epoch {
            value.diverging_epoch = fetch_response::EpochEndOffset::default().with_epoch(d.epoch.0).with_end_offset(d.end_offset.0);
        }
        if let Some(l) = partition.current_leader {
            value.current_leader = fetch_response::LeaderIdAndEpoch::default().with_leader_id(l.leader.0).with_leader_epoch(l.epoch.0);
        }
        if let Some(s) = partition.snapshot {
            value.snapshot_id = fetch_response::SnapshotId::default().with_end_offset(s.end_offset.0).with_epoch(s.epoch.0);
        }
    }
    value
}

fn codec_node(node: &NodeEndpoint) -> fetch_response::NodeEndpoint {
    let value = fetch_response::NodeEndpoint::default().with_node_id(node.node.0).with_host(node.host.clone());
    value.with_port(node.port).with_rack(node.rack.clone())
}

fn part() -> impl Strategy<Value = Part<Run>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200).prop_map(|bytes| Part::Bytes(bytes.into())),
        (any::<u8>(), 0..400u64).prop_map(|(byte, length)| Part::Range(Run { byte, length })),
    ]
}

fn aborted() -> impl Strategy<Value = Option<Vec<AbortedTransaction>>> {
    prop::option::of(prop::collection::vec((0..1_000i64, 0..1_000i64), 0..4)).prop_map(|all| {
        let mut all: Vec<_> =
            all?.into_iter().map(|(id, at)| AbortedTransaction { producer: ProducerId(id), first_offset: Offset(at) }).collect();
        all.sort_by_key(|t| t.first_offset);
        Some(all)
    })
}

prop_compose! {
    fn partition()(
        index in 0..99i32, code in -1..=136i16, offsets in prop::array::uniform3(-1..1_000_000i64), aborted_transactions in aborted(),
        diverging in prop::option::of((0..9i32, 0..99i64)), leader in prop::option::of((0..9i32, 0..99i32)),
        snapshot in prop::option::of((0..9i32, 0..99i64)), replica in prop::option::of(0..9i32), records in prop::collection::vec(part(), 0..4),
    ) -> FetchedPartition<Run> {
        FetchedPartition {
            index,
            error: ErrorCode::from_code(code),
            high_watermark: Offset(offsets[0]),
            last_stable_offset: Offset(offsets[1]),
            log_start_offset: Offset(offsets[2]),
            diverging_epoch: diverging.map(|(epoch, end)| DivergingEpoch { epoch: LeaderEpoch(epoch), end_offset: Offset(end) }),
            current_leader: leader.map(|(leader, epoch)| CurrentLeader { leader: NodeId(leader), epoch: LeaderEpoch(epoch) }),
            snapshot: snapshot.map(|(epoch, end)| SnapshotId { epoch: LeaderEpoch(epoch), end_offset: Offset(end) }),
            aborted_transactions,
            preferred_read_replica: replica.map(NodeId),
            records,
        }
    }
}

prop_compose! {
    fn topic()(name in "[a-z]{1,140}", id in any::<[u8; 16]>(), partitions in prop::collection::vec(partition(), 0..4)) -> FetchedTopic<Run> {
        FetchedTopic { name: text(&name), id: Uuid(id), partitions }
    }
}

prop_compose! {
    fn node()(node in 0..9i32, host in "[a-z.]{0,20}", port in 0..65_536i32, rack in prop::option::of("[a-z]{0,4}")) -> NodeEndpoint {
        NodeEndpoint { node: NodeId(node), host: text(&host), port, rack: rack.map(|rack| text(&rack)) }
    }
}

prop_compose! {
    fn answer()(
        throttle_ms in 0..99i32, code in -1..=136i16, session_id in 0..i32::MAX, topics in prop::collection::vec(topic(), 0..4),
        node_endpoints in prop::collection::vec(node(), 0..3),
    ) -> FetchAnswer<Run> {
        FetchAnswer { throttle_ms, error: ErrorCode::from_code(code), session_id, topics, node_endpoints }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn fetch_answers_equal_the_codec_byte_for_byte_in_every_version(answer in answer()) {
        for version in ApiKey::Fetch.versions().oldest..=ApiKey::Fetch.versions().newest {
            let value: Response = codec_value(&answer, version).into();
            let expected: ScatterList<NoRange> = response::encode(version, CorrelationId(3), &value).expect("valid");
            let [Part::Bytes(expected)] = expected.parts() else { panic!("the codec writes one part") };
            let ours = encode(version, CorrelationId(3), answer.clone()).expect("valid");
            prop_assert_eq!(&joined(ours.parts()), expected, "version {}", version);
            prop_assert_eq!(ours.bytes(), expected.len() as u64);
            prop_assert_eq!(response::decode(ApiKey::Fetch, version, expected.slice(4..)), Ok((CorrelationId(3), value)));
        }
    }
}

#[test]
fn fetch_ranges_are_passed_on_untouched_and_payload_is_not_copied() {
    let payload = Bytes::from(vec![5; 100]);
    let run = Run { byte: 1, length: 1 << 20 };
    let records = vec![Part::Range(run), Part::Bytes(payload.clone())];
    let partition = FetchedPartition { records, ..FetchedPartition::of_error(0, ErrorCode::None) };
    let topic = FetchedTopic { name: text("t"), id: Uuid::ZERO, partitions: vec![partition] };
    let list = encode(12, CorrelationId(0), FetchAnswer { topics: vec![topic], ..FetchAnswer::of_error(ErrorCode::None) }).expect("valid");
    assert_eq!(list.parts()[1], Part::Range(run));
    assert!(matches!(&list.parts()[2], Part::Bytes(bytes) if bytes.as_ptr() == payload.as_ptr()));
    assert_eq!(list.resident_bytes() + run.length, list.bytes());
}

#[test]
#[should_panic(expected = "not in the order of their first offsets")]
fn fetch_aborted_transactions_out_of_order_are_our_bug() {
    let aborted = [9, 3].map(|at| AbortedTransaction { producer: ProducerId(1), first_offset: Offset(at) }).to_vec();
    let partition = FetchedPartition::<NoRange> { aborted_transactions: Some(aborted), ..FetchedPartition::of_error(0, ErrorCode::None) };
    let topic = FetchedTopic { name: text("t"), id: Uuid::ZERO, partitions: vec![partition] };
    let _ = encode(12, CorrelationId(0), FetchAnswer { topics: vec![topic], ..FetchAnswer::of_error(ErrorCode::None) });
}

#[test]
fn fetch_answers_that_no_frame_can_hold_are_refused() {
    let partition =
        FetchedPartition { records: vec![Part::Range(Run { byte: 0, length: 1 << 31 })], ..FetchedPartition::of_error(0, ErrorCode::None) };
    let topic = FetchedTopic { name: text("t"), id: Uuid::ZERO, partitions: vec![partition] };
    let answer = FetchAnswer { topics: vec![topic], ..FetchAnswer::of_error(ErrorCode::None) };
    assert!(encode(12, CorrelationId(0), answer).is_err());
}
