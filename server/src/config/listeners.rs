//! `listeners` and `advertised.listeners`.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, ToSocketAddrs};

use odradek_broker::Listener;
use odradek_cluster::config::StaticConfig;
use rustix::io::Errno;
use socket2::{Domain, Socket, Type};

use super::protocols::Protocols;
use super::sockets::Sockets;

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
    let protocols = Protocols::read(keys)?;
    let mut addresses: Vec<Address> = Vec::new();
    for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
        let (name, host, port) = parse("listeners", entry)?;
        protocols.check(&name)?;
        if addresses.iter().any(|other| other.name == name) {
            return Err(format!("listeners={text}: {name} appears twice; give each listener a name of its own"));
        }
        let controller = controllers.iter().any(|other| other.eq_ignore_ascii_case(&name));
        addresses.push(Address { name, host, port, advertised: None, controller });
    }
    if addresses.iter().all(|address| address.controller) {
        return Err(format!("listeners={text}: no listener for clients; write for example PLAINTEXT://127.0.0.1:9092"));
    }
    let is_there = |name: &&str| addresses.iter().any(|address| address.name.eq_ignore_ascii_case(name));
    if let Some(missing) = controllers.iter().find(|name| given.is_none() && keys.set("listeners").is_some() && !is_there(name)) {
        return Err(format!("controller.listener.names: {missing} is not among the listeners"));
    }
    refuse_shared_ports(&addresses)?;
    advertise(&mut addresses, keys)?;
    check_inter_broker(&addresses, keys)?;
    Ok(addresses)
}

fn check_inter_broker(addresses: &[Address], keys: &StaticConfig) -> Result<(), String> {
    let Some(name) = keys.set("inter.broker.listener.name") else { return Ok(()) };
    if keys.set("security.inter.broker.protocol").is_some() {
        return Err("only one of inter.broker.listener.name and security.inter.broker.protocol should be set".to_owned());
    }
    let known: Vec<&str> = addresses.iter().filter(|address| !address.controller).map(|address| address.name.as_str()).collect();
    match known.iter().any(|known| known.eq_ignore_ascii_case(name)) {
        true => Ok(()),
        false => Err(format!("inter.broker.listener.name={name}: no listener of brokers is called so; there are {}", known.join(", "))),
    }
}

fn advertise(addresses: &mut [Address], keys: &StaticConfig) -> Result<(), String> {
    for entry in keys.set("advertised.listeners").unwrap_or_default().split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
        let (name, host, port) = parse("advertised.listeners", entry)?;
        let Some(address) = addresses.iter_mut().find(|address| address.name == name) else {
            return Err(format!("advertised.listeners: {name} is not among the listeners"));
        };
        if is_wildcard(&host) {
            return Err(format!("advertised.listeners: {entry} is no address that a client can reach; name a host"));
        }
        if address.advertised.replace((host, port)).is_some() {
            return Err(format!("advertised.listeners: {name} appears twice; a listener is told of once"));
        }
    }
    Ok(())
}

/// As in Apache Kafka: listeners share a port only where one is of IPv4 and the other of IPv6.
fn refuse_shared_ports(addresses: &[Address]) -> Result<(), String> {
    let family = |address: &Address| address.host.parse::<IpAddr>().ok().map(|ip| ip.is_ipv4());
    for (at, address) in addresses.iter().enumerate().filter(|(_, address)| address.port != 0) {
        let others: Vec<&Address> =
            addresses.iter().enumerate().filter(|(i, o)| *i != at && o.port == address.port).map(|(_, o)| o).collect();
        let apart = others.len() == 1 && family(address).is_some_and(|own| family(others[0]) == Some(!own));
        if !others.is_empty() && !apart {
            return Err(format!("listeners: {address} and {} have one port; give each listener a port of its own", others[0]));
        }
    }
    Ok(())
}

