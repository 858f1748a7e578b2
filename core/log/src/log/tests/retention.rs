//! Retention on a running log: what goes, when, and what must not.

use odradek_machine::Guards;
use odradek_wire::ids::Offset;

use crate::config::LogConfig;
use crate::dir::ids::OwnerId;
use crate::log::Log;
use crate::output::Output;
use crate::testing::World;
use crate::testing::batches::{decode, idempotent, keyed, values};

/// The wall clock of [`World`].
const T: i64 = 1_700_000_000_000;

/// A segment for each record of a hundred bytes.
fn each_its_segment() -> LogConfig {
    LogConfig { segment_bytes: 200, retention_ms: None, file_delete_delay_ms: 1000, ..LogConfig::default() }
}

fn begin(config: LogConfig) -> (World, OwnerId) {
    let mut w = World::new(Guards::ALL_ON);
    let log = w.create(0, config, Guards::ALL_ON);
    (w, log)
}

fn append(w: &mut World, log: OwnerId, timestamp_ms: i64) {
    w.append(log, values(&[&[1; 100]], timestamp_ms)).expect("it fits");
    w.finish_all();
}

fn retire(w: &mut World, log: OwnerId, high_watermark: i64) -> (i64, usize) {
    w.with(log, |log, _, out| log.set_high_watermark(Offset(high_watermark), out));
    w.with(log, Log::retire);
    w.finish_all();
    w.log(log).check_all();
    (w.log(log).log_start().0, w.log(log).segments())
}

#[test]
fn retention_by_time_goes_by_the_largest_timestamp_of_each_segment() {
    let (mut w, log) = begin(LogConfig { retention_ms: Some(5_000), ..each_its_segment() });
    for timestamp_ms in [T - 9_000, T - 1_000, T - 9_000, T] {
        append(&mut w, log, timestamp_ms);
    }
    assert_eq!(retire(&mut w, log, 4), (1, 3), "a young segment shelters an older one behind it");
    w.pass_ms(4_000);
    assert_eq!(retire(&mut w, log, 4), (1, 3), "exactly as old as is allowed");
    w.pass_ms(1);
    assert_eq!(retire(&mut w, log, 4), (3, 1));
    assert_eq!(decode(w.read(log, w.all_from(log, Offset(3))).expect("it is there")), [(3, vec![1; 100])]);
}

#[test]
fn retention_by_time_takes_the_active_segment_and_begins_another() {
    let (mut w, log) = begin(LogConfig { retention_ms: Some(5_000), ..each_its_segment() });
    append(&mut w, log, T);
    w.pass_ms(5_001);
    assert_eq!(retire(&mut w, log, 1), (1, 1));
    assert_eq!(retire(&mut w, log, 1), (1, 1), "what is empty is not old");
    let names = w.disk.list("t-0");
    assert!(names.contains(&"00000000000000000001.log".to_owned()), "{names:?}");
    append(&mut w, log, T + 5_001);
    assert_eq!(w.log(log).log_end(), Offset(2));
}

#[test]
fn retention_never_passes_the_high_watermark() {
    let (mut w, log) = begin(LogConfig { retention_ms: Some(1), retention_bytes: Some(0), ..each_its_segment() });
    for _ in 0..4 {
        append(&mut w, log, T - 1000);
    }
    assert_eq!(retire(&mut w, log, 0), (0, 4));
    assert_eq!(retire(&mut w, log, 2), (2, 2));
    assert_eq!(retire(&mut w, log, 4), (4, 1));
}

#[test]
fn retention_by_size_keeps_the_newest_that_fit() {
    let (mut w, log) = begin(each_its_segment());
    append(&mut w, log, T);
    let one = w.log(log).bytes();
    for _ in 0..3 {
        append(&mut w, log, T);
    }
    for (bytes, start) in [(4 * one, 0), (4 * one - 1, 0), (3 * one, 1), (3 * one - 1, 1), (2 * one, 2), (0, 4)] {
        w.with(log, |log, now, out| log.reconfigure(now, LogConfig { retention_bytes: Some(bytes), ..each_its_segment() }, out));
        assert_eq!(retire(&mut w, log, 4).0, start, "{bytes} of {}", 4 * one);
    }
}

