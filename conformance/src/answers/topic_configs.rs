//! DescribeConfigs, IncrementalAlterConfigs and AlterConfigs.

use kacrab_protocol::generated::describe_configs_request::DescribeConfigsResource;
use kacrab_protocol::generated::{
    AlterConfigsRequestData, DescribeConfigsRequestData, IncrementalAlterConfigsRequestData, alter_configs_request,
    incremental_alter_configs_request,
};

use odradek_cluster::config::all_broker_keys;

use super::message::text;
use super::twins::Twins;

const TOPIC: i8 = 2;
const BROKER: i8 = 4;
const LOGGER: i8 = 8;
const METRICS: i8 = 16;
const GROUP: i8 = 32;

/// Operations of IncrementalAlterConfigs.
const SET: i8 = 0;
const DELETE: i8 = 1;
const APPEND: i8 = 2;
const SUBTRACT: i8 = 3;

/// Keys of a broker that do not depend on how each server was started.
const BROKER_KEYS: &[&str] = &[
    "auto.create.topics.enable",
    "compression.type",
    "default.replication.factor",
    "delete.topic.enable",
    "fetch.max.bytes",
    "log.cleaner.enable",
    "log.cleanup.policy",
    "log.flush.interval.messages",
    "log.message.timestamp.type",
    "log.retention.bytes",
    "log.retention.hours",
    "log.retention.minutes",
    "log.retention.ms",
    "log.roll.hours",
    "log.roll.ms",
    "log.segment.bytes",
    "max.connections",
    "message.max.bytes",
    "min.insync.replicas",
    "num.io.threads",
    "num.partitions",
    "producer.id.expiration.ms",
    "socket.request.max.bytes",
    "unclean.leader.election.enable",
];

/// Keys that say how each server was started.
const AS_STARTED: &[&str] = &[
    "advertised.listeners",
    "controller.listener.names",
    "controller.quorum.voters",
    "group.initial.rebalance.delay.ms",
    "listeners",
    "log.dirs",
    "offsets.topic.replication.factor",
    "share.coordinator.state.topic.min.isr",
    "share.coordinator.state.topic.replication.factor",
    "transaction.state.log.min.isr",
    "transaction.state.log.replication.factor",
];

/// Every other key that is described.
fn all_keys() -> Vec<&'static str> {
    all_broker_keys().filter(|key| !key.internal).map(|key| key.name).filter(|name| !AS_STARTED.contains(name)).collect()
}

pub fn run(twins: &mut Twins) {
    twins.create("configured", 1, &[("retention.ms", "7200000"), ("cleanup.policy", "compact,delete")]);
    described(twins);
    changed(twins);
    broker_changed(twins);
    replaced(twins);
}

/// Kind, name, keys; all keys if there is no list.
type Described<'a> = (i8, &'a str, Option<&'a [&'a str]>);

fn describe(resources: &[Described<'_>]) -> DescribeConfigsRequestData {
    let one = |(kind, name, keys): &Described<'_>| {
        let keys = keys.map(|keys| keys.iter().map(|k| text(k)).collect());
        DescribeConfigsResource::default().with_resource_type(*kind).with_resource_name(text(name)).with_configuration_keys(keys)
    };
    DescribeConfigsRequestData::default().with_resources(resources.iter().map(one).collect())
}

