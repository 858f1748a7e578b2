//! Batches against another codec, against hostile bytes, and rule by rule.

mod differential;
mod hostile;
mod rules;
mod shape;

use bytes::Bytes;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use crate::batch::header::{ATTRIBUTES_AT, CRC_AT};
use crate::batch::{BatchError, BatchProducer, Builder, Header, NewRecord, ProducerBatch, Record, Rules, crc32c};
use crate::codec::Codec;
use crate::ids::{Offset, ProducerEpoch, ProducerId, Sequence};

/// What no batch of these tests exceeds when decompressed.
const DECODED_MAX: usize = 1 << 20;
const RULES: Rules = Rules { produce_version: 12, decoded_bytes_max: DECODED_MAX };

fn a_codec() -> impl Strategy<Value = Codec> {
    prop::sample::select(Codec::ALL.to_vec())
}

fn some_bytes() -> impl Strategy<Value = Bytes> {
    prop_oneof![vec(any::<u8>(), 0..40), vec(0u8..2, 0..900)].prop_map(Bytes::from)
}

fn some_headers() -> impl Strategy<Value = Vec<Header>> {
    vec(option::of(some_bytes()), 0..3).prop_map(|values| {
        let name = |i: usize| Bytes::from(format!("header {i}"));
        values.into_iter().enumerate().map(|(i, value)| Header { key: name(i), value }).collect()
    })
}

/// Records at offsets from zero.
fn some_records() -> impl Strategy<Value = Vec<Record>> {
    let record = (-1i64..3_000_000_000_000, option::of(some_bytes()), option::of(some_bytes()), some_headers());
    vec(record, 1..40).prop_map(|records| {
        let record = |(i, (timestamp_ms, key, value, headers))| Record { offset: Offset(i as i64), timestamp_ms, key, value, headers };
        records.into_iter().enumerate().map(record).collect()
    })
}

/// A batch of these records, as an idempotent producer sends it.
fn build(codec: Codec, records: &[Record]) -> Bytes {
    let mut builder = Builder::new(codec);
    for record in records {
        builder.push(NewRecord {
            timestamp_ms: record.timestamp_ms,
            key: record.key.as_deref(),
            value: record.value.as_deref(),
            headers: &record.headers,
        });
    }
    builder.set_producer(BatchProducer { id: ProducerId(7), epoch: ProducerEpoch(3), base_sequence: Some(Sequence(11)) }, true);
    builder.build_bytes()
}

/// Three plain records.
fn three(codec: Codec) -> Bytes {
    let record = |i: i64| Record {
        offset: Offset(i),
        timestamp_ms: 1000 - i,
        key: Some(Bytes::from_static(b"key")),
        value: Some(Bytes::from_static(b"value")),
        headers: Vec::new(),
    };
    build(codec, &[record(0), record(1), record(2)])
}

/// The bytes with others in one place, and the checksum of the result.
fn patched(batch: &Bytes, at: usize, with: &[u8]) -> Bytes {
    let mut bytes = batch.to_vec();
    bytes[at..at + with.len()].copy_from_slice(with);
    sealed(bytes)
}

/// The bytes with their length and checksum put right.
fn sealed(mut bytes: Vec<u8>) -> Bytes {
    let length = (bytes.len() - 12) as i32;
    bytes[8..12].copy_from_slice(&length.to_be_bytes());
    let crc = crc32c(&bytes[ATTRIBUTES_AT..]);
    bytes[CRC_AT..ATTRIBUTES_AT].copy_from_slice(&crc.to_be_bytes());
    bytes.into()
}

fn validate(bytes: &Bytes) -> Result<ProducerBatch, BatchError> {
    ProducerBatch::validate(bytes, RULES)
}
