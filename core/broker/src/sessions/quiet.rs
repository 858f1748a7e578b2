//! Connections by how long nothing moved on them: Kafka's idle expiry, and the order in which they go where there are too many.
//!
//! The order is lazy: an entry says since when a connection was quiet at the least, and is looked at again when its time comes. So a byte that comes
//! costs a store, and a connection costs one look an interval.

use odradek_machine::{Mono, TimerId, Timers, ms};

use crate::io::ConnectionId;

/// Connections on which the peer is to move, by the instant since which it may not have.
#[derive(Debug)]
pub(super) struct Quiet {
    /// `connections.max.idle.ms` in nanoseconds; `None` for ever.
    idle_ns_max: Option<u64>,
    since: Timers<(Mono, ConnectionId)>,
}

impl Quiet {
    /// Nobody is watched; a number below zero lets everybody stay (as in Kafka).
    pub(super) fn new(idle_ms_max: i64) -> Quiet {
        Quiet { idle_ns_max: u64::try_from(idle_ms_max).ok().map(|most| ms(most.min(u64::MAX / ms(1)))), since: Timers::default() }
    }

    /// Watches a connection that last moved at `moved`.
    pub(super) fn watch(&mut self, moved: Mono, connection: ConnectionId) -> TimerId {
        self.since.set(moved, (moved, connection))
    }

    pub(super) fn forget(&mut self, watch: TimerId) {
        self.since.cancel(watch);
    }

    /// The next connection whose entry is old enough to be looked at; it is not watched any more.
    pub(super) fn pop_due(&mut self, now: Mono) -> Option<ConnectionId> {
        let since = now.0.checked_sub(self.idle_ns_max?)?;
        self.since.pop_due(Mono(since)).map(|(_, connection)| connection)
    }

    /// The oldest entry, which says since when its connection was quiet at the least; that is not watched any more.
    pub(super) fn pop_oldest(&mut self) -> Option<(Mono, ConnectionId)> {
        self.since.pop_due(Mono(u64::MAX))
    }

    /// True if one that last moved at `moved` is idle.
    pub(super) fn is_idle(&self, now: Mono, moved: Mono) -> bool {
        self.idle_ns_max.is_some_and(|most| now.since(moved) >= most)
    }

    /// When the next entry is old enough.
    pub(super) fn deadline(&self) -> Option<Mono> {
        Some(self.since.earliest()? + self.idle_ns_max?)
    }
}
