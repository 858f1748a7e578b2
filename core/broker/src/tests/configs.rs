//! What a change of the configuration, or the file that a node was started with, does to a node.

use odradek_cluster::config::StaticConfig;
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
