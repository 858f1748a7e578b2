//! The node: one machine that is broker and controller over the same directories.

use std::sync::Arc;

use odradek_log::dir::ids::OwnerId;
use odradek_log::output::Input as LogInput;
use odradek_machine::{Deadline, Mono, Note, Now, reached};

use crate::descriptors::Descriptors;
use crate::io::{ConnectionId, Input, NotesOf, Outbox, Output};
use crate::running::{Event, Running};
use crate::setup::NodeSetup;
use crate::start::{Start, Started};

/// A node of the cluster.
///
/// Broker and controller talk by request and answer even where both are here, and brokers act on the committed image only: nothing in the broker knows
/// whether it is alone.
pub struct Node {
    setup: Arc<NodeSetup>,
    phase: Phase,
    descriptors: Option<Descriptors>,
}

/// | from | to | trigger |
/// |---|---|---|
/// | New | Starting | the first step |
/// | Starting | Running | every log directory said what it is |
/// | Starting | Ended | a log directory cannot be used, or [`Input::Stop`] |
/// | Running | Ended | stopped cleanly, or the node cannot go on |
enum Phase {
    New,
    Starting(Start),
    Running(Box<Running>),
    Ended,
}

impl Node {
    /// A node at the start of a life; its first step begins it.
    pub fn new(setup: NodeSetup) -> Node {
        Node { descriptors: setup.descriptors.map(Descriptors::new), setup: Arc::new(setup), phase: Phase::New }
    }

    /// The only way anything changes.
    pub fn step(&mut self, now: Now, input: Input, out: &mut Outbox) {
        let before = out.len();
        if let (Some(descriptors), Input::Disk { op, result }) = (&mut self.descriptors, &input) {
            descriptors.ended(*op, result.is_err());
        }
        if matches!(self.phase, Phase::New) {
            self.begin(now, out);
        }
        match &mut self.phase {
            Phase::New | Phase::Ended => {}
            Phase::Starting(_) => self.step_start(now, input, out),
            Phase::Running(running) => {
                route(running, now, input, out);
                running.settle(now, out);
            }
        }
        self.share_descriptors(now, before, out);
        self.end_if_over(out);
    }

    /// The earliest instant at which the node wants to be woken, and why. A node that never stepped wants it at once.
    pub fn deadline(&self) -> Option<Deadline> {
        match &self.phase {
            Phase::New => Some(Deadline { at: Mono(0), why: "start" }),
            Phase::Starting(_) | Phase::Ended => None,
            Phase::Running(running) => running.deadline(),
        }
    }

    /// Asserts every invariant that can be seen from inside: what the last step touched, and everything now and then.
    pub fn check(&self) {
        if let Phase::Running(running) = &self.phase {
            running.check();
        }
    }

    /// What it was made from.
    pub fn setup(&self) -> &NodeSetup {
        &self.setup
    }

    /// The most bytes ever held at once for requests and responses, as the accountant of [`crate::memory`] counts them.
    pub fn memory_bytes_peak(&self) -> u64 {
        match &self.phase {
            Phase::Running(running) => running.connections.memory().peak_bytes(),
            _ => 0,
        }
    }

    /// The node in service, for tests that look into it.
    #[cfg(test)]
    pub(crate) fn running(&self) -> Option<&Running> {
        match &self.phase {
            Phase::Running(running) => Some(running),
            _ => None,
        }
    }

    fn begin(&mut self, now: Now, out: &mut Outbox) {
        reached!(&mut NotesOf(out), "node.started", self.setup.node.0, 0);
        let (start, started) = Start::begin(now, Arc::clone(&self.setup), out);
        self.phase = Phase::Starting(start);
        self.started(now, started, out);
    }

    fn step_start(&mut self, now: Now, input: Input, out: &mut Outbox) {
        let Phase::Starting(start) = &mut self.phase else { return };
        let started = match input {
            Input::Disk { op, result } => start.disk_done(now, op, result, out),
            Input::Work { work, result } => match (start.storage.end_work(work), result) {
                (Some(owner), crate::work::WorkResult::Log(result)) => start.work_done(now, owner, result, out),
                _ => Started::NotYet,
            },
            Input::Stop => {
                self.phase = Phase::Ended;
                return out.push(Output::Stopped { outcome: Ok(()) });
            }
            _ => Started::NotYet,
        };
        self.started(now, started, out);
    }

    fn started(&mut self, now: Now, started: Started, out: &mut Outbox) {
        match started {
            Started::NotYet => {}
            Started::Running(mut running) => {
                running.settle(now, out);
                self.phase = Phase::Running(running);
            }
            Started::Refused(why) => {
                self.phase = Phase::Ended;
                out.push(Output::Stopped { outcome: Err(why) });
            }
        }
    }

    /// Connections follow what the files that this step opened and closed leave to them.
    fn share_descriptors(&mut self, now: Now, before: usize, out: &mut Outbox) {
        let Some(descriptors) = &mut self.descriptors else { return };
        descriptors.asked(&out[before..]);
        if let Phase::Running(running) = &mut self.phase
            && let Some(room) = descriptors.take_room()
        {
            running.connections.set_room(now.mono, room, out);
        }
    }

    fn end_if_over(&mut self, out: &mut Outbox) {
        let Phase::Running(running) = &mut self.phase else { return };
        if let Some(why) = running.fatal.take() {
            running.connections.close_all("the node cannot go on", out);
            out.push(Output::Stopped { outcome: Err(why) });
            self.phase = Phase::Ended;
        } else if running.ended {
            self.phase = Phase::Ended;
        }
    }
}

/// Hands an input to whom it concerns.
fn route(running: &mut Running, now: Now, input: Input, out: &mut Outbox) {
    running.touched.clear();
    match input {
        Input::Opened { connection, listener, ip, peer } => {
            running.connections.opened(now.mono, connection, listener, ip, &peer, out);
            if running.stopping.is_some() {
                running.connections.close(connection, "the broker stops".to_owned(), out);
            }
        }
        Input::FrameAnnounced { connection, bytes } => running.connections.announced(now.mono, connection, bytes, out),
        Input::Request { connection, frame_bytes, request: Ok(prepared) } => {
            running.connections.arrived(now.mono, connection, frame_bytes, prepared, out);
        }
        Input::Request { connection, request: Err(error), .. } => {
            out.push(Output::Note(Note::mark("request.malformed").says(error.to_string())));
            running.connections.close(connection, error.to_string(), out);
        }
        Input::Moved { connection } => running.connections.moved(now.mono, connection),
        Input::Flushed { connection } => running.connections.flushed(now.mono, connection, out),
        Input::SendFailed { range, says, .. } => {
            running.events.push_back(Event::ToOwner(OwnerId::of(range.file), LogInput::Unreadable { range, says }));
        }
        Input::Closed { connection } => closed(running, now, connection, out),
        Input::Disk { op, result } => running.disk_done(now, op, result, out),
        Input::Work { work, result } => running.work_done(work, result),
        Input::Wake => running.wake(now, out),
        Input::Stop => running.stop(now, out),
        // Nothing is dialed yet.
        Input::Response { .. } | Input::Dialed { .. } => {}
    }
}

fn closed(running: &mut Running, now: Now, connection: ConnectionId, out: &mut Outbox) {
    for key in running.connections.closed(now.mono, connection, out) {
        running.abandon(key);
    }
}
