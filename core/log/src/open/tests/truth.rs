//! Nothing that was synced is cut away, renamed or made anew in silence, whatever lived on the directory before.

use odradek_wire::batch::Crc32;
use odradek_wire::ids::{NodeId, Offset, Uuid};

use super::world::{World, record_bytes, records, tp};
use super::{TOPIC, world};
use crate::disk::{DiskAction, DiskErrorKind};
use crate::formats::checkpoint::{HIGH_WATERMARKS, LOG_STARTS, RECOVERY_POINTS};
use crate::formats::meta_properties::{self, MetaProperties};
use crate::formats::synced_marks::{self, SyncedMark};
use crate::formats::{checkpoint, damage, partition_metadata};
use crate::open::node::{self, Decision, Intent, Looked};
use crate::open::{OpenError, OutOfService};

const FIRST: &str = "t-0/00000000000000000000.log";

fn marked(world: &mut World, end: i64, start: i64) {
    let mark =
        SyncedMark { partition: tp("t", 0), topic_id: Some(TOPIC), segment: Offset(0), length: 0, end: Offset(end), start: Offset(start) };
    world.disk.put(synced_marks::FILE, synced_marks::encode(&mark).as_bytes());
}

#[test]
fn directory_of_a_partition_that_is_gone_is_damage_and_not_a_new_log() {
    for clean in [false, true] {
        let mut world = World::formatted().holding_no_metadata();
        marked(&mut world, 5, 0);
        let mut world = if clean { world.clean() } else { world };
        let damage = world.log().expect_err("five records were synced");
        assert_eq!((damage.segment.as_str(), damage.synced, damage.why.as_str()), ("t-0", Offset(5), "the directory is gone"));
        assert!(world.disk.list("t-0").is_empty() && world.notes.contains(&"log.damaged"));
    }
    // By a recovery point of Kafka's alone, too; one that stands beside our marks may be that of an earlier topic of this name.
    let mut world = World::formatted().holding_no_metadata().recovery_point(5);
    assert_eq!(world.log().expect_err("five records were synced").synced, Offset(5));
    let mut world = World::formatted().holding_no_metadata().recovery_point(5);
    let other = SyncedMark { partition: tp("u", 0), topic_id: None, segment: Offset(0), length: 0, end: Offset(1), start: Offset(0) };
    world.disk.put(synced_marks::FILE, synced_marks::encode(&other).as_bytes());
    assert!(world.open().expect("it opens").logs.is_empty(), "the log is for its owner to make");
}

#[test]
fn directory_that_lost_its_identity_is_neither_renamed_nor_replaced() {
    let other = partition_metadata::encode(Uuid([8; 16]));
    let identities: [(&str, Option<&[u8]>); 3] = [("missing", None), ("malformed", Some(b"hi")), ("another", Some(other.as_bytes()))];
    for (what, identity) in identities {
        let mut world = World::with_log(&[(0, 0..3)]);
        marked(&mut world, 3, 0);
        match identity {
            Some(bytes) => world.disk.put("t-0/partition.metadata", bytes),
            None => {
                let remove = DiskAction::Remove { name: "t-0/partition.metadata".into() };
                world.disk.apply(&remove, 0).expect("it is there");
            }
        }
        let damage = world.log().expect_err(what);
        assert_eq!((damage.segment.as_str(), damage.synced), ("t-0/partition.metadata", Offset(3)), "{what}");
        assert_eq!(world.disk.content(FIRST), Some(&records(0..3)[..]), "{what}");
        assert!(world.disk.content("t-0/damage").is_some(), "{what}: it is written down");
    }
    // Of a topic that was deleted and made again while this node was down, the old directory is a stray.
    let mut world = World::with_log(&[(0, 0..3)]);
    world.disk.put("t-0/partition.metadata", other.as_bytes());
    let opened = world.open().expect("it opens");
    assert_eq!((opened.logs.len(), opened.strays.len()), (0, 1));
}

#[test]
fn record_of_damage_keeps_a_log_out_of_service_whatever_lies_beside_it() {
    let mut world = World::with_log(&[(0, 0..3)]).clean().recovery_point(3);
    let (segment, why) = (FIRST.into(), "checksum".to_owned());
    let found = crate::open::Damage { segment, at: 70, offset: Offset(1), synced: Offset(9), why };
    world.disk.put("t-0/damage", damage::encode(&found).as_bytes());
    assert_eq!(world.log(), Err(found));
    let mut world = World::with_log(&[(0, 0..3)]);
    world.disk.put("t-0/damage", b"version: 0\n");
    assert!(world.log().expect_err("how is not known, that is").why.starts_with("damage was found, and its record is damaged"));
}

