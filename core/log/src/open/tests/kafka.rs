//! Directories that Apache Kafka 4.3.1 wrote: a small one that is pinned, and any other by hand.
//!
//! `testdata/kafka-4.3.1` holds the directory of one node after kill -9 (`killed`), and the same after Kafka recovered it and stopped cleanly (`clean`).
//! `ODRADEK_KAFKA_DIRS=killed:clean cargo test -p odradek-log kafka -- --ignored` compares others.

use std::path::Path;

use odradek_wire::ids::NodeId;

use super::world::{World, assigned};
use crate::disk::Name;
use crate::formats::dir_name::DirName;
use crate::formats::file_name::{FileName, Kind};
use crate::formats::{checkpoint, index, meta_properties, partition_metadata, producer_snapshot};
use crate::log::recovered::{Recovered, RecoveredProducer};
use crate::open::{Assigned, OpenedLog, Root};

/// Reads a directory from the real disk. Padding of indexes is cut to a page: they are rebuilt anyway.
#[expect(clippy::disallowed_methods, reason = "captures lie in files")]
fn read(world: &mut World, root: &Path, below: &str) {
    const FILE_BYTES_MAX: usize = 64 << 20;
    for entry in std::fs::read_dir(root.join(below)).expect("the directory is there") {
        let entry = entry.expect("it can be listed");
        let name = Name::from(below).join(entry.file_name().to_str().expect("names are text"));
        if entry.path().is_dir() {
            read(world, root, name.as_str());
        } else {
            let mut bytes = std::fs::read(entry.path()).expect("it can be read");
            let padded = name.as_str().ends_with("index") && bytes.len() > 1 << 20;
            bytes.truncate(if padded { 4096 } else { FILE_BYTES_MAX });
            world.disk.put(name.as_str(), &bytes);
        }
    }
}

/// Opens it with every partition assigned that it holds.
fn open(root: &Path) -> (World, Root, Vec<OpenedLog>) {
    let mut world = World::empty();
    read(&mut world, root, "");
    let meta = meta_properties::decode(&"meta.properties".into(), world.disk.content("meta.properties").expect("it is formatted"));
    world.setup.node = NodeId(meta.expect("Kafka wrote it").node.0);
    let all = assigned_in(&world);
    let (root, opened) = world.both(all).expect("Kafka wrote it");
    assert!(opened.strays.is_empty() && opened.deleted.is_empty());
    (world, root, opened.logs)
}

fn assigned_in(world: &World) -> Vec<Assigned> {
    let metadata = world.disk.everything().into_iter().filter_map(|(name, bytes)| {
        let dir = name.strip_suffix("/partition.metadata")?.to_owned();
        Some((DirName::parse(&dir)?, partition_metadata::decode(&"partition.metadata".into(), &bytes?).ok()?))
    });
    let of = |(dir, topic_id): (DirName, _)| Assigned { topic_id, partition: dir.partition, ..assigned("t", 0) };
    metadata.filter(|(dir, _)| &*dir.partition.topic != "__cluster_metadata").map(of).collect()
}

/// Of each producer what a snapshot keeps, in no order that counts.
fn last_batches(producers: &[RecoveredProducer]) -> Vec<RecoveredProducer> {
    let last = |p: &RecoveredProducer| RecoveredProducer { batches: p.batches.last().copied().into_iter().collect(), ..p.clone() };
    let mut all: Vec<_> = producers.iter().map(last).collect();
    all.sort_by_key(|p| p.id);
    all
}

/// What we make of a killed directory is what Kafka makes of it, file by file.
fn compare(killed: &Path, clean: &Path) -> usize {
    let (_, root, logs) = open(killed);
    let (kafkas, clean_root, clean_logs) = open(clean);
    assert!(!root.clean && clean_root.clean && clean_root.previous_broker_epoch.is_some());
    let mut compared = 0;
    for (ours, theirs) in logs.iter().zip(&clean_logs) {
        assert_eq!(ours.partition, theirs.partition);
        let (a, b) = (ours.log.as_ref().expect("a kill harms nothing"), theirs.log.as_ref().expect("a clean stop harms nothing"));
        assert_eq!((b.log_end, b.recovery_point), (b.log_end, b.log_end), "{}", theirs.partition);
        if a.log_end != b.log_end {
            continue; // Written to between kill and stop.
        }
        compare_log(&kafkas, ours, a, b);
        compared += 1;
    }
    compared
}

