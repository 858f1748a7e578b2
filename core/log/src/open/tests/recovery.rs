//! Recovery after an unclean stop: what is torn is cut, what is damaged is not.

use odradek_wire::codec::Codec;
use odradek_wire::ids::Offset;

use super::world::{World, record_bytes, records};
use crate::disk::DiskAction;
use crate::formats::checkpoint::{HIGH_WATERMARKS, LOG_STARTS};
use crate::formats::{damage, producer_snapshot};
use crate::work::tests::{batch, marker, produced};

const FIRST: &str = "t-0/00000000000000000000.log";

/// A log of one segment with a record torn at the end.
fn torn(whole: i64) -> World {
    let mut world = World::with_log(&[]);
    let mut bytes = records(0..whole + 1);
    bytes.truncate(bytes.len() - 20);
    bytes.extend([0; 20]);
    world.put_segment(0, bytes);
    world
}

#[test]
fn torn_tail_above_what_was_synced_is_cut() {
    for mut world in [torn(5), torn(5).recovery_point(5), torn(5).mark(0, 5 * record_bytes() as u64, 5), torn(5).mark(0, 0, 2)] {
        let log = world.log().expect("a torn tail is no damage");
        assert_eq!((log.log_end, log.segments[0].length), (Offset(5), 5 * record_bytes() as u64));
        assert_eq!(world.disk.content(FIRST).map(<[u8]>::to_vec), Some(records(0..5)));
        assert!(world.notes.contains(&"log.tail_cut") && world.notes.contains(&"log.recovered"));
        let cut = world.done.iter().position(|a| matches!(a, DiskAction::Truncate { .. })).expect("it was cut");
        assert!(
            matches!(world.done[cut + 1..].iter().find(|a| a.file() == world.done[cut].file()), Some(DiskAction::Sync { .. })),
            "and synced"
        );
    }
}

#[test]
fn damage_below_what_was_synced_is_never_cut() {
    for mut world in [torn(5).recovery_point(6), torn(5).mark(0, 6 * record_bytes() as u64, 6)] {
        let before = world.disk.everything();
        let damage = world.log().expect_err("offset 5 was synced");
        assert_eq!((damage.at, damage.offset, damage.synced), (5 * record_bytes() as u64, Offset(5), Offset(6)));
        assert_eq!(damage.segment.as_str(), FIRST);
        assert!(damage.why.starts_with("checksum 0x"), "{damage}");
        assert!(world.notes.contains(&"log.damaged"));
        let mut after = world.disk.everything();
        after.retain(|(name, _)| name != "t-0/damage");
        assert_eq!(after, before, "nothing was touched");
        // It is written down beside the log, so that no later life takes what is left for the whole.
        let recorded = damage::decode(&"t-0/damage".into(), world.disk.content("t-0/damage").expect("it is written down"));
        assert_eq!(recorded, Ok(damage.clone()));
        let mut again = World::again(world.disk).holding_no_metadata();
        again.disk.let_go();
        again.put_segment(0, records(0..5));
        assert_eq!(again.log(), Err(damage), "also when another system has cut the log meanwhile");
    }
}

#[test]
fn damage_of_one_log_leaves_the_others_in_service() {
    let mut world = torn(5).recovery_point(6);
    world.disk.put("t-1/partition.metadata", crate::formats::partition_metadata::encode(super::TOPIC).as_bytes());
    world.disk.put("t-1/00000000000000000000.log", &records(0..2));
    let opened =
        world.open_with(vec![super::world::assigned("t", 0), super::world::assigned("t", 1)]).expect("the directory is in service");
    assert_eq!(opened.logs.iter().map(|l| l.log.as_ref().map(|r| r.log_end).ok()).collect::<Vec<_>>(), [None, Some(Offset(2))]);
}