#[test]
fn log_that_another_system_cut_and_stopped_cleanly_is_damaged() {
    let mut world = World::with_log(&[(0, 0..3)]).clean().recovery_point(3);
    marked(&mut world, 6, 0);
    let damage = world.log().expect_err("our own mark says more than the clean stop vouches for");
    assert_eq!((damage.offset, damage.synced), (Offset(3), Offset(6)));
}

#[test]
fn log_that_lost_its_first_segment_is_damaged_unless_another_system_may_have_retired_it() {
    for clean in [false, true] {
        let mut world = World::with_log(&[(3, 3..6), (6, 6..9)]).recovery_point(9);
        marked(&mut world, 9, 0);
        let mut world = if clean { world.clean() } else { world };
        let damage = world.log().expect_err("the log begins at 0");
        assert_eq!((damage.segment.as_str(), damage.offset), (FIRST, Offset(0)));
        assert_eq!(damage.why, "the first segment begins at offset 3, and the log at 0");
    }
    let mut world = World::with_log(&[(3, 3..6), (6, 6..9)]).recovery_point(9).clean();
    marked(&mut world, 9, 0);
    world.disk.put(HIGH_WATERMARKS, b"0\n1\nt 0 9\n");
    assert_eq!(world.log().expect("Kafka's own checkpoints say that it lived here").log_start, Offset(3));
}

/// A message of format 0 or 1, as Kafka wrote them before 0.11.
fn old_message(offset: i64, magic: u8) -> Vec<u8> {
    let mut body = vec![magic, 0];
    if magic == 1 {
        body.extend(1000_i64.to_be_bytes());
    }
    body.extend((-1_i32).to_be_bytes());
    body.extend(5_i32.to_be_bytes());
    body.extend(b"value");
    let mut crc = Crc32::new();
    crc.update(&body);
    let mut message = offset.to_be_bytes().to_vec();
    message.extend((body.len() as i32 + 4).to_be_bytes());
    message.extend(crc.sum().to_be_bytes());
    message.extend(body);
    message
}

#[test]
fn batch_that_is_whole_and_of_an_older_format_is_no_torn_tail() {
    for magic in [0, 1] {
        let old: Vec<u8> = (0..3).flat_map(|o| old_message(o, magic)).collect();
        let mixed = [old.clone(), records(3..6)].concat();
        let world = || {
            let mut world = World::with_log(&[]);
            world.put_segment(0, mixed.clone());
            world.put_segment(6, records(6..9));
            world
        };
        for mut world in [world(), world().recovery_point(7), world().mark(6, 0, 6), world().clean().recovery_point(9)] {
            let before = world.disk.everything();
            let why = world.outcome().expect_err("it is not served here");
            assert!(matches!(&why, OutOfService::Unserved(u) if u.segment.as_str() == FIRST && u.at == 0), "{why}");
            assert!(why.to_string().contains(&format!("message format {magic}")) && why.to_string().contains("Apache Kafka"), "{why}");
            let mut after = world.disk.everything();
            after.retain(|(name, _)| name != ".kafka_cleanshutdown");
            let expected: Vec<_> = before.into_iter().filter(|(name, _)| name != ".kafka_cleanshutdown").collect();
            assert_eq!(after, expected, "nothing is cut, removed or written down");
            assert!(world.notes.contains(&"log.unserved"));
        }
        // One whose checksum does not fit is what any other batch is: torn where nothing says that it was synced, damaged where something does.
        let mut torn = World::with_log(&[]);
        let mut bent = records(0..2);
        let mut message = old_message(2, magic);
        *message.last_mut().expect("it has bytes") ^= 1;
        bent.extend(message);
        torn.put_segment(0, bent.clone());
        assert_eq!(torn.log().expect("a torn tail").log_end, Offset(2));
        let mut damaged = World::with_log(&[]).recovery_point(3);
        damaged.put_segment(0, bent);
        assert_eq!(damaged.log().expect_err("it was synced").offset, Offset(2));
    }
}

