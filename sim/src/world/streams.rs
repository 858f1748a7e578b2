//! What happens on the network, and what kernels and processes do about it.

use bytes::Bytes;
use odradek_broker::io::{ConnectionId, Input, ListenerId};
use odradek_log::disk::{DirId, FileRange};
use odradek_wire::frame::FrameLimits;

use super::World;
use super::socket::{Heard, Socket};
use crate::net::{End, EndState, HostId, NetEvent, Piece, WireId};
use crate::weather::Kind;
use crate::workload::Told;

/// A range that a node sent and that its disk does not give.
struct Unreadable {
    node: usize,
    range: FileRange,
}

impl World<'_, '_> {
    pub(super) fn net_event(&mut self, wire: WireId, event: NetEvent) {
        self.hash.number(u64::from(wire.0));
        match event {
            NetEvent::Syn { attempt } => self.syn(wire, attempt),
            NetEvent::Answered { open } => self.answered(wire, open),
            NetEvent::Arrive { end } => self.read_wire(wire, end),
            NetEvent::Reset { end } => {
                if self.on_net(self.now, |net, now, _, out| net.reset_arrives(now, wire, end, out)) {
                    self.cut_off(wire, end);
                }
            }
        }
    }

    /// A wish for a connection reaches a machine.
    fn syn(&mut self, id: WireId, attempt: u8) {
        if !self.on_net(self.now, |net, now, weather, out| net.syn_arrives(now, id, attempt, weather, out)) {
            return;
        }
        let wire = self.net.wire(id).expect("its wish just arrived");
        let to = wire.host(End::Acceptor);
        let nth = usize::from(to.0);
        let host = &self.nodes[nth];
        if !host.powered {
            return self.on_net(self.now, |net, now, weather, out| net.unanswered(now, id, attempt, weather, out));
        }
        let open = host.node.is_some() && host.listening && host.refusing == 0;
        let backlog = host.node.as_ref().map_or(0, |node| node.setup().config.long("socket.listen.backlog.size"));
        if open && host.backlog.len() as i64 >= backlog {
            return self.on_net(self.now, |net, now, weather, out| net.unanswered(now, id, attempt, weather, out));
        }
        if host.refusing > 0 {
            self.faults.touch_refusal(nth);
        }
        self.on_net(self.now, |net, now, weather, out| net.answer(now, id, open, weather, out));
        if open {
            self.nodes[nth].backlog.push_back(id);
            self.accept_next(nth);
        }
    }

    /// The process accepts the next connection that its kernel took, if it wants any.
    pub(super) fn accept_next(&mut self, nth: usize) {
        while self.nodes[nth].accepting
            && !self.nodes[nth].accepts
            && let Some(id) = self.nodes[nth].backlog.pop_front()
        {
            // One that ended meanwhile is known to nobody here.
            if let Some(wire) = self.net.wire(id).filter(|wire| wire.state(End::Acceptor) == EndState::Open) {
                self.accept(nth, id, wire.host(End::Dialer));
                self.read_wire(id, End::Acceptor);
            }
        }
    }

    fn accept(&mut self, nth: usize, wire: WireId, from: HostId) {
        let peer = self.host_name(from);
        let host = &mut self.nodes[nth];
        let connection = ConnectionId(host.accepted);
        host.accepted += 1;
        host.accepts = true;
        let bytes_max = host.node.as_ref().map_or(FrameLimits::REQUEST_BYTES_MAX, |node| node.setup().memory().frame_bytes_max);
        let limits = FrameLimits::server(bytes_max);
        host.sockets.insert(connection, Socket::new(wire, End::Acceptor, limits));
        host.by_wire.insert(wire, connection);
        let [high, low] = from.0.to_be_bytes();
        self.tell_node(nth, Input::Opened { connection, listener: ListenerId(0), ip: [10, 0, high, low].into(), peer });
    }

    fn answered(&mut self, wire: WireId, open: bool) {
        let dialer = self.net.wire(wire).map(|wire| wire.host(End::Dialer));
        let opened = self.net.answered(wire, open);
        let Some(client) = dialer.and_then(|host| self.client_of(host)) else { return };
        let Some(&connection) = self.clients[client].by_wire.get(&wire) else { return };
        if opened {
            self.tell_client(client, Told::Dialed(connection, Ok(())));
            self.read_wire(wire, End::Dialer);
        } else if !open {
            self.clients[client].by_wire.remove(&wire);
            self.clients[client].sockets.remove(&connection);
            self.tell_client(client, Told::Dialed(connection, Err("connection refused".to_owned())));
        }
    }

