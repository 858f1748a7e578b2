//! A whole node on a disk in memory, driven with the bytes of real requests; every completion comes in an order drawn from the seed of the test.

mod answers;
mod configs;
mod disk;
mod fallen;
mod fetching;
mod flips;
mod host;
mod idle;
mod logs;
mod memory;
mod order;
mod producers;
mod quotas;
mod rejected;
mod story;
mod twice;
mod unmade;
