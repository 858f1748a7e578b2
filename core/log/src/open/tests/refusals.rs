//! Every refusal of a directory: one clear line, nothing touched, the lock given back.

use super::world::{META, World, records};
use crate::disk::DiskErrorKind;
use crate::formats::checkpoint::ROOT_CHECKPOINTS;

#[test]
fn directory_in_use_is_refused() {
    let mut world = World::formatted();
    world.disk.fail.push(("lock", ".lock", DiskErrorKind::Locked));
    assert_eq!(
        world.refusal(),
        "Failed to acquire lock on file .lock in /data: another process is using this directory, or this one has it under two names"
    );
    assert_eq!(world.done.len(), 1, "nothing else was asked for");
}

#[test]
fn directory_without_meta_properties_is_refused() {
    let mut world = World::empty().format();
    world.disk.put("t-0/00000000000000000000.log", b"");
    assert!(world.refusal().starts_with("/data holds no meta.properties, but t-0: it is not formatted over. Put meta.properties back"));
}

#[test]
fn directory_of_another_node_or_cluster_is_refused() {
    let mut world = World::formatted();
    world.disk.put("meta.properties", META.replace("node.id=1", "node.id=7").as_bytes());
    assert_eq!(world.refusal(), "Stored node id 7 doesn't match node id 1 in /data/meta.properties");
    let mut world = World::formatted();
    world.setup.cluster_id = Some("d".to_owned());
    assert_eq!(world.refusal(), "Stored cluster id c doesn't match cluster id d in /data/meta.properties");
}

#[test]
fn meta_properties_that_cannot_be_read_are_refused() {
    for (content, says) in [
        ("version=2\n", "Unknown meta.properties version number 2"),
        ("version=1\nnode.id=1\n", "cluster.id was not found."),
        ("", "broker.id was not found."),
        ("version=1\nnode.id=one\n", "node.id is \"one\", expected a decimal number"),
    ] {
        let mut world = World::formatted();
        world.disk.put("meta.properties", content.as_bytes());
        assert_eq!(world.refusal(), format!("Error while reading /data/meta.properties: {says}"));
    }
}

#[test]
fn directory_that_is_no_partition_is_refused() {
    for name in ["foo", "foo-bar", "lost+found"] {
        let mut world = World::formatted();
        world.disk.put(&format!("{name}/x"), b"");
        let says = format!("Found directory /data/{name}, which is not in the form of topic-partition or topic-partition.uniqueId-delete");
        assert_eq!(world.refusal(), says);
    }
    let mut world = World::formatted();
    world.disk.put("remote-log-index-cache/x", b"");
    world.disk.put("some.file", b"");
    assert!(world.open().is_ok(), "tiered storage's directory and plain files are passed over");
}

#[test]
fn every_root_checkpoint_that_is_malformed_is_refused() {
    for name in ROOT_CHECKPOINTS {
        for (content, says) in [
            ("1\n0\n", " line 1: Unrecognised version:1, expected version: 0"),
            ("0\n1\nzz\n", " line 3: Malformed line \"zz\", expected topic partition offset"),
            ("0\n50\nt 0 1\n", ": Expected [50] entries, but found [1]"),
        ] {
            let mut world = World::formatted();
            world.disk.put(name, content.as_bytes());
            assert_eq!(world.refusal(), format!("Error while reading /data/{name}{says}"));
        }
    }
}

#[test]
fn replica_and_its_successor_in_one_directory_are_refused() {
    let mut world = World::with_log(&[(0, 0..3)]);
    let future = "t-0.0123456789abcdef0123456789abcdef-future";
    world.disk.put(&format!("{future}/x"), b"");
    assert_eq!(world.refusal(), format!("/data holds both t-0 and {future}"));
}

#[test]
fn metadata_log_where_none_belongs_is_refused() {
    let mut world = World::formatted();
    world.setup.holds_metadata = false;
    world.disk.put("__cluster_metadata-0/x", b"");
    assert_eq!(
        world.refusal(),
        "Found /data/__cluster_metadata-0, but the metadata log belongs in another directory: metadata.log.dir, or the first of log.dirs where that is not set"
    );
}

#[test]
fn zeros_behind_the_last_batch_of_a_clean_log_take_it_out_of_service() {
    let mut world = World::with_log(&[]).clean().recovery_point(3);
    world.put_segment(0, [records(0..3), vec![0; 100]].concat());
    let before = world.disk.content("t-0/00000000000000000000.log").map(<[u8]>::to_vec);
    let says = world.log().expect_err("a clean stop leaves no zeros").to_string();
    assert!(
        says.starts_with("t-0/00000000000000000000.log at byte ") && says.contains("length field 0 is too small for a batch"),
        "{says}"
    );
    assert_eq!(world.disk.content("t-0/00000000000000000000.log").map(<[u8]>::to_vec), before);
}

#[test]
fn disk_that_fails_is_named_with_what_was_asked_of_it() {
    for (verb, name) in [("list", ""), ("open", "meta.properties"), ("read", "meta.properties")] {
        let mut world = World::with_log(&[(0, 0..3)]);
        world.disk.fail.push((verb, name, DiskErrorKind::Io));
        let says = world.open().expect_err("the disk failed").to_string();
        assert!(says.starts_with("/data: ") && says.contains(verb) && says.contains("Io"), "{says}");
    }
    // Where it fails on the files of one log, the others are served.
    for (verb, name) in [("open", "t-0/partition.metadata"), ("open", "t-0/00000000000000000000.log")] {
        let mut world = World::with_log(&[(0, 0..3)]);
        world.disk.fail.push((verb, name, DiskErrorKind::Io));
        let says = world.outcome().expect_err("the disk failed").to_string();
        assert!(says.contains(verb) && says.contains("Io") && world.notes.contains(&"log.unreadable"), "{says}");
        assert_eq!(world.disk.content("t-0/damage"), None, "what cannot be read today may be read tomorrow");
    }
}
