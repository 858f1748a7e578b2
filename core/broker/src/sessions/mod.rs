//! Connections and the requests in hand on them: what arrives, what may be started, what leaves, and what all of it may cost in memory.

mod quiet;
mod quotas;
mod session;

use std::collections::VecDeque;
use std::net::IpAddr;

use odradek_log::disk::FileRange;
use odradek_machine::{Deadline, Map, Mono, reached};
use odradek_wire::prepare::Prepared;
use odradek_wire::scatter::ScatterList;

use crate::io::{Closing, ConnectionId, ListenerId, NotesOf, Outbox, Output};
use crate::memory::{Limits, Memory, Order};
use quiet::Quiet;
use quotas::Quotas;

pub(crate) use quotas::{ConnectionLimits, Lane};

pub use session::{AnswerHeader, Peer, RequestKey, Session, Started};

/// Every connection.
#[derive(Debug)]
pub(crate) struct Connections {
    sessions: Map<ConnectionId, Session>,
    memory: Memory,
    quiet: Quiet,
    quotas: Quotas,
    /// Connections that are told to close and not gone yet.
    closing: u64,
    /// Connections that may have a request to start, in the order in which that became so.
    ready: VecDeque<ConnectionId>,
    orders: Vec<Order>,
}

impl Connections {
    /// No connections; `idle_ms_max` is `connections.max.idle.ms`, `lanes` say for whom each listener is.
    pub(crate) fn new(memory: Limits, idle_ms_max: i64, limits: ConnectionLimits, lanes: Vec<Lane>) -> Connections {
        Connections {
            sessions: Map::new(),
            memory: Memory::new(memory),
            quiet: Quiet::new(idle_ms_max),
            quotas: Quotas::new(limits, lanes),
            closing: 0,
            ready: VecDeque::new(),
            orders: Vec::new(),
        }
    }

    /// A connection came; it is closed at once if there are too many of its kind.
    pub(crate) fn opened(
        &mut self,
        now: Mono,
        connection: ConnectionId,
        listener: ListenerId,
        ip: IpAddr,
        address: &str,
        out: &mut Outbox,
    ) {
        let mut session = Session::new(now, listener, ip, address);
        session.watch = Some(self.quiet.watch(now, connection));
        self.sessions.insert(connection, session);
        self.memory.opened(connection, false);
        if let Err(why) = self.quotas.opened(now, listener, ip) {
            reached!(&mut NotesOf(out), "connection.refused", connection.0, listener.0);
            self.close_at_once(connection, why, out);
        }
        self.admit(now, out);
    }

    /// Other limits hold.
    pub(crate) fn set_limits(&mut self, now: Mono, limits: ConnectionLimits, out: &mut Outbox) {
        self.quotas.set_limits(limits);
        self.admit(now, out);
    }

    /// The host has descriptors for so many connections.
    pub(crate) fn set_room(&mut self, now: Mono, room: u64, out: &mut Outbox) {
        self.quotas.set_room(room);
        self.admit(now, out);
    }

    /// Something came or left.
    pub(crate) fn moved(&mut self, now: Mono, connection: ConnectionId) {
        if let Some(session) = self.sessions.get_mut(&connection) {
            session.moved = now;
        }
    }

    pub(crate) fn announced(&mut self, now: Mono, connection: ConnectionId, bytes: u32, out: &mut Outbox) {
        self.moved(now, connection);
        self.memory.announced(now, connection, bytes, &mut self.orders);
        self.carry(now, out);
    }

    /// A request came whole; it is started when its turn comes.
    pub(crate) fn arrived(&mut self, now: Mono, connection: ConnectionId, frame_bytes: u32, prepared: Prepared, out: &mut Outbox) {
        let Some(session) = self.sessions.get_mut(&connection) else { return };
        let bytes = u64::from(frame_bytes).saturating_add(prepared.decoded_bytes);
        session.moved = now;
        session.arrived(prepared, bytes);
        self.memory.arrived(now, connection, bytes, &mut self.orders);
        self.ready.push_back(connection);
        self.carry(now, out);
    }

    pub(crate) fn flushed(&mut self, now: Mono, connection: ConnectionId, out: &mut Outbox) {
        self.moved(now, connection);
        let Some(bytes) = self.sessions.get_mut(&connection).and_then(Session::flushed) else { return };
        self.memory.flushed(now, connection, bytes, &mut self.orders);
        self.ready.push_back(connection);
        self.carry(now, out);
    }

