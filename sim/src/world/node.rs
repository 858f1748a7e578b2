//! A node in the world: what it is told, when it steps, and what becomes of its outputs.

use odradek_broker::io::{Closing, ConnectionId, Input, Output};
use odradek_log::disk::{DirId, DiskAction, FileRange, OpId};
use odradek_machine::Note;
use odradek_wire::api::ApiKey;
use odradek_wire::ids::{Offset, TopicPartition, Uuid};
use odradek_wire::prepare::{Limits, Prepared, prepare};
use odradek_wire::request::Request;
use odradek_wire::response::{self, Response};
use odradek_wire::scatter::{Part, ScatterList};

use super::host::Owed;
use super::socket::Heard;
use super::{Happening, World, words};
use crate::disk::Moment;
use crate::disk::queue::{Turn, Waiting};
use crate::net::{HostId, Piece};
use crate::oracle;
use crate::plan::Signal;
use crate::time::{MICROSECOND, MILLISECOND, Time};
use crate::weather::Kind;

impl World<'_, '_> {
    /// Tells a node something, as soon as it has time.
    pub(super) fn tell_node(&mut self, node: usize, input: Input) {
        let host = &mut self.nodes[node];
        if host.node.is_none() {
            return;
        }
        host.inbox.push_back(input);
        if !host.pace.due && !host.pace.paused {
            host.pace.due = true;
            let (at, life) = (host.pace.busy_until, host.pace.life);
            self.push(at, Happening::Run { host: HostId(node as u16), life });
        }
    }

    /// The node takes the next input that waits.
    pub(super) fn run_node(&mut self, node: usize) {
        let host = &mut self.nodes[node];
        host.pace.due = false;
        if host.pace.paused {
            return;
        }
        let Some(input) = host.inbox.pop_front() else { return };
        self.step_node(node, input);
        let host = &mut self.nodes[node];
        if !host.inbox.is_empty() && host.node.is_some() && !host.pace.due {
            host.pace.due = true;
            let (at, life) = (host.pace.busy_until, host.pace.life);
            self.push(at, Happening::Run { host: HostId(node as u16), life });
        }
    }

    fn step_node(&mut self, nth: usize, input: Input) {
        let id = HostId(nth as u16);
        self.trace_input(nth, &input);
        let accepts = matches!(input, Input::Opened { .. });
        let host = &self.nodes[nth];
        let busy_until = self.now + self.step_ns(id, host.pace.steps, host.pace.slow);
        let host = &mut self.nodes[nth];
        host.pace.steps += 1;
        host.pace.busy_until = busy_until;
        let (life, now) = (host.pace.life, host.clock.read(self.now));
        let Some(node) = &mut host.node else { return };
        let mut outbox = std::mem::take(&mut host.outbox);
        node.step(now, input, &mut outbox);
        node.check();
        self.shuffle(nth, &mut outbox);
        self.hash.number(outbox.len() as u64);
        let doomed = self.doomed_behind(nth, outbox.len());
        self.stepping = Some(nth);
        for (carried, output) in outbox.drain(..).enumerate() {
            if let Some((_, doom)) = doomed.filter(|(behind, _)| *behind == carried) {
                self.fall(nth, doom.fate, doom.survival);
            }
            // So may a fault that a note of this very step triggers end the life between two outputs: the rest never leaves the process.
            if self.nodes[nth].node.is_none() || self.nodes[nth].pace.life != life {
                self.world_mark("node.fell_between_outputs");
                break;
            }
            self.carry_out(nth, busy_until, output);
        }
        self.stepping = None;
        outbox.clear();
        self.nodes[nth].outbox = outbox;
        if accepts {
            self.nodes[nth].accepts = false;
            self.accept_next(nth);
        }
        self.wake_node_later(nth);
    }

    /// Puts outputs into another order that the promises allow: those of one connection and of one file keep theirs.
    fn shuffle(&self, nth: usize, outbox: &mut [Output]) {
        if outbox.len() < 2 || self.weather.is_calm(self.now) {
            return;
        }
        let draw = self.weather.at(Kind::Order, nth as u64, self.now).number(self.nodes[nth].pace.steps);
        for last in (1..outbox.len()).rev() {
            let draw = draw.number(last as u64);
            // Neighbours that are bound to no common order change places: enough rounds of it reach every legal order.
            if draw.one_in(2) && may_swap(&outbox[last - 1], &outbox[last]) {
                outbox.swap(last - 1, last);
            }
        }
    }

