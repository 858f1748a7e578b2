//! Offsets asked of brokers by ListOffsets: for resets, and for lookups of the application.

use std::collections::BTreeMap;
use std::sync::Arc;

use odradek_machine::{Mono, Now, ms, reached};
use odradek_wire::api::ApiKey;
use odradek_wire::error::ErrorCode;
use odradek_wire::ids::{NodeId, TopicPartition};
use odradek_wire::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use odradek_wire::messages::{ListOffsetsRequestData, ListOffsetsResponseData, text};

use super::partition::{Aim, Partition, Position};
use super::{Asked, Consumer, Event, FoundOffset, Outbox, Token};
use crate::error::ClientError;
use crate::io::{NotesOf, Output};
use crate::network::backoff_ms;

/// As ListOffsets writes the end.
pub(super) const LATEST: i64 = -1;
/// As ListOffsets writes the log start.
pub(super) const EARLIEST: i64 = -2;

/// An offset to be asked for.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    of: TopicPartition,
    timestamp: i64,
    owner: Owner,
    from: Mono,
    in_flight: bool,
    failures: u32,
}

#[derive(Clone, Copy, Debug)]
enum Owner {
    /// A reset of the partition in this era.
    Reset { era: u64 },
    /// An item of a lookup.
    Lookup { lookup: u64, item: usize },
}

/// A lookup of the application.
#[derive(Debug)]
pub(super) struct Lookup {
    token: Token,
    until: Mono,
    items: Vec<(TopicPartition, Option<Result<FoundOffset, ClientError>>)>,
}

impl Lookup {
    pub(super) fn topics(&self) -> impl Iterator<Item = &Arc<str>> {
        self.items.iter().map(|(of, _)| &of.topic)
    }

    /// The answer; what is not known fails with this.
    #[expect(clippy::type_complexity, reason = "it is the event's own shape")]
    pub(super) fn end(self, error: &ClientError) -> (Token, Vec<(TopicPartition, Result<FoundOffset, ClientError>)>) {
        let offsets = self.items.into_iter().map(|(of, found)| (of, found.unwrap_or_else(|| Err(error.clone()))));
        (self.token, offsets.collect())
    }

    fn is_done(&self) -> bool {
        self.items.iter().all(|(_, found)| found.is_some())
    }
}

impl Ask {
    /// True if somebody waits for it.
    pub(super) fn is_owned(&self, partitions: &BTreeMap<TopicPartition, Partition>, lookups: &BTreeMap<u64, Lookup>) -> bool {
        match self.owner {
            Owner::Reset { era } => partitions.get(&self.of).is_some_and(|p| p.era == era),
            Owner::Lookup { lookup, .. } => lookups.contains_key(&lookup),
        }
    }
}

impl Consumer {
    pub(super) fn begin_lookup(&mut self, now: Now, token: Token, items: Vec<(TopicPartition, i64)>) {
        let lookup = self.next_lookup;
        self.next_lookup += 1;
        for (item, (of, timestamp)) in items.iter().enumerate() {
            self.network.want_topic(now, &of.topic);
            self.ask(of.clone(), *timestamp, Owner::Lookup { lookup, item });
        }
        let until = now.mono.plus_ms(self.config.api_timeout_ms);
        let items = items.into_iter().map(|(of, _)| (of, None)).collect();
        self.lookups.insert(lookup, Lookup { token, until, items });
    }

    /// Asks what is open, in one request a leader. A partition is asked once in a request, since brokers refuse more.
    pub(super) fn pump_asks(&mut self, now: Now, out: &mut Outbox) {
        self.ask_for_resets();
        let mut by_node: BTreeMap<NodeId, BTreeMap<TopicPartition, u64>> = BTreeMap::new();
        for (id, ask) in &self.asks {
            if ask.in_flight || ask.from > now.mono {
                continue;
            }
            match self.network.metadata().leader(&ask.of) {
                Some(leader) => by_node.entry(leader).or_default().entry(ask.of.clone()).or_insert(*id),
                None => {
                    self.network.request_update();
                    continue;
                }
            };
        }
        for (node, asks) in by_node {
            if self.reach(now, node, out) {
                self.send_asks(now, node, &asks, out);
            }
        }
        let later = self.asks.values().filter(|ask| !ask.in_flight && ask.from > now.mono).map(|ask| ask.from).min();
        let over = self.lookups.values().map(|lookup| lookup.until).filter(|at| *at > now.mono).min();
        later.into_iter().chain(over).for_each(|at| self.wake_by(at));
    }

    pub(super) fn offsets_told(&mut self, now: Now, asks: &[u64], body: &ListOffsetsResponseData, out: &mut Outbox) {
        let mut open: BTreeMap<(String, i32), u64> = BTreeMap::new();
        for id in asks {
            if let Some(ask) = self.asks.get(id) {
                open.insert((ask.of.topic.to_string(), ask.of.partition), *id);
            }
        }
        for (topic, told) in body.topics.iter().flat_map(|t| t.partitions.iter().map(move |p| (&t.name, p))) {
            let Some(id) = open.remove(&(topic.to_string(), told.partition_index)) else { continue };
            let code = ErrorCode::from_code(told.error_code);
            if code.is_retriable() {
                self.network.request_update();
                self.ask_failed(now, id);
            } else if code.is_error() {
                self.ask_ended(id, Err(ClientError::Broker { code: told.error_code, message: None }), out);
            } else {
                let offset = (told.offset >= 0).then_some(told.offset);
                self.ask_ended(id, Ok(FoundOffset { offset, timestamp: told.timestamp, leader_epoch: told.leader_epoch }), out);
            }
        }
        // A partition that the answer does not mention is asked for again.
        open.into_values().for_each(|id| self.ask_failed(now, id));
    }