fn described(twins: &mut Twins) {
    let keys = all_keys();
    let kinds: &[(&str, &[Described<'_>])] = &[
        ("a topic", &[(TOPIC, "configured", None)]),
        ("some keys", &[(TOPIC, "configured", Some(&["retention.ms", "cleanup.policy", "segment.bytes", "nothing"]))]),
        ("no keys", &[(TOPIC, "configured", Some(&[]))]),
        ("the broker", &[(BROKER, "0", Some(&keys))]),
        ("some keys of the broker", &[(BROKER, "0", Some(&["log.retention.hours", "nothing", "log.retention.ms", "num.partitions"]))]),
        ("every broker", &[(BROKER, "", None)]),
        ("unknown topic", &[(TOPIC, "nobody", None)]),
        ("bad topic name", &[(TOPIC, "a b", None)]),
        ("no topic name", &[(TOPIC, "", None)]),
        ("another broker", &[(BROKER, "1", None)]),
        ("no broker at all", &[(BROKER, "x", None)]),
        ("unknown kind", &[(99, "x", None)]),
        ("kind 0", &[(0, "x", None)]),
        ("kind 1", &[(1, "x", None)]),
        ("a group", &[(GROUP, "g", None)]),
        ("a group, no keys", &[(GROUP, "g", Some(&[]))]),
        ("a group without a name", &[(GROUP, "", None)]),
        ("client metrics", &[(METRICS, "m", None)]),
        ("client metrics, no keys", &[(METRICS, "m", Some(&[]))]),
        ("client metrics without a name", &[(METRICS, "", None)]),
        (
            "two topics",
            &[(TOPIC, "configured", Some(&["retention.ms"])), (TOPIC, "nobody", None), (BROKER, "0", Some(&["num.partitions"]))],
        ),
        ("a topic twice", &[(TOPIC, "configured", Some(&["retention.ms"])), (TOPIC, "configured", Some(&["retention.bytes"]))]),
        ("nothing", &[]),
    ];
    for (title, resources) in kinds {
        twins.each(title, |_, _| describe(resources));
        twins.each(&format!("{title}, with synonyms"), |_, _| describe(resources).with_include_synonyms(true));
        twins.each_of(&format!("{title}, with documentation"), 3..=4, |_, _| describe(resources).with_include_documentation(true));
    }
    // How many keys an empty list and no list are answered with; which they are is compared above.
    for (title, keys) in [("no keys of the broker", Some(&[][..])), ("all keys of the broker", None)] {
        let answers = twins.unjudged(4, |_| describe(&[(BROKER, "0", keys)]));
        let counts = answers.each_ref().map(|a| a.as_ref().map(|a| a.results[0].configs.len()));
        twins.same(title, counts);
    }
    twins.each("a logger of another broker", |_, _| describe(&[(LOGGER, "1", None)]));
    twins.each("a logger of no broker", |_, _| describe(&[(LOGGER, "", None)]));
}

/// Key, operation, value.
type Change<'a> = (&'a str, i8, Option<&'a str>);

/// Kind, name, changes.
type Changed<'a> = (i8, &'a str, &'a [Change<'a>]);

fn incremental(resources: &[Changed<'_>]) -> IncrementalAlterConfigsRequestData {
    let config = |(key, operation, value): &Change<'_>| {
        let config = incremental_alter_configs_request::AlterableConfig::default().with_name(text(key));
        config.with_config_operation(*operation).with_value(value.map(text))
    };
    let one = |(kind, name, changes): &Changed<'_>| {
        let resource =
            incremental_alter_configs_request::AlterConfigsResource::default().with_resource_type(*kind).with_resource_name(text(name));
        resource.with_configs(changes.iter().map(config).collect())
    };
    IncrementalAlterConfigsRequestData::default().with_resources(resources.iter().map(one).collect())
}

