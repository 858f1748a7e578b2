//! Fetching: what is asked of which node, and what the answers mean.

use std::collections::BTreeMap;

use odradek_machine::{Now, reached};
use odradek_wire::api::ApiKey;
use odradek_wire::error::ErrorCode;
use odradek_wire::ids::{NodeId, TopicPartition, Uuid};
use odradek_wire::messages::fetch_request::{FetchPartition, FetchTopic, ForgottenTopic};
use odradek_wire::messages::fetch_response::PartitionData;
use odradek_wire::messages::{FetchRequestData, FetchResponseData, text};

use super::decode::{Reading, decode};
use super::partition::{Aim, Position};
use super::session::{Session, Step, Wanted};
use super::{Asked, Consumer, Outbox};
use crate::error::ClientError;
use crate::io::NotesOf;

/// A node that is fetched from.
#[derive(Debug, Default)]
pub(super) struct Node {
    session: Session,
    in_flight: bool,
    /// The end of the session was sent and not answered.
    pub(super) ends: bool,
}

/// What a fetch on its way was asked for: each partition with its era and the offset.
#[derive(Debug)]
pub(super) struct Fetching {
    partitions: BTreeMap<TopicPartition, (u64, i64)>,
    names: BTreeMap<(Uuid, i32), TopicPartition>,
}

impl Consumer {
    /// Sends a fetch to each node that leads something to be read, unless one is on its way or fetched records of that node wait.
    pub(super) fn pump_fetches(&mut self, now: Now, out: &mut Outbox) {
        let mut by_node: BTreeMap<NodeId, BTreeMap<TopicPartition, Wanted>> = BTreeMap::new();
        let mut busy = Vec::new();
        for of in self.partitions.keys().cloned().collect::<Vec<_>>() {
            let node = self.node_of(&of);
            let partition = &self.partitions[&of];
            if partition.has_records() && !partition.paused {
                busy.extend(node);
            } else if let Some((node, wanted)) = node.and_then(|node| Some((node, self.wanted(now, &of)?))) {
                by_node.entry(node).or_default().insert(of, wanted);
            }
        }
        for (node, wanted) in by_node {
            let blocked = busy.contains(&node) || self.nodes.entry(node).or_default().in_flight;
            if !blocked && self.reach(now, node, out) {
                self.send_fetch(now, node, wanted, out);
            }
        }
    }

    pub(super) fn fetched(&mut self, now: Now, node: NodeId, fetching: &Fetching, body: FetchResponseData, out: &mut Outbox) {
        let here = self.nodes.entry(node).or_default();
        here.in_flight = false;
        let code = ErrorCode::from_code(body.error_code);
        if !here.session.answered(code, body.session_id) {
            reached!(&mut NotesOf(out), "consumer.session_lost", node.0, code.code());
            self.network.request_update();
            // A session that cannot be had is not asked for without a pause.
            return fetching.partitions.keys().for_each(|of| self.back_off(now, of));
        }
        for topic in body.responses {
            let id = Uuid::from(topic.topic_id);
            for told in topic.partitions {
                let of = match id.is_zero() {
                    true => Some(TopicPartition { topic: topic.topic.as_str().into(), partition: told.partition_index }),
                    false => fetching.names.get(&(id, told.partition_index)).cloned(),
                };
                let asked = of.and_then(|of| fetching.partitions.get(&of).map(|asked| (of, *asked)));
                if let Some((of, (era, offset))) = asked {
                    self.partition_fetched(now, &of, era, offset, told, out);
                }
            }
        }
    }

    pub(super) fn fetch_lost(&mut self, now: Now, node: NodeId, fetching: &Fetching, out: &mut Outbox) {
        reached!(&mut NotesOf(out), "consumer.fetch_lost", node.0, fetching.partitions.len());
        let here = self.nodes.entry(node).or_default();
        here.in_flight = false;
        here.session.lost();
        for of in fetching.partitions.keys() {
            if let Some(partition) = self.partitions.get_mut(of) {
                partition.preferred = None;
            }
            self.back_off(now, of);
        }
    }

