//! Brokers come, say that they are alive, hand over, and go.

use odradek_machine::Now;
use odradek_wire::ids::{BrokerEpoch, NodeId, Offset, Uuid};

use super::elect::{Situation, change};
use super::{
    CONTROLLER_REGISTRATION_SINCE, CORDONED_SINCE, Controller, ControllerResponse, DIRECTORIES_SINCE, Decision, ELR_FEATURE,
    LEADER_EPOCH_ON_SHRINK_UNTIL, Refusal,
};
use crate::config::{NodeView, TopicConfig};
use crate::image::{Broker, METADATA_VERSION, Partition, Resource, Topic};
use crate::messages::{
    BrokerHeartbeatRequestData, BrokerHeartbeatResponseData, BrokerRegistrationRequestData, BrokerRegistrationResponseData,
    ControllerRegistrationRequestData, ControllerRegistrationResponseData, ErrorCode, broker_registration_request::Feature,
};
use crate::record::{
    BrokerEndpoint, BrokerFeature, BrokerRegistrationChangeRecord, ControllerEndpoint, ControllerFeature, MetadataRecord,
    RegisterBrokerRecord, RegisterControllerRecord,
};

/// The state of a broker as its heartbeats see it.
///
/// | from | to | trigger |
/// |---|---|---|
/// | Fenced | Unfenced | it wants to, and has read its own registration |
/// | Unfenced | Fenced | it wants to, or its session ended |
/// | Unfenced | ControlledShutdown | it wants to stop and leads partitions |
/// | Fenced, Unfenced | ShutdownNow | it wants to stop and leads nothing |
/// | ControlledShutdown | ShutdownNow | it leads nothing, and every active broker has read so |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Fenced,
    Unfenced,
    ControlledShutdown,
    ShutdownNow,
}

/// Which broker a batch of partition changes is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum About {
    /// It leaves every ISR and leadership, in good order or unreachable: what it holds counts still.
    Leaves(NodeId),
    /// It lost what it had not synced: it leaves ISR and ELR alike.
    StoppedUncleanly(NodeId),
    /// It may lead again.
    Returns(NodeId),
}

impl Controller {
    pub(super) fn register_broker(&self, now: Now, r: &BrokerRegistrationRequestData, next: Offset) -> Result<Decision, Refusal> {
        let id = NodeId(r.broker_id);
        let existing = self.image.broker(id);
        let incarnation_id = Uuid::from(r.incarnation_id);
        let amends = existing.is_some_and(|b| b.incarnation_id == incarnation_id);
        self.check_registration(now, r, existing.map(AsRef::as_ref), amends)?;
        let mut record = RegisterBrokerRecord {
            broker_id: id.0,
            incarnation_id,
            broker_epoch: next.0,
            end_points: r.listeners.iter().map(endpoint_record).collect(),
            features: self.features_of(r)?,
            rack: r.rack.as_ref().map(ToString::to_string),
            fenced: true,
            log_dirs: if self.since(DIRECTORIES_SINCE) { r.log_dirs.iter().copied().map(Uuid::from).collect() } else { Vec::new() },
            ..Default::default()
        };
        let mut records = Vec::new();
        if let (Some(existing), true) = (existing, amends) {
            record.fenced = existing.fenced;
            record.in_controlled_shutdown = existing.in_controlled_shutdown;
            record.broker_epoch = existing.epoch.0;
        } else {
            // The registration comes last, so that a leader who dies between batches leaves a broker that registers again.
            let clean = existing.is_some_and(|b| b.epoch.0 == r.previous_broker_epoch);
            let about = if self.elr() && !clean { About::StoppedUncleanly(id) } else { About::Leaves(id) };
            self.change_partitions(about, &mut records);
        }
        let broker_epoch = record.broker_epoch;
        records.push(MetadataRecord::RegisterBroker(record));
        let reply = BrokerRegistrationResponseData { broker_epoch, ..Default::default() };
        Ok(Decision { records, reply: ControllerResponse::BrokerRegistration(reply) })
    }