fn changed(twins: &mut Twins) {
    // An unknown operation is not asked: Apache Kafka throws. What nothing here would act upon is refused, and Apache Kafka takes it: not asked either.
    let changes: &[&[Change<'_>]] = &[
        &[("retention.ms", SET, Some("3600000"))],
        &[("retention.ms", SET, Some("3600000"))],
        &[("retention.ms", DELETE, None)],
        &[("retention.ms", DELETE, Some("anything"))],
        &[("segment.ms", DELETE, None)],
        &[("cleanup.policy", SUBTRACT, Some("compact"))],
        &[("cleanup.policy", SUBTRACT, Some("compact"))],
        &[("cleanup.policy", APPEND, Some("compact"))],
        &[("cleanup.policy", APPEND, Some("compact"))],
        &[("cleanup.policy", APPEND, Some("shred"))],
        &[("cleanup.policy", SUBTRACT, Some("delete,compact"))],
        &[("retention.ms", APPEND, Some("5"))],
        &[("retention.ms", SUBTRACT, Some("5"))],
        &[("retention.ms", SET, None)],
        &[("retention.ms", APPEND, None)],
        &[("retention.ms", SET, Some("x"))],
        &[("retention.ms", SET, Some(""))],
        &[("unknown.key", SET, Some("x"))],
        &[("unknown.key", DELETE, None)],
        &[("unknown.key", APPEND, Some("x"))],
        &[("", SET, Some("x"))],
        &[("retention.ms", SET, Some("1")), ("retention.ms", SET, Some("2"))],
        &[("retention.ms", SET, Some("1")), ("retention.ms", DELETE, None)],
        &[("retention.ms", SET, Some("4000000")), ("unknown.key", SET, Some("2"))],
        &[("min.insync.replicas", SET, Some("1"))],
        &[("min.insync.replicas", SET, Some("0"))],
        &[("max.message.bytes", SET, Some("-5"))],
        &[("segment.bytes", SET, Some("1048576")), ("segment.ms", SET, Some("60000"))],
        &[("segment.bytes", SET, Some("1048575"))],
        &[("internal.segment.bytes", SET, Some("5000"))],
        &[("internal.segment.bytes", DELETE, None)],
        &[("preallocate", SET, Some("true")), ("local.retention.ms", SET, Some("5")), ("remote.log.copy.disable", SET, Some("true"))],
        &[("leader.replication.throttled.replicas", APPEND, Some("0:0,1:0"))],
        &[("leader.replication.throttled.replicas", SUBTRACT, Some("0:0"))],
        &[("compression.type", SET, Some("gzip"))],
        &[("message.timestamp.type", SET, Some("LogAppendTime"))],
        &[("remote.storage.enable", SET, Some("true"))],
        &[],
    ];
    for changes in changes {
        let title = titled(changes);
        twins.each(&format!("{title}, validate only"), |_, _| incremental(&[(TOPIC, "configured", changes)]).with_validate_only(true));
        twins.each(&title, |_, _| incremental(&[(TOPIC, "configured", changes)]));
        twins.ask_settled(&format!("after {title}"), 4, |_| describe(&[(TOPIC, "configured", None)]).with_include_synonyms(true));
    }
    let set: &[Change<'_>] = &[("retention.ms", SET, Some("3600000"))];
    let resources: &[(&str, &[Changed<'_>])] = &[
        ("unknown topic", &[(TOPIC, "nobody", set)]),
        ("bad name", &[(TOPIC, "a b", set)]),
        ("no name", &[(TOPIC, "", set)]),
        ("unknown kind", &[(99, "x", set)]),
        ("kind 0", &[(0, "x", set)]),
        ("a topic twice", &[(TOPIC, "configured", set), (TOPIC, "configured", set)]),
        ("a topic twice and another", &[(TOPIC, "configured", set), (TOPIC, "configured", set), (TOPIC, "nobody", set)]),
        ("two", &[(TOPIC, "nobody", set), (TOPIC, "configured", set)]),
        ("nothing", &[]),
        ("a group, an unknown key", &[(GROUP, "g", &[("nonsense", SET, Some("50000"))])]),
        ("a group, no number", &[(GROUP, "g", &[("consumer.session.timeout.ms", SET, Some("x"))])]),
        ("a group, too little", &[(GROUP, "g", &[("consumer.session.timeout.ms", SET, Some("0"))])]),
        ("a group, an operation for lists", &[(GROUP, "g", &[("consumer.session.timeout.ms", APPEND, Some("50000"))])]),
        ("a group, nothing to take away", &[(GROUP, "g", &[("consumer.session.timeout.ms", DELETE, None), ("nonsense", DELETE, None)])]),
        ("a group without a name", &[(GROUP, "", &[("consumer.session.timeout.ms", SET, Some("50000"))])]),
        ("client metrics, an unknown key", &[(METRICS, "m", &[("nonsense", SET, Some("5000"))])]),
        ("client metrics, no number", &[(METRICS, "m", &[("interval.ms", SET, Some("x"))])]),
        ("client metrics, an operation for lists", &[(METRICS, "m", &[("metrics", APPEND, Some("x"))])]),
        ("client metrics, nothing to take away", &[(METRICS, "m", &[("interval.ms", DELETE, None), ("nonsense", DELETE, None)])]),
        ("client metrics without a name", &[(METRICS, "", &[("interval.ms", SET, Some("5000"))])]),
        ("a logger of another broker", &[(LOGGER, "7", &[("root", SET, Some("INFO"))])]),
    ];
    for (title, resources) in resources {
        twins.each(title, |_, _| incremental(resources));
    }
}

fn titled(changes: &[Change<'_>]) -> String {
    let one = |(key, operation, value): &Change<'_>| format!("{key} {operation} {}", value.unwrap_or("null"));
    changes.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn broker_changed(twins: &mut Twins) {
    let changes: &[&[Change<'_>]] = &[
        &[("log.retention.ms", SET, Some("86400000"))],
        &[("log.retention.ms", DELETE, None)],
        &[("log.retention.ms", SET, Some("x"))],
        &[("log.retention.ms", SET, Some("0"))],
        &[("log.retention.ms", SET, Some("-5"))],
        &[("log.retention.ms", DELETE, None)],
        &[("log.roll.ms", SET, Some("0"))],
        &[("log.roll.jitter.ms", SET, Some("-1"))],
        &[("message.max.bytes", SET, Some("900000"))],
        &[("message.max.bytes", DELETE, None)],
        &[("node.id", SET, Some("5"))],
        &[("num.partitions", SET, Some("5"))],
        &[("log.dirs", SET, Some("/tmp/x"))],
        &[("advertised.listeners", SET, Some("PLAINTEXT://127.0.0.1:1"))],
        &[("advertised.listeners", DELETE, None)],
        &[("offsets.retention.minutes", SET, Some("5"))],
        &[("num.io.threads", DELETE, None)],
        &[("unknown.key", DELETE, None)],
        &[("log.segment.bytes", SET, Some("1048575"))],
        &[("producer.id.expiration.ms", SET, Some("0"))],
        &[("producer.id.expiration.ms", SET, Some("5000000"))],
        &[("producer.id.expiration.ms", DELETE, None)],
        &[("log.cleanup.policy", SET, Some("compact"))],
        &[("log.cleanup.policy", DELETE, None)],
        &[("log.retention.ms", SET, None)],
        &[("compression.type", SET, Some("rar"))],
    ];
    for (who, name) in [("the broker", "0"), ("every broker", "")] {
        for changes in changes {
            let title = format!("{who}: {}", titled(changes));
            twins.each(&format!("{title}, validate only"), |_, _| incremental(&[(BROKER, name, changes)]).with_validate_only(true));
            twins.each(&title, |_, _| incremental(&[(BROKER, name, changes)]));
            let keys = if name.is_empty() { None } else { Some(BROKER_KEYS) };
            twins.ask_settled(&format!("after {title}"), 4, |_| describe(&[(BROKER, name, keys)]).with_include_synonyms(true));
            twins.ask_settled(&format!("a topic after {title}"), 4, |_| {
                describe(&[(TOPIC, "configured", None)]).with_include_synonyms(true)
            });
        }
    }
    let set: &[Change<'_>] = &[("log.retention.ms", SET, Some("86400000"))];
    for name in ["1", "x", "-1", "00"] {
        twins.each(&format!("broker '{name}'"), |_, _| incremental(&[(BROKER, name, set)]));
    }
}

/// Kind, name, keys and values.
type Replaced<'a> = (i8, &'a str, &'a [(&'a str, Option<&'a str>)]);

fn legacy(resources: &[Replaced<'_>]) -> AlterConfigsRequestData {
    let config = |(key, value): &(&str, Option<&str>)| {
        alter_configs_request::AlterableConfig::default().with_name(text(key)).with_value(value.map(text))
    };
    let one = |(kind, name, configs): &Replaced<'_>| {
        let resource = alter_configs_request::AlterConfigsResource::default().with_resource_type(*kind).with_resource_name(text(name));
        resource.with_configs(configs.iter().map(config).collect())
    };
    AlterConfigsRequestData::default().with_resources(resources.iter().map(one).collect())
}

fn replaced(twins: &mut Twins) {
    // A resource twice is not asked: Apache Kafka throws and never answers.
    let resources: &[(&str, &[Replaced<'_>])] = &[
        ("one key", &[(TOPIC, "configured", &[("retention.ms", Some("5000000"))])]),
        ("another key", &[(TOPIC, "configured", &[("segment.ms", Some("5000000"))])]),
        ("no key", &[(TOPIC, "configured", &[])]),
        ("bad value", &[(TOPIC, "configured", &[("retention.ms", Some("x"))])]),
        ("null value", &[(TOPIC, "configured", &[("retention.ms", None)])]),
        ("unknown key", &[(TOPIC, "configured", &[("unknown.key", Some("x"))])]),
        ("a key twice", &[(TOPIC, "configured", &[("retention.ms", Some("1")), ("retention.ms", Some("2"))])]),
        ("unknown topic", &[(TOPIC, "nobody", &[("retention.ms", Some("1"))])]),
        ("bad name", &[(TOPIC, "a b", &[("retention.ms", Some("1"))])]),
        ("the broker", &[(BROKER, "0", &[("log.retention.ms", Some("86400000"))])]),
        ("the broker, no key", &[(BROKER, "0", &[])]),
        ("every broker", &[(BROKER, "", &[("message.max.bytes", Some("1000000"))])]),
        ("every broker, no key", &[(BROKER, "", &[])]),
        ("a key of the broker that cannot change", &[(BROKER, "0", &[("node.id", Some("1"))])]),
        ("another broker", &[(BROKER, "1", &[("log.retention.ms", Some("1"))])]),
        ("a logger", &[(LOGGER, "0", &[("root", Some("INFO"))])]),
        ("unknown kind", &[(99, "x", &[("a", Some("1"))])]),
        ("nothing", &[]),
    ];
    for (title, resources) in resources {
        twins.each(&format!("{title}, validate only"), |_, _| legacy(resources).with_validate_only(true));
        twins.each(title, |_, _| legacy(resources));
        twins.ask_settled(&format!("after replacing: {title}"), 4, |_| {
            describe(&[(TOPIC, "configured", None), (BROKER, "0", Some(BROKER_KEYS)), (BROKER, "", None)]).with_include_synonyms(true)
        });
    }
}
