//! What the doctor says is what a start does; and what it gives up is given up, wherever it is stopped.

use bytes::Bytes;
use odradek_machine::Seed;
use odradek_wire::ids::{Offset, Uuid};

use super::TOPIC;
use super::world::{World, record_bytes, records, tp};
use crate::disk::{DiskAction, DiskDone, FileId, Name};
use crate::doctor::{self, By, Contents, Examination, Expected, Placed, Plan, Refusal, Report, Root, SMALL_FILES, Standing};
use crate::formats::dir_name::METADATA_DIR;
use crate::formats::synced_marks::{self, SyncedMark};
use crate::formats::{checkpoint, damage, partition_metadata, producer_snapshot};
use crate::log::recovered::Recovered;
use crate::open::{OpenError, OutOfService};
use crate::testing::disk::Disk;
use crate::work::tests::InMemory;

/// What was read of a directory.
fn contents(disk: &mut Disk, name: &str, files: &[&str]) -> Contents {
    let Ok(DiskDone::Listed(entries)) = disk.apply(&DiskAction::List { name: Name::from(name) }, 5000) else { panic!("{name} is there") };
    let content = |file: &&str| Some(((*file).to_owned(), Bytes::copy_from_slice(disk.content(Name::from(name).join(file).as_str())?)));
    Contents { entries, files: files.iter().filter_map(content).collect() }
}

/// The whole doctor, over a disk that it does not change.
fn examine(disk: &Disk, expected: Option<&[Expected]>) -> (Root, Vec<Report>) {
    let before = disk.everything();
    let mut disk = disk.clone();
    let root = Root::look("/data", contents(&mut disk, "", &doctor::ROOT_FILES));
    let mut reports = Vec::new();
    for (dir, partition) in &root.logs {
        let found = contents(&mut disk, dir.as_str(), &SMALL_FILES);
        let mut examination = Examination::begin(&root, dir, partition, found, expected);
        let content = |name: &str| Bytes::copy_from_slice(disk.content(dir.join(name).as_str()).expect("it was listed"));
        for name in examination.names_beside() {
            examination.beside(&name, &content(&name));
        }
        for name in examination.segments() {
            let mut survey = examination.survey();
            let mut file = InMemory::new(content(&name));
            while !survey.is_over() {
                survey.slice(&mut file).expect("memory does not fail");
            }
            examination.take(survey, Vec::new());
        }
        reports.push(examination.finish());
    }
    assert_eq!(disk.everything(), before, "a doctor touches nothing");
    (root, reports)
}

fn report(disk: &Disk) -> Report {
    examine(disk, None).1.into_iter().find(|r| r.partition == tp("t", 0)).expect("the log is here")
}

/// What a start makes of the log, and the disk that it leaves.
fn start(disk: &Disk) -> (Result<Result<Recovered, OutOfService>, OpenError>, Disk) {
    let (log, disk) = start_with_strays(disk);
    (log.map(|log| log.expect("its directory is here, or known to have been")), disk)
}

/// The same, or that the directory is a stray.
fn start_with_strays(disk: &Disk) -> (Result<Option<Result<Recovered, OutOfService>>, OpenError>, Disk) {
    let mut disk = disk.clone();
    disk.let_go();
    let mut world = World::again(disk);
    world.setup.holds_metadata = false;
    (world.open().map(|opened| opened.logs.into_iter().next().map(|log| log.log)), world.disk)
}

/// Everything on the disk is durable.
fn settle(disk: &mut Disk) {
    let all: Vec<(String, bool)> = disk.everything().into_iter().map(|(name, content)| (name, content.is_some())).collect();
    for (name, is_file) in all {
        let name = Name::from(name.as_str());
        let actions = if is_file {
            let file = FileId(1 << 40);
            vec![DiskAction::Open { file, name }, DiskAction::Sync { file }, DiskAction::Close { file }]
        } else {
            vec![DiskAction::SyncDirectory { name }]
        };
        for action in actions {
            disk.apply(&action, 5000).expect("it is there");
        }
    }
    disk.apply(&DiskAction::SyncDirectory { name: Name::root() }, 5000).expect("there is a root");
}

