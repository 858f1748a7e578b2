//! Directories that Apache Kafka 4.3.1 wrote, byte for byte: read, understood, and gone on from; and what ours writes beside what it wrote.
//!
//! `lives.log`: a node that was started, given a topic, stopped, started, killed, started, told more of the topic, and stopped.
//! `snapshot.log` and its checkpoint: a node killed after it wrote a snapshot. `standalone.*`: a node formatted with `--standalone` (kraft.version 1).

use crate::host::{Disk, Node, heartbeat, register_broker};
use bytes::Bytes;
use odradek_cluster::controller::{ControllerRequest, METADATA_VERSION_LATEST, bootstrap_records};
use odradek_cluster::image::{Image, LeaderRecovery};
use odradek_cluster::messages::create_partitions_request::CreatePartitionsTopic;
use odradek_cluster::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use odradek_cluster::messages::incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig};
use odradek_cluster::messages::{
    CreatePartitionsRequestData, CreateTopicsRequestData, DeleteTopicsRequestData, IncrementalAlterConfigsRequestData, text,
};
use odradek_cluster::record::MetadataRecord;
use odradek_quorum::{OpenError, QuorumState, SnapshotId, snapshot};
use odradek_wire::batch::{Batches, ReplicaBatch};
use odradek_wire::ids::{LeaderEpoch, NodeId, Offset, Uuid};

const LIVES: &[u8] = include_bytes!("captures/lives.log");
const SNAPSHOT_LOG: &[u8] = include_bytes!("captures/snapshot.log");
const SNAPSHOT: &[u8] = include_bytes!("captures/00000000000000000046-0000000001.checkpoint");
const STANDALONE_LOG: &[u8] = include_bytes!("captures/standalone.log");
const STANDALONE: &[u8] = include_bytes!("captures/standalone.checkpoint");
const BOOTSTRAP: &[u8] = include_bytes!("captures/bootstrap.checkpoint");
const STANDALONE_DIRECTORY: &str = "qEdra2yFS5uGkcWEeKxHRg";

fn batches(log: &'static [u8]) -> Vec<ReplicaBatch> {
    ReplicaBatch::all(Bytes::from_static(log)).expect("Apache Kafka writes whole batches")
}

fn records(batch: &ReplicaBatch) -> Vec<MetadataRecord> {
    let value = |r: Result<odradek_wire::batch::Record, _>| r.expect("a record").value.expect("a value");
    let all = batch.records(1 << 20).expect("readable").map(value);
    all.map(|value| MetadataRecord::decode(&value).expect("a metadata record").0).collect()
}

fn replayed(records: &[MetadataRecord]) -> Image {
    let mut image = Image::new();
    records.iter().for_each(|r| drop(image.apply(r).unwrap_or_else(|e| panic!("{r:?}: {e}"))));
    image
}

/// A node whose disk holds what Apache Kafka left.
fn node_on(log: Vec<ReplicaBatch>, state: &'static str) -> Node {
    let mut node = Node::new();
    let synced = log.len();
    node.disk = Disk { quorum_state: Some(Bytes::from_static(state.as_bytes())), log, synced, ..Disk::default() };
    node
}

const STATE: &str =
    r#"{"clusterId":"","leaderId":0,"leaderEpoch":3,"votedId":-1,"appliedOffset":0,"currentVoters":[{"voterId":0}],"data_version":0}"#;

/// A checkpoint without what differs by the moment of writing: timestamps and checksums.
fn timeless(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for batch in Batches::new(Bytes::copy_from_slice(bytes)) {
        let mut batch = batch.expect("a batch").bytes().to_vec();
        batch[17..21].fill(0);
        batch[27..43].fill(0);
        out.extend(batch);
    }
    out
}

#[test]
fn our_bootstrap_checkpoint_is_apache_kafkas() {
    let ours = snapshot::bootstrap_checkpoint(1_700_000_000_000, METADATA_VERSION_LATEST, &bootstrap_records());
    assert_eq!(timeless(&ours), timeless(BOOTSTRAP));
    let theirs = snapshot::decode(Bytes::from_static(BOOTSTRAP)).expect("readable");
    assert_eq!(theirs.records, bootstrap_records());
}

#[test]
fn a_fresh_log_begins_as_apache_kafkas() {
    let mut node = Node::new();
    node.start().expect("an empty directory");
    let theirs = batches(LIVES);
    assert_eq!(node.disk.log.len(), 2);
    for (ours, theirs) in node.disk.log.iter().zip(&theirs) {
        assert_eq!(timeless(ours.bytes()), timeless(theirs.bytes()));
    }
}

