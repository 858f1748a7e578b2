//! A leadership: what the leader knows of the in-sync replicas, and how far records are committed.

use std::collections::BTreeMap;

use odradek_cluster::image::Partition as Granted;
use odradek_wire::ids::{LeaderEpoch, NodeId, Offset, PartitionEpoch};

/// The state of a leader, from the record that elected it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Leader {
    /// This node.
    pub(crate) me: NodeId,
    /// Its term.
    pub(crate) epoch: LeaderEpoch,
    /// The version of the state that the controller granted.
    pub(crate) partition_epoch: PartitionEpoch,
    /// The log end when the term began: what lies below the high watermark then was not known to be all that is committed.
    pub(crate) epoch_start: Offset,
    /// The in-sync replicas.
    pub(crate) isr: Vec<NodeId>,
    /// How many replicas are assigned.
    pub(crate) replicas: usize,
    /// The synced end of each other replica, as it last said.
    pub(crate) followers: BTreeMap<NodeId, Offset>,
}

impl Leader {
    /// A leadership that begins at `epoch_start`.
    pub(crate) fn begin(me: NodeId, granted: &Granted, epoch_start: Offset) -> Leader {
        let others = granted.replicas.iter().filter(|&&r| r != me);
        Leader {
            me,
            epoch: granted.leader_epoch,
            partition_epoch: granted.partition_epoch,
            epoch_start,
            isr: granted.isr.clone(),
            replicas: granted.replicas.len(),
            followers: others.map(|&r| (r, Offset(0))).collect(),
        }
    }

    /// The controller changed the state within the same term.
    pub(crate) fn granted(&mut self, granted: &Granted) {
        assert!(
            granted.partition_epoch >= self.partition_epoch,
            "partition epoch {:?} after {:?}",
            granted.partition_epoch,
            self.partition_epoch
        );
        self.partition_epoch = granted.partition_epoch;
        self.isr.clone_from(&granted.isr);
        self.replicas = granted.replicas.len();
        let me = self.me;
        self.followers.retain(|r, _| granted.replicas.contains(r));
        for &replica in granted.replicas.iter().filter(|&&r| r != me) {
            self.followers.entry(replica).or_insert(Offset(0));
        }
    }

    /// `min.insync.replicas`, but never more than there are replicas.
    pub(crate) fn isr_min(&self, configured: i32) -> usize {
        usize::try_from(configured).unwrap_or(1).min(self.replicas)
    }

    /// Where the high watermark may be: the least durable end over the in-sync replicas; unmoved while they are fewer than `min.insync.replicas` (KIP-966).
    pub(crate) fn high_watermark(&self, was: Offset, own_end: Offset, isr_min: i32) -> Offset {
        if self.isr.len() < self.isr_min(isr_min) {
            return was;
        }
        let others = self.isr.iter().filter(|&&r| r != self.me).map(|r| self.followers.get(r).copied().unwrap_or_default());
        others.fold(own_end, Offset::min).max(was)
    }
}
