//! Which directories are loaded, kept aside or removed; and clean logs.

use odradek_wire::codec::Codec;
use odradek_wire::ids::{Offset, ProducerId, Uuid};

use super::TOPIC;
use super::world::{World, assigned, records};
use crate::disk::DiskAction;
use crate::formats::{index, partition_metadata, producer_snapshot};
use crate::work::tests::{batch, produced, recover};

#[test]
fn directories_that_belong_to_nobody_are_kept_as_strays() {
    let mut world = World::with_log(&[(0, 0..3)]);
    world.disk.put("t-1/00000000000000000000.log", b"");
    world.disk.put("t-2/partition.metadata", partition_metadata::encode(Uuid([8; 16])).as_bytes());
    world.disk.put("u-0/partition.metadata", partition_metadata::encode(TOPIC).as_bytes());
    let opened = world.open_with(vec![assigned("t", 0), assigned("t", 1), assigned("t", 2)]).expect("it can be opened");
    assert_eq!(
        opened.logs.iter().map(|l| l.partition.to_string()).collect::<Vec<_>>(),
        ["t-0"],
        "no metadata and no record, another id, not assigned"
    );
    let mut strays: Vec<_> = opened.strays.iter().map(ToString::to_string).collect();
    strays.sort_unstable();
    assert_eq!(strays.iter().map(|s| &s[..4]).collect::<Vec<_>>(), ["t-1.", "t-2.", "u-0."]);
    assert!(strays.iter().all(|s| s.ends_with("-stray")), "{strays:?}");
    assert!(world.disk.content(&format!("{}/00000000000000000000.log", strays[0])).is_some(), "with all that is in it");
    let renamed = world.done.iter().rposition(|a| a.verb() == "rename").expect("strays are renamed");
    let durable = |a: &DiskAction| matches!(a, DiskAction::SyncDirectory { name } if name.as_str().is_empty());
    assert!(world.done[renamed..].iter().any(durable), "and their names are durable");
}

#[test]
fn directories_of_deleted_topics_are_removed() {
    let mut world = World::with_log(&[(0, 0..3)]);
    let gone = "old-0.0123456789abcdef0123456789abcdef-delete";
    world.disk.put(&format!("{gone}/00000000000000000000.log"), &records(0..2));
    let opened = world.open().expect("it can be opened");
    assert_eq!(opened.deleted.iter().map(ToString::to_string).collect::<Vec<_>>(), [gone]);
    assert!(world.disk.list(gone).is_empty());
}

#[test]
fn clean_log_is_walked_from_its_last_index_entry_only() {
    let bytes: Vec<u8> = (0..300).flat_map(|o| batch(o, 0, &["some value"], Codec::None)).collect();
    let scan = recover(bytes.clone());
    let mut world = World::with_log(&[]).clean().recovery_point(300);
    let mut early = bytes.clone();
    early[70] ^= 1;
    world.put_segment(0, early);
    world.disk.put("t-0/00000000000000000000.index", &index::encode_offsets(Offset(0), &scan.offsets));
    world.disk.put("t-0/00000000000000000000.timeindex", &index::encode_times(Offset(0), &scan.times));
    world.disk.put("t-0/00000000000000000300.snapshot", &producer_snapshot::encode([]));
    let log = world.log().expect("a flipped bit passes unnoticed");
    assert_eq!((log.log_end, log.recovery_point, log.segments[0].length), (Offset(300), Offset(300), bytes.len() as u64));
    assert_eq!(log.segments[0].offset_index.as_ref(), Some(&scan.offsets));
    assert_eq!((log.segments[0].max_timestamp_ms, log.segments[0].first_timestamp_ms), (1299, 1000));
    assert!(world.notes.contains(&"log.loaded") && !world.notes.contains(&"log.segment_recovered"));
}

#[test]
fn clean_log_with_a_damaged_index_is_read_whole_and_gets_another() {
    let bytes: Vec<u8> = (0..300).flat_map(|o| batch(o, 0, &["some value"], Codec::None)).collect();
    let scan = recover(bytes.clone());
    let whole = index::encode_offsets(Offset(0), &scan.offsets);
    let mut astray = scan.offsets.clone();
    astray.last_mut().expect("there are entries").at += 1;
    let damaged: [&[u8]; 3] = [&[0; 64], &whole[..whole.len() - 1], &index::encode_offsets(Offset(0), &astray)];
    for index in damaged {
        let mut world = World::with_log(&[]).clean().recovery_point(300);
        world.put_segment(0, bytes.clone());
        world.disk.put("t-0/00000000000000000000.index", index);
        world.disk.put("t-0/00000000000000000000.timeindex", &index::encode_times(Offset(0), &scan.times));
        let log = world.log().expect("the log is whole");
        assert_eq!((log.log_end, log.segments[0].offset_index.as_ref()), (Offset(300), Some(&scan.offsets)));
        assert!(!log.segments[0].indexes_on_disk && world.notes.contains(&"log.segment_recovered"));
    }
}

