//! Reads that must ask the disk: in logs with gaps, and where an index on disk says what is not so.

use odradek_machine::Guards;
use odradek_wire::ids::Offset;

use crate::config::LogConfig;
use crate::dir::ids::OwnerId;
use crate::disk::{DiskErrorKind, FileId, FileRange, Name};
use crate::formats::damage;
use crate::log::{AppendError, Log, Read, ReadRequest, TimestampFound};
use crate::output::{Answer, Input, LookupId, Output};
use crate::testing::World;
use crate::testing::batches::{decode, replicated, values};

const T: i64 = 1_700_000_000_000;

fn config() -> LogConfig {
    LogConfig { segment_bytes: 3000, index_interval_bytes: 200, ..LogConfig::default() }
}

/// A log whose first segments are known to the disk alone.
fn long(base: impl Fn(i64) -> i64) -> (World, OwnerId) {
    let mut w = World::new(Guards::ALL_ON);
    let log = w.create(0, config(), Guards::ALL_ON);
    for i in 0..300 {
        let batch = replicated(base(i), 0, &[&[i as u8; 20]], T + i);
        w.with(log, |log, now, out| log.append_as_follower(now, batch, out)).expect("it does not go back");
        if i % 10 == 0 {
            w.finish_all();
        }
    }
    w.finish_all();
    assert!(w.log(log).segments() > 8);
    (w, log)
}

fn one_from(w: &mut World, log: OwnerId, from: i64) -> Vec<(i64, Vec<u8>)> {
    let until = w.log(log).log_end();
    decode(
        w.read(log, ReadRequest { from: Offset(from), until, bytes_max: 1, at_least_one: true, want_aborted: false }).expect("it is there"),
    )
}

fn find(w: &mut World, log: OwnerId, timestamp_ms: i64) -> Answer {
    let until = w.log(log).log_end();
    let found = w.with(log, |log, _, out| log.offset_for_timestamp(timestamp_ms, until, out)).expect("it serves");
    let TimestampFound::Cold(id) = found else { panic!("{found:?} without a look") };
    w.finish_all();
    w.answers.remove(&id).expect("it was answered")
}

#[test]
fn read_inside_a_gap_of_an_old_segment_begins_behind_it() {
    let (mut w, log) = long(|i| i * 5 + 2);
    for from in 0..120i64 {
        let next = (from - 2).max(0).div_euclid(5) + i64::from((from - 2).max(0) % 5 > 0);
        assert_eq!(one_from(&mut w, log, from), [(next * 5 + 2, vec![next as u8; 20])], "from {from}");
    }
    let to_a_gap = ReadRequest { from: Offset(2), until: Offset(21), bytes_max: 1 << 20, at_least_one: true, want_aborted: false };
    let got = decode(w.read(log, to_a_gap).expect("it is there"));
    assert_eq!(got.iter().map(|(o, _)| *o).collect::<Vec<_>>(), [2, 7, 12, 17]);
}

#[test]
fn index_on_disk_that_leads_nowhere_costs_a_longer_walk_and_no_record() {
    for bytes in [vec![0x7f; 400], vec![0; 400], [[0, 0, 0, 1, 0, 0, 0, 9]; 50].concat(), vec![0xff; 403], vec![1; 5], Vec::new()] {
        let (mut w, log) = long(|i| i);
        w.disk.damage("t-0/00000000000000000000.index", &bytes);
        for from in [0, 1, 7, 19] {
            assert_eq!(one_from(&mut w, log, from), [(from, vec![from as u8; 20])], "from {from}, {bytes:?}");
        }
    }
}

#[test]
fn indexes_on_disk_that_lead_nowhere_do_not_hide_a_timestamp() {
    for bytes in [vec![0x7f; 480], [[0u8, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, 3]; 40].concat(), vec![0; 480], Vec::new()] {
        let (mut w, log) = long(|i| i);
        w.disk.damage("t-0/00000000000000000000.index", &[0x7f; 400]);
        w.disk.damage("t-0/00000000000000000000.timeindex", &bytes);
        for offset in [0, 1, 7, 19] {
            let answer = find(&mut w, log, T + offset);
            assert!(matches!(answer, Answer::Timestamp(Some(r)) if r.offset.0 == offset), "{offset}: {answer:?}, {bytes:?}");
        }
    }
}

/// The question after a record of the first segment.
fn asks(w: &mut World, log: OwnerId, from: i64) -> LookupId {
    let request = ReadRequest { from: Offset(from), until: Offset(300), bytes_max: 1, at_least_one: true, want_aborted: false };
    let read = w.with(log, |log, now, out| log.read(now, request, out)).expect("it serves");
    let Read::Cold(id) = read else { panic!("{read:?} without a look") };
    id
}

const FIRST: &str = "t-0/00000000000000000000.log";

