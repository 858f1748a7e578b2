//! The shape of every request body, from Kafka's schemas.

use crate::api::ApiKey;
use crate::messages::{
    KafkaString, KafkaUuid, alter_configs_request as alter_configs, api_versions_request as api_versions,
    create_partitions_request as create_partitions, create_topics_request as create_topics, delete_records_request as delete_records,
    delete_topics_request as delete_topics, describe_cluster_request as describe_cluster, describe_configs_request as describe_configs,
    describe_log_dirs_request as describe_log_dirs, describe_producers_request as describe_producers,
    describe_topic_partitions_request as describe_topic_partitions, fetch_request as fetch,
    incremental_alter_configs_request as incremental_alter_configs, init_producer_id_request as init_producer_id,
    list_config_resources_request as list_config_resources, list_offsets_request as list_offsets, metadata_request as metadata,
    offset_for_leader_epoch_request as offset_for_leader_epoch, produce_request as produce,
};
use crate::prepare::shape::{Shape, array, bytes, fixed, optional, text};
use crate::request::{ProducePartition, ProduceTopic};

/// The shape of an API's requests.
pub(crate) const fn of(api: ApiKey) -> &'static Shape {
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

const INT8: usize = 1;
const INT16: usize = 2;
const INT32: usize = 4;
const INT64: usize = 8;
const UUID: usize = size_of::<KafkaUuid>();

static INT8S: Shape = Shape::of_plain::<i8>(&[fixed("number", INT8)]);
static INT32S: Shape = Shape::of_plain::<i32>(&[fixed("number", INT32)]);
static TEXTS: Shape = Shape::of_plain::<KafkaString>(&[text("name")]);

static PRODUCE: Shape = Shape::of::<produce::ProduceRequestData>(&[
    text("transactional id").nullable_since(3),
    fixed("acks and timeout", INT16 + INT32),
    array("topics", &PRODUCE_TOPIC),
]);
static PRODUCE_TOPIC: Shape = Shape::of::<produce::TopicProduceData>(&[
    text("topic name").until(12),
    fixed("topic id", UUID).since(13),
    array("partitions", &PRODUCE_PARTITION),
])
.and::<ProduceTopic>();
static PRODUCE_PARTITION: Shape =
    Shape::of::<produce::PartitionProduceData>(&[fixed("partition", INT32), bytes("records").nullable_since(0)]).and::<ProducePartition>();

static FETCH: Shape = Shape::of::<fetch::FetchRequestData>(&[
    fixed("replica", INT32).until(14),
    fixed("limits and isolation level", 3 * INT32 + INT8),
    fixed("session", 2 * INT32).since(7),
    array("topics", &FETCH_TOPIC),
    array("forgotten topics", &FORGOTTEN_TOPIC).since(7),
    text("rack").since(11),
]);
static FETCH_TOPIC: Shape = Shape::of::<fetch::FetchTopic>(&[
    text("topic name").until(12),
    fixed("topic id", UUID).since(13),
    array("partitions", &FETCH_PARTITION),
]);
static FETCH_PARTITION: Shape = Shape::of::<fetch::FetchPartition>(&[
    fixed("partition", INT32),
    fixed("current leader epoch", INT32).since(9),
    fixed("fetch offset", INT64),
    fixed("last fetched epoch", INT32).since(12),
    fixed("log start offset", INT64).since(5),
    fixed("partition limit", INT32),
]);
static FORGOTTEN_TOPIC: Shape =
    Shape::of::<fetch::ForgottenTopic>(&[text("topic name").until(12), fixed("topic id", UUID).since(13), array("partitions", &INT32S)]);

static LIST_OFFSETS: Shape = Shape::of::<list_offsets::ListOffsetsRequestData>(&[
    fixed("replica", INT32),
    fixed("isolation level", INT8).since(2),
    array("topics", &LIST_OFFSETS_TOPIC),
    fixed("timeout", INT32).since(10),
]);
static LIST_OFFSETS_TOPIC: Shape =
    Shape::of::<list_offsets::ListOffsetsTopic>(&[text("topic name"), array("partitions", &LIST_OFFSETS_PARTITION)]);
