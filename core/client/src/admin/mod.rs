//! The admin client: operations on topics, partitions, configuration and the cluster, each answered once with a result per item.

mod answer;
mod job;
mod operation;
mod request;
#[cfg(test)]
mod tests;

pub use operation::{
    ClusterDescription, ConfigChange, ConfigEntry, ConfigResource, CreatedTopic, Item, ListedOffset, LogDirDescription, NewTopic,
    NodeDescription, OffsetSpec, Operation, PartitionDescription, ProducerState, ReplicaSize, Reply, TopicDescription, TopicListing,
};

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use odradek_machine::{Deadline, Mono, Now, Seed, ms, reached};
use odradek_wire::error::ErrorCode;
use odradek_wire::ids::NodeId;
use odradek_wire::response::Response;

use self::answer::{Told, told};
use self::job::{Job, Target};
use self::request::{api_of, request};
use crate::config::AdminConfig;
use crate::error::ClientError;
use crate::io::{self, NotesOf, Output};
use crate::network::{self, Lost, Network, backoff_ms};

/// The application's own number for an operation, given back in its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub u64);

/// What an application asks of an [`Admin`].
#[derive(Clone, Debug)]
pub enum Command {
    /// Do something; answered by exactly one [`Event::Done`].
    Do {
        /// For the answer.
        token: Token,
        /// What.
        operation: Operation,
        /// How long to try; `default.api.timeout.ms` if absent.
        timeout_ms: Option<u64>,
    },
    /// End what is in hand with [`ClientError::Closed`] and say [`Event::Closed`].
    Close,
}

/// What an [`Admin`] tells its application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Answers [`Command::Do`].
    Done {
        /// From the command.
        token: Token,
        /// Results by item, or why there are none at all. A timeout of an operation that changes something has an unknown outcome.
        result: Result<Reply, ClientError>,
    },
    /// Nothing follows.
    Closed,
}

/// What the host tells an admin client.
pub type Input = io::Input<Command>;

/// The caller-owned outbox of an admin client.
pub type Outbox = Vec<Output<Event>>;

/// An admin client.
///
/// An operation is a list of items, each asked of the node that knows (the controller, a leader, a broker, any) and retried until
/// `default.api.timeout.ms` is over when the node is another by now or did not answer. What a retry may do twice shows: a topic whose creation was
/// confirmed by a lost answer is then said to exist.
pub struct Admin {
    config: AdminConfig,
    seed: Seed,
    network: Network<Asked>,
    jobs: BTreeMap<u64, Job>,
    next_job: u64,
    /// When time alone will let a request leave.
    held_up_until: Option<Mono>,
    closed: bool,
}

/// What the answer to a request is for.
#[derive(Debug)]
struct Asked {
    job: u64,
    slots: Vec<usize>,
}

impl Admin {
    /// An admin client that has not spoken to anyone.
    pub fn new(mut config: AdminConfig, seed: Seed) -> Admin {
        config.common.auto_create_topics = false; // to ask for a topic must not make it
        let network = Network::new(config.common.clone(), IN_FLIGHT_MAX, seed.named("network"));
        Admin { config, seed, network, jobs: BTreeMap::new(), next_job: 0, held_up_until: None, closed: false }
    }

    /// The only way anything changes.
    pub fn step(&mut self, now: Now, input: Input, out: &mut Outbox) {
        if self.closed {
            return refuse(&input, out);
        }
        match input {
            io::Input::Command(Command::Do { token, operation, timeout_ms }) => self.begin(now, token, operation, timeout_ms),
            io::Input::Command(Command::Close) => return self.close(out),
            io::Input::Dialed { connection, result } => self.hear(now, network::Input::Dialed { connection, result }, out),
            io::Input::Response { connection, frame } => self.hear(now, network::Input::Response { connection, frame }, out),
            io::Input::Closed { connection } => self.hear(now, network::Input::Closed { connection }, out),
            io::Input::Wake => self.hear(now, network::Input::Wake, out),
        }
        self.pump(now, out);
        self.finish(now, out);
        self.network.pump(now, out);
    }

    /// When it wants to be woken. Costs a look at each operation in hand.
    pub fn deadline(&self) -> Option<Deadline> {
        if self.closed {
            return None;
        }
        let over = self.jobs.values().map(|job| Deadline { at: job.until, why: "operation timeout" });
        let held_up = self.held_up_until.map(|at| Deadline { at, why: "retry" });
        over.map(Some).chain([held_up]).fold(self.network.deadline(), Deadline::earliest)
    }

