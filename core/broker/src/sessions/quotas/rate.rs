//! How fast connections come, as Kafka's Rate measures it.

use std::collections::VecDeque;

use odradek_machine::Mono;

/// Kafka's `quota.window.num` and `quota.window.size.seconds`, which cannot be set here.
const SAMPLES: u64 = 11;
const SAMPLE_MS: u64 = 1_000;

/// What came lately, in samples of a second; and until when nothing more may come.
///
/// The rate is taken over ten seconds at the least, so that a quiet listener takes a burst of ten times as many as may come in a second.
#[derive(Debug, Default)]
pub(super) struct Rate {
    /// When each began, and what came in it.
    samples: VecDeque<(Mono, u64)>,
    until: Option<Mono>,
}

impl Rate {
    /// One more came, of at most `most` a second.
    pub(super) fn came(&mut self, now: Mono, most: u64) {
        while self.samples.front().is_some_and(|(began, _)| began.plus_ms(SAMPLES * SAMPLE_MS) <= now) {
            self.samples.pop_front();
        }
        match self.samples.back_mut().filter(|(began, _)| now < began.plus_ms(SAMPLE_MS)) {
            Some((_, count)) => *count += 1,
            None => self.samples.push_back((now, 1)),
        }
        let (first, _) = *self.samples.front().expect("one just came");
        let past_ms = now.since(first) / 1_000_000;
        let missing = (SAMPLES - 1).saturating_sub(past_ms / SAMPLE_MS);
        let over_ms = past_ms + missing * SAMPLE_MS;
        let count: u64 = self.samples.iter().map(|(_, count)| count).sum();
        // So long must it take for so many to be few enough.
        let needed_ms = (count * 1_000).checked_div(most).unwrap_or(u64::MAX);
        let wait_ms = needed_ms.saturating_sub(over_ms).min(SAMPLE_MS);
        self.until = (wait_ms > 0).then(|| now.plus_ms(wait_ms));
    }

    /// True if one more may come.
    pub(super) fn is_open(&mut self, now: Mono) -> bool {
        self.until.take_if(|until| *until <= now);
        self.until.is_none()
    }

    /// Until when nothing more may come.
    pub(super) const fn until(&self) -> Option<Mono> {
        self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many come within so many seconds, if another one tries each millisecond.
    fn come(rate: &mut Rate, most: u64, from_s: u64, to_s: u64) -> u64 {
        let mut came = 0;
        for now in (from_s * 1_000..to_s * 1_000).map(|at| Mono(0).plus_ms(at)) {
            if rate.is_open(now) {
                rate.came(now, most);
                came += 1;
            }
        }
        came
    }

    #[test]
    fn burst_of_ten_seconds_worth_is_taken_and_then_the_rate_holds() {
        let mut rate = Rate::default();
        assert_eq!(come(&mut rate, 20, 0, 1), 200 + 20);
        let later = come(&mut rate, 20, 1, 101);
        assert!((1_700..=2_020).contains(&later), "{later} came in a hundred seconds");
        // After a while in which nobody came, it begins anew.
        assert_eq!(come(&mut rate, 20, 200, 201), 200 + 20);
    }

    #[test]
    fn one_a_second_comes_where_none_may_and_all_where_there_is_no_limit() {
        assert_eq!(come(&mut Rate::default(), 0, 0, 10), 10);
        assert_eq!(come(&mut Rate::default(), i32::MAX as u64, 0, 10), 10_000);
    }
}
