//! One real bug each: what a guard is for. With the feature `mutants` the same story is told without the guard, and ends badly.

use odradek_machine::Guards;
use odradek_wire::ids::Offset;

use crate::config::LogConfig;
use crate::dir::ids::OwnerId;
use crate::disk::{DiskAction, DiskErrorKind, Name};
use crate::formats::producer_snapshot;
use crate::log::recovered::{Recovered, RecoveredSegment};
use crate::log::{Appended, Log};
use crate::testing::World;
use crate::testing::batches::{idempotent, values};

const T: i64 = 1_700_000_000_000;

fn rolling() -> LogConfig {
    LogConfig { segment_bytes: 200, ..LogConfig::default() }
}

/// Finishes everything but what the condition names, as long as anything can be finished.
fn finish_but(w: &mut World, not: impl Fn(&World, &DiskAction) -> bool) {
    while let Some(i) = w.ready().into_iter().find(|i| !not(w, &w.ops[*i].1)) {
        w.finish(i);
    }
}

/// A batch makes the log roll, the process dies when the snapshot of the roll is written and the batch is not, and the producer tries again.
fn retry_after_a_crash_at_a_roll(guards: Guards) -> Appended {
    let mut w = World::new(guards);
    let log = w.create(0, rolling(), guards);
    let batch = |sequence| idempotent(&[&[1; 100]], T, 7, 0, sequence);
    w.append(log, batch(0)).expect("the first of its producer");
    w.finish_all();
    let end = w.append(log, batch(1)).expect("the second").base;
    assert_eq!((w.log(log).segments(), end), (2, Offset(1)));
    let new = Name::from("t-0/00000000000000000001.log");
    finish_but(&mut w, |w, action| w.disk.name_of(action) == new);

    let mut life = World::on(w.disk, guards);
    let mut setup = life.setup(0, rolling(), guards);
    let file = setup.files.file();
    let opened = life.disk.apply(&DiskAction::Open { file, name: Name::from("t-0/00000000000000000000.log") }, T);
    assert!(opened.is_ok());
    let snapshot = life.disk.content("t-0/00000000000000000001.snapshot").expect("the roll wrote it");
    let producers = producer_snapshot::decode(Offset(1), snapshot, guards).expect("it was written whole");
    let segment = segment_of_one_batch(&life, file);
    let recovered = Recovered { segments: vec![segment], producers, log_end: Offset(1), ..Recovered::default() };
    let log = life.resume(setup, recovered);
    life.append(log, batch(1)).expect("the log does not have it")
}

fn segment_of_one_batch(w: &World, file: crate::disk::FileId) -> RecoveredSegment {
    RecoveredSegment {
        base: Offset(0),
        file,
        length: w.disk.bytes_of(file).len() as u64,
        end: Offset(1),
        max_timestamp_ms: T,
        max_timestamp_offset: Offset(0),
        first_timestamp_ms: T,
        modified_ms: T,
        offset_index: Some(Vec::new()),
        time_index: Some(Vec::new()),
        indexes_on_disk: false,
    }
}

#[test]
fn producer_state_written_at_a_roll_does_not_know_the_batch_that_rolled() {
    let again = retry_after_a_crash_at_a_roll(Guards::ALL_ON);
    assert!(!again.duplicate && again.base == Offset(1), "{again:?}");
}

/// A batch makes the log roll and the old segment's index cannot be written. Gives the offsets of that batch and of the next.
fn appends_around_a_failed_index_write(guards: Guards) -> (World, OwnerId, [Offset; 2]) {
    let mut w = World::new(guards);
    let log = w.create(0, LogConfig { segment_bytes: 400, ..LogConfig::default() }, guards);
    w.append(log, values(&[&[1; 300]], T)).expect("it fits");
    w.finish_all();
    w.disk.fail.push(("write", ".index", DiskErrorKind::Full));
    let rolled = w.append(log, values(&[&[2; 100]], T)).expect("it fits").base;
    w.finish_all();
    assert_eq!(w.marks("log.index_write_failed"), 1);
    let next = w.append(log, values(&[b"3"], T)).expect("it fits").base;
    w.finish_all();
    (w, log, [rolled, next])
}

#[test]
fn log_end_stands_when_an_index_write_fails_and_the_clean_stop_writes_it_again() {
    let (mut w, log, offsets) = appends_around_a_failed_index_write(Guards::ALL_ON);
    assert_eq!(offsets, [Offset(1), Offset(2)]);
    w.with(log, Log::close);
    w.finish_all();
    assert!(w.said_of(log).contains(&&crate::output::Output::Ended { clean: true }));
    let names = w.disk.list("t-0");
    assert!(names.contains(&"00000000000000000000.index".to_owned()), "{names:?}");
}

/// Everything but syncs of directories finishes. Says whether the append is durable then.
fn durable_without_its_name(guards: Guards) -> bool {
    let mut w = World::new(guards);
    let log = w.create(0, LogConfig::default(), guards);
    w.append(log, values(&[b"a"], T)).expect("it fits");
    finish_but(&mut w, |_, action| matches!(action, DiskAction::SyncDirectory { .. }));
    w.log(log).durable_end() == Offset(1)
}

#[test]
fn append_into_a_made_file_waits_for_its_directory() {
    assert!(!durable_without_its_name(Guards::ALL_ON));
}

#[cfg(feature = "mutants")]
mod mutants {
    use odradek_machine::Mutant;

    use super::*;

    #[test]
    fn without_b1_a_retry_is_answered_as_a_duplicate_of_nothing() {
        let again = retry_after_a_crash_at_a_roll(Guards::ALL_ON.without(Mutant::KAFKA_6683));
        assert!(again.duplicate, "{again:?}");
    }

    #[test]
    fn without_b2_an_offset_is_given_out_twice() {
        let (_, _, [rolled, next]) = appends_around_a_failed_index_write(Guards::ALL_ON.without(Mutant::KAFKA_7866));
        assert_eq!(rolled, next);
    }

    #[test]
    fn without_a30_an_append_counts_whose_file_a_power_cut_takes() {
        assert!(durable_without_its_name(Guards::ALL_ON.without(Mutant::KAFKA_16541)));
    }
}
