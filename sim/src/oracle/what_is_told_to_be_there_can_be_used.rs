//! See [`WhatIsToldToBeThereCanBeUsed`].

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Checker, Event, Setup, Violation};

/// A topic that the operator was told is there can be used: no log of it falls, in that life of its node, before anything was ever in it.
///
/// A log may fall so with its whole directory, and at a later start, which finds what is there and makes what is missing.
pub struct WhatIsToldToBeThereCanBeUsed {
    told: BTreeSet<Arc<str>>,
    /// Logs that fell empty, by node.
    fell: BTreeSet<(usize, Arc<str>, i32)>,
    /// Nodes of which a directory is out of service.
    without_directory: BTreeSet<usize>,
}

impl WhatIsToldToBeThereCanBeUsed {
    /// Nobody was told anything.
    pub const fn new(_setup: &Setup) -> WhatIsToldToBeThereCanBeUsed {
        WhatIsToldToBeThereCanBeUsed { told: BTreeSet::new(), fell: BTreeSet::new(), without_directory: BTreeSet::new() }
    }

    fn judge(&self) -> Result<(), Violation> {
        let lie = self.fell.iter().find(|(node, topic, _)| self.told.contains(topic) && !self.without_directory.contains(node));
        lie.map_or(Ok(()), |(_, topic, partition)| {
            Err(Violation::new(
                self.sentence(),
                format!("{topic} was told to be there, and the log of its partition {partition} could not be made"),
            ))
        })
    }
}

impl Checker for WhatIsToldToBeThereCanBeUsed {
    fn sentence(&self) -> &'static str {
        "what_is_told_to_be_there_can_be_used"
    }

    fn observe(&mut self, event: &Event<'_>) -> Result<(), Violation> {
        match event {
            Event::TopicTold { topic } => {
                self.told.insert(topic.clone());
                self.judge()
            }
            Event::Noted { node, note } => {
                match (note.mark, &note.of) {
                    ("dir.out_of_service", _) => drop(self.without_directory.insert(*node)),
                    ("log.out_of_service", Some(of)) if note.facts == [0, 0] => drop(self.fell.insert((*node, of.name.clone(), of.number))),
                    ("replica.made_at_last", Some(of)) => drop(self.fell.remove(&(*node, of.name.clone(), of.number))),
                    _ => return Ok(()),
                }
                self.judge()
            }
            Event::Fell { node, .. } => {
                self.told.clear();
                self.fell.retain(|(of, _, _)| of != node);
                self.without_directory.remove(node);
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use odradek_machine::{Note, Subject};

    use super::super::Fate;
    use super::super::testing::{setup, watch};
    use super::*;

    fn told() -> Event<'static> {
        Event::TopicTold { topic: Arc::from("orders") }
    }

    fn noted(mark: &'static str, end: i64) -> Note {
        Note::mark(mark).of(Some(&Subject { name: Arc::from("orders"), number: 0 })).facts(0, end)
    }

    fn watched(events: &[Event<'_>]) -> Result<(), Violation> {
        watch(WhatIsToldToBeThereCanBeUsed::new(&setup()), events)
    }

    #[test]
    fn fires_when_a_topic_is_told_to_be_there_whose_log_could_not_be_made() {
        let (empty, full, made) = (noted("log.out_of_service", 0), noted("log.out_of_service", 3), noted("replica.made_at_last", 0));
        let directory = noted("dir.out_of_service", 0);
        fn says(note: &Note) -> Event<'_> {
            Event::Noted { node: 0, note }
        }
        assert!(watched(&[told(), says(&empty)]).is_err());
        assert!(watched(&[says(&empty), told()]).is_err());
        assert_eq!(watched(&[says(&empty), says(&made), told()]), Ok(()));
        assert_eq!(watched(&[told(), says(&full)]), Ok(()), "it was used");
        assert_eq!(watched(&[told(), says(&directory), says(&empty)]), Ok(()));
        assert_eq!(watched(&[told(), Event::Fell { node: 0, fate: Fate::Killed }, says(&empty)]), Ok(()));
    }
}
