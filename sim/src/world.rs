//! One run: hosts, network and disks under one queue of events, from the first step to the audit.
//!
//! | file | what it holds |
//! |---|---|
//! | `host`, `socket` | what a machine has |
//! | `node` | a node's inputs, steps and outputs |
//! | `client` | a client's |
//! | `streams` | what happens on the network |
//! | `lives` | how processes rise and fall |
//! | `faults`, `suffer` | when things go wrong, and what they do |
//! | `media` | what is destroyed on disks |
//! | `words` | what a trace calls it all |
//! | `phases` | setup, chaos, heal, liveness, final reads, audit |
//! | `refusals` | what a healed cluster does not give any more |

mod client;
mod faults;
mod host;
mod lives;
mod media;
mod node;
mod phases;
mod refusals;
mod socket;
mod streams;
mod suffer;
mod words;

use std::collections::BTreeMap;
use std::sync::Arc;

use odradek_machine::{Guards, Seed};
use odradek_wire::ids::Uuid;

use crate::disk::queue::Turn;
use crate::hash::RollingHash;
use crate::net::{HostId, NetEvent, NetOutbox, Network, WireId};
use crate::oracle::{self, Oracle, Violation};
use crate::plan::{Plan, Signal};
use crate::queue::Queue;
use crate::scenario::Measure;
use crate::time::{MICROSECOND, SECOND, Time};
use crate::weather::{Kind, STEP_NS, Weather};
use crate::workload::Said;

use faults::Faults;
use host::{ClientHost, NodeHost};
use media::Media;
use phases::{Own, Phase};
use socket::Heard;

pub use faults::FaultReport;

/// What happens next, somewhere.
#[derive(Clone, Copy, Debug)]
enum Happening {
    /// On the network.
    Net(WireId, NetEvent),
    /// A disk operation's time has come.
    Disk { node: u16, life: u32, turn: Turn },
    /// A unit of work is done.
    Work { node: u16, life: u32, work: odradek_broker::io::WorkId },
    /// A process has time for what waits.
    Run { host: HostId, life: u32 },
    /// A process wanted to be woken.
    Wake { host: HostId, life: u32 },
    /// An application begins an operation.
    Operate { client: u16 },
    /// A process begins a life.
    Rise { host: HostId, life: u32 },
    /// A node that was to fall in the middle of a step took none.
    Doomed { node: u16, life: u32 },
    /// A fault's time may have come.
    Tick { fault: usize },
    /// A fault begins.
    Begin { fault: usize },
    /// A fault ends.
    End { fault: usize },
    /// The world looks whether the phase is over.
    Phase,
}

/// What a run is judged by, apart from what the oracle says.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Events carried out.
    pub events: u64,
    /// Client operations begun.
    pub asked: u64,
    /// Client operations acknowledged.
    pub acknowledged: u64,
    /// Records handed to consuming applications.
    pub read: u64,
    /// Bytes that the world destroyed on media.
    pub destroyed: u64,
    /// Marks reached, and how often.
    pub marks: BTreeMap<&'static str, u64>,
    /// Errors that applications were told, and how often.
    pub errors: BTreeMap<String, u64>,
}

/// Why a run ended before its end.
#[derive(Clone, Debug)]
pub enum Stop {
    /// A sentence was broken.
    Violation(Violation),
    /// The cluster did not come to rest, or never began.
    Liveness(String),
}

/// Takes a line of the trace: the true time, who, and what.
pub type Tracer<'a> = &'a mut dyn FnMut(Time, &str, &str);

/// One run.
pub struct World<'p, 't> {
    plan: &'p Plan,
    guards: Guards,
    now: Time,
    queue: Queue<Happening>,
    pushed: u64,
    weather: Weather,
    net: Network,
    net_out: NetOutbox,
    nodes: Vec<NodeHost>,
    clients: Vec<ClientHost>,
    topics: Vec<(Arc<str>, i32)>,
    topic_ids: BTreeMap<Uuid, Arc<str>>,
    faults: Faults,
    media: Media,
    phase: Phase,
    own: Own,
    chaos_began: Time,
    oracle: Oracle,
    tally: Tally,
    hash: RollingHash,
    stop: Option<Stop>,
    tracer: Option<Tracer<'t>>,
    salt: Option<u64>,
    /// The node whose outputs are being carried out.
    stepping: Option<usize>,
    /// Reused.
    heard: Vec<Heard>,
    said: Vec<Said>,
    telling: Vec<oracle::Event<'static>>,
}

