//! The directory by what it does: how many syncs, in which order, and what it keeps on disk.

use odradek_machine::{Guards, Seed};
use odradek_wire::ids::{NodeId, Offset, TopicPartition, Uuid};

use crate::config::LogConfig;
use crate::dir::Output as DirOutput;
use crate::disk::{DiskAction, DiskErrorKind};
use crate::formats::checkpoint::{self, OffsetOf};
use crate::formats::meta_properties::MetaProperties;
use crate::formats::synced_marks::{self, SyncedMark};
use crate::log::Log;
use crate::open::Root;
use crate::output::Output;
use crate::testing::batches::values;
use crate::testing::{Said, World};

const T: i64 = 1_700_000_000_000;

#[test]
fn one_sync_covers_every_append_that_gathered_while_another_ran() {
    let mut w = World::new(Guards::ALL_ON);
    let log = w.create(0, LogConfig::default(), Guards::ALL_ON);
    w.finish_all();
    for _ in 0..100 {
        w.append(log, values(&[b"v"], T)).expect("it fits");
    }
    w.finish_all();
    assert_eq!(w.log(log).durable_end(), Offset(100));
    let counts = w.dir.counts();
    assert_eq!((counts.wants, counts.file_syncs), (100, 2), "one that ran with the first append, one for the other 99");
    assert!(counts.mark_syncs <= counts.file_syncs + 1, "{counts:?}");
}

#[test]
fn marks_on_disk_are_at_most_one_round_behind_what_was_told() {
    let mut w = World::new(Guards::ALL_ON);
    let log = w.create(0, LogConfig::default(), Guards::ALL_ON);
    w.finish_all();
    let mut told = vec![w.log(log).synced_end()];
    for i in 0..400u64 {
        w.append(log, values(&[b"v"], T)).expect("it fits");
        for n in 0..Seed(5).number(i).below(6) {
            let ready = w.ready();
            if !ready.is_empty() {
                w.finish(ready[Seed(6).number(i * 10 + n).below(ready.len() as u64) as usize]);
            }
        }
        if w.log(log).synced_end() > told[told.len() - 1] {
            told.push(w.log(log).synced_end());
        }
        let (marks, _) = synced_marks::decode(w.disk.content(synced_marks::FILE).unwrap_or_default());
        let marked = marks.first().map_or(Offset(0), |m| m.end);
        let before_last = told.len().checked_sub(2).map_or(Offset(0), |i| told[i]);
        assert!(marked >= before_last, "marked {marked:?}, told {told:?}");
    }
    assert!(told.len() > 20, "{} rounds", told.len());
}

#[test]
fn sync_that_fails_ends_the_service_of_the_directory_and_of_every_log() {
    let mut w = World::new(Guards::ALL_ON);
    w.disk.fail_expected = true;
    let a = w.create(0, LogConfig::default(), Guards::ALL_ON);
    let b = w.create(1, LogConfig::default(), Guards::ALL_ON);
    w.finish_all();
    w.disk.fail.push(("sync", "t-0/00000000000000000000.log", DiskErrorKind::Io));
    w.append(a, values(&[b"v"], T)).expect("it fits");
    w.finish_all();
    assert!(w.dir.is_out_of_service() && w.log(a).is_out_of_service() && w.log(b).is_out_of_service());
    assert_eq!(w.log(a).durable_end(), Offset(0));
    assert!(w.append(b, values(&[b"v"], T)).is_err());
    assert_eq!(w.said.iter().filter(|s| matches!(s, Said::Dir(DirOutput::OutOfService { .. }))).count(), 1);
    assert!(w.ops.is_empty(), "a sync is never tried again");
}

#[test]
fn sync_behind_a_failed_write_is_neither_told_nor_marked() {
    let mut w = World::new(Guards::ALL_ON);
    w.disk.fail_expected = true;
    let log = w.create(0, LogConfig::default(), Guards::ALL_ON);
    w.finish_all();
    w.append(log, values(&[b"kept"], T)).expect("it fits");
    w.finish_all();
    w.disk.fail.push(("write", "t-0/00000000000000000000.log", DiskErrorKind::Io));
    w.append(log, values(&[b"torn"], T)).expect("it fits");
    w.finish_all();
    w.pass_ms(120_000);
    w.finish_all();
    let (marks, _) = synced_marks::decode(w.disk.content(synced_marks::FILE).unwrap_or_default());
    assert!(marks.iter().all(|m| m.end <= Offset(1)), "{marks:?}");
    assert!(w.log(log).is_out_of_service());
    assert_eq!(w.log(log).durable_end(), Offset(1));
}

