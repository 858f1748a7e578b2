//! The event queue: what happens next, ties drawn by weather.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::time::Time;

/// Events in the order of their time; the heap moves keys of sixteen bytes, the events stay where they are.
#[derive(Debug)]
pub struct Queue<E> {
    heap: BinaryHeap<Reverse<Key>>,
    slab: Vec<Option<E>>,
    free: Vec<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    at: Time,
    tie: u32,
    slot: u32,
}

impl<E> Default for Queue<E> {
    fn default() -> Self {
        Queue { heap: BinaryHeap::new(), slab: Vec::new(), free: Vec::new() }
    }
}

impl<E> Queue<E> {
    /// Lets an event happen at a time; among those of one time the lowest tie goes first.
    pub fn push(&mut self, at: Time, tie: u32, event: E) {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slab.push(None);
            u32::try_from(self.slab.len() - 1).expect("fewer than four billion events wait")
        });
        self.slab[slot as usize] = Some(event);
        self.heap.push(Reverse(Key { at, tie, slot }));
    }

    /// The next event and its time.
    pub fn pop(&mut self) -> Option<(Time, E)> {
        let Reverse(key) = self.heap.pop()?;
        let event = self.slab[key.slot as usize].take().expect("each key has its event");
        self.free.push(key.slot);
        Some((key.at, event))
    }

    /// When the next event happens.
    pub fn next_at(&self) -> Option<Time> {
        self.heap.peek().map(|Reverse(key)| key.at)
    }

    /// How many events wait.
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// True if none waits.
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_by_time_then_tie_and_slots_are_used_again() {
        let mut queue = Queue::default();
        for (at, tie, event) in [(5, 1, 'c'), (5, 0, 'b'), (3, 9, 'a'), (8, 0, 'd')] {
            queue.push(Time(at), tie, event);
        }
        assert_eq!(queue.next_at(), Some(Time(3)));
        let order: String = std::iter::from_fn(|| queue.pop().map(|(_, event)| event)).collect();
        assert_eq!(order, "abcd");
        queue.push(Time(1), 0, 'e');
        assert_eq!((queue.len(), queue.slab.len()), (1, 4));
    }
}
