//! Kafka bytes to and from typed values: framing, RPCs, record batches, control batches, and the records of internal topics.
#![deny(clippy::float_arithmetic)]

pub mod ids;