#[test]
fn producers_are_not_read_from_a_batch_that_is_damaged() {
    // Nothing but the replay of producers looks into this segment.
    let mut world = World::with_log(&[(0, 0..3), (3, 3..6)]).recovery_point(4);
    let mut bent = records(0..3);
    bent[2 * record_bytes() + 70] ^= 1;
    world.disk.put(FIRST, &bent);
    let damage = world.log().expect_err("what was read back did not fit its checksum");
    assert_eq!((damage.segment.as_str(), damage.offset), (FIRST, Offset(2)));
}

#[test]
fn metadata_log_is_held_to_its_mark_after_a_clean_stop_too() {
    let mut world = World::formatted().clean();
    world.disk.put("__cluster_metadata-0/partition.metadata", b"version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAQ");
    let mut bent = records(0..8);
    bent[7 * record_bytes() + 70] ^= 1;
    world.disk.put("__cluster_metadata-0/00000000000000000000.log", &bent);
    let mark = SyncedMark {
        partition: tp("__cluster_metadata", 0),
        topic_id: None,
        segment: Offset(0),
        length: 0,
        end: Offset(8),
        start: Offset(0),
    };
    world.disk.put(synced_marks::FILE, synced_marks::encode(&mark).as_bytes());
    let before = world.disk.everything();
    let says = world.open().expect_err("the last record was synced").to_string();
    assert!(says.contains("offset 7: checksum 0x") && says.contains("everything below offset 8 was known to be synced"), "{says}");
    assert_eq!(world.disk.everything(), before, "the next life finds it again");
}

#[test]
fn checkpoint_that_is_damaged_is_built_again_from_our_marks() {
    for name in [RECOVERY_POINTS, LOG_STARTS, HIGH_WATERMARKS] {
        let mut world = World::with_log(&[(0, 0..3)]);
        marked(&mut world, 3, 2);
        let mut lines = String::new();
        checkpoint::push_offset(&mut lines, &tp("t", 0), Offset(2));
        let mut sealed = checkpoint::seal_offsets(1, &lines).into_bytes();
        sealed[8] ^= 1;
        world.disk.put(name, &sealed);
        let log = world.log().expect("the log is whole");
        assert_eq!((log.log_start, log.log_end), (Offset(2), Offset(3)), "{name}");
        assert!(world.notes.contains(&"dir.checkpoint_damaged"), "{name}");
    }
}

#[test]
fn epoch_history_that_is_malformed_is_built_again_from_the_batches() {
    for content in ["1\n0\n", "0\n1\nzz\n", "0\n2\n0 0\n"] {
        let mut world = World::with_log(&[(0, 0..3), (3, 3..6)]).clean().recovery_point(6);
        world.disk.put("t-0/leader-epoch-checkpoint", content.as_bytes());
        let log = world.log().expect("the batches say it");
        assert_eq!(log.epochs.iter().map(|e| (e.epoch.0, e.start.0)).collect::<Vec<_>>(), [(0, 0)]);
        assert_eq!(world.disk.content("t-0/leader-epoch-checkpoint"), Some(&b"0\n1\n0 0\n"[..]));
        assert!(world.notes.contains(&"log.epochs_damaged"));
    }
}

#[test]
fn one_log_that_the_disk_does_not_give_back_leaves_the_others_in_service() {
    let mut world = World::with_log(&[(0, 0..3)]);
    world.disk.put("t-1/partition.metadata", partition_metadata::encode(TOPIC).as_bytes());
    world.disk.put("t-1/00000000000000000000.log", &records(0..2));
    world.disk.fail.push(("open", "t-0/partition.metadata", DiskErrorKind::Io));
    let opened = world.open_with(vec![world::assigned("t", 0), world::assigned("t", 1)]).expect("the directory is in service");
    assert_eq!(opened.logs.iter().map(|l| l.log.as_ref().map(|r| r.log_end).ok()).collect::<Vec<_>>(), [None, Some(Offset(2))]);
}

fn looked(path: &str, meta: Option<(&str, u8)>) -> Looked {
    let meta = meta.map(|(cluster, id)| MetaProperties {
        version: 1,
        node: NodeId(1),
        cluster_id: cluster.to_owned(),
        directory_id: Some(Uuid([id; 16])),
    });
    Looked { path: path.into(), meta, intent: None, in_use: None, metadata_log: false, holds_metadata: path == "/a" }
}