    /// Every invariant that can be seen from inside.
    ///
    /// # Panics
    /// If one is broken.
    pub fn check(&self) {
        self.network.check();
        for job in self.jobs.values() {
            job.check();
            assert!(!job.is_done(), "an operation that is done was not answered");
        }
    }

    fn begin(&mut self, now: Now, token: Token, operation: Operation, timeout_ms: Option<u64>) {
        let timeout_ms = timeout_ms.unwrap_or(self.config.api_timeout_ms);
        self.jobs.insert(self.next_job, Job::new(token, operation, now.mono.plus_ms(timeout_ms), timeout_ms));
        self.next_job += 1;
    }

    fn hear(&mut self, now: Now, input: network::Input, out: &mut Outbox) {
        let mut events = Vec::new();
        self.network.step(now, input, out, &mut events);
        for event in events {
            match event {
                network::Event::Answered { node, tag, response } => self.answered(now, node, &tag, response),
                network::Event::Lost { node, tag, why } => {
                    reached!(&mut NotesOf(out), "admin.answer_lost", node.0, tag.slots.len());
                    self.lost(now, node, &tag, &why);
                }
                network::Event::Up | network::Event::Down | network::Event::Metadata => {}
            }
        }
    }

    fn answered(&mut self, now: Now, node: NodeId, asked: &Asked, response: Response) {
        let Some(job) = self.jobs.get_mut(&asked.job) else { return }; // out of time meanwhile
        let (answers, throttle_ms) = told(job, asked, response);
        self.network.throttle(now, node, throttle_ms);
        for (slot, answer) in answers {
            self.settle(now, asked.job, slot, answer);
        }
        // What the response does not mention is asked again.
        self.lost(now, node, asked, &Lost::Misbehaved("no answer for an item".into()));
    }

    fn settle(&mut self, now: Now, job: u64, slot: usize, answer: Told) {
        let Some(job) = self.jobs.get_mut(&job) else { return };
        match answer {
            Told::Value(value) => job.done(slot, Ok(value)),
            Told::More => job.reopen(slot, now.mono, None),
            Told::Error { code, message } => {
                let error = ClientError::Broker { code: code.code(), message };
                if !job.is_retriable(slot, code) {
                    return job.done(slot, Err(error));
                }
                self.network.request_update();
                let from = self.config.retry_from(now, job.failures(slot), self.seed);
                job.reopen(slot, from, Some(error));
            }
        }
    }

    fn lost(&mut self, now: Now, node: NodeId, asked: &Asked, why: &Lost) {
        let Some(job) = self.jobs.get_mut(&asked.job) else { return };
        let error = match why {
            Lost::TimedOut => ClientError::Timeout { after_ms: self.config.common.request_timeout_ms },
            Lost::Disconnected => ClientError::Disconnected { node: node.0 },
            Lost::Misbehaved(why) => ClientError::PeerMisbehaved { node: node.0, why: why.clone() },
        };
        for &slot in &asked.slots {
            if job.is_in_flight(slot) {
                let from = self.config.retry_from(now, job.failures(slot), self.seed);
                job.reopen(slot, from, Some(error.clone()));
            }
        }
    }

    /// Sends what may leave: the open items of an operation that go to one node, in one request.
    fn pump(&mut self, now: Now, out: &mut Outbox) {
        self.held_up_until = None;
        for id in self.jobs.keys().copied().collect::<Vec<_>>() {
            self.expand(id);
            for (node, slots) in self.open_by_node(now, id) {
                self.send(now, id, node, slots, out);
            }
        }
    }

    /// "All brokers" is a list as soon as the brokers are known.
    fn expand(&mut self, id: u64) {
        let brokers: Vec<i32> = self.network.metadata().nodes().map(|n| n.0).collect();
        self.jobs.get_mut(&id).expect("the caller walks over the jobs").expand(&brokers);
    }

