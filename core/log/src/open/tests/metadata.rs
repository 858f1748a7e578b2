//! The metadata log: scanned whole at every start.

use odradek_wire::codec::Codec;
use odradek_wire::ids::{LeaderEpoch, Offset};

use super::world::{World, record_bytes, records, tp};
use crate::formats::synced_marks::{self, SyncedMark};
use crate::open::MetadataFound;
use crate::work::tests::batch;

const LOG: &str = "__cluster_metadata-0/00000000000000000000.log";

fn world(bytes: &[u8]) -> World {
    let mut world = World::formatted();
    world.disk.put(LOG, bytes);
    world.disk.put("__cluster_metadata-0/00000000000000000000.index", &[0; 64]);
    world.disk.put("__cluster_metadata-0/quorum-state", b"{}");
    world
}

fn found(world: &mut World) -> MetadataFound {
    world.root().expect("it can be opened").1.metadata.expect("it lies here")
}

#[test]
fn metadata_log_is_scanned_whole_even_after_a_clean_stop() {
    let mut bytes = records(0..10);
    let torn = 7 * record_bytes() + 70;
    bytes[torn] ^= 1;
    bytes.truncate(8 * record_bytes());
    let mut world = world(&bytes).clean();
    let found = found(&mut world);
    let log = found.recovered.expect("there is a log");
    assert_eq!((log.log_start, log.log_end, log.recovery_point), (Offset(0), Offset(7), Offset(0)));
    assert_eq!(world.disk.content(LOG).map(<[u8]>::len), Some(7 * record_bytes()), "the torn batch is cut");
    assert_eq!(found.quorum_state.as_deref(), Some(&b"{}"[..]));
    assert!(log.producers.is_empty() && world.notes.contains(&"log.tail_cut"));
}

#[test]
fn metadata_log_with_a_whole_batch_behind_a_bad_one_is_refused() {
    let mut bytes = records(0..10);
    bytes[3 * record_bytes() + 70] ^= 1;
    let says = world(&bytes).refusal();
    assert!(says.starts_with(&format!("/data/{LOG} at byte {}, offset 3: checksum 0x", 3 * record_bytes())), "{says}");
}

#[test]
fn metadata_log_below_its_mark_is_refused() {
    let mark = SyncedMark {
        partition: tp("__cluster_metadata", 0),
        topic_id: None,
        segment: Offset(0),
        length: 0,
        end: Offset(9),
        start: Offset(0),
    };
    let mut world = world(&records(0..8));
    world.disk.put(synced_marks::FILE, synced_marks::encode(&mark).as_bytes());
    assert!(world.refusal().contains("offset 8: the log ends here; everything below offset 9 was known to be synced"));
}

#[test]
fn metadata_epochs_are_found_in_the_log() {
    let bytes = [batch(0, 1, &["a"], Codec::None), batch(1, 4, &["b"], Codec::None)].concat();
    let log = found(&mut world(&bytes)).recovered.expect("there is a log");
    assert_eq!(log.epochs.iter().map(|e| (e.epoch.0, e.start.0)).collect::<Vec<_>>(), [(1, 0), (4, 1)]);
    assert_eq!(log.latest_epoch(), Some(LeaderEpoch(4)));
}

#[test]
fn metadata_snapshots_newest_is_read_and_leftovers_go() {
    let mut world = world(&records(0..10));
    for name in ["00000000000000000004-0000000000.checkpoint", "00000000000000000008-0000000000.checkpoint"] {
        world.disk.put(&format!("__cluster_metadata-0/{name}"), name.as_bytes());
    }
    world.disk.put("__cluster_metadata-0/00000000000000000002-0000000000.checkpoint.deleted", b"");
    world.disk.put("__cluster_metadata-0/00000000000000000009-0000000000-12.checkpoint.part", b"");
    let found = found(&mut world);
    assert_eq!(found.snapshots, [(Offset(4), LeaderEpoch(0)), (Offset(8), LeaderEpoch(0))]);
    assert_eq!(found.snapshot.map(|(end, _, bytes)| (end.0, bytes.len())), Some((8, 42)));
    assert!(!world.disk.list("__cluster_metadata-0").iter().any(|n| n.ends_with(".deleted") || n.ends_with(".part")));
}

#[test]
fn metadata_log_below_its_newest_snapshot_begins_there() {
    let mut world = world(&records(0..3));
    world.disk.put("__cluster_metadata-0/00000000000000000008-0000000001.checkpoint", b"s");
    let found = found(&mut world);
    let log = found.recovered.expect("there is a log");
    assert_eq!((log.segments.len(), log.log_start, log.log_end), (0, Offset(8), Offset(8)));
    assert_eq!(world.disk.content(LOG), None);
    assert!(world.notes.contains(&"log.begun_anew"));
}
