//! This broker as a member of the cluster: its registration, its heartbeats, its block of producer ids (KIP-631, KIP-730).

use odradek_cluster::controller::{ControllerRequest, SUPPORTED_FEATURES};
use odradek_cluster::messages::{
    AllocateProducerIdsRequestData, BrokerHeartbeatRequestData, BrokerRegistrationRequestData, ControllerRegistrationRequestData,
    broker_registration_request, controller_registration_request, text,
};
use odradek_machine::{Deadline, Mono};
use odradek_wire::ids::{BrokerEpoch, Offset, ProducerId, Uuid};

use crate::setup::{Listener, NodeSetup};

/// How a broker stands with the controller.
///
/// | from | to | trigger |
/// |---|---|---|
/// | Loading | Registering | every log is open and the image is whole |
/// | Registering | Fenced | the controller gave a broker epoch |
/// | Fenced | Active | the committed image shows the broker unfenced |
/// | Active, Fenced | Registering | the controller does not know the epoch |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Loading,
    Registering,
    Fenced(BrokerEpoch),
    Active(BrokerEpoch),
}

/// Producer ids that this broker may give out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ProducerIds {
    next: i64,
    end: i64,
    /// A block was asked for.
    pub(crate) asked: bool,
}

impl ProducerIds {
    /// A producer id nobody had.
    pub(crate) fn draw(&mut self) -> Option<ProducerId> {
        let id = self.next;
        (id < self.end).then(|| {
            self.next += 1;
            ProducerId(id)
        })
    }

    /// A block came from the controller.
    pub(crate) fn block(&mut self, start: i64, length: i64) {
        self.asked = false;
        (self.next, self.end) = (start, start.saturating_add(length));
    }
}

/// This broker's membership.
#[derive(Debug)]
pub(crate) struct Membership {
    pub(crate) standing: Standing,
    /// One life of this process.
    incarnation: Uuid,
    /// The image is whole, and every replica follows it.
    pub(crate) caught_up: bool,
    /// The broker epoch of the life before, if it ended cleanly.
    pub(crate) previous_epoch: Option<i64>,
    heartbeat_ms: u64,
    heartbeat_at: Option<Mono>,
    /// A heartbeat is not answered yet.
    pub(crate) heartbeat_under_way: bool,
    pub(crate) producer_ids: ProducerIds,
    pub(crate) directories: Directories,
}

/// What the controller is told of where this broker's replicas are.
#[derive(Debug, Default)]
pub(crate) struct Directories {
    /// Something is not told yet.
    pub(crate) untold: bool,
    /// A request is not answered yet.
    pub(crate) under_way: bool,
}

impl Membership {
    pub(crate) fn new(setup: &NodeSetup, previous_epoch: Option<i64>) -> Membership {
        Membership {
            standing: Standing::Loading,
            incarnation: Uuid(setup.seed.named("incarnation").uuid()),
            caught_up: false,
            previous_epoch,
            heartbeat_ms: u64::try_from(setup.config.long("broker.heartbeat.interval.ms")).unwrap_or(2000).max(1),
            heartbeat_at: None,
            heartbeat_under_way: false,
            producer_ids: ProducerIds::default(),
            directories: Directories::default(),
        }
    }

    /// The broker epoch, once there is one.
    pub(crate) const fn epoch(&self) -> Option<BrokerEpoch> {
        match self.standing {
            Standing::Fenced(epoch) | Standing::Active(epoch) => Some(epoch),
            Standing::Loading | Standing::Registering => None,
        }
    }

    /// The next heartbeat is due at `at`.
    pub(crate) const fn beat_at(&mut self, at: Mono) {
        self.heartbeat_at = Some(at);
    }

    /// The next heartbeat is due after the interval.
    pub(crate) fn beat_later(&mut self, now: Mono) {
        self.heartbeat_at = Some(now.plus_ms(self.heartbeat_ms));
    }

