//! The records of the metadata log, in Kafka's names.

pub use odradek_wire::records::metadata::*;
