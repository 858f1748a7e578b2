//! Links: one for each ordered pair of hosts, and what may be wrong with them.

use crate::time::SECOND;

/// A host of the run: nodes first, then clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostId(pub u16);

/// One direction between two hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Link {
    /// Where bytes come from.
    pub from: HostId,
    /// Where they go.
    pub to: HostId,
}

impl Link {
    /// The name by which weather knows it.
    pub const fn name(self) -> u64 {
        (self.from.0 as u64) << 16 | self.to.0 as u64
    }
}

/// What is wrong with a link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trouble {
    /// How many faults cut it.
    pub cuts: u32,
    /// What each piece takes longer.
    pub extra_delay_ns: u64,
    /// Bytes that pass in a second, where that is less than usual.
    pub per_second: Option<u64>,
    /// True once anything was kept back by a cut.
    pub met_cut: bool,
    /// True once anything took longer.
    pub met_delay: bool,
}

impl Trouble {
    /// True if nothing passes.
    pub const fn is_cut(&self) -> bool {
        self.cuts > 0
    }

    /// The extra delay, which something is about to meet.
    pub(super) const fn slow_down(&mut self) -> u64 {
        self.met_delay |= self.extra_delay_ns > 0;
        self.extra_delay_ns
    }

    /// What a number of bytes takes on a link that is narrow, which they are about to meet.
    pub(super) fn narrow(&mut self, bytes: u64) -> Option<u64> {
        let per_second = self.per_second.filter(|_| bytes > 0)?;
        self.met_delay = true;
        Some(bytes * SECOND / per_second)
    }
}
