//! Connections to the nodes of a cluster: dialing with backoff, version negotiation, pipelining, timeouts.
//!
//! One connection a node. Requests leave at once and are answered in order; when a request times out, its connection is closed, since the answers
//! behind it can no longer be told from late ones.

use std::collections::BTreeMap;

use bytes::Bytes;
use odradek_machine::{Deadline, Mono, Now, Seed, ms};
use odradek_wire::api::{ApiKey, Versions};
use odradek_wire::error::ErrorCode;
use odradek_wire::ids::{CorrelationId, NodeId};
use odradek_wire::messages::{ApiVersionsRequestData, ApiVersionsResponseData, text};
use odradek_wire::request::{self, RequestBody, RequestHeader};
use odradek_wire::response::{self, Response};

use super::backoff::backoff_ms;
use super::node::{InFlight, Link, Node, Up};
use crate::config::CommonConfig;
use crate::io::{ConnectionId, Output};

/// Something that happened to connections or requests; `T` is what the sender gave along.
#[derive(Debug)]
pub(crate) enum Happened<T> {
    /// A node can be sent to.
    Up,
    /// A node could not be reached, or the connection to it is gone. What was in flight is told one by one, before this.
    Down,
    /// An answer.
    Answered { node: NodeId, tag: T, response: Response },
    /// No answer will come.
    Lost { node: NodeId, tag: T, why: Lost },
}

/// Why no answer will come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    /// `request.timeout.ms` passed.
    TimedOut,
    /// The connection went first.
    Disconnected,
    /// The answer, or one before it, could not be read.
    Misbehaved(String),
}

/// What a host tells about connections: the inputs of [`crate::io::Input`] without the commands.
#[derive(Debug)]
pub(crate) enum Input {
    Dialed { connection: ConnectionId, result: Result<(), String> },
    Response { connection: ConnectionId, frame: Bytes },
    Closed { connection: ConnectionId },
    Wake,
}

/// The connections of one client.
#[derive(Debug)]
pub(crate) struct Connections<T> {
    config: CommonConfig,
    seed: Seed,
    in_flight_max: usize,
    nodes: BTreeMap<NodeId, Node<T>>,
    by_connection: BTreeMap<ConnectionId, NodeId>,
    next_connection: u64,
}

impl<T> Connections<T> {
    /// No connection yet; the bootstrap servers are nodes -1, -2, ….
    pub(crate) fn new(config: CommonConfig, in_flight_max: usize, seed: Seed) -> Self {
        let bootstrap = config.bootstrap.iter().enumerate();
        let nodes = bootstrap.map(|(i, (host, port))| (NodeId(-1 - i as i32), Node::new(host.clone(), *port))).collect();
        Connections { config, seed, in_flight_max, nodes, by_connection: BTreeMap::new(), next_connection: 1 }
    }

    /// Takes over the addresses of the cluster's nodes. A node that moved is dialed anew; one that is gone keeps its connection until that ends.
    pub(crate) fn set_nodes<E>(&mut self, nodes: &[(NodeId, String, u16)], out: &mut Vec<Output<E>>, happened: &mut Vec<Happened<T>>) {
        for (id, host, port) in nodes {
            let node = self.nodes.entry(*id).or_insert_with(|| Node::new(host.clone(), *port));
            if node.host != *host || node.port != *port {
                (node.host, node.port, node.failures) = (host.clone(), *port, 0);
                if let Some(connection) = node.connection() {
                    self.take_down(connection, Mono(0), &Lost::Disconnected, None, out, happened);
                }
            }
        }
    }

    /// What the host told. Pushes what happened in the order in which it did.
    pub(crate) fn step<E>(&mut self, now: Now, input: Input, out: &mut Vec<Output<E>>, happened: &mut Vec<Happened<T>>) {
        match input {
            Input::Dialed { connection, result: Ok(()) } => self.dialed(now, connection, out, happened),
            Input::Dialed { connection, result: Err(_) } | Input::Closed { connection } => {
                self.by_connection.contains_key(&connection).then(|| self.lose(now, connection, &Lost::Disconnected, None, happened));
            }
            Input::Response { connection, frame } => self.response(now, connection, frame, out, happened),
            Input::Wake => {}
        }
        self.time_out(now, out, happened);
    }

    /// Dials a node unless it is connected, being dialed, or in its backoff.
    pub(crate) fn connect<E>(&mut self, now: Now, id: NodeId, out: &mut Vec<Output<E>>) {
        let Some(node) = self.nodes.get_mut(&id) else { return };
        let Link::Down { from } = node.link else { return };
        if from > now.mono {
            return;
        }
        let connection = ConnectionId(self.next_connection);
        self.next_connection += 1;
        node.dials += 1;
        node.link = Link::Dialing { connection, until: now.mono.plus_ms(self.config.connection_setup_timeout_ms) };
        self.by_connection.insert(connection, id);
        out.push(Output::Dial { connection, host: node.host.clone(), port: node.port });
    }

