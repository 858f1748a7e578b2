//! Formats against bytes of Apache Kafka 4.3.1, and against what is wrong.

use odradek_machine::Guards;
use odradek_wire::ids::{LeaderEpoch, NodeId, Offset, ProducerEpoch, ProducerId, Sequence, TopicPartition, Uuid};
use proptest::prelude::*;

use super::dir_name::{DirName, Purpose};
use super::file_name::{FileName, Kind, Mark};
use super::index::IndexDamage;
use super::json::{self, Json};
use super::meta_properties::MetaProperties;
use super::producer_snapshot::SnapshotDamage;
use super::quorum_state::QuorumState;
use super::synced_marks::SyncedMark;
use super::{
    checkpoint, clean_shutdown, damage, index, meta_properties, partition_metadata, producer_snapshot, properties, quorum_state,
    synced_marks,
};
use crate::disk::Name;
use crate::epochs::EpochStart;
use crate::log::recovered::{AbortedTransaction, OffsetEntry, RecoveredProducer, TimeEntry};
use crate::producers::ProducerBatchMeta;

fn file() -> Name {
    Name::from("f")
}

fn partition(topic: &str, partition: i32) -> TopicPartition {
    TopicPartition { topic: topic.into(), partition }
}

#[test]
fn dir_name_splits_at_the_last_dash_and_knows_its_suffixes() {
    let parsed = |name: &str| DirName::parse(name).map(|d| (d.partition.to_string(), d.purpose));
    assert_eq!(parsed("orders-0"), Some(("orders-0".to_owned(), Purpose::Current)));
    assert_eq!(DirName::parse("a-b-12").map(|d| d.partition), Some(partition("a-b", 12)));
    assert_eq!(DirName::parse("t.0123456789abcdef0123456789abcdef-delete").map(|d| d.purpose), None, "no partition before the id");
    for (suffix, purpose) in [("delete", Purpose::Delete), ("stray", Purpose::Stray), ("future", Purpose::Future)] {
        let name = format!("a-b-3.0123456789abcdef0123456789abcdef-{suffix}");
        let dir = DirName::parse(&name).expect("a name as Kafka gives it");
        assert_eq!((dir.partition.clone(), dir.purpose), (partition("a-b", 3), purpose));
        assert_eq!(DirName::renamed(&dir.partition, purpose, dir.unique), name);
    }
    for strange in ["foo", "foo-bar", "lost+found", "-0", "foo-", "foo--1", "foo-99999999999"] {
        let says = DirName::parse(strange).map(|d| d.partition);
        assert!(says.is_none() || strange == "foo--1", "{strange} became {says:?}");
    }
    assert_eq!(DirName::parse("foo--1").map(|d| d.partition), Some(partition("foo-", 1)));
}

#[test]
fn dir_name_of_a_long_topic_is_cut_to_what_a_file_system_takes() {
    let topic = "t".repeat(249);
    let name = DirName::renamed(&partition(&topic, 17), Purpose::Delete, Uuid([0xab; 16]));
    assert_eq!(name.len(), 255);
    assert_eq!(DirName::parse(&name).map(|d| (d.purpose, d.unique)), Some((Purpose::Delete, Uuid([0xab; 16]))));
}

#[test]
fn file_name_is_twenty_digits_a_kind_and_what_is_to_become_of_it() {
    let parsed = |name: &str| FileName::parse(name).map(|f| (f.offset.0, f.kind, f.mark));
    assert_eq!(parsed("00000000000000000042.log"), Some((42, Kind::Log, Mark::None)));
    assert_eq!(parsed("00000000000000000042.timeindex.deleted"), Some((42, Kind::TimeIndex, Mark::Deleted)));
    assert_eq!(parsed("00000000000000000042.log.swap"), Some((42, Kind::Log, Mark::Swap)));
    assert_eq!(parsed("00000000000000000042.log.cleaned"), Some((42, Kind::Log, Mark::Cleaned)));
    let checkpoint = Kind::Checkpoint(LeaderEpoch(3));
    assert_eq!(parsed("00000000000000000042-0000000003.checkpoint"), Some((42, checkpoint, Mark::None)));
    assert_eq!(parsed("00000000000000000042-0000000003.checkpoint.deleted"), Some((42, checkpoint, Mark::Deleted)));
    assert_eq!(parsed("00000000000000000042-0000000003-123.checkpoint.part"), Some((42, checkpoint, Mark::Part)));
    assert_eq!(FileName::of(checkpoint, Offset(42)), "00000000000000000042-0000000003.checkpoint");
    for other in ["42.log", "00000000000000000042", "00000000000000000042.foo", "99999999999999999999.log", "leader-epoch-checkpoint", "é"]
    {
        assert_eq!(parsed(other), None, "{other}");
    }
}

