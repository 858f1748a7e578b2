//! An application that writes, at its pace, records that say whose they are.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use odradek_client::error::Outcome;
use odradek_client::producer::{Command, Event, Producer, Token};
use odradek_client::record::ProducerRecord;
use odradek_machine::Seed;
use odradek_wire::ids::{Offset, TopicPartition};

use super::machine::{Asked, Machine, TopicList};
use super::{config, value_of};
use crate::oracle::{self, RecordId};
use crate::plan::PlannedClient;
use crate::scenario::ClientKind;

/// What a producing application remembers. It outlives the machine: a client that is killed and rises goes on with its next operation.
#[derive(Debug)]
pub struct ProducerApp {
    /// Its place in the plan.
    client: u16,
    plan: Arc<PlannedClient>,
    draw: Seed,
    next: u64,
    /// Handed over, without an outcome.
    pending: BTreeMap<u64, RecordId>,
}

/// Why no producer can have this plan's configuration; `None` if one can.
pub fn refusal(plan: &PlannedClient) -> Option<String> {
    let is_producer = plan.kind == ClientKind::Producer;
    is_producer
        .then(|| Producer::new(config::producer(plan, &["broker-1".to_owned()]), Seed(0)).err())
        .flatten()
        .map(|error| error.to_string())
}

impl ProducerApp {
    /// An application that has done nothing.
    pub fn new(client: u16, plan: Arc<PlannedClient>, draw: Seed) -> ProducerApp {
        ProducerApp { client, plan, draw, next: 0, pending: BTreeMap::new() }
    }

    /// A machine at the start of a life.
    pub fn machine(&self, brokers: &[String], seed: Seed) -> Machine {
        let machine = Producer::new(config::producer(&self.plan, brokers), seed);
        Machine::Producer(Box::new(machine.expect("the profiles of a plan do not contradict themselves")))
    }

    /// When the next operation begins, in nanoseconds of the chaos; `None` when all are done.
    pub fn next_ns(&mut self) -> Option<u64> {
        while self.next < self.plan.operations && self.plan.is_without(self.next) {
            self.next += 1;
        }
        (self.next < self.plan.operations).then(|| self.plan.begins_ns(self.next, self.draw))
    }

    /// Begins the next operation.
    pub fn operate(&mut self, topics: &TopicList, tell: &mut Vec<oracle::Event<'static>>) -> Option<Asked> {
        let op = self.next;
        self.next += 1;
        let draw = self.draw.named("operation").number(op);
        let topic = &self.plan.topics[draw.named("topic").below(self.plan.topics.len().max(1) as u64) as usize];
        let partitions = topics.iter().find(|(name, _)| name == topic).map_or(1, |(_, partitions)| *partitions);
        let id = RecordId { client: self.client, op: u32::try_from(op).expect("a run has fewer than four billion operations") };
        let (low, high) = self.plan.size;
        let value = value_of(id, low + draw.named("size").below(high - low + 1), draw.named("value"));
        let mut record = ProducerRecord::new(topic.clone(), value);
        if self.plan.keys > 0 {
            let key = draw.named("key").below(self.plan.keys);
            record = record.key(Bytes::from(format!("k{key}")));
        } else {
            record = record.to(draw.named("partition").below(partitions as u64) as i32);
        }
        let to = TopicPartition { topic: topic.clone(), partition: record.partition.unwrap_or(-1) };
        tell.push(oracle::Event::Sent { record: id, to });
        self.pending.insert(op, id);
        Some(Asked::Producer(Command::Send { token: Token(op), record }))
    }

    /// Hears what became of an operation. True if one was acknowledged.
    pub fn hear(&mut self, event: Event, tell: &mut Vec<oracle::Event<'static>>) -> bool {
        match event {
            Event::Delivered { token, partition, offset, .. } => {
                let Some(record) = self.pending.remove(&token.0) else { return false };
                tell.push(oracle::Event::Acknowledged { record, at: partition, offset: offset.map(Offset) });
                true
            }
            Event::Failed { token, error, outcome } => {
                let Some(record) = self.pending.remove(&token.0) else { return false };
                tell.push(oracle::Event::GaveUp { record, certain: outcome == Outcome::Definite, error: error.to_string() });
                false
            }
            Event::Flushed { .. } | Event::Closed => false,
        }
    }

    /// The process died: nobody will hear what becomes of what was in its hands.
    pub fn died(&mut self, tell: &mut Vec<oracle::Event<'static>>) {
        for (_, record) in std::mem::take(&mut self.pending) {
            tell.push(oracle::Event::GaveUp { record, certain: false, error: "the process was killed".to_owned() });
        }
    }

    /// How many operations have no outcome.
    pub fn pending(&self) -> usize {
        self.pending.len()
    }
}
