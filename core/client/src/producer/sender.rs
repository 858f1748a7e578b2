//! Which batches leave, in which requests, and what their answers mean.

use std::collections::BTreeMap;

use odradek_machine::{Mono, Now, ms, reached};
use odradek_wire::api::ApiKey;
use odradek_wire::error::ErrorCode;
use odradek_wire::ids::{NodeId, TopicPartition, Uuid};
use odradek_wire::messages::produce_request::{PartitionProduceData, TopicProduceData};
use odradek_wire::messages::produce_response::PartitionProduceResponse;
use odradek_wire::messages::{InitProducerIdRequestData, ProduceRequestData, ProduceResponseData, text};
use odradek_wire::response::Response;

use super::accumulator::Answer;
use super::batch::Batch;
use super::encode::encode;
use super::topic::PartitionKey;
use super::verdict::{Verdict, judge};
use super::{Asked, Life, Outbox, Producer};
use crate::config::Acks;
use crate::error::ClientError;
use crate::io::NotesOf;
use crate::network::{self, Lost, backoff_ms};

impl Producer {
    /// Sends whatever may leave.
    pub(super) fn pump(&mut self, now: Now, out: &mut Outbox) {
        self.held_up_until = None;
        self.ask_producer_id(now, out);
        loop {
            let loads = self.gather(now, out);
            if loads.is_empty() {
                return;
            }
            for (node, keys) in loads {
                self.send(now, node, &keys, out);
            }
        }
    }

    /// An answer to one of our requests.
    pub(super) fn answered(
        &mut self,
        now: Now,
        node: NodeId,
        asked: Asked,
        response: Response,
        out: &mut Outbox,
        events: &mut Vec<network::Event<Asked>>,
    ) {
        match (asked, response) {
            (Asked::ProducerId, Response::InitProducerId(body)) => {
                self.network.throttle(now, node, body.throttle_time_ms);
                if let Err(code) = self.identity.answered(now, &body, &self.config.common, self.seed) {
                    self.fail_queued(code, out);
                }
            }
            (Asked::Produce { batches }, Response::Produce(body)) => {
                self.network.throttle(now, node, body.throttle_time_ms);
                self.produced(now, &batches, &body, out);
                let told = body.node_endpoints.iter().map(|n| (n.node_id, n.host.as_str(), n.port));
                self.network.hint_nodes(now, told, out, events);
            }
            (asked, other) => self.lost(now, node, asked, &Lost::Misbehaved(format!("an answer to {}", other.api())), out),
        }
    }

    /// One of our requests has no answer.
    pub(super) fn lost(&mut self, now: Now, node: NodeId, asked: Asked, why: &Lost, out: &mut Outbox) {
        match asked {
            Asked::ProducerId => self.identity.lost(now, &self.config.common, self.seed),
            Asked::Produce { batches } => {
                reached!(&mut NotesOf(out), "producer.answer_lost", node.0, batches.len());
                let error = match why {
                    Lost::TimedOut => ClientError::Timeout { after_ms: self.config.common.request_timeout_ms },
                    Lost::Disconnected => ClientError::Disconnected { node: node.0 },
                    Lost::Misbehaved(why) => ClientError::PeerMisbehaved { node: node.0, why: why.clone() },
                };
                let answer = Answer { error: Some(error), ..Answer::default() };
                for (key, id) in batches {
                    self.settle(now, key, id, Verdict::Retry { doubt: true, stale: true }, &answer, false, out);
                }
            }
        }
    }

    fn ask_producer_id(&mut self, now: Now, out: &mut Outbox) {
        let wanted = self.rules.idempotence && self.flushes.records() > 0;
        let Some(from) = self.identity.ask_from().filter(|_| wanted) else { return };
        if from > now.mono {
            return self.held_up(from);
        }
        let Some(node) = self.network.any_node(now) else {
            return self.network.some_node_ready_at(now).into_iter().for_each(|at| self.held_up(at));
        };
        if !self.network.can_send(now, node) {
            return self.network.connect(now, node, out);
        }
        let Some(version) = self.network.version(node, ApiKey::InitProducerId) else {
            self.identity.lost(now, &self.config.common, self.seed);
            return self.identity.ask_from().into_iter().for_each(|at| self.held_up(at));
        };
        // The epoch is counted here, so that each answer brings a producer id of its own (KIP-360 asks for more only with transactions).
        let body = InitProducerIdRequestData::default().with_transaction_timeout_ms(i32::MAX).into();
        self.identity.asked();
        self.network.send(now, node, version, &body, Asked::ProducerId, out);
    }

