//! The memory that requests and responses may take, counted per connection and in all.
//!
//! Four things are counted: frames that were announced and granted but have not arrived, requests in hand by their decoded size (parked ones included),
//! and the bytes of responses that have not left (file ranges are not memory and do not count). The bound in all is
//! [`Limits::requests_bytes_max`] + [`Limits::responses_bytes_max`] + what each connection may bring without asking
//! ([`UNASKED_BYTES_MAX`], once in the host's buffer and once decoded): at a bound the core pauses reading, it never drops.
//!
//! * A frame that is announced is granted when it fits, in the order of announcement. Frames above a quarter of the room are *large*: they share half of
//!   the room, so that a few of them cannot keep the ordinary ones out; one alone is always let in.
//! * A granted frame that does not arrive holds room for nothing: when others wait for it past its time, its connection is closed.
//! * Connections of replicas and controllers are exempt from pausing, or `acks=all` would wait for itself.

use std::collections::VecDeque;

use odradek_cluster::config::StaticConfig;
use odradek_machine::{Map, Mono};
use odradek_wire::frame::UNASKED_BYTES_MAX;

use crate::io::ConnectionId;

/// How much memory requests and responses may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Granted frames and requests in hand, bytes, over all connections.
    pub requests_bytes_max: u64,
    /// Responses not yet flushed, bytes, over all connections, above which no request is started.
    pub responses_bytes_max: u64,
    /// Requests in hand of one connection, bytes, above which it is paused.
    pub connection_requests_bytes_max: u64,
    /// Requests in hand of one connection, above which it is paused.
    pub connection_requests_max: usize,
    /// Responses of one connection not yet flushed, bytes, above which its next request is not started.
    pub connection_responses_bytes_max: u64,
    /// The longest frame there may be, `socket.request.max.bytes`.
    pub frame_bytes_max: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            requests_bytes_max: 256 << 20,
            responses_bytes_max: 128 << 20,
            connection_requests_bytes_max: 32 << 20,
            connection_requests_max: 128,
            connection_responses_bytes_max: 8 << 20,
            frame_bytes_max: 100 << 20,
        }
    }
}

impl Limits {
    /// What the configuration says; `queued.max.request.bytes` from zero downwards leaves the bound of requests at the default.
    pub fn of(config: &StaticConfig) -> Limits {
        let limits = Limits::default();
        let queued = u64::try_from(config.long("queued.max.request.bytes")).ok().filter(|&bytes| bytes > 0);
        Limits {
            // Frames that come without asking are let in anyway, one from each connection.
            requests_bytes_max: queued.map_or(limits.requests_bytes_max, |bytes| bytes.max(UNASKED_BYTES_MAX.into())),
            frame_bytes_max: u32::try_from(config.long("socket.request.max.bytes")).unwrap_or(u32::MAX),
            ..limits
        }
    }

    /// The most bytes that `connections` connections can make a node hold, decoded small requests included.
    pub fn bound(&self, connections: u64) -> u64 {
        let one_frame = u64::from(self.frame_bytes_max);
        // A large frame is let in while others take half of the room.
        let requests = self.requests_bytes_max.max(self.requests_bytes_max / 2 + one_frame);
        let alone = requests + self.responses_bytes_max.max(self.connection_responses_bytes_max);
        alone + connections * 2 * UNASKED_BYTES_MAX as u64
    }

    /// From how many bytes on a frame is large.
    const fn large_from(&self) -> u64 {
        self.requests_bytes_max / 4
    }

    /// The room that large frames share.
    const fn large_bytes_max(&self) -> u64 {
        self.requests_bytes_max / 2
    }
}

/// What the accountant wants done about a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Let it send the frame that it announced.
    Grant(ConnectionId),
    /// Read no more from it.
    Pause(ConnectionId),
    /// Read from it again.
    Resume(ConnectionId),
    /// Close it: its granted frame does not come while others wait for the room.
    CloseLate(ConnectionId),
}

/// What one connection holds.
#[derive(Clone, Copy, Debug, Default)]
struct Held {
    granted_bytes: u64,
    granted_until: Mono,
    requests: usize,
    requests_bytes: u64,
    responses_bytes: u64,
    waits: bool,
    paused: bool,
    exempt: bool,
}

/// The accountant: counts, grants, pauses and resumes.
#[derive(Debug)]
pub struct Memory {
    limits: Limits,
    held: Map<ConnectionId, Held>,
    waiting: VecDeque<(ConnectionId, u64)>,
    /// Connections with a grant whose frame has not arrived, in the order of the grants.
    granted: VecDeque<ConnectionId>,
    granted_bytes: u64,
    large_bytes: u64,
    requests_bytes: u64,
    responses_bytes: u64,
    /// Connections paused because the room in all was used up, in the order of pausing.
    paused: VecDeque<ConnectionId>,
    peak_bytes: u64,
}

