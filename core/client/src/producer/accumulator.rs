//! From a record to its place in a batch, and from a batch to the outcomes of its records.

use std::sync::Arc;

use odradek_machine::{Now, reached};
use odradek_wire::error::ErrorCode;
use odradek_wire::ids::TopicPartition;

use super::batch::{BATCH_OVERHEAD_BYTES, Batch, Pending, record_bytes};
use super::partition::{Ended, Reason};
use super::partitioner::partition_for_key;
use super::topic::{PartitionKey, Slot, Topic, Waiting};
use super::{Alarm, Event, Life, Outbox, Producer, Token};
use crate::error::{ClientError, Outcome};
use crate::io::{NotesOf, Output};
use crate::record::ProducerRecord;

impl Producer {
    /// Takes a record in hand or refuses it at once. True if a batch may have to leave.
    pub(super) fn take(&mut self, now: Now, token: Token, record: ProducerRecord, out: &mut Outbox) -> bool {
        let bytes = record_bytes(&record);
        if let Err(error) = self.admit(bytes) {
            self.pressed |= matches!(error, ClientError::BufferFull { .. });
            out.push(Output::Event(Event::Failed { token, error, outcome: Outcome::Definite }));
            return self.pressed;
        }
        self.held_bytes += bytes;
        let until = now.mono.plus_ms(self.config.block_ms_max);
        let waiting = Waiting { token, generation: self.flushes.opened(), record, bytes, until };
        let topic = self.topic_of(now, &waiting.record.topic);
        if let Some(target) = self.target(topic, &waiting.record) {
            return self.place(now, topic, target, waiting);
        }
        reached!(&mut NotesOf(out), "producer.waits_for_metadata");
        self.network.request_update();
        if self.topics[topic].waiting.is_empty() {
            self.timers.set(until, Alarm::Topic(topic));
        }
        self.topics[topic].waiting.push_back(waiting);
        false
    }

    /// Metadata was told anew: places what waited for it, in order.
    pub(super) fn place_waiting(&mut self, now: Now, out: &mut Outbox) {
        for topic in 0..self.topics.len() {
            if self.topics[topic].waiting.is_empty() {
                self.let_go(topic);
                continue;
            }
            let name = self.topics[topic].name.clone();
            let refused = self.network.metadata().topic(&name).map(|t| t.error).filter(|code| is_hopeless(*code));
            for waiting in std::mem::take(&mut self.topics[topic].waiting) {
                if let Some(code) = refused {
                    self.fail_waiting(&waiting, ClientError::Broker { code: code.code(), message: None }, out);
                } else if let Some(target) = self.target(topic, &waiting.record) {
                    self.place(now, topic, target, waiting);
                } else {
                    self.topics[topic].waiting.push_back(waiting);
                }
            }
            if refused.is_some() {
                self.network.forget_topic(&name);
            } else if !self.topics[topic].waiting.is_empty() {
                self.network.request_update();
            }
        }
    }

    /// A topic that is gone, and to which nothing is in hand, is asked for no more until somebody writes to it again.
    fn let_go(&mut self, topic: usize) {
        let Topic { name, partitions, .. } = &self.topics[topic];
        let gone = self.network.metadata().topic(name).is_some_and(|told| told.error.is_error());
        if gone && partitions.iter().all(|slot| slot.partition.batches() == 0) {
            self.network.forget_topic(&self.topics[topic].name);
        }
    }

    /// Lets the alarms ring that are due.
    pub(super) fn ring(&mut self, now: Now, out: &mut Outbox) {
        while let Some(alarm) = self.timers.pop_due(now.mono) {
            match alarm {
                Alarm::Partition(key) => {
                    let slot = &mut self.topics[key.topic].partitions[key.partition];
                    slot.alarm = None;
                    let ended = slot.partition.expire(now, &self.rules);
                    self.conclude(key, ended, None, out);
                }
                Alarm::Topic(topic) => {
                    while let Some(late) = self.topics[topic].waiting.pop_front_if(|w| w.until <= now.mono) {
                        let partition = TopicPartition { topic: late.record.topic.clone(), partition: late.record.partition.unwrap_or(-1) };
                        self.fail_waiting(&late, ClientError::UnknownPartition { partition }, out);
                    }
                    if let Some(oldest) = self.topics[topic].waiting.front() {
                        self.timers.set(oldest.until, Alarm::Topic(topic));
                    }
                }
            }
        }
    }

