//! Time as a value: the host gives it, a machine never asks for it.

use std::fmt;
use std::ops::{Add, Sub};

/// A monotonic instant of one node, in nanoseconds since that node's clock began. Never goes back within one life of a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mono(pub u64);

impl Mono {
    /// The instant `ms` milliseconds later; saturates, so that "never" may be said with a very large number.
    pub const fn plus_ms(self, ms: u64) -> Mono {
        Mono(self.0.saturating_add(ms.saturating_mul(1_000_000)))
    }

    /// Whole milliseconds since the clock began.
    pub const fn as_ms(self) -> u64 {
        self.0 / 1_000_000
    }

    /// Nanoseconds from `earlier` to `self`; zero if `earlier` is later.
    pub const fn since(self, earlier: Mono) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<u64> for Mono {
    type Output = Mono;
    /// Adds nanoseconds.
    fn add(self, ns: u64) -> Mono {
        Mono(self.0.saturating_add(ns))
    }
}

impl Sub for Mono {
    type Output = u64;
    fn sub(self, earlier: Mono) -> u64 {
        self.since(earlier)
    }
}

impl fmt::Display for Mono {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}s", self.0 / 1_000_000_000, self.0 / 1_000 % 1_000_000)
    }
}

/// A reading of a wall clock in milliseconds since 1970. May step in both directions; only written down and compared with record timestamps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WallMs(pub i64);

/// Both clocks of a node, read by its host at the moment of a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// For intervals and deadlines.
    pub mono: Mono,
    /// For what is written into records and retention.
    pub wall: WallMs,
}

/// The earliest instant at which a machine wants to be woken, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    /// When; a wake may come late, never early.
    pub at: Mono,
    /// The reason, for traces.
    pub why: &'static str,
}

impl Deadline {
    /// The earlier of two deadlines; the first wins a tie.
    pub fn earliest(a: Option<Deadline>, b: Option<Deadline>) -> Option<Deadline> {
        match (a, b) {
            (Some(a), Some(b)) => Some(if b.at < a.at { b } else { a }),
            (a, b) => a.or(b),
        }
    }
}

/// Milliseconds as nanoseconds.
pub const fn ms(n: u64) -> u64 {
    n * 1_000_000
}
