//! Histories, their images, and what must be equal.

use odradek_wire::ids::{NodeId, Uuid};
use proptest::prelude::*;

use super::{ApplyError, Changed, Image, Loader, METADATA_VERSION, Resource};
use crate::record::{
    AbortTransactionRecord, BeginTransactionRecord, BrokerEndpoint, BrokerFeature, BrokerRegistrationChangeRecord, ClearElrRecord,
    ConfigRecord, EndTransactionRecord, FeatureLevelRecord, MetadataRecord, NoOpRecord, PartitionChangeRecord, PartitionRecord,
    ProducerIdsRecord, RegisterBrokerRecord, RegisterControllerRecord, RemoveTopicRecord, TopicRecord, UnregisterBrokerRecord,
    UserScramCredentialRecord,
};

/// What may happen next, in terms of what is there: an operation on nothing says nothing.
#[derive(Clone, Debug)]
enum Op {
    CreateTopic { name: u8, partitions: u8 },
    RemoveTopic { nth: usize },
    ChangePartition { nth: usize, isr: Vec<u8>, leader: i8, elr: Option<Vec<u8>>, recovery: i8 },
    Reassign { nth: usize, replicas: Vec<u8> },
    Config { topic: Option<usize>, key: u8, value: Option<u8> },
    RegisterBroker { id: u8, epoch: u16, dirs: u8 },
    ChangeBroker { nth: usize, fenced: i8, leaving: bool, cordoned: bool },
    UnregisterBroker { nth: usize },
    RegisterController { id: u8 },
    Feature { name: u8, level: u8 },
    ProducerIds { block: u16 },
    ClearElr { nth: Option<usize> },
    Keep { key: u8 },
    Idle,
}

fn op() -> impl Strategy<Value = Op> {
    let ids = || prop::collection::vec(0u8..5, 0..4);
    prop_oneof![
        4 => (0u8..12, 1u8..5).prop_map(|(name, partitions)| Op::CreateTopic { name, partitions }),
        1 => any::<usize>().prop_map(|nth| Op::RemoveTopic { nth }),
        6 => (any::<usize>(), ids(), -2i8..5, prop::option::of(ids()), -1i8..2)
            .prop_map(|(nth, isr, leader, elr, recovery)| Op::ChangePartition { nth, isr, leader, elr, recovery }),
        1 => (any::<usize>(), ids()).prop_map(|(nth, replicas)| Op::Reassign { nth, replicas }),
        3 => (prop::option::of(any::<usize>()), 0u8..4, prop::option::of(any::<u8>())).prop_map(|(topic, key, value)| Op::Config { topic, key, value }),
        2 => (0u8..5, any::<u16>(), 0u8..3).prop_map(|(id, epoch, dirs)| Op::RegisterBroker { id, epoch, dirs }),
        2 => (any::<usize>(), -1i8..2, any::<bool>(), any::<bool>())
            .prop_map(|(nth, fenced, leaving, cordoned)| Op::ChangeBroker { nth, fenced, leaving, cordoned }),
        1 => any::<usize>().prop_map(|nth| Op::UnregisterBroker { nth }),
        1 => (0u8..3).prop_map(|id| Op::RegisterController { id }),
        1 => (0u8..4, 0u8..3).prop_map(|(name, level)| Op::Feature { name, level }),
        1 => any::<u16>().prop_map(|block| Op::ProducerIds { block }),
        1 => prop::option::of(any::<usize>()).prop_map(|nth| Op::ClearElr { nth }),
        1 => (0u8..6).prop_map(|key| Op::Keep { key }),
        1 => Just(Op::Idle),
    ]
}

