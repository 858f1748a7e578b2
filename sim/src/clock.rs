//! The clocks of one node: they run apart from the true time and from each other.

use odradek_machine::{Mono, Now, WallMs};

use crate::time::{MILLISECOND, Time};

/// When a run begins, as true wall clocks show it: 2026-01-01 in milliseconds since 1970.
pub const EPOCH_MS: i64 = 1_767_225_600_000;

const MILLION: i128 = 1_000_000;

/// A monotonic and a wall clock of one node.
///
/// Drift and freezes move both; a step moves the wall clock alone. The monotonic clock begins anew with each boot of the machine.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// From here on the present drift holds.
    since: Time,
    /// What the monotonic clock showed then, in nanoseconds.
    mono: u64,
    /// Parts per million by which it runs fast.
    drift_ppm: i64,
    /// Until then it stands still.
    frozen_until: Option<Time>,
    /// How far the wall clock is ahead of [`EPOCH_MS`] plus monotonic time, in nanoseconds.
    wall_offset: i64,
}

impl Clock {
    /// A clock that is switched on at a time, off by so many milliseconds.
    pub const fn started(at: Time, off_ms: i64, drift_ppm: i64) -> Clock {
        let wall_offset = at.0 as i64 + off_ms * MILLISECOND as i64;
        Clock { since: at, mono: 0, drift_ppm, frozen_until: None, wall_offset }
    }

    /// What the node reads at a time.
    pub fn read(&self, now: Time) -> Now {
        let mono = self.mono_at(now);
        let wall_ns = i128::from(mono) + i128::from(self.wall_offset);
        Now { mono: Mono(mono), wall: WallMs(EPOCH_MS + (wall_ns / MILLION) as i64) }
    }

    /// When the monotonic clock will show an instant, if nothing changes it before.
    pub fn when(&self, at: Mono) -> Time {
        let wanted = i128::from(at.0.saturating_sub(self.mono));
        let rate = MILLION + i128::from(self.drift_ppm);
        let ns = (wanted * MILLION + rate - 1) / rate;
        self.running_from() + u64::try_from(ns).unwrap_or(u64::MAX)
    }

    /// Moves the wall clock.
    pub const fn step(&mut self, ms: i64) {
        self.wall_offset += ms * MILLISECOND as i64;
    }

    /// Runs fast by so many parts per million from a time on.
    pub fn drift(&mut self, now: Time, ppm: i64) {
        self.settle(now);
        self.drift_ppm = ppm;
    }

    /// Stands still until a time.
    pub fn freeze(&mut self, now: Time, until: Time) {
        self.settle(now);
        self.frozen_until = Some(until);
    }

    /// Runs true again; what it is off by stays.
    pub fn heal(&mut self, now: Time) {
        self.settle(now);
        (self.drift_ppm, self.frozen_until) = (0, None);
    }

    /// How far the wall clock is off the true one, in milliseconds.
    pub fn off_ms(&self, now: Time) -> i64 {
        self.read(now).wall.0 - (EPOCH_MS + now.as_ms() as i64)
    }

    fn settle(&mut self, now: Time) {
        (self.mono, self.since) = (self.mono_at(now), now);
        if self.frozen_until.is_some_and(|until| until <= now) {
            self.frozen_until = None;
        }
    }

    fn running_from(&self) -> Time {
        self.frozen_until.map_or(self.since, |until| until.max(self.since))
    }

    fn mono_at(&self, now: Time) -> u64 {
        let run = i128::from(now.since(self.running_from()));
        self.mono + (run * (MILLION + i128::from(self.drift_ppm)) / MILLION) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::SECOND;

    #[test]
    fn wake_for_a_deadline_comes_when_the_clock_shows_it_however_it_drifts_or_freezes() {
        for (drift, freeze) in [(0, 0), (500, 0), (-500, 3), (200_000, 1)] {
            let mut clock = Clock::started(Time(SECOND), 40, 0);
            clock.drift(Time(2 * SECOND), drift);
            clock.freeze(Time(3 * SECOND), Time((3 + freeze) * SECOND));
            let wanted = Mono(5 * SECOND + 17);
            let at = clock.when(wanted);
            assert!(clock.read(at).mono >= wanted, "a wake came early");
            assert!(clock.read(Time(at.0 - 2)).mono < wanted, "a wake came late");
        }
    }

    #[test]
    fn step_moves_the_wall_clock_and_never_the_monotonic_one() {
        let mut clock = Clock::started(Time(0), 0, 0);
        let before = clock.read(Time(SECOND));
        clock.step(-5_000);
        let after = clock.read(Time(SECOND));
        assert_eq!(after.mono, before.mono);
        assert_eq!(after.wall.0, before.wall.0 - 5_000);
        assert_eq!(clock.off_ms(Time(SECOND)), -5_000);
    }

    #[test]
    fn frozen_clock_stands_still_and_goes_on_from_there() {
        let mut clock = Clock::started(Time(0), 0, 0);
        clock.freeze(Time(SECOND), Time(3 * SECOND));
        assert_eq!(clock.read(Time(2 * SECOND)).mono, Mono(SECOND));
        assert_eq!(clock.read(Time(4 * SECOND)).mono, Mono(2 * SECOND));
    }
}
