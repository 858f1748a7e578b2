//! The admin client: operations on topics, partitions, configuration and the cluster, each answered once with a result per item.

mod operation;

pub use operation::*;

use odradek_machine::{Deadline, Now, Seed};

use crate::config::AdminConfig;
use crate::error::ClientError;
use crate::io::{self, Output};

/// The application's own number for an operation, given back in its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub u64);

/// What an application asks of an [`Admin`].
#[derive(Clone, Debug)]
pub enum Command {
    /// Do something; answered by exactly one [`Event::Done`].
    Do {
        /// For the answer.
        token: Token,
        /// What.
        operation: Operation,
        /// How long to try; `default.api.timeout.ms` if absent.
        timeout_ms: Option<u64>,
    },
    /// End what is in hand with [`ClientError::Closed`] and say [`Event::Closed`].
    Close,
}

/// What an [`Admin`] tells its application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Answers [`Command::Do`].
    Done {
        /// From the command.
        token: Token,
        /// Results by item, or why there are none at all. A timeout of an operation that changes something has an unknown outcome.
        result: Result<Reply, ClientError>,
    },
    /// Nothing follows.
    Closed,
}

/// What the host tells an admin client.
pub type Input = io::Input<Command>;

/// The caller-owned outbox of an admin client.
pub type Outbox = Vec<Output<Event>>;

/// An admin client.
pub struct Admin {
    config: AdminConfig,
    seed: Seed,
}

impl Admin {
    /// An admin client that has not spoken to anyone.
    pub const fn new(config: AdminConfig, seed: Seed) -> Admin {
        Admin { config, seed }
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
