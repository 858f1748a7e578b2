//! The tables against themselves and against a real broker's own.

use std::sync::Arc;

use odradek_wire::ids::NodeId;

use super::*;
use crate::image::{Image, Overrides};
use crate::record::ConfigRecord;

#[test]
fn tables_are_sorted_and_every_default_is_right_for_its_key() {
    for table in [TOPIC_KEYS, BROKER_KEYS] {
        assert!(table.is_sorted_by(|a, b| a.name < b.name));
        assert!(table.iter().all(|key| !key.says.is_empty()));
    }
    for key in TOPIC_KEYS.iter().chain(all_broker_keys()) {
        if let Some(default) = key.default {
            assert_eq!(key.parse(default).as_deref(), Ok(default), "{}", key.name);
        }
    }
    for synonym in TOPIC_KEYS.iter().flat_map(|k| k.synonyms) {
        assert!(broker_key(synonym.name).is_some(), "{}", synonym.name);
    }
}

/// The lines of `kafka-configs --describe --all`: name, value, synonyms.
fn described(text: &'static str) -> Vec<(&'static str, &'static str, &'static str)> {
    let line = |line: &'static str| {
        let (name, rest) = line.trim().split_once('=')?;
        let (value, synonyms) = rest.split_once(" sensitive=")?;
        Some((name, value, synonyms.split_once("synonyms=")?.1))
    };
    text.lines().filter_map(line).collect()
}

fn node_with(lines: &[(&'static str, &'static str)]) -> StaticConfig {
    StaticConfig::parse(lines.iter().copied()).expect("keys of the table")
}

/// The overrides that the captured broker had.
fn captured_image() -> Image {
    let mut image = Image::new();
    let config = |resource_type, resource_name: &str, name: &str, value: &str| ConfigRecord {
        resource_type,
        resource_name: resource_name.into(),
        name: name.into(),
        value: Some(value.into()),
    };
    for record in [
        config(4, "", "min.insync.replicas", "1"),
        config(2, "orders", "retention.ms", "1000"),
        config(2, "orders", "cleanup.policy", "compact,delete"),
        config(4, "0", "log.retention.ms", "5000"),
        config(4, "", "log.retention.ms", "6000"),
        config(4, "", "log.segment.bytes", "2000000"),
    ] {
        image.apply(&record.into()).expect("configurations always apply");
    }
    image
}

fn shown(effective: &Effective) -> String {
    let source = |s: Source| match s {
        Source::DynamicTopic => "DYNAMIC_TOPIC_CONFIG",
        Source::DynamicBroker => "DYNAMIC_BROKER_CONFIG",
        Source::DynamicDefaultBroker => "DYNAMIC_DEFAULT_BROKER_CONFIG",
        Source::StaticBroker => "STATIC_BROKER_CONFIG",
        Source::Default => "DEFAULT_CONFIG",
        Source::ClientMetrics => "CLIENT_METRICS_CONFIG",
        Source::Group => "GROUP_CONFIG",
    };
    let one = |s: &Synonym| format!("{}:{}={}", source(s.source), s.name, s.value.as_deref().unwrap_or("null"));
    format!("{{{}}}", effective.synonyms.iter().map(one).collect::<Vec<_>>().join(", "))
}

/// Names, values and synonyms of a topic as a broker of Apache Kafka 4.3.1 describes them. The one difference is wanted: what is acknowledged is synced.
#[test]
fn a_topic_is_described_as_apache_kafka_describes_it() {
    let theirs = described(include_str!("../../tests/captures/describe-topic.txt"));
    let ours = effective_topic(&captured_image(), NodeId(0), &StaticConfig::default(), "orders");
    assert_eq!(ours.iter().map(|e| e.definition.name).collect::<Vec<_>>(), theirs.iter().map(|t| t.0).collect::<Vec<_>>());
    for (e, (name, value, synonyms)) in ours.iter().zip(theirs) {
        let (value, synonyms) = match name {
            "flush.messages" => ("1", "{DEFAULT_CONFIG:log.flush.interval.messages=1}"),
            _ => (value, synonyms),
        };
        assert_eq!((e.value.as_deref().unwrap_or("null"), &*shown(e)), (value, synonyms), "{name}");
    }
}

