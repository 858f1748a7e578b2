//! Timers of one machine: set, cancel, take what is due; the earliest is known at once.

use std::collections::BTreeMap;

use crate::Mono;

/// Alarms in the order in which they ring; ties ring in the order in which they were set.
///
/// [`Timers::earliest`] is O(1), setting and cancelling are O(log n).
#[derive(Clone, Debug)]
pub struct Timers<T> {
    alarms: BTreeMap<(Mono, u64), T>,
    earliest: Option<Mono>,
    set: u64,
}

/// What cancels an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimerId {
    at: Mono,
    set: u64,
}

impl<T> Default for Timers<T> {
    fn default() -> Self {
        Timers { alarms: BTreeMap::new(), earliest: None, set: 0 }
    }
}

impl<T> Timers<T> {
    /// Rings `what` at `at` or later.
    pub fn set(&mut self, at: Mono, what: T) -> TimerId {
        self.set += 1;
        self.alarms.insert((at, self.set), what);
        self.earliest = Some(self.earliest.map_or(at, |e| e.min(at)));
        TimerId { at, set: self.set }
    }

    /// Takes an alarm back; `None` if it rang already.
    pub fn cancel(&mut self, id: TimerId) -> Option<T> {
        let what = self.alarms.remove(&(id.at, id.set));
        self.find_earliest();
        what
    }

    /// The next alarm that is due, if any: call until it says `None`.
    pub fn pop_due(&mut self, now: Mono) -> Option<T> {
        if self.earliest.is_none_or(|at| at > now) {
            return None;
        }
        let (_, what) = self.alarms.pop_first().expect("an earliest alarm is kept only while there is one");
        self.find_earliest();
        Some(what)
    }

    /// When the next alarm rings.
    pub const fn earliest(&self) -> Option<Mono> {
        self.earliest
    }

    /// How many alarms are set.
    pub fn len(&self) -> usize {
        self.alarms.len()
    }

    /// True if none is set.
    pub fn is_empty(&self) -> bool {
        self.alarms.is_empty()
    }

    fn find_earliest(&mut self) {
        self.earliest = self.alarms.first_key_value().map(|(&(at, _), _)| at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alarms_ring_in_order_and_ties_in_the_order_of_setting() {
        let mut timers = Timers::default();
        timers.set(Mono(20), 'c');
        timers.set(Mono(10), 'a');
        let b = timers.set(Mono(15), 'x');
        timers.set(Mono(20), 'd');
        assert_eq!(timers.cancel(b), Some('x'));
        assert_eq!(timers.earliest(), Some(Mono(10)));
        assert_eq!(timers.pop_due(Mono(9)), None);
        let rung: String = std::iter::from_fn(|| timers.pop_due(Mono(20))).collect();
        assert_eq!(rung, "acd");
        assert_eq!(timers.cancel(b), None);
    }
}
