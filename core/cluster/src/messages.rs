//! The messages that the controller answers, by Kafka's names.

pub use odradek_wire::error::ErrorCode;
pub use odradek_wire::messages::{
    AlterConfigsRequestData, AlterConfigsResponseData, CreatePartitionsRequestData, CreatePartitionsResponseData, CreateTopicsRequestData,
    CreateTopicsResponseData, DeleteTopicsRequestData, DeleteTopicsResponseData, IncrementalAlterConfigsRequestData,
    IncrementalAlterConfigsResponseData, KafkaString, KafkaUuid, text,
};
pub use odradek_wire::messages::{
    alter_configs_request, alter_configs_response, create_partitions_request, create_partitions_response, create_topics_request,
    create_topics_response, delete_topics_request, delete_topics_response, incremental_alter_configs_request,
    incremental_alter_configs_response,
};

pub use kacrab_protocol::generated::{
    allocate_producer_ids_request, allocate_producer_ids_response, broker_heartbeat_request, broker_heartbeat_response,
    broker_registration_request, broker_registration_response, controller_registration_request, controller_registration_response,
};
pub use kacrab_protocol::generated::{
    allocate_producer_ids_request::AllocateProducerIdsRequestData, allocate_producer_ids_response::AllocateProducerIdsResponseData,
    broker_heartbeat_request::BrokerHeartbeatRequestData, broker_heartbeat_response::BrokerHeartbeatResponseData,
    broker_registration_request::BrokerRegistrationRequestData, broker_registration_response::BrokerRegistrationResponseData,
    controller_registration_request::ControllerRegistrationRequestData,
    controller_registration_response::ControllerRegistrationResponseData,
};