    fn check_registration(
        &self,
        now: Now,
        r: &BrokerRegistrationRequestData,
        existing: Option<&Broker>,
        amends: bool,
    ) -> Result<(), Refusal> {
        let invalid = |message: String| Refusal::new(ErrorCode::InvalidRegistration, message);
        if r.cluster_id.as_str() != self.config.cluster_id {
            let message = format!("Expected cluster ID {}, but got cluster ID {}", self.config.cluster_id, r.cluster_id.as_str());
            return Err(Refusal::new(ErrorCode::InconsistentClusterId, message));
        }
        if existing.is_some_and(|b| !amends && self.sessions.is_alive(b.id, b.epoch, now.mono)) {
            let message = "Another broker is registered with that broker id. If the broker was recently restarted this should self-resolve once the \
                           heartbeat manager expires the broker's session.";
            return Err(Refusal::new(ErrorCode::DuplicateBrokerRegistration, message));
        }
        if r.is_migrating_zk_broker {
            return Err(Refusal::new(ErrorCode::BrokerIdNotRegistered, "Controller does not support registering ZK brokers."));
        }
        if !self.since(DIRECTORIES_SINCE) {
            return Ok(());
        }
        let dirs: Vec<Uuid> = r.log_dirs.iter().copied().map(Uuid::from).collect();
        if dirs.is_empty() {
            return Err(invalid("No directories specified in request".to_owned()));
        }
        if dirs.iter().any(|d| is_reserved(*d)) {
            return Err(invalid("Reserved directory ID in request".to_owned()));
        }
        if dirs.iter().enumerate().any(|(i, d)| dirs[..i].contains(d)) {
            return Err(invalid("Duplicate directory ID in request".to_owned()));
        }
        let elsewhere = |d: &Uuid| self.image.brokers().find(|b| b.id.0 != r.broker_id && b.log_dirs.contains(d)).map(|b| (b.id.0, *d));
        match dirs.iter().find_map(elsewhere) {
            Some((other, dir)) => Err(invalid(format!("Broker {other} is already registered with directory {dir}"))),
            None => Ok(()),
        }
    }

    /// Every finalized level must lie within what the broker supports.
    fn features_of(&self, r: &BrokerRegistrationRequestData) -> Result<Vec<BrokerFeature>, Refusal> {
        for f in &r.features {
            self.check_feature(f.name.as_str(), f.min_supported_version, f.max_supported_version)?;
        }
        if !r.features.iter().any(|f| f.name.as_str() == METADATA_VERSION) {
            let message = format!("Request features do not contain '{METADATA_VERSION}'");
            return Err(Refusal::new(ErrorCode::InvalidRegistration, message));
        }
        for (name, level) in self.image.features() {
            if level != 0 && !r.features.iter().any(|f| f.name.as_str() == name) {
                self.check_feature(name, 0, 0)?;
            }
        }
        let record = |f: &Feature| BrokerFeature {
            name: f.name.to_string(),
            min_supported_version: f.min_supported_version,
            max_supported_version: f.max_supported_version,
        };
        Ok(r.features.iter().map(record).collect())
    }

    fn check_feature(&self, name: &str, min: i16, max: i16) -> Result<(), Refusal> {
        let level = self.image.feature(name);
        if (min..=max).contains(&level) {
            return Ok(());
        }
        let message = format!(
            "Unable to register because the broker does not support finalized version {level} of {name}. The broker wants a version between {min} \
             and {max}, inclusive."
        );
        Err(Refusal::new(ErrorCode::UnsupportedVersion, message))
    }

    pub(super) fn register_controller(&self, r: &ControllerRegistrationRequestData) -> Result<Decision, Refusal> {
        if !self.since(CONTROLLER_REGISTRATION_SINCE) {
            let message = "The current MetadataVersion is too old to support controller registrations.";
            return Err(Refusal::new(ErrorCode::UnsupportedVersion, message));
        }
        let record = RegisterControllerRecord {
            controller_id: r.controller_id,
            incarnation_id: r.incarnation_id.into(),
            zk_migration_ready: false,
            end_points: r
                .listeners
                .iter()
                .map(|l| ControllerEndpoint {
                    name: l.name.to_string(),
                    host: l.host.to_string(),
                    port: l.port,
                    security_protocol: l.security_protocol,
                })
                .collect(),
            features: r
                .features
                .iter()
                .map(|f| ControllerFeature {
                    name: f.name.to_string(),
                    min_supported_version: f.min_supported_version,
                    max_supported_version: f.max_supported_version,
                })
                .collect(),
        };
        let reply = ControllerResponse::ControllerRegistration(ControllerRegistrationResponseData::default());
        Ok(Decision { records: vec![MetadataRecord::RegisterController(record)], reply })
    }

