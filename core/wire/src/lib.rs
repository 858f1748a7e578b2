//! Kafka bytes to and from typed values: framing, RPCs, record batches, control batches, and the records of internal topics.
#![deny(clippy::float_arithmetic)]

pub mod api;
pub mod batch;
pub mod codec;
pub mod control;
pub mod error;
pub mod fetch;
pub mod frame;
pub mod ids;
pub mod messages;
pub mod prepare;
pub mod records;
pub mod request;
pub mod response;
pub mod scatter;

#[cfg(test)]
mod differential;
