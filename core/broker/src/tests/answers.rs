//! Answers that clients of Apache Kafka know, at the edges of each API; `conformance` holds every version of them against Apache Kafka itself.

use odradek_wire::batch::{BatchProducer, Builder, NewRecord};
use odradek_wire::codec::Codec;
use odradek_wire::error::ErrorCode;
use odradek_wire::ids::{ProducerEpoch, ProducerId, Sequence, Uuid};
use odradek_wire::messages::delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic};
use odradek_wire::messages::describe_producers_request::TopicRequest as ProducersOf;
use odradek_wire::messages::describe_topic_partitions_request::{Cursor, TopicRequest};
use odradek_wire::messages::incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig};
use odradek_wire::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use odradek_wire::messages::metadata_request::MetadataRequestTopic;
use odradek_wire::messages::offset_for_leader_epoch_request::{OffsetForLeaderPartition, OffsetForLeaderTopic};
use odradek_wire::messages::{
    DeleteRecordsRequestData, DescribeClusterRequestData, DescribeProducersRequestData, DescribeTopicPartitionsRequestData,
    IncrementalAlterConfigsRequestData, InitProducerIdRequestData, KafkaString, KafkaUuid, ListOffsetsRequestData, MetadataRequestData,
    MetadataResponseData, OffsetForLeaderEpochRequestData, text,
};
use odradek_wire::response::Response;

use super::host::{Host, batch, produce};
use super::story::{fetch_of, fetched, metadata, produced, topic_id};
use crate::io::ConnectionId;

const UNKNOWN: KafkaUuid = KafkaUuid::from_parts(7, 7);

fn started() -> (Host, ConnectionId) {
    let mut host = Host::started(21);
    let connection = host.connect();
    metadata(&mut host, connection, "orders");
    (host, connection)
}

fn asked(host: &mut Host, connection: ConnectionId, version: i16, topics: &[(Option<&str>, KafkaUuid)]) -> MetadataResponseData {
    let one = |(name, id): &(Option<&str>, KafkaUuid)| MetadataRequestTopic::default().with_name(name.map(text)).with_topic_id(*id);
    let request = MetadataRequestData::default()
        .with_topics(Some(topics.iter().map(one).collect()))
        .with_allow_auto_topic_creation(version < 4)
        .with_include_topic_authorized_operations(version >= 8);
    match host.call(connection, version, request) {
        Response::Metadata(m) => m,
        other => panic!("{other:?}"),
    }
}

fn said(answer: &MetadataResponseData) -> Vec<(Option<&str>, ErrorCode)> {
    answer.topics.iter().map(|t| (t.name.as_ref().map(KafkaString::as_str), ErrorCode::from_code(t.error_code))).collect()
}

#[test]
fn metadata_tells_each_topic_once_and_by_ids_alone_where_there_are_any() {
    let (mut host, connection) = started();
    let id = KafkaUuid::from(topic_id(&mut host, connection, "orders"));
    let (orders, zero) = (Some("orders"), KafkaUuid::ZERO);
    let twice = asked(&mut host, connection, 9, &[(orders, zero), (orders, zero)]);
    assert_eq!(said(&twice), [(orders, ErrorCode::None)]);
    let mixed = asked(&mut host, connection, 12, &[(None, id), (Some("nobody"), zero), (None, id), (orders, UNKNOWN)]);
    assert_eq!(said(&mixed), [(orders, ErrorCode::None), (None, ErrorCode::UnknownTopicId)]);
}

#[test]
fn metadata_refuses_ids_before_they_were_defined_as_a_whole() {
    let (mut host, connection) = started();
    let early = asked(&mut host, connection, 11, &[(Some("orders"), UNKNOWN), (Some("other"), KafkaUuid::ZERO)]);
    assert_eq!(said(&early), [(Some("orders"), ErrorCode::InvalidRequest), (Some("other"), ErrorCode::InvalidRequest)]);
    assert!(early.brokers.is_empty());
    let nameless = asked(&mut host, connection, 13, &[(None, KafkaUuid::ZERO)]);
    assert_eq!(ErrorCode::from_code(nameless.error_code), ErrorCode::InvalidRequest);
}

#[test]
fn metadata_tells_what_may_be_done_with_a_topic_that_is_not_there() {
    let (mut host, connection) = started();
    let answer = asked(&mut host, connection, 9, &[(Some("nobody"), KafkaUuid::ZERO), (Some("orders"), KafkaUuid::ZERO)]);
    assert_eq!(answer.topics[0].topic_authorized_operations, answer.topics[1].topic_authorized_operations);
    assert!(answer.topics[0].topic_authorized_operations > 0);
}

