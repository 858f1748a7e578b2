//! The shapes of response bodies, from Kafka's schemas: what test values are made by. Known tagged fields are absent.

use crate::api::ApiKey;
use crate::prepare::shape::{Shape, array, bytes, fixed, optional, text};

/// The shape of an API's responses.
pub(super) fn of(api: ApiKey) -> &'static Shape {
    match api {
        ApiKey::Produce => &PRODUCE,
        ApiKey::Fetch => &FETCH,
        ApiKey::ListOffsets => &LIST_OFFSETS,
        ApiKey::Metadata => &METADATA,
        ApiKey::ApiVersions => &API_VERSIONS,
        ApiKey::CreateTopics => &CREATE_TOPICS,
        ApiKey::DeleteTopics => &DELETE_TOPICS,
        ApiKey::DeleteRecords => &DELETE_RECORDS,
        ApiKey::InitProducerId => &INIT_PRODUCER_ID,
        ApiKey::OffsetForLeaderEpoch => &OFFSET_FOR_LEADER_EPOCH,
        ApiKey::DescribeConfigs => &DESCRIBE_CONFIGS,
        ApiKey::AlterConfigs => &ALTER_CONFIGS,
        ApiKey::DescribeLogDirs => &DESCRIBE_LOG_DIRS,
        ApiKey::CreatePartitions => &CREATE_PARTITIONS,
        ApiKey::IncrementalAlterConfigs => &INCREMENTAL_ALTER_CONFIGS,
        ApiKey::DescribeCluster => &DESCRIBE_CLUSTER,
        ApiKey::DescribeProducers => &DESCRIBE_PRODUCERS,
        ApiKey::ListConfigResources => &LIST_CONFIG_RESOURCES,
        ApiKey::DescribeTopicPartitions => &DESCRIBE_TOPIC_PARTITIONS,
    }
}

static INT32S: Shape = Shape::of_plain::<()>(&[fixed("number", 4)]);

static PRODUCE_ERROR: Shape =
    Shape::of::<()>(&[fixed("BatchIndex", 4).since(8), text("BatchIndexErrorMessage").since(8).nullable_since(8)]);
static PRODUCE_PARTITION: Shape = Shape::of::<()>(&[
    fixed("Index", 4),
    fixed("ErrorCode", 2),
    fixed("BaseOffset", 8),
    fixed("LogAppendTimeMs", 8),
    fixed("LogStartOffset", 8).since(5),
    array("RecordErrors", &PRODUCE_ERROR).since(8),
    text("ErrorMessage").since(8).nullable_since(8),
]);
static PRODUCE_TOPIC: Shape =
    Shape::of::<()>(&[text("Name").until(12), fixed("TopicId", 16).since(13), array("PartitionResponses", &PRODUCE_PARTITION)]);
static PRODUCE: Shape = Shape::of::<()>(&[array("Responses", &PRODUCE_TOPIC), fixed("ThrottleTimeMs", 4)]);

static FETCH_ABORTED: Shape = Shape::of::<()>(&[fixed("ProducerId", 8), fixed("FirstOffset", 8)]);
static FETCH_PARTITION: Shape = Shape::of::<()>(&[
    fixed("PartitionIndex", 4),
    fixed("ErrorCode", 2),
    fixed("HighWatermark", 8),
    fixed("LastStableOffset", 8),
    fixed("LogStartOffset", 8).since(5),
    array("AbortedTransactions", &FETCH_ABORTED).nullable_since(4),
    fixed("PreferredReadReplica", 4).since(11),
    bytes("Records").nullable_since(0),
]);
static FETCH_TOPIC: Shape =
    Shape::of::<()>(&[text("Topic").until(12), fixed("TopicId", 16).since(13), array("Partitions", &FETCH_PARTITION)]);
static FETCH: Shape = Shape::of::<()>(&[
    fixed("ThrottleTimeMs", 4),
    fixed("ErrorCode", 2).since(7),
    fixed("SessionId", 4).since(7),
    array("Responses", &FETCH_TOPIC),
]);

