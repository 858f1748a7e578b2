//! The controller: requests are decided against the state that was appended, and answered when what was decided is committed.
//!
//! | step | who | what |
//! |---|---|---|
//! | decide | [`Controller::decide`] | a look at the state: records and a reply, nothing changed |
//! | append | the quorum | refused: the reply is the error, nothing changed; or accepted as one atomic batch |
//! | apply | [`Controller::accepted`] | the state follows, the reply is parked |
//! | commit | [`Controller::committed`] | the replies whose records, and every record that they were read from, are committed |
//!
//! There is no roll-back: whatever goes wrong after acceptance ends the leadership, which drops this state ([`Controller::resign`]).

mod bootstrap;
mod brokers;
mod configs;
mod delete;
mod directories;
mod elect;
mod names;
mod partitions;
mod place;
mod refusal;
mod requests;
mod sessions;
#[cfg(test)]
mod tests;
mod topics;

use std::collections::VecDeque;

use odradek_machine::{Deadline, Mono, Now, Seed};
use odradek_wire::ids::{BrokerEpoch, NodeId, Offset, Uuid};

use crate::config::StaticConfig;
use crate::image::{Changed, Image};
use crate::messages::{AllocateProducerIdsRequestData, AllocateProducerIdsResponseData, ErrorCode};
use crate::record::{AbortTransactionRecord, MetadataRecord, NoOpRecord, ProducerIdsRecord};
use sessions::Sessions;

pub use bootstrap::{METADATA_VERSION_LATEST, SUPPORTED_FEATURES, SupportedFeature, bootstrap_records};
pub use configs::apply_operation;
pub use names::check_topic_name;
pub use refusal::{Refusal, refuse};
pub use requests::{ControllerRequest, ControllerResponse, Decision, RequestId};

/// The feature that keeps eligible leader replicas (KIP-966).
const ELR_FEATURE: &str = "eligible.leader.replicas.version";
/// 3.6-IV0: from here on a smaller ISR needs no leader epoch of its own (KAFKA-15021).
const LEADER_EPOCH_ON_SHRINK_UNTIL: i16 = 12;
/// 3.7-IV0: controllers register (KIP-919).
const CONTROLLER_REGISTRATION_SINCE: i16 = 15;
/// 3.7-IV2: replicas are assigned to log directories (KIP-858).
const DIRECTORIES_SINCE: i16 = 17;
/// 4.3-IV0: log directories can be cordoned (KIP-1066).
const CORDONED_SINCE: i16 = 30;
/// How many producer ids one broker gets at a time.
const PRODUCER_IDS_PER_BLOCK: i64 = 1000;
/// The most partitions that one request creates.
const PARTITIONS_PER_REQUEST_MAX: i64 = 10_000;
/// The most records that one request writes: they are one batch.
const RECORDS_PER_REQUEST_MAX: usize = 10_000;

/// What does not change while a controller lives.
#[derive(Clone, Debug)]
pub struct ControllerConfig {
    /// The cluster, as `meta.properties` names it: a broker of another one is refused.
    pub cluster_id: String,
    /// The controller's own node.
    pub node: NodeId,
    /// The static configuration of this node: defaults of topics among it.
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
    sessions: Sessions,
    parked: VecDeque<Parked>,
    /// The end of the last batch that was accepted.
    appended_end: Offset,
    committed_end: Offset,
    idle_since: Mono,
}

struct Parked {
    request: RequestId,
    reply: ControllerResponse,
    /// The reply leaves when everything below this offset is committed.
    after: Offset,
}

impl Controller {
    /// The controller of a leadership that has committed its first record: `image` is all that was committed before, below `log_end`.
    pub fn new(config: ControllerConfig, seed: Seed, image: Image, log_end: Offset, now: Now) -> Controller {
        let sessions = Sessions::new(config.broker_session_timeout_ms, config.node, &image, now.mono);
        Controller {
            config,
            seed,
            image,
            sessions,
            parked: VecDeque::new(),
            appended_end: log_end,
            committed_end: log_end,
            idle_since: now.mono,
        }
    }

    /// The batch to append before anything is decided, to be handed to [`Controller::accepted`] like a decision; empty if none is needed.
    ///
    /// A log without a finalized `metadata.version` is fresh: it gets the bootstrap records. A transaction that the leader before left open is aborted.
    pub fn activation(&self, bootstrap: &[MetadataRecord], open_transaction: bool) -> Vec<MetadataRecord> {
        let abort = || MetadataRecord::AbortTransaction(AbortTransactionRecord { reason: Some("Controller failover".to_owned()) });
        let mut records: Vec<_> = open_transaction.then(abort).into_iter().collect();
        if self.image.metadata_version() == 0 {
            records.extend(bootstrap::first_batch(bootstrap, self.config.defaults.long("min.insync.replicas")));
        }
        records
    }

    /// Decides one request; `next` is the offset that its first record would get. Changes nothing but when a broker was last heard of.
    ///
    /// A decision without records is answered when everything that it was read from is committed: hand it to [`Controller::accepted`] too.
    pub fn decide(&mut self, now: Now, request: &ControllerRequest, next: Offset) -> Decision {
        let decision = match request {
            ControllerRequest::BrokerRegistration(r) => self.register_broker(now, r, next),
            ControllerRequest::BrokerHeartbeat(r) => self.heartbeat(now, r),
            ControllerRequest::ControllerRegistration(r) => self.register_controller(r),
            ControllerRequest::AllocateProducerIds(r) => self.allocate_producer_ids(r),
            ControllerRequest::CreateTopics(r) => self.create_topics(r, next),
            ControllerRequest::CreatePartitions(r) => self.create_partitions(r, next),
            ControllerRequest::DeleteTopics(r) => self.delete_topics(r),
            ControllerRequest::IncrementalAlterConfigs(r) => Ok(self.incremental_alter_configs(r)),
            ControllerRequest::AlterConfigs(r) => Ok(self.alter_configs(r)),
            ControllerRequest::AssignReplicasToDirs(r) => self.assign_replicas_to_dirs(r),
        };
        decision.unwrap_or_else(|why| refuse(request, &why))
    }

