//! The host of a node: carries out its outputs and brings their completions back, on one loop thread.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use odradek_broker::Node;
use odradek_broker::io::{Closing, ConnectionId, Input, ListenerId, Outbox, Output, WorkId};
use odradek_broker::work::WorkResult;
use odradek_log::disk::FileRange;
use odradek_machine::Mono;
use odradek_wire::scatter::{Part, ScatterList};
use tokio::sync::Notify;

use crate::accept::Gate;
use crate::clock::Clock;
use crate::connection::Connection;
use crate::counters::Counters;
use crate::disk::{Disk, Finished, Helpers, Lane};
use crate::journal;
use crate::outgoing::Piece;
use crate::work;

/// What comes back to the loop from a helper.
pub enum Back {
    /// A disk operation.
    Disk(Finished),
    /// A unit of work.
    Work(WorkId, WorkResult),
    /// The pages at the head of a connection's queue are in memory.
    Warm(ConnectionId),
}

/// Things that the loop of the server waits for.
#[derive(Default)]
pub struct Signals {
    /// The earliest deadline moved forward.
    pub deadline: Notify,
    /// The node wants connections.
    pub listen: Notify,
    /// The node has ended.
    pub stopped: Notify,
    /// Disk operations found no descriptor.
    pub starved: Notify,
}

/// A node and everything its outputs act upon. Borrowed for the length of one input, never across an await.
pub struct Host {
    node: Node,
    outbox: Outbox,
    /// The outbox of the step before, kept for its memory.
    spare: Outbox,
    disk: Disk,
    helpers: Helpers,
    clock: Clock,
    connections: HashMap<ConnectionId, Rc<Connection>>,
    gates: RefCell<HashMap<ListenerId, Rc<Gate>>>,
    outcome: Option<Result<(), String>>,
    armed: Option<Mono>,
    signals: Rc<Signals>,
    counters: Arc<Counters>,
}

/// The one host of this thread.
pub type Shared = Rc<RefCell<Host>>;

impl Host {
    /// A host around a node that has not taken a step.
    pub fn new(node: Node, disk: Disk, helpers: Helpers, clock: Clock, signals: Rc<Signals>, counters: Arc<Counters>) -> Host {
        Host {
            node,
            outbox: Outbox::new(),
            spare: Outbox::new(),
            disk,
            helpers,
            clock,
            connections: HashMap::new(),
            gates: RefCell::default(),
            outcome: None,
            armed: None,
            signals,
            counters,
        }
    }

    /// Steps the node and carries out all that follows at once.
    pub fn input(&mut self, input: Input) {
        if self.outcome.is_some() {
            return;
        }
        self.node.step(self.clock.now(), input, &mut self.outbox);
        self.settle();
    }

    /// Takes in what a helper brought.
    pub fn back(&mut self, back: Back) {
        match back {
            Back::Disk(finished) => {
                self.disk.finished(finished);
                if self.disk.is_starved() {
                    self.signals.starved.notify_one();
                }
                self.settle();
            }
            Back::Work(work, result) => self.input(Input::Work { work, result }),
            Back::Warm(connection) => {
                if let Some(connection) = self.connections.get(&connection) {
                    connection.warmed();
                }
            }
        }
    }

    /// The gate of a listener.
    pub fn gate(&self, listener: ListenerId) -> Rc<Gate> {
        Rc::clone(self.gates.borrow_mut().entry(listener).or_default())
    }

    /// Tries operations again that found no descriptor.
    pub fn try_again(&mut self) {
        self.disk.try_again();
    }

    /// A connection was accepted.
    pub fn opened(&mut self, connection: Rc<Connection>, input: Input) {
        self.connections.insert(connection.id, connection);
        self.input(input);
    }

    /// A connection is gone; the node hears of it once.
    pub fn closed(&mut self, id: ConnectionId) {
        if self.connections.remove(&id).is_some() {
            self.input(Input::Closed { connection: id });
        }
    }

