//! What the rules of a topic say to a client's batch, before anything else of the log is looked at: its size, and each of its records.

use odradek_machine::Now;
use odradek_wire::batch::{Facts, NO_TIMESTAMP, ProducerBatch, Record, TimestampType};

use super::incoming::{Body, Incoming};
use super::{AppendError, Log};
use crate::config::LogConfig;

/// Records of a batch that the rules of its topic refuse. The whole batch is refused with them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rejected {
    /// The first [`NAMED_MOST`] of them, in order.
    pub records: Vec<RejectedRecord>,
    /// How many there are.
    pub count: usize,
    /// At least one has a wrong time: the batch is told so whatever else is wrong.
    pub untimely: bool,
}

/// How many records are named at the most: a compressed batch may have more of them than an answer can hold.
pub const NAMED_MOST: usize = 100_000;

/// A record that is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RejectedRecord {
    /// Its place in the batch.
    pub index: i32,
    /// What is wrong.
    pub fault: RecordFault,
}

/// What the rules of a topic find wrong in a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordFault {
    /// It has no key, which a compacted topic needs.
    NoKey,
    /// Its timestamp is further away than `message.timestamp.before.max.ms` and `message.timestamp.after.max.ms` allow.
    OutOfTime {
        /// Of the record.
        timestamp_ms: i64,
        /// The least allowed.
        least_ms: i64,
        /// The most allowed.
        most_ms: i64,
    },
    /// Its producer says that its time is that of an append, which is for the broker to say.
    Stamped {
        /// Of the record.
        timestamp_ms: i64,
        /// Bytes of its key.
        key_bytes: usize,
        /// Bytes of its value.
        value_bytes: usize,
    },
}

impl Log {
    /// Whether the topic takes a client's batch: asked before the batch is compressed again, and by the append itself.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn admits(&self, now: Now, batch: &ProducerBatch) -> Result<(), AppendError> {
        let config = &self.setup.config;
        check_size(config, batch.bytes().len() as u64)?;
        let rules = Rules { config, wall_ms: now.wall.0, stamped: batch.timestamp_type() == TimestampType::LogAppendTime };
        if !rules.may_refuse(batch.facts()) {
            return Ok(());
        }
        let rejected = rules.rejected(batch);
        if rejected.count == 0 { Ok(()) } else { Err(AppendError::Rejected(rejected)) }
    }

    pub(super) fn admits_incoming(&self, now: Now, batch: &Incoming) -> Result<(), AppendError> {
        match &batch.body {
            Body::Produced(batch) => self.admits(now, batch),
            Body::Whole(_) | Body::Absent => check_size(&self.setup.config, batch.bytes),
        }
    }
}

fn check_size(config: &LogConfig, bytes: u64) -> Result<(), AppendError> {
    let limit = u64::from(config.max_message_bytes);
    if bytes > limit { Err(AppendError::TooLarge { bytes, limit }) } else { Ok(()) }
}

/// The rules for records.
struct Rules<'a> {
    config: &'a LogConfig,
    wall_ms: i64,
    /// The producer says that the time of the batch is that of its append.
    stamped: bool,
}

impl Rules<'_> {
    /// False if the facts alone show that nothing is refused: so it is with nearly every batch, and no record need be read again.
    fn may_refuse(&self, facts: &Facts) -> bool {
        let oldest_ms = facts.min_timestamp_ms.unwrap_or(NO_TIMESTAMP);
        let untimely = match self.config.log_append_time {
            true => self.stamped,
            false => self.is_out_of_time(oldest_ms) || self.is_out_of_time(facts.max_timestamp_ms),
        };
        let timeless = self.stamped && oldest_ms == NO_TIMESTAMP;
        untimely || timeless || self.config.cleanup_compact && facts.without_key > 0
    }

    fn rejected(&self, batch: &ProducerBatch) -> Rejected {
        let mut rejected = Rejected::default();
        let records = batch.records(batch.facts().decoded_bytes).expect("it was decompressed when it was validated");
        for (index, record) in (0..).zip(records) {
            let Some(fault) = self.fault(&record.expect("it was read when the batch was validated")) else { continue };
            rejected.count += 1;
            rejected.untimely |= fault != RecordFault::NoKey;
            if rejected.records.len() < NAMED_MOST {
                rejected.records.push(RejectedRecord { index, fault });
            }
        }
        rejected
    }

    /// As Kafka's LogValidator: of a record without a key the time is not looked at.
    fn fault(&self, record: &Record) -> Option<RecordFault> {
        let timestamp_ms = record.timestamp_ms;
        if self.config.cleanup_compact && record.key.is_none() {
            return Some(RecordFault::NoKey);
        }
        if !self.config.log_append_time && timestamp_ms != NO_TIMESTAMP {
            let least_ms = self.wall_ms.saturating_sub(self.config.timestamp_before_max_ms);
            let most_ms = self.wall_ms.saturating_add(self.config.timestamp_after_max_ms);
            return self.is_out_of_time(timestamp_ms).then_some(RecordFault::OutOfTime { timestamp_ms, least_ms, most_ms });
        }
        let bytes = |part: &Option<bytes::Bytes>| part.as_ref().map_or(0, bytes::Bytes::len);
        self.stamped.then(|| RecordFault::Stamped { timestamp_ms, key_bytes: bytes(&record.key), value_bytes: bytes(&record.value) })
    }

    /// The difference wraps as Java's does: the least times that there are lie in the future.
    fn is_out_of_time(&self, timestamp_ms: i64) -> bool {
        let age_ms = self.wall_ms.wrapping_sub(timestamp_ms);
        timestamp_ms != NO_TIMESTAMP
            && (age_ms > self.config.timestamp_before_max_ms || age_ms.wrapping_neg() > self.config.timestamp_after_max_ms)
    }
}