    /// Bytes may have arrived at an end: the kernel takes them, the process reads what it wants.
    pub(super) fn read_wire(&mut self, id: WireId, end: End) {
        let Some(wire) = self.net.wire(id) else { return };
        let (host, state) = (wire.host(end), wire.state(end));
        match state {
            EndState::Wishing => {}
            EndState::Closed | EndState::Vanished => self.refuse_bytes(id, end, host),
            EndState::Open if self.is_paused(host) || self.waits_to_be_accepted(id, end, host) => {}
            EndState::Open => {
                while let Some(piece) = self.net.take_arrived(self.now, id, end) {
                    self.take_piece(id, end, host, piece);
                }
                self.pump(id, end, host);
            }
        }
    }

    fn is_paused(&self, host: HostId) -> bool {
        match self.client_of(host) {
            Some(client) => self.clients[client].pace.paused,
            None => self.nodes[usize::from(host.0)].pace.paused,
        }
    }

    fn waits_to_be_accepted(&self, id: WireId, end: End, host: HostId) -> bool {
        end == End::Acceptor && self.nodes[usize::from(host.0)].backlog.contains(&id)
    }

    fn take_piece(&mut self, id: WireId, end: End, host: HostId, piece: Piece) {
        let ended = piece == Piece::End;
        let bytes = match self.resolve(piece) {
            Ok(bytes) => bytes,
            Err(unreadable) => return self.break_off(id, end.other(), unreadable),
        };
        let Some(socket) = self.socket(host, id) else { return };
        debug_assert_eq!(socket.end, end);
        if ended {
            socket.ended();
        } else if !bytes.is_empty() {
            socket.arrived(bytes.clone());
            self.hash.bytes(&bytes);
        }
    }

    /// What a kernel cannot read it cannot send: the process is told, and breaks the connection off.
    fn break_off(&mut self, id: WireId, end: End, Unreadable { node, range }: Unreadable) {
        // The life that sent it may be over.
        if let Some(&connection) = self.nodes[node].by_wire.get(&id) {
            self.tell_node(node, Input::SendFailed { connection, range, says: "Input/output error".to_owned() });
        }
        let dropped = self.reset_wire(id, end);
        self.let_go(dropped);
        self.cut_off(id, end);
    }

    /// The bytes of a piece. Those of a file are read at this moment, not when they were sent.
    fn resolve(&mut self, piece: Piece) -> Result<Bytes, Unreadable> {
        match piece {
            Piece::Bytes(bytes) => Ok(bytes),
            Piece::File { node, dir, file, inode, at, length, last } => {
                let disk = &mut self.nodes[usize::from(node)].disks[usize::from(dir)];
                let bytes = disk.read_pinned(inode, at, length);
                if last {
                    disk.unpin(inode);
                }
                let range = FileRange { dir: DirId(dir), file, at, length };
                let bytes = bytes.ok_or(Unreadable { node: usize::from(node), range })?;
                assert_eq!(
                    bytes.len() as u64,
                    length,
                    "a response points beyond the end of its file: at {at} of {inode:?} in directory {dir}"
                );
                Ok(bytes)
            }
            Piece::Flush | Piece::End => Ok(Bytes::new()),
        }
    }

    /// Pieces that nobody will read let go of their files.
    pub(super) fn let_go(&mut self, pieces: Vec<Piece>) {
        for piece in pieces {
            if let Piece::File { node, dir, inode, last: true, .. } = piece {
                self.nodes[usize::from(node)].disks[usize::from(dir)].unpin(inode);
            }
        }
    }

    /// Bytes for a connection that this kernel does not know any more are answered by a reset, if the machine has power.
    fn refuse_bytes(&mut self, id: WireId, end: End, host: HostId) {
        let mut arrived = Vec::new();
        while let Some(piece) = self.net.take_arrived(self.now, id, end) {
            arrived.push(piece);
        }
        let bytes = arrived.iter().any(|piece| piece.length() > 0);
        self.let_go(arrived);
        let powered = self.client_of(host).is_some() || self.nodes[usize::from(host.0)].powered;
        if bytes && powered {
            let dropped = self.on_net(self.now, |net, now, weather, out| net.reset(now, id, end, weather, out));
            self.let_go(dropped);
        }
        self.net.sweep(id);
    }

    fn socket(&mut self, host: HostId, wire: WireId) -> Option<&mut Socket> {
        match self.client_of(host) {
            Some(client) => {
                let client = &mut self.clients[client];
                client.sockets.get_mut(client.by_wire.get(&wire)?)
            }
            None => {
                let node = &mut self.nodes[usize::from(host.0)];
                node.sockets.get_mut(node.by_wire.get(&wire)?)
            }
        }
    }

