//! Plays of the admin client with a scripted broker.
