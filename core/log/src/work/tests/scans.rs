//! The scan of a segment.

use odradek_machine::Guards;
use odradek_wire::batch::Batches;
use odradek_wire::codec::Codec;
use odradek_wire::ids::{LeaderEpoch, Offset, ProducerId};
use proptest::prelude::*;

use super::{InMemory, batch, marker, produced, recover, run};
use crate::disk::FileId;
use crate::epochs::EpochStart;
use crate::work::scan::{Depth, End, Fault, SLICE_BYTES, Scan};

const CODECS: [Codec; 5] = [Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd];

/// A segment of one batch per codec, in two epochs.
fn segment() -> (Vec<u8>, Vec<usize>) {
    let (mut bytes, mut ends) = (Vec::new(), vec![0]);
    for (i, codec) in CODECS.into_iter().enumerate() {
        bytes.extend_from_slice(&batch(i as i64 * 3, i as i32 / 3, &["one", "two", "three"], codec));
        ends.push(bytes.len());
    }
    (bytes, ends)
}

#[test]
fn scan_of_a_whole_segment_finds_its_end_epochs_and_newest() {
    let (bytes, _) = segment();
    let scan = recover(bytes.clone());
    assert_eq!((scan.end, scan.at, scan.next), (Some(End::Whole), bytes.len() as u64, Offset(15)));
    let epochs = [EpochStart { epoch: LeaderEpoch(0), start: Offset(0) }, EpochStart { epoch: LeaderEpoch(1), start: Offset(9) }];
    assert_eq!(scan.epochs, epochs);
    assert_eq!(scan.newest.map(|n| (n.timestamp_ms, n.last)), Some((1014, Offset(14))));
    assert_eq!(scan.first_timestamp_ms, Some(1002));
    assert!(scan.offsets.is_empty(), "no interval was over");
}

#[test]
fn scan_stops_before_the_batch_that_is_cut_at_every_byte() {
    let (bytes, ends) = segment();
    for cut in 0..bytes.len() {
        let scan = recover(bytes[..cut].to_vec());
        let whole = *ends.iter().rev().find(|end| **end <= cut).expect("zero is an end");
        assert_eq!(scan.at, whole as u64, "cut at {cut}");
        assert_eq!(scan.end == Some(End::Whole), whole == cut, "cut at {cut}");
        assert_eq!(scan.next.0, ends.iter().position(|end| *end == whole).expect("an end") as i64 * 3);
    }
}

#[test]
fn scan_tells_zeros_garbage_and_offsets_that_do_not_follow() {
    let good = batch(0, 0, &["a"], Codec::None);
    let fault = |tail: &[u8]| match recover([&good[..], tail].concat()).end {
        Some(End::Fault(fault)) => fault.to_string(),
        end => panic!("{end:?}"),
    };
    assert_eq!(fault(&[0; 100]), "length field 0 is too small for a batch");
    assert_eq!(fault(&[0; 16]), "16 bytes of a batch of 61");
    assert_eq!(fault(&good), "base offset 0 with last offset delta 0, where 1 is next");
    let mut old = batch(1, 0, &["b"], Codec::None).to_vec();
    old[16] = 1;
    assert_eq!(fault(&old), "magic 1 instead of 2");
    let mut flipped = batch(1, 0, &["b"], Codec::None).to_vec();
    *flipped.last_mut().expect("not empty") ^= 1;
    assert!(fault(&flipped).starts_with("checksum 0x"));
    let far = batch(1 << 31, 0, &["b"], Codec::None);
    assert_eq!(fault(&far), "base offset 2147483648 with last offset delta 0, where 1 is next", "no index could point there");
}

#[test]
fn scan_says_whether_a_whole_batch_stands_behind_the_bad_one() {
    let (bytes, ends) = segment();
    let mut bent = bytes.clone();
    bent[ends[2] - 1] ^= 1;
    let scan = recover(bent.clone());
    assert_eq!((scan.at, scan.followed_by), (ends[1] as u64, Some(Offset(6))));
    assert_eq!(recover(bent[..ends[2]].to_vec()).followed_by, None);
    bent[ends[2]..].fill(0);
    assert_eq!(recover(bent).followed_by, None);
}

