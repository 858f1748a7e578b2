//! What a cut takes with it, and what comes back.

use odradek_machine::Guards;
use odradek_wire::ids::{LeaderEpoch, Offset};

use crate::config::LogConfig;
use crate::dir::ids::OwnerId;
use crate::log::incoming::Origin;
use crate::log::{AppendError, ReadRequest, Truncation};
use crate::output::Output;
use crate::testing::World;
use crate::testing::batches::{decode, idempotent, marker, replicated, transactional, values};

const T: i64 = 1_700_000_000_000;

fn small() -> LogConfig {
    LogConfig { segment_bytes: 250, index_interval_bytes: 100, file_delete_delay_ms: 1000, ..LogConfig::default() }
}

fn truncate(w: &mut World, log: OwnerId, to: i64) {
    assert_eq!(w.with(log, |log, now, out| log.truncate_to(now, Offset(to), out)), Truncation::UnderWay);
    w.finish_all();
    assert!(w.said_of(log).contains(&&Output::Truncated { to: Offset(to) }));
    w.log(log).check_all();
}

#[test]
fn truncation_takes_back_what_producers_had_appended() {
    let mut w = World::new(Guards::ALL_ON);
    let log = w.create(0, small(), Guards::ALL_ON);
    for sequence in 0..8 {
        w.append(log, idempotent(&[&[1; 40]], T, 7, 0, sequence)).expect("in order");
    }
    w.append(log, idempotent(&[b"x"], T, 8, 0, 0)).expect("in order");
    w.finish_all();
    truncate(&mut w, log, 5);
    let known: Vec<_> = w.log(log).producers().iter().map(|p| (p.id.0, p.last_sequence.map(|s| s.0))).collect();
    assert_eq!(known, [(7, Some(4))], "producer 8 was never there");
    let refused = w.append(log, idempotent(&[b"v"], T, 7, 0, 6));
    assert!(matches!(refused, Err(AppendError::OutOfOrderSequence { .. })));
    let again = w.append(log, idempotent(&[b"v"], T, 7, 0, 5)).expect("it was cut, so it is no duplicate");
    assert_eq!((again.base, again.duplicate), (Offset(5), false));
    assert!(w.append(log, idempotent(&[&[1; 40]], T, 7, 0, 3)).expect("it stands").duplicate);
}

#[test]
fn truncation_reports_the_ranges_it_cuts_and_never_writes_into_the_cut_file_again() {
    let mut w = World::new(Guards::ALL_ON);
    let log = w.create(0, LogConfig::default(), Guards::ALL_ON);
    for i in 0..6u8 {
        w.append(log, values(&[&[i; 20]], T)).expect("it fits");
    }
    w.finish_all();
    let before = w.with(log, |log, now, out| {
        let whole = ReadRequest { from: Offset(0), until: Offset(6), bytes_max: 1 << 20, at_least_one: true, want_aborted: false };
        log.read(now, whole, out)
    });
    let Ok(crate::log::Read::Ready(slice)) = before else { panic!("{before:?}") };
    truncate(&mut w, log, 4);
    let cut = w.said_of(log).into_iter().find_map(|o| if let Output::RangesCut { file, past } = o { Some((*file, *past)) } else { None });
    let (file, past) = cut.expect("a range was handed out that reaches beyond");
    assert_eq!((file, past), (slice.ranges[0].file, slice.bytes / 6 * 4));
    w.append(log, values(&[b"after"], T)).expect("it fits");
    w.finish_all();
    assert_eq!(w.disk.bytes_of(file).len() as u64, past);
    let got = decode(w.read(log, w.all_from(log, Offset(3))).expect("it is there"));
    assert_eq!(got, [(3, vec![3; 20]), (4, b"after".to_vec())]);
}

#[test]
fn truncation_far_behind_the_first_two_billion_records_keeps_producers_and_indexes() {
    const FAR: i64 = 5_000_000_000;
    let mut w = World::new(Guards::ALL_ON);
    let log = w.create(0, LogConfig { index_interval_bytes: 100, ..LogConfig::default() }, Guards::ALL_ON);
    w.with(log, |log, now, out| log.truncate_fully_and_start_at(now, Offset(FAR), out));
    w.finish_all();
    for sequence in 0..8 {
        w.append(log, idempotent(&[&[1; 40]], T, 7, 0, sequence)).expect("in order");
    }
    w.finish_all();
    truncate(&mut w, log, FAR + 5);
    let again = w.append(log, idempotent(&[&[1; 40]], T, 7, 0, 4)).expect("it stands");
    assert_eq!((again.base, again.duplicate), (Offset(FAR + 4), true));
    assert!(w.append(log, idempotent(&[b"v"], T, 7, 0, 6)).is_err());
    w.append(log, idempotent(&[b"v"], T, 7, 0, 5)).expect("it was cut");
    w.finish_all();
    w.with(log, crate::log::Log::close);
    w.finish_all();
    assert!(w.disk.content(&format!("t-0/{FAR:020}.index")).is_some_and(|bytes| bytes.len() > 8));
}