/// Carries out the first operations of a plan.
fn carry_out(disk: &mut Disk, actions: &[DiskAction]) {
    for action in actions {
        doctor::tolerate(disk.apply(action, 5000), action).unwrap_or_else(|e| panic!("{action:?}: {e}"));
    }
}

/// A log in two segments, as a killed node leaves it: synced up to its end.
fn marked() -> World {
    World::with_log(&[(0, 0..3), (3, 3..6)]).mark(3, records(3..6).len() as u64, 6)
}

/// The same with a tail that was never known to be synced.
fn marked_below() -> World {
    World::with_log(&[(0, 0..3), (3, 3..6)]).mark(3, record_bytes() as u64, 4)
}

/// As Apache Kafka leaves it when it is killed.
fn pointed() -> World {
    World::with_log(&[(0, 0..6)]).recovery_point(5)
}

fn clean() -> World {
    World::with_log(&[(0, 0..3), (3, 3..6)]).mark(3, records(3..6).len() as u64, 6).recovery_point(6).clean()
}

/// The same with a third segment and a snapshot of the producers at its beginning: a start reads no batch before it for them.
fn snapshot() -> World {
    let mut world = World::with_log(&[(0, 0..3), (3, 3..6), (6, 6..9)]).mark(6, records(6..9).len() as u64, 9).recovery_point(9).clean();
    world.disk.put("t-0/00000000000000000006.snapshot", &producer_snapshot::encode(&[]));
    world.disk.put("t-0/00000000000000000009.snapshot", &producer_snapshot::encode(&[]));
    world
}

const FILES: [&str; 6] = [
    "t-0/00000000000000000000.log",
    "t-0/00000000000000000003.log",
    "t-0/partition.metadata",
    "t-0/leader-epoch-checkpoint",
    "meta.properties",
    checkpoint::RECOVERY_POINTS,
];

/// Every byte of every file flipped, one at a time.
fn every_flip(world: fn() -> World, mut each: impl FnMut(Disk, &str)) {
    for file in FILES {
        let Some(bytes) = world().disk.content(file).map(<[u8]>::to_vec) else { continue };
        for i in 0..bytes.len() {
            let mut bent = bytes.clone();
            bent[i] ^= 1 << (i % 8);
            let mut disk = world().disk;
            disk.put(file, &bent);
            settle(&mut disk);
            each(disk, &format!("{file} byte {i}"));
        }
    }
}

/// A start that looks at a log finds what the doctor found.
fn agrees(disk: &Disk, how: &str) {
    let expected = [Expected { partition: tp("t", 0), topic_id: TOPIC, placed: Placed::Anywhere, compacts: false }];
    let (root, reports) = examine(disk, Some(&expected));
    let refused = root.bad.iter().any(|b| b.then.contains("refused"));
    let report = reports.into_iter().next().expect("the log is here");
    let started = match start_with_strays(disk).0 {
        Ok(None) => return assert!(matches!(report.standing, Standing::Stray { .. }), "{how}: a stray, and the doctor: {report:#?}"),
        Ok(Some(log)) => Ok(log),
        Err(error) => Err(error),
    };
    match started {
        Err(error) => assert!(refused || matches!(error, OpenError::OtherNode { .. }), "{how}: {error}, and the doctor: {:?}", root.bad),
        Ok(Err(OutOfService::Damaged(found))) if found.segment.as_str().ends_with(".log") => {
            // After a clean stop the tail is walked by its lengths, and one that is wrong is met at the next batch.
            let walked = report.by == By::CleanStop;
            assert!(report.is_out_of_service() || walked, "{how}: {found}, and the doctor: {report:#?}");
            let is_it = |p: &&doctor::Place| p.file == found.segment && (p.at == found.at || walked && p.at < found.at);
            let place = report.damaged.iter().find(is_it);
            let place = place.unwrap_or_else(|| panic!("{how}: {found}, and the doctor: {report:#?}"));
            assert!(place.offset == found.offset || walked && place.at < found.at, "{how}: {found}, and the doctor: {place:?}");
            assert!(
                report.cures().iter().any(|(offset, _)| *offset == place.offset),
                "{how}: {found}, and the cures: {:?}",
                report.cures()
            );
        }
        Ok(Err(why)) => assert!(report.is_out_of_service(), "{how}: {why}, and the doctor: {report:#?}"),
        Ok(Ok(log)) => {
            assert!(!report.is_out_of_service(), "{how}: served up to {}, and the doctor: {report:#?}", log.log_end.0);
            if report.damaged.is_empty() {
                assert_eq!(report.whole_end, log.log_end, "{how}: {report:#?}");
            }
        }
    }
}