    /// Sends a request whose answer is awaited. The node must be [`Connections::can_send`], and the version one of [`Connections::version`].
    pub(crate) fn send<E>(&mut self, now: Now, id: NodeId, version: i16, body: &RequestBody, tag: T, out: &mut Vec<Output<E>>) {
        let until = now.mono.plus_ms(self.config.request_timeout_ms);
        let (correlation, api) = self.put(id, version, body, out);
        let Some(Node { link: Link::Up(up), .. }) = self.nodes.get_mut(&id) else { unreachable!("put has checked that node {id:?} is up") };
        up.in_flight.push_back(InFlight { correlation, api, version, until, tag });
    }

    /// Sends a request that is never answered: Produce with `acks=0`.
    pub(crate) fn send_unanswered<E>(&mut self, id: NodeId, version: i16, body: &RequestBody, out: &mut Vec<Output<E>>) {
        self.put(id, version, body, out);
    }

    /// Sends nothing to a node for this long, as its last answer asked (KIP-219).
    pub(crate) fn throttle(&mut self, now: Now, id: NodeId, throttle_ms: i32) {
        let throttle_ms = u64::try_from(throttle_ms).unwrap_or(0);
        if let Some(node) = self.nodes.get_mut(&id) {
            node.quiet_until = node.quiet_until.max(now.mono.plus_ms(throttle_ms));
        }
    }

    /// Closes everything; what was in flight is forgotten.
    pub(crate) fn close_all<E>(&mut self, out: &mut Vec<Output<E>>) {
        for connection in std::mem::take(&mut self.by_connection).into_keys() {
            out.push(Output::Close { connection });
        }
        for node in self.nodes.values_mut() {
            node.link = Link::Down { from: Mono(u64::MAX) };
        }
    }

    /// True if a request can leave for this node at once.
    pub(crate) fn can_send(&self, now: Now, id: NodeId) -> bool {
        match self.nodes.get(&id) {
            Some(Node { link: Link::Up(up), quiet_until, .. }) => up.in_flight.len() < self.in_flight_max && *quiet_until <= now.mono,
            _ => false,
        }
    }

    /// True if the node's versions are known.
    pub(crate) fn is_up(&self, id: NodeId) -> bool {
        matches!(self.nodes.get(&id), Some(Node { link: Link::Up(_), .. }))
    }

    /// True if the last connections to the node failed and it is not connected.
    pub(crate) fn is_failing(&self, id: NodeId) -> bool {
        self.nodes.get(&id).is_some_and(|node| node.failures > 0)
    }

    /// The newest version of an API that both sides speak.
    pub(crate) fn version(&self, id: NodeId, api: ApiKey) -> Option<i16> {
        match self.nodes.get(&id) {
            Some(Node { link: Link::Up(up), .. }) => up.versions.get(&api).and_then(|theirs| api.versions().newest_common(*theirs)),
            _ => None,
        }
    }

    /// The node among `candidates` to ask when any would do: connected with the fewest requests in flight, else one that is being dialed, else one that
    /// may be dialed. `salt` breaks ties.
    pub(crate) fn least_loaded(&self, now: Now, candidates: &[NodeId], salt: u64) -> Option<NodeId> {
        let start =
            if candidates.is_empty() { 0 } else { self.seed.named("least.loaded").number(salt).below(candidates.len() as u64) as usize };
        let rotated = candidates[start..].iter().chain(&candidates[..start]).copied();
        rotated.filter_map(|id| Some((self.load(now, id)?, id))).min_by_key(|(load, _)| *load).map(|(_, id)| id)
    }

    /// When something times out or a backoff ends.
    pub(crate) fn deadline(&self) -> Option<Deadline> {
        let over = self.nodes.values().filter_map(Node::deadline).map(|(at, why)| Deadline { at, why });
        over.fold(None, |earliest, next| Deadline::earliest(earliest, Some(next)))
    }

    /// When a node that cannot be sent to at once may be tried again, if it is time alone that stands between.
    pub(crate) fn ready_at(&self, id: NodeId) -> Option<Mono> {
        let node = self.nodes.get(&id)?;
        match &node.link {
            Link::Down { from } => Some(*from),
            Link::Up(up) if up.in_flight.len() < self.in_flight_max => Some(node.quiet_until),
            Link::Dialing { .. } | Link::Negotiating { .. } | Link::Up(_) => None,
        }
    }