#[test]
fn index_entries_come_back_and_padding_is_damage() {
    let offsets = vec![OffsetEntry { last: Offset(109), at: 4200 }, OffsetEntry { last: Offset(230), at: 8500 }];
    let bytes = index::encode_offsets(Offset(100), &offsets);
    assert_eq!(&bytes[..], [0, 0, 0, 9, 0, 0, 16, 104, 0, 0, 0, 130, 0, 0, 33, 52]);
    assert_eq!(index::decode_offsets(Offset(100), &bytes, 9000), Ok(offsets));
    assert_eq!(index::decode_offsets(Offset(100), &bytes, 8500), Err(IndexDamage::Entry { index: 1 }), "beyond the log");
    assert_eq!(index::decode_offsets(Offset(100), &bytes[..15], 9000), Err(IndexDamage::Length { bytes: 15, entry: 8 }));
    assert_eq!(index::decode_offsets(Offset(100), &[&bytes[..], &[0; 8]].concat(), 9000), Err(IndexDamage::Entry { index: 2 }));
    let times = vec![TimeEntry { timestamp_ms: 5, last: Offset(100) }, TimeEntry { timestamp_ms: 9, last: Offset(230) }];
    let bytes = index::encode_times(Offset(100), &times);
    assert_eq!(index::decode_times(Offset(100), &bytes), Ok(times));
    assert_eq!(index::decode_times(Offset(100), &[&bytes[..], &[0; 12]].concat()), Err(IndexDamage::Entry { index: 2 }));
    let aborted = vec![AbortedTransaction {
        segment: Offset(100),
        producer: ProducerId(7),
        first: Offset(90),
        last: Offset(110),
        last_stable: Offset(111),
    }];
    let bytes = index::encode_aborted(&aborted);
    assert_eq!(bytes.len(), 34);
    assert_eq!(index::decode_aborted(Offset(100), &bytes), Ok(aborted));
    assert!(index::decode_aborted(Offset(100), &[bytes.to_vec(), vec![0; 66]].concat()).is_err());
}

#[test]
fn checkpoint_is_read_and_written_as_kafka_does() {
    let text = "0\n2\na-b 0 55\ncmp 3 7\n";
    let found = checkpoint::decode_offsets(&file(), text.as_bytes()).expect("a checkpoint of Kafka's").entries;
    assert_eq!(
        found.iter().map(|e| (e.partition.to_string(), e.offset.0)).collect::<Vec<_>>(),
        [("a-b-0".into(), 55), ("cmp-3".into(), 7)]
    );
    let mut lines = String::new();
    found.iter().for_each(|e| checkpoint::push_offset(&mut lines, &e.partition, e.offset));
    let sealed = checkpoint::seal_offsets(found.len(), &lines);
    let ours = checkpoint::Offsets { entries: found.clone(), sealed: true };
    assert_eq!(checkpoint::decode_offsets(&file(), sealed.as_bytes()), Ok(ours), "ours say the same, and one line more: {sealed}");
    for at in 0..sealed.len() {
        let mut bent = sealed.clone().into_bytes();
        bent[at] ^= 1;
        if let Ok(read) = checkpoint::decode_offsets(&file(), &bent) {
            let true_ones = read.entries.iter().filter(|e| found.contains(e)).count();
            let seal_is_bent = at >= sealed.rfind("crc32c:").expect("it is sealed");
            assert!(seal_is_bent && true_ones == found.len(), "bent at {at}: {read:?}");
        }
    }
    assert_eq!(checkpoint::decode_offsets(&file(), b""), Ok(checkpoint::Offsets::default()), "made at the first start with no bytes");
    assert_eq!(checkpoint::decode_offsets(&file(), b"0\n0\n"), Ok(checkpoint::Offsets::default()));
    let epochs = [EpochStart { epoch: LeaderEpoch(0), start: Offset(0) }, EpochStart { epoch: LeaderEpoch(2), start: Offset(9) }];
    assert_eq!(checkpoint::encode_epochs(&epochs), "0\n2\n0 0\n2 9\n");
    assert_eq!(checkpoint::decode_epochs(&file(), b"0\n2\n0 0\n2 9\n").as_deref(), Ok(&epochs[..]));
}

