//! `.snapshot`: what a log knows of its producers, up to an offset.

use bytes::{BufMut, Bytes, BytesMut};
use odradek_machine::{Guards, guard};
use odradek_wire::batch::crc32c;
use odradek_wire::ids::{Offset, ProducerEpoch, ProducerId, Sequence};

use crate::log::recovered::RecoveredProducer;
use crate::producers::ProducerBatchMeta;

const VERSION: i16 = 1;
const HEAD_BYTES: usize = 10;
const CRC_FROM: usize = 6;
/// Bytes of one producer.
pub const ENTRY_BYTES: usize = 46;

/// A snapshot that cannot be believed; the next older one is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotDamage {
    /// Another version.
    #[error("Snapshot contained an unknown file version {found}")]
    Version {
        /// Which.
        found: i16,
    },
    /// Bytes were changed.
    #[error("Snapshot is corrupt (CRC is no longer valid). Stored crc: {stored}. Computed crc: {computed}")]
    Crc {
        /// In the file.
        stored: u32,
        /// Of the file.
        computed: u32,
    },
    /// The length does not fit the count.
    #[error("{bytes} bytes cannot hold the {count} producers it counts")]
    Length {
        /// Of the file.
        bytes: usize,
        /// Of producers.
        count: i32,
    },
    /// A producer whose numbers contradict each other, or that comes twice.
    #[error("entry {index} contradicts itself or another one")]
    Entry {
        /// Which, from 0.
        index: usize,
    },
}

/// The producers in a snapshot up to `end`.
///
/// # Errors
/// If it cannot be believed. A snapshot that knows a batch at or beyond its end was written ahead of the log (KAFKA-6683).
pub fn decode(end: Offset, bytes: &[u8], guards: Guards) -> Result<Vec<RecoveredProducer>, SnapshotDamage> {
    let Some(head) = bytes.first_chunk::<HEAD_BYTES>() else { return Err(SnapshotDamage::Length { bytes: bytes.len(), count: 0 }) };
    let version = i16::from_be_bytes([head[0], head[1]]);
    if version != VERSION {
        return Err(SnapshotDamage::Version { found: version });
    }
    let stored = u32::from_be_bytes([head[2], head[3], head[4], head[5]]);
    let computed = crc32c(&bytes[CRC_FROM..]);
    if stored != computed {
        return Err(SnapshotDamage::Crc { stored, computed });
    }
    let count = i32::from_be_bytes([head[6], head[7], head[8], head[9]]);
    let (entries, rest) = bytes[HEAD_BYTES..].as_chunks::<ENTRY_BYTES>();
    if !rest.is_empty() || usize::try_from(count) != Ok(entries.len()) {
        return Err(SnapshotDamage::Length { bytes: bytes.len(), count });
    }
    let mut producers = Vec::with_capacity(entries.len());
    for (index, entry) in entries.iter().enumerate() {
        producers.push(decode_entry(end, entry, guards).ok_or(SnapshotDamage::Entry { index })?);
    }
    all_apart(&producers)?;
    Ok(producers)
}

/// The bytes of a snapshot: of each producer the last batch.
pub fn encode<'a>(producers: impl IntoIterator<Item = &'a RecoveredProducer>) -> Bytes {
    let mut body = BytesMut::new();
    let mut count = 0;
    for p in producers {
        count += 1;
        let last = p.batches.last();
        body.put_i64(p.id.0);
        body.put_i16(p.epoch.0);
        body.put_i32(last.map_or(-1, |b| b.last_sequence.0));
        body.put_i64(last.map_or(-1, |b| b.last_offset.0));
        body.put_i32(last.map_or(0, |b| b.offset_delta));
        body.put_i64(p.last_timestamp_ms);
        body.put_i32(p.coordinator_epoch);
        body.put_i64(p.transaction_start.map_or(-1, |o| o.0));
    }
    let mut out = BytesMut::with_capacity(HEAD_BYTES + body.len());
    out.put_i16(VERSION);
    out.put_u32(0);
    out.put_i32(count);
    out.put_slice(&body);
    let crc = crc32c(&out[CRC_FROM..]);
    out[2..CRC_FROM].copy_from_slice(&crc.to_be_bytes());
    out.freeze()
}

fn decode_entry(end: Offset, entry: &[u8; ENTRY_BYTES], guards: Guards) -> Option<RecoveredProducer> {
    let (last_sequence, last_offset, offset_delta) = (i32_at(entry, 10), i64_at(entry, 14), i32_at(entry, 22));
    let last_timestamp_ms = i64_at(entry, 26);
    let start = i64_at(entry, 38);
    let batch = (last_sequence >= 0 && last_offset >= 0).then_some(ProducerBatchMeta {
        last_sequence: Sequence(last_sequence),
        last_offset: Offset(last_offset),
        offset_delta,
        timestamp_ms: last_timestamp_ms,
    });
    let known = |offset: Offset| guard!(guards, KAFKA_6683, offset < end);
    let batch_fits = batch.is_none_or(|b| known(b.last_offset) && b.offset_delta >= 0 && i64::from(b.offset_delta) <= b.last_offset.0);
    let found = RecoveredProducer {
        id: ProducerId(i64_at(entry, 0)),
        epoch: ProducerEpoch(i16::from_be_bytes([entry[8], entry[9]])),
        batches: batch.into_iter().collect(),
        last_timestamp_ms,
        coordinator_epoch: i32_at(entry, 34),
        transaction_start: (start >= 0).then_some(Offset(start)),
    };
    (found.id.0 >= 0 && batch_fits && start < end.0.max(0)).then_some(found)
}

/// No producer twice, no two transactions at one offset.
fn all_apart(producers: &[RecoveredProducer]) -> Result<(), SnapshotDamage> {
    let mut ids: Vec<_> = producers.iter().enumerate().map(|(i, p)| (p.id.0, i)).collect();
    let mut starts: Vec<_> = producers.iter().enumerate().filter_map(|(i, p)| p.transaction_start.map(|o| (o.0, i))).collect();
    for keys in [&mut ids, &mut starts] {
        keys.sort_unstable();
        if let Some(twice) = keys.windows(2).find(|w| w[0].0 == w[1].0) {
            return Err(SnapshotDamage::Entry { index: twice[1].1 });
        }
    }
    Ok(())
}

fn i32_at(entry: &[u8; ENTRY_BYTES], at: usize) -> i32 {
    entry[at..].first_chunk().copied().map(i32::from_be_bytes).expect("the field lies within the entry")
}

fn i64_at(entry: &[u8; ENTRY_BYTES], at: usize) -> i64 {
    entry[at..].first_chunk().copied().map(i64::from_be_bytes).expect("the field lies within the entry")
}
