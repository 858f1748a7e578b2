//! One connection: two ends, a pipe towards each.

use super::link::{HostId, Link};
use super::pipe::Pipe;

/// A connection of the network; hosts call their ends by ids of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WireId(pub u32);

/// Which end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum End {
    /// The one that wished for it.
    Dialer = 0,
    /// The one that accepted it.
    Acceptor = 1,
}

impl End {
    /// The one at the other side.
    #[must_use]
    pub const fn other(self) -> End {
        match self {
            End::Dialer => End::Acceptor,
            End::Acceptor => End::Dialer,
        }
    }
}

/// What an end's kernel knows of the connection.
///
/// | from | to | trigger |
/// |---|---|---|
/// | Wishing | Open | the other kernel answered |
/// | Open | Closed | closed or reset by either side |
/// | Wishing, Open | Vanished | power cut, or the kernel forgot it without a word |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndState {
    /// The wish is on its way.
    Wishing,
    /// Bytes pass.
    Open,
    /// It ended in an orderly way.
    Closed,
    /// It ended without a word to the other end.
    Vanished,
}

/// A connection.
#[derive(Debug)]
pub struct Wire {
    hosts: [HostId; 2],
    pub(super) ends: [EndState; 2],
    /// By the end that reads.
    pipes: [Pipe; 2],
}

impl Wire {
    pub(super) fn new(dialer: HostId, acceptor: HostId) -> Wire {
        Wire { hosts: [dialer, acceptor], ends: [EndState::Wishing; 2], pipes: Default::default() }
    }

    /// The host at an end.
    pub const fn host(&self, end: End) -> HostId {
        self.hosts[end as usize]
    }

    /// What the kernel at an end knows.
    pub const fn state(&self, end: End) -> EndState {
        self.ends[end as usize]
    }

    /// The link that leads to an end.
    pub const fn link_to(&self, end: End) -> Link {
        Link { from: self.host(end.other()), to: self.host(end) }
    }

    pub(super) const fn pipe(&self, reader: End) -> &Pipe {
        &self.pipes[reader as usize]
    }

    pub(super) const fn pipe_mut(&mut self, reader: End) -> &mut Pipe {
        &mut self.pipes[reader as usize]
    }

    pub(super) fn is_idle(&self) -> bool {
        self.pipes.iter().all(Pipe::is_empty)
    }
}
