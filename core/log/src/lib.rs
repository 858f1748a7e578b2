//! One partition's log as state, and the log directory that owns durability.
#![deny(clippy::float_arithmetic)]

pub mod config;
pub mod dir;
pub mod disk;
pub mod doctor;
pub mod epochs;
pub mod formats;
pub mod index;
pub mod log;
pub mod open;
pub mod output;
pub mod producers;
pub mod retention;
mod segment;
#[cfg(test)]
mod testing;
pub mod work;