#[test]
fn checkpoint_errors_name_file_line_and_what_was_expected() {
    let says = |text: &str| checkpoint::decode_offsets(&Name::from("x/cp"), text.as_bytes()).expect_err("malformed").to_string();
    assert_eq!(says("1\n0\n"), "x/cp line 1: Unrecognised version:1, expected version: 0");
    assert_eq!(says("0\n1\nzz\n"), "x/cp line 3: Malformed line \"zz\", expected topic partition offset");
    assert_eq!(says("0\n50\na 0 1\n"), "x/cp: Expected [50] entries, but found [1]");
    assert_eq!(says("0\n0\na 0 1\n"), "x/cp: Expected [0] entries, but found [1]");
    assert_eq!(says("0\nmany\n"), "x/cp line 2: Malformed line \"many\", expected the number of entries");
    assert_eq!(says("hi\n"), "x/cp line 1: Malformed line \"hi\", expected a version");
}

#[test]
fn partition_metadata_is_43_bytes_without_a_last_newline() {
    let id = Uuid::parse("MkU3OEVBNTcwNTJENDM2Qg").expect("an id");
    let text = "version: 0\ntopic_id: MkU3OEVBNTcwNTJENDM2Qg";
    assert_eq!((partition_metadata::encode(id).as_str(), text.len()), (text, 43));
    assert_eq!(partition_metadata::decode(&file(), text.as_bytes()), Ok(id));
    assert_eq!(partition_metadata::decode(&file(), b"version: 1\ntopic_id: MkU3OEVBNTcwNTJENDM2Qg\n"), Ok(id));
    let says = |text: &str| partition_metadata::decode(&file(), text.as_bytes()).expect_err("malformed").to_string();
    assert_eq!(says("hi"), "f line 1: Malformed line \"hi\", expected key: value");
    assert_eq!(says("version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAA"), "f: Invalid topic ID: the one that means none");
    assert_eq!(says("version: -1\n"), "f line 1: Malformed line \"version: -1\", expected a version of at least 0");
    assert_eq!(says("version: 0"), "f: no line with a topic_id");
}

#[test]
fn properties_have_three_separators_escapes_and_continued_lines() {
    let text = "# c\n! c\n\n  a = 1\nb:2\nc 3\nd\\ e\\:=x\\ty\\u0041\nlong=one \\\n   two\nempty\na=again\nback=c\\\\\n";
    let found = properties::decode(&file(), text.as_bytes()).expect("legal");
    let found: Vec<_> = found.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    let expected = [("b", "2"), ("c", "3"), ("d e:", "x\tyA"), ("long", "one two"), ("empty", ""), ("a", "again"), ("back", "c\\")];
    assert_eq!(found, expected);
    assert_eq!(properties::decode(&file(), properties::encode(expected).as_bytes()).expect("ours").len(), expected.len());
    assert!(properties::decode(&file(), b"a=\\u12").is_err());
}