    /// True once when a heartbeat is due.
    pub(crate) fn is_due(&mut self, now: Mono) -> bool {
        let due = self.heartbeat_at.is_some_and(|at| at <= now);
        if due {
            self.heartbeat_at = None;
        }
        due
    }

    pub(crate) fn deadline(&self) -> Option<Deadline> {
        self.heartbeat_at.map(|at| Deadline { at, why: "broker heartbeat" })
    }

    /// The registration of this broker.
    pub(crate) fn registration(&self, setup: &NodeSetup, cluster_id: &str, log_dirs: &[Uuid]) -> ControllerRequest {
        let listener = |l: &Listener| {
            broker_registration_request::Listener::default()
                .with_name(text(&l.name))
                .with_host(text(&l.host))
                .with_port(l.port)
                .with_security_protocol(0)
        };
        let feature = |f: &odradek_cluster::controller::SupportedFeature| {
            broker_registration_request::Feature::default()
                .with_name(text(f.name))
                .with_min_supported_version(f.min)
                .with_max_supported_version(f.max)
        };
        ControllerRequest::BrokerRegistration(
            BrokerRegistrationRequestData::default()
                .with_broker_id(setup.node.0)
                .with_cluster_id(text(cluster_id))
                .with_incarnation_id(self.incarnation.into())
                .with_listeners(setup.listeners.iter().filter(|l| !l.controller).map(listener).collect())
                .with_features(SUPPORTED_FEATURES.iter().map(feature).collect())
                .with_rack(setup.config.get("broker.rack").map(text))
                .with_log_dirs(log_dirs.iter().map(|&id| id.into()).collect())
                .with_previous_broker_epoch(self.previous_epoch.unwrap_or(-1)),
        )
    }

    /// The registration of this node as a controller.
    pub(crate) fn controller_registration(&self, setup: &NodeSetup) -> ControllerRequest {
        let any = setup.listeners.iter().any(|l| l.controller);
        let listener = |l: &Listener| {
            controller_registration_request::Listener::default()
                .with_name(text(&l.name))
                .with_host(text(&l.host))
                .with_port(l.port)
                .with_security_protocol(0)
        };
        let feature = |f: &odradek_cluster::controller::SupportedFeature| {
            controller_registration_request::Feature::default()
                .with_name(text(f.name))
                .with_min_supported_version(f.min)
                .with_max_supported_version(f.max)
        };
        ControllerRequest::ControllerRegistration(
            ControllerRegistrationRequestData::default()
                .with_controller_id(setup.node.0)
                .with_incarnation_id(self.incarnation.into())
                .with_listeners(setup.listeners.iter().filter(|l| l.controller == any).map(listener).collect())
                .with_features(SUPPORTED_FEATURES.iter().map(feature).collect()),
        )
    }

    /// A heartbeat, if the broker is registered; it names the log directories that failed.
    pub(crate) fn heartbeat(
        &self,
        setup: &NodeSetup,
        metadata_end: Offset,
        want_shut_down: bool,
        failed: impl Iterator<Item = Uuid>,
    ) -> Option<ControllerRequest> {
        let epoch = self.epoch()?;
        Some(ControllerRequest::BrokerHeartbeat(
            BrokerHeartbeatRequestData::default()
                .with_broker_id(setup.node.0)
                .with_broker_epoch(epoch.0)
                .with_current_metadata_offset(metadata_end.0 - 1)
                .with_want_fence(false)
                .with_want_shut_down(want_shut_down)
                .with_offline_log_dirs(failed.map(Into::into).collect()),
        ))
    }

    /// Asks for a block of producer ids, if none was asked for.
    pub(crate) fn want_producer_ids(&mut self, setup: &NodeSetup) -> Option<ControllerRequest> {
        let epoch = self.epoch()?;
        if std::mem::replace(&mut self.producer_ids.asked, true) {
            return None;
        }
        let request = AllocateProducerIdsRequestData::default().with_broker_id(setup.node.0).with_broker_epoch(epoch.0);
        Some(ControllerRequest::AllocateProducerIds(request))
    }
}
