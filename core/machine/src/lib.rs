//! What every deterministic machine shares: time as a value, keyed draws, notes and marks, guards, timers and a map without ambient order.
//!
//! Nothing here knows Kafka. Everything that decides in this repository is built from these pieces and from nothing that asks the system.
#![deny(clippy::float_arithmetic)]

mod draw;
mod guard;
mod map;
mod note;
mod time;
mod timers;

pub use draw::Seed;
pub use guard::{Guards, Mutant};
pub use map::{Map, Set};
pub use note::{Note, Notes, Subject};
pub use time::{Deadline, Mono, Now, WallMs, ms};
pub use timers::{TimerId, Timers};
