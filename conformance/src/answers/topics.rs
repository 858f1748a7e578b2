//! CreateTopics, CreatePartitions and DeleteTopics.

use kacrab_protocol::KafkaUuid;
use kacrab_protocol::generated::create_partitions_request::{CreatePartitionsAssignment, CreatePartitionsTopic};
use kacrab_protocol::generated::create_topics_request::{CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig};
use kacrab_protocol::generated::delete_topics_request::DeleteTopicState;
use kacrab_protocol::generated::{CreatePartitionsRequestData, CreateTopicsRequestData, DeleteTopicsRequestData};

use super::message::text;
use super::twins::Twins;

const WAIT_MS: i32 = 20_000;

/// An id that no server gives out.
pub const NOBODY: KafkaUuid = KafkaUuid::from_parts(0x1234_5678_9abc_4def, 0x8123_4567_89ab_cdef);

pub fn run(twins: &mut Twins) {
    created(twins);
    placed(twins);
    configured(twins);
    names(twins);
    grown(twins);
    deleted(twins);
}

fn topic(name: &str, partitions: i32, replicas: i16) -> CreatableTopic {
    CreatableTopic::default().with_name(text(name)).with_num_partitions(partitions).with_replication_factor(replicas)
}

fn create(topics: Vec<CreatableTopic>) -> CreateTopicsRequestData {
    CreateTopicsRequestData::default().with_topics(topics).with_timeout_ms(WAIT_MS)
}

fn created(twins: &mut Twins) {
    twins.each("one topic", |_, v| create(vec![topic(&format!("plain-{v}"), 3, 1)]));
    twins.each("it is there already", |_, v| create(vec![topic(&format!("plain-{v}"), 3, 1)]));
    twins.each("validate only", |_, v| create(vec![topic(&format!("never-{v}"), 3, 1)]).with_validate_only(true));
    twins.each("validate only, there already", |_, v| create(vec![topic(&format!("plain-{v}"), 3, 1)]).with_validate_only(true));
    twins.each_of("defaults", 4..=7, |_, v| create(vec![topic(&format!("default-{v}"), -1, -1)]));
    twins.each_of("defaults before they were defined", 2..=3, |_, v| create(vec![topic(&format!("default-{v}"), -1, -1)]));
    twins.each("no topics", |_, _| create(Vec::new()));
    twins.each("some good, some bad", |_, v| {
        create(vec![
            topic(&format!("mixed-{v}"), 1, 1),
            topic("bad/name", 1, 1),
            topic(&format!("mixed-{v}-2"), 0, 1),
            topic(&format!("mixed-{v}-3"), 2, 1),
        ])
    });
    twins.each("the same name twice", |_, v| {
        create(vec![topic(&format!("twice-{v}"), 1, 1), topic(&format!("twice-{v}"), 2, 1), topic(&format!("once-{v}"), 1, 1)])
    });
    twins.each("the same bad name twice", |_, _| create(vec![topic("a b", 1, 1), topic("a b", 2, 1)]));
    for (partitions, replicas) in
        [(0, 1), (-2, 1), (1, 0), (1, -2), (1, 2), (1, 3), (0, 0), (-1, 2), (100_000, 1), (1, i16::MAX), (i32::MIN, 1)]
    {
        twins.each_of(&format!("{partitions} partitions, {replicas} replicas"), 4..=7, |_, _| {
            create(vec![topic("numbers", partitions, replicas)])
        });
    }
    twins.each("metadata's own name", |_, _| create(vec![topic("__cluster_metadata", 1, 1)]));
    twins.each("offsets' own name", |_, v| create(vec![topic(&format!("__mine_{v}"), 1, 1)]));
}

/// Title, partitions, replicas, brokers by partition.
type Placed<'a> = (&'a str, i32, i16, &'a [(i32, &'a [i32])]);

fn placed(twins: &mut Twins) {
    let assigned = |name: &str, partitions: i32, replicas: i16, assignments: &[(i32, &[i32])]| {
        let one = |(index, brokers): &(i32, &[i32])| {
            CreatableReplicaAssignment::default().with_partition_index(*index).with_broker_ids(brokers.to_vec())
        };
        create(vec![topic(name, partitions, replicas).with_assignments(assignments.iter().map(one).collect())])
    };
    twins.each("assigned by hand", |_, v| assigned(&format!("hand-{v}"), -1, -1, &[(0, &[0]), (1, &[0])]));
    twins.each("assigned in another order", |_, v| assigned(&format!("order-{v}"), -1, -1, &[(1, &[0]), (0, &[0])]));
    let wrong: &[Placed<'_>] = &[
        ("partitions said too", 1, -1, &[(0, &[0])]),
        ("replicas said too", -1, 1, &[(0, &[0])]),
        ("both said too", 1, 1, &[(0, &[0])]),
        ("a gap", -1, -1, &[(0, &[0]), (2, &[0])]),
        ("not from 0", -1, -1, &[(1, &[0])]),
        ("one twice", -1, -1, &[(0, &[0]), (0, &[0])]),
        ("unknown broker", -1, -1, &[(0, &[7])]),
        ("a broker twice", -1, -1, &[(0, &[0, 0])]),
        ("no broker", -1, -1, &[(0, &[])]),
        ("different factors", -1, -1, &[(0, &[0]), (1, &[0, 1])]),
        ("a negative partition", -1, -1, &[(-1, &[0])]),
    ];
    for (title, partitions, replicas, assignments) in wrong {
        twins.each(&format!("assigned: {title}"), |_, _| assigned("wrong-hand", *partitions, *replicas, assignments));
    }
}

