//! What the world did that excuses loss, computed from the configuration: the loss budget of one node without replicas.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use odradek_log::disk::Name;
use odradek_machine::Note;
use odradek_wire::ids::{Offset, TopicPartition};

use super::batches::{Destroyed, Held};
use super::{Event, Fate, Setup};

/// Which acknowledged records may be gone, given what has happened so far.
///
/// A topic that syncs before it acknowledges survives kills and power cuts; one that leaves it to the page cache survives kills only. What a medium destroyed is
/// excused batch by batch, and no more. Beside that a node may cut a log where something is destroyed of which it could not know that it was synced: above its marks,
/// damage looks like a torn tail. And of a disk that went back in time as a whole nothing on it can tell.
#[derive(Clone, Debug)]
pub struct Excuses {
    page_cache: BTreeSet<Arc<str>>,
    shrinking: BTreeSet<Arc<str>>,
    power_cut: bool,
    media_lost: bool,
    destroyed: Destroyed,
    /// Below, a log is marked as synced on its disk.
    marked: BTreeMap<TopicPartition, i64>,
    /// The offset behind everything that was promised.
    promised: BTreeMap<TopicPartition, i64>,
    forgiven: Vec<(TopicPartition, Range<Offset>)>,
}

impl Excuses {
    /// Nothing has happened yet.
    pub fn new(setup: &Setup) -> Excuses {
        let named = |which: fn(&super::TopicSetup) -> bool| setup.topics.iter().filter(|t| which(t)).map(|t| Arc::clone(&t.name)).collect();
        Excuses {
            page_cache: named(|t| !t.synced),
            shrinking: named(|t| t.shrinks),
            power_cut: false,
            media_lost: false,
            destroyed: Destroyed::default(),
            marked: BTreeMap::new(),
            promised: BTreeMap::new(),
            forgiven: Vec::new(),
        }
    }

    /// Takes the next event.
    pub fn observe(&mut self, event: &Event<'_>) {
        self.forgiven.clear();
        match event {
            Event::Fell { fate: Fate::PowerCut, .. } => self.power_cut = true,
            Event::MediaLost { node, disk, file, held, whole_disk, .. } => {
                self.media_lost = true;
                match held {
                    Some(held) if *whole_disk => self.went_back(held),
                    Some(held) => self.destroyed.add(*node, *disk, file, held.clone()),
                    None => {}
                }
            }
            Event::Promised { at, base, records, .. } => self.promised(at, base.0 + i64::from(*records)),
            Event::Acknowledged { at, offset: Some(offset), .. } => self.promised(at, offset.0 + 1),
            Event::Marked { at, below } if !self.page_cache.contains(&at.topic) => {
                self.marked.insert(at.clone(), below.0);
            }
            Event::Noted { note, .. } => {
                if let Some((at, offset)) = cut_of(note) {
                    self.cut(&at, offset);
                }
            }
            _ => {}
        }
    }

    /// True if any acknowledged record of this topic may be gone.
    pub fn may_lose(&self, topic: &str) -> bool {
        self.power_cut && self.page_cache.contains(topic)
    }

    /// True if records of this topic may leave by its log start.
    pub fn shrinks(&self, topic: &str) -> bool {
        self.shrinking.contains(topic)
    }

    /// True if the world destroyed the record with this offset, and it stays destroyed.
    pub fn is_destroyed(&self, at: &TopicPartition, offset: Offset) -> bool {
        self.destroyed.holding(at, offset).is_some_and(|held| held.lasts)
    }

    /// True if the world destroyed anything.
    pub const fn is_any_destroyed(&self) -> bool {
        self.media_lost
    }

    /// Records that may be gone without a word since the event that was just taken: offsets that may be given out again.
    pub fn forgiven(&self) -> &[(TopicPartition, Range<Offset>)] {
        &self.forgiven
    }

    /// True if the event that was just taken forgives this one.
    pub fn forgives(&self, at: &TopicPartition, offset: Offset) -> bool {
        self.forgiven.iter().any(|(of, range)| of == at && range.contains(&offset))
    }

