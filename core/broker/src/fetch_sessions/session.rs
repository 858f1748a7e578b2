//! One fetch session: the partitions that a fetcher reads, in the order of service, and what it was last told of each.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
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

/// A partition that is to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Its topic, as the fetcher names it.
    pub topic: TopicKey,
    /// The name of a topic that is named by id, if the id was known when it was asked for or at a fetch since. It stays when the topic goes, as in Kafka: a
    /// fetcher that knew it is told other things than one that never did.
    pub name: Option<Arc<str>>,
    /// The partition.
    pub partition: i32,
    /// What is wanted of it.
    pub asked: Asked,
}

impl Wanted {
    /// A partition that a request asks for.
    pub fn new(topic: TopicKey, partition: i32, asked: Asked, name_of: impl Fn(Uuid) -> Option<Arc<str>>) -> Wanted {
        Wanted { name: resolved(&topic, name_of), topic, partition, asked }
    }
}

fn resolved(topic: &TopicKey, name_of: impl Fn(Uuid) -> Option<Arc<str>>) -> Option<Arc<str>> {
    match topic {
        TopicKey::Name(_) => None,
        TopicKey::Id(id) => name_of(*id),
    }
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

#[derive(Clone, Debug)]
struct Cached {
    name: Option<Arc<str>>,
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
    pub fn new(id: i32, privileged: bool, uses_ids: bool, now: Mono, all: impl IntoIterator<Item = (Wanted, Told)>) -> Session {
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
        for (wanted, told) in all {
            *session.ask(wanted) = told;
        }
        session
    }

    /// Adds a partition, or changes what is wanted of it.
    pub fn ask(&mut self, wanted: Wanted) -> &mut Told {
        let Wanted { topic, name, partition, asked } = wanted;
        let key = (topic, partition);
        match self.partitions.entry(key) {
            Entry::Occupied(cached) => {
                let cached = cached.into_mut();
                cached.asked = asked;
                &mut cached.told
            }
            Entry::Vacant(vacant) => {
                self.turns += 1;
                self.order.insert(self.turns, vacant.key().clone());
                &mut vacant.insert(Cached { name, asked, told: Told::NOTHING, turn: self.turns }).told
            }
        }
    }

    /// Takes a partition out.
    pub fn forget(&mut self, topic: &TopicKey, partition: i32) {
        if let Some(cached) = self.partitions.remove(&(topic.clone(), partition)) {
            self.order.remove(&cached.turn);
        }
    }

    /// What is to be read, in the order of service; names that were not known are looked for again.
    pub fn wanted(&mut self, name_of: impl Fn(Uuid) -> Option<Arc<str>>) -> Vec<Wanted> {
        let mut all = Vec::with_capacity(self.order.len());
        for key in self.order.values() {
            let cached = self.partitions.get_mut(key).expect("what has a turn is there");
            if cached.name.is_none() {
                cached.name = resolved(&key.0, &name_of);
            }
            all.push(Wanted { topic: key.0.clone(), name: cached.name.clone(), partition: key.1, asked: cached.asked });
        }
        all
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