/// A range as Apache Kafka writes it, where a rule has one.
fn range(rule: Rule) -> Option<String> {
    match rule {
        Rule::AtLeast(min) => Some(format!("[{min},...]")),
        Rule::Between(min, max) => Some(format!("[{min},...,{max}]")),
        Rule::GzipLevel => Some("[1,...,9] or -1".to_owned()),
        Rule::Ratio => Some("[0,...,1]".to_owned()),
        Rule::OneOf(words) | Rule::ListOf(words) => Some(format!("[{}]", words.join(", "))),
        Rule::Any | Rule::NotZero | Rule::Distinct { .. } | Rule::ThrottledReplicas => None,
    }
}

/// Every key of `KafkaConfig.configDef()` in Apache Kafka 4.3.1, and no other: each works, changes nothing or is refused, with the reason.
#[test]
fn every_broker_key_of_apache_kafka_is_known_and_something_is_done_about_it() {
    let theirs: Vec<Vec<&str>> =
        include_str!("../../tests/captures/broker-keys.txt").lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!(theirs.len(), 360);
    assert_eq!(all_broker_keys().count(), theirs.len(), "a key of ours that is none of Apache Kafka's, or one twice");
    for line in theirs {
        let (name, value_type, default, validator, update) = (line[0], line[1], line[2], line[3], line[4]);
        let key = broker_key(name).unwrap_or_else(|| panic!("{name} is unknown here"));
        let default = match name {
            "log.flush.interval.messages" => "1", // what is acknowledged is synced
            _ => default,
        };
        let null = if default == "none" { "none" } else { "null" };
        assert_eq!((key.value_type.name(), key.default.unwrap_or(null)), (value_type, default), "{name}");
        assert_eq!(key.internal, line.get(5) == Some(&"internal"), "{name}");
        // Apache Kafka looks at two of these by hand, and not at the third before it is used.
        let by_hand = ["log.roll.jitter.ms", "log.roll.ms", "default.replication.factor"];
        if let Some(range) = range(key.rule).filter(|_| !by_hand.contains(&name)) {
            assert_eq!(range, validator, "{name}");
        }
        let bound_at_the_start = ["listeners", "listener.security.protocol.map"].contains(&name);
        let update = if key.effect == Effect::Works && !bound_at_the_start { update } else { "read-only" };
        let ours = match key.update {
            Update::ReadOnly => "read-only",
            Update::ClusterWide => "cluster-wide",
        };
        assert_eq!(ours, update, "{name}");
    }
}

/// Every broker key against the real broker's: default, value under the same file, synonyms.
#[test]
fn broker_keys_are_described_as_apache_kafka_describes_them() {
    let theirs = described(include_str!("../../tests/captures/describe-broker.txt"));
    let find = |name: &str| theirs.iter().find(|t| t.0 == name).copied();
    let file: Vec<(&str, &str)> = theirs.iter().filter(|t| t.2.starts_with("{STATIC_BROKER_CONFIG")).map(|t| (t.0, t.1)).collect();
    let image = {
        let mut image = Image::new();
        let min = ConfigRecord { resource_type: 4, resource_name: "".into(), name: "min.insync.replicas".into(), value: Some("1".into()) };
        image.apply(&min.into()).expect("configurations always apply");
        image
    };
    let ours = effective_broker(&image, NodeId(0), &node_with(&file));
    assert_eq!(ours.iter().map(|e| e.definition.name).collect::<Vec<_>>(), theirs.iter().map(|t| t.0).collect::<Vec<_>>());
    for e in ours {
        let name = e.definition.name;
        let (_, value, synonyms) = find(name).unwrap_or_else(|| panic!("Apache Kafka has no {name}"));
        let (value, synonyms) = match name {
            // Ours: what is acknowledged is synced.
            "log.flush.interval.messages" => ("1", "{DEFAULT_CONFIG:log.flush.interval.messages=1}"),
            _ => (value, synonyms),
        };
        assert_eq!((e.value.as_deref().unwrap_or("null"), &*shown(&e)), (value, synonyms), "{name}");
    }
}

