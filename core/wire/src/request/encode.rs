//! Requests as a client sends them: the header and the body in bytes, the payload of Produce as slices of the caller's own.

use bytes::{BufMut, Bytes, BytesMut};
use kacrab_protocol::{primitives, string, tagged};

use crate::api::{ApiKey, for_each_api};
use crate::messages::produce_request::TopicProduceData;
use crate::messages::{ProduceRequestData, RawTaggedField};
use crate::request::{RequestBody, RequestHeader};

/// Why a message cannot be written: a misuse by the caller, for instance a field that the version has not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{says}")]
pub struct EncodeError {
    /// What the codec said.
    pub says: String,
}

impl EncodeError {
    pub(crate) fn of(error: impl std::fmt::Display) -> EncodeError {
        EncodeError { says: error.to_string() }
    }
}

macro_rules! write_others {
    (Produce = $key:literal, $oldest:literal..=$newest:literal, flexible $flexible:literal, $body:ident => $response:ident;
     $($name:ident = $k:literal, $o:literal..=$n:literal, flexible $f:literal, $request:ident => $r:ident;)*) => {
        fn body_bytes(body: &RequestBody, version: i16) -> kacrab_protocol::Result<usize> {
            match body {
                RequestBody::Produce(body) => body.encoded_len(version),
                $(RequestBody::$name(body) => body.encoded_len(version),)*
            }
        }

        fn write_body(out: &mut Parts, body: &RequestBody, version: i16) -> kacrab_protocol::Result<()> {
            match body {
                RequestBody::Produce(body) => write_produce(out, body, version),
                $(RequestBody::$name(body) => body.write(&mut out.tail, version),)*
            }
        }
    };
}

for_each_api!(write_others);

/// The frame of a request, its length included, in parts to be sent one after the other.
pub fn encode(header: &RequestHeader, body: &RequestBody) -> Result<Vec<Bytes>, EncodeError> {
    assert_eq!(header.api, body.api(), "a header of one API before the body of another");
    let flexible = header.api.is_flexible(header.version);
    let body_bytes = body_bytes(body, header.version).map_err(EncodeError::of)?;
    let header_bytes = HEADER_BYTES + header.client_id.len() + usize::from(flexible);
    let bytes = i32::try_from(header_bytes + body_bytes).map_err(EncodeError::of)?;

    let mut out = Parts::default();
    out.tail.put_i32(bytes);
    out.tail.put_i16(header.api.key());
    out.tail.put_i16(header.version);
    out.tail.put_i32(header.correlation.0);
    // Never compact, not even in the flexible header (KIP-482).
    string::write_string(&mut out.tail, &header.client_id).map_err(EncodeError::of)?;
    if flexible {
        out.tail.put_u8(0); // no tagged fields
    }
    write_body(&mut out, body, header.version).map_err(EncodeError::of)?;
    let parts = out.finish();
    assert_eq!(parts.iter().map(Bytes::len).sum::<usize>(), LENGTH_BYTES + header_bytes + body_bytes, "{} is longer than said", header.api);
    Ok(parts)
}

const LENGTH_BYTES: usize = 4;
/// Key, version, correlation id, length of the client's id.
const HEADER_BYTES: usize = 2 + 2 + 4 + 2;

/// A frame that grows at its tail; payload is linked in, not copied.
#[derive(Default)]
struct Parts {
    done: Vec<Bytes>,
    tail: BytesMut,
}

impl Parts {
    fn link(&mut self, payload: &Bytes) {
        self.done.push(self.tail.split().freeze());
        self.done.push(payload.clone());
    }

    fn finish(mut self) -> Vec<Bytes> {
        if !self.tail.is_empty() {
            self.done.push(self.tail.freeze());
        }
        self.done
    }
}

fn write_produce(out: &mut Parts, body: &ProduceRequestData, version: i16) -> kacrab_protocol::Result<()> {
    let flexible = ApiKey::Produce.is_flexible(version);
    if flexible {
        string::write_compact_nullable_string(&mut out.tail, body.transactional_id.as_ref())?;
    } else {
        string::write_nullable_string(&mut out.tail, body.transactional_id.as_ref())?;
    }
    out.tail.put_i16(body.acks);
    out.tail.put_i32(body.timeout_ms);
    write_count(&mut out.tail, body.topic_data.len(), flexible);
    for topic in &body.topic_data {
        write_topic(out, topic, version, flexible)?;
    }
    write_tags(&mut out.tail, &body._unknown_tagged_fields, flexible)
}

fn write_topic(out: &mut Parts, topic: &TopicProduceData, version: i16, flexible: bool) -> kacrab_protocol::Result<()> {
    if version >= 13 {
        kacrab_protocol::uuid::write_uuid(&mut out.tail, &topic.topic_id);
    } else if flexible {
        string::write_compact_string(&mut out.tail, &topic.name)?;
    } else {
        string::write_string(&mut out.tail, &topic.name)?;
    }
    write_count(&mut out.tail, topic.partition_data.len(), flexible);
    for partition in &topic.partition_data {
        out.tail.put_i32(partition.index);
        write_records(out, partition.records.as_ref(), flexible);
        write_tags(&mut out.tail, &partition._unknown_tagged_fields, flexible)?;
    }
    write_tags(&mut out.tail, &topic._unknown_tagged_fields, flexible)
}

fn write_records(out: &mut Parts, records: Option<&Bytes>, flexible: bool) {
    let bytes = records.map_or(-1, |records| i32::try_from(records.len()).expect("the length of the frame was counted in 31 bits"));
    if flexible {
        primitives::write_unsigned_varint(&mut out.tail, (bytes + 1) as u32);
    } else {
        out.tail.put_i32(bytes);
    }
    if let Some(records) = records {
        out.link(records);
    }
}

fn write_count(out: &mut BytesMut, count: usize, flexible: bool) {
    let count = i32::try_from(count).expect("the length of the frame was counted in 31 bits");
    if flexible {
        primitives::write_compact_array_length(out, count);
    } else {
        out.put_i32(count);
    }
}

fn write_tags(out: &mut BytesMut, tags: &[RawTaggedField], flexible: bool) -> kacrab_protocol::Result<()> {
    if flexible {
        tagged::write_tagged_fields(out, tags)?;
    }
    Ok(())
}
