//! Overrides as a whole: each key by itself, and what must hold between them.

use super::definition::Update;
use super::rule::ConfigError;
use super::{NodeView, broker_key, topic_key};
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

/// Checks all overrides that one broker, or every broker, would have. Keys that nobody knows pass: they may be for a plugin.
///
/// # Errors
/// For a key that cannot be changed while the node runs, or not for every broker at once, or a wrong value; in Kafka's words.
pub fn validate_broker_overrides(overrides: &Overrides, every_broker: bool) -> Result<(), ConfigError> {
    let named = |update: Update| -> Vec<&str> {
        overrides.keys().map(|k| &**k).filter(|k| broker_key(k).is_some_and(|d| d.update == update)).collect()
    };
    let refuse = |keys: &[&str], why: &str| ConfigError { key: keys[0].to_owned(), message: format!("{why}: [{}]", keys.join(", ")) };
    let fixed = named(Update::ReadOnly);
    if !fixed.is_empty() {
        return Err(refuse(&fixed, "Cannot update these configs dynamically"));
    }
    for (name, value) in overrides {
        if let Some(key) = broker_key(name) {
            key.parse(value)?;
        }
    }
    let single = named(Update::PerBroker);
    if every_broker && !single.is_empty() {
        return Err(refuse(&single, "Cannot update these configs at default cluster level, broker id must be specified"));
    }
    Ok(())
}
