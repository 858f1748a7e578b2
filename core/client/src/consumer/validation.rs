//! Is the position still in the log? Asked of each new leader by OffsetForLeaderEpoch (KIP-320).

use std::collections::BTreeMap;
use std::sync::Arc;

use odradek_machine::{Now, reached};
use odradek_wire::api::ApiKey;
use odradek_wire::error::ErrorCode;
use odradek_wire::ids::{NodeId, TopicPartition};
use odradek_wire::messages::offset_for_leader_epoch_request::{OffsetForLeaderPartition, OffsetForLeaderTopic};
use odradek_wire::messages::offset_for_leader_epoch_response::EpochEndOffset;
use odradek_wire::messages::{OffsetForLeaderEpochRequestData, OffsetForLeaderEpochResponseData, text};

use super::partition::{Aim, Position};
use super::{Asked, Consumer, Event, Outbox};
use crate::config::OffsetReset;
use crate::error::ClientError;
use crate::io::{NotesOf, Output};

/// A partition whose position is being checked, and when that was asked.
#[derive(Clone, Debug)]
pub(super) struct Checking {
    pub(super) of: TopicPartition,
    pub(super) era: u64,
    leader_epoch: i32,
}

impl Consumer {
    /// Asks for the positions that are to be checked, in one request a leader.
    pub(super) fn pump_checks(&mut self, now: Now, out: &mut Outbox) {
        let mut by_node: BTreeMap<NodeId, Vec<(TopicPartition, Position, i32, u64)>> = BTreeMap::new();
        let mut later = Vec::new();
        for (of, partition) in &self.partitions {
            let Aim::Validating { position, leader_epoch, asked: false } = partition.aim else { continue };
            if partition.from > now.mono {
                later.push(partition.from);
            } else if let Some(leader) = self.network.metadata().leader(of) {
                by_node.entry(leader).or_default().push((of.clone(), position, leader_epoch, partition.era));
            } else {
                self.network.request_update();
            }
        }
        later.into_iter().for_each(|at| self.wake_by(at));
        for (node, checks) in by_node {
            if self.reach(now, node, out) {
                self.send_checks(now, node, checks, out);
            }
        }
    }

    pub(super) fn epochs_told(&mut self, now: Now, checking: &[Checking], body: &OffsetForLeaderEpochResponseData, out: &mut Outbox) {
        let mut open: BTreeMap<(&str, i32), &Checking> = checking.iter().map(|c| ((&*c.of.topic, c.of.partition), c)).collect();
        for (topic, told) in body.topics.iter().flat_map(|t| t.partitions.iter().map(move |p| (&t.topic, p))) {
            if let Some(check) = open.remove(&(topic.as_str(), told.partition)) {
                self.epoch_told(now, check, told, out);
            }
        }
        open.into_values().for_each(|check| self.check_failed(now, check));
    }

    /// The check is to be asked for again, later.
    pub(super) fn check_failed(&mut self, now: Now, check: &Checking) {
        if self.checked(check).is_none() {
            return;
        }
        self.network.request_update();
        self.back_off(now, &check.of);
        let metadata_epoch = self.network.metadata().partition(&check.of).map_or(-1, |p| p.leader_epoch);
        let partition = self.partitions.get_mut(&check.of).expect("it was just looked up");
        if let Aim::Validating { asked, leader_epoch, .. } = &mut partition.aim {
            *asked = false;
            *leader_epoch = metadata_epoch.max(*leader_epoch);
        }
    }

    /// The log was cut below the position. With a policy the reading goes back to where the logs part, without one the application decides.
    pub(super) fn truncated(&mut self, now: Now, of: &TopicPartition, position: i64, divergent: Option<(i64, i32)>, out: &mut Outbox) {
        reached!(&mut NotesOf(out), "consumer.truncated", position, divergent.map_or(-1, |(offset, _)| offset));
        out.push(Output::Event(Event::Truncated {
            partition: of.clone(),
            position,
            divergent_offset: divergent.map(|(offset, _)| offset),
            divergent_epoch: divergent.map(|(_, epoch)| epoch),
        }));
        match (self.config.offset_reset, divergent) {
            (OffsetReset::None, _) => self.go(of, Aim::Failed),
            (_, None) => self.reset_by_policy(now, of, Some(position)),
            (_, Some((offset, epoch))) => {
                let leader_epoch = self.network.metadata().partition(of).map_or(-1, |p| p.leader_epoch);
                self.go(of, Aim::At(Position { offset, offset_epoch: epoch, leader_epoch }));
            }
        }
    }

    fn send_checks(&mut self, now: Now, node: NodeId, checks: Vec<(TopicPartition, Position, i32, u64)>, out: &mut Outbox) {
        let Some(version) = self.network.version(node, ApiKey::OffsetForLeaderEpoch) else {
            // Too old a broker to ask: the position is taken for valid, as by Kafka's client.
            return checks.into_iter().for_each(|(of, position, leader_epoch, _)| self.valid(&of, position, leader_epoch));
        };
        let mut topics: BTreeMap<Arc<str>, Vec<OffsetForLeaderPartition>> = BTreeMap::new();
        let mut checking = Vec::with_capacity(checks.len());
        for (of, position, leader_epoch, era) in checks {
            let partition = self.partitions.get_mut(&of).expect("it was just read");
            partition.aim = Aim::Validating { position, leader_epoch, asked: true };
            let asked = OffsetForLeaderPartition::default().with_partition(of.partition).with_current_leader_epoch(leader_epoch);
            topics.entry(of.topic.clone()).or_default().push(asked.with_leader_epoch(position.offset_epoch));
            checking.push(Checking { of, era, leader_epoch });
        }
        let topics = topics.into_iter().map(|(name, p)| OffsetForLeaderTopic::default().with_topic(text(&name)).with_partitions(p));
        let replica_id = if version >= 3 { -1 } else { -2 }; // a consumer; before version 3 the field is not written and has its default
        let body = OffsetForLeaderEpochRequestData::default().with_replica_id(replica_id).with_topics(topics.collect());
        self.network.send(now, node, version, &body.into(), Asked::Epochs(checking), out);
    }

    fn epoch_told(&mut self, now: Now, check: &Checking, told: &EpochEndOffset, out: &mut Outbox) {
        let Some(position) = self.checked(check) else { return };
        let code = ErrorCode::from_code(told.error_code);
        if code.is_retriable() {
            return self.check_failed(now, check);
        }
        if code.is_error() {
            let error = ClientError::Broker { code: told.error_code, message: None };
            return self.fail(&check.of, error, out);
        }
        let known = told.end_offset >= 0 && told.leader_epoch >= 0;
        if !known {
            self.truncated(now, &check.of, position.offset, None, out);
        } else if told.end_offset < position.offset {
            self.truncated(now, &check.of, position.offset, Some((told.end_offset, told.leader_epoch)), out);
        } else {
            self.valid(&check.of, position, check.leader_epoch);
        }
    }

    /// The position that this answer is about; `None` if the partition went elsewhere meanwhile, or its leader did.
    fn checked(&self, check: &Checking) -> Option<Position> {
        let partition = self.partitions.get(&check.of).filter(|p| p.era == check.era)?;
        match partition.aim {
            Aim::Validating { position, leader_epoch, asked: true } if leader_epoch == check.leader_epoch => Some(position),
            _ => None,
        }
    }

    fn valid(&mut self, of: &TopicPartition, position: Position, leader_epoch: i32) {
        let partition = self.partitions.get_mut(of).expect("the caller has looked it up");
        partition.aim = Aim::At(Position { leader_epoch, ..position });
        partition.failures = 0;
    }
}
