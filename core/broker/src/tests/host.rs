//! The host: carries out what a node asks for, in a drawn order, and plays its clients.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr};

use bytes::Bytes;
use odradek_log::disk::{DirId, DiskAction, FileRange, OpId};
use odradek_machine::{Mono, Now, Seed, WallMs};
use odradek_wire::api::ApiKey;
use odradek_wire::batch::{Batches, Builder, NewRecord};
use odradek_wire::codec::Codec;
use odradek_wire::ids::{CorrelationId, NodeId};
use odradek_wire::messages::produce_request::{PartitionProduceData, TopicProduceData};
use odradek_wire::messages::{KafkaString, ProduceRequestData, text};
use odradek_wire::prepare::{self, prepare};
use odradek_wire::request::{self, RequestBody, RequestHeader};
use odradek_wire::response::{self, Response};
use odradek_wire::scatter::{Part, ScatterList};

use super::disk::{Disk, Reader};
use crate::io::{ConnectionId, Input, ListenerId, Outbox, Output, WorkId};
use crate::work::Work;
use crate::{Node, NodeSetup};

/// A node and everything around it.
pub(super) struct Host {
    pub(super) node: Node,
    pub(super) disk: Disk,
    /// That of the second log directory, for nodes that have one.
    pub(super) other: Disk,
    pub(super) now: Now,
    seed: Seed,
    draws: u64,
    ops: Vec<(OpId, DirId, DiskAction)>,
    works: VecDeque<(WorkId, Work)>,
    pub(super) listening: bool,
    pub(super) stopped: Option<Result<(), String>>,
    /// Frames that left, by connection, without their lengths.
    pub(super) sent: BTreeMap<ConnectionId, VecDeque<Bytes>>,
    pub(super) closed: BTreeMap<ConnectionId, String>,
    /// Every range that was sent.
    pub(super) ranges: Vec<FileRange>,
    /// Grants, pauses and resumes, in order.
    pub(super) orders: Vec<String>,
    pub(super) marks: Vec<&'static str>,
    /// Sentences for a person, with their marks.
    pub(super) said: Vec<(&'static str, String)>,
    /// True keeps responses unflushed.
    pub(super) stuck: bool,
    /// True leaves disk operations undone.
    pub(super) disk_stalls: bool,
    /// True leaves syncs of files undone.
    pub(super) syncs_stall: bool,
    asked: BTreeMap<ConnectionId, VecDeque<(ApiKey, i16)>>,
    connections: u64,
    correlation: i32,
}

impl Host {
    /// A node on an empty disk.
    pub(super) fn new(seed: u64) -> Host {
        Host::on(Disk::default(), seed, |_| {})
    }

    /// A node on a disk that may hold something, with a setup of its own.
    pub(super) fn on(disk: Disk, seed: u64, change: impl FnOnce(&mut NodeSetup)) -> Host {
        let mut setup = NodeSetup::alone(NodeId(1), Seed(seed), "localhost", 9092);
        change(&mut setup);
        Host {
            node: Node::new(setup),
            disk,
            other: Disk::default(),
            now: Now { mono: Mono(1_000_000_000), wall: WallMs(1_700_000_000_000) },
            seed: Seed(seed).named("host"),
            draws: 0,
            ops: Vec::new(),
            works: VecDeque::new(),
            listening: false,
            stopped: None,
            sent: BTreeMap::new(),
            closed: BTreeMap::new(),
            ranges: Vec::new(),
            orders: Vec::new(),
            marks: Vec::new(),
            said: Vec::new(),
            stuck: false,
            disk_stalls: false,
            syncs_stall: false,
            asked: BTreeMap::new(),
            connections: 0,
            correlation: 0,
        }
    }

    /// A node that listens.
    pub(super) fn started(seed: u64) -> Host {
        let mut host = Host::new(seed);
        host.start();
        host
    }

    pub(super) fn start(&mut self) {
        self.step(Input::Wake);
        self.until("it listens", |h| h.listening || h.stopped.is_some());
        assert_eq!(self.stopped, None);
    }

    /// The same disk in a new life: after a clean stop, or after a kill.
    pub(super) fn restarted(mut self, cleanly: bool, seed: u64) -> Host {
        if cleanly {
            self.step(Input::Stop);
            self.until("it stopped", |h| h.stopped.is_some());
            assert_eq!(self.stopped, Some(Ok(())));
        }
        let mut next = Host::on(self.disk.without_handles(), seed, |_| {});
        next.start();
        next
    }

