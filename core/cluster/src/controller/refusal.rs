//! A refusal in Kafka's words, and the answers that carry one.

use super::{ControllerRequest, ControllerResponse, Decision};
use crate::config::ConfigError;
use crate::messages::{
    AllocateProducerIdsResponseData, AlterConfigsResponseData, AssignReplicasToDirsResponseData, BrokerHeartbeatResponseData,
    BrokerRegistrationResponseData, ControllerRegistrationResponseData, CreatePartitionsResponseData, CreateTopicsResponseData,
    DeleteTopicsResponseData, ErrorCode, IncrementalAlterConfigsResponseData, KafkaString, KafkaUuid, alter_configs_response,
    create_partitions_response, create_topics_response, delete_topics_response, incremental_alter_configs_response, text,
};

/// Why a request, or a part of one, is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The protocol's code.
    pub error: ErrorCode,
    /// Kafka's sentence; some refusals have none.
    pub message: Option<String>,
}

impl Refusal {
    /// A refusal with a sentence.
    pub fn new(error: ErrorCode, message: impl Into<String>) -> Refusal {
        Refusal { error, message: Some(message.into()) }
    }

    /// A refusal whose code says everything.
    pub const fn bare(error: ErrorCode) -> Refusal {
        Refusal { error, message: None }
    }

    pub(super) fn message(&self) -> Option<KafkaString> {
        self.message.as_deref().map(text)
    }
}

impl From<ConfigError> for Refusal {
    fn from(wrong: ConfigError) -> Refusal {
        Refusal::new(ErrorCode::InvalidConfig, wrong.message)
    }
}

/// The answer that refuses a whole request, in each of its parts where the answer has no place for the whole.
pub fn refuse(request: &ControllerRequest, why: &Refusal) -> Decision {
    let error_code = why.error.code();
    let reply = match request {
        ControllerRequest::BrokerRegistration(_) => {
            ControllerResponse::BrokerRegistration(BrokerRegistrationResponseData { error_code, ..Default::default() })
        }
        ControllerRequest::BrokerHeartbeat(_) => {
            ControllerResponse::BrokerHeartbeat(BrokerHeartbeatResponseData { error_code, ..Default::default() })
        }
        ControllerRequest::ControllerRegistration(_) => ControllerResponse::ControllerRegistration(ControllerRegistrationResponseData {
            error_code,
            error_message: why.message(),
            ..Default::default()
        }),
        ControllerRequest::AllocateProducerIds(_) => {
            ControllerResponse::AllocateProducerIds(AllocateProducerIdsResponseData { error_code, ..Default::default() })
        }
        ControllerRequest::CreateTopics(r) => {
            let topics = r.topics.iter().map(|t| create_topic_refused(&t.name, why)).collect();
            ControllerResponse::CreateTopics(CreateTopicsResponseData { topics, ..Default::default() })
        }
        ControllerRequest::CreatePartitions(r) => {
            let results = r.topics.iter().map(|t| create_partitions_result(&t.name, Some(why))).collect();
            ControllerResponse::CreatePartitions(CreatePartitionsResponseData { results, ..Default::default() })
        }
        ControllerRequest::DeleteTopics(r) => {
            let by_name = r.topic_names.iter().map(|n| delete_topic_result(Some(n), KafkaUuid::ZERO, Some(why)));
            let by_state = r.topics.iter().map(|t| delete_topic_result(t.name.as_ref(), t.topic_id, Some(why)));
            let responses = by_name.chain(by_state).collect();
            ControllerResponse::DeleteTopics(DeleteTopicsResponseData { responses, ..Default::default() })
        }
        ControllerRequest::IncrementalAlterConfigs(r) => {
            let responses = r.resources.iter().map(|r| incremental_result(r.resource_type, &r.resource_name, Some(why))).collect();
            ControllerResponse::IncrementalAlterConfigs(IncrementalAlterConfigsResponseData { responses, ..Default::default() })
        }
        ControllerRequest::AlterConfigs(r) => {
            let responses = r.resources.iter().map(|r| legacy_result(r.resource_type, &r.resource_name, Some(why))).collect();
            ControllerResponse::AlterConfigs(AlterConfigsResponseData { responses, ..Default::default() })
        }
        ControllerRequest::AssignReplicasToDirs(_) => {
            ControllerResponse::AssignReplicasToDirs(AssignReplicasToDirsResponseData { error_code, ..Default::default() })
        }
    };
    Decision { records: Vec::new(), reply }
}

pub(super) fn create_topic_refused(name: &KafkaString, why: &Refusal) -> create_topics_response::CreatableTopicResult {
    create_topics_response::CreatableTopicResult {
        name: name.clone(),
        error_code: why.error.code(),
        error_message: why.message(),
        configs: Some(Vec::new()),
        ..Default::default()
    }
}

pub(super) fn create_partitions_result(
    name: &KafkaString,
    why: Option<&Refusal>,
) -> create_partitions_response::CreatePartitionsTopicResult {
    create_partitions_response::CreatePartitionsTopicResult {
        name: name.clone(),
        error_code: why.map_or(0, |w| w.error.code()),
        error_message: why.and_then(Refusal::message),
        ..Default::default()
    }
}

pub(super) fn delete_topic_result(
    name: Option<&KafkaString>,
    topic_id: KafkaUuid,
    why: Option<&Refusal>,
) -> delete_topics_response::DeletableTopicResult {
    delete_topics_response::DeletableTopicResult {
        name: name.cloned(),
        topic_id,
        error_code: why.map_or(0, |w| w.error.code()),
        error_message: why.and_then(Refusal::message),
        ..Default::default()
    }
}

pub(super) fn incremental_result(
    resource_type: i8,
    resource_name: &KafkaString,
    why: Option<&Refusal>,
) -> incremental_alter_configs_response::AlterConfigsResourceResponse {
    incremental_alter_configs_response::AlterConfigsResourceResponse {
        error_code: why.map_or(0, |w| w.error.code()),
        error_message: why.and_then(Refusal::message),
        resource_type,
        resource_name: resource_name.clone(),
        ..Default::default()
    }
}

pub(super) fn legacy_result(
    resource_type: i8,
    resource_name: &KafkaString,
    why: Option<&Refusal>,
) -> alter_configs_response::AlterConfigsResourceResponse {
    alter_configs_response::AlterConfigsResourceResponse {
        error_code: why.map_or(0, |w| w.error.code()),
        error_message: why.and_then(Refusal::message),
        resource_type,
        resource_name: resource_name.clone(),
        ..Default::default()
    }
}
