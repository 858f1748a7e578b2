//! What a change of the configuration, or the file that a node was started with, does to a node.

use odradek_cluster::config::{Definition, Effect, StaticConfig, ValueType, broker_keys, topic_keys};
use odradek_wire::batch::{BatchProducer, Builder, NewRecord};
use odradek_wire::codec::Codec;
use odradek_wire::ids::{ProducerEpoch, ProducerId, Sequence};
use odradek_wire::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use odradek_wire::messages::describe_configs_request::DescribeConfigsResource;
use odradek_wire::messages::describe_configs_response::DescribeConfigsResourceResult;
use odradek_wire::messages::incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig};
use odradek_wire::messages::{CreateTopicsRequestData, DescribeConfigsRequestData, IncrementalAlterConfigsRequestData, KafkaString, text};
use odradek_wire::response::Response;

use super::disk::Disk;
use super::host::{Host, produce};
use super::producers::producers;
use super::story::topic_id;
use crate::io::{ConnectionId, Input};

const TOPIC: i8 = 2;
const BROKER: i8 = 4;
const METRICS: i8 = 16;
const GROUP: i8 = 32;

fn on_a_file(lines: &[(&str, &str)]) -> Host {
    let config = StaticConfig::parse(lines.iter().copied()).expect("known keys");
    let mut host = Host::on(Disk::default(), 11, |setup| setup.config = config);
    host.start();
    host
}

/// Sets one key; the error code and what was said about it.
fn set(host: &mut Host, connection: ConnectionId, kind: i8, name: &str, key: &str, value: &str) -> (i16, String) {
    let config = AlterableConfig::default().with_name(text(key)).with_value(Some(text(value)));
    let resource = AlterConfigsResource::default().with_resource_type(kind).with_resource_name(text(name)).with_configs(vec![config]);
    match host.call(connection, 1, IncrementalAlterConfigsRequestData::default().with_resources(vec![resource])) {
        Response::IncrementalAlterConfigs(r) => {
            (r.responses[0].error_code, r.responses[0].error_message.as_ref().map(ToString::to_string).unwrap_or_default())
        }
        other => panic!("{other:?}"),
    }
}

fn take_away(host: &mut Host, connection: ConnectionId, kind: i8, name: &str, key: &str) {
    let config = AlterableConfig::default().with_name(text(key)).with_config_operation(1).with_value(None);
    let resource = AlterConfigsResource::default().with_resource_type(kind).with_resource_name(text(name)).with_configs(vec![config]);
    match host.call(connection, 1, IncrementalAlterConfigsRequestData::default().with_resources(vec![resource])) {
        Response::IncrementalAlterConfigs(r) => assert_eq!(r.responses[0].error_code, 0, "{key}"),
        other => panic!("{other:?}"),
    }
}

fn write_as_producer(host: &mut Host, connection: ConnectionId, id: i64) {
    let mut builder = Builder::new(Codec::None);
    builder.set_producer(BatchProducer { id: ProducerId(id), epoch: ProducerEpoch(0), base_sequence: Some(Sequence(0)) }, false);
    builder.push(NewRecord { timestamp_ms: host.now.wall.0, key: None, value: Some(b"a"), headers: &[] });
    host.call(connection, 9, produce("orders", 0, -1, builder.build_bytes()));
}

#[test]
fn producers_are_forgotten_after_the_time_that_holds_now() {
    let mut host = on_a_file(&[("producer.id.expiration.ms", "3600000"), ("log.retention.check.interval.ms", "1000")]);
    let connection = host.connect();
    topic_id(&mut host, connection, "orders");
    write_as_producer(&mut host, connection, 7);
    host.pass_ms(7_000);
    assert_eq!(producers(&mut host, connection), [7]);
    assert_eq!(set(&mut host, connection, BROKER, "", "producer.id.expiration.ms", "5000"), (0, String::new()));
    host.pass_ms(2_000);
    assert_eq!(producers(&mut host, connection), [0; 0]);
}

#[test]
fn a_node_that_does_not_hand_over_stops_without_asking_the_controller() {
    for (hands_over, stays_unfenced) in [("true", false), ("false", true)] {
        let mut host = on_a_file(&[("controlled.shutdown.enable", hands_over)]);
        host.step(Input::Stop);
        host.until("it stopped", |h| h.stopped.is_some());
        assert_eq!(host.stopped, Some(Ok(())));
        let fenced = host.marks.contains(&"broker.fenced");
        assert_eq!(fenced, !stays_unfenced, "{:?}", host.marks);
    }
}

