//! One partition's log as state, and the log directory that owns durability.
#![deny(clippy::float_arithmetic)]

pub mod disk;
pub mod work;