    /// The connection is gone; gives the requests that were worked on, which nobody waits for any more.
    pub(crate) fn closed(&mut self, now: Mono, connection: ConnectionId, out: &mut Outbox) -> Vec<RequestKey> {
        let Some(session) = self.sessions.remove(&connection) else { return Vec::new() };
        if let Some(watch) = session.watch {
            self.quiet.forget(watch);
        }
        self.closing -= u64::from(session.is_closing());
        self.quotas.closed(session.peer.listener, session.peer.ip);
        self.memory.closed(now, connection, &mut self.orders);
        self.carry(now, out);
        session.running().map(|number| RequestKey { connection, number }).collect()
    }

    /// The next request whose turn came.
    pub(crate) fn start(&mut self) -> Option<Started> {
        while let Some(&connection) = self.ready.front() {
            let started =
                self.sessions.get_mut(&connection).filter(|_| self.memory.may_start(connection)).and_then(|s| s.start(connection));
            if started.is_some() {
                return started;
            }
            self.ready.pop_front();
        }
        None
    }

    /// How to encode the answer to a request; `None` if nobody waits for it.
    pub(crate) fn header(&self, key: RequestKey) -> Option<AnswerHeader> {
        self.sessions.get(&key.connection)?.header(key.number)
    }

    /// Answers a request; what may leave leaves.
    pub(crate) fn answer(&mut self, now: Mono, key: RequestKey, payload: Option<ScatterList<FileRange>>, out: &mut Outbox) {
        let RequestKey { connection, number } = key;
        let Some(session) = self.sessions.get_mut(&connection) else { return };
        session.answer(number, payload);
        while let Some(leaving) = session.leave() {
            self.memory.let_go(now, connection, leaving.request_bytes, true, &mut self.orders);
            if let Some(payload) = leaving.payload.filter(|_| !session.is_closing()) {
                self.memory.sent(connection, session::cost(&payload));
                out.push(Output::Send { connection, payload });
            }
        }
        self.ready.push_back(connection);
        self.rests(now, connection);
        self.carry(now, out);
    }

    /// Closes a connection after what was sent has left.
    pub(crate) fn close(&mut self, connection: ConnectionId, why: String, out: &mut Outbox) {
        if self.sessions.get_mut(&connection).is_some_and(Session::begin_closing) {
            self.closing += 1;
            out.push(Output::Close { connection, why, when: Closing::Drained });
        }
    }

    /// Closes a connection at once, also one that was to be closed after what was sent has left.
    fn close_at_once(&mut self, connection: ConnectionId, why: String, out: &mut Outbox) {
        let Some(session) = self.sessions.get_mut(&connection) else { return };
        self.closing += u64::from(!session.is_closing());
        if session.begin_closing_at_once() {
            out.push(Output::Close { connection, why, when: Closing::AtOnce });
        }
    }

    /// Closes the connections whose unsent responses point at bytes that are cut.
    pub(crate) fn close_holders(&mut self, cut: impl Fn(&FileRange) -> bool, out: &mut Outbox) -> usize {
        let holders: Vec<ConnectionId> =
            self.sessions.sorted().into_iter().filter(|(_, s)| s.holds_range(&cut)).map(|(connection, _)| *connection).collect();
        for &connection in &holders {
            self.close(connection, "the log was truncated below what a response points at".to_owned(), out);
        }
        holders.len()
    }

    pub(crate) fn close_all(&mut self, why: &str, out: &mut Outbox) {
        let all: Vec<ConnectionId> = self.sessions.sorted().into_iter().map(|(connection, _)| *connection).collect();
        for connection in all {
            self.close(connection, why.to_owned(), out);
        }
    }

    /// Who is at the other end.
    pub(crate) fn peer_mut(&mut self, connection: ConnectionId) -> Option<&mut Peer> {
        self.sessions.get_mut(&connection).map(|s| &mut s.peer)
    }

    pub(crate) fn peer(&self, connection: ConnectionId) -> Option<&Peer> {
        self.sessions.get(&connection).map(|s| &s.peer)
    }

    pub(crate) fn wake(&mut self, now: Mono, out: &mut Outbox) {
        self.memory.wake(now, &mut self.orders);
        self.carry(now, out);
        while let Some(connection) = self.quiet.pop_due(now) {
            self.look_at(now, connection, out);
        }
    }

    /// When it wants to be woken, and why.
    pub(crate) fn deadline(&self) -> Option<Deadline> {
        let at = |at: Option<Mono>, why| at.map(|at| Deadline { at, why });
        let late = at(self.memory.deadline(), "a granted frame is late");
        let idle = at(self.quiet.deadline(), "a connection may be idle");
        let reopens = at(self.quotas.deadline(), "connections may come again");
        Deadline::earliest(Deadline::earliest(late, idle), reopens)
    }

    /// The accountant, for counters.
    pub(crate) const fn memory(&self) -> &Memory {
        &self.memory
    }

