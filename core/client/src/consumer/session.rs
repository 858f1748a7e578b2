//! A fetch session with one node (KIP-227): what it knows, so that a request names only what changed.

use std::collections::BTreeMap;

use odradek_wire::error::ErrorCode;
use odradek_wire::ids::{TopicPartition, Uuid};

/// What is asked of one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) topic_id: Uuid,
    pub(super) offset: i64,
    pub(super) leader_epoch: i32,
}

/// The session with one node, as both sides have it.
#[derive(Debug, Default)]
pub(super) struct Session {
    /// Zero while there is none.
    id: i32,
    /// Of the next request: zero asks for a session.
    epoch: i32,
    partitions: BTreeMap<TopicPartition, Wanted>,
}

/// What goes into the next request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) id: i32,
    pub(super) epoch: i32,
    /// Partitions that are new to the session, or of which something else is asked.
    pub(super) changed: Vec<(TopicPartition, Wanted)>,
    /// Partitions that the session shall not hold any longer, with the topic ids by which it knows them.
    pub(super) forgotten: Vec<(TopicPartition, Uuid)>,
}

impl Session {
    /// The next request for exactly these partitions. A topic that was made anew under its old name is forgotten by its old id and added by its new one.
    pub(super) fn next(&mut self, wanted: BTreeMap<TopicPartition, Wanted>) -> Step {
        let step = if self.epoch == 0 {
            Step { id: self.id, epoch: 0, changed: wanted.iter().map(|(of, w)| (of.clone(), *w)).collect(), forgotten: Vec::new() }
        } else {
            let changed = wanted.iter().filter(|(of, w)| self.partitions.get(*of) != Some(*w));
            let gone = self.partitions.iter().filter(|(of, known)| wanted.get(*of).is_none_or(|w| w.topic_id != known.topic_id));
            Step {
                id: self.id,
                epoch: self.epoch,
                changed: changed.map(|(of, w)| (of.clone(), *w)).collect(),
                forgotten: gone.map(|(of, known)| (of.clone(), known.topic_id)).collect(),
            }
        };
        self.partitions = wanted;
        step
    }

    /// A request without a session, for brokers that know none (Fetch before version 7).
    pub(super) fn without(wanted: BTreeMap<TopicPartition, Wanted>) -> Step {
        Step { id: 0, epoch: FINAL_EPOCH, changed: wanted.into_iter().collect(), forgotten: Vec::new() }
    }

    /// The answer came. True if what it says may be used.
    pub(super) fn answered(&mut self, code: ErrorCode, id: i32) -> bool {
        match code {
            ErrorCode::None if self.epoch == 0 => {
                (self.id, self.epoch) = if id == 0 { (0, 0) } else { (id, 1) };
                true
            }
            ErrorCode::None if id == self.id => {
                self.epoch = self.epoch.checked_add(1).unwrap_or(1);
                true
            }
            ErrorCode::FetchSessionIdNotFound => {
                (self.id, self.epoch) = (0, 0);
                false
            }
            _ => {
                self.lost();
                false
            }
        }
    }

    /// There was no answer, or none of use: the session is closed and another one asked for by the next request.
    pub(super) const fn lost(&mut self) {
        self.epoch = 0;
    }

    /// What ends the session, if there is one.
    pub(super) fn end(&self) -> Option<Step> {
        (self.id != 0).then(|| Step { id: self.id, epoch: FINAL_EPOCH, changed: Vec::new(), forgotten: Vec::new() })
    }

    /// The partition of a topic id, as the session knows it.
    pub(super) fn names(&self) -> BTreeMap<(Uuid, i32), TopicPartition> {
        self.partitions.iter().map(|(of, known)| ((known.topic_id, of.partition), of.clone())).collect()
    }
}

/// Ends a session, or does without one.
const FINAL_EPOCH: i32 = -1;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::orders;

    fn of(partition: i32) -> TopicPartition {
        TopicPartition { topic: orders(), partition }
    }

    const ID: Uuid = Uuid([7; 16]);

    fn wanted(offsets: &[(i32, i64)]) -> BTreeMap<TopicPartition, Wanted> {
        offsets.iter().map(|&(p, offset)| (of(p), Wanted { topic_id: ID, offset, leader_epoch: 0 })).collect()
    }

    #[test]
    fn session_names_only_what_changed_and_forgets_what_is_gone() {
        let mut session = Session::default();
        let first = session.next(wanted(&[(0, 0), (1, 0)]));
        assert_eq!((first.id, first.epoch, first.changed.len()), (0, 0, 2));
        assert!(session.answered(ErrorCode::None, 33));
        let second = session.next(wanted(&[(0, 5), (2, 0)]));
        assert_eq!((second.id, second.epoch), (33, 1));
        assert_eq!(second.changed.iter().map(|(p, w)| (p.partition, w.offset)).collect::<Vec<_>>(), [(0, 5), (2, 0)]);
        assert_eq!(second.forgotten, [(of(1), ID)]);
        assert!(session.answered(ErrorCode::None, 33));
        let third = session.next(wanted(&[(0, 5), (2, 0)]));
        assert_eq!((third.epoch, third.changed.len(), third.forgotten.len()), (2, 0, 0));
        assert_eq!(session.end().map(|end| (end.id, end.epoch)), Some((33, -1)));
    }

    #[test]
    fn session_epoch_wraps_to_one_and_zero_is_never_sent_again_by_itself() {
        let mut session = Session { id: 5, epoch: i32::MAX, partitions: wanted(&[(0, 0)]) };
        assert!(session.answered(ErrorCode::None, 5));
        assert_eq!(session.next(wanted(&[(0, 0)])).epoch, 1);
    }

    #[test]
    fn session_begins_anew_after_every_error_and_loss() {
        for code in [ErrorCode::FetchSessionIdNotFound, ErrorCode::InvalidFetchSessionEpoch, ErrorCode::FetchSessionTopicIdError] {
            let mut session = Session { id: 5, epoch: 9, partitions: wanted(&[(0, 0)]) };
            assert!(!session.answered(code, 0));
            let step = session.next(wanted(&[(0, 0)]));
            assert_eq!((step.epoch, step.changed.len()), (0, 1), "{code}");
        }
        let mut other = Session { id: 5, epoch: 9, partitions: wanted(&[(0, 0)]) };
        assert!(!other.answered(ErrorCode::None, 6), "an answer of another session was used");
    }

    #[test]
    fn session_replaces_a_topic_that_was_made_anew() {
        let mut session = Session { id: 5, epoch: 9, partitions: wanted(&[(0, 0)]) };
        let anew = Uuid([8; 16]);
        let step = session.next(BTreeMap::from([(of(0), Wanted { topic_id: anew, offset: 0, leader_epoch: 0 })]));
        assert_eq!(step.forgotten, [(of(0), ID)]);
        assert_eq!(step.changed[0].1.topic_id, anew);
    }
}
