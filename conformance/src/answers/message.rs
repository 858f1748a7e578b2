//! The messages that are asked and answered, and their frames.

use std::fmt::Debug;

use bytes::{BufMut, Bytes, BytesMut};
use kacrab_protocol::KafkaString;
use kacrab_protocol::generated::{self, ApiKey};
use kacrab_protocol::version::client_api_info;

use super::tree::Tree;

/// A request of the codec, with the response that answers it.
pub trait Message: Debug {
    /// Which API.
    const API: ApiKey;
    /// The body of its answer.
    type Answer: Debug;

    /// Writes the body.
    fn put(&self, out: &mut BytesMut, version: i16) -> Result<(), String>;
    /// Reads the body of an answer.
    fn answer(bytes: &mut Bytes, version: i16) -> Result<Self::Answer, String>;
}

macro_rules! messages {
    ($($api:ident: $request:ident => $response:ident;)*) => {
        $(impl Message for generated::$request {
            const API: ApiKey = ApiKey::$api;
            type Answer = generated::$response;

            fn put(&self, out: &mut BytesMut, version: i16) -> Result<(), String> {
                self.write(out, version).map_err(|e| e.to_string())
            }

            fn answer(bytes: &mut Bytes, version: i16) -> Result<Self::Answer, String> {
                generated::$response::read(bytes, version).map_err(|e| e.to_string())
            }
        })*

        /// The body of an answer to any of them.
        pub fn body(api: ApiKey, bytes: &mut Bytes, version: i16) -> Result<Tree, String> {
            match api {
                $(ApiKey::$api => generated::$response::read(bytes, version).map(|body| Tree::of(&body)).map_err(|e| e.to_string()),)*
                other => Err(format!("{other:?} is not asked here")),
            }
        }
    };
}

messages! {
    Produce: ProduceRequestData => ProduceResponseData;
    Fetch: FetchRequestData => FetchResponseData;
    ListOffsets: ListOffsetsRequestData => ListOffsetsResponseData;
    Metadata: MetadataRequestData => MetadataResponseData;
    ApiVersions: ApiVersionsRequestData => ApiVersionsResponseData;
    CreateTopics: CreateTopicsRequestData => CreateTopicsResponseData;
    DeleteTopics: DeleteTopicsRequestData => DeleteTopicsResponseData;
    DeleteRecords: DeleteRecordsRequestData => DeleteRecordsResponseData;
    InitProducerId: InitProducerIdRequestData => InitProducerIdResponseData;
    OffsetForLeaderEpoch: OffsetForLeaderEpochRequestData => OffsetForLeaderEpochResponseData;
    DescribeConfigs: DescribeConfigsRequestData => DescribeConfigsResponseData;
    AlterConfigs: AlterConfigsRequestData => AlterConfigsResponseData;
    DescribeLogDirs: DescribeLogDirsRequestData => DescribeLogDirsResponseData;
    CreatePartitions: CreatePartitionsRequestData => CreatePartitionsResponseData;
    IncrementalAlterConfigs: IncrementalAlterConfigsRequestData => IncrementalAlterConfigsResponseData;
    DescribeCluster: DescribeClusterRequestData => DescribeClusterResponseData;
    DescribeProducers: DescribeProducersRequestData => DescribeProducersResponseData;
    ListConfigResources: ListConfigResourcesRequestData => ListConfigResourcesResponseData;
    DescribeTopicPartitions: DescribeTopicPartitionsRequestData => DescribeTopicPartitionsResponseData;
}

/// What a frame begins with.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    pub api: i16,
    pub version: i16,
    pub correlation: i32,
    /// `None` is a null client id.
    pub client: Option<&'a str>,
    /// True if tagged fields end the header (request header version 2).
    pub flexible: bool,
}

/// A frame with its length, around any body.
pub fn frame(head: Head<'_>, body: &[u8]) -> Bytes {
    let mut out = BytesMut::new();
    out.put_i16(head.api);
    out.put_i16(head.version);
    out.put_i32(head.correlation);
    match head.client {
        Some(client) => {
            out.put_i16(client.len() as i16);
            out.put_slice(client.as_bytes());
        }
        None => out.put_i16(-1),
    }
    if head.flexible {
        out.put_u8(0);
    }
    out.put_slice(body);
    framed(&out)
}

/// Bytes with their length before them.
pub fn framed(bytes: &[u8]) -> Bytes {
    let mut out = BytesMut::new();
    out.put_i32(bytes.len() as i32);
    out.put_slice(bytes);
    out.freeze()
}

/// The body of a request.
pub fn encoded<M: Message>(message: &M, version: i16) -> Bytes {
    let mut out = BytesMut::new();
    message.put(&mut out, version).unwrap_or_else(|e| panic!("{:?} version {version} cannot say {message:?}: {e}", M::API));
    out.freeze()
}

/// The header of a request in this version.
pub fn head(api: ApiKey, version: i16, correlation: i32) -> Head<'static> {
    let flexible = version >= client_api_info(api).flexible_versions_start;
    Head { api: api as i16, version, correlation, client: Some("answers"), flexible }
}

/// An answer: correlation id and what is left after the header.
pub fn unwrap(api: ApiKey, version: i16, mut frame: Bytes) -> Result<(i32, Bytes), String> {
    if frame.len() < 4 {
        return Err(format!("an answer of {} bytes", frame.len()));
    }
    let correlation = i32::from_be_bytes(frame.split_to(4)[..].try_into().expect("four bytes"));
    if api != ApiKey::ApiVersions && version >= client_api_info(api).flexible_versions_start {
        kacrab_protocol::tagged::read_tagged_fields(&mut frame).map_err(|e| e.to_string())?;
    }
    Ok((correlation, frame))
}

/// Every version that is implemented of an API.
pub fn versions(api: ApiKey) -> std::ops::RangeInclusive<i16> {
    let info = client_api_info(api);
    let newest = match api {
        ApiKey::InitProducerId => 5,
        ApiKey::ApiVersions => 4,
        _ => info.max_version,
    };
    info.min_version..=newest
}

/// A text of the codec.
pub fn text(text: &str) -> KafkaString {
    KafkaString::from(text.to_owned())
}
