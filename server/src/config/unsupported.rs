//! What Apache Kafka can be told and this server cannot do yet, beyond the table of its keys: refused by name, before anything is touched.

use odradek_cluster::config::{StaticConfig, broker_key};
use odradek_wire::ids::NodeId;

use super::listeners::Address;

/// Keys that belong to what Apache Kafka loads or once was, and are in no table: to ignore them would lose in silence what they protect.
const FAMILIES: &[(&str, &str)] = &[
    ("ssl.", "this server does not speak TLS"),
    ("sasl.", "this server does not speak SASL"),
    ("listener.name.", "this server speaks neither TLS nor SASL, so its listeners have no settings of their own"),
    ("authorizer.", "this server checks no permissions"),
    ("super.users", "this server checks no permissions"),
    ("allow.everyone.if.no.acl.found", "this server checks no permissions"),
    ("config.providers.", "this server takes every value as it is written, and asks no provider for it"),
    ("zookeeper.", "this server keeps its metadata in a KRaft quorum"),
];

/// Refuses a key that no table has and that asks for what is not spoken.
///
/// # Errors
/// The key and what this server does instead.
pub fn key(name: &str) -> Result<(), String> {
    match FAMILIES.iter().find(|(family, _)| name.starts_with(family)) {
        Some((_, instead)) if broker_key(name).is_none() => Err(format!("{name} is not supported: {instead}; leave it out")),
        _ => Ok(()),
    }
}

/// Refuses values that ask for more than one node that is broker and controller.
///
/// # Errors
/// The key, its value and what can be had.
pub fn values(keys: &StaticConfig, node: NodeId) -> Result<(), String> {
    let roles = keys.list("process.roles");
    if roles.len() == 1 {
        return Err(format!(
            "process.roles={}: this server is broker and controller in one; write broker,controller or leave it out",
            roles[0]
        ));
    }
    let voters = keys.list("controller.quorum.voters");
    match voters.as_slice() {
        [] => Ok(()),
        [one] if one.split('@').next().is_some_and(|id| id.parse() == Ok(node.0)) => Ok(()),
        [one] => Err(format!("controller.quorum.voters={one}: the only voter must be this node, {}", node.0)),
        several => Err(format!("controller.quorum.voters={}: a quorum of several voters is not supported yet", several.join(","))),
    }
}

/// Refuses to form a quorum of one where another node was named.
///
/// # Errors
/// The entry that is not this node.
pub fn bootstrap(keys: &StaticConfig, addresses: &[Address]) -> Result<(), String> {
    let servers = keys.list("controller.quorum.bootstrap.servers");
    let is_here = |server: &&str| {
        let parsed = server.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
        parsed.is_some_and(|(host, port)| addresses.iter().any(|a| a.is_at(host.trim_start_matches('[').trim_end_matches(']'), port)))
    };
    match servers.iter().find(|server| !is_here(server)) {
        None => Ok(()),
        Some(other) => Err(format!(
            "controller.quorum.bootstrap.servers={}: {other} is no listener of this node, which is a quorum of its own; leave the key out",
            servers.join(",")
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::super::listeners::listeners;
    use super::*;

    #[test]
    fn a_quorum_elsewhere_is_refused_and_one_here_is_not() {
        let judged = |servers: &str| {
            let lines = [("listeners", "PLAINTEXT://:9092,CONTROLLER://127.0.0.1:9093"), ("controller.listener.names", "CONTROLLER")];
            let keys =
                StaticConfig::parse(lines.into_iter().chain([("controller.quorum.bootstrap.servers", servers)])).expect("known keys");
            bootstrap(&keys, &listeners(&keys, None, "").expect("the listeners are right"))
        };
        assert_eq!((judged("localhost:9093"), judged("")), (Ok(()), Ok(())));
        for elsewhere in ["localhost:9094", "other:9093", "localhost:9093,other:9093", "nonsense"] {
            assert!(judged(elsewhere).unwrap_err().contains("no listener of this node"), "{elsewhere}");
        }
    }

    #[test]
    fn a_key_that_would_protect_something_is_refused_by_name() {
        assert_eq!(
            key("listener.name.inside.ssl.keystore.location").unwrap_err(),
            "listener.name.inside.ssl.keystore.location is not supported: this server speaks neither TLS nor SASL, so its listeners have no settings \
             of their own; leave it out"
        );
        assert!(key("super.users").unwrap_err().contains("permissions"));
        assert_eq!((key("num.partitions"), key("ssl.protocol")), (Ok(()), Ok(())), "the table of the keys judges those that it has");
    }

    #[test]
    fn what_needs_several_nodes_is_refused_before_anything_is_touched() {
        let refused = |name, value| values(&StaticConfig::parse([(name, value)]).expect("the key is known"), NodeId(4)).unwrap_err();
        assert!(refused("process.roles", "broker").contains("broker,controller"));
        assert!(refused("controller.quorum.voters", "1@a:1,2@b:2").contains("several voters"));
        assert!(refused("controller.quorum.voters", "5@a:1").contains("this node, 4"));
        let right = [("process.roles", "broker,controller"), ("controller.quorum.voters", "4@a:1")];
        assert_eq!(values(&StaticConfig::parse(right).expect("both are known"), NodeId(4)), Ok(()));
    }
}
