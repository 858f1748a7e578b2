//! When each broker was last heard of: the only state of a controller that is not in the metadata log.

use std::collections::BTreeMap;

use odradek_machine::Mono;
use odradek_wire::ids::{BrokerEpoch, NodeId, Offset};

use crate::image::{Broker, Image};

/// The sessions of all registered brokers.
#[derive(Clone, Debug)]
pub(super) struct Sessions {
    timeout_ms: u64,
    by_broker: BTreeMap<NodeId, Session>,
}

/// One registration's session.
#[derive(Clone, Copy, Debug)]
pub(super) struct Session {
    /// Of which registration.
    pub(super) epoch: BrokerEpoch,
    /// The offset of the registration's record: a broker that read this far knows that it is registered.
    pub(super) registered_at: Offset,
    /// How far it said that it has read the metadata log; −1 before its first heartbeat.
    pub(super) metadata_offset: Offset,
    /// The offset of what took its leaderships away: when every active broker read this far, it may stop.
    pub(super) controlled_shutdown_at: Option<Offset>,
    last_contact: Option<Mono>,
}

impl Sessions {
    /// The sessions of a new leadership: who is not fenced gets a whole timeout; but the broker of the controller's own node died with the one before.
    pub(super) fn new(timeout_ms: u64, own: NodeId, image: &Image, now: Mono) -> Sessions {
        let session = |b: &Broker| Session {
            epoch: b.epoch,
            registered_at: Offset(b.epoch.0),
            metadata_offset: Offset(-1),
            controlled_shutdown_at: b.in_controlled_shutdown.then_some(Offset(i64::MAX)),
            last_contact: (!b.fenced && b.id != own).then_some(now),
        };
        Sessions { timeout_ms, by_broker: image.brokers().map(|b| (b.id, session(b))).collect() }
    }

    pub(super) fn get(&self, broker: NodeId) -> Option<&Session> {
        self.by_broker.get(&broker)
    }

    /// True if this registration was heard of within the timeout.
    pub(super) fn is_alive(&self, broker: NodeId, epoch: BrokerEpoch, now: Mono) -> bool {
        let session = self.by_broker.get(&broker).filter(|s| s.epoch == epoch);
        session.and_then(|s| s.last_contact).is_some_and(|at| now < at.plus_ms(self.timeout_ms))
    }

    /// A broker was heard of.
    pub(super) fn touch(&mut self, broker: NodeId, metadata_offset: Offset, now: Mono) {
        if let Some(session) = self.by_broker.get_mut(&broker) {
            session.last_contact = Some(now);
            session.metadata_offset = metadata_offset;
        }
    }

    /// A registration was appended at `at`.
    pub(super) fn registered(&mut self, broker: NodeId, epoch: BrokerEpoch, at: Offset, now: Mono) {
        let session =
            Session { epoch, registered_at: at, metadata_offset: Offset(-1), controlled_shutdown_at: None, last_contact: Some(now) };
        let kept = self.by_broker.get(&broker).filter(|s| s.epoch == epoch).copied();
        self.by_broker.insert(broker, kept.unwrap_or(session));
    }

    pub(super) fn unregistered(&mut self, broker: NodeId) {
        self.by_broker.remove(&broker);
    }

    /// A broker was granted its controlled shutdown by a batch that ends before `end`.
    pub(super) fn shutting_down(&mut self, broker: NodeId, end: Offset) {
        if let Some(session) = self.by_broker.get_mut(&broker) {
            session.controlled_shutdown_at = Some(Offset(end.0 - 1));
        }
    }

    /// How far every active broker has read the metadata log at the least.
    pub(super) fn lowest_active_offset(&self, image: &Image) -> Offset {
        let active = image.brokers().filter(|b| b.is_active()).filter_map(|b| self.by_broker.get(&b.id));
        active.map(|s| s.metadata_offset).min().unwrap_or(Offset(i64::MAX))
    }

    /// The unfenced broker whose session ends first, and when.
    pub(super) fn first_to_expire(&self, image: &Image) -> Option<(Mono, NodeId)> {
        let unfenced = image.brokers().filter(|b| !b.fenced).filter_map(|b| Some((b.id, self.by_broker.get(&b.id)?)));
        unfenced.map(|(id, s)| (s.last_contact.map_or(Mono(0), |at| at.plus_ms(self.timeout_ms)), id)).min()
    }
}
