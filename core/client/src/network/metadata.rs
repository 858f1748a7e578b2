//! The picture of the cluster: nodes, topics, leaders and their epochs, as the last answers told it.

use std::collections::BTreeMap;
use std::sync::Arc;

use odradek_machine::Map;
use odradek_wire::error::ErrorCode;
use odradek_wire::ids::{NodeId, TopicPartition, Uuid};
use odradek_wire::messages::MetadataResponseData;
use odradek_wire::messages::metadata_response::{MetadataResponsePartition, MetadataResponseTopic};

/// What a client knows about the cluster.
#[derive(Debug, Default)]
pub(crate) struct Metadata {
    nodes: BTreeMap<NodeId, (String, u16)>,
    controller: Option<NodeId>,
    topics: Map<Arc<str>, Topic>,
    names: Map<Uuid, Arc<str>>,
}

/// A topic that was asked for.
#[derive(Clone, Debug)]
pub(crate) struct Topic {
    /// Zero from brokers that do not tell ids (Metadata before version 10).
    pub(crate) id: Uuid,
    /// What was answered instead of partitions.
    pub(crate) error: ErrorCode,
    /// By index; a broker answers for all of them.
    pub(crate) partitions: Vec<Partition>,
}

/// A partition and who leads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Partition {
    pub(crate) leader: Option<NodeId>,
    /// -1 from brokers that do not tell it (Metadata before version 7).
    pub(crate) leader_epoch: i32,
}

impl Metadata {
    /// Takes over an answer. A leader of an older epoch than the one known is not believed, unless the topic is another one of the same name (KIP-320).
    pub(crate) fn apply(&mut self, body: &MetadataResponseData) {
        self.nodes = body.brokers.iter().map(|b| (NodeId(b.node_id), (b.host.to_string(), u16::try_from(b.port).unwrap_or(0)))).collect();
        self.controller = (body.controller_id >= 0).then_some(NodeId(body.controller_id));
        for told in &body.topics {
            let Some(name) = &told.name else { continue };
            self.apply_topic(&Arc::from(name.as_str()), told);
        }
    }

    /// Takes over the leader that a response named beside NOT_LEADER_OR_FOLLOWER or FENCED_LEADER_EPOCH (KIP-951). True if it is news.
    pub(crate) fn hint(&mut self, of: &TopicPartition, leader: i32, leader_epoch: i32) -> bool {
        let Some(partition) = self.topics.get_mut(&of.topic).and_then(|t| t.partitions.get_mut(usize::try_from(of.partition).ok()?)) else {
            return false;
        };
        let news = leader >= 0 && leader_epoch > partition.leader_epoch;
        if news {
            *partition = Partition { leader: Some(NodeId(leader)), leader_epoch };
        }
        news
    }

    /// Adds a node's address that a hint brought along.
    pub(crate) fn hint_node(&mut self, id: i32, host: &str, port: i32) {
        if let (true, Ok(port)) = (id >= 0, u16::try_from(port)) {
            self.nodes.insert(NodeId(id), (host.to_owned(), port));
        }
    }

    /// The topic, if it was ever told.
    pub(crate) fn topic(&self, name: &str) -> Option<&Topic> {
        self.topics.get(name)
    }

    /// The name of a topic id.
    pub(crate) fn name(&self, id: Uuid) -> Option<&Arc<str>> {
        self.names.get(&id)
    }

    /// The partition, if it is known to exist.
    pub(crate) fn partition(&self, of: &TopicPartition) -> Option<Partition> {
        self.topics.get(&of.topic)?.partitions.get(usize::try_from(of.partition).ok()?).copied()
    }

    /// The leader of a partition, if there is one whose address is known.
    pub(crate) fn leader(&self, of: &TopicPartition) -> Option<NodeId> {
        self.partition(of)?.leader.filter(|leader| self.nodes.contains_key(leader))
    }

    /// The node that takes the controller's requests.
    pub(crate) const fn controller(&self) -> Option<NodeId> {
        self.controller
    }

    /// Every node, by id.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = NodeId> {
        self.nodes.keys().copied()
    }

    /// Every node with its address.
    pub(crate) fn addresses(&self) -> Vec<(NodeId, String, u16)> {
        self.nodes.iter().map(|(id, (host, port))| (*id, host.clone(), *port)).collect()
    }

    /// True if a topic is told with partitions that all have a leader.
    pub(crate) fn is_settled(&self, name: &str) -> bool {
        self.topics.get(name).is_some_and(|topic| !topic.error.is_error() && topic.partitions.iter().all(|p| p.leader.is_some()))
    }

    fn apply_topic(&mut self, name: &Arc<str>, told: &MetadataResponseTopic) {
        let (id, error) = (Uuid::from(told.topic_id), ErrorCode::from_code(told.error_code));
        if error.is_error() {
            // What was known before stays: the topic may be there again at the next answer, and requests that need it will say if not.
            let topic = self.topics.entry(name.clone()).or_insert_with(|| Topic { id, error, partitions: Vec::new() });
            topic.error = error;
            return;
        }
        let known = self.topics.remove(name).filter(|known| known.id == id);
        let count = told.partitions.iter().map(|p| p.partition_index.saturating_add(1)).max().unwrap_or(0);
        // A hostile index would allocate; what a broker tells is as long as its list.
        let count = usize::try_from(count).unwrap_or(0).min(told.partitions.len());
        let mut partitions = vec![Partition { leader: None, leader_epoch: -1 }; count];
        for partition in &told.partitions {
            let Ok(index) = usize::try_from(partition.partition_index) else { continue };
            let Some(place) = partitions.get_mut(index) else { continue };
            *place = newer(known.as_ref().and_then(|k| k.partitions.get(index)).copied(), partition);
        }
        if !id.is_zero() {
            self.names.insert(id, name.clone());
        }
        self.topics.insert(name.clone(), Topic { id, error, partitions });
    }
}

fn newer(known: Option<Partition>, told: &MetadataResponsePartition) -> Partition {
    let told = Partition { leader: (told.leader_id >= 0).then_some(NodeId(told.leader_id)), leader_epoch: told.leader_epoch };
    match known {
        Some(known) if told.leader_epoch >= 0 && told.leader_epoch < known.leader_epoch => known,
        _ => told,
    }
}
