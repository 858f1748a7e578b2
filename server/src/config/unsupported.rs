//! What Apache Kafka can be told and this server cannot do yet: refused by name, before anything is touched.

use odradek_cluster::config::StaticConfig;
use odradek_wire::ids::NodeId;

/// Families of keys whose meaning would be lost in silence if they were ignored, with what this server does instead.
const FAMILIES: &[(&str, &str)] = &[
    ("ssl.", "this server does not speak TLS"),
    ("sasl.", "this server does not speak SASL"),
    ("listener.name.", "this server speaks neither TLS nor SASL, so its listeners have no settings of their own"),
    ("authorizer.", "this server checks no permissions"),
    ("super.users", "this server checks no permissions"),
    ("principal.", "this server checks no permissions"),
    ("zookeeper.", "this server keeps its metadata in a KRaft quorum"),
    ("remote.log.", "this server keeps every segment on its own disks"),
    ("delegation.token.", "this server knows no delegation tokens"),
];

/// Refuses a key of a family that is not spoken.
///
/// # Errors
/// The key and what this server does instead.
pub fn key(name: &str) -> Result<(), String> {
    match FAMILIES.iter().find(|(family, _)| name.starts_with(family)) {
        Some((_, instead)) => Err(format!("{name} is not supported: {instead}; leave it out")),
        None => Ok(()),
    }
}

/// Refuses values that ask for more than one node that is broker and controller.
///
/// # Errors
/// The key, its value and what can be had.
pub fn values(keys: &StaticConfig, node: NodeId) -> Result<(), String> {
    let protocol = keys.get("security.inter.broker.protocol").unwrap_or("PLAINTEXT");
    if !protocol.eq_ignore_ascii_case("PLAINTEXT") {
        return Err(format!("security.inter.broker.protocol={protocol}: this server speaks PLAINTEXT only"));
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_would_protect_something_is_refused_by_name() {
        assert_eq!(
            key("ssl.keystore.location").unwrap_err(),
            "ssl.keystore.location is not supported: this server does not speak TLS; leave it out"
        );
        assert!(key("authorizer.class.name").unwrap_err().contains("permissions"));
        assert_eq!(key("num.partitions"), Ok(()));
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