#[test]
fn a_topic_is_made_with_the_layers_in_order() {
    let image = captured_image();
    let file = StaticConfig::default();
    let config = topic_config(&image, NodeId(0), &file, "orders");
    assert_eq!(config.retention_ms, Some(1000));
    assert_eq!(config.cleanup_policy, CleanupPolicy { delete: true, compact: true });
    let other = topic_config(&image, NodeId(0), &StaticConfig::default(), "other");
    assert_eq!((other.retention_ms, other.segment_bytes), (Some(5000), 2_000_000));
    assert_eq!(topic_config(&image, NodeId(1), &StaticConfig::default(), "other").retention_ms, Some(6000));
    let small = Overrides::from([("internal.segment.bytes".into(), "4096".into()), ("segment.bytes".into(), "2000000".into())]);
    let view = NodeView::of_cluster(&image, &file);
    assert_eq!(TopicConfig::resolve(&view, Some(&small)).segment_bytes, 4096);
    assert!(
        !effective_topic(&image, NodeId(0), &file, "orders").iter().any(|e| e.definition.internal),
        "for tests: shown where it was set"
    );
    assert!(effective_of_overrides(&view, &small).iter().any(|e| e.definition.name == "internal.segment.bytes"));
    let hours = node_with(&[("log.retention.hours", "2"), ("log.roll.ms", "7"), ("log.roll.hours", "9"), ("log.retention.bytes", "5")]);
    let config = topic_config(&Image::new(), NodeId(0), &hours, "t");
    assert_eq!((config.retention_ms, config.segment_ms, config.retention_bytes), (Some(7_200_000), 7, Some(5)));
    assert_eq!(topic_config(&Image::new(), NodeId(0), &StaticConfig::default(), "t"), TopicConfig::default());
    for unlimited in [("log.retention.hours", "-1"), ("log.retention.ms", "-5")] {
        let (image, file) = (Image::new(), node_with(&[unlimited]));
        let retention = effective_topic(&image, NodeId(0), &file, "t").into_iter().find(|e| e.definition.name == "retention.ms");
        assert_eq!(retention.and_then(|e| e.value).as_deref(), Some("-1"), "as Apache Kafka describes it");
    }
}

#[test]
fn values_are_refused_in_kafkas_words_and_kept_in_plain_form() {
    let refused = |name: &str, value: &str| topic_key(name).expect("a topic key").parse(value).map_err(|e| e.message);
    let invalid = |value: &str, name: &str, why: &str| Err(format!("Invalid value {value} for configuration {name}: {why}"));
    assert_eq!(refused("segment.bytes", "x"), invalid("x", "segment.bytes", "Not a number of type INT"));
    assert_eq!(refused("segment.bytes", "3000000000"), invalid("3000000000", "segment.bytes", "Not a number of type INT"));
    assert_eq!(refused("preallocate", "yes"), invalid("yes", "preallocate", "Expected value to be either true or false"));
    assert_eq!(
        refused("compression.gzip.level", "0"),
        invalid("0", "compression.gzip.level", "Value must be between 1 and 9 or equal to -1")
    );
    assert_eq!(refused("compression.lz4.level", "18"), invalid("18", "compression.lz4.level", "Value must be no more than 17"));
    assert_eq!(refused("min.cleanable.dirty.ratio", "1.5"), invalid("1.5", "min.cleanable.dirty.ratio", "Value must be no more than 1"));
    assert_eq!(
        refused("min.cleanable.dirty.ratio", "-0.00001"),
        invalid("-0.00001", "min.cleanable.dirty.ratio", "Value must be at least 0")
    );
    assert_eq!(refused("cleanup.policy", "delete,delete").as_deref(), Ok("delete"));
    assert_eq!(refused("cleanup.policy", " delete , compact ").as_deref(), Ok("delete,compact"));
    assert_eq!(refused("cleanup.policy", "").as_deref(), Ok(""));
    assert_eq!(refused("retention.ms", " +0100 ").as_deref(), Ok("100"));
    assert_eq!(refused("preallocate", " TRUE ").as_deref(), Ok("true"));
    assert_eq!(refused("leader.replication.throttled.replicas", "0:1,1:2").as_deref(), Ok("0:1,1:2"));
    assert!(refused("leader.replication.throttled.replicas", "0-1").is_err());
}

