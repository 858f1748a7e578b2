//! What the metadata log says: topics, brokers, configurations, features and producer ids, by replay.
//!
//! An [`Image`] changes only by [`Image::apply`], so that two who applied the same records have the same image. It is made of shared parts: a clone costs
//! a few counters, and a change copies only what it touches.

mod apply;
mod brokers;
mod compare;
mod loader;
mod snapshot;
#[cfg(test)]
mod tests;
mod topics;

use std::collections::BTreeMap;
use std::sync::Arc;

use odradek_wire::ids::{NodeId, Uuid};

use crate::record::MetadataRecord;

pub use apply::{ApplyError, Changed};
pub use brokers::{Broker, ControllerNode, Endpoint, FeatureRange, LOST, MIGRATING, UNASSIGNED};
pub use compare::Difference;
pub use loader::Loader;
pub(crate) use topics::NO_LEADER_CHANGE;
pub use topics::{LeaderRecovery, NO_LEADER, Partition, Topic};

/// The name under which a feature level says which metadata records may be written.
pub const METADATA_VERSION: &str = "metadata.version";

/// What a configuration belongs to, as `ConfigRecord` numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceType(pub i8);

impl ResourceType {
    /// A topic.
    pub const TOPIC: ResourceType = ResourceType(2);
    /// A broker by id, or with the empty name every broker.
    pub const BROKER: ResourceType = ResourceType(4);
    /// A broker's loggers; never written to the metadata log.
    pub const BROKER_LOGGER: ResourceType = ResourceType(8);
    /// A client's metrics subscription (KIP-714).
    pub const CLIENT_METRICS: ResourceType = ResourceType(16);
    /// A group (KIP-848).
    pub const GROUP: ResourceType = ResourceType(32);
}

/// What a configuration belongs to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Resource {
    /// The kind.
    pub kind: ResourceType,
    /// The name; empty for the default of all brokers.
    pub name: Arc<str>,
}

impl Resource {
    /// A topic's configuration.
    pub fn topic(name: &str) -> Resource {
        Resource { kind: ResourceType::TOPIC, name: Arc::from(name) }
    }

    /// One broker's configuration.
    pub fn broker(id: NodeId) -> Resource {
        Resource { kind: ResourceType::BROKER, name: Arc::from(id.0.to_string()) }
    }

    /// The configuration of every broker that has none of its own.
    pub fn every_broker() -> Resource {
        Resource { kind: ResourceType::BROKER, name: Arc::from("") }
    }

    /// A group's configuration.
    pub fn group(name: &str) -> Resource {
        Resource { kind: ResourceType::GROUP, name: Arc::from(name) }
    }

    /// The configuration of a client metrics subscription.
    pub fn client_metrics(name: &str) -> Resource {
        Resource { kind: ResourceType::CLIENT_METRICS, name: Arc::from(name) }
    }
}

/// The overrides of one resource, by key.
pub type Overrides = BTreeMap<Arc<str>, Arc<str>>;

/// The state that the metadata log describes.
///
/// Source: KIP-631. Tested by: `image equals replay` (a random history, a snapshot of it and its reload agree).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image {
    topics: Arc<BTreeMap<Uuid, Arc<Topic>>>,
    topic_ids: Arc<BTreeMap<Arc<str>, Uuid>>,
    brokers: Arc<BTreeMap<NodeId, Arc<Broker>>>,
    controllers: Arc<BTreeMap<NodeId, Arc<ControllerNode>>>,
    configs: Arc<BTreeMap<Resource, Arc<Overrides>>>,
    features: Arc<BTreeMap<Arc<str>, i16>>,
    next_producer_id: i64,
    kept: Arc<Vec<MetadataRecord>>,
}

impl Image {
    /// The image of an empty log.
    pub fn new() -> Image {
        Image::default()
    }

    /// The topic of this name.
    pub fn topic(&self, name: &str) -> Option<&Arc<Topic>> {
        self.topics.get(self.topic_ids.get(name)?)
    }

