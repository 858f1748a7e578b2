//! Openings over a small disk in memory whose completions come in any order.

mod doctor;
mod fresh;
mod kafka;
mod logs;
mod metadata;
mod recovery;
mod refusals;
mod truth;
mod world;

use odradek_wire::ids::Uuid;

/// The topic of every partition here.
const TOPIC: Uuid = Uuid([7; 16]);
