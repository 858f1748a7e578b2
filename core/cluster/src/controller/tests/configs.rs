//! Overrides of topics and brokers are changed.

use super::{World, code};
use crate::controller::{ControllerRequest, ControllerResponse};
use crate::image::Resource;
use crate::messages::create_topics_request::CreatableTopic;
use crate::messages::incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig};
use crate::messages::{
    AlterConfigsRequestData, CreateTopicsRequestData, ErrorCode, IncrementalAlterConfigsRequestData, alter_configs_request, text,
};
use crate::record::MetadataRecord;

const SET: i8 = 0;
const DELETE: i8 = 1;
const APPEND: i8 = 2;
const SUBTRACT: i8 = 3;

fn world() -> World {
    let mut world = World::with_brokers(&[0]);
    let topic = CreatableTopic { name: text("orders"), num_partitions: 1, replication_factor: 1, ..Default::default() };
    world.ask(&ControllerRequest::CreateTopics(CreateTopicsRequestData { topics: vec![topic], ..Default::default() }));
    world
}

fn resource(kind: i8, name: &str, changes: &[(&str, i8, Option<&str>)]) -> AlterConfigsResource {
    let config = |&(name, config_operation, value): &(&str, i8, Option<&str>)| AlterableConfig {
        name: text(name),
        config_operation,
        value: value.map(text),
        ..Default::default()
    };
    let configs = changes.iter().map(config).collect();
    AlterConfigsResource { resource_type: kind, resource_name: text(name), configs, ..Default::default() }
}

fn alter(world: &mut World, resources: Vec<AlterConfigsResource>) -> (Vec<MetadataRecord>, Vec<(i16, String)>) {
    let request = IncrementalAlterConfigsRequestData { resources, ..Default::default() };
    let (records, reply) = world.ask(&ControllerRequest::IncrementalAlterConfigs(request));
    let ControllerResponse::IncrementalAlterConfigs(reply) = reply else { panic!("{reply:?}") };
    let says = |m: &Option<crate::messages::KafkaString>| m.as_ref().map_or(String::new(), ToString::to_string);
    (records, reply.responses.iter().map(|r| (r.error_code, says(&r.error_message))).collect())
}

fn one(world: &mut World, kind: i8, name: &str, change: (&str, i8, Option<&str>)) -> (i16, String) {
    alter(world, vec![resource(kind, name, &[change])]).1.remove(0)
}

fn value(world: &World, key: &str) -> Option<String> {
    world.image().override_of(&Resource::topic("orders"), key).map(str::to_owned)
}

#[test]
fn overrides_are_set_deleted_appended_and_subtracted() {
    let mut world = world();
    let ok = (0, String::new());
    assert_eq!(one(&mut world, 2, "orders", ("retention.ms", SET, Some("1000"))), ok);
    assert_eq!(value(&world, "retention.ms").as_deref(), Some("1000"));
    assert_eq!(one(&mut world, 2, "orders", ("cleanup.policy", APPEND, Some("compact"))), ok);
    assert_eq!(value(&world, "cleanup.policy").as_deref(), Some("delete,compact"), "appended to the default");
    assert_eq!(one(&mut world, 2, "orders", ("cleanup.policy", SUBTRACT, Some("delete"))), ok);
    assert_eq!(value(&world, "cleanup.policy").as_deref(), Some("compact"));
    assert_eq!(one(&mut world, 2, "orders", ("retention.ms", DELETE, None)), ok);
    assert_eq!(value(&world, "retention.ms"), None);
    let no_list = "Can't APPEND to key retention.ms because its type is not LIST.".to_owned();
    assert_eq!(one(&mut world, 2, "orders", ("retention.ms", APPEND, Some("1"))), (code(ErrorCode::InvalidConfig), no_list));
}

#[test]
fn wrong_changes_are_refused_in_kafkas_words() {
    let mut world = world();
    let wrong = |why: &str| (code(ErrorCode::InvalidConfig), why.to_owned());
    let low = "Invalid value -5 for configuration retention.ms: Value must be at least -1";
    assert_eq!(one(&mut world, 2, "orders", ("retention.ms", SET, Some("-5"))), wrong(low));
    let missing = (code(ErrorCode::UnknownTopicOrPartition), "The topic 'nothere' does not exist.".to_owned());
    assert_eq!(one(&mut world, 2, "nothere", ("retention.ms", SET, Some("5"))), missing);
    let broker = "Broker-level min.insync.replicas cannot be altered while ELR is enabled.";
    assert_eq!(one(&mut world, 4, "0", ("min.insync.replicas", SET, Some("1"))), wrong(broker));
    let cluster = "Cluster-level min.insync.replicas cannot be removed while ELR is enabled.";
    assert_eq!(one(&mut world, 4, "", ("min.insync.replicas", DELETE, None)), wrong(cluster));
    let stranger = (code(ErrorCode::BrokerIdNotRegistered), "No node with id 9 found.".to_owned());
    assert_eq!(one(&mut world, 4, "9", ("log.retention.ms", SET, Some("5"))), stranger);
    assert_eq!(one(&mut world, 7, "x", ("k", SET, None)).0, code(ErrorCode::UnsupportedVersion));
    let long = "x".repeat(32_768);
    assert_eq!(one(&mut world, 4, "0", ("some.plugin", SET, Some(&long))).0, code(ErrorCode::InvalidConfig));
}

