//! Requests that are no requests: the answer, or the closed connection.

use bytes::{BufMut, Bytes, BytesMut};
use kacrab_protocol::generated::{ApiKey, ApiVersionsRequestData, ListConfigResourcesRequestData, MetadataRequestData};
use kacrab_protocol::version::client_api_info;

use super::message::{Head, encoded, frame, framed, head, versions};
use super::twins::Twins;

/// APIs that both speak.
const SPOKEN: &[ApiKey] = &[
    ApiKey::Produce,
    ApiKey::Fetch,
    ApiKey::ListOffsets,
    ApiKey::Metadata,
    ApiKey::CreateTopics,
    ApiKey::DeleteTopics,
    ApiKey::DeleteRecords,
    ApiKey::InitProducerId,
    ApiKey::OffsetForLeaderEpoch,
    ApiKey::DescribeConfigs,
    ApiKey::AlterConfigs,
    ApiKey::DescribeLogDirs,
    ApiKey::CreatePartitions,
    ApiKey::IncrementalAlterConfigs,
    ApiKey::DescribeCluster,
    ApiKey::DescribeProducers,
    ApiKey::ListConfigResources,
    ApiKey::DescribeTopicPartitions,
];

pub fn run(twins: &mut Twins) {
    heads(twins);
    lengths(twins);
    bodies(twins);
    in_order(twins);
}

/// Sends something, and a request behind it that any open connection answers.
fn then_asks(twins: &mut Twins, title: &str, sent: &[u8], asked: &[(ApiKey, i16)]) {
    let next = frame(head(ApiKey::ApiVersions, 0, 9), &encoded(&ApiVersionsRequestData::default(), 0));
    let asked = [asked, &[(ApiKey::ApiVersions, 0)]].concat();
    twins.bytes(title, &[sent, &next].concat(), &asked);
}

fn heads(twins: &mut Twins) {
    let empty = Head { api: 18, version: 0, correlation: 1, client: Some("c"), flexible: false };
    for version in [-1, 5, 6, 99, i16::MAX, i16::MIN] {
        let body = encoded(&ApiVersionsRequestData::default(), 0);
        then_asks(
            twins,
            &format!("ApiVersions {version}, flexible"),
            &frame(Head { version, flexible: true, ..empty }, &body),
            &[(ApiKey::ApiVersions, 4)],
        );
        then_asks(twins, &format!("ApiVersions {version}"), &frame(Head { version, ..empty }, &body), &[(ApiKey::ApiVersions, 4)]);
    }
    for api in [-1, 4, 5, 6, 7, 95, 999, i16::MAX, i16::MIN] {
        then_asks(twins, &format!("unknown API {api}"), &frame(Head { api, ..empty }, &[]), &[]);
    }
    for &api in SPOKEN {
        let range = versions(api);
        for version in [range.start() - 1, range.end() + 2, -1, i16::MAX] {
            let flexible = version >= client_api_info(api).flexible_versions_start;
            then_asks(twins, &format!("{api:?} {version}"), &frame(Head { api: api as i16, version, flexible, ..empty }, &[]), &[]);
        }
    }
    let body = encoded(&MetadataRequestData::default().with_topics(Some(Vec::new())), 1);
    let metadata = Head { api: 3, version: 1, ..empty };
    then_asks(twins, "no client id", &frame(Head { client: None, ..metadata }, &body), &[(ApiKey::Metadata, 1)]);
    then_asks(twins, "an empty client id", &frame(Head { client: Some(""), ..metadata }, &body), &[(ApiKey::Metadata, 1)]);
    then_asks(twins, "a negative correlation", &frame(Head { correlation: -7, ..metadata }, &body), &[(ApiKey::Metadata, 1)]);
    let flexible = encoded(&MetadataRequestData::default().with_topics(Some(Vec::new())), 12);
    let header = |client: &[u8], tags: &[u8]| {
        let mut out = BytesMut::new();
        out.put_i16(3);
        out.put_i16(12);
        out.put_i32(1);
        out.put_slice(client);
        out.put_slice(tags);
        out.put_slice(&flexible);
        framed(&out)
    };
    let asked = [(ApiKey::Metadata, 12)];
    then_asks(twins, "an unknown tag in the header", &header(&[0, 1, b'c'], &[1, 99, 1, 7]), &asked);
    then_asks(twins, "a header without its tags", &header(&[0, 1, b'c'], &[]), &asked);
    then_asks(twins, "a client id longer than the frame", &header(&[0, 99, b'c'], &[0]), &asked);
    then_asks(twins, "a client id that is no text", &header(&[0, 2, 0xc3, 0x28], &[0]), &asked);
    then_asks(twins, "tags in a wrong order", &header(&[0, 1, b'c'], &[2, 9, 0, 8, 0]), &asked);
    then_asks(twins, "a tag twice", &header(&[0, 1, b'c'], &[2, 9, 0, 9, 0]), &asked);
}

