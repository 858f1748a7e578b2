//! Time of the world: the one true time that no node can read.

use std::fmt;
use std::ops::{Add, Sub};

/// A moment of a run, in nanoseconds since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub u64);

/// Nanoseconds in a microsecond.
pub const MICROSECOND: u64 = 1_000;
/// Nanoseconds in a millisecond.
pub const MILLISECOND: u64 = 1_000_000;
/// Nanoseconds in a second.
pub const SECOND: u64 = 1_000_000_000;

impl Time {
    /// A moment so many milliseconds into the run.
    pub const fn from_ms(ms: u64) -> Time {
        Time(ms * MILLISECOND)
    }

    /// Whole milliseconds since the run began.
    pub const fn as_ms(self) -> u64 {
        self.0 / MILLISECOND
    }

    /// Nanoseconds from `earlier` to this; zero if `earlier` is later.
    pub const fn since(self, earlier: Time) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<u64> for Time {
    type Output = Time;
    fn add(self, ns: u64) -> Time {
        Time(self.0.saturating_add(ns))
    }
}

impl Sub for Time {
    type Output = u64;
    fn sub(self, earlier: Time) -> u64 {
        self.since(earlier)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}s", self.0 / SECOND, self.0 / MICROSECOND % 1_000_000)
    }
}
