//! The composition root: sessions, routing, partitions, purgatory, fetch sessions.
//!
//! [`Node`] is one machine: its inputs and outputs are [`io`], what it is made from is [`NodeSetup`].
#![deny(clippy::float_arithmetic)]

pub mod fetch_sessions;
pub mod io;
pub mod memory;
mod node;
mod partition;
mod purgatory;
mod sessions;
mod setup;
pub mod work;

pub use node::Node;
pub use partition::PartitionId;
pub use setup::{Listener, NodeSetup};