/// At each batch of Apache Kafka's log, our controller is put before the image of what came before and asked what Kafka's was asked.
#[test]
fn decisions_are_apache_kafkas() {
    let log = batches(LIVES);
    let directory = directory_of(&log);
    let mut compared = Vec::new();
    for (i, batch) in log.iter().enumerate().filter(|(_, b)| !b.header().attributes.is_control()) {
        let theirs = records(batch);
        let mut node = node_on(log[..i].to_vec(), STATE);
        node.start().expect("a log of Apache Kafka");
        let Some((name, request)) = question(&theirs, node.image(), directory) else { continue };
        let at = node.disk.log.len();
        if name == "session ended" {
            node.advance_ms(9000);
            node.due();
        } else {
            node.ask(&request);
        }
        let ours = records(&node.disk.log[at]);
        let base = node.disk.log[at].header().base_offset.0;
        assert!(
            ours.iter().all(|r| !matches!(r, MetadataRecord::RegisterBroker(r) if r.broker_epoch != base)),
            "its epoch is the offset of its batch"
        );
        assert_eq!(comparable(&ours), comparable(&theirs), "{name} at offset {}", batch.header().base_offset.0);
        compared.push(name);
    }
    compared.sort_unstable();
    let wanted = ["create", "delete", "fenced", "more partitions", "overrides", "registration", "registration", "registration"];
    assert!(wanted.iter().all(|w| compared.contains(w)), "{compared:?}");
    assert!(compared.iter().filter(|n| **n == "registration").count() >= 3, "{compared:?}");
    assert!(compared.iter().filter(|n| **n == "unfenced").count() >= 3, "{compared:?}");
    assert!(compared.contains(&"controlled shutdown"), "{compared:?}");
}

fn directory_of(log: &[ReplicaBatch]) -> Uuid {
    let register = |r: MetadataRecord| if let MetadataRecord::RegisterBroker(r) = r { Some(r.log_dirs[0]) } else { None };
    log.iter().filter(|b| !b.header().attributes.is_control()).flat_map(records).find_map(register).expect("a broker registered")
}

/// What Kafka's controller was asked when it answered with these records; `None` for what is not asked (no-ops, registrations of controllers).
fn question(theirs: &[MetadataRecord], image: &Image, directory: Uuid) -> Option<(&'static str, ControllerRequest)> {
    let epoch = image.broker(NodeId(0)).map_or(-1, |b| b.epoch.0);
    let beat = |want_fence, want_shut_down| heartbeat(0, epoch, i64::MAX, want_fence, want_shut_down);
    match theirs {
        [.., MetadataRecord::RegisterBroker(r)] => {
            // Records before the registration say that the stop before was unclean.
            let previous = if theirs.len() == 1 { epoch } else { -1 };
            Some(("registration", register_broker(0, r.incarnation_id, directory, previous)))
        }
        [MetadataRecord::BrokerRegistrationChange(c), ..] if c.fenced == -1 => Some(("unfenced", beat(false, false))),
        [MetadataRecord::BrokerRegistrationChange(c), ..] if c.in_controlled_shutdown == 1 => {
            Some(("controlled shutdown", beat(false, true)))
        }
        [MetadataRecord::BrokerRegistrationChange(c)] if c.fenced == 1 => Some(("fenced", beat(false, true))),
        [.., MetadataRecord::BrokerRegistrationChange(c)] if c.fenced == 1 => Some(("session ended", beat(false, false))),
        [MetadataRecord::Topic(t), rest @ ..] => {
            let configs = rest.iter().filter_map(|r| match r {
                MetadataRecord::Config(c) => {
                    Some(CreatableTopicConfig { name: text(&c.name), value: c.value.as_deref().map(text), ..Default::default() })
                }
                _ => None,
            });
            let partitions = rest.iter().filter(|r| matches!(r, MetadataRecord::Partition(_))).count();
            let topic = CreatableTopic {
                name: text(&t.name),
                num_partitions: partitions as i32,
                replication_factor: 1,
                configs: configs.collect(),
                ..Default::default()
            };
            Some(("create", ControllerRequest::CreateTopics(CreateTopicsRequestData { topics: vec![topic], ..Default::default() })))
        }
        [MetadataRecord::Config(c), ..] => {
            let config = AlterableConfig { name: text(&c.name), value: c.value.as_deref().map(text), ..Default::default() };
            let resource = AlterConfigsResource {
                resource_type: c.resource_type,
                resource_name: text(&c.resource_name),
                configs: vec![config],
                ..Default::default()
            };
            let request = IncrementalAlterConfigsRequestData { resources: vec![resource], ..Default::default() };
            Some(("overrides", ControllerRequest::IncrementalAlterConfigs(request)))
        }
        [MetadataRecord::Partition(p)] => {
            let name = &image.topic_by_id(p.topic_id)?.name;
            let topic = CreatePartitionsTopic { name: text(name), count: p.partition_id + 1, ..Default::default() };
            let request = CreatePartitionsRequestData { topics: vec![topic], ..Default::default() };
            Some(("more partitions", ControllerRequest::CreatePartitions(request)))
        }
        [MetadataRecord::RemoveTopic(t)] => {
            let name = text(&image.topic_by_id(t.topic_id)?.name);
            Some(("delete", ControllerRequest::DeleteTopics(DeleteTopicsRequestData { topic_names: vec![name], ..Default::default() })))
        }
        _ => None,
    }
}

