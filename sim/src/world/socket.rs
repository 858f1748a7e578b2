//! What a process has of a connection: its end of the wire, and the framer that its bytes go through.

use std::collections::VecDeque;

use bytes::{Buf, Bytes};
use odradek_machine::Seed;
use odradek_wire::frame::{FrameError, FrameEvent, FrameLimits, Framer};

use crate::net::{End, WireId};

/// One end of a connection, as its process holds it.
#[derive(Debug)]
pub struct Socket {
    /// The connection on the network.
    pub wire: WireId,
    /// Which end this is.
    pub end: End,
    framer: Framer,
    /// What the kernel has and the process has not read.
    unread: VecDeque<Bytes>,
    /// The other end closed; told when everything before is read.
    ended: bool,
    /// The process takes bytes.
    pub reading: bool,
    /// The process closed; told when everything it sent has left.
    pub closing: bool,
    /// Pieces that have left, when this end last looked.
    pub carried: u64,
}

/// What reading brought.
#[derive(Debug)]
pub enum Heard {
    /// A long frame begins.
    Announced(u32),
    /// A whole frame.
    Frame(Bytes),
    /// The stream cannot be read on.
    Broken(FrameError),
    /// The other end closed.
    Ended,
}

/// Sizes at which a read may end, drawn one time in four: anything from a byte to a full Ethernet frame's worth.
const READS: [usize; 6] = [1, 3, 7, 64, 500, 1448];

impl Socket {
    /// A socket that reads.
    pub fn new(wire: WireId, end: End, limits: FrameLimits) -> Socket {
        Socket { wire, end, framer: Framer::new(limits), unread: VecDeque::new(), ended: false, reading: true, closing: false, carried: 0 }
    }

    /// The kernel has bytes.
    pub fn arrived(&mut self, bytes: Bytes) {
        self.unread.push_back(bytes);
    }

    /// The kernel knows that nothing follows.
    pub const fn ended(&mut self) {
        self.ended = true;
    }

    /// The frame that was announced may be read.
    pub fn grant(&mut self) {
        self.framer.grant();
    }

    /// Reads as far as the process takes bytes, in pieces that the weather draws; says how many bytes it read.
    pub fn read(&mut self, draw: Seed, heard: &mut Vec<Heard>) -> u64 {
        let mut read = 0;
        let piece = if draw.one_in(4) { READS[draw.named("piece").below(READS.len() as u64) as usize] } else { usize::MAX };
        while self.reading && !self.closing && !self.framer.is_asking() {
            match self.framer.poll() {
                Ok(Some(FrameEvent::Announced { bytes })) => heard.push(Heard::Announced(bytes)),
                Ok(Some(FrameEvent::Frame(frame))) => heard.push(Heard::Frame(frame)),
                Ok(None) => match self.unread.front_mut() {
                    Some(bytes) => {
                        let now = bytes.len().min(piece);
                        self.framer.feed(&bytes[..now]);
                        bytes.advance(now);
                        read += now as u64;
                        if bytes.is_empty() {
                            self.unread.pop_front();
                        }
                    }
                    None => {
                        if std::mem::take(&mut self.ended) {
                            self.closing = true;
                            heard.push(Heard::Ended);
                        }
                        break;
                    }
                },
                Err(error) => {
                    self.closing = true;
                    heard.push(Heard::Broken(error));
                }
            }
        }
        read
    }
}
