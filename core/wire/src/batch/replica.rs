//! A batch as a log holds it: offsets and leader epoch inside.

use bytes::Bytes;

use crate::batch::producer::check_crc;
use crate::batch::record::{RecordIter, codec_of};
use crate::batch::{BatchError, BatchHeader, Batches};

/// A batch of a log, from a leader, a file or a builder of ours: checksum and header fit, the records have not been read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicaBatch {
    header: BatchHeader,
    bytes: Bytes,
}

impl ReplicaBatch {
    pub(crate) fn check(header: BatchHeader, bytes: Bytes) -> Result<ReplicaBatch, BatchError> {
        check_crc(&header, &bytes)?;
        codec_of(&header)?;
        let BatchHeader { base_offset, last_offset_delta, record_count: count, .. } = header;
        if count < 0 {
            return Err(BatchError::Count { found: count });
        }
        if last_offset_delta < 0 || count > last_offset_delta.saturating_add(1) {
            return Err(BatchError::LastOffsetDelta { last_offset_delta, count });
        }
        if base_offset.0 < 0 || base_offset.0.checked_add(i64::from(last_offset_delta) + 1).is_none() {
            return Err(BatchError::OffsetRange { base_offset: base_offset.0, last_offset_delta });
        }
        Ok(ReplicaBatch { header, bytes })
    }

    /// A batch that was built here: right by construction.
    pub(crate) fn built(header: BatchHeader, bytes: Bytes) -> ReplicaBatch {
        assert_eq!(header.size_bytes(), bytes.len(), "the length field of a built batch does not fit");
        ReplicaBatch { header, bytes }
    }

    /// Every whole batch in what a leader sent, checked; a partial batch at the end is dropped, since a leader cuts its answer anywhere.
    pub fn all(bytes: Bytes) -> Result<Vec<ReplicaBatch>, BatchError> {
        Batches::new(bytes).map(|batch| batch?.check()).collect()
    }

    /// The header.
    pub fn header(&self) -> &BatchHeader {
        &self.header
    }

    /// All bytes of the batch.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// All bytes of the batch.
    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }

    /// The records, decompressed into at most `decoded_bytes_max` bytes.
    pub fn records(&self, decoded_bytes_max: usize) -> Result<RecordIter, BatchError> {
        RecordIter::open(&self.header, &self.bytes, decoded_bytes_max)
    }
}
