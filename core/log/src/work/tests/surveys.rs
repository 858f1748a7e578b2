//! Surveys: past what is damaged, to the next whole batch, however it is damaged.

use odradek_machine::Guards;
use odradek_wire::codec::Codec;
use odradek_wire::ids::Offset;

use super::{InMemory, batch};
use crate::disk::{DiskError, DiskErrorKind, Name};
use crate::doctor::{TolerantFile, Unreadable};
use crate::log::recovered::OffsetEntry;
use crate::work::ReadAt;
use crate::work::survey::{Limits, Survey};

fn run(mut survey: Survey, file: &mut dyn ReadAt) -> Survey {
    while !survey.is_over() {
        survey.slice(file).expect("memory does not fail");
    }
    survey
}

fn survey(bytes: &[u8]) -> Survey {
    let survey = Survey::new(Offset(0), Offset(0), Vec::new(), Limits::default(), Guards::ALL_ON);
    run(survey, &mut InMemory::new(bytes.to_vec()))
}

fn records(offsets: std::ops::Range<i64>) -> Vec<u8> {
    offsets.flat_map(|o| batch(o, 0, &["some value"], Codec::None)).collect()
}

/// Batches of two records at offsets 0, 2, 4, …; and the bytes of one.
fn pairs(n: i64) -> (Vec<u8>, usize) {
    let all: Vec<Vec<u8>> = (0..n).map(|i| batch(2 * i, 0, &["some value", "and another"], Codec::None).to_vec()).collect();
    (all.concat(), all[0].len())
}

/// First offset, end, and records of each stretch.
fn stretches(survey: &Survey) -> Vec<(i64, i64, u64)> {
    survey.stretches.iter().map(|s| (s.first.0, s.end.0, s.records)).collect()
}

#[test]
fn survey_of_whole_batches_counts_them() {
    let (bytes, size) = pairs(5);
    let found = survey(&bytes);
    assert_eq!((stretches(&found), found.breaks.len(), found.end()), (vec![(0, 10, 10)], 0, Offset(10)));
    assert_eq!((found.whole().bytes, found.whole().batches), (5 * size as u64, 5));
    let empty = survey(&[]);
    assert_eq!((empty.whole().end, empty.whole().bytes, empty.breaks.len()), (Offset(0), 0, 0));
}

#[test]
fn survey_goes_on_behind_a_batch_whichever_byte_of_it_is_damaged() {
    let (bytes, size) = pairs(5);
    for i in 0..size {
        let mut bent = bytes.clone();
        bent[2 * size + i] ^= 0x10;
        let found = survey(&bent);
        if (12..16).contains(&i) {
            assert_eq!(found.breaks.len(), 0, "the epoch lies outside the checksum");
            continue;
        }
        assert_eq!(stretches(&found), [(0, 4, 4), (6, 10, 4)], "byte {i}");
        let broken = &found.breaks[0];
        assert_eq!((broken.at, broken.offset, found.breaks.len()), (2 * size as u64, Offset(4), 1), "byte {i}");
        // Its length leads to the next one where that is not what is damaged.
        assert_eq!(broken.followed, !(8..12).contains(&i) && i != 16, "byte {i}");
    }
}

#[test]
fn survey_finds_whole_batches_behind_what_is_cut_out_put_in_or_zero() {
    let (bytes, size) = pairs(6);
    let cases = [
        ("bytes are missing", [&bytes[..size + 20], &bytes[size + 50..]].concat(), vec![(0, 2, 2), (4, 12, 8)]),
        ("bytes were put in", [&bytes[..size], &[2; 3000][..], &bytes[size..]].concat(), vec![(0, 2, 2), (2, 12, 10)]),
        ("a sector of zeros", [&bytes[..size], &vec![0; 2 * size][..], &bytes[3 * size..]].concat(), vec![(0, 2, 2), (6, 12, 6)]),
        ("its front is another batch's", [&bytes[..size], &bytes[..size], &bytes[2 * size..]].concat(), vec![(0, 2, 2), (4, 12, 8)]),
    ];
    for (what, bytes, expected) in cases {
        let found = survey(&bytes);
        assert_eq!(stretches(&found), expected, "{what}");
        assert_eq!((found.breaks[0].at, found.breaks[0].offset), (size as u64, Offset(2)), "{what}");
    }
    let nothing_behind = survey(&[&bytes[..2 * size], &vec![9; 5000][..]].concat());
    assert_eq!((stretches(&nothing_behind), nothing_behind.breaks.len()), (vec![(0, 4, 4)], 1));
}