#[test]
fn log_that_is_shorter_than_its_mark_is_damaged_and_below_a_mere_recovery_point_is_not() {
    let mut world = World::with_log(&[(0, 0..5)]).mark(0, 6 * record_bytes() as u64, 6);
    let damage = world.log().expect_err("offset 5 was synced");
    assert_eq!((damage.offset, damage.why.as_str()), (Offset(5), "the log ends here"));
    let mut world = World::with_log(&[(0, 0..5)]).recovery_point(6);
    let log = world.log().expect("Kafka truncates before it rewrites the checkpoint");
    assert_eq!((log.log_end, log.recovery_point), (Offset(5), Offset(5)));
    let mut world = World::with_log(&[(0, 0..5)]).clean().recovery_point(6);
    assert_eq!(world.log().expect_err("a clean stop writes the recovery point last").offset, Offset(5));
}

/// Seen: the batch behind was taken for the torn one, everything from there on was cut, and the log went on at an offset far ahead.
#[test]
fn offset_that_grew_is_damage_of_its_own_batch() {
    for mut world in
        [World::with_log(&[(0, 0..6)]).mark(0, 4 * record_bytes() as u64, 4), World::with_log(&[(0, 0..6)]).clean().recovery_point(6)]
    {
        let mut bent = records(0..6);
        bent[3 * record_bytes() + 4] = 1;
        world.disk.put(FIRST, &bent);
        let damage = world.log().expect_err("offset 3 was synced");
        assert_eq!((damage.offset, damage.at), (Offset(3), 3 * record_bytes() as u64));
        assert_eq!(world.disk.content(FIRST), Some(&bent[..]), "nothing is cut");
    }
}

#[test]
fn mark_of_another_topic_of_that_name_says_nothing() {
    let mut world = torn(5).mark(0, 6 * record_bytes() as u64, 6).recovery_point(6);
    let other = odradek_wire::ids::Uuid([8; 16]);
    world.disk.put("t-0/partition.metadata", crate::formats::partition_metadata::encode(other).as_bytes());
    let assigned = crate::open::Assigned { topic_id: other, ..super::world::assigned("t", 0) };
    let opened = world.open_with(vec![assigned]).expect("it can be opened");
    assert_eq!(opened.logs[0].log.as_ref().map(|r| r.log_end), Ok(Offset(5)));
}

#[test]
fn segments_wholly_below_the_recovery_point_are_neither_read_nor_touched() {
    let mut world = World::with_log(&[(0, 0..3), (3, 3..6)]).recovery_point(4);
    let mut bent = records(0..3);
    bent[70] ^= 1;
    world.disk.put(FIRST, &bent);
    world.disk.put("t-0/00000000000000000003.snapshot", &producer_snapshot::encode([]));
    let log = world.log().expect("the damage is not found");
    assert_eq!(log.log_end, Offset(6));
    assert_eq!(world.disk.content(FIRST), Some(&bent[..]));
    // With the checkpoint gone the same bit cuts the log, as it does in Kafka: nothing says that any of it was synced.
    let mut world = World::with_log(&[(0, 0..3), (3, 3..6)]);
    world.disk.put(FIRST, &bent);
    let log = world.log().expect("nothing is known to be synced");
    assert_eq!((log.log_end, log.segments.len()), (Offset(0), 1));
}

#[test]
fn recovery_point_above_the_log_end_recovers_the_last_segment() {
    let mut world = World::with_log(&[(0, 0..3), (3, 3..6)]).recovery_point(600);
    let log = world.log().expect("all that is there is whole");
    assert_eq!((log.log_end, log.recovery_point), (Offset(6), Offset(6)));
    assert_eq!(world.notes.iter().filter(|n| **n == "log.segment_recovered").count(), 1);
}

