//! A host for client machines on real sockets: what the command line speaks to a cluster with.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
use odradek_client::io::{ConnectionId, Input, Output};
use odradek_client::{admin, consumer, producer};
use odradek_machine::{Deadline, Now};
use odradek_wire::frame::{FrameEvent, FrameLimits, Framer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::clock::Clock;

/// What producer, consumer and admin have in common.
pub trait Machine {
    /// What the application asks.
    type Command;
    /// What it is told.
    type Event;
    /// The only way anything changes.
    fn step(&mut self, now: Now, input: Input<Self::Command>, out: &mut Vec<Output<Self::Event>>);
    /// When it wants to be woken.
    fn deadline(&self) -> Option<Deadline>;
}

macro_rules! machine {
    ($machine:ty, $module:ident) => {
        impl Machine for $machine {
            type Command = $module::Command;
            type Event = $module::Event;
            fn step(&mut self, now: Now, input: Input<Self::Command>, out: &mut Vec<Output<Self::Event>>) {
                self.step(now, input, out);
            }
            fn deadline(&self) -> Option<Deadline> {
                self.deadline()
            }
        }
    };
}

machine!(producer::Producer, producer);
machine!(consumer::Consumer, consumer);
machine!(admin::Admin, admin);

/// A client machine with its connections; lives on a `LocalSet`.
pub struct Remote<M: Machine> {
    machine: M,
    outbox: Vec<Output<M::Event>>,
    events: VecDeque<M::Event>,
    clock: Clock,
    connections: HashMap<ConnectionId, UnboundedSender<Vec<Bytes>>>,
    back: UnboundedReceiver<(ConnectionId, Back)>,
    sender: UnboundedSender<(ConnectionId, Back)>,
    trouble: Option<Listener>,
}

/// Who wants to hear of a server that cannot be reached.
type Listener = Box<dyn FnMut(&str)>;

enum Back {
    Dialed(Result<(), String>),
    Response(Bytes),
    Closed,
}

impl<M: Machine> Remote<M> {
    /// A host around a machine that has not taken a step.
    pub fn new(machine: M) -> Remote<M> {
        let (sender, back) = unbounded_channel();
        let (outbox, events) = (Vec::new(), VecDeque::new());
        Remote { machine, outbox, events, clock: Clock::start(), connections: HashMap::new(), back, sender, trouble: None }
    }

    /// Calls `tell` once, with the address and the reason, if a server cannot be reached.
    pub fn on_trouble(&mut self, tell: impl FnMut(&str) + 'static) {
        self.trouble = Some(Box::new(tell));
    }

    /// Asks the machine something.
    pub fn command(&mut self, command: M::Command) {
        self.step(Input::Command(command));
    }

    /// The next event, once there is one.
    pub async fn event(&mut self) -> M::Event {
        loop {
            if let Some(event) = self.events.pop_front() {
                return event;
            }
            let wake = self.machine.deadline().map(|deadline| self.clock.instant(deadline.at));
            let late = async move {
                match wake {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                back = self.back.recv() => {
                    let (connection, back) = back.expect("this side keeps a sender");
                    self.back(connection, back);
                }
                () = late => self.step(Input::Wake),
            }
        }
    }

    fn back(&mut self, connection: ConnectionId, back: Back) {
        if !self.connections.contains_key(&connection) {
            return; // closed by the machine meanwhile: it wants to hear nothing more
        }
        match back {
            Back::Dialed(result) => {
                if let Err(why) = &result {
                    self.connections.remove(&connection);
                    if let Some(mut tell) = self.trouble.take() {
                        tell(why);
                    }
                }
                self.step(Input::Dialed { connection, result });
            }
            Back::Response(frame) => self.step(Input::Response { connection, frame }),
            Back::Closed => {
                self.connections.remove(&connection);
                self.step(Input::Closed { connection });
            }
        }
    }

    fn step(&mut self, input: Input<M::Command>) {
        self.machine.step(self.clock.now(), input, &mut self.outbox);
        for output in std::mem::take(&mut self.outbox) {
            match output {
                Output::Dial { connection, host, port } => {
                    let (parts, outgoing) = unbounded_channel();
                    self.connections.insert(connection, parts);
                    tokio::task::spawn_local(speak(connection, host, port, outgoing, self.sender.clone()));
                }
                Output::Send { connection, parts } => {
                    if let Some(queue) = self.connections.get(&connection) {
                        // A connection that has just ended says so by itself.
                        let _ = queue.send(parts);
                    }
                }
                Output::Close { connection } => drop(self.connections.remove(&connection)),
                Output::Event(event) => self.events.push_back(event),
                Output::Note(note) => tracing::trace!(mark = note.mark, says = note.says.as_deref().unwrap_or_default()),
            }
        }
    }
}

/// The life of one connection; ends when either side has had enough.
async fn speak(
    id: ConnectionId,
    host: String,
    port: u16,
    outgoing: UnboundedReceiver<Vec<Bytes>>,
    back: UnboundedSender<(ConnectionId, Back)>,
) {
    let stream = match TcpStream::connect((host.as_str(), port)).await {
        Ok(stream) => stream,
        Err(error) => {
            let _ = back.send((id, Back::Dialed(Err(format!("{host}:{port}: {error}")))));
            return;
        }
    };
    // Small requests leave at once; failing to ask for it costs delay and nothing else.
    let _ = stream.set_nodelay(true);
    let _ = back.send((id, Back::Dialed(Ok(()))));
    let (reader, writer) = stream.into_split();
    let ended = tokio::select! {
        ended = hear(id, reader, &back) => ended,
        ended = say(writer, outgoing) => ended,
    };
    if let Err(error) = ended {
        tracing::debug!(connection = id.0, %error, "connection to {host}:{port} ended");
    }
    let _ = back.send((id, Back::Closed));
}

async fn hear(
    id: ConnectionId,
    mut reader: tokio::net::tcp::OwnedReadHalf,
    back: &UnboundedSender<(ConnectionId, Back)>,
) -> std::io::Result<()> {
    let mut framer = Framer::new(FrameLimits::client());
    loop {
        match framer.poll().map_err(std::io::Error::other)? {
            Some(FrameEvent::Frame(frame)) => drop(back.send((id, Back::Response(frame)))),
            Some(FrameEvent::Announced { .. }) => {}
            None => {
                if reader.read_buf(&mut framer.spare()).await? == 0 {
                    return Ok(());
                }
            }
        }
    }
}

async fn say(mut writer: tokio::net::tcp::OwnedWriteHalf, mut outgoing: UnboundedReceiver<Vec<Bytes>>) -> std::io::Result<()> {
    while let Some(parts) = outgoing.recv().await {
        for mut part in parts {
            writer.write_all_buf(&mut part).await?;
        }
    }
    Ok(())
}
