//! What the world did that excuses loss, computed from the configuration: the loss budget of one node without replicas.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Event, Fate, Setup};

/// Which topics may have lost acknowledged records, given what has happened so far.
///
/// A topic that syncs before it acknowledges survives kills and power cuts; one that leaves it to the page cache survives kills only. Media loss excuses both.
#[derive(Clone, Debug)]
pub struct Excuses {
    page_cache: BTreeSet<Arc<str>>,
    shrinking: BTreeSet<Arc<str>>,
    power_cut: bool,
    media_lost: bool,
}

impl Excuses {
    /// Nothing has happened yet.
    pub fn new(setup: &Setup) -> Excuses {
        let named = |which: fn(&super::TopicSetup) -> bool| setup.topics.iter().filter(|t| which(t)).map(|t| Arc::clone(&t.name)).collect();
        Excuses { page_cache: named(|t| !t.synced), shrinking: named(|t| t.shrinks), power_cut: false, media_lost: false }
    }

    /// Takes the next event.
    pub fn observe(&mut self, event: &Event<'_>) {
        match event {
            Event::Fell { fate: Fate::PowerCut, .. } => self.power_cut = true,
            Event::MediaLost { .. } => self.media_lost = true,
            _ => {}
        }
    }

    /// True if an acknowledged record of this topic may be gone.
    pub fn may_lose(&self, topic: &str) -> bool {
        self.media_lost || (self.power_cut && self.page_cache.contains(topic))
    }

    /// True if records of this topic may leave by its log start.
    pub fn shrinks(&self, topic: &str) -> bool {
        self.shrinking.contains(topic)
    }
}
