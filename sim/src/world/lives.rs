//! How processes rise and fall.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use odradek_broker::io::{Input, Outbox};
use odradek_broker::{Node, NodeSetup};
use odradek_cluster::config::StaticConfig;
use odradek_machine::Seed;
use odradek_wire::ids::NodeId;

use super::host::{App, ClientHost, Doom, NodeHost, Pace};
use super::{Happening, Stop, World};
use crate::clock::Clock;
use crate::disk::queue::Queue;
use crate::disk::{Disk, Moment, Survival};
use crate::net::{End, EndState, HostId, Piece};
use crate::oracle::{self, Fate};
use crate::plan::{PlannedBroker, PlannedClient};
use crate::scenario::{ClientKind, Measure};
use crate::time::{MILLISECOND, SECOND, Time};
use crate::weather::Kind;
use crate::workload::{AdminApp, ConsumerApp, HostileApp, ProducerApp};

/// A doomed node that takes no step falls after this.
const DOOM_NS: u64 = 20 * MILLISECOND;
/// The port of every broker.
const PORT: u16 = 9092;

impl World<'_, '_> {
    /// Makes every host; brokers rise at once, the applications of clients wait for the chaos.
    pub(super) fn people(&mut self) {
        for broker in &self.plan.brokers {
            self.nodes.push(node_host(broker));
        }
        let seed = Seed(self.plan.seed).named("application");
        for (nth, planned) in self.plan.clients.iter().enumerate() {
            let plan = Arc::new(planned.clone());
            let (client, draw) = (nth as u16, seed.named(&planned.name));
            let app = match planned.kind {
                ClientKind::Producer => App::Producer(ProducerApp::new(client, plan, draw)),
                ClientKind::Consumer => App::Consumer(ConsumerApp::new(client, plan, draw)),
                ClientKind::Admin => App::Admin(AdminApp::new(plan, draw)),
                ClientKind::Hostile => App::Hostile(HostileApp::new(plan, draw)),
            };
            self.clients.push(client_host(planned, app));
        }
        for name in ["operator", "auditor"] {
            let planned = own_plan(name);
            self.clients.push(client_host(&planned, App::Own));
        }
        for nth in 0..self.nodes.len() {
            self.push(Time(0), Happening::Rise { host: HostId(nth as u16), life: 0 });
        }
        self.begin_setup();
    }

    /// A process begins a life, if it has not begun one since this was scheduled.
    pub(super) fn rise_host(&mut self, host: HostId, life: u32) {
        match self.client_of(host) {
            Some(client) if self.clients[client].pace.life == life && self.clients[client].machine.is_none() => self.rise_client(client),
            None if self.nodes[usize::from(host.0)].pace.life == life && self.nodes[usize::from(host.0)].node.is_none() => {
                self.rise_node(usize::from(host.0));
            }
            _ => {}
        }
    }

    fn rise_node(&mut self, nth: usize) {
        if self.is_ending() {
            return;
        }
        self.bring_back_image(nth);
        let planned = &self.plan.brokers[nth];
        let host = &mut self.nodes[nth];
        if !host.powered {
            host.powered = true;
            host.clock = Clock::started(self.now, host.clock.off_ms(self.now), planned.drift_ppm);
        }
        host.pace.rise(self.now);
        let life = host.pace.life;
        let seed = Seed(self.plan.seed).named("life").named(&planned.name).number(u64::from(life));
        let mut setup = NodeSetup::alone(NodeId(nth as i32 + 1), seed, &planned.name, PORT);
        setup.config = StaticConfig::parse(planned.config.iter().map(|(key, value)| (key.as_str(), value.as_str()))).unwrap_or_default();
        setup.guards = self.guards;
        setup.log_dirs = (0..planned.disks).map(|disk| format!("disk-{disk}")).collect();
        host.node = Some(Box::new(Node::new(setup)));
        (host.stopping, host.rises_when_stopped, host.out_of_service, host.stopped_cleanly) = (false, false, false, 0);
        host.unserved.clear();
        self.trace_node(nth, || format!("rises, life {life}"));
        self.tell(&oracle::Event::Rose { node: nth, life });
        self.tell_node(nth, Input::Wake);
        self.measure_nodes();
    }

