//! The definition of every configuration key: name, type, default, what values are right, and by which broker key a topic key is known.
//!
//! A value is taken from the first layer that says one: the topic's overrides, those of the broker, those of every broker, the file that started the
//! node, the default. The first three are in the metadata log.

mod broker_keys;
mod definition;
mod effective;
mod group_keys;
mod other_keys;
mod rule;
mod static_config;
#[cfg(test)]
mod tests;
mod topic;
mod topic_keys;
mod unheeded;
mod validate;

use broker_keys::BROKER_KEYS;
use group_keys::{CLIENT_METRICS_KEYS, GROUP_KEYS};
use other_keys::other_keys;
use topic_keys::TOPIC_KEYS;

pub use definition::{BrokerSynonym, Definition, Effect, Source, Update, ValueType};
pub use effective::{
    Effective, NodeView, Synonym, effective_broker, effective_client_metrics, effective_every_broker, effective_group,
    effective_of_overrides, effective_topic,
};
pub use rule::{ConfigError, Rule};
pub use static_config::StaticConfig;
pub use topic::{CleanupPolicy, CompressionType, TimestampType, TopicConfig, topic_config};
pub use unheeded::{unheeded_override, unheeded_overrides};
pub use validate::{validate_broker_overrides, validate_client_metrics_key, validate_group_key, validate_topic_overrides};

/// The definition of a topic key.
pub fn topic_key(name: &str) -> Option<&'static Definition> {
    find(TOPIC_KEYS, name)
}

/// The definition of a broker key, whatever is done about it.
pub fn broker_key(name: &str) -> Option<&'static Definition> {
    find(BROKER_KEYS, name).or_else(|| other_keys().find(|key| key.name == name))
}

/// Every topic key, by name.
pub const fn topic_keys() -> &'static [Definition] {
    TOPIC_KEYS
}

/// Every broker key that works, by name.
pub const fn broker_keys() -> &'static [Definition] {
    BROKER_KEYS
}

/// Every broker key of Apache Kafka 4.3.1, in no order.
pub fn all_broker_keys() -> impl Iterator<Item = &'static Definition> {
    BROKER_KEYS.iter().chain(other_keys())
}

fn find(table: &'static [Definition], name: &str) -> Option<&'static Definition> {
    table.binary_search_by(|key| key.name.cmp(name)).ok().map(|at| &table[at])
}
