//! Every byte of a small directory flipped, one at a time, and two lives after it: the table in `ARCHITECTURE.md` ("What notices a flipped bit") is held here.

use std::collections::BTreeMap;

use odradek_cluster::config::StaticConfig;
use odradek_wire::batch::{Batch, Batches, HEADER_BYTES};
use odradek_wire::error::ErrorCode;
use odradek_wire::ids::Uuid;
use odradek_wire::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use odradek_wire::messages::delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic};
use odradek_wire::messages::{CreateTopicsRequestData, DeleteRecordsRequestData, text};

use super::disk::Disk;
use super::host::{Host, batch, produce};
use super::story::{fetch_of, fetched, produced, topic_id};
use crate::io::Input;

const RECORDS: i64 = 9;
/// Bytes of a batch with one of these records.
const BATCH_BYTES: usize = 76;
/// Records below were deleted.
const START: i64 = 2;

/// What a life made of a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    /// The node did not start, and said why.
    Refused,
    /// The replica is out of service, and the node said why.
    OutOfService,
    /// A reader is given a batch whose checksum does not fit.
    ReaderNotices,
    /// A record is passed over: its batch says another offset.
    PassedOver,
    /// Every record is there, and some at another offset.
    Moved,
    /// Every record is there at its offset.
    Whole,
}

fn node(disk: Disk, seed: u64) -> Host {
    Host::on(disk, seed, |setup| {
        let lines = [("metadata.log.max.record.bytes.between.snapshots", "1200"), ("metadata.max.idle.interval.ms", "30000")];
        setup.config = StaticConfig::parse(lines).expect("known keys");
    })
}

/// The directory of a node that wrote some segments, deleted some records, and was stopped or killed at rest.
fn written(cleanly: bool) -> (Disk, Uuid) {
    let mut host = node(Disk::default(), 1);
    host.start();
    let connection = host.connect();
    let config = |(key, value): (&str, &str)| CreatableTopicConfig::default().with_name(text(key)).with_value(Some(text(value)));
    let configs = [("internal.segment.bytes", "200"), ("index.interval.bytes", "60")].map(config).to_vec();
    let topic = CreatableTopic::default().with_name(text("orders")).with_num_partitions(1).with_replication_factor(1).with_configs(configs);
    host.call(connection, 7, CreateTopicsRequestData::default().with_topics(vec![topic]).with_timeout_ms(10_000));
    let id = topic_id(&mut host, connection, "orders");
    for n in 0..RECORDS {
        let answer = produced(host.call(connection, 9, produce("orders", 0, -1, batch(&[&format!("record {n}")]))));
        assert_eq!(answer.responses[0].partition_responses[0].error_code, 0);
    }
    let partition = DeleteRecordsPartition::default().with_offset(START);
    let topic = DeleteRecordsTopic::default().with_name(text("orders")).with_partitions(vec![partition]);
    host.call(connection, 2, DeleteRecordsRequestData::default().with_timeout_ms(10_000).with_topics(vec![topic]));
    // Checkpoints and marks of the last round are written, and deleted files are gone.
    host.pass_ms(130_000);
    if cleanly {
        host.step(Input::Stop);
        host.until("it stopped", |h| h.stopped.is_some());
    }
    (host.disk.without_handles(), id)
}

/// One life on a directory: what a reader finds, and the disk after a kill at rest.
fn live(disk: Disk, id: Uuid, seed: u64) -> (Outcome, Disk) {
    let mut host = node(disk, seed);
    host.step(Input::Wake);
    host.until("it listens or refuses", |h| h.listening || h.stopped.is_some());
    let outcome = match host.stopped.take() {
        Some(Err(why)) => {
            assert!(!why.is_empty() && !why.contains('\n'), "{why}");
            Outcome::Refused
        }
        Some(Ok(())) => panic!("a node stopped that nobody asked to"),
        None => read(&mut host, id),
    };
    let said = ["log.damaged", "log.unserved", "log.unreadable"].iter().any(|mark| host.marks.contains(mark));
    assert_eq!(outcome == Outcome::OutOfService, said, "the node says what is out of service, and nothing else: {:?}", host.marks);
    (outcome, host.disk.without_handles())
}

