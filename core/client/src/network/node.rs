//! One node as a client sees it: its address, its connection, and what awaits an answer there.

use std::collections::{BTreeMap, VecDeque};

use odradek_machine::Mono;
use odradek_wire::api::{ApiKey, Versions};
use odradek_wire::ids::CorrelationId;

use crate::io::ConnectionId;

/// A node and the state of the one connection to it.
#[derive(Debug)]
pub(super) struct Node<T> {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) link: Link<T>,
    /// Failed connections since the last one that could be used.
    pub(super) failures: u32,
    /// Connections tried in all, which keys the jitter.
    pub(super) dials: u64,
    /// Nothing is sent before this instant, as the node asked (KIP-219).
    pub(super) quiet_until: Mono,
}

/// The connection to a node.
///
/// | from | to | trigger |
/// |---|---|---|
/// | Down | Dialing | somebody wants to send and the backoff is over |
/// | Dialing | Negotiating | the dial succeeds: ApiVersions is sent |
/// | Negotiating | Negotiating | UNSUPPORTED_VERSION: ApiVersions is sent again by the range returned (KIP-511) |
/// | Negotiating | Up | the versions are known |
/// | any but Down | Down | refused, closed, timed out, or the peer misbehaves |
#[derive(Debug)]
pub(super) enum Link<T> {
    /// Not connected, and not to be dialed before an instant.
    Down {
        from: Mono,
    },
    Dialing {
        connection: ConnectionId,
        until: Mono,
    },
    Negotiating {
        connection: ConnectionId,
        asked: InFlight<()>,
        /// The versions were asked for a second time, by the range that the node returned.
        again: bool,
    },
    Up(Up<T>),
}

/// A connection in use.
#[derive(Debug)]
pub(super) struct Up<T> {
    pub(super) connection: ConnectionId,
    pub(super) versions: BTreeMap<ApiKey, Versions>,
    /// In the order of sending, which is the order of the answers.
    pub(super) in_flight: VecDeque<InFlight<T>>,
    pub(super) next_correlation: i32,
}

/// A request that awaits its answer.
#[derive(Debug)]
pub(super) struct InFlight<T> {
    pub(super) correlation: CorrelationId,
    pub(super) api: ApiKey,
    pub(super) version: i16,
    pub(super) until: Mono,
    pub(super) tag: T,
}

impl<T> Node<T> {
    pub(super) const fn new(host: String, port: u16) -> Self {
        Node { host, port, link: Link::Down { from: Mono(0) }, failures: 0, dials: 0, quiet_until: Mono(0) }
    }

    pub(super) const fn connection(&self) -> Option<ConnectionId> {
        match &self.link {
            Link::Down { .. } => None,
            Link::Dialing { connection, .. } | Link::Negotiating { connection, .. } => Some(*connection),
            Link::Up(up) => Some(up.connection),
        }
    }

    /// When something here is over: a dial, a negotiation, the oldest request. Requests have one timeout, so the oldest is the first to be over.
    pub(super) fn deadline(&self) -> Option<(Mono, &'static str)> {
        match &self.link {
            Link::Down { .. } => None,
            Link::Dialing { until, .. } => Some((*until, "connection setup timeout")),
            Link::Negotiating { asked, .. } => Some((asked.until, "request timeout")),
            Link::Up(up) => up.in_flight.front().map(|asked| (asked.until, "request timeout")),
        }
    }
}

impl<T> Up<T> {
    pub(super) fn correlation(&mut self) -> CorrelationId {
        let correlation = CorrelationId(self.next_correlation);
        self.next_correlation = self.next_correlation.checked_add(1).unwrap_or(0);
        correlation
    }
}