#[test]
fn segments_behind_a_torn_one_go_from_the_end_before_the_cut() {
    let mut world = World::with_log(&[(0, 0..3), (3, 3..6), (6, 6..9)]).recovery_point(1);
    let mut bent = records(0..3);
    let at = 2 * record_bytes() + 70;
    bent[at] ^= 1;
    world.disk.put(FIRST, &bent);
    world.disk.put("t-0/00000000000000000006.snapshot", &producer_snapshot::encode([]));
    let log = world.log().expect("torn above the recovery point");
    assert_eq!((log.segments.len(), log.log_end, log.snapshots.len()), (1, Offset(2), 0));
    let changed: Vec<_> = world.done.iter().filter(|a| ["remove", "truncate", "syncdir"].contains(&a.verb())).collect();
    let position = |what: &dyn Fn(&DiskAction) -> bool| changed.iter().position(|a| what(a)).expect("it was done");
    let removed = |name: &'static str| position(&move |a| matches!(a, DiskAction::Remove { name: n } if n.as_str().ends_with(name)));
    let synced = position(&|a| matches!(a, DiskAction::SyncDirectory { name } if name.as_str() == "t-0"));
    let cut = position(&|a| matches!(a, DiskAction::Truncate { .. }));
    assert!(
        removed("06.snapshot") < removed("06.log") && removed("06.log") < removed("03.log") && removed("03.log") < synced && synced < cut
    );
}

#[test]
fn segment_before_one_that_was_torn_at_its_first_batch_keeps_its_records() {
    for mut world in [World::with_log(&[(0, 0..3)]).recovery_point(3), World::with_log(&[(0, 0..3)]).mark(3, 0, 3)] {
        let mut torn = records(3..4);
        torn.truncate(50);
        world.put_segment(3, torn);
        let log = world.log().expect("a torn tail is no damage");
        assert_eq!((log.segments.len(), log.log_end), (1, Offset(3)));
        assert_eq!((log.segments[0].end, log.segments[0].length), (Offset(3), records(0..3).len() as u64));
    }
}

#[test]
fn segment_whose_predecessor_lost_its_unsynced_end_goes() {
    // The power went before the end of the first segment reached the disk, though the second one did.
    let mut world = World::with_log(&[(0, 0..2), (3, 3..6)]).mark(0, record_bytes() as u64, 1);
    let log = world.log().expect("nothing that was synced is missing");
    assert_eq!((log.log_end, log.segments.len()), (Offset(2), 1));
    assert!(world.notes.contains(&"log.hole_cut"));
    let mut world = World::with_log(&[(0, 0..2), (3, 3..6)]).recovery_point(1);
    assert_eq!(world.log().expect("nothing that was synced is missing").log_end, Offset(2));
    // Kafka's recovery point may be a minute old, and compaction leaves gaps.
    let mut world = World::with_log(&[(0, 0..2), (3, 3..6)]).recovery_point(1);
    let mut compacted = super::world::assigned("t", 0);
    compacted.config.cleanup_compact = true;
    let opened = world.open_with(vec![compacted]).expect("a gap");
    assert_eq!(opened.logs[0].log.as_ref().map(|l| l.log_end), Ok(Offset(6)));
}

#[test]
fn stray_bytes_behind_a_clean_log_are_cut() {
    let mut world = World::with_log(&[]).clean().recovery_point(3);
    world.put_segment(0, [records(0..3), vec![1; 8]].concat());
    let log = world.log().expect("less than a batch was never acknowledged");
    assert_eq!((log.log_end, log.segments[0].length), (Offset(3), records(0..3).len() as u64));
    assert_eq!(world.disk.content(FIRST).map(<[u8]>::to_vec), Some(records(0..3)));
}

#[test]
fn recovery_rebuilds_what_padding_hid() {
    let mut world = World::with_log(&[]);
    let bytes: Vec<u8> = (0..300).flat_map(|o| batch(o, (o / 100) as i32, &["some value"], Codec::None)).collect();
    world.put_segment(0, bytes);
    world.disk.put("t-0/00000000000000000000.index", &[0; 4096]);
    world.disk.put("t-0/00000000000000000000.timeindex", &[0; 4092]);
    world.disk.take("t-0/leader-epoch-checkpoint");
    let log = world.log().expect("the log is whole");
    assert!(log.segments[0].offset_index.as_ref().is_some_and(|i| i.len() > 3) && !log.segments[0].indexes_on_disk);
    assert_eq!(log.epochs.iter().map(|e| (e.epoch.0, e.start.0)).collect::<Vec<_>>(), [(0, 0), (1, 100), (2, 200)]);
    assert_eq!(world.disk.content("t-0/leader-epoch-checkpoint"), Some(&b"0\n3\n0 0\n1 100\n2 200\n"[..]));
}

