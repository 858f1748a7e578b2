//! Every fetch session of a node, a bounded number of them.

use std::collections::{BTreeMap, BTreeSet};

use odradek_cluster::config::StaticConfig;
use odradek_machine::{Mono, Seed};

use super::session::{Session, Told, Wanted};

/// How many sessions there may be, and how long each is safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheLimits {
    /// `max.incremental.fetch.session.cache.slots`.
    pub slots: usize,
    /// A session that was not used for so long may be pushed out by any other; a younger one only by a privileged one.
    pub safe_ms: u64,
}

impl CacheLimits {
    /// What the configuration says. How long a session is safe cannot be set, as in Kafka.
    pub fn of(config: &StaticConfig) -> CacheLimits {
        let slots = usize::try_from(config.long("max.incremental.fetch.session.cache.slots")).unwrap_or(0);
        CacheLimits { slots, safe_ms: 120_000 }
    }
}

/// All sessions, and who goes first when there are too many.
#[derive(Debug)]
pub struct Cache {
    limits: CacheLimits,
    seed: Seed,
    drawn: u64,
    sessions: BTreeMap<i32, Session>,
    by_use: BTreeSet<(Mono, i32)>,
    partitions: usize,
    evictions: u64,
}

impl Cache {
    /// No sessions; ids are draws from `seed`.
    pub fn new(limits: CacheLimits, seed: Seed) -> Cache {
        Cache { limits, seed, drawn: 0, sessions: BTreeMap::new(), by_use: BTreeSet::new(), partitions: 0, evictions: 0 }
    }

    /// A session by its id.
    pub fn get(&self, id: i32) -> Option<&Session> {
        self.sessions.get(&id)
    }

    /// Changes a session, which counts as a use.
    pub fn with<T>(&mut self, now: Mono, id: i32, change: impl FnOnce(&mut Session) -> T) -> Option<T> {
        let session = self.sessions.get_mut(&id)?;
        self.by_use.remove(&(session.used, id));
        self.partitions -= session.len();
        let result = change(session);
        session.used = now;
        self.partitions += session.len();
        self.by_use.insert((now, id));
        Some(result)
    }

    /// Ends a session.
    pub fn remove(&mut self, id: i32) -> bool {
        let Some(session) = self.sessions.remove(&id) else { return false };
        self.by_use.remove(&(session.used, id));
        self.partitions -= session.len();
        true
    }

    /// Begins a session if there is room, or if another may be pushed out; `None`: the fetcher goes on without one.
    pub fn create(&mut self, now: Mono, privileged: bool, uses_ids: bool, partitions: Vec<(Wanted, Told)>) -> Option<i32> {
        if self.sessions.len() >= self.limits.slots {
            let goes = self.who_goes(now, privileged, partitions.len())?;
            self.remove(goes);
            self.evictions += 1;
        }
        let id = self.draw();
        let session = Session::new(id, privileged, uses_ids, now, partitions);
        self.partitions += session.len();
        self.by_use.insert((now, id));
        self.sessions.insert(id, session);
        Some(id)
    }

    /// How many sessions there are, how many partitions they hold, and how many were pushed out.
    pub fn counts(&self) -> (usize, usize, u64) {
        (self.sessions.len(), self.partitions, self.evictions)
    }

    /// Never more than there are slots; the counts are the sums.
    pub fn check(&self) {
        assert!(self.sessions.len() <= self.limits.slots, "{} sessions in {} slots", self.sessions.len(), self.limits.slots);
        assert_eq!(self.by_use.len(), self.sessions.len(), "the index by use and the sessions");
        assert_eq!(self.partitions, self.sessions.values().map(Session::len).sum::<usize>(), "partitions and their sum");
        self.sessions.values().for_each(Session::check);
    }

    /// KIP-227: the least recently used if it was not used for long; else the smallest of those that are not safe from the newcomer, if it is smaller.
    fn who_goes(&self, now: Mono, privileged: bool, size: usize) -> Option<i32> {
        let &(used, oldest) = self.by_use.first()?;
        if used.plus_ms(self.limits.safe_ms) < now {
            return Some(oldest);
        }
        let may_go = |s: &&Session| s.created.plus_ms(self.limits.safe_ms) < now || privileged && !s.privileged;
        let rank = |s: &Session| (s.privileged, s.len(), s.id);
        let smallest = self.sessions.values().filter(may_go).min_by_key(|s| rank(s))?;
        ((smallest.privileged, smallest.len()) < (privileged, size)).then_some(smallest.id)
    }

    fn draw(&mut self) -> i32 {
        loop {
            self.drawn += 1;
            let id = (self.seed.number(self.drawn).u64() & 0x7fff_ffff) as i32;
            if id != 0 && !self.sessions.contains_key(&id) {
                return id;
            }
        }
    }
}
