//! See [`AtLeastOnceNeverLoses`].

use std::collections::{BTreeMap, BTreeSet};

use odradek_wire::ids::{Offset, TopicPartition};

use super::{Checker, Event, Excuses, Guarantee, RecordId, Seen, Setup, Violation};

/// Every record that a producer with retries was told is written stands in the log, somewhere. It may stand there twice, and some seed must show that.
///
/// Where [`super::acknowledged_is_durable`] asks for the offset that was told, this asks for the value: the view of an application that only reads.
pub struct AtLeastOnceNeverLoses {
    clients: BTreeSet<u16>,
    excuses: Excuses,
    acknowledged: BTreeMap<RecordId, (TopicPartition, Option<Offset>)>,
    copies: BTreeMap<RecordId, u64>,
    start: BTreeMap<TopicPartition, Offset>,
}

impl AtLeastOnceNeverLoses {
    /// Watches the clients of this profile.
    pub fn new(setup: &Setup) -> AtLeastOnceNeverLoses {
        AtLeastOnceNeverLoses {
            clients: setup.clients_of(Guarantee::AtLeastOnce).collect(),
            excuses: Excuses::new(setup),
            acknowledged: BTreeMap::new(),
            copies: BTreeMap::new(),
            start: BTreeMap::new(),
        }
    }

    fn excused(&self, at: &TopicPartition, offset: Option<Offset>) -> bool {
        let Some(start) = self.start.get(at) else { return true };
        let below = offset.is_none_or(|offset| offset < *start);
        let destroyed = offset.is_some_and(|offset| self.excuses.is_destroyed(at, offset));
        destroyed || self.excuses.may_lose(&at.topic) || (self.excuses.shrinks(&at.topic) && below)
    }
}

impl Checker for AtLeastOnceNeverLoses {
    fn sentence(&self) -> &'static str {
        "at_least_once_never_loses"
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
            Event::FinalRead { record: Some(record), .. } if self.clients.contains(&record.client) => {
                *self.copies.entry(*record).or_default() += 1;
            }
            Event::Finished => {
                let missing =
                    self.acknowledged.iter().find(|(record, (at, offset))| !self.copies.contains_key(record) && !self.excused(at, *offset));
                if let Some((record, (at, _))) = missing {
                    return Err(Violation::new(self.sentence(), format!("{at}: {record} was acknowledged and stands nowhere")));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn seen(&self) -> Vec<(Seen, u64)> {
        vec![(Seen::Duplicate, self.copies.values().map(|copies| copies - 1).sum())]
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{acknowledged, bounds, final_read, id, setup_of, watch};
    use super::*;

    #[test]
    fn fires_when_an_acknowledged_record_stands_nowhere() {
        let checker = AtLeastOnceNeverLoses::new(&setup_of(Guarantee::AtLeastOnce));
        assert!(watch(checker, &[acknowledged(id(0, 1), 0), bounds(0, 0), Event::Finished]).is_err());
    }

    #[test]
    fn sees_duplicates_and_does_not_mind() {
        let mut checker = AtLeastOnceNeverLoses::new(&setup_of(Guarantee::AtLeastOnce));
        let twice =
            [acknowledged(id(0, 1), 1), bounds(0, 2), final_read(0, Some(id(0, 1))), final_read(1, Some(id(0, 1))), Event::Finished];
        for event in twice {
            assert_eq!(checker.observe(&event), Ok(()));
        }
        assert_eq!(checker.seen(), [(Seen::Duplicate, 1)]);
    }
}
