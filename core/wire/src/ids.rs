//! Distinct types for distinct numbers: an offset is no epoch, and a producer's epoch is no leader's.

use std::fmt;
use std::sync::Arc;

/// A record's position in a partition's log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Offset(pub i64);

impl Offset {
    /// The offset `records` further on.
    #[must_use]
    pub const fn plus(self, records: i64) -> Offset {
        Offset(self.0 + records)
    }

    /// The offset `records` further on, for numbers that came from outside; `None` out of range or below zero.
    pub const fn checked_plus(self, records: i64) -> Option<Offset> {
        match self.0.checked_add(records) {
            Some(offset) if offset >= 0 => Some(Offset(offset)),
            _ => None,
        }
    }

    /// The next offset.
    #[must_use]
    pub const fn next(self) -> Offset {
        self.plus(1)
    }

    /// Records from `earlier` to `self`.
    pub const fn since(self, earlier: Offset) -> i64 {
        self.0 - earlier.0
    }
}

/// The term of a partition's leader (KIP-101).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeaderEpoch(pub i32);

/// The version of a partition's replication state in the metadata log; every change by the controller raises it (KIP-497).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartitionEpoch(pub i32);

/// One registration of a broker: the offset of its record in the metadata log (KIP-631).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BrokerEpoch(pub i64);

/// An idempotent or transactional producer (KIP-98).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProducerId(pub i64);

/// One incarnation of a producer (KIP-98, KIP-360).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProducerEpoch(pub i16);

/// The place of a record among those of one producer in one partition; wraps from `i32::MAX` to zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sequence(pub i32);

impl Sequence {
    /// The sequence `records` further on, past the wrap.
    #[must_use]
    pub const fn plus(self, records: i32) -> Sequence {
        Sequence((self.0 as i64 + records as i64).rem_euclid(1 << 31) as i32)
    }
}

/// A node of the cluster, `node.id`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub i32);

/// What ties a response to its request on one connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CorrelationId(pub i32);

/// Sixteen bytes that name a topic, a directory, a cluster or an incarnation; written as base64url without padding.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uuid(pub [u8; 16]);

impl Uuid {
    /// All zeros: "none" in Kafka's messages.
    pub const ZERO: Uuid = Uuid([0; 16]);
    /// The topic id of `__cluster_metadata`.
    pub const METADATA_TOPIC: Uuid = Uuid([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);

    /// True for the id that means "none".
    pub fn is_zero(self) -> bool {
        self == Uuid::ZERO
    }

    /// The id written as 22 characters of base64url.
    pub fn parse(text: &str) -> Option<Uuid> {
        if text.len() != 22 {
            return None;
        }
        let mut bits: u32 = 0;
        let mut held = 0;
        let mut id = [0u8; 16];
        let mut at = 0;
        for c in text.bytes() {
            let six = ALPHABET.iter().position(|&a| a == c)? as u32;
            bits = bits << 6 | six;
            held += 6;
            if held >= 8 && at < 16 {
                held -= 8;
                id[at] = (bits >> held) as u8;
                at += 1;
            }
        }
        (bits & ((1 << held) - 1) == 0).then_some(Uuid(id))
    }
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.chunks(3) {
            let mut bits: u32 = 0;
            for i in 0..3 {
                bits = bits << 8 | u32::from(chunk.get(i).copied().unwrap_or(0));
            }
            for i in 0..=chunk.len() {
                let six = bits >> (18 - 6 * i) & 63;
                write!(f, "{}", ALPHABET[six as usize] as char)?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A topic's partition by name: what people and old requests say.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPartition {
    /// The topic's name.
    pub topic: Arc<str>,
    /// The partition's index.
    pub partition: i32,
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.topic, self.partition)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_are_written_as_kafka_writes_them() {
        assert_eq!(Uuid::METADATA_TOPIC.to_string(), "AAAAAAAAAAAAAAAAAAAAAQ");
        for text in ["AAAAAAAAAAAAAAAAAAAAAQ", "MkU3OEVBNTcwNTJENDM2Qg", "_-AAAAAAAAAAAAAAAAAAAA"] {
            assert_eq!(Uuid::parse(text).map(|id| id.to_string()).as_deref(), Some(text));
        }
        assert_eq!(Uuid::parse("short"), None);
    }

    #[test]
    fn a_sequence_wraps_from_the_largest_to_zero() {
        assert_eq!(Sequence(i32::MAX).plus(1), Sequence(0));
        assert_eq!(Sequence(i32::MAX - 1).plus(5), Sequence(3));
    }
}