static LIST_OFFSETS_PARTITION: Shape = Shape::of::<()>(&[
    fixed("PartitionIndex", 4),
    fixed("ErrorCode", 2),
    fixed("Timestamp", 8),
    fixed("Offset", 8),
    fixed("LeaderEpoch", 4).since(4),
]);
static LIST_OFFSETS_TOPIC: Shape = Shape::of::<()>(&[text("Name"), array("Partitions", &LIST_OFFSETS_PARTITION)]);
static LIST_OFFSETS: Shape = Shape::of::<()>(&[fixed("ThrottleTimeMs", 4).since(2), array("Topics", &LIST_OFFSETS_TOPIC)]);

static METADATA_BROKER: Shape =
    Shape::of::<()>(&[fixed("NodeId", 4), text("Host"), fixed("Port", 4), text("Rack").since(1).nullable_since(1)]);
static METADATA_PARTITION: Shape = Shape::of::<()>(&[
    fixed("ErrorCode", 2),
    fixed("PartitionIndex", 4),
    fixed("LeaderId", 4),
    fixed("LeaderEpoch", 4).since(7),
    array("ReplicaNodes", &INT32S),
    array("IsrNodes", &INT32S),
    array("OfflineReplicas", &INT32S).since(5),
]);
static METADATA_TOPIC: Shape = Shape::of::<()>(&[
    fixed("ErrorCode", 2),
    text("Name").nullable_since(12),
    fixed("TopicId", 16).since(10),
    fixed("IsInternal", 1).since(1),
    array("Partitions", &METADATA_PARTITION),
    fixed("TopicAuthorizedOperations", 4).since(8),
]);
static METADATA: Shape = Shape::of::<()>(&[
    fixed("ThrottleTimeMs", 4).since(3),
    array("Brokers", &METADATA_BROKER),
    text("ClusterId").since(2).nullable_since(2),
    fixed("ControllerId", 4).since(1),
    array("Topics", &METADATA_TOPIC),
    fixed("ClusterAuthorizedOperations", 4).since(8).until(10),
    fixed("ErrorCode", 2).since(13),
]);

static API_VERSIONS_RANGE: Shape = Shape::of::<()>(&[fixed("ApiKey", 2), fixed("MinVersion", 2), fixed("MaxVersion", 2)]);
static API_VERSIONS: Shape =
    Shape::of::<()>(&[fixed("ErrorCode", 2), array("ApiKeys", &API_VERSIONS_RANGE), fixed("ThrottleTimeMs", 4).since(1)]);

static CREATE_TOPICS_CONFIG: Shape = Shape::of::<()>(&[
    text("Name").since(5),
    text("Value").since(5).nullable_since(5),
    fixed("ReadOnly", 1).since(5),
    fixed("ConfigSource", 1).since(5),
    fixed("IsSensitive", 1).since(5),
]);
static CREATE_TOPICS_TOPIC: Shape = Shape::of::<()>(&[
    text("Name"),
    fixed("TopicId", 16).since(7),
    fixed("ErrorCode", 2),
    text("ErrorMessage").nullable_since(0),
    fixed("NumPartitions", 4).since(5),
    fixed("ReplicationFactor", 2).since(5),
    array("Configs", &CREATE_TOPICS_CONFIG).since(5).nullable_since(5),
]);
static CREATE_TOPICS: Shape = Shape::of::<()>(&[fixed("ThrottleTimeMs", 4), array("Topics", &CREATE_TOPICS_TOPIC)]);

static DELETE_TOPICS_TOPIC: Shape = Shape::of::<()>(&[
    text("Name").nullable_since(6),
    fixed("TopicId", 16).since(6),
    fixed("ErrorCode", 2),
    text("ErrorMessage").since(5).nullable_since(5),
]);
static DELETE_TOPICS: Shape = Shape::of::<()>(&[fixed("ThrottleTimeMs", 4), array("Responses", &DELETE_TOPICS_TOPIC)]);

static DELETE_RECORDS_PARTITION: Shape = Shape::of::<()>(&[fixed("PartitionIndex", 4), fixed("LowWatermark", 8), fixed("ErrorCode", 2)]);
static DELETE_RECORDS_TOPIC: Shape = Shape::of::<()>(&[text("Name"), array("Partitions", &DELETE_RECORDS_PARTITION)]);
static DELETE_RECORDS: Shape = Shape::of::<()>(&[fixed("ThrottleTimeMs", 4), array("Topics", &DELETE_RECORDS_TOPIC)]);