/// How a run ended.
pub struct Ending {
    /// Why it ended early, if it did.
    pub stop: Option<Stop>,
    /// What was counted.
    pub tally: Tally,
    /// Everything that happened.
    pub hash: RollingHash,
    /// How long it took, in simulated time.
    pub simulated: Time,
    /// What became of each fault.
    pub faults: Vec<FaultReport>,
    /// Anomalies that were seen, allowed ones included.
    pub seen: BTreeMap<String, u64>,
    /// A node refused to start for what the world destroyed: the run ends there, and what was still to go wrong has nobody to happen to.
    pub refused: bool,
}

/// A run that is not over after this much simulated time beyond its phases is a run of our own making: never met, and a bound on mistakes.
const EVENTS_MAX: u64 = 200_000_000;
/// After so many events a planted nondeterminism shows.
const SALTED_AT: u64 = 100;

impl<'p, 't> World<'p, 't> {
    /// A run that has not begun.
    pub fn new(plan: &'p Plan, oracle: Oracle, guards: Guards, tracer: Option<Tracer<'t>>) -> World<'p, 't> {
        let mut world = World {
            plan,
            guards,
            now: Time(0),
            queue: Queue::default(),
            pushed: 0,
            weather: Weather::new(Seed(plan.seed), plan.calm.clone()),
            net: Network::default(),
            net_out: Vec::new(),
            nodes: Vec::new(),
            clients: Vec::new(),
            topics: plan.topics.iter().map(|topic| (topic.name.clone(), topic.partitions)).collect(),
            topic_ids: BTreeMap::new(),
            faults: Faults::new(plan),
            media: Media::of(plan),
            phase: Phase::Setup,
            own: Own::default(),
            chaos_began: Time(0),
            oracle,
            tally: Tally::default(),
            hash: RollingHash::default(),
            stop: None,
            tracer,
            salt: None,
            stepping: None,
            heard: Vec::new(),
            said: Vec::new(),
            telling: Vec::new(),
        };
        world.people();
        world
    }

    /// Puts a file on the first disk of the first broker before anything begins.
    pub fn give(&mut self, name: &odradek_log::disk::Name, bytes: &[u8]) {
        let wall = odradek_machine::WallMs(crate::clock::EPOCH_MS);
        self.nodes[0].disks[0].place(name, bytes, wall);
    }

    /// Plants a nondeterminism: the run depends on this number from its hundredth event on. The comparison of runs is tried by it.
    pub const fn depend_on(&mut self, salt: Option<u64>) {
        self.salt = salt;
    }

    /// Runs to the end.
    pub fn run(&mut self) {
        while self.stop.is_none() && !self.is_over() {
            let Some((at, happening)) = self.queue.pop() else {
                self.stop = Some(Stop::Liveness("nothing happens any more".to_owned()));
                break;
            };
            self.now = self.now.max(at);
            self.tally.events += 1;
            assert!(self.tally.events < EVENTS_MAX, "the run does not end: {happening:?} at {}", self.now);
            self.happen(happening);
            if self.tally.events == SALTED_AT {
                self.take_salt();
            }
        }
        if self.stop.is_none() {
            self.tell(&oracle::Event::Finished);
        }
    }

    /// What came of it, as far as it ran.
    pub fn end(self) -> Ending {
        let seen = self.oracle.seen();
        let refused = self.tally.marks.contains_key(refusals::REFUSES);
        Ending { stop: self.stop, tally: self.tally, hash: self.hash, simulated: self.now, faults: self.faults.report(), seen, refused }
    }

    fn take_salt(&mut self) {
        if let Some(salt) = self.salt {
            self.hash.number(salt);
            self.trace("world", || format!("depends on {salt}"));
        }
    }

