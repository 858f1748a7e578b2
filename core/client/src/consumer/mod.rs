//! The consumer of partitions that the application assigns.
//!
//! A partition has a position ([`partition`]), come by through a seek or a lookup ([`lookups`]), checked against the log of each new leader
//! ([`validation`]), and moved on by the records that are fetched ([`fetcher`]) and handed out ([`poll`]). One fetch a node is on its way, ahead of the
//! polls, as long as nothing fetched from that node waits.

mod conversation;
mod decode;
mod fetcher;
mod lookups;
mod partition;
mod poll;
mod session;
#[cfg(test)]
mod tests;
mod validation;

pub use self::conversation::{Command, Event, FoundOffset, SeekTo, Token};

use std::collections::BTreeMap;

use odradek_machine::{Deadline, Mono, Now, Seed, ms};
use odradek_wire::ids::{NodeId, TopicPartition};
use odradek_wire::response::Response;

use self::fetcher::{Fetching, Node};
use self::lookups::{Ask, Lookup};
use self::partition::{Aim, Partition, Position};
use self::poll::PendingPoll;
use self::validation::Checking;
use crate::config::{ConsumerConfig, OffsetReset};
use crate::error::ClientError;
use crate::io::{self, Output};
use crate::network::{self, Network, backoff_ms};

/// What the host tells a consumer.
pub type Input = io::Input<Command>;

/// The caller-owned outbox of a consumer.
pub type Outbox = Vec<Output<Event>>;

/// A consumer with assigned partitions.
///
/// Each step looks at every assigned partition: meant for some thousands of them, not for more.
pub struct Consumer {
    config: ConsumerConfig,
    seed: Seed,
    network: Network<Asked>,
    partitions: BTreeMap<TopicPartition, Partition>,
    nodes: BTreeMap<NodeId, Node>,
    /// Offsets asked of brokers, for resets and for lookups of the application.
    asks: BTreeMap<u64, Ask>,
    next_ask: u64,
    lookups: BTreeMap<u64, Lookup>,
    next_lookup: u64,
    poll: Option<PendingPoll>,
    /// Positions that the application waits for.
    positions: Vec<(Token, TopicPartition)>,
    /// The partition that was handed out last, so that none starves.
    last_handed_out: Option<TopicPartition>,
    /// Eras given out; one is never used for two assignments.
    eras: u64,
    /// When time alone will let something happen here.
    wake: Option<Mono>,
    life: Life,
}

/// What the answer to a request is for.
#[derive(Debug)]
enum Asked {
    Fetch(Fetching),
    Offsets(Vec<u64>),
    Epochs(Vec<Checking>),
    EndOfSession,
}

/// | from | to | trigger |
/// |---|---|---|
/// | Open | Closing | [`Command::Close`]: the fetch sessions are given back |
/// | Closing | Closed | every node has answered, or the time is over |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Open,
    Closing { until: Mono },
    Closed,
}

impl Consumer {
    /// A consumer that has not spoken to anyone.
    pub fn new(config: ConsumerConfig, seed: Seed) -> Consumer {
        let network = Network::new(config.common.clone(), IN_FLIGHT_MAX, seed.named("network"));
        Consumer {
            config,
            seed,
            network,
            partitions: BTreeMap::new(),
            nodes: BTreeMap::new(),
            asks: BTreeMap::new(),
            next_ask: 0,
            lookups: BTreeMap::new(),
            next_lookup: 0,
            poll: None,
            positions: Vec::new(),
            last_handed_out: None,
            eras: 0,
            wake: None,
            life: Life::Open,
        }
    }

