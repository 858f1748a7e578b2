//! Topics are created, given more partitions, and deleted.

use odradek_wire::ids::Uuid;

use super::{World, code};
use crate::controller::{ControllerRequest, ControllerResponse};
use crate::messages::create_partitions_request::{CreatePartitionsAssignment, CreatePartitionsTopic};
use crate::messages::create_topics_request::{CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig};
use crate::messages::create_topics_response::CreatableTopicResult;
use crate::messages::delete_topics_request::DeleteTopicState;
use crate::messages::{CreatePartitionsRequestData, CreateTopicsRequestData, DeleteTopicsRequestData, ErrorCode, text};

fn topic(name: &str) -> CreatableTopic {
    CreatableTopic { name: text(name), num_partitions: 1, replication_factor: 1, ..Default::default() }
}

fn create(world: &mut World, topics: Vec<CreatableTopic>) -> Vec<CreatableTopicResult> {
    match world.ask(&ControllerRequest::CreateTopics(CreateTopicsRequestData { topics, ..Default::default() })).1 {
        ControllerResponse::CreateTopics(r) => r.topics,
        other => panic!("{other:?}"),
    }
}

/// The code and the sentence of the only result.
fn refused(world: &mut World, topic: CreatableTopic) -> (i16, String) {
    let results = create(world, vec![topic]);
    assert_eq!(results.len(), 1);
    (results[0].error_code, results[0].error_message.as_ref().map_or(String::new(), ToString::to_string))
}

fn assignment(partition_index: i32, broker_ids: &[i32]) -> CreatableReplicaAssignment {
    CreatableReplicaAssignment { partition_index, broker_ids: broker_ids.to_vec(), ..Default::default() }
}

fn manual(assignments: Vec<CreatableReplicaAssignment>) -> CreatableTopic {
    CreatableTopic { num_partitions: -1, replication_factor: -1, assignments, ..topic("t") }
}

fn configured(name: &str, value: Option<&str>) -> CreatableTopic {
    let config = CreatableTopicConfig { name: text(name), value: value.map(text), ..Default::default() };
    CreatableTopic { configs: vec![config], ..topic("t") }
}

#[test]
fn names_are_refused_in_kafkas_words() {
    let mut world = World::with_brokers(&[0]);
    let invalid = code(ErrorCode::InvalidTopicException);
    let long = "x".repeat(250);
    let cases = [
        ("bad name", "'bad name' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'".to_owned()),
        ("", "the empty string is not allowed".to_owned()),
        (".", "'.' is not allowed".to_owned()),
        ("..", "'..' is not allowed".to_owned()),
        (&long, format!("the length of '{long}' is longer than the max allowed length 249")),
    ];
    for (name, why) in cases {
        assert_eq!(refused(&mut world, topic(name)), (invalid, format!("Topic name is invalid: {why}")));
    }
    assert_eq!(refused(&mut world, topic(&long[1..])).0, 0);
}

#[test]
fn a_name_that_is_taken_or_collides_is_refused() {
    let mut world = World::with_brokers(&[0]);
    assert_eq!(create(&mut world, vec![topic("a.b"), topic("orders")]).iter().map(|t| t.error_code).sum::<i16>(), 0);
    let exists = (code(ErrorCode::TopicAlreadyExists), "Topic 'orders' already exists.".to_owned());
    assert_eq!(refused(&mut world, topic("orders")), exists);
    let collides = (code(ErrorCode::InvalidTopicException), "Topic 'a_b' collides with existing topic: a.b".to_owned());
    assert_eq!(refused(&mut world, topic("a_b")), collides);
    assert_eq!(refused(&mut world, topic("a-b")).0, 0);
}

#[test]
fn counts_are_checked_and_minus_one_is_the_default() {
    let mut world = World::with_brokers(&[0]);
    let with = |num_partitions, replication_factor| CreatableTopic { num_partitions, replication_factor, ..topic("t") };
    let partitions = "Number of partitions was set to an invalid non-positive value.".to_owned();
    assert_eq!(refused(&mut world, with(0, 1)), (code(ErrorCode::InvalidPartitions), partitions));
    let factor = "Replication factor must be larger than 0, or -1 to use the default value.".to_owned();
    assert_eq!(refused(&mut world, with(1, 0)), (code(ErrorCode::InvalidReplicationFactor), factor));
    let brokers = "Unable to replicate the partition 3 time(s): The target replication factor of 3 cannot be reached because only 1 broker(s) are \
                   registered or some brokers have all their log directories cordoned.";
    assert_eq!(refused(&mut world, with(1, 3)), (code(ErrorCode::InvalidReplicationFactor), brokers.to_owned()));
    let created = create(&mut world, vec![with(-1, -1)]);
    assert_eq!((created[0].error_code, created[0].num_partitions, created[0].replication_factor), (0, 1, 1));
    assert!(created[0].configs.as_ref().is_some_and(|c| c.iter().any(|c| c.name.as_str() == "flush.messages")));
    assert_eq!(refused(&mut world, with(10_001, 1)).0, code(ErrorCode::PolicyViolation));
}

