//! The limits of connections and requests: what no single key shows to be wrong, and names that must be looked up.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

use odradek_cluster::config::StaticConfig;

const PER_IP: &str = "max.connections.per.ip";
const OVERRIDES: &str = "max.connections.per.ip.overrides";

/// Refuses values that contradict each other, as Apache Kafka does.
///
/// # Errors
/// One line that names the keys.
pub fn check(keys: &StaticConfig) -> Result<(), String> {
    let (queued, longest) = (keys.long("queued.max.request.bytes"), keys.long("socket.request.max.bytes"));
    if queued > 0 && queued < longest {
        return Err(format!("queued.max.request.bytes={queued}: it must not be less than socket.request.max.bytes, which is {longest}"));
    }
    if keys.long(PER_IP) == 0 && keys.list(OVERRIDES).is_empty() {
        return Err(format!("{PER_IP}=0 lets nobody connect; it can be zero only if {OVERRIDES} is set"));
    }
    Ok(())
}

/// The addresses of the names in `max.connections.per.ip.overrides`. They are looked up once, at the start.
///
/// # Errors
/// One line that names what is no pair of host and number, or a name that nobody knows.
pub fn hosts(keys: &StaticConfig) -> Result<BTreeMap<String, IpAddr>, String> {
    let mut hosts = BTreeMap::new();
    for pair in keys.list(OVERRIDES) {
        let parsed = pair.rsplit_once(':').filter(|(_, count)| count.trim().parse::<i32>().is_ok());
        let (host, _) = parsed.ok_or_else(|| format!("{OVERRIDES}: {pair}: expected HOST:NUMBER, such as 10.0.0.7:100"))?;
        let host = host.trim();
        if host.parse::<IpAddr>().is_err() {
            let found = (host, 0).to_socket_addrs().map_err(|e| format!("{OVERRIDES}: {host}: {e}"))?;
            let first = found.min_by_key(SocketAddr::is_ipv6).ok_or_else(|| format!("{OVERRIDES}: {host}: no such host"))?;
            hosts.insert(host.to_owned(), first.ip());
        }
    }
    Ok(hosts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(lines: &[(&str, &str)]) -> StaticConfig {
        StaticConfig::parse(lines.iter().copied()).expect("the keys are known")
    }

    #[test]
    fn what_cannot_be_kept_is_refused_by_name() {
        let refused = |lines: &[(&str, &str)]| check(&keys(lines)).and_then(|()| hosts(&keys(lines)).map(|_| ())).unwrap_err();
        assert!(refused(&[("queued.max.request.bytes", "1000000")]).contains("socket.request.max.bytes, which is 104857600"));
        assert!(refused(&[(PER_IP, "0")]).contains(OVERRIDES));
        for pair in ["foo", "127.0.0.1:x", "no.such.host.invalid:5"] {
            assert!(refused(&[(OVERRIDES, pair)]).contains(pair.split(':').next().expect("a first part")), "{pair}");
        }
        for right in [&[("queued.max.request.bytes", "0")][..], &[(PER_IP, "0"), (OVERRIDES, "127.0.0.1:5")]] {
            assert_eq!(check(&keys(right)), Ok(()));
        }
    }

    #[test]
    fn names_are_looked_up_and_addresses_are_not() {
        let found = hosts(&keys(&[(OVERRIDES, "localhost:5, 10.0.0.7:6,::1:7")])).expect("they are right");
        assert_eq!(found, BTreeMap::from([("localhost".to_owned(), [127, 0, 0, 1].into())]));
    }
}
