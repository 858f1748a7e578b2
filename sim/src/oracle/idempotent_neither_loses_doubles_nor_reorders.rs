//! See [`IdempotentNeitherLosesDoublesNorReorders`].

use std::collections::{BTreeMap, BTreeSet};

use odradek_wire::ids::{Offset, TopicPartition};

use super::{Checker, Event, Excuses, Guarantee, RecordId, Setup, Violation};

/// Of an idempotent producer, every acknowledged record stands in the log once, every other at most once, and in each partition in the order in which
/// the application sent them (KIP-98).
///
/// Order and single copies are asked of everything that stands in the log, acknowledged or of unknown outcome: white-box truth resolves the unknown.
pub struct IdempotentNeitherLosesDoublesNorReorders {
    clients: BTreeSet<u16>,
    excuses: Excuses,
    acknowledged: BTreeMap<RecordId, (TopicPartition, Option<Offset>)>,
    stands: BTreeMap<RecordId, (TopicPartition, Offset)>,
    newest: BTreeMap<(TopicPartition, u16), RecordId>,
    start: BTreeMap<TopicPartition, Offset>,
}

impl IdempotentNeitherLosesDoublesNorReorders {
    /// Watches the clients of this profile.
    pub fn new(setup: &Setup) -> IdempotentNeitherLosesDoublesNorReorders {
        IdempotentNeitherLosesDoublesNorReorders {
            clients: setup.clients_of(Guarantee::Idempotent).collect(),
            excuses: Excuses::new(setup),
            acknowledged: BTreeMap::new(),
            stands: BTreeMap::new(),
            newest: BTreeMap::new(),
            start: BTreeMap::new(),
        }
    }

    fn stands(&mut self, at: &TopicPartition, offset: Offset, record: RecordId) -> Result<(), Violation> {
        if let Some((first, first_offset)) = self.stands.insert(record, (at.clone(), offset)) {
            let facts = format!("{record} stands at {first} offset {} and again at {at} offset {}", first_offset.0, offset.0);
            return Err(Violation::new(self.sentence(), facts));
        }
        let before = self.newest.insert((at.clone(), record.client), record);
        match before.filter(|before| before.op > record.op) {
            Some(before) => Err(Violation::new(
                self.sentence(),
                format!("{at}: {record} at offset {} stands behind {before}, which was sent later", offset.0),
            )),
            None => Ok(()),
        }
    }

    fn lost(&self) -> Option<(&RecordId, &TopicPartition)> {
        let missing = self.acknowledged.iter().filter(|(record, _)| !self.stands.contains_key(record));
        let owed = missing.filter(|(_, (at, offset))| {
            let Some(start) = self.start.get(at) else { return false };
            let below = offset.is_none_or(|offset| offset < *start);
            let destroyed = offset.is_some_and(|offset| self.excuses.is_destroyed(at, offset));
            !(destroyed || self.excuses.may_lose(&at.topic) || (self.excuses.shrinks(&at.topic) && below))
        });
        owed.map(|(record, (at, _))| (record, at)).next()
    }
}

impl Checker for IdempotentNeitherLosesDoublesNorReorders {
    fn sentence(&self) -> &'static str {
        "idempotent_neither_loses_doubles_nor_reorders"
    }

    fn observe(&mut self, event: &Event<'_>) -> Result<(), Violation> {
        self.excuses.observe(event);
        for (of, range) in self.excuses.forgiven() {
            self.acknowledged.retain(|_, (at, offset)| at != of || offset.is_some_and(|offset| !range.contains(&offset)));
        }
        match event {
            Event::Acknowledged { record, at, offset } if self.clients.contains(&record.client) => {
                self.acknowledged.insert(*record, (at.clone(), *offset));
            }
            Event::FinalBounds { at, start, .. } => {
                self.start.insert(at.clone(), *start);
            }
            Event::Unserved { at, .. } => {
                self.start.remove(at);
            }
            Event::FinalRead { at, offset, record: Some(record), .. } if self.clients.contains(&record.client) => {
                return self.stands(at, *offset, *record);
            }
            Event::Finished => {
                if let Some((record, at)) = self.lost() {
                    return Err(Violation::new(self.sentence(), format!("{at}: {record} was acknowledged and stands nowhere")));
                }
            }
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{acknowledged, bounds, final_read, id, setup_of, watch};
    use super::*;

    fn watched(story: &[Event<'_>]) -> Result<(), Violation> {
        watch(IdempotentNeitherLosesDoublesNorReorders::new(&setup_of(Guarantee::Idempotent)), story)
    }

    #[test]
    fn fires_on_loss() {
        assert!(watched(&[acknowledged(id(0, 1), 0), bounds(0, 0), Event::Finished]).unwrap_err().says.contains("nowhere"));
    }

    #[test]
    fn fires_on_a_double() {
        assert!(watched(&[final_read(0, Some(id(0, 1))), final_read(1, Some(id(0, 1)))]).unwrap_err().says.contains("again"));
    }

    #[test]
    fn fires_on_reordering() {
        assert!(watched(&[final_read(0, Some(id(0, 2))), final_read(1, Some(id(0, 1)))]).unwrap_err().says.contains("behind"));
    }

    #[test]
    fn is_silent_over_gaps_of_records_that_were_given_up() {
        let story =
            [acknowledged(id(0, 1), 0), bounds(0, 2), final_read(0, Some(id(0, 1))), final_read(1, Some(id(0, 3))), Event::Finished];
        assert_eq!(watched(&story), Ok(()));
    }
}