    fn happen(&mut self, happening: Happening) {
        self.hash.number(self.now.0);
        match happening {
            Happening::Net(wire, event) => self.net_event(wire, event),
            Happening::Disk { node, life, turn } => self.disk_turn(node, life, turn),
            Happening::Work { node, life, work } => self.work_done(node, life, work),
            Happening::Run { host, life } => self.run_host(host, life),
            Happening::Wake { host, life } => self.wake_host(host, life),
            Happening::Operate { client } => self.operate(client),
            Happening::Rise { host, life } => self.rise_host(host, life),
            Happening::Doomed { node, life } if self.nodes[usize::from(node)].pace.life == life => self.fulfil_doom(usize::from(node)),
            Happening::Doomed { .. } => {}
            Happening::Tick { fault } => self.tick(fault),
            Happening::Begin { fault } => self.begin_fault(fault),
            Happening::End { fault } => self.end_fault(fault),
            Happening::Phase => self.advance_phase(),
        }
    }

    fn push(&mut self, at: Time, happening: Happening) {
        self.pushed += 1;
        let at = at.max(self.now);
        self.queue.push(at, self.weather.tie(at, self.pushed), happening);
    }

    /// Does something on the network, and schedules what follows.
    fn on_net<T>(&mut self, at: Time, act: impl FnOnce(&mut Network, Time, &Weather, &mut NetOutbox) -> T) -> T {
        let mut out = std::mem::take(&mut self.net_out);
        let value = act(&mut self.net, at, &self.weather, &mut out);
        for (at, wire, event) in out.drain(..) {
            self.push(at, Happening::Net(wire, event));
        }
        self.net_out = out;
        value
    }

    /// Shows something to the oracle.
    fn tell(&mut self, event: &oracle::Event<'_>) {
        if let Err(violation) = self.oracle.observe(event)
            && self.stop.is_none()
        {
            self.stop = Some(Stop::Violation(violation));
        }
    }

    /// Shows to the oracle what applications did and saw.
    fn tell_all(&mut self) {
        let mut telling = std::mem::take(&mut self.telling);
        for event in telling.drain(..) {
            if let oracle::Event::GaveUp { error, .. } = &event {
                *self.tally.errors.entry(error.clone()).or_default() += 1;
            }
            if self.tracer.is_some() {
                let (client, says) = words::application(&event);
                let who = client.map_or_else(|| "oracle".to_owned(), |client| self.clients[usize::from(client)].name.clone());
                self.trace(&who, || says);
            }
            self.tell(&event);
        }
        self.telling = telling;
    }

    /// Gives a signal to everything that waits for one.
    fn signal(&mut self, signal: Signal<'_>) {
        for (fault, after_ns) in self.faults.signal(signal) {
            self.fire(fault, after_ns);
        }
    }

    fn measured(&mut self, measure: Measure, value: u64) {
        self.signal(Signal::Measured(measure, value));
    }

    /// Writes a line of the trace; the line is only made if anybody reads it.
    fn trace(&mut self, who: &str, what: impl FnOnce() -> String) {
        if let Some(tracer) = &mut self.tracer {
            tracer(self.now, who, &what());
        }
    }

    fn host_name(&self, host: HostId) -> String {
        let nth = usize::from(host.0);
        self.nodes.get(nth).map_or_else(|| self.clients[nth - self.nodes.len()].name.clone(), |node| node.name.clone())
    }

    /// The client of a host, if it is one.
    fn client_of(&self, host: HostId) -> Option<usize> {
        usize::from(host.0).checked_sub(self.nodes.len())
    }

    fn host_of_client(&self, client: usize) -> HostId {
        HostId((self.nodes.len() + client) as u16)
    }

    /// How long a step takes.
    fn step_ns(&self, host: HostId, steps: u64, slow: u64) -> u64 {
        self.weather.span(Kind::Step, u64::from(host.0), self.now, steps, STEP_NS.0, STEP_NS.1).saturating_mul(slow)
    }

    /// How late a wake comes: mostly within a millisecond, one time in 64 within eight.
    fn lateness_ns(&self, host: HostId, deadline: u64) -> u64 {
        self.weather.span(Kind::Wake, u64::from(host.0), self.now, deadline, 2 * MICROSECOND, SECOND / 1000)
    }
}