/// The records of an operation on this image.
fn records(image: &Image, op: &Op, at: i64) -> Vec<MetadataRecord> {
    let topics: Vec<_> = image.topics().cloned().collect();
    let pick = |nth: usize| (!topics.is_empty()).then(|| &topics[nth % topics.len()]);
    let brokers: Vec<_> = image.brokers().cloned().collect();
    let numbers = |ids: &[u8]| ids.iter().map(|&i| i32::from(i)).collect::<Vec<_>>();
    match op {
        Op::CreateTopic { name, partitions } => {
            let name = format!("t{name}");
            if image.topic_id(&name).is_some() {
                return Vec::new();
            }
            let topic_id = id(1, at);
            let mut records = vec![TopicRecord { name, topic_id }.into()];
            records.extend((0..i32::from(*partitions)).map(|partition_id| {
                let (replicas, isr) = (vec![0, 1, 2], vec![0, 1]);
                let directories = vec![id(2, 0), id(2, 1), id(2, 2)];
                MetadataRecord::from(PartitionRecord {
                    partition_id,
                    topic_id,
                    replicas,
                    isr,
                    leader: 0,
                    leader_epoch: 0,
                    partition_epoch: 0,
                    directories,
                    ..Default::default()
                })
            }));
            records
        }
        Op::RemoveTopic { nth } => pick(*nth).map(|t| RemoveTopicRecord { topic_id: t.id }.into()).into_iter().collect(),
        Op::ChangePartition { nth, isr, leader, elr, recovery } => {
            let Some(topic) = pick(*nth) else { return Vec::new() };
            let change = PartitionChangeRecord {
                partition_id: (*nth / 7 % topic.partitions.len()) as i32,
                topic_id: topic.id,
                isr: (isr.len() != 3).then(|| numbers(isr)),
                leader: i32::from(*leader),
                eligible_leader_replicas: elr.as_deref().map(numbers),
                last_known_elr: (*recovery == 1).then(|| vec![0]),
                leader_recovery_state: *recovery,
                ..Default::default()
            };
            vec![change.into()]
        }
        Op::Reassign { nth, replicas } => {
            let Some(topic) = pick(*nth) else { return Vec::new() };
            let replicas = numbers(replicas);
            let directories = Some(replicas.iter().map(|&r| id(2, i64::from(r))).collect());
            let adding_replicas = Some(replicas.clone());
            let change = PartitionChangeRecord {
                topic_id: topic.id,
                partition_id: 0,
                replicas: Some(replicas),
                directories,
                adding_replicas,
                ..Default::default()
            };
            vec![change.into()]
        }
        Op::Config { topic, key, value } => {
            let resource_name = topic.and_then(pick).map_or_else(String::new, |t| t.name.to_string());
            let resource_type = if resource_name.is_empty() { 4 } else { 2 };
            let value = value.map(|v| v.to_string());
            vec![ConfigRecord { resource_type, resource_name, name: format!("k{key}"), value }.into()]
        }
        Op::RegisterBroker { id: broker, epoch, dirs } => vec![
            RegisterBrokerRecord {
                broker_id: i32::from(*broker),
                incarnation_id: id(3, at),
                broker_epoch: i64::from(*epoch),
                end_points: vec![BrokerEndpoint { name: "A".into(), host: "h".into(), port: 1, security_protocol: 0 }],
                features: vec![BrokerFeature { name: "f".into(), min_supported_version: 0, max_supported_version: 1 }],
                rack: (*dirs == 1).then(|| "r".to_owned()),
                fenced: *dirs != 2,
                log_dirs: (0..i64::from(*dirs)).map(|d| id(2, d)).collect(),
                ..Default::default()
            }
            .into(),
        ],
        Op::ChangeBroker { nth, fenced, leaving, cordoned } if !brokers.is_empty() => {
            let broker = &brokers[nth % brokers.len()];
            vec![
                BrokerRegistrationChangeRecord {
                    broker_id: broker.id.0,
                    broker_epoch: broker.epoch.0,
                    fenced: *fenced,
                    in_controlled_shutdown: i8::from(*leaving),
                    log_dirs: Vec::new(),
                    cordoned_log_dirs: cordoned.then(|| vec![id(2, 0)]),
                }
                .into(),
            ]
        }
        Op::UnregisterBroker { nth } if !brokers.is_empty() => {
            let broker = &brokers[nth % brokers.len()];
            vec![UnregisterBrokerRecord { broker_id: broker.id.0, broker_epoch: broker.epoch.0 }.into()]
        }
        Op::ChangeBroker { .. } | Op::UnregisterBroker { .. } => Vec::new(),
        Op::RegisterController { id: controller } => {
            vec![RegisterControllerRecord { controller_id: i32::from(*controller), incarnation_id: id(4, at), ..Default::default() }.into()]
        }
        Op::Feature { name, level } => {
            let name = if *name == 0 { METADATA_VERSION.to_owned() } else { format!("f{name}") };
            vec![FeatureLevelRecord { name, feature_level: i16::from(*level) }.into()]
        }
        Op::ProducerIds { block } => {
            let next_producer_id = image.next_producer_id() + i64::from(*block);
            vec![ProducerIdsRecord { broker_id: 0, broker_epoch: 1, next_producer_id }.into()]
        }
        Op::ClearElr { nth } => {
            let topic_name = nth.and_then(pick).map_or_else(String::new, |t| t.name.to_string());
            vec![ClearElrRecord { topic_name }.into()]
        }
        Op::Keep { key: 0 } => vec![UserScramCredentialRecord { name: format!("u{at}"), ..Default::default() }.into()],
        Op::Keep { key } => {
            let body = bytes::Bytes::from(at.to_be_bytes().to_vec());
            vec![MetadataRecord::Unknown { api_key: 100 + u32::from(*key), version: 0, body }]
        }
        Op::Idle => vec![NoOpRecord {}.into()],
    }
}

