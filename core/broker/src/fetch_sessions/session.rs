//! One fetch session: the partitions that a fetcher reads, in the order of service, and what it was last told of each.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use odradek_machine::Mono;
use odradek_wire::ids::{LeaderEpoch, Offset, Uuid};

/// How a request names a topic: by name before version 13, by id from there on (KIP-516). A session keeps to one of the two.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TopicKey {
    /// By name.
    Name(Arc<str>),
    /// By id.
    Id(Uuid),
}

/// What a fetcher wants of one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The first offset.
    pub offset: Offset,
    /// Bytes at the most.
    pub bytes_max: u64,
    /// The leader epoch that it believes in (KIP-320).
    pub current_epoch: Option<LeaderEpoch>,
    /// The epoch of the last record that it has; asks for the divergence check (KIP-595).
    pub last_epoch: Option<LeaderEpoch>,
    /// A follower's log start.
    pub log_start: Offset,
}

/// What a fetcher was last told of one partition; −1 before the first time, so that the first answer differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// The high watermark.
    pub high_watermark: Offset,
    /// The log start.
    pub log_start: Offset,
}

impl Told {
    /// Nothing yet.
    pub const NOTHING: Told = Told { high_watermark: Offset(-1), log_start: Offset(-1) };
}

#[derive(Clone, Copy, Debug)]
struct Cached {
    asked: Asked,
    told: Told,
    /// Its place in the order of service; larger is later.
    turn: u64,
}

/// One fetcher's session.
#[derive(Debug)]
pub struct Session {
    /// Its id, never zero.
    pub id: i32,
    /// The epoch that the next request must carry.
    pub epoch: i32,
    /// True for a follower's: such sessions push out those of consumers.
    pub privileged: bool,
    /// True if topics are named by id.
    pub uses_ids: bool,
    /// When it began.
    pub created: Mono,
    /// When it was last used.
    pub used: Mono,
    partitions: BTreeMap<(TopicKey, i32), Cached>,
    order: BTreeMap<u64, (TopicKey, i32)>,
    turns: u64,
}

/// The epoch after this one: from the largest back to 1, since 0 begins a session.
pub const fn next_epoch(epoch: i32) -> i32 {
    if epoch == i32::MAX { 1 } else { epoch + 1 }
}

impl Session {
    /// A session that was just granted, over these partitions and what they were told.
    pub fn new(
        id: i32,
        privileged: bool,
        uses_ids: bool,
        now: Mono,
        all: impl IntoIterator<Item = (TopicKey, i32, Asked, Told)>,
    ) -> Session {
        let mut session = Session {
            id,
            epoch: 1,
            privileged,
            uses_ids,
            created: now,
            used: now,
            partitions: BTreeMap::new(),
            order: BTreeMap::new(),
            turns: 0,
        };
        for (topic, partition, asked, told) in all {
            session.ask(topic, partition, asked);
            session.partitions.get_mut(&session.order[&session.turns].clone()).expect("it was asked for above").told = told;
        }
        session
    }

    /// Adds a partition, or changes what is wanted of it.
    pub fn ask(&mut self, topic: TopicKey, partition: i32, asked: Asked) {
        let key = (topic, partition);
        if let Some(cached) = self.partitions.get_mut(&key) {
            cached.asked = asked;
            return;
        }
        self.turns += 1;
        self.order.insert(self.turns, key.clone());
        self.partitions.insert(key, Cached { asked, told: Told::NOTHING, turn: self.turns });
    }

    /// Takes a partition out.
    pub fn forget(&mut self, topic: &TopicKey, partition: i32) {
        if let Some(cached) = self.partitions.remove(&(topic.clone(), partition)) {
            self.order.remove(&cached.turn);
        }
    }

    /// What is to be read, in the order of service.
    pub fn wanted(&self) -> VecDeque<(TopicKey, i32, Asked)> {
        self.order.values().map(|key| (key.0.clone(), key.1, self.partitions[key].asked)).collect()
    }

    /// What was last told of a partition.
    pub fn told(&self, topic: &TopicKey, partition: i32) -> Option<Told> {
        self.partitions.get(&(topic.clone(), partition)).map(|c| c.told)
    }

    /// Remembers what is told of a partition; one that got records goes to the end of the order, so that the others come first next time.
    pub fn tell(&mut self, topic: &TopicKey, partition: i32, told: Told, got_records: bool) {
        let key = (topic.clone(), partition);
        let Some(cached) = self.partitions.get_mut(&key) else { return };
        cached.told = told;
        if got_records {
            self.order.remove(&cached.turn);
            self.turns += 1;
            cached.turn = self.turns;
            self.order.insert(self.turns, key);
        }
    }

    /// How many partitions it has.
    pub fn len(&self) -> usize {
        self.partitions.len()
    }

    /// True if it has none left.
    pub fn is_empty(&self) -> bool {
        self.partitions.is_empty()
    }

    /// The two indexes agree.
    pub fn check(&self) {
        assert_eq!(self.order.len(), self.partitions.len(), "session {}: turns and partitions", self.id);
        assert!(self.epoch > 0, "session {}: epoch {}", self.id, self.epoch);
    }
}
