//! Batches one after the other, as a log and a fetch response hold them.

use bytes::Bytes;

use crate::batch::header::{LENGTH_AT, LENGTH_MIN, MAGIC_AT};
use crate::batch::record::RecordIter;
use crate::batch::{BatchError, BatchHeader, LOG_OVERHEAD_BYTES, ReplicaBatch};

/// A batch whose length and magic fit; its checksum has not been looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    header: BatchHeader,
    bytes: Bytes,
}

impl Batch {
    /// The header.
    pub fn header(&self) -> &BatchHeader {
        &self.header
    }

    /// All bytes of the batch.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Looks at checksum, counts, offsets and codec.
    pub fn check(self) -> Result<ReplicaBatch, BatchError> {
        ReplicaBatch::check(self.header, self.bytes)
    }

    /// The records, decompressed into at most `decoded_bytes_max` bytes.
    pub fn records(&self, decoded_bytes_max: usize) -> Result<RecordIter, BatchError> {
        RecordIter::open(&self.header, &self.bytes, decoded_bytes_max)
    }
}

/// Walks over batches. Stops without error where fewer bytes remain than the next batch has; ends after the first error.
#[derive(Clone, Debug)]
pub struct Batches {
    bytes: Bytes,
    at: usize,
    failed: bool,
}

impl Batches {
    /// The batches in `bytes`, which begin at a batch.
    pub fn new(bytes: Bytes) -> Batches {
        Batches { bytes, at: 0, failed: false }
    }

    /// Bytes walked over: after the end, where the partial or bad batch begins.
    pub fn position(&self) -> usize {
        self.at
    }

    /// What was not walked over: after the end, the partial tail, or everything from the bad batch on.
    pub fn rest(&self) -> Bytes {
        self.bytes.slice(self.at..)
    }

    fn read(&mut self) -> Result<Option<Batch>, BatchError> {
        let Some(size) = next_batch_bytes(&self.bytes[self.at..])? else { return Ok(None) };
        let bytes = self.bytes.slice(self.at..self.at + size);
        let header = BatchHeader::parse(&bytes)?;
        self.at += size;
        Ok(Some(Batch { header, bytes }))
    }
}

impl Iterator for Batches {
    type Item = Result<Batch, BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let next = self.read();
        self.failed = next.is_err();
        next.transpose()
    }
}

/// Bytes of the whole batch at the front; `None` if it is not whole. A length that no format has is an error.
pub(crate) fn next_batch_bytes(bytes: &[u8]) -> Result<Option<usize>, BatchError> {
    if bytes.len() <= MAGIC_AT {
        return Ok(None);
    }
    let length = bytes[LENGTH_AT..].first_chunk().copied().map(i32::from_be_bytes).expect("the magic lies behind the length");
    if length < LENGTH_MIN {
        return Err(BatchError::Length { found: length });
    }
    let size = LOG_OVERHEAD_BYTES + length as usize;
    Ok((bytes.len() >= size).then_some(size))
}