    fn carry_out(&mut self, nth: usize, at: Time, output: Output) {
        match output {
            Output::Disk { op, dir, action } => self.submit(nth, at, op, dir, action),
            Output::Send { connection, payload } => self.send_from_node(nth, at, connection, payload),
            Output::Note(note) => self.node_noted(nth, &note),
            Output::Work { work, what } => {
                let host = &self.nodes[nth];
                let length = what.file().and_then(|(dir, file)| host.disks[usize::from(dir.0)].length_of(file)).unwrap_or(0);
                let takes = self.weather.span(Kind::Work, nth as u64, at, work.0, 20 * MICROSECOND + length / 4, MILLISECOND);
                let life = host.pace.life;
                self.nodes[nth].works.insert(work, (what, length));
                self.push(at + takes, Happening::Work { node: nth as u16, life, work });
            }
            Output::PauseAccepting { .. } => self.nodes[nth].accepting = false,
            Output::ResumeAccepting { .. } => {
                self.nodes[nth].accepting = true;
                self.accept_next(nth);
            }
            Output::Grant { connection } => self.on_socket(nth, connection, super::socket::Socket::grant),
            Output::PauseReading { connection } => self.on_socket(nth, connection, |socket| socket.reading = false),
            Output::ResumeReading { connection } => self.on_socket(nth, connection, |socket| socket.reading = true),
            Output::Close { connection, why, when } => self.close_from_node(nth, at, connection, &why, when),
            Output::Dial { connection, host, port } => {
                let result = Err(format!("{host}:{port}: no such node"));
                self.tell_node(nth, Input::Dialed { connection, result });
            }
            Output::Listen => {
                self.trace_node(nth, || "listens".to_owned());
                self.nodes[nth].listening = true;
            }
            Output::Stopped { outcome } => self.node_stopped(nth, outcome),
        }
    }

    fn submit(&mut self, nth: usize, at: Time, op: OpId, dir: DirId, action: DiskAction) {
        self.trace_action(nth, op, dir, &action);
        let host = &mut self.nodes[nth];
        let covers = host.disks[usize::from(dir.0)].changes();
        let waiting = Waiting { op, dir, action, covers };
        let (due, turn) = host.queue.submit(at, waiting, host.disk_slow, &self.weather);
        let life = host.pace.life;
        self.push(due, Happening::Disk { node: nth as u16, life, turn });
    }

    /// A disk operation is carried out and completes.
    pub(super) fn disk_turn(&mut self, node: u16, life: u32, turn: Turn) {
        let nth = usize::from(node);
        if self.nodes[nth].pace.life != life || self.nodes[nth].node.is_none() {
            return;
        }
        if self.nodes[nth].disk_stalled_until > self.now {
            let at = self.nodes[nth].disk_stalled_until;
            self.faults.touch_stall(nth);
            return self.push(at, Happening::Disk { node, life, turn });
        }
        let Some(Waiting { op, dir, action, covers }) = self.nodes[nth].queue.take(turn) else { return };
        let draw = self.weather.at(Kind::Fate, u64::from(node), self.now).number(op.0);
        let host = &mut self.nodes[nth];
        let moment = Moment { wall: host.clock.read(self.now).wall, draw, covers };
        let result = host.disks[usize::from(dir.0)].carry_out(&action, moment);
        self.hear_disk(nth, usize::from(dir.0));
        self.hash.number(op.0 << 1 | u64::from(result.is_ok()));
        if let Err(error) = &result {
            self.trace_node(nth, || format!("{} fails: {error}", words::op(op)));
        }
        self.tell_node(nth, Input::Disk { op, result });
    }

    /// A unit of work is run over the image.
    pub(super) fn work_done(&mut self, node: u16, life: u32, work: odradek_broker::io::WorkId) {
        let nth = usize::from(node);
        if self.nodes[nth].pace.life != life {
            return;
        }
        let Some((what, length)) = self.nodes[nth].works.remove(&work) else { return };
        let draw = self.weather.at(Kind::Medium, u64::from(node), self.now).named("work").number(work.0);
        let result = match what.file() {
            Some((dir, file)) => {
                let result = what.run(Some(&mut self.nodes[nth].disks[usize::from(dir.0)].reader(file, length, draw)));
                self.hear_disk(nth, usize::from(dir.0));
                result
            }
            None => what.run(None),
        };
        self.tell_node(nth, Input::Work { work, result });
    }

    fn node_noted(&mut self, nth: usize, note: &Note) {
        *self.tally.marks.entry(note.mark).or_default() += 1;
        self.hash.text(note.mark);
        self.trace_node(nth, || {
            format!(
                "{} {}{:?} {}",
                note.mark,
                note.of.as_ref().map_or(String::new(), |of| format!("of {of} ")),
                note.facts,
                note.says.as_deref().unwrap_or("")
            )
        });
        self.nodes[nth].out_of_service |= matches!(note.mark, "log.out_of_service" | "dir.out_of_service");
        if let (Some(of), "log.damaged" | "log.unreadable" | "log.unserved" | "log.out_of_service") = (&note.of, note.mark) {
            self.nodes[nth].unserved.insert(TopicPartition { topic: of.name.clone(), partition: of.number });
        }
        self.nodes[nth].stopped_cleanly += u16::from(note.mark == "dir.stopped" && note.facts[1] == 1);
        self.mark_cut(nth, note);
        self.tell(&oracle::Event::Noted { node: nth, note });
        self.signal(Signal::Noted(note));
    }

