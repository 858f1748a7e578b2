//! Keyed draws: an integer hash of (seed, what, for whom, which attempt), with no state to shift.

/// A place in the tree of draws that one life of a node owns.
///
/// A draw is addressed, never taken from a stream: `seed.named("topic.id").named("orders").number(epoch).uuid()`. One draw more, or one less,
/// shifts no other. Quality is that of a 64-bit finaliser (SplitMix64 mixing), which is enough for ids, jitter and weather, and no secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Seed(pub u64);

impl Seed {
    /// The branch of the tree with this name.
    pub fn named(self, name: &str) -> Seed {
        let mut h = self.0 ^ 0x9e37_79b9_7f4a_7c15;
        for chunk in name.as_bytes().chunks(8) {
            let mut word = [0u8; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            h = mix(h ^ u64::from_le_bytes(word));
        }
        Seed(mix(h ^ (name.len() as u64) << 56))
    }

    /// The branch with this number.
    pub fn number(self, n: u64) -> Seed {
        Seed(mix(self.0.rotate_left(23) ^ mix(n.wrapping_add(0x9e37_79b9_7f4a_7c15))))
    }

    /// Sixty-four drawn bits.
    pub fn u64(self) -> u64 {
        mix(self.0 ^ 0xd6e8_feb8_6659_fd93)
    }

    /// A number in `0..n`.
    ///
    /// # Panics
    /// If `n` is zero: there is nothing to draw from.
    pub fn below(self, n: u64) -> u64 {
        assert!(n > 0, "a draw from nothing");
        ((u128::from(self.u64()) * u128::from(n)) >> 64) as u64
    }

    /// True once in `n` times on average.
    pub fn one_in(self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// Sixteen bytes with the version and variant bits of a random UUID (RFC 9562, version 4), as Kafka's ids have them.
    pub fn uuid(self) -> [u8; 16] {
        let mut id = [0u8; 16];
        id[..8].copy_from_slice(&self.number(1).u64().to_be_bytes());
        id[8..].copy_from_slice(&self.number(2).u64().to_be_bytes());
        id[6] = id[6] & 0x0f | 0x40;
        id[8] = id[8] & 0x3f | 0x80;
        id
    }
}

const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::Seed;

    #[test]
    fn draws_are_addressed_so_that_neighbours_differ_and_repeats_agree() {
        let seed = Seed(7);
        assert_eq!(seed.named("topic.id").named("orders").u64(), seed.named("topic.id").named("orders").u64());
        assert_ne!(seed.named("a").u64(), seed.named("b").u64());
        assert_ne!(seed.named("ab").named("c").u64(), seed.named("a").named("bc").u64());
        assert_ne!(seed.number(0).u64(), seed.number(1).u64());
    }

    #[test]
    fn draws_below_a_bound_fill_it_evenly() {
        let mut seen = [0u32; 10];
        for n in 0..10_000 {
            seen[Seed(1).number(n).below(10) as usize] += 1;
        }
        assert!(seen.iter().all(|&n| (850..1150).contains(&n)), "{seen:?}");
    }
}