#[test]
fn a_wrong_line_of_a_file_names_its_key_and_the_nearest_known_one() {
    let refused = |name, value| StaticConfig::parse([(name, value)]).expect_err("wrong").message;
    assert_eq!(refused("num.partition", "1"), "unknown configuration key num.partition (did you mean num.partitions?)");
    assert_eq!(refused("zzzzzzzzzzzz", "1"), "unknown configuration key zzzzzzzzzzzz");
    assert_eq!(refused("num.partitions", "0"), "Invalid value 0 for configuration num.partitions: Value must be at least 1");
    let zero = "Invalid value 0 for configuration log.retention.hours: Value must be unlimited (-1) or at least 1";
    assert_eq!(refused("log.retention.hours", "0"), zero);
    assert!(refused("log.roll.ms", "0").contains("at least 1") && refused("log.roll.jitter.ms", "-1").contains("at least 0"));
    let file = node_with(&[("num.partitions", "3"), ("num.io.threads", "8"), ("log.retention.ms", "-1")]);
    let told: Vec<&str> = file.without_effect().map(|(key, _)| key).collect();
    assert_eq!((file.long("num.partitions"), told), (3, vec!["num.io.threads"]));
}

#[test]
fn a_key_that_must_not_be_ignored_is_refused_unless_it_asks_for_its_default() {
    let refused = |name, value| StaticConfig::parse([(name, value)]).expect_err("it must not be ignored").message;
    assert_eq!(
        refused("ssl.keystore.location", "/keys"),
        "ssl.keystore.location is not supported: this server does not speak TLS; leave it out"
    );
    assert!(refused("authorizer.class.name", "a.Class").contains("permissions"));
    assert!(refused("create.topic.policy.class.name", "a.Class").contains("plugins"));
    assert!(refused("security.inter.broker.protocol", "SSL").contains("PLAINTEXT only"));
    assert!(refused("remote.log.storage.system.enable", "true").contains("own disks"));
    let defaults: Vec<_> = all_broker_keys().filter_map(|key| Some((key.name, key.default?))).collect();
    assert!(StaticConfig::parse(defaults).is_ok(), "a default of Apache Kafka's asks for nothing");
    assert!(StaticConfig::parse([("ssl.keystore.location", "")]).is_ok(), "so does nothing at all");
}

#[test]
fn what_asks_for_something_that_is_not_here_yet_is_named_with_the_reason() {
    let file = node_with(&[("offsets.retention.minutes", "5"), ("metric.reporters", "a.Class"), ("num.partitions", "2")]);
    let told: Vec<_> = file.without_effect().collect();
    let expected = [
        ("metric.reporters", "this server loads no reporters of metrics"),
        ("offsets.retention.minutes", "this server coordinates no groups yet"),
    ];
    assert_eq!(told, expected);
    let documented = broker_key("offsets.retention.minutes").expect("a key of Apache Kafka's").documentation();
    assert_eq!(documented, "Has no effect here: this server coordinates no groups yet.");
}

