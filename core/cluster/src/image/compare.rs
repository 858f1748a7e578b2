//! Two images side by side: what differs, in words.

use std::fmt;

use super::Image;

/// The first part in which two images differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What differs: a kind and a name.
    pub of: String,
    /// What the first image says.
    pub left: String,
    /// What the second image says.
    pub right: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} is not {}", self.of, self.left, self.right)
    }
}

impl Image {
    /// The first difference to another image, if there is one; nothing is formatted while they agree.
    pub fn difference(&self, other: &Image) -> Option<Difference> {
        if self == other {
            return None;
        }
        let by_name = |image: &Image| image.topics().map(|t| (t.name.to_string(), t.clone())).collect();
        first("topic", by_name(self), by_name(other))
            .or_else(|| first("broker", listed(&*self.brokers), listed(&*other.brokers)))
            .or_else(|| first("controller", listed(&*self.controllers), listed(&*other.controllers)))
            .or_else(|| first("configuration", listed(&*self.configs), listed(&*other.configs)))
            .or_else(|| first("feature", listed(&*self.features), listed(&*other.features)))
            .or_else(|| first("producer ids", vec![("next", self.next_producer_id)], vec![("next", other.next_producer_id)]))
            .or_else(|| first("kept records", vec![("all", self.kept())], vec![("all", other.kept())]))
    }
}

fn listed<'a, K, V>(entries: impl IntoIterator<Item = (&'a K, &'a V)>) -> Vec<(&'a K, &'a V)> {
    entries.into_iter().collect()
}

fn first<K: fmt::Debug + Ord, V: fmt::Debug + PartialEq>(kind: &str, left: Vec<(K, V)>, right: Vec<(K, V)>) -> Option<Difference> {
    let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
    loop {
        let order = match (left.peek(), right.peek()) {
            (None, None) => return None,
            (Some(l), Some(r)) => l.0.cmp(&r.0),
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
        };
        let l = if order.is_le() { left.next() } else { None };
        let r = if order.is_ge() { right.next() } else { None };
        let says = |side: &Option<(K, V)>| side.as_ref().map_or_else(|| "absent".to_owned(), |(_, v)| format!("{v:?}"));
        if l.as_ref().map(|e| &e.1) != r.as_ref().map(|e| &e.1) {
            let key = l.as_ref().or(r.as_ref()).map(|e| format!("{:?}", e.0)).unwrap_or_default();
            return Some(Difference { of: format!("{kind} {key}"), left: says(&l), right: says(&r) });
        }
    }
}