#[test]
fn truncation_takes_back_what_is_not_even_written() {
    let mut w = World::new(Guards::ALL_ON);
    let log = w.create(0, LogConfig::default(), Guards::ALL_ON);
    for i in 0..400 {
        w.append(log, values(&[&[i as u8; 20]], T)).expect("it fits");
    }
    assert_eq!(w.log(log).written_end(), Offset(0));
    truncate(&mut w, log, 100);
    assert_eq!((w.log(log).log_end(), w.log(log).written_end()), (Offset(100), Offset(100)));
    let got = decode(w.read(log, w.all_from(log, Offset(98))).expect("it is there"));
    assert_eq!(got, [(98, vec![98; 20]), (99, vec![99; 20])]);
}

#[test]
fn truncation_to_a_segments_base_begins_a_file_of_the_same_name() {
    let mut w = World::new(Guards::ALL_ON);
    let log = w.create(0, small(), Guards::ALL_ON);
    for i in 0..6u8 {
        w.append(log, values(&[&[i; 60]], T)).expect("it fits");
    }
    w.finish_all();
    let bases: Vec<_> = w.disk.list("t-0").into_iter().filter(|n| n.ends_with(".log")).collect();
    assert!(bases.contains(&"00000000000000000003.log".to_owned()), "{bases:?}");
    truncate(&mut w, log, 3);
    w.append(log, values(&[b"other"], T)).expect("it fits");
    w.finish_all();
    assert_eq!(decode(w.disk.content("t-0/00000000000000000003.log").expect("made anew").to_vec()), [(3, b"other".to_vec())]);
    w.pass_ms(1000);
    w.finish_all();
    assert!(w.disk.list("t-0").iter().all(|n| !n.ends_with(".deleted")), "{:?}", w.disk.list("t-0"));
}

#[test]
fn follower_goes_on_at_its_leaders_start_when_everything_it_has_is_too_old() {
    let mut w = World::new(Guards::ALL_ON);
    let log = w.create(0, small(), Guards::ALL_ON);
    w.with(log, |log, now, out| log.append_as_follower(now, replicated(0, 3, &[b"a", b"b"], T), out)).expect("it is next");
    w.finish_all();
    assert_eq!(w.with(log, |log, now, out| log.truncate_fully_and_start_at(now, Offset(100), out)), Truncation::UnderWay);
    assert!(matches!(w.append(log, values(&[b"v"], T)), Err(AppendError::Busy)));
    w.finish_all();
    assert_eq!((w.log(log).log_start(), w.log(log).log_end(), w.log(log).latest_epoch()), (Offset(100), Offset(100), None));
    let early = w.with(log, |log, now, out| log.append_as_follower(now, replicated(99, 4, &[b"c"], T), out));
    assert_eq!(early, Err(AppendError::NotNext { got: Offset(99), expected: Offset(100) }));
    w.with(log, |log, now, out| log.append_as_follower(now, replicated(100, 4, &[b"c"], T), out)).expect("it is next");
    w.finish_all();
    assert_eq!((w.log(log).synced_end(), w.log(log).latest_epoch()), (Offset(101), Some(LeaderEpoch(4))));
}

#[test]
fn aborted_transactions_are_listed_written_at_a_roll_and_cut() {
    let mut w = World::new(Guards::ALL_ON);
    let log = w.create(0, LogConfig { segment_bytes: 400, ..LogConfig::default() }, Guards::ALL_ON);
    w.append(log, transactional(&[b"a"], T, 7, 0, 0)).expect("it fits");
    w.append(log, values(&[b"b"], T)).expect("it fits");
    let end =
        |w: &mut World, batch| w.with(log, |log, now, out| log.append_as_leader(now, batch, LeaderEpoch(1), Origin::Coordinator, out));
    end(&mut w, marker(false, 7, 0, 1)).expect("the transaction is open");
    w.finish_all();
    assert_eq!(w.log(log).last_stable_offset(), Offset(0));
    w.with(log, |log, _, out| log.set_high_watermark(Offset(3), out));
    assert_eq!(w.log(log).last_stable_offset(), Offset(3));
    let committed = ReadRequest { from: Offset(0), until: Offset(3), bytes_max: 1 << 20, at_least_one: true, want_aborted: true };
    let Ok(crate::log::Read::Ready(slice)) = w.with(log, |log, now, out| log.read(now, committed, out)) else { panic!("it is in memory") };
    assert_eq!(slice.aborted.iter().map(|a| (a.producer.0, a.first.0, a.last.0)).collect::<Vec<_>>(), [(7, 0, 2)]);
    w.append(log, values(&[&[9; 300]], T)).expect("it rolls");
    w.finish_all();
    assert_eq!(w.disk.content("t-0/00000000000000000000.txnindex").map(<[u8]>::len), Some(34));
    truncate(&mut w, log, 2);
    assert_eq!(w.log(log).producers()[0].transaction_start, Some(Offset(0)), "the marker is gone, the transaction is open again");
    w.with(log, |log, _, out| log.set_high_watermark(Offset(2), out));
    assert_eq!(w.log(log).last_stable_offset(), Offset(0));
}
