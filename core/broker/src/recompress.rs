//! A producer's batch in another codec: topics whose `compression.type` is not `producer` say in what codec their batches are kept.

use odradek_cluster::config::CompressionType;
use odradek_wire::batch::{BatchError, Builder, NewRecord, ProducerBatch, Rules};
use odradek_wire::codec::Codec;

/// The codec that a topic keeps batches in; `None` takes them as they come.
pub(crate) const fn codec_of(wanted: CompressionType) -> Option<(Codec, Option<i32>)> {
    match wanted {
        CompressionType::Producer => None,
        CompressionType::Uncompressed => Some((Codec::None, None)),
        CompressionType::Gzip(level) => Some((Codec::Gzip, Some(level))),
        CompressionType::Snappy => Some((Codec::Snappy, None)),
        CompressionType::Lz4(level) => Some((Codec::Lz4, Some(level))),
        CompressionType::Zstd(level) => Some((Codec::Zstd, Some(level))),
    }
}

/// The same records, producer and sequence in the codec of the topic.
///
/// # Errors
/// If the records cannot be read again; they were, when the batch was validated.
pub(crate) fn recompress(batch: &ProducerBatch, wanted: CompressionType, decoded_bytes_max: usize) -> Result<ProducerBatch, BatchError> {
    let Some((codec, level)) = codec_of(wanted) else { return Ok(batch.clone()) };
    let mut builder = Builder::new(codec);
    if let Some(level) = level.filter(|&l| l >= 0 || codec == Codec::Zstd) {
        builder = builder.level(level);
    }
    if let Some(producer) = batch.producer() {
        builder.set_producer(producer, batch.is_transactional());
    }
    for record in batch.records(decoded_bytes_max)? {
        let record = record?;
        builder.push(NewRecord {
            timestamp_ms: record.timestamp_ms,
            key: record.key.as_deref(),
            value: record.value.as_deref(),
            headers: &record.headers,
        });
    }
    const NEWEST_PRODUCE: i16 = 13;
    ProducerBatch::validate(&builder.build_bytes(), Rules { produce_version: NEWEST_PRODUCE, decoded_bytes_max })
}