#[test]
fn survey_crosses_slices_while_it_searches() {
    let (bytes, size) = pairs(2);
    let holes = vec![0u8; 20 << 20];
    let found = survey(&[&bytes[..size], &holes[..], &bytes[size..]].concat());
    assert_eq!(stretches(&found), [(0, 2, 2), (2, 4, 2)]);
}

#[test]
fn survey_knows_an_offset_that_grew_by_what_follows_and_by_what_is_known_besides() {
    let (bytes, size) = pairs(3);
    let grown = |i: usize| {
        let mut bent = bytes.clone();
        bent[i * size + 4] = 1;
        bent
    };
    assert_eq!(survey(&grown(1)).breaks[0].at, size as u64, "the batch behind it is the witness");
    assert!(survey(&grown(2)).breaks.is_empty(), "nothing follows the last");
    let with = |limits| {
        let survey = Survey::new(Offset(0), Offset(0), Vec::new(), limits, Guards::ALL_ON);
        run(survey, &mut InMemory::new(grown(2))).breaks.iter().map(|b| (b.at, b.told)).collect::<Vec<_>>()
    };
    assert_eq!(with(Limits { below: Some(Offset(6)), mark: None }), [(2 * size as u64, true)]);
    assert_eq!(with(Limits { below: None, mark: Some((3 * size as u64, Offset(6))) }), [(2 * size as u64, true)]);
}

#[test]
fn survey_tells_index_entries_that_lead_astray() {
    let (bytes, size) = pairs(4);
    let with = |entries: &[(i64, usize)]| {
        let index = entries.iter().map(|&(last, at)| OffsetEntry { last: Offset(last), at: at as u32 }).collect();
        let survey = Survey::new(Offset(0), Offset(0), index, Limits::default(), Guards::ALL_ON);
        run(survey, &mut InMemory::new(bytes.clone())).astray.map(|e| e.last.0)
    };
    assert_eq!(with(&[(3, size), (7, 3 * size)]), None);
    assert_eq!(with(&[(3, size), (6, 3 * size)]), Some(6), "the batch there ends at 7");
    assert_eq!(with(&[(3, size + 1)]), Some(3), "no batch begins there");
    assert_eq!(with(&[(9, 9 * size)]), Some(9), "it lies behind the end");
}

/// A file whose disk does not give back some bytes.
struct Rotten {
    bytes: InMemory,
    bad: std::ops::Range<u64>,
}

impl ReadAt for Rotten {
    fn length(&self) -> u64 {
        self.bytes.length()
    }

    fn read_at(&mut self, at: u64, length: u64) -> Result<bytes::Bytes, DiskError> {
        if at < self.bad.end && at + length > self.bad.start {
            return Err(DiskError { kind: DiskErrorKind::Io, action: "read", name: Name::root(), says: "Input/output error".to_owned() });
        }
        self.bytes.read_at(at, length)
    }
}

#[test]
fn sectors_that_cannot_be_read_cost_the_batches_in_them_and_no_other() {
    let bytes = records(0..400);
    let size = bytes.len() / 400;
    let bad = 8192..12288;
    let mut file = Rotten { bytes: InMemory::new(bytes), bad: bad.clone() };
    let mut tolerant = TolerantFile::new(&mut file);
    let survey = Survey::new(Offset(0), Offset(0), Vec::new(), Limits::default(), Guards::ALL_ON);
    let found = run(survey, &mut tolerant);
    let first = 8192 / size as i64;
    assert_eq!((found.stretches.len(), found.stretches[0].end, found.breaks[0].offset), (2, Offset(first), Offset(first)));
    assert_eq!(found.stretches[1].first.0, 12288u64.div_ceil(size as u64) as i64);
    assert_eq!(tolerant.unreadable, [Unreadable { at: 8192, bytes: 4096, says: "Input/output error".to_owned() }]);
}
