//! Searches in the files of a running log: in indexes, by offset, by timestamp; and headers for a replay.

use odradek_wire::batch::{BatchHeader, Batches, Record};
use odradek_wire::ids::Offset;

use super::ReadAt;
use super::front::{self, Front};
use super::window::{HEADERS_BYTES, Window};
use crate::disk::DiskError;
use crate::formats::index::{OFFSET_ENTRY_BYTES, TIME_ENTRY_BYTES};
use crate::output::{BatchAt, RecordAt, Work, WorkDone};

/// What the records of one batch may come to when a timestamp is looked for: as much as a produced batch may.
const DECODED_BYTES_MAX: usize = 256 << 20;

/// Does a search.
///
/// # Errors
/// What the disk said.
pub(super) fn run(work: Work, file: &mut dyn ReadAt) -> Result<WorkDone, DiskError> {
    match work {
        Work::FindOffset { from, until, offset, .. } => find_offset(file, from, until, offset).map(WorkDone::Batch),
        Work::FindTimestamp { from, until, offset, timestamp_ms, .. } => {
            find_timestamp(file, from, until, offset, timestamp_ms).map(WorkDone::Record)
        }
        Work::FindNewest { from, until, timestamp_ms, .. } => find_newest(file, from, until, timestamp_ms).map(WorkDone::Record),
        Work::SearchOffsets { base, offset, .. } => search_offsets(file, base, offset).map(WorkDone::Position),
        Work::SearchTimes { base, timestamp_ms, .. } => search_times(file, base, timestamp_ms).map(WorkDone::Offset),
        Work::Headers { from, until, most, .. } => headers(file, from, until, most),
    }
}

/// Walks batches from `at` on, until one is wanted or nothing readable follows.
fn walk(
    window: &mut Window<'_>,
    mut at: u64,
    mut wanted: impl FnMut(&BatchHeader) -> bool,
) -> Result<Option<(BatchHeader, u64)>, DiskError> {
    while let Front::Batch(header) = front::look(window, at)? {
        if wanted(&header) {
            return Ok(Some((header, at)));
        }
        at += header.size_bytes() as u64;
    }
    Ok(None)
}

fn find_offset(file: &mut dyn ReadAt, from: u64, until: u64, offset: Offset) -> Result<Option<BatchAt>, DiskError> {
    let mut window = Window::new(file, until, HEADERS_BYTES);
    let found = walk(&mut window, from, |header| header.last_offset() >= offset)?;
    Ok(found.map(|(header, at)| BatchAt {
        base: header.base_offset,
        last: header.last_offset(),
        at,
        length: header.size_bytes() as u64,
        max_timestamp_ms: header.max_timestamp_ms,
        epoch: header.leader_epoch,
    }))
}

fn find_timestamp(file: &mut dyn ReadAt, from: u64, until: u64, offset: Offset, timestamp_ms: i64) -> Result<Option<RecordAt>, DiskError> {
    let mut window = Window::new(file, until, HEADERS_BYTES);
    let mut next = from;
    while let Some((header, at)) = walk(&mut window, next, |h| h.last_offset() >= offset && h.max_timestamp_ms >= timestamp_ms)? {
        let size = header.size_bytes() as u64;
        if let Some((found, timestamp_ms)) = in_batch(&mut window, &header, at, |r| r.offset >= offset && r.timestamp_ms >= timestamp_ms)? {
            return Ok(Some(RecordAt { offset: found.max(offset), timestamp_ms, epoch: header.leader_epoch }));
        }
        next = at + size;
    }
    Ok(None)
}

/// As Kafka: a batch whose header says a timestamp that no record of it has, as a client may stamp one, ends the search.
fn find_newest(file: &mut dyn ReadAt, from: u64, until: u64, timestamp_ms: i64) -> Result<Option<RecordAt>, DiskError> {
    let mut window = Window::new(file, until, HEADERS_BYTES);
    let Some((header, at)) = walk(&mut window, from, |h| h.max_timestamp_ms == timestamp_ms)? else { return Ok(None) };
    let found = in_batch(&mut window, &header, at, |r| r.timestamp_ms == timestamp_ms)?;
    Ok(found.map(|(offset, timestamp_ms)| RecordAt { offset, timestamp_ms, epoch: header.leader_epoch }))
}

/// The first record of a batch that counts; of records that cannot be read, nobody asks for more than where the batch is.
fn in_batch(
    window: &mut Window<'_>,
    header: &BatchHeader,
    at: u64,
    counts: impl Fn(&Record) -> bool,
) -> Result<Option<(Offset, i64)>, DiskError> {
    let batch = Batches::new(window.get(at, header.size_bytes() as u64)?).next().and_then(Result::ok);
    let Some(Ok(records)) = batch.map(|b| b.records(DECODED_BYTES_MAX)) else {
        return Ok(Some((header.base_offset, header.max_timestamp_ms)));
    };
    let found = records.map_while(Result::ok).find(counts);
    Ok(found.map(|r| (r.offset, r.timestamp_ms)))
}

/// The position in the last entry that is not above `offset`, zero if there is none.
fn search_offsets(file: &mut dyn ReadAt, base: Offset, offset: Offset) -> Result<u64, DiskError> {
    let entry = last_entry::<OFFSET_ENTRY_BYTES>(file, |e| i64::from(be_i32(&e[..4])) <= offset.0.saturating_sub(base.0))?;
    Ok(entry.map_or(0, |e| u64::from(be_i32(&e[4..]).max(0).unsigned_abs())))
}

/// The offset in the last entry that is not above `timestamp_ms`, the base if there is none.
fn search_times(file: &mut dyn ReadAt, base: Offset, timestamp_ms: i64) -> Result<Offset, DiskError> {
    let timestamp = |e: &[u8; TIME_ENTRY_BYTES]| i64::from_be_bytes(*e.first_chunk().expect("a timestamp lies within the entry"));
    let entry = last_entry::<TIME_ENTRY_BYTES>(file, |e| timestamp(e) <= timestamp_ms)?;
    Ok(entry.map_or(base, |e| Offset(base.0.saturating_add(i64::from(be_i32(&e[8..]))))))
}

/// The last entry for which `at_most` holds, by halving; it holds for a beginning of the file.
fn last_entry<const N: usize>(file: &mut dyn ReadAt, at_most: impl Fn(&[u8; N]) -> bool) -> Result<Option<[u8; N]>, DiskError> {
    let (mut low, mut high, mut found) = (0, file.length() / N as u64, None);
    while low < high {
        let middle = low + (high - low) / 2;
        let bytes = file.read_at(middle * N as u64, N as u64)?;
        match bytes.first_chunk::<N>() {
            Some(entry) if at_most(entry) => (found, low) = (Some(*entry), middle + 1),
            _ => high = middle,
        }
    }
    Ok(found)
}

fn headers(file: &mut dyn ReadAt, from: u64, until: u64, most: u32) -> Result<WorkDone, DiskError> {
    let mut window = Window::new(file, until, HEADERS_BYTES);
    let (mut batches, mut next, mut offset) = (Vec::new(), from, Offset(0));
    while batches.len() < most as usize
        && let Front::Batch(header) = front::look(&mut window, next)?
        && front::fits(&header, header.base_offset, offset).is_ok()
    {
        offset = header.next_offset();
        batches.push(front::for_replay(&header, next, &mut window)?);
        next += header.size_bytes() as u64;
    }
    Ok(WorkDone::Headers { batches, next })
}

fn be_i32(bytes: &[u8]) -> i32 {
    bytes.first_chunk().copied().map(i32::from_be_bytes).expect("the field lies within the entry")
}