    /// One batch of each partition that has one to send, by leader, as far as a request goes. Begins after the partition that was served last.
    fn gather(&mut self, now: Now, out: &mut Outbox) -> BTreeMap<NodeId, Vec<PartitionKey>> {
        let start = self.last_sent.map(|last| PartitionKey { partition: last.partition + 1, ..last });
        let (later, earlier) = match start {
            Some(start) => (self.active.range(start..), Some(self.active.range(..start))),
            None => (self.active.range(..), None),
        };
        let keys: Vec<PartitionKey> = later.chain(earlier.into_iter().flatten()).copied().collect();
        let mut loads: BTreeMap<NodeId, (usize, Vec<PartitionKey>)> = BTreeMap::new();
        for key in keys {
            let Some((node, bytes)) = self.ready(now, key, out) else { continue };
            let (load, keys) = loads.entry(node).or_default();
            if !keys.is_empty() && *load + bytes > self.config.request_bytes_max {
                continue;
            }
            *load += bytes;
            keys.push(key);
        }
        loads.into_iter().map(|(node, (_, keys))| (node, keys)).collect()
    }

    /// The leader and the size of a batch that can leave at once. What stands in the way is set in motion.
    fn ready(&mut self, now: Now, key: PartitionKey, out: &mut Outbox) -> Option<(NodeId, usize)> {
        let topic = &self.topics[key.topic];
        let partition = &topic.partitions[key.partition].partition;
        let hurry = self.pressed || self.flushes.is_waiting() || self.life != Life::Open;
        let producer = self.identity.known().map(|(id, _)| id);
        if let (Some(current), Some(retired)) = (producer, partition.retired())
            && current == retired
        {
            self.identity.retire(retired);
            self.ask_producer_id(now, out);
            return None;
        }
        if !partition.may_send(now, &self.rules, hurry, topic.ratio, producer) {
            return None;
        }
        let bytes = partition.next_bytes(now, &self.rules, topic.ratio);
        let Some(node) = self.network.metadata().leader(&topic.named(key.partition)) else {
            self.network.request_update();
            return None;
        };
        if self.network.can_send(now, node) && self.network.version(node, ApiKey::Produce).is_some() {
            return Some((node, bytes));
        }
        self.network.connect(now, node, out);
        let at = self.network.ready_at(node).filter(|at| *at > now.mono);
        at.into_iter().for_each(|at| self.held_up(at));
        None
    }

    fn send(&mut self, now: Now, node: NodeId, keys: &[PartitionKey], out: &mut Outbox) {
        let mut batches = Vec::with_capacity(keys.len());
        let mut by_topic: BTreeMap<usize, Vec<PartitionProduceData>> = BTreeMap::new();
        for &key in keys {
            let topic = &mut self.topics[key.topic];
            let batch = topic.partitions[key.partition].partition.send(now, &self.rules, self.identity.known());
            let records = batch.encoded.clone().unwrap_or_else(|| {
                let (bytes, plain) = encode(batch, self.config.compression);
                topic.ratio.observe(plain, bytes.len());
                batch.encoded = Some(bytes.clone());
                bytes
            });
            if batch.attempts > 1 {
                reached!(&mut NotesOf(out), "producer.retried", batch.id, batch.attempts);
            }
            batches.push((key, batch.id));
            let data = PartitionProduceData::default().with_index(key.partition as i32).with_records(Some(records));
            by_topic.entry(key.topic).or_default().push(data);
            self.last_sent = Some(key);
            self.look_after(key);
        }
        let body = self.request(by_topic);
        let newest = self.network.version(node, ApiKey::Produce).expect("only nodes that take Produce are loaded");
        let ids = body.topic_data.iter().all(|topic| !Uuid::from(topic.topic_id).is_zero());
        let version = if ids { newest } else { newest.min(LAST_VERSION_BY_NAME) };
        if self.config.acks == Acks::None {
            self.network.send_unanswered(node, version, &body.into(), out);
            for (key, id) in batches {
                self.settle(now, key, id, Verdict::Delivered, &Answer::default(), false, out);
            }
        } else {
            self.network.send(now, node, version, &body.into(), Asked::Produce { batches }, out);
        }
    }

    fn request(&self, by_topic: BTreeMap<usize, Vec<PartitionProduceData>>) -> ProduceRequestData {
        let topics = by_topic.into_iter().map(|(topic, data)| {
            let name = &self.topics[topic].name;
            let id = self.network.metadata().topic(name).map_or(Uuid::ZERO, |t| t.id);
            TopicProduceData::default().with_name(text(name)).with_topic_id(id.into()).with_partition_data(data)
        });
        let timeout_ms = i32::try_from(self.config.common.request_timeout_ms).unwrap_or(i32::MAX);
        ProduceRequestData::default().with_acks(self.config.acks.code()).with_timeout_ms(timeout_ms).with_topic_data(topics.collect())
    }

