//! What this node is for a partition.

use odradek_wire::ids::{LeaderEpoch, NodeId, PartitionEpoch};

use super::leader::Leader;

/// The role of this node's replica.
///
/// | from | to | trigger |
/// |---|---|---|
/// | Follower | Leader | a committed record names this node as leader |
/// | Leader | Leader | the same with a newer leader epoch: a leadership begins anew |
/// | Leader | Follower | a committed record names another leader, or none |
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// It takes appends and decides what is committed.
    Leader(Leader),
    /// It copies a leader, if there is one.
    Follower(Follower),
}

/// The state of a follower.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Follower {
    /// Whom it follows, if anybody leads.
    pub(crate) leader: Option<NodeId>,
    /// The leader's term.
    pub(crate) epoch: LeaderEpoch,
    /// The version of the state that the controller granted.
    pub(crate) partition_epoch: PartitionEpoch,
}
