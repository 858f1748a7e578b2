//! The client machines behind one border, so that one host carries them all.

use std::sync::Arc;

use bytes::Bytes;
use odradek_client::admin::{self, Admin};
use odradek_client::consumer::{self, Consumer};
use odradek_client::io::{ConnectionId, Input, Output};
use odradek_client::producer::{self, Producer};
use odradek_machine::{Deadline, Note, Now};

use super::hostile::{Hostile, Misdeed};

/// The topics of a run, with how many partitions each has.
pub type TopicList = [(Arc<str>, i32)];

/// A client machine.
pub enum Machine {
    /// Writes.
    Producer(Box<Producer>),
    /// Reads.
    Consumer(Box<Consumer>),
    /// Asks and changes.
    Admin(Box<Admin>),
    /// Keeps to no protocol.
    Hostile(Box<Hostile>),
}

/// What an application asks of its machine.
#[derive(Debug)]
pub enum Asked {
    /// Of a producer.
    Producer(producer::Command),
    /// Of a consumer.
    Consumer(consumer::Command),
    /// Of an admin client.
    Admin(admin::Command),
    /// Of a hostile client.
    Hostile(Misdeed),
}

/// What the host tells a machine.
#[derive(Debug)]
pub enum Told {
    /// The application asks.
    Asked(Asked),
    /// A dial ended.
    Dialed(ConnectionId, Result<(), String>),
    /// A whole response.
    Response(ConnectionId, Bytes),
    /// A connection is gone.
    Closed(ConnectionId),
    /// The deadline passed.
    Wake,
}

/// What a machine tells its application.
#[derive(Debug)]
pub enum Event {
    /// From a producer.
    Producer(producer::Event),
    /// From a consumer.
    Consumer(consumer::Event),
    /// From an admin client.
    Admin(admin::Event),
}

/// What a machine asks of its host.
#[derive(Debug)]
pub enum Said {
    /// Open a connection.
    Dial(ConnectionId, String),
    /// Send a frame in parts.
    Send(ConnectionId, Vec<Bytes>),
    /// Close at once.
    Close(ConnectionId),
    /// Tell the application.
    Event(Event),
    /// Something worth knowing.
    Note(Note),
}

impl Machine {
    /// Steps the machine and checks it.
    pub fn step(&mut self, now: Now, told: Told, said: &mut Vec<Said>) {
        match (self, told) {
            (Machine::Producer(machine), told) => {
                let mut out = Vec::new();
                machine.step(
                    now,
                    input(told, |asked| match asked {
                        Asked::Producer(command) => Some(command),
                        _ => None,
                    }),
                    &mut out,
                );
                machine.check();
                said.extend(out.into_iter().map(|output| say(output, Event::Producer)));
            }
            (Machine::Consumer(machine), told) => {
                let mut out = Vec::new();
                machine.step(
                    now,
                    input(told, |asked| match asked {
                        Asked::Consumer(command) => Some(command),
                        _ => None,
                    }),
                    &mut out,
                );
                machine.check();
                said.extend(out.into_iter().map(|output| say(output, Event::Consumer)));
            }
            (Machine::Admin(machine), told) => {
                let mut out = Vec::new();
                machine.step(
                    now,
                    input(told, |asked| match asked {
                        Asked::Admin(command) => Some(command),
                        _ => None,
                    }),
                    &mut out,
                );
                machine.check();
                said.extend(out.into_iter().map(|output| say(output, Event::Admin)));
            }
            (Machine::Hostile(machine), told) => machine.step(told, said),
        }
    }

    /// When it wants to be woken.
    pub fn deadline(&self) -> Option<Deadline> {
        match self {
            Machine::Producer(machine) => machine.deadline(),
            Machine::Consumer(machine) => machine.deadline(),
            Machine::Admin(machine) => machine.deadline(),
            Machine::Hostile(_) => None,
        }
    }
}

fn input<C>(told: Told, command: impl Fn(Asked) -> Option<C>) -> Input<C> {
    match told {
        Told::Asked(asked) => Input::Command(command(asked).expect("an application asks what its own machine does")),
        Told::Dialed(connection, result) => Input::Dialed { connection, result },
        Told::Response(connection, frame) => Input::Response { connection, frame },
        Told::Closed(connection) => Input::Closed { connection },
        Told::Wake => Input::Wake,
    }
}

fn say<E>(output: Output<E>, event: impl Fn(E) -> Event) -> Said {
    match output {
        Output::Dial { connection, host, .. } => Said::Dial(connection, host),
        Output::Send { connection, parts } => Said::Send(connection, parts),
        Output::Close { connection } => Said::Close(connection),
        Output::Event(told) => Said::Event(event(told)),
        Output::Note(note) => Said::Note(note),
    }
}
