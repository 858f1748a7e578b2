//! Which directory a replica is in, from its creation on.

use odradek_wire::ids::{NodeId, Uuid};

use super::{World, code, registration, uuid};
use crate::controller::{ControllerRequest, ControllerResponse};
use crate::image::{LOST, Partition};
use crate::messages::assign_replicas_to_dirs_request as request;
use crate::messages::create_topics_request::CreatableTopic;
use crate::messages::{AssignReplicasToDirsRequestData, CreateTopicsRequestData, ErrorCode, text};

fn create(world: &mut World, name: &str, partitions: i32) -> Uuid {
    let topic = CreatableTopic { name: text(name), num_partitions: partitions, replication_factor: 1, ..Default::default() };
    world.ask(&ControllerRequest::CreateTopics(CreateTopicsRequestData { topics: vec![topic], ..Default::default() }));
    world.image().topic_id(name).expect("it was created")
}

fn partitions(world: &World, topic: Uuid) -> Vec<Partition> {
    world.image().topic_by_id(topic).expect("it is there").partitions.values().cloned().collect()
}

/// A broker with two log directories.
fn two_directories() -> (World, [Uuid; 2]) {
    let mut world = World::empty();
    let dirs = [uuid(2, 1), uuid(3, 1)];
    let mut broker = registration(1);
    broker.log_dirs = dirs.map(Into::into).to_vec();
    world.register_with(&broker);
    world.beat(1, |_| {});
    (world, dirs)
}

fn assign(world: &mut World, topic: Uuid, index: i32, directory: Uuid, epoch: Option<i64>) -> (i16, i16) {
    let partitions = vec![request::PartitionData { partition_index: index, ..Default::default() }];
    let topics = vec![request::TopicData { topic_id: topic.into(), partitions, ..Default::default() }];
    let directories = vec![request::DirectoryData { id: directory.into(), topics, ..Default::default() }];
    let broker_epoch = epoch.unwrap_or_else(|| world.image().broker(NodeId(1)).expect("it is registered").epoch.0);
    let asked = AssignReplicasToDirsRequestData { broker_id: 1, broker_epoch, directories, ..Default::default() };
    match world.ask(&ControllerRequest::AssignReplicasToDirs(asked)).1 {
        ControllerResponse::AssignReplicasToDirs(r) => {
            (r.error_code, r.directories.first().map_or(0, |d| d.topics[0].partitions[0].error_code))
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn record_that_creates_a_partition_names_its_directory_and_directories_fill_evenly() {
    let (mut world, [a, b]) = two_directories();
    let first = create(&mut world, "first", 3);
    assert_eq!(partitions(&world, first).iter().map(|p| p.directory(NodeId(1))).collect::<Vec<_>>(), [a, b, a]);
    let second = create(&mut world, "second", 2);
    assert_eq!(partitions(&world, second).iter().map(|p| p.directory(NodeId(1))).collect::<Vec<_>>(), [b, a], "the emptier one first");
    world.beat(1, |r| r.cordoned_log_dirs = Some(vec![a.into()]));
    let third = create(&mut world, "third", 2);
    assert!(partitions(&world, third).iter().all(|p| p.directory(NodeId(1)) == b), "one that is cordoned takes no more");
}

#[test]
fn replica_that_is_found_elsewhere_moves_and_one_that_is_lost_is_led_by_nobody() {
    let (mut world, [a, b]) = two_directories();
    let topic = create(&mut world, "orders", 1);
    assert_eq!(assign(&mut world, topic, 0, b, None), (0, 0));
    let moved = &partitions(&world, topic)[0];
    assert_eq!((moved.directory(NodeId(1)), moved.leader), (b, Some(NodeId(1))));
    assert_eq!(assign(&mut world, topic, 0, LOST, None), (0, 0));
    let lost = &partitions(&world, topic)[0];
    assert_eq!((lost.directory(NodeId(1)), lost.leader, lost.isr.len()), (LOST, None, 0));
    assert!(!world.image().is_online(lost, NodeId(1)));
    // The broker comes back and has found it after all.
    world.beat(1, |r| r.want_fence = true);
    assert_eq!(assign(&mut world, topic, 0, a, None), (0, 0));
    world.beat(1, |_| {});
    assert_eq!(partitions(&world, topic)[0].leader, Some(NodeId(1)));
}

#[test]
fn replica_in_a_directory_that_the_broker_no_longer_names_is_led_by_nobody() {
    let (mut world, [a, b]) = two_directories();
    let topic = create(&mut world, "orders", 2);
    let mut again = registration(1);
    (again.log_dirs, again.incarnation_id) = (vec![a.into()], uuid(1, 9).into());
    world.advance_ms(60_000);
    let fenced = world.controller.due(world.now);
    world.accept(&fenced, None);
    world.register_with(&again);
    world.beat(1, |_| {});
    let leaders: Vec<_> = partitions(&world, topic).iter().map(|p| (p.directory(NodeId(1)), p.leader)).collect();
    assert_eq!(leaders, [(a, Some(NodeId(1))), (b, None)]);
}

#[test]
fn assignments_are_refused_in_kafkas_words() {
    let (mut world, [a, _]) = two_directories();
    let topic = create(&mut world, "orders", 1);
    assert_eq!(assign(&mut world, topic, 0, a, Some(7)), (code(ErrorCode::StaleBrokerEpoch), 0));
    assert_eq!(assign(&mut world, uuid(9, 9), 0, a, None), (0, code(ErrorCode::UnknownTopicId)));
    assert_eq!(assign(&mut world, topic, 4, a, None), (0, code(ErrorCode::UnknownTopicOrPartition)));
}
