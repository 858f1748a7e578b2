//! The bodies of requests and responses, as the codec generates them from Kafka's schemas.
//!
//! Nobody else names the codec's crate: a change of codec ends here. Strings and payloads are slices of the frame that they came in, so whatever
//! outlives its request copies its names first.

pub use kacrab_protocol::generated::{
    allocate_producer_ids_request, allocate_producer_ids_response, alter_configs_request, alter_configs_response, api_versions_request,
    api_versions_response, assign_replicas_to_dirs_request, assign_replicas_to_dirs_response, broker_heartbeat_request,
    broker_heartbeat_response, broker_registration_request, broker_registration_response, controller_registration_request,
    controller_registration_response, create_partitions_request, create_partitions_response, create_topics_request, create_topics_response,
    delete_records_request, delete_records_response, delete_topics_request, delete_topics_response, describe_cluster_request,
    describe_cluster_response, describe_configs_request, describe_configs_response, describe_log_dirs_request, describe_log_dirs_response,
    describe_producers_request, describe_producers_response, describe_topic_partitions_request, describe_topic_partitions_response,
    fetch_request, fetch_response, incremental_alter_configs_request, incremental_alter_configs_response, init_producer_id_request,
    init_producer_id_response, list_config_resources_request, list_config_resources_response, list_offsets_request, list_offsets_response,
    metadata_request, metadata_response, offset_for_leader_epoch_request, offset_for_leader_epoch_response, produce_request,
    produce_response,
};
pub use kacrab_protocol::generated::{
    allocate_producer_ids_request::AllocateProducerIdsRequestData, allocate_producer_ids_response::AllocateProducerIdsResponseData,
    alter_configs_request::AlterConfigsRequestData, alter_configs_response::AlterConfigsResponseData,
    api_versions_request::ApiVersionsRequestData, api_versions_response::ApiVersionsResponseData,
    assign_replicas_to_dirs_request::AssignReplicasToDirsRequestData, assign_replicas_to_dirs_response::AssignReplicasToDirsResponseData,
    broker_heartbeat_request::BrokerHeartbeatRequestData, broker_heartbeat_response::BrokerHeartbeatResponseData,
    broker_registration_request::BrokerRegistrationRequestData, broker_registration_response::BrokerRegistrationResponseData,
    controller_registration_request::ControllerRegistrationRequestData,
    controller_registration_response::ControllerRegistrationResponseData, create_partitions_request::CreatePartitionsRequestData,
    create_partitions_response::CreatePartitionsResponseData, create_topics_request::CreateTopicsRequestData,
    create_topics_response::CreateTopicsResponseData, delete_records_request::DeleteRecordsRequestData,
    delete_records_response::DeleteRecordsResponseData, delete_topics_request::DeleteTopicsRequestData,
    delete_topics_response::DeleteTopicsResponseData, describe_cluster_request::DescribeClusterRequestData,
    describe_cluster_response::DescribeClusterResponseData, describe_configs_request::DescribeConfigsRequestData,
    describe_configs_response::DescribeConfigsResponseData, describe_log_dirs_request::DescribeLogDirsRequestData,
    describe_log_dirs_response::DescribeLogDirsResponseData, describe_producers_request::DescribeProducersRequestData,
    describe_producers_response::DescribeProducersResponseData, describe_topic_partitions_request::DescribeTopicPartitionsRequestData,
    describe_topic_partitions_response::DescribeTopicPartitionsResponseData, fetch_request::FetchRequestData,
    fetch_response::FetchResponseData, incremental_alter_configs_request::IncrementalAlterConfigsRequestData,
    incremental_alter_configs_response::IncrementalAlterConfigsResponseData, init_producer_id_request::InitProducerIdRequestData,
    init_producer_id_response::InitProducerIdResponseData, list_config_resources_request::ListConfigResourcesRequestData,
    list_config_resources_response::ListConfigResourcesResponseData, list_offsets_request::ListOffsetsRequestData,
    list_offsets_response::ListOffsetsResponseData, metadata_request::MetadataRequestData, metadata_response::MetadataResponseData,
    offset_for_leader_epoch_request::OffsetForLeaderEpochRequestData, offset_for_leader_epoch_response::OffsetForLeaderEpochResponseData,
    produce_request::ProduceRequestData, produce_response::ProduceResponseData,
};
pub use kacrab_protocol::{KafkaString, KafkaUuid, RawTaggedField};

use crate::ids::Uuid;

impl From<Uuid> for KafkaUuid {
    fn from(id: Uuid) -> KafkaUuid {
        let halves = u128::from_be_bytes(id.0);
        KafkaUuid::from_parts((halves >> 64) as u64, halves as u64)
    }
}

impl From<KafkaUuid> for Uuid {
    fn from(id: KafkaUuid) -> Uuid {
        Uuid(id.to_bytes())
    }
}

/// A string of the wire.
pub fn text(text: &str) -> KafkaString {
    KafkaString::from(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_keep_their_bytes_through_the_codec() {
        let id = Uuid([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255]);
        assert_eq!(Uuid::from(KafkaUuid::from(id)), id);
        assert_eq!(KafkaUuid::from(id).to_string(), id.to_string());
    }
}