#[test]
fn scan_by_headers_does_not_look_at_checksums() {
    let (mut bytes, ends) = segment();
    bytes[ends[2] - 1] ^= 1;
    let scan = run(Scan::new(FileId(1), Offset(0), Depth::Headers, Guards::ALL_ON), &mut InMemory::new(bytes.clone()));
    assert_eq!((scan.end, scan.at), (Some(End::Whole), bytes.len() as u64));
}

#[test]
fn scan_builds_indexes_like_the_append_and_goes_on_from_them() {
    let bytes: Vec<u8> = (0..400).flat_map(|i| batch(i, 0, &["some value of some length"], Codec::None)).collect();
    let scan = recover(bytes.clone());
    let each = bytes.len() as u64 / 400;
    let per_entry = 4096 / each + 1;
    assert_eq!(scan.offsets.len() as u64, 399 / per_entry);
    assert!(
        scan.offsets
            .iter()
            .enumerate()
            .all(|(i, e)| u64::from(e.at) == (i as u64 + 1) * per_entry * each && e.last.0 as u64 * each == u64::from(e.at))
    );
    assert_eq!(scan.times.len(), scan.offsets.len());
    let again = Scan::new(FileId(1), Offset(0), Depth::Headers, Guards::ALL_ON).from_indexes(scan.offsets.clone(), scan.times.clone());
    let mut file = InMemory::new(bytes);
    let again = run(again, &mut file);
    assert_eq!((again.end, again.next, again.newest), (Some(End::Whole), scan.next, scan.newest));
    assert_eq!((again.offsets, again.times, again.first_timestamp_ms), (scan.offsets, scan.times, scan.first_timestamp_ms));
    assert!(again.batches < 2 * per_entry, "only the tail was walked");
}

#[test]
fn scan_from_an_index_that_leads_astray_says_so() {
    let bytes: Vec<u8> = (0..200).flat_map(|i| batch(i, 0, &["some value"], Codec::None)).collect();
    let scan = recover(bytes.clone());
    for (last, at) in [(1, 0), (0, 3)] {
        let mut offsets = scan.offsets.clone();
        let entry = offsets.last_mut().expect("there are entries");
        *entry = crate::log::recovered::OffsetEntry { last: Offset(entry.last.0 + last), at: entry.at + at };
        let astray = Scan::new(FileId(1), Offset(0), Depth::Headers, Guards::ALL_ON).from_indexes(offsets, Vec::new());
        let astray = run(astray, &mut InMemory::new(bytes.clone()));
        assert!(astray.batches == 0 && matches!(astray.end, Some(End::Fault(_))), "{astray:?}");
    }
}

#[test]
fn scan_rebuilds_producers_and_aborted_transactions() {
    let parts = [
        produced(0, &["a", "b"], 7, 0, true),
        produced(2, &["c"], 8, 0, true),
        produced(3, &["d"], 9, 5, false),
        marker(4, false, 7),
        marker(5, true, 8),
        produced(6, &["e"], 7, 2, true),
    ];
    let scan = recover(parts.concat());
    assert_eq!(scan.end, Some(End::Whole));
    assert_eq!(scan.aborted.len(), 1);
    assert_eq!(
        (scan.aborted[0].producer, scan.aborted[0].first, scan.aborted[0].last, scan.aborted[0].last_stable),
        (ProducerId(7), Offset(0), Offset(4), Offset(2))
    );
    let producers = scan.producers.entries();
    let known: Vec<_> =
        producers.iter().map(|p| (p.id.0, p.batches.last().map(|b| b.last_sequence.0), p.transaction_start.map(|o| o.0))).collect();
    assert_eq!(known, [(7, Some(2), Some(6)), (8, Some(0), None), (9, Some(5), None)]);
}