#[test]
fn a_change_that_the_controller_cannot_commit_is_answered_after_the_time_of_the_file() {
    let mut host = on_a_file(&[("request.timeout.ms", "2000")]);
    let connection = host.connect();
    host.disk_stalls = true;
    let config = AlterableConfig::default().with_name(text("log.retention.ms")).with_value(Some(text("5000")));
    let resource = AlterConfigsResource::default().with_resource_type(BROKER).with_resource_name(text("1")).with_configs(vec![config]);
    host.ask(connection, 1, IncrementalAlterConfigsRequestData::default().with_resources(vec![resource]));
    host.pass_ms(1_500);
    assert!(host.answered(connection).is_none());
    host.pass_ms(1_000);
    match host.answered(connection) {
        Some((_, Response::IncrementalAlterConfigs(r))) => assert_eq!(r.responses[0].error_code, 7),
        other => panic!("{other:?}"),
    }
}

fn described(host: &mut Host, connection: ConnectionId, kind: i8, name: &str, keys: Option<&[&str]>) -> Vec<DescribeConfigsResourceResult> {
    let keys = keys.map(|keys| keys.iter().map(|key| text(key)).collect());
    let resource = DescribeConfigsResource::default().with_resource_type(kind).with_resource_name(text(name)).with_configuration_keys(keys);
    match host.call(connection, 4, DescribeConfigsRequestData::default().with_resources(vec![resource])) {
        Response::DescribeConfigs(mut r) => r.results.remove(0).configs,
        other => panic!("{other:?}"),
    }
}

/// kafka-go and @platformatic/kafka ask so.
#[test]
fn an_empty_list_of_keys_asks_for_all_as_no_list_does() {
    let mut host = on_a_file(&[]);
    let connection = host.connect();
    topic_id(&mut host, connection, "orders");
    for (kind, name, keys) in [(TOPIC, "orders", 33), (BROKER, "1", 340), (GROUP, "g", 17), (METRICS, "m", 3)] {
        let all = described(&mut host, connection, kind, name, None);
        assert_eq!(all.len(), keys, "{name}");
        assert_eq!(described(&mut host, connection, kind, name, Some(&[])), all);
    }
    let some = described(&mut host, connection, BROKER, "1", Some(&["num.partitions", "nothing"]));
    assert_eq!(some.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["num.partitions"]);
}

#[test]
fn what_cannot_change_while_the_node_runs_is_refused_and_described_as_it_was() {
    let mut host = on_a_file(&[("listeners", "PLAINTEXT://localhost:9092")]);
    let connection = host.connect();
    let (error, why) = set(&mut host, connection, BROKER, "1", "listeners", "PLAINTEXT://localhost:9093");
    assert_eq!((error, why.as_str()), (42, "Cannot update these configs dynamically: [listeners]"));
    let shown = described(&mut host, connection, BROKER, "1", Some(&["listeners", "num.io.threads", "log.retention.ms"]));
    let read_only: Vec<_> = shown.iter().map(|c| (c.name.as_str(), c.read_only)).collect();
    assert_eq!(read_only, [("listeners", true), ("log.retention.ms", false), ("num.io.threads", true)]);
    assert_eq!(shown[0].value.as_ref().map(KafkaString::as_str), Some("PLAINTEXT://localhost:9092"));
    for (kind, name, key, code) in [
        (BROKER, "", "num.io.threads", 42),
        (BROKER, "1", "ssl.client.auth", 42),
        (BROKER, "1", "a.plugin", 42),
        (GROUP, "g", "share.auto.offset.reset", 40),
        (METRICS, "m", "interval.ms", 40),
    ] {
        assert_eq!(set(&mut host, connection, kind, name, key, "9").0, code, "{key}");
    }
}

fn told(host: &mut Host) -> Vec<String> {
    let ours = |mark: &str| ["topic.not_compacted", "config.without_effect"].contains(&mark);
    std::mem::take(&mut host.said).into_iter().filter(|(mark, _)| ours(mark)).map(|(_, says)| says).collect()
}

