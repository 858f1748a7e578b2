//! Names and ids of requests to partitions of this node, nodes to endpoints, and the bit fields of authorized operations.

use odradek_cluster::image::{Endpoint, Topic};
use odradek_wire::error::ErrorCode;
use odradek_wire::ids::{NodeId, Uuid};

use crate::fetch_sessions::TopicKey;
use crate::io::ConnectionId;
use crate::partition::{PartitionId, Refusal, Replica};
use crate::running::Running;

/// The topics that brokers keep their own state in.
pub(crate) const INTERNAL_TOPICS: &[&str] = &["__consumer_offsets", "__transaction_state", "__share_group_state"];

/// True for a topic of the brokers' own.
pub(crate) fn is_internal(topic: &str) -> bool {
    INTERNAL_TOPICS.contains(&topic)
}

impl Refusal {
    pub(crate) const fn of(error: ErrorCode) -> Refusal {
        Refusal { error, leader: None }
    }
}

impl Running {
    /// A topic of the committed image, as a request names it.
    pub(crate) fn topic(&self, topic: &TopicKey) -> Result<&Topic, Refusal> {
        match topic {
            TopicKey::Name(name) => self.image().topic(name).map(AsRef::as_ref).ok_or(Refusal::of(ErrorCode::UnknownTopicOrPartition)),
            TopicKey::Id(id) => self.image().topic_by_id(*id).map(AsRef::as_ref).ok_or(Refusal::of(ErrorCode::UnknownTopicId)),
        }
    }

    /// A partition that has a replica here.
    pub(crate) fn partition(&self, topic: &TopicKey, index: i32) -> Result<PartitionId, Refusal> {
        let topic = self.topic(topic)?;
        let granted = topic.partitions.get(&index).ok_or(Refusal::of(ErrorCode::UnknownTopicOrPartition))?;
        let id = PartitionId { topic: topic.id, index };
        if self.unmade.contains_key(&id) {
            return Err(Refusal::of(ErrorCode::KafkaStorageError));
        }
        if self.replicas.contains_key(&id) {
            return Ok(id);
        }
        if self.offline.contains_key(&id) {
            return Err(Refusal::of(ErrorCode::KafkaStorageError));
        }
        let leader = granted.leader.unwrap_or(NodeId(-1));
        Err(Refusal { error: ErrorCode::NotLeaderOrFollower, leader: Some((leader, granted.leader_epoch)) })
    }

    /// True for a replica of this node whose log could not be made: it is as good as offline, and its leader as none.
    pub(crate) fn awaits_log(&self, node: NodeId, id: PartitionId) -> bool {
        node == self.me() && self.unmade.contains_key(&id)
    }

    /// Why a partition is not here that was.
    pub(crate) fn gone(&self, id: PartitionId) -> Refusal {
        match self.partition(&TopicKey::Id(id.topic), id.index) {
            Err(refusal) if refusal.error != ErrorCode::UnknownTopicId => refusal,
            _ => Refusal::of(ErrorCode::UnknownTopicOrPartition),
        }
    }

    /// A replica here, by name.
    pub(crate) fn replica_named(&self, topic: &str, index: i32) -> Result<&Replica, Refusal> {
        let id = self.partition(&TopicKey::Name(topic.into()), index)?;
        Ok(self.replicas.get(&id).expect("a partition that was found here has a replica"))
    }

    /// The name of the listener that a connection came by.
    pub(crate) fn listener_of(&self, connection: ConnectionId) -> &str {
        let at = self.connections.peer(connection).map_or(0, |p| usize::from(p.listener.0));
        self.setup.listeners.get(at).map_or("", |l| &l.name)
    }

    /// Where a broker is reached by those who came by this listener, if it is alive.
    pub(crate) fn endpoint(&self, node: NodeId, listener: &str) -> Option<(&Endpoint, Option<&str>)> {
        let broker = self.image().broker(node).filter(|b| !b.fenced)?;
        broker.endpoint(listener).map(|e| (e, broker.rack.as_deref()))
    }
}

/// How a request names a topic: by id from some version on.
pub(crate) fn topic_key(by_id: bool, name: &str, id: Uuid) -> TopicKey {
    if by_id { TopicKey::Id(id) } else { TopicKey::Name(name.into()) }
}

const fn bits(operations: &[u32]) -> i32 {
    let (mut all, mut at) = (0, 0);
    while at < operations.len() {
        all |= 1 << operations[at];
        at += 1;
    }
    all
}

/// Everything that may be done to a topic, as bits of Kafka's AclOperation: without an authorizer everyone may do everything.
pub(crate) const TOPIC_OPERATIONS: i32 = bits(&[3, 4, 5, 6, 7, 8, 10, 11]);
/// Everything that may be done to the cluster.
pub(crate) const CLUSTER_OPERATIONS: i32 = bits(&[5, 7, 8, 9, 10, 11, 12]);
