//! What a request names twice: each API says by itself whether the first or the last counts, and is answered once for both.

use std::collections::BTreeMap;

/// Places in an answer, by what the request calls them.
#[derive(Debug)]
pub(crate) struct Places<K>(BTreeMap<K, usize>);

impl<K: Ord> Places<K> {
    pub(crate) const fn new() -> Places<K> {
        Places(BTreeMap::new())
    }

    /// The place of what was named before; else `next`, which is its place from here on.
    pub(crate) fn of(&mut self, key: K, next: usize) -> usize {
        *self.0.entry(key).or_insert(next)
    }
}