    pub(crate) fn len(&self) -> usize {
        self.sessions.len()
    }

    pub(crate) fn check(&self) {
        self.memory.check();
        self.quotas.check();
        let closing = self.sessions.values_unordered().filter(|s| s.is_closing()).count();
        assert_eq!(self.closing, closing as u64, "connections told to close and their sum");
        for (connection, session) in self.sessions.sorted() {
            let watched = session.watch.is_some() || session.is_closing_at_once();
            assert!(watched || self.owes(*connection), "nobody will notice that {connection:?} is idle");
        }
        assert!(self.orders.is_empty(), "orders that nobody carried out: {:?}", self.orders);
    }

    /// True while the node owes the next move on a connection: a request is worked on, or nothing may come and nothing is to leave.
    ///
    /// Kafka looks at the socket alone, and closes a connection in the middle of a poll that is longer than the interval.
    fn owes(&self, connection: ConnectionId) -> bool {
        let Some(session) = self.sessions.get(&connection) else { return false };
        session.is_worked_for() || !session.has_unflushed() && self.memory.holds_back(connection)
    }

    /// The node did its part on a connection: from here on its peer is waited for.
    fn rests(&mut self, now: Mono, connection: ConnectionId) {
        if self.owes(connection) {
            return;
        }
        let Some(session) = self.sessions.get_mut(&connection) else { return };
        session.moved = now;
        if session.watch.is_none() && !session.is_closing_at_once() {
            session.watch = Some(self.quiet.watch(now, connection));
        }
    }

    /// The time of a connection may have come.
    fn look_at(&mut self, now: Mono, connection: ConnectionId, out: &mut Outbox) {
        let owes = self.owes(connection);
        let session = self.sessions.get_mut(&connection).expect("who is gone is not watched");
        session.watch = None;
        if owes {
            return; // it is watched again when the node has done its part
        }
        let moved = session.moved;
        if self.quiet.is_idle(now, moved) {
            reached!(&mut NotesOf(out), "connection.idle", connection.0, now.since(moved) / 1_000_000);
            let why = format!("nothing moved for {} ms (connections.max.idle.ms)", now.since(moved) / 1_000_000);
            self.close_at_once(connection, why, out);
        } else {
            session.watch = Some(self.quiet.watch(moved, connection));
        }
    }

    fn carry(&mut self, now: Mono, out: &mut Outbox) {
        for order in std::mem::take(&mut self.orders) {
            match order {
                Order::Grant(connection) => {
                    out.push(Output::Grant { connection });
                    self.rests(now, connection);
                }
                Order::Pause(connection) => out.push(Output::PauseReading { connection }),
                Order::Resume(connection) => {
                    out.push(Output::ResumeReading { connection });
                    self.rests(now, connection);
                }
                Order::CloseLate(connection) => {
                    self.close_at_once(connection, "a frame that was granted did not arrive while others waited".to_owned(), out);
                }
            }
        }
        self.admit(now, out);
    }

    /// Closes what is too much, and tells the host which listeners accept.
    pub(crate) fn admit(&mut self, now: Mono, out: &mut Outbox) {
        if self.quotas.excess(self.closing) > 0 {
            self.push_out(out);
        }
        while let Some((listener, accepts)) = self.quotas.pop_told(now) {
            if accepts {
                reached!(&mut NotesOf(out), "listener.accepts_again", listener.0, 0);
                out.push(Output::ResumeAccepting { listener });
            } else {
                reached!(&mut NotesOf(out), "listener.full", listener.0, 0);
                out.push(Output::PauseAccepting { listener });
            }
        }
    }

    /// Closes those connections of clients on which nothing moved for longest, of those on which their peers are to move; others go when they rest.
    fn push_out(&mut self, out: &mut Outbox) {
        let mut stay = Vec::new();
        while self.quotas.excess(self.closing) > 0
            && let Some((since, connection)) = self.quiet.pop_oldest()
        {
            let owes = self.owes(connection);
            let session = self.sessions.get_mut(&connection).expect("who is gone is not watched");
            session.watch = None;
            if owes {
                continue; // it is watched again when the node has done its part
            }
            if session.moved > since {
                session.watch = Some(self.quiet.watch(session.moved, connection));
            } else if session.is_closing() || !self.quotas.may_go(session.peer.listener) {
                stay.push(connection);
            } else {
                reached!(&mut NotesOf(out), "connection.pushed_out", connection.0, 0);
                self.close_at_once(connection, "there are too many connections, and nothing moved on it for longest".to_owned(), out);
            }
        }
        for connection in stay {
            let session = self.sessions.get_mut(&connection).expect("it was just there");
            session.watch = Some(self.quiet.watch(session.moved, connection));
        }
    }
}
