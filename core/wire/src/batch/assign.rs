//! Offsets for a producer's batch, without touching its payload.

use bytes::Bytes;

use crate::batch::header::{ATTRIBUTES_AT, PRODUCER_ID_AT};
use crate::batch::{BatchHeader, TimestampType, crc32c_with_other_head};
use crate::ids::{LeaderEpoch, Offset};

/// What a leader writes into a batch when it appends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Offset of the first record.
    pub base_offset: Offset,
    /// The leader's epoch.
    pub leader_epoch: LeaderEpoch,
    /// The moment of the append, ms, if the topic says `message.timestamp.type=LogAppendTime`.
    pub log_append_ms: Option<i64>,
}

/// A batch at its offsets, in two parts: a head of its own and the rest of what the producer sent.
///
/// Base offset and leader epoch lie outside the checksum. Where the timestamps change (log-append time, or a max timestamp in the header that no record
/// has), the checksum is combined from the old one and the two heads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assigned {
    header: BatchHeader,
    head: Bytes,
    tail: Bytes,
}

impl Assigned {
    pub(crate) fn new(old: &BatchHeader, bytes: &Bytes, max_timestamp_ms: i64, stamp: Stamp) -> Assigned {
        let mut header = BatchHeader { base_offset: stamp.base_offset, leader_epoch: stamp.leader_epoch, ..*old };
        let (timestamps, max_timestamp_ms) = match stamp.log_append_ms {
            Some(ms) => (TimestampType::LogAppendTime, ms),
            None => (TimestampType::CreateTime, max_timestamp_ms),
        };
        if timestamps == old.attributes.timestamp_type() && max_timestamp_ms == old.max_timestamp_ms {
            return Assigned {
                head: Bytes::copy_from_slice(&header.to_bytes()[..ATTRIBUTES_AT]),
                tail: bytes.slice(ATTRIBUTES_AT..),
                header,
            };
        }
        header.attributes = old.attributes.with_timestamp_type(timestamps);
        header.max_timestamp_ms = max_timestamp_ms;
        let summed = ATTRIBUTES_AT..PRODUCER_ID_AT;
        let tail = bytes.slice(PRODUCER_ID_AT..);
        header.crc = crc32c_with_other_head(old.crc, &bytes[summed.clone()], &header.to_bytes()[summed], tail.len());
        Assigned { head: Bytes::copy_from_slice(&header.to_bytes()[..PRODUCER_ID_AT]), tail, header }
    }

    /// The header as it will be written.
    pub fn header(&self) -> &BatchHeader {
        &self.header
    }

    /// The parts to be written one after the other.
    pub fn parts(&self) -> [Bytes; 2] {
        [self.head.clone(), self.tail.clone()]
    }

    /// Bytes of the whole batch.
    pub fn size_bytes(&self) -> usize {
        self.head.len() + self.tail.len()
    }

    /// The whole batch in one piece: copies, so not for the append.
    pub fn to_bytes(&self) -> Bytes {
        [&self.head[..], &self.tail[..]].concat().into()
    }
}
