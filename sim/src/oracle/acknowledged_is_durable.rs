//! See [`AcknowledgedIsDurable`].

use std::collections::{BTreeMap, BTreeSet};

use odradek_wire::ids::{Offset, TopicPartition};

use super::{Checker, Event, Excuses, RecordId, Setup, Violation};

/// Every record that a producer was told is written is there at the end, at its offset, with its value.
///
/// Excused: records below the log start of a topic that may shrink, and what [`Excuses`] says the world destroyed.
pub struct AcknowledgedIsDurable {
    excuses: Excuses,
    owed: BTreeMap<TopicPartition, BTreeMap<Offset, RecordId>>,
    start: BTreeMap<TopicPartition, Offset>,
    /// Partitions that were read to the end; of the others the run says nothing.
    read: BTreeSet<TopicPartition>,
}

impl AcknowledgedIsDurable {
    /// Nothing is owed yet.
    pub fn new(setup: &Setup) -> AcknowledgedIsDurable {
        AcknowledgedIsDurable { excuses: Excuses::new(setup), owed: BTreeMap::new(), start: BTreeMap::new(), read: BTreeSet::new() }
    }

    fn lost(&self) -> Result<(), Violation> {
        for (at, owed) in self.owed.iter().filter(|(at, _)| self.read.contains(*at) && !self.excuses.may_lose(&at.topic)) {
            let start = self.start.get(at).copied().filter(|_| self.excuses.shrinks(&at.topic)).unwrap_or_default();
            let missing = owed.range(start..).find(|(offset, _)| !self.excuses.is_destroyed(at, **offset));
            if let Some((offset, record)) = missing {
                let facts = format!("{at}: {record} was acknowledged at offset {} and is gone", offset.0);
                return Err(Violation::new(self.sentence(), facts));
            }
        }
        Ok(())
    }
}

impl Checker for AcknowledgedIsDurable {
    fn sentence(&self) -> &'static str {
        "acknowledged_is_durable"
    }

    fn observe(&mut self, event: &Event<'_>) -> Result<(), Violation> {
        self.excuses.observe(event);
        for (at, range) in self.excuses.forgiven() {
            self.owed.entry(at.clone()).or_default().retain(|offset, _| !range.contains(offset));
        }
        match event {
            Event::Acknowledged { record, at, offset: Some(offset) } => {
                self.owed.entry(at.clone()).or_default().insert(*offset, *record);
            }
            Event::FinalBounds { at, start, .. } => {
                self.start.insert(at.clone(), *start);
                self.read.insert(at.clone());
            }
            Event::FinalRead { at, offset, record, .. } => {
                let owed = self.owed.get_mut(at).and_then(|owed| owed.remove(offset));
                if let Some(owed) = owed.filter(|owed| Some(*owed) != *record && !self.excuses.may_lose(&at.topic)) {
                    let found = record.map_or_else(|| "something that nobody sent".to_owned(), |record| record.to_string());
                    return Err(Violation::new(
                        self.sentence(),
                        format!("{at}: {owed} was acknowledged at offset {}, where {found} is", offset.0),
                    ));
                }
            }
            Event::Unserved { at, .. } => {
                self.read.remove(at);
            }
            Event::Finished => return self.lost(),
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{acknowledged, at, bounds, final_read, id, media_lost, setup, watch};
    use super::*;

    #[test]
    fn fires_when_an_acknowledged_record_is_gone() {
        let story = [acknowledged(id(0, 4), 7), bounds(0, 7), Event::Finished];
        let said = watch(AcknowledgedIsDurable::new(&setup()), &story).unwrap_err();
        assert_eq!(said.says, "orders-0: c0#4 was acknowledged at offset 7 and is gone");
    }

    #[test]
    fn fires_when_another_record_is_in_its_place() {
        let story = [acknowledged(id(0, 4), 7), bounds(0, 8), final_read(7, Some(id(1, 1)))];
        assert!(watch(AcknowledgedIsDurable::new(&setup()), &story).is_err());
    }

    #[test]
    fn is_silent_when_the_record_is_there_or_below_the_start_of_a_topic_that_shrinks() {
        let story = [acknowledged(id(0, 4), 7), bounds(0, 8), final_read(7, Some(id(0, 4))), Event::Finished];
        assert_eq!(watch(AcknowledgedIsDurable::new(&setup()), &story), Ok(()));
        let mut shrinking = setup();
        shrinking.topics[0].shrinks = true;
        let story = [acknowledged(id(0, 4), 7), bounds(8, 9), Event::Finished];
        assert_eq!(watch(AcknowledgedIsDurable::new(&shrinking), &story), Ok(()));
    }

    #[test]
    fn is_silent_about_what_the_world_destroyed_and_about_nothing_else() {
        let story = |gone: i64| [acknowledged(id(0, 4), gone), media_lost(7..9, false), bounds(0, 9), Event::Finished];
        assert_eq!(watch(AcknowledgedIsDurable::new(&setup()), &story(7)), Ok(()));
        assert!(watch(AcknowledgedIsDurable::new(&setup()), &story(6)).is_err());
        assert_eq!(at().topic.as_ref(), "orders");
    }

    #[test]
    fn is_silent_about_what_goes_out_of_service_while_it_is_read() {
        let unserved = Event::Unserved { at: at(), why: "it went out of service".to_owned() };
        let story = [acknowledged(id(0, 4), 7), bounds(0, 9), unserved, Event::Finished];
        assert_eq!(watch(AcknowledgedIsDurable::new(&setup()), &story), Ok(()));
    }

    #[test]
    fn fires_when_what_was_written_after_the_disk_went_back_is_gone_too() {
        let story = [acknowledged(id(0, 4), 7), media_lost(7..8, true), bounds(0, 7), Event::Finished];
        assert_eq!(watch(AcknowledgedIsDurable::new(&setup()), &story), Ok(()));
        let story = [acknowledged(id(0, 4), 7), media_lost(7..8, true), acknowledged(id(0, 5), 7), bounds(0, 7), Event::Finished];
        assert!(watch(AcknowledgedIsDurable::new(&setup()), &story).is_err());
    }
}