#[test]
fn meta_properties_of_kafka_are_read_and_ours_have_the_same_keys() {
    let text =
        "#\n#Mon Nov 23 10:00:00 UTC 2026\ncluster.id=MkU3OEVBNTcwNTJENDM2Qg\ndirectory.id=Jx0wDf9QT0mWwqK1L1xYzA\nnode.id=1\nversion=1\n";
    let meta = meta_properties::decode(&file(), text.as_bytes()).expect("of Kafka");
    assert_eq!((meta.version, meta.node, meta.cluster_id.as_str()), (1, NodeId(1), "MkU3OEVBNTcwNTJENDM2Qg"));
    assert_eq!(meta.directory_id.map(|id| id.to_string()).as_deref(), Some("Jx0wDf9QT0mWwqK1L1xYzA"));
    assert_eq!(meta_properties::decode(&file(), meta_properties::encode(&meta).as_bytes()), Ok(meta));
    let old = meta_properties::decode(&file(), b"broker.id=3\ncluster.id=c\n").expect("version 0");
    assert_eq!(old, MetaProperties { version: 0, node: NodeId(3), cluster_id: "c".to_owned(), directory_id: None });
    let says = |text: &str| meta_properties::decode(&file(), text.as_bytes()).expect_err("malformed").to_string();
    assert_eq!(says("version=2\n"), "f: Unknown meta.properties version number 2");
    assert_eq!(says("version=1\nnode.id=1\n"), "f: cluster.id was not found.");
    assert_eq!(says("version=1\nnode.id=x\ncluster.id=c"), "f: node.id is \"x\", expected a decimal number");
    assert_eq!(
        says("version=1\nnode.id=1\ncluster.id=c\ndirectory.id=AAAAAAAAAAAAAAAAAAAAAQ"),
        "f: directory.id AAAAAAAAAAAAAAAAAAAAAQ is reserved"
    );
}

#[test]
fn clean_shutdown_is_kafkas_json_and_its_content_may_be_lost() {
    assert_eq!(clean_shutdown::encode(11), "{\"version\":0,\"brokerEpoch\":11}");
    assert_eq!(clean_shutdown::decode(b"{\"version\":0,\"brokerEpoch\":11}"), Some(11));
    assert_eq!(clean_shutdown::decode(b"{\"version\":7,\"more\":[1.5e3,null],\"brokerEpoch\":12}"), Some(12));
    for lost in [&b""[..], b"hi", b"{}", b"{\"brokerEpoch\":\"x\"}", b"\xff"] {
        assert_eq!(clean_shutdown::decode(lost), None);
    }
}

#[test]
fn json_is_read_and_what_is_none_says_where() {
    let value = json::parse(" { \"a\" : [1, -2, {\"b\":null}], \"s\":\"x\\u00e9\\n\\\"\", \"t\":true } ").expect("JSON");
    assert_eq!(value.get("s").and_then(Json::as_str), Some("xé\n\""));
    assert_eq!(json::parse(&json::quoted("xé\n\"")), Ok(Json::Text("xé\n\"".to_owned())));
    for (text, at) in [("", 0), ("{", 1), ("{\"a\" 1}", 5), ("[1,]", 3), ("\"a", 2), ("{} x", 3), ("\"\\q\"", 2)] {
        assert_eq!(json::parse(text).expect_err("no JSON").at, at, "{text}");
    }
    assert!(json::parse(&"[".repeat(100)).is_err());
}

#[test]
fn quorum_state_of_both_versions_is_kafkas_with_a_checksum_of_ours() {
    let v0 = "{\"clusterId\":\"\",\"leaderId\":0,\"leaderEpoch\":1,\"votedId\":-1,\"appliedOffset\":0,\"currentVoters\":[{\"voterId\":0}],\"data_version\":0}";
    let v1 = "{\"leaderId\":1,\"leaderEpoch\":1,\"votedId\":-1,\"votedDirectoryId\":\"AAAAAAAAAAAAAAAAAAAAAA\",\"data_version\":1}";
    for text in [v0, v1] {
        let state = quorum_state::decode(&file(), text.as_bytes()).expect("of Kafka");
        let ours = quorum_state::encode(&state);
        let kafkas = text.strip_suffix('}').expect("an object");
        assert_eq!((state.epoch, state.voted, &ours[..kafkas.len()]), (LeaderEpoch(1), None, kafkas));
        assert!(ours[kafkas.len()..].starts_with(",\"crc32c\":\""), "{ours}");
        let seal = ours.rfind(",\"crc32c").expect("it is there");
        for at in 0..ours.len() {
            let mut bent = ours.clone().into_bytes();
            bent[at] ^= 1;
            let read = quorum_state::decode(&file(), &bent);
            assert!(read.is_err() || at >= seal && read == Ok(state.clone()), "bent at {at}: {read:?}");
        }
    }
    let says = |text: &str| quorum_state::decode(&file(), text.as_bytes()).expect_err("malformed").to_string();
    assert_eq!(says(""), "f: byte 0: expected a value");
    assert!(
        says("{\"leaderId\":1,\"leaderEpoch\":1,\"data_version\":2}").contains("data_version (2) is not within the min (0) and max (1)")
    );
    assert!(says("{\"leaderId\":1,\"leaderEpoch\":1}").contains("expected a number as data_version"));
    let voted = QuorumState {
        epoch: LeaderEpoch(4),
        leader: None,
        voted: Some(NodeId(2)),
        voted_directory: Some(Uuid([1; 16])),
        voters: vec![],
        data_version: 1,
    };
    assert_eq!(quorum_state::decode(&file(), quorum_state::encode(&voted).as_bytes()), Ok(voted));
}