#[test]
fn broker_overrides_are_checked_as_a_whole() {
    let overrides = |lines: &[(&str, &str)]| lines.iter().map(|(k, v)| (Arc::from(*k), Arc::from(*v))).collect::<Overrides>();
    let refused = |lines: &[(&str, &str)], set: &[&str]| validate_broker_overrides(&overrides(lines), set).map_err(|e| e.message);
    let said = |lines: &[(&str, &str)]| refused(lines, &lines.iter().map(|line| line.0).collect::<Vec<_>>());
    assert_eq!(said(&[("log.dirs", "/x")]), Err("Cannot update these configs dynamically: [log.dirs]".to_owned()));
    let number = "Invalid value abc for configuration log.retention.ms: Not a number of type LONG".to_owned();
    assert_eq!(said(&[("log.retention.ms", "abc")]), Err(number));
    let before = [("num.io.threads", "9"), ("listeners", "PLAINTEXT://:1"), ("a.plugin", "x"), ("log.retention.ms", "5")];
    assert_eq!(refused(&before, &["log.retention.ms"]), Ok(()), "what another version left there is not asked about");
}

/// After a change that is answered NONE the behaviour follows, so what nothing here would follow is refused: whatever Apache Kafka would change.
#[test]
fn a_change_of_a_key_that_cannot_be_in_force_is_refused_with_the_reason() {
    let said = |name: &str, value: &str| {
        let after = Overrides::from([(Arc::from(name), Arc::from(value))]);
        validate_broker_overrides(&after, &[name]).map_err(|e| e.message)
    };
    let threads = "Cannot update these configs dynamically: [num.io.threads]; num.io.threads has no effect here: one loop serves all connections \
                   and requests, and work beside it takes the threads that it needs";
    assert_eq!(said("num.io.threads", "9"), Err(threads.to_owned()));
    assert_eq!(said("listeners", "PLAINTEXT://:1"), Err("Cannot update these configs dynamically: [listeners]".to_owned()));
    let tls =
        "Cannot update these configs dynamically: [ssl.client.auth]; ssl.client.auth is not supported: this server does not speak TLS";
    assert_eq!(said("ssl.client.auth", "required"), Err(tls.to_owned()));
    for name in ["leader.replication.throttled.rate", "listener.name.plaintext.ssl.keystore.location", "some.plugin"] {
        assert!(said(name, "5").is_err_and(|why| why.contains(name)), "{name}");
    }
    for key in all_broker_keys() {
        let in_force = key.effect == Effect::Works && !key.is_read_only();
        let value = key.default.unwrap_or("5");
        assert_eq!(said(key.name, value).is_ok(), in_force, "{}", key.name);
    }
}

/// What an older version, or Apache Kafka, left in the metadata log and what cannot be in force here is not described as if it were.
#[test]
fn an_override_that_cannot_be_in_force_is_not_described() {
    let mut image = Image::new();
    let said = [("listeners", "PLAINTEXT://:1"), ("num.io.threads", "9"), ("log.retention.ms", "5"), ("log.segment.bytes", "1000")];
    for (name, value) in said {
        for broker in ["0", ""] {
            let record = ConfigRecord { resource_type: 4, resource_name: broker.into(), name: name.into(), value: Some(value.into()) };
            image.apply(&record.into()).expect("configurations always apply");
        }
    }
    let every: Vec<_> = effective_every_broker(&image).into_iter().map(|e| e.definition.name).collect();
    assert_eq!(every, ["log.retention.ms"]);
    let shown = effective_broker(&image, NodeId(0), &node_with(&[("listeners", "PLAINTEXT://:9")]));
    let value = |name: &str| shown.iter().find(|e| e.definition.name == name).map(|e| (e.value.as_deref(), e.source()));
    assert_eq!(value("listeners"), Some((Some("PLAINTEXT://:9"), Source::StaticBroker)));
    assert_eq!(value("num.io.threads"), Some((Some("8"), Source::Default)));
    assert_eq!(value("log.segment.bytes"), Some((Some("1073741824"), Source::Default)), "it is below the least value");
    assert_eq!(value("log.retention.ms"), Some((Some("5"), Source::DynamicBroker)));
}