    /// Every invariant that can be seen from inside.
    pub(crate) fn check(&self) {
        for (connection, id) in &self.by_connection {
            let node = self.nodes.get(id).expect("a connection belongs to a node");
            assert_eq!(node.connection(), Some(*connection), "node {id:?} has another connection than is recorded");
            assert!(connection.0 < self.next_connection, "{connection:?} was never given out");
        }
        let connected = self.nodes.values().filter(|node| node.connection().is_some()).count();
        assert_eq!(connected, self.by_connection.len(), "a connected node is not recorded");
        for (id, node) in &self.nodes {
            let Link::Up(up) = &node.link else { continue };
            assert!(
                up.in_flight.len() <= self.in_flight_max,
                "{} requests in flight to {id:?}, {} allowed",
                up.in_flight.len(),
                self.in_flight_max
            );
        }
    }

    /// Smaller is better; `None` if the node is out of reach for the time being.
    fn load(&self, now: Now, id: NodeId) -> Option<usize> {
        let node = self.nodes.get(&id)?;
        match &node.link {
            Link::Up(up) if up.in_flight.len() < self.in_flight_max && node.quiet_until <= now.mono => Some(up.in_flight.len()),
            Link::Up(_) => None,
            Link::Dialing { .. } | Link::Negotiating { .. } => Some(usize::MAX - 1),
            Link::Down { from } => (*from <= now.mono).then_some(usize::MAX),
        }
    }

    fn put<E>(&mut self, id: NodeId, version: i16, body: &RequestBody, out: &mut Vec<Output<E>>) -> (CorrelationId, ApiKey) {
        let api = body.api();
        let Some(Node { link: Link::Up(up), .. }) = self.nodes.get_mut(&id) else { panic!("a request to node {id:?}, which is not up") };
        let correlation = up.correlation();
        out.push(Output::Send { connection: up.connection, parts: frame(&self.config, api, version, correlation, body) });
        (correlation, api)
    }

    fn dialed<E>(&mut self, now: Now, connection: ConnectionId, out: &mut Vec<Output<E>>, happened: &mut Vec<Happened<T>>) {
        if !self.by_connection.contains_key(&connection) {
            out.push(Output::Close { connection }); // the dial was given up meanwhile
            return;
        }
        self.negotiate(now, connection, ApiKey::ApiVersions.versions().newest, false, out, happened);
    }

    /// Asks for the versions that the node speaks, in the newest version of ApiVersions that we have, or in the one that it said it has.
    fn negotiate<E>(
        &mut self,
        now: Now,
        connection: ConnectionId,
        version: i16,
        again: bool,
        out: &mut Vec<Output<E>>,
        happened: &mut Vec<Happened<T>>,
    ) {
        let id = self.by_connection[&connection];
        let node = self.nodes.get_mut(&id).expect("a connection belongs to a node");
        if !matches!(node.link, Link::Dialing { .. } | Link::Negotiating { .. }) {
            self.take_down(connection, now.mono, &Lost::Misbehaved("dialed twice".into()), None, out, happened);
            return;
        }
        let correlation = CorrelationId(i32::from(again));
        let software = if version >= 3 { (text("odradek"), text(env!("CARGO_PKG_VERSION"))) } else { Default::default() };
        let body = ApiVersionsRequestData::default().with_client_software_name(software.0).with_client_software_version(software.1).into();
        out.push(Output::Send { connection, parts: frame(&self.config, ApiKey::ApiVersions, version, correlation, &body) });
        let until = now.mono.plus_ms(self.config.request_timeout_ms);
        let asked = InFlight { correlation, api: ApiKey::ApiVersions, version, until, tag: () };
        node.link = Link::Negotiating { connection, asked, again };
    }

    fn response<E>(&mut self, now: Now, connection: ConnectionId, frame: Bytes, out: &mut Vec<Output<E>>, happened: &mut Vec<Happened<T>>) {
        let Some(&id) = self.by_connection.get(&connection) else { return }; // closed meanwhile
        let node = self.nodes.get_mut(&id).expect("a connection belongs to a node");
        let result = match &mut node.link {
            Link::Down { .. } | Link::Dialing { .. } => Err("an answer before any request".to_owned()),
            Link::Negotiating { asked, again, .. } => {
                let again = *again;
                match read(asked, frame) {
                    Ok(Response::ApiVersions(body)) => return self.versions(now, connection, &body, again, out, happened),
                    Ok(other) => Err(format!("{} instead of ApiVersions", other.api())),
                    Err(why) => Err(why),
                }
            }
            Link::Up(up) => match up.in_flight.front() {
                None => Err("an answer to no request".to_owned()),
                Some(asked) => read(asked, frame).map(|response| {
                    let asked = up.in_flight.pop_front().expect("it is at the front");
                    happened.push(Happened::Answered { node: id, tag: asked.tag, response });
                }),
            },
        };
        if let Err(why) = result {
            self.take_down(connection, now.mono, &Lost::Misbehaved(why), None, out, happened);
        }
    }