fn snapshot(end: Offset, bytes: &[u8]) -> Result<Vec<RecoveredProducer>, SnapshotDamage> {
    producer_snapshot::decode(end, bytes, Guards::ALL_ON)
}

fn producer(id: i64, last_offset: i64) -> RecoveredProducer {
    let batch = ProducerBatchMeta { last_sequence: Sequence(4), last_offset: Offset(last_offset), offset_delta: 4, timestamp_ms: 77 };
    RecoveredProducer {
        id: ProducerId(id),
        epoch: ProducerEpoch(1),
        batches: vec![batch],
        last_timestamp_ms: 77,
        coordinator_epoch: -1,
        transaction_start: None,
    }
}

#[test]
fn producer_snapshot_is_kafkas_layout_and_the_empty_one_is_pinned() {
    assert_eq!(&producer_snapshot::encode([])[..], [0, 1, 0x48, 0x67, 0x4b, 0xc7, 0, 0, 0, 0]);
    assert_eq!(snapshot(Offset(0), &producer_snapshot::encode([])), Ok(vec![]));
    let fenced = RecoveredProducer { batches: vec![], transaction_start: Some(Offset(12)), coordinator_epoch: 3, ..producer(8, 0) };
    let all = vec![producer(7, 40), fenced];
    let bytes = producer_snapshot::encode(&all);
    assert_eq!(bytes.len(), 10 + 2 * 46);
    assert_eq!(snapshot(Offset(41), &bytes), Ok(all));
}

#[test]
fn producer_snapshot_that_contradicts_itself_is_damage() {
    let says = |end: i64, bytes: &[u8]| snapshot(Offset(end), bytes).expect_err("damaged").to_string();
    let bytes = producer_snapshot::encode(&[producer(7, 40)]);
    assert_eq!(says(40, &bytes), "entry 0 contradicts itself or another one");
    assert_eq!(says(50, &producer_snapshot::encode(&[producer(7, 40), producer(7, 30)])), "entry 1 contradicts itself or another one");
    let mut flipped = bytes.to_vec();
    flipped[20] ^= 1;
    assert!(says(41, &flipped).starts_with("Snapshot is corrupt (CRC is no longer valid)"));
    let mut other = bytes.to_vec();
    other[1] = 2;
    assert_eq!(says(41, &other), "Snapshot contained an unknown file version 2");
    for cut in 0..bytes.len() {
        assert!(snapshot(Offset(41), &bytes[..cut]).is_err(), "cut at {cut}");
    }
}

#[test]
fn synced_marks_count_the_last_of_each_and_are_read_past_a_line_that_is_torn_or_damaged() {
    let mark = |p: i32, end: i64| SyncedMark {
        partition: partition("a-b", p),
        topic_id: (p == 0).then_some(Uuid([5; 16])),
        segment: Offset(0),
        length: 10,
        end: Offset(end),
        start: Offset(1),
    };
    let lines = [mark(0, 5), mark(1, 6), mark(0, 9)].map(|m| synced_marks::encode(&m));
    let text = lines.concat();
    assert_eq!(synced_marks::decode(text.as_bytes()), (vec![mark(0, 9), mark(1, 6)], 0));
    let whole = text.len() - lines[2].len();
    for cut in whole + 1..text.len() {
        assert_eq!(synced_marks::decode(&text.as_bytes()[..cut]), (vec![mark(0, 5), mark(1, 6)], 1), "cut at {cut}");
    }
    for at in 0..lines[0].len() {
        let mut bent = text.clone().into_bytes();
        bent[at] ^= 4;
        let (marks, damaged) = synced_marks::decode(&bent);
        let kept = if at + 1 == lines[0].len() { vec![mark(0, 9)] } else { vec![mark(0, 9), mark(1, 6)] };
        assert_eq!((marks, damaged), (kept, 1), "bent at {at}");
    }
}

