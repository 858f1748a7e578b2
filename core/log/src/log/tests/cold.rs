//! Reads that must ask the disk: in logs with gaps, and where an index on disk says what is not so.

use odradek_machine::Guards;
use odradek_wire::ids::Offset;

use crate::config::LogConfig;
use crate::dir::ids::OwnerId;
use crate::log::{ReadRequest, TimestampFound};
use crate::output::Answer;
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

#[test]
fn segment_that_was_damaged_while_it_was_open_fails_the_read_and_not_for_ever() {
    let (mut w, log) = long(|i| i);
    w.disk.damage("t-0/00000000000000000000.log", &[0; 2000]);
    let request = ReadRequest { from: Offset(7), until: Offset(300), bytes_max: 1, at_least_one: true, want_aborted: false };
    let read = w.with(log, |log, now, out| log.read(now, request, out)).expect("it serves");
    let crate::log::Read::Cold(id) = read else { panic!("{read:?} without a look") };
    w.finish_all();
    assert!(matches!(w.answers.remove(&id), Some(Answer::Failed(_))));
    w.append(log, values(&[b"v"], T)).expect("the log goes on");
}
