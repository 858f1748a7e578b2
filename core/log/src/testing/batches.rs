//! Batches for tests.

use odradek_wire::batch::{BatchProducer, Batches, Builder, NewRecord, ProducerBatch, Rules};
use odradek_wire::codec::Codec;
use odradek_wire::control::ControlRecord;
use odradek_wire::ids::{LeaderEpoch, Offset, ProducerEpoch, ProducerId, Sequence};

use crate::log::incoming::Incoming;

const RULES: Rules = Rules { produce_version: 12, decoded_bytes_max: 1 << 24 };

/// Records with these values, all of one time.
pub(crate) fn values(values: &[&[u8]], timestamp_ms: i64) -> Incoming {
    produced(builder(values, timestamp_ms))
}

/// The same of an idempotent producer.
pub(crate) fn idempotent(values: &[&[u8]], timestamp_ms: i64, id: i64, epoch: i16, sequence: i32) -> Incoming {
    let mut b = builder(values, timestamp_ms);
    b.set_producer(producer(id, epoch, Some(sequence)), false);
    produced(b)
}

/// The same in a transaction.
pub(crate) fn transactional(values: &[&[u8]], timestamp_ms: i64, id: i64, epoch: i16, sequence: i32) -> Incoming {
    let mut b = builder(values, timestamp_ms);
    b.set_producer(producer(id, epoch, Some(sequence)), true);
    produced(b)
}

/// A record with a key, as a compacted topic wants it.
pub(crate) fn keyed(value: &[u8], timestamp_ms: i64) -> Incoming {
    let mut b = Builder::new(Codec::None);
    b.push(NewRecord { timestamp_ms, key: Some(b"k"), value: Some(value), ..NewRecord::default() });
    produced(b)
}

/// A transaction marker.
pub(crate) fn marker(commit: bool, id: i64, epoch: i16, coordinator_epoch: i32) -> Incoming {
    let mut b = Builder::new(Codec::None).control();
    let record = if commit { ControlRecord::Commit { coordinator_epoch } } else { ControlRecord::Abort { coordinator_epoch } };
    record.push(1_700_000_000_000, &mut b);
    b.set_producer(producer(id, epoch, None), true);
    Incoming::replicated(b.build()).expect("a marker that was built here can be read")
}

/// A leader's batch, as a follower gets it.
pub(crate) fn replicated(base: i64, epoch: i32, values: &[&[u8]], timestamp_ms: i64) -> Incoming {
    Incoming::replicated(builder(values, timestamp_ms).at(Offset(base), LeaderEpoch(epoch)).build())
        .expect("a batch that was built here can be read")
}

/// Offset and value of every record in the bytes of a log.
pub(crate) fn decode(bytes: Vec<u8>) -> Vec<(i64, Vec<u8>)> {
    let mut records = Vec::new();
    for batch in Batches::new(bytes.into()) {
        let batch = batch.and_then(odradek_wire::batch::Batch::check).expect("a log holds only whole batches");
        for record in batch.records(1 << 24).expect("its records can be read") {
            let record = record.expect("its records can be read");
            records.push((record.offset.0, record.value.map(|v| v.to_vec()).unwrap_or_default()));
        }
    }
    records
}

fn builder(values: &[&[u8]], timestamp_ms: i64) -> Builder {
    let mut b = Builder::new(Codec::None);
    for value in values {
        b.push(NewRecord { timestamp_ms, value: Some(value), ..NewRecord::default() });
    }
    b
}

fn produced(b: Builder) -> Incoming {
    Incoming::produced(ProducerBatch::validate(&b.build_bytes(), RULES).expect("a batch that was built here is right"))
}

fn producer(id: i64, epoch: i16, sequence: Option<i32>) -> BatchProducer {
    BatchProducer { id: ProducerId(id), epoch: ProducerEpoch(epoch), base_sequence: sequence.map(Sequence) }
}