fn compare_log(kafkas: &World, log: &OpenedLog, a: &Recovered, b: &Recovered) {
    let of = &log.partition;
    assert_eq!((a.log_start, &a.aborted), (b.log_start, &b.aborted), "{of}");
    assert_eq!(last_batches(&a.producers), last_batches(&b.producers), "{of}");
    let bounds =
        |r: &Recovered| r.segments.iter().map(|s| (s.base, s.length, s.end, s.max_timestamp_ms, s.first_timestamp_ms)).collect::<Vec<_>>();
    assert_eq!(bounds(a), bounds(b), "{of}");
    let on_disk = |name: &str| kafkas.disk.content(log.name.join(name).as_str());
    let snapshot = on_disk(&FileName::of(Kind::Snapshot, a.log_end));
    assert!(snapshot.is_some() || a.log_end == a.log_start, "{of}: a clean stop writes one");
    let theirs = snapshot.map_or(Ok(Vec::new()), |bytes| producer_snapshot::decode(a.log_end, bytes, odradek_machine::Guards::ALL_ON));
    assert_eq!(last_batches(&a.producers), last_batches(&theirs.expect("Kafka wrote it")), "{of}");
    for s in a.segments.iter().filter(|s| s.offset_index.is_some()) {
        let offsets = index::encode_offsets(s.base, s.offset_index.as_deref().expect("filtered"));
        assert_eq!(on_disk(&FileName::of(Kind::Index, s.base)), Some(&offsets[..]), "{of} {:?}", s.base);
        let mut times = s.time_index.clone().unwrap_or_default();
        let newest = crate::log::recovered::TimeEntry { timestamp_ms: s.max_timestamp_ms, last: s.max_timestamp_offset };
        // Kafka adds the newest when it closes a segment.
        if s.max_timestamp_ms > times.last().map_or(-1, |t| t.timestamp_ms) {
            times.push(newest);
        }
        assert_eq!(on_disk(&FileName::of(Kind::TimeIndex, s.base)), Some(&index::encode_times(s.base, &times)[..]), "{of} {:?}", s.base);
    }
    let epochs = on_disk("leader-epoch-checkpoint").map(|bytes| checkpoint::decode_epochs(&"e".into(), bytes).expect("Kafka wrote it"));
    let below: Vec<_> = epochs.unwrap_or_default().into_iter().filter(|e| e.start < a.log_end).collect();
    assert_eq!(a.epochs, below, "{of}");
}

#[test]
#[ignore = "needs directories that Apache Kafka wrote: ODRADEK_KAFKA_DIRS=killed:clean"]
#[expect(clippy::disallowed_methods, reason = "the directories are named by hand")]
fn kafka_directories_named_by_hand_open_as_kafka_opens_them() {
    let dirs = std::env::var("ODRADEK_KAFKA_DIRS").expect("two directories, with a colon between");
    let (killed, clean) = dirs.split_once(':').expect("two directories, with a colon between");
    let compared = compare(Path::new(killed), Path::new(clean));
    assert!(compared > 0, "no log was the same before and after");
}

#[test]
fn kafka_directory_that_is_pinned_opens_as_kafka_opens_it() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/kafka-4.3.1");
    assert_eq!(compare(&data.join("killed"), &data.join("clean")), 3, "in, out, tiny");
    let (_, root, logs) = open(&data.join("killed"));
    let metadata = root.metadata.expect("it lies here").recovered.expect("there is a log");
    assert!(metadata.log_end.0 > 20 && metadata.latest_epoch().is_some());
    let ends: Vec<_> =
        logs.iter().filter_map(|l| l.log.as_ref().ok().map(|r| (l.partition.to_string(), r.aborted.len(), r.producers.len()))).collect();
    assert_eq!(ends.iter().map(|(name, ..)| name.as_str()).collect::<Vec<_>>(), ["in-0", "out-0", "tiny-0"]);
    assert!(ends[1].1 > 0, "transactions were aborted: {ends:?}");
    assert_eq!(ends[2].2, 5, "a producer for each codec");
}
