//! A stage for plays: one client machine, a clock, and a broker that answers what it is told to.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use odradek_machine::{Deadline, Mono, Now, WallMs};
use odradek_wire::api::ApiKey;
use odradek_wire::error::ErrorCode;
use odradek_wire::ids::{CorrelationId, Uuid};
use odradek_wire::messages::api_versions_response::ApiVersion;
use odradek_wire::messages::metadata_request::MetadataRequestTopic;
use odradek_wire::messages::metadata_response::{MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic};
use odradek_wire::messages::{ApiVersionsResponseData, InitProducerIdResponseData, MetadataResponseData, text};
use odradek_wire::prepare::{Limits, prepare};
use odradek_wire::request::{Request, RequestHeader};
use odradek_wire::response::{self, Response};
use odradek_wire::scatter::{Part, RangeLength};

use crate::config::CommonConfig;
use crate::io::{ConnectionId, Input, Output};

/// What the three clients have in common.
pub(crate) trait Machine {
    type Command;
    type Event: std::fmt::Debug;
    fn step(&mut self, now: Now, input: Input<Self::Command>, out: &mut Vec<Output<Self::Event>>);
    fn deadline(&self) -> Option<Deadline>;
    fn check(&self);
}

macro_rules! machines {
    ($($module:ident :: $machine:ident),*) => {$(
        impl Machine for crate::$module::$machine {
            type Command = crate::$module::Command;
            type Event = crate::$module::Event;
            fn step(&mut self, now: Now, input: Input<Self::Command>, out: &mut Vec<Output<Self::Event>>) {
                crate::$module::$machine::step(self, now, input, out);
            }
            fn deadline(&self) -> Option<Deadline> {
                crate::$module::$machine::deadline(self)
            }
            fn check(&self) {
                crate::$module::$machine::check(self);
            }
        }
    )*};
}

machines!(producer::Producer, consumer::Consumer, admin::Admin);

/// A request that the broker got and has not answered.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) connection: ConnectionId,
    pub(crate) port: u16,
    pub(crate) header: RequestHeader,
    pub(crate) request: Request,
}

/// The leader and the leader epoch of each partition, and the topic's id.
#[derive(Clone, Debug)]
pub(crate) struct TopicPlan {
    pub(crate) id: Uuid,
    pub(crate) leaders: Vec<(i32, i32)>,
}

/// What the broker answers by itself.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) accept: bool,
    pub(crate) versions: bool,
    pub(crate) metadata: bool,
    pub(crate) producer_ids: bool,
    /// Node ids; node `n` listens on port `9000 + n`.
    pub(crate) nodes: Vec<i32>,
    pub(crate) topics: BTreeMap<String, TopicPlan>,
    /// The newest version it says of an API, instead of ours.
    pub(crate) newest: BTreeMap<ApiKey, i16>,
    /// APIs that it has not.
    pub(crate) absent: Vec<ApiKey>,
    /// Ports on which nobody listens.
    pub(crate) refused: Vec<u16>,
}

pub(crate) struct Stage<M: Machine> {
    pub(crate) machine: M,
    pub(crate) now: Now,
    pub(crate) plan: Plan,
    pub(crate) events: Vec<M::Event>,
    pub(crate) marks: Vec<&'static str>,
    /// Dials that the plan does not accept by itself.
    pub(crate) dials: VecDeque<(ConnectionId, u16)>,
    pub(crate) requests: VecDeque<Asked>,
    pub(crate) metadata_asked: usize,
    ports: BTreeMap<ConnectionId, u16>,
    /// Answers leave each connection in the order of the requests; `None` is not known yet.
    lines: BTreeMap<ConnectionId, VecDeque<(CorrelationId, Option<Bytes>)>>,
    next_producer_id: i64,
}

pub(crate) fn common() -> CommonConfig {
    CommonConfig::new("stage", vec![("broker".to_owned(), 9001)])
}

impl Plan {
    /// One node, one topic `orders` with so many partitions.
    pub(crate) fn one_node(partitions: usize) -> Plan {
        let orders = TopicPlan { id: Uuid([7; 16]), leaders: vec![(1, 0); partitions] };
        Plan {
            accept: true,
            versions: true,
            metadata: true,
            producer_ids: true,
            nodes: vec![1],
            topics: BTreeMap::from([("orders".to_owned(), orders)]),
            newest: BTreeMap::new(),
            absent: Vec::new(),
            refused: Vec::new(),
        }
    }
}

impl<M: Machine> Stage<M> {
    pub(crate) fn new(machine: M, plan: Plan) -> Self {
        Stage {
            machine,
            now: Now { mono: Mono(1_000_000_000), wall: WallMs(1_000_000) },
            plan,
            events: Vec::new(),
            marks: Vec::new(),
            dials: VecDeque::new(),
            requests: VecDeque::new(),
            metadata_asked: 0,
            ports: BTreeMap::new(),
            lines: BTreeMap::new(),
            next_producer_id: 4000,
        }
    }