    pub(super) fn rise_client(&mut self, client: usize) {
        let brokers: Vec<String> = self.plan.brokers.iter().map(|broker| broker.name.clone()).collect();
        let host = &mut self.clients[client];
        host.pace.rise(self.now);
        let seed = Seed(self.plan.seed).named("life").named(&host.name).number(u64::from(host.pace.life));
        host.machine = Some(match &host.app {
            App::Producer(app) => app.machine(&brokers, seed),
            App::Consumer(app) => app.machine(&brokers, seed),
            App::Admin(app) => app.machine(&brokers, seed),
            App::Hostile(app) => app.machine(&brokers),
            App::Own if host.name == "auditor" => ConsumerApp::new(0, Arc::new(own_plan("auditor")), seed).machine(&brokers, seed),
            App::Own => AdminApp::new(Arc::new(own_plan("operator")), seed).machine(&brokers, seed),
        });
        self.schedule_operation(client);
        self.wake_client_later(client);
    }

    /// A life of a node is to end. One time in two it does so in the middle of the node's next step, between two outputs, if that comes soon.
    pub(super) fn doom(&mut self, nth: usize, doom: Doom) {
        let draw = self.weather.at(Kind::End, nth as u64, self.now).named("doomed").number(doom.by as u64);
        let host = &mut self.nodes[nth];
        let steps = host.node.is_some() && !host.pace.paused && host.doomed.is_none() && self.stepping != Some(nth);
        if !steps || self.weather.is_calm(self.now) || draw.one_in(2) {
            return self.fall(nth, doom.fate, doom.survival);
        }
        host.doomed = Some(doom);
        let life = host.pace.life;
        self.push(self.now + DOOM_NS, Happening::Doomed { node: nth as u16, life });
    }

    /// No step with two outputs came in time, or the fault is over: the life ends all the same.
    pub(super) fn fulfil_doom(&mut self, nth: usize) {
        if let Some(doom) = self.nodes[nth].doomed {
            self.fall(nth, doom.fate, doom.survival);
        }
    }

    /// Behind which of its outputs a doomed node falls, in a step that has several.
    pub(super) fn doomed_behind(&self, nth: usize, outputs: usize) -> Option<(usize, Doom)> {
        let doom = self.nodes[nth].doomed.filter(|_| outputs > 1)?;
        let draw = self.weather.at(Kind::End, nth as u64, self.now).named("behind").number(self.nodes[nth].pace.steps);
        Some((1 + draw.below(outputs as u64 - 1) as usize, doom))
    }

    /// A life of a node ends. What of its disk operations was under way may be done in part; everything else that was not done is never done.
    pub(super) fn fall(&mut self, nth: usize, fate: Fate, survival: Option<Survival>) {
        if self.nodes[nth].node.is_none() && (fate != Fate::PowerCut || !self.nodes[nth].powered) {
            return;
        }
        self.trace_node(nth, || format!("falls: {fate:?}"));
        self.measure_nodes();
        self.abandon_disk(nth);
        self.abandon_connections(nth, fate);
        let host = &mut self.nodes[nth];
        (host.node, host.doomed) = (None, None);
        host.listening = false;
        host.inbox.clear();
        host.works.clear();
        host.pace.wake_at = None;
        let draw = self.weather.at(Kind::Cut, nth as u64, self.now);
        if fate == Fate::PowerCut {
            host.powered = false;
            self.cut_power(nth, survival, draw);
        } else {
            host.disks.iter_mut().for_each(Disk::kill);
        }
        let clean = fate == Fate::Stopped && usize::from(self.nodes[nth].stopped_cleanly) == self.nodes[nth].disks.len();
        self.mark_stopped(nth, clean);
        self.tell(&oracle::Event::Fell { node: nth, fate });
        self.measure_nodes();
    }

    fn cut_power(&mut self, nth: usize, survival: Option<Survival>, draw: Seed) {
        let mut lost = crate::disk::Lost::default();
        for (nth, disk) in self.nodes[nth].disks.iter_mut().enumerate() {
            let one = disk.power_cut_as(survival, draw.named("disk").number(nth as u64));
            lost.sectors += one.sectors;
            lost.bytes += one.bytes;
            lost.changes += one.changes;
        }
        (0..self.nodes[nth].disks.len()).for_each(|disk| self.hear_disk(nth, disk));
        self.trace_node(nth, || {
            format!("loses {} sectors, {} bytes of length, {} changes of names", lost.sectors, lost.bytes, lost.changes)
        });
        if !lost.is_nothing() {
            self.world_mark("disk.unsynced_lost");
        }
        self.hash.number(lost.sectors);
    }

