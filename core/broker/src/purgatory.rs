//! Requests that wait: each is woken by what it waits for, or by its time, and by nothing else (KIP-28's purgatory by its old name).
//!
//! A parked request waits *for an offset* of a partition (a Produce: the high watermark must reach the end of what it appended) or *for news* of a
//! partition (a Fetch: more became visible, or leadership changed). Waking a produce costs what it wakes; no step walks all that wait.

use std::collections::BTreeSet;

use odradek_machine::{Map, Mono, TimerId, Timers};
use odradek_wire::ids::Offset;

use crate::partition::PartitionId;
use crate::sessions::RequestKey;

/// Which end of a partition a request waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum End {
    /// What is in the file: `acks=0`, which answers nothing but keeps its memory counted until then.
    Written,
    /// What is durable on this node: `acks=1`.
    Durable,
    /// What is committed: `acks=all`.
    Committed,
}

/// What a request waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WaitsFor {
    /// An end of a partition to reach an offset.
    Offset(PartitionId, End, Offset),
    /// Anything new that can be read of a partition.
    News(PartitionId),
}

#[derive(Debug)]
struct Parked {
    waits: Vec<WaitsFor>,
    timer: Option<TimerId>,
}

/// Everything that waits.
#[derive(Debug, Default)]
pub struct Purgatory {
    parked: Map<RequestKey, Parked>,
    by_offset: Map<(PartitionId, End), BTreeSet<(Offset, RequestKey)>>,
    by_news: Map<PartitionId, BTreeSet<RequestKey>>,
    timers: Timers<RequestKey>,
}

impl Purgatory {
    /// Parks a request until everything in `waits` was woken by its handler's judgement, or `until`. A request may be parked again with other waits.
    pub fn park(&mut self, key: RequestKey, mut waits: Vec<WaitsFor>, until: Option<Mono>) {
        self.remove(key);
        waits.sort_unstable();
        waits.dedup();
        for wait in &waits {
            self.remember(key, *wait);
        }
        let timer = until.map(|at| self.timers.set(at, key));
        self.parked.insert(key, Parked { waits, timer });
    }

    /// A parked request waits for one thing more.
    pub fn also(&mut self, key: RequestKey, wait: WaitsFor) {
        let Some(parked) = self.parked.get_mut(&key) else { return };
        if parked.waits.contains(&wait) {
            return;
        }
        parked.waits.push(wait);
        self.remember(key, wait);
    }

    /// Lets go of a request: it is answered, or its connection is gone.
    pub fn remove(&mut self, key: RequestKey) {
        let Some(parked) = self.parked.remove(&key) else { return };
        if let Some(timer) = parked.timer {
            self.timers.cancel(timer);
        }
        for wait in parked.waits {
            self.forget(key, wait);
        }
    }

    /// An end of a partition moved: gives who waited for an offset up to it, in the order of the offsets; they no longer wait for that.
    pub fn reached(&mut self, partition: PartitionId, end: End, at: Offset, woken: &mut Vec<(RequestKey, Offset)>) {
        let Some(waiting) = self.by_offset.get_mut(&(partition, end)) else { return };
        while let Some((offset, key)) = waiting.pop_first() {
            if offset > at {
                waiting.insert((offset, key));
                break;
            }
            let parked = self.parked.get_mut(&key).expect("who waits is parked");
            parked.waits.retain(|w| *w != WaitsFor::Offset(partition, end, offset));
            woken.push((key, offset));
        }
        if waiting.is_empty() {
            self.by_offset.remove(&(partition, end));
        }
    }

    /// Everyone who waits for an offset of a partition, by key: its leadership ended, or its log failed.
    pub fn waiting_for(&self, partition: PartitionId) -> Vec<RequestKey> {
        let ends = [End::Written, End::Durable, End::Committed];
        let waiting = ends.iter().filter_map(|&end| self.by_offset.get(&(partition, end)));
        let keys: BTreeSet<RequestKey> = waiting.flatten().map(|&(_, key)| key).collect();
        keys.into_iter().collect()
    }

    /// Everyone who waits for news of a partition, by key. They stay parked until they are answered.
    pub fn curious(&self, partition: PartitionId) -> Vec<RequestKey> {
        self.by_news.get(&partition).map(|w| w.iter().copied().collect()).unwrap_or_default()
    }

    /// The next request whose time is over; it stays parked until it is answered, but rings no more.
    pub fn expired(&mut self, now: Mono) -> Option<RequestKey> {
        let key = self.timers.pop_due(now)?;
        self.parked.get_mut(&key).expect("an alarm is cancelled with its request").timer = None;
        Some(key)
    }

    /// True if the request is parked.
    pub fn holds(&self, key: RequestKey) -> bool {
        self.parked.contains_key(&key)
    }

    /// When the next time is over.
    pub const fn earliest(&self) -> Option<Mono> {
        self.timers.earliest()
    }

    /// How many requests wait.
    pub fn len(&self) -> usize {
        self.parked.len()
    }

    /// True if none waits.
    #[cfg(test)]
    pub fn is_empty(&self) -> bool {
        self.parked.is_empty()
    }

    /// Both sides of the index agree in number, and every alarm has its request.
    pub fn check(&self) {
        let indexed: usize = self.by_offset.values_unordered().map(BTreeSet::len).sum::<usize>()
            + self.by_news.values_unordered().map(BTreeSet::len).sum::<usize>();
        let distinct: usize = self.parked.values_unordered().map(|p| p.waits.len()).sum();
        assert_eq!(indexed, distinct, "waits in the index and waits of requests");
        let timers = self.parked.values_unordered().filter(|p| p.timer.is_some()).count();
        assert_eq!(timers, self.timers.len(), "alarms and requests that have one");
    }

    fn remember(&mut self, key: RequestKey, wait: WaitsFor) {
        match wait {
            WaitsFor::Offset(partition, end, offset) => {
                self.by_offset.entry((partition, end)).or_default().insert((offset, key));
            }
            WaitsFor::News(partition) => {
                self.by_news.entry(partition).or_default().insert(key);
            }
        }
    }

    fn forget(&mut self, key: RequestKey, wait: WaitsFor) {
        match wait {
            WaitsFor::Offset(partition, end, offset) => {
                if let Some(waiting) = self.by_offset.get_mut(&(partition, end)) {
                    waiting.remove(&(offset, key));
                    if waiting.is_empty() {
                        self.by_offset.remove(&(partition, end));
                    }
                }
            }
            WaitsFor::News(partition) => {
                if let Some(waiting) = self.by_news.get_mut(&partition) {
                    waiting.remove(&key);
                    if waiting.is_empty() {
                        self.by_news.remove(&partition);
                    }
                }
            }
        }
    }
}
