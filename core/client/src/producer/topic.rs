//! One topic of a producer: its partitions, and the records that wait until they are known.

use std::collections::VecDeque;
use std::sync::Arc;

use odradek_machine::{Mono, Seed, TimerId};
use odradek_wire::ids::TopicPartition;

use super::Token;
use super::batch::CompressionRatio;
use super::partition::Partition;
use super::partitioner::Sticky;
use crate::record::ProducerRecord;

/// A topic that was written to.
#[derive(Debug)]
pub(super) struct Topic {
    pub(super) name: Arc<str>,
    pub(super) sticky: Sticky,
    pub(super) ratio: CompressionRatio,
    /// By index, as far as metadata told.
    pub(super) partitions: Vec<Slot>,
    /// Records whose partition is not known to exist, oldest first.
    pub(super) waiting: VecDeque<Waiting>,
}

/// A partition and its alarm.
#[derive(Debug, Default)]
pub(super) struct Slot {
    pub(super) partition: Partition,
    pub(super) alarm: Option<(TimerId, Mono)>,
}

/// A record that waits for metadata.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) token: Token,
    pub(super) generation: u64,
    pub(super) record: ProducerRecord,
    pub(super) bytes: usize,
    /// When it fails.
    pub(super) until: Mono,
}

/// A partition by its place in the producer's list of topics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PartitionKey {
    pub(super) topic: usize,
    pub(super) partition: usize,
}

impl Topic {
    pub(super) fn new(name: Arc<str>, seed: Seed) -> Topic {
        let sticky = Sticky::new(seed.named("topic").named(&name));
        Topic { name, sticky, ratio: CompressionRatio::NONE, partitions: Vec::new(), waiting: VecDeque::new() }
    }

    /// The partition's name for the world outside.
    pub(super) fn named(&self, partition: usize) -> TopicPartition {
        TopicPartition { topic: self.name.clone(), partition: partition as i32 }
    }
}