/// True if a host stands for every address of this machine.
fn is_wildcard(host: &str) -> bool {
    host.is_empty() || host.parse::<IpAddr>().is_ok_and(|address| address.is_unspecified())
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
    pub fn bind(&self, sockets: &Sockets) -> Result<TcpListener, String> {
        let bound = bind_first(&self.candidates()?, |address| bind(address, sockets));
        bound.map_err(|e| match e.kind() {
            io::ErrorKind::AddrInUse => format!("listeners: {self} is in use by another process; stop it or choose another port"),
            _ => format!("listeners: {self}: {e}"),
        })
    }

    /// Where it may listen; the later ones are for machines without IPv6.
    ///
    /// As Java does it: every way of saying "all addresses" means those of IPv4 and of IPv6, and of the addresses that a name has the first of IPv4 is taken.
    fn candidates(&self) -> Result<Vec<SocketAddr>, String> {
        if is_wildcard(&self.host) {
            return Ok(vec![(Ipv6Addr::UNSPECIFIED, self.port).into(), (Ipv4Addr::UNSPECIFIED, self.port).into()]);
        }
        let found = (self.host.as_str(), self.port).to_socket_addrs().map_err(|e| format!("listeners: {self}: {e}"))?;
        let first = found.min_by_key(SocketAddr::is_ipv6);
        Ok(vec![first.ok_or_else(|| format!("listeners: {self}: no such host"))?])
    }

    /// What clients are told, once the port is known.
    pub fn advertised(&self, port: u16) -> Listener {
        let (host, port) = match &self.advertised {
            Some((host, given)) => (host.clone(), if *given == 0 { port } else { *given }),
            None => (self.reachable_host(), port),
        };
        Listener { name: self.name.clone(), host, port, controller: self.controller }
    }

    /// True if whoever is told this host and port comes to this listener.
    pub fn is_at(&self, host: &str, port: u16) -> bool {
        let is_local = |host: &str| matches!(host, "localhost" | "127.0.0.1" | "::1");
        let here = match self.host.as_str() {
            "" | "0.0.0.0" | "::" => is_local(host) || host == self.reachable_host(),
            own => host == own || is_local(host) && is_local(own),
        };
        here && port == self.port
    }

    /// The host as another machine would say it.
    fn reachable_host(&self) -> String {
        if is_wildcard(&self.host) { rustix::system::uname().nodename().to_string_lossy().into_owned() } else { self.host.clone() }
    }
}

/// The first that can be bound; another one is tried only where this machine has no such addresses at all.
fn bind_first<T>(candidates: &[SocketAddr], bind: impl Fn(SocketAddr) -> io::Result<T>) -> io::Result<T> {
    let (last, others) = candidates.split_last().expect("an address has a place to listen");
    for &address in others {
        match bind(address) {
            Err(error) if has_no_such_addresses(&error) => tracing::info!(%address, %error, "listening on the next best"),
            bound => return bound,
        }
    }
    bind(*last)
}

