//! Topics and their partitions.

use std::collections::BTreeMap;
use std::sync::Arc;

use odradek_wire::ids::{LeaderEpoch, NodeId, PartitionEpoch, Uuid};

use super::ApplyError;
use crate::record::{PartitionChangeRecord, PartitionRecord};

/// The node id that stands for "no leader".
pub const NO_LEADER: i32 = -1;

/// A topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// Its name.
    pub name: Arc<str>,
    /// Its id, which no other topic ever has.
    pub id: Uuid,
    /// Its partitions by index.
    pub partitions: BTreeMap<i32, Partition>,
}

/// Whether the leader was elected uncleanly and has not recovered (KIP-704).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LeaderRecovery {
    /// Elected from the ISR or the ELR, or recovered since.
    #[default]
    Recovered,
    /// Elected uncleanly.
    Recovering,
}

impl LeaderRecovery {
    /// As records number it.
    pub const fn code(self) -> i8 {
        match self {
            LeaderRecovery::Recovered => 0,
            LeaderRecovery::Recovering => 1,
        }
    }

    /// From the number of a record.
    pub const fn from_code(code: i8) -> Option<LeaderRecovery> {
        match code {
            0 => Some(LeaderRecovery::Recovered),
            1 => Some(LeaderRecovery::Recovering),
            _ => None,
        }
    }
}

/// The replication state of a partition, as the controller granted it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Partition {
    /// The assigned replicas; the first is the preferred leader.
    pub replicas: Vec<NodeId>,
    /// The log directory of each replica, in the same order (KIP-858).
    pub directories: Vec<Uuid>,
    /// The in-sync replicas.
    pub isr: Vec<NodeId>,
    /// Out of the ISR, but holding every committed record (KIP-966).
    pub elr: Vec<NodeId>,
    /// The last members of an ELR that lost it by an unclean shutdown (KIP-966).
    pub last_known_elr: Vec<NodeId>,
    /// Replicas on their way out.
    pub removing_replicas: Vec<NodeId>,
    /// Replicas on their way in.
    pub adding_replicas: Vec<NodeId>,
    /// The leader, if there is one.
    pub leader: Option<NodeId>,
    /// The leader's term.
    pub leader_epoch: LeaderEpoch,
    /// Rises with every change.
    pub partition_epoch: PartitionEpoch,
    /// Whether the leader was elected uncleanly.
    pub recovery: LeaderRecovery,
}

impl Partition {
    /// The replica that leads when nothing speaks against it.
    pub fn preferred(&self) -> Option<NodeId> {
        self.replicas.first().copied()
    }

    /// The log directory that a replica was assigned to; zero where none was.
    pub fn directory(&self, replica: NodeId) -> Uuid {
        let at = self.replicas.iter().position(|&r| r == replica);
        at.and_then(|at| self.directories.get(at)).copied().unwrap_or(Uuid::ZERO)
    }

    pub(super) fn from_record(record: &PartitionRecord) -> Result<Partition, ApplyError> {
        const RECORD: &str = "PartitionRecord";
        if record.partition_id < 0 {
            return Err(ApplyError::Impossible { record: RECORD, field: "partitionId", value: record.partition_id.into() });
        }
        Ok(Partition {
            replicas: nodes(&record.replicas),
            directories: directories(RECORD, &record.directories, record.replicas.len())?,
            isr: nodes(&record.isr),
            elr: nodes(record.eligible_leader_replicas.as_deref().unwrap_or(&[])),
            last_known_elr: nodes(record.last_known_elr.as_deref().unwrap_or(&[])),
            removing_replicas: nodes(&record.removing_replicas),
            adding_replicas: nodes(&record.adding_replicas),
            leader: (record.leader != NO_LEADER).then_some(NodeId(record.leader)),
            leader_epoch: LeaderEpoch(record.leader_epoch),
            partition_epoch: PartitionEpoch(record.partition_epoch),
            recovery: recovery(RECORD, record.leader_recovery_state)?,
        })
    }

    /// The partition after a change record.
    ///
    /// A named leader, even the same one, begins an epoch; a leader of −2 changes none.
    pub(super) fn changed_by(&self, record: &PartitionChangeRecord) -> Result<Partition, ApplyError> {
        const RECORD: &str = "PartitionChangeRecord";
        let mut next = self.clone();
        let set = |to: &mut Vec<NodeId>, from: &Option<Vec<i32>>| {
            if let Some(ids) = from {
                *to = nodes(ids);
            }
        };
        set(&mut next.isr, &record.isr);
        set(&mut next.elr, &record.eligible_leader_replicas);
        set(&mut next.last_known_elr, &record.last_known_elr);
        set(&mut next.removing_replicas, &record.removing_replicas);
        set(&mut next.adding_replicas, &record.adding_replicas);
        if let Some(replicas) = &record.replicas {
            next.replicas = nodes(replicas);
            next.directories = next.replicas.iter().map(|&r| self.directory(r)).collect();
        }
        if let Some(ids) = &record.directories {
            next.directories = directories(RECORD, ids, next.replicas.len())?;
        }
        if record.leader != NO_LEADER_CHANGE {
            next.leader = (record.leader != NO_LEADER).then_some(NodeId(record.leader));
            next.leader_epoch = LeaderEpoch(following(RECORD, "leaderEpoch", self.leader_epoch.0)?);
        }
        if record.leader_recovery_state != -1 {
            next.recovery = recovery(RECORD, record.leader_recovery_state)?;
        }
        next.partition_epoch = PartitionEpoch(following(RECORD, "partitionEpoch", self.partition_epoch.0)?);
        Ok(next)
    }
}

/// The leader of a change record that leaves the leader as it is.
pub(crate) const NO_LEADER_CHANGE: i32 = -2;

fn nodes(ids: &[i32]) -> Vec<NodeId> {
    ids.iter().map(|&id| NodeId(id)).collect()
}

/// One directory for each replica; no directory at all stands for zeros (KIP-858, records older than that).
fn directories(record: &'static str, ids: &[Uuid], replicas: usize) -> Result<Vec<Uuid>, ApplyError> {
    match ids.len() {
        0 => Ok(vec![Uuid::ZERO; replicas]),
        n if n == replicas => Ok(ids.to_vec()),
        n => Err(ApplyError::Impossible { record, field: "number of directories", value: n as i64 }),
    }
}

fn recovery(record: &'static str, code: i8) -> Result<LeaderRecovery, ApplyError> {
    LeaderRecovery::from_code(code).ok_or(ApplyError::Impossible { record, field: "leaderRecoveryState", value: code.into() })
}

fn following(record: &'static str, field: &'static str, epoch: i32) -> Result<i32, ApplyError> {
    epoch.checked_add(1).ok_or(ApplyError::Impossible { record, field, value: epoch.into() })
}