/// Records without what was drawn (ids of new topics), announced (listeners, features) or numbered by place (a registration's epoch), and without the heartbeat's word on cordoned directories,
/// which Kafka's broker says in a heartbeat of its own.
fn comparable(records: &[MetadataRecord]) -> Vec<MetadataRecord> {
    let keep = |r: &&MetadataRecord| !matches!(r, MetadataRecord::BrokerRegistrationChange(c) if c.cordoned_log_dirs.is_some());
    let mut kept: Vec<MetadataRecord> = records.iter().filter(keep).cloned().collect();
    let created = kept.iter().any(|r| matches!(r, MetadataRecord::Topic(_)));
    for record in &mut kept {
        match record {
            MetadataRecord::Topic(t) => t.topic_id = Uuid::ZERO,
            MetadataRecord::Partition(p) if created => p.topic_id = Uuid::ZERO,
            MetadataRecord::RegisterBroker(r) => {
                r.broker_epoch = 0;
                r.end_points.clear();
                r.features.clear();
            }
            _ => {}
        }
    }
    // Partitions of several topics come in no order of Kafka's.
    kept.sort_by_key(|r| if let MetadataRecord::PartitionChange(p) = r { (1, p.partition_id) } else { (0, 0) });
    kept
}

#[test]
fn every_life_of_the_node_is_understood() {
    let log = batches(LIVES);
    let mut seen_recovering = false;
    for end in 1..=log.len() {
        let mut node = node_on(log[..end].to_vec(), STATE);
        node.start().unwrap_or_else(|e| panic!("after {end} batches: {e}"));
        let partitions = node.image().topics().flat_map(|t| t.partitions.values());
        seen_recovering |= partitions.into_iter().any(|p| p.recovery == LeaderRecovery::Recovering);
    }
    assert!(seen_recovering, "the kill was met");
    let mut node = node_on(log, STATE);
    node.start().expect("a log of Apache Kafka");
    assert_eq!(node.image().topic_count(), 0, "deleted in the last life");
    assert_eq!(node.quorum.as_ref().map(odradek_quorum::Quorum::epoch), Some(LeaderEpoch(4)));
    assert!(node.image().broker(NodeId(0)).is_some_and(|b| b.fenced));
}

#[test]
fn a_snapshot_is_read_and_agrees_with_the_log_before_it() {
    let id = SnapshotId { end: Offset(46), epoch: LeaderEpoch(1) };
    assert_eq!(SnapshotId::parse("00000000000000000046-0000000001.checkpoint"), Some(id));
    let theirs = snapshot::decode(Bytes::from_static(SNAPSHOT)).expect("readable");
    let image = replayed(&theirs.records);
    let before: Vec<MetadataRecord> = batches(SNAPSHOT_LOG)
        .iter()
        .filter(|b| !b.header().attributes.is_control() && b.header().next_offset() <= id.end)
        .flat_map(records)
        .collect();
    assert_eq!(replayed(&before).difference(&image), None);
    assert_eq!(kinds(&image.to_records()), kinds(&theirs.records), "in Kafka's order");
    let header = theirs.header;
    let again = snapshot::encode(id, 1, &header, METADATA_VERSION_LATEST, &image.to_records());
    assert_eq!(snapshot::decode(again).expect("ours").header, header);
}

fn kinds(records: &[MetadataRecord]) -> Vec<&'static str> {
    records.iter().map(MetadataRecord::name).collect()
}