/// Nothing is compacted yet, and a topic may be made for it all the same: whoever runs the server is told when it is made, and at every start.
#[test]
fn a_topic_that_is_to_be_compacted_is_told_when_it_is_made_and_at_every_start() {
    let mut host = on_a_file(&[]);
    let connection = host.connect();
    let config = |key: &str, value: &str| CreatableTopicConfig::default().with_name(text(key)).with_value(Some(text(value)));
    let topic = CreatableTopic::default().with_name(text("state")).with_num_partitions(3).with_replication_factor(1);
    let topics = vec![topic.with_configs(vec![config("cleanup.policy", "compact"), config("retention.ms", "5")])];
    host.call(connection, 7, CreateTopicsRequestData::default().with_topics(topics).with_timeout_ms(1_000));
    let not_compacted = |topics: &str| {
        format!(
            "cleanup.policy of {topics} has compact, and nothing is compacted yet: every record stays, or goes by retention if it has delete too"
        )
    };
    assert_eq!(told(&mut host), [not_compacted("state")]);
    topic_id(&mut host, connection, "orders");
    assert_eq!(set(&mut host, connection, TOPIC, "orders", "cleanup.policy", "compact,delete").0, 0);
    assert_eq!(told(&mut host), [not_compacted("orders")]);
    assert_eq!(set(&mut host, connection, TOPIC, "orders", "retention.ms", "6").0, 0);
    assert_eq!(told(&mut host), [""; 0]);
    assert_eq!(set(&mut host, connection, TOPIC, "orders", "preallocate", "true").0, 0);
    let preallocate = "preallocate of orders: it has no effect here: a file grows as it is written";
    assert_eq!(told(&mut host), [preallocate]);
    let mut host = host.restarted(true, 12);
    assert_eq!(told(&mut host), [preallocate.to_owned(), not_compacted("orders, state")]);
}

/// A value for each key that is neither its default nor another's.
fn other_value(key: &Definition) -> &'static str {
    match (key.name, key.value_type) {
        ("cleanup.policy" | "log.cleanup.policy", _) => "compact",
        ("compression.type", _) => "gzip",
        ("compression.gzip.level" | "compression.lz4.level" | "compression.zstd.level", _) => "7",
        ("message.timestamp.type" | "log.message.timestamp.type", _) => "LogAppendTime",
        (_, ValueType::Boolean) if key.default == Some("false") => "true",
        (_, ValueType::Boolean) => "false",
        _ => "1234567",
    }
}

/// What a log acts by, whatever it is.
fn acts_by(host: &Host) -> String {
    let running = host.node.running().expect("it runs");
    let replica = running.replicas.sorted().into_iter().map(|(_, replica)| replica).next().expect("there is one");
    format!("{:?} {:?}", replica.config, replica.log.setup().config)
}

/// After a change that is answered NONE the behaviour follows: every key that may change reaches the log, for a topic, for a broker and for every broker.
#[test]
fn every_change_that_is_answered_none_reaches_the_logs() {
    let mut host = on_a_file(&[]);
    let connection = host.connect();
    topic_id(&mut host, connection, "orders");
    let works = |key: &&'static Definition| key.effect == Effect::Works && !key.is_read_only();
    let of_topic = topic_keys().iter().filter(works).map(|key| (TOPIC, "orders", key));
    let of_broker = |name: &'static str| broker_keys().iter().filter(works).map(move |key| (BROKER, name, key));
    // Limits of the rim, and the one key that a controller with eligible leaders takes for every broker only.
    let elsewhere = |kind: i8, name: &str, key: &str| {
        key.starts_with("max.connection") || kind == BROKER && name == "1" && key == "min.insync.replicas"
    };
    let all = of_topic.chain(of_broker("")).chain(of_broker("1"));
    for (kind, name, key) in all.filter(|(kind, name, key)| !elsewhere(*kind, name, key.name)) {
        // A level of a codec is acted by where the topic compresses with it.
        let codec = key.name.strip_prefix("compression.").and_then(|rest| rest.strip_suffix(".level"));
        if let Some(codec) = codec {
            assert_eq!(set(&mut host, connection, kind, name, "compression.type", codec), (0, String::new()));
        }
        let before = acts_by(&host);
        assert_eq!(set(&mut host, connection, kind, name, key.name, other_value(key)), (0, String::new()), "{}", key.name);
        assert_ne!(acts_by(&host), before, "{} of {kind} '{name}' is answered and does not reach the log", key.name);
        for key in [Some(key.name), codec.map(|_| "compression.type")]
            .into_iter()
            .flatten()
            .filter(|key| kind == TOPIC || *key != "min.insync.replicas")
        {
            take_away(&mut host, connection, kind, name, key);
        }
    }
}
