//! An image as the records of a snapshot, in Kafka's order.

use super::{Broker, ControllerNode, Image, METADATA_VERSION, NO_LEADER, Partition};
use crate::record::{
    BrokerEndpoint, BrokerFeature, ConfigRecord, ControllerEndpoint, ControllerFeature, FeatureLevelRecord, MetadataRecord,
    PartitionRecord, ProducerIdsRecord, RegisterBrokerRecord, RegisterControllerRecord, TopicRecord,
};
use odradek_wire::ids::{NodeId, Uuid};

impl Image {
    /// The records that build this image from nothing: features with `metadata.version` first, brokers, controllers, topics each with its partitions,
    /// configurations, producer ids, and what is not understood yet in the place of its kind.
    ///
    /// Source: KIP-630. No transaction delimiters, no no-ops.
    pub fn to_records(&self) -> Vec<MetadataRecord> {
        let mut records = Vec::new();
        self.feature_records(&mut records);
        records.extend(self.brokers().map(|b| MetadataRecord::RegisterBroker(broker_record(b))));
        records.extend(self.controllers().map(|c| MetadataRecord::RegisterController(controller_record(c))));
        for topic in self.topics.values() {
            records.push(MetadataRecord::Topic(TopicRecord { name: topic.name.to_string(), topic_id: topic.id }));
            records.extend(topic.partitions.iter().map(|(&i, p)| MetadataRecord::Partition(partition_record(topic.id, i, p))));
        }
        self.config_records(&mut records);
        let late = self.kept.partition_point(|k| section(k.api_key()) == QUOTAS);
        records.extend_from_slice(&self.kept[..late]);
        if self.next_producer_id > 0 {
            let ids = ProducerIdsRecord { broker_id: -1, broker_epoch: -1, next_producer_id: self.next_producer_id };
            records.push(MetadataRecord::ProducerIds(ids));
        }
        records.extend_from_slice(&self.kept[late..]);
        records
    }

    fn feature_records(&self, records: &mut Vec<MetadataRecord>) {
        let level = |name: &str, feature_level| MetadataRecord::FeatureLevel(FeatureLevelRecord { name: name.to_owned(), feature_level });
        if let Some(&version) = self.features.get(METADATA_VERSION) {
            records.push(level(METADATA_VERSION, version));
        }
        records.extend(self.features().filter(|&(name, _)| name != METADATA_VERSION).map(|(name, l)| level(name, l)));
    }

    fn config_records(&self, records: &mut Vec<MetadataRecord>) {
        for (resource, overrides) in self.configs.iter() {
            records.extend(overrides.iter().map(|(name, value)| {
                MetadataRecord::Config(ConfigRecord {
                    resource_type: resource.kind.0,
                    resource_name: resource.name.to_string(),
                    name: name.to_string(),
                    value: Some(value.to_string()),
                })
            }));
        }
    }
}

/// Where a snapshot has the records that are not understood yet: quotas before the producer ids; after them ACLs, SCRAM, tokens, anything else.
pub(super) const fn section(api_key: u32) -> u8 {
    match api_key {
        14 => QUOTAS,
        18 | 19 => 1,
        11 | 22 => 2,
        10 | 26 => 3,
        _ => 4,
    }
}

const QUOTAS: u8 = 0;

fn broker_record(b: &Broker) -> RegisterBrokerRecord {
    RegisterBrokerRecord {
        broker_id: b.id.0,
        is_migrating_zk_broker: false,
        incarnation_id: b.incarnation_id,
        broker_epoch: b.epoch.0,
        end_points: b
            .endpoints
            .iter()
            .map(|e| BrokerEndpoint {
                name: e.listener.to_string(),
                host: e.host.to_string(),
                port: e.port,
                security_protocol: e.security_protocol,
            })
            .collect(),
        features: b
            .features
            .iter()
            .map(|(name, range)| BrokerFeature {
                name: name.to_string(),
                min_supported_version: range.min,
                max_supported_version: range.max,
            })
            .collect(),
        rack: b.rack.as_deref().map(str::to_owned),
        fenced: b.fenced,
        in_controlled_shutdown: b.in_controlled_shutdown,
        log_dirs: b.log_dirs.clone(),
        cordoned_log_dirs: b.cordoned_log_dirs.clone(),
    }
}

fn controller_record(c: &ControllerNode) -> RegisterControllerRecord {
    RegisterControllerRecord {
        controller_id: c.id.0,
        incarnation_id: c.incarnation_id,
        zk_migration_ready: false,
        end_points: c
            .endpoints
            .iter()
            .map(|e| ControllerEndpoint {
                name: e.listener.to_string(),
                host: e.host.to_string(),
                port: e.port,
                security_protocol: e.security_protocol,
            })
            .collect(),
        features: c
            .features
            .iter()
            .map(|(name, range)| ControllerFeature {
                name: name.to_string(),
                min_supported_version: range.min,
                max_supported_version: range.max,
            })
            .collect(),
    }
}

fn partition_record(topic_id: Uuid, partition_id: i32, p: &Partition) -> PartitionRecord {
    let unless_empty = |ids: &[NodeId]| (!ids.is_empty()).then(|| numbers(ids));
    PartitionRecord {
        partition_id,
        topic_id,
        replicas: numbers(&p.replicas),
        isr: numbers(&p.isr),
        removing_replicas: numbers(&p.removing_replicas),
        adding_replicas: numbers(&p.adding_replicas),
        leader: p.leader.map_or(NO_LEADER, |l| l.0),
        leader_recovery_state: p.recovery.code(),
        leader_epoch: p.leader_epoch.0,
        partition_epoch: p.partition_epoch.0,
        directories: p.directories.clone(),
        eligible_leader_replicas: unless_empty(&p.elr),
        last_known_elr: unless_empty(&p.last_known_elr),
    }
}

fn numbers(ids: &[NodeId]) -> Vec<i32> {
    ids.iter().map(|id| id.0).collect()
}
