//! A listener's task: accepts connections and lets each begin.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use odradek_broker::io::{ConnectionId, Input, ListenerId};
use socket2::SockRef;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::spawn_local;

use crate::ConnectionLimits;
use crate::config::Sockets;
use crate::connection::{self, Connection};
use crate::host::Shared;

/// The ids of connections, over all listeners.
pub type Ids = Rc<Cell<u64>>;

/// After how long accepting is tried again, where the system could not.
const AGAIN: Duration = Duration::from_millis(50);

/// Whether a listener accepts.
#[derive(Default)]
pub struct Gate {
    shut: Cell<bool>,
    moved: Notify,
}

impl Gate {
    /// Opens it or shuts it.
    pub fn set_open(&self, open: bool) {
        self.shut.set(!open);
        self.moved.notify_one();
    }

    /// Returns once it is open.
    async fn open(&self) {
        while self.shut.get() {
            self.moved.notified().await;
        }
    }
}

/// Accepts for as long as the node lives.
pub async fn accept(host: Shared, socket: TcpListener, listener: ListenerId, ids: Ids, sockets: Sockets, limits: ConnectionLimits) {
    let gate = host.borrow().gate(listener);
    // Told once, however long it lasts.
    let mut told = false;
    loop {
        gate.open().await;
        let accepted = tokio::select! {
            biased;
            () = gate.moved.notified() => continue,
            accepted = socket.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => {
                told = false;
                accepted
            }
            Err(error) => {
                if !std::mem::replace(&mut told, true) {
                    tracing::warn!(%error, "accepting a connection");
                }
                tokio::time::sleep(AGAIN).await;
                continue;
            }
        };
        // Failing to ask for something costs speed and nothing else.
        let _ = sockets.dress(&SockRef::from(&stream));
        ids.set(ids.get() + 1);
        // A socket of both families shows an address of IPv4 in the clothes of IPv6.
        let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
        let connection = Connection::new(ConnectionId(ids.get()), peer.to_string());
        let opened = Input::Opened { connection: connection.id, listener, ip: peer.ip(), peer: peer.to_string() };
        host.borrow_mut().opened(Rc::clone(&connection), opened);
        let (reader, writer) = stream.into_split();
        spawn_local(connection::serve(Rc::clone(&host), connection, reader, writer, limits));
    }
}