fn lengths(twins: &mut Twins) {
    then_asks(twins, "an empty frame", &framed(&[]), &[]);
    then_asks(twins, "a frame of one byte", &framed(&[0]), &[]);
    then_asks(twins, "a frame of three bytes", &framed(&[0, 3, 0]), &[]);
    then_asks(twins, "half a header", &framed(&[0, 3, 0, 1, 0, 0]), &[]);
    let length = |length: i32| Bytes::from(length.to_be_bytes().to_vec());
    for bytes in [-1, i32::MIN, i32::MAX, 104_857_601] {
        then_asks(twins, &format!("a frame of {bytes}"), &length(bytes), &[]);
    }
    then_asks(twins, "another protocol", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", &[]);
}

fn bodies(twins: &mut Twins) {
    for &api in SPOKEN {
        for version in [*versions(api).start(), *versions(api).end()] {
            for (title, body) in [
                ("no body", &b""[..]),
                ("a byte", b"\x01"),
                ("a claim", b"\x7f\xff\xff\xff\x7f\xff\xff\xff"),
                ("noise", b"\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8\xf7\xf6\xf5\xf4"),
            ] {
                // An empty body is a whole request of some; whatever comes is compared.
                then_asks(twins, &format!("{title}, {version}"), &frame(head(api, version, 1), body), &[(api, version)]);
            }
        }
    }
    let metadata = |version: i16, body: &[u8]| frame(head(ApiKey::Metadata, version, 1), body);
    let whole = |version: i16| encoded(&MetadataRequestData::default().with_topics(Some(Vec::new())), version);
    for version in [1, 8, 9, 12, 13] {
        let longer = [&whole(version)[..], &[0, 0, 0]].concat();
        then_asks(twins, &format!("bytes behind, {version}"), &metadata(version, &longer), &[(ApiKey::Metadata, version)]);
        let shorter = whole(version).slice(..whole(version).len() - 1);
        then_asks(twins, &format!("a byte short, {version}"), &metadata(version, &shorter), &[(ApiKey::Metadata, version)]);
    }
    // A null where none may be.
    then_asks(twins, "null topics before they had a meaning", &metadata(0, &[0xff; 4]), &[(ApiKey::Metadata, 0)]);
    then_asks(twins, "a null name", &metadata(1, &[0, 0, 0, 1, 0xff, 0xff]), &[(ApiKey::Metadata, 1)]);
    then_asks(twins, "a flag of 2", &metadata(4, &[0, 0, 0, 0, 2]), &[(ApiKey::Metadata, 4)]);
    then_asks(twins, "an unknown tag", &metadata(12, &[1, 1, 0, 1, 50, 2, 1, 2]), &[(ApiKey::Metadata, 12)]);
    // A name that is no text is not asked: Apache Kafka reads it as another name, ours closes the connection.
    let create = |body: &[u8]| frame(head(ApiKey::CreateTopics, 2, 1), body);
    then_asks(twins, "null topics to create", &create(&[0xff, 0xff, 0xff, 0xff, 0, 0, 0, 9, 0]), &[(ApiKey::CreateTopics, 2)]);
    let list = |body: &[u8]| frame(head(ApiKey::ListOffsets, 1, 1), body);
    then_asks(twins, "null topics to list", &list(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), &[(ApiKey::ListOffsets, 1)]);
    let null = |api: ApiKey, body: &[u8]| frame(head(api, *versions(api).start(), 1), body);
    let start = |api: ApiKey| (api, *versions(api).start());
    then_asks(
        twins,
        "null topics to delete",
        &null(ApiKey::DeleteTopics, &[0xff, 0xff, 0xff, 0xff, 0, 0, 0, 9]),
        &[start(ApiKey::DeleteTopics)],
    );
    then_asks(
        twins,
        "null resources to describe",
        &null(ApiKey::DescribeConfigs, &[0xff, 0xff, 0xff, 0xff, 0]),
        &[start(ApiKey::DescribeConfigs)],
    );
}

/// Several requests at once are answered in their order.
fn in_order(twins: &mut Twins) {
    let metadata =
        |at: i32| frame(head(ApiKey::Metadata, 12, at), &encoded(&MetadataRequestData::default().with_topics(Some(Vec::new())), 12));
    let listed = frame(
        head(ApiKey::ListConfigResources, 1, 2),
        &encoded(&ListConfigResourcesRequestData::default().with_resource_types(vec![4]), 1),
    );
    let sent = [metadata(1), listed, metadata(3)].concat();
    twins.bytes("in order", &sent, &[(ApiKey::Metadata, 12), (ApiKey::ListConfigResources, 1), (ApiKey::Metadata, 12)]);
}
