//! The records of the metadata log, in Kafka's names: stands in for the wire's own until those are there.
#![expect(missing_docs, reason = "fields carry the names of Kafka's schemas, which say what they are")]

use bytes::Bytes;
use odradek_wire::ids::Uuid;

macro_rules! records {
    ($($variant:ident($name:ident) = $key:literal { $($field:ident: $type:ty,)* })+) => {
        $(#[derive(Clone, Debug, Default, PartialEq, Eq)] pub struct $name { $(pub $field: $type,)* })+

        /// A record of the metadata log.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum MetadataRecord {
            $($variant($name),)+
            /// One that is not understood yet, kept as it came.
            Unknown { api_key: u32, version: u32, body: Bytes },
        }

        impl MetadataRecord {
            /// The key of its schema.
            pub fn api_key(&self) -> u32 {
                match self { $(MetadataRecord::$variant(_) => $key,)+ MetadataRecord::Unknown { api_key, .. } => *api_key }
            }
        }
    };
}

records! {
    RegisterBroker(RegisterBrokerRecord) = 0 {
        broker_id: i32, is_migrating_zk_broker: bool, incarnation_id: Uuid, broker_epoch: i64, end_points: Vec<BrokerEndpoint>,
        features: Vec<BrokerFeature>, rack: Option<String>, fenced: bool, in_controlled_shutdown: bool, log_dirs: Vec<Uuid>,
        cordoned_log_dirs: Option<Vec<Uuid>>,
    }
    UnregisterBroker(UnregisterBrokerRecord) = 1 { broker_id: i32, broker_epoch: i64, }
    Topic(TopicRecord) = 2 { name: String, topic_id: Uuid, }
    Partition(PartitionRecord) = 3 {
        partition_id: i32, topic_id: Uuid, replicas: Vec<i32>, isr: Vec<i32>, removing_replicas: Vec<i32>, adding_replicas: Vec<i32>, leader: i32,
        leader_recovery_state: i8, leader_epoch: i32, partition_epoch: i32, directories: Vec<Uuid>, eligible_leader_replicas: Option<Vec<i32>>,
        last_known_elr: Option<Vec<i32>>,
    }
    Config(ConfigRecord) = 4 { resource_type: i8, resource_name: String, name: String, value: Option<String>, }
    PartitionChange(PartitionChangeRecord) = 5 {
        partition_id: i32, topic_id: Uuid, isr: Option<Vec<i32>>, leader: i32, replicas: Option<Vec<i32>>, removing_replicas: Option<Vec<i32>>,
        adding_replicas: Option<Vec<i32>>, leader_recovery_state: i8, directories: Option<Vec<Uuid>>, eligible_leader_replicas: Option<Vec<i32>>,
        last_known_elr: Option<Vec<i32>>,
    }
    FenceBroker(FenceBrokerRecord) = 7 { id: i32, epoch: i64, }
    UnfenceBroker(UnfenceBrokerRecord) = 8 { id: i32, epoch: i64, }
    RemoveTopic(RemoveTopicRecord) = 9 { topic_id: Uuid, }
    FeatureLevel(FeatureLevelRecord) = 12 { name: String, feature_level: i16, }
    ProducerIds(ProducerIdsRecord) = 15 { broker_id: i32, broker_epoch: i64, next_producer_id: i64, }
    BrokerRegistrationChange(BrokerRegistrationChangeRecord) = 17 {
        broker_id: i32, broker_epoch: i64, fenced: i8, in_controlled_shutdown: i8, log_dirs: Vec<Uuid>, cordoned_log_dirs: Option<Vec<Uuid>>,
    }
    NoOp(NoOpRecord) = 20 {}
    BeginTransaction(BeginTransactionRecord) = 23 { name: Option<String>, }
    EndTransaction(EndTransactionRecord) = 24 {}
    AbortTransaction(AbortTransactionRecord) = 25 { reason: Option<String>, }
    RegisterController(RegisterControllerRecord) = 27 {
        controller_id: i32, incarnation_id: Uuid, zk_migration_ready: bool, end_points: Vec<ControllerEndpoint>, features: Vec<ControllerFeature>,
    }
    ClearElr(ClearElrRecord) = 28 { topic_name: String, }
}

macro_rules! parts {
    ($($name:ident { $($field:ident: $type:ty,)* })+) => {
        $(#[derive(Clone, Debug, Default, PartialEq, Eq)] pub struct $name { $(pub $field: $type,)* })+
    };
}

parts! {
    BrokerEndpoint { name: String, host: String, port: u16, security_protocol: i16, }
    BrokerFeature { name: String, min_supported_version: i16, max_supported_version: i16, }
    ControllerEndpoint { name: String, host: String, port: u16, security_protocol: i16, }
    ControllerFeature { name: String, min_supported_version: i16, max_supported_version: i16, }
}
