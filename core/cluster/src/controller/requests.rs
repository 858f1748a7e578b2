//! What a controller may be asked, and what it answers.

use crate::messages::{
    AllocateProducerIdsRequestData, AllocateProducerIdsResponseData, AlterConfigsRequestData, AlterConfigsResponseData,
    AssignReplicasToDirsRequestData, AssignReplicasToDirsResponseData, BrokerHeartbeatRequestData, BrokerHeartbeatResponseData,
    BrokerRegistrationRequestData, BrokerRegistrationResponseData, ControllerRegistrationRequestData, ControllerRegistrationResponseData,
    CreatePartitionsRequestData, CreatePartitionsResponseData, CreateTopicsRequestData, CreateTopicsResponseData, DeleteTopicsRequestData,
    DeleteTopicsResponseData, IncrementalAlterConfigsRequestData, IncrementalAlterConfigsResponseData,
};
use crate::record::MetadataRecord;

/// Ties a reply to its request; chosen by the host of the controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// What a controller may be asked.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "each variant is the request of its name")]
pub enum ControllerRequest {
    BrokerRegistration(BrokerRegistrationRequestData),
    BrokerHeartbeat(BrokerHeartbeatRequestData),
    ControllerRegistration(ControllerRegistrationRequestData),
    AllocateProducerIds(AllocateProducerIdsRequestData),
    CreateTopics(CreateTopicsRequestData),
    CreatePartitions(CreatePartitionsRequestData),
    DeleteTopics(DeleteTopicsRequestData),
    IncrementalAlterConfigs(IncrementalAlterConfigsRequestData),
    AlterConfigs(AlterConfigsRequestData),
    AssignReplicasToDirs(AssignReplicasToDirsRequestData),
}

/// What a controller answers.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "each variant is the response of its name")]
pub enum ControllerResponse {
    BrokerRegistration(BrokerRegistrationResponseData),
    BrokerHeartbeat(BrokerHeartbeatResponseData),
    ControllerRegistration(ControllerRegistrationResponseData),
    AllocateProducerIds(AllocateProducerIdsResponseData),
    CreateTopics(CreateTopicsResponseData),
    CreatePartitions(CreatePartitionsResponseData),
    DeleteTopics(DeleteTopicsResponseData),
    IncrementalAlterConfigs(IncrementalAlterConfigsResponseData),
    AlterConfigs(AlterConfigsResponseData),
    AssignReplicasToDirs(AssignReplicasToDirsResponseData),
}

/// One atomic batch of records, possibly none, and the reply that leaves when they are committed.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// To be appended all or none.
    pub records: Vec<MetadataRecord>,
    /// The answer.
    pub reply: ControllerResponse,
}