static INIT_PRODUCER_ID: Shape =
    Shape::of::<()>(&[fixed("ThrottleTimeMs", 4), fixed("ErrorCode", 2), fixed("ProducerId", 8), fixed("ProducerEpoch", 2)]);

static OFFSET_FOR_LEADER_EPOCH_PARTITION: Shape =
    Shape::of::<()>(&[fixed("ErrorCode", 2), fixed("Partition", 4), fixed("LeaderEpoch", 4), fixed("EndOffset", 8)]);
static OFFSET_FOR_LEADER_EPOCH_TOPIC: Shape = Shape::of::<()>(&[text("Topic"), array("Partitions", &OFFSET_FOR_LEADER_EPOCH_PARTITION)]);
static OFFSET_FOR_LEADER_EPOCH: Shape = Shape::of::<()>(&[fixed("ThrottleTimeMs", 4), array("Topics", &OFFSET_FOR_LEADER_EPOCH_TOPIC)]);

static DESCRIBE_CONFIGS_SYNONYM: Shape = Shape::of::<()>(&[text("Name"), text("Value").nullable_since(0), fixed("Source", 1)]);
static DESCRIBE_CONFIGS_CONFIG: Shape = Shape::of::<()>(&[
    text("Name"),
    text("Value").nullable_since(0),
    fixed("ReadOnly", 1),
    fixed("ConfigSource", 1),
    fixed("IsSensitive", 1),
    array("Synonyms", &DESCRIBE_CONFIGS_SYNONYM),
    fixed("ConfigType", 1).since(3),
    text("Documentation").since(3).nullable_since(0),
]);
static DESCRIBE_CONFIGS_RESOURCE: Shape = Shape::of::<()>(&[
    fixed("ErrorCode", 2),
    text("ErrorMessage").nullable_since(0),
    fixed("ResourceType", 1),
    text("ResourceName"),
    array("Configs", &DESCRIBE_CONFIGS_CONFIG),
]);
static DESCRIBE_CONFIGS: Shape = Shape::of::<()>(&[fixed("ThrottleTimeMs", 4), array("Results", &DESCRIBE_CONFIGS_RESOURCE)]);

static ALTER_CONFIGS_RESOURCE: Shape =
    Shape::of::<()>(&[fixed("ErrorCode", 2), text("ErrorMessage").nullable_since(0), fixed("ResourceType", 1), text("ResourceName")]);
static ALTER_CONFIGS: Shape = Shape::of::<()>(&[fixed("ThrottleTimeMs", 4), array("Responses", &ALTER_CONFIGS_RESOURCE)]);

static DESCRIBE_LOG_DIRS_PARTITION: Shape =
    Shape::of::<()>(&[fixed("PartitionIndex", 4), fixed("PartitionSize", 8), fixed("OffsetLag", 8), fixed("IsFutureKey", 1)]);
static DESCRIBE_LOG_DIRS_TOPIC: Shape = Shape::of::<()>(&[text("Name"), array("Partitions", &DESCRIBE_LOG_DIRS_PARTITION)]);
static DESCRIBE_LOG_DIRS_DIR: Shape = Shape::of::<()>(&[
    fixed("ErrorCode", 2),
    text("LogDir"),
    array("Topics", &DESCRIBE_LOG_DIRS_TOPIC),
    fixed("TotalBytes", 8).since(4),
    fixed("UsableBytes", 8).since(4),
    fixed("IsCordoned", 1).since(5),
]);
static DESCRIBE_LOG_DIRS: Shape =
    Shape::of::<()>(&[fixed("ThrottleTimeMs", 4), fixed("ErrorCode", 2).since(3), array("Results", &DESCRIBE_LOG_DIRS_DIR)]);

static CREATE_PARTITIONS_TOPIC: Shape = Shape::of::<()>(&[text("Name"), fixed("ErrorCode", 2), text("ErrorMessage").nullable_since(0)]);
static CREATE_PARTITIONS: Shape = Shape::of::<()>(&[fixed("ThrottleTimeMs", 4), array("Results", &CREATE_PARTITIONS_TOPIC)]);

