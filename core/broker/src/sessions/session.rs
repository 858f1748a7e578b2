//! One connection as the core sees it: who is there, which requests are in hand, and in what order their answers leave.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;

use odradek_log::disk::FileRange;
use odradek_machine::{Mono, TimerId};
use odradek_wire::api::ApiKey;
use odradek_wire::ids::CorrelationId;
use odradek_wire::prepare::Prepared;
use odradek_wire::request::Request;
use odradek_wire::scatter::ScatterList;

use crate::io::{ConnectionId, ListenerId};

/// A request in hand: its connection, and its place among the requests of that connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestKey {
    /// The connection that it came on.
    pub connection: ConnectionId,
    /// Its place in the order of arrival.
    pub number: u64,
}

/// Who is at the other end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// By which listener it came.
    pub listener: ListenerId,
    /// Its address, by which its connections are counted.
    pub ip: IpAddr,
    /// Its address and port or name, for logs only.
    pub address: Arc<str>,
    /// Who it proved to be; `User:ANONYMOUS` on a listener without authentication.
    pub principal: Arc<str>,
    /// What its client calls itself, as of its last request.
    pub client_id: Arc<str>,
    /// What its client says it is made of (KIP-511), once it said so.
    pub software: Option<(Arc<str>, Arc<str>)>,
}

impl Peer {
    /// Remembers the client id of a request; copied only when it changes.
    pub fn calls_itself(&mut self, client_id: &str) {
        if *self.client_id != *client_id {
            self.client_id = Arc::from(client_id);
        }
    }
}

/// The principal of a connection that nobody authenticated.
pub const ANONYMOUS: &str = "User:ANONYMOUS";

/// What an answer must be encoded with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnswerHeader {
    /// The API.
    pub api: ApiKey,
    /// The version of the request.
    pub version: i16,
    /// What the client ties the answer to its request by.
    pub correlation: CorrelationId,
}

/// A request in hand.
///
/// | from | to | trigger |
/// |---|---|---|
/// | Queued | Running | those before it allow |
/// | Running | Answered | its handler answers, now or later |
/// | Answered | (sent) | every answer before it was sent |
#[derive(Debug)]
enum State {
    Queued(Box<Prepared>),
    Running,
    Answered(Option<ScatterList<FileRange>>),
}

#[derive(Debug)]
struct Slot {
    header: AnswerHeader,
    produce: bool,
    /// Bytes that are counted for it.
    bytes: u64,
    state: State,
}

/// One connection.
#[derive(Debug)]
pub struct Session {
    /// Who is there.
    pub peer: Peer,
    slots: VecDeque<Slot>,
    /// Number of the first slot.
    first: u64,
    /// Resident bytes of each response that was sent and not yet flushed, oldest first.
    unflushed: VecDeque<Unflushed>,
    closing: bool,
    closing_at_once: bool,
    /// When something last came or left, or the node last did its part.
    pub(super) moved: Mono,
    /// Its entry among the quiet ones; none while the node is at work for it.
    pub(super) watch: Option<TimerId>,
}

/// A response in the hands of the host.
#[derive(Debug)]
struct Unflushed {
    resident_bytes: u64,
    ranges: Vec<FileRange>,
}

/// A request that may be worked on.
#[derive(Debug)]
pub struct Started {
    /// Which.
    pub key: RequestKey,
    /// The request.
    pub prepared: Prepared,
}

/// A response that leaves, or an answer that is none (`acks=0`).
#[derive(Debug)]
pub struct Leaving {
    /// The frame, unless nothing is to be said.
    pub payload: Option<ScatterList<FileRange>>,
    /// Bytes that were counted for its request.
    pub request_bytes: u64,
}

impl Session {
    /// A connection that was just accepted.
    pub fn new(now: Mono, listener: ListenerId, ip: IpAddr, address: &str) -> Session {
        let (address, principal, client_id) = (Arc::from(address), Arc::from(ANONYMOUS), Arc::from(""));
        let peer = Peer { listener, ip, address, principal, client_id, software: None };
        Session {
            peer,
            slots: VecDeque::new(),
            first: 0,
            unflushed: VecDeque::new(),
            closing: false,
            closing_at_once: false,
            moved: now,
            watch: None,
        }
    }

    /// Takes a request in; `bytes` is what is counted for it.
    pub fn arrived(&mut self, prepared: Prepared, bytes: u64) {
        let h = &prepared.header;
        let header = AnswerHeader { api: h.api, version: h.version, correlation: h.correlation };
        let produce = matches!(prepared.request, Request::Produce(_));
        self.slots.push_back(Slot { header, produce, bytes, state: State::Queued(Box::new(prepared)) });
    }