    /// The only way anything changes.
    pub fn step(&mut self, now: Now, input: Input, out: &mut Outbox) {
        if self.life == Life::Closed {
            return refuse(&input, out);
        }
        match input {
            io::Input::Command(Command::Close) if self.life != Life::Open => {}
            input @ io::Input::Command(_) if self.life != Life::Open => refuse(&input, out),
            io::Input::Command(command) => self.command(now, command, out),
            io::Input::Dialed { connection, result } => self.hear(now, network::Input::Dialed { connection, result }, out),
            io::Input::Response { connection, frame } => self.hear(now, network::Input::Response { connection, frame }, out),
            io::Input::Closed { connection } => self.hear(now, network::Input::Closed { connection }, out),
            io::Input::Wake => self.hear(now, network::Input::Wake, out),
        }
        self.wake = None;
        self.answer_poll(now, out);
        if self.life == Life::Open {
            self.pump_asks(now, out);
            self.pump_fetches(now, out);
            self.pump_checks(now, out);
        }
        self.end_lookups(now, out);
        self.answer_positions(out);
        self.network.pump(now, out);
        self.end_life(now, out);
    }

    /// When it wants to be woken.
    pub fn deadline(&self) -> Option<Deadline> {
        if self.life == Life::Closed {
            return None;
        }
        let wake = self.wake.map(|at| Deadline { at, why: "fetch, poll or lookup" });
        let closing = match self.life {
            Life::Closing { until } => Some(Deadline { at: until, why: "close" }),
            Life::Open | Life::Closed => None,
        };
        [wake, closing].into_iter().fold(self.network.deadline(), Deadline::earliest)
    }

    /// Every invariant that can be seen from inside.
    ///
    /// # Panics
    /// If one is broken.
    pub fn check(&self) {
        self.network.check();
        self.partitions.values().for_each(Partition::check);
        for ask in self.asks.values() {
            assert!(ask.is_owned(&self.partitions, &self.lookups), "an offset is asked for that nobody waits for: {ask:?}");
        }
        assert!(self.poll.is_none() || self.partitions.values().all(|p| p.paused || !p.has_records()), "records wait and so does a poll");
    }

    fn command(&mut self, now: Now, command: Command, out: &mut Outbox) {
        match command {
            Command::Assign { partitions } => self.assign(now, partitions),
            Command::Seek { partition, to } => self.seek(partition, to, out),
            Command::Pause { partitions } => self.set_paused(&partitions, true),
            Command::Resume { partitions } => self.set_paused(&partitions, false),
            Command::Poll { token, records_max, timeout_ms } => self.begin_poll(now, token, records_max, timeout_ms, out),
            Command::Position { token, partition } => self.positions.push((token, partition)),
            Command::BeginningOffsets { token, partitions } => {
                self.begin_lookup(now, token, partitions.into_iter().map(|of| (of, lookups::EARLIEST)).collect());
            }
            Command::EndOffsets { token, partitions } => {
                self.begin_lookup(now, token, partitions.into_iter().map(|of| (of, lookups::LATEST)).collect());
            }
            Command::OffsetsForTimes { token, times } => self.begin_lookup(now, token, times),
            Command::Close => self.close(now, out),
        }
    }

    fn assign(&mut self, now: Now, wanted: Vec<TopicPartition>) {
        let mut kept = std::mem::take(&mut self.partitions);
        for of in wanted {
            self.network.want_topic(now, &of.topic);
            let partition = kept.remove(&of).unwrap_or_else(|| Partition::new(Aim::Unset { out_of_range: None, told: false }));
            self.partitions.insert(of, partition);
        }
        let fresh: Vec<TopicPartition> = self.partitions.iter().filter(|(_, p)| p.era == 0).map(|(of, _)| of.clone()).collect();
        for of in fresh {
            self.reset_by_policy(now, &of, None);
        }
        self.forget_topics();
        self.drop_asks();
    }

    fn seek(&mut self, of: TopicPartition, to: SeekTo, out: &mut Outbox) {
        let aim = match to {
            SeekTo::Offset(offset) => Aim::At(Position { offset: offset.max(0), offset_epoch: -1, leader_epoch: -1 }),
            SeekTo::Beginning => Aim::Reset { timestamp: lookups::EARLIEST, from: None, asked: false },
            SeekTo::End => Aim::Reset { timestamp: lookups::LATEST, from: None, asked: false },
            SeekTo::Timestamp(timestamp) => Aim::Reset { timestamp: timestamp.max(0), from: None, asked: false },
        };
        if self.partitions.contains_key(&of) {
            self.go(&of, aim);
        } else {
            let error = ClientError::Misuse { why: format!("{of} is not assigned") };
            out.push(Output::Event(Event::PartitionFailed { partition: of, error }));
        }
    }

