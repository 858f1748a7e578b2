//! One operation in hand: its items, and how far each is.

use std::sync::Arc;

use odradek_machine::Mono;
use odradek_wire::error::ErrorCode;
use odradek_wire::ids::{NodeId, TopicPartition};

use super::operation::{
    ClusterDescription, ConfigEntry, ConfigResource, CreatedTopic, Item, ListedOffset, LogDirDescription, Operation, PartitionDescription,
    ProducerState, Reply, TopicDescription, TopicListing,
};
use super::{Token, heals};
use crate::error::ClientError;

/// An operation and the state of its items.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) token: Token,
    pub(super) operation: Operation,
    pub(super) until: Mono,
    timeout_ms: u64,
    slots: Vec<Slot>,
    /// The items are known; false while "all brokers" are to be found out.
    expanded: bool,
}

/// One item.
#[derive(Debug)]
struct Slot {
    state: State,
    failures: u32,
    error: Option<ClientError>,
    /// Partitions of a topic that were told so far, where a topic takes several answers.
    partial: Vec<PartitionDescription>,
}

/// | from | to | trigger |
/// |---|---|---|
/// | Open | InFlight | a request leaves |
/// | InFlight | Open | no answer, or an error that another try may heal |
/// | InFlight | Done | an answer |
#[derive(Debug)]
enum State {
    Open { from: Mono },
    InFlight,
    Done(Item<Value>),
}

/// What came of one item.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Nothing,
    Created(CreatedTopic),
    Offset(i64),
    Configs(Vec<ConfigEntry>),
    Resources(Vec<ConfigResource>),
    Cluster(ClusterDescription),
    Topic(TopicDescription),
    Topics(Vec<TopicListing>),
    LogDirs(Vec<LogDirDescription>),
    Producers(Vec<ProducerState>),
    Listed(ListedOffset),
}

/// Who is to be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Any,
    Controller,
    Node(NodeId),
    Leader(TopicPartition),
}

impl Job {
    pub(super) fn new(token: Token, operation: Operation, until: Mono, timeout_ms: u64) -> Job {
        let expanded = !matches!(&operation, Operation::DescribeLogDirs { brokers } if brokers.is_empty());
        let slots = (0..items(&operation)).map(|_| Slot::open()).collect();
        Job { token, operation, until, timeout_ms, slots, expanded }
    }

    /// The brokers of the cluster are known: those are the items, if all brokers were meant.
    pub(super) fn expand(&mut self, all: &[i32]) {
        if let Operation::DescribeLogDirs { brokers } = &mut self.operation
            && !self.expanded
            && !all.is_empty()
        {
            *brokers = all.to_vec();
            self.slots = all.iter().map(|_| Slot::open()).collect();
            self.expanded = true;
        }
    }

    /// These items are in a request.
    pub(super) fn sent(&mut self, slots: &[usize]) {
        for &slot in slots {
            self.slots[slot].state = State::InFlight;
        }
    }

    pub(super) fn done(&mut self, slot: usize, result: Item<Value>) {
        self.slots[slot].state = State::Done(result);
    }

    /// The item is to be asked again; an error counts as a failure.
    pub(super) fn reopen(&mut self, slot: usize, from: Mono, error: Option<ClientError>) {
        let slot = &mut self.slots[slot];
        slot.state = State::Open { from };
        slot.failures = if error.is_some() { slot.failures.saturating_add(1) } else { 0 };
        slot.error = error;
    }

    /// Partitions of a topic were told; more may come. All of them so far.
    pub(super) fn partial(&mut self, slot: usize) -> &mut Vec<PartitionDescription> {
        &mut self.slots[slot].partial
    }

    /// How many partitions of a topic were told.
    pub(super) fn partial_len(&self, slot: usize) -> usize {
        self.slots[slot].partial.len()
    }

    /// Items that may be asked, and whom.
    pub(super) fn open(&self, now: Mono) -> Vec<(usize, Target)> {
        let is_open = |slot: &Slot| matches!(slot.state, State::Open { from } if from <= now);
        let open = self.slots.iter().enumerate().filter(|(_, slot)| is_open(slot));
        open.map(|(at, _)| (at, target(&self.operation, at))).collect()
    }