    /// The process reads, and hears what that brings.
    fn pump(&mut self, id: WireId, end: End, host: HostId) {
        let draw = self.weather.at(Kind::Split, u64::from(id.0), self.now);
        let mut heard = std::mem::take(&mut self.heard);
        let read = self.socket(host, id).map_or(0, |socket| socket.read(draw, &mut heard));
        if read > 0 && heard.is_empty() {
            self.moved(id, host);
        }
        for heard in heard.drain(..) {
            match self.client_of(host) {
                Some(client) => self.client_heard(client, id, heard),
                None => {
                    if let Some(&connection) = self.nodes[usize::from(host.0)].by_wire.get(&id) {
                        self.node_heard(usize::from(host.0), connection, heard);
                    }
                }
            }
        }
        self.heard = heard;
        if read > 0 {
            self.net.consumed(id, end, read);
            self.on_net(self.now, |net, now, weather, out| net.push_on(now, id, end.other(), weather, out));
            self.after_push(id, end.other());
        }
    }

    /// Bytes came to a node, and no frame began or ended with them.
    fn moved(&mut self, id: WireId, host: HostId) {
        if self.client_of(host).is_some() {
            return;
        }
        let nth = usize::from(host.0);
        if let Some(&connection) = self.nodes[nth].by_wire.get(&id) {
            self.tell_node(nth, Input::Moved { connection });
        }
    }

    /// What left an end may complete sends and closes of a node.
    pub(super) fn after_push(&mut self, id: WireId, from: End) {
        let flushed = self.net.take_flushed(id, from);
        let Some(host) = self.net.wire(id).map(|wire| wire.host(from)) else { return };
        if self.client_of(host).is_some() {
            return;
        }
        let nth = usize::from(host.0);
        let Some(&connection) = self.nodes[nth].by_wire.get(&id) else { return };
        let carried = self.net.carried(id, from);
        let before = self.nodes[nth].sockets.get_mut(&connection).map_or(carried, |socket| std::mem::replace(&mut socket.carried, carried));
        if flushed == 0 && carried > before {
            self.tell_node(nth, Input::Moved { connection });
        }
        for _ in 0..flushed {
            self.tell_node(nth, Input::Flushed { connection });
        }
        let closing = self.nodes[nth].sockets.get(&connection).is_some_and(|socket| socket.closing);
        if closing && self.net.has_left(id, from) {
            self.forget_node_socket(nth, connection);
            self.tell_node(nth, Input::Closed { connection });
        }
    }

    /// The other end closed, or sent what is no frame: the node's end closes as well.
    pub(super) fn end_node_socket(&mut self, nth: usize, connection: ConnectionId) {
        let Some((wire, end)) = self.forget_node_socket(nth, connection) else { return };
        let dropped = self.on_net(self.now, |net, now, weather, out| net.close(now, wire, end, true, weather, out));
        self.let_go(dropped);
        self.tell_node(nth, Input::Closed { connection });
    }

    pub(super) fn forget_node_socket(&mut self, nth: usize, connection: ConnectionId) -> Option<(WireId, End)> {
        let host = &mut self.nodes[nth];
        let socket = host.sockets.remove(&connection)?;
        host.by_wire.remove(&socket.wire);
        host.owed.remove(&connection);
        Some((socket.wire, socket.end))
    }

    /// A connection broke at one end: the process hears of it.
    pub(super) fn cut_off(&mut self, id: WireId, end: End) {
        let ends = [EndOf::Node, EndOf::Client];
        for kind in ends {
            match kind {
                EndOf::Node => {
                    let node = self
                        .nodes
                        .iter()
                        .position(|host| host.by_wire.get(&id).is_some_and(|connection| host.sockets[connection].end == end));
                    if let Some(nth) = node {
                        let connection = self.nodes[nth].by_wire[&id];
                        self.forget_node_socket(nth, connection);
                        self.tell_node(nth, Input::Closed { connection });
                    }
                }
                EndOf::Client => {
                    let client = self
                        .clients
                        .iter()
                        .position(|host| host.by_wire.get(&id).is_some_and(|connection| host.sockets[connection].end == end));
                    if let Some(client) = client {
                        self.client_heard(client, id, Heard::Ended);
                    }
                }
            }
        }
    }

    /// Everything that arrived while a process stood still is read.
    pub(super) fn read_all(&mut self, host: HostId) {
        for (wire, end) in self.net.wires_of(host) {
            self.read_wire(wire, end);
        }
    }
}

#[derive(Clone, Copy)]
enum EndOf {
    Node,
    Client,
}