#[test]
fn node_is_formatted_only_where_nothing_of_a_node_is() {
    let fresh = node::decide(&[looked("/a", None), looked("/b", None)]);
    assert_eq!(fresh, Ok(Decision { cluster_id: None, format: vec![true, true], fresh: true }));
    let used = Looked { in_use: Some("t-0".to_owned()), ..looked("/b", None) };
    let refused = node::decide(&[looked("/a", None), used]);
    assert_eq!(refused, Err(OpenError::NotEmpty { path: "/b".into(), name: "t-0".to_owned() }));
    // A directory that is lost, whichever it is.
    for lost in [0, 1] {
        let mut both = [looked("/a", Some(("c", 1))), looked("/b", Some(("c", 2)))];
        both[lost].meta = None;
        let refused = match lost {
            // The metadata log belongs there: to do without it is no way out.
            0 => OpenError::MetadataLost { path: "/a".into(), found: "/b/meta.properties".to_owned() },
            _ => OpenError::Lost { path: "/b".into(), beside: "/a".into() },
        };
        assert_eq!(node::decide(&both), Err(refused));
        // One whose formatting was cut short goes on; one that was in use since does not.
        both[lost].intent = Some(Intent { cluster_id: "c".to_owned(), directory_id: Uuid([9; 16]) });
        let mut format = vec![false, false];
        format[lost] = true;
        assert_eq!(node::decide(&both), Ok(Decision { cluster_id: Some("c".to_owned()), format, fresh: false }));
        both[lost].in_use = Some("t-0".to_owned());
        assert!(node::decide(&both).is_err());
    }
}

#[test]
fn directories_of_a_node_must_agree_and_hold_its_metadata_log() {
    let other = node::decide(&[looked("/a", Some(("c", 1))), looked("/b", Some(("d", 2)))]);
    assert!(matches!(other, Err(OpenError::OtherCluster { .. })));
    let copied = node::decide(&[looked("/a", Some(("c", 1))), looked("/b", Some(("c", 1)))]);
    assert_eq!(copied, Err(OpenError::SameDirectory { path: "/b".into(), other: "/a".into() }));
    // A node that was just formatted has no metadata log; one that holds replicas has lost it.
    assert!(node::decide(&[looked("/a", Some(("c", 1)))]).is_ok());
    let used = Looked { in_use: Some("t-0".to_owned()), ..looked("/b", Some(("c", 2))) };
    let lost = node::decide(&[looked("/a", Some(("c", 1))), used.clone()]);
    assert_eq!(lost, Err(OpenError::MetadataLost { path: "/a".into(), found: "/b/t-0".to_owned() }));
    let whole = Looked { metadata_log: true, ..looked("/a", Some(("c", 1))) };
    assert!(node::decide(&[whole, used]).is_ok());
}

#[test]
fn root_that_cannot_be_made_out_is_read_once_more() {
    for file in [meta_properties::FILE, synced_marks::FILE, RECOVERY_POINTS] {
        // Damage in the third batch, below what is marked: whoever passes over the mark takes it for a torn tail.
        let mut bytes = records(0..5);
        bytes[2 * record_bytes() + 70] ^= 1;
        let mut world = World::formatted().holding_no_metadata().recovery_point(0).mark(0, 5 * record_bytes() as u64, 5);
        world.disk.put("t-0/partition.metadata", partition_metadata::encode(TOPIC).as_bytes());
        world.put_segment(0, bytes.clone());
        world.disk.misread = Some(file);
        let damage = world.log().expect_err(file);
        assert_eq!((damage.offset, damage.synced), (Offset(2), Offset(5)), "{file}");
        assert_eq!((world.disk.content(FIRST), world.disk.misread), (Some(&bytes[..]), None), "{file}");
    }
}

#[test]
fn what_is_written_again_is_what_the_disk_has_though_it_errs_once() {
    let bytes = records(0..5);
    let mut world = World::formatted().holding_no_metadata().mark(0, record_bytes() as u64, 1);
    world.disk.put("t-0/partition.metadata", partition_metadata::encode(TOPIC).as_bytes());
    world.put_segment(0, bytes.clone());
    world.disk.misread = Some(FIRST);
    assert_eq!(world.log().expect("every record is whole").log_end, Offset(5));
    assert_eq!((world.disk.content(FIRST), world.disk.misread), (Some(&bytes[..]), None));
    let again = world.done.iter().filter(|action| matches!(action, DiskAction::Write { at, .. } if *at == record_bytes() as u64)).count();
    assert_eq!(again, 1, "what lies above the mark is written once more");
}