    /// Judges a response partition by partition. A batch that it does not mention is in doubt.
    fn produced(&mut self, now: Now, batches: &[(PartitionKey, u64)], body: &ProduceResponseData, out: &mut Outbox) {
        let mut open: BTreeMap<PartitionKey, u64> = batches.iter().copied().collect();
        for topic in &body.responses {
            let name = match Uuid::from(topic.topic_id) {
                id if id.is_zero() => Some(topic.name.as_str()),
                id => self.network.metadata().name(id).map(|name| &**name),
            };
            let Some(&at) = name.and_then(|name| self.by_name.get(name)) else { continue };
            for told in &topic.partition_responses {
                let Ok(partition) = usize::try_from(told.index) else { continue };
                let key = PartitionKey { topic: at, partition };
                let Some(id) = open.remove(&key) else { continue };
                self.judged(now, key, id, told, out);
            }
        }
        for (key, id) in open {
            let answer = Answer {
                error: Some(ClientError::PeerMisbehaved { node: -1, why: "no answer for a partition".into() }),
                ..Answer::default()
            };
            self.settle(now, key, id, Verdict::Retry { doubt: true, stale: true }, &answer, false, out);
        }
    }

    fn judged(&mut self, now: Now, key: PartitionKey, id: u64, told: &PartitionProduceResponse, out: &mut Outbox) {
        let code = ErrorCode::from_code(told.error_code);
        let message = told.error_message.as_ref().map(ToString::to_string);
        let answer = Answer {
            base_offset: (told.base_offset >= 0).then_some(told.base_offset),
            append_time: (told.log_append_time_ms >= 0).then_some(told.log_append_time_ms),
            error: code.is_error().then_some(ClientError::Broker { code: told.error_code, message }),
        };
        let of: TopicPartition = self.topics[key.topic].named(key.partition);
        let known = self.network.metadata().partition(&of);
        if told.current_leader.leader_id >= 0 {
            self.network.hint(&of, told.current_leader.leader_id, told.current_leader.leader_epoch);
        }
        let moved = known != self.network.metadata().partition(&of);
        self.settle(now, key, id, judge(code), &answer, moved, out);
    }

    /// Carries out a verdict. A retry at a leader that the answer named need not wait.
    #[expect(clippy::too_many_arguments, reason = "one batch, one verdict, and whom to tell")]
    fn settle(&mut self, now: Now, key: PartitionKey, id: u64, verdict: Verdict, answer: &Answer, moved: bool, out: &mut Outbox) {
        if let Verdict::Retry { stale: true, .. } = verdict {
            self.network.request_update();
        }
        let (base_ms, max_ms) = (self.config.common.retry_backoff_ms, self.config.common.retry_backoff_max_ms);
        let seed = self.seed.named("retry");
        let retry_from = |batch: &Batch| -> Mono {
            if moved || verdict == Verdict::TooLarge {
                return now.mono;
            }
            let try_number = batch.id.wrapping_mul(1 << 20).wrapping_add(u64::from(batch.attempts));
            now.mono + ms(backoff_ms(base_ms, max_ms, batch.attempts, seed, try_number))
        };
        let partition = &mut self.topics[key.topic].partitions[key.partition].partition;
        let epoch = partition.epoch();
        let ended = partition.settle(id, verdict, retry_from, &self.rules, &mut self.batches);
        if epoch != partition.epoch() {
            reached!(&mut NotesOf(out), "producer.epoch_bumped", key.partition, partition.epoch().map_or(-1, |e| e.0));
        }
        self.conclude(key, ended, Some(answer), out);
    }

    /// No producer id can be had: what waits for one fails.
    fn fail_queued(&mut self, code: ErrorCode, out: &mut Outbox) {
        let answer = Answer { error: Some(ClientError::Broker { code: code.code(), message: None }), ..Answer::default() };
        for key in std::mem::take(&mut self.active) {
            let ended = self.topics[key.topic].partitions[key.partition].partition.give_up_queued();
            self.conclude(key, ended, Some(&answer), out);
        }
    }

    fn held_up(&mut self, until: Mono) {
        self.held_up_until = Some(self.held_up_until.map_or(until, |at| at.min(until)));
    }
}

/// From version 13 on, Produce names topics by id (KIP-516), which brokers before Metadata version 10 do not tell.
const LAST_VERSION_BY_NAME: i16 = 12;
