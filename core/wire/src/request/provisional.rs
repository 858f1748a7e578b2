//! Stands in for the validated batch until `batch` has it.

use bytes::Bytes;

use crate::error::ErrorCode;

/// One batch of a producer, validated.
#[derive(Clone, Debug)]
pub struct ProducerBatch(Bytes);

impl ProducerBatch {
    pub(crate) fn provisional(bytes: Bytes) -> Result<ProducerBatch, BatchError> {
        if bytes.len() < 61 { Err(BatchError) } else { Ok(ProducerBatch(bytes)) }
    }

    /// The batch as it came.
    pub fn bytes(&self) -> &Bytes {
        &self.0
    }
}

/// What is wrong with a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a batch")]
pub struct BatchError;

impl BatchError {
    /// The error code of its partition.
    pub fn code(&self) -> ErrorCode {
        ErrorCode::InvalidRecord
    }
}
