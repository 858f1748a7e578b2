//! See [`Witness`].

use std::collections::{BTreeMap, BTreeSet};

use odradek_wire::ids::{Offset, TopicPartition};

use super::{Checker, Event, Excuses, RecordId, Seen, Setup, Violation};

/// Counts anomalies, whoever's they are and whether they are allowed or not: what a scenario forbids (`never`) or wants to be shown (`in_some_seed`).
///
/// It breaks no sentence by itself. A loss is a record that was acknowledged and stands nowhere, unless the log start moved past it or its topic is gone.
pub struct Witness {
    excuses: Excuses,
    acknowledged: BTreeMap<RecordId, (TopicPartition, Option<Offset>)>,
    starts: BTreeMap<TopicPartition, Offset>,
    stands: BTreeSet<RecordId>,
    newest: BTreeMap<(u16, TopicPartition), u32>,
    lost: u64,
    doubled: u64,
    reordered: u64,
}

impl Witness {
    /// Nothing was seen yet.
    pub fn new(setup: &Setup) -> Witness {
        Witness {
            excuses: Excuses::new(setup),
            acknowledged: BTreeMap::new(),
            starts: BTreeMap::new(),
            stands: BTreeSet::new(),
            newest: BTreeMap::new(),
            lost: 0,
            doubled: 0,
            reordered: 0,
        }
    }

    fn read(&mut self, at: &TopicPartition, record: RecordId) {
        if !self.stands.insert(record) {
            self.doubled += 1;
            return;
        }
        let newest = self.newest.entry((record.client, at.clone())).or_insert(record.op);
        self.reordered += u64::from(record.op < *newest);
        *newest = (*newest).max(record.op);
    }

    /// True if a record left in an orderly way.
    fn left(&self, at: &TopicPartition, offset: Option<Offset>) -> bool {
        let Some(start) = self.starts.get(at) else { return true };
        self.excuses.shrinks(&at.topic) && offset.is_none_or(|offset| offset < *start)
    }
}

impl Checker for Witness {
    fn sentence(&self) -> &'static str {
        "anomalies_are_counted"
    }

    fn observe(&mut self, event: &Event<'_>) -> Result<(), Violation> {
        match event {
            Event::Acknowledged { record, at, offset } => {
                self.acknowledged.insert(*record, (at.clone(), *offset));
            }
            Event::FinalBounds { at, start, .. } => {
                self.starts.insert(at.clone(), *start);
            }
            Event::Unserved { at, .. } => {
                self.starts.remove(at);
            }
            Event::FinalRead { at, record: Some(record), .. } => self.read(at, *record),
            Event::Finished => {
                let missing = self.acknowledged.iter().filter(|(record, _)| !self.stands.contains(record));
                self.lost = missing.filter(|(_, (at, offset))| !self.left(at, *offset)).count() as u64;
            }
            _ => {}
        }
        Ok(())
    }

    fn seen(&self) -> Vec<(Seen, u64)> {
        vec![(Seen::Loss, self.lost), (Seen::Duplicate, self.doubled), (Seen::Reorder, self.reordered)]
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{acknowledged, bounds, final_read, id, setup};
    use super::*;

    fn seen(events: &[Event<'_>]) -> Vec<u64> {
        let mut witness = Witness::new(&setup());
        for event in events {
            witness.observe(event).expect("it breaks no sentence");
        }
        witness.observe(&Event::Finished).expect("it breaks no sentence");
        witness.seen().into_iter().map(|(_, count)| count).collect()
    }

    #[test]
    fn counts_what_is_lost_doubled_and_reordered_and_nothing_else() {
        let (one, two) = (id(0, 1), id(0, 2));
        let all = [acknowledged(one, 0), acknowledged(two, 1), bounds(0, 2)];
        let with = |reads: &[Event<'static>]| seen(&[&all[..], reads].concat());
        assert_eq!(with(&[final_read(0, Some(one)), final_read(1, Some(two))]), [0, 0, 0]);
        assert_eq!(with(&[final_read(0, Some(one))]), [1, 0, 0]);
        assert_eq!(with(&[final_read(0, Some(one)), final_read(1, Some(two)), final_read(2, Some(one))]), [0, 1, 0]);
        assert_eq!(with(&[final_read(0, Some(two)), final_read(1, Some(one))]), [0, 0, 1]);
        // Of a topic that is gone nothing is lost.
        assert_eq!(seen(&all[..2]), [0, 0, 0]);
    }
}