    fn open_by_node(&mut self, now: Now, id: u64) -> BTreeMap<NodeId, Vec<usize>> {
        let mut by_node: BTreeMap<NodeId, Vec<usize>> = BTreeMap::new();
        let job = &self.jobs[&id];
        let any = self.network.any_node(now);
        let mut later: Vec<Mono> = job.open_later(now.mono).into_iter().collect();
        for (slot, target) in job.open(now.mono) {
            let node = match target {
                Target::Any => any,
                Target::Controller => self.network.metadata().controller().or(any),
                Target::Node(node) => Some(node),
                Target::Leader(of) => {
                    self.network.want_topic(now, &of.topic);
                    let leader = self.network.metadata().leader(&of);
                    if leader.is_none() {
                        self.network.request_update();
                    }
                    leader
                }
            };
            match node {
                Some(node) => by_node.entry(node).or_default().push(slot),
                None => later.extend(self.network.some_node_ready_at(now)),
            }
        }
        self.held_up_until = self.held_up_until.into_iter().chain(later).min();
        by_node
    }

    fn send(&mut self, now: Now, id: u64, node: NodeId, slots: Vec<usize>, out: &mut Outbox) {
        if !self.network.can_send(now, node) {
            self.network.connect(now, node, out);
            let at = self.network.ready_at(node).filter(|at| *at > now.mono);
            self.held_up_until = self.held_up_until.into_iter().chain(at).min();
            return;
        }
        let job = self.jobs.get_mut(&id).expect("the caller walks over the jobs");
        let left_ms = (job.until - now.mono) / 1_000_000;
        let timeout_ms = i32::try_from(left_ms.min(self.config.common.request_timeout_ms)).unwrap_or(i32::MAX);
        let api = api_of(&job.operation);
        let spoken = api.iter().find_map(|api| self.network.version(node, *api).map(|version| (*api, version)));
        let Some((api, version)) = spoken else {
            for slot in slots {
                job.done(slot, Err(ClientError::UnsupportedVersion { node: node.0, api: api[0].name() }));
            }
            return;
        };
        // DescribeTopicPartitions goes on from a cursor, so its items are asked in the order of names.
        let body = request(job, api, &slots, version, timeout_ms);
        job.sent(&slots);
        self.network.send(now, node, version, &body, Asked { job: id, slots }, out);
    }

    /// Answers operations that are done or out of time, and lets go of topics that nobody needs.
    fn finish(&mut self, now: Now, out: &mut Outbox) {
        let over = |job: &Job| job.is_done() || job.until <= now.mono;
        let ids: Vec<u64> = self.jobs.iter().filter(|(_, job)| over(job)).map(|(id, _)| *id).collect();
        for id in ids {
            let job = self.jobs.remove(&id).expect("it was just found");
            let needed: BTreeSet<Arc<str>> = self.jobs.values().flat_map(Job::topics).collect();
            job.topics().iter().filter(|topic| !needed.contains(*topic)).for_each(|topic| self.network.forget_topic(topic));
            let (token, result) = job.end();
            out.push(Output::Event(Event::Done { token, result }));
        }
    }

    fn close(&mut self, out: &mut Outbox) {
        for job in std::mem::take(&mut self.jobs).into_values() {
            out.push(Output::Event(Event::Done { token: job.token, result: Err(ClientError::Closed) }));
        }
        self.network.close(out);
        self.closed = true;
        out.push(Output::Event(Event::Closed));
    }
}

impl AdminConfig {
    fn retry_from(&self, now: Now, failures: u32, seed: Seed) -> Mono {
        let (base_ms, max_ms) = (self.common.retry_backoff_ms, self.common.retry_backoff_max_ms);
        now.mono + ms(backoff_ms(base_ms, max_ms, failures + 1, seed.named("retry"), now.mono.0))
    }
}

/// As in the Java client.
const IN_FLIGHT_MAX: usize = 100;

/// What a closed admin client answers.
fn refuse(input: &Input, out: &mut Outbox) {
    match input {
        io::Input::Command(Command::Do { token, .. }) => {
            out.push(Output::Event(Event::Done { token: *token, result: Err(ClientError::Closed) }));
        }
        io::Input::Command(Command::Close) => out.push(Output::Event(Event::Closed)),
        io::Input::Dialed { connection, result: Ok(()) } => out.push(Output::Close { connection: *connection }),
        io::Input::Dialed { .. } | io::Input::Response { .. } | io::Input::Closed { .. } | io::Input::Wake => {}
    }
}

/// True for errors that another try, or another node, may heal. A topic that is not there is an answer where topics are asked for by name; one whose files
/// could not be made is there all the same, and another try would only be told that.
const fn heals(code: ErrorCode, by_leader: bool) -> bool {
    match code {
        ErrorCode::UnknownTopicOrPartition | ErrorCode::UnknownTopicId | ErrorCode::KafkaStorageError => by_leader,
        code => code.is_retriable(),
    }
}
