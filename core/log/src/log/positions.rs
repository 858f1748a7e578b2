//! Where batches lie, as far as memory knows: the newest of a log, and those that cold reads found.

use std::collections::VecDeque;

use odradek_wire::ids::Offset;

/// How many of the newest batches are remembered at least.
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
    /// Oldest finding first, each with the offset that it was found for, which may lie in a gap before it.
    found: VecDeque<(Offset, At)>,
}

impl Positions {
    /// The newest batch. Those that are not below `written` stay, since no disk can be asked for them.
    pub(super) fn push(&mut self, at: At, written: Offset) {
        while self.newest.len() >= NEWEST && self.newest[0].last < written {
            self.newest.pop_front();
        }
        self.newest.push_back(at);
    }

    /// The batch that holds `asked` was found on disk, or the first one after it.
    pub(super) fn found(&mut self, asked: Offset, at: At) {
        if self.found.len() == FOUND {
            self.found.pop_front();
        }
        self.found.push_back((asked.min(at.base), at));
    }

    /// The batch that holds `offset`, or the first one after it.
    pub(super) fn holds(&self, offset: Offset) -> Option<At> {
        let i = self.newest.partition_point(|b| b.last < offset);
        let newest = self.newest.get(i).filter(|b| i > 0 || b.base <= offset);
        let found = || self.found.iter().find(|(from, b)| *from <= offset && offset <= b.last).map(|(_, b)| b);
        newest.or_else(found).copied()
    }

    /// Forgets what lies at or beyond `to`.
    pub(super) fn cut(&mut self, to: Offset) {
        self.newest.retain(|b| b.last < to);
        self.found.retain(|(_, b)| b.last < to);
    }

    /// Forgets what lies below `start`.
    pub(super) fn cut_start(&mut self, start: Offset) {
        self.newest.retain(|b| b.last >= start);
        self.found.retain(|(_, b)| b.last >= start);
    }
}