#[test]
fn indexes_on_disk_go_when_recovery_has_built_others() {
    // Killed before the others are written, the log must not come back with these: they may speak of batches that were cut.
    let mut world = World::with_log(&[(0, 0..3), (3, 3..6)]).mark(3, 0, 3);
    world.log().expect("the log is whole");
    let left = world.disk.list("t-0").into_iter().filter(|n| n.ends_with("index")).collect::<Vec<_>>();
    assert_eq!(left, ["00000000000000000000.index", "00000000000000000000.timeindex"]);
    let at = |verb: &str| world.done.iter().rposition(|a| a.verb() == verb).expect("it was done");
    assert!(at("remove") < at("syncdir"), "durably");
}

#[test]
fn recovery_rebuilds_the_index_of_aborted_transactions() {
    let bytes = [produced(0, &["a"], 7, 0, true), marker(1, false, 7)].concat();
    for on_disk in [None, Some(&[0u8; 100][..])] {
        let mut world = World::with_log(&[]);
        world.put_segment(0, bytes.clone());
        if let Some(content) = on_disk {
            world.disk.put("t-0/00000000000000000000.txnindex", content);
        }
        let log = world.log().expect("the log is whole");
        assert_eq!(log.aborted.iter().map(|a| (a.producer.0, a.first.0, a.last.0)).collect::<Vec<_>>(), [(7, 0, 1)]);
        let rewritten = crate::formats::index::encode_aborted(&log.aborted);
        assert_eq!(world.disk.content("t-0/00000000000000000000.txnindex"), Some(&rewritten[..]));
    }
}

#[test]
fn recovery_replays_producers_from_the_newest_snapshot_below() {
    let mut world = World::with_log(&[]).recovery_point(3);
    world.put_segment(0, [produced(0, &["a"], 7, 0, false), produced(1, &["b"], 7, 1, false), produced(2, &["c"], 7, 2, false)].concat());
    world.put_segment(3, [produced(3, &["d"], 7, 3, false), produced(4, &["e"], 8, 0, false)].concat());
    let known =
        crate::work::tests::recover([produced(0, &["a"], 7, 0, false), produced(1, &["b"], 7, 1, false)].concat()).producers.entries();
    world.disk.put("t-0/00000000000000000002.snapshot", &producer_snapshot::encode(&known));
    let log = world.log().expect("the log is whole");
    let producers: Vec<_> =
        log.producers.iter().map(|p| (p.id.0, p.batches.iter().map(|b| b.last_sequence.0).collect::<Vec<_>>())).collect();
    assert_eq!(producers, [(7, vec![1, 2, 3]), (8, vec![0])]);
}

#[test]
fn log_start_is_applied_inside_a_segment_and_beyond_the_end() {
    let mut world = World::with_log(&[(0, 0..3), (3, 3..6)]).clean().recovery_point(6);
    world.disk.put(LOG_STARTS, b"0\n1\nt 0 4\n");
    world.disk.put(HIGH_WATERMARKS, b"0\n1\nt 0 500\n");
    let log = world.log().expect("the log is whole");
    assert_eq!((log.log_start, log.high_watermark, log.epochs[0].start), (Offset(4), Offset(6), Offset(4)));
    let mut world = World::with_log(&[(0, 0..3), (3, 3..6)]);
    world.disk.put(LOG_STARTS, b"0\n1\nt 0 500\n");
    let log = world.log().expect("nothing says that more was synced");
    assert_eq!((log.segments.len(), log.log_start, log.log_end), (0, Offset(500), Offset(500)));
    assert!(world.notes.contains(&"log.begun_anew") && world.disk.content(FIRST).is_none());
}