    /// What the process reads on one of its connections.
    pub(super) fn node_heard(&mut self, nth: usize, connection: ConnectionId, heard: Heard) {
        match heard {
            Heard::Announced(bytes) => self.tell_node(nth, Input::FrameAnnounced { connection, bytes }),
            Heard::Frame(frame) => {
                let frame_bytes = u32::try_from(frame.len()).expect("the framer bounds frames");
                let request = prepare(frame, &Limits::default());
                if let Ok(prepared) = &request {
                    self.owe(nth, connection, prepared);
                    self.signal(Signal::Request(prepared.header.api));
                }
                self.tell_node(nth, Input::Request { connection, frame_bytes, request });
            }
            Heard::Broken(error) => {
                self.trace_node(nth, || format!("cannot read on: {error}"));
                self.end_node_socket(nth, connection);
            }
            Heard::Ended => self.end_node_socket(nth, connection),
        }
    }

    /// Remembers what a request is owed, to read the answer by.
    fn owe(&mut self, nth: usize, connection: ConnectionId, prepared: &Prepared) {
        let mut owed = Owed { api: prepared.header.api, version: prepared.header.version, records: Vec::new() };
        if let Request::Produce(produce) = &prepared.request {
            if produce.acks == 0 {
                return;
            }
            for topic in &produce.topics {
                let name = self.topic_ids.get(&topic.id).cloned().unwrap_or_else(|| std::sync::Arc::from(topic.name.as_str()));
                let batches = topic.partitions.iter().filter_map(|partition| Some((partition.index, partition.batch.as_ref().ok()?)));
                owed.records.extend(batches.map(|(partition, batch)| {
                    (TopicPartition { topic: name.clone(), partition }, u32::try_from(batch.record_count()).unwrap_or(0))
                }));
            }
        }
        self.nodes[nth].owed.entry(connection).or_default().push_back(owed);
    }

    fn send_from_node(&mut self, nth: usize, at: Time, connection: ConnectionId, payload: ScatterList<FileRange>) {
        self.judge(nth, connection, &payload);
        let host = &mut self.nodes[nth];
        let Some(socket) = host.sockets.get(&connection) else { return };
        let (wire, end) = (socket.wire, socket.end);
        let pieces: Vec<Piece> =
            payload.into_parts().into_iter().map(|part| piece(&mut host.disks, nth, part)).chain([Piece::Flush]).collect();
        self.on_net(at, |net, at, weather, out| net.send(at, wire, end, pieces, weather, out));
        self.after_push(wire, end);
    }

    /// At the answer that tells a producer its batch is written, the oracle looks at the disks.
    fn judge(&mut self, nth: usize, connection: ConnectionId, payload: &ScatterList<FileRange>) {
        let Some(owed) = self.nodes[nth].owed.get_mut(&connection).and_then(std::collections::VecDeque::pop_front) else { return };
        if owed.api != ApiKey::Produce || owed.records.is_empty() {
            return;
        }
        let frame: Vec<u8> =
            payload.parts().iter().flat_map(|part| if let Part::Bytes(bytes) = part { &bytes[..] } else { &[] }).copied().collect();
        let Ok((_, Response::Produce(answer))) = response::decode(owed.api, owed.version, bytes::Bytes::from(frame).slice(4..)) else {
            return;
        };
        let mut promised = Vec::new();
        for topic in &answer.responses {
            let name =
                self.topic_ids.get(&Uuid(topic.topic_id.to_bytes())).cloned().unwrap_or_else(|| std::sync::Arc::from(topic.name.as_str()));
            for partition in topic.partition_responses.iter().filter(|partition| partition.error_code == 0 && partition.base_offset >= 0) {
                let at = TopicPartition { topic: name.clone(), partition: partition.index };
                let records = owed.records.iter().find(|(to, _)| *to == at).map_or(0, |(_, records)| *records);
                promised.push((at, Offset(partition.base_offset), records));
            }
        }
        for (at, base, records) in &promised {
            self.mark_promised(nth, at, *base, *records);
        }
        let disks = std::mem::take(&mut self.nodes[nth].disks);
        for (at, base, records) in promised {
            self.tell(&oracle::Event::Promised { node: nth, at, base, records, disks: &disks });
        }
        self.nodes[nth].disks = disks;
    }

