//! One accepted connection: a task that reads, frames, prepares and steps, and a task that sends.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::sync::Arc;

use odradek_broker::io::{Closing, ConnectionId, Input};
use odradek_wire::frame::{FrameEvent, Framer};
use odradek_wire::prepare::prepare;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::Notify;

use crate::ConnectionLimits;
use crate::counters::Counters;
use crate::host::Shared;
use crate::outgoing::{Outgoing, Piece, Sent};

/// What the two tasks of a connection and the host share.
pub struct Connection {
    /// The id under which the node knows it.
    pub id: ConnectionId,
    /// The peer's address, for the log.
    pub peer: String,
    outgoing: RefCell<Outgoing>,
    /// More to send, or the head is warm, or closing.
    sending: Notify,
    /// Reading may have been turned on.
    reading: Notify,
    paused: Cell<bool>,
    awaits_grant: Cell<bool>,
    closing: Cell<bool>,
    gone: Cell<bool>,
    warm: Cell<bool>,
}

impl Connection {
    /// A connection that reads and has nothing to send.
    pub fn new(id: ConnectionId, peer: String) -> Rc<Connection> {
        Rc::new(Connection {
            id,
            peer,
            outgoing: RefCell::default(),
            sending: Notify::new(),
            reading: Notify::new(),
            paused: Cell::new(false),
            awaits_grant: Cell::new(false),
            closing: Cell::new(false),
            gone: Cell::new(false),
            warm: Cell::new(false),
        })
    }

    /// Puts a response behind those that wait.
    pub fn enqueue(&self, pieces: impl Iterator<Item = Piece>) {
        let mut outgoing = self.outgoing.borrow_mut();
        pieces.for_each(|piece| outgoing.push(piece));
        self.sending.notify_one();
    }

    /// The announced frame may be read.
    pub fn grant(&self) {
        self.awaits_grant.set(false);
        self.reading.notify_one();
    }

    /// Takes no more bytes.
    pub fn pause(&self) {
        self.paused.set(true);
    }

    /// Takes bytes again.
    pub fn resume(&self) {
        self.paused.set(false);
        self.reading.notify_one();
    }

    /// Closes, once what waits has left or before.
    pub fn close(&self, when: Closing) {
        self.closing.set(true);
        self.gone.set(self.gone.get() || when == Closing::AtOnce);
        self.sending.notify_one();
        self.reading.notify_one();
    }

    /// The pages at the head of the queue are in memory.
    pub fn warmed(&self) {
        self.warm.set(true);
        self.sending.notify_one();
    }

    /// Ends both tasks.
    fn leave(&self) {
        self.gone.set(true);
        self.sending.notify_one();
        self.reading.notify_one();
    }

    fn may_read(&self) -> bool {
        !self.paused.get() && !self.awaits_grant.get()
    }

    fn over(&self) -> bool {
        self.gone.get() || self.closing.get()
    }
}

/// Reads until the peer or the node has had enough, then tells the node that the connection is gone.
pub async fn serve(host: Shared, connection: Rc<Connection>, reader: OwnedReadHalf, writer: OwnedWriteHalf, limits: ConnectionLimits) {
    let counters = host.borrow().counters();
    let sender = tokio::task::spawn_local(send_all(Rc::clone(&host), Rc::clone(&connection), writer, Arc::clone(&counters)));
    if let Err(error) = read_all(&host, &connection, reader, limits, &counters).await {
        tracing::debug!(connection = connection.id.0, peer = connection.peer, %error, "a connection failed");
        connection.leave();
    }
    if !connection.closing.get() {
        connection.leave();
    }
    // A sender that panicked has said so already; there is nothing of its to keep.
    let _ = sender.await;
    host.borrow_mut().closed(connection.id);
}

async fn read_all(
    host: &Shared,
    connection: &Connection,
    reader: OwnedReadHalf,
    limits: ConnectionLimits,
    counters: &Counters,
) -> io::Result<()> {
    let mut framer = Framer::new(limits.frames);
    // Bytes came since the node heard of this connection.
    let mut untold = false;
    while !connection.over() {
        while !connection.may_read() && !connection.over() {
            connection.reading.notified().await;
        }
        framer.grant();
        match framer.poll() {
            Ok(Some(event)) => {
                untold = false;
                take_in(host, connection, event, &limits);
            }
            Ok(None) => {
                if std::mem::take(&mut untold) {
                    host.borrow_mut().input(Input::Moved { connection: connection.id });
                }
                // No buffer is held while nothing comes: an idle connection costs its task and nothing more.
                framer.rest();
                tokio::select! {
                    ready = reader.readable() => ready?,
                    () = connection.reading.notified() => continue,
                }
                // Readiness is a hint: to wait in the read itself would be deaf to whoever closes this connection.
                let received = match reader.try_read_buf(&mut framer.spare()) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                    received => received?,
                };
                counters.receives.add(1);
                counters.received_bytes.add(received as u64);
                untold = true;
                if received == 0 {
                    if !framer.is_between_frames() {
                        tracing::info!(connection = connection.id.0, peer = connection.peer, "a peer left in the middle of a request");
                    }
                    return Ok(());
                }
            }
            Err(error) => {
                tracing::warn!(connection = connection.id.0, peer = connection.peer, why = %error, "closing a connection");
                return Ok(());
            }
        }
    }
    Ok(())
}

fn take_in(host: &Shared, connection: &Connection, event: FrameEvent, limits: &ConnectionLimits) {
    let input = match event {
        FrameEvent::Announced { bytes } => {
            connection.awaits_grant.set(true);
            Input::FrameAnnounced { connection: connection.id, bytes }
        }
        FrameEvent::Frame(frame) => {
            let frame_bytes = u32::try_from(frame.len()).expect("a frame's length came in 32 bits");
            Input::Request { connection: connection.id, frame_bytes, request: prepare(frame, &limits.requests) }
        }
    };
    host.borrow_mut().input(input);
}

async fn send_all(host: Shared, connection: Rc<Connection>, writer: OwnedWriteHalf, counters: Arc<Counters>) {
    while !connection.gone.get() {
        if connection.outgoing.borrow().is_empty() {
            if connection.closing.get() {
                break;
            }
            connection.sending.notified().await;
            continue;
        }
        let sent = connection.outgoing.borrow_mut().send(writer.as_ref(), connection.warm.replace(false), &counters);
        match sent {
            Ok(Sent::Progress { responses: 0 }) => host.borrow_mut().input(Input::Moved { connection: connection.id }),
            Ok(Sent::Progress { responses }) => {
                for _ in 0..responses {
                    host.borrow_mut().input(Input::Flushed { connection: connection.id });
                }
            }
            Ok(Sent::Cold { file, at, length }) => {
                host.borrow().warm(connection.id, file, at, length);
                while !connection.warm.get() && !connection.gone.get() {
                    connection.sending.notified().await;
                }
            }
            Ok(Sent::Unreadable { range, says }) => {
                host.borrow_mut().input(Input::SendFailed { connection: connection.id, range, says });
                break;
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                tokio::select! {
                    ready = writer.writable() => if ready.is_err() { break },
                    () = connection.sending.notified() => {}
                }
            }
            Err(error) => {
                tracing::debug!(connection = connection.id.0, peer = connection.peer, %error, "a peer left in the middle of a response");
                break;
            }
        }
    }
    connection.leave();
}
