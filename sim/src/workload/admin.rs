//! An application that asks about what is there, by turns, without changing it.

use std::collections::BTreeSet;
use std::sync::Arc;

use odradek_client::admin::{Admin, Command, ConfigResource, Event, OffsetSpec, Operation, Token};
use odradek_client::config::Isolation;
use odradek_machine::Seed;
use odradek_wire::ids::TopicPartition;

use super::config;
use super::machine::{Asked, Machine};
use crate::plan::PlannedClient;

/// What an administering application remembers.
#[derive(Debug)]
pub struct AdminApp {
    plan: Arc<PlannedClient>,
    draw: Seed,
    next: u64,
    pending: BTreeSet<u64>,
}

impl AdminApp {
    /// An application that has asked nothing.
    pub fn new(plan: Arc<PlannedClient>, draw: Seed) -> AdminApp {
        AdminApp { plan, draw, next: 0, pending: BTreeSet::new() }
    }

    /// A machine at the start of a life.
    pub fn machine(&self, brokers: &[String], seed: Seed) -> Machine {
        Machine::Admin(Box::new(Admin::new(config::admin(&self.plan, brokers), seed)))
    }

    /// When the next operation begins, in nanoseconds of the chaos; `None` when all are done.
    pub fn next_ns(&mut self) -> Option<u64> {
        while self.next < self.plan.operations && self.plan.is_without(self.next) {
            self.next += 1;
        }
        (self.next < self.plan.operations).then(|| self.plan.begins_ns(self.next, self.draw))
    }

    /// Begins the next operation.
    pub fn operate(&mut self) -> Option<Asked> {
        let op = self.next;
        self.next += 1;
        let draw = self.draw.named("operation").number(op);
        let topic = self.plan.topics.get(draw.named("topic").below(self.plan.topics.len().max(1) as u64) as usize)?;
        let first = TopicPartition { topic: topic.clone(), partition: 0 };
        let operation = match draw.named("what").below(6) {
            0 => Operation::DescribeCluster,
            1 => Operation::ListTopics { internal: true },
            2 => Operation::DescribeTopics { topics: vec![topic.clone()] },
            3 => Operation::DescribeConfigs {
                resources: vec![(ConfigResource::Topic(topic.to_string()), None)],
                synonyms: true,
                documentation: false,
            },
            4 => Operation::ListOffsets { offsets: vec![(first, OffsetSpec::Latest)], isolation: Isolation::ReadUncommitted },
            _ => Operation::DescribeProducers { partitions: vec![first] },
        };
        self.pending.insert(op);
        Some(Asked::Admin(Command::Do { token: Token(op), operation, timeout_ms: None }))
    }

    /// Hears an answer. True if an operation succeeded.
    pub fn hear(&mut self, event: &Event) -> bool {
        match event {
            Event::Done { token, result } => self.pending.remove(&token.0) && result.is_ok(),
            Event::Closed => false,
        }
    }

    /// The process died.
    pub fn died(&mut self) {
        self.pending.clear();
    }

    /// How many operations have no outcome.
    pub fn pending(&self) -> usize {
        self.pending.len()
    }
}