static LIST_OFFSETS_PARTITION: Shape = Shape::of::<list_offsets::ListOffsetsPartition>(&[
    fixed("partition", INT32),
    fixed("current leader epoch", INT32).since(4),
    fixed("timestamp", INT64),
]);

static METADATA: Shape = Shape::of::<metadata::MetadataRequestData>(&[
    array("topics", &METADATA_TOPIC).nullable_since(1),
    fixed("auto-creation", INT8).since(4),
    fixed("cluster operations", INT8).since(8).until(10),
    fixed("topic operations", INT8).since(8),
]);
static METADATA_TOPIC: Shape =
    Shape::of::<metadata::MetadataRequestTopic>(&[fixed("topic id", UUID).since(10), text("topic name").nullable_since(10)]);

static API_VERSIONS: Shape =
    Shape::of::<api_versions::ApiVersionsRequestData>(&[text("software name").since(3), text("software version").since(3)]);

static CREATE_TOPICS: Shape = Shape::of::<create_topics::CreateTopicsRequestData>(&[
    array("topics", &CREATABLE_TOPIC),
    fixed("timeout and validation", INT32 + INT8),
]);
static CREATABLE_TOPIC: Shape = Shape::of::<create_topics::CreatableTopic>(&[
    text("topic name"),
    fixed("partitions and replication factor", INT32 + INT16),
    array("assignments", &CREATABLE_ASSIGNMENT),
    array("configs", &CREATABLE_CONFIG),
]);
static CREATABLE_ASSIGNMENT: Shape =
    Shape::of::<create_topics::CreatableReplicaAssignment>(&[fixed("partition", INT32), array("brokers", &INT32S)]);
static CREATABLE_CONFIG: Shape =
    Shape::of::<create_topics::CreatableTopicConfig>(&[text("config name"), text("config value").nullable_since(0)]);

static DELETE_TOPICS: Shape = Shape::of::<delete_topics::DeleteTopicsRequestData>(&[
    array("topics", &DELETE_TOPIC).since(6),
    array("topic names", &TEXTS).until(5),
    fixed("timeout", INT32),
]);
static DELETE_TOPIC: Shape = Shape::of::<delete_topics::DeleteTopicState>(&[text("topic name").nullable_since(6), fixed("topic id", UUID)]);

static DELETE_RECORDS: Shape =
    Shape::of::<delete_records::DeleteRecordsRequestData>(&[array("topics", &DELETE_RECORDS_TOPIC), fixed("timeout", INT32)]);
static DELETE_RECORDS_TOPIC: Shape =
    Shape::of::<delete_records::DeleteRecordsTopic>(&[text("topic name"), array("partitions", &DELETE_RECORDS_PARTITION)]);
static DELETE_RECORDS_PARTITION: Shape =
    Shape::of::<delete_records::DeleteRecordsPartition>(&[fixed("partition", INT32), fixed("offset", INT64)]);

static INIT_PRODUCER_ID: Shape = Shape::of::<init_producer_id::InitProducerIdRequestData>(&[
    text("transactional id").nullable_since(0),
    fixed("transaction timeout", INT32),
    fixed("producer id and epoch", INT64 + INT16).since(3),
]);

static OFFSET_FOR_LEADER_EPOCH: Shape = Shape::of::<offset_for_leader_epoch::OffsetForLeaderEpochRequestData>(&[
    fixed("replica", INT32).since(3),
    array("topics", &OFFSET_FOR_LEADER_TOPIC),
]);
static OFFSET_FOR_LEADER_TOPIC: Shape =
    Shape::of::<offset_for_leader_epoch::OffsetForLeaderTopic>(&[text("topic name"), array("partitions", &OFFSET_FOR_LEADER_PARTITION)]);
static OFFSET_FOR_LEADER_PARTITION: Shape =
    Shape::of::<offset_for_leader_epoch::OffsetForLeaderPartition>(&[fixed("partition and epochs", 3 * INT32)]);

static DESCRIBE_CONFIGS: Shape = Shape::of::<describe_configs::DescribeConfigsRequestData>(&[
    array("resources", &DESCRIBE_CONFIGS_RESOURCE),
    fixed("synonyms", INT8),
    fixed("documentation", INT8).since(3),
]);
static DESCRIBE_CONFIGS_RESOURCE: Shape = Shape::of::<describe_configs::DescribeConfigsResource>(&[
    fixed("resource type", INT8),
    text("resource name"),
    array("keys", &TEXTS).nullable_since(0),
]);

