//! Where batches lie, as far as memory knows: the newest of a log, and those that cold reads found.

use std::collections::VecDeque;

use odradek_wire::ids::Offset;

/// How many of the newest batches are remembered.
const NEWEST: usize = 128;
/// How many cold positions are remembered.
const FOUND: usize = 64;

/// Where one batch lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct At {
    pub(super) base: Offset,
    pub(super) last: Offset,
    /// Position in its segment.
    pub(super) at: u64,
    pub(super) length: u64,
}

/// The positions that need no disk.
#[derive(Clone, Debug, Default)]
pub(super) struct Positions {
    /// Contiguous and ascending, ends with the newest batch.
    newest: VecDeque<At>,
    /// Oldest finding first.
    found: VecDeque<At>,
}

impl Positions {
    pub(super) fn push(&mut self, at: At) {
        if self.newest.len() == NEWEST {
            self.newest.pop_front();
        }
        self.newest.push_back(at);
    }

    pub(super) fn found(&mut self, at: At) {
        if self.found.len() == FOUND {
            self.found.pop_front();
        }
        self.found.push_back(at);
    }

    /// The batch that holds `offset`, or the first one after it.
    pub(super) fn holds(&self, offset: Offset) -> Option<At> {
        let i = self.newest.partition_point(|b| b.last < offset);
        let newest = self.newest.get(i).filter(|b| i > 0 || b.base <= offset);
        newest.or_else(|| self.found.iter().find(|b| b.base <= offset && offset <= b.last)).copied()
    }

    /// Forgets what lies at or beyond `to`.
    pub(super) fn cut(&mut self, to: Offset) {
        self.newest.retain(|b| b.last < to);
        self.found.retain(|b| b.last < to);
    }

    /// Forgets what lies below `start`.
    pub(super) fn cut_start(&mut self, start: Offset) {
        self.newest.retain(|b| b.last >= start);
        self.found.retain(|b| b.last >= start);
    }
}
