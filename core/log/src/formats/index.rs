//! Entries of the three indexes of a segment: fixed length, big-endian, no header, no checksum.

use bytes::{BufMut, Bytes, BytesMut};
use odradek_wire::ids::{Offset, ProducerId};

use crate::log::recovered::{AbortedTransaction, OffsetEntry, TimeEntry};

/// Bytes of an entry of `.index`: relative last offset, position.
pub const OFFSET_ENTRY_BYTES: usize = 8;
/// Bytes of an entry of `.timeindex`: timestamp, relative last offset.
pub const TIME_ENTRY_BYTES: usize = 12;
/// Bytes of an entry of `.txnindex`: version 0, producer, first offset, last offset, last stable offset.
pub const TXN_ENTRY_BYTES: usize = 34;

/// An index that cannot be believed; it is built again from its segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IndexDamage {
    /// The length is no multiple of an entry.
    #[error("{bytes} bytes are no multiple of an entry of {entry}")]
    Length {
        /// Of the file.
        bytes: usize,
        /// Of an entry.
        entry: usize,
    },
    /// An entry does not follow from the one before, or lies outside the segment.
    #[error("entry {index} is out of order or lies outside its segment")]
    Entry {
        /// Which, from 0.
        index: usize,
    },
}

/// The entries of an `.index`, for a segment of `log_bytes`.
///
/// # Errors
/// If it cannot be believed. Zero padding (of a segment that was active at a crash) is such a case.
pub fn decode_offsets(base: Offset, bytes: &[u8], log_bytes: u64) -> Result<Vec<OffsetEntry>, IndexDamage> {
    let mut entries: Vec<OffsetEntry> = Vec::with_capacity(bytes.len() / OFFSET_ENTRY_BYTES);
    for (index, entry) in entries_of::<OFFSET_ENTRY_BYTES>(bytes)?.enumerate() {
        let (relative, at) = (i32_at(entry, 0), i32_at(entry, 4));
        let last = base.0.checked_add(i64::from(relative)).map(Offset);
        let fits = relative >= 0 && at >= 0 && (at as u64) < log_bytes;
        match (last, u32::try_from(at)) {
            (Some(last), Ok(at)) if fits && entries.last().is_none_or(|e| e.last < last && e.at < at) => {
                entries.push(OffsetEntry { last, at });
            }
            _ => return Err(IndexDamage::Entry { index }),
        }
    }
    Ok(entries)
}

/// The bytes of an `.index`.
pub fn encode_offsets(base: Offset, entries: &[OffsetEntry]) -> Bytes {
    let mut out = BytesMut::with_capacity(entries.len() * OFFSET_ENTRY_BYTES);
    for e in entries {
        out.put_i32(relative(base, e.last));
        out.put_u32(e.at);
    }
    out.freeze()
}

/// The entries of a `.timeindex`, ascending in both.
///
/// # Errors
/// If it cannot be believed.
pub fn decode_times(base: Offset, bytes: &[u8]) -> Result<Vec<TimeEntry>, IndexDamage> {
    let mut entries: Vec<TimeEntry> = Vec::with_capacity(bytes.len() / TIME_ENTRY_BYTES);
    for (index, entry) in entries_of::<TIME_ENTRY_BYTES>(bytes)?.enumerate() {
        let (timestamp_ms, relative) = (i64_at(entry, 0), i32_at(entry, 8));
        let last = base.0.checked_add(i64::from(relative)).map(Offset).filter(|_| relative >= 0 && timestamp_ms >= 0);
        match last {
            Some(last) if entries.last().is_none_or(|e| e.timestamp_ms < timestamp_ms && e.last <= last) => {
                entries.push(TimeEntry { timestamp_ms, last });
            }
            _ => return Err(IndexDamage::Entry { index }),
        }
    }
    Ok(entries)
}

/// The bytes of a `.timeindex`.
pub fn encode_times(base: Offset, entries: &[TimeEntry]) -> Bytes {
    let mut out = BytesMut::with_capacity(entries.len() * TIME_ENTRY_BYTES);
    for e in entries {
        out.put_i64(e.timestamp_ms);
        out.put_i32(relative(base, e.last));
    }
    out.freeze()
}

/// The entries of a `.txnindex`.
///
/// # Errors
/// If it cannot be believed.
pub fn decode_aborted(segment: Offset, bytes: &[u8]) -> Result<Vec<AbortedTransaction>, IndexDamage> {
    let mut entries: Vec<AbortedTransaction> = Vec::with_capacity(bytes.len() / TXN_ENTRY_BYTES);
    for (index, entry) in entries_of::<TXN_ENTRY_BYTES>(bytes)?.enumerate() {
        let version = i16::from_be_bytes([entry[0], entry[1]]);
        let found = AbortedTransaction {
            segment,
            producer: ProducerId(i64_at(entry, 2)),
            first: Offset(i64_at(entry, 10)),
            last: Offset(i64_at(entry, 18)),
            last_stable: Offset(i64_at(entry, 26)),
        };
        let fits = version == 0 && found.first <= found.last && found.last >= segment && found.first.0 >= 0;
        if !fits || entries.last().is_some_and(|e| e.last >= found.last) {
            return Err(IndexDamage::Entry { index });
        }
        entries.push(found);
    }
    Ok(entries)
}

/// The bytes of a `.txnindex`.
pub fn encode_aborted(entries: &[AbortedTransaction]) -> Bytes {
    let mut out = BytesMut::with_capacity(entries.len() * TXN_ENTRY_BYTES);
    for e in entries {
        out.put_i16(0);
        out.put_i64(e.producer.0);
        out.put_i64(e.first.0);
        out.put_i64(e.last.0);
        out.put_i64(e.last_stable.0);
    }
    out.freeze()
}

fn entries_of<const N: usize>(bytes: &[u8]) -> Result<impl Iterator<Item = &[u8; N]>, IndexDamage> {
    let (entries, rest) = bytes.as_chunks::<N>();
    if rest.is_empty() { Ok(entries.iter()) } else { Err(IndexDamage::Length { bytes: bytes.len(), entry: N }) }
}

fn i32_at(entry: &[u8], at: usize) -> i32 {
    entry[at..].first_chunk().copied().map(i32::from_be_bytes).expect("the field lies within the entry")
}

fn i64_at(entry: &[u8], at: usize) -> i64 {
    entry[at..].first_chunk().copied().map(i64::from_be_bytes).expect("the field lies within the entry")
}

fn relative(base: Offset, offset: Offset) -> i32 {
    i32::try_from(offset.since(base)).expect("a segment is rolled before an offset leaves its range")
}
