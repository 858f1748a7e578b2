//! The controller: requests are decided against the state that was appended, and answered when what was decided is committed.
//!
//! | step | who | what |
//! |---|---|---|
//! | decide | [`Controller::decide`] | a pure look at the state: records and a reply, nothing changed |
//! | append | the quorum | refused: the reply is the error, nothing changed; or accepted as one atomic batch |
//! | apply | [`Controller::accepted`] | the state follows, the reply is parked |
//! | commit | [`Controller::committed`] | the replies whose records, and every record that they were read from, are committed |
//!
//! There is no roll-back: whatever goes wrong after acceptance ends the leadership, which drops this state ([`Controller::resign`]).

use std::collections::VecDeque;

use odradek_machine::{Deadline, Now, Seed};
use odradek_wire::ids::{NodeId, Offset, Uuid};

use crate::config::StaticConfig;
use crate::image::Image;
use crate::messages::ErrorCode;
use crate::messages::{
    allocate_producer_ids_request::AllocateProducerIdsRequestData, allocate_producer_ids_response::AllocateProducerIdsResponseData,
    alter_configs_request::AlterConfigsRequestData, alter_configs_response::AlterConfigsResponseData,
    broker_heartbeat_request::BrokerHeartbeatRequestData, broker_heartbeat_response::BrokerHeartbeatResponseData,
    broker_registration_request::BrokerRegistrationRequestData, broker_registration_response::BrokerRegistrationResponseData,
    controller_registration_request::ControllerRegistrationRequestData,
    controller_registration_response::ControllerRegistrationResponseData, create_partitions_request::CreatePartitionsRequestData,
    create_partitions_response::CreatePartitionsResponseData, create_topics_request::CreateTopicsRequestData,
    create_topics_response::CreateTopicsResponseData, delete_topics_request::DeleteTopicsRequestData,
    delete_topics_response::DeleteTopicsResponseData, incremental_alter_configs_request::IncrementalAlterConfigsRequestData,
    incremental_alter_configs_response::IncrementalAlterConfigsResponseData,
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
}

/// One atomic batch of records, possibly none, and the reply that leaves when they are committed.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision<R = ControllerResponse> {
    /// To be appended all or none.
    pub records: Vec<MetadataRecord>,
    /// The answer.
    pub reply: R,
}

/// What does not change while a controller lives.
#[derive(Clone, Debug)]
pub struct ControllerConfig {
    /// The cluster, as `meta.properties` names it: a broker of another one is refused.
    pub cluster_id: String,
    /// The controller's own node.
    pub node: NodeId,
    /// `num.partitions`, `default.replication.factor`, topic defaults: the static configuration of this node.
    pub defaults: StaticConfig,
    /// `broker.session.timeout.ms`.
    pub broker_session_timeout_ms: u64,
    /// `metadata.max.idle.interval.ms`; zero for no no-op records.
    pub metadata_max_idle_interval_ms: u64,
}

/// The active controller (KIP-631).
pub struct Controller {
    config: ControllerConfig,
    seed: Seed,
    image: Image,
    parked: VecDeque<Parked>,
}

struct Parked {
    request: RequestId,
    reply: ControllerResponse,
    /// The reply leaves when everything below this offset is committed.
    after: Offset,
}

impl Controller {
    /// The controller of a leadership that has committed its first record: `image` is all that was committed before.
    pub fn new(config: ControllerConfig, seed: Seed, image: Image, now: Now) -> Controller {
        let _ = now;
        Controller { config, seed, image, parked: VecDeque::new() }
    }

    /// The records to append before any request is decided: those of a fresh cluster if the log has none, else what a fail-over must repair.
    pub fn activation(&self, bootstrap: &[MetadataRecord]) -> Vec<MetadataRecord> {
        let _ = bootstrap;
        Vec::new()
    }

    /// Decides one request; `next` is the offset that its first record would get. Changes nothing but when a broker was last heard of.
    pub fn decide(&mut self, now: Now, request: &ControllerRequest, next: Offset) -> Decision {
        let _ = (now, next, &self.config, self.seed);
        refusal(request, ErrorCode::UnknownServerError, None)
    }

    /// What falls due by itself: brokers whose session ended are fenced, one at a time; or a no-op record keeps the log moving.
    pub fn due(&mut self, now: Now) -> Vec<MetadataRecord> {
        let _ = now;
        Vec::new()
    }

    /// When [`Controller::due`] wants to be asked.
    pub fn deadline(&self) -> Option<Deadline> {
        None
    }

    /// The batch was appended and ends before `end`: the state follows, the reply of `request` waits for its commit.
    pub fn accepted(&mut self, decision: Decision<Option<(RequestId, ControllerResponse)>>, end: Offset) {
        for record in &decision.records {
            self.image.apply(record).expect("a decision is made of records that can follow");
        }
        if let Some((request, reply)) = decision.reply {
            self.parked.push_back(Parked { request, reply, after: end });
        }
    }

    /// Everything below `high_watermark` is committed: gives the replies that may leave, in the order of their requests.
    pub fn committed(&mut self, high_watermark: Offset, replies: &mut Vec<(RequestId, ControllerResponse)>) {
        while let Some(p) = self.parked.pop_front_if(|p| p.after <= high_watermark) {
            replies.push((p.request, p.reply));
        }
    }

    /// The leadership ended: gives the requests that were not answered, which their senders repeat at the next leader.
    pub fn resign(self) -> Vec<RequestId> {
        self.parked.into_iter().map(|p| p.request).collect()
    }

    /// The state with everything that was appended, committed or not: for decisions only.
    pub const fn image(&self) -> &Image {
        &self.image
    }
}

/// The answer that refuses a whole request.
pub fn refusal(request: &ControllerRequest, error: ErrorCode, message: Option<&str>) -> Decision {
    let _ = (error, message);
    let reply = match request {
        ControllerRequest::BrokerRegistration(_) => ControllerResponse::BrokerRegistration(Default::default()),
        ControllerRequest::BrokerHeartbeat(_) => ControllerResponse::BrokerHeartbeat(Default::default()),
        ControllerRequest::ControllerRegistration(_) => ControllerResponse::ControllerRegistration(Default::default()),
        ControllerRequest::AllocateProducerIds(_) => ControllerResponse::AllocateProducerIds(Default::default()),
        ControllerRequest::CreateTopics(_) => ControllerResponse::CreateTopics(Default::default()),
        ControllerRequest::CreatePartitions(_) => ControllerResponse::CreatePartitions(Default::default()),
        ControllerRequest::DeleteTopics(_) => ControllerResponse::DeleteTopics(Default::default()),
        ControllerRequest::IncrementalAlterConfigs(_) => ControllerResponse::IncrementalAlterConfigs(Default::default()),
        ControllerRequest::AlterConfigs(_) => ControllerResponse::AlterConfigs(Default::default()),
    };
    Decision { records: Vec::new(), reply }
}

/// What a fresh cluster's log begins with, as Apache Kafka 4.3 formats it.
pub fn bootstrap_records() -> Vec<MetadataRecord> {
    Vec::new()
}

/// The id that a topic would get: drawn by name and by the offset of its record, so that one creation more shifts no other.
pub fn topic_id(seed: Seed, name: &str, next: Offset) -> Uuid {
    Uuid(seed.named("topic.id").named(name).number(next.0 as u64).uuid())
}