fn configured(twins: &mut Twins) {
    let with = |name: String, configs: &[(&str, Option<&str>)]| {
        let one = |(key, value): &(&str, Option<&str>)| CreatableTopicConfig::default().with_name(text(key)).with_value(value.map(text));
        create(vec![topic(&name, 1, 1).with_configs(configs.iter().map(one).collect())])
    };
    twins.each("good configuration", |_, v| {
        with(format!("set-{v}"), &[("cleanup.policy", Some("compact")), ("retention.ms", Some("1000")), ("min.insync.replicas", Some("1"))])
    });
    let all: &[&[(&str, Option<&str>)]] = &[
        &[("unknown.key", Some("1"))],
        &[("retention.ms", Some("soon"))],
        &[("retention.ms", Some("-2"))],
        &[("retention.ms", Some(""))],
        &[("retention.ms", None)],
        &[("retention.ms", Some("1000")), ("retention.ms", Some("2000"))],
        &[("cleanup.policy", Some("shred"))],
        &[("cleanup.policy", Some(""))],
        &[("cleanup.policy", Some("compact,delete"))],
        &[("cleanup.policy", Some("delete,delete"))],
        &[("cleanup.policy", Some(" compact , delete "))],
        &[("compression.type", Some("rar"))],
        &[("min.insync.replicas", Some("0"))],
        &[("min.insync.replicas", Some("2"))],
        &[("max.message.bytes", Some("-1"))],
        &[("max.message.bytes", Some("2147483648"))],
        &[("max.message.bytes", Some(" 1000 "))],
        &[("segment.bytes", Some("1"))],
        &[("segment.bytes", Some("1048575"))],
        &[("segment.bytes", Some("1048576"))],
        &[("min.cleanable.dirty.ratio", Some("1.5"))],
        &[("min.cleanable.dirty.ratio", Some("half"))],
        &[("preallocate", Some("maybe"))],
        &[("preallocate", Some("TRUE"))],
        &[("message.timestamp.type", Some("Now"))],
        &[("message.format.version", Some("2.0"))],
        &[("min.compaction.lag.ms", Some("10")), ("max.compaction.lag.ms", Some("5"))],
        &[("remote.storage.enable", Some("true"))],
        &[("local.retention.ms", Some("5000")), ("retention.ms", Some("1000"))],
        &[("leader.replication.throttled.replicas", Some("0:0"))],
        &[("leader.replication.throttled.replicas", Some("x"))],
        &[("leader.replication.throttled.replicas", Some("*"))],
        &[("compression.gzip.level", Some("0"))],
        &[("compression.gzip.level", Some("10"))],
        &[("compression.zstd.level", Some("23"))],
        &[("unclean.leader.election.enable", Some("true"))],
        &[("log.retention.ms", Some("1000"))],
        &[("flush.messages", Some("0"))],
        &[("delete.retention.ms", Some("-1"))],
        &[("internal.segment.bytes", Some("1024"))],
        &[("", Some("x"))],
    ];
    for (at, configs) in all.iter().enumerate() {
        let title = configs.iter().map(|(key, value)| format!("{key}={}", value.unwrap_or("null"))).collect::<Vec<_>>().join(" ");
        twins.each_of(&title, [2, 5, 7], |_, v| with(format!("config-{at}-{v}"), configs));
    }
}

fn names(twins: &mut Twins) {
    let long = "x".repeat(249);
    let longer = "x".repeat(250);
    for name in ["", ".", "..", "a b", "a/b", "é", "with.dot", "with_dot", "UPPER-lower_0.9", &long, &longer, "a\0b"] {
        let shown = if name.len() > 20 { format!("{} letters", name.len()) } else { name.to_owned() };
        twins.each_of(&format!("name '{shown}'"), [2, 7], |_, _| create(vec![topic(name, 1, 1)]));
    }
}

