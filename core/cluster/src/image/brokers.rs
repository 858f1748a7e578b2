//! Registered brokers and controllers.

use std::collections::BTreeMap;
use std::sync::Arc;

use odradek_wire::ids::{BrokerEpoch, NodeId, Uuid};

/// The directory of a replica that has one, which is not known: it is older than the ids of directories (KIP-858).
pub const MIGRATING: Uuid = Uuid::ZERO;
/// The directory of a replica that has none yet (KIP-858).
pub const UNASSIGNED: Uuid = reserved(1);
/// The directory of a replica that is offline and not to be made anew (KIP-858).
pub const LOST: Uuid = reserved(2);

const fn reserved(number: u8) -> Uuid {
    let mut id = [0; 16];
    id[15] = number;
    Uuid(id)
}

/// Where a node listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The listener's name.
    pub listener: Arc<str>,
    /// Host name or address.
    pub host: Arc<str>,
    /// Port.
    pub port: u16,
    /// The security protocol, as Kafka numbers them; 0 is plaintext.
    pub security_protocol: i16,
}

/// The levels of a feature that a node supports, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeatureRange {
    /// The lowest.
    pub min: i16,
    /// The highest.
    pub max: i16,
}

/// A registration of a broker (KIP-631).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broker {
    /// Its node id.
    pub id: NodeId,
    /// The offset of the batch that registered it.
    pub epoch: BrokerEpoch,
    /// One life of its process.
    pub incarnation_id: Uuid,
    /// Its listeners, by name as registered.
    pub endpoints: Vec<Endpoint>,
    /// What it supports, by feature.
    pub features: BTreeMap<Arc<str>, FeatureRange>,
    /// Its rack.
    pub rack: Option<Arc<str>>,
    /// True until it caught up with the metadata log, and again when its session ends.
    pub fenced: bool,
    /// True from its request to leave until it registers again.
    pub in_controlled_shutdown: bool,
    /// Its log directories that are online.
    pub log_dirs: Vec<Uuid>,
    /// Its log directories that take no further partition; `None` until it said so (KIP-1066).
    pub cordoned_log_dirs: Option<Vec<Uuid>>,
}

impl Broker {
    /// Its endpoint on a listener.
    pub fn endpoint(&self, listener: &str) -> Option<&Endpoint> {
        self.endpoints.iter().find(|e| &*e.listener == listener)
    }

    /// True if some log directory of it takes further partitions.
    pub fn takes_partitions(&self) -> bool {
        let cordoned = self.cordoned_log_dirs.as_deref().unwrap_or(&[]);
        self.log_dirs.is_empty() || self.log_dirs.iter().any(|d| !cordoned.contains(d))
    }

    /// True unless a replica that was assigned to this log directory is known to be offline: the directory is lost, or not among those of the broker. One
    /// that names no directory may be in any.
    pub fn has_online(&self, directory: Uuid) -> bool {
        match directory {
            MIGRATING | UNASSIGNED => true,
            LOST => false,
            id => self.log_dirs.is_empty() || self.log_dirs.contains(&id),
        }
    }

    /// True if it may lead, join an ISR and be given partitions.
    pub const fn is_active(&self) -> bool {
        !self.fenced && !self.in_controlled_shutdown
    }
}

/// A registration of a controller (KIP-919).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControllerNode {
    /// Its node id.
    pub id: NodeId,
    /// One life of its process.
    pub incarnation_id: Uuid,
    /// Its listeners.
    pub endpoints: Vec<Endpoint>,
    /// What it supports, by feature.
    pub features: BTreeMap<Arc<str>, FeatureRange>,
}