    /// One input and everything that the node says to it.
    pub(super) fn step(&mut self, input: Input) {
        let mut out = Outbox::new();
        self.node.step(self.now, input, &mut out);
        self.node.check();
        for output in out {
            self.said(output);
        }
    }

    fn said(&mut self, output: Output) {
        match output {
            Output::Listen => self.listening = true,
            Output::Send { connection, payload } => self.send(connection, &payload),
            Output::PauseAccepting { listener } => self.orders.push(format!("full {}", listener.0)),
            Output::ResumeAccepting { listener } => self.orders.push(format!("accept {}", listener.0)),
            Output::Grant { connection } => self.orders.push(format!("grant {}", connection.0)),
            Output::PauseReading { connection } => self.orders.push(format!("pause {}", connection.0)),
            Output::ResumeReading { connection } => self.orders.push(format!("resume {}", connection.0)),
            Output::Close { connection, why, when } => {
                self.closed.insert(connection, format!("{why}, {when:?}"));
            }
            Output::Dial { .. } => panic!("a lone node dials nobody"),
            Output::Disk { op, dir, action } => {
                self.ops.push((op, dir, action));
            }
            Output::Work { work, what } => self.works.push_back((work, what)),
            Output::Note(note) => {
                self.marks.push(note.mark);
                self.said.extend(note.says.map(|says| (note.mark, says)));
            }
            Output::Stopped { outcome } => self.stopped = Some(outcome),
        }
    }

    fn send(&mut self, connection: ConnectionId, payload: &ScatterList<FileRange>) {
        let mut frame = Vec::new();
        for part in payload.parts() {
            match part {
                Part::Bytes(bytes) => frame.extend_from_slice(bytes),
                Part::Range(range) => {
                    self.ranges.push(*range);
                    frame.extend_from_slice(&self.disk_of(range.dir).range(range));
                }
            }
        }
        assert_eq!(frame.len() as u64, payload.bytes());
        assert_eq!(frame.len() - 4, u32::from_be_bytes(frame[..4].try_into().expect("four bytes")) as usize);
        self.sent.entry(connection).or_default().push_back(Bytes::from(frame).slice(4..));
    }

    /// Carries on until something holds; time passes only when nothing else is left to do.
    pub(super) fn until(&mut self, what: &str, done: impl Fn(&Host) -> bool) {
        for _ in 0..200_000 {
            if done(self) {
                return;
            }
            if !self.carry_on() {
                let at = self.node.deadline().unwrap_or_else(|| panic!("nothing is under way, and not: {what}; {:?}", self.marks)).at;
                self.now.wall.0 += (at.since(self.now.mono) / 1_000_000) as i64;
                self.now.mono = self.now.mono.max(at);
                self.step(Input::Wake);
            }
        }
        panic!("not within reason: {what}; {:?}", &self.marks[self.marks.len().saturating_sub(40)..]);
    }

    /// Carries on until nothing is under way, without letting time pass.
    pub(super) fn rest(&mut self) {
        while self.carry_on() {}
    }

    /// Lets time pass, waking the node whenever it wants.
    pub(super) fn pass_ms(&mut self, ms: u64) {
        let end = self.now.mono.plus_ms(ms);
        loop {
            self.rest();
            let at = self.node.deadline().map_or(end, |d| d.at).max(self.now.mono).min(end);
            self.now.wall.0 += (at.since(self.now.mono) / 1_000_000) as i64;
            self.now.mono = at;
            if at == end {
                self.step(Input::Wake);
                return self.rest();
            }
            self.step(Input::Wake);
        }
    }

    /// One thing that is under way ends.
    fn carry_on(&mut self) -> bool {
        let ready: Vec<usize> = if self.disk_stalls { Vec::new() } else { (0..self.ops.len()).filter(|&at| self.is_first(at)).collect() };
        let choices = ready.len() + usize::from(!self.works.is_empty());
        if choices == 0 {
            return false;
        }
        self.draws += 1;
        let choice = self.seed.number(self.draws).below(choices as u64) as usize;
        match ready.get(choice) {
            Some(&at) => {
                let (op, dir, action) = self.ops.remove(at);
                let result = if dir == DirId(0) { self.disk.apply(action) } else { self.other.apply(action) };
                self.step(Input::Disk { op, result });
            }
            None => {
                let (work, what) = self.works.pop_front().expect("the choice was work");
                let result = match what.file() {
                    Some((dir, file)) => what.run(Some(&mut Reader { disk: self.disk_of(dir), file })),
                    None => what.run(None),
                };
                self.step(Input::Work { work, result });
            }
        }
        true
    }

