//! What a producer sent, whole: validation as Kafka's LogValidator does it for format 2.

use bytes::Bytes;

use crate::batch::batches::next_batch_bytes;
use crate::batch::header::{ATTRIBUTES_AT, BatchProducer};
use crate::batch::record::{RawRecord, RecordIter, codec_of};
use crate::batch::{Assigned, BatchError, BatchHeader, HEADER_BYTES, NO_TIMESTAMP, Stamp, TimestampType, crc32c};
use crate::codec::{self, Codec};

/// What validation must know besides the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Version of the Produce request: zstd needs 7.
    pub produce_version: i16,
    /// Bytes that the records of one batch may have when decompressed.
    pub decoded_bytes_max: usize,
}

/// What the records of a batch showed when they were read: for rules that need the topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The largest timestamp of a record, ms; −1 if none has one. Counts for more than the header, as in Kafka; in a batch that says that its time is that of
    /// an append, every record has the header's.
    pub max_timestamp_ms: i64,
    /// Offset delta of the first record that has it.
    pub max_timestamp_delta: i32,
    /// The smallest timestamp among records that have one, ms.
    pub min_timestamp_ms: Option<i64>,
    /// How many records have no key, which a compacted topic refuses.
    pub without_key: i32,
    /// The largest record, in bytes.
    pub largest_record_bytes: usize,
    /// All records, decompressed, in bytes.
    pub decoded_bytes: usize,
}

/// One batch of a producer in which everything has been checked that can be without the topic. Its offsets are not assigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProducerBatch {
    bytes: Bytes,
    header: BatchHeader,
    codec: Codec,
    facts: Facts,
}

impl ProducerBatch {
    /// The one batch in `records`, the bytes of one partition of a Produce request. An incomplete batch behind it is dropped, as in Kafka.
    ///
    /// Errors: everything that Kafka refuses whatever the topic, and one thing that it takes from broken clients, whose records would change their meaning in
    /// the log: offset deltas that are not dense (Kafka keeps the gaps, or compresses anew without them).
    pub fn validate(records: &Bytes, rules: Rules) -> Result<ProducerBatch, BatchError> {
        let bytes = single(records)?;
        let header = BatchHeader::parse(&bytes)?;
        let codec = codec_of(&header)?;
        if codec == Codec::Zstd && rules.produce_version < 7 {
            return Err(BatchError::CodecTooNew { produce_version: rules.produce_version });
        }
        if header.base_offset.0 != 0 {
            return Err(BatchError::BaseOffset { found: header.base_offset.0 });
        }
        check_crc(&header, &bytes)?;
        check_header(&header)?;
        let packed = &bytes[HEADER_BYTES..];
        let facts = match codec {
            Codec::None => Facts::read(&header, packed)?,
            _ => Facts::read(&header, &codec::decompress(codec, packed, rules.decoded_bytes_max)?)?,
        };
        Ok(ProducerBatch { bytes, header, codec, facts })
    }

    /// Bytes of the first batch in the records of a partition, be it right or wrong; `None` if no whole one is there.
    pub fn size_bytes_of(records: &[u8]) -> Option<usize> {
        next_batch_bytes(records).ok().flatten()
    }

    /// The bytes at their offsets: a fresh head, and the untouched rest.
    pub fn assign(&self, stamp: Stamp) -> Assigned {
        Assigned::new(&self.header, &self.bytes, self.facts.max_timestamp_ms, stamp)
    }

    /// The bytes as they came.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The header as it came.
    pub fn header(&self) -> &BatchHeader {
        &self.header
    }

    /// How many records there are; at least one.
    pub fn record_count(&self) -> i32 {
        self.header.record_count
    }

    /// Last offset minus first: one less than the count.
    pub fn last_offset_delta(&self) -> i32 {
        self.header.last_offset_delta
    }

    /// The producer, if it is idempotent; it has a base sequence then.
    pub fn producer(&self) -> Option<BatchProducer> {
        self.header.producer()
    }