#[test]
fn describe_cluster_knows_other_endpoints_and_unknown_ones_apart() {
    let (mut host, connection) = started();
    let mut error = |kind: i8| match host.call(connection, 1, DescribeClusterRequestData::default().with_endpoint_type(kind)) {
        Response::DescribeCluster(r) => ErrorCode::from_code(r.error_code),
        other => panic!("{other:?}"),
    };
    assert_eq!(error(1), ErrorCode::None);
    assert_eq!(error(2), ErrorCode::MismatchedEndpointType);
    assert_eq!((error(0), error(3)), (ErrorCode::UnsupportedEndpointType, ErrorCode::UnsupportedEndpointType));
}

#[test]
fn describe_topic_partitions_refuses_a_cursor_that_no_answer_gave() {
    let (mut host, connection) = started();
    let mut errors = |topics: &[&str], cursor: Option<(&str, i32)>| {
        let topics = topics.iter().map(|t| TopicRequest::default().with_name(text(t))).collect();
        let cursor = cursor.map(|(name, at)| Box::new(Cursor::default().with_topic_name(text(name)).with_partition_index(at)));
        let request =
            DescribeTopicPartitionsRequestData::default().with_topics(topics).with_response_partition_limit(10).with_cursor(cursor);
        match host.call(connection, 0, request) {
            Response::DescribeTopicPartitions(r) => r.topics.iter().map(|t| ErrorCode::from_code(t.error_code)).collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(errors(&["orders"], Some(("orders", 0))), [ErrorCode::None]);
    assert_eq!(errors(&["orders"], Some(("orders", -1))), [ErrorCode::InvalidRequest]);
    assert_eq!(errors(&["orders", "a"], Some(("z", 0))), [ErrorCode::InvalidRequest; 2]);
    assert_eq!(errors(&["a b", "nobody"], None), [ErrorCode::InvalidTopicException, ErrorCode::UnknownTopicOrPartition]);
}

/// Error, base offset, log start and time of the append.
fn sent(host: &mut Host, connection: ConnectionId, topic: &str, records: bytes::Bytes) -> (ErrorCode, i64, i64, i64) {
    let answer = produced(host.call(connection, 9, produce(topic, 0, -1, records)));
    let part = &answer.responses[0].partition_responses[0];
    (ErrorCode::from_code(part.error_code), part.base_offset, part.log_start_offset, part.log_append_time_ms)
}

fn numbered(producer: i64, sequence: i32, transactional: bool) -> bytes::Bytes {
    let mut builder = Builder::new(Codec::None);
    let producer = BatchProducer { id: ProducerId(producer), epoch: ProducerEpoch(0), base_sequence: Some(Sequence(sequence)) };
    builder.set_producer(producer, transactional);
    builder.push(NewRecord { timestamp_ms: 1_700_000_000_000, key: None, value: Some(b"v"), headers: &[] });
    builder.build_bytes()
}

#[test]
fn produce_says_where_the_log_begins_when_the_log_refuses() {
    let (mut host, connection) = started();
    assert_eq!(sent(&mut host, connection, "orders", numbered(5, 0, false)).0, ErrorCode::None);
    assert_eq!(sent(&mut host, connection, "orders", numbered(5, 9, false)), (ErrorCode::OutOfOrderSequenceNumber, -1, 0, -1));
    let mut damaged = batch(&["a"]).to_vec();
    *damaged.last_mut().expect("a batch has bytes") ^= 1;
    assert_eq!(sent(&mut host, connection, "orders", damaged.into()), (ErrorCode::CorruptMessage, -1, -1, -1));
    assert_eq!(sent(&mut host, connection, "nobody", batch(&["a"])).2, -1);
}

#[test]
fn produce_tells_the_retry_of_a_duplicate_the_time_of_its_original() {
    let (mut host, connection) = started();
    assert_eq!(sent(&mut host, connection, "orders", numbered(5, 0, false)), (ErrorCode::None, 0, 0, -1));
    assert_eq!(sent(&mut host, connection, "orders", numbered(5, 0, false)), (ErrorCode::None, 0, 0, 1_700_000_000_000));
}

#[test]
fn produce_takes_a_transactional_id_without_a_transaction_and_no_transaction_without_an_id() {
    let (mut host, connection) = started();
    let named = produce("orders", 0, -1, batch(&["a"])).with_transactional_id(Some(text("t")));
    assert_eq!(produced(host.call(connection, 9, named)).responses[0].partition_responses[0].error_code, 0);
    assert_eq!(sent(&mut host, connection, "orders", numbered(5, 0, true)).0, ErrorCode::TransactionalIdAuthorizationFailed);
}

#[test]
fn produce_leaves_out_topics_of_which_it_was_sent_nothing() {
    let (mut host, connection) = started();
    let mut request = produce("orders", 0, -1, batch(&["a"]));
    request.topic_data[0].partition_data.clear();
    assert!(produced(host.call(connection, 9, request)).responses.is_empty());
}

#[test]
fn init_producer_id_wants_an_id_and_its_epoch_together() {
    let (mut host, connection) = started();
    let mut error = |id: i64, epoch: i16| match host.call(
        connection,
        4,
        InitProducerIdRequestData::default().with_producer_id(id).with_producer_epoch(epoch),
    ) {
        Response::InitProducerId(r) => ErrorCode::from_code(r.error_code),
        other => panic!("{other:?}"),
    };
    assert_eq!((error(4, -1), error(-1, 4)), (ErrorCode::InvalidRequest, ErrorCode::InvalidRequest));
    assert_eq!((error(4, 4), error(-1, -1)), (ErrorCode::None, ErrorCode::None));
}

#[test]
fn describe_producers_refuses_a_name_that_no_topic_has() {
    let (mut host, connection) = started();
    let topic = ProducersOf::default().with_name(text("a b")).with_partition_indexes(vec![0]);
    match host.call(connection, 0, DescribeProducersRequestData::default().with_topics(vec![topic])) {
        Response::DescribeProducers(r) => {
            assert_eq!(ErrorCode::from_code(r.topics[0].partitions[0].error_code), ErrorCode::InvalidTopicException);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn incremental_alter_configs_is_judged_by_the_broker_whose_keys_they_are() {
    let (mut host, connection) = started();
    let resource = |kind: i8, name: &str, key: &str| {
        let config = AlterableConfig::default().with_name(text(key)).with_value(Some(text("5000")));
        AlterConfigsResource::default().with_resource_type(kind).with_resource_name(text(name)).with_configs(vec![config])
    };
    let resources = [
        resource(4, "1", "node.id"),
        resource(2, "orders", "retention.ms"),
        resource(4, "7", "log.retention.ms"),
        resource(4, "1", "log.retention.ms"),
    ];
    let request = IncrementalAlterConfigsRequestData::default().with_resources(resources[..3].to_vec());
    let mut errors = |request: IncrementalAlterConfigsRequestData| match host.call(connection, 1, request) {
        Response::IncrementalAlterConfigs(r) => r.responses.iter().map(|r| ErrorCode::from_code(r.error_code)).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    assert_eq!(errors(request), [ErrorCode::InvalidRequest, ErrorCode::None, ErrorCode::InvalidRequest]);
    let refused_here = IncrementalAlterConfigsRequestData::default().with_resources(resources[2..3].to_vec());
    assert_eq!(errors(refused_here), [ErrorCode::InvalidRequest]);
    assert_eq!(errors(IncrementalAlterConfigsRequestData::default().with_resources(resources[3..].to_vec())), [ErrorCode::None]);
}

fn listed(host: &mut Host, connection: ConnectionId, partitions: &[(i32, i64, i32)]) -> Vec<(ErrorCode, i64)> {
    let one = |&(index, time, epoch): &(i32, i64, i32)| {
        ListOffsetsPartition::default().with_partition_index(index).with_timestamp(time).with_current_leader_epoch(epoch)
    };
    let topic = ListOffsetsTopic::default().with_name(text("orders")).with_partitions(partitions.iter().map(one).collect());
    match host.call(connection, 9, ListOffsetsRequestData::default().with_replica_id(-1).with_topics(vec![topic])) {
        Response::ListOffsets(r) => {
            r.topics.iter().flat_map(|t| &t.partitions).map(|p| (ErrorCode::from_code(p.error_code), p.offset)).collect()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn list_offsets_refuses_a_partition_twice_once_and_every_epoch_that_never_was() {
    let (mut host, connection) = started();
    assert_eq!(listed(&mut host, connection, &[(0, -1, -1), (0, -2, -1)]), [(ErrorCode::InvalidRequest, -1)]);
    assert_eq!(listed(&mut host, connection, &[(0, -1, -2)]), [(ErrorCode::FencedLeaderEpoch, -1)]);
    assert_eq!(listed(&mut host, connection, &[(0, -1, -1)]), [(ErrorCode::None, 0)]);
    assert!(listed(&mut host, connection, &[]).is_empty());
}

#[test]
fn list_offsets_tells_the_largest_time_with_the_records_that_were_deleted_and_with_those_that_have_none() {
    let (mut host, connection) = started();
    let at = |timestamp_ms: i64| {
        let mut builder = Builder::new(Codec::None);
        builder.push(NewRecord { timestamp_ms, key: None, value: Some(b"v"), headers: &[] });
        builder.build_bytes()
    };
    assert_eq!(listed(&mut host, connection, &[(0, -3, -1)]), [(ErrorCode::None, -1)], "nothing is there");
    for timestamp_ms in [-1, -1] {
        host.call(connection, 9, produce("orders", 0, -1, at(timestamp_ms)));
    }
    assert_eq!(listed(&mut host, connection, &[(0, -3, -1)]), [(ErrorCode::None, 0)], "no record has a time");
    for timestamp_ms in [9_000, 5_000] {
        host.call(connection, 9, produce("orders", 0, -1, at(timestamp_ms)));
    }
    assert_eq!(listed(&mut host, connection, &[(0, -3, -1)]), [(ErrorCode::None, 2)]);
    for (to, earliest) in [(3, 3), (-1, 4)] {
        let partition = DeleteRecordsPartition::default().with_partition_index(0).with_offset(to);
        let topic = DeleteRecordsTopic::default().with_name(text("orders")).with_partitions(vec![partition]);
        host.call(connection, 2, DeleteRecordsRequestData::default().with_topics(vec![topic]).with_timeout_ms(10_000));
        for (time, offset) in
            [(-3, 2), (-2, earliest), (-4, earliest), (-1, 4), (-5, -1), (9_001, -1), (1_000, if to == 3 { 3 } else { -1 })]
        {
            assert_eq!(listed(&mut host, connection, &[(0, time, -1)]), [(ErrorCode::None, offset)], "time {time}, deleted to {to}");
        }
    }
}

#[test]
fn offset_for_leader_epoch_knows_no_end_of_no_epoch() {
    let (mut host, connection) = started();
    let mut end = |epoch: i32| {
        let partition = OffsetForLeaderPartition::default().with_partition(0).with_current_leader_epoch(-1).with_leader_epoch(epoch);
        let topic = OffsetForLeaderTopic::default().with_topic(text("orders")).with_partitions(vec![partition]);
        match host.call(connection, 4, OffsetForLeaderEpochRequestData::default().with_replica_id(-1).with_topics(vec![topic])) {
            Response::OffsetForLeaderEpoch(r) => (r.topics[0].partitions[0].leader_epoch, r.topics[0].partitions[0].end_offset),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!((end(-1), end(0)), ((-1, -1), (0, 0)));
}

#[test]
fn fetch_of_what_is_not_there_hurries_nothing_else_and_waits_for_nothing_alone() {
    let (mut host, connection) = started();
    let id = topic_id(&mut host, connection, "orders");
    let mut both = fetch_of(id, 0, 400);
    both.topics.extend(fetch_of(Uuid::from(UNKNOWN), 0, 400).topics);
    host.ask(connection, 17, both);
    host.pass_ms(300);
    assert!(host.answered(connection).is_none(), "the other partition is waited for");
    host.pass_ms(200);
    let answer = fetched(host.answered(connection).expect("its time is over").1);
    assert_eq!(answer.responses.len(), 2);
    let alone = fetched(host.call(connection, 17, fetch_of(Uuid::from(UNKNOWN), 0, 100_000)));
    let partition = &alone.responses[0].partitions[0];
    assert_eq!(ErrorCode::from_code(partition.error_code), ErrorCode::UnknownTopicId);
    assert_eq!(partition.aborted_transactions, Some(Vec::new()));
}

#[test]
fn fetch_leaves_out_a_first_batch_that_does_not_fit_behind_another_partition() {
    let (mut host, connection) = started();
    let ids = ["orders", "second"].map(|name| topic_id(&mut host, connection, name));
    for name in ["orders", "second"] {
        host.call(connection, 9, produce(name, 0, -1, batch(&["a"])));
    }
    let mut request = fetch_of(ids[0], 0, 0);
    request.topics.extend(fetch_of(ids[1], 0, 0).topics);
    request.topics[1].partitions[0].partition_max_bytes = 5;
    let answer = fetched(host.call(connection, 17, request));
    let bytes: Vec<usize> = answer.responses.iter().map(|t| t.partitions[0].records.as_ref().map_or(0, bytes::Bytes::len)).collect();
    assert!(bytes[0] > 60 && bytes[1] == 0, "{bytes:?}");
}

#[test]
fn fetch_tells_a_stranger_among_replicas_who_leads_from_version_16_on() {
    let (mut host, connection) = started();
    let id = topic_id(&mut host, connection, "orders");
    let mut leader = |version: i16| {
        let mut request = fetch_of(id, 0, 0);
        request.replica_state.replica_id = 5;
        let answer = fetched(host.call(connection, version, request));
        let partition = &answer.responses[0].partitions[0];
        assert_eq!(ErrorCode::from_code(partition.error_code), ErrorCode::NotLeaderOrFollower);
        (partition.current_leader.leader_id, answer.node_endpoints.len())
    };
    assert_eq!((leader(15), leader(16)), ((-1, 0), (1, 0)));
}
