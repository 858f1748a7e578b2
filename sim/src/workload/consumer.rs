//! An application that reads every partition of its topics.

use std::collections::BTreeMap;
use std::sync::Arc;

use odradek_client::consumer::{Command, Consumer, Event, SeekTo, Token};
use odradek_client::record::ConsumerRecord;
use odradek_machine::Seed;
use odradek_wire::ids::{Offset, TopicPartition};

use super::machine::{Asked, Machine, TopicList};
use super::{config, record_of};
use crate::oracle;
use crate::plan::PlannedClient;

/// What a consuming application remembers. It keeps its positions itself and goes on there when it was killed: it assigns, it joins no group.
#[derive(Debug)]
pub struct ConsumerApp {
    /// Its place in the plan.
    client: u16,
    plan: Arc<PlannedClient>,
    draw: Seed,
    /// Where the next record of each partition will be read.
    positions: BTreeMap<TopicPartition, i64>,
    assigned: bool,
    polling: bool,
    polls: u64,
}

/// Records of one poll, as Kafka's `max.poll.records`.
const POLL_RECORDS_MAX: usize = 500;
const POLL_MS: u64 = 500;

impl ConsumerApp {
    /// An application that has read nothing.
    pub fn new(client: u16, plan: Arc<PlannedClient>, draw: Seed) -> ConsumerApp {
        ConsumerApp { client, plan, draw, positions: BTreeMap::new(), assigned: false, polling: false, polls: 0 }
    }

    /// A machine at the start of a life.
    pub fn machine(&self, brokers: &[String], seed: Seed) -> Machine {
        Machine::Consumer(Box::new(Consumer::new(config::consumer(&self.plan, brokers), seed)))
    }

    /// When it polls next, in nanoseconds of the chaos: it never stops by itself.
    pub fn next_ns(&self) -> u64 {
        self.plan.begins_ns(self.polls, self.draw)
    }

    /// Polls, and assigns and seeks before the first poll of a life.
    pub fn operate(&mut self, topics: &TopicList) -> Vec<Asked> {
        self.polls += 1;
        let mut asked = Vec::new();
        if !self.assigned {
            self.assigned = true;
            asked.push(Command::Assign { partitions: self.partitions(topics) });
            let seeks = self.positions.iter();
            asked.extend(seeks.map(|(partition, &at)| Command::Seek { partition: partition.clone(), to: SeekTo::Offset(at) }));
        }
        if !self.polling {
            self.polling = true;
            asked.push(Command::Poll { token: Token(self.polls), records_max: POLL_RECORDS_MAX, timeout_ms: POLL_MS });
        }
        asked.into_iter().map(Asked::Consumer).collect()
    }

    /// Hears what was read. Says how many records.
    pub fn hear(&mut self, event: Event, tell: &mut Vec<oracle::Event<'static>>) -> u64 {
        match event {
            Event::Polled { records, .. } => {
                self.polling = false;
                records.into_iter().map(|(at, records)| self.read(&at, &records, tell)).sum()
            }
            Event::PositionReset { partition, to, .. } => {
                self.positions.insert(partition.clone(), to);
                tell.push(oracle::Event::Moved { client: self.client, at: partition, to: Offset(to) });
                0
            }
            Event::Truncated { partition, divergent_offset, position, .. } => {
                let to = divergent_offset.unwrap_or(position);
                tell.push(oracle::Event::Moved { client: self.client, at: partition, to: Offset(to) });
                0
            }
            Event::Position { .. } | Event::Offsets { .. } | Event::PartitionFailed { .. } | Event::Closed => 0,
        }
    }

    /// The process died; what it has read it has read.
    pub const fn died(&mut self) {
        (self.assigned, self.polling) = (false, false);
    }

    fn read(&mut self, at: &TopicPartition, records: &[ConsumerRecord], tell: &mut Vec<oracle::Event<'static>>) -> u64 {
        for record in records {
            let whose = record.value.as_deref().and_then(record_of);
            tell.push(oracle::Event::Read { client: self.client, at: at.clone(), offset: Offset(record.offset), record: whose });
            self.positions.insert(at.clone(), record.offset + 1);
        }
        records.len() as u64
    }

    fn partitions(&self, topics: &TopicList) -> Vec<TopicPartition> {
        let mine = topics.iter().filter(|(name, _)| self.plan.topics.contains(name));
        mine.flat_map(|(name, partitions)| (0..*partitions).map(|partition| TopicPartition { topic: name.clone(), partition })).collect()
    }
}
