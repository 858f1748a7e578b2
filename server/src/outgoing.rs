//! The way of responses out of a connection: bytes with one gathered write, log ranges by `sendfile`.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use odradek_log::disk::FileRange;
use rustix::io::{Errno, ReadWriteFlags};
use rustix::net::SendFlags;
use tokio::io::Interest;
use tokio::net::TcpStream;

use crate::counters::Counters;

/// The most that one `sendfile` may move before others have their turn.
const SENDFILE_BYTES_MAX: u64 = 1 << 20;

/// A piece of a response, with its file at hand.
pub enum Piece {
    /// Bytes in memory.
    Bytes(Bytes),
    /// A range of a log file.
    File {
        /// The file, open as long as this piece lives.
        file: Arc<File>,
        /// What is left of it, as the node knows it.
        range: FileRange,
    },
    /// The end of one response: the node is told that it left.
    End,
}

/// What waits to leave on one connection.
#[derive(Default)]
pub struct Outgoing {
    pieces: VecDeque<Piece>,
}

/// What one attempt to send came to.
pub enum Sent {
    /// This many responses left whole; call again while there is more.
    Progress {
        /// Responses whose last byte went to the kernel.
        responses: usize,
    },
    /// The head is a range whose pages are not in memory: have them read first, away from the loop.
    Cold {
        /// The file.
        file: Arc<File>,
        /// Position of the first byte.
        at: u64,
        /// Bytes.
        length: u64,
    },
    /// The head is a range that its file does not give.
    Unreadable {
        /// What is left of it.
        range: FileRange,
        /// What the system said.
        says: String,
    },
}

impl Outgoing {
    /// Adds a piece.
    pub fn push(&mut self, piece: Piece) {
        let empty = match &piece {
            Piece::Bytes(bytes) => bytes.is_empty(),
            Piece::File { range, .. } => range.length == 0,
            Piece::End => false,
        };
        if !empty {
            self.pieces.push_back(piece);
        }
    }

    /// True if nothing waits.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Sends what the socket takes now. `warm` says that the head's pages were just read.
    ///
    /// # Errors
    /// `WouldBlock` if the socket is full, else what ended the connection.
    pub fn send(&mut self, stream: &TcpStream, warm: bool, counters: &Counters) -> io::Result<Sent> {
        if let Some(Piece::File { file, range }) = self.pieces.front_mut() {
            if !warm && !in_memory(file, range.at, range.length) {
                counters.cold_ranges.add(1);
                return Ok(Sent::Cold { file: Arc::clone(file), at: range.at, length: range.length });
            }
            let asked = usize::try_from(range.length.min(SENDFILE_BYTES_MAX)).expect("a mebibyte fits");
            let sent = stream.try_io(Interest::WRITABLE, || Ok(rustix::fs::sendfile(stream, &**file, Some(&mut range.at), asked)?));
            let moved = match sent {
                Ok(0) => return Ok(Sent::Unreadable { range: *range, says: "the file ends before it".to_owned() }),
                Err(error) if is_of_the_file(&error) => return Ok(Sent::Unreadable { range: *range, says: error.to_string() }),
                sent => sent?,
            };
            counters.sendfiles.add(1);
            counters.sendfile_bytes.add(moved as u64);
            range.length -= moved as u64;
        } else {
            let moved = stream.try_io(Interest::WRITABLE, || self.send_bytes(stream))?;
            counters.sends.add(1);
            counters.sent_bytes.add(moved as u64);
            self.advance(moved);
        }
        Ok(Sent::Progress { responses: self.take_ends() })
    }

    fn send_bytes(&self, stream: &TcpStream) -> io::Result<usize> {
        let mut slices: Vec<io::IoSlice<'_>> = Vec::with_capacity(16);
        let mut more = false;
        for piece in &self.pieces {
            match piece {
                Piece::Bytes(bytes) if slices.len() < 64 => slices.push(io::IoSlice::new(bytes)),
                Piece::End => {}
                Piece::Bytes(_) | Piece::File { .. } => {
                    more = true;
                    break;
                }
            }
        }
        if slices.is_empty() {
            return Ok(0);
        }
        let flags = if more { SendFlags::MORE | SendFlags::NOSIGNAL } else { SendFlags::NOSIGNAL };
        Ok(rustix::net::sendmsg(stream, &slices, &mut rustix::net::SendAncillaryBuffer::default(), flags)?)
    }

    fn advance(&mut self, mut moved: usize) {
        for piece in &mut self.pieces {
            match piece {
                Piece::Bytes(bytes) => {
                    let step = moved.min(bytes.len());
                    bytes.advance(step);
                    moved -= step;
                }
                Piece::End => {}
                Piece::File { .. } => break,
            }
            if moved == 0 {
                break;
            }
        }
        assert_eq!(moved, 0, "the socket took bytes that nobody gave it");
    }

    /// Drops what is spent from the head; counts the responses that ended.
    fn take_ends(&mut self) -> usize {
        let mut ends = 0;
        while let Some(head) = self.pieces.front() {
            match head {
                Piece::Bytes(bytes) if bytes.is_empty() => {}
                Piece::File { range, .. } if range.length == 0 => {}
                Piece::End => ends += 1,
                Piece::Bytes(_) | Piece::File { .. } => break,
            }
            self.pieces.pop_front();
        }
        ends
    }
}

/// True if it is the file that failed, and not the socket: what a device, or the file system on it, says of what it cannot read.
fn is_of_the_file(error: &io::Error) -> bool {
    let all = [Errno::IO, Errno::NODATA, Errno::ILSEQ, Errno::REMOTEIO, Errno::BADMSG, Errno::UCLEAN];
    all.iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

/// True if the first and the last page of a range are in the page cache. A warm middle is not proved, only made likely.
fn in_memory(file: &File, at: u64, length: u64) -> bool {
    let mut byte = [0u8; 1];
    [at, at + length - 1].iter().all(|&position| {
        let read = rustix::io::preadv2(file, &mut [io::IoSliceMut::new(&mut byte)], position, ReadWriteFlags::NOWAIT);
        matches!(read, Ok(1))
    })
}

/// Brings the pages of a range into memory; runs on a helper.
pub fn warm(file: &File, at: u64, length: u64) {
    // What cannot be read here is told by `sendfile` itself.
    let _ = rustix::fs::fadvise(file, at, std::num::NonZeroU64::new(length), rustix::fs::Advice::WillNeed);
    let mut position = at;
    let mut page = [0u8; 1];
    while position < at + length {
        let _ = std::os::unix::fs::FileExt::read_at(file, &mut page, position);
        position += 128 * 1024;
    }
    let _ = std::os::unix::fs::FileExt::read_at(file, &mut page, at + length - 1);
}