#[test]
fn a_directory_with_a_snapshot_is_gone_on_from() {
    let mut node = node_on(batches(SNAPSHOT_LOG), STATE);
    let id = SnapshotId { end: Offset(46), epoch: LeaderEpoch(1) };
    node.disk.snapshots.insert(id, Bytes::from_static(SNAPSHOT));
    node.start().expect("a log and a snapshot of Apache Kafka");
    let with_snapshot = node.image().clone();
    let mut node = node_on(batches(SNAPSHOT_LOG), STATE);
    node.start().expect("the log alone reaches back to its beginning");
    assert_eq!(node.image().difference(&with_snapshot), None);
    assert_eq!(with_snapshot.topic("orders").map(|t| t.partitions.len()), Some(2));
    assert_eq!(with_snapshot.next_producer_id(), 1000);
}

#[test]
fn a_snapshot_beyond_the_log_empties_it_and_one_missing_below_it_is_refused() {
    let id = SnapshotId { end: Offset(46), epoch: LeaderEpoch(1) };
    let mut node = node_on(batches(SNAPSHOT_LOG)[..3].to_vec(), STATE);
    node.disk.snapshots.insert(id, Bytes::from_static(SNAPSHOT));
    node.start().expect("the snapshot says it all");
    assert_eq!(node.disk.log_start, Offset(46));
    assert_eq!(node.image().topic("orders").map(|t| t.partitions.len()), Some(2));
    let mut node = node_on(Vec::new(), STATE);
    node.disk.log_start = Offset(46);
    assert_eq!(node.start(), Err(OpenError::NoSnapshot { log_start: 46 }));
}

#[test]
fn damage_is_refused_by_name() {
    let id = SnapshotId { end: Offset(46), epoch: LeaderEpoch(1) };
    let with = |content: Vec<u8>| {
        let mut node = node_on(batches(SNAPSHOT_LOG), STATE);
        node.disk.snapshots.insert(id, Bytes::from(content));
        node.start().expect_err("damaged").to_string()
    };
    assert!(with(SNAPSHOT[..SNAPSHOT.len() - 20].to_vec()).contains("cut short"));
    let mut flipped = SNAPSHOT.to_vec();
    flipped[300] ^= 1;
    assert!(with(flipped).starts_with("snapshot 00000000000000000046-0000000001.checkpoint:"));
    let state = |content: &str| QuorumState::decode(content.as_bytes()).expect_err("damaged").to_string();
    assert!(state("").contains("quorum-state"));
    assert!(
        state(r#"{"leaderId":0,"leaderEpoch":1,"votedId":-1,"data_version":2}"#)
            .contains("data_version (2) is not within the min (0) and max (1)")
    );
    assert!(state(r#"{"leaderId":0,"leaderEpoch":1,"votedId":-1}"#).contains("expected a number as data_version"));
}

#[test]
fn a_standalone_directory_goes_on_with_its_voters() {
    let directory_id = Uuid::parse(STANDALONE_DIRECTORY).expect("an id");
    let theirs = snapshot::decode(Bytes::from_static(STANDALONE)).expect("readable");
    assert_eq!((theirs.header.kraft_version, theirs.records.len()), (1, 0));
    let fresh = |log: Vec<ReplicaBatch>| {
        let mut node =
            node_on(log, r#"{"leaderId":0,"leaderEpoch":1,"votedId":-1,"votedDirectoryId":"AAAAAAAAAAAAAAAAAAAAAA","data_version":1}"#);
        node.disk.snapshots.insert(SnapshotId::default(), Bytes::from_static(STANDALONE));
        node.quorum_config.voters.clear();
        node.quorum_config.directory_id = directory_id;
        node
    };
    // Formatted and never started: the first batch says who votes, as Kafka's does.
    let mut node = fresh(Vec::new());
    node.disk.quorum_state = None;
    node.start().expect("formatted");
    let their_log = batches(STANDALONE_LOG);
    assert_eq!(timeless(node.disk.log[0].bytes()), timeless(their_log[0].bytes()));
    assert!(node.said[1].contains(r#""data_version":1"#), "{}", node.said[1]);
    // Started before: only the leader changes.
    let mut node = fresh(their_log.clone());
    node.start().expect("started before");
    assert_eq!(node.disk.log[their_log.len()].header().record_count, 1);
    // Another directory does not vote.
    let mut node = fresh(their_log);
    node.quorum_config.directory_id = Uuid([9; 16]);
    assert!(matches!(node.start(), Err(OpenError::NotAVoter { node: 0, .. })));
}
