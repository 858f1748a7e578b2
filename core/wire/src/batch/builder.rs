//! Records to one batch.

use bytes::{BufMut, Bytes, BytesMut};

use crate::batch::header::{ATTRIBUTES_AT, BatchProducer, MAGIC};
use crate::batch::varint::{len_i32, len_i64, put_i32, put_i64};
use crate::batch::{Attributes, BatchHeader, HEADER_BYTES, Header, LOG_OVERHEAD_BYTES, NO_TIMESTAMP, ReplicaBatch, TimestampType, crc32c};
use crate::codec::{self, Codec};
use crate::ids::{LeaderEpoch, Offset};

/// A record to be built into a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NewRecord<'a> {
    /// Its timestamp, ms; −1 for none.
    pub timestamp_ms: i64,
    /// Its key, or null.
    pub key: Option<&'a [u8]>,
    /// Its value, or null.
    pub value: Option<&'a [u8]>,
    /// Its headers, in order.
    pub headers: &'a [Header],
}

impl NewRecord<'_> {
    /// Bytes it takes without compression, at an offset delta of a batch that begins at a timestamp.
    pub fn size_bytes(&self, offset_delta: i32, base_timestamp_ms: i64) -> usize {
        let body_bytes = body_bytes(offset_delta, base_timestamp_ms, self);
        len_i64(body_bytes as i64) + body_bytes
    }
}

/// Collects records and makes one batch of them. What is not said is as in a fresh producer's batch: offset 0, no leader epoch, no producer.
#[derive(Clone, Debug)]
pub struct Builder {
    codec: Codec,
    level: Option<i32>,
    timestamps: TimestampType,
    transactional: bool,
    control: bool,
    base_offset: Offset,
    leader_epoch: LeaderEpoch,
    producer: Option<BatchProducer>,
    base_timestamp_ms: Option<i64>,
    max_timestamp_ms: i64,
    count: i32,
    next_offset_delta: i32,
    records: BytesMut,
}

impl Builder {
    /// An empty batch whose records will be compressed with `codec`.
    pub fn new(codec: Codec) -> Builder {
        Builder {
            codec,
            level: None,
            timestamps: TimestampType::CreateTime,
            transactional: false,
            control: false,
            base_offset: Offset(0),
            leader_epoch: LeaderEpoch(-1),
            producer: None,
            base_timestamp_ms: None,
            max_timestamp_ms: NO_TIMESTAMP,
            count: 0,
            next_offset_delta: 0,
            records: BytesMut::new(),
        }
    }

    /// Compresses with this level, where the codec has levels.
    #[must_use]
    pub fn level(mut self, level: i32) -> Builder {
        self.level = Some(level);
        self
    }

    /// Says where the batch stands in a log, and by whose word.
    #[must_use]
    pub fn at(mut self, base_offset: Offset, leader_epoch: LeaderEpoch) -> Builder {
        self.base_offset = base_offset;
        self.leader_epoch = leader_epoch;
        self
    }

    /// Gives every record the moment of the append as its timestamp.
    #[must_use]
    pub fn log_append_time(mut self, now_ms: i64) -> Builder {
        self.timestamps = TimestampType::LogAppendTime;
        self.max_timestamp_ms = now_ms;
        self
    }

    /// Marks the records as control records.
    #[must_use]
    pub fn control(mut self) -> Builder {
        self.control = true;
        self
    }

    /// Names the producer. May be said, and said again, until the batch is built.
    pub fn set_producer(&mut self, producer: BatchProducer, transactional: bool) {
        self.producer = Some(producer);
        self.transactional = transactional;
    }

    /// Adds a record at the next offset.
    pub fn push(&mut self, record: NewRecord<'_>) {
        self.push_at(self.next_offset_delta, record);
    }

    /// Adds a record at an offset delta, which is above that of the last one: compaction leaves gaps.
    pub fn push_at(&mut self, offset_delta: i32, record: NewRecord<'_>) {
        assert!(offset_delta >= self.next_offset_delta, "offset delta {offset_delta} after {}", self.next_offset_delta - 1);
        let base_timestamp_ms = *self.base_timestamp_ms.get_or_insert(record.timestamp_ms);
        let body_bytes = body_bytes(offset_delta, base_timestamp_ms, &record);
        self.records.reserve(body_bytes + 5);
        put_len(&mut self.records, body_bytes);
        put_body(&mut self.records, offset_delta, base_timestamp_ms, &record);
        self.count += 1;
        self.next_offset_delta = offset_delta + 1;
        if self.timestamps == TimestampType::CreateTime {
            self.max_timestamp_ms = self.max_timestamp_ms.max(record.timestamp_ms);
        }
    }

    /// True if it will be a control batch.
    pub fn is_control(&self) -> bool {
        self.control
    }

    /// How many records were added.
    pub fn record_count(&self) -> i32 {
        self.count
    }

