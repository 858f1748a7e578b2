//! Plays of the producer with a scripted broker.

mod delivery;