#[test]
fn doctor_finds_what_a_start_finds_whichever_byte_is_flipped() {
    for world in [marked, marked_below, pointed, clean, snapshot] {
        agrees(&world().disk, "nothing flipped");
        every_flip(world, |disk, how| agrees(&disk, how));
    }
}

#[test]
fn flipped_byte_of_what_is_synced_is_damage_though_a_start_looks_elsewhere() {
    let segments = ["t-0/00000000000000000000.log", "t-0/00000000000000000003.log"];
    for world in [marked, clean] {
        every_flip(world, |disk, how| {
            let whole = !report(&disk).is_damaged();
            // The leader epoch of a batch lies outside its checksum.
            let unchecked = |i: usize| (12..16).contains(&(i % record_bytes()));
            let at = how.rsplit(' ').next().and_then(|i| i.parse().ok()).expect("the byte is named last");
            if segments.iter().any(|s| how.starts_with(s)) {
                assert_eq!(whole, unchecked(at), "{how}");
            }
        });
    }
}

#[test]
fn what_a_start_wrote_down_is_found_again() {
    every_flip(marked, |disk, how| {
        let (found, after) = start(&disk);
        if let Ok(Err(OutOfService::Damaged(found))) = found {
            let (before, after) = (report(&disk), report(&after));
            assert_eq!(after.record, Some(Ok(found)), "{how}");
            assert_eq!((before.cures(), before.damaged), (after.cures(), after.damaged), "{how}");
        }
    });
}

/// Gives up at each offset that the doctor names, stopped behind each operation, with and without power: the log is as it was, out of service, or given up.
fn gives_up(disk: &Disk, expected: Option<&[Expected]>, how: &str) {
    let (root, reports) = examine(disk, expected);
    let report = reports.into_iter().find(|r| r.partition == tp("t", 0)).expect("the log is here");
    for (offset, _) in report.cures() {
        let plan = doctor::give_up(&root, &report, offset, Seed(1)).unwrap_or_else(|e| panic!("{how}: {e}"));
        stops_anywhere(disk, &plan, (offset, report.is_out_of_service()), how);
    }
}

fn stops_anywhere(disk: &Disk, plan: &Plan, (offset, was_out): (Offset, bool), how: &str) {
    let before = match start(disk).0.expect("the directory is whole") {
        Ok(log) => Some(log.log_end),
        Err(_) => None,
    };
    assert_eq!(before.is_none(), was_out, "{how}");
    let actions = &plan.actions;
    let fresh = FileId(1 << 41);
    for stop in 0..=actions.len() {
        for power in 0..4 {
            let mut after = disk.clone();
            carry_out(&mut after, &actions[..stop]);
            match power {
                0 => after.let_go(),
                seed => after.cut_power(Seed(seed)),
            }
            let how = format!("{how}, given up at {}, stopped at {stop} of {} with {power}", offset.0, actions.len());
            let (log, mut left) = start(&after);
            match log.unwrap_or_else(|e| panic!("{how}: {e}")) {
                Ok(log) if log.log_end == offset => assert_eq!(log.recovery_point, offset, "{how}"),
                Ok(log) => assert_eq!((before, stop < actions.len()), (Some(log.log_end), true), "{how}: it is served"),
                Err(_) => assert!(stop < actions.len() || power > 0, "{how}: it is still out of service"),
            }
            if stop == actions.len() && power == 0 {
                // The next life finds nothing, and neither does the doctor.
                left.let_go();
                let file = fresh;
                assert!(left.apply(&DiskAction::Open { file, name: Name::from("t-0/damage") }, 0).is_err(), "{how}: the record is there");
                let after = report(&left);
                let earlier = after.damaged.iter().all(|p| p.offset < offset);
                assert!(!after.is_out_of_service() && earlier && after.whole_end <= offset, "{how}: {after:#?}");
            }
        }
    }
}

