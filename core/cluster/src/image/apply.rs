//! One record applied to an image.

use std::sync::Arc;

use odradek_wire::ids::{BrokerEpoch, NodeId, Uuid};

use super::snapshot::section;
use super::{Broker, ControllerNode, Endpoint, FeatureRange, Image, Partition, Resource, ResourceType, Topic};
use crate::record::{
    BrokerRegistrationChangeRecord, ConfigRecord, MetadataRecord, PartitionChangeRecord, PartitionRecord, RegisterBrokerRecord,
    RegisterControllerRecord,
};

/// What a record changed, for those who act on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    /// Nothing that anyone could see.
    Nothing,
    /// A topic appeared, without partitions yet.
    TopicCreated(Uuid),
    /// A topic went, with its partitions and its configuration.
    TopicDeleted(Arc<Topic>),
    /// A partition appeared, or its replication state changed.
    Partition(Uuid, i32),
    /// The overrides of a resource.
    Config(Resource),
    /// A broker registered, changed or went.
    Broker(NodeId),
    /// A controller registered.
    Controller(NodeId),
    /// A finalized feature.
    Feature(Arc<str>),
    /// A block of producer ids was given out.
    ProducerIds,
    /// A record that nothing here acts upon yet was kept as it is. `first` of its kind: worth a note.
    Kept {
        /// Its kind.
        api_key: u32,
        /// The name of its schema.
        name: &'static str,
        /// True the first time.
        first: bool,
    },
}

/// A record that cannot follow those before it: the log is damaged or was written by something else.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// It names a topic that is not there.
    #[error("{record} names topic {id}, which does not exist")]
    NoTopic {
        /// The record's name.
        record: &'static str,
        /// The topic.
        id: Uuid,
    },
    /// It names a partition that is not there.
    #[error("PartitionChangeRecord names partition {partition} of topic {id}, which does not exist")]
    NoPartition {
        /// The topic.
        id: Uuid,
        /// The partition.
        partition: i32,
    },
    /// It creates a topic that is there.
    #[error("TopicRecord creates topic {name} with id {id}, but the name or the id is taken")]
    TopicExists {
        /// The topic's name.
        name: String,
        /// Its id.
        id: Uuid,
    },
    /// It names a broker that is not registered with that epoch.
    #[error("{record} names broker {id} with epoch {epoch}, but {found:?} is registered")]
    NoBroker {
        /// The record's name.
        record: &'static str,
        /// The broker.
        id: i32,
        /// The epoch in the record.
        epoch: i64,
        /// The registered epoch, if there is one.
        found: Option<i64>,
    },
    /// A field holds what no writer puts there.
    #[error("{record} with an impossible {field}: {value}")]
    Impossible {
        /// The record's name.
        record: &'static str,
        /// The field.
        field: &'static str,
        /// What it holds.
        value: i64,
    },
    /// A transaction begins, ends or aborts out of order.
    #[error("{record} while {state}")]
    Transaction {
        /// The record's name.
        record: &'static str,
        /// What was the case.
        state: &'static str,
    },
}

impl Image {
    /// Applies the next record of the log.
    ///
    /// Records that delimit transactions change nothing here: [`super::Loader`] keeps what they delimit out of sight.
    ///
    /// # Errors
    /// If the record cannot follow; the image is as it was.
    pub fn apply(&mut self, record: &MetadataRecord) -> Result<Changed, ApplyError> {
        match record {
            MetadataRecord::Topic(r) => self.create_topic(&r.name, r.topic_id),
            MetadataRecord::Partition(r) => self.put_partition(r),
            MetadataRecord::PartitionChange(r) => self.change_partition(r),
            MetadataRecord::RemoveTopic(r) => self.remove_topic(r.topic_id),
            MetadataRecord::Config(r) => Ok(self.configure(r)),
            MetadataRecord::RegisterBroker(r) => Ok(self.register_broker(r)),
            MetadataRecord::UnregisterBroker(r) => self.unregister_broker(r.broker_id, r.broker_epoch),
            MetadataRecord::BrokerRegistrationChange(r) => self.change_registration(r),
            MetadataRecord::FenceBroker(r) => self.with_broker("FenceBrokerRecord", r.id, r.epoch, |b| b.fenced = true),
            MetadataRecord::UnfenceBroker(r) => self.with_broker("UnfenceBrokerRecord", r.id, r.epoch, |b| b.fenced = false),
            MetadataRecord::RegisterController(r) => Ok(self.register_controller(r)),
            MetadataRecord::FeatureLevel(r) => Ok(self.set_feature(&r.name, r.feature_level)),
            MetadataRecord::ProducerIds(r) => {
                self.next_producer_id = r.next_producer_id;
                Ok(Changed::ProducerIds)
            }
            MetadataRecord::ClearElr(r) => self.clear_elr(&r.topic_name),
            MetadataRecord::NoOp(_)
            | MetadataRecord::ZkMigrationState(_)
            | MetadataRecord::BeginTransaction(_)
            | MetadataRecord::EndTransaction(_)
            | MetadataRecord::AbortTransaction(_) => Ok(Changed::Nothing),
            MetadataRecord::DelegationToken(_)
            | MetadataRecord::RemoveDelegationToken(_)
            | MetadataRecord::UserScramCredential(_)
            | MetadataRecord::RemoveUserScramCredential(_)
            | MetadataRecord::ClientQuota(_)
            | MetadataRecord::AccessControlEntry(_)
            | MetadataRecord::RemoveAccessControlEntry(_)
            | MetadataRecord::Unknown { .. } => Ok(self.keep(record)),
        }
    }

