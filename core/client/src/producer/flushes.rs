//! Who waits for which records: each flush closes a generation, and ends when no record of it or of an earlier one is in hand.

use std::collections::{BTreeMap, VecDeque};

use super::Token;

/// Flushes asked for and not yet answered.
#[derive(Debug, Default)]
pub(super) struct Flushes {
    generation: u64,
    /// Records in hand by generation; none with a zero.
    open: BTreeMap<u64, usize>,
    asked: VecDeque<(u64, Token)>,
}

impl Flushes {
    /// A record comes in hand; its generation is to be given back at its outcome.
    pub(super) fn opened(&mut self) -> u64 {
        *self.open.entry(self.generation).or_default() += 1;
        self.generation
    }

    /// A record has its outcome.
    pub(super) fn ended(&mut self, generation: u64) {
        let left = self.open.get_mut(&generation).expect("a record in hand belongs to an open generation");
        *left -= 1;
        if *left == 0 {
            self.open.remove(&generation);
        }
    }

    /// A flush is asked for.
    pub(super) fn ask(&mut self, token: Token) {
        self.asked.push_back((self.generation, token));
        self.generation += 1;
    }

    /// The next flush that is done, if any.
    pub(super) fn done(&mut self) -> Option<Token> {
        let oldest = self.open.keys().next().copied().unwrap_or(u64::MAX);
        self.asked.pop_front_if(|(generation, _)| *generation < oldest).map(|(_, token)| token)
    }

    /// True while a flush waits.
    pub(super) fn is_waiting(&self) -> bool {
        !self.asked.is_empty()
    }

    /// Records in hand.
    pub(super) fn records(&self) -> usize {
        self.open.values().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flush_ends_when_what_was_sent_before_has_ended_and_not_later() {
        let mut flushes = Flushes::default();
        let first = flushes.opened();
        flushes.ask(Token(1));
        let second = flushes.opened();
        flushes.ask(Token(2));
        flushes.ask(Token(3));
        assert_eq!(flushes.done(), None);
        flushes.ended(second);
        assert_eq!(flushes.done(), None, "the first record is still in hand");
        flushes.ended(first);
        assert_eq!(
            [flushes.done(), flushes.done(), flushes.done(), flushes.done()],
            [Some(Token(1)), Some(Token(2)), Some(Token(3)), None]
        );
    }
}
