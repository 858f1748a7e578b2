//! Brokers come, say that they are alive, hand over, and go.

use odradek_wire::ids::NodeId;

use super::{World, code, registration, uuid};
use crate::controller::{ControllerRequest, ControllerResponse};
use crate::image::LeaderRecovery;
use crate::messages::create_topics_request::{CreatableReplicaAssignment, CreatableTopic};
use crate::messages::{AllocateProducerIdsRequestData, BrokerRegistrationRequestData, CreateTopicsRequestData, ErrorCode, text};
use crate::record::MetadataRecord;

/// One topic `t` with one partition on these brokers.
fn with_topic(replicas: &[i32]) -> World {
    let mut world = World::with_brokers(replicas);
    let topic = CreatableTopic {
        name: text("t"),
        num_partitions: -1,
        replication_factor: -1,
        assignments: vec![CreatableReplicaAssignment { partition_index: 0, broker_ids: replicas.to_vec(), ..Default::default() }],
        ..Default::default()
    };
    let (records, _) = world.ask(&ControllerRequest::CreateTopics(CreateTopicsRequestData { topics: vec![topic], ..Default::default() }));
    assert_eq!(records.len(), 2);
    world
}

/// (leader, isr, elr, last known, recovering) of the partition.
fn state(world: &World) -> (i32, Vec<i32>, Vec<i32>, Vec<i32>, bool) {
    let p = &world.image().topic("t").expect("the topic").partitions[&0];
    let ids = |ids: &[NodeId]| ids.iter().map(|n| n.0).collect::<Vec<_>>();
    (p.leader.map_or(-1, |l| l.0), ids(&p.isr), ids(&p.elr), ids(&p.last_known_elr), p.recovery == LeaderRecovery::Recovering)
}

#[test]
fn a_registration_is_refused_for_what_is_wrong_with_it() {
    let mut world = World::with_brokers(&[1]);
    type Spoil = fn(&mut BrokerRegistrationRequestData);
    let cases: [(&str, ErrorCode, Spoil); 7] = [
        ("another cluster", ErrorCode::InconsistentClusterId, |r| r.cluster_id = text("other")),
        ("no directory", ErrorCode::InvalidRegistration, |r| r.log_dirs.clear()),
        ("a reserved directory", ErrorCode::InvalidRegistration, |r| r.log_dirs = vec![odradek_wire::ids::Uuid::METADATA_TOPIC.into()]),
        ("a directory twice", ErrorCode::InvalidRegistration, |r| r.log_dirs.push(r.log_dirs[0])),
        ("a directory of another", ErrorCode::InvalidRegistration, |r| r.log_dirs = vec![uuid(2, 1).into()]),
        ("no metadata.version", ErrorCode::InvalidRegistration, |r| r.features.retain(|f| f.name.as_str() != "metadata.version")),
        ("too old", ErrorCode::UnsupportedVersion, |r| r.features.iter_mut().for_each(|f| f.max_supported_version = 0)),
    ];
    for (what, error, spoil) in cases {
        let mut request = registration(2);
        spoil(&mut request);
        assert_eq!(world.register_with(&request).error_code, code(error), "{what}");
        assert!(world.image().broker(NodeId(2)).is_none());
    }
}

#[test]
fn a_second_process_with_the_same_id_waits_until_the_first_ones_session_ends() {
    let mut world = World::with_brokers(&[1]);
    let mut second = registration(1);
    second.incarnation_id = uuid(9, 1).into();
    assert_eq!(world.register_with(&second).error_code, code(ErrorCode::DuplicateBrokerRegistration));
    world.advance_ms(9000);
    let due = world.controller.due(world.now);
    assert!(matches!(&*due, [MetadataRecord::BrokerRegistrationChange(c)] if c.fenced == 1));
    world.accept(&due, None);
    let reply = world.register_with(&second);
    assert_eq!((reply.error_code, reply.broker_epoch), (0, world.next.0 - 1));
}

#[test]
fn a_registration_repeated_by_the_same_process_keeps_its_epoch() {
    let mut world = World::with_brokers(&[1]);
    let epoch = world.image().broker(NodeId(1)).expect("registered").epoch.0;
    assert_eq!(world.register(1).broker_epoch, epoch);
    assert!(world.image().broker(NodeId(1)).is_some_and(|b| b.is_active()));
}

#[test]
fn a_heartbeat_of_another_life_is_refused() {
    let mut world = World::with_brokers(&[1]);
    assert_eq!(world.beat(1, |r| r.broker_epoch += 1).error_code, code(ErrorCode::StaleBrokerEpoch));
    assert_eq!(world.beat(7, |_| {}).error_code, code(ErrorCode::StaleBrokerEpoch));
}

#[test]
fn a_broker_stays_fenced_until_it_has_read_its_registration() {
    let mut world = World::empty();
    world.register(1);
    let behind = world.beat(1, |r| r.current_metadata_offset = 0);
    assert!(behind.is_fenced && !behind.is_caught_up);
    let read = world.beat(1, |_| {});
    assert!(!read.is_fenced && read.is_caught_up);
}

#[test]
fn controlled_shutdown_moves_leaders_first_and_waits_until_all_have_read_so() {
    let mut world = with_topic(&[1, 2]);
    let asked = world.beat(1, |r| r.want_shut_down = true);
    assert!(!asked.should_shut_down);
    assert_eq!(state(&world), (2, vec![2], vec![], vec![], false));
    assert!(!world.beat(1, |r| r.want_shut_down = true).should_shut_down, "broker 2 has not read of its leadership");
    world.beat(2, |_| {});
    assert!(world.beat(1, |r| r.want_shut_down = true).should_shut_down);
    assert!(world.image().broker(NodeId(1)).is_some_and(|b| b.fenced));
}

