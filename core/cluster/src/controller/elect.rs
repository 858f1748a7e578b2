//! How a partition's replication state follows from a change in its brokers: one pure function, the heart of leadership.

use std::collections::BTreeSet;

use odradek_wire::ids::{NodeId, Uuid};

use crate::image::{LeaderRecovery, NO_LEADER, NO_LEADER_CHANGE, Partition};
use crate::record::PartitionChangeRecord;

/// What the decision needs to know beside the partition.
#[derive(Clone, Copy, Debug)]
pub(super) struct Situation {
    /// The topic.
    pub(super) topic: Uuid,
    /// The partition.
    pub(super) index: i32,
    /// `min.insync.replicas`, at most the number of replicas.
    pub(super) min_isr: usize,
    /// Whether eligible leader replicas are kept (KIP-966).
    pub(super) elr: bool,
    /// Whether a replica that may lack records may be elected.
    pub(super) unclean: bool,
    /// Whether a smaller ISR needs a leader epoch of its own: before 3.6-IV0 (KAFKA-15021).
    pub(super) epoch_on_shrink: bool,
}

/// The change that a new ISR asks for, if it asks for any.
///
/// A leader is kept while it is in the ISR and acceptable; else the first replica that is, else (with an empty ISR) the first in the ELR, else the last
/// known leader, uncleanly, else, if allowed, any acceptable replica, uncleanly. `unclean_stop` is a broker that lost what it had not synced: it
/// stays out of the ELR (KAFKA-18106).
pub(super) fn change(
    partition: &Partition,
    situation: Situation,
    isr: Vec<NodeId>,
    unclean_stop: Option<NodeId>,
    acceptable: impl Fn(NodeId) -> bool,
) -> Option<PartitionChangeRecord> {
    let mut plan = Plan { partition, situation, isr, elr: partition.elr.clone(), record: unchanged(situation) };
    plan.populate_elr(unclean_stop);
    plan.elect(&acceptable);
    plan.settle_elr();
    plan.settle_isr();
    plan.settle_last_known();
    let Plan { record, .. } = plan;
    (record != unchanged(situation)).then_some(record)
}

fn unchanged(situation: Situation) -> PartitionChangeRecord {
    PartitionChangeRecord { partition_id: situation.index, topic_id: situation.topic, ..Default::default() }
}

struct Plan<'a> {
    partition: &'a Partition,
    situation: Situation,
    isr: Vec<NodeId>,
    elr: Vec<NodeId>,
    record: PartitionChangeRecord,
}

impl Plan<'_> {
    /// Who leaves an ISR that falls under its minimum is eligible still, unless it stopped uncleanly.
    fn populate_elr(&mut self, unclean_stop: Option<NodeId>) {
        if !self.situation.elr {
            return;
        }
        if self.isr.len() >= self.situation.min_isr {
            self.elr.clear();
            return;
        }
        let candidates: BTreeSet<NodeId> = self.elr.iter().chain(&self.partition.isr).copied().collect();
        self.elr = candidates.into_iter().filter(|c| !self.isr.contains(c) && Some(*c) != unclean_stop).collect();
    }

    fn elect(&mut self, acceptable: &impl Fn(NodeId) -> bool) {
        let (leader, unclean) = self.choose(acceptable);
        if leader == self.partition.leader {
            return;
        }
        self.record.leader = leader.map_or(NO_LEADER, |l| l.0);
        let Some(leader) = leader else { return };
        if self.elr.contains(&leader) {
            self.isr = vec![leader];
            self.elr.retain(|&r| r != leader);
        }
        if unclean {
            self.record.isr = Some(vec![leader.0]);
            if self.partition.recovery != LeaderRecovery::Recovering {
                self.record.leader_recovery_state = LeaderRecovery::Recovering.code();
            }
        }
    }

    /// The leader, and whether it would be elected uncleanly.
    fn choose(&self, acceptable: &impl Fn(NodeId) -> bool) -> (Option<NodeId>, bool) {
        let clean =
            |replica: NodeId| (self.isr.contains(&replica) || self.isr.is_empty() && self.elr.contains(&replica)) && acceptable(replica);
        if let Some(leader) = self.partition.leader.filter(|&l| clean(l)) {
            return (Some(leader), false);
        }
        if let Some(leader) = self.partition.replicas.iter().copied().find(|&r| clean(r)) {
            return (Some(leader), false);
        }
        if let Some(leader) = self.last_known_leader().filter(|&l| acceptable(l)) {
            return (Some(leader), true);
        }
        let any = self.partition.replicas.iter().copied().find(|&r| self.situation.unclean && acceptable(r));
        (any, any.is_some())
    }

    /// The only place where a leader stands in `last_known_elr` is as its single member.
    fn last_known_leader(&self) -> Option<NodeId> {
        match *self.partition.last_known_elr {
            [leader] if self.situation.elr && self.isr.is_empty() && self.elr.is_empty() => Some(leader),
            _ => None,
        }
    }

    fn settle_elr(&mut self) {
        if self.record.isr.is_some() || !self.situation.elr {
            self.elr.clear();
        }
        if self.elr != self.partition.elr {
            self.record.eligible_leader_replicas = Some(numbers(&self.elr));
        }
    }

    /// Without ELR an ISR never becomes empty: its last member stays in it.
    fn settle_isr(&mut self) {
        if self.record.isr.is_none() && (!self.isr.is_empty() || self.situation.elr) && self.isr != self.partition.isr {
            self.record.isr = Some(numbers(&self.isr));
        }
        let shrinks = self.record.isr.as_ref().is_some_and(|isr| self.partition.isr.iter().any(|m| !isr.contains(&m.0)));
        if self.situation.epoch_on_shrink && self.record.leader == NO_LEADER_CHANGE && shrinks {
            self.record.leader = self.partition.leader.map_or(NO_LEADER, |l| l.0);
        }
    }

    fn settle_last_known(&mut self) {
        if !self.situation.elr {
            return;
        }
        let was_led_by = self.partition.leader.map_or(NO_LEADER, |l| l.0);
        if self.record.leader == NO_LEADER && self.partition.last_known_elr.is_empty() {
            self.record.last_known_elr = Some(vec![was_led_by]);
        } else if self.record.leader >= 0 && !self.partition.last_known_elr.is_empty() {
            self.record.last_known_elr = Some(Vec::new());
        }
    }
}

fn numbers(ids: &[NodeId]) -> Vec<i32> {
    ids.iter().map(|id| id.0).collect()
}
