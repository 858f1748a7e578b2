//! Which partition a record goes to: by the hash of its key as every Kafka client computes it, or the sticky one of its topic (KIP-480, KIP-794).

use odradek_machine::Seed;

/// The partition of a key among `count`: `toPositive(murmur2(key)) % count`, as the Java client has it.
pub(super) fn partition_for_key(key: &[u8], count: usize) -> i32 {
    let positive = murmur2(key) & 0x7fff_ffff;
    (positive as usize % count) as i32
}

/// The 32-bit MurmurHash2 with Kafka's seed.
fn murmur2(data: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    let mut h = 0x9747_b28c ^ data.len() as u32;
    let (words, tail) = data.as_chunks::<4>();
    for word in words {
        let mut k = u32::from_le_bytes(*word).wrapping_mul(M);
        k ^= k >> 24;
        h = h.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    if !tail.is_empty() {
        let mut rest = [0u8; 4];
        rest[..tail.len()].copy_from_slice(tail);
        h = (h ^ u32::from_le_bytes(rest)).wrapping_mul(M);
    }
    h ^= h >> 13;
    h = h.wrapping_mul(M);
    h ^ h >> 15
}

/// The sticky partition of one topic: records without a key go to one partition until it has had `batch.size` bytes, so that batches fill.
///
/// Partitions with shorter queues are drawn more often, so that a slow broker gets less (KIP-794, `partitioner.adaptive.partitioning.enable`).
#[derive(Debug)]
pub(super) struct Sticky {
    seed: Seed,
    chosen: Option<i32>,
    bytes: usize,
    /// Choices made, which keys the draw.
    choices: u64,
}

impl Sticky {
    /// Nothing chosen; `seed` belongs to the topic.
    pub(super) const fn new(seed: Seed) -> Sticky {
        Sticky { seed, chosen: None, bytes: 0, choices: 0 }
    }

    /// The partition for the next record. `queues` gives each partition that has a leader with the number of its batches in hand; it is asked for only
    /// when a partition is drawn. `count` partitions there are in all, of which one is drawn while none has a leader.
    pub(super) fn choose(&mut self, count: usize, queues: impl FnOnce() -> Vec<(i32, usize)>) -> i32 {
        if let Some(chosen) = self.chosen.filter(|chosen| (*chosen as usize) < count) {
            return chosen;
        }
        let draw = self.seed.named("sticky").number(self.choices);
        self.choices += 1;
        self.bytes = 0;
        let queues = queues();
        let chosen = if queues.is_empty() { draw.below(count as u64) as i32 } else { draw_by_queue(&queues, |sum| draw.below(sum)) };
        self.chosen = Some(chosen);
        chosen
    }

    /// The sticky partition, if it had its bytes and changes with the next batch that is opened there.
    pub(super) fn spent(&self, batch_bytes: usize) -> Option<i32> {
        self.chosen.filter(|_| self.bytes >= batch_bytes.max(1))
    }

    /// How often a partition was drawn.
    #[cfg(test)]
    pub(super) const fn choices(&self) -> u64 {
        self.choices
    }

    /// The next record draws anew.
    pub(super) const fn leave(&mut self) {
        self.chosen = None;
    }

    /// The batches of the sticky partition grew. It changes after `batch_bytes`, but not in the middle of a batch unless it had twice as many.
    pub(super) fn appended(&mut self, bytes: usize, batch_bytes: usize, batch_is_full: bool) {
        self.bytes += bytes;
        let batch_bytes = batch_bytes.max(1);
        if (self.bytes >= batch_bytes && batch_is_full) || self.bytes >= 2 * batch_bytes {
            self.leave();
        }
    }
}

/// Draws with the weight `longest + 1 - length`.
fn draw_by_queue(queues: &[(i32, usize)], draw: impl FnOnce(u64) -> u64) -> i32 {
    let longest = queues.iter().map(|(_, length)| *length).max().expect("there is a queue");
    let weight = |length: usize| (longest + 1 - length) as u64;
    let mut at = draw(queues.iter().map(|(_, length)| weight(*length)).sum());
    for (partition, length) in queues {
        match at.checked_sub(weight(*length)) {
            Some(rest) => at = rest,
            None => return *partition,
        }
    }
    unreachable!("the draw lies below the sum of the weights")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitioner_hashes_and_places_keys_as_the_java_client_does() {
        let table = include_str!("../../testdata/murmur2-java-4.3.1.txt");
        let mut told = 0;
        for line in table.lines().filter(|l| !l.starts_with('#')) {
            let words: Vec<_> = line.split(' ').collect();
            let [key, hash, places @ ..] = &words[..] else { panic!("a key and its hash: {line}") };
            let digits = if *key == "-" { "" } else { key };
            let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).expect("two digits");
            let key: Vec<u8> = (0..digits.len()).step_by(2).map(byte).collect();
            assert_eq!(murmur2(&key) as i32, hash.parse().expect("a number"), "{line}");
            let ours = [1, 2, 3, 7, 12, 100, 1000, 99_991].map(|count| partition_for_key(&key, count).to_string());
            assert_eq!(&ours[..], places, "{line}");
            told += 1;
        }
        assert!(told > 300, "{told} vectors");
    }

    #[test]
    fn partitioner_sticky_stays_until_a_batch_is_full_and_never_beyond_two() {
        let mut sticky = Sticky::new(Seed(1));
        let all = || (0..8).map(|p| (p, 0)).collect::<Vec<_>>();
        let first = sticky.choose(8, all);
        sticky.appended(150, 100, false);
        assert_eq!(sticky.choose(8, all), first, "a batch that is not full keeps the partition");
        sticky.appended(50, 100, false);
        let drawn: std::collections::BTreeSet<i32> = (0..20)
            .map(|_| {
                let chosen = sticky.choose(8, all);
                sticky.appended(100, 100, true);
                chosen
            })
            .collect();
        assert!(drawn.len() >= 6, "{drawn:?}");
    }

    #[test]
    fn partitioner_sticky_spreads_evenly_and_away_from_long_queues() {
        let count = |queues: &[(i32, usize)]| {
            let mut drawn = [0; 3];
            for n in 0..8_000 {
                drawn[draw_by_queue(queues, |sum| Seed(3).number(n).below(sum)) as usize] += 1;
            }
            drawn
        };
        let even = count(&[(0, 2), (1, 2), (2, 2)]);
        assert!(even.iter().all(|n| (2_450..2_900).contains(n)), "{even:?}");
        // Queues of 0, 3 and 1 batches weigh 4, 1 and 3.
        let [empty, long, short] = count(&[(0, 0), (1, 3), (2, 1)]);
        assert!((3_800..4_200).contains(&empty) && (850..1_150).contains(&long) && (2_800..3_200).contains(&short));
    }

    #[test]
    fn partitioner_sticky_weighs_queues_as_the_java_client_does() {
        let mut told = 0;
        for line in include_str!("../../testdata/sticky-java-4.3.1.txt").lines().filter_map(|line| line.strip_prefix("weights ")) {
            let (queues, places) = line.split_once(": ").expect("queues and places");
            let queues: Vec<(i32, usize)> = (0..).zip(queues.split(' ').map(|n| n.parse().expect("a length"))).collect();
            let places: Vec<i32> = places.split(' ').map(|n| n.parse().expect("a partition")).collect();
            let ours: Vec<i32> = (0..places.len() as u64).map(|n| draw_by_queue(&queues, |_| n)).collect();
            assert_eq!(ours, places, "{line}");
            draw_by_queue(&queues, |sum| {
                assert_eq!(sum, places.len() as u64, "the sum of the weights: {line}");
                0
            });
            told += 1;
        }
        assert!(told >= 60, "{told} tables");
    }

    #[test]
    fn partitioner_sticky_takes_any_partition_while_none_has_a_leader() {
        let mut sticky = Sticky::new(Seed(1));
        assert!((0..4).contains(&sticky.choose(4, Vec::new)));
    }
}