    /// True if no earlier operation is on the same file.
    fn is_first(&self, at: usize) -> bool {
        if self.syncs_stall && matches!(self.ops[at].2, DiskAction::Sync { .. }) {
            return false;
        }
        let file = self.ops[at].2.file();
        file.is_none() || self.ops[..at].iter().all(|(_, _, earlier)| earlier.file() != file)
    }

    fn disk_of(&self, dir: DirId) -> &Disk {
        if dir == DirId(0) { &self.disk } else { &self.other }
    }

    // Clients.

    /// A connection is accepted.
    pub(super) fn connect(&mut self) -> ConnectionId {
        self.connect_by(ListenerId(0), Ipv4Addr::LOCALHOST.into())
    }

    /// A connection from somewhere is accepted by a listener.
    pub(super) fn connect_by(&mut self, listener: ListenerId, ip: IpAddr) -> ConnectionId {
        self.connections += 1;
        let connection = ConnectionId(self.connections);
        self.step(Input::Opened { connection, listener, ip, peer: "test".to_owned() });
        connection
    }

    /// Sends a request; gives its correlation id.
    pub(super) fn ask(&mut self, connection: ConnectionId, version: i16, body: impl Into<RequestBody>) -> i32 {
        let body = body.into();
        self.correlation += 1;
        let header = RequestHeader {
            api: body.api(),
            version,
            correlation: CorrelationId(self.correlation),
            client_id: KafkaString::from_static("test"),
        };
        let parts = request::encode(&header, &body).expect("the test asks what can be said");
        let frame: Vec<u8> = parts.iter().flat_map(|p| p.to_vec()).collect();
        self.asked.entry(connection).or_default().push_back((header.api, version));
        let request = prepare(Bytes::from(frame).slice(4..), &prepare::Limits::default());
        let frame_bytes = parts.iter().map(|p| p.len() as u32).sum::<u32>() - 4;
        self.step(Input::Request { connection, frame_bytes, request });
        self.correlation
    }

    /// The next answer on a connection, if it has left.
    pub(super) fn answered(&mut self, connection: ConnectionId) -> Option<(i32, Response)> {
        let frame = self.sent.get_mut(&connection)?.pop_front()?;
        let (api, version) = self.asked.get_mut(&connection)?.pop_front().expect("an answer follows a question");
        let (correlation, response) = response::decode(api, version, frame).expect("the node's answers can be read");
        if !self.stuck {
            self.step(Input::Flushed { connection });
        }
        Some((correlation.0, response))
    }

    /// The oldest question of a connection will not be answered (`acks=0`).
    pub(super) fn forget_silent(&mut self, connection: ConnectionId) {
        self.asked.get_mut(&connection).expect("it asked").pop_front();
    }

    /// Asks and waits for the answer.
    pub(super) fn call(&mut self, connection: ConnectionId, version: i16, body: impl Into<RequestBody>) -> Response {
        let correlation = self.ask(connection, version, body);
        self.until("it answers", |h| h.sent.get(&connection).is_some_and(|s| !s.is_empty()) || h.closed.contains_key(&connection));
        let (answered, response) = self.answered(connection).unwrap_or_else(|| panic!("closed: {:?}", self.closed.get(&connection)));
        assert_eq!(answered, correlation);
        response
    }
}

/// A batch of records with these values.
pub(super) fn batch(values: &[&str]) -> Bytes {
    let mut builder = Builder::new(Codec::None);
    for value in values {
        builder.push(NewRecord { timestamp_ms: 1_700_000_000_000, key: None, value: Some(value.as_bytes()), headers: &[] });
    }
    builder.build_bytes()
}

/// A Produce of one batch to one partition, by name.
pub(super) fn produce(topic: &str, partition: i32, acks: i16, records: Bytes) -> ProduceRequestData {
    let data = PartitionProduceData::default().with_index(partition).with_records(Some(records));
    let topic = TopicProduceData::default().with_name(text(topic)).with_partition_data(vec![data]);
    ProduceRequestData::default().with_acks(acks).with_timeout_ms(30_000).with_topic_data(vec![topic])
}

/// The values of the records in a partition's answer.
pub(super) fn values(records: Option<Bytes>) -> Vec<String> {
    let mut values = Vec::new();
    for batch in Batches::new(records.unwrap_or_default()) {
        for record in batch.expect("a whole batch").records(1 << 20).expect("readable records") {
            let value = record.expect("a readable record").value.unwrap_or_default();
            values.push(String::from_utf8(value.to_vec()).expect("text"));
        }
    }
    values
}