/// No group and no client metrics subscription is acted upon here, so an answer of NONE would promise what does not happen.
#[test]
fn keys_of_groups_and_client_metrics_are_refused_and_what_is_there_can_be_taken_away() {
    let mut world = world();
    let (config, request) = (code(ErrorCode::InvalidConfig), code(ErrorCode::InvalidRequest));
    let says = |code: i16, why: &str| (code, why.to_owned());
    let group = |world: &mut World, key: &str, value: &str| one(world, 32, "g", (key, SET, Some(value)));
    assert_eq!(group(&mut world, "nonsense", "1"), says(config, "Unknown group config name: nonsense"));
    let number = "Invalid value x for configuration consumer.session.timeout.ms: Not a number of type INT";
    assert_eq!(group(&mut world, "consumer.session.timeout.ms", "x"), says(config, number));
    let groups = "consumer.session.timeout.ms cannot be set here: this server coordinates no groups yet";
    assert_eq!(group(&mut world, "consumer.session.timeout.ms", "50000"), says(config, groups));
    let nameless = one(&mut world, 32, "", ("consumer.session.timeout.ms", SET, Some("50000")));
    assert_eq!(nameless, says(request, "Default group resources are not allowed."));
    let metrics = |world: &mut World, key: &str, value: &str| one(world, 16, "m", (key, SET, Some(value)));
    assert_eq!(metrics(&mut world, "nonsense", "1"), says(request, "Unknown client metrics configuration: nonsense"));
    let clients = "interval.ms cannot be set here: this server takes no metrics from clients";
    assert_eq!(metrics(&mut world, "interval.ms", "5000"), says(config, clients));
    assert_eq!(one(&mut world, 16, "", ("interval.ms", SET, Some("5000"))), says(request, "Subscription name can't be empty"));
    for (kind, name) in [(32, "g"), (16, "m")] {
        assert_eq!(one(&mut world, kind, name, ("nonsense", DELETE, None)), (0, String::new()));
    }
}

#[test]
fn one_wrong_key_refuses_its_resource_whole_and_no_other() {
    let mut world = world();
    let wrong = resource(2, "orders", &[("retention.ms", SET, Some("1")), ("nope", SET, Some("1"))]);
    let right = resource(4, "0", &[("log.retention.ms", SET, Some("1"))]);
    let (records, results) = alter(&mut world, vec![wrong, right]);
    assert_eq!(results, [(code(ErrorCode::InvalidConfig), "Unknown topic config name: nope".to_owned()), (0, String::new())]);
    assert_eq!(records.len(), 1);
    assert_eq!(value(&world, "retention.ms"), None);
}

#[test]
fn an_unchanged_topic_key_is_not_written_and_a_brokers_is() {
    let mut world = world();
    let topic = || vec![resource(2, "orders", &[("retention.ms", SET, Some("1"))])];
    let broker = || vec![resource(4, "0", &[("log.retention.ms", SET, Some("1"))])];
    assert_eq!((alter(&mut world, topic()).0.len(), alter(&mut world, topic()).0.len()), (1, 0));
    assert_eq!((alter(&mut world, broker()).0.len(), alter(&mut world, broker()).0.len()), (1, 1));
}

#[test]
fn a_changed_minimum_of_replicas_clears_the_eligible_leaders() {
    let mut world = world();
    let (records, _) = alter(&mut world, vec![resource(2, "orders", &[("min.insync.replicas", SET, Some("2"))])]);
    assert!(matches!(&*records, [MetadataRecord::Config(_), MetadataRecord::ClearElr(c)] if c.topic_name == "orders"));
    let (records, _) = alter(&mut world, vec![resource(4, "", &[("min.insync.replicas", SET, Some("2"))])]);
    assert!(matches!(&*records, [MetadataRecord::Config(_), MetadataRecord::ClearElr(c)] if c.topic_name.is_empty()));
}

#[test]
fn a_resource_twice_is_refused_once() {
    let mut world = world();
    let same = || resource(2, "orders", &[("retention.ms", SET, Some("1"))]);
    let (records, results) = alter(&mut world, vec![same(), same()]);
    assert!(records.is_empty());
    assert_eq!(results, [(code(ErrorCode::InvalidRequest), "Duplicate resource.".to_owned())]);
}

#[test]
fn the_legacy_form_replaces_all_overrides() {
    let mut world = world();
    alter(&mut world, vec![resource(2, "orders", &[("retention.ms", SET, Some("1")), ("flush.messages", SET, Some("5"))])]);
    let config = alter_configs_request::AlterableConfig { name: text("flush.messages"), value: Some(text("7")), ..Default::default() };
    let resource = alter_configs_request::AlterConfigsResource {
        resource_type: 2,
        resource_name: text("orders"),
        configs: vec![config],
        ..Default::default()
    };
    let mut request = AlterConfigsRequestData { resources: vec![resource], validate_only: true, ..Default::default() };
    assert!(world.ask(&ControllerRequest::AlterConfigs(request.clone())).0.is_empty());
    request.validate_only = false;
    assert_eq!(world.ask(&ControllerRequest::AlterConfigs(request)).0.len(), 2);
    assert_eq!((value(&world, "retention.ms"), value(&world, "flush.messages").as_deref()), (None, Some("7")));
}