/// The time that any granted frame has to arrive while others wait.
const GRANT_MS: u64 = 30_000;
/// The time of a grant whose connection was told to close.
const TOLD: Mono = Mono(u64::MAX);
/// The slowest arrival that is waited for, on top of [`GRANT_MS`].
const GRANT_BYTES_PER_MS: u64 = 1 << 10;

impl Memory {
    /// Nothing is held.
    pub fn new(limits: Limits) -> Memory {
        assert!(limits.requests_bytes_max >= UNASKED_BYTES_MAX as u64, "room for not even one small frame: {limits:?}");
        Memory {
            limits,
            held: Map::new(),
            waiting: VecDeque::new(),
            granted: VecDeque::new(),
            granted_bytes: 0,
            large_bytes: 0,
            requests_bytes: 0,
            responses_bytes: 0,
            paused: VecDeque::new(),
            peak_bytes: 0,
        }
    }

    /// A connection begins; `exempt` ones are never paused (replicas, controllers).
    pub fn opened(&mut self, connection: ConnectionId, exempt: bool) {
        self.held.insert(connection, Held { exempt, ..Held::default() });
    }

    /// A connection is gone, and with it its grants and unflushed responses. Requests in hand are given back one by one as they end.
    pub fn closed(&mut self, now: Mono, connection: ConnectionId, orders: &mut Vec<Order>) {
        let Some(held) = self.held.remove(&connection) else { return };
        self.ungrant(connection, held.granted_bytes);
        self.requests_bytes -= held.requests_bytes;
        self.responses_bytes -= held.responses_bytes;
        self.waiting.retain(|&(c, _)| c != connection);
        self.paused.retain(|&c| c != connection);
        self.settle(now, orders);
    }

    /// A frame above [`UNASKED_BYTES_MAX`] was announced; it is granted now or later.
    pub fn announced(&mut self, now: Mono, connection: ConnectionId, bytes: u32, orders: &mut Vec<Order>) {
        let Some(held) = self.held.get_mut(&connection) else { return };
        if held.waits || held.granted_bytes > 0 {
            return; // a host that announces twice asks for the same frame
        }
        held.waits = true;
        self.waiting.push_back((connection, u64::from(bytes)));
        self.settle(now, orders);
    }

    /// A request arrived whole: its frame's grant ends, its decoded size is in hand.
    pub fn arrived(&mut self, now: Mono, connection: ConnectionId, bytes: u64, orders: &mut Vec<Order>) {
        let Some(held) = self.held.get_mut(&connection) else { return };
        let granted = std::mem::take(&mut held.granted_bytes);
        held.requests += 1;
        held.requests_bytes += bytes;
        self.requests_bytes += bytes;
        self.ungrant(connection, granted);
        self.pause_if_full(connection, orders);
        self.settle(now, orders);
    }

    /// A request, or the payload of one, is let go.
    pub fn let_go(&mut self, now: Mono, connection: ConnectionId, bytes: u64, whole: bool, orders: &mut Vec<Order>) {
        let Some(held) = self.held.get_mut(&connection) else { return };
        held.requests -= usize::from(whole);
        held.requests_bytes -= bytes;
        self.requests_bytes -= bytes;
        self.settle_one(connection, orders);
        self.settle(now, orders);
    }

    /// A response was handed to the host.
    pub fn sent(&mut self, connection: ConnectionId, bytes: u64) {
        if let Some(held) = self.held.get_mut(&connection) {
            held.responses_bytes += bytes;
            self.responses_bytes += bytes;
            self.note_peak();
        }
    }

    /// A response left.
    pub fn flushed(&mut self, now: Mono, connection: ConnectionId, bytes: u64, orders: &mut Vec<Order>) {
        let Some(held) = self.held.get_mut(&connection) else { return };
        held.responses_bytes -= bytes;
        self.responses_bytes -= bytes;
        self.settle_one(connection, orders);
        self.settle(now, orders);
    }

    /// True if a further request of this connection may be started: its answers leave, and so do the others'.
    pub fn may_start(&self, connection: ConnectionId) -> bool {
        let Some(held) = self.held.get(&connection) else { return false };
        held.responses_bytes == 0
            || held.exempt
            || held.responses_bytes < self.limits.connection_responses_bytes_max && self.responses_bytes < self.limits.responses_bytes_max
    }

    /// True if the node lets nothing more come from this connection: it is paused, or its frame waits for room.
    pub fn holds_back(&self, connection: ConnectionId) -> bool {
        self.held.get(&connection).is_some_and(|held| held.paused || held.waits)
    }

    /// The instant at which a granted frame is late, if others wait for its room.
    pub fn deadline(&self) -> Option<Mono> {
        if self.waiting.is_empty() {
            return None;
        }
        self.granted.iter().filter_map(|c| self.held.get(c)).map(|h| h.granted_until).filter(|&at| at != TOLD).min()
    }

