//! Plays of the consumer with a scripted broker.

mod fetching;
mod moves;
mod positions;
mod promises;
