//! The oracle: checkers that watch a run event by event and stop it at the first bad one.
//!
//! One checker, one file, named by the sentence it defends. A checker draws nothing and changes nothing: it is given [`Event`]s in the order in which
//! they happen and answers with a [`Violation`] as soon as one breaks its sentence.

mod acknowledged_is_durable;
mod at_least_once_never_loses;
mod at_most_once_never_doubles;
mod batches;
mod damage_is_never_cut_in_silence;
mod event;
mod excuses;
mod given_up_for_certain_is_absent;
mod idempotent_neither_loses_doubles_nor_reorders;
mod image_equals_replay;
mod log_start_only_moves_forward;
mod no_power_cut_takes_what_was_promised;
mod one_value_per_offset;
mod segment_reader;
mod setup;
#[cfg(test)]
mod testing;
mod what_is_told_to_be_there_can_be_used;
mod witness;

use std::collections::BTreeMap;

pub use batches::{Destroyed, HEADER, Header, Held, base_of};
pub use event::{Event, Fate, RecordId};
pub use excuses::{Excuses, cut_of};
pub use setup::{ClientSetup, Guarantee, Setup, TopicSetup};

/// One sentence, defended.
pub trait Checker {
    /// The sentence, in snake case: the name of its file.
    fn sentence(&self) -> &'static str;

    /// Takes the next event.
    ///
    /// # Errors
    /// The facts, when this event breaks the sentence.
    fn observe(&mut self, event: &Event<'_>) -> Result<(), Violation>;

    /// Anomalies that its guarantee allows and that the run showed, after [`Event::Finished`].
    fn seen(&self) -> Vec<(Seen, u64)> {
        Vec::new()
    }
}

/// What a guarantee allows, so that some seed must show it or the guarantee was never tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Seen {
    /// A record that was sent stands nowhere.
    Loss,
    /// A record stands more than once.
    Duplicate,
    /// Records of one producer stand in another order than they were handed over.
    Reorder,
}

impl Seen {
    /// Every one there is.
    pub const ALL: &[Seen] = &[Seen::Loss, Seen::Duplicate, Seen::Reorder];

    /// The word that scenarios and reports use.
    pub const fn word(self) -> &'static str {
        match self {
            Seen::Loss => "loss",
            Seen::Duplicate => "duplicate",
            Seen::Reorder => "reorder",
        }
    }
}

/// A sentence that was broken, with what a report needs.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Violation {
    /// The sentence of the checker that spoke.
    pub checker: &'static str,
    /// The facts, in one line.
    pub says: String,
}

impl Violation {
    /// A violation of `checker` with its facts.
    pub fn new(checker: &'static str, facts: impl std::fmt::Display) -> Violation {
        Violation { checker, says: facts.to_string() }
    }
}

/// All checkers of one run.
pub struct Oracle {
    checkers: Vec<Box<dyn Checker>>,
}

impl Oracle {
    /// The checkers that a run with this setup owes: which sentences hold follows from the guarantees and the configuration.
    ///
    /// What every run owes is always asked; what a profile promises is asked where the scenario expects it.
    pub fn new(setup: &Setup) -> Oracle {
        let mut checkers: Vec<Box<dyn Checker>> = vec![
            Box::new(witness::Witness::new(setup)),
            Box::new(damage_is_never_cut_in_silence::DamageIsNeverCutInSilence::new(setup)),
            Box::new(one_value_per_offset::OneValuePerOffset::new(setup)),
            Box::new(no_power_cut_takes_what_was_promised::NoPowerCutTakesWhatWasPromised::new(setup)),
            Box::new(acknowledged_is_durable::AcknowledgedIsDurable::new(setup)),
            Box::new(given_up_for_certain_is_absent::GivenUpForCertainIsAbsent::new(setup)),
            Box::new(image_equals_replay::ImageEqualsReplay::new(setup)),
            Box::new(log_start_only_moves_forward::LogStartOnlyMovesForward::new(setup)),
            Box::new(what_is_told_to_be_there_can_be_used::WhatIsToldToBeThereCanBeUsed::new(setup)),
        ];
        for guarantee in &setup.guarantees {
            checkers.push(match guarantee {
                Guarantee::AtMostOnce => Box::new(at_most_once_never_doubles::AtMostOnceNeverDoubles::new(setup)),
                Guarantee::AtLeastOnce => Box::new(at_least_once_never_loses::AtLeastOnceNeverLoses::new(setup)),
                Guarantee::Idempotent => {
                    Box::new(idempotent_neither_loses_doubles_nor_reorders::IdempotentNeitherLosesDoublesNorReorders::new(setup))
                }
            });
        }
        Oracle { checkers }
    }

    /// Anomalies that were seen, allowed or not, by [`Seen::word`]; where several counted, the most.
    pub fn seen(&self) -> BTreeMap<String, u64> {
        let mut seen = BTreeMap::new();
        for (anomaly, count) in self.checkers.iter().flat_map(|checker| checker.seen()).filter(|(_, count)| *count > 0) {
            let most = seen.entry(anomaly.word().to_owned()).or_insert(0);
            *most = count.max(*most);
        }
        seen
    }

    /// No checker at all: a run of which only crashes and liveness are asked.
    pub const fn silent() -> Oracle {
        Oracle { checkers: Vec::new() }
    }

    /// Shows an event to every checker.
    ///
    /// # Errors
    /// The first violation, in the order of the checkers.
    pub fn observe(&mut self, event: &Event<'_>) -> Result<(), Violation> {
        self.checkers.iter_mut().try_for_each(|checker| checker.observe(event))
    }
}