#[test]
fn clean_stop_writes_its_mark_last_of_all() {
    let mut w = World::new(Guards::ALL_ON);
    let logs: Vec<_> = (0..3).map(|p| w.create(p, LogConfig { segment_bytes: 300, ..LogConfig::default() }, Guards::ALL_ON)).collect();
    for log in &logs {
        for _ in 0..5 {
            w.append(*log, values(&[&[1; 80]], T)).expect("it fits");
        }
    }
    w.finish_all();
    let mut said = Vec::new();
    w.dir.stop(w.now, 11, &mut said);
    w.carry_dir(said);
    let mut order = Vec::new();
    let mut closing = false;
    while !w.ops.is_empty() {
        let ready = w.ready();
        let i = ready[Seed(3).number(order.len() as u64).below(ready.len() as u64) as usize];
        order.push(format!("{} {}", w.ops[i].1.verb(), w.disk.name_of(&w.ops[i].1)));
        w.finish(i);
        if !closing && w.said.contains(&Said::Dir(DirOutput::CloseLogs)) {
            closing = true;
            for log in &logs {
                w.with(*log, Log::close);
            }
        }
    }
    assert!(w.said.contains(&Said::Dir(DirOutput::Stopped { clean: true })));
    let at = |what: &str| order.iter().position(|o| o.contains(what)).unwrap_or_else(|| panic!("no {what} in {order:#?}"));
    let last = |what: &str| order.iter().rposition(|o| o.contains(what)).unwrap_or_else(|| panic!("no {what} in {order:#?}"));
    assert!(at("rename replication-offset-checkpoint.tmp") < at("create t-0/00000000000000000005.snapshot"));
    assert!(last(".log") < at("create recovery-point-offset-checkpoint.tmp"));
    assert!(last("rename recovery-point-offset-checkpoint.tmp") < at("create .kafka_cleanshutdown"));
    assert!(at("sync .kafka_cleanshutdown") < at("unlock .lock"));
    let points = String::from_utf8(w.disk.content("recovery-point-offset-checkpoint").expect("it was written").to_vec()).expect("text");
    assert_eq!(points, "0\n4\nt 0 5\nt 1 5\nt 2 5\ncrc32c: 0 220687269\n");
    assert_eq!(w.disk.content(".kafka_cleanshutdown"), Some(&b"{\"version\":0,\"brokerEpoch\":11}"[..]));
}

#[test]
fn log_start_moves_when_its_checkpoint_is_durable_and_the_files_go_after_their_delay() {
    let mut w = World::new(Guards::ALL_ON);
    let log = w.create(0, LogConfig { segment_bytes: 200, file_delete_delay_ms: 1000, ..LogConfig::default() }, Guards::ALL_ON);
    for _ in 0..4 {
        w.append(log, values(&[&[1; 100]], T)).expect("it fits");
    }
    w.finish_all();
    w.with(log, |log, _, out| log.set_high_watermark(Offset(4), out));
    assert_eq!(w.with(log, |log, now, out| log.delete_records_before(now, Offset(2), out)), Ok(Offset(2)));
    assert_eq!(w.log(log).log_start(), Offset(0), "nobody is told before a power cut cannot take it back");
    w.finish_all();
    assert_eq!(w.log(log).log_start(), Offset(2));
    assert!(w.said_of(log).contains(&&Output::LogStartMoved { to: Offset(2) }));
    let starts = w.disk.content("log-start-offset-checkpoint").expect("it was written");
    assert_eq!(starts, b"0\n2\nt 0 2\ncrc32c: 0 1718081285\n");
    assert!(w.disk.list("t-0").contains(&"00000000000000000000.log.deleted".to_owned()));
    w.pass_ms(1000);
    w.finish_all();
    let left = w.disk.list("t-0");
    assert!(left.iter().all(|n| !n.ends_with(".deleted") && !n.starts_with("00000000000000000000")), "{left:?}");
}

