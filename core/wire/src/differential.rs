//! Both codecs against each other: bytes of every API in every version, read and written again by each.
//!
//! Values are made from the shapes, so they hold every field of a version, nulls where they may be, and arrays of every length.

mod captures;
mod generate;
mod responses;

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::{ApiKey as TheirKey, RequestKind, ResponseKind};
use proptest::prelude::*;

use crate::api::{ApiKey, for_each_api};
pub(crate) use crate::differential::generate::Values;
use crate::ids::CorrelationId;
use crate::messages::{
    ApiVersionsResponseData, FetchRequestData, KafkaUuid, ProduceResponseData, api_versions_response, fetch_request, produce_response, text,
};
use crate::prepare::{shape, shapes};
use crate::response::{self, Response};
use crate::scatter::{NoRange, Part};

/// Versions that the other codec has not.
const NOT_THEIRS: &[(ApiKey, i16)] = &[(ApiKey::ListOffsets, 11), (ApiKey::DescribeLogDirs, 5)];

macro_rules! declare_ours {
    ($($name:ident = $key:literal, $oldest:literal..=$newest:literal, flexible $flexible:literal, $request:ident => $response:ident;)*) => {
        /// The bytes of a request after our codec has read and written it; nothing may be left over.
        fn our_request(api: ApiKey, version: i16, mut body: Bytes) -> Bytes {
            let mut out = BytesMut::new();
            match api {
                $(ApiKey::$name => crate::messages::$request::read(&mut body, version).expect("valid").write(&mut out, version).expect("valid"),)*
            }
            assert!(body.is_empty(), "{api} version {version} leaves {} bytes", body.len());
            out.freeze()
        }

        fn our_response(api: ApiKey, version: i16, mut body: Bytes) -> Bytes {
            let mut out = BytesMut::new();
            match api {
                $(ApiKey::$name => crate::messages::$response::read(&mut body, version).expect("valid").write(&mut out, version).expect("valid"),)*
            }
            assert!(body.is_empty(), "{api} version {version} leaves {} bytes", body.len());
            out.freeze()
        }
    };
}

for_each_api!(declare_ours);

fn their_request(api: ApiKey, version: i16, mut body: Bytes) -> Bytes {
    let mut out = BytesMut::new();
    let key = TheirKey::try_from(api.key()).expect("the other codec knows every API of the table");
    let request = RequestKind::decode(key, &mut body, version).expect("valid");
    request.encode(&mut out, version).expect("valid");
    assert!(body.is_empty(), "{api} version {version} leaves {} bytes", body.len());
    out.freeze()
}

fn their_response(api: ApiKey, version: i16, mut body: Bytes) -> Bytes {
    let mut out = BytesMut::new();
    let key = TheirKey::try_from(api.key()).expect("the other codec knows every API of the table");
    let response = ResponseKind::decode(key, &mut body, version).expect("valid");
    response.encode(&mut out, version).expect("valid");
    assert!(body.is_empty(), "{api} version {version} leaves {} bytes", body.len());
    out.freeze()
}

