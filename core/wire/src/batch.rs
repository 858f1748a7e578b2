//! Record batches, format 2 (KIP-98): views, validation, the copy-free assignment of offsets, iteration and building.
//!
//! Who has checked a batch is said by its type:
//!
//! | type | what is known | made by |
//! |---|---|---|
//! | [`Batch`] | length and magic fit | [`Batches`] |
//! | [`ReplicaBatch`] | also the checksum and the header; offsets and epoch are inside | [`Batch::check`], [`ProducerBatch::assign`] |
//! | [`ProducerBatch`] | also every record; offsets not yet assigned | [`ProducerBatch::validate`] |

mod assign;
mod batches;
mod builder;
mod checksum;
mod error;
mod header;
mod producer;
mod record;
mod replica;
#[cfg(test)]
mod tests;
pub(crate) mod varint;

pub use assign::{Assigned, Stamp};
pub use batches::{Batch, Batches};
pub use builder::{Builder, NewRecord, record_bytes_max};
pub use checksum::{Crc32, crc32c, crc32c_extend, crc32c_with_other_head};
pub use error::BatchError;
pub use header::{Attributes, BatchHeader, BatchProducer, HEADER_BYTES, LOG_OVERHEAD_BYTES, NO_TIMESTAMP, TimestampType};
pub use producer::{Facts, ProducerBatch, Rules};
pub use record::{Header, Record, RecordIter};
pub use replica::ReplicaBatch;