#[test]
fn log_that_begins_above_everything_that_is_left_of_it_knows_nobody() {
    // A follower began anew at 500, and the power went while its old files were being removed.
    let snapshot = producer_snapshot::encode(&crate::work::tests::recover(produced(0, &["a"], 7, 0, false)).producers.entries());
    let mut worlds = [World::with_log(&[(0, 0..3)]), World::with_log(&[])];
    for world in &mut worlds {
        world.disk.put(LOG_STARTS, b"0\n1\nt 0 500\n");
        world.disk.put("t-0/00000000000000000001.snapshot", &snapshot);
    }
    worlds[1].disk.put("t-0/leader-epoch-checkpoint", b"0\n0\n");
    for world in worlds {
        let mut world = world.mark(500, 0, 500);
        let log = world.log().expect("nothing that counts is missing");
        assert_eq!((log.segments.len(), log.log_start, log.log_end), (0, Offset(500), Offset(500)));
        assert!(log.producers.is_empty() && log.snapshots.is_empty() && log.epochs.is_empty(), "{log:?}");
        assert!(!world.disk.list("t-0").iter().any(|n| n.ends_with(".snapshot") || n.ends_with(".log")));
    }
}

#[test]
fn segments_below_the_log_start_are_no_hole_whichever_of_them_are_left() {
    let mut world = World::with_log(&[(0, 0..3), (6, 6..9), (9, 9..12)]);
    world.disk.put(LOG_STARTS, b"0\n1\nt 0 6\n");
    let log = world.log().expect("the log begins at 6");
    assert_eq!((log.log_start, log.log_end), (Offset(6), Offset(12)));
}

#[test]
fn what_a_kill_left_in_the_page_cache_is_durable_before_anything_is_appended_behind_it() {
    let mut world = World::with_log(&[(0, 0..3), (3, 3..6)]).recovery_point(6);
    let log = world.log().expect("the log is whole");
    let synced = |what: &str| world.done.iter().any(|a| matches!(a, DiskAction::SyncDirectory { name } if name.as_str() == what));
    assert!(synced("t-0"), "a segment that was made before the kill is found again after a power cut");
    assert!(synced(""), "and so is its directory");
    let last = log.segments[1].file;
    assert!(world.done.iter().any(|a| matches!(a, DiskAction::Sync { file } if *file == last)), "a cut stays cut");
}

#[test]
fn epochs_beyond_the_end_are_forgotten() {
    let mut world = torn(5);
    let mut bytes: Vec<u8> = (0..5).flat_map(|o| batch(o, i32::from(o >= 3), &["some value"], Codec::None)).collect();
    bytes.extend([0; 20]);
    world.put_segment(0, bytes);
    world.disk.put("t-0/leader-epoch-checkpoint", b"0\n3\n0 0\n1 3\n2 5\n");
    let log = world.log().expect("a torn tail");
    assert_eq!(log.epochs.iter().map(|e| (e.epoch.0, e.start.0)).collect::<Vec<_>>(), [(0, 0), (1, 3)]);
    assert_eq!(world.disk.content("t-0/leader-epoch-checkpoint"), Some(&b"0\n2\n0 0\n1 3\n"[..]));
}

#[test]
fn recovery_that_is_interrupted_at_any_operation_ends_the_same() {
    let world = || {
        let mut world = World::with_log(&[(0, 0..3), (3, 3..6), (6, 6..9)]).recovery_point(1);
        let mut bent = records(0..3);
        bent[2 * record_bytes() + 70] ^= 1;
        world.disk.put(FIRST, &bent);
        world.disk.put("t-0/leader-epoch-checkpoint", b"0\n2\n0 0\n1 5\n");
        world
    };
    let mut whole = world();
    let expected = whole.log().expect("a torn tail");
    for verb in ["remove", "truncate", "sync", "create", "write", "rename", "syncdir"] {
        for nth in 0..40 {
            let mut world = world();
            world.disk.stop_at(verb, nth);
            if world.open().is_ok_and(|opened| opened.logs[0].log.is_ok()) {
                assert!(nth > 0, "{verb} is never asked for");
                break;
            }
            let mut again = World::again(world.disk).holding_no_metadata();
            again.disk.go_on();
            let log = again.log().expect("it goes on where it was interrupted");
            assert_eq!((log.log_end, &log.epochs, log.segments.len()), (expected.log_end, &expected.epochs, 1), "{verb} {nth}");
        }
    }
}
