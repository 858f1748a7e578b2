//! Frames of every API and version, whole, cut, bent and hostile.

use allocation_counter::measure;
use bytes::{BufMut, BytesMut};
use kacrab_protocol::primitives::write_unsigned_varint;
use proptest::prelude::*;

use super::*;
use crate::batch::{BatchError, Builder, NewRecord, ProducerBatch};
use crate::codec::Codec;
use crate::differential::Values;
use crate::error::ErrorCode;
use crate::ids::CorrelationId;
use crate::messages::produce_request::{PartitionProduceData, TopicProduceData};
use crate::messages::{KafkaString, ProduceRequestData, text};
use crate::request::{self, RequestBody};

const LIMITS: Limits = Limits { decoded_bytes_max: 64 * 1024, batch_decompressed_bytes_max: 64 * 1024 };
/// Room for the text of an error.
const ERROR_BYTES: u64 = 1024;

/// A frame with a header of the right version, and any body.
fn frame(key: i16, version: i16, flexible: bool, body: &[u8]) -> Bytes {
    let mut frame = BytesMut::new();
    frame.put_i16(key);
    frame.put_i16(version);
    frame.put_i32(77);
    frame.put_i16(2);
    frame.put_slice(b"me");
    if flexible {
        frame.put_slice(&[1, 9, 3, 1, 2, 3]); // a tagged field that nobody knows
    }
    frame.put_slice(body);
    frame.freeze()
}

fn valid(api: ApiKey, version: i16, seed: u64) -> Bytes {
    let flexible = api.is_flexible(version);
    frame(api.key(), version, flexible, &Values::new(seed, version, flexible).body(shapes::of(api)))
}

fn every_version() -> impl Iterator<Item = (ApiKey, i16)> {
    ApiKey::ALL.iter().flat_map(|&api| (api.versions().oldest..=api.versions().newest).map(move |version| (api, version)))
}

