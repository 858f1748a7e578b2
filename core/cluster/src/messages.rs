//! The messages that the controller answers, by Kafka's names.

pub use odradek_wire::error::ErrorCode;
pub use odradek_wire::messages::{
    AllocateProducerIdsRequestData, AllocateProducerIdsResponseData, AlterConfigsRequestData, AlterConfigsResponseData,
    AssignReplicasToDirsRequestData, AssignReplicasToDirsResponseData, BrokerHeartbeatRequestData, BrokerHeartbeatResponseData,
    BrokerRegistrationRequestData, BrokerRegistrationResponseData, ControllerRegistrationRequestData, ControllerRegistrationResponseData,
    CreatePartitionsRequestData, CreatePartitionsResponseData, CreateTopicsRequestData, CreateTopicsResponseData, DeleteTopicsRequestData,
    DeleteTopicsResponseData, IncrementalAlterConfigsRequestData, IncrementalAlterConfigsResponseData, KafkaString, KafkaUuid, text,
};
pub use odradek_wire::messages::{
    alter_configs_request, alter_configs_response, assign_replicas_to_dirs_request, assign_replicas_to_dirs_response,
    broker_registration_request, controller_registration_request, create_partitions_request, create_partitions_response,
    create_topics_request, create_topics_response, delete_topics_request, delete_topics_response, incremental_alter_configs_request,
    incremental_alter_configs_response,
};
