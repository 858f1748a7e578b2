//! What can be asked of a cluster, and what comes back.

use std::sync::Arc;

use odradek_wire::ids::{TopicPartition, Uuid};

use crate::config::Isolation;
use crate::error::ClientError;

/// The result of one item of an operation.
pub type Item<T> = Result<T, ClientError>;

/// A topic to be created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTopic {
    /// Its name.
    pub name: Arc<str>,
    /// How many partitions; the broker's default if absent.
    pub partitions: Option<i32>,
    /// How many replicas each; the broker's default if absent.
    pub replication_factor: Option<i16>,
    /// Replicas by partition, instead of the two counts; empty if not wanted.
    pub assignments: Vec<Vec<i32>>,
    /// Configuration.
    pub config: Vec<(String, String)>,
}

impl NewTopic {
    /// A topic with counts and nothing else.
    pub fn new(name: impl Into<Arc<str>>, partitions: i32, replication_factor: i16) -> NewTopic {
        NewTopic {
            name: name.into(),
            partitions: Some(partitions),
            replication_factor: Some(replication_factor),
            assignments: Vec::new(),
            config: Vec::new(),
        }
    }
}

/// What configuration belongs to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConfigResource {
    /// A topic.
    Topic(String),
    /// A broker by id; empty for the default of all brokers.
    Broker(String),
    /// Another type of resource by its code in the protocol.
    Other {
        /// `ConfigResource.Type`.
        code: i8,
        /// Its name.
        name: String,
    },
}

impl ConfigResource {
    /// The type and the name as the protocol writes them.
    pub fn code_and_name(&self) -> (i8, &str) {
        match self {
            ConfigResource::Topic(name) => (2, name),
            ConfigResource::Broker(name) => (4, name),
            ConfigResource::Other { code, name } => (*code, name),
        }
    }

    /// From the type and the name that the protocol wrote.
    pub fn from_code_and_name(code: i8, name: &str) -> ConfigResource {
        match code {
            2 => ConfigResource::Topic(name.to_owned()),
            4 => ConfigResource::Broker(name.to_owned()),
            code => ConfigResource::Other { code, name: name.to_owned() },
        }
    }
}

/// One change of IncrementalAlterConfigs (KIP-339).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigChange {
    /// Set a key.
    Set(String, String),
    /// Back to the default.
    Delete(String),
    /// Add to a list.
    Append(String, String),
    /// Take from a list.
    Subtract(String, String),
}

/// Which offset to look up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OffsetSpec {
    /// The log start.
    Earliest,
    /// The end.
    Latest,
    /// The record with the largest timestamp (KIP-734).
    MaxTimestamp,
    /// The first record with this timestamp or a later one.
    Timestamp(i64),
}

/// An operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Create topics.
    CreateTopics {
        /// Which.
        topics: Vec<NewTopic>,
        /// Only say whether it would work.
        validate_only: bool,
    },
    /// Delete topics by name.
    DeleteTopics {
        /// Which.
        topics: Vec<Arc<str>>,
    },
    /// Raise partition counts.
    CreatePartitions {
        /// Topics and the counts they shall have.
        topics: Vec<(Arc<str>, i32)>,
        /// Only say whether it would work.
        validate_only: bool,
    },
    /// Raise log starts; -1 means the high watermark.
    DeleteRecords {
        /// Partitions and the offsets before which records go.
        before: Vec<(TopicPartition, i64)>,
    },
    /// Read configuration.
    DescribeConfigs {
        /// Of what, and which keys; none means all.
        resources: Vec<(ConfigResource, Option<Vec<String>>)>,
        /// With synonyms.
        synonyms: bool,
        /// With documentation.
        documentation: bool,
    },
    /// Replace configuration as a whole (the deprecated AlterConfigs).
    AlterConfigs {
        /// Of what, with what.
        resources: Vec<(ConfigResource, Vec<(String, String)>)>,
        /// Only say whether it would work.
        validate_only: bool,
    },
    /// Change configuration key by key.
    IncrementalAlterConfigs {
        /// Of what, and how.
        resources: Vec<(ConfigResource, Vec<ConfigChange>)>,
        /// Only say whether it would work.
        validate_only: bool,
    },
    /// Which resources have configuration.
    ListConfigResources {
        /// Types by their code; none means all.
        types: Vec<i8>,
    },
    /// Nodes and controller.
    DescribeCluster,
    /// Partitions, leaders and replicas of topics.
    DescribeTopics {
        /// Which.
        topics: Vec<Arc<str>>,
    },
    /// Names and ids of all topics.
    ListTopics {
        /// With internal ones.
        internal: bool,
    },
    /// Log directories of brokers.
    DescribeLogDirs {
        /// Which brokers; empty means all.
        brokers: Vec<i32>,
    },
    /// Active producers of partitions.
    DescribeProducers {
        /// Which.
        partitions: Vec<TopicPartition>,
    },
    /// Offsets by position or time.
    ListOffsets {
        /// Which.
        offsets: Vec<(TopicPartition, OffsetSpec)>,
        /// How far readers see.
        isolation: Isolation,
    },
}

