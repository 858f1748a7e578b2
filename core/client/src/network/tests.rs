//! Plays of the network with a scripted broker.