fn id(kind: u8, n: i64) -> Uuid {
    let mut id = [kind; 16];
    id[8..].copy_from_slice(&(n + 1000).to_be_bytes());
    Uuid(id)
}

fn history(ops: &[Op]) -> (Vec<MetadataRecord>, Image) {
    let (mut all, mut image) = (Vec::new(), Image::new());
    for op in ops {
        for record in records(&image, op, all.len() as i64) {
            image.apply(&record).unwrap_or_else(|e| panic!("{record:?}: {e}"));
            all.push(record);
        }
    }
    (all, image)
}

fn replayed(records: &[MetadataRecord]) -> Image {
    let mut image = Image::new();
    records.iter().for_each(|r| drop(image.apply(r).unwrap_or_else(|e| panic!("{r:?}: {e}"))));
    image
}

proptest! {
    #[test]
    fn an_image_equals_its_replay_and_the_reload_of_its_snapshot(ops in prop::collection::vec(op(), 0..80)) {
        let (records, image) = history(&ops);
        prop_assert_eq!(replayed(&records).difference(&image), None);
        let snapshot: Vec<MetadataRecord> = image
            .to_records()
            .iter()
            .map(|r| MetadataRecord::decode(&r.encode(r.version_at(30).max(r.oldest_version()))).expect("what we write can be read").0)
            .collect();
        prop_assert_eq!(replayed(&snapshot).difference(&image), None);
        prop_assert_eq!(replayed(&snapshot).to_records(), snapshot);
    }

    #[test]
    fn a_shared_image_does_not_follow_changes(ops in prop::collection::vec(op(), 1..40), more in op()) {
        let (records_before, mut image) = history(&ops);
        let shared = image.clone();
        for record in records(&image, &more, 100_000) {
            image.apply(&record).expect("a valid record");
        }
        prop_assert_eq!(shared, replayed(&records_before));
    }

    #[test]
    fn any_record_is_applied_or_refused_and_a_refusal_changes_nothing(ops in prop::collection::vec(op(), 0..20), strange in op(), n in 0i64..1000) {
        let (_, image) = history(&ops);
        // A record made for another image: of topics, brokers and epochs that are not there.
        let (_, other) = history(&[Op::CreateTopic { name: 1, partitions: 2 }, Op::RegisterBroker { id: 1, epoch: 9, dirs: 1 }]);
        for record in records(&other, &strange, n) {
            let mut after = image.clone();
            if after.apply(&record).is_err() {
                prop_assert_eq!(&after, &image);
            }
        }
    }

    #[test]
    fn a_transaction_is_seen_whole_or_not_at_all(before in prop::collection::vec(op(), 0..20), inside in prop::collection::vec(op(), 0..20), ends: bool) {
        let (_, image) = history(&before);
        let mut loader = Loader::new(image.clone());
        let mut open = image.clone();
        let mut changed = Vec::new();
        loader.apply(&BeginTransactionRecord::default().into(), &mut changed).expect("none is open");
        for op in &inside {
            for record in records(&open, op, 5000) {
                // Two creations at one place would share an id; the second is not of this story.
                if open.apply(&record).is_ok() {
                    loader.apply(&record, &mut changed).expect("what the open image takes");
                }
                prop_assert_eq!(loader.image(), &image);
            }
        }
        prop_assert!(changed.is_empty());
        let last = if ends { EndTransactionRecord {}.into() } else { AbortTransactionRecord::default().into() };
        loader.apply(&last, &mut changed).expect("one is open");
        prop_assert_eq!(loader.image(), if ends { &open } else { &image });
    }
}

