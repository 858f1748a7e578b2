//! One partition: its log and its replication state. Refers to nothing broker-wide that changes.

mod leader;
mod replica;
mod role;

use odradek_wire::ids::Uuid;

pub(crate) use replica::{Ends, Refusal, Replica};

/// A partition by its topic's id, which no other topic ever has: names are for people and for old requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartitionId {
    /// The topic.
    pub topic: Uuid,
    /// The index.
    pub index: i32,
}
