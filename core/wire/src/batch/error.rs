//! What may be wrong with a batch.

use thiserror::Error;

use crate::codec::CodecError;
use crate::error::ErrorCode;

/// What is wrong with a batch, with the numbers that show it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[expect(missing_docs, reason = "the fields are the numbers of the message")]
pub enum BatchError {
    /// The bytes end before the batch does.
    #[error("a batch of {need} bytes, of which {have} are there")]
    TooShort { have: usize, need: usize },
    /// The length field is below the least that a batch can have.
    #[error("length field {found} is too small for a batch")]
    Length { found: i32 },
    /// Another format than 2.
    #[error("magic {found} instead of 2")]
    Magic { found: i8 },
    /// The checksum does not fit the bytes.
    #[error("checksum {stored:#010x} stored, {computed:#010x} computed")]
    Checksum { stored: u32, computed: u32 },
    /// No codec has this number.
    #[error("no codec has the number {id}")]
    UnknownCodec { id: u8 },
    /// Zstandard before Produce version 7 (KIP-110).
    #[error("zstd needs Produce version 7, this is version {produce_version}")]
    CodecTooNew { produce_version: i16 },
    /// The records do not decompress.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// A partition of a Produce request with no whole batch.
    #[error("no batch")]
    NoBatch,
    /// A partition of a Produce request with more than one batch.
    #[error("more than one batch")]
    ManyBatches,
    /// A producer's batch does not start at offset zero.
    #[error("base offset {found} instead of 0")]
    BaseOffset { found: i64 },
    /// A record count that this batch cannot have.
    #[error("record count {found}")]
    Count { found: i32 },
    /// The last offset delta does not fit the count.
    #[error("last offset delta {last_offset_delta} with {count} records")]
    LastOffsetDelta { last_offset_delta: i32, count: i32 },
    /// A client sent control records.
    #[error("control records from a client")]
    Control,
    /// A producer id without a sequence.
    #[error("base sequence {base_sequence} with producer id {producer_id}")]
    Sequence { producer_id: i64, base_sequence: i32 },
    /// The bytes of a record cannot be read.
    #[error("record {index}: {what}")]
    Record { index: i32, what: &'static str },
    /// The offset deltas of the records are not 0, 1, 2, …
    #[error("record {index} has offset delta {found}")]
    OffsetDelta { index: i32, found: i32 },
    /// Bytes follow the last record.
    #[error("{bytes} bytes after the last record")]
    Trailing { bytes: usize },
    /// The offsets of the batch leave the range of offsets.
    #[error("offsets from {base_offset} with last offset delta {last_offset_delta}")]
    OffsetRange { base_offset: i64, last_offset_delta: i32 },
}

impl BatchError {
    /// True for what is seen before a batch is measured against `max.message.bytes`: a batch with any other fault is told first that it is too large.
    pub fn precedes_size(&self) -> bool {
        matches!(self, BatchError::BaseOffset { .. }) || self.is_of_request()
    }

    /// True for what is wrong whatever the log is, so that the log is not asked.
    pub fn is_of_request(&self) -> bool {
        matches!(
            self,
            BatchError::NoBatch
                | BatchError::ManyBatches
                | BatchError::Magic { .. }
                | BatchError::CodecTooNew { .. }
                | BatchError::Length { .. }
                | BatchError::TooShort { .. }
        )
    }

    /// The answer to a Produce that carried such a batch.
    ///
    /// Kafka's own, but for a codec that is none and a payload that does not decompress: there Kafka says "unknown server error", and the fault is the
    /// client's.
    pub fn code(&self) -> ErrorCode {
        match self {
            BatchError::Length { .. } | BatchError::Checksum { .. } | BatchError::TooShort { .. } => ErrorCode::CorruptMessage,
            BatchError::Codec(CodecError::Limit { .. }) => ErrorCode::MessageTooLarge,
            BatchError::CodecTooNew { .. } => ErrorCode::UnsupportedCompressionType,
            // Formats 0 and 1 are known and refused; a magic that never was is damage.
            BatchError::Magic { found } if !matches!(found, 0 | 1) => ErrorCode::CorruptMessage,
            BatchError::Magic { .. }
            | BatchError::UnknownCodec { .. }
            | BatchError::Codec(CodecError::Corrupt { .. })
            | BatchError::NoBatch
            | BatchError::ManyBatches
            | BatchError::BaseOffset { .. }
            | BatchError::Count { .. }
            | BatchError::LastOffsetDelta { .. }
            | BatchError::Control
            | BatchError::Sequence { .. }
            | BatchError::Record { .. }
            | BatchError::OffsetDelta { .. }
            | BatchError::Trailing { .. }
            | BatchError::OffsetRange { .. } => ErrorCode::InvalidRecord,
        }
    }
}
