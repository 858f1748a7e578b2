//! How long to wait before the next try: exponential, with jitter that is drawn by name and attempt.

use odradek_machine::Seed;

/// The pause before try `failures + 1`, in milliseconds: `base_ms` doubled for each failure after the first, at most `max_ms`, give or take a fifth (KIP-580).
///
/// `seed` belongs to what is tried (a node, a topic); the draw is keyed by `try_number`, which must not repeat within a life.
pub(crate) fn backoff_ms(base_ms: u64, max_ms: u64, failures: u32, seed: Seed, try_number: u64) -> u64 {
    if failures == 0 {
        return 0;
    }
    let doublings = (failures - 1).min(32);
    let pause_ms = base_ms.saturating_mul(1 << doublings).min(max_ms.max(base_ms));
    let jitter_percent = 80 + seed.named("backoff").number(try_number).below(41);
    pause_ms.saturating_mul(jitter_percent) / 100
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_doubles_up_to_its_maximum_and_jitters_by_a_fifth() {
        assert_eq!(backoff_ms(100, 1_000, 0, Seed(1), 0), 0);
        for (failures, middle) in [(1, 100), (2, 200), (3, 400), (4, 800), (5, 1_000), (60, 1_000)] {
            for draw in 0..50 {
                let pause = backoff_ms(100, 1_000, failures, Seed(1), draw);
                assert!((middle * 4 / 5..=middle * 6 / 5).contains(&pause), "{failures} failures: {pause} ms");
            }
        }
        let drawn: std::collections::BTreeSet<u64> = (0..50).map(|n| backoff_ms(100, 1_000, 1, Seed(1), n)).collect();
        assert!(drawn.len() > 20, "the jitter hardly moves: {drawn:?}");
    }
}