#[test]
fn the_last_replica_stays_eligible_through_a_clean_stop_and_leads_again() {
    let mut world = with_topic(&[1]);
    world.beat(1, |r| r.want_shut_down = true);
    assert_eq!(state(&world), (-1, vec![], vec![1], vec![1], false));
    assert!(world.beat(1, |r| r.want_shut_down = true).should_shut_down);
    let mut again = registration(1);
    again.incarnation_id = uuid(9, 1).into();
    again.previous_broker_epoch = world.image().broker(NodeId(1)).expect("registered").epoch.0;
    world.advance_ms(9000);
    assert_eq!(world.register_with(&again).error_code, 0);
    world.beat(1, |_| {});
    assert_eq!(state(&world), (1, vec![1], vec![], vec![], false));
}

#[test]
fn an_unclean_stop_takes_the_broker_out_of_isr_and_elr_and_leads_only_by_an_unclean_election() {
    let mut world = with_topic(&[1]);
    world.advance_ms(9000);
    let due = world.controller.due(world.now);
    world.accept(&due, None);
    assert_eq!(state(&world), (-1, vec![], vec![1], vec![1], false));
    let mut again = registration(1);
    again.incarnation_id = uuid(9, 1).into();
    let records = world.ask(&ControllerRequest::BrokerRegistration(again)).0;
    assert!(matches!(records.last(), Some(MetadataRecord::RegisterBroker(_))), "the registration comes last");
    assert_eq!(state(&world), (-1, vec![], vec![], vec![1], false));
    world.beat(1, |_| {});
    assert_eq!(state(&world), (1, vec![1], vec![], vec![], true));
}

#[test]
fn a_failed_directory_takes_its_replicas_out() {
    let mut world = with_topic(&[1, 2]);
    world.beat(1, |r| r.offline_log_dirs = vec![uuid(2, 1).into()]);
    assert_eq!(state(&world), (2, vec![2], vec![], vec![], false));
    world.beat(1, |r| r.offline_log_dirs = vec![uuid(2, 7).into()]);
    assert_eq!(state(&world).0, 2, "a directory of nobody changes nothing");
}

#[test]
fn producer_ids_come_in_blocks_of_a_thousand_to_registered_brokers_only() {
    let mut world = World::with_brokers(&[1]);
    let broker_epoch = world.image().broker(NodeId(1)).expect("registered").epoch.0;
    let mut ask = |broker_epoch| {
        let request = AllocateProducerIdsRequestData { broker_id: 1, broker_epoch, ..Default::default() };
        match world.ask(&ControllerRequest::AllocateProducerIds(request)).1 {
            ControllerResponse::AllocateProducerIds(r) => (r.error_code, r.producer_id_start, r.producer_id_len),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(ask(broker_epoch), (0, 0, 1000));
    assert_eq!(ask(broker_epoch), (0, 1000, 1000));
    assert_eq!(ask(broker_epoch + 1).0, code(ErrorCode::StaleBrokerEpoch));
}

#[test]
fn an_idle_controller_writes_a_no_op_every_interval() {
    let mut world = World::empty();
    assert!(world.controller.due(world.now).is_empty());
    world.advance_ms(500);
    let due = world.controller.due(world.now);
    assert!(matches!(&*due, [MetadataRecord::NoOp(_)]));
    assert_eq!(world.controller.deadline().map(|d| d.at), Some(world.now.mono));
    world.accept(&due, None);
    assert!(world.controller.due(world.now).is_empty());
}

#[test]
fn a_lost_bootstrap_file_gives_the_newest_metadata_version() {
    let world = World::empty();
    let fresh = crate::controller::Controller::new(
        world.controller.config.clone(),
        odradek_machine::Seed(1),
        crate::image::Image::new(),
        odradek_wire::ids::Offset(1),
        world.now,
    );
    let records = fresh.activation(&[], false);
    assert!(matches!(&records[1], MetadataRecord::FeatureLevel(f) if f.name == "metadata.version" && f.feature_level == 30), "{records:?}");
}

#[test]
fn an_older_cluster_is_told_nothing_that_its_version_cannot_say() {
    let mut world = World::empty();
    let older = crate::record::FeatureLevelRecord { name: "metadata.version".into(), feature_level: 12 };
    world.accept(&[older.into()], None);
    let (records, _) = world.ask(&ControllerRequest::BrokerRegistration(registration(1)));
    world.beat(1, |r| r.cordoned_log_dirs = Some(Vec::new()));
    let topic = CreatableTopic { name: text("t"), num_partitions: 1, replication_factor: 1, ..Default::default() };
    let create = CreateTopicsRequestData { topics: vec![topic], ..Default::default() };
    let created = world.ask(&ControllerRequest::CreateTopics(create)).0;
    for record in records.iter().chain(&created) {
        assert!(record.oldest_version() <= record.version_at(12), "{record:?}");
    }
    let reply = world.ask(&ControllerRequest::ControllerRegistration(Default::default())).1;
    let ControllerResponse::ControllerRegistration(reply) = reply else { panic!("{reply:?}") };
    assert_eq!(reply.error_code, code(ErrorCode::UnsupportedVersion));
}
