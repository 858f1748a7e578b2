//! A whole node on a disk in memory, driven with the bytes of real requests; every completion comes in an order drawn from the seed of the test.

mod disk;
mod host;
mod story;