    /// Tells the outcomes of batches that ended, and looks after the partition.
    pub(super) fn conclude(&mut self, key: PartitionKey, ended: Vec<Ended>, answer: Option<&Answer>, out: &mut Outbox) {
        let partition = self.topics[key.topic].named(key.partition);
        for one in ended {
            match one {
                Ended::Delivered { batch, duplicate } => self.deliver(&partition, batch, duplicate, answer, out),
                Ended::Failed { batch, doubt, reason } => {
                    let error = self.error_of(&partition, reason, answer);
                    let outcome = if doubt { Outcome::Unknown } else { Outcome::Definite };
                    for record in batch.records {
                        self.release(record.bytes, record.generation);
                        out.push(Output::Event(Event::Failed { token: record.token, error: error.clone(), outcome }));
                    }
                }
            }
        }
        self.look_after(key);
    }

    /// Keeps the sets of partitions true after a change.
    pub(super) fn look_after(&mut self, key: PartitionKey) {
        if self.topics[key.topic].partitions[key.partition].partition.has_work() {
            self.active.insert(key);
        } else {
            self.active.remove(&key);
        }
        self.touched.insert(key);
    }

    /// Sets the alarm of each partition that changed.
    pub(super) fn set_alarms(&mut self, now: Now) {
        while let Some(key) = self.touched.pop_first() {
            let slot = &mut self.topics[key.topic].partitions[key.partition];
            let next = slot.partition.next_instant(now, &self.rules);
            if slot.alarm.map(|(_, at)| at) == next {
                continue;
            }
            if let Some((timer, _)) = slot.alarm.take() {
                self.timers.cancel(timer);
            }
            slot.alarm = next.map(|at| (self.timers.set(at, Alarm::Partition(key)), at));
        }
    }

    /// Fails everything in hand: the time of a close is over.
    pub(super) fn give_up(&mut self, out: &mut Outbox) {
        for topic in 0..self.topics.len() {
            for waiting in std::mem::take(&mut self.topics[topic].waiting) {
                self.fail_waiting(&waiting, ClientError::Closed, out);
            }
            for partition in 0..self.topics[topic].partitions.len() {
                let ended = self.topics[topic].partitions[partition].partition.give_up();
                self.conclude(PartitionKey { topic, partition }, ended, None, out);
            }
        }
        self.touched.clear();
    }

    fn admit(&self, bytes: usize) -> Result<(), ClientError> {
        let whole = bytes + BATCH_OVERHEAD_BYTES;
        let limit = self.config.request_bytes_max.min(self.config.buffer_bytes_max);
        if self.life != Life::Open {
            return Err(ClientError::Closed);
        }
        if whole > limit {
            return Err(ClientError::RecordTooLarge { bytes: whole, limit });
        }
        if self.held_bytes + bytes > self.config.buffer_bytes_max {
            return Err(ClientError::BufferFull { wanted: bytes, held: self.held_bytes, limit: self.config.buffer_bytes_max });
        }
        Ok(())
    }

    fn topic_of(&mut self, now: Now, name: &Arc<str>) -> usize {
        self.network.want_topic(now, name);
        if let Some(&at) = self.by_name.get(name) {
            return at;
        }
        self.topics.push(Topic::new(name.clone(), self.seed));
        self.by_name.insert(name.clone(), self.topics.len() - 1);
        self.topics.len() - 1
    }

    /// Where a record goes; `None` while that is not known to exist.
    fn target(&mut self, topic: usize, record: &ProducerRecord) -> Option<Target> {
        let Topic { name, partitions, .. } = &mut self.topics[topic];
        let count = self.network.metadata().topic(name).map(|t| t.partitions.len()).filter(|n| *n > 0)?;
        if partitions.len() < count {
            partitions.resize_with(count, Slot::default);
        }
        let keyed = record.key.as_ref().filter(|_| !self.config.ignore_keys);
        match record.partition.or_else(|| keyed.map(|key| partition_for_key(key, count))) {
            Some(partition) => usize::try_from(partition).ok().filter(|p| *p < count).map(Target::Told),
            None => Some(Target::Sticky { count }),
        }
    }

