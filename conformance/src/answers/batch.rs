//! Record batches byte by byte, so that wrong ones can be made.

use std::io::Write;

use bytes::{BufMut, Bytes, BytesMut};
use flate2::Compression;
use flate2::write::GzEncoder;

/// A record.
#[derive(Clone, Copy, Debug, Default)]
pub struct Record {
    /// Milliseconds after the batch's first.
    pub after_ms: i64,
    pub key: Option<&'static str>,
    pub value: Option<&'static str>,
    pub header: Option<(&'static str, &'static str)>,
}

/// A batch of message format 2.
#[derive(Clone, Debug)]
pub struct Batch {
    pub base_offset: i64,
    pub leader_epoch: i32,
    pub magic: u8,
    pub attributes: i16,
    pub base_ms: i64,
    pub producer: (i64, i16, i32),
    pub records: Vec<Record>,
    /// Compresses the records with gzip.
    pub gzip: bool,
    /// What is written instead of the largest time, the last offset delta, the count, the length.
    pub max_ms: Option<i64>,
    pub last_delta: Option<i32>,
    pub count: Option<i32>,
    pub length: Option<i32>,
    /// Flips bits of the checksum.
    pub wrong_checksum: bool,
}

/// Attribute bits.
const GZIP: i16 = 1;
pub const TRANSACTIONAL: i16 = 1 << 4;
pub const CONTROL: i16 = 1 << 5;
pub const LOG_APPEND_TIME: i16 = 1 << 3;

/// A time in the past that every server takes.
pub const THEN: i64 = 1_700_000_000_000;

impl Batch {
    /// A batch of these values, one millisecond apart, without keys.
    pub fn of(values: &[&'static str]) -> Batch {
        let record = |(at, &value): (usize, &&'static str)| Record { after_ms: at as i64, value: Some(value), ..Record::default() };
        Batch::of_records(values.iter().enumerate().map(record).collect())
    }

    pub fn of_records(records: Vec<Record>) -> Batch {
        Batch {
            base_offset: 0,
            leader_epoch: -1,
            magic: 2,
            attributes: 0,
            base_ms: THEN,
            producer: (-1, -1, -1),
            records,
            gzip: false,
            max_ms: None,
            last_delta: None,
            count: None,
            length: None,
            wrong_checksum: false,
        }
    }

    pub fn by(mut self, id: i64, epoch: i16, sequence: i32) -> Batch {
        self.producer = (id, epoch, sequence);
        self
    }

    pub fn at(mut self, base_ms: i64) -> Batch {
        self.base_ms = base_ms;
        self
    }

    pub fn bytes(&self) -> Bytes {
        let mut body = BytesMut::new();
        body.put_i16(self.attributes | if self.gzip { GZIP } else { 0 });
        body.put_i32(self.last_delta.unwrap_or(self.records.len() as i32 - 1));
        body.put_i64(self.base_ms);
        let last_ms = self.base_ms.wrapping_add(self.records.iter().map(|r| r.after_ms).max().unwrap_or(0));
        body.put_i64(self.max_ms.unwrap_or(last_ms));
        let (id, epoch, sequence) = self.producer;
        body.put_i64(id);
        body.put_i16(epoch);
        body.put_i32(sequence);
        body.put_i32(self.count.unwrap_or(self.records.len() as i32));
        let mut records = BytesMut::new();
        for (at, record) in self.records.iter().enumerate() {
            put_record(&mut records, at as i64, record);
        }
        body.put_slice(&if self.gzip { gzip(&records) } else { records.to_vec() });
        let checksum = crc32c::crc32c(&body) ^ u32::from(self.wrong_checksum);
        let mut out = BytesMut::new();
        out.put_i64(self.base_offset);
        out.put_i32(self.length.unwrap_or(body.len() as i32 + 9));
        out.put_i32(self.leader_epoch);
        out.put_u8(self.magic);
        out.put_u32(checksum);
        out.put_slice(&body);
        out.freeze()
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("memory takes every byte");
    encoder.finish().expect("memory takes every byte")
}

fn put_record(out: &mut BytesMut, delta: i64, record: &Record) {
    let mut body = BytesMut::new();
    body.put_u8(0);
    varint(&mut body, record.after_ms);
    varint(&mut body, delta);
    for part in [record.key, record.value] {
        match part {
            Some(part) => {
                varint(&mut body, part.len() as i64);
                body.put_slice(part.as_bytes());
            }
            None => varint(&mut body, -1),
        }
    }
    varint(&mut body, record.header.iter().len() as i64);
    if let Some((name, value)) = record.header {
        for part in [name, value] {
            varint(&mut body, part.len() as i64);
            body.put_slice(part.as_bytes());
        }
    }
    varint(out, body.len() as i64);
    out.put_slice(&body);
}

fn varint(out: &mut BytesMut, value: i64) {
    let mut rest = ((value << 1) ^ (value >> 63)) as u64;
    while rest >= 0x80 {
        out.put_u8(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.put_u8(rest as u8);
}