    fn versions<E>(
        &mut self,
        now: Now,
        connection: ConnectionId,
        body: &ApiVersionsResponseData,
        again: bool,
        out: &mut Vec<Output<E>>,
        happened: &mut Vec<Happened<T>>,
    ) {
        let code = ErrorCode::from_code(body.error_code);
        if code == ErrorCode::UnsupportedVersion && !again {
            return self.negotiate(now, connection, fall_back(body), true, out, happened);
        }
        if code.is_error() {
            return self.take_down(connection, now.mono, &Lost::Misbehaved(format!("{code} to ApiVersions")), None, out, happened);
        }
        let id = self.by_connection[&connection];
        let node = self.nodes.get_mut(&id).expect("a connection belongs to a node");
        let theirs = body.api_keys.iter().filter_map(|a| {
            let versions = Versions { oldest: a.min_version, newest: a.max_version };
            ApiKey::known(a.api_key).map(|api| (api, versions))
        });
        node.failures = 0;
        node.link = Link::Up(Up { connection, versions: theirs.collect(), in_flight: Default::default(), next_correlation: 2 });
        happened.push(Happened::Up);
    }

    fn time_out<E>(&mut self, now: Now, out: &mut Vec<Output<E>>, happened: &mut Vec<Happened<T>>) {
        let over: Vec<ConnectionId> =
            self.nodes.values().filter(|node| node.deadline().is_some_and(|(at, _)| at <= now.mono)).filter_map(Node::connection).collect();
        for connection in over {
            self.take_down(connection, now.mono, &Lost::Disconnected, Some(now.mono), out, happened);
        }
    }

    fn take_down<E>(
        &mut self,
        connection: ConnectionId,
        now: Mono,
        why: &Lost,
        timed_out_by: Option<Mono>,
        out: &mut Vec<Output<E>>,
        happened: &mut Vec<Happened<T>>,
    ) {
        out.push(Output::Close { connection });
        self.lose(Now { mono: now, ..Now::default() }, connection, why, timed_out_by, happened);
    }

    /// The connection is gone: everything in flight is lost, and the node is in its backoff.
    fn lose(&mut self, now: Now, connection: ConnectionId, why: &Lost, timed_out_by: Option<Mono>, happened: &mut Vec<Happened<T>>) {
        let id = self.by_connection.remove(&connection).expect("the caller has looked it up");
        let node = self.nodes.get_mut(&id).expect("a connection belongs to a node");
        node.failures = node.failures.saturating_add(1);
        let seed = self.seed.named("reconnect").number(id.0 as u64);
        let (base_ms, max_ms) = (self.config.reconnect_backoff_ms, self.config.reconnect_backoff_max_ms);
        let from = now.mono + ms(backoff_ms(base_ms, max_ms, node.failures, seed, node.dials));
        if let Link::Up(up) = std::mem::replace(&mut node.link, Link::Down { from }) {
            happened.extend(up.in_flight.into_iter().map(|asked| {
                let why = if timed_out_by.is_some_and(|by| asked.until <= by) { Lost::TimedOut } else { why.clone() };
                Happened::Lost { node: id, tag: asked.tag, why }
            }));
        }
        happened.push(Happened::Down);
    }
}

/// The version to ask in after UNSUPPORTED_VERSION: the newest that both have by the range returned, or 0 if it says none.
fn fall_back(body: &ApiVersionsResponseData) -> i16 {
    let own = body.api_keys.iter().find(|a| a.api_key == ApiKey::ApiVersions.key());
    let theirs = own.map(|a| Versions { oldest: a.min_version, newest: a.max_version });
    theirs.and_then(|theirs| ApiKey::ApiVersions.versions().newest_common(theirs)).unwrap_or(0)
}

fn frame(config: &CommonConfig, api: ApiKey, version: i16, correlation: CorrelationId, body: &RequestBody) -> Vec<Bytes> {
    let header = RequestHeader { api, version, correlation, client_id: text(&config.client_id) };
    request::encode(&header, body).expect("a request is built for the version it is sent in")
}

fn read<T>(asked: &InFlight<T>, frame: Bytes) -> Result<Response, String> {
    let (correlation, response) = response::decode(asked.api, asked.version, frame).map_err(|e| e.to_string())?;
    if correlation != asked.correlation {
        return Err(format!("an answer to request {} where {} was next", correlation.0, asked.correlation.0));
    }
    Ok(response)
}
