//! A client in the world: its application, its machine, and what becomes of the machine's outputs.

use odradek_client::io::ConnectionId;
use odradek_machine::Now;
use odradek_wire::api::ApiKey;
use odradek_wire::frame::FrameLimits;

use super::host::App;
use super::phases::Phase;
use super::socket::{Heard, Socket};
use super::{Happening, Stop, World};
use crate::net::{End, HostId, Piece, WireId};
use crate::oracle::Violation;
use crate::plan::Signal;
use crate::scenario::Measure;
use crate::time::Time;
use crate::workload::{Asked, BELIEVED_REPLAY, BELIEVED_STALE_EPOCH, Event, Machine, Said, Told};

impl World<'_, '_> {
    /// Tells a client's machine something, as soon as it has time.
    pub(super) fn tell_client(&mut self, client: usize, told: Told) {
        let id = self.host_of_client(client);
        let host = &mut self.clients[client];
        if host.machine.is_none() {
            return;
        }
        host.inbox.push_back(told);
        if !host.pace.due && !host.pace.paused {
            host.pace.due = true;
            let (at, life) = (host.pace.busy_until, host.pace.life);
            self.push(at, Happening::Run { host: id, life });
        }
    }

    /// The machine takes the next input that waits.
    pub(super) fn run_client(&mut self, client: usize) {
        let host = &mut self.clients[client];
        host.pace.due = false;
        if host.pace.paused {
            return;
        }
        let Some(told) = host.inbox.pop_front() else { return };
        self.step_client(client, told);
        let id = self.host_of_client(client);
        let host = &mut self.clients[client];
        if !host.inbox.is_empty() && host.machine.is_some() && !host.pace.due {
            host.pace.due = true;
            let (at, life) = (host.pace.busy_until, host.pace.life);
            self.push(at, Happening::Run { host: id, life });
        }
    }

    fn step_client(&mut self, client: usize, told: Told) {
        let id = self.host_of_client(client);
        let host = &self.clients[client];
        let busy_until = self.now + self.step_ns(id, host.pace.steps, host.pace.slow);
        let host = &mut self.clients[client];
        host.pace.steps += 1;
        host.pace.busy_until = busy_until;
        let now: Now = host.clock.read(self.now);
        let Some(machine) = &mut host.machine else { return };
        let mut said = std::mem::take(&mut self.said);
        machine.step(now, told, &mut said);
        self.hash.number(said.len() as u64);
        let life = self.clients[client].pace.life;
        for said in said.drain(..) {
            if self.clients[client].machine.is_none() || self.clients[client].pace.life != life {
                break;
            }
            self.client_said(client, busy_until, said);
        }
        said.clear();
        self.said = said;
        self.wake_client_later(client);
    }

    fn client_said(&mut self, client: usize, at: Time, said: Said) {
        match said {
            Said::Dial(connection, to) => self.dial(client, at, connection, &to),
            Said::Send(connection, parts) => self.send_from_client(client, at, connection, parts),
            Said::Close(connection) => {
                let Some((wire, end)) = self.forget_client_socket(client, connection) else { return };
                let dropped = self.on_net(at, |net, at, weather, out| net.close(at, wire, end, true, weather, out));
                self.let_go(dropped);
            }
            Said::Event(event) => self.client_event(client, event),
            Said::Note(note) => {
                *self.tally.marks.entry(note.mark).or_default() += 1;
                self.hash.text(note.mark);
                self.trace_client(client, || format!("{} {:?} {}", note.mark, note.facts, note.says.as_deref().unwrap_or("")));
                self.signal(Signal::Noted(&note));
                self.judge_hostile(client, note.mark);
            }
        }
    }

    /// A hostile client was believed: nothing excuses that.
    fn judge_hostile(&mut self, client: usize, mark: &'static str) {
        let says = match mark {
            BELIEVED_STALE_EPOCH => "the broker took a batch of an older epoch behind one of a newer",
            BELIEVED_REPLAY => "the broker took one batch twice and gave it two offsets",
            _ => return,
        };
        let facts = format!("{}: {says}", self.clients[client].name);
        self.stop.get_or_insert(Stop::Violation(Violation::new("no_hostile_client_is_believed", facts)));
    }

    fn dial(&mut self, client: usize, at: Time, connection: ConnectionId, to: &str) {
        let Some(nth) = self.nodes.iter().position(|node| node.name == to) else {
            return self.tell_client(client, Told::Dialed(connection, Err(format!("{to}: no such host"))));
        };
        let from = self.host_of_client(client);
        self.trace_client(client, || format!("dials {to} as {}", connection.0));
        let wire = self.on_net(at, |net, at, weather, out| net.dial(at, from, HostId(nth as u16), weather, out));
        let host = &mut self.clients[client];
        host.sockets.insert(connection, Socket::new(wire, End::Dialer, FrameLimits::client()));
        host.by_wire.insert(wire, connection);
    }

    fn send_from_client(&mut self, client: usize, at: Time, connection: ConnectionId, parts: Vec<bytes::Bytes>) {
        let host = &mut self.clients[client];
        let Some(socket) = host.sockets.get(&connection) else { return };
        let (wire, end) = (socket.wire, socket.end);
        // The API key stands behind the four bytes of the length.
        let api = parts.iter().flat_map(|part| part.iter()).skip(4).take(2).fold(0, |key, &byte| key << 8 | i16::from(byte));
        let hold = host.hold.take_if(|(wanted, _)| wanted.key() == api);
        if let Some((_, fault)) = hold {
            host.held.push(wire);
            self.faults.touch(fault);
            self.on_net(at, |net, at, weather, out| net.hold(at, wire, end, true, weather, out));
        }
        self.trace_client(client, || format!("sends {} on {}", ApiKey::known(api).map_or("?", ApiKey::name), connection.0));
        let pieces = parts.into_iter().map(Piece::Bytes);
        self.on_net(at, |net, at, weather, out| net.send(at, wire, end, pieces, weather, out));
    }

