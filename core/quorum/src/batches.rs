//! Batches of the metadata log: made from records, and read back into them.

use bytes::Bytes;
use odradek_wire::batch::{Batch, Builder, NewRecord, ReplicaBatch};
use odradek_wire::codec::Codec;
use odradek_wire::control::ControlRecord;
use odradek_wire::ids::{LeaderEpoch, Offset};
use odradek_wire::records::metadata::MetadataRecord;

/// The longest batch of the metadata log, as in Apache Kafka.
pub(crate) const BATCH_BYTES_MAX: usize = 8 << 20;
/// What a compressed batch may decode to; nobody compresses metadata, but a reader must have a bound.
const DECODED_BYTES_MAX: usize = 64 << 20;

/// An atomic batch of metadata records, each in the version that `metadata.version` asks for, or the oldest later one that can say it.
pub(crate) fn data_batch(base: Offset, epoch: LeaderEpoch, now_ms: i64, level: i16, records: &[MetadataRecord]) -> Builder {
    let mut builder = Builder::new(Codec::None).at(base, epoch);
    for record in records {
        push(&mut builder, now_ms, level, record);
    }
    builder
}

/// Adds a metadata record to a batch.
pub(crate) fn push(builder: &mut Builder, now_ms: i64, level: i16, record: &MetadataRecord) {
    let version = record.version_at(level).max(record.oldest_version());
    let value: Bytes = record.encode(version);
    builder.push(NewRecord { timestamp_ms: now_ms, key: None, value: Some(&value), headers: &[] });
}

/// A batch of control records.
pub(crate) fn control_batch(base: Offset, epoch: LeaderEpoch, now_ms: i64, records: &[ControlRecord]) -> ReplicaBatch {
    let mut builder = Builder::new(Codec::None).at(base, epoch).control();
    for record in records {
        record.push(now_ms, &mut builder);
    }
    builder.build()
}

/// What a batch of the metadata log says.
pub(crate) enum Content {
    /// Metadata records.
    Data(Vec<MetadataRecord>),
    /// What the quorum says about itself.
    Control(Vec<ControlRecord>),
}

/// The content of a checked batch; or what is wrong with it.
pub(crate) fn content(batch: &ReplicaBatch) -> Result<Content, String> {
    let records = batch.records(DECODED_BYTES_MAX).map_err(|e| e.to_string())?;
    if batch.header().attributes.is_control() {
        let decoded = records.map(|r| ControlRecord::decode(&r.map_err(|e| e.to_string())?).map_err(|e| e.to_string()));
        return decoded.collect::<Result<_, String>>().map(Content::Control);
    }
    let decoded = records.map(|record| {
        let record = record.map_err(|e| e.to_string())?;
        let value = record.value.ok_or("a record without a value")?;
        let (record, _) = MetadataRecord::decode(&value).map_err(|e| e.to_string())?;
        Ok(record)
    });
    decoded.collect::<Result<_, String>>().map(Content::Data)
}

/// A batch with its checksum looked at; or what is wrong with it.
pub(crate) fn checked(batch: Batch) -> Result<ReplicaBatch, String> {
    batch.check().map_err(|e| e.to_string())
}
