//! The oracle: checkers that watch a run event by event and stop it at the first bad one.
//!
//! One checker, one file, named by the sentence it defends. A checker draws nothing and changes nothing: it is given [`Event`]s in the order in which
//! they happen and answers with a [`Violation`] as soon as one breaks its sentence.

mod event;
mod setup;

pub use event::{Event, Fate, RecordId};
pub use setup::{ClientSetup, Guarantee, Setup, TopicSetup};

/// One sentence, defended.
pub trait Checker {
    /// The sentence, in snake case: the name of its file.
    fn sentence(&self) -> &'static str;

    /// Takes the next event.
    ///
    /// # Errors
    /// The facts, when this event breaks the sentence.
    fn observe(&mut self, event: &Event) -> Result<(), Violation>;
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
    pub fn new(_setup: &Setup) -> Oracle {
        Oracle { checkers: Vec::new() }
    }

    /// No checker at all: a run of which only crashes and liveness are asked.
    pub const fn silent() -> Oracle {
        Oracle { checkers: Vec::new() }
    }

    /// Shows an event to every checker.
    ///
    /// # Errors
    /// The first violation, in the order of the checkers.
    pub fn observe(&mut self, event: &Event) -> Result<(), Violation> {
        self.checkers.iter_mut().try_for_each(|checker| checker.observe(event))
    }
}