    /// Of each file's operations the oldest may be done, the next one in part, and no more; others are done or not.
    fn abandon_disk(&mut self, nth: usize) {
        let draw = self.weather.at(Kind::Fate, nth as u64, self.now).named("abandoned");
        let wall = self.nodes[nth].clock.read(self.now).wall;
        for (line, (_, waiting)) in self.nodes[nth].queue.abandon().into_iter().enumerate() {
            let draw = draw.number(line as u64);
            let done = draw.named("done").below(waiting.len() as u64 + 1) as usize;
            for (nth_op, one) in waiting.iter().enumerate().take(done + 1) {
                let disk = &mut self.nodes[nth].disks[usize::from(one.dir.0)];
                let moment = Moment { wall, draw: draw.number(nth_op as u64), covers: one.covers };
                if nth_op < done {
                    drop(disk.carry_out(&one.action, moment)); // nobody hears of the outcome
                } else {
                    disk.carry_out_partly(&one.action, moment);
                }
            }
        }
        self.nodes[nth].queue = Queue::default();
        (0..self.nodes[nth].disks.len()).for_each(|disk| self.hear_disk(nth, disk));
    }

    /// The kernel of a killed process ends its connections, in an orderly way or not; a machine without power says nothing.
    pub(super) fn abandon_connections(&mut self, nth: usize, fate: Fate) {
        let host = HostId(nth as u16);
        for (wire, end) in self.net.wires_of(host) {
            let draw = self.weather.at(Kind::End, u64::from(wire.0), self.now);
            let state = self.net.wire(wire).map(|wire| wire.state(end));
            let dropped = match (fate, state) {
                (Fate::PowerCut, _) => self.net.vanish(wire, end),
                (Fate::Killed | Fate::Stopped, Some(EndState::Open)) if draw.one_in(2) => self.reset_wire(wire, end),
                (Fate::Killed | Fate::Stopped, Some(EndState::Open)) => {
                    self.on_net(self.now, |net, now, weather, out| net.close(now, wire, end, true, weather, out))
                }
                (Fate::Killed | Fate::Stopped, _) => Vec::new(),
            };
            self.let_go(dropped);
        }
        let host = &mut self.nodes[nth];
        host.sockets.clear();
        host.by_wire.clear();
        host.owed.clear();
        host.backlog.clear();
        (host.accepting, host.accepts) = (true, false);
    }

    pub(super) fn reset_wire(&mut self, wire: crate::net::WireId, end: End) -> Vec<Piece> {
        let mut dropped = self.on_net(self.now, |net, now, weather, out| net.reset(now, wire, end, weather, out));
        dropped.extend(self.net.vanish(wire, end));
        dropped
    }

    /// A node says that it has ended.
    pub(super) fn node_stopped(&mut self, nth: usize, outcome: Result<(), String>) {
        self.trace_node(nth, || format!("stops: {outcome:?}"));
        let asked = self.nodes[nth].stopping;
        self.nodes[nth].last_words = outcome.err();
        self.nodes[nth].gave_up += u32::from(!asked && self.is_healed());
        self.fall(nth, Fate::Stopped, None);
        if !asked && !self.faults.any_began() {
            let why = self.nodes[nth].last_words.clone().unwrap_or_default();
            self.stop.get_or_insert(Stop::Liveness(format!("{} gave up although nothing had gone wrong: {why}", self.nodes[nth].name)));
        }
        match (asked, self.nodes[nth].rises_when_stopped) {
            // Whatever supervises processes starts it again.
            (false, _) => self.rise_later(HostId(nth as u16), SECOND),
            (true, true) => self.rise_later(HostId(nth as u16), 0),
            (true, false) => {}
        }
    }