#[test]
fn clean_log_whose_older_segment_lost_its_index_is_recovered_from_there() {
    for missing in ["index", "timeindex"] {
        let mut world = World::with_log(&[(0, 0..3), (3, 3..6), (6, 6..9)]).clean().recovery_point(9);
        world.disk.take(&format!("t-0/00000000000000000003.{missing}"));
        let log = world.log().expect("the log is whole");
        assert_eq!(log.log_end, Offset(9));
        assert_eq!(log.segments.iter().map(|s| s.offset_index.is_some()).collect::<Vec<_>>(), [false, true, true]);
        let closed = log.segments[1].time_index.as_ref().expect("it was built");
        assert_eq!(closed.last().map(|t| (t.timestamp_ms, t.last)), Some((1005, Offset(5))), "a closed segment ends with its newest");
    }
}

#[test]
fn clean_log_without_a_snapshot_finds_its_producers_in_the_log() {
    let mut world = World::with_log(&[]).clean().recovery_point(2);
    world.put_segment(0, [produced(0, &["a"], 7, 0, false), produced(1, &["b"], 7, 1, false)].concat());
    let log = world.log().expect("the log is whole");
    assert_eq!(log.producers.iter().map(|p| (p.id, p.batches.len())).collect::<Vec<_>>(), [(ProducerId(7), 2)]);
}

#[test]
fn snapshot_that_is_damaged_gives_way_to_an_older_one() {
    let older = recover(produced(0, &["a"], 7, 0, false)).producers.entries();
    let mut world = World::with_log(&[]).clean().recovery_point(3);
    world.put_segment(0, [produced(0, &["x"], 8, 0, false), produced(1, &["b"], 7, 1, false), produced(2, &["c"], 9, 0, false)].concat());
    world.disk.put("t-0/00000000000000000001.snapshot", &producer_snapshot::encode(&older));
    let mut bent = producer_snapshot::encode(&older).to_vec();
    bent[12] ^= 1;
    world.disk.put("t-0/00000000000000000003.snapshot", &bent);
    let log = world.log().expect("the log is whole");
    assert_eq!(log.producers.iter().map(|p| (p.id.0, p.batches.len())).collect::<Vec<_>>(), [(7, 2), (9, 1)], "8 is below the snapshot");
    assert_eq!(log.snapshots, [Offset(1)]);
    assert_eq!(world.disk.content("t-0/00000000000000000003.snapshot"), None);
    assert!(world.notes.contains(&"log.snapshot_damaged"));
}

#[test]
fn compaction_that_did_not_end_is_undone_and_one_that_did_is_finished() {
    let mut world = World::with_log(&[(0, 0..3), (3, 3..6), (6, 6..9)]).clean().recovery_point(9);
    world.disk.put("t-0/00000000000000000000.log.cleaned", b"half");
    world.disk.put("t-0/00000000000000000006.log.deleted", b"old");
    let log = world.log().expect("the log is whole");
    assert_eq!((log.segments.len(), log.log_end), (3, Offset(9)));
    assert!(!world.disk.list("t-0").iter().any(|n| n.ends_with(".cleaned") || n.ends_with(".deleted")));

    let mut world = World::with_log(&[(0, 0..3), (3, 3..6), (6, 6..9)]).clean().recovery_point(9);
    let merged = [records(1..2), records(5..6)].concat();
    for (extension, bytes) in [("log", &merged[..]), ("index", b""), ("timeindex", b"")] {
        world.disk.put(&format!("t-0/00000000000000000000.{extension}.swap"), bytes);
    }
    let log = world.log().expect("the log is whole");
    assert_eq!(
        log.segments.iter().map(|s| (s.base.0, s.length)).collect::<Vec<_>>(),
        [(0, merged.len() as u64), (6, records(6..9).len() as u64)]
    );
    assert!(world.notes.contains(&"log.swap_finished") && !world.disk.list("t-0").iter().any(|n| n.ends_with(".swap")));
}

#[test]
fn swap_above_an_unfinished_cleaning_is_not_the_whole() {
    let mut world = World::with_log(&[(0, 0..3), (3, 3..6)]).clean().recovery_point(6);
    world.disk.put("t-0/00000000000000000000.log.cleaned", b"half");
    world.disk.put("t-0/00000000000000000003.log.swap", &records(3..4));
    let log = world.log().expect("the log is whole");
    assert_eq!((log.segments.len(), log.segments[1].length), (2, records(3..6).len() as u64));
}

#[test]
fn log_of_an_empty_segment_opens_at_its_base() {
    let mut world = World::with_log(&[(40, 40..40)]).clean().recovery_point(40);
    let log = world.log().expect("the log is whole");
    assert_eq!((log.log_start, log.log_end, log.segments.len()), (Offset(40), Offset(40), 1));
}

#[test]
fn first_segment_that_is_missing_lets_the_log_begin_at_the_next() {
    let mut world = World::with_log(&[(3, 3..6), (6, 6..9)]).clean().recovery_point(9);
    let log = world.log().expect("it begins later");
    assert_eq!((log.log_start, log.log_end), (Offset(3), Offset(9)));
}
