//! Records as applications see them.

use std::sync::Arc;

use bytes::Bytes;

pub use odradek_wire::batch::TimestampType;

/// A header of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Its key; not unique within a record. Bytes that are no UTF-8 are replaced when read, as Kafka's own clients do.
    pub key: Arc<str>,
    /// Its value.
    pub value: Option<Bytes>,
}

/// A record to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProducerRecord {
    /// The topic.
    pub topic: Arc<str>,
    /// The partition; without one the key decides, and without a key the sticky partition.
    pub partition: Option<i32>,
    /// Milliseconds since 1970; without it the wall clock at the moment of sending.
    pub timestamp: Option<i64>,
    /// The key.
    pub key: Option<Bytes>,
    /// The value.
    pub value: Option<Bytes>,
    /// Headers in order.
    pub headers: Vec<Header>,
}

impl ProducerRecord {
    /// A record with a value and nothing else.
    pub fn new(topic: impl Into<Arc<str>>, value: impl Into<Bytes>) -> ProducerRecord {
        ProducerRecord { topic: topic.into(), partition: None, timestamp: None, key: None, value: Some(value.into()), headers: Vec::new() }
    }

    /// The same record with a key.
    #[must_use]
    pub fn key(mut self, key: impl Into<Bytes>) -> ProducerRecord {
        self.key = Some(key.into());
        self
    }

    /// The same record for one partition.
    #[must_use]
    pub const fn to(mut self, partition: i32) -> ProducerRecord {
        self.partition = Some(partition);
        self
    }
}

/// A record as read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerRecord {
    /// Its offset.
    pub offset: i64,
    /// The leader epoch in which it was written; -1 if unknown.
    pub leader_epoch: i32,
    /// Milliseconds since 1970.
    pub timestamp: i64,
    /// Who set it.
    pub timestamp_type: TimestampType,
    /// The key.
    pub key: Option<Bytes>,
    /// The value.
    pub value: Option<Bytes>,
    /// Headers in order.
    pub headers: Vec<Header>,
}
