//! A listener's task: accepts connections and lets each begin.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use odradek_broker::io::{ConnectionId, Input, ListenerId};
use socket2::SockRef;
use tokio::net::TcpListener;
use tokio::task::spawn_local;

use crate::ConnectionLimits;
use crate::config::Sockets;
use crate::connection::{self, Connection};
use crate::host::Shared;

/// The ids of connections, over all listeners.
pub type Ids = Rc<Cell<u64>>;

/// After how long accepting is tried again, where the system could not.
const AGAIN: Duration = Duration::from_millis(50);

/// Accepts for as long as the node lives.
pub async fn accept(host: Shared, socket: TcpListener, listener: ListenerId, ids: Ids, sockets: Sockets, limits: ConnectionLimits) {
    loop {
        let (stream, peer) = match socket.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "accepting a connection");
                tokio::time::sleep(AGAIN).await;
                continue;
            }
        };
        // Failing to ask for something costs speed and nothing else.
        let _ = sockets.dress(&SockRef::from(&stream));
        ids.set(ids.get() + 1);
        let connection = Connection::new(ConnectionId(ids.get()), peer.to_string());
        let opened = Input::Opened { connection: connection.id, listener, peer: peer.to_string() };
        host.borrow_mut().opened(Rc::clone(&connection), opened);
        let (reader, writer) = stream.into_split();
        spawn_local(connection::serve(Rc::clone(&host), connection, reader, writer, limits));
    }
}