    /// Has the pages of a range read by a helper, then lets the connection go on.
    pub fn warm(&self, id: ConnectionId, file: Arc<std::fs::File>, at: u64, length: u64) {
        self.helpers.run_any(
            Lane::Files,
            Box::new(move || {
                crate::outgoing::warm(&file, at, length);
                Back::Warm(id)
            }),
        );
    }

    /// When the loop must wake the node next; remembers that it will.
    pub fn arm(&mut self) -> Option<tokio::time::Instant> {
        self.armed = self.node.deadline().map(|deadline| deadline.at);
        self.armed.map(|at| self.clock.instant(at))
    }

    /// What the rim has done so far.
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// How the node ended, if it did.
    pub fn outcome(&self) -> Option<Result<(), String>> {
        self.outcome.clone()
    }

    /// Carries out outputs and reports completions until neither is left.
    fn settle(&mut self) {
        loop {
            while !self.outbox.is_empty() {
                std::mem::swap(&mut self.outbox, &mut self.spare);
                let mut outputs = std::mem::take(&mut self.spare);
                for output in outputs.drain(..) {
                    self.carry_out(output);
                }
                self.spare = outputs;
            }
            let Some((op, result)) = self.disk.next_done() else { break };
            if self.outcome.is_none() {
                self.node.step(self.clock.now(), Input::Disk { op, result }, &mut self.outbox);
            }
        }
        self.counters.memory_bytes_peak.raise(self.node.memory_bytes_peak());
        let earliest = self.node.deadline().map(|deadline| deadline.at);
        if earliest.is_some_and(|at| self.armed.is_none_or(|armed| at < armed)) {
            self.signals.deadline.notify_one();
        }
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Disk { op, dir, action } => self.disk.submit(op, dir, action),
            Output::Send { connection, payload } => self.send(connection, payload),
            Output::Work { work, what } => work::begin(work, what, &self.disk, &self.helpers),
            Output::PauseAccepting { listener } => self.gate(listener).set_open(false),
            Output::ResumeAccepting { listener } => self.gate(listener).set_open(true),
            Output::Grant { connection } => self.on(connection, Connection::grant),
            Output::PauseReading { connection } => self.on(connection, Connection::pause),
            Output::ResumeReading { connection } => self.on(connection, Connection::resume),
            Output::Close { connection, why, when } => self.on(connection, |closing| {
                match when {
                    Closing::Drained => tracing::warn!(connection = connection.0, peer = closing.peer, why, "closing a connection"),
                    // The peer did nothing wrong, or nothing at all.
                    Closing::AtOnce => tracing::info!(connection = connection.0, peer = closing.peer, why, "closing a connection"),
                }
                closing.close(when);
            }),
            Output::Dial { connection, host, port } => {
                // Only a cluster of several nodes dials; the answer keeps the core's promise that each dial ends.
                let result = Err(format!("{host}:{port}: this server opens no connections"));
                self.node.step(self.clock.now(), Input::Dialed { connection, result }, &mut self.outbox);
            }
            Output::Listen => self.signals.listen.notify_one(),
            Output::Note(note) => journal::tell(&note),
            Output::Stopped { outcome } => {
                self.outcome = Some(outcome);
                self.signals.stopped.notify_one();
            }
        }
    }

    fn on(&self, id: ConnectionId, act: impl FnOnce(&Connection)) {
        // A connection that has gone in the meantime needs nothing more.
        if let Some(connection) = self.connections.get(&id) {
            act(connection);
        }
    }

    fn send(&self, id: ConnectionId, payload: ScatterList<FileRange>) {
        let Some(connection) = self.connections.get(&id) else { return };
        let pieces = payload.into_parts().into_iter().map(|part| match part {
            Part::Bytes(bytes) => Piece::Bytes(bytes),
            Part::Range(range) => Piece::File { file: self.disk.file_of(&range), range },
        });
        connection.enqueue(pieces.chain([Piece::End]));
    }
}
