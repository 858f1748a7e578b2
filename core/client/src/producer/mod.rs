//! The producer: records in, one outcome for each out.

use odradek_machine::{Deadline, Now, Seed};
use odradek_wire::ids::TopicPartition;

use crate::config::ProducerConfig;
use crate::error::{ClientError, Outcome};
use crate::io::{self, Output};
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
pub struct Producer {
    config: ProducerConfig,
    seed: Seed,
}

impl Producer {
    /// A producer that has not spoken to anyone.
    ///
    /// # Errors
    /// [`ClientError::Misuse`] if the configuration contradicts itself.
    pub fn new(config: ProducerConfig, seed: Seed) -> Result<Producer, ClientError> {
        Ok(Producer { config, seed })
    }

    /// The only way anything changes.
    pub fn step(&mut self, now: Now, input: Input, out: &mut Outbox) {
        let _ = (now, input, out, &self.config, self.seed);
    }

    /// When it wants to be woken.
    pub fn deadline(&self) -> Option<Deadline> {
        None
    }

    /// Every invariant that can be seen from inside.
    ///
    /// # Panics
    /// If one is broken.
    pub fn check(&self) {}
}