    /// Gives the sessions back, where that can be said at once.
    pub(super) fn end_sessions(&mut self, now: Now, out: &mut Outbox) {
        for (&node, here) in &mut self.nodes {
            let version = self.network.version(node, ApiKey::Fetch).filter(|v| *v >= FIRST_VERSION_WITH_SESSIONS);
            let Some((version, step)) = version.zip(here.session.end()).filter(|_| self.network.can_send(now, node)) else { continue };
            let body = FetchRequestData::default().with_session_id(step.id).with_session_epoch(step.epoch);
            self.network.send(now, node, version, &body.with_max_bytes(1).into(), Asked::EndOfSession, out);
            here.ends = true;
        }
    }

    /// A node has let go of its session, or will when it misses us.
    pub(super) fn session_ended(&mut self, node: NodeId) {
        self.nodes.entry(node).or_default().ends = false;
    }

    /// The node to read from: the leader, or the follower that it named.
    fn node_of(&self, of: &TopicPartition) -> Option<NodeId> {
        let preferred = self.partitions[of].preferred.filter(|node| !self.network.is_failing(*node));
        preferred.or_else(|| self.network.metadata().leader(of))
    }

    /// What is to be asked of a partition; `None` while it has no valid position, is paused, or is in its backoff.
    ///
    /// A leader of another epoch than the position was valid with is not read from before the position is checked.
    fn wanted(&mut self, now: Now, of: &TopicPartition) -> Option<Wanted> {
        let known = self.network.metadata().partition(of)?;
        let topic_id = self.network.metadata().topic(&of.topic)?.id;
        let partition = self.partitions.get_mut(of)?;
        let Aim::At(position) = &mut partition.aim else { return None };
        if partition.paused {
            return None;
        }
        if partition.from > now.mono {
            let from = partition.from;
            self.wake_by(from);
            return None;
        }
        if position.leader_epoch != known.leader_epoch {
            if position.offset_epoch >= 0 && known.leader_epoch >= 0 && position.leader_epoch >= 0 {
                let position = *position;
                partition.aim = Aim::Validating { position, leader_epoch: known.leader_epoch, asked: false };
                return None;
            }
            position.leader_epoch = known.leader_epoch;
        }
        Some(Wanted { topic_id, offset: position.offset, leader_epoch: position.leader_epoch })
    }

    fn send_fetch(&mut self, now: Now, node: NodeId, wanted: BTreeMap<TopicPartition, Wanted>, out: &mut Outbox) {
        let Some(newest) = self.network.version(node, ApiKey::Fetch) else { return };
        let by_id = wanted.values().all(|w| !w.topic_id.is_zero());
        let version = if by_id { newest } else { newest.min(LAST_VERSION_BY_NAME) };
        let partitions = wanted.iter().map(|(of, w)| (of.clone(), (self.partitions[of].era, w.offset))).collect();
        let here = self.nodes.entry(node).or_default();
        let step = if version >= FIRST_VERSION_WITH_SESSIONS { here.session.next(wanted) } else { Session::without(wanted) };
        here.in_flight = true;
        let names = here.session.names();
        let body = self.request(step, version);
        self.network.send(now, node, version, &body.into(), Asked::Fetch(Fetching { partitions, names }), out);
    }

    fn request(&self, step: Step, version: i16) -> FetchRequestData {
        let mut topics: Vec<FetchTopic> = Vec::new();
        for (of, wanted) in step.changed {
            let asked = FetchPartition::default()
                .with_partition(of.partition)
                .with_current_leader_epoch(if version >= 9 { wanted.leader_epoch } else { -1 })
                .with_fetch_offset(wanted.offset)
                .with_partition_max_bytes(self.config.partition_fetch_bytes_max);
            match topics.last_mut().filter(|t| t.topic.as_str() == &*of.topic) {
                Some(topic) => topic.partitions.push(asked),
                None => {
                    let topic = FetchTopic::default().with_topic(text(&of.topic)).with_topic_id(wanted.topic_id.into());
                    topics.push(topic.with_partitions(vec![asked]));
                }
            }
        }
        let mut forgotten: Vec<ForgottenTopic> = Vec::new();
        for (of, id) in step.forgotten {
            match forgotten.last_mut().filter(|t| t.topic.as_str() == &*of.topic && Uuid::from(t.topic_id) == id) {
                Some(topic) => topic.partitions.push(of.partition),
                None => {
                    let topic = ForgottenTopic::default().with_topic(text(&of.topic)).with_topic_id(id.into());
                    forgotten.push(topic.with_partitions(vec![of.partition]));
                }
            }
        }
        FetchRequestData::default()
            .with_max_wait_ms(self.config.fetch_wait_ms_max)
            .with_min_bytes(self.config.fetch_bytes_min)
            .with_max_bytes(self.config.fetch_bytes_max)
            .with_isolation_level(self.config.isolation.code())
            .with_session_id(step.id)
            .with_session_epoch(step.epoch)
            .with_topics(topics)
            .with_forgotten_topics_data(forgotten)
            .with_rack_id(text(if version >= 11 { &self.config.rack } else { "" }))
    }