fn every_version() -> impl Iterator<Item = (ApiKey, i16)> {
    ApiKey::ALL.iter().flat_map(|&api| (api.versions().oldest..=api.versions().newest).map(move |version| (api, version)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn requests_mean_the_same_to_both_codecs_in_every_version(seed in any::<u64>()) {
        for (api, version) in every_version() {
            let body = Values::new(seed, version, api.is_flexible(version)).body(shapes::of(api));
            prop_assert_eq!(&our_request(api, version, body.clone()), &body, "ours, {} version {}", api, version);
            if !NOT_THEIRS.contains(&(api, version)) {
                prop_assert_eq!(&their_request(api, version, body.clone()), &body, "theirs, {} version {}", api, version);
            }
            shape::walk(shapes::of(api), &body, version, api.is_flexible(version), u64::MAX).expect("a valid body has its shape");
        }
    }

    #[test]
    fn responses_mean_the_same_to_both_codecs_in_every_version(seed in any::<u64>()) {
        for (api, version) in every_version() {
            let body = Values::new(seed, version, api.is_flexible(version)).body(responses::of(api));
            prop_assert_eq!(&our_response(api, version, body.clone()), &body, "ours, {} version {}", api, version);
            if !NOT_THEIRS.contains(&(api, version)) {
                prop_assert_eq!(&their_response(api, version, body.clone()), &body, "theirs, {} version {}", api, version);
            }
        }
    }
}

#[test]
fn codecs_differ_in_no_more_versions_than_said() {
    for (api, version) in every_version() {
        let theirs = TheirKey::try_from(api.key()).expect("the other codec knows every API of the table").valid_versions();
        let has = theirs.min <= version && version <= theirs.max;
        assert_eq!(has, !NOT_THEIRS.contains(&(api, version)), "{api} version {version}");
    }
}

/// Known tagged fields, which the shapes leave out.
#[test]
fn tagged_fields_mean_the_same_to_both_codecs() {
    for version in 15..=18 {
        let mut request = FetchRequestData { cluster_id: Some(text("c")), ..FetchRequestData::default() };
        request.replica_state = fetch_request::ReplicaState::default().with_replica_id(3).with_replica_epoch(9);
        let mut partition = fetch_request::FetchPartition::default();
        if version >= 17 {
            partition.replica_directory_id = KafkaUuid::ONE;
        }
        if version >= 18 {
            partition.high_watermark = 70;
        }
        request.topics = vec![fetch_request::FetchTopic::default().with_partitions(vec![partition])];
        let mut body = BytesMut::new();
        request.write(&mut body, version).expect("valid");
        let body = body.freeze();
        assert_eq!(their_request(ApiKey::Fetch, version, body.clone()), body);
        assert_eq!(FetchRequestData::read(&mut body.clone(), version).expect("valid"), request);
        shape::walk(shapes::of(ApiKey::Fetch), &body, version, true, u64::MAX).expect("tagged fields belong to the shape");
    }
    for version in 10..=13 {
        let leader = produce_response::LeaderIdAndEpoch::default().with_leader_id(2).with_leader_epoch(5);
        let partition = produce_response::PartitionProduceResponse::default().with_current_leader(leader);
        let topic = produce_response::TopicProduceResponse::default().with_partition_responses(vec![partition]);
        let node = produce_response::NodeEndpoint::default().with_node_id(2).with_host(text("h")).with_port(9).with_rack(Some(text("r")));
        let response = ProduceResponseData::default().with_responses(vec![topic]).with_node_endpoints(vec![node]);
        check_response(ApiKey::Produce, version, response.into());
    }
    for version in 3..=4 {
        let feature = api_versions_response::SupportedFeatureKey::default()
            .with_name(text("metadata.version"))
            .with_min_version(if version == 3 { 7 } else { 0 });
        let finalized =
            api_versions_response::FinalizedFeatureKey::default().with_name(text("metadata.version")).with_max_version_level(25);
        let response = ApiVersionsResponseData::default().with_supported_features(vec![feature]).with_finalized_features(vec![finalized]);
        check_response(ApiKey::ApiVersions, version, response.with_finalized_features_epoch(44).into());
    }
}

fn check_response(api: ApiKey, version: i16, response: Response) {
    let frame = response::encode::<NoRange>(version, CorrelationId(7), &response).expect("valid").into_parts();
    let [Part::Bytes(frame)] = &frame[..] else { panic!("a response without ranges is one part") };
    let header_bytes = if api.response_header_version(version) >= 1 { 9 } else { 8 };
    let body = frame.slice(header_bytes..);
    assert_eq!(their_response(api, version, body.clone()), body, "{api} version {version}");
    assert_eq!(response::decode(api, version, frame.slice(4..)), Ok((CorrelationId(7), response)));
}
