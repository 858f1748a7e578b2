//! The phases of a run, and the world's own hands in them: the operator sets up and asks, the auditor reads at the end.
//!
//! | phase | ends when |
//! |---|---|
//! | setup | every topic of the plan is created |
//! | chaos | its time is over |
//! | liveness | every operation has its outcome and every node listens |
//! | bounds | the operator knows where each partition begins and ends |
//! | final reads | the auditor has read all of that |
//! | audit | every node has stopped cleanly |

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use odradek_client::admin::{self, NewTopic, OffsetSpec, Operation, Reply};
use odradek_client::config::Isolation;
use odradek_client::consumer::{self, SeekTo};
use odradek_client::error::ClientError;
use odradek_wire::ids::{Offset, TopicPartition};

use super::host::App;
use super::{Happening, Stop, World};
use crate::oracle::{self, Fate};
use crate::time::{MILLISECOND, SECOND, Time};
use crate::workload::{Asked, Event, Told, record_of};

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Setup,
    Chaos,
    Liveness { until: Time },
    Bounds { until: Time },
    FinalReads { until: Time },
    Audit { until: Time },
    Over,
}

/// What the operator asked for, by its token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Setup,
    Fault(usize),
    Earliest,
    Latest,
    /// For the percentage of a DeleteRecords fault.
    EndsFor {
        fault: usize,
        percent: u64,
    },
}

/// What the world's own clients wait for and know.
#[derive(Debug, Default)]
pub(super) struct Own {
    asked: u64,
    purposes: BTreeMap<u64, Purpose>,
    bounds: BTreeMap<TopicPartition, (Option<i64>, Option<i64>)>,
    /// Partitions that nobody serves, with what the operator was told.
    pub(super) unserved: BTreeMap<TopicPartition, String>,
    /// Where the auditor stands.
    pub(super) positions: BTreeMap<TopicPartition, i64>,
    /// Gaps that it was shown, by where they begin.
    gaps: BTreeSet<(TopicPartition, i64)>,
    /// Since when it stands there.
    pub(super) since: BTreeMap<TopicPartition, (i64, Time)>,
    polls: u64,
}

/// How often the world looks whether a phase is over.
const LOOK_NS: u64 = 20 * MILLISECOND;
/// How long a setup without any fault may take.
const SETUP_NS: u64 = 60 * SECOND;
/// A reader that is given nothing for so long, where something is destroyed, is refused it.
pub(super) const REFUSED_NS: u64 = 5 * SECOND;
/// A node that gives up so often refuses to start.
pub(super) const GIVES_UP_MAX: u32 = 2;
/// Records of one poll of the auditor.
const POLL_RECORDS_MAX: usize = 5_000;

/// Kafka's error codes of an action whose first answer was lost.
const UNKNOWN_TOPIC_OR_PARTITION: i16 = 3;
const TOPIC_ALREADY_EXISTS: i16 = 36;
const INVALID_PARTITIONS: i16 = 37;
const STORAGE_ERROR: i16 = 56;

