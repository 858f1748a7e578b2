//! Appending, rolling, reading: by hand.

use odradek_machine::Guards;
use odradek_wire::ids::Offset;

use crate::config::LogConfig;
use crate::log::{ReadError, ReadRequest};
use crate::testing::World;
use crate::testing::batches::{decode, values};

const T: i64 = 1_700_000_000_000;

fn small() -> LogConfig {
    LogConfig { segment_bytes: 1000, index_interval_bytes: 100, ..LogConfig::default() }
}

#[test]
fn append_is_durable_when_file_name_and_directory_are() {
    let mut w = World::new(Guards::ALL_ON);
    let log = w.create(0, LogConfig::default(), Guards::ALL_ON);
    let a = w.append(log, values(&[b"a", b"b"], T)).expect("nothing is wrong with it");
    assert_eq!((a.base, a.end), (Offset(0), Offset(2)));
    assert_eq!((w.log(log).log_end(), w.log(log).written_end(), w.log(log).synced_end()), (Offset(2), Offset(0), Offset(0)));
    w.finish_all();
    assert_eq!((w.log(log).written_end(), w.log(log).synced_end()), (Offset(2), Offset(2)));
    let bytes = w.read(log, w.all_from(log, Offset(0))).expect("it is there");
    assert_eq!(decode(bytes), [(0, b"a".to_vec()), (1, b"b".to_vec())]);
}

#[test]
fn log_rolls_and_reads_across_segments() {
    let mut w = World::new(Guards::ALL_ON);
    let log = w.create(0, small(), Guards::ALL_ON);
    for i in 0..60u8 {
        w.append(log, values(&[&[i; 20]], T + i64::from(i))).expect("nothing is wrong with it");
    }
    w.finish_all();
    assert!(w.log(log).segments() > 4, "{} segments", w.log(log).segments());
    w.log(log).check_all();
    for from in 0..60 {
        let got = decode(w.read(log, w.all_from(log, Offset(from))).expect("it is there"));
        let want: Vec<_> = (from..60).map(|i| (i, vec![i as u8; 20])).collect();
        assert_eq!(got, want, "from {from}");
    }
    let at_most = ReadRequest { from: Offset(7), until: Offset(30), bytes_max: 200, at_least_one: false, want_aborted: false };
    assert!(w.read(log, at_most).expect("it is there").len() <= 200);
    let beyond = ReadRequest { from: Offset(61), ..at_most };
    assert!(matches!(w.read(log, beyond), Err(ReadError::OutOfRange { .. })));
}

#[test]
fn read_stops_at_the_limit_wherever_it_lies() {
    let mut w = World::new(Guards::ALL_ON);
    let log = w.create(0, small(), Guards::ALL_ON);
    for i in 0..40u8 {
        w.append(log, values(&[&[i; 20], &[i; 20]], T)).expect("nothing is wrong with it");
    }
    w.finish_all();
    for (from, until) in [(0, 1), (0, 2), (4, 20), (10, 11), (30, 62), (70, 80), (79, 80)] {
        let request = ReadRequest { from: Offset(from), until: Offset(until), bytes_max: 1 << 20, at_least_one: true, want_aborted: false };
        let got = decode(w.read(log, request).expect("it is there"));
        assert!(got.iter().all(|(o, _)| *o < until), "{from}..{until}: {got:?}");
        assert_eq!(got.len() as i64, (until / 2 * 2 - from / 2 * 2).max(0), "{from}..{until}");
    }
}

#[test]
fn a_change_of_flush_reaches_what_is_written_already() {
    let seldom = || LogConfig { flush_messages: 1_000, ..LogConfig::default() };
    let synced_after = |change: LogConfig, ms: u64| {
        let mut w = World::new(Guards::ALL_ON);
        let log = w.create(0, seldom(), Guards::ALL_ON);
        w.append(log, values(&[b"a"], 1_700_000_000_000)).expect("it fits");
        w.finish_all();
        w.pass_ms(60_000);
        w.finish_all();
        assert_eq!(w.log(log).synced_end(), Offset(0));
        w.with(log, |log, now, out| log.reconfigure(now, change, out));
        w.finish_all();
        w.pass_ms(ms);
        w.finish_all();
        w.log(log).synced_end()
    };
    assert_eq!(synced_after(seldom(), 60_000), Offset(0));
    assert_eq!(synced_after(LogConfig { flush_messages: 1, ..seldom() }, 0), Offset(1));
    assert_eq!(synced_after(LogConfig { flush_ms: Some(500), ..seldom() }, 400), Offset(0));
    assert_eq!(synced_after(LogConfig { flush_ms: Some(500), ..seldom() }, 600), Offset(1));
}