    /// `auto.offset.reset`, for a partition without position or with one that the log does not have.
    fn reset_by_policy(&mut self, now: Now, of: &TopicPartition, out_of_range: Option<i64>) {
        let timestamp = match self.config.offset_reset {
            OffsetReset::Earliest => Some(lookups::EARLIEST),
            OffsetReset::Latest => Some(lookups::LATEST),
            OffsetReset::ByDurationMs(age) => Some(now.wall.0.saturating_sub(i64::try_from(age).unwrap_or(i64::MAX)).max(0)),
            OffsetReset::None => None,
        };
        let aim = match timestamp {
            Some(timestamp) => Aim::Reset { timestamp, from: out_of_range, asked: false },
            None => Aim::Unset { out_of_range, told: false },
        };
        self.go(of, aim);
    }

    fn go(&mut self, of: &TopicPartition, aim: Aim) {
        self.eras += 1;
        let partition = self.partitions.get_mut(of).expect("only assigned partitions go anywhere");
        partition.go(aim, self.eras);
        self.drop_asks();
    }

    fn set_paused(&mut self, which: &[TopicPartition], paused: bool) {
        for of in which {
            if let Some(partition) = self.partitions.get_mut(of) {
                partition.paused = paused;
            }
        }
    }

    fn hear(&mut self, now: Now, input: network::Input, out: &mut Outbox) {
        let mut events = Vec::new();
        self.network.step(now, input, out, &mut events);
        let mut events = std::collections::VecDeque::from(events);
        while let Some(event) = events.pop_front() {
            let mut more = Vec::new();
            match event {
                network::Event::Answered { node, tag, response } => self.answered(now, node, tag, response, out, &mut more),
                network::Event::Lost { node, tag, why: _ } => self.lost(now, node, tag, out),
                network::Event::Up | network::Event::Down | network::Event::Metadata => {}
            }
            events.extend(more);
        }
    }

    fn answered(
        &mut self,
        now: Now,
        node: NodeId,
        asked: Asked,
        response: Response,
        out: &mut Outbox,
        more: &mut Vec<network::Event<Asked>>,
    ) {
        match (asked, response) {
            (Asked::Fetch(fetching), Response::Fetch(body)) => {
                self.network.throttle(now, node, body.throttle_time_ms);
                let told = body.node_endpoints.iter().map(|n| (n.node_id, n.host.as_str(), n.port));
                self.network.hint_nodes(now, told, out, more);
                self.fetched(now, node, &fetching, body, out);
            }
            (Asked::Offsets(asks), Response::ListOffsets(body)) => {
                self.network.throttle(now, node, body.throttle_time_ms);
                self.offsets_told(now, &asks, &body, out);
            }
            (Asked::Epochs(checking), Response::OffsetForLeaderEpoch(body)) => {
                self.network.throttle(now, node, body.throttle_time_ms);
                self.epochs_told(now, &checking, &body, out);
            }
            (Asked::EndOfSession, _) => self.session_ended(node),
            (asked, _) => self.lost(now, node, asked, out),
        }
    }

    /// There is no answer, or one to something else.
    fn lost(&mut self, now: Now, node: NodeId, asked: Asked, out: &mut Outbox) {
        match asked {
            Asked::Fetch(fetching) => self.fetch_lost(now, node, &fetching, out),
            Asked::Offsets(asks) => asks.iter().for_each(|ask| self.ask_failed(now, *ask)),
            Asked::Epochs(checking) => checking.iter().for_each(|check| self.check_failed(now, check)),
            Asked::EndOfSession => self.session_ended(node),
        }
    }

    /// Nothing is asked about a partition before its backoff is over.
    fn back_off(&mut self, now: Now, of: &TopicPartition) {
        let (base_ms, max_ms) = (self.config.common.retry_backoff_ms, self.config.common.retry_backoff_max_ms);
        let Some(partition) = self.partitions.get_mut(of) else { return };
        partition.failures = partition.failures.saturating_add(1);
        let seed = self.seed.named("partition").named(&of.topic).number(of.partition as u64);
        partition.from = now.mono + ms(backoff_ms(base_ms, max_ms, partition.failures, seed, now.mono.0));
    }

