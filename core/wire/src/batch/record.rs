//! The records inside a batch.

use bytes::Bytes;

use crate::batch::varint::{read_i32, read_i64};
use crate::batch::{BatchError, BatchHeader, HEADER_BYTES, TimestampType};
use crate::codec::{self, Codec};
use crate::ids::Offset;

/// A header of a record (KIP-82).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// Its name; Kafka's clients take it for UTF-8, nobody checks.
    pub key: Bytes,
    /// Its value, or null.
    pub value: Option<Bytes>,
}

/// A record, as slices of its batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its offset, by the batch's base offset.
    pub offset: Offset,
    /// Its timestamp, ms; the moment of the append if the batch says so.
    pub timestamp_ms: i64,
    /// Its key, or null.
    pub key: Option<Bytes>,
    /// Its value, or null: a tombstone in a compacted topic.
    pub value: Option<Bytes>,
    /// Its headers, in order.
    pub headers: Vec<Header>,
}

/// The records of one batch, in order. Ends after the first error.
#[derive(Clone, Debug)]
pub struct RecordIter {
    base_offset: Offset,
    base_timestamp_ms: i64,
    /// The timestamp of every record, if the batch has log-append time.
    appended_ms: Option<i64>,
    records: Bytes,
    at: usize,
    index: i32,
    count: i32,
}

impl RecordIter {
    /// The records of a whole batch, decompressed into at most `decoded_bytes_max` bytes.
    pub(crate) fn open(header: &BatchHeader, batch: &Bytes, decoded_bytes_max: usize) -> Result<RecordIter, BatchError> {
        let codec = codec_of(header)?;
        let packed = batch.slice(HEADER_BYTES..);
        let records = match codec {
            Codec::None => packed,
            _ if header.record_count == 0 => Bytes::new(),
            _ => codec::decompress(codec, &packed, decoded_bytes_max)?.into(),
        };
        Ok(RecordIter {
            base_offset: header.base_offset,
            base_timestamp_ms: header.base_timestamp_ms,
            appended_ms: (header.attributes.timestamp_type() == TimestampType::LogAppendTime).then_some(header.max_timestamp_ms),
            records,
            at: 0,
            index: 0,
            count: header.record_count,
        })
    }

    fn read(&mut self) -> Result<Record, BatchError> {
        let raw = RawRecord::scan(&self.records, self.at).map_err(|what| BatchError::Record { index: self.index, what })?;
        let last = self.index + 1 == self.count;
        if last && raw.end != self.records.len() {
            return Err(BatchError::Trailing { bytes: self.records.len() - raw.end });
        }
        let record = Record {
            offset: self.base_offset.checked_plus(i64::from(raw.offset_delta)).ok_or_else(|| self.wrong("offset out of range"))?,
            timestamp_ms: match self.appended_ms {
                Some(ms) => ms,
                None => self.base_timestamp_ms.checked_add(raw.timestamp_delta).ok_or_else(|| self.wrong("timestamp out of range"))?,
            },
            key: raw.key.map(|span| self.slice(span)),
            value: raw.value.map(|span| self.slice(span)),
            headers: self.headers(&raw),
        };
        self.at = raw.end;
        self.index += 1;
        Ok(record)
    }

    fn headers(&self, raw: &RawRecord) -> Vec<Header> {
        let mut headers = Vec::new();
        let mut cursor = Cursor { bytes: &self.records[..raw.end], at: raw.headers_at };
        for _ in 0..raw.header_count {
            let key = cursor.header_key().expect("the scan has read every header");
            let value = cursor.nullable().expect("the scan has read every header");
            headers.push(Header { key: self.slice(key), value: value.map(|span| self.slice(span)) });
        }
        headers
    }

    fn slice(&self, span: Span) -> Bytes {
        self.records.slice(span.at..span.at + span.len)
    }

    fn wrong(&self, what: &'static str) -> BatchError {
        BatchError::Record { index: self.index, what }
    }
}

impl Iterator for RecordIter {
    type Item = Result<Record, BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.index >= self.count {
            return None;
        }
        let record = self.read();
        if record.is_err() {
            self.index = self.count;
        }
        Some(record)
    }
}

/// The codec of a batch.
pub(crate) fn codec_of(header: &BatchHeader) -> Result<Codec, BatchError> {
    header.attributes.codec().ok_or(BatchError::UnknownCodec { id: (header.attributes.0 & 7) as u8 })
}

/// A stretch of the decoded records.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) at: usize,
    pub(crate) len: usize,
}

/// A record as numbers and places: nothing is copied and nothing allocated.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawRecord {
    pub(crate) timestamp_delta: i64,
    pub(crate) offset_delta: i32,
    pub(crate) key: Option<Span>,
    pub(crate) value: Option<Span>,
    pub(crate) headers_at: usize,
    pub(crate) header_count: i32,
    /// Where the next record starts.
    pub(crate) end: usize,
}

impl RawRecord {
    /// Reads the record at `at`, headers included.
    #[inline]
    pub(crate) fn scan(records: &[u8], at: usize) -> Result<RawRecord, &'static str> {
        let mut whole = Cursor { bytes: records, at };
        let length = whole.i32()?;
        let length = usize::try_from(length).map_err(|_| "negative length")?;
        let end = whole.at + length;
        if end > records.len() {
            return Err("longer than the batch");
        }
        let mut body = Cursor { bytes: &records[..end], at: whole.at };
        body.skip(1)?; // attributes: none are defined, none are refused
        let timestamp_delta = body.i64()?;
        let offset_delta = body.i32()?;
        let key = body.nullable()?;
        let value = body.nullable()?;
        let header_count = body.i32()?;
        if header_count < 0 {
            return Err("negative header count");
        }
        let headers_at = body.at;
        for _ in 0..header_count {
            body.header_key()?;
            body.nullable()?;
        }
        if body.at != end {
            return Err("shorter than its length");
        }
        Ok(RawRecord { timestamp_delta, offset_delta, key, value, headers_at, header_count, end })
    }
}

/// A place in bytes that may end anywhere.
struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    #[inline]
    fn i32(&mut self) -> Result<i32, &'static str> {
        let (value, len) = read_i32(&self.bytes[self.at..]).ok_or("broken varint")?;
        self.at += len;
        Ok(value)
    }

    #[inline]
    fn i64(&mut self) -> Result<i64, &'static str> {
        let (value, len) = read_i64(&self.bytes[self.at..]).ok_or("broken varlong")?;
        self.at += len;
        Ok(value)
    }

    #[inline]
    fn skip(&mut self, len: usize) -> Result<Span, &'static str> {
        if len > self.bytes.len() - self.at {
            return Err("a field runs past the end");
        }
        let span = Span { at: self.at, len };
        self.at += len;
        Ok(span)
    }

    /// Any negative length is null, as in Kafka.
    #[inline]
    fn nullable(&mut self) -> Result<Option<Span>, &'static str> {
        match usize::try_from(self.i32()?) {
            Ok(len) => self.skip(len).map(Some),
            Err(_) => Ok(None),
        }
    }

    fn header_key(&mut self) -> Result<Span, &'static str> {
        let len = usize::try_from(self.i32()?).map_err(|_| "null header key")?;
        self.skip(len)
    }
}