    pub(crate) fn command(&mut self, command: M::Command) {
        self.feed(Input::Command(command));
    }

    pub(crate) fn feed(&mut self, input: Input<M::Command>) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let mut out = Vec::new();
            self.machine.step(self.now, input, &mut out);
            self.machine.check();
            for output in out {
                self.carry_out(output, &mut inputs);
            }
        }
    }

    /// Lets time pass and answers with `otherwise` until a request comes that is wanted.
    pub(crate) fn until(&mut self, wanted: impl Fn(&Asked) -> bool, otherwise: impl Fn(&Asked) -> Response) -> Asked {
        for _ in 0..100 {
            while let Some(asked) = self.requests.pop_front() {
                if wanted(&asked) {
                    return asked;
                }
                self.answer(&asked, otherwise(&asked));
            }
            self.pass_ms(20);
        }
        panic!("the request that is waited for does not come");
    }

    /// Lets time pass, with a wake at each deadline.
    pub(crate) fn pass_ms(&mut self, ms: u64) {
        let end = self.now.mono.plus_ms(ms);
        let mut wakes = 0;
        while let Some(deadline) = self.machine.deadline().filter(|d| d.at <= end) {
            let at = deadline.at.max(self.now.mono);
            self.set_clock(at);
            self.feed(Input::Wake);
            wakes += 1;
            assert!(wakes < 10_000, "the machine wants to be woken over and over at {at}: {}", deadline.why);
        }
        self.set_clock(end);
    }

    /// Answers a request in the version it was asked in.
    pub(crate) fn answer(&mut self, asked: &Asked, response: impl Into<Response>) {
        let line = self.lines.entry(asked.connection).or_default();
        if let Some(place) = line.iter_mut().find(|(correlation, _)| *correlation == asked.header.correlation) {
            place.1 = Some(encode(asked, &response.into()));
        }
        let ready: Vec<Bytes> = self.ready(asked.connection);
        ready.into_iter().for_each(|frame| self.feed(Input::Response { connection: asked.connection, frame }));
    }

    /// Accepts every dial that waits.
    pub(crate) fn accept_dials(&mut self) {
        while let Some((connection, port)) = self.dials.pop_front() {
            self.ports.insert(connection, port);
            self.feed(Input::Dialed { connection, result: Ok(()) });
        }
    }

    /// The oldest request not answered.
    pub(crate) fn next(&mut self) -> Asked {
        self.requests.pop_front().expect("a request was sent")
    }

    /// The connection ends, and every request on it with it.
    pub(crate) fn cut(&mut self, connection: ConnectionId) {
        self.requests.retain(|asked| asked.connection != connection);
        if self.ports.remove(&connection).is_some() {
            self.feed(Input::Closed { connection });
        }
    }

    /// Every connection ends.
    pub(crate) fn cut_all(&mut self) {
        let open: Vec<ConnectionId> = self.ports.keys().copied().collect();
        open.into_iter().for_each(|connection| self.cut(connection));
    }

    /// Answers an ApiVersions request as a broker does that has not its version: in version 0.
    pub(crate) fn refuse_version(&mut self, asked: &Asked, body: ApiVersionsResponseData) {
        let header = RequestHeader { version: 0, ..asked.header.clone() };
        let asked = Asked { header, request: asked.request.clone(), ..*asked };
        self.answer(&asked, body);
    }

    pub(crate) fn is_open(&self, connection: ConnectionId) -> bool {
        self.ports.contains_key(&connection)
    }

    pub(crate) fn take_events(&mut self) -> Vec<M::Event> {
        std::mem::take(&mut self.events)
    }

    fn set_clock(&mut self, at: Mono) {
        let passed_ms = (at - self.now.mono) / 1_000_000;
        self.now = Now { mono: at, wall: WallMs(self.now.wall.0 + passed_ms as i64) };
    }

    fn carry_out(&mut self, output: Output<M::Event>, inputs: &mut VecDeque<Input<M::Command>>) {
        match output {
            Output::Dial { connection, port, .. } if self.plan.refused.contains(&port) => {
                inputs.push_back(Input::Dialed { connection, result: Err("refused".into()) });
            }
            Output::Dial { connection, port, .. } if self.plan.accept => {
                self.ports.insert(connection, port);
                inputs.push_back(Input::Dialed { connection, result: Ok(()) });
            }
            Output::Dial { connection, port, .. } => self.dials.push_back((connection, port)),
            Output::Send { connection, parts } => self.sent(connection, &parts, inputs),
            Output::Close { connection } => {
                self.ports.remove(&connection);
                self.requests.retain(|asked| asked.connection != connection);
            }
            Output::Event(event) => self.events.push(event),
            Output::Note(note) => self.marks.push(note.mark),
        }
    }

    fn sent(&mut self, connection: ConnectionId, parts: &[Bytes], inputs: &mut VecDeque<Input<M::Command>>) {
        let Some(&port) = self.ports.get(&connection) else { return };
        let mut frame = BytesMut::new();
        parts.iter().for_each(|part| frame.extend_from_slice(part));
        let length = frame.split_to(4);
        assert_eq!(u32::from_be_bytes(length[..].try_into().expect("four bytes")) as usize, frame.len(), "the frame's length is wrong");
        let prepared = prepare(frame.freeze(), &Limits::default()).expect("a client's request can be read");
        let asked = Asked { connection, port, header: prepared.header, request: prepared.request };
        let response = match &asked.request {
            Request::ApiVersions(_) if self.plan.versions => Some(self.versions().into()),
            Request::Metadata(request) if self.plan.metadata => {
                self.metadata_asked += 1;
                let all = || self.plan.topics.keys().cloned().collect();
                let named = |t: &MetadataRequestTopic| Some(t.name.as_ref()?.to_string());
                let names: Vec<String> = request.topics.as_ref().map_or_else(all, |topics| topics.iter().filter_map(named).collect());
                Some(self.metadata(&names).into())
            }
            Request::InitProducerId(_) if self.plan.producer_ids => {
                self.next_producer_id += 1;
                let body = InitProducerIdResponseData::default().with_producer_id(self.next_producer_id).with_producer_epoch(0);
                Some(Response::from(body))
            }
            _ => None,
        };
        let unanswered = matches!(&asked.request, Request::Produce(produce) if produce.acks == 0);
        let frame = response.as_ref().map(|response| encode(&asked, response));
        if !unanswered {
            self.lines.entry(connection).or_default().push_back((asked.header.correlation, frame));
        }
        if response.is_none() {
            self.requests.push_back(asked);
        }
        inputs.extend(self.ready(connection).into_iter().map(|frame| Input::Response { connection, frame }));
    }

    /// Answers at the front of the line.
    fn ready(&mut self, connection: ConnectionId) -> Vec<Bytes> {
        let line = self.lines.entry(connection).or_default();
        std::iter::from_fn(|| line.pop_front_if(|(_, frame)| frame.is_some()).and_then(|(_, frame)| frame)).collect()
    }

    pub(crate) fn versions(&self) -> ApiVersionsResponseData {
        let keys = ApiKey::ALL.iter().filter(|api| !self.plan.absent.contains(api)).map(|api| {
            let newest = self.plan.newest.get(api).copied().unwrap_or(api.versions().newest);
            ApiVersion::default().with_api_key(api.key()).with_min_version(api.advertised().oldest).with_max_version(newest)
        });
        ApiVersionsResponseData::default().with_api_keys(keys.collect())
    }

    pub(crate) fn metadata(&self, names: &[String]) -> MetadataResponseData {
        let brokers = self
            .plan
            .nodes
            .iter()
            .map(|&id| MetadataResponseBroker::default().with_node_id(id).with_host(text("broker")).with_port(9000 + id));
        let topics = names.iter().map(|name| self.topic(name));
        MetadataResponseData::default()
            .with_brokers(brokers.collect())
            .with_controller_id(self.plan.nodes.first().copied().unwrap_or(-1))
            .with_topics(topics.collect())
    }

    fn topic(&self, name: &str) -> MetadataResponseTopic {
        let told = MetadataResponseTopic::default().with_name(Some(text(name)));
        let Some(plan) = self.plan.topics.get(name) else {
            return told.with_error_code(ErrorCode::UnknownTopicOrPartition.code());
        };
        let partitions = plan.leaders.iter().zip(0..).map(|(&(leader, epoch), index)| {
            let error = if leader < 0 { ErrorCode::LeaderNotAvailable } else { ErrorCode::None };
            MetadataResponsePartition::default()
                .with_error_code(error.code())
                .with_partition_index(index)
                .with_leader_id(leader)
                .with_leader_epoch(epoch)
        });
        told.with_topic_id(plan.id.into()).with_partitions(partitions.collect())
    }
}

struct Nowhere;

impl RangeLength for Nowhere {
    fn length(&self) -> u64 {
        0
    }
}

fn encode(asked: &Asked, response: &Response) -> Bytes {
    let list = response::encode::<Nowhere>(asked.header.version, asked.header.correlation, response).expect("an answer fits its version");
    let mut frame = BytesMut::new();
    for part in list.parts() {
        match part {
            Part::Bytes(bytes) => frame.extend_from_slice(bytes),
            Part::Range(_) => unreachable!("a response of the stage is all bytes"),
        }
    }
    frame.freeze().slice(4..)
}

/// A topic's name.
pub(crate) fn orders() -> Arc<str> {
    Arc::from("orders")
}
