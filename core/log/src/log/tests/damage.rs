//! Every small file of a log damaged in every way: after the next start every record is found by offset and by time, and producers are known.
//!
//! | file | what Apache Kafka 4.3.1 does | what we do |
//! |---|---|---|
//! | `.index` missing | recovers the segment | the same |
//! | `.index` of another length, out of order, beyond the file, padded | takes it as it is | recovers the segment where the last entry or the length shows it; where a read is led astray, builds it again |
//! | `.timeindex` missing or empty | makes an empty one | recovers the segment |
//! | `.timeindex` damaged otherwise | takes it as it is | recovers the segment where the last entry or the length shows it |
//! | `.snapshot` damaged | takes an older one, replays the log | the same |
//! | `leader-epoch-checkpoint` missing after a clean stop | knows none | the same |
//! | the same, malformed | takes the directory out of service | builds it again from the batches |
//! | `recovery-point-offset-checkpoint` missing or empty | recovers everything after a kill | the same, but for what our marks say |
//!
//! Refusals are in `open/tests/refusals.rs`.

use odradek_machine::{Guards, Seed};
use odradek_wire::ids::{Offset, TopicPartition, Uuid};

use crate::config::LogConfig;
use crate::dir::Owner;
use crate::dir::ids::OwnerId;
use crate::disk::{DirId, Name};
use crate::log::{Log, ReadRequest, Setup, TimestampFound};
use crate::output::Answer;
use crate::testing::batches::{decode, idempotent};
use crate::testing::disk::Disk;
use crate::testing::{World, opening};

const T: i64 = 1_700_000_000_000;
const RECORDS: i64 = 200;

fn config() -> LogConfig {
    LogConfig { segment_bytes: 3000, index_interval_bytes: 200, ..LogConfig::default() }
}

/// A disk that a log of some segments was written to, stopped cleanly or killed at rest.
fn written(clean: bool) -> Disk {
    let mut disk = Disk::default();
    let (root, _) = opening::open(&mut disk, &[0], &config());
    let mut w = World::on(disk, Guards::ALL_ON);
    w.dir.inherit(&root);
    let log = w.create(0, config(), Guards::ALL_ON);
    w.dir.disown(|_| false);
    for i in 0..RECORDS {
        w.append(log, idempotent(&[&[i as u8; 20]], T + i, 7, 0, i as i32)).expect("it is next");
    }
    w.finish_all();
    if clean {
        stop(&mut w, log);
    }
    assert!(w.log(log).segments() > 4);
    w.disk
}

fn stop(w: &mut World, log: OwnerId) {
    let mut said = Vec::new();
    w.dir.stop(w.now, 1, &mut said);
    w.carry_dir(said);
    w.finish_all();
    w.with(log, Log::close);
    w.finish_all();
}

fn open(mut disk: Disk) -> (World, OwnerId) {
    disk.let_go();
    let (root, opened) = opening::open(&mut disk, &[0], &config());
    disk.damaged = true;
    let mut w = World::on(disk, Guards::ALL_ON);
    w.dir.inherit(&root);
    let found = opened.logs.into_iter().next().expect("it is there");
    let partition = TopicPartition { topic: "t".into(), partition: 0 };
    let files = w.dir.adopt(Owner::Partition(partition.clone()), Some(found.files));
    let (name, topic_id) = (Name::from("t-0"), Uuid([7; 16]));
    let setup = Setup { partition, topic_id, dir: DirId(0), name, config: config(), files, seed: Seed(7), guards: Guards::ALL_ON };
    let log = w.resume(setup, found.log.expect("no record is damaged"));
    w.dir.disown(|_| false);
    w.finish_all();
    (w, log)
}

fn finds_everything(w: &mut World, log: OwnerId, by_time: bool, how: &str) {
    assert_eq!(w.log(log).log_end(), Offset(RECORDS), "{how}");
    for from in (0..RECORDS).step_by(3) {
        let request = ReadRequest { from: Offset(from), until: Offset(RECORDS), bytes_max: 1, at_least_one: true, want_aborted: false };
        assert_eq!(decode(w.read(log, request).expect("it is there")), [(from, vec![from as u8; 20])], "{how}");
        if by_time {
            let found = w.with(log, |log, _, out| log.offset_for_timestamp(T + from, Offset(RECORDS), out)).expect("it serves");
            let TimestampFound::Cold(id) = found else { panic!("{how}: {found:?} for {from}") };
            w.finish_all();
            let answer = w.answers.remove(&id);
            assert!(matches!(answer, Some(Answer::Timestamp(Some(r))) if r.offset == Offset(from)), "{how}: {answer:?} for {from}");
        }
    }
    // The last batch is a duplicate, and the next one is in order.
    let append = |w: &mut World, sequence: i64| w.append(log, idempotent(&[b"v"], T + sequence, 7, 0, sequence as i32));
    assert_eq!(append(w, RECORDS - 1).map(|a| (a.base, a.duplicate)), Ok((Offset(RECORDS - 1), true)), "{how}");
    assert_eq!(append(w, RECORDS).map(|a| (a.base, a.duplicate)), Ok((Offset(RECORDS), false)), "{how}");
    w.finish_all();
    w.log(log).check_all();
}

