//! One direction of a connection: what waits at the sender, what travels, what has arrived.

use std::collections::VecDeque;

use bytes::Bytes;
use odradek_log::disk::FileId;

use crate::disk::Inode;
use crate::time::Time;

/// Bytes that may be between the two processes: what both kernels buffer for a connection.
pub const WINDOW_BYTES: u64 = 1 << 20;

/// Part of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Bytes in memory.
    Bytes(Bytes),
    /// Bytes of a file of the sending node, read when they arrive: the kernel queues pages, not copies.
    File {
        /// Which node.
        node: u16,
        /// Which of its log directories.
        dir: u16,
        /// The handle by which the process sent it.
        file: FileId,
        /// The file, pinned until the piece is carried or dropped.
        inode: Inode,
        /// Position of the first byte.
        at: u64,
        /// How many bytes.
        length: u64,
        /// True if the pin is to be let go with this piece.
        last: bool,
    },
    /// A send ends here: the sender is told when it has left.
    Flush,
    /// Nothing follows.
    End,
}

impl Piece {
    /// Bytes that it is or stands for.
    pub const fn length(&self) -> u64 {
        match self {
            Piece::Bytes(bytes) => bytes.len() as u64,
            Piece::File { length, .. } => *length,
            Piece::Flush | Piece::End => 0,
        }
    }

    /// Cuts off the first bytes; what stays is the rest.
    fn split_to(&mut self, first: u64) -> Piece {
        match self {
            Piece::Bytes(bytes) => Piece::Bytes(bytes.split_to(first as usize)),
            Piece::File { node, dir, file, inode, at, length, .. } => {
                let head = Piece::File { node: *node, dir: *dir, file: *file, inode: *inode, at: *at, length: first, last: false };
                *at += first;
                *length -= first;
                head
            }
            Piece::Flush | Piece::End => unreachable!("what has no length is never split"),
        }
    }
}

/// One direction of a connection.
#[derive(Debug, Default)]
pub struct Pipe {
    unsent: VecDeque<Piece>,
    travelling: VecDeque<(Time, Piece)>,
    /// Bytes that left the sender and that the reader's consumption has not given back.
    in_window: u64,
    /// Consumed while acknowledgments could not pass.
    unacknowledged: u64,
    last_at: Time,
    flushed: u32,
    carried: u64,
    held: bool,
    /// True if something is due that a cut keeps back.
    pub(super) stuck: bool,
}

/// Pieces travel in segments of at most this many bytes, so that a long response arrives bit by bit.
const SEGMENT_BYTES: u64 = 64 * 1024;

impl Pipe {
    pub(super) fn queue(&mut self, pieces: impl IntoIterator<Item = Piece>) {
        self.unsent.extend(pieces);
    }

    /// Nothing arrives before this.
    pub(super) fn not_before(&mut self, at: Time) {
        self.last_at = self.last_at.max(at);
    }

    /// How many bytes of the next piece may travel; ends of sends that have left are counted on the way.
    pub(super) fn next_to_travel(&mut self) -> Option<u64> {
        if self.held {
            return None;
        }
        while self.unsent.front() == Some(&Piece::Flush) {
            self.unsent.pop_front();
            self.flushed += 1;
        }
        let piece = self.unsent.front()?;
        let room = WINDOW_BYTES - self.in_window;
        match piece.length().min(room).min(SEGMENT_BYTES) {
            0 if piece.length() > 0 => None,
            bytes => Some(bytes),
        }
    }

    /// Sends the next piece on its way; says when it arrives.
    pub(super) fn travel(&mut self, at: Time, takes_ns: u64) -> Time {
        let first = self.unsent.front_mut().expect("the caller asked what may travel");
        let bytes = first.length().min(WINDOW_BYTES - self.in_window).min(SEGMENT_BYTES);
        let piece = if bytes < first.length() { first.split_to(bytes) } else { self.unsent.pop_front().expect("it was just there") };
        self.last_at = self.last_at.max(at) + takes_ns;
        self.in_window += bytes;
        self.carried += 1;
        self.travelling.push_back((self.last_at, piece));
        assert!(self.in_window <= WINDOW_BYTES, "{} bytes travel in a window of {WINDOW_BYTES}", self.in_window);
        self.last_at
    }

    pub(super) fn take_arrived(&mut self, now: Time) -> Option<Piece> {
        self.travelling.pop_front_if(|(at, _)| *at <= now).map(|(_, piece)| piece)
    }

    pub(super) fn consume(&mut self, bytes: u64, acks_are_cut: bool) {
        self.unacknowledged += bytes;
        if !acks_are_cut {
            self.acknowledge();
        }
    }

    /// What was consumed is acknowledged; true if that opens the window.
    pub(super) fn acknowledge(&mut self) -> bool {
        let bytes = std::mem::take(&mut self.unacknowledged);
        self.in_window = self.in_window.saturating_sub(bytes); // a reset may have emptied the window meanwhile
        bytes > 0
    }

    pub(super) fn take_flushed(&mut self) -> u32 {
        std::mem::take(&mut self.flushed)
    }

    /// Holds what is sent from here on, or lets it pass; true if anything waits.
    pub(super) fn hold(&mut self, held: bool) -> bool {
        self.held = held;
        !self.unsent.is_empty()
    }

    pub(super) fn has_left(&self) -> bool {
        self.unsent.is_empty()
    }

    pub(super) const fn carried(&self) -> u64 {
        self.carried
    }

    pub(super) fn is_empty(&self) -> bool {
        self.unsent.is_empty() && self.travelling.is_empty()
    }

    pub(super) fn drain_unsent(&mut self) -> Vec<Piece> {
        self.unsent.drain(..).collect()
    }

    pub(super) fn drain(&mut self) -> Vec<Piece> {
        (self.in_window, self.unacknowledged) = (0, 0);
        self.travelling.drain(..).map(|(_, piece)| piece).chain(self.unsent.drain(..)).collect()
    }
}