#[test]
fn groups_and_client_metrics_are_described_with_what_was_said_before_what_holds() {
    let mut image = Image::new();
    for (kind, name, key, value) in [(32, "g", "share.auto.offset.reset", "earliest"), (16, "m", "interval.ms", "5000")] {
        let record = ConfigRecord { resource_type: kind, resource_name: name.into(), name: key.into(), value: Some(value.into()) };
        image.apply(&record.into()).expect("configurations always apply");
    }
    let file = node_with(&[("group.consumer.heartbeat.interval.ms", "4000")]);
    let group = effective_group(&image, NodeId(0), &file, "g");
    let find = |all: &[Effective], name: &str| all.iter().find(|e| e.definition.name == name).map(|e| (e.value.clone(), shown(e)));
    assert_eq!(group.len(), 17);
    let reset = "{GROUP_CONFIG:share.auto.offset.reset=earliest, DEFAULT_CONFIG:share.auto.offset.reset=latest}";
    assert_eq!(find(&group, "share.auto.offset.reset"), Some((Some("earliest".into()), reset.to_owned())));
    let beat = "{STATIC_BROKER_CONFIG:group.consumer.heartbeat.interval.ms=4000, DEFAULT_CONFIG:group.consumer.heartbeat.interval.ms=5000}";
    assert_eq!(find(&group, "consumer.heartbeat.interval.ms"), Some((Some("4000".into()), beat.to_owned())));
    let metrics = effective_client_metrics(&image, "m");
    assert_eq!(find(&metrics, "interval.ms"), Some((Some("5000".into()), "{CLIENT_METRICS_CONFIG:interval.ms=5000}".to_owned())));
    assert_eq!(find(&metrics, "match"), Some((Some("".into()), "{}".to_owned())));
}

#[test]
fn an_entry_said_twice_counts_once() {
    let policy = topic_key("cleanup.policy").expect("it is in the table");
    assert_eq!(policy.parse("delete, compact,delete").as_deref(), Ok("delete,compact"));
    let listeners = broker_key("listeners").expect("it is in the table");
    assert_eq!(listeners.parse("PLAINTEXT://:1,PLAINTEXT://:1").as_deref(), Ok("PLAINTEXT://:1"));
    assert!(listeners.parse("PLAINTEXT://:1,,PLAINTEXT://:2").is_err());
}

#[test]
fn overrides_that_do_not_hold_here_are_named_with_the_reason() {
    let mut image = Image::new();
    for (kind, name, key, value) in [
        (2, "a", "preallocate", "true"),
        (2, "b", "preallocate", "true"),
        (2, "a", "retention.ms", "5"),
        (2, "a", "segment.bytes", "1000"),
        (2, "a", "message.format.version", "2.0"),
        (4, "0", "listeners", "PLAINTEXT://:1"),
        (4, "1", "listeners", "PLAINTEXT://:1"),
        (4, "", "num.io.threads", "9"),
        (4, "", "min.insync.replicas", "1"),
        (32, "g", "share.auto.offset.reset", "earliest"),
    ] {
        let record = ConfigRecord { resource_type: kind, resource_name: name.into(), name: key.into(), value: Some(value.into()) };
        image.apply(&record.into()).expect("configurations always apply");
    }
    let expected = [
        "listeners of broker 0: it has no effect here, where it is read at the start from the file and the command line only",
        "message.format.version of a: it has no effect here, where nobody knows such a key",
        "num.io.threads of every broker: it has no effect here: one loop serves all connections and requests, and work beside it takes the threads that \
         it needs",
        "preallocate of a, b: it has no effect here: a file grows as it is written",
        "segment.bytes of a: it is passed over: Invalid value 1000 for configuration segment.bytes: Value must be at least 1048576",
        "share.auto.offset.reset of group g: it has no effect here: this server coordinates no groups yet",
    ];
    assert_eq!(unheeded_overrides(&image, NodeId(0)), expected);
}
