//! See [`GivenUpForCertainIsAbsent`].

use std::collections::BTreeMap;

use super::{Checker, Event, RecordId, Setup, Violation};

/// A record whose producer said that it is certainly not written is not in the log. An unknown outcome promises nothing, and a certain one binds.
pub struct GivenUpForCertainIsAbsent {
    certain: BTreeMap<RecordId, String>,
}

impl GivenUpForCertainIsAbsent {
    /// Nothing was given up yet.
    pub const fn new(_setup: &Setup) -> GivenUpForCertainIsAbsent {
        GivenUpForCertainIsAbsent { certain: BTreeMap::new() }
    }
}

impl Checker for GivenUpForCertainIsAbsent {
    fn sentence(&self) -> &'static str {
        "given_up_for_certain_is_absent"
    }

    fn observe(&mut self, event: &Event<'_>) -> Result<(), Violation> {
        match event {
            Event::GaveUp { record, certain: true, error } => {
                self.certain.insert(*record, error.clone());
            }
            Event::Read { at, offset, record: Some(record), .. } | Event::FinalRead { at, offset, record: Some(record), .. } => {
                if let Some(error) = self.certain.get(record) {
                    let facts = format!("{record} was certainly not written ({error}) and stands at {at} offset {}", offset.0);
                    return Err(Violation::new(self.sentence(), facts));
                }
            }
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{final_read, id, setup, watch};
    use super::*;

    fn gave_up(certain: bool) -> Event<'static> {
        Event::GaveUp { record: id(0, 1), certain, error: "RECORD_TOO_LARGE".to_owned() }
    }

    #[test]
    fn fires_when_a_record_that_cannot_be_there_is() {
        assert!(watch(GivenUpForCertainIsAbsent::new(&setup()), &[gave_up(true), final_read(0, Some(id(0, 1)))]).is_err());
    }

    #[test]
    fn is_silent_about_unknown_outcomes() {
        assert_eq!(watch(GivenUpForCertainIsAbsent::new(&setup()), &[gave_up(false), final_read(0, Some(id(0, 1)))]), Ok(()));
    }
}
