//! Plays of the consumer with a scripted broker.

mod fetching;
mod positions;
mod promises;
