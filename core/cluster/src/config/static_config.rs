//! The configuration that a node was started with.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::rule::{ConfigError, split};
use super::{Effect, all_broker_keys, broker_key};

/// Keys that were set by file or command line, by name, each checked; cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StaticConfig {
    values: Arc<BTreeMap<&'static str, Arc<str>>>,
}

impl StaticConfig {
    /// Checks the lines of a configuration; a key that is set twice holds what it was set to last.
    ///
    /// # Errors
    /// For the first unknown key, with the nearest known one, wrong value, or key that is refused, with the reason.
    pub fn parse<'a>(lines: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<StaticConfig, ConfigError> {
        let mut values = BTreeMap::new();
        for (name, value) in lines {
            let key = broker_key(name).ok_or_else(|| unknown(name))?;
            let plain = key.parse(value)?;
            if let Effect::Refused(why) = key.effect
                && plain != key.default.unwrap_or_default()
            {
                return Err(ConfigError { key: name.to_owned(), message: format!("{name} is not supported: {why}; leave it out") });
            }
            values.insert(key.name, Arc::from(plain));
        }
        Ok(StaticConfig { values: Arc::new(values) })
    }

    /// The value that was set, if one was.
    pub fn set(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(Arc::as_ref)
    }

    /// The value of a broker key: as set, or its default; `None` if that is null or there is no such key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.set(key).or_else(|| broker_key(key)?.default)
    }

    /// A number, of a key that the table defines as one and that is never null.
    ///
    /// # Panics
    /// If the table defines no such number.
    pub fn long(&self, key: &'static str) -> i64 {
        self.get(key).and_then(|v| v.parse().ok()).unwrap_or_else(|| panic!("the table defines no number {key}"))
    }

    /// A number, if the key was set or has a default.
    pub fn long_or_null(&self, key: &'static str) -> Option<i64> {
        self.get(key).and_then(|v| v.parse().ok())
    }

    /// A truth value, of a key that the table defines as one.
    ///
    /// # Panics
    /// If the table defines no such truth value.
    pub fn boolean(&self, key: &'static str) -> bool {
        self.get(key).and_then(|v| v.parse().ok()).unwrap_or_else(|| panic!("the table defines no truth value {key}"))
    }

    /// The entries of a list; none if it is null or empty.
    pub fn list(&self, key: &'static str) -> Vec<&str> {
        self.get(key).map(|v| split(v).collect()).unwrap_or_default()
    }

    /// Every key that was set, by name.
    pub fn all_set(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.values.iter().map(|(&name, value)| (name, &**value))
    }

    /// Keys that were set and change nothing, with the reason: each is worth a line in the log.
    pub fn without_effect(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.values.keys().filter_map(|name| match broker_key(name)?.effect {
            Effect::Nothing(why) => Some((*name, why)),
            Effect::Works | Effect::Refused(_) => None,
        })
    }
}

fn unknown(name: &str) -> ConfigError {
    let nearest = all_broker_keys().map(|k| (distance(name, k.name), k.name)).min().filter(|&(d, _)| d <= name.len() / 3);
    let hint = nearest.map_or_else(String::new, |(_, near)| format!(" (did you mean {near}?)"));
    ConfigError { key: name.to_owned(), message: format!("unknown configuration key {name}{hint}") }
}

/// How many letters must be changed, put in or left out to get from one text to the other.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let substitute = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = substitute.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
