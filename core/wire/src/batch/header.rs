//! The 61 bytes in front of the records of a batch.

use crate::batch::BatchError;
use crate::codec::Codec;
use crate::ids::{LeaderEpoch, Offset, ProducerEpoch, ProducerId, Sequence};

/// Bytes of a batch before its first record.
pub const HEADER_BYTES: usize = 61;
/// Bytes of a batch that its length field does not count: base offset and the length itself.
pub const LOG_OVERHEAD_BYTES: usize = 12;
/// The timestamp that means "none".
pub const NO_TIMESTAMP: i64 = -1;

/// The one format that is written, and the only one that is read here.
pub(crate) const MAGIC: i8 = 2;
/// The least length field with which a reader of a log goes on: Kafka's smallest record of any format.
pub(crate) const LENGTH_MIN: i32 = 14;
pub(crate) const LENGTH_AT: usize = 8;
pub(crate) const MAGIC_AT: usize = 16;
pub(crate) const CRC_AT: usize = 17;
/// The checksum covers everything from here to the end.
pub(crate) const ATTRIBUTES_AT: usize = 21;
pub(crate) const LAST_OFFSET_DELTA_AT: usize = 23;
pub(crate) const BASE_TIMESTAMP_AT: usize = 27;
pub(crate) const MAX_TIMESTAMP_AT: usize = 35;
pub(crate) const PRODUCER_ID_AT: usize = 43;
const PRODUCER_EPOCH_AT: usize = 51;
const BASE_SEQUENCE_AT: usize = 53;
const RECORD_COUNT_AT: usize = 57;

/// What the timestamps of a batch mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimestampType {
    /// Each record has the time that its producer gave it.
    #[default]
    CreateTime,
    /// Every record has the batch's max timestamp: the moment of the append.
    LogAppendTime,
}

/// The flags of a batch. Bits above the sixth are carried and mean nothing, as in Kafka.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attributes(pub i16);

impl Attributes {
    const CODEC: i16 = 0x07;
    const LOG_APPEND_TIME: i16 = 0x08;
    const TRANSACTIONAL: i16 = 0x10;
    const CONTROL: i16 = 0x20;
    const DELETE_HORIZON: i16 = 0x40;

    /// The flags of a batch to be built.
    pub fn new(codec: Codec, timestamps: TimestampType, transactional: bool, control: bool) -> Attributes {
        let mut bits = i16::from(codec.id());
        if timestamps == TimestampType::LogAppendTime {
            bits |= Self::LOG_APPEND_TIME;
        }
        if transactional {
            bits |= Self::TRANSACTIONAL;
        }
        if control {
            bits |= Self::CONTROL;
        }
        Attributes(bits)
    }

    /// The codec of the records; `None` for a number that no codec has.
    pub fn codec(self) -> Option<Codec> {
        Codec::from_id((self.0 & Self::CODEC) as u8)
    }

    /// What the timestamps mean.
    pub fn timestamp_type(self) -> TimestampType {
        if self.0 & Self::LOG_APPEND_TIME == 0 { TimestampType::CreateTime } else { TimestampType::LogAppendTime }
    }

    /// True if the batch is part of a transaction.
    pub fn is_transactional(self) -> bool {
        self.0 & Self::TRANSACTIONAL != 0
    }

    /// True if the batch holds control records.
    pub fn is_control(self) -> bool {
        self.0 & Self::CONTROL != 0
    }

    /// True if the base timestamp is the moment from which tombstones may go (KIP-534).
    pub fn has_delete_horizon(self) -> bool {
        self.0 & Self::DELETE_HORIZON != 0
    }

    /// The same flags with log-append time. Like Kafka, this forgets the bits that mean nothing.
    pub(crate) fn with_timestamp_type(self, timestamps: TimestampType) -> Attributes {
        let known = self.0 & 0x7f & !Self::LOG_APPEND_TIME;
        Attributes(if timestamps == TimestampType::LogAppendTime { known | Self::LOG_APPEND_TIME } else { known })
    }
}

/// The producer of a batch (KIP-98).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchProducer {
    /// The producer.
    pub id: ProducerId,
    /// Its incarnation.
    pub epoch: ProducerEpoch,
    /// The sequence of the first record; `None` in transaction markers.
    pub base_sequence: Option<Sequence>,
}

/// The header of a batch, read once. Nothing in it is believed beyond what its holder's type says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchHeader {
    /// Offset of the first record; zero in what a producer sends.
    pub base_offset: Offset,
    /// Bytes after the length field.
    pub batch_length: i32,
    /// Epoch of the leader that appended it; −1 in what a producer sends.
    pub leader_epoch: LeaderEpoch,
    /// Format.
    pub magic: i8,
    /// CRC-32C of everything from the attributes on.
    pub crc: u32,
    /// Codec and flags.
    pub attributes: Attributes,
    /// Last offset minus base offset; survives compaction even if the last records are gone.
    pub last_offset_delta: i32,
    /// What the records' timestamp deltas are added to, ms; with a delete horizon also that horizon.
    pub base_timestamp_ms: i64,
    /// The largest timestamp, ms, or the moment of the append; −1 for none.
    pub max_timestamp_ms: i64,
    /// The producer's id; −1 for none.
    pub producer_id: i64,
    /// The producer's epoch; −1 for none.
    pub producer_epoch: i16,
    /// Sequence of the first record; −1 for none.
    pub base_sequence: i32,
    /// Records; may be zero after compaction.
    pub record_count: i32,
}