    fn fail(&mut self, of: &TopicPartition, error: ClientError, out: &mut Outbox) {
        self.go(of, Aim::Failed);
        out.push(Output::Event(Event::PartitionFailed { partition: of.clone(), error }));
    }

    /// Wakes not later than this.
    fn wake_by(&mut self, at: Mono) {
        self.wake = Some(self.wake.map_or(at, |wake| wake.min(at)));
    }

    /// A node that something is to be sent to: dialed if it must be. True if it can be sent to at once.
    fn reach(&mut self, now: Now, node: NodeId, out: &mut Outbox) -> bool {
        if self.network.can_send(now, node) {
            return true;
        }
        self.network.connect(now, node, out);
        if let Some(at) = self.network.ready_at(node).filter(|at| *at > now.mono) {
            self.wake_by(at);
        }
        false
    }

    fn forget_topics(&mut self) {
        let assigned = self.partitions.keys().map(|of| &of.topic);
        let looked_up = self.lookups.values().flat_map(Lookup::topics);
        let needed = assigned.chain(looked_up).cloned().collect();
        self.network.keep_topics(&needed);
    }

    fn close(&mut self, now: Now, out: &mut Outbox) {
        if let Some(poll) = self.poll.take() {
            out.push(Output::Event(Event::Polled { token: poll.token, records: Vec::new() }));
        }
        for (token, partition) in std::mem::take(&mut self.positions) {
            out.push(Output::Event(Event::Position { token, partition, offset: Err(ClientError::Closed) }));
        }
        for lookup in std::mem::take(&mut self.lookups).into_values() {
            let (token, offsets) = lookup.end(&ClientError::Closed);
            out.push(Output::Event(Event::Offsets { token, offsets }));
        }
        self.partitions.clear();
        self.asks.clear();
        self.end_sessions(now, out);
        self.life = Life::Closing { until: now.mono.plus_ms(CLOSE_MS_MAX) };
    }

    fn end_life(&mut self, now: Now, out: &mut Outbox) {
        let Life::Closing { until } = self.life else { return };
        if until <= now.mono || self.nodes.values().all(|node| !node.ends) {
            self.network.close(out);
            self.life = Life::Closed;
            out.push(Output::Event(Event::Closed));
        }
    }
}

/// Enough for a fetch, a lookup and a check on one connection.
const IN_FLIGHT_MAX: usize = 100;

/// How long a close waits for the ends of its sessions.
const CLOSE_MS_MAX: u64 = 1_000;

/// What a closed consumer answers.
fn refuse(input: &Input, out: &mut Outbox) {
    match input {
        io::Input::Command(Command::Poll { token, .. }) => out.push(Output::Event(Event::Polled { token: *token, records: Vec::new() })),
        io::Input::Command(Command::Position { token, partition }) => {
            out.push(Output::Event(Event::Position { token: *token, partition: partition.clone(), offset: Err(ClientError::Closed) }));
        }
        io::Input::Command(Command::BeginningOffsets { token, partitions } | Command::EndOffsets { token, partitions }) => {
            let offsets = partitions.iter().map(|of| (of.clone(), Err(ClientError::Closed))).collect();
            out.push(Output::Event(Event::Offsets { token: *token, offsets }));
        }
        io::Input::Command(Command::OffsetsForTimes { token, times }) => {
            let offsets = times.iter().map(|(of, _)| (of.clone(), Err(ClientError::Closed))).collect();
            out.push(Output::Event(Event::Offsets { token: *token, offsets }));
        }
        io::Input::Command(Command::Close) => out.push(Output::Event(Event::Closed)),
        io::Input::Dialed { connection, result: Ok(()) } => out.push(Output::Close { connection: *connection }),
        io::Input::Command(_) | io::Input::Dialed { .. } | io::Input::Response { .. } | io::Input::Closed { .. } | io::Input::Wake => {}
    }
}