fn has_no_such_addresses(error: &io::Error) -> bool {
    [Errno::AFNOSUPPORT, Errno::ADDRNOTAVAIL].iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

fn bind(address: SocketAddr, sockets: &Sockets) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    socket.set_reuse_address(true)?;
    sockets.prepare(&socket)?;
    socket.bind(&address.into())?;
    socket.listen(sockets.backlog)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "{}://[{}]:{}", self.name, self.host, self.port),
            false => write!(f, "{}://{}:{}", self.name, self.host, self.port),
        }
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
        let map = ("listener.security.protocol.map", "A:PLAINTEXT,B:PLAINTEXT,C:PLAINTEXT");
        for (text, word) in [
            ("9092", "NAME://HOST:PORT"),
            ("A://h:1,a://h:2", "twice"),
            ("A://h:port", "NAME://HOST:PORT"),
            ("A://h:1,INSIDE://h:2", "says nothing of INSIDE"),
            ("A://:1,B://:1", "one port"),
            ("A://127.0.0.1:1,B://127.0.0.2:1", "one port"),
            ("A://127.0.0.1:1,B://[::1]:1,C://127.0.0.2:1", "one port"),
        ] {
            let error = listeners(&keys(&[map]), Some(text), "").unwrap_err();
            assert!(error.contains(word), "{text}: {error}");
        }
        for text in ["A://127.0.0.1:1,B://[::1]:1", "A://:0,B://:0", "A://:1,B://:2"] {
            assert!(listeners(&keys(&[map]), Some(text), "").is_ok(), "{text}");
        }
    }

    #[test]
    fn names_that_no_listener_has_and_names_told_twice_are_refused() {
        let listen = ("listeners", "PLAINTEXT://:1,CONTROLLER://:2");
        let error = |lines: &[(&str, &str)]| listeners(&keys(lines), None, "").unwrap_err();
        let names = error(&[listen, ("controller.listener.names", "CONTROLLER,OTHER")]);
        assert!(names.contains("OTHER is not among the listeners"), "{names}");
        let told = ("advertised.listeners", "PLAINTEXT://h:1,PLAINTEXT://h:2");
        let twice = error(&[listen, ("controller.listener.names", "CONTROLLER"), told]);
        assert!(twice.contains("PLAINTEXT appears twice"), "{twice}");
        assert!(error(&[listen]).contains("says nothing of CONTROLLER"));
    }

    #[test]
    fn the_listener_of_brokers_is_one_of_them() {
        let given = Some("INSIDE://127.0.0.1:1,OUTSIDE://127.0.0.1:2,CONTROLLER://127.0.0.1:3");
        let map = ("listener.security.protocol.map", "INSIDE:PLAINTEXT,OUTSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT");
        let read =
            |lines: &[(&str, &str)]| listeners(&keys(&[&[map, ("controller.listener.names", "CONTROLLER")], lines].concat()), given, "");
        assert_eq!(read(&[("inter.broker.listener.name", "INSIDE")]).map(|all| all.len()), Ok(3));
        for name in ["FOO", "CONTROLLER"] {
            let error = read(&[("inter.broker.listener.name", name)]).unwrap_err();
            assert!(error.contains(name) && error.ends_with("there are INSIDE, OUTSIDE"), "{error}");
        }
        let both = [("inter.broker.listener.name", "INSIDE"), ("security.inter.broker.protocol", "PLAINTEXT")];
        assert!(read(&both).unwrap_err().contains("only one of"));
    }

    fn bound(text: &str) -> Result<TcpListener, String> {
        let sockets = Sockets::read(&keys(&[])).expect("the defaults are right");
        listeners(&keys(&[]), Some(text), "").expect("it is right")[0].bind(&sockets)
    }

    #[test]
    fn a_port_in_use_is_one_line() {
        let taken = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let port = taken.local_addr().expect("it is bound").port();
        assert!(bound(&format!("PLAINTEXT://127.0.0.1:{port}")).unwrap_err().contains("in use"));
    }

    #[test]
    fn every_wildcard_serves_both_families_and_an_address_only_its_own() {
        let reaches = |listener: &TcpListener, host: IpAddr| {
            let port = listener.local_addr().expect("it is bound").port();
            std::net::TcpStream::connect((host, port)).is_ok()
        };
        let (four, six) = (IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST));
        let has_six = TcpListener::bind((six, 0)).is_ok();
        for host in ["", "0.0.0.0", "[::]", "::"] {
            let listener = bound(&format!("PLAINTEXT://{host}:0")).expect("a port is free");
            assert_eq!((reaches(&listener, four), reaches(&listener, six)), (true, has_six), "{host}");
        }
        for host in ["127.0.0.1", "localhost"] {
            let listener = bound(&format!("PLAINTEXT://{host}:0")).expect("a port is free");
            assert_eq!((reaches(&listener, four), reaches(&listener, six)), (true, false), "{host}");
        }
        if has_six {
            let listener = bound("PLAINTEXT://[::1]:0").expect("a port is free");
            assert_eq!((reaches(&listener, four), reaches(&listener, six)), (false, true));
        }
    }

    #[test]
    fn a_wildcard_on_a_machine_without_ipv6_serves_ipv4_and_any_other_failure_is_told() {
        let candidates = listeners(&keys(&[]), Some("PLAINTEXT://:9092"), "").expect("it is right")[0].candidates().expect("it is known");
        let without = |errno: Errno| move |address: SocketAddr| if address.is_ipv6() { Err(errno.into()) } else { Ok(address) };
        for errno in [Errno::AFNOSUPPORT, Errno::ADDRNOTAVAIL] {
            assert_eq!(bind_first(&candidates, without(errno)).expect("IPv4 is there"), "0.0.0.0:9092".parse().expect("an address"));
        }
        assert!(bind_first(&candidates, without(Errno::ADDRINUSE)).is_err());
    }
}