    /// Puts a record into a batch of its partition. True if a batch may have to leave.
    fn place(&mut self, now: Now, topic: usize, target: Target, waiting: Waiting) -> bool {
        let record = Pending::new(now, waiting);
        let (partition, sticky) = match target {
            Target::Told(partition) => (partition, false),
            Target::Sticky { count } => (self.stick(topic, count, &record), true),
        };
        let appended = self.topics[topic].append(now, partition, record, sticky, &self.rules, &mut self.batches);
        if appended.opened {
            self.look_after(PartitionKey { topic, partition });
        }
        // What was opened behind another batch lets that one leave; what merely grew changes nothing.
        let waits = self.topics[topic].partitions[partition].partition.batches();
        appended.full || (appended.opened && (self.rules.linger_ms == 0 || waits > 1))
    }

    fn stick(&mut self, topic: usize, count: usize, record: &Pending) -> usize {
        let metadata = self.network.metadata();
        let topic = &mut self.topics[topic];
        let name = topic.name.clone();
        let is_led = |partition| metadata.leader(&TopicPartition { topic: name.clone(), partition }).is_some();
        topic.stick(count, record, &self.rules, is_led)
    }

    fn deliver(&mut self, partition: &TopicPartition, batch: Batch, duplicate: bool, answer: Option<&Answer>, out: &mut Outbox) {
        if duplicate {
            reached!(&mut NotesOf(out), "producer.duplicate_told", batch.id, batch.attempts);
        }
        let base = answer.and_then(|a| a.base_offset).filter(|_| !duplicate);
        let append_time = answer.and_then(|a| a.append_time);
        for (record, n) in batch.records.into_iter().zip(0..) {
            self.release(record.bytes, record.generation);
            out.push(Output::Event(Event::Delivered {
                token: record.token,
                partition: partition.clone(),
                offset: base.and_then(|base: i64| base.checked_add(n)),
                timestamp: append_time.unwrap_or(record.timestamp),
            }));
        }
    }

    fn error_of(&self, partition: &TopicPartition, reason: Reason, answer: Option<&Answer>) -> ClientError {
        match (reason, answer) {
            (Reason::Expired, _) => ClientError::DeliveryTimeout { after_ms: self.config.delivery_timeout_ms },
            (Reason::SequenceLost, _) => ClientError::SequenceLost {
                partition: partition.clone(),
                why: "it may have been written, and its sequence cannot be continued".into(),
            },
            (Reason::Answer, Some(answer)) => answer.error.clone().unwrap_or(ClientError::Closed),
            (Reason::Answer, None) => ClientError::Closed,
        }
    }

    fn fail_waiting(&mut self, waiting: &Waiting, error: ClientError, out: &mut Outbox) {
        self.release(waiting.bytes, waiting.generation);
        out.push(Output::Event(Event::Failed { token: waiting.token, error, outcome: Outcome::Definite }));
    }

    fn release(&mut self, bytes: usize, generation: u64) {
        self.held_bytes -= bytes;
        self.pressed = false;
        self.flushes.ended(generation);
    }
}

/// Where a record goes.
enum Target {
    /// To the partition that it named, or that its key has.
    Told(usize),
    /// To the sticky one of its topic, among so many.
    Sticky { count: usize },
}

/// What a response, or the want of one, said about a batch.
#[derive(Clone, Debug, Default)]
pub(super) struct Answer {
    pub(super) base_offset: Option<i64>,
    pub(super) append_time: Option<i64>,
    pub(super) error: Option<ClientError>,
}

/// True for what no new metadata will heal.
const fn is_hopeless(code: ErrorCode) -> bool {
    matches!(code, ErrorCode::InvalidTopicException | ErrorCode::TopicAuthorizationFailed)
}