fn read(host: &mut Host, id: Uuid) -> Outcome {
    let connection = host.connect();
    let (mut next, mut found) = (START, BTreeMap::new());
    let mut moved = false;
    loop {
        let answer = fetched(host.call(connection, 17, fetch_of(id, next, 0)));
        let partition = &answer.responses[0].partitions[0];
        match ErrorCode::from_code(partition.error_code) {
            ErrorCode::None => {}
            ErrorCode::KafkaStorageError | ErrorCode::NotLeaderOrFollower => return Outcome::OutOfService,
            ErrorCode::CorruptMessage => return Outcome::ReaderNotices,
            other => panic!("offset {next}: {other}"),
        }
        assert_eq!(partition.log_start_offset, START, "deleted records are back, or others are gone");
        let before = next;
        for batch in Batches::new(partition.records.clone().unwrap_or_default()) {
            let Ok(checked) = batch.and_then(Batch::check) else { return Outcome::ReaderNotices };
            let header = *checked.header();
            let value = &checked.bytes()[HEADER_BYTES..];
            let whole = (0..RECORDS).find(|n| value.windows(8).any(|w| w == format!("record {n}").as_bytes()));
            let n = whole.expect("the checksum fits, so it is what was written");
            moved |= header.base_offset.0 != n;
            found.insert(n, ());
            next = next.max(n + 1);
        }
        if next == before {
            assert_eq!(partition.high_watermark, RECORDS, "a shorter log that looks whole");
            if (START..RECORDS).any(|n| !found.contains_key(&n)) {
                return Outcome::PassedOver;
            }
            return if moved { Outcome::Moved } else { Outcome::Whole };
        }
    }
}

/// What may come of a flip in a file: first where it is noticed, then what does not matter there.
fn allowed(file: &str, at: usize) -> &'static [Outcome] {
    use Outcome::{Moved, OutOfService, PassedOver, ReaderNotices, Refused, Whole};
    // Offset and leader epoch of a batch lie outside its checksum.
    let (in_offset, in_epoch) = (at % BATCH_BYTES < 8, (12..16).contains(&(at % BATCH_BYTES)));
    match file {
        "meta.properties" | "bootstrap.checkpoint" => &[Refused, Whole],
        _ if file.ends_with("quorum-state") => &[Refused, Whole],
        _ if file.starts_with("__cluster_metadata-0/") && (file.ends_with(".log") || file.ends_with(".checkpoint")) => &[Refused, Whole],
        "orders-0/partition.metadata" => &[OutOfService, Whole],
        _ if file.starts_with("orders-0/") && file.ends_with(".log") && in_epoch => &[OutOfService, Whole],
        _ if file.starts_with("orders-0/") && file.ends_with(".log") && in_offset => &[OutOfService, ReaderNotices, Moved, PassedOver],
        _ if file.starts_with("orders-0/") && file.ends_with(".log") => &[OutOfService, ReaderNotices],
        _ => &[Whole],
    }
}

#[test]
fn every_flipped_byte_of_a_small_directory_is_noticed_as_the_map_says_in_two_lives() {
    for cleanly in [false, true] {
        let (disk, id) = written(cleanly);
        let mut unnoticed: BTreeMap<String, usize> = BTreeMap::new();
        let files: Vec<String> = disk.files().into_iter().map(str::to_owned).collect();
        for (i, file) in files.iter().enumerate() {
            for at in 0..disk.bytes(file).len() {
                let mut bent = disk.clone();
                bent.bytes_mut(file)[at] ^= 1 << ((i + at) % 8);
                let (first, bent) = live(bent, id, 2);
                let (second, _) = live(bent, id, 3);
                let expected = allowed(file, at);
                assert!(expected.contains(&first), "{file} byte {at}: {first:?}, expected {expected:?}");
                // What was noticed once is noticed again; a reader's batch may be found by a recovery that looks at it.
                let stays = second == first || first == Outcome::ReaderNotices && second == Outcome::OutOfService;
                assert!(stays, "{file} byte {at}: first {first:?}, then {second:?}");
                if first == Outcome::Whole && expected.len() > 1 {
                    *unnoticed.entry(file.clone()).or_default() += 1;
                }
            }
        }
        // What a checksum covers is noticed: all but the offsets and epochs of batches, and words of a file that say nothing.
        for (file, count) in &unnoticed {
            assert!(count * 5 <= disk.bytes(file).len(), "{file}: {count} of {} flips are noticed by nobody", disk.bytes(file).len());
        }
    }
}