#[test]
fn records_are_given_up_where_they_are_damaged_and_a_stop_between_two_steps_serves_no_half() {
    for world in [marked, clean] {
        let mut tried = 0;
        every_flip(world, |disk, how| {
            let at: usize = how.rsplit(' ').next().and_then(|i| i.parse().ok()).expect("the byte is named last");
            // Some bytes of each part of a batch stand for all.
            if how.contains(".log") && [5, 16, 20, 70].contains(&(at % record_bytes())) {
                gives_up(&disk, None, how);
                if let (Ok(Err(_)), after) = start(&disk) {
                    let mut after = after;
                    settle(&mut after);
                    gives_up(&after, None, &format!("{how}, found by a start"));
                }
                tried += 1;
            }
        });
        assert!(tried >= 20, "{tried}");
    }
}

/// The log in three segments that a killed node left, with something else wrong, as a start leaves it.
fn wrong(change: impl FnOnce(&mut World)) -> Disk {
    let mut world = World::with_log(&[(0, 0..3), (3, 3..6), (6, 6..9)]).mark(6, records(6..9).len() as u64, 9);
    change(&mut world);
    let mut disk = start(&world.disk).1;
    settle(&mut disk);
    disk
}

fn take_segment(world: &mut World, base: i64) {
    for kind in ["log", "index", "timeindex"] {
        world.disk.take(&format!("t-0/{base:020}.{kind}"));
    }
}

#[test]
fn log_that_lost_its_end_is_given_up_at_its_end() {
    let disk = wrong(|w| take_segment(w, 6));
    let found = report(&disk);
    assert_eq!(found.cures(), [(Offset(6), "the log ends here, and was synced up to offset 9".to_owned())]);
    gives_up(&disk, None, "its end");
    let disk = wrong(|w| w.disk.put("t-0/00000000000000000006.log", &records(6..8)[..record_bytes() + 30]));
    assert_eq!(report(&disk).cures()[0].0, Offset(7));
    gives_up(&disk, None, "part of a batch");
}

#[test]
fn log_that_lost_its_front_begins_later_and_keeps_the_rest() {
    let disk = wrong(|w| take_segment(w, 0));
    let (root, reports) = examine(&disk, None);
    assert_eq!(reports[0].cures(), [(Offset(0), "the first segment begins at offset 3, and the log at 0".to_owned())]);
    let plan = doctor::give_up(&root, &reports[0], Offset(0), Seed(1)).expect("it is damaged there");
    assert_eq!((plan.loss.from, plan.loss.to, plan.loss.bytes), (Offset(0), Offset(3), 0));
    for stop in 0..=plan.actions.len() {
        let mut after = disk.clone();
        carry_out(&mut after, &plan.actions[..stop]);
        match start(&after).0.expect("the directory is whole") {
            Ok(log) => assert_eq!((log.log_start, log.log_end), (Offset(3), Offset(9)), "stopped at {stop}"),
            Err(_) => assert!(stop < plan.actions.len()),
        }
    }
}

#[test]
fn log_without_a_segment_is_given_up_whole() {
    let disk = wrong(|w| [0, 3, 6].into_iter().for_each(|base| take_segment(w, base)));
    assert_eq!(report(&disk).cures(), [(Offset(0), "there is no segment".to_owned())]);
    gives_up(&disk, None, "all segments");
}