#[test]
fn scan_skips_producers_that_a_snapshot_knows() {
    let bytes = [produced(0, &["a"], 7, 0, false), produced(1, &["b"], 8, 0, false)].concat();
    let scan = Scan { producers_from: Offset(1), ..Scan::new(FileId(1), Offset(0), Depth::Checksums, Guards::ALL_ON) };
    let scan = run(scan, &mut InMemory::new(bytes));
    assert_eq!(scan.producers.entries().iter().map(|p| p.id.0).collect::<Vec<_>>(), [8]);
}

#[test]
fn scan_comes_in_slices_and_reads_no_batch_whole() {
    let value = "v".repeat(3 << 20);
    let bytes: Vec<u8> = (0..8).flat_map(|i| batch(i, 0, &[&value], Codec::None)).collect();
    let mut file = InMemory::new(bytes.clone());
    let mut scan = Scan::new(FileId(1), Offset(0), Depth::Checksums, Guards::ALL_ON);
    let mut slices = 0;
    while scan.end.is_none() {
        let before = scan.at;
        scan.slice(&mut file).expect("memory does not fail");
        assert!(scan.at - before <= SLICE_BYTES + (4 << 20), "a slice ends with the batch that fills it");
        slices += 1;
    }
    assert!(slices >= 3, "{slices} slices for {} bytes", bytes.len());
    assert_eq!((scan.end, scan.next), (Some(End::Whole), Offset(8)));
    assert!(file.largest_read <= 1 << 20, "{} bytes in one read", file.largest_read);
}

#[cfg(feature = "mutants")]
#[test]
fn scan_with_the_guard_off_believes_a_torn_batch_whose_length_fits() {
    let mut torn = batch(0, 0, &["a value that did not reach the disk"], Codec::None).to_vec();
    let until = torn.len();
    torn[until - 20..].fill(0);
    let guards = Guards::ALL_ON.without(odradek_machine::Mutant::TORN_TAIL);
    let believed = run(Scan::new(FileId(1), Offset(0), Depth::Checksums, guards), &mut InMemory::new(torn.clone()));
    assert_eq!((believed.end, believed.next), (Some(End::Whole), Offset(1)));
    assert_eq!(recover(torn).at, 0);
}

proptest! {
    /// What is found is a prefix of what was written: nothing is found that was not.
    #[test]
    fn scan_never_finds_what_was_not_written(cut in any::<prop::sample::Index>(), flips in proptest::collection::vec((any::<prop::sample::Index>(), 1u8..), 0..6)) {
        let (original, ends) = segment();
        let mut bytes = original[..=cut.index(original.len() - 1)].to_vec();
        let mut first_flip = usize::MAX;
        for (at, with) in flips {
            let at = at.index(bytes.len());
            bytes[at] ^= with;
            first_flip = first_flip.min(if bytes[at] == original[at] { usize::MAX } else { at });
        }
        let scan = recover(bytes.clone());
        let found = scan.at as usize;
        prop_assert!(ends.contains(&found), "ends inside a batch: {}", found);
        // Base offset and leader epoch lie outside the checksum; everything that a client wrote lies inside.
        let records = |bytes: &[u8]| -> Vec<Vec<u8>> { Batches::new(bytes.to_vec().into()).map(|b| b.expect("believed").bytes()[21..].to_vec()).collect() };
        prop_assert_eq!(records(&bytes[..found]), records(&original[..found]));
        if let Some(End::Fault(Fault::Incomplete { have, .. })) = scan.end {
            prop_assert_eq!(have as usize, bytes.len() - found);
        }
    }

    #[test]
    fn scan_of_any_bytes_ends_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400), headers in any::<bool>()) {
        let depth = if headers { Depth::Headers } else { Depth::Checksums };
        let scan = run(Scan::new(FileId(1), Offset(0), depth, Guards::ALL_ON), &mut InMemory::new(bytes.clone()));
        prop_assert!(scan.at <= bytes.len() as u64);
    }
}
