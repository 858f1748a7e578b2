//! `listeners` and `advertised.listeners`.

use std::fmt;
use std::net::{TcpListener, ToSocketAddrs};

use odradek_broker::Listener;
use odradek_cluster::config::StaticConfig;

/// Connections that the kernel holds before they are accepted.
const BACKLOG: i32 = 1024;

/// One listener: where it binds, and what clients are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    name: String,
    host: String,
    port: u16,
    advertised: Option<(String, u16)>,
    controller: bool,
}

/// Reads the listeners; `given` wins over the configuration.
///
/// # Errors
/// One line that names the listener and what is wrong with it.
pub fn listeners(keys: &StaticConfig, given: Option<&str>, default: &str) -> Result<Vec<Address>, String> {
    let text = given.or_else(|| keys.set("listeners")).unwrap_or(default);
    let controllers = keys.list("controller.listener.names");
    let mut addresses: Vec<Address> = Vec::new();
    for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
        let (name, host, port) = parse("listeners", entry)?;
        refuse_security(&name, keys)?;
        if addresses.iter().any(|other| other.name == name) {
            return Err(format!("listeners={text}: {name} appears twice; give each listener a name of its own"));
        }
        let controller = controllers.iter().any(|other| other.eq_ignore_ascii_case(&name));
        addresses.push(Address { name, host, port, advertised: None, controller });
    }
    if addresses.iter().all(|address| address.controller) {
        return Err(format!("listeners={text}: no listener for clients; write for example PLAINTEXT://127.0.0.1:9092"));
    }
    advertise(&mut addresses, keys)?;
    Ok(addresses)
}

fn advertise(addresses: &mut [Address], keys: &StaticConfig) -> Result<(), String> {
    for entry in keys.set("advertised.listeners").unwrap_or_default().split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
        let (name, host, port) = parse("advertised.listeners", entry)?;
        let Some(address) = addresses.iter_mut().find(|address| address.name == name) else {
            return Err(format!("advertised.listeners: {name} is not among the listeners"));
        };
        if host.is_empty() || host == "0.0.0.0" || host == "::" {
            return Err(format!("advertised.listeners: {entry} is no address that a client can reach; name a host"));
        }
        address.advertised = Some((host, port));
    }
    Ok(())
}

/// A listener that asks for TLS or SASL is refused by name: ignoring it would serve in the clear what was meant to be protected.
fn refuse_security(name: &str, keys: &StaticConfig) -> Result<(), String> {
    let mapped = keys.list("listener.security.protocol.map").into_iter().filter_map(|pair| pair.split_once(':'));
    let protocol = mapped
        .filter(|(listener, _)| listener.trim().eq_ignore_ascii_case(name))
        .map(|(_, protocol)| protocol.trim().to_uppercase())
        .next();
    let protocol = protocol.unwrap_or_else(|| name.to_uppercase());
    match protocol.as_str() {
        "SSL" | "SASL_SSL" | "SASL_PLAINTEXT" => Err(format!(
            "listeners: {name} asks for {protocol}, which this server does not speak; use PLAINTEXT on an address that only trusted clients reach"
        )),
        _ => Ok(()),
    }
}

fn parse(key: &str, entry: &str) -> Result<(String, String, u16), String> {
    let wrong = || format!("{key}={entry}: expected NAME://HOST:PORT, such as PLAINTEXT://127.0.0.1:9092");
    let (name, address) = entry.split_once("://").ok_or_else(wrong)?;
    let (host, port) = address.rsplit_once(':').ok_or_else(wrong)?;
    let port = port.parse().map_err(|_| wrong())?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if name.is_empty() { Err(wrong()) } else { Ok((name.to_uppercase(), host.to_owned(), port)) }
}

impl Address {
    /// Takes the port.
    ///
    /// # Errors
    /// Why it cannot be had.
    pub fn bind(&self) -> Result<TcpListener, String> {
        let host = if self.host.is_empty() { "0.0.0.0" } else { &self.host };
        let why = |e: std::io::Error| match e.kind() {
            std::io::ErrorKind::AddrInUse => format!("listeners: {self} is in use by another process; stop it or choose another port"),
            _ => format!("listeners: {self}: {e}"),
        };
        let address = (host, self.port).to_socket_addrs().map_err(why)?.next().ok_or_else(|| format!("listeners: {self}: no such host"))?;
        let socket = socket2::Socket::new(socket2::Domain::for_address(address), socket2::Type::STREAM, None).map_err(why)?;
        socket.set_reuse_address(true).map_err(why)?;
        socket.bind(&address.into()).map_err(why)?;
        socket.listen(BACKLOG).map_err(why)?;
        socket.set_nonblocking(true).map_err(why)?;
        Ok(socket.into())
    }

    /// What clients are told, once the port is known.
    pub fn advertised(&self, port: u16) -> Listener {
        let (host, port) = match &self.advertised {
            Some((host, given)) => (host.clone(), if *given == 0 { port } else { *given }),
            None => (self.reachable_host(), port),
        };
        Listener { name: self.name.clone(), host, port, controller: self.controller }
    }

    /// The host as another machine would say it.
    fn reachable_host(&self) -> String {
        match self.host.as_str() {
            "" | "0.0.0.0" | "::" => rustix::system::uname().nodename().to_string_lossy().into_owned(),
            host => host.to_owned(),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}:{}", self.name, self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(lines: &[(&str, &str)]) -> StaticConfig {
        StaticConfig::parse(lines.iter().copied()).expect("the keys are known")
    }

    #[test]
    fn listeners_are_read_with_what_is_advertised() {
        let keys = keys(&[("listeners", "PLAINTEXT://0.0.0.0:9092"), ("advertised.listeners", "PLAINTEXT://kafka.example:19092")]);
        let all = listeners(&keys, None, "").expect("both are right");
        let told = all[0].advertised(9092);
        assert_eq!((told.host.as_str(), told.port), ("kafka.example", 19092));
    }

    #[test]
    fn listeners_that_ask_for_security_are_refused_by_name() {
        let error = listeners(&keys(&[("listeners", "SASL_SSL://:9092")]), None, "").unwrap_err();
        assert!(error.contains("SASL_SSL"), "{error}");
        let mapped = keys(&[("listeners", "INSIDE://:9092"), ("listener.security.protocol.map", "INSIDE:SSL")]);
        assert!(listeners(&mapped, None, "").unwrap_err().contains("INSIDE asks for SSL"));
    }

    #[test]
    fn listeners_that_cannot_be_are_refused() {
        for (text, word) in [("9092", "NAME://HOST:PORT"), ("A://h:1,A://h:2", "twice"), ("PLAINTEXT://h:port", "NAME://HOST:PORT")] {
            let error = listeners(&keys(&[]), Some(text), "").unwrap_err();
            assert!(error.contains(word), "{text}: {error}");
        }
    }

    #[test]
    fn a_port_in_use_is_one_line() {
        let taken = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let port = taken.local_addr().expect("it is bound").port();
        let address = &listeners(&keys(&[]), Some(&format!("PLAINTEXT://127.0.0.1:{port}")), "").expect("it is right")[0];
        assert!(address.bind().unwrap_err().contains("in use"));
    }
}
