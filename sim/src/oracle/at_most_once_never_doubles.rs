//! See [`AtMostOnceNeverDoubles`].

use std::collections::{BTreeMap, BTreeSet};

use super::{Checker, Event, Guarantee, RecordId, Seen, Setup, Violation};

/// A record of a producer that never sends twice stands in the log at one place at the most. It may be lost, and some seed must show that.
pub struct AtMostOnceNeverDoubles {
    clients: BTreeSet<u16>,
    sent: BTreeSet<RecordId>,
    places: BTreeMap<RecordId, String>,
    lost: u64,
}

impl AtMostOnceNeverDoubles {
    /// Watches the clients of this profile.
    pub fn new(setup: &Setup) -> AtMostOnceNeverDoubles {
        let clients = setup.clients_of(Guarantee::AtMostOnce).collect();
        AtMostOnceNeverDoubles { clients, sent: BTreeSet::new(), places: BTreeMap::new(), lost: 0 }
    }
}

impl Checker for AtMostOnceNeverDoubles {
    fn sentence(&self) -> &'static str {
        "at_most_once_never_doubles"
    }

    fn observe(&mut self, event: &Event<'_>) -> Result<(), Violation> {
        match event {
            Event::Sent { record, .. } if self.clients.contains(&record.client) => {
                self.sent.insert(*record);
            }
            Event::FinalRead { at, offset, record: Some(record), .. } if self.clients.contains(&record.client) => {
                let place = format!("{at} offset {}", offset.0);
                if let Some(first) = self.places.insert(*record, place.clone()) {
                    return Err(Violation::new(self.sentence(), format!("{record} was sent once and stands at {first} and at {place}")));
                }
            }
            Event::Finished => self.lost = self.sent.iter().filter(|record| !self.places.contains_key(record)).count() as u64,
            _ => {}
        }
        Ok(())
    }

    fn seen(&self) -> Vec<(Seen, u64)> {
        vec![(Seen::Loss, self.lost)]
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{final_read, id, sent, setup_of, watch};
    use super::*;

    #[test]
    fn fires_when_a_record_stands_twice() {
        let checker = AtMostOnceNeverDoubles::new(&setup_of(Guarantee::AtMostOnce));
        assert!(watch(checker, &[sent(id(0, 1)), final_read(0, Some(id(0, 1))), final_read(1, Some(id(0, 1)))]).is_err());
    }

    #[test]
    fn sees_loss_and_does_not_mind() {
        let mut checker = AtMostOnceNeverDoubles::new(&setup_of(Guarantee::AtMostOnce));
        for event in [sent(id(0, 1)), sent(id(0, 2)), final_read(0, Some(id(0, 2))), Event::Finished] {
            assert_eq!(checker.observe(&event), Ok(()));
        }
        assert_eq!(checker.seen(), [(Seen::Loss, 1)]);
    }
}