#[test]
fn segment_missing_in_the_middle_is_damage_unless_a_cleaner_leaves_gaps() {
    let disk = wrong(|w| take_segment(w, 3));
    let expected = |compacts| vec![Expected { partition: tp("t", 0), topic_id: TOPIC, placed: Placed::Anywhere, compacts }];
    let cures = |expected: &[Expected]| examine(&disk, Some(expected)).1[0].cures();
    let mut compacted = disk.clone();
    compacted.take("t-0/damage");
    assert_eq!(examine(&compacted, Some(&expected(true))).1[0].cures(), []);
    assert_eq!(cures(&expected(false)), [(Offset(3), "offsets 3 to 5 are missing: the next segment begins at 6".to_owned())]);
    gives_up(&disk, Some(&expected(false)), "a gap");
}

#[test]
fn records_that_are_whole_are_kept_when_only_their_name_is_lost() {
    for change in [|w: &mut World| w.disk.take("t-0/partition.metadata"), |w: &mut World| w.disk.put("t-0/partition.metadata", b"vers")] {
        let disk = wrong(change);
        let found = report(&disk);
        assert!(matches!(found.standing, Standing::Unnamed { .. }) && found.record.is_some());
        assert_eq!(found.cures()[0].0, Offset(9), "nothing is lost");
        gives_up(&disk, None, "its name");
    }
}

#[test]
fn damage_that_healed_costs_nothing() {
    let whole = records(6..9);
    let disk = wrong(|w| w.disk.put("t-0/00000000000000000006.log", &[&whole[..100], &[7; 20][..], &whole[120..]].concat()));
    let mut disk = disk;
    disk.put("t-0/00000000000000000006.log", &whole);
    settle(&mut disk);
    assert_eq!(report(&disk).cures()[0].0, Offset(9));
    gives_up(&disk, None, "an operator put a copy back");
}

#[test]
fn records_of_another_topic_are_set_aside_and_kept() {
    let other = Uuid([8; 16]);
    let disk = wrong(|w| w.disk.put("t-0/partition.metadata", partition_metadata::encode(other).as_bytes()));
    let (root, reports) = examine(&disk, None);
    assert_eq!(reports[0].standing, Standing::Swapped { topic_id: other });
    let plan = doctor::give_up(&root, &reports[0], Offset(0), Seed(1)).expect("the records are another topic's");
    for stop in 0..=plan.actions.len() {
        let mut after = disk.clone();
        carry_out(&mut after, &plan.actions[..stop]);
        match start(&after).0.expect("the directory is whole") {
            Ok(log) => assert_eq!(log.log_end, Offset(0), "stopped at {stop}"),
            Err(_) => assert!(stop < plan.actions.len(), "it is out of service"),
        }
        let logs = after.everything().into_iter().filter(|(name, _)| name.ends_with("00000000000000000006.log")).count();
        assert_eq!(logs, 1, "the records are kept");
    }
    // Or the file is what is damaged, and the operator says that the records are this topic's.
    let plan = doctor::give_up(&root, &reports[0], Offset(9), Seed(1)).expect("the records are whole");
    stops_anywhere(&disk, &plan, (Offset(9), true), "the other topic's name");
}

#[test]
fn replica_whose_directory_is_gone_is_made_empty() {
    let mut disk = marked().disk;
    let names: Vec<String> = disk.everything().into_iter().map(|(name, _)| name).filter(|n| n.starts_with("t-0")).collect();
    names.iter().rev().for_each(|name| disk.take(name));
    settle(&mut disk);
    assert!(matches!(start(&disk).0, Ok(Err(OutOfService::Damaged(_)))));
    let (root, reports) = examine(&disk, None);
    assert_eq!(reports, []);
    let missing = doctor::missing(std::slice::from_ref(&root), None);
    assert_eq!((missing.len(), &missing[0].partition, missing[0].synced), (1, &tp("t", 0), Offset(6)));
    let refused = doctor::give_up_missing(&root, &missing[0], Offset(6)).expect_err("it begins at 0");
    assert_eq!(refused.to_string(), "t-0 is not damaged at offset 6; it is at 0 (its directory is gone, and the log began there)");
    let plan = doctor::give_up_missing(&root, &missing[0], Offset(0)).expect("it is gone");
    stops_anywhere(&disk, &plan, (Offset(0), true), "its directory");
}