    /// When the next item leaves its backoff.
    pub(super) fn open_later(&self, now: Mono) -> Option<Mono> {
        let later = self.slots.iter().filter_map(|slot| match slot.state {
            State::Open { from } if from > now => Some(from),
            _ => None,
        });
        later.min()
    }

    pub(super) fn is_in_flight(&self, slot: usize) -> bool {
        matches!(self.slots[slot].state, State::InFlight)
    }

    pub(super) fn failures(&self, slot: usize) -> u32 {
        self.slots[slot].failures
    }

    pub(super) fn is_retriable(&self, slot: usize, code: ErrorCode) -> bool {
        heals(code, matches!(target(&self.operation, slot), Target::Leader(_)))
    }

    pub(super) fn is_done(&self) -> bool {
        self.expanded && self.slots.iter().all(|slot| matches!(slot.state, State::Done(_)))
    }

    /// Topics whose leaders are needed.
    pub(super) fn topics(&self) -> Vec<Arc<str>> {
        match &self.operation {
            Operation::DeleteRecords { before } => before.iter().map(|(of, _)| of.topic.clone()).collect(),
            Operation::DescribeProducers { partitions } => partitions.iter().map(|of| of.topic.clone()).collect(),
            Operation::ListOffsets { offsets, .. } => offsets.iter().map(|(of, _)| of.topic.clone()).collect(),
            _ => Vec::new(),
        }
    }

    pub(super) fn check(&self) {
        assert!(!self.expanded || self.slots.len() == items(&self.operation), "items and their states differ in number");
    }

    /// The answer. Items that are not done by this time fail with what stood in their way.
    pub(super) fn end(self) -> (Token, Result<Reply, ClientError>) {
        let timeout = ClientError::Timeout { after_ms: self.timeout_ms };
        if !self.expanded {
            return (self.token, Err(timeout));
        }
        let results = self.slots.into_iter().map(|slot| match slot.state {
            State::Done(result) => result,
            State::Open { .. } | State::InFlight => Err(slot.error.unwrap_or(timeout.clone())),
        });
        (self.token, reply(self.operation, results.collect()))
    }
}

impl Slot {
    const fn open() -> Slot {
        Slot { state: State::Open { from: Mono(0) }, failures: 0, error: None, partial: Vec::new() }
    }
}

fn items(operation: &Operation) -> usize {
    match operation {
        Operation::CreateTopics { topics, .. } => topics.len(),
        Operation::DeleteTopics { topics } | Operation::DescribeTopics { topics } => topics.len(),
        Operation::CreatePartitions { topics, .. } => topics.len(),
        Operation::DeleteRecords { before } => before.len(),
        Operation::DescribeConfigs { resources, .. } => resources.len(),
        Operation::AlterConfigs { resources, .. } => resources.len(),
        Operation::IncrementalAlterConfigs { resources, .. } => resources.len(),
        Operation::ListConfigResources { .. } | Operation::DescribeCluster | Operation::ListTopics { .. } => 1,
        Operation::DescribeLogDirs { brokers } => brokers.len(),
        Operation::DescribeProducers { partitions } => partitions.len(),
        Operation::ListOffsets { offsets, .. } => offsets.len(),
    }
}

fn target(operation: &Operation, slot: usize) -> Target {
    match operation {
        Operation::CreateTopics { .. } | Operation::DeleteTopics { .. } | Operation::CreatePartitions { .. } => Target::Controller,
        Operation::DeleteRecords { before } => Target::Leader(before[slot].0.clone()),
        Operation::DescribeConfigs { resources, .. } => owner(&resources[slot].0, Target::Any),
        Operation::AlterConfigs { resources, .. } => owner(&resources[slot].0, Target::Controller),
        Operation::IncrementalAlterConfigs { resources, .. } => owner(&resources[slot].0, Target::Controller),
        Operation::DescribeLogDirs { brokers } => Target::Node(NodeId(brokers[slot])),
        Operation::DescribeProducers { partitions } => Target::Leader(partitions[slot].clone()),
        Operation::ListOffsets { offsets, .. } => Target::Leader(offsets[slot].0.clone()),
        Operation::ListConfigResources { .. }
        | Operation::DescribeCluster
        | Operation::DescribeTopics { .. }
        | Operation::ListTopics { .. } => Target::Any,
    }
}