    fn create_topic(&mut self, name: &str, id: Uuid) -> Result<Changed, ApplyError> {
        if self.topic_ids.contains_key(name) || self.topics.contains_key(&id) {
            return Err(ApplyError::TopicExists { name: name.to_owned(), id });
        }
        let name: Arc<str> = Arc::from(name);
        Arc::make_mut(&mut self.topic_ids).insert(Arc::clone(&name), id);
        Arc::make_mut(&mut self.topics).insert(id, Arc::new(Topic { name, id, partitions: Default::default() }));
        Ok(Changed::TopicCreated(id))
    }

    fn put_partition(&mut self, record: &PartitionRecord) -> Result<Changed, ApplyError> {
        let id = record.topic_id;
        let partition = Partition::from_record(record)?;
        let topic = self.topic_mut(id).ok_or(ApplyError::NoTopic { record: "PartitionRecord", id })?;
        topic.partitions.insert(record.partition_id, partition);
        Ok(Changed::Partition(id, record.partition_id))
    }

    fn change_partition(&mut self, record: &PartitionChangeRecord) -> Result<Changed, ApplyError> {
        let (id, index) = (record.topic_id, record.partition_id);
        let topic = self.topics.get(&id).ok_or(ApplyError::NoTopic { record: "PartitionChangeRecord", id })?;
        let partition = topic.partitions.get(&index).ok_or(ApplyError::NoPartition { id, partition: index })?;
        let next = partition.changed_by(record)?;
        self.topic_mut(id).expect("the topic was found above").partitions.insert(index, next);
        Ok(Changed::Partition(id, index))
    }

    fn remove_topic(&mut self, id: Uuid) -> Result<Changed, ApplyError> {
        let topics = Arc::make_mut(&mut self.topics);
        let topic = topics.remove(&id).ok_or(ApplyError::NoTopic { record: "RemoveTopicRecord", id })?;
        Arc::make_mut(&mut self.topic_ids).remove(&topic.name);
        let resource = Resource { kind: ResourceType::TOPIC, name: Arc::clone(&topic.name) };
        if self.configs.contains_key(&resource) {
            Arc::make_mut(&mut self.configs).remove(&resource);
        }
        Ok(Changed::TopicDeleted(topic))
    }

    fn configure(&mut self, record: &ConfigRecord) -> Changed {
        let resource = Resource { kind: ResourceType(record.resource_type), name: Arc::from(&*record.resource_name) };
        let configs = Arc::make_mut(&mut self.configs);
        let overrides = Arc::make_mut(configs.entry(resource.clone()).or_default());
        match &record.value {
            Some(value) => overrides.insert(Arc::from(&*record.name), Arc::from(&**value)),
            None => overrides.remove(&*record.name),
        };
        if overrides.is_empty() {
            configs.remove(&resource);
        }
        Changed::Config(resource)
    }

    fn register_broker(&mut self, r: &RegisterBrokerRecord) -> Changed {
        let id = NodeId(r.broker_id);
        let broker = Broker {
            id,
            epoch: BrokerEpoch(r.broker_epoch),
            incarnation_id: r.incarnation_id,
            endpoints: r.end_points.iter().map(|e| endpoint(&e.name, &e.host, e.port, e.security_protocol)).collect(),
            features: r.features.iter().map(|f| feature(&f.name, f.min_supported_version, f.max_supported_version)).collect(),
            rack: r.rack.as_deref().map(Arc::from),
            fenced: r.fenced,
            in_controlled_shutdown: r.in_controlled_shutdown,
            log_dirs: r.log_dirs.clone(),
            cordoned_log_dirs: r.cordoned_log_dirs.clone(),
        };
        Arc::make_mut(&mut self.brokers).insert(id, Arc::new(broker));
        Changed::Broker(id)
    }