#[test]
fn without_an_unfenced_broker_nothing_can_be_placed() {
    let mut world = World::empty();
    let why = "Unable to replicate the partition 1 time(s): All brokers are currently fenced, or have all their log directories cordoned.";
    assert_eq!(refused(&mut world, topic("t")), (code(ErrorCode::InvalidReplicationFactor), why.to_owned()));
}

#[test]
fn manual_assignments_are_checked() {
    let mut world = World::with_brokers(&[0, 1]);
    let wrong = code(ErrorCode::InvalidReplicaAssignment);
    let mut says = |topic, why: &str| assert_eq!(refused(&mut world, topic), (wrong, why.to_owned()));
    says(manual(vec![assignment(0, &[5])]), "The manual partition assignment includes broker 5, but no such broker is registered.");
    says(manual(vec![assignment(0, &[])]), "The manual partition assignment includes an empty replica list.");
    says(manual(vec![assignment(0, &[1, 1])]), "The manual partition assignment includes the broker 1 more than once.");
    says(manual(vec![assignment(0, &[1]), assignment(0, &[1])]), "Found multiple manual partition assignments for partition 0");
    says(manual(vec![assignment(1, &[1])]), "partitions should be a consecutive 0-based integer sequence");
    says(
        manual(vec![assignment(0, &[1, 0]), assignment(1, &[1])]),
        "The manual partition assignment includes a partition with 1 replica(s), but this is not consistent with previous partitions, which have 2 \
         replica(s).",
    );
    let counted = CreatableTopic { num_partitions: 1, ..manual(vec![assignment(0, &[1])]) };
    assert_eq!(refused(&mut world, counted).0, code(ErrorCode::InvalidRequest));
    assert_eq!(refused(&mut world, manual(vec![assignment(1, &[0]), assignment(0, &[1])])).0, 0);
    assert_eq!(world.image().topic("t").map(|t| t.partitions.len()), Some(2));
}

#[test]
fn configurations_are_checked_at_creation() {
    let mut world = World::with_brokers(&[0]);
    let wrong = code(ErrorCode::InvalidConfig);
    let mut says = |topic, why: &str| assert_eq!(refused(&mut world, topic), (wrong, why.to_owned()));
    says(
        configured("segment.bytes", Some("1048575")),
        "Invalid value 1048575 for configuration segment.bytes: Value must be at least 1048576",
    );
    says(configured("nope", Some("1")), "Unknown topic config name: nope");
    says(
        configured("cleanup.policy", Some("foo")),
        "Invalid value foo for configuration cleanup.policy: String must be one of: compact, delete",
    );
    says(configured("retention.ms", None), "Null value not supported for topic configs: retention.ms");
    let mut both = configured("min.compaction.lag.ms", Some("100"));
    both.configs.extend(configured("max.compaction.lag.ms", Some("10")).configs);
    says(both, "conflict topic config setting min.compaction.lag.ms (100) > max.compaction.lag.ms (10)");
}

#[test]
fn a_name_twice_in_a_request_is_refused_and_validate_only_creates_nothing() {
    let mut world = World::with_brokers(&[0]);
    let results = create(&mut world, vec![topic("t"), topic("t"), topic("u"), topic("__cluster_metadata")]);
    let codes: Vec<_> = results.iter().map(|t| (t.name.as_str(), t.error_code)).collect();
    let invalid = code(ErrorCode::InvalidRequest);
    assert_eq!(codes, [("u", 0), ("t", invalid), ("__cluster_metadata", invalid)]);
    let request = CreateTopicsRequestData { topics: vec![topic("v")], validate_only: true, ..Default::default() };
    let (records, _) = world.ask(&ControllerRequest::CreateTopics(request));
    assert!(records.is_empty());
    assert!(world.image().topic("t").is_none() && world.image().topic("v").is_none());
}