fn grown(twins: &mut Twins) {
    let grow = |name: &str, count: i32, assignments: Option<&[&[i32]]>| {
        let assignments =
            assignments.map(|a| a.iter().map(|brokers| CreatePartitionsAssignment::default().with_broker_ids(brokers.to_vec())).collect());
        let topic = CreatePartitionsTopic::default().with_name(text(name)).with_count(count).with_assignments(assignments);
        CreatePartitionsRequestData::default().with_topics(vec![topic]).with_timeout_ms(WAIT_MS)
    };
    twins.create("grows", 1, &[]);
    twins.each("one more", |_, v| grow("grows", 2 + i32::from(v), None));
    twins.each("validate only", |_, _| grow("grows", 50, None).with_validate_only(true));
    for count in [5, 4, 1, 0, -1, i32::MIN] {
        twins.each(&format!("to {count}"), |_, _| grow("grows", count, None));
    }
    twins.each("unknown topic", |_, _| grow("nobody", 5, None));
    twins.each("bad name", |_, _| grow("a b", 5, None));
    twins.each("no topics", |_, _| CreatePartitionsRequestData::default().with_timeout_ms(WAIT_MS));
    twins.each("by hand", |_, v| grow("grows", 6 + i32::from(v), Some(&[&[0]])));
    let wrong: &[(&str, i32, &[&[i32]])] = &[
        ("too few", 20, &[&[0]]),
        ("too many", 10, &[&[0], &[0], &[0]]),
        ("none", 10, &[]),
        ("no broker", 10, &[&[]]),
        ("unknown broker", 10, &[&[9]]),
        ("another factor", 10, &[&[0, 1]]),
        ("a broker twice", 10, &[&[0, 0]]),
    ];
    for (title, count, brokers) in wrong {
        twins.each(&format!("by hand: {title}"), |_, _| grow("grows", *count, Some(brokers)));
    }
    twins.each("the same twice", |_, _| {
        let one = grow("grows", 30, None);
        let topics =
            vec![one.topics[0].clone(), one.topics[0].clone(), CreatePartitionsTopic::default().with_name(text("nobody")).with_count(3)];
        one.with_topics(topics)
    });
}

fn deleted(twins: &mut Twins) {
    let names = |names: &[String]| {
        DeleteTopicsRequestData::default().with_topic_names(names.iter().map(|n| text(n)).collect()).with_timeout_ms(WAIT_MS)
    };
    let states = |states: Vec<(Option<&str>, KafkaUuid)>| {
        let one = |(name, id): (Option<&str>, KafkaUuid)| DeleteTopicState::default().with_name(name.map(text)).with_topic_id(id);
        DeleteTopicsRequestData::default().with_topics(states.into_iter().map(one).collect()).with_timeout_ms(WAIT_MS)
    };
    let zero = KafkaUuid::ZERO;
    for v in 1..=5 {
        twins.create(&format!("gone-{v}"), 2, &[]);
    }
    twins.each_of("one topic", 1..=5, |_, v| names(&[format!("gone-{v}")]));
    twins.each_of("unknown", 1..=5, |_, _| names(&["nobody".to_owned()]));
    twins.each_of("bad name", 1..=5, |_, _| names(&["a b".to_owned(), String::new()]));
    twins.each_of("none", 1..=5, |_, _| names(&[]));
    for v in 1..=6 {
        twins.create(&format!("double-{v}"), 1, &[]);
    }
    twins.each_of("the same twice", 1..=5, |_, v| names(&[format!("double-{v}"), format!("double-{v}"), "nobody".to_owned()]));
    twins.create("by-name", 1, &[]);
    twins.create("by-id", 1, &[]);
    twins.create("by-both", 1, &[]);
    twins.ask("by name", 6, |_| states(vec![(Some("by-name"), zero)]));
    twins.ask("by id", 6, |p| states(vec![(None, p.id("by-id"))]));
    twins.ask("by name and id", 6, |p| states(vec![(Some("by-both"), p.id("by-both"))]));
    twins.ask("by neither", 6, |_| states(vec![(None, zero)]));
    twins.ask("unknown name and id", 6, |_| states(vec![(Some("nobody"), zero), (None, NOBODY)]));
    twins.ask("a deleted id", 6, |p| states(vec![(None, p.id("by-id"))]));
    twins.ask("the same id twice", 6, |p| states(vec![(None, p.id("double-6")), (None, p.id("double-6"))]));
    twins.ask("by name and by id", 6, |p| states(vec![(Some("by-both"), zero), (None, p.id("by-both"))]));
    twins.ask("the same name twice", 6, |_| states(vec![(Some("nobody"), zero), (Some("nobody"), zero)]));
    twins.ask("none", 6, |_| states(Vec::new()));
    twins.ask("bad name", 6, |_| states(vec![(Some("a b"), zero), (Some(""), zero)]));
    twins.create("by-name", 3, &[]);
    twins.create("gone-1", 1, &[]);
}