#[test]
fn topic_made_again_waits_until_the_name_of_the_deleted_one_is_free() {
    let mut w = World::new(Guards::ALL_ON);
    let old = w.create(0, LogConfig { file_delete_delay_ms: 500, ..LogConfig::default() }, Guards::ALL_ON);
    w.append(old, values(&[b"old"], T)).expect("it fits");
    w.finish_all();
    w.with(old, Log::delete);
    let new = w.create(0, LogConfig::default(), Guards::ALL_ON);
    w.append(new, values(&[b"new"], T)).expect("it fits");
    assert!(!w.ops.iter().any(|(_, a)| matches!(a, DiskAction::MakeDirectory { .. })), "the old directory has the name");
    w.finish_all();
    assert_eq!(w.log(new).durable_end(), Offset(1));
    w.pass_ms(500);
    w.finish_all();
    assert!(w.said_of(old).contains(&&Output::Ended { clean: true }));
    assert!(w.disk.tree.files.keys().all(|n| !n.as_str().contains("-delete")), "{:?}", w.disk.tree.files.keys());
}

/// What an earlier life left of a log that this life does not open.
fn left_of(topic: &str) -> Root {
    let partition = TopicPartition { topic: topic.into(), partition: 0 };
    let at = |offset| vec![OffsetOf { partition: partition.clone(), offset: Offset(offset) }];
    let mark = SyncedMark {
        partition: partition.clone(),
        topic_id: Some(Uuid([5; 16])),
        segment: Offset(0),
        length: 700,
        end: Offset(9),
        start: Offset(2),
    };
    let meta = MetaProperties { version: 1, node: NodeId(1), cluster_id: "c".to_owned(), directory_id: None };
    Root {
        meta,
        formatted: false,
        clean: false,
        previous_broker_epoch: None,
        recovery_points: at(7),
        log_starts: at(2),
        high_watermarks: at(8),
        marks: vec![mark],
        metadata: None,
    }
}

fn entries(w: &World, file: &str) -> Vec<(String, i64)> {
    let read = checkpoint::decode_offsets(&file.into(), w.disk.content(file).unwrap_or_default()).expect("ours");
    read.entries.iter().map(|e| (e.partition.to_string(), e.offset.0)).filter(|(p, _)| p.starts_with("away")).collect()
}

#[test]
fn what_is_known_of_a_log_outlives_a_life_that_does_not_open_it() {
    for stopped in [false, true] {
        let mut w = World::new(Guards::ALL_ON);
        let root = left_of("away");
        w.dir.inherit(&root);
        let log = w.create(0, LogConfig { segment_bytes: 300, ..LogConfig::default() }, Guards::ALL_ON);
        w.dir.disown(|partition| &*partition.topic == "away");
        for _ in 0..5 {
            w.append(log, values(&[&[1; 80]], T)).expect("it fits");
            w.finish_all();
        }
        w.pass_ms(120_000);
        w.finish_all();
        if stopped {
            let mut said = Vec::new();
            w.dir.stop(w.now, 11, &mut said);
            w.carry_dir(said);
            w.finish_all();
            w.with(log, Log::close);
            w.finish_all();
        }
        let (marks, _) = synced_marks::decode(w.disk.content(synced_marks::FILE).expect("it was replaced"));
        assert!(marks.contains(&root.marks[0]), "stopped {stopped}: {marks:?}");
        for (file, offset) in [(checkpoint::RECOVERY_POINTS, 7), (checkpoint::LOG_STARTS, 2), (checkpoint::HIGH_WATERMARKS, 8)] {
            assert_eq!(entries(&w, file), [("away-0".to_owned(), offset)], "stopped {stopped}: {file}");
        }
    }
}

#[test]
fn what_is_known_goes_when_nothing_of_the_log_can_be_here_or_its_topic_is_deleted() {
    for deleted in [false, true] {
        let mut w = World::new(Guards::ALL_ON);
        w.dir.inherit(&left_of("away"));
        let log = w.create(0, LogConfig::default(), Guards::ALL_ON);
        w.dir.disown(|_| deleted);
        if deleted {
            w.dir.forget_what_was_known(&TopicPartition { topic: "away".into(), partition: 0 });
        }
        w.append(log, values(&[b"v"], T)).expect("it fits");
        w.pass_ms(120_000);
        w.finish_all();
        let (marks, _) = synced_marks::decode(w.disk.content(synced_marks::FILE).expect("it was written"));
        assert!(marks.iter().all(|m| &*m.partition.topic != "away"), "{marks:?}");
        assert!(entries(&w, checkpoint::RECOVERY_POINTS).is_empty());
    }
}