    /// The offset is to be asked for again, later.
    pub(super) fn ask_failed(&mut self, now: Now, id: u64) {
        let (base_ms, max_ms) = (self.config.common.retry_backoff_ms, self.config.common.retry_backoff_max_ms);
        let Some(ask) = self.asks.get_mut(&id) else { return };
        ask.in_flight = false;
        ask.failures = ask.failures.saturating_add(1);
        let try_number = id.wrapping_mul(1 << 20).wrapping_add(u64::from(ask.failures));
        ask.from = now.mono + ms(backoff_ms(base_ms, max_ms, ask.failures, self.seed.named("ask"), try_number));
    }

    /// Answers lookups that are done or out of time.
    pub(super) fn end_lookups(&mut self, now: Now, out: &mut Outbox) {
        let over = |lookup: &Lookup| lookup.is_done() || lookup.until <= now.mono;
        let ids: Vec<u64> = self.lookups.iter().filter(|(_, lookup)| over(lookup)).map(|(id, _)| *id).collect();
        if ids.is_empty() {
            return;
        }
        for id in ids {
            let lookup = self.lookups.remove(&id).expect("it was just found");
            let (token, offsets) = lookup.end(&ClientError::Timeout { after_ms: self.config.api_timeout_ms });
            out.push(Output::Event(Event::Offsets { token, offsets }));
        }
        self.drop_asks();
        self.forget_topics();
    }

    /// Drops what nobody waits for any longer.
    pub(super) fn drop_asks(&mut self) {
        let (partitions, lookups) = (&self.partitions, &self.lookups);
        self.asks.retain(|_, ask| ask.is_owned(partitions, lookups));
    }

    fn ask(&mut self, of: TopicPartition, timestamp: i64, owner: Owner) {
        self.asks.insert(self.next_ask, Ask { of, timestamp, owner, from: Mono(0), in_flight: false, failures: 0 });
        self.next_ask += 1;
    }

    fn ask_for_resets(&mut self) {
        let mut wanted = Vec::new();
        for (of, partition) in &mut self.partitions {
            if let Aim::Reset { timestamp, asked: asked @ false, .. } = &mut partition.aim {
                *asked = true;
                wanted.push((of.clone(), *timestamp, Owner::Reset { era: partition.era }));
            }
        }
        wanted.into_iter().for_each(|(of, timestamp, owner)| self.ask(of, timestamp, owner));
    }

    fn send_asks(&mut self, now: Now, node: NodeId, asks: &BTreeMap<TopicPartition, u64>, out: &mut Outbox) {
        let Some(version) = self.network.version(node, ApiKey::ListOffsets) else {
            let error = ClientError::UnsupportedVersion { node: node.0, api: ApiKey::ListOffsets.name() };
            return asks.values().for_each(|id| self.ask_ended(*id, Err(error.clone()), out));
        };
        let mut topics: BTreeMap<Arc<str>, Vec<ListOffsetsPartition>> = BTreeMap::new();
        for (of, id) in asks {
            let ask = self.asks.get_mut(id).expect("it was just read");
            ask.in_flight = true;
            let epoch = if version >= 4 { self.network.metadata().partition(of).map_or(-1, |p| p.leader_epoch) } else { -1 };
            let asked = ListOffsetsPartition::default().with_partition_index(of.partition).with_timestamp(ask.timestamp);
            topics.entry(of.topic.clone()).or_default().push(asked.with_current_leader_epoch(epoch));
        }
        let topics = topics.into_iter().map(|(name, p)| ListOffsetsTopic::default().with_name(text(&name)).with_partitions(p));
        let timeout_ms = i32::try_from(self.config.common.request_timeout_ms).unwrap_or(i32::MAX);
        let body = ListOffsetsRequestData::default()
            .with_replica_id(-1)
            .with_isolation_level(if version >= 2 { self.config.isolation.code() } else { 0 })
            .with_topics(topics.collect())
            .with_timeout_ms(if version >= 10 { timeout_ms } else { 0 });
        self.network.send(now, node, version, &body.into(), Asked::Offsets(asks.values().copied().collect()), out);
    }

    fn ask_ended(&mut self, id: u64, result: Result<FoundOffset, ClientError>, out: &mut Outbox) {
        let Some(ask) = self.asks.remove(&id) else { return };
        match ask.owner {
            Owner::Lookup { lookup, item } => {
                let lookup = self.lookups.get_mut(&lookup).expect("an ask without owner is dropped");
                lookup.items[item].1 = Some(result);
            }
            Owner::Reset { era } => match result {
                Err(error) => self.fail(&ask.of, error, out),
                // Nothing is as young as that: the end.
                Ok(FoundOffset { offset: None, .. }) if ask.timestamp != LATEST => self.ask(ask.of, LATEST, Owner::Reset { era }),
                Ok(FoundOffset { offset, leader_epoch, .. }) => self.reset_to(&ask.of, offset.unwrap_or(0), leader_epoch, out),
            },
        }
    }

    fn reset_to(&mut self, of: &TopicPartition, offset: i64, offset_epoch: i32, out: &mut Outbox) {
        let from = match self.partitions.get(of).map(|p| p.aim) {
            Some(Aim::Reset { from, .. }) => from,
            _ => None,
        };
        reached!(&mut NotesOf(out), "consumer.position_reset", from.unwrap_or(-1), offset);
        self.go(of, Aim::At(Position { offset, offset_epoch, leader_epoch: -1 }));
        out.push(Output::Event(Event::PositionReset { partition: of.clone(), from, to: offset }));
    }
}
