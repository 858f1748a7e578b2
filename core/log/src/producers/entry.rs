//! What is remembered of one producer.

use std::collections::VecDeque;

use odradek_machine::{Guards, guard};
use odradek_wire::ids::{Offset, ProducerEpoch, ProducerId, Sequence};

use super::{ProducerBatchMeta, ProducerInfo};
use crate::log::recovered::RecoveredProducer;

/// How many batches of a producer are remembered: as many as a producer may have in flight (KAFKA-5494).
pub const BATCHES_KEPT: usize = 5;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) epoch: ProducerEpoch,
    /// Oldest first.
    batches: VecDeque<ProducerBatchMeta>,
    pub(super) last_timestamp_ms: i64,
    pub(super) coordinator_epoch: i32,
    pub(super) transaction_start: Option<Offset>,
}

impl Entry {
    pub(super) fn new(epoch: ProducerEpoch) -> Entry {
        Entry { epoch, batches: VecDeque::with_capacity(1), last_timestamp_ms: -1, coordinator_epoch: -1, transaction_start: None }
    }

    pub(super) fn recovered(p: RecoveredProducer) -> Entry {
        let mut batches: VecDeque<_> = p.batches.into();
        while batches.len() > BATCHES_KEPT {
            batches.pop_front();
        }
        Entry {
            epoch: p.epoch,
            batches,
            last_timestamp_ms: p.last_timestamp_ms,
            coordinator_epoch: p.coordinator_epoch,
            transaction_start: p.transaction_start,
        }
    }

    /// Goes over to another incarnation, whose sequences begin anew.
    pub(super) fn enter_epoch(&mut self, epoch: ProducerEpoch) {
        if epoch != self.epoch {
            self.epoch = epoch;
            self.batches.clear();
        }
    }

    pub(super) fn push(&mut self, batch: ProducerBatchMeta) {
        if self.batches.len() == BATCHES_KEPT {
            self.batches.pop_front();
        }
        self.batches.push_back(batch);
    }

    /// The remembered batch with exactly these sequences.
    pub(super) fn duplicate(&self, epoch: ProducerEpoch, base: Sequence, last: Sequence) -> Option<ProducerBatchMeta> {
        if epoch != self.epoch {
            return None;
        }
        self.batches.iter().find(|b| b.last_sequence == last && b.base_sequence() == base).copied()
    }

    /// True if a batch that begins with `got` is the next of this producer.
    pub(super) fn continues_with(&self, epoch: ProducerEpoch, got: Sequence) -> bool {
        match self.last_sequence() {
            Some(last) if epoch == self.epoch => got == last.plus(1),
            // A new incarnation, or one of which only a marker is known, begins at zero.
            _ => got == Sequence(0),
        }
    }

    pub(super) fn last_sequence(&self) -> Option<Sequence> {
        self.batches.back().map(|b| b.last_sequence)
    }

    pub(super) fn info(&self, id: ProducerId) -> ProducerInfo {
        ProducerInfo {
            id,
            epoch: self.epoch,
            last_sequence: self.last_sequence(),
            last_timestamp_ms: self.last_timestamp_ms,
            coordinator_epoch: self.coordinator_epoch,
            transaction_start: self.transaction_start,
        }
    }

    pub(super) fn to_recovered(&self, id: ProducerId) -> RecoveredProducer {
        RecoveredProducer {
            id,
            epoch: self.epoch,
            batches: self.batches.iter().copied().collect(),
            last_timestamp_ms: self.last_timestamp_ms,
            coordinator_epoch: self.coordinator_epoch,
            transaction_start: self.transaction_start,
        }
    }

    /// With its guard switched off a snapshot that knows a batch too early shows here at once; then it is left to those who judge what clients see.
    pub(super) fn check(&self, guards: Guards) {
        assert!(self.batches.len() <= BATCHES_KEPT, "{} batches kept", self.batches.len());
        for (a, b) in self.batches.iter().zip(self.batches.iter().skip(1)) {
            assert!(guard!(guards, KAFKA_6683, a.last_offset < b.base_offset()), "batches of a producer overlap: {a:?} {b:?}");
        }
    }
}
