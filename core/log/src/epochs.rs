//! The leader-epoch cache: at which offset each epoch began (KIP-101), as `leader-epoch-checkpoint` holds it.

use odradek_wire::ids::{LeaderEpoch, Offset};

/// One leadership: its epoch, and the first offset that was assigned in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochStart {
    /// The epoch.
    pub epoch: LeaderEpoch,
    /// The first offset of that epoch.
    pub start: Offset,
}

/// Where an epoch ended in this log (KIP-320).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochEnd {
    /// The largest epoch not above the one asked for.
    pub epoch: LeaderEpoch,
    /// The first offset that does not belong to it, or the log end.
    pub end: Offset,
}