#[test]
fn replicas_that_are_elsewhere_are_told_from_those_that_were_never_made() {
    let here = Uuid::parse("Jx0wDf9QT0mWwqK1L1xYzA").expect("an id");
    let expected = |name: &str, placed| Expected { partition: tp(name, 0), topic_id: TOPIC, placed, compacts: false };
    let (root, _) = examine(&World::formatted().disk, None);
    let all = [
        expected("a", Placed::Anywhere),
        expected("b", Placed::In(here)),
        expected("c", Placed::In(Uuid([5; 16]))),
        expected("d", Placed::Lost),
    ];
    let missing = doctor::missing(&[root], Some(&all));
    let found: Vec<_> = missing.iter().map(|m| (m.partition.to_string(), m.why)).collect();
    assert_eq!(found, [("c-0".to_owned(), doctor::WhyMissing::Elsewhere(Uuid([5; 16]))), ("d-0".to_owned(), doctor::WhyMissing::Lost)]);
}

#[test]
fn what_is_whole_unserved_a_stray_or_the_metadata_is_not_given_up() {
    let refuse = |disk: &Disk, expected: Option<&[Expected]>, offset| {
        let (root, reports) = examine(disk, expected);
        doctor::give_up(&root, &reports[0], Offset(offset), Seed(1)).expect_err("nothing is given up")
    };
    assert_eq!(refuse(&marked().disk, None, 6).to_string(), "t-0 is whole up to offset 6: there is nothing to be given up");
    let mut disk = marked().disk;
    disk.put("t-0/00000000000000000003.log", &[records(3..4), vec![0; 40]].concat());
    let other = refuse(&disk, None, 3).to_string();
    assert_eq!(other, "t-0 is not damaged at offset 3; it is at 4 (length field 0 is too small for a batch)");
    assert!(matches!(refuse(&marked().disk, Some(&[]), 6), Refusal::Stray { .. }));
    let mut metadata = World::formatted();
    metadata.disk.put(&format!("{METADATA_DIR}/00000000000000000000.log"), &[7; 90]);
    assert!(matches!(refuse(&metadata.disk, None, 0), Refusal::Metadata { .. }));
    // A message set of format 1 with one record: length 22, its CRC, magic 1.
    let mut old = World::with_log(&[]);
    old.disk.put("t-0/00000000000000000000.log", &message_v1());
    let refused = refuse(&old.disk, None, 0).to_string();
    assert!(refused.contains("message format 1") && refused.contains("Apache Kafka"), "{refused}");
}

/// A record of message format 1.
fn message_v1() -> Vec<u8> {
    let body = [&[1u8, 0][..], &1_000i64.to_be_bytes(), &(-1i32).to_be_bytes(), &1i32.to_be_bytes(), b"v"].concat();
    let mut crc = odradek_wire::batch::Crc32::new();
    crc.update(&body);
    let length = (body.len() + 4) as i32;
    [&0i64.to_be_bytes()[..], &length.to_be_bytes(), &crc.sum().to_be_bytes(), &body].concat()
}

