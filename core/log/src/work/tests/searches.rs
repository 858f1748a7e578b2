//! Searches in a segment and its indexes, against walking everything.

use odradek_wire::codec::Codec;
use odradek_wire::ids::Offset;

use super::{InMemory, batch, marker, produced};
use crate::disk::FileId;
use crate::formats::index;
use crate::log::recovered::{OffsetEntry, TimeEntry};
use crate::output::{Work, WorkDone};
use crate::work::{self, WorkResult};

const FILE: FileId = FileId(1);

fn search(work: Work, bytes: &[u8]) -> WorkDone {
    match work::run(work::Work::Search(work), &mut InMemory::new(bytes.to_vec())) {
        WorkResult::Search(Ok(done)) => done,
        other => panic!("{other:?}"),
    }
}

/// Batches of three records; the record at offset `o` has the timestamp `1000 + o`.
fn segment() -> Vec<u8> {
    let codecs = [Codec::None, Codec::Gzip, Codec::Zstd, Codec::Lz4, Codec::Snappy];
    codecs.iter().enumerate().flat_map(|(i, codec)| batch(i as i64 * 3, 2, &["x", "y", "z"], *codec)).collect()
}

#[test]
fn search_by_offset_finds_the_batch_that_holds_it_or_the_next() {
    let bytes = segment();
    for offset in 0..18 {
        let work = Work::FindOffset { file: FILE, from: 0, until: bytes.len() as u64, offset: Offset(offset) };
        let found = match search(work, &bytes) {
            WorkDone::Batch(found) => found.map(|b| (b.base.0, b.last.0, b.epoch.0)),
            other => panic!("{other:?}"),
        };
        assert_eq!(found, (offset < 15).then_some((offset / 3 * 3, offset / 3 * 3 + 2, 2)), "offset {offset}");
    }
    let until = Work::FindOffset { file: FILE, from: 0, until: 10, offset: Offset(0) };
    assert_eq!(search(until, &bytes), WorkDone::Batch(None), "nothing is whole below byte 10");
}

#[test]
fn search_by_timestamp_looks_inside_compressed_batches() {
    let bytes = segment();
    for timestamp_ms in 990..1020 {
        let work = Work::FindTimestamp { file: FILE, from: 0, until: bytes.len() as u64, offset: Offset(4), timestamp_ms };
        let found = match search(work, &bytes) {
            WorkDone::Record(found) => found.map(|r| (r.offset.0, r.timestamp_ms)),
            other => panic!("{other:?}"),
        };
        let expected = (timestamp_ms - 1000).max(4);
        assert_eq!(found, (expected < 15).then_some((expected, 1000 + expected)), "timestamp {timestamp_ms}");
    }
}

#[test]
fn search_for_the_largest_timestamp_looks_at_the_first_batch_that_says_it() {
    let bytes = segment();
    for timestamp_ms in 990..1020 {
        let found = match search(Work::FindNewest { file: FILE, from: 0, until: bytes.len() as u64, timestamp_ms }, &bytes) {
            WorkDone::Record(found) => found.map(|r| (r.offset.0, r.timestamp_ms)),
            other => panic!("{other:?}"),
        };
        let last = (0..15).contains(&(timestamp_ms - 1000)) && (timestamp_ms - 1000) % 3 == 2;
        assert_eq!(found, last.then_some((timestamp_ms - 1000, timestamp_ms)), "timestamp {timestamp_ms}");
    }
}

#[test]
fn search_in_indexes_finds_the_last_entry_not_above() {
    let offsets: Vec<_> = (1..20).map(|i| OffsetEntry { last: Offset(100 + i * 10), at: i as u32 * 4200 }).collect();
    let bytes = index::encode_offsets(Offset(100), &offsets);
    for offset in 90..320 {
        let expected = offsets.iter().rev().find(|e| e.last.0 <= offset).map_or(0, |e| u64::from(e.at));
        assert_eq!(
            search(Work::SearchOffsets { file: FILE, base: Offset(100), offset: Offset(offset) }, &bytes),
            WorkDone::Position(expected)
        );
    }
    let times: Vec<_> = (1..20).map(|i| TimeEntry { timestamp_ms: i * 10, last: Offset(100 + i) }).collect();
    let bytes = index::encode_times(Offset(100), &times);
    for timestamp_ms in 0..220 {
        let expected = times.iter().rev().find(|e| e.timestamp_ms <= timestamp_ms).map_or(100, |e| e.last.0);
        assert_eq!(search(Work::SearchTimes { file: FILE, base: Offset(100), timestamp_ms }, &bytes), WorkDone::Offset(Offset(expected)));
    }
}

#[test]
fn search_for_headers_says_what_a_replay_needs() {
    let bytes = [produced(0, &["a"], 7, 3, true), marker(1, false, 7), batch(2, 0, &["b"], Codec::None)].concat();
    let work = Work::Headers { file: FILE, from: 0, until: bytes.len() as u64, most: 2 };
    let WorkDone::Headers { batches, next } = search(work, &bytes) else { panic!("headers were asked for") };
    assert_eq!(batches.len(), 2);
    assert!(batches[0].transactional && batches[0].control.is_none());
    assert_eq!(batches[1].control, Some(crate::log::incoming::Control::Abort { coordinator_epoch: 1 }));
    let rest = Work::Headers { file: FILE, from: next, until: bytes.len() as u64, most: 9 };
    let WorkDone::Headers { batches, next } = search(rest, &bytes) else { panic!("headers were asked for") };
    assert_eq!((batches.len(), next), (1, bytes.len() as u64));
}
