//! Formatting, and what may be missing.

use super::world::{META, World};
use crate::disk::DiskAction;
use crate::formats::meta_properties;

#[test]
fn fresh_directory_is_formatted_with_its_identity_last() {
    let mut world = World::empty().format();
    let (_, root) = world.root().expect("it is formatted");
    assert!(root.formatted && !root.clean);
    assert_eq!((root.meta.node.0, root.meta.cluster_id.as_str()), (1, "c"));
    let found = root.metadata.expect("the metadata log lies here");
    assert_eq!((found.bootstrap.as_deref(), found.recovered), (Some(&b"boot"[..]), None));
    let renamed: Vec<_> =
        world.done.iter().filter_map(|a| if let DiskAction::Rename { to, .. } = a { Some(to.to_string()) } else { None }).collect();
    assert_eq!(renamed, ["bootstrap.checkpoint", "meta.properties"]);
    assert!(
        matches!(world.done.iter().rev().find(|a| a.verb() == "syncdir"), Some(DiskAction::SyncDirectory { name }) if name.as_str().is_empty())
    );
    let again = World::again(world.disk).open().expect("it is formatted");
    assert!(again.logs.is_empty());
}

#[test]
fn format_that_ended_half_way_begins_again() {
    let mut world = World::empty().format();
    world.disk.put("bootstrap.checkpoint", b"boot");
    world.disk.put("meta.properties.tmp", b"clus");
    let (_, root) = world.root().expect("it is formatted");
    assert!(root.formatted);
    assert_eq!(world.disk.list(""), ["bootstrap.checkpoint", "meta.properties"]);
}

#[test]
fn formatted_directory_is_not_formatted_again() {
    let mut world = World::formatted().format();
    let (_, root) = world.root().expect("it is formatted");
    assert!(!root.formatted);
    assert_eq!(world.disk.content("meta.properties"), Some(META.as_bytes()));
}

#[test]
fn directory_id_that_is_missing_is_drawn_and_written() {
    let mut world = World::formatted();
    world.disk.put("meta.properties", b"cluster.id=c\nnode.id=1\nversion=1\n");
    let (_, root) = world.root().expect("an older directory");
    let id = root.meta.directory_id.expect("one was drawn");
    assert!(!meta_properties::is_reserved(id) && !id.to_string().starts_with('-'));
    let on_disk = meta_properties::decode(&"meta.properties".into(), world.disk.content("meta.properties").expect("it is there"));
    assert_eq!(on_disk, Ok(root.meta));
}

#[test]
fn clean_mark_goes_when_every_log_is_loaded_and_not_before() {
    let mut world = World::with_log(&[(0, 0..3)]).clean().recovery_point(3);
    let (root, opened) = world.both(vec![super::world::assigned("t", 0)]).expect("a clean directory");
    assert!(root.clean && opened.logs[0].log.is_ok());
    assert_eq!(root.previous_broker_epoch, Some(11));
    assert_eq!(world.disk.content(".kafka_cleanshutdown"), None);
    let changes: Vec<_> =
        world.done.iter().filter(|a| !["lock", "list", "open", "read", "close"].contains(&a.verb())).map(|a| format!("{a:?}")).collect();
    let removed = changes.iter().position(|c| c.contains(".kafka_cleanshutdown")).expect("it is removed");
    assert_eq!((removed, changes[removed + 1].contains("SyncDirectory")), (changes.len() - 2, true), "{changes:#?}");
    for nth in 0..removed {
        // A start that ends before leaves a next one that knows as much.
        let verb = world
            .done
            .iter()
            .filter(|a| !["lock", "list", "open", "read", "close"].contains(&a.verb()))
            .nth(nth)
            .expect("one of them")
            .verb();
        let mut cut_short = World::with_log(&[(0, 0..3)]).clean().recovery_point(3);
        cut_short.disk.stop_at(verb, 0);
        let _ = cut_short.open();
        assert!(cut_short.disk.content(".kafka_cleanshutdown").is_some(), "{verb}");
    }
    let mut world = World::formatted();
    world.disk.put(".kafka_cleanshutdown", b"\xff");
    let (_, root) = world.root().expect("a clean directory");
    assert_eq!((root.clean, root.previous_broker_epoch), (true, None), "its content only loses the epoch");
}

#[test]
fn directory_with_nothing_but_its_identity_opens() {
    let mut world = World::formatted();
    let (_, root) = world.root().expect("everything else may be missing");
    assert!(root.recovery_points.is_empty() && root.marks.is_empty() && !root.clean);
    let opened = World::formatted().open().expect("everything else may be missing");
    assert!(opened.logs.is_empty(), "the log is for its owner to make");
}