    /// Closes what is late while others wait; its room is free when the connection is gone.
    pub fn wake(&mut self, now: Mono, orders: &mut Vec<Order>) {
        if self.waiting.is_empty() {
            return;
        }
        for &connection in &self.granted {
            if let Some(held) = self.held.get_mut(&connection).filter(|h| h.granted_until <= now) {
                held.granted_until = TOLD;
                orders.push(Order::CloseLate(connection));
            }
        }
    }

    /// Bytes held at this moment: granted frames, requests in hand, responses not flushed.
    pub const fn bytes(&self) -> u64 {
        self.granted_bytes + self.requests_bytes + self.responses_bytes
    }

    /// The most bytes ever held.
    pub const fn peak_bytes(&self) -> u64 {
        self.peak_bytes
    }

    /// Every count equals the sum of its parts.
    pub fn check(&self) {
        let sum = |f: fn(&Held) -> u64| self.held.values_unordered().map(f).sum::<u64>();
        assert_eq!(self.granted_bytes, sum(|h| h.granted_bytes), "granted bytes and their sum");
        assert_eq!(self.requests_bytes, sum(|h| h.requests_bytes), "requests in hand and their sum");
        assert_eq!(self.responses_bytes, sum(|h| h.responses_bytes), "unflushed responses and their sum");
        assert!(self.large_bytes <= self.granted_bytes, "large {} of {} granted", self.large_bytes, self.granted_bytes);
    }

    fn note_peak(&mut self) {
        self.peak_bytes = self.peak_bytes.max(self.bytes());
    }

    fn ungrant(&mut self, connection: ConnectionId, bytes: u64) {
        if bytes > 0 {
            self.granted_bytes -= bytes;
            if bytes >= self.limits.large_from() {
                self.large_bytes -= bytes;
            }
            self.granted.retain(|&c| c != connection);
        }
    }

    fn pause_if_full(&mut self, connection: ConnectionId, orders: &mut Vec<Order>) {
        self.note_peak();
        let in_all = self.requests_bytes + self.granted_bytes >= self.limits.requests_bytes_max;
        let Some(held) = self.held.get_mut(&connection) else { return };
        let here = held.requests >= self.limits.connection_requests_max || held.requests_bytes >= self.limits.connection_requests_bytes_max;
        if (in_all || here) && !held.paused && !held.exempt {
            held.paused = true;
            self.paused.push_back(connection);
            orders.push(Order::Pause(connection));
        }
    }

    /// Resumes this connection if it is below its own bounds and the bound in all.
    fn settle_one(&mut self, connection: ConnectionId, orders: &mut Vec<Order>) {
        let in_all = self.requests_bytes + self.granted_bytes >= self.limits.requests_bytes_max;
        let Some(held) = self.held.get_mut(&connection) else { return };
        let below = held.requests < self.limits.connection_requests_max.div_ceil(2).max(1)
            && held.requests_bytes <= self.limits.connection_requests_bytes_max / 2;
        if held.paused && below && !in_all {
            held.paused = false;
            self.paused.retain(|&c| c != connection);
            orders.push(Order::Resume(connection));
        }
    }

    /// Grants what fits, in the order of announcement, and resumes who waits for room in all.
    fn settle(&mut self, now: Mono, orders: &mut Vec<Order>) {
        self.grant(now, orders);
        if self.requests_bytes + self.granted_bytes < self.limits.requests_bytes_max / 4 * 3 {
            for connection in self.paused.iter().copied().collect::<Vec<_>>() {
                self.settle_one(connection, orders);
            }
        }
        self.note_peak();
    }

    fn grant(&mut self, now: Mono, orders: &mut Vec<Order>) {
        let (mut small_waits, mut large_waits) = (false, false);
        let mut rest = VecDeque::new();
        for (connection, bytes) in std::mem::take(&mut self.waiting) {
            let large = bytes >= self.limits.large_from();
            let behind = if large { &mut large_waits } else { &mut small_waits };
            if *behind || !self.fits(bytes, large) {
                *behind = true;
                rest.push_back((connection, bytes));
                continue;
            }
            let held = self.held.get_mut(&connection).expect("a closed connection waits for nothing");
            held.waits = false;
            held.granted_bytes = bytes;
            held.granted_until = now.plus_ms(GRANT_MS + bytes / GRANT_BYTES_PER_MS);
            self.granted_bytes += bytes;
            self.large_bytes += if large { bytes } else { 0 };
            self.granted.push_back(connection);
            orders.push(Order::Grant(connection));
        }
        self.waiting = rest;
    }

    fn fits(&self, bytes: u64, large: bool) -> bool {
        let used = self.granted_bytes + self.requests_bytes;
        let alone = used == 0 || large && self.large_bytes == 0 && used <= self.limits.requests_bytes_max / 2;
        let in_lane = !large || self.large_bytes + bytes <= self.limits.large_bytes_max();
        alone || in_lane && used + bytes <= self.limits.requests_bytes_max
    }
}