    /// Where destroyed batches end that begin at this byte of a segment, with the offset behind them.
    pub fn behind(&self, node: usize, disk: usize, file: &Name, at: u64) -> Option<(u64, i64)> {
        self.destroyed.behind(node, disk, file, at)
    }

    fn promised(&mut self, at: &TopicPartition, end: i64) {
        let promised = self.promised.entry(at.clone()).or_default();
        *promised = end.max(*promised);
    }

    fn went_back(&mut self, held: &Held) {
        let promised = self.promised.entry(held.at.clone()).or_default();
        let marked = self.marked.entry(held.at.clone()).or_default();
        self.forgiven.push((held.at.clone(), Offset(held.offsets.start)..Offset(*promised)));
        *promised = held.offsets.start.min(*promised);
        *marked = held.offsets.start.min(*marked);
    }

    /// A node cuts a log. Below what is marked nothing may be cut; above it only something that is destroyed excuses the cut.
    fn cut(&mut self, at: &TopicPartition, offset: Offset) {
        let promised = self.promised.get(at).copied().unwrap_or_default();
        let may_be_torn = offset.0 >= self.marked.get(at).copied().unwrap_or_default();
        if offset.0 < promised && may_be_torn && self.destroyed.holding(at, offset).is_some() {
            self.forgiven.push((at.clone(), offset..Offset(promised)));
            self.promised.insert(at.clone(), offset.0);
            self.destroyed.cut(at, offset);
        }
    }
}

/// Which log a note says is cut, and from which offset on.
pub fn cut_of(note: &Note) -> Option<(TopicPartition, Offset)> {
    let subject = note.of.as_ref().filter(|_| matches!(note.mark, "log.tail_cut" | "log.hole_cut"))?;
    Some((TopicPartition { topic: Arc::clone(&subject.name), partition: subject.number }, Offset(note.facts[0])))
}

#[cfg(test)]
mod tests {
    use odradek_machine::Subject;

    use super::super::testing::{acknowledged, at, id, media_lost, setup};
    use super::*;

    fn excuses(story: &[Event<'_>]) -> Excuses {
        let mut excuses = Excuses::new(&setup());
        story.iter().for_each(|event| excuses.observe(event));
        excuses
    }

    fn marked(below: i64) -> Event<'static> {
        Event::Marked { at: at(), below: Offset(below) }
    }

    fn cut(offset: i64) -> Note {
        Note::mark("log.tail_cut").of(Some(&Subject { name: Arc::from("orders"), number: 0 })).facts(offset, 0)
    }

    #[test]
    fn only_batches_that_the_world_destroyed_are_excused() {
        let excuses = excuses(&[media_lost(3..5, false)]);
        let destroyed: Vec<i64> = (0..8).filter(|&offset| excuses.is_destroyed(&at(), Offset(offset))).collect();
        assert_eq!(destroyed, [3, 4]);
        assert!(!excuses.may_lose("orders"));
    }

    #[test]
    fn cut_is_forgiven_where_something_is_destroyed_above_the_marks_and_nowhere_else() {
        let forgiven = |below: i64, at: i64| {
            let note = cut(at);
            let story = [acknowledged(id(0, 1), 9), marked(below), media_lost(6..7, false), Event::Noted { node: 0, note: &note }];
            excuses(&story).forgiven().to_vec()
        };
        assert_eq!(forgiven(6, 6), [(at(), Offset(6)..Offset(10))]);
        assert_eq!(forgiven(7, 6), []);
        assert_eq!(forgiven(0, 5), []);
        // A torn tail behind everything that was promised needs no excuse.
        assert_eq!(forgiven(6, 10), []);
    }

    #[test]
    fn what_a_whole_disk_forgot_is_forgiven_and_what_is_written_then_is_not() {
        let excuses = excuses(&[acknowledged(id(0, 1), 9), media_lost(4..10, true)]);
        assert_eq!(excuses.forgiven(), [(at(), Offset(4)..Offset(10))]);
        assert!(!excuses.is_destroyed(&at(), Offset(5)));
    }
}
