//! Bodies of requests: the codec's values, and Produce with each batch validated by itself.

use bytes::Bytes;

use crate::api::{ApiKey, for_each_api};
use crate::batch::{ProducerBatch, Rules};
use crate::messages::ProduceRequestData;
use crate::prepare::shape::{self, ShapeError};
use crate::prepare::{Limits, PrepareError, Prepared, shapes};
use crate::request::{ProducePartition, ProduceRequest, ProduceTopic, Request, RequestHeader};

macro_rules! declare_decode {
    (Produce = $key:literal, $oldest:literal..=$newest:literal, flexible $flexible:literal, $body:ident => $response:ident;
     $($name:ident = $k:literal, $o:literal..=$n:literal, flexible $f:literal, $request:ident => $r:ident;)*) => {
        fn read(api: ApiKey, version: i16, body: &mut Bytes, limits: &Limits) -> kacrab_protocol::Result<Request> {
            match api {
                ApiKey::Produce => Ok(Request::Produce(produce(ProduceRequestData::read(body, version)?, version, limits))),
                $(ApiKey::$name => crate::messages::$request::read(body, version).map(Request::$name),)*
            }
        }
    };
}

for_each_api!(declare_decode);

pub(super) fn decode(header: RequestHeader, mut body: Bytes, limits: &Limits) -> Result<Prepared, PrepareError> {
    let (api, version) = (header.api, header.version);
    if !api.versions().contains(version) {
        return Ok(Prepared {
            request: Request::UnsupportedApiVersions { version },
            header: RequestHeader { version: 0, ..header },
            decoded_bytes: 0,
        });
    }
    let decoded_bytes =
        shape::walk(shapes::of(api), &body, version, api.is_flexible(version), limits.decoded_bytes_max).map_err(|error| match error {
            ShapeError::TooLarge { bytes } => PrepareError::TooLarge { api, bytes, bytes_max: limits.decoded_bytes_max },
            other => PrepareError::Malformed { api, version, says: other.to_string() },
        })?;
    let request = read(api, version, &mut body, limits).map_err(|e| PrepareError::Malformed { api, version, says: e.to_string() })?;
    Ok(Prepared { header, request, decoded_bytes })
}

fn produce(body: ProduceRequestData, version: i16, limits: &Limits) -> ProduceRequest {
    let topics = body.topic_data.into_iter().map(|topic| ProduceTopic {
        name: topic.name,
        id: topic.topic_id.into(),
        partitions: topic
            .partition_data
            .into_iter()
            .map(|partition| self::partition(partition.index, partition.records.unwrap_or_default(), version, limits))
            .collect(),
    });
    ProduceRequest { transactional_id: body.transactional_id, acks: body.acks, timeout_ms: body.timeout_ms, topics: topics.collect() }
}

/// A partition with its one batch; null and empty records alike have none.
fn partition(index: i32, records: Bytes, version: i16, limits: &Limits) -> ProducePartition {
    let rules = Rules { produce_version: version, decoded_bytes_max: limits.batch_decompressed_bytes_max };
    let batch_bytes = ProducerBatch::size_bytes_of(&records).unwrap_or(0) as u64;
    ProducePartition { index, batch: ProducerBatch::validate(&records, rules), batch_bytes }
}