/// Prepares a frame and holds it against its cost: never more than twice the limit, nor than twice what was said.
fn measured(frame: &Bytes) -> Result<Prepared, PrepareError> {
    let mut result = None;
    let cost = measure(|| result = Some(prepare(frame.clone(), &LIMITS)));
    let result = result.expect("measuring runs it");
    let said = result.as_ref().map_or(LIMITS.decoded_bytes_max, |prepared| prepared.decoded_bytes);
    assert!(cost.bytes_max <= 2 * said + ERROR_BYTES, "{} bytes at most where {said} were said: {result:?}", cost.bytes_max);
    result
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn prepare_accepts_every_version_and_says_what_it_costs(seed in any::<u64>()) {
        for (api, version) in every_version() {
            let prepared = measured(&valid(api, version, seed)).expect("valid");
            let client_id = KafkaString::from_static("me");
            prop_assert_eq!(prepared.header, RequestHeader { api, version, correlation: CorrelationId(77), client_id });
        }
    }

    #[test]
    fn prepare_of_bent_frames_never_panics_and_costs_no_more_than_the_limit(
        seed in any::<u64>(), bends in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        for (api, version) in every_version() {
            let mut bytes = valid(api, version, seed).to_vec();
            for (at, byte) in &bends {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            let _ = measured(&bytes.into());
        }
    }

    #[test]
    fn prepare_of_garbage_never_panics_and_costs_no_more_than_the_limit(body in prop::collection::vec(prop_oneof![Just(0), Just(1), any::<u8>()], 0..4_000)) {
        for (api, version) in every_version() {
            let _ = measured(&frame(api.key(), version, api.is_flexible(version), &body));
        }
        let _ = measured(&body.into());
    }
}

#[test]
fn prepare_refuses_every_frame_that_is_cut() {
    for (api, version) in every_version() {
        let whole = valid(api, version, 5);
        for length in 0..whole.len() {
            assert!(measured(&whole.slice(..length)).is_err(), "{api} version {version}, {length} of {} bytes", whole.len());
        }
    }
}

#[test]
fn prepare_passes_over_what_follows_the_body() {
    let mut bytes = valid(ApiKey::Metadata, 12, 1).to_vec();
    bytes.extend_from_slice(b"more");
    assert!(prepare(bytes.into(), &LIMITS).is_ok());
}

#[test]
fn prepare_refuses_null_where_kafka_does() {
    let null = &(-1i32).to_be_bytes();
    let refused = |key, version, body: &[u8]| prepare(frame(key, version, false, body), &LIMITS);
    assert!(matches!(refused(3, 0, null), Err(PrepareError::Malformed { says, .. }) if says == "topics is null and must not be"));
    assert!(refused(3, 1, null).is_ok(), "null means every topic from version 1 on");
    let create = [&null[..], &[0, 0, 0, 9, 0]].concat();
    assert!(matches!(refused(19, 2, &create), Err(PrepareError::Malformed { .. })));
}

#[test]
fn prepare_answers_api_versions_in_a_version_that_nobody_knows() {
    for version in [-1, 5, i16::MAX] {
        let prepared = prepare(frame(18, version, version >= 3, b"what a later version holds"), &LIMITS).expect("answered in version 0");
        assert_eq!((prepared.header.version, prepared.header.correlation), (0, CorrelationId(77)));
        assert!(matches!(prepared.request, Request::UnsupportedApiVersions { version: asked } if asked == version));
    }
}

#[test]
fn prepare_refuses_apis_and_versions_that_are_not_there() {
    let refusal = |key, version| prepare(frame(key, version, false, &[]), &LIMITS).map(|_| ()).expect_err("not there");
    assert_eq!(refusal(11, 0), PrepareError::UnknownApi { key: 11, version: 0 });
    assert_eq!(refusal(-1, 0), PrepareError::UnknownApi { key: -1, version: 0 });
    assert_eq!(refusal(0, 2), PrepareError::UnsupportedVersion { api: ApiKey::Produce, version: 2 });
    assert_eq!(refusal(22, 6), PrepareError::UnsupportedVersion { api: ApiKey::InitProducerId, version: 6 });
}

#[test]
fn prepare_takes_a_client_id_that_is_null_or_no_text() {
    let mut header = BytesMut::new();
    header.put_slice(&[0, 18, 0, 0, 0, 0, 0, 1]);
    let null = [&header[..], &[0xff, 0xff]].concat();
    assert_eq!(prepare(null.into(), &LIMITS).expect("null is empty").header.client_id, KafkaString::default());
    let latin = [&header[..], &[0, 1, 0xe4]].concat();
    assert_eq!(prepare(latin.into(), &LIMITS).expect("replaced").header.client_id, text("\u{fffd}"));
}

#[test]
fn prepare_refuses_a_small_frame_that_would_become_a_large_request_before_it_does() {
    let mut body = BytesMut::new();
    body.put_i32(30_000);
    body.put_bytes(0, 2 * 30_000); // names of no length: each takes 72 bytes when decoded
    let frame = frame(3, 1, false, &body);
    let cost = measure(|| {
        assert!(
            matches!(prepare(frame.clone(), &LIMITS), Err(PrepareError::TooLarge { api: ApiKey::Metadata, bytes, .. }) if bytes > 30_000 * 60)
        );
    });
    assert!(cost.bytes_max <= ERROR_BYTES, "{}", cost.bytes_max);
}

#[test]
fn prepare_counts_tagged_fields_that_nobody_knows() {
    let mut body = BytesMut::new();
    body.put_slice(&[1, 1]); // two empty strings
    let count = 600;
    write_unsigned_varint(&mut body, count);
    for tag in 0..count {
        write_unsigned_varint(&mut body, tag);
        body.put_u8(0);
    }
    let prepared = measured(&frame(18, 3, true, &body)).expect("unknown tagged fields are kept");
    assert!(prepared.decoded_bytes > 2 * 40 * u64::from(count), "{}", prepared.decoded_bytes);
}

#[test]
fn prepare_finds_fault_with_one_partition_and_not_with_its_neighbour() {
    let mut builder = Builder::new(Codec::None);
    builder.push(NewRecord { value: Some(b"hello"), ..NewRecord::default() });
    let good = builder.build_bytes();
    let mut bent = good.to_vec();
    *bent.last_mut().expect("a batch has bytes") ^= 1;
    let partitions = [Some(good.clone()), Some(bent.into()), Some(Bytes::new()), None];
    let partitions =
        partitions.into_iter().enumerate().map(|(i, records)| PartitionProduceData::default().with_index(i as i32).with_records(records));
    let topic = TopicProduceData::default().with_name(text("t")).with_partition_data(partitions.collect());
    for version in [3, 9, 12] {
        let header = RequestHeader { api: ApiKey::Produce, version, correlation: CorrelationId(1), client_id: text("c") };
        let body: RequestBody = ProduceRequestData::default().with_acks(-1).with_topic_data(vec![topic.clone()]).into();
        let parts = request::encode(&header, &body).expect("valid");
        assert!(parts.iter().any(|part| part.as_ptr() == good.as_ptr()), "the payload is linked in, not copied");
        let prepared = measured(&Bytes::from(parts.concat()).slice(4..)).expect("a bad batch is no bad request");
        assert_eq!(prepared.header, header);
        let Request::Produce(produce) = prepared.request else { panic!("what was sent is a Produce") };
        let codes: Vec<_> = produce.topics[0]
            .partitions
            .iter()
            .map(|p| p.batch.as_ref().map(ProducerBatch::record_count).map_err(BatchError::code))
            .collect();
        assert_eq!(codes, [Ok(1), Err(ErrorCode::CorruptMessage), Err(ErrorCode::InvalidRecord), Err(ErrorCode::InvalidRecord)]);
    }
}