#[test]
fn damage_that_only_a_recovery_point_proves_is_marked_with_the_id_of_its_topic() {
    let mut w = World::new(Guards::ALL_ON);
    let partition = TopicPartition { topic: "away".into(), partition: 0 };
    w.dir.inherit(&Root { marks: Vec::new(), ..left_of("away") });
    w.dir.remember(partition.clone(), Uuid([6; 16]), Offset(7));
    let mut said = Vec::new();
    w.dir.settle(w.now, &mut said);
    w.carry_dir(said);
    w.finish_all();
    let (marks, _) = synced_marks::decode(w.disk.content(synced_marks::FILE).expect("it was written at once"));
    let (segment, start) = (Offset(0), Offset(2));
    assert_eq!(marks, [SyncedMark { partition, topic_id: Some(Uuid([6; 16])), segment, length: 0, end: Offset(7), start }]);
}

#[test]
fn full_disk_keeps_syncs_back_until_there_is_room_for_the_marks() {
    // The first marks of a life replace the file, later ones are appended.
    for (verb, first) in [("create", true), ("write", true), ("write", false)] {
        let mut w = World::new(Guards::ALL_ON);
        let log = w.create(0, LogConfig::default(), Guards::ALL_ON);
        if !first {
            w.append(log, values(&[b"a"], T)).expect("it fits");
            w.finish_all();
        }
        let before = w.log(log).durable_end();
        w.disk.fail.push((verb, "synced-marks", DiskErrorKind::Full));
        for value in [b"b", b"c"] {
            w.append(log, values(&[value], T)).expect("it fits");
            w.finish_all();
        }
        assert_eq!((w.marks("dir.marks_wait"), w.marks("dir.out_of_service")), (1, 0), "{verb}, first: {first}");
        let end = w.log(log).log_end();
        assert!(w.log(log).durable_end() < end && w.log(log).durable_end() <= before.plus(1), "one round may be told, as ever");
        w.pass_ms(1_000);
        w.finish_all();
        assert_eq!(w.log(log).durable_end(), end, "{verb}, first: {first}");
        let (marks, damaged) = synced_marks::decode(w.disk.content("synced-marks").expect("it is there"));
        assert_eq!((marks.len(), marks[0].end, damaged), (1, end, 0));
    }
}

#[test]
fn stop_does_not_wait_for_room() {
    let mut w = World::new(Guards::ALL_ON);
    let log = w.create(0, LogConfig::default(), Guards::ALL_ON);
    w.append(log, values(&[b"a"], T)).expect("it fits");
    w.disk.fail = vec![("create", "synced-marks", DiskErrorKind::Full); 10];
    w.finish_all();
    let mut said = Vec::new();
    w.dir.stop(w.now, 1, &mut said);
    w.carry_dir(said);
    w.disk.fail_expected = true;
    w.finish_all();
    w.with(log, Log::close);
    w.finish_all();
    assert!(w.said.iter().any(|s| matches!(s, Said::Dir(DirOutput::Stopped { clean: false }))), "it has not stopped");
}

#[test]
fn marks_that_are_begun_anew_say_what_each_log_said_last() {
    let mut w = World::new(Guards::ALL_ON);
    // The life before left a mark of the log that is made here, which is not its own word.
    w.dir.inherit(&left_of("t"));
    let quiet = w.create(1, LogConfig::default(), Guards::ALL_ON);
    let busy = w.create(0, LogConfig::default(), Guards::ALL_ON);
    w.dir.disown(|_| true);
    w.append(quiet, values(&[b"a"], T)).expect("it fits");
    w.finish_all();
    for value in [b"a", b"b", b"c", b"d"] {
        w.append(busy, values(&[value], T)).expect("it fits");
        w.finish_all();
    }
    w.disk.fail.push(("write", "synced-marks", DiskErrorKind::Full));
    w.append(busy, values(&[b"e"], T)).expect("it fits");
    w.finish_all();
    w.pass_ms(1_000);
    w.finish_all();
    assert_eq!(w.marks("dir.marks_wait"), 1);
    let (marks, _) = synced_marks::decode(w.disk.content(synced_marks::FILE).expect("it was replaced"));
    let ends: Vec<_> = marks.iter().map(|m| (m.partition.to_string(), m.end.0)).collect();
    assert_eq!(ends, [("t-0".to_owned(), 5), ("t-1".to_owned(), 1)]);
}
