//! The producer: records in, one outcome for each out.
//!
//! A record goes to a partition ([`partitioner`]), waits there in a batch ([`partition`]) until the batch is full or has lingered, travels in a request
//! to the leader ([`sender`]), and has its outcome when the answer is judged ([`verdict`]) or `delivery.timeout.ms` is over.

mod accumulator;
mod batch;
mod encode;
mod flushes;
mod identity;
mod partition;
mod partitioner;
mod sender;
#[cfg(test)]
mod tests;
mod topic;
mod verdict;

use std::collections::BTreeSet;
use std::sync::Arc;

use odradek_machine::{Deadline, Map, Mono, Now, Seed, Timers};
use odradek_wire::ids::TopicPartition;

use self::flushes::Flushes;
use self::identity::Identity;
use self::partition::Rules;
use self::topic::{PartitionKey, Topic};
use crate::config::{Acks, ProducerConfig};
use crate::error::{ClientError, Outcome};
use crate::io::{self, Output};
use crate::network::{self, Network};
use crate::record::ProducerRecord;

/// The application's own number for a command, given back in its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub u64);

/// What an application asks of a [`Producer`].
#[derive(Clone, Debug)]
pub enum Command {
    /// Write a record. Answered by exactly one [`Event::Delivered`] or [`Event::Failed`].
    Send {
        /// For the answer; any number, repeated ones included.
        token: Token,
        /// What to write.
        record: ProducerRecord,
    },
    /// Send what lingers; answered by [`Event::Flushed`] when every record sent before has its outcome.
    Flush {
        /// For the answer.
        token: Token,
    },
    /// Take no more records, wait for those in hand at most this long, then say [`Event::Closed`].
    Close {
        /// After it, what is still in hand fails with [`ClientError::Closed`].
        timeout_ms: u64,
    },
}

/// What a [`Producer`] tells its application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A record is written as `acks` asks.
    Delivered {
        /// From [`Command::Send`].
        token: Token,
        /// Where.
        partition: TopicPartition,
        /// At which offset; unknown with `acks=0` and for a duplicate whose place the broker forgot.
        offset: Option<i64>,
        /// With which timestamp.
        timestamp: i64,
    },
    /// A record has no acknowledgment and will get none.
    Failed {
        /// From [`Command::Send`].
        token: Token,
        /// Why.
        error: ClientError,
        /// Whether it may be in the log, or still get there.
        outcome: Outcome,
    },
    /// Every record sent before the flush has its outcome.
    Flushed {
        /// From [`Command::Flush`].
        token: Token,
    },
    /// Nothing follows.
    Closed,
}

/// What the host tells a producer.
pub type Input = io::Input<Command>;

/// The caller-owned outbox of a producer.
pub type Outbox = Vec<Output<Event>>;

/// A producer, idempotent by default.
///
/// Every [`Command::Send`] gets exactly one outcome, at the latest `max.block.ms` and `delivery.timeout.ms` after it, provided that the host wakes it.
pub struct Producer {
    config: ProducerConfig,
    rules: Rules,
    seed: Seed,
    network: Network<Asked>,
    identity: Identity,
    topics: Vec<Topic>,
    by_name: Map<Arc<str>, usize>,
    /// Partitions with batches that wait to be sent.
    active: BTreeSet<PartitionKey>,
    /// Partitions whose alarm has to be looked at before the step ends.
    touched: BTreeSet<PartitionKey>,
    timers: Timers<Alarm>,
    flushes: Flushes,
    /// Of `buffer.memory`.
    held_bytes: usize,
    /// A record was refused for want of memory: batches leave without lingering until there is room.
    pressed: bool,
    /// Batches made, which numbers them.
    batches: u64,
    /// Where the last request left off, so that no partition starves.
    last_sent: Option<PartitionKey>,
    /// When time alone will let a batch leave that a node holds up.
    held_up_until: Option<Mono>,
    life: Life,
}

/// What the answer to a request is for.
#[derive(Debug)]
enum Asked {
    Produce { batches: Vec<(PartitionKey, u64)> },
    ProducerId,
}

#[derive(Clone, Copy, Debug)]
enum Alarm {
    Partition(PartitionKey),
    /// Records of a topic wait for metadata.
    Topic(usize),
}

/// | from | to | trigger |
/// |---|---|---|
/// | Open | Closing | [`Command::Close`] |
/// | Closing | Closed | every record has its outcome, or the time given is over |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Open,
    Closing { until: Mono, timeout_ms: u64 },
    Closed,
}

impl Producer {
    /// A producer that has not spoken to anyone.
    ///
    /// # Errors
    /// [`ClientError::Misuse`] if the configuration contradicts itself.
    pub fn new(config: ProducerConfig, seed: Seed) -> Result<Producer, ClientError> {
        let misuse = |why: &str| Err(ClientError::Misuse { why: why.to_owned() });
        if config.common.bootstrap.is_empty() {
            return misuse("bootstrap.servers is empty");
        }
        if config.in_flight_max == 0 {
            return misuse("max.in.flight.requests.per.connection must be at least 1");
        }
        if config.idempotence && config.acks != Acks::All {
            return misuse("enable.idempotence needs acks=all");
        }
        if config.idempotence && config.retries == 0 {
            return misuse("enable.idempotence needs retries");
        }
        if config.idempotence && config.in_flight_max > IDEMPOTENT_IN_FLIGHT_MAX {
            return misuse("enable.idempotence allows at most 5 max.in.flight.requests.per.connection");
        }
        if config.delivery_timeout_ms < config.linger_ms + config.common.request_timeout_ms {
            return misuse("delivery.timeout.ms must be at least linger.ms + request.timeout.ms");
        }
        let rules = Rules {
            idempotence: config.idempotence,
            batch_bytes: config.batch_bytes,
            linger_ms: config.linger_ms,
            in_flight_max: config.in_flight_max,
            delivery_timeout_ms: config.delivery_timeout_ms,
            retries: config.retries,
        };
        let network = Network::new(config.common.clone(), config.in_flight_max, seed.named("network"));
        Ok(Producer {
            config,
            rules,
            seed,
            network,
            identity: Identity::new(),
            topics: Vec::new(),
            by_name: Map::new(),
            active: BTreeSet::new(),
            touched: BTreeSet::new(),
            timers: Timers::default(),
            flushes: Flushes::default(),
            held_bytes: 0,
            pressed: false,
            batches: 0,
            last_sent: None,
            held_up_until: None,
            life: Life::Open,
        })
    }

