//! See [`LogStartOnlyMovesForward`].

use std::collections::BTreeMap;

use odradek_wire::ids::{Offset, TopicPartition};

use super::{Checker, Event, Setup, Violation};

/// The file in which a node writes down where its logs start.
const CHECKPOINT: &str = "log-start-offset-checkpoint";

/// The log start of a partition never falls, over restarts too: what was deleted stays deleted, and what was read from the start is not preceded later.
///
/// It may fall back once to what was durable when power goes before a raised start was synced: DeleteRecords answers after its checkpoint, retention asks nobody.
pub struct LogStartOnlyMovesForward {
    starts: BTreeMap<TopicPartition, Offset>,
}

impl LogStartOnlyMovesForward {
    /// No start was seen yet.
    pub const fn new(_setup: &Setup) -> LogStartOnlyMovesForward {
        LogStartOnlyMovesForward { starts: BTreeMap::new() }
    }

    fn starts_at(&mut self, at: &TopicPartition, start: Offset) -> Result<(), Violation> {
        let before = self.starts.insert(at.clone(), start);
        match before.filter(|before| *before > start) {
            Some(before) => {
                Err(Violation::new(self.sentence(), format!("{at}: the log started at {} and starts at {}", before.0, start.0)))
            }
            None => Ok(()),
        }
    }
}

impl Checker for LogStartOnlyMovesForward {
    fn sentence(&self) -> &'static str {
        "log_start_only_moves_forward"
    }

    fn observe(&mut self, event: &Event<'_>) -> Result<(), Violation> {
        match event {
            // A disk, or the file that says where logs start, went back in time.
            Event::MediaLost { file, whole_disk, .. } => {
                if *whole_disk || file.as_str() == CHECKPOINT {
                    self.starts.clear();
                }
                Ok(())
            }
            Event::StartShown { at, start } | Event::FinalBounds { at, start, .. } => self.starts_at(at, *start),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{at, bounds, setup, watch};
    use super::*;

    #[test]
    fn fires_when_a_start_that_a_client_saw_falls() {
        let shown = |start| Event::StartShown { at: at(), start: Offset(start) };
        assert!(watch(LogStartOnlyMovesForward::new(&setup()), &[shown(5), shown(4)]).is_err());
        assert!(watch(LogStartOnlyMovesForward::new(&setup()), &[shown(5), bounds(4, 9)]).is_err());
        assert_eq!(watch(LogStartOnlyMovesForward::new(&setup()), &[shown(5), shown(5), bounds(6, 9)]), Ok(()));
    }
}
