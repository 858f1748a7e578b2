//! The world under one seed: network, disks, clocks, processes, workloads, oracle.
//!
//! Where to start reading: [`run`] takes scenario files and seeds and returns verdicts; [`scenario`] is their language; [`disk`] is what breaks;
//! [`oracle`] is what judges.
#![deny(clippy::float_arithmetic)]

pub mod clock;
pub mod disk;
pub mod fault;
mod hash;
pub mod net;
pub mod oracle;
pub mod plan;
pub mod queue;
pub mod run;
pub mod scenario;
pub mod time;
pub mod weather;
mod workload;
pub mod world;