    fn close_from_node(&mut self, nth: usize, at: Time, connection: ConnectionId, why: &str, when: Closing) {
        self.trace_node(nth, || format!("closes connection {}: {why}", connection.0));
        if when == Closing::AtOnce {
            return self.end_node_socket(nth, connection);
        }
        let Some(socket) = self.nodes[nth].sockets.get_mut(&connection) else { return };
        socket.closing = true;
        let (wire, end) = (socket.wire, socket.end);
        let dropped = self.on_net(at, |net, at, weather, out| net.close(at, wire, end, false, weather, out));
        self.let_go(dropped);
        self.after_push(wire, end);
    }

    fn on_socket(&mut self, nth: usize, connection: ConnectionId, act: impl FnOnce(&mut super::socket::Socket)) {
        let Some(socket) = self.nodes[nth].sockets.get_mut(&connection) else { return };
        act(socket);
        let (wire, end) = (socket.wire, socket.end);
        self.read_wire(wire, end);
    }

    /// Schedules the wake that the node wants.
    pub(super) fn wake_node_later(&mut self, nth: usize) {
        let host = &self.nodes[nth];
        let Some(deadline) = host.node.as_ref().and_then(|node| node.deadline()) else { return };
        let id = HostId(nth as u16);
        let at = host.clock.when(deadline.at).max(self.now) + self.lateness_ns(id, deadline.at.0);
        if host.pace.wake_at.is_none_or(|wake_at| at < wake_at) {
            let life = host.pace.life;
            self.nodes[nth].pace.wake_at = Some(at);
            self.push(at, Happening::Wake { host: id, life });
        }
    }

    /// The time of a wake has come, if the node still wants one.
    pub(super) fn wake_node(&mut self, nth: usize) {
        let host = &mut self.nodes[nth];
        if host.pace.wake_at.is_none_or(|at| at > self.now) {
            return;
        }
        host.pace.wake_at = None;
        let mono = host.clock.read(self.now).mono;
        let due = host.node.as_ref().and_then(|node| node.deadline()).is_some_and(|deadline| deadline.at <= mono);
        if due && !host.inbox.iter().any(|input| matches!(input, Input::Wake)) {
            self.tell_node(nth, Input::Wake);
        } else {
            self.wake_node_later(nth);
        }
    }

    pub(super) fn trace_node(&mut self, nth: usize, what: impl FnOnce() -> String) {
        if self.tracer.is_some() {
            let name = self.nodes[nth].name.clone();
            self.trace(&name, what);
        }
    }

    fn trace_input(&mut self, nth: usize, input: &Input) {
        self.trace_node(nth, || words::input(input));
    }

    fn trace_action(&mut self, nth: usize, op: OpId, dir: DirId, action: &DiskAction) {
        if self.tracer.is_some() {
            let host = &self.nodes[nth];
            let on = if host.disks.len() > 1 { format!(" on disk {}", dir.0) } else { String::new() };
            let says = format!("{} {}{on}", words::op(op), words::action(&host.disks[usize::from(dir.0)], action));
            self.trace_node(nth, || says);
        }
    }
}

/// True if two neighbouring outputs may be carried out in the other order.
fn may_swap(first: &Output, second: &Output) -> bool {
    match (lane(first), lane(second)) {
        (Some(first), Some(second)) => first != second,
        // What opens or ends the node stays where it is.
        _ => false,
    }
}

#[derive(PartialEq, Eq)]
enum Lane {
    Connection(u64),
    Listener(u16),
    File(u64),
    Loose(u64),
    Note,
}

fn lane(output: &Output) -> Option<Lane> {
    match output {
        Output::PauseAccepting { listener } | Output::ResumeAccepting { listener } => Some(Lane::Listener(listener.0)),
        Output::Send { connection, .. }
        | Output::Grant { connection }
        | Output::PauseReading { connection }
        | Output::ResumeReading { connection }
        | Output::Close { connection, .. }
        | Output::Dial { connection, .. } => Some(Lane::Connection(connection.0)),
        Output::Disk { op, action, .. } => Some(action.file().map_or(Lane::Loose(op.0), |file| Lane::File(file.0))),
        Output::Work { work, .. } => Some(Lane::Loose(1 << 63 | work.0)),
        Output::Note(_) => Some(Lane::Note),
        Output::Listen | Output::Stopped { .. } => None,
    }
}

/// A part of a response as the stream carries it: a file is pinned until its bytes are read from the image.
fn piece(disks: &mut [crate::disk::Disk], nth: usize, part: Part<FileRange>) -> Piece {
    match part {
        Part::Bytes(bytes) => Piece::Bytes(bytes),
        Part::Range(range) => {
            let pinned = disks[usize::from(range.dir.0)].pin(range.file);
            let inode = pinned.expect("a response points only at files that are open");
            Piece::File { node: nth as u16, dir: range.dir.0, file: range.file, inode, at: range.at, length: range.length, last: true }
        }
    }
}