    pub(super) fn heartbeat(&mut self, now: Now, r: &BrokerHeartbeatRequestData) -> Result<Decision, Refusal> {
        let id = NodeId(r.broker_id);
        self.check_broker_epoch(id, BrokerEpoch(r.broker_epoch))?;
        let registered_at = self.sessions.get(id).expect("every registered broker has a session").registered_at;
        let current = self.standing(id);
        let next = self.next_standing(current, id, r, registered_at);
        let mut records = Vec::new();
        if current != next {
            match next {
                Standing::Fenced | Standing::ShutdownNow => self.fence(id, &mut records),
                Standing::Unfenced => self.unfence(id, &mut records),
                Standing::ControlledShutdown => self.begin_controlled_shutdown(id, &mut records),
            }
        }
        self.sessions.touch(id, Offset(r.current_metadata_offset), now.mono);
        self.directories(id, r, &mut records);
        let reply = BrokerHeartbeatResponseData {
            is_caught_up: r.current_metadata_offset >= registered_at.0,
            is_fenced: matches!(next, Standing::Fenced | Standing::ShutdownNow),
            should_shut_down: next == Standing::ShutdownNow,
            ..Default::default()
        };
        Ok(Decision { records, reply: ControllerResponse::BrokerHeartbeat(reply) })
    }

    /// Fences the broker whose session ended first, if one did. One at a time, so that the next decision sees the effect.
    pub(super) fn fence_expired(&self, now: Now) -> Vec<MetadataRecord> {
        let mut records = Vec::new();
        if let Some((at, id)) = self.sessions.first_to_expire(&self.image)
            && at <= now.mono
        {
            self.fence(id, &mut records);
        }
        records
    }

    pub(super) fn check_broker_epoch(&self, id: NodeId, epoch: BrokerEpoch) -> Result<(), Refusal> {
        let stale = |message| Err(Refusal::new(ErrorCode::StaleBrokerEpoch, message));
        match self.image.broker(id) {
            None => stale(format!("No broker registration found for broker id {}", id.0)),
            Some(b) if b.epoch != epoch => stale(format!("Expected broker epoch {}, but got broker epoch {}", b.epoch.0, epoch.0)),
            Some(_) => Ok(()),
        }
    }

    fn standing(&self, id: NodeId) -> Standing {
        let broker = self.image.broker(id).expect("the epoch of the broker was checked");
        match (broker.fenced, broker.in_controlled_shutdown) {
            (true, _) => Standing::Fenced,
            (false, true) => Standing::ControlledShutdown,
            (false, false) => Standing::Unfenced,
        }
    }

    fn next_standing(&self, current: Standing, id: NodeId, r: &BrokerHeartbeatRequestData, registered_at: Offset) -> Standing {
        let leads = || self.image.topics().any(|t| t.partitions.values().any(|p| p.leader == Some(id)));
        match current {
            Standing::Fenced if r.want_shut_down => Standing::ShutdownNow,
            Standing::Fenced if !r.want_fence && r.current_metadata_offset >= registered_at.0 => Standing::Unfenced,
            Standing::Fenced => Standing::Fenced,
            Standing::Unfenced if r.want_fence && r.want_shut_down => Standing::ShutdownNow,
            Standing::Unfenced if r.want_fence => Standing::Fenced,
            Standing::Unfenced if r.want_shut_down && leads() => Standing::ControlledShutdown,
            Standing::Unfenced if r.want_shut_down => Standing::ShutdownNow,
            Standing::Unfenced => Standing::Unfenced,
            Standing::ControlledShutdown if leads() => Standing::ControlledShutdown,
            Standing::ControlledShutdown => {
                let granted_at = self.sessions.get(id).and_then(|s| s.controlled_shutdown_at).unwrap_or(Offset(i64::MAX));
                let read_by_all = granted_at <= self.sessions.lowest_active_offset(&self.image);
                if read_by_all { Standing::ShutdownNow } else { Standing::ControlledShutdown }
            }
            Standing::ShutdownNow => Standing::ShutdownNow,
        }
    }

    fn fence(&self, id: NodeId, records: &mut Vec<MetadataRecord>) {
        self.change_partitions(About::Leaves(id), records);
        records.push(self.registration_change(id, |c| c.fenced = 1));
    }

    fn unfence(&self, id: NodeId, records: &mut Vec<MetadataRecord>) {
        records.push(self.registration_change(id, |c| c.fenced = -1));
        self.change_partitions(About::Returns(id), records);
    }

    fn begin_controlled_shutdown(&self, id: NodeId, records: &mut Vec<MetadataRecord>) {
        records.push(self.registration_change(id, |c| c.in_controlled_shutdown = 1));
        self.change_partitions(About::Leaves(id), records);
    }