#[test]
fn retention_leaves_a_compacted_log_alone_but_for_what_lies_below_its_start() {
    let config =
        LogConfig { cleanup_delete: false, cleanup_compact: true, retention_ms: Some(1), retention_bytes: Some(0), ..each_its_segment() };
    let (mut w, log) = begin(config);
    for _ in 0..3 {
        w.append(log, keyed(&[1; 100], T - 1000)).expect("it fits");
        w.finish_all();
    }
    assert_eq!(retire(&mut w, log, 3), (0, 3));
    w.with(log, |log, now, out| log.delete_records_before(now, Offset(2), out)).expect("it is below the high watermark");
    w.finish_all();
    assert_eq!(retire(&mut w, log, 3), (2, 1));
}

#[test]
fn retention_ages_records_without_a_timestamp_by_the_last_change_of_their_segment() {
    let config = LogConfig { segment_bytes: 1 << 20, ..each_its_segment() };
    let (mut w, log) = begin(LogConfig { retention_ms: Some(5_000), ..config });
    append(&mut w, log, -1);
    w.pass_ms(4_000);
    append(&mut w, log, -1);
    w.pass_ms(4_000);
    assert_eq!(retire(&mut w, log, 2), (0, 1), "the younger record is four seconds old");
    w.pass_ms(1_001);
    assert_eq!(retire(&mut w, log, 2), (2, 1));
}

#[test]
fn retired_files_are_called_deleted_at_once_and_removed_after_their_delay() {
    let (mut w, log) = begin(LogConfig { retention_ms: Some(5_000), ..each_its_segment() });
    append(&mut w, log, T - 9_000);
    append(&mut w, log, T);
    assert_eq!(retire(&mut w, log, 2), (1, 1));
    let gone = |w: &World| w.disk.list("t-0").into_iter().filter(|n| n.starts_with("00000000000000000000.")).collect::<Vec<_>>();
    assert_eq!(gone(&w), ["index", "log", "timeindex"].map(|kind| format!("00000000000000000000.{kind}.deleted")));
    w.pass_ms(999);
    w.finish_all();
    assert_eq!(gone(&w).len(), 3);
    w.pass_ms(1);
    w.finish_all();
    assert_eq!(gone(&w), [""; 0]);
    assert!(!w.disk.open_files().iter().any(|name| name.contains("00000000000000000000.")), "{:?}", w.disk.open_files());
}

#[test]
fn producer_snapshots_stay_at_the_bases_of_segments_and_go_with_them() {
    let (mut w, log) = begin(each_its_segment());
    for sequence in 0..5 {
        w.append(log, idempotent(&[&[1; 100]], T, 7, 0, sequence)).expect("it is next");
    }
    w.finish_all();
    let snapshots = |w: &World| w.disk.list("t-0").into_iter().filter(|n| n.ends_with(".snapshot")).collect::<Vec<_>>();
    assert_eq!(snapshots(&w), [1, 2, 3, 4].map(|at| format!("{at:020}.snapshot")), "one at each roll");
    w.with(log, |log, _, out| log.set_high_watermark(Offset(5), out));
    w.with(log, |log, now, out| log.delete_records_before(now, Offset(3), out)).expect("it is below the high watermark");
    w.finish_all();
    assert_eq!(snapshots(&w), [3, 4].map(|at| format!("{at:020}.snapshot")));
    w.with(log, Log::close);
    w.finish_all();
    assert_eq!(snapshots(&w), [3, 4, 5].map(|at| format!("{at:020}.snapshot")), "and one at the end of a clean stop");
}

#[test]
fn log_that_is_deleted_lets_go_of_every_file_that_it_had_open() {
    let (mut w, log) = begin(each_its_segment());
    for _ in 0..3 {
        append(&mut w, log, T);
    }
    w.with(log, |log, _, out| log.set_high_watermark(Offset(3), out));
    w.with(log, |log, now, out| log.delete_records_before(now, Offset(2), out)).expect("it is below the high watermark");
    w.finish_all();
    w.with(log, Log::delete);
    w.finish_all();
    w.pass_ms(1000);
    w.finish_all();
    assert!(w.said_of(log).contains(&&Output::Ended { clean: true }));
    let open: Vec<_> = w.disk.open_files().into_iter().filter(|name| name.contains('/')).collect();
    assert_eq!(open, [""; 0]);
}
