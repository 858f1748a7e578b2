//! The ends of a log, and the writes between them.

use std::collections::VecDeque;

use odradek_wire::ids::Offset;

use crate::output::Token;

/// From log start to log end.
#[derive(Clone, Debug)]
pub(super) struct Ends {
    /// The first offset that may be read.
    pub(super) start: Offset,
    /// The next offset to be assigned.
    pub(super) end: Offset,
    /// Everything below is in its file.
    pub(super) written: Offset,
    /// Everything below is durable.
    pub(super) synced: Offset,
    /// As the partition said last.
    pub(super) high_watermark: Offset,
    /// Where the written end lies: the segment by base offset, and the position in it.
    pub(super) written_at: (Offset, u64),
    /// Writes under way, oldest first. Those of different files finish in any order.
    writes: VecDeque<Write>,
}

#[derive(Clone, Copy, Debug)]
struct Write {
    token: Token,
    end: Offset,
    at: (Offset, u64),
    done: bool,
}

impl Ends {
    pub(super) fn new(start: Offset, end: Offset) -> Ends {
        Ends { start, end, written: end, synced: end, high_watermark: start, written_at: (start, 0), writes: VecDeque::new() }
    }

    /// A batch was given its offsets and handed to the disk; `at` is where it ends.
    pub(super) fn appended(&mut self, token: Token, end: Offset, at: (Offset, u64)) {
        assert!(end > self.end, "an append ends at {end:?}, the log at {:?}", self.end);
        self.end = end;
        self.writes.push_back(Write { token, end, at, done: false });
    }

    /// A write finished well: the written end moves over all that have.
    pub(super) fn wrote(&mut self, token: Token) {
        if let Ok(i) = self.writes.binary_search_by(|w| w.token.cmp(&token)) {
            self.writes[i].done = true;
        }
        while let Some(w) = self.writes.pop_front_if(|w| w.done) {
            // A truncation may have taken back what this write was for.
            if w.end > self.written {
                (self.written, self.written_at) = (w.end, w.at);
            }
        }
    }

    /// Everything from `to` on is gone, which lies at `at`.
    pub(super) fn cut(&mut self, to: Offset, at: (Offset, u64)) {
        self.end = self.end.min(to);
        self.written = self.written.min(to);
        self.synced = self.synced.min(to);
        self.high_watermark = self.high_watermark.min(to);
        if self.written == to {
            self.written_at = at;
        }
        for w in self.writes.iter_mut().filter(|w| w.end > to) {
            (w.end, w.at) = (to, at);
        }
    }

    pub(super) fn check(&self) {
        assert!(self.synced <= self.written, "synced {:?} beyond what is written {:?}", self.synced, self.written);
        assert!(self.written <= self.end, "written {:?} beyond the log end {:?}", self.written, self.end);
        assert!(self.start <= self.end, "log start {:?} beyond the log end {:?}", self.start, self.end);
        assert!(self.high_watermark <= self.end, "high watermark {:?} beyond the log end {:?}", self.high_watermark, self.end);
        assert!(
            !self.writes.is_empty() || self.written == self.end,
            "written {:?} of {:?}, and no write is under way",
            self.written,
            self.end
        );
    }
}