    /// Directories that failed take their replicas out of ISR and leadership; cordoned ones are written down.
    fn directories(&self, id: NodeId, r: &BrokerHeartbeatRequestData, records: &mut Vec<MetadataRecord>) {
        let broker = self.image.broker(id).expect("the epoch of the broker was checked");
        let offline: Vec<Uuid> = r.offline_log_dirs.iter().copied().map(Uuid::from).collect();
        if self.since(DIRECTORIES_SINCE) && broker.log_dirs.iter().any(|d| offline.contains(d)) {
            let lost = |p: &Partition| offline.contains(&p.directory(id)) && broker.log_dirs.contains(&p.directory(id));
            self.change_partitions_where(About::Leaves(id), lost, records);
            let online: Vec<Uuid> = broker.log_dirs.iter().copied().filter(|d| !offline.contains(d)).collect();
            records.push(self.registration_change(id, |c| c.log_dirs = online));
        }
        if let Some(cordoned) = r.cordoned_log_dirs.as_ref().filter(|_| self.since(CORDONED_SINCE)) {
            let cordoned: Vec<Uuid> = cordoned.iter().copied().map(Uuid::from).collect();
            if broker.cordoned_log_dirs.as_ref() != Some(&cordoned) {
                records.push(self.registration_change(id, |c| c.cordoned_log_dirs = Some(cordoned)));
            }
        }
    }

    fn registration_change(&self, id: NodeId, set: impl FnOnce(&mut BrokerRegistrationChangeRecord)) -> MetadataRecord {
        let epoch = self.image.broker(id).expect("only registered brokers change").epoch;
        let mut change = BrokerRegistrationChangeRecord { broker_id: id.0, broker_epoch: epoch.0, ..Default::default() };
        set(&mut change);
        MetadataRecord::BrokerRegistrationChange(change)
    }

    fn change_partitions(&self, about: About, records: &mut Vec<MetadataRecord>) {
        match about {
            About::Leaves(id) => self.change_partitions_where(about, |p| p.isr.contains(&id), records),
            About::StoppedUncleanly(id) => self.change_partitions_where(about, |p| p.isr.contains(&id) || p.elr.contains(&id), records),
            About::Returns(_) => self.change_partitions_where(about, |p| p.leader.is_none(), records),
        }
    }

    fn change_partitions_where(&self, about: About, concerned: impl Fn(&Partition) -> bool, records: &mut Vec<MetadataRecord>) {
        for topic in self.image.topics_by_id() {
            let mut config = None;
            for (&index, partition) in topic.partitions.iter().filter(|(_, p)| concerned(p)) {
                let config = config.get_or_insert_with(|| self.topic_config(topic));
                let (leaves, unclean_stop, returns) = match about {
                    About::Leaves(id) => (Some(id), None, None),
                    About::StoppedUncleanly(id) => (Some(id), Some(id), None),
                    About::Returns(id) => (None, None, Some(id)),
                };
                let isr = partition.isr.iter().copied().filter(|&m| Some(m) != leaves).collect();
                let acceptable =
                    |r: NodeId| Some(r) != leaves && (Some(r) == returns || self.is_active(r)) && self.is_directory_online(partition, r);
                let record = change(partition, self.situation(topic, index, partition, config), isr, unclean_stop, acceptable);
                records.extend(record.map(MetadataRecord::PartitionChange));
            }
        }
    }

    pub(super) fn situation(&self, topic: &Topic, index: i32, partition: &Partition, config: &TopicConfig) -> Situation {
        let min_isr = usize::try_from(config.min_insync_replicas).expect("the rule keeps it positive");
        Situation {
            topic: topic.id,
            index,
            min_isr: min_isr.min(partition.replicas.len()),
            elr: self.elr(),
            unclean: config.unclean_leader_election_enable,
            epoch_on_shrink: !self.since(LEADER_EPOCH_ON_SHRINK_UNTIL),
        }
    }

    pub(super) fn topic_config(&self, topic: &Topic) -> TopicConfig {
        let view = NodeView::of_cluster(&self.image, &self.config.defaults);
        TopicConfig::resolve(&view, self.image.overrides(&Resource::topic(&topic.name)))
    }

    pub(super) fn is_active(&self, id: NodeId) -> bool {
        self.image.broker(id).is_some_and(|b| b.is_active())
    }

    /// True unless the replica's log directory is known to have failed.
    pub(super) fn is_directory_online(&self, partition: &Partition, replica: NodeId) -> bool {
        self.image.broker(replica).is_some_and(|b| b.has_online(partition.directory(replica)))
    }

    /// True if the cluster's `metadata.version` is this level or a later one.
    pub(super) fn since(&self, level: i16) -> bool {
        self.image.metadata_version() >= level
    }

    pub(super) fn elr(&self) -> bool {
        self.image.feature(ELR_FEATURE) > 0
    }
}

/// The first hundred ids mean something else than a directory (KIP-858).
fn is_reserved(id: Uuid) -> bool {
    u128::from_be_bytes(id.0) < 100
}

fn endpoint_record(l: &crate::messages::broker_registration_request::Listener) -> BrokerEndpoint {
    BrokerEndpoint { name: l.name.to_string(), host: l.host.to_string(), port: l.port, security_protocol: l.security_protocol }
}