fn add(world: &mut World, name: &str, count: i32, assignments: Option<&[&[i32]]>) -> (i16, Option<String>) {
    let assignments =
        assignments.map(|a| a.iter().map(|ids| CreatePartitionsAssignment { broker_ids: ids.to_vec(), ..Default::default() }).collect());
    let topics = vec![CreatePartitionsTopic { name: text(name), count, assignments, ..Default::default() }];
    match world.ask(&ControllerRequest::CreatePartitions(CreatePartitionsRequestData { topics, ..Default::default() })).1 {
        ControllerResponse::CreatePartitions(r) => (r.results[0].error_code, r.results[0].error_message.as_ref().map(ToString::to_string)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn partitions_only_become_more() {
    let mut world = World::with_brokers(&[0, 1]);
    create(&mut world, vec![CreatableTopic { num_partitions: 2, ..topic("orders") }]);
    let invalid = code(ErrorCode::InvalidPartitions);
    let fewer = "The topic orders currently has 2 partition(s); 1 would not be an increase.".to_owned();
    assert_eq!(add(&mut world, "orders", 1, None), (invalid, Some(fewer)));
    assert_eq!(add(&mut world, "orders", 2, None), (invalid, Some("Topic already has 2 partition(s).".to_owned())));
    assert_eq!(add(&mut world, "nothere", 2, None).0, code(ErrorCode::UnknownTopicOrPartition));
    let too_few = "Attempted to add 2 additional partition(s), but only 1 assignment(s) were specified.".to_owned();
    assert_eq!(add(&mut world, "orders", 4, Some(&[&[1]])), (code(ErrorCode::InvalidReplicaAssignment), Some(too_few)));
    assert_eq!(add(&mut world, "orders", 4, Some(&[&[1], &[0]])), (0, None));
    assert_eq!(add(&mut world, "orders", 5, None), (0, None));
    assert_eq!(world.image().topic("orders").map(|t| t.partitions.keys().copied().collect()), Some(vec![0, 1, 2, 3, 4]));
}

#[test]
fn topics_are_deleted_by_name_and_by_id_once() {
    let mut world = World::with_brokers(&[0]);
    create(&mut world, vec![topic("a"), topic("b"), topic("c"), topic("d")]);
    let id = |world: &World, name| world.image().topic_id(name).expect("created");
    let (b, c) = (id(&world, "b"), id(&world, "c"));
    let by_id = |id: Uuid| DeleteTopicState { name: None, topic_id: id.into(), ..Default::default() };
    let by_name = |name| DeleteTopicState { name: Some(text(name)), ..Default::default() };
    let both = DeleteTopicState { name: Some(text("d")), topic_id: b.into(), ..Default::default() };
    let topics =
        vec![by_name("a"), by_id(b), by_name("nothere"), by_id(Uuid([9; 16])), by_name("c"), by_id(c), both, DeleteTopicState::default()];
    let reply = match world.ask(&ControllerRequest::DeleteTopics(DeleteTopicsRequestData { topics, ..Default::default() })).1 {
        ControllerResponse::DeleteTopics(r) => r.responses,
        other => panic!("{other:?}"),
    };
    assert!(reply.iter().all(|r| r.error_message.is_some() == (r.error_code != 0)), "whoever is refused is told why");
    let mut results: Vec<_> = reply.iter().map(|r| (r.name.as_ref().map_or("-", |n| n.as_str()), r.error_code)).collect();
    results.sort_unstable();
    let invalid = code(ErrorCode::InvalidRequest);
    let unknown = code(ErrorCode::UnknownTopicOrPartition);
    assert_eq!(
        results,
        [("-", invalid), ("-", code(ErrorCode::UnknownTopicId)), ("a", 0), ("b", 0), ("c", invalid), ("d", invalid), ("nothere", unknown)]
    );
    assert_eq!(world.image().topics().map(|t| t.name.to_string()).collect::<Vec<_>>(), ["c", "d"]);
}

#[test]
fn topic_ids_are_drawn_by_name_and_place() {
    let mut world = World::with_brokers(&[0]);
    create(&mut world, vec![topic("a"), topic("b")]);
    let mut other = World::with_brokers(&[0]);
    create(&mut other, vec![topic("b")]);
    assert_ne!(world.image().topic_id("a"), world.image().topic_id("b"));
    assert_eq!(world.image().topic_id("b"), other.image().topic_id("b"), "one creation more shifts no other");
}

#[test]
fn created_topics_are_told_their_overrides_as_they_were_said_and_refused_ones_an_empty_list() {
    let mut world = World::with_brokers(&[0]);
    let config = |name: &str, value: &str| CreatableTopicConfig { name: text(name), value: Some(text(value)), ..Default::default() };
    let configs =
        vec![config("max.message.bytes", " 1000 "), config("cleanup.policy", "delete,delete"), config("internal.segment.bytes", "5000")];
    let created = create(&mut world, vec![CreatableTopic { configs, ..topic("said") }]);
    assert_eq!(created[0].error_code, 0);
    let told = created[0].configs.as_ref().expect("they are told");
    let value = |key: &str| told.iter().find(|c| c.name.as_str() == key).and_then(|c| c.value.as_ref()).map(ToString::to_string);
    assert_eq!(value("max.message.bytes").as_deref(), Some(" 1000 "));
    assert_eq!(value("cleanup.policy").as_deref(), Some("delete,delete"));
    assert_eq!(value("internal.segment.bytes").as_deref(), Some("5000"));
    let refused = create(&mut world, vec![topic("a b")]);
    assert_eq!(refused[0].configs, Some(Vec::new()));
}