static INCREMENTAL_ALTER_CONFIGS_RESOURCE: Shape =
    Shape::of::<()>(&[fixed("ErrorCode", 2), text("ErrorMessage").nullable_since(0), fixed("ResourceType", 1), text("ResourceName")]);
static INCREMENTAL_ALTER_CONFIGS: Shape =
    Shape::of::<()>(&[fixed("ThrottleTimeMs", 4), array("Responses", &INCREMENTAL_ALTER_CONFIGS_RESOURCE)]);

static DESCRIBE_CLUSTER_BROKER: Shape =
    Shape::of::<()>(&[fixed("BrokerId", 4), text("Host"), fixed("Port", 4), text("Rack").nullable_since(0), fixed("IsFenced", 1).since(2)]);
static DESCRIBE_CLUSTER: Shape = Shape::of::<()>(&[
    fixed("ThrottleTimeMs", 4),
    fixed("ErrorCode", 2),
    text("ErrorMessage").nullable_since(0),
    fixed("EndpointType", 1).since(1),
    text("ClusterId"),
    fixed("ControllerId", 4),
    array("Brokers", &DESCRIBE_CLUSTER_BROKER),
    fixed("ClusterAuthorizedOperations", 4),
]);

static DESCRIBE_PRODUCERS_PRODUCER: Shape = Shape::of::<()>(&[
    fixed("ProducerId", 8),
    fixed("ProducerEpoch", 4),
    fixed("LastSequence", 4),
    fixed("LastTimestamp", 8),
    fixed("CoordinatorEpoch", 4),
    fixed("CurrentTxnStartOffset", 8),
]);
static DESCRIBE_PRODUCERS_PARTITION: Shape = Shape::of::<()>(&[
    fixed("PartitionIndex", 4),
    fixed("ErrorCode", 2),
    text("ErrorMessage").nullable_since(0),
    array("ActiveProducers", &DESCRIBE_PRODUCERS_PRODUCER),
]);
static DESCRIBE_PRODUCERS_TOPIC: Shape = Shape::of::<()>(&[text("Name"), array("Partitions", &DESCRIBE_PRODUCERS_PARTITION)]);
static DESCRIBE_PRODUCERS: Shape = Shape::of::<()>(&[fixed("ThrottleTimeMs", 4), array("Topics", &DESCRIBE_PRODUCERS_TOPIC)]);

static LIST_CONFIG_RESOURCES_RESOURCE: Shape = Shape::of::<()>(&[text("ResourceName"), fixed("ResourceType", 1).since(1)]);
static LIST_CONFIG_RESOURCES: Shape =
    Shape::of::<()>(&[fixed("ThrottleTimeMs", 4), fixed("ErrorCode", 2), array("ConfigResources", &LIST_CONFIG_RESOURCES_RESOURCE)]);

static DESCRIBE_TOPIC_PARTITIONS_PARTITION: Shape = Shape::of::<()>(&[
    fixed("ErrorCode", 2),
    fixed("PartitionIndex", 4),
    fixed("LeaderId", 4),
    fixed("LeaderEpoch", 4),
    array("ReplicaNodes", &INT32S),
    array("IsrNodes", &INT32S),
    array("EligibleLeaderReplicas", &INT32S).nullable_since(0),
    array("LastKnownElr", &INT32S).nullable_since(0),
    array("OfflineReplicas", &INT32S),
]);
static DESCRIBE_TOPIC_PARTITIONS_TOPIC: Shape = Shape::of::<()>(&[
    fixed("ErrorCode", 2),
    text("Name").nullable_since(0),
    fixed("TopicId", 16),
    fixed("IsInternal", 1),
    array("Partitions", &DESCRIBE_TOPIC_PARTITIONS_PARTITION),
    fixed("TopicAuthorizedOperations", 4),
]);
static DESCRIBE_TOPIC_PARTITIONS_CURSOR: Shape = Shape::of::<()>(&[text("TopicName"), fixed("PartitionIndex", 4)]);
static DESCRIBE_TOPIC_PARTITIONS: Shape = Shape::of::<()>(&[
    fixed("ThrottleTimeMs", 4),
    array("Topics", &DESCRIBE_TOPIC_PARTITIONS_TOPIC),
    optional("NextCursor", &DESCRIBE_TOPIC_PARTITIONS_CURSOR),
]);