#[test]
fn log_that_is_found_damaged_goes_out_of_service_and_says_so_to_every_later_life() {
    for by_time in [false, true] {
        let (mut w, log) = long(|i| i);
        let whole = w.disk.content(FIRST).expect("it is there").to_vec();
        let batch_bytes = 12 + i32::from_be_bytes(whole[8..12].try_into().expect("four bytes")) as usize;
        // The length of the fourth batch.
        let at = 3 * batch_bytes;
        let bent: Vec<u8> = whole.iter().enumerate().map(|(i, b)| if i == at + 8 { b ^ 0x40 } else { *b }).collect();
        w.disk.damage(FIRST, &bent);
        w.disk.fail_expected = true;
        if by_time {
            assert_eq!(find(&mut w, log, T + 3), Answer::ReadAgain);
        } else {
            let id = asks(&mut w, log, 3);
            w.finish_all();
            assert_eq!(w.answers.remove(&id), Some(Answer::ReadAgain));
        }
        assert!(w.log(log).is_out_of_service(), "by time: {by_time}");
        assert_eq!(w.append(log, values(&[b"v"], T)), Err(AppendError::OutOfService));
        let record = w.disk.content("t-0/damage").expect("it is written down");
        let damage = damage::decode(&Name::from("t-0/damage"), record).expect("it is whole");
        assert_eq!((damage.segment.as_str(), damage.at, damage.offset, damage.synced), (FIRST, at as u64, Offset(3), Offset(300)));
        w.with(log, Log::close);
        w.finish_all();
        assert!(w.said_of(log).contains(&&Output::Ended { clean: false }), "a clean stop vouches for it");
    }
}

#[test]
fn offset_that_rotted_is_noticed_by_who_asks_for_it() {
    // Offsets lie outside the checksum: of the fourth batch it becomes one from before, or one from behind.
    for offset in [1i64, 2, 4, 5, 9, 1 << 40] {
        let (mut w, log) = long(|i| i);
        let mut bytes = w.disk.content(FIRST).expect("it is there").to_vec();
        let at = 3 * (12 + i32::from_be_bytes(bytes[8..12].try_into().expect("four bytes")) as usize);
        bytes[at..at + 8].copy_from_slice(&offset.to_be_bytes());
        w.disk.damage(FIRST, &bytes);
        w.disk.fail_expected = true;
        asks(&mut w, log, 3);
        w.finish_all();
        assert!(w.log(log).is_out_of_service() && w.disk.content("t-0/damage").is_some(), "{offset}");
    }
}

#[test]
fn disk_that_errs_once_ends_no_log() {
    for errs_until in 1..=3 {
        let (mut w, log) = long(|i| i);
        let whole = w.disk.content(FIRST).expect("it is there").to_vec();
        let id = asks(&mut w, log, 7);
        w.disk.damage(FIRST, &vec![0x55; whole.len()]);
        // The search by the index, and the headers.
        let mut works = 0;
        while !w.ops.is_empty() || !w.works.is_empty() {
            if w.ops.is_empty() {
                works += 1;
                if works > errs_until {
                    w.disk.damage(FIRST, &whole);
                }
                w.finish_work(0);
            } else {
                w.finish(0);
            }
        }
        assert_eq!(w.answers.remove(&id), Some(Answer::ReadAgain), "{errs_until}");
        assert_eq!(one_from(&mut w, log, 7), [(7, vec![7; 20])], "{errs_until}");
    }
}

#[test]
fn index_that_cannot_be_had_is_built_again() {
    for verb in ["open", "read"] {
        let (mut w, log) = long(|i| i);
        w.disk.fail.push((verb, ".index", DiskErrorKind::Io));
        w.disk.damaged = true;
        assert_eq!(one_from(&mut w, log, 7), [(7, vec![7; 20])], "{verb}");
        w.disk.fail.clear();
        assert_eq!(one_from(&mut w, log, 9), [(9, vec![9; 20])], "{verb}");
    }
}

#[test]
fn range_that_cannot_be_sent_ends_the_log_that_it_is_of_and_no_other() {
    let (mut w, log) = long(|i| i);
    let other = w.create(1, config(), Guards::ALL_ON);
    w.finish_all();
    let request = ReadRequest { from: Offset(290), until: Offset(300), bytes_max: 1, at_least_one: true, want_aborted: false };
    let read = w.with(log, |log, now, out| log.read(now, request, out)).expect("it serves");
    let Read::Ready(slice) = read else { panic!("{read:?} of what was just written") };
    let range = slice.ranges[0];
    let says = || "Input/output error".to_owned();
    // Of a file that is gone, or beyond a cut.
    for stale in [FileRange { file: FileId(77), ..range }, FileRange { length: range.length + 1_000_000, ..range }] {
        w.with(log, |log, now, out| log.step(now, Input::Unreadable { range: stale, says: says() }, out));
        assert!(!w.log(log).is_out_of_service(), "{stale:?}");
    }
    w.disk.fail_expected = true;
    w.with(log, |log, now, out| log.step(now, Input::Unreadable { range, says: says() }, out));
    assert!(w.log(log).is_out_of_service() && !w.log(other).is_out_of_service());
    assert_eq!(w.marks("log.unreadable"), 1);
    assert_eq!(w.disk.content("t-0/damage"), None, "the next life tries again");
}