    /// What the process reads on one of its connections.
    pub(super) fn client_heard(&mut self, client: usize, wire: WireId, heard: Heard) {
        let Some(&connection) = self.clients[client].by_wire.get(&wire) else { return };
        match heard {
            Heard::Frame(frame) => self.tell_client(client, Told::Response(connection, frame)),
            Heard::Announced(_) => {}
            Heard::Broken(_) | Heard::Ended => {
                let Some((wire, end)) = self.forget_client_socket(client, connection) else { return };
                let dropped = self.on_net(self.now, |net, now, weather, out| net.close(now, wire, end, true, weather, out));
                self.let_go(dropped);
                self.tell_client(client, Told::Closed(connection));
            }
        }
    }

    pub(super) fn forget_client_socket(&mut self, client: usize, connection: ConnectionId) -> Option<(WireId, End)> {
        let host = &mut self.clients[client];
        let socket = host.sockets.remove(&connection)?;
        host.by_wire.remove(&socket.wire);
        host.held.retain(|&held| held != socket.wire);
        Some((socket.wire, socket.end))
    }

    /// What the machine told its application.
    fn client_event(&mut self, client: usize, event: Event) {
        let host = &mut self.clients[client];
        match (&mut host.app, event) {
            (App::Producer(app), Event::Producer(event)) => {
                if app.hear(event, &mut self.telling) {
                    self.tally.acknowledged += 1;
                    self.measured(Measure::Acknowledged, self.tally.acknowledged);
                }
            }
            (App::Consumer(app), Event::Consumer(event)) => {
                let read = app.hear(event, &mut self.telling);
                if read > 0 {
                    self.tally.read += read;
                    self.tally.acknowledged += 1;
                    self.measured(Measure::Read, self.tally.read);
                }
            }
            (App::Admin(app), Event::Admin(event)) => {
                if app.hear(&event) {
                    self.tally.acknowledged += 1;
                    self.measured(Measure::Acknowledged, self.tally.acknowledged);
                }
            }
            (App::Own, event) => self.own_event(client, event),
            (app, event) => unreachable!("{app:?} has another machine than the one that said {event:?}"),
        }
        self.tell_all();
    }

    /// An application begins its next operation, and the one after that is scheduled.
    pub(super) fn operate(&mut self, client: u16) {
        let nth = usize::from(client);
        let alive = self.clients[nth].machine.is_some();
        let mut asked: Vec<Asked> = Vec::new();
        match &mut self.clients[nth].app {
            App::Producer(app) if alive && self.phase == Phase::Chaos => asked.extend(app.operate(&self.topics, &mut self.telling)),
            App::Consumer(app) if alive => asked = app.operate(&self.topics),
            App::Admin(app) if alive && self.phase == Phase::Chaos => asked.extend(app.operate()),
            App::Hostile(app) if alive && self.phase == Phase::Chaos => asked.extend(app.operate(&self.topics)),
            _ => {}
        }
        self.tell_all();
        if !asked.is_empty() {
            self.tally.asked += 1;
            self.measured(Measure::Asked, self.tally.asked);
        }
        for asked in asked {
            self.tell_client(nth, Told::Asked(asked));
        }
        if alive {
            self.schedule_operation(nth);
        }
    }

    /// Schedules the next operation of an application.
    pub(super) fn schedule_operation(&mut self, client: usize) {
        let next = match &mut self.clients[client].app {
            App::Producer(app) => app.next_ns(),
            App::Consumer(app) => Some(app.next_ns()),
            App::Admin(app) => app.next_ns(),
            App::Hostile(app) => app.next_ns(),
            App::Own => None,
        };
        if let Some(ns) = next {
            let at = self.chaos_began + ns;
            self.push(at, Happening::Operate { client: client as u16 });
        }
    }

    /// Schedules the wake that the machine wants.
    pub(super) fn wake_client_later(&mut self, client: usize) {
        let id = self.host_of_client(client);
        let host = &self.clients[client];
        let Some(deadline) = host.machine.as_ref().and_then(Machine::deadline) else { return };
        let at = host.clock.when(deadline.at).max(self.now) + self.lateness_ns(id, deadline.at.0);
        if host.pace.wake_at.is_none_or(|wake_at| at < wake_at) {
            let life = host.pace.life;
            self.clients[client].pace.wake_at = Some(at);
            self.push(at, Happening::Wake { host: id, life });
        }
    }

    /// The time of a wake has come, if the machine still wants one.
    pub(super) fn wake_client(&mut self, client: usize) {
        let host = &mut self.clients[client];
        if host.pace.wake_at.is_none_or(|at| at > self.now) {
            return;
        }
        host.pace.wake_at = None;
        let mono = host.clock.read(self.now).mono;
        let due = host.machine.as_ref().and_then(Machine::deadline).is_some_and(|deadline| deadline.at <= mono);
        if due && !host.inbox.iter().any(|told| matches!(told, Told::Wake)) {
            self.tell_client(client, Told::Wake);
        } else {
            self.wake_client_later(client);
        }
    }

    pub(super) fn trace_client(&mut self, client: usize, what: impl FnOnce() -> String) {
        if self.tracer.is_some() {
            let name = self.clients[client].name.clone();
            self.trace(&name, what);
        }
    }
}