impl BatchHeader {
    /// The header at the front of `bytes`.
    ///
    /// Errors: fewer than 61 bytes, another magic, or a length that does not cover the header. Whether the whole batch is there is not looked at.
    pub fn parse(bytes: &[u8]) -> Result<BatchHeader, BatchError> {
        if bytes.len() > MAGIC_AT && bytes[MAGIC_AT] as i8 != MAGIC {
            return Err(BatchError::Magic { found: bytes[MAGIC_AT] as i8 });
        }
        let Some(front) = bytes.first_chunk::<HEADER_BYTES>() else {
            return Err(BatchError::TooShort { have: bytes.len(), need: HEADER_BYTES });
        };
        let header = BatchHeader::read(front);
        if header.batch_length < (HEADER_BYTES - LOG_OVERHEAD_BYTES) as i32 {
            return Err(BatchError::Length { found: header.batch_length });
        }
        Ok(header)
    }

    fn read(front: &[u8; HEADER_BYTES]) -> BatchHeader {
        BatchHeader {
            base_offset: Offset(i64::from_be_bytes(field(front, 0))),
            batch_length: i32::from_be_bytes(field(front, LENGTH_AT)),
            leader_epoch: LeaderEpoch(i32::from_be_bytes(field(front, 12))),
            magic: front[MAGIC_AT] as i8,
            crc: u32::from_be_bytes(field(front, CRC_AT)),
            attributes: Attributes(i16::from_be_bytes(field(front, ATTRIBUTES_AT))),
            last_offset_delta: i32::from_be_bytes(field(front, LAST_OFFSET_DELTA_AT)),
            base_timestamp_ms: i64::from_be_bytes(field(front, BASE_TIMESTAMP_AT)),
            max_timestamp_ms: i64::from_be_bytes(field(front, MAX_TIMESTAMP_AT)),
            producer_id: i64::from_be_bytes(field(front, PRODUCER_ID_AT)),
            producer_epoch: i16::from_be_bytes(field(front, PRODUCER_EPOCH_AT)),
            base_sequence: i32::from_be_bytes(field(front, BASE_SEQUENCE_AT)),
            record_count: i32::from_be_bytes(field(front, RECORD_COUNT_AT)),
        }
    }

    /// The header as it stands before the records.
    pub fn to_bytes(&self) -> [u8; HEADER_BYTES] {
        let mut front = [0; HEADER_BYTES];
        let mut put = |at: usize, value: &[u8]| front[at..at + value.len()].copy_from_slice(value);
        put(0, &self.base_offset.0.to_be_bytes());
        put(LENGTH_AT, &self.batch_length.to_be_bytes());
        put(12, &self.leader_epoch.0.to_be_bytes());
        put(MAGIC_AT, &self.magic.to_be_bytes());
        put(CRC_AT, &self.crc.to_be_bytes());
        put(ATTRIBUTES_AT, &self.attributes.0.to_be_bytes());
        put(LAST_OFFSET_DELTA_AT, &self.last_offset_delta.to_be_bytes());
        put(BASE_TIMESTAMP_AT, &self.base_timestamp_ms.to_be_bytes());
        put(MAX_TIMESTAMP_AT, &self.max_timestamp_ms.to_be_bytes());
        put(PRODUCER_ID_AT, &self.producer_id.to_be_bytes());
        put(PRODUCER_EPOCH_AT, &self.producer_epoch.to_be_bytes());
        put(BASE_SEQUENCE_AT, &self.base_sequence.to_be_bytes());
        put(RECORD_COUNT_AT, &self.record_count.to_be_bytes());
        front
    }

    /// Bytes of the whole batch.
    pub fn size_bytes(&self) -> usize {
        LOG_OVERHEAD_BYTES + usize::try_from(self.batch_length).unwrap_or(0)
    }

    /// Offset of the last record. Saturates: the header may come from anywhere.
    pub fn last_offset(&self) -> Offset {
        Offset(self.base_offset.0.saturating_add(i64::from(self.last_offset_delta)))
    }

    /// The offset after the last record. Saturates likewise.
    pub fn next_offset(&self) -> Offset {
        Offset(self.last_offset().0.saturating_add(1))
    }

    /// The producer, if the batch has one.
    pub fn producer(&self) -> Option<BatchProducer> {
        (self.producer_id >= 0).then(|| BatchProducer {
            id: ProducerId(self.producer_id),
            epoch: ProducerEpoch(self.producer_epoch),
            base_sequence: (self.base_sequence >= 0).then_some(Sequence(self.base_sequence)),
        })
    }
}

fn field<const N: usize>(front: &[u8; HEADER_BYTES], at: usize) -> [u8; N] {
    front[at..].first_chunk().copied().expect("every field lies within the header")
}
