//! What real clients sent to Apache Kafka, and what it answered.

use bytes::Bytes;

use super::{our_request, our_response};
use crate::api::ApiKey;
use crate::error::ErrorCode;
use crate::fetch::{self, AbortedTransaction, FetchAnswer, FetchedPartition, FetchedTopic};
use crate::ids::{CorrelationId, NodeId, Offset, ProducerId};
use crate::messages::FetchResponseData;
use crate::prepare::{Limits, prepare};
use crate::request::Request;
use crate::response::{self, Response};
use crate::scatter::{NoRange, Part, ScatterList};

const CAPTURES: [&str; 2] = [include_str!("../../captures/java-4.3.1.txt"), include_str!("../../captures/kcat-1.7.1.txt")];

struct Exchange {
    api: ApiKey,
    version: i16,
    request: Bytes,
    response: Bytes,
}

fn exchanges() -> Vec<Exchange> {
    let lines = CAPTURES.iter().flat_map(|capture| capture.lines()).filter(|line| !line.starts_with('#'));
    lines.map(exchange).collect()
}

fn exchange(line: &str) -> Exchange {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [api, version, request, response] = words[..] else { panic!("a line of a capture has four words: {line}") };
    let api = *ApiKey::ALL.iter().find(|key| key.name() == api).expect("captures hold implemented APIs");
    Exchange { api, version: version.parse().expect("a number"), request: unhex(request), response: unhex(response) }
}

fn unhex(text: &str) -> Bytes {
    let byte = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).expect("captures are written in hex");
    (0..text.len()).step_by(2).map(byte).collect()
}

#[test]
fn captured_requests_are_prepared_and_written_as_they_came() {
    for Exchange { api, version, request, .. } in exchanges() {
        let prepared = prepare(request.clone(), &Limits::default()).unwrap_or_else(|error| panic!("{api} version {version}: {error}"));
        assert_eq!((prepared.header.api, prepared.header.version), (api, version));
        if let Request::Produce(produce) = &prepared.request {
            let mut partitions = produce.topics.iter().flat_map(|topic| &topic.partitions);
            assert!(partitions.all(|partition| partition.batch.is_ok()), "{:?}", produce.topics);
        }
        let header_bytes = 10 + prepared.header.client_id.len() + usize::from(api.is_flexible(version));
        let body = request.slice(header_bytes..);
        assert_eq!(our_request(api, version, body.clone()), body, "{api} version {version}");
    }
}

#[test]
fn captured_responses_are_read_and_written_as_they_came() {
    for Exchange { api, version, response: frame, .. } in exchanges() {
        let (correlation, response) = response::decode(api, version, frame.clone()).expect("Kafka answers as it says");
        let list: ScatterList<NoRange> = response::encode(version, correlation, &response).expect("what was read can be written");
        let [Part::Bytes(ours)] = list.parts() else { panic!("a response without ranges is one part") };
        assert_eq!(ours.slice(4..), frame, "{api} version {version}");
        let header_bytes = if api.response_header_version(version) >= 1 { 5 } else { 4 };
        let body = frame.slice(header_bytes..);
        assert_eq!(our_response(api, version, body.clone()), body, "{api} version {version}");
        if let Response::Fetch(data) = response {
            check_fetch(version, correlation, &data, &frame);
        }
    }
}

/// Our own encoder says what Kafka said.
fn check_fetch(version: i16, correlation: CorrelationId, data: &FetchResponseData, frame: &Bytes) {
    let topics = data.responses.iter().map(|topic| FetchedTopic {
        name: topic.topic.clone(),
        id: topic.topic_id.into(),
        partitions: topic.partitions.iter().map(fetched).collect(),
    });
    let answer = FetchAnswer {
        topics: topics.collect(),
        session_id: data.session_id,
        ..FetchAnswer::of_error(ErrorCode::from_code(data.error_code))
    };
    let list: ScatterList<NoRange> = fetch::encode(version, correlation, answer).expect("valid");
    let parts = list.parts().iter().map(|part| match part {
        Part::Bytes(bytes) => bytes.to_vec(),
        Part::Range(none) => match *none {},
    });
    assert_eq!(parts.collect::<Vec<_>>().concat()[4..], frame[..]);
}

fn fetched(data: &crate::messages::fetch_response::PartitionData) -> FetchedPartition<NoRange> {
    let aborted = data.aborted_transactions.as_ref().map(|all| {
        all.iter().map(|t| AbortedTransaction { producer: ProducerId(t.producer_id), first_offset: Offset(t.first_offset) }).collect()
    });
    FetchedPartition {
        high_watermark: Offset(data.high_watermark),
        last_stable_offset: Offset(data.last_stable_offset),
        log_start_offset: Offset(data.log_start_offset),
        aborted_transactions: aborted,
        preferred_read_replica: (data.preferred_read_replica >= 0).then_some(NodeId(data.preferred_read_replica)),
        records: data.records.clone().map(Part::Bytes).into_iter().collect(),
        ..FetchedPartition::of_error(data.partition_index, ErrorCode::from_code(data.error_code))
    }
}

#[test]
fn captured_api_versions_advertise_what_we_advertise() {
    let kafka = exchanges().into_iter().find(|e| e.api == ApiKey::ApiVersions && e.version == 4).expect("the Java client asks so");
    let Ok((_, Response::ApiVersions(kafka))) = response::decode(kafka.api, kafka.version, kafka.response) else {
        panic!("Kafka answers as it says")
    };
    for &api in ApiKey::ALL {
        let theirs = kafka.api_keys.iter().find(|range| range.api_key == api.key()).expect("Kafka 4.3 has every API of the table");
        assert_eq!((theirs.min_version, theirs.max_version), (api.advertised().oldest, api.advertised().newest), "{api}");
    }
}