    /// An answer counts only for the era and the offset it was asked for: whatever moved the position since has made it worthless.
    fn partition_fetched(&mut self, now: Now, of: &TopicPartition, era: u64, offset: i64, told: PartitionData, out: &mut Outbox) {
        let Some(partition) = self.partitions.get_mut(of).filter(|p| p.era == era && !p.has_records()) else { return };
        let Aim::At(position) = partition.aim else { return };
        if position.offset != offset {
            return;
        }
        match ErrorCode::from_code(told.error_code) {
            ErrorCode::None if told.diverging_epoch.epoch >= 0 => {
                let divergent = (told.diverging_epoch.end_offset, told.diverging_epoch.epoch);
                self.truncated(now, of, offset, (divergent.0 >= 0).then_some(divergent), out);
            }
            ErrorCode::None if told.preferred_read_replica >= 0 => partition.preferred = Some(NodeId(told.preferred_read_replica)),
            ErrorCode::None => self.records_fetched(of, position, told, out),
            ErrorCode::OffsetOutOfRange if partition.preferred.is_some() => partition.preferred = None, // a follower may lag
            ErrorCode::OffsetOutOfRange => {
                reached!(&mut NotesOf(out), "consumer.offset_out_of_range", of.partition, offset);
                self.reset_by_policy(now, of, Some(offset));
            }
            code if code.is_retriable() && code != ErrorCode::CorruptMessage => {
                partition.preferred = None;
                let leader = &told.current_leader;
                if leader.leader_id >= 0 {
                    self.network.hint(of, leader.leader_id, leader.leader_epoch);
                }
                self.network.request_update();
                self.back_off(now, of);
            }
            ErrorCode::CorruptMessage => {
                let why = "the broker says so".to_owned();
                self.fail(of, ClientError::CorruptRecords { partition: of.clone(), offset, why }, out);
            }
            code => self.fail(of, ClientError::Broker { code: code.code(), message: None }, out),
        }
    }

    fn records_fetched(&mut self, of: &TopicPartition, position: Position, told: PartitionData, out: &mut Outbox) {
        let reading = Reading { from: position.offset, isolation: self.config.isolation, check_crcs: self.config.check_crcs };
        let bytes = told.records.unwrap_or_default();
        let some = !bytes.is_empty();
        let decoded = decode(bytes, told.aborted_transactions.as_deref().unwrap_or_default(), reading);
        let stuck = decoded.end.is_none_or(|(end, _)| end <= position.offset) && some;
        if let Some((offset, damage)) = decoded.damage.filter(|_| stuck) {
            let error = ClientError::CorruptRecords { partition: of.clone(), offset, why: damage.to_string() };
            return self.fail(of, error, out);
        }
        if stuck {
            let why = "no whole batch, or none from the position on".to_owned();
            return self.fail(of, ClientError::CorruptRecords { partition: of.clone(), offset: position.offset, why }, out);
        }
        // Damage behind good batches shows when the reading comes to it.
        let partition = self.partitions.get_mut(of).expect("the caller has looked it up");
        partition.fill(decoded.records, decoded.end);
    }
}

const FIRST_VERSION_WITH_SESSIONS: i16 = 7;

/// From version 13 on, Fetch names topics by id (KIP-516).
const LAST_VERSION_BY_NAME: i16 = 12;
