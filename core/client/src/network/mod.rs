//! What producer, consumer and admin share: connections, and the picture of the cluster with its refreshing.

mod backoff;
mod connections;
mod metadata;
mod node;
#[cfg(test)]
mod tests;

pub(crate) use backoff::backoff_ms;
pub(crate) use connections::{Input, Lost};
pub(crate) use metadata::Metadata;

use std::collections::BTreeSet;
use std::sync::Arc;

use odradek_machine::{Deadline, Mono, Now, Seed, ms};
use odradek_wire::api::ApiKey;
use odradek_wire::error::ErrorCode;
use odradek_wire::ids::{NodeId, TopicPartition};
use odradek_wire::messages::metadata_request::MetadataRequestTopic;
use odradek_wire::messages::{MetadataRequestData, MetadataResponseData, text};
use odradek_wire::request::RequestBody;
use odradek_wire::response::Response;

use self::connections::{Connections, Happened};
use crate::config::CommonConfig;
use crate::io::Output;

/// Something that a producer, consumer or admin has to act upon; `T` is what it gave along with a request.
#[derive(Debug)]
pub(crate) enum Event<T> {
    /// A node can be sent to.
    Up,
    /// The connection to a node is gone, or could not be had. What was in flight is told one by one, before this.
    Down,
    /// An answer.
    Answered { node: NodeId, tag: T, response: Response },
    /// No answer will come.
    Lost { node: NodeId, tag: T, why: Lost },
    /// The picture of the cluster was told anew.
    Metadata,
}

/// Connections and metadata of one client.
#[derive(Debug)]
pub(crate) struct Network<T> {
    config: CommonConfig,
    seed: Seed,
    connections: Connections<Tag<T>>,
    metadata: Metadata,
    /// Topics whose metadata is asked for.
    topics: BTreeSet<Arc<str>>,
    refresh: Refresh,
}

#[derive(Debug)]
enum Tag<T> {
    Metadata,
    Of(T),
}

/// When metadata is asked for again.
#[derive(Debug, Default)]
struct Refresh {
    wanted: bool,
    in_flight: bool,
    /// Answers in a row that settled nothing.
    failures: u32,
    tries: u64,
    not_before: Mono,
    fresh_until: Mono,
    /// When time alone will let the next refresh begin.
    wake: Option<Mono>,
}

impl<T> Network<T> {
    /// Knows the bootstrap servers and nothing else. At most `in_flight_max` requests await their answers on one connection.
    pub(crate) fn new(config: CommonConfig, in_flight_max: usize, seed: Seed) -> Self {
        let connections = Connections::new(config.clone(), in_flight_max, seed.named("connections"));
        let metadata = Metadata::default();
        Network { config, seed, connections, metadata, topics: BTreeSet::new(), refresh: Refresh { wanted: true, ..Refresh::default() } }
    }

    /// What the host told; pushes what came of it, in order.
    pub(crate) fn step<E>(&mut self, now: Now, input: Input, out: &mut Vec<Output<E>>, events: &mut Vec<Event<T>>) {
        let mut happened = Vec::new();
        self.connections.step(now, input, out, &mut happened);
        self.digest(now, happened, out, events);
    }

    /// Asks for metadata when it is time. To be called at the end of each step of the owner.
    ///
    /// [`Refresh::wake`] says how long time alone stands between; a node that is being dialed, or is full, is told by an event.
    pub(crate) fn pump<E>(&mut self, now: Now, out: &mut Vec<Output<E>>) {
        self.refresh.wake = None;
        if self.refresh.in_flight {
            return;
        }
        if now.mono < self.refresh.due() {
            self.refresh.wake = Some(self.refresh.due());
            return;
        }
        let Some(node) = self.any_node(now) else {
            self.refresh.wake = self.some_node_ready_at(now);
            return;
        };
        if !self.connections.can_send(now, node) {
            return self.connections.connect(now, node, out);
        }
        let Some(version) = self.connections.version(node, ApiKey::Metadata) else {
            self.refresh_ended(now, false);
            self.refresh.wake = Some(self.refresh.not_before);
            return;
        };
        let body = self.metadata_request(version);
        self.connections.send(now, node, version, &body, Tag::Metadata, out);
        self.refresh.in_flight = true;
        self.refresh.wanted = false;
        self.refresh.tries += 1;
    }

