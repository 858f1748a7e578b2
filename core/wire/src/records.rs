//! Records of internal topics and files, in Kafka's own schemas: one declarative macro, and what is made with it.
//!
//! All are "flexible": compact strings and arrays, and a section of tagged fields at the end of each structure (KIP-482). A schema names for each field the
//! version since which it exists, its tag if it has one, and its default, field by field as Kafka's own schema files do.

mod field;
pub mod metadata;
mod schema;
#[cfg(test)]
mod tests;

pub(crate) use field::{Field, Reader, Tags};
pub use field::{Float64, RecordError};
pub(crate) use schema::schema;