    /// The topic with this id.
    pub fn topic_by_id(&self, id: Uuid) -> Option<&Arc<Topic>> {
        self.topics.get(&id)
    }

    /// The id of the topic of this name.
    pub fn topic_id(&self, name: &str) -> Option<Uuid> {
        self.topic_ids.get(name).copied()
    }

    /// Every topic, by ascending name.
    pub fn topics(&self) -> impl Iterator<Item = &Arc<Topic>> {
        self.topic_ids.values().map(|id| self.topics.get(id).expect("every name leads to a topic"))
    }

    /// Every topic, by ascending id: the order of snapshots and of decisions over all topics.
    pub fn topics_by_id(&self) -> impl Iterator<Item = &Arc<Topic>> {
        self.topics.values()
    }

    /// Every topic with a name from `first` on, by ascending name: what a cursor continues from.
    pub fn topics_from(&self, first: &str) -> impl Iterator<Item = &Arc<Topic>> {
        let bounds = (std::ops::Bound::Included(first), std::ops::Bound::Unbounded);
        self.topic_ids.range::<str, _>(bounds).map(|(_, id)| self.topics.get(id).expect("every name leads to a topic"))
    }

    /// How many topics there are.
    pub fn topic_count(&self) -> usize {
        self.topics.len()
    }

    /// One partition.
    pub fn partition(&self, topic: Uuid, index: i32) -> Option<&Partition> {
        self.topics.get(&topic)?.partitions.get(&index)
    }

    /// True if a replica can be led or followed: its broker is alive, and its log directory is not known to be offline.
    pub fn is_online(&self, partition: &Partition, replica: NodeId) -> bool {
        self.broker(replica).is_some_and(|b| !b.fenced && b.has_online(partition.directory(replica)))
    }

    /// A registered broker, fenced or not.
    pub fn broker(&self, id: NodeId) -> Option<&Arc<Broker>> {
        self.brokers.get(&id)
    }

    /// Every registered broker, by ascending id.
    pub fn brokers(&self) -> impl Iterator<Item = &Arc<Broker>> {
        self.brokers.values()
    }

    /// A registered controller.
    pub fn controller(&self, id: NodeId) -> Option<&Arc<ControllerNode>> {
        self.controllers.get(&id)
    }

    /// Every registered controller, by ascending id.
    pub fn controllers(&self) -> impl Iterator<Item = &Arc<ControllerNode>> {
        self.controllers.values()
    }

    /// The overrides of a resource, if it has any.
    pub fn overrides(&self, resource: &Resource) -> Option<&Overrides> {
        self.configs.get(resource).map(Arc::as_ref)
    }

    /// One override of a resource.
    pub fn override_of(&self, resource: &Resource, key: &str) -> Option<&str> {
        self.configs.get(resource)?.get(key).map(Arc::as_ref)
    }

    /// Every resource that has overrides, in order of kind and name.
    pub fn configured(&self) -> impl Iterator<Item = &Resource> {
        self.configs.keys()
    }

    /// The finalized level of a feature; zero if it has none.
    pub fn feature(&self, name: &str) -> i16 {
        self.features.get(name).copied().unwrap_or(0)
    }

    /// Every finalized feature, by name, `metadata.version` among them.
    pub fn features(&self) -> impl Iterator<Item = (&str, i16)> {
        self.features.iter().map(|(name, &level)| (&**name, level))
    }

    /// The finalized `metadata.version`; zero before the first record.
    pub fn metadata_version(&self) -> i16 {
        self.feature(METADATA_VERSION)
    }

    /// The first producer id that no block was given out for.
    pub const fn next_producer_id(&self) -> i64 {
        self.next_producer_id
    }

    /// Records that are not understood yet, by the section of a snapshot that has their kind, and within it in the order of the log.
    pub fn kept(&self) -> &[MetadataRecord] {
        &self.kept
    }

    /// True if nothing was ever applied.
    pub fn is_empty(&self) -> bool {
        *self == Image::default()
    }
}
