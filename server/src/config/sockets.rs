//! `socket.*`: what is asked of the system for every socket.

use std::io;

use odradek_cluster::config::StaticConfig;
use socket2::{SockRef, Socket};

/// What every socket is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sockets {
    /// `socket.listen.backlog.size`: connections that the kernel holds before they are accepted.
    pub backlog: i32,
    /// `socket.receive.buffer.bytes`; `None` leaves it to the system, which lets it grow with what is sent.
    pub receive_bytes: Option<usize>,
    /// `socket.send.buffer.bytes`; `None` as above.
    pub send_bytes: Option<usize>,
}

impl Sockets {
    /// Reads the keys.
    ///
    /// # Errors
    /// One line that names the key and its value.
    pub fn read(keys: &StaticConfig) -> Result<Sockets, String> {
        Ok(Sockets {
            backlog: i32::try_from(keys.long("socket.listen.backlog.size")).unwrap_or(i32::MAX),
            receive_bytes: buffer(keys, "socket.receive.buffer.bytes")?,
            send_bytes: buffer(keys, "socket.send.buffer.bytes")?,
        })
    }

    /// Prepares a socket that will listen: what it accepts begins with its receive buffer, which must be known before a peer is told a window.
    ///
    /// # Errors
    /// What the system said.
    pub fn prepare(&self, socket: &Socket) -> io::Result<()> {
        self.receive_bytes.map_or(Ok(()), |bytes| socket.set_recv_buffer_size(bytes))
    }

    /// Gives an accepted connection what it is to have: answers leave at once, and a peer that is gone is found out some day.
    ///
    /// # Errors
    /// What the system said.
    pub fn dress(&self, connection: &SockRef<'_>) -> io::Result<()> {
        connection.set_tcp_nodelay(true)?;
        connection.set_keepalive(true)?;
        self.send_bytes.map_or(Ok(()), |bytes| connection.set_send_buffer_size(bytes))
    }
}

fn buffer(keys: &StaticConfig, key: &'static str) -> Result<Option<usize>, String> {
    match keys.long(key) {
        -1 => Ok(None),
        bytes @ 1.. => Ok(usize::try_from(bytes).ok()),
        other => Err(format!("{key}={other}: expected a number of bytes, or -1 for what the system gives")),
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::super::listeners::listeners;
    use super::*;

    fn read(lines: &[(&str, &str)]) -> Result<Sockets, String> {
        Sockets::read(&StaticConfig::parse(lines.iter().copied()).expect("the keys are known"))
    }

    /// Linux gives twice of what is asked for, the rest being its own.
    #[test]
    fn a_connection_has_the_buffers_that_are_configured() {
        let sockets =
            read(&[("socket.receive.buffer.bytes", "30000"), ("socket.send.buffer.bytes", "40000")]).expect("the values are right");
        let keys = StaticConfig::default();
        let listener =
            listeners(&keys, Some("PLAINTEXT://127.0.0.1:0"), "").expect("it is right")[0].bind(&sockets).expect("a port is free");
        listener.set_nonblocking(false).expect("a socket of the system");
        let _peer = TcpStream::connect(listener.local_addr().expect("it is bound")).expect("it listens");
        let (accepted, _) = listener.accept().expect("one waits");
        let socket = SockRef::from(&accepted);
        sockets.dress(&socket).expect("a socket of the system");
        assert_eq!(socket.recv_buffer_size().expect("it is told"), 60_000);
        assert_eq!(socket.send_buffer_size().expect("it is told"), 80_000);
        assert!(socket.keepalive().expect("it is told") && socket.tcp_nodelay().expect("it is told"));
    }

    #[test]
    fn as_many_connections_wait_as_the_backlog_says() {
        let sockets = read(&[("socket.listen.backlog.size", "3")]).expect("the value is right");
        let keys = StaticConfig::default();
        let listener =
            listeners(&keys, Some("PLAINTEXT://127.0.0.1:0"), "").expect("it is right")[0].bind(&sockets).expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let briefly = std::time::Duration::from_millis(300);
        let waiting: Vec<TcpStream> = (0..8).map_while(|_| TcpStream::connect_timeout(&address, briefly).ok()).collect();
        // Linux lets one more in than it is told.
        assert_eq!(waiting.len(), 4);
    }

    #[test]
    fn a_buffer_of_no_bytes_is_refused_by_name() {
        assert_eq!(
            read(&[("socket.send.buffer.bytes", "-1"), ("socket.receive.buffer.bytes", "-1")]).map(|s| (s.receive_bytes, s.send_bytes)),
            Ok((None, None))
        );
        for value in ["0", "-7"] {
            assert!(read(&[("socket.send.buffer.bytes", value)]).unwrap_err().starts_with(&format!("socket.send.buffer.bytes={value}: ")));
        }
    }
}
