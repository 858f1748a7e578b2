//! Responses between broker and client, and what a hostile broker might send.

use allocation_counter::measure;
use proptest::prelude::*;

use super::*;
use crate::messages::MetadataResponseData;
use crate::scatter::{NoRange, Part};

fn frame_of(version: i16, response: &Response) -> Bytes {
    let list: ScatterList<NoRange> = encode(version, CorrelationId(-9), response).expect("valid");
    let [Part::Bytes(frame)] = list.parts() else { panic!("a response without ranges is one part") };
    assert_eq!(frame[..LENGTH_BYTES], (frame.len() as u32 - 4).to_be_bytes());
    frame.slice(LENGTH_BYTES..)
}

#[test]
fn response_that_refuses_a_version_of_api_versions_is_read_in_version_zero() {
    let refusal = unsupported_api_versions();
    for asked in ApiKey::ApiVersions.versions().oldest..=ApiKey::ApiVersions.versions().newest {
        assert_eq!(decode(ApiKey::ApiVersions, asked, frame_of(0, &refusal)), Ok((CorrelationId(-9), refusal.clone())));
    }
    let Response::ApiVersions(body) = refusal else { panic!("it answers ApiVersions") };
    assert_eq!((body.error_code, body.api_keys[0].api_key, body.api_keys[0].max_version), (35, 18, 4));
}

#[test]
fn response_with_what_its_version_cannot_say_is_a_typed_error() {
    let response: Response = MetadataResponseData::default().with_error_code(3).into();
    assert!(encode::<NoRange>(13, CorrelationId(0), &response).is_ok());
    assert!(encode::<NoRange>(14, CorrelationId(0), &response).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn responses_of_garbage_never_panic_and_cost_a_multiple_of_what_came(body in prop::collection::vec(prop_oneof![Just(0), Just(1), any::<u8>()], 0..3_000)) {
        let frame = Bytes::from(body);
        for &api in ApiKey::ALL {
            for version in api.versions().oldest..=api.versions().newest {
                let cost = measure(|| drop(decode(api, version, frame.clone())));
                prop_assert!(cost.bytes_max <= 1_024 + 512 * frame.len() as u64, "{} of {} for {} version {}", cost.bytes_max, frame.len(), api, version);
            }
        }
    }
}