#[test]
fn a_difference_is_named() {
    let (mut records, image) = history(&[Op::CreateTopic { name: 1, partitions: 1 }, Op::Config { topic: None, key: 1, value: Some(2) }]);
    records.pop();
    let difference = replayed(&records).difference(&image).expect("a configuration is missing");
    assert!(difference.of.starts_with("configuration"), "{difference}");
    assert_eq!(difference.left, "absent");
    records.truncate(1);
    let difference = replayed(&records).difference(&image).expect("a partition is missing");
    assert!(difference.of.starts_with("topic"), "{difference}");
}

#[test]
fn transactions_out_of_order_are_refused() {
    let mut loader = Loader::default();
    let mut changed = Vec::new();
    let out_of_order = |r: Result<(), ApplyError>| matches!(r, Err(ApplyError::Transaction { .. }));
    assert!(out_of_order(loader.apply(&EndTransactionRecord {}.into(), &mut changed)));
    assert!(out_of_order(loader.apply(&AbortTransactionRecord::default().into(), &mut changed)));
    loader.apply(&BeginTransactionRecord::default().into(), &mut changed).expect("none is open");
    assert!(out_of_order(loader.apply(&BeginTransactionRecord::default().into(), &mut changed)));
}

#[test]
fn what_is_kept_is_named_once_and_written_in_the_section_of_its_kind() {
    let mut image = Image::new();
    let unknown = |api_key| MetadataRecord::Unknown { api_key, version: 3, body: bytes::Bytes::from_static(b"x") };
    assert_eq!(image.apply(&unknown(99)), Ok(Changed::Kept { api_key: 99, name: "unknown record", first: true }));
    assert_eq!(image.apply(&unknown(99)), Ok(Changed::Kept { api_key: 99, name: "unknown record", first: false }));
    image.apply(&unknown(14)).expect("kept");
    image.apply(&ProducerIdsRecord { broker_id: 0, broker_epoch: 0, next_producer_id: 7 }.into()).expect("applied");
    let keys: Vec<u32> = image.to_records().iter().map(MetadataRecord::api_key).collect();
    assert_eq!(keys, [14, 15, 99, 99]);
}

#[test]
fn a_topic_takes_its_configuration_with_it_and_its_name_can_come_back_with_another_id() {
    let mut image = Image::new();
    let create = |n| MetadataRecord::from(TopicRecord { name: "t".into(), topic_id: id(1, n) });
    let config = ConfigRecord { resource_type: 2, resource_name: "t".into(), name: "k".into(), value: Some("v".into()) };
    image.apply(&create(1)).expect("new");
    image.apply(&config.into()).expect("applied");
    assert!(matches!(image.apply(&create(2)), Err(ApplyError::TopicExists { .. })));
    image.apply(&RemoveTopicRecord { topic_id: id(1, 1) }.into()).expect("there");
    assert_eq!(image.overrides(&Resource::topic("t")), None);
    image.apply(&create(2)).expect("the name is free");
    assert_eq!(image.topic_id("t"), Some(id(1, 2)));
    assert_eq!(image.topic_by_id(id(1, 1)), None);
}

#[test]
fn a_change_for_another_life_of_a_broker_is_refused() {
    let mut image = Image::new();
    let register = |epoch| MetadataRecord::from(RegisterBrokerRecord { broker_id: 1, broker_epoch: epoch, ..Default::default() });
    image.apply(&register(5)).expect("applied");
    image.apply(&register(9)).expect("applied");
    let unfence = |epoch| BrokerRegistrationChangeRecord { broker_id: 1, broker_epoch: epoch, fenced: -1, ..Default::default() };
    assert!(matches!(image.apply(&unfence(5).into()), Err(ApplyError::NoBroker { found: Some(9), .. })));
    image.apply(&unfence(9).into()).expect("of this life");
    assert!(image.broker(NodeId(1)).is_some_and(|b| b.is_active()));
}
