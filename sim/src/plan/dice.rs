//! ChaCha with integer draws of our own: the same on every machine and in every version of the crate around it.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// The one stream from which a plan is drawn, in the order of the scenario.
pub struct Dice(ChaCha8Rng);

impl Dice {
    /// The dice of a seed.
    pub fn new(seed: u64) -> Dice {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..16].copy_from_slice(b"odradek.");
        Dice(ChaCha8Rng::from_seed(key))
    }

    /// A number in `0..n`.
    ///
    /// # Panics
    /// If `n` is zero: there is nothing to draw from.
    pub fn below(&mut self, n: u64) -> u64 {
        assert!(n > 0, "a draw from nothing");
        ((u128::from(self.0.next_u64()) * u128::from(n)) >> 64) as u64
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        match (high - low).checked_add(1) {
            Some(all) => low + self.below(all),
            None => self.0.next_u64(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Dice;

    #[test]
    fn dice_give_the_same_numbers_on_every_machine() {
        let mut dice = Dice::new(7);
        let drawn: Vec<u64> = (0..4).map(|_| dice.between(10, 1000)).collect();
        assert_eq!(
            drawn,
            Vec::from_iter({
                let mut again = Dice::new(7);
                (0..4).map(move |_| again.between(10, 1000))
            })
        );
        assert!(drawn.iter().all(|n| (10..=1000).contains(n)), "{drawn:?}");
    }
}