    fn unregister_broker(&mut self, id: i32, epoch: i64) -> Result<Changed, ApplyError> {
        self.with_broker("UnregisterBrokerRecord", id, epoch, |_| ())?;
        Arc::make_mut(&mut self.brokers).remove(&NodeId(id));
        Ok(Changed::Broker(NodeId(id)))
    }

    fn change_registration(&mut self, r: &BrokerRegistrationChangeRecord) -> Result<Changed, ApplyError> {
        const RECORD: &str = "BrokerRegistrationChangeRecord";
        for (field, value, lowest) in [("fenced", r.fenced, -1), ("inControlledShutdown", r.in_controlled_shutdown, 0)] {
            if !(lowest..=1).contains(&value) {
                return Err(ApplyError::Impossible { record: RECORD, field, value: value.into() });
            }
        }
        self.with_broker(RECORD, r.broker_id, r.broker_epoch, |broker| {
            if r.fenced != 0 {
                broker.fenced = r.fenced == 1;
            }
            broker.in_controlled_shutdown |= r.in_controlled_shutdown == 1;
            if !r.log_dirs.is_empty() {
                broker.log_dirs.clone_from(&r.log_dirs);
            }
            if r.cordoned_log_dirs.is_some() {
                broker.cordoned_log_dirs.clone_from(&r.cordoned_log_dirs);
            }
        })
    }

    fn with_broker(&mut self, record: &'static str, id: i32, epoch: i64, change: impl FnOnce(&mut Broker)) -> Result<Changed, ApplyError> {
        let found = self.brokers.get(&NodeId(id)).map(|b| b.epoch.0);
        if found != Some(epoch) {
            return Err(ApplyError::NoBroker { record, id, epoch, found });
        }
        let broker = Arc::make_mut(&mut self.brokers).get_mut(&NodeId(id)).expect("its epoch was read above");
        change(Arc::make_mut(broker));
        Ok(Changed::Broker(NodeId(id)))
    }

    fn register_controller(&mut self, r: &RegisterControllerRecord) -> Changed {
        let id = NodeId(r.controller_id);
        let node = ControllerNode {
            id,
            incarnation_id: r.incarnation_id,
            endpoints: r.end_points.iter().map(|e| endpoint(&e.name, &e.host, e.port, e.security_protocol)).collect(),
            features: r.features.iter().map(|f| feature(&f.name, f.min_supported_version, f.max_supported_version)).collect(),
        };
        Arc::make_mut(&mut self.controllers).insert(id, Arc::new(node));
        Changed::Controller(id)
    }

    fn set_feature(&mut self, name: &str, level: i16) -> Changed {
        let features = Arc::make_mut(&mut self.features);
        let name: Arc<str> = Arc::from(name);
        if level == 0 && &*name != super::METADATA_VERSION {
            features.remove(&name);
        } else {
            features.insert(Arc::clone(&name), level);
        }
        Changed::Feature(name)
    }

    /// Forgets the ELR of one topic, or of all with an empty name. An unknown name is one that was deleted meanwhile.
    fn clear_elr(&mut self, name: &str) -> Result<Changed, ApplyError> {
        let ids: Vec<Uuid> = self.topics().filter(|t| name.is_empty() || &*t.name == name).map(|t| t.id).collect();
        for id in ids {
            let topic = self.topic_mut(id).expect("its id was listed above");
            for partition in topic.partitions.values_mut() {
                partition.elr.clear();
                partition.last_known_elr.clear();
            }
        }
        Ok(Changed::Nothing)
    }

    fn keep(&mut self, record: &MetadataRecord) -> Changed {
        let api_key = record.api_key();
        let first = self.kept.iter().all(|k| k.api_key() != api_key);
        let place = self.kept.partition_point(|k| section(k.api_key()) <= section(api_key));
        Arc::make_mut(&mut self.kept).insert(place, record.clone());
        Changed::Kept { api_key, name: record.name(), first }
    }

    fn topic_mut(&mut self, id: Uuid) -> Option<&mut Topic> {
        Arc::make_mut(&mut self.topics).get_mut(&id).map(Arc::make_mut)
    }
}

fn endpoint(listener: &str, host: &str, port: u16, security_protocol: i16) -> Endpoint {
    Endpoint { listener: Arc::from(listener), host: Arc::from(host), port, security_protocol }
}

fn feature(name: &str, min: i16, max: i16) -> (Arc<str>, FeatureRange) {
    (Arc::from(name), FeatureRange { min, max })
}