/// Its name, and what it makes of the bytes of an index, given the length of an entry.
type Way = (&'static str, fn(&[u8], usize) -> Vec<u8>);

/// Ways to damage the bytes of an index, given the length of its entries.
fn ways() -> Vec<Way> {
    vec![
        ("empty", |_, _| Vec::new()),
        ("cut within an entry", |b, e| b[..b.len() - e / 2].to_vec()),
        ("padded with half an entry", |b, e| [b, &vec![0; e / 2][..]].concat()),
        ("padded with zeros", |b, e| [b, &vec![0; 4 * e][..]].concat()),
        ("zeros", |b, _| vec![0; b.len()]),
        ("ones", |b, _| vec![0xff; b.len()]),
        ("garbage", |b, _| b.iter().zip(0u8..).map(|(b, i)| b.wrapping_mul(31) ^ i.wrapping_mul(77)).collect()),
        ("its last entry beyond the file", |b, e| [&b[..b.len() - e], &vec![0x7f; e][..]].concat()),
    ]
}

/// Ways that do not show, since neither the length nor the last entry is wrong.
fn hidden_ways() -> Vec<Way> {
    vec![
        ("half", |b, e| b[..b.len() / e / 2 * e].to_vec()),
        ("backwards but for the last entry", |b, e| {
            let (head, last) = b.split_at(b.len() - e);
            [head.chunks(e).rev().collect::<Vec<_>>().concat(), last.to_vec()].concat()
        }),
        ("its first entries beyond the file", |b, e| [&vec![0x7f; b.len() / 2 / e * e][..], &b[b.len() / 2 / e * e..]].concat()),
    ]
}

fn names(disk: &Disk, extension: &str) -> Vec<String> {
    disk.list("t-0").into_iter().filter(|n| n.ends_with(extension)).map(|n| format!("t-0/{n}")).collect()
}

#[test]
fn damaged_offset_index_of_any_segment_hides_no_record() {
    for clean in [true, false] {
        let whole = written(clean);
        let all = names(&whole, ".index");
        for name in [&all[0], &all[2], &all[all.len() - 1]] {
            for (way, damage) in ways().into_iter().chain(hidden_ways()) {
                let mut disk = whole.clone();
                disk.damage(name, &damage(whole.content(name).expect("it is there"), 8));
                let (mut w, log) = open(disk);
                finds_everything(&mut w, log, true, &format!("{name} {way}, clean: {clean}"));
            }
            let mut disk = whole.clone();
            disk.take(name);
            let (mut w, log) = open(disk);
            finds_everything(&mut w, log, true, &format!("{name} missing, clean: {clean}"));
        }
    }
}

#[test]
fn damaged_time_index_of_any_segment_hides_no_record() {
    for clean in [true, false] {
        let whole = written(clean);
        let all = names(&whole, ".timeindex");
        for name in [&all[0], &all[2], &all[all.len() - 1]] {
            for (way, damage) in ways() {
                let mut disk = whole.clone();
                disk.damage(name, &damage(whole.content(name).expect("it is there"), 12));
                let (mut w, log) = open(disk);
                finds_everything(&mut w, log, true, &format!("{name} {way}, clean: {clean}"));
            }
            for (way, damage) in hidden_ways() {
                let mut disk = whole.clone();
                disk.damage(name, &damage(whole.content(name).expect("it is there"), 12));
                let (mut w, log) = open(disk);
                // As in Apache Kafka, what does not show may send a search by time too far: by offset everything is found.
                finds_everything(&mut w, log, false, &format!("{name} {way}, clean: {clean}"));
            }
            let mut disk = whole.clone();
            disk.take(name);
            let (mut w, log) = open(disk);
            finds_everything(&mut w, log, true, &format!("{name} missing, clean: {clean}"));
        }
    }
}

#[test]
fn damaged_snapshots_and_checkpoints_hide_no_record_and_no_producer() {
    for clean in [true, false] {
        let whole = written(clean);
        let mut snapshots = names(&whole, ".snapshot");
        snapshots.reverse();
        assert!(snapshots.len() > 4);
        for damaged in 1..=snapshots.len() {
            let mut disk = whole.clone();
            for (i, name) in snapshots[..damaged].iter().enumerate() {
                let bytes = whole.content(name).expect("it is there");
                match i % 4 {
                    0 => disk.damage(name, b""),
                    1 => disk.damage(name, &bytes[..bytes.len() / 2]),
                    2 => disk.damage(name, &[0xff; 99]),
                    _ => disk.take(name),
                }
            }
            let (mut w, log) = open(disk);
            finds_everything(&mut w, log, false, &format!("{damaged} snapshots, clean: {clean}"));
        }
        for gone in [
            &["t-0/leader-epoch-checkpoint"][..],
            &["recovery-point-offset-checkpoint"],
            &["log-start-offset-checkpoint"],
            &["replication-offset-checkpoint"],
            &["synced-marks"],
            &["synced-marks", "recovery-point-offset-checkpoint"],
        ] {
            let mut disk = whole.clone();
            for name in gone {
                disk.take(name);
            }
            let (mut w, log) = open(disk);
            finds_everything(&mut w, log, false, &format!("{gone:?} missing, clean: {clean}"));
        }
        for garbage in [&b"garbage"[..], b"\xff\xfe\n", b"\n", b"t 0 x\n"] {
            let mut disk = whole.clone();
            disk.put("synced-marks", garbage);
            let (mut w, log) = open(disk);
            finds_everything(&mut w, log, false, &format!("marks {garbage:?}, clean: {clean}"));
        }
    }
}
