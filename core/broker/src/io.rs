//! What crosses the border of a node: every input, every output, and nothing else.
//!
//! Order: sends, pauses and closes of one connection keep their order; operations on one file apply and complete in the order of submission;
//! everything else may be carried out in any order, or at once. Requests of one connection enter in the order of arrival.

use std::net::IpAddr;

use odradek_log::disk::{DirId, DiskAction, DiskResult, FileRange, OpId};
use odradek_machine::{Note, Notes};
use odradek_wire::prepare::{PrepareError, Prepared};
use odradek_wire::scatter::ScatterList;

use crate::work::{Work, WorkResult};

/// A connection, accepted or dialed; chosen by the host for accepted ones and by the core for dialed ones (from [`ConnectionId::DIALED`] on), never reused
/// within one life of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

impl ConnectionId {
    /// The first id of connections that the core dials.
    pub const DIALED: u64 = 1 << 63;
}

/// A configured listener, by its place in `listeners`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListenerId(pub u16);

/// A unit of work in the hands of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkId(pub u64);

/// What the host tells a node.
#[derive(Debug)]
pub enum Input {
    /// A connection was accepted, which listeners do until [`Output::PauseAccepting`]. Its reading is on until [`Output::PauseReading`].
    Opened {
        /// The connection.
        connection: ConnectionId,
        /// By which listener.
        listener: ListenerId,
        /// The peer's address; of IPv4 where it can be said so.
        ip: IpAddr,
        /// The peer's address and port or name, for logs only.
        peer: String,
    },
    /// A frame longer than [`odradek_wire::frame::UNASKED_BYTES_MAX`] begins; the host reads no further on this connection until [`Output::Grant`].
    FrameAnnounced {
        /// The connection.
        connection: ConnectionId,
        /// Bytes of the frame, without the four of its length.
        bytes: u32,
    },
    /// A whole request, prepared by [`odradek_wire::prepare::prepare`] on whatever thread.
    Request {
        /// The connection.
        connection: ConnectionId,
        /// Bytes of the frame it came in.
        frame_bytes: u32,
        /// The request, or why its frame cannot be one.
        request: Result<Prepared, PrepareError>,
    },
    /// A whole response frame on a connection that the core dialed.
    Response {
        /// The connection.
        connection: ConnectionId,
        /// The frame without its length.
        frame: bytes::Bytes,
    },
    /// Bytes came or left on this connection, with which no frame began or ended and no response left whole: its peer is there.
    Moved {
        /// The connection.
        connection: ConnectionId,
    },
    /// One [`Output::Send`] of this connection left whole, the oldest not yet reported.
    Flushed {
        /// The connection.
        connection: ConnectionId,
    },
    /// A range of an [`Output::Send`] could not be read from its file; that the connection is gone follows.
    SendFailed {
        /// The connection.
        connection: ConnectionId,
        /// What could not be read, or what was left of it.
        range: FileRange,
        /// What the system said.
        says: String,
    },
    /// The connection is gone: closed by the peer, failed, or closed as asked. Nothing more is said of it, flushes included.
    Closed {
        /// The connection.
        connection: ConnectionId,
    },
    /// An [`Output::Dial`] ended.
    Dialed {
        /// The connection.
        connection: ConnectionId,
        /// Open, or why not.
        result: Result<(), String>,
    },
    /// A disk operation finished.
    Disk {
        /// Which.
        op: OpId,
        /// How.
        result: DiskResult,
    },
    /// A unit of work finished.
    Work {
        /// Which.
        work: WorkId,
        /// With what.
        result: WorkResult,
    },
    /// The [`odradek_machine::Deadline`] passed, or the host has nothing better to say.
    Wake,
    /// Stop cleanly: hand over, sync, write the clean-shutdown mark, then say [`Output::Stopped`].
    Stop,
}

/// What a node asks of its host.
#[derive(Debug)]
pub enum Output {
    /// Begin to accept connections: the node is ready to answer.
    Listen,
    /// Accept no more connections from this listener; those who come wait in the kernel.
    PauseAccepting {
        /// The listener.
        listener: ListenerId,
    },
    /// Accept connections from it again.
    ResumeAccepting {
        /// The listener.
        listener: ListenerId,
    },
    /// Send a response. The host reports it with [`Input::Flushed`].
    Send {
        /// The connection.
        connection: ConnectionId,
        /// The frame, its length included.
        payload: ScatterList<FileRange>,
    },
    /// Read the frame that was announced.
    Grant {
        /// The connection.
        connection: ConnectionId,
    },
    /// Take no more bytes from this connection.
    PauseReading {
        /// The connection.
        connection: ConnectionId,
    },
    /// Take bytes from it again.
    ResumeReading {
        /// The connection.
        connection: ConnectionId,
    },
    /// Close.
    Close {
        /// The connection.
        connection: ConnectionId,
        /// The reason, for the log.
        why: String,
        /// When.
        when: Closing,
    },
    /// Open a connection to another node; answered by [`Input::Dialed`].
    Dial {
        /// The connection, from [`ConnectionId::DIALED`] on.
        connection: ConnectionId,
        /// Host name or address.
        host: String,
        /// Port.
        port: u16,
    },
    /// A disk operation.
    Disk {
        /// Its id, for the completion.
        op: OpId,
        /// In which log directory.
        dir: DirId,
        /// What to do.
        action: DiskAction,
    },
    /// A unit of work.
    Work {
        /// Its id, for the completion.
        work: WorkId,
        /// What to do.
        what: Work,
    },
    /// Something worth knowing that changes nothing.
    Note(Note),
    /// The node has ended; nothing follows. `Err` says in one line why it could not start or go on.
    Stopped {
        /// How it ended.
        outcome: Result<(), String>,
    },
}

/// When a connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closing {
    /// After what was sent before has left.
    Drained,
    /// At once, whatever has not left: the peer may never take it.
    AtOnce,
}

/// The caller-owned outbox, reused from step to step.
pub type Outbox = Vec<Output>;

/// Lets an outbox of outputs take notes.
pub struct NotesOf<'a>(pub &'a mut Outbox);

impl Notes for NotesOf<'_> {
    fn note(&mut self, note: Note) {
        self.0.push(Output::Note(note));
    }
}