#[test]
fn small_files_that_are_damaged_are_named_with_what_becomes_of_them() {
    let mut world = clean();
    world.disk.put("t-0/00000000000000000003.snapshot", &producer_snapshot::encode([]));
    world.disk.put("t-0/00000000000000000003.index", &[0, 0, 0, 9, 0, 0, 0, 99]);
    world.disk.put("t-0/00000000000000000000.timeindex", &[1, 2, 3]);
    world.disk.put("t-0/leader-epoch-checkpoint", b"0\n1\nzero 0\n");
    let mut snapshot = producer_snapshot::encode([]).to_vec();
    snapshot[8] ^= 1;
    world.disk.put("t-0/00000000000000000006.snapshot", &snapshot);
    world.disk.put(checkpoint::LOG_STARTS, b"1\n0\n");
    world.disk.put("lost+found/x", b"");
    let (root, reports) = examine(&world.disk, None);
    let named = |bad: &[doctor::BadFile]| bad.iter().map(|b| format!("{}: {}", b.name, b.then)).collect::<Vec<_>>();
    assert_eq!(named(&root.bad), ["lost+found: the start is refused", "log-start-offset-checkpoint: it is built again from synced-marks"]);
    assert_eq!(
        named(&reports[0].bad),
        [
            "t-0/leader-epoch-checkpoint: it is built again from the log",
            "t-0/00000000000000000000.timeindex: it is built again from the log",
            "t-0/00000000000000000006.snapshot: the one before it is taken, and the log is read from there on",
            "t-0/00000000000000000003.index: it is built again from the log",
        ]
    );
    assert!(reports[0].is_damaged() && !reports[0].is_out_of_service());
    // A torn last line of the marks is what a kill leaves.
    let mut world = marked();
    let lines = world.disk.content(synced_marks::FILE).expect("there are marks").to_vec();
    world.disk.put(synced_marks::FILE, &[&lines[..], &lines[..20]].concat());
    assert!(examine(&world.disk, None).0.bad.is_empty());
    world.disk.put(synced_marks::FILE, &[&lines[..20], b"\n", &lines[..]].concat());
    assert_eq!(named(&examine(&world.disk, None).0.bad), ["synced-marks: they are passed over"]);
}

#[test]
fn giving_up_leaves_what_is_known_of_other_logs() {
    let mut world = marked();
    let other = SyncedMark { partition: tp("u", 4), topic_id: None, segment: Offset(0), length: 9, end: Offset(70), start: Offset(2) };
    let lines = world.disk.content(synced_marks::FILE).expect("there are marks").to_vec();
    let torn = b"u 5 - 0 9 70 2 0000".as_slice();
    world.disk.put(synced_marks::FILE, &[&lines[..], synced_marks::encode(&other).as_bytes(), torn].concat());
    world.disk.put(checkpoint::RECOVERY_POINTS, b"0\n2\nt 0 6\nu 4 60\n");
    world.disk.put(checkpoint::HIGH_WATERMARKS, checkpoint::seal_offsets(1, "u 4 70\n").as_bytes());
    let mut bent = records(3..6);
    bent[record_bytes() + 70] ^= 1;
    world.disk.put("t-0/00000000000000000003.log", &bent);
    let (root, reports) = examine(&world.disk, None);
    let plan = doctor::give_up(&root, &reports[0], Offset(4), Seed(1)).expect("it is damaged there");
    let loss = plan.loss;
    assert_eq!((loss.from, loss.to, loss.readable, loss.bytes), (Offset(4), Offset(6), 1, 2 * record_bytes() as u64));
    carry_out(&mut world.disk, &plan.actions);
    let text = |name: &str| String::from_utf8(world.disk.content(name).expect("it is there").to_vec()).expect("it is text");
    let (marks, damaged) = synced_marks::decode(text(synced_marks::FILE).as_bytes());
    assert_eq!((marks.len(), &marks[1], damaged), (2, &other, 1));
    assert_eq!((marks[0].segment, marks[0].length, marks[0].end), (Offset(3), record_bytes() as u64, Offset(4)));
    assert_eq!(text(checkpoint::RECOVERY_POINTS), "0\n2\nt 0 4\nu 4 60\n", "Apache Kafka's file stays its own");
    assert_eq!(text(checkpoint::HIGH_WATERMARKS), checkpoint::seal_offsets(1, "u 4 70\n"));
    assert!(world.disk.content(&format!("t-0/{}", damage::FILE)).is_none());
}