    /// Keeps the metadata of a topic from here on, and asks for it at once if it is not known.
    pub(crate) fn want_topic(&mut self, now: Now, topic: &Arc<str>) {
        if self.topics.contains(topic) {
            return;
        }
        self.topics.insert(topic.clone());
        self.refresh.wanted = true;
        if self.refresh.failures == 0 {
            self.refresh.not_before = now.mono;
        }
    }

    /// Asks for the metadata of a topic no more.
    pub(crate) fn forget_topic(&mut self, topic: &str) {
        self.topics.remove(topic);
    }

    /// Asks for the metadata of these topics and no others.
    pub(crate) fn keep_topics(&mut self, needed: &BTreeSet<Arc<str>>) {
        self.topics.retain(|topic| needed.contains(topic));
    }

    /// What is known is wrong or not enough: asks again, after the backoff.
    pub(crate) const fn request_update(&mut self) {
        self.refresh.wanted = true;
    }

    /// Takes over the leader named in a response (KIP-951), and asks for metadata all the same.
    pub(crate) fn hint(&mut self, of: &TopicPartition, leader: i32, leader_epoch: i32) {
        self.metadata.hint(of, leader, leader_epoch);
        self.refresh.wanted = true;
    }

    /// Takes over the addresses named in a response (KIP-951).
    pub(crate) fn hint_nodes<'a, E>(
        &mut self,
        now: Now,
        nodes: impl Iterator<Item = (i32, &'a str, i32)>,
        out: &mut Vec<Output<E>>,
        events: &mut Vec<Event<T>>,
    ) {
        let mut any = false;
        for (id, host, port) in nodes {
            self.metadata.hint_node(id, host, port);
            any = true;
        }
        if any {
            self.take_over_addresses(now, out, events);
        }
    }

    /// Dials a node unless it is connected, being dialed, or in its backoff.
    pub(crate) fn connect<E>(&mut self, now: Now, node: NodeId, out: &mut Vec<Output<E>>) {
        self.connections.connect(now, node, out);
    }

    /// Sends a request to a node that [`Network::can_send`], in a version of [`Network::version`].
    pub(crate) fn send<E>(&mut self, now: Now, node: NodeId, version: i16, body: &RequestBody, tag: T, out: &mut Vec<Output<E>>) {
        self.connections.send(now, node, version, body, Tag::Of(tag), out);
    }

    /// Sends a request that is never answered.
    pub(crate) fn send_unanswered<E>(&mut self, node: NodeId, version: i16, body: &RequestBody, out: &mut Vec<Output<E>>) {
        self.connections.send_unanswered(node, version, body, out);
    }

    /// Sends nothing to a node for this long (KIP-219).
    pub(crate) fn throttle(&mut self, now: Now, node: NodeId, throttle_ms: i32) {
        self.connections.throttle(now, node, throttle_ms);
    }

    /// Closes every connection for good.
    pub(crate) fn close<E>(&mut self, out: &mut Vec<Output<E>>) {
        self.connections.close_all(out);
        self.refresh = Refresh { in_flight: true, ..Refresh::default() };
    }

    /// A node to ask when any would do: one of the cluster, or a bootstrap server while none of the cluster is known or none can be reached (KIP-899).
    pub(crate) fn any_node(&self, now: Now) -> Option<NodeId> {
        let known: Vec<NodeId> = self.metadata.nodes().collect();
        let of_cluster = self.connections.least_loaded(now, &known, self.refresh.tries);
        if of_cluster.is_some_and(|id| !self.connections.is_failing(id)) {
            return of_cluster;
        }
        let reachable = known.iter().any(|id| self.connections.is_up(*id) || !self.connections.is_failing(*id));
        let bootstrap: Vec<NodeId> = (1..=self.config.bootstrap.len()).map(|i| NodeId(-(i as i32))).collect();
        let of_bootstrap = if reachable { None } else { self.connections.least_loaded(now, &bootstrap, self.refresh.tries) };
        match (of_cluster, of_bootstrap) {
            (Some(id), Some(other)) if self.connections.is_failing(other) => Some(id),
            (of_cluster, of_bootstrap) => of_bootstrap.or(of_cluster),
        }
    }

    /// True if a request can leave for this node at once.
    pub(crate) fn can_send(&self, now: Now, node: NodeId) -> bool {
        self.connections.can_send(now, node)
    }

    /// The newest version of an API that both sides speak; `None` while the node is not connected.
    pub(crate) fn version(&self, node: NodeId, api: ApiKey) -> Option<i16> {
        self.connections.version(node, api)
    }

