//! Plays of the producer with a scripted broker, and its promises under losses drawn at random.

mod delivery;
mod promises;
