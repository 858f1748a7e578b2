//! See [`OneValuePerOffset`].

use std::collections::BTreeMap;

use odradek_wire::ids::{Offset, TopicPartition};

use super::{Checker, Event, Excuses, RecordId, Setup, Violation};

/// An offset of a partition shows one value for ever, whoever reads it and whenever; and the log from its start to its end is dense and in order.
///
/// One node writes no transaction markers and compacts nothing here, so that a gap is a fault and not a habit.
pub struct OneValuePerOffset {
    excuses: Excuses,
    shown: BTreeMap<TopicPartition, BTreeMap<Offset, RecordId>>,
    final_next: BTreeMap<TopicPartition, Offset>,
    final_end: BTreeMap<TopicPartition, Offset>,
}

impl OneValuePerOffset {
    /// Nothing was shown yet.
    pub fn new(setup: &Setup) -> OneValuePerOffset {
        OneValuePerOffset { excuses: Excuses::new(setup), shown: BTreeMap::new(), final_next: BTreeMap::new(), final_end: BTreeMap::new() }
    }

    fn shows(&mut self, at: &TopicPartition, offset: Offset, record: RecordId) -> Result<(), Violation> {
        let before = self.shown.entry(at.clone()).or_default().insert(offset, record);
        match before.filter(|before| *before != record && !self.excuses.may_lose(&at.topic)) {
            Some(before) => Err(Violation::new(self.sentence(), format!("{at}: offset {} showed {before} and shows {record}", offset.0))),
            None => Ok(()),
        }
    }

    fn dense(&mut self, at: &TopicPartition, offset: Offset) -> Result<(), Violation> {
        let Some(next) = self.final_next.insert(at.clone(), offset.next()) else { return Ok(()) };
        if next != offset {
            return Err(Violation::new(self.sentence(), format!("{at}: offset {} follows where {} should be", offset.0, next.0)));
        }
        Ok(())
    }
}

impl Checker for OneValuePerOffset {
    fn sentence(&self) -> &'static str {
        "one_value_per_offset"
    }

    fn observe(&mut self, event: &Event<'_>) -> Result<(), Violation> {
        self.excuses.observe(event);
        for (at, range) in self.excuses.forgiven() {
            self.shown.entry(at.clone()).or_default().retain(|offset, _| !range.contains(offset));
        }
        match event {
            Event::Acknowledged { record, at, offset: Some(offset) } => self.shows(at, *offset, *record),
            Event::Read { at, offset, record: Some(record), .. } => self.shows(at, *offset, *record),
            Event::FinalBounds { at, start, end } => {
                self.final_next.insert(at.clone(), *start);
                self.final_end.insert(at.clone(), *end);
                Ok(())
            }
            Event::FinalRead { at, offset, record, .. } => {
                self.dense(at, *offset)?;
                record.map_or(Ok(()), |record| self.shows(at, *offset, record))
            }
            // What was refused with an error is no gap.
            Event::FinalRefused { at, from, to, .. } => {
                self.dense(at, *from)?;
                self.final_next.insert(at.clone(), *to);
                Ok(())
            }
            Event::Unserved { at, .. } => {
                self.final_end.remove(at);
                Ok(())
            }
            Event::Finished => {
                let short = self.final_end.iter().find(|(at, end)| self.final_next.get(*at).is_some_and(|next| next < *end));
                short.map_or(Ok(()), |(at, end)| {
                    let next = self.final_next[at].0;
                    Err(Violation::new(
                        self.sentence(),
                        format!("{at}: nothing can be read from offset {next} on, and the log ends at {}", end.0),
                    ))
                })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{acknowledged, at, bounds, final_read, id, read, setup, watch};
    use super::*;

    fn watched(story: &[Event<'_>]) -> Result<(), Violation> {
        watch(OneValuePerOffset::new(&setup()), story)
    }

    #[test]
    fn fires_when_an_offset_shows_two_values() {
        assert!(watched(&[acknowledged(id(0, 1), 5), read(5, id(0, 2))]).is_err());
        assert!(watched(&[read(5, id(0, 1)), bounds(5, 6), final_read(5, Some(id(0, 2)))]).is_err());
        assert!(watched(&[acknowledged(id(0, 1), 5), acknowledged(id(1, 1), 5)]).is_err());
    }

    #[test]
    fn fires_when_the_log_has_a_gap_or_ends_early() {
        assert!(watched(&[bounds(0, 3), final_read(0, None), final_read(2, None)]).is_err());
        assert!(watched(&[bounds(0, 3), final_read(0, None), Event::Finished]).is_err());
        assert!(watched(&[bounds(0, 2), final_read(1, None)]).is_err());
    }

    #[test]
    fn what_is_refused_with_an_error_is_no_gap() {
        let refused = Event::FinalRefused { at: at(), from: Offset(1), to: Offset(3), why: "its checksum does not hold".to_owned() };
        let story = |more| vec![bounds(0, 4), final_read(0, None), more, final_read(3, None), Event::Finished];
        assert_eq!(watched(&story(refused)), Ok(()));
        assert!(watched(&story(final_read(1, None))).is_err());
    }

    #[test]
    fn is_silent_over_a_dense_log_that_is_read_again() {
        let story = [read(0, id(0, 1)), read(0, id(0, 1)), bounds(0, 1), final_read(0, Some(id(0, 1))), Event::Finished];
        assert_eq!(watched(&story), Ok(()));
    }
}
