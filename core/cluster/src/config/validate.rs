//! Overrides as a whole: each key by itself, and what must hold between them.

use std::net::IpAddr;

use super::definition::{Definition, Effect};
use super::rule::{ConfigError, split};
use super::{CLIENT_METRICS_KEYS, GROUP_KEYS, NodeView, broker_key, topic_key};
use crate::image::Overrides;

/// Checks all overrides that a topic would have, against what holds without them.
///
/// # Errors
/// For an unknown key, a wrong value, or values that contradict each other; in Kafka's words.
pub fn validate_topic_overrides(overrides: &Overrides, view: &NodeView<'_>) -> Result<(), ConfigError> {
    if let Some(name) = overrides.keys().find(|name| topic_key(name).is_none()) {
        return Err(ConfigError { key: name.to_string(), message: format!("Unknown topic config name: {name}") });
    }
    for (key, value) in overrides.iter().filter_map(|(name, value)| Some((topic_key(name)?, value))) {
        key.parse(value)?;
    }
    let number = |name: &str| {
        let key = topic_key(name).expect("the table has the key");
        let own = overrides.get(name).and_then(|v| key.parse(v).ok());
        own.or_else(|| view.topic_default(key)).and_then(|v| v.parse::<i64>().ok()).unwrap_or(0)
    };
    let (min, max) = (number("min.compaction.lag.ms"), number("max.compaction.lag.ms"));
    if min > max {
        let message = format!("conflict topic config setting min.compaction.lag.ms ({min}) > max.compaction.lag.ms ({max})");
        return Err(ConfigError { key: "min.compaction.lag.ms".to_owned(), message });
    }
    if overrides.get("remote.storage.enable").is_some_and(|v| v.trim().eq_ignore_ascii_case("true")) {
        let message = "Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage.";
        return Err(ConfigError { key: "remote.storage.enable".to_owned(), message: message.to_owned() });
    }
    Ok(())
}

/// Keys that Apache Kafka takes as a change only, and not as a line of a file.
const RATES: &[&str] =
    &["follower.replication.throttled.rate", "leader.replication.throttled.rate", "replica.alter.log.dirs.io.max.bytes.per.second"];

/// Checks all overrides that one broker, or every broker, would have; `set` are the keys to which the change gives a value. What was there before and
/// does nothing here is not asked about: it came from another version.
///
/// # Errors
/// For a key that cannot change while the node runs, or does nothing here (then with the reason), or that nobody knows, or a wrong value; in Kafka's words
/// where it has some.
pub fn validate_broker_overrides(overrides: &Overrides, set: &[&str]) -> Result<(), ConfigError> {
    let fixed: Vec<&str> = set.iter().copied().filter(|name| broker_key(name).is_some_and(Definition::is_read_only)).collect();
    if let Some(first) = fixed.first() {
        let why: String = fixed.iter().filter_map(|name| why_not(name)).map(|why| format!("; {why}")).collect();
        return Err(error(first, format!("Cannot update these configs dynamically: [{}]{why}", fixed.join(", "))));
    }
    if let Some(rate) = set.iter().find(|name| RATES.contains(name)) {
        return Err(error(rate, format!("{rate} has no effect here: every partition has one replica so far")));
    }
    if let Some(unknown) = set.iter().find(|name| broker_key(name).is_none()) {
        return Err(error(unknown, format!("Unknown broker config name: {unknown}; this server runs no plugins that could read it")));
    }
    for (key, value) in overrides.iter().filter_map(|(name, value)| Some((broker_key(name)?, value))).filter(|(key, _)| !key.is_read_only())
    {
        key.parse(value)?;
    }
    check_connections(overrides)
}

/// Why a key cannot be changed here, beyond that it cannot be changed.
fn why_not(name: &str) -> Option<String> {
    match broker_key(name)?.effect {
        Effect::Works => None,
        Effect::Nothing(why) => Some(format!("{name} has no effect here: {why}")),
        Effect::Refused(why) => Some(format!("{name} is not supported: {why}")),
    }
}

/// Checks a key that a group would be given.
///
/// # Errors
/// Always: for an unknown key or a wrong value in Kafka's words, for any other because nothing here would act upon it.
pub fn validate_group_key(name: &str, value: &str) -> Result<(), ConfigError> {
    let key = GROUP_KEYS.iter().find(|key| key.name == name);
    let key = key.ok_or_else(|| error(name, format!("Unknown group config name: {name}")))?;
    without_effect(key, value)
}

/// Checks a key that a client metrics subscription would be given; `None` if there is no such key.
///
/// # Errors
/// Always, as for a group.
pub fn validate_client_metrics_key(name: &str, value: &str) -> Option<Result<(), ConfigError>> {
    Some(without_effect(CLIENT_METRICS_KEYS.iter().find(|key| key.name == name)?, value))
}

fn without_effect(key: &Definition, value: &str) -> Result<(), ConfigError> {
    key.parse(value)?;
    match key.effect {
        Effect::Works => Ok(()),
        Effect::Nothing(why) | Effect::Refused(why) => Err(error(key.name, format!("{} cannot be set here: {why}", key.name))),
    }
}

fn error(key: &str, message: String) -> ConfigError {
    ConfigError { key: key.to_owned(), message }
}

/// Limits of connections that a running node can keep: names are looked up at its start only, and somebody must be able to connect.
fn check_connections(overrides: &Overrides) -> Result<(), ConfigError> {
    const PER_IP: &str = "max.connections.per.ip.overrides";
    let wrong = |key: &str, message: String| Err(error(key, message));
    let pairs: Vec<&str> = overrides.get(PER_IP).map(|v| split(v).collect()).unwrap_or_default();
    for pair in &pairs {
        let known =
            pair.rsplit_once(':').filter(|(host, count)| host.trim().parse::<IpAddr>().is_ok() && count.trim().parse::<i32>().is_ok());
        if known.is_none() {
            let why = "Expected addresses and numbers, such as 10.0.0.7:100; host names are looked up at the start of a broker only";
            return wrong(PER_IP, format!("Invalid value {pair} for configuration {PER_IP}: {why}"));
        }
    }
    if overrides.get("max.connections.per.ip").is_some_and(|most| most.trim() == "0") && pairs.is_empty() {
        let message = "max.connections.per.ip can be set to zero only if max.connections.per.ip.overrides property is set.";
        return wrong("max.connections.per.ip", message.to_owned());
    }
    Ok(())
}
