//! The composition root: sessions, routing, partitions, purgatory, fetch sessions.
//!
//! [`Node`] is one machine: its inputs and outputs are [`io`], what it is made from is [`NodeSetup`].
#![deny(clippy::float_arithmetic)]

mod descriptors;
pub mod fetch_sessions;
mod handlers;
pub mod io;
mod log_config;
mod membership;
pub mod memory;
mod metadata;
mod node;
mod partition;
mod purgatory;
mod recompress;
mod running;
mod sessions;
mod setup;
mod start;
mod storage;
pub mod work;

pub use node::Node;
pub use partition::PartitionId;
pub use setup::{Listener, NodeSetup};

#[cfg(test)]
mod tests;