impl World<'_, '_> {
    pub(super) const fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over)
    }

    /// Every fault is over: what a node does is its own doing.
    pub(super) const fn is_healed(&self) -> bool {
        matches!(self.phase, Phase::Liveness { .. } | Phase::Bounds { .. } | Phase::FinalReads { .. })
    }

    /// Nothing rises any more.
    pub(super) const fn is_ending(&self) -> bool {
        matches!(self.phase, Phase::Audit { .. } | Phase::Over)
    }

    fn operator(&self) -> usize {
        self.clients.len() - 2
    }

    pub(super) fn auditor(&self) -> usize {
        self.clients.len() - 1
    }

    pub(super) fn begin_setup(&mut self) {
        self.rise_client(self.operator());
        self.create_topics();
        self.push(self.now + LOOK_NS, Happening::Phase);
    }

    fn create_topics(&mut self) {
        let topics = self.plan.topics.iter().map(|topic| NewTopic {
            config: topic.config.clone(),
            ..NewTopic::new(topic.name.clone(), topic.partitions, topic.replication)
        });
        self.ask_operator(Purpose::Setup, Operation::CreateTopics { topics: topics.collect(), validate_only: false });
    }

    /// The operator does something for a fault, or for nobody in particular.
    pub(super) fn operator_does(&mut self, fault: Option<usize>, operation: Operation) {
        self.ask_operator(fault.map_or(Purpose::Setup, Purpose::Fault), operation);
    }

    fn ask_operator(&mut self, purpose: Purpose, operation: Operation) {
        self.own.asked += 1;
        let token = self.own.asked;
        self.own.purposes.insert(token, purpose);
        let command = admin::Command::Do { token: admin::Token(token), operation, timeout_ms: None };
        self.tell_client(self.operator(), Told::Asked(Asked::Admin(command)));
    }

    /// The world looks whether the phase is over.
    pub(super) fn advance_phase(&mut self) {
        self.see_refusals();
        match self.phase {
            Phase::Setup if self.now > Time(SETUP_NS) => self.fail("the cluster was not set up: no topic could be created"),
            Phase::Chaos if self.now >= self.chaos_began + self.plan.chaos_ns => self.heal(),
            Phase::Liveness { until } => match self.unrest() {
                None => self.ask_bounds(),
                Some(why) if self.now > until => self.fail(&why),
                Some(_) => {}
            },
            Phase::Bounds { until } if self.now > until && self.is_any_harmed() => self.pass_over_what_has_no_bounds(),
            Phase::Bounds { until } if self.now > until => self.fail("the operator was not told where each partition begins and ends"),
            Phase::FinalReads { .. } if self.all_read() => {
                self.trace("world", || "all is read; nodes are asked to stop".to_owned());
                self.ask_to_stop();
            }
            Phase::FinalReads { until } if self.now > until && self.is_any_harmed() => self.pass_over_what_is_not_read(),
            Phase::FinalReads { until } if self.now > until => {
                let (at, position, end) = self.first_unread().expect("not all is read");
                self.fail(&format!("the final read of {at} stands at {position} and the high watermark is {end}"));
            }
            Phase::Audit { until } => self.audit(until),
            Phase::FinalReads { .. } => self.see_who_is_refused(),
            Phase::Setup | Phase::Chaos | Phase::Bounds { .. } | Phase::Over => {}
        }
        self.push(self.now + LOOK_NS, Happening::Phase);
    }

    fn fail(&mut self, why: &str) {
        self.stop.get_or_insert_with(|| Stop::Liveness(why.to_owned()));
    }

    fn begin_chaos(&mut self) {
        self.trace("world", || "chaos begins".to_owned());
        (self.phase, self.chaos_began) = (Phase::Chaos, self.now);
        for client in 0..self.plan.clients.len() {
            self.rise_client(client);
        }
        self.watch();
    }

    /// Every fault ends, every process rises.
    fn heal(&mut self) {
        self.trace("world", || "the world heals".to_owned());
        self.end_all_faults();
        for link in self.net.troubled() {
            self.on_net(self.now, |net, now, weather, out| net.heal(now, link, weather, out));
        }
        for node in &mut self.nodes {
            node.disks.iter_mut().for_each(|disk| disk.troubles.heal());
            node.disk_stalled_until = self.now;
            (node.disk_slow, node.pace.slow, node.refusing) = (1, 1, 0);
        }
        for nth in 0..self.nodes.len() {
            // Whoever mends the disk starts the process anew: what is out of service stays so for the rest of a life.
            if self.nodes[nth].out_of_service {
                self.fall(nth, Fate::Killed, None);
            }
        }
        for nth in 0..self.nodes.len() + self.plan.clients.len() {
            self.rise_later(crate::net::HostId(nth as u16), 0);
        }
        self.phase = Phase::Liveness { until: self.now + self.plan.within_ns };
    }

    /// What keeps the healed cluster from being at rest.
    fn unrest(&self) -> Option<String> {
        for node in &self.nodes {
            if node.node.is_none() || !node.listening {
                let why = node.last_words.as_deref().unwrap_or("it has not said why");
                return Some(format!("{} does not listen: {why}", node.name));
            }
        }
        for client in &self.clients {
            let pending = match &client.app {
                App::Producer(app) => app.pending(),
                App::Admin(app) => app.pending(),
                App::Consumer(_) | App::Hostile(_) | App::Own => 0,
            };
            if pending > 0 {
                return Some(format!("{} has {pending} operations without an outcome", client.name));
            }
        }
        None
    }

    pub(super) fn partitions(&self) -> Vec<TopicPartition> {
        let topics = self.topics.iter();
        topics
            .flat_map(|(topic, partitions)| (0..*partitions).map(|partition| TopicPartition { topic: topic.clone(), partition }))
            .filter(|at| !self.own.unserved.contains_key(at))
            .collect()
    }

    fn ask_bounds(&mut self) {
        self.trace("world", || "at rest; asks for bounds".to_owned());
        self.phase = Phase::Bounds { until: self.now + self.plan.within_ns };
        for (purpose, spec) in [(Purpose::Earliest, OffsetSpec::Earliest), (Purpose::Latest, OffsetSpec::Latest)] {
            self.ask_offsets(purpose, spec, self.partitions());
        }
    }

    fn ask_offsets(&mut self, purpose: Purpose, spec: OffsetSpec, partitions: Vec<TopicPartition>) {
        let offsets = partitions.into_iter().map(|partition| (partition, spec)).collect();
        self.ask_operator(purpose, Operation::ListOffsets { offsets, isolation: Isolation::ReadUncommitted });
    }

    /// DeleteRecords by percentage: first the ends, then the deletion.
    pub(super) fn delete_records(&mut self, fault: usize, topic: &Arc<str>, percent: u64) {
        let partitions = self.partitions().into_iter().filter(|partition| partition.topic == *topic).collect();
        self.ask_offsets(Purpose::EndsFor { fault, percent }, OffsetSpec::Latest, partitions);
    }

    /// One of the world's own clients heard something.
    pub(super) fn own_event(&mut self, client: usize, event: Event) {
        match event {
            Event::Admin(admin::Event::Done { token, result }) => {
                let Some(purpose) = self.own.purposes.remove(&token.0) else { return };
                match result {
                    Ok(reply) => self.operator_heard(purpose, reply),
                    Err(error) => {
                        self.trace("operator", || format!("{purpose:?}: {error}"));
                        self.ask_again(purpose);
                    }
                }
            }
            Event::Consumer(consumer::Event::Polled { records, .. }) if client == self.auditor() => self.auditor_read(records),
            Event::Consumer(consumer::Event::PartitionFailed { partition, error }) if client == self.auditor() => {
                self.auditor_refused(&partition, &error.to_string());
            }
            Event::Producer(_) | Event::Consumer(_) | Event::Admin(admin::Event::Closed) => {}
        }
    }

    fn operator_heard(&mut self, purpose: Purpose, reply: Reply) {
        match (purpose, reply) {
            (Purpose::Setup, Reply::CreateTopics(created)) => {
                for (name, item) in &created {
                    if let Ok(topic) = item {
                        self.topic_ids.insert(topic.id, name.clone());
                        self.tell(&oracle::Event::TopicTold { topic: name.clone() });
                    }
                }
                match created.iter().find_map(|(name, item)| item.as_ref().err().map(|error| format!("{name}: {error}"))) {
                    None => self.begin_chaos(),
                    Some(why) => self.fail(&format!("a topic of the plan was refused: {why}")),
                }
            }
            (Purpose::Earliest | Purpose::Latest, Reply::ListOffsets(offsets)) => self.bounds_heard(purpose, offsets),
            (Purpose::EndsFor { fault, percent }, Reply::ListOffsets(offsets)) => {
                let before = offsets.into_iter().filter_map(|(at, item)| Some((at, item.ok()?.offset * percent as i64 / 100)));
                self.ask_operator(Purpose::Fault(fault), Operation::DeleteRecords { before: before.collect() });
            }
            (Purpose::Fault(fault), reply) => self.fault_done(fault, reply),
            _ => {}
        }
    }

    /// An operator's action took effect: its fault touched something, and the world knows the topics that there are.
    fn fault_done(&mut self, fault: usize, reply: Reply) {
        let with = self.faults.entry(fault).planned.with.clone();
        let done = match reply {
            Reply::CreateTopics(created) => {
                // An answer that was lost leaves the topic there; nobody knows its id then, so nobody uses it.
                let mut done = created.iter().any(|(_, item)| is_told(item, TOPIC_ALREADY_EXISTS));
                for (name, item) in created {
                    // A topic whose files could not be made yet is there, and must be of use when the world is healed.
                    if is_told(&item, STORAGE_ERROR) {
                        self.topics.push((name.clone(), with.partitions));
                        done = true;
                    }
                    let Ok(topic) = item else { continue };
                    self.topic_ids.insert(topic.id, name.clone());
                    self.tell(&oracle::Event::TopicTold { topic: name.clone() });
                    self.topics.push((name, with.partitions));
                    done = true;
                }
                done
            }
            Reply::DeleteTopics(deleted) => {
                let is_gone = |item: &admin::Item<()>| item.is_ok() || is_told(item, UNKNOWN_TOPIC_OR_PARTITION);
                let gone: Vec<Arc<str>> = deleted.into_iter().filter(|(_, item)| is_gone(item)).map(|(name, _)| name).collect();
                self.topics.retain(|(name, _)| !gone.contains(name));
                !gone.is_empty()
            }
            Reply::CreatePartitions(raised) => {
                let done = raised.iter().any(|(_, item)| item.is_ok() || is_told(item, INVALID_PARTITIONS));
                if done && let Some(topic) = self.topics.iter_mut().find(|(name, _)| **name == *with.topic) {
                    topic.1 = with.partitions;
                }
                done
            }
            Reply::DeleteRecords(deleted) => deleted.iter().any(|(_, item)| item.is_ok()),
            Reply::AlterConfigs(altered) => altered.iter().any(|(_, item)| item.is_ok()),
            _ => false,
        };
        if done {
            self.faults.touch(fault);
        }
    }

    /// What the world needs to know it asks again; what a fault asked for it asks again as long as the chaos lasts.
    fn ask_again(&mut self, purpose: Purpose) {
        match purpose {
            Purpose::Setup => self.create_topics(),
            Purpose::Earliest => self.ask_offsets(purpose, OffsetSpec::Earliest, self.partitions()),
            Purpose::Latest => self.ask_offsets(purpose, OffsetSpec::Latest, self.partitions()),
            Purpose::Fault(fault) | Purpose::EndsFor { fault, .. } if self.phase == Phase::Chaos => self.administer(fault),
            Purpose::Fault(_) | Purpose::EndsFor { .. } => {}
        }
    }

    fn bounds_heard(&mut self, purpose: Purpose, offsets: Vec<(TopicPartition, admin::Item<admin::ListedOffset>)>) {
        let mut missing = Vec::new();
        for (at, item) in offsets {
            match item {
                Ok(found) => {
                    let bounds = self.own.bounds.entry(at).or_default();
                    if purpose == Purpose::Earliest { bounds.0 = Some(found.offset) } else { bounds.1 = Some(found.offset) }
                }
                // A deletion whose answer was lost took effect all the same.
                Err(_) if self.faults.may_have_deleted(&at.topic) => self.topics.retain(|(topic, _)| *topic != at.topic),
                // A log that is out of service comes back in no time that the world could wait.
                Err(error) if self.nodes.iter().any(|node| node.unserved.contains(&at)) => {
                    self.own.unserved.insert(at, error.to_string());
                }
                Err(_) => missing.push(at),
            }
        }
        if !missing.is_empty() {
            let spec = if purpose == Purpose::Earliest { OffsetSpec::Earliest } else { OffsetSpec::Latest };
            return self.ask_offsets(purpose, spec, missing);
        }
        if !self.partitions().iter().any(|at| self.has_no_bounds(at)) && matches!(self.phase, Phase::Bounds { .. }) {
            self.begin_final_reads();
        }
    }

    pub(super) fn has_no_bounds(&self, at: &TopicPartition) -> bool {
        !matches!(self.own.bounds.get(at), Some((Some(_), Some(_))))
    }

    pub(super) fn begin_final_reads(&mut self) {
        self.phase = Phase::FinalReads { until: self.now + self.plan.within_ns };
        for (at, why) in self.own.unserved.clone() {
            self.tell_unserved(at, why);
        }
        for at in self.partitions() {
            let (start, end) = self.bounds_of(&at);
            self.own.positions.insert(at.clone(), start);
            self.tell(&oracle::Event::FinalBounds { at, start: Offset(start), end: Offset(end) });
        }
        let auditor = self.auditor();
        self.rise_client(auditor);
        let mut commands = vec![consumer::Command::Assign { partitions: self.partitions() }];
        let starts = self.own.positions.iter();
        commands.extend(starts.map(|(at, &start)| consumer::Command::Seek { partition: at.clone(), to: SeekTo::Offset(start) }));
        for command in commands {
            self.tell_client(auditor, Told::Asked(Asked::Consumer(command)));
        }
        self.poll();
    }

    pub(super) fn bounds_of(&self, at: &TopicPartition) -> (i64, i64) {
        match self.own.bounds.get(at) {
            Some((Some(start), Some(end))) => (*start, *end),
            _ => (0, 0),
        }
    }

    fn poll(&mut self) {
        self.own.polls += 1;
        let command = consumer::Command::Poll { token: consumer::Token(self.own.polls), records_max: POLL_RECORDS_MAX, timeout_ms: 1_000 };
        self.tell_client(self.auditor(), Told::Asked(Asked::Consumer(command)));
    }

    fn auditor_read(&mut self, records: Vec<(TopicPartition, Vec<odradek_client::record::ConsumerRecord>)>) {
        for (at, records) in records {
            let (_, end) = self.bounds_of(&at);
            if self.own.unserved.contains_key(&at) {
                continue; // it was read before it went out of service
            }
            for record in records {
                if self.is_asked_again(&at, record.offset) {
                    break;
                }
                self.own.positions.insert(at.clone(), record.offset + 1);
                if record.offset >= end {
                    continue;
                }
                let value = record.value.as_deref().unwrap_or_default();
                let mut sum = crate::hash::RollingHash::default();
                sum.bytes(record.key.as_deref().unwrap_or_default());
                sum.bytes(value);
                self.hash.bytes(value);
                self.tell(&oracle::Event::FinalRead {
                    at: at.clone(),
                    offset: Offset(record.offset),
                    record: record_of(value),
                    sum: sum.folded(),
                });
            }
        }
        if !self.all_read() {
            self.poll();
        }
    }

    /// A whole batch in the place of another, or an offset outside of every checksum, leads a reader past what is there. One who asks for the offset that is
    /// missing must be given it, or be told.
    fn is_asked_again(&mut self, at: &TopicPartition, offset: i64) -> bool {
        let expected = self.own.positions.get(at).copied().unwrap_or(offset);
        if offset <= expected || !self.own.gaps.insert((at.clone(), expected)) {
            return false;
        }
        self.trace("world", || format!("the auditor is led from offset {expected} of {at} to {offset}, and asks for {expected}"));
        self.world_mark("reader.led_past");
        let seek = consumer::Command::Seek { partition: at.clone(), to: SeekTo::Offset(expected) };
        self.tell_client(self.auditor(), Told::Asked(Asked::Consumer(seek)));
        true
    }

    pub(super) fn first_unread(&self) -> Option<(TopicPartition, i64, i64)> {
        self.own.positions.iter().find_map(|(at, &position)| {
            let (_, end) = self.bounds_of(at);
            (position < end).then(|| (at.clone(), position, end))
        })
    }

    fn all_read(&self) -> bool {
        self.first_unread().is_none()
    }

    fn audit(&mut self, until: Time) {
        if let Some(node) = self.nodes.iter().find(|node| node.node.is_some()) {
            if self.now > until {
                let why = format!("{} was asked to stop and does not", node.name);
                self.fail(&why);
            }
            return;
        }
        for nth in 0..self.nodes.len() {
            let disks = std::mem::take(&mut self.nodes[nth].disks);
            self.tell(&oracle::Event::Audited { node: nth, disks: &disks });
            self.nodes[nth].disks = disks;
        }
        self.phase = Phase::Over;
    }
}

/// True if the broker refused with this error code.
fn is_told<T>(item: &admin::Item<T>, wanted: i16) -> bool {
    matches!(item, Err(ClientError::Broker { code, .. }) if *code == wanted)
}