static ALTER_CONFIGS: Shape =
    Shape::of::<alter_configs::AlterConfigsRequestData>(&[array("resources", &ALTER_CONFIGS_RESOURCE), fixed("validation", INT8)]);
static ALTER_CONFIGS_RESOURCE: Shape = Shape::of::<alter_configs::AlterConfigsResource>(&[
    fixed("resource type", INT8),
    text("resource name"),
    array("configs", &ALTERABLE_CONFIG),
]);
static ALTERABLE_CONFIG: Shape =
    Shape::of::<alter_configs::AlterableConfig>(&[text("config name"), text("config value").nullable_since(0)]);

static DESCRIBE_LOG_DIRS: Shape =
    Shape::of::<describe_log_dirs::DescribeLogDirsRequestData>(&[array("topics", &DESCRIBABLE_TOPIC).nullable_since(0)]);
static DESCRIBABLE_TOPIC: Shape =
    Shape::of::<describe_log_dirs::DescribableLogDirTopic>(&[text("topic name"), array("partitions", &INT32S)]);

static CREATE_PARTITIONS: Shape = Shape::of::<create_partitions::CreatePartitionsRequestData>(&[
    array("topics", &CREATE_PARTITIONS_TOPIC),
    fixed("timeout and validation", INT32 + INT8),
]);
static CREATE_PARTITIONS_TOPIC: Shape = Shape::of::<create_partitions::CreatePartitionsTopic>(&[
    text("topic name"),
    fixed("count", INT32),
    array("assignments", &CREATE_PARTITIONS_ASSIGNMENT).nullable_since(0),
]);
static CREATE_PARTITIONS_ASSIGNMENT: Shape = Shape::of::<create_partitions::CreatePartitionsAssignment>(&[array("brokers", &INT32S)]);

static INCREMENTAL_ALTER_CONFIGS: Shape = Shape::of::<incremental_alter_configs::IncrementalAlterConfigsRequestData>(&[
    array("resources", &INCREMENTAL_RESOURCE),
    fixed("validation", INT8),
]);
static INCREMENTAL_RESOURCE: Shape = Shape::of::<incremental_alter_configs::AlterConfigsResource>(&[
    fixed("resource type", INT8),
    text("resource name"),
    array("configs", &INCREMENTAL_CONFIG),
]);
static INCREMENTAL_CONFIG: Shape = Shape::of::<incremental_alter_configs::AlterableConfig>(&[
    text("config name"),
    fixed("operation", INT8),
    text("config value").nullable_since(0),
]);

static DESCRIBE_CLUSTER: Shape = Shape::of::<describe_cluster::DescribeClusterRequestData>(&[
    fixed("cluster operations", INT8),
    fixed("endpoint type", INT8).since(1),
    fixed("fenced brokers", INT8).since(2),
]);

static DESCRIBE_PRODUCERS: Shape =
    Shape::of::<describe_producers::DescribeProducersRequestData>(&[array("topics", &DESCRIBE_PRODUCERS_TOPIC)]);
static DESCRIBE_PRODUCERS_TOPIC: Shape = Shape::of::<describe_producers::TopicRequest>(&[text("topic name"), array("partitions", &INT32S)]);

static LIST_CONFIG_RESOURCES: Shape =
    Shape::of::<list_config_resources::ListConfigResourcesRequestData>(&[array("resource types", &INT8S).since(1)]);

static DESCRIBE_TOPIC_PARTITIONS: Shape = Shape::of::<describe_topic_partitions::DescribeTopicPartitionsRequestData>(&[
    array("topics", &DESCRIBE_TOPIC),
    fixed("partition limit", INT32),
    optional("cursor", &CURSOR),
]);
static DESCRIBE_TOPIC: Shape = Shape::of::<describe_topic_partitions::TopicRequest>(&[text("topic name")]);
static CURSOR: Shape = Shape::of::<describe_topic_partitions::Cursor>(&[text("topic name"), fixed("partition", INT32)]);
