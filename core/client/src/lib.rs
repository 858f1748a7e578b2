//! Producer, consumer and admin as state machines: what simulations, tools and applications speak to a Kafka cluster with.
//!
//! Each of [`producer::Producer`], [`consumer::Consumer`] and [`admin::Admin`] has the four methods of every machine here (`step`, `deadline`, `check`,
//! and a constructor with identity, configuration and seed) and the border of [`io`]. They share [`network`]: connections, version negotiation,
//! pipelining, timeouts and the picture of the cluster.
//!
//! The host carries out [`io::Output`]s in order for each connection and wakes the machine at its deadline; a frame is the bytes behind the four of its
//! length, and the `framer` of `odradek-wire` cuts them out of a stream.
#![deny(clippy::float_arithmetic)]

pub mod admin;
pub mod config;
pub mod consumer;
pub mod error;
pub mod io;
mod network;
pub mod producer;
pub mod record;
#[cfg(test)]
mod testing;