/// A broker's own configuration is asked of that broker, which alone knows its file.
fn owner(resource: &ConfigResource, otherwise: Target) -> Target {
    match resource {
        ConfigResource::Broker(name) => name.parse().map_or(otherwise, |id| Target::Node(NodeId(id))),
        ConfigResource::Topic(_) | ConfigResource::Other { .. } => otherwise,
    }
}

/// Puts the results of the items beside what they are the results of.
fn reply(operation: Operation, results: Vec<Item<Value>>) -> Result<Reply, ClientError> {
    Ok(match operation {
        Operation::CreateTopics { topics, .. } => {
            let names = topics.into_iter().map(|t| t.name);
            Reply::CreateTopics(beside(names, results, |v| if let Value::Created(t) = v { Some(t) } else { None }))
        }
        Operation::DeleteTopics { topics } => Reply::DeleteTopics(beside(topics, results, |v| nothing(&v))),
        Operation::CreatePartitions { topics, .. } => {
            Reply::CreatePartitions(beside(topics.into_iter().map(|(name, _)| name), results, |v| nothing(&v)))
        }
        Operation::DeleteRecords { before } => {
            let partitions = before.into_iter().map(|(of, _)| of);
            Reply::DeleteRecords(beside(partitions, results, |v| if let Value::Offset(o) = v { Some(o) } else { None }))
        }
        Operation::DescribeConfigs { resources, .. } => {
            let resources = resources.into_iter().map(|(of, _)| of);
            Reply::DescribeConfigs(beside(resources, results, |v| if let Value::Configs(c) = v { Some(c) } else { None }))
        }
        Operation::AlterConfigs { resources, .. } => {
            Reply::AlterConfigs(beside(resources.into_iter().map(|(of, _)| of), results, |v| nothing(&v)))
        }
        Operation::IncrementalAlterConfigs { resources, .. } => {
            Reply::AlterConfigs(beside(resources.into_iter().map(|(of, _)| of), results, |v| nothing(&v)))
        }
        Operation::DescribeTopics { topics } => {
            Reply::DescribeTopics(beside(topics, results, |v| if let Value::Topic(t) = v { Some(t) } else { None }))
        }
        Operation::DescribeLogDirs { brokers } => {
            Reply::DescribeLogDirs(beside(brokers, results, |v| if let Value::LogDirs(d) = v { Some(d) } else { None }))
        }
        Operation::DescribeProducers { partitions } => {
            Reply::DescribeProducers(beside(partitions, results, |v| if let Value::Producers(p) = v { Some(p) } else { None }))
        }
        Operation::ListOffsets { offsets, .. } => {
            let partitions = offsets.into_iter().map(|(of, _)| of);
            Reply::ListOffsets(beside(partitions, results, |v| if let Value::Listed(o) = v { Some(o) } else { None }))
        }
        Operation::ListConfigResources { .. } | Operation::DescribeCluster | Operation::ListTopics { .. } => {
            match results.into_iter().next().expect("the operation has one item")? {
                Value::Resources(resources) => Reply::ListConfigResources(resources),
                Value::Cluster(cluster) => Reply::DescribeCluster(cluster),
                Value::Topics(topics) => Reply::ListTopics(topics),
                other => unreachable!("no operation of one item ends in {other:?}"),
            }
        }
    })
}

fn beside<K, T>(keys: impl IntoIterator<Item = K>, results: Vec<Item<Value>>, pick: impl Fn(Value) -> Option<T>) -> Vec<(K, Item<T>)> {
    let picked = results.into_iter().map(|result| result.map(|v| pick(v).expect("an answer is read as the operation's own kind")));
    keys.into_iter().zip(picked).collect()
}

const fn nothing(value: &Value) -> Option<()> {
    if matches!(value, Value::Nothing) { Some(()) } else { None }
}