    /// True if the last connections to the node failed.
    pub(crate) fn is_failing(&self, node: NodeId) -> bool {
        self.connections.is_failing(node)
    }

    /// When a node that cannot be sent to at once may be tried again, if it is time alone that stands between.
    pub(crate) fn ready_at(&self, node: NodeId) -> Option<Mono> {
        self.connections.ready_at(node)
    }

    /// The picture of the cluster.
    pub(crate) const fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// When something times out, a backoff ends, or metadata is too old.
    pub(crate) fn deadline(&self) -> Option<Deadline> {
        let refresh = self.refresh.wake.map(|at| Deadline { at, why: "metadata refresh" });
        Deadline::earliest(self.connections.deadline(), refresh)
    }

    /// Every invariant that can be seen from inside.
    pub(crate) fn check(&self) {
        self.connections.check();
    }

    /// When the first of all nodes leaves its backoff or its throttling.
    pub(crate) fn some_node_ready_at(&self, now: Now) -> Option<Mono> {
        let nodes = self.metadata.nodes().chain((1..=self.config.bootstrap.len()).map(|i| NodeId(-(i as i32))));
        nodes.filter_map(|id| self.connections.ready_at(id)).filter(|at| *at > now.mono).min()
    }

    fn metadata_request(&self, version: i16) -> RequestBody {
        let topics = self.topics.iter().map(|t| MetadataRequestTopic::default().with_name(Some(text(t)))).collect();
        let body = MetadataRequestData::default().with_topics(Some(topics));
        // Before version 4 there is no such field, and brokers create.
        let create = version < 4 || self.config.auto_create_topics;
        body.with_allow_auto_topic_creation(create).into()
    }

    fn digest<E>(&mut self, now: Now, happened: Vec<Happened<Tag<T>>>, out: &mut Vec<Output<E>>, events: &mut Vec<Event<T>>) {
        for one in happened {
            match one {
                Happened::Up => events.push(Event::Up),
                Happened::Down => {
                    self.refresh.wanted = true;
                    events.push(Event::Down);
                }
                Happened::Answered { node, tag: Tag::Of(tag), response } => {
                    events.push(Event::Answered { node, tag, response });
                }
                Happened::Lost { node, tag: Tag::Of(tag), why } => events.push(Event::Lost { node, tag, why }),
                Happened::Answered { node, tag: Tag::Metadata, response: Response::Metadata(body) } => {
                    self.throttle(now, node, body.throttle_time_ms);
                    self.apply(now, &body, out, events);
                }
                Happened::Answered { tag: Tag::Metadata, .. } | Happened::Lost { tag: Tag::Metadata, .. } => self.refresh_ended(now, false),
            }
        }
    }

    fn apply<E>(&mut self, now: Now, body: &MetadataResponseData, out: &mut Vec<Output<E>>, events: &mut Vec<Event<T>>) {
        if ErrorCode::from_code(body.error_code).is_error() || body.brokers.is_empty() {
            return self.refresh_ended(now, false);
        }
        self.metadata.apply(body);
        let settled = self.topics.iter().all(|topic| self.metadata.is_settled(topic));
        self.refresh_ended(now, settled);
        self.refresh.fresh_until = now.mono.plus_ms(self.config.metadata_age_ms_max);
        self.take_over_addresses(now, out, events);
        events.push(Event::Metadata);
    }

    fn take_over_addresses<E>(&mut self, now: Now, out: &mut Vec<Output<E>>, events: &mut Vec<Event<T>>) {
        let mut happened = Vec::new();
        self.connections.set_nodes(&self.metadata.addresses(), out, &mut happened);
        self.digest(now, happened, out, events);
    }

    /// An answer that settled nothing is followed by another try, later and later.
    fn refresh_ended(&mut self, now: Now, settled: bool) {
        let refresh = &mut self.refresh;
        refresh.in_flight = false;
        refresh.wanted |= !settled;
        refresh.failures = if settled { 0 } else { refresh.failures.saturating_add(1) };
        let seed = self.seed.named("metadata");
        let (base_ms, max_ms) = (self.config.retry_backoff_ms, self.config.retry_backoff_max_ms);
        refresh.not_before = now.mono + ms(backoff_ms(base_ms, max_ms, refresh.failures.max(1), seed, refresh.tries));
    }
}

impl Refresh {
    fn due(&self) -> Mono {
        if self.wanted { self.not_before } else { self.fresh_until }
    }
}
