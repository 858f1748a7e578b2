//! The two kinds of hosts: a node with its disks, and a client with its application.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use odradek_broker::Node;
use odradek_broker::io::{ConnectionId, Input, Outbox, WorkId};
use odradek_broker::work::Work;
use odradek_client::io::ConnectionId as ClientConnectionId;
use odradek_wire::api::ApiKey;
use odradek_wire::ids::TopicPartition;

use super::socket::Socket;
use crate::clock::Clock;
use crate::disk::queue::Queue;
use crate::disk::{Disk, Survival};
use crate::net::WireId;
use crate::oracle::Fate;
use crate::time::Time;
use crate::workload::{AdminApp, ConsumerApp, HostileApp, Machine, ProducerApp, Told};

/// When a process steps: one input after the other, each taking its time.
#[derive(Debug, Default)]
pub struct Pace {
    /// Its how-manyeth life, from one; what belongs to an earlier one is not for it.
    pub life: u32,
    /// It is in the middle of a step until then.
    pub busy_until: Time,
    /// A turn is scheduled.
    pub due: bool,
    /// A wake is scheduled for then.
    pub wake_at: Option<Time>,
    /// It stands still.
    pub paused: bool,
    /// Every step takes so many times as long.
    pub slow: u64,
    /// Steps taken, over all lives.
    pub steps: u64,
}

impl Pace {
    /// A process that has not lived yet.
    pub fn new() -> Pace {
        Pace { slow: 1, ..Pace::default() }
    }

    /// A new life.
    pub const fn rise(&mut self, now: Time) {
        self.life += 1;
        (self.busy_until, self.due, self.wake_at, self.paused) = (now, false, None, false);
    }
}

/// A response that a node owes on a connection.
#[derive(Debug)]
pub struct Owed {
    /// To which request.
    pub api: ApiKey,
    /// In which version.
    pub version: i16,
    /// For Produce: how many records go where.
    pub records: Vec<(TopicPartition, u32)>,
}

/// The end of a life that comes between two outputs of a step.
#[derive(Clone, Copy, Debug)]
pub struct Doom {
    /// By which fault.
    pub by: usize,
    /// How.
    pub fate: Fate,
    /// What a power cut keeps, where the scenario says so.
    pub survival: Option<Survival>,
}

/// A broker's machine: process, disks, clock.
pub struct NodeHost {
    /// What it is called.
    pub name: String,
    /// The process, while it lives.
    pub node: Option<Box<Node>>,
    /// When it steps.
    pub pace: Pace,
    /// Its clocks.
    pub clock: Clock,
    /// Its log directories.
    pub disks: Vec<Disk>,
    /// Disk operations that have not completed.
    pub queue: Queue,
    /// Work that is not done, with the length that its file had.
    pub works: BTreeMap<WorkId, (Work, u64)>,
    /// What waits for the process.
    pub inbox: VecDeque<Input>,
    /// Its connections.
    pub sockets: BTreeMap<ConnectionId, Socket>,
    /// The same by their wires.
    pub by_wire: BTreeMap<WireId, ConnectionId>,
    /// Responses owed, by connection, in order.
    pub owed: BTreeMap<ConnectionId, VecDeque<Owed>>,
    /// Connections accepted in this life.
    pub accepted: u64,
    /// It listens: its kernel takes connections.
    pub listening: bool,
    /// The process accepts what the kernel took.
    pub accepting: bool,
    /// It is about to hear of a connection that it accepted; the next one waits for that.
    pub accepts: bool,
    /// Connections that the kernel took and the process has not accepted, oldest first.
    pub backlog: VecDeque<WireId>,
    /// Its kernel refuses connections, because of so many faults.
    pub refusing: u32,
    /// The machine has power.
    pub powered: bool,
    /// Every disk operation takes so many times as long.
    pub disk_slow: u64,
    /// No disk operation completes before then.
    pub disk_stalled_until: Time,
    /// It is to fall in the middle of its next step.
    pub doomed: Option<Doom>,
    /// It was asked to stop.
    pub stopping: bool,
    /// Partitions whose logs this life said to be out of service.
    pub unserved: BTreeSet<TopicPartition>,
    /// How often it gave up by itself since the world healed.
    pub gave_up: u32,
    /// Log directories that this life stopped cleanly.
    pub stopped_cleanly: u16,
    /// Its time to be down was over before it was.
    pub rises_when_stopped: bool,
    /// A log or a directory of this life is out of service: only a new life mends that.
    pub out_of_service: bool,
    /// Why it ended or could not start, last time.
    pub last_words: Option<String>,
    /// Reused from step to step.
    pub outbox: Outbox,
}

/// What an application does.
#[derive(Debug)]
pub enum App {
    /// It writes.
    Producer(ProducerApp),
    /// It reads.
    Consumer(ConsumerApp),
    /// It asks.
    Admin(AdminApp),
    /// It does harm.
    Hostile(HostileApp),
    /// The world's own hands: sets up, acts as operator, reads at the end.
    Own,
}

/// A client's machine.
pub struct ClientHost {
    /// What it is called.
    pub name: String,
    /// The client process, while it lives.
    pub machine: Option<Machine>,
    /// The application.
    pub app: App,
    /// When it steps.
    pub pace: Pace,
    /// Its clocks.
    pub clock: Clock,
    /// What waits for the process.
    pub inbox: VecDeque<Told>,
    /// Its connections, dialed ones included.
    pub sockets: BTreeMap<ClientConnectionId, Socket>,
    /// The same by their wires.
    pub by_wire: BTreeMap<WireId, ClientConnectionId>,
    /// Requests of this kind are held from the next one on.
    pub hold: Option<(ApiKey, usize)>,
    /// Connections on which what is sent is held.
    pub held: Vec<WireId>,
}