    /// True if no record was added.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Bytes of the batch if nothing is compressed.
    pub fn size_bytes(&self) -> usize {
        HEADER_BYTES + self.records.len()
    }

    /// Bytes of the batch with one record more, if nothing is compressed.
    pub fn size_bytes_with(&self, record: &NewRecord<'_>) -> usize {
        self.size_bytes() + record.size_bytes(self.next_offset_delta, self.base_timestamp_ms.unwrap_or(record.timestamp_ms))
    }

    /// The batch.
    pub fn build(&self) -> ReplicaBatch {
        let packed = match self.codec {
            Codec::None => None,
            codec => Some(codec::compress(codec, self.level, &self.records)),
        };
        let records = packed.as_deref().unwrap_or(&self.records);
        let mut header = self.header(records.len());
        let mut batch = BytesMut::with_capacity(HEADER_BYTES + records.len());
        batch.put_slice(&header.to_bytes());
        batch.put_slice(records);
        header.crc = crc32c(&batch[ATTRIBUTES_AT..]);
        batch[..HEADER_BYTES].copy_from_slice(&header.to_bytes());
        ReplicaBatch::built(header, batch.freeze())
    }

    /// The bytes of the batch.
    pub fn build_bytes(&self) -> Bytes {
        self.build().into_bytes()
    }

    fn header(&self, records_bytes: usize) -> BatchHeader {
        let batch_length =
            i32::try_from(HEADER_BYTES - LOG_OVERHEAD_BYTES + records_bytes).expect("who fills a batch keeps it below 2 GiB");
        BatchHeader {
            base_offset: self.base_offset,
            batch_length,
            leader_epoch: self.leader_epoch,
            magic: MAGIC,
            crc: 0,
            attributes: Attributes::new(self.codec, self.timestamps, self.transactional, self.control),
            last_offset_delta: (self.next_offset_delta - 1).max(0),
            base_timestamp_ms: self.base_timestamp_ms.unwrap_or(NO_TIMESTAMP),
            max_timestamp_ms: self.max_timestamp_ms,
            producer_id: self.producer.map_or(-1, |p| p.id.0),
            producer_epoch: self.producer.map_or(-1, |p| p.epoch.0),
            base_sequence: self.producer.and_then(|p| p.base_sequence).map_or(-1, |s| s.0),
            record_count: self.count,
        }
    }
}

/// An upper bound of what a record takes in any batch, from the lengths of its key, its value, and the key and value of each header
/// (as Kafka's `DefaultRecord.recordSizeUpperBound`).
pub fn record_bytes_max(key: Option<usize>, value: Option<usize>, headers: impl ExactSizeIterator<Item = (usize, Option<usize>)>) -> usize {
    /// Length, attributes, timestamp delta and offset delta at their longest.
    const OVERHEAD: usize = 5 + 1 + 10 + 5;
    let count = len_i64(headers.len() as i64);
    OVERHEAD
        + field_bytes(key)
        + field_bytes(value)
        + count
        + headers.map(|(key, value)| field_bytes(Some(key)) + field_bytes(value)).sum::<usize>()
}

/// Bytes of a record behind its length.
fn body_bytes(offset_delta: i32, base_timestamp_ms: i64, record: &NewRecord<'_>) -> usize {
    let headers: usize =
        record.headers.iter().map(|h| field_bytes(Some(h.key.len())) + field_bytes(h.value.as_ref().map(Bytes::len))).sum();
    1 + len_i64(record.timestamp_ms.wrapping_sub(base_timestamp_ms))
        + len_i32(offset_delta)
        + field_bytes(record.key.map(<[u8]>::len))
        + field_bytes(record.value.map(<[u8]>::len))
        + len_i64(record.headers.len() as i64)
        + headers
}

/// Bytes of a field with its length in front; `None` is null.
fn field_bytes(length: Option<usize>) -> usize {
    length.map_or(1, |length| len_i64(length as i64) + length)
}

fn put_body(out: &mut BytesMut, offset_delta: i32, base_timestamp_ms: i64, record: &NewRecord<'_>) {
    out.put_u8(0);
    put_i64(out, record.timestamp_ms.wrapping_sub(base_timestamp_ms));
    put_i32(out, offset_delta);
    put_field(out, record.key);
    put_field(out, record.value);
    put_len(out, record.headers.len());
    for header in record.headers {
        put_field(out, Some(&header.key));
        put_field(out, header.value.as_deref());
    }
}

fn put_field(out: &mut BytesMut, field: Option<&[u8]>) {
    match field {
        None => put_i32(out, -1),
        Some(bytes) => {
            put_len(out, bytes.len());
            out.put_slice(bytes);
        }
    }
}

fn put_len(out: &mut BytesMut, len: usize) {
    put_i64(out, len as i64);
}