    /// A client process is killed.
    pub(super) fn kill_client(&mut self, client: usize) {
        let host_id = self.host_of_client(client);
        if self.clients[client].machine.take().is_none() {
            return;
        }
        match &mut self.clients[client].app {
            App::Producer(app) => app.died(&mut self.telling),
            App::Consumer(app) => app.died(),
            App::Admin(app) => app.died(),
            App::Hostile(_) | App::Own => {}
        }
        for (wire, end) in self.net.wires_of(host_id) {
            let dropped = self.on_net(self.now, |net, now, weather, out| net.close(now, wire, end, true, weather, out));
            self.let_go(dropped);
        }
        let host = &mut self.clients[client];
        host.inbox.clear();
        host.sockets.clear();
        host.by_wire.clear();
        host.held.clear();
        self.tell_all();
    }

    /// Lets a process rise after a while.
    pub(super) fn rise_later(&mut self, host: HostId, after_ns: u64) {
        let life = self.client_of(host).map_or_else(|| self.nodes[usize::from(host.0)].pace.life, |client| self.clients[client].pace.life);
        self.push(self.now + after_ns, Happening::Rise { host, life });
    }

    /// A process has time for what waits.
    pub(super) fn run_host(&mut self, host: HostId, life: u32) {
        match self.client_of(host) {
            Some(client) if self.clients[client].pace.life == life => self.run_client(client),
            None if self.nodes[usize::from(host.0)].pace.life == life => self.run_node(usize::from(host.0)),
            _ => {}
        }
    }

    /// A process wanted to be woken.
    pub(super) fn wake_host(&mut self, host: HostId, life: u32) {
        match self.client_of(host) {
            Some(client) if self.clients[client].pace.life == life => self.wake_client(client),
            None if self.nodes[usize::from(host.0)].pace.life == life => self.wake_node(usize::from(host.0)),
            _ => {}
        }
    }

    fn measure_nodes(&mut self) {
        let up = self.nodes.iter().filter(|node| node.node.is_some()).count() as u64;
        self.measured(Measure::NodesUp, up);
    }

    /// The world reaches a mark of its own.
    pub(super) fn world_mark(&mut self, mark: &'static str) {
        *self.tally.marks.entry(mark).or_default() += 1;
        self.hash.text(mark);
        self.signal(crate::plan::Signal::Noted(&odradek_machine::Note::mark(mark)));
    }
}

fn node_host(broker: &PlannedBroker) -> NodeHost {
    NodeHost {
        name: broker.name.clone(),
        node: None,
        pace: Pace::new(),
        clock: Clock::started(Time(0), broker.clock_off_ms, broker.drift_ppm),
        disks: (0..broker.disks).map(|_| Disk::new()).collect(),
        queue: Queue::default(),
        works: BTreeMap::new(),
        inbox: VecDeque::new(),
        sockets: BTreeMap::new(),
        by_wire: BTreeMap::new(),
        owed: BTreeMap::new(),
        accepted: 0,
        listening: false,
        accepting: true,
        accepts: false,
        backlog: VecDeque::new(),
        refusing: 0,
        powered: true,
        disk_slow: 1,
        disk_stalled_until: Time(0),
        doomed: None,
        stopping: false,
        out_of_service: false,
        unserved: BTreeSet::new(),
        gave_up: 0,
        stopped_cleanly: 0,
        rises_when_stopped: false,
        last_words: None,
        outbox: Outbox::new(),
    }
}

fn client_host(planned: &PlannedClient, app: App) -> ClientHost {
    ClientHost {
        name: planned.name.clone(),
        machine: None,
        app,
        pace: Pace::new(),
        clock: Clock::started(Time(0), planned.clock_off_ms, 0),
        inbox: VecDeque::new(),
        sockets: BTreeMap::new(),
        by_wire: BTreeMap::new(),
        hold: None,
        held: Vec::new(),
    }
}

/// The world's own clients have a plan that no seed changes.
fn own_plan(name: &str) -> PlannedClient {
    PlannedClient {
        name: name.to_owned(),
        kind: ClientKind::Admin,
        profile: None,
        acks: "all".to_owned(),
        codec: "none".to_owned(),
        topics: Vec::new(),
        start_ns: 0,
        every_ns: 100 * MILLISECOND,
        operations: 0,
        without: Vec::new(),
        size: (0, 0),
        keys: 0,
        config: Vec::new(),
        clock_off_ms: 0,
    }
}
