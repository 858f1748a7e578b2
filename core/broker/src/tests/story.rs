//! From an empty directory to records that are read back, and on.

use odradek_wire::ids::Uuid;
use odradek_wire::messages::fetch_request::{FetchPartition, FetchTopic};
use odradek_wire::messages::metadata_request::MetadataRequestTopic;
use odradek_wire::messages::{
    ApiVersionsRequestData, FetchRequestData, FetchResponseData, KafkaUuid, MetadataRequestData, MetadataResponseData, ProduceResponseData,
    text,
};
use odradek_wire::response::Response;

use super::host::{Host, batch, produce, values};
use crate::io::ConnectionId;

pub(super) fn metadata(host: &mut Host, connection: ConnectionId, topic: &str) -> MetadataResponseData {
    let topic = MetadataRequestTopic::default().with_name(Some(text(topic)));
    let request = MetadataRequestData::default().with_topics(Some(vec![topic])).with_allow_auto_topic_creation(true);
    match host.call(connection, 12, request) {
        Response::Metadata(m) => m,
        other => panic!("{other:?}"),
    }
}

pub(super) fn topic_id(host: &mut Host, connection: ConnectionId, topic: &str) -> Uuid {
    metadata(host, connection, topic).topics[0].topic_id.into()
}

pub(super) fn fetch_of(id: Uuid, offset: i64, max_wait_ms: i32) -> FetchRequestData {
    let partition = FetchPartition::default()
        .with_partition(0)
        .with_fetch_offset(offset)
        .with_partition_max_bytes(1 << 20)
        .with_current_leader_epoch(-1)
        .with_last_fetched_epoch(-1)
        .with_log_start_offset(-1);
    let topic = FetchTopic::default().with_topic_id(KafkaUuid::from(id)).with_partitions(vec![partition]);
    FetchRequestData::default().with_max_wait_ms(max_wait_ms).with_min_bytes(1).with_max_bytes(10 << 20).with_topics(vec![topic])
}

pub(super) fn fetched(response: Response) -> FetchResponseData {
    match response {
        Response::Fetch(f) => f,
        other => panic!("{other:?}"),
    }
}

pub(super) fn produced(response: Response) -> ProduceResponseData {
    match response {
        Response::Produce(p) => p,
        other => panic!("{other:?}"),
    }
}

fn read_all(host: &mut Host, connection: ConnectionId, id: Uuid) -> Vec<String> {
    let answer = fetched(host.call(connection, 17, fetch_of(id, 0, 0)));
    let partition = &answer.responses[0].partitions[0];
    assert_eq!(partition.error_code, 0);
    values(partition.records.clone())
}

#[test]
fn node_starts_on_nothing_and_takes_a_record() {
    for seed in 0..20 {
        let mut host = Host::started(seed);
        let connection = host.connect();
        let versions = host.call(
            connection,
            4,
            ApiVersionsRequestData::default().with_client_software_name(text("t")).with_client_software_version(text("1")),
        );
        assert!(matches!(versions, Response::ApiVersions(v) if v.error_code == 0 && v.api_keys.len() > 15));
        let metadata = metadata(&mut host, connection, "orders");
        assert_eq!(metadata.topics[0].error_code, 0);
        assert_eq!(metadata.topics[0].partitions[0].leader_id, 1);
        let id: Uuid = metadata.topics[0].topic_id.into();
        let answer = produced(host.call(connection, 9, produce("orders", 0, -1, batch(&["a", "b"]))));
        let partition = &answer.responses[0].partition_responses[0];
        assert_eq!((partition.error_code, partition.base_offset), (0, 0));
        assert_eq!(read_all(&mut host, connection, id), ["a", "b"]);
    }
}

#[test]
fn node_restarts_with_its_records_after_a_clean_stop_and_after_a_kill() {
    for (seed, cleanly) in (0..20).map(|n| (n, n % 2 == 0)) {
        let mut host = Host::started(seed);
        let connection = host.connect();
        let id = topic_id(&mut host, connection, "orders");
        for n in 0..5 {
            let answer = produced(host.call(connection, 9, produce("orders", 0, -1, batch(&[&format!("v{n}")]))));
            assert_eq!(answer.responses[0].partition_responses[0].base_offset, n);
        }
        let mut host = host.restarted(cleanly, seed + 1000);
        let connection = host.connect();
        assert_eq!(topic_id(&mut host, connection, "orders"), id);
        if !cleanly {
            host.rest(); // a tail that no mark vouches for is served once this life has synced it
        }
        assert_eq!(read_all(&mut host, connection, id), ["v0", "v1", "v2", "v3", "v4"]);
        let answer = produced(host.call(connection, 9, produce("orders", 0, -1, batch(&["v5"]))));
        let part = &answer.responses[0].partition_responses[0];
        assert_eq!((part.error_code, part.base_offset), (0, 5));
    }
}

#[test]
fn node_is_ready_at_once_even_after_a_kill() {
    let mut host = Host::started(7);
    let connection = host.connect();
    topic_id(&mut host, connection, "orders");
    for cleanly in [true, false] {
        host = host.restarted(cleanly, 8 + u64::from(cleanly));
        let took_ms = host.now.mono.as_ms() - 1_000;
        assert!(took_ms < 100, "ready after {took_ms} ms, cleanly: {cleanly}");
    }
}