/// What came of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Of CreateTopics.
    CreateTopics(Vec<(Arc<str>, Item<CreatedTopic>)>),
    /// Of DeleteTopics.
    DeleteTopics(Vec<(Arc<str>, Item<()>)>),
    /// Of CreatePartitions.
    CreatePartitions(Vec<(Arc<str>, Item<()>)>),
    /// Of DeleteRecords: the log starts.
    DeleteRecords(Vec<(TopicPartition, Item<i64>)>),
    /// Of DescribeConfigs.
    DescribeConfigs(Vec<(ConfigResource, Item<Vec<ConfigEntry>>)>),
    /// Of AlterConfigs and IncrementalAlterConfigs.
    AlterConfigs(Vec<(ConfigResource, Item<()>)>),
    /// Of ListConfigResources.
    ListConfigResources(Vec<ConfigResource>),
    /// Of DescribeCluster.
    DescribeCluster(ClusterDescription),
    /// Of DescribeTopics.
    DescribeTopics(Vec<(Arc<str>, Item<TopicDescription>)>),
    /// Of ListTopics.
    ListTopics(Vec<TopicListing>),
    /// Of DescribeLogDirs, by broker.
    DescribeLogDirs(Vec<(i32, Item<Vec<LogDirDescription>>)>),
    /// Of DescribeProducers.
    DescribeProducers(Vec<(TopicPartition, Item<Vec<ProducerState>>)>),
    /// Of ListOffsets.
    ListOffsets(Vec<(TopicPartition, Item<ListedOffset>)>),
}

/// A topic that was created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreatedTopic {
    /// Its id; zero if the broker did not say.
    pub id: Uuid,
    /// Its partitions; -1 if the broker did not say.
    pub partitions: i32,
    /// Its replicas; -1 if the broker did not say.
    pub replication_factor: i16,
}

/// A key of a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigEntry {
    /// The key.
    pub name: String,
    /// The value; absent if sensitive.
    pub value: Option<String>,
    /// Cannot be changed.
    pub read_only: bool,
    /// `ConfigSource` by its code in the protocol (1 topic, 2 dynamic broker, 3 dynamic default broker, 4 static broker, 5 default).
    pub source: i8,
    /// The value is not shown.
    pub sensitive: bool,
    /// `ConfigType` by its code in the protocol.
    pub value_type: i8,
    /// Documentation, if asked for.
    pub documentation: Option<String>,
    /// Name, value and source of each synonym, if asked for.
    pub synonyms: Vec<(String, Option<String>, i8)>,
}

/// A node as clients see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeDescription {
    /// `node.id`.
    pub id: i32,
    /// Host.
    pub host: String,
    /// Port.
    pub port: i32,
    /// Rack.
    pub rack: Option<String>,
}

/// The cluster as clients see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterDescription {
    /// Its id.
    pub cluster_id: String,
    /// A node that takes the controller's requests; -1 if none.
    pub controller_id: i32,
    /// Its nodes.
    pub nodes: Vec<NodeDescription>,
}

/// A topic with its partitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicDescription {
    /// Its id.
    pub id: Uuid,
    /// Whether it belongs to Kafka itself.
    pub internal: bool,
    /// Its partitions by index.
    pub partitions: Vec<PartitionDescription>,
}

/// A partition and who holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionDescription {
    /// Its index.
    pub partition: i32,
    /// Its leader; -1 if none.
    pub leader: i32,
    /// The leader's epoch; -1 if the broker did not say.
    pub leader_epoch: i32,
    /// All replicas.
    pub replicas: Vec<i32>,
    /// Those in sync.
    pub isr: Vec<i32>,
    /// Eligible leader replicas (KIP-966), if the broker says.
    pub eligible_leaders: Option<Vec<i32>>,
    /// Those offline.
    pub offline: Vec<i32>,
}

/// A topic in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicListing {
    /// Its name.
    pub name: Arc<str>,
    /// Its id.
    pub id: Uuid,
    /// Whether it belongs to Kafka itself.
    pub internal: bool,
    /// How many partitions it has.
    pub partitions: usize,
}

/// A log directory of a broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogDirDescription {
    /// Its path.
    pub path: String,
    /// Why it is out of service, if it is.
    pub error: Option<ClientError>,
    /// Size of the volume; -1 if unknown.
    pub total_bytes: i64,
    /// Free space of the volume; -1 if unknown.
    pub usable_bytes: i64,
    /// Replicas in it: size and lag.
    pub replicas: Vec<(TopicPartition, ReplicaSize)>,
}

/// How large a replica is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplicaSize {
    /// Bytes of its log segments.
    pub bytes: i64,
    /// Offsets behind the high watermark, or behind the log it will replace.
    pub lag: i64,
    /// Whether it will replace another once it has caught up.
    pub future: bool,
}

/// A producer that a partition remembers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProducerState {
    /// Its id.
    pub producer_id: i64,
    /// Its epoch.
    pub producer_epoch: i32,
    /// The last sequence; -1 if none.
    pub last_sequence: i32,
    /// When it wrote last; -1 if unknown.
    pub last_timestamp: i64,
    /// The epoch of the coordinator that wrote its last marker; -1 if none.
    pub coordinator_epoch: i32,
    /// Where its open transaction begins, if one is open.
    pub transaction_start: Option<i64>,
}

/// An offset found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListedOffset {
    /// The offset; -1 if there is none.
    pub offset: i64,
    /// Its timestamp; -1 if not looked up by time.
    pub timestamp: i64,
    /// The leader epoch there; -1 if unknown.
    pub leader_epoch: i32,
}