    /// The only way anything changes.
    pub fn step(&mut self, now: Now, input: Input, out: &mut Outbox) {
        if self.life == Life::Closed {
            return refuse(&input, out);
        }
        let stirred = match input {
            io::Input::Command(Command::Send { token, record }) => self.take(now, token, record, out),
            io::Input::Command(Command::Flush { token }) => {
                self.flushes.ask(token);
                true
            }
            io::Input::Command(Command::Close { timeout_ms }) => {
                self.life = Life::Closing { until: now.mono.plus_ms(timeout_ms), timeout_ms };
                true
            }
            io::Input::Dialed { connection, result } => self.hear(now, network::Input::Dialed { connection, result }, out),
            io::Input::Response { connection, frame } => self.hear(now, network::Input::Response { connection, frame }, out),
            io::Input::Closed { connection } => self.hear(now, network::Input::Closed { connection }, out),
            io::Input::Wake => self.hear(now, network::Input::Wake, out),
        };
        if stirred {
            self.ring(now, out);
            self.pump(now, out);
        }
        self.network.pump(now, out);
        self.set_alarms(now);
        self.finish(now, out);
    }

    /// When it wants to be woken. Costs a look at each node, which are few.
    pub fn deadline(&self) -> Option<Deadline> {
        if self.life == Life::Closed {
            return None;
        }
        let alarm = self.timers.earliest().map(|at| Deadline { at, why: "batch" });
        let held_up = self.held_up_until.map(|at| Deadline { at, why: "node not ready" });
        let closing = match self.life {
            Life::Closing { until, .. } => Some(Deadline { at: until, why: "close" }),
            Life::Open | Life::Closed => None,
        };
        [alarm, held_up, closing].into_iter().fold(self.network.deadline(), Deadline::earliest)
    }

    /// Every invariant that can be seen from inside.
    ///
    /// # Panics
    /// If one is broken.
    pub fn check(&self) {
        self.network.check();
        assert!(self.held_bytes <= self.config.buffer_bytes_max, "{} bytes in hand of {}", self.held_bytes, self.config.buffer_bytes_max);
        assert_eq!(self.held_bytes == 0, self.flushes.records() == 0, "{} bytes of {} records", self.held_bytes, self.flushes.records());
        for (topic, at) in self.topics.iter().zip(0..) {
            for (slot, partition) in topic.partitions.iter().zip(0..) {
                slot.partition.check(&self.rules);
                let key = PartitionKey { topic: at, partition };
                assert_eq!(self.active.contains(&key), slot.partition.has_work(), "{}-{partition} is lost from sight", topic.name);
            }
        }
        assert!(self.touched.is_empty(), "alarms were not set at the end of a step");
    }

    /// Everything that came of an input from the host's side.
    fn hear(&mut self, now: Now, input: network::Input, out: &mut Outbox) -> bool {
        let mut events = Vec::new();
        self.network.step(now, input, out, &mut events);
        let mut events = std::collections::VecDeque::from(events);
        while let Some(event) = events.pop_front() {
            let mut more = Vec::new();
            match event {
                network::Event::Answered { node, tag, response } => self.answered(now, node, tag, response, out, &mut more),
                network::Event::Lost { node, tag, why } => self.lost(now, node, tag, &why, out),
                network::Event::Metadata => self.place_waiting(now, out),
                network::Event::Up | network::Event::Down => {}
            }
            events.extend(more);
        }
        true
    }

    /// Answers flushes, and ends the life of a producer that was closed and is empty or out of time.
    fn finish(&mut self, now: Now, out: &mut Outbox) {
        if let Life::Closing { until, .. } = self.life
            && until <= now.mono
        {
            self.give_up(out);
        }
        while let Some(token) = self.flushes.done() {
            out.push(Output::Event(Event::Flushed { token }));
        }
        if matches!(self.life, Life::Closing { .. }) && self.flushes.records() == 0 {
            self.network.close(out);
            self.life = Life::Closed;
            out.push(Output::Event(Event::Closed));
        }
    }
}

/// Brokers remember the last five batches of a producer, so that is how many may be in doubt at once.
const IDEMPOTENT_IN_FLIGHT_MAX: usize = 5;

/// What a closed producer answers.
fn refuse(input: &Input, out: &mut Outbox) {
    match input {
        io::Input::Command(Command::Send { token, .. }) => {
            out.push(Output::Event(Event::Failed { token: *token, error: ClientError::Closed, outcome: Outcome::Definite }));
        }
        io::Input::Command(Command::Flush { token }) => out.push(Output::Event(Event::Flushed { token: *token })),
        io::Input::Command(Command::Close { .. }) => out.push(Output::Event(Event::Closed)),
        io::Input::Dialed { connection, result: Ok(()) } => out.push(Output::Close { connection: *connection }),
        io::Input::Dialed { .. } | io::Input::Response { .. } | io::Input::Closed { .. } | io::Input::Wake => {}
    }
}