    /// The next request that may be worked on: the oldest that is not answered, or a Produce behind unanswered Produces only.
    pub fn start(&mut self, connection: ConnectionId) -> Option<Started> {
        if self.closing {
            return None;
        }
        let at = self.slots.iter().position(|s| matches!(s.state, State::Queued(_)))?;
        let alone = self.slots.iter().take(at).all(|s| matches!(s.state, State::Answered(_)));
        let among_produces = self.slots.iter().take(at + 1).all(|s| s.produce);
        if !alone && !among_produces {
            return None;
        }
        let State::Queued(prepared) = std::mem::replace(&mut self.slots[at].state, State::Running) else {
            unreachable!("the slot was found queued");
        };
        Some(Started { key: RequestKey { connection, number: self.first + at as u64 }, prepared: *prepared })
    }

    /// How to encode the answer to a request; `None` if it is answered or its connection began to close.
    pub fn header(&self, number: u64) -> Option<AnswerHeader> {
        let slot = self.slots.get(usize::try_from(number.checked_sub(self.first)?).ok()?)?;
        matches!(slot.state, State::Running).then_some(slot.header)
    }

    /// Answers a request.
    pub fn answer(&mut self, number: u64, payload: Option<ScatterList<FileRange>>) {
        let Some(at) = number.checked_sub(self.first) else { return };
        let slot = &mut self.slots[at as usize];
        assert!(matches!(slot.state, State::Running), "request {number} answered while {:?}", slot.state);
        slot.state = State::Answered(payload);
    }

    /// The next answer that may leave.
    pub fn leave(&mut self) -> Option<Leaving> {
        let slot = self.slots.pop_front_if(|s| matches!(s.state, State::Answered(_)))?;
        self.first += 1;
        let State::Answered(payload) = slot.state else { unreachable!("the slot was found answered") };
        if let Some(payload) = &payload {
            self.unflushed.push_back(Unflushed { resident_bytes: cost(payload), ranges: ranges(payload) });
        }
        Some(Leaving { payload, request_bytes: slot.bytes })
    }

    /// The oldest response left: gives its resident bytes, and if it held file ranges.
    pub fn flushed(&mut self) -> Option<u64> {
        self.unflushed.pop_front().map(|u| u.resident_bytes)
    }

    /// True if a response in the hands of the host, or one that waits to leave, points at bytes of a file beyond `past`.
    pub fn holds_range(&self, beyond: impl Fn(&FileRange) -> bool) -> bool {
        let waiting = self.slots.iter().filter_map(|s| if let State::Answered(Some(p)) = &s.state { Some(p) } else { None });
        self.unflushed.iter().flat_map(|u| &u.ranges).any(&beyond) || waiting.flat_map(ranges).any(|r| beyond(&r))
    }

    /// The requests that are worked on, by number.
    pub fn running(&self) -> impl Iterator<Item = u64> {
        self.slots.iter().zip(self.first..).filter(|(s, _)| matches!(s.state, State::Running)).map(|(_, number)| number)
    }

    /// True while a request is worked on: the node owes the next move.
    pub fn is_worked_for(&self) -> bool {
        self.slots.iter().any(|s| matches!(s.state, State::Running))
    }

    /// True while a response is in the hands of the host: the peer owes its reading.
    pub fn has_unflushed(&self) -> bool {
        !self.unflushed.is_empty()
    }

    /// Starts nothing more, and waits for nothing to leave; true the first time.
    pub const fn begin_closing_at_once(&mut self) -> bool {
        self.closing = true;
        !std::mem::replace(&mut self.closing_at_once, true)
    }

    /// Starts nothing more; true the first time.
    pub const fn begin_closing(&mut self) -> bool {
        !std::mem::replace(&mut self.closing, true)
    }

    /// True once nothing more leaves.
    pub const fn is_closing_at_once(&self) -> bool {
        self.closing_at_once
    }

    /// True once nothing more is started.
    pub const fn is_closing(&self) -> bool {
        self.closing
    }
}

/// What a response costs in memory until it is flushed: its bytes, and what keeps them together.
pub(super) fn cost(payload: &ScatterList<FileRange>) -> u64 {
    const KEPT_TOGETHER_BYTES: u64 = 512;
    payload.resident_bytes() + KEPT_TOGETHER_BYTES
}

fn ranges(payload: &ScatterList<FileRange>) -> Vec<FileRange> {
    use odradek_wire::scatter::Part;
    payload.parts().iter().filter_map(|p| if let Part::Range(r) = p { Some(*r) } else { None }).collect()
}