    /// What falls due by itself: a broker whose session ended is fenced, one at a time; or a no-op record keeps the log moving.
    ///
    /// The records are to be appended as one batch and handed to [`Controller::accepted`] without a reply.
    pub fn due(&mut self, now: Now) -> Vec<MetadataRecord> {
        let fenced = self.fence_expired(now);
        if !fenced.is_empty() {
            return fenced;
        }
        if self.idle_at().is_some_and(|at| at <= now.mono) {
            return vec![MetadataRecord::NoOp(NoOpRecord {})];
        }
        Vec::new()
    }

    /// When [`Controller::due`] wants to be asked.
    pub fn deadline(&self) -> Option<Deadline> {
        let idle = self.idle_at().map(|at| Deadline { at, why: "metadata no-op" });
        let session = self.sessions.first_to_expire(&self.image).map(|(at, _)| Deadline { at, why: "broker session" });
        Deadline::earliest(idle, session)
    }

    /// The batch was appended at `base`: the state follows, the reply waits for its commit, and for that of everything before.
    pub fn accepted(&mut self, now: Now, records: &[MetadataRecord], base: Offset, reply: Option<(RequestId, ControllerResponse)>) {
        let end = base.plus(records.len() as i64);
        assert!(base >= self.appended_end, "a batch at {base:?} below the end {:?} of those before", self.appended_end);
        for (i, record) in (0..).zip(records) {
            let changed = self.image.apply(record).expect("a decision is made of records that can follow");
            self.follow(now, record, &changed, base.plus(i), end);
        }
        if !records.is_empty() {
            self.appended_end = end;
            self.idle_since = now.mono;
        }
        if let Some((request, reply)) = reply {
            self.parked.push_back(Parked { request, reply, after: self.appended_end });
        }
    }

    /// Everything below `high_watermark` is committed: gives the replies that may leave, in the order of their requests.
    pub fn committed(&mut self, high_watermark: Offset, replies: &mut Vec<(RequestId, ControllerResponse)>) {
        assert!(high_watermark >= self.committed_end, "committed end {:?} falls to {high_watermark:?}", self.committed_end);
        self.committed_end = high_watermark;
        self.release(replies);
    }

    /// Gives the replies that wait for nothing: after a decision without records, when everything is committed already.
    pub fn release(&mut self, replies: &mut Vec<(RequestId, ControllerResponse)>) {
        while let Some(p) = self.parked.pop_front_if(|p| p.after <= self.committed_end) {
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

    /// Every invariant that can be seen from inside.
    pub fn check(&self) {
        assert!(self.committed_end <= self.appended_end || self.parked.is_empty(), "replies wait for what is committed");
        for broker in self.image.brokers() {
            let session = self.sessions.get(broker.id).unwrap_or_else(|| panic!("broker {:?} has no session", broker.id));
            assert_eq!(session.epoch, broker.epoch, "the session of broker {:?} is of another registration", broker.id);
        }
    }

    fn follow(&mut self, now: Now, record: &MetadataRecord, changed: &Changed, at: Offset, end: Offset) {
        match (record, changed) {
            (MetadataRecord::RegisterBroker(r), Changed::Broker(id)) => {
                self.sessions.registered(*id, BrokerEpoch(r.broker_epoch), at, now.mono);
            }
            (MetadataRecord::UnregisterBroker(_), Changed::Broker(id)) => self.sessions.unregistered(*id),
            (MetadataRecord::BrokerRegistrationChange(r), Changed::Broker(id)) if r.in_controlled_shutdown == 1 => {
                self.sessions.shutting_down(*id, end);
            }
            _ => {}
        }
    }

    fn idle_at(&self) -> Option<Mono> {
        let interval_ms = self.config.metadata_max_idle_interval_ms;
        (interval_ms > 0).then(|| self.idle_since.plus_ms(interval_ms))
    }

    fn allocate_producer_ids(&self, r: &AllocateProducerIdsRequestData) -> Result<Decision, Refusal> {
        self.check_broker_epoch(NodeId(r.broker_id), BrokerEpoch(r.broker_epoch))?;
        let first = self.image.next_producer_id();
        let Some(next_producer_id) = first.checked_add(PRODUCER_IDS_PER_BLOCK) else {
            let message = "Exhausted all producerIds as the next block's end producerId has exceeded the int64 type limit";
            return Err(Refusal::new(ErrorCode::UnknownServerError, message));
        };
        let record = ProducerIdsRecord { broker_id: r.broker_id, broker_epoch: r.broker_epoch, next_producer_id };
        let reply = AllocateProducerIdsResponseData {
            producer_id_start: first,
            producer_id_len: PRODUCER_IDS_PER_BLOCK as i32,
            ..Default::default()
        };
        Ok(Decision { records: vec![MetadataRecord::ProducerIds(record)], reply: ControllerResponse::AllocateProducerIds(reply) })
    }
}

/// The id that a topic gets: drawn by name and by the offset of its record, so that one creation more shifts no other.
fn topic_id(seed: Seed, name: &str, next: Offset, attempt: u64) -> Uuid {
    Uuid(seed.named("topic.id").named(name).number(next.0 as u64).number(attempt).uuid())
}