#[test]
fn record_of_damage_comes_back_and_every_flipped_byte_of_it_is_noticed() {
    let (segment, why) = (Name::from("t-0/00000000000000000000.log"), "checksum 0x1 stored, 0x2 computed".to_owned());
    let found = crate::open::Damage { segment, at: 70, offset: Offset(1), synced: Offset(9), why };
    let text = damage::encode(&found);
    assert_eq!(damage::decode(&file(), text.as_bytes()), Ok(found));
    for at in 0..text.len() - 1 {
        let mut bent = text.clone().into_bytes();
        bent[at] ^= 1;
        assert!(damage::decode(&file(), &bent).is_err(), "bent at {at}");
    }
}

proptest! {
    #[test]
    fn formats_never_panic_on_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200), base in any::<i64>()) {
        let name = file();
        let _ = checkpoint::decode_offsets(&name, &bytes);
        let _ = checkpoint::decode_epochs(&name, &bytes);
        let _ = partition_metadata::decode(&name, &bytes);
        let _ = meta_properties::decode(&name, &bytes);
        let _ = quorum_state::decode(&name, &bytes);
        let _ = clean_shutdown::decode(&bytes);
        let _ = synced_marks::decode(&bytes);
        let _ = damage::decode(&name, &bytes);
        let _ = snapshot(Offset(base), &bytes);
        let _ = index::decode_offsets(Offset(base), &bytes, 1 << 20);
        let _ = index::decode_times(Offset(base), &bytes);
        let _ = index::decode_aborted(Offset(base), &bytes);
        let text = String::from_utf8_lossy(&bytes);
        let _ = DirName::parse(&text);
        let _ = FileName::parse(&text);
    }

    #[test]
    fn formats_of_hostile_files_cost_a_multiple_of_what_is_there(
        bytes in proptest::collection::vec(prop_oneof![Just(0), Just(1), Just(b'\n'), Just(b'['), Just(b'{'), Just(b' '), any::<u8>()], 0..3_000),
        checked in any::<bool>(),
    ) {
        let name = file();
        let mut content = bytes;
        // With the checksum right, the count behind it is met.
        if checked && content.len() > 10 {
            content[..2].copy_from_slice(&1i16.to_be_bytes());
            let crc = odradek_wire::batch::crc32c(&content[6..]);
            content[2..6].copy_from_slice(&crc.to_be_bytes());
        }
        let cost = allocation_counter::measure(|| {
            drop(checkpoint::decode_offsets(&name, &content));
            drop(checkpoint::decode_epochs(&name, &content));
            drop(partition_metadata::decode(&name, &content));
            drop(meta_properties::decode(&name, &content));
            drop(quorum_state::decode(&name, &content));
            let _ = clean_shutdown::decode(&content);
            drop(synced_marks::decode(&content));
            drop(damage::decode(&name, &content));
            drop(snapshot(Offset(0), &content));
            drop(index::decode_offsets(Offset(0), &content, 1 << 20));
            drop(index::decode_times(Offset(0), &content));
            drop(index::decode_aborted(Offset(0), &content));
        });
        prop_assert!(cost.bytes_max <= 4_096 + 128 * content.len() as u64, "{} of {}", cost.bytes_max, content.len());
    }

    #[test]
    fn properties_come_back_whatever_they_say(pairs in proptest::collection::btree_map(".*", ".*", 0..5)) {
        // A carriage return ends a line, and is written as an escape.
        let written = properties::encode(pairs.iter().map(|(k, v)| (k.as_str(), v.as_str())));
        let read = properties::decode(&file(), written.as_bytes()).expect("ours");
        let kept: Vec<_> = pairs.into_iter().filter(|(k, v)| !(k.is_empty() && v.is_empty())).collect();
        prop_assert_eq!(read.into_iter().filter(|(k, v)| !(k.is_empty() && v.is_empty())).collect::<Vec<_>>(), kept);
    }
}
