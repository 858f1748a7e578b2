//! What crosses the border of a client: connections on one side, the application on the other.

use bytes::Bytes;
use odradek_machine::{Note, Notes};

/// A connection, chosen by the client, never reused within its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// What the host tells a client about its connections and its time; `C` is what the application asks.
#[derive(Debug)]
pub enum Input<C> {
    /// The application asks something.
    Command(C),
    /// An [`Output::Dial`] ended.
    Dialed {
        /// The connection.
        connection: ConnectionId,
        /// Open, or why not.
        result: Result<(), String>,
    },
    /// A whole response frame, without its length.
    Response {
        /// The connection.
        connection: ConnectionId,
        /// The frame.
        frame: Bytes,
    },
    /// The connection is gone. Nothing more is said of it.
    Closed {
        /// The connection.
        connection: ConnectionId,
    },
    /// The deadline passed.
    Wake,
}

/// What a client asks of its host; `E` is what it tells the application.
#[derive(Debug)]
pub enum Output<E> {
    /// Open a connection; answered by [`Input::Dialed`].
    Dial {
        /// The connection.
        connection: ConnectionId,
        /// Host name or address.
        host: String,
        /// Port.
        port: u16,
    },
    /// Send one frame, its length included; parts are sent one after the other.
    Send {
        /// The connection.
        connection: ConnectionId,
        /// The frame in parts.
        parts: Vec<Bytes>,
    },
    /// Close at once.
    Close {
        /// The connection.
        connection: ConnectionId,
    },
    /// Tell the application.
    Event(E),
    /// Something worth knowing that changes nothing.
    Note(Note),
}

/// Lets an outbox of outputs take notes.
pub struct NotesOf<'a, E>(pub &'a mut Vec<Output<E>>);

impl<E> Notes for NotesOf<'_, E> {
    fn note(&mut self, note: Note) {
        self.0.push(Output::Note(note));
    }
}