    /// True if the batch is part of a transaction.
    pub fn is_transactional(&self) -> bool {
        self.header.attributes.is_transactional()
    }

    /// What the producer says that its timestamps mean; what they mean in a log is for the topic to say.
    pub fn timestamp_type(&self) -> TimestampType {
        self.header.attributes.timestamp_type()
    }

    /// The codec that the producer chose.
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// What the records showed.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The records, with offsets from zero. For work such as compressing again: decompresses.
    pub fn records(&self, decoded_bytes_max: usize) -> Result<RecordIter, BatchError> {
        RecordIter::open(&self.header, &self.bytes, decoded_bytes_max)
    }
}

/// The only whole batch in the records of a partition.
fn single(records: &Bytes) -> Result<Bytes, BatchError> {
    let Some(size) = next_batch_bytes(records)? else { return Err(BatchError::NoBatch) };
    if next_batch_bytes(&records[size..])?.is_some() {
        return Err(BatchError::ManyBatches);
    }
    Ok(records.slice(..size))
}

/// Compares the checksum in the header with that of the bytes.
pub(crate) fn check_crc(header: &BatchHeader, batch: &[u8]) -> Result<(), BatchError> {
    let computed = crc32c(&batch[ATTRIBUTES_AT..]);
    if computed == header.crc { Ok(()) } else { Err(BatchError::Checksum { stored: header.crc, computed }) }
}

/// What the header alone shows to be wrong in a batch of a client.
fn check_header(header: &BatchHeader) -> Result<(), BatchError> {
    let BatchHeader { last_offset_delta, record_count: count, attributes, producer_id, base_sequence, .. } = *header;
    if count <= 0 {
        return Err(BatchError::Count { found: count });
    }
    if last_offset_delta != count - 1 {
        return Err(BatchError::LastOffsetDelta { last_offset_delta, count });
    }
    if attributes.is_control() {
        return Err(BatchError::Control);
    }
    if producer_id > -1 && base_sequence < 0 {
        return Err(BatchError::Sequence { producer_id, base_sequence });
    }
    Ok(())
}

impl Facts {
    /// Reads every record of a batch whose header has been checked.
    fn read(header: &BatchHeader, records: &[u8]) -> Result<Facts, BatchError> {
        let mut facts = Facts {
            max_timestamp_ms: NO_TIMESTAMP,
            max_timestamp_delta: 0,
            min_timestamp_ms: None,
            without_key: 0,
            largest_record_bytes: 0,
            decoded_bytes: records.len(),
        };
        let stamped = header.attributes.timestamp_type() == TimestampType::LogAppendTime;
        let mut at = 0;
        for index in 0..header.record_count {
            let record = RawRecord::scan(records, at).map_err(|what| BatchError::Record { index, what })?;
            if record.offset_delta != index {
                return Err(BatchError::OffsetDelta { index, found: record.offset_delta });
            }
            let timestamp_ms = header.base_timestamp_ms.checked_add(record.timestamp_delta);
            let timestamp_ms = timestamp_ms.ok_or(BatchError::Record { index, what: "timestamp out of range" })?;
            let timestamp_ms = if stamped { header.max_timestamp_ms } else { timestamp_ms };
            facts.see(index, timestamp_ms, record.key.is_some(), record.end - at);
            at = record.end;
        }
        if at != records.len() {
            return Err(BatchError::Trailing { bytes: records.len() - at });
        }
        Ok(facts)
    }

    #[inline]
    fn see(&mut self, index: i32, timestamp_ms: i64, has_key: bool, record_bytes: usize) {
        if timestamp_ms > self.max_timestamp_ms {
            self.max_timestamp_ms = timestamp_ms;
            self.max_timestamp_delta = index;
        }
        if timestamp_ms != NO_TIMESTAMP && self.min_timestamp_ms.is_none_or(|min| timestamp_ms < min) {
            self.min_timestamp_ms = Some(timestamp_ms);
        }
        self.without_key += i32::from(!has_key);
        self.largest_record_bytes = self.largest_record_bytes.max(record_bytes);
    }
}
