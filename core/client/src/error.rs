//! What can go wrong for an application, and what it may conclude.

use odradek_wire::ids::TopicPartition;

/// Whether an operation that did not succeed may have taken effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It had no effect and never will.
    Definite,
    /// It may have had its effect, or may still have it: a lost answer, a timeout. Treat it as Jepsen's `:info`.
    Unknown,
}

/// Why a client could not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// A broker answered with an error of the protocol.
    #[error("{}{}", named(*code), message.as_deref().filter(|m| !m.is_empty()).map(|m| format!(": {m}")).unwrap_or_default())]
    Broker {
        /// Kafka's error code.
        code: i16,
        /// What the broker said about it, if anything.
        message: Option<String>,
    },
    /// `buffer.memory` has no room for the record: try again when something was delivered.
    #[error("{wanted} bytes do not fit beside the {held} of {limit} in hand")]
    BufferFull {
        /// Bytes of the record.
        wanted: usize,
        /// Bytes in hand.
        held: usize,
        /// `buffer.memory`.
        limit: usize,
    },
    /// A record longer than `max.request.size` or `buffer.memory`.
    #[error("a record of {bytes} bytes is longer than the largest allowed, {limit}")]
    RecordTooLarge {
        /// Bytes of the record.
        bytes: usize,
        /// The limit that it is above.
        limit: usize,
    },
    /// `delivery.timeout.ms` passed before an acknowledgment came.
    #[error("not acknowledged within {after_ms} ms")]
    DeliveryTimeout {
        /// The timeout.
        after_ms: u64,
    },
    /// The time for an operation passed.
    #[error("no answer within {after_ms} ms")]
    Timeout {
        /// The timeout.
        after_ms: u64,
    },
    /// The topic or partition was not known to the cluster within `max.block.ms`.
    #[error("{partition} is not known to the cluster")]
    UnknownPartition {
        /// Which.
        partition: TopicPartition,
    },
    /// The connection was lost while an answer was awaited, and the operation is not one to repeat.
    #[error("the connection to node {node} was lost")]
    Disconnected {
        /// The node.
        node: i32,
    },
    /// The node does not speak any version of this API that the client speaks.
    #[error("node {node} speaks no usable version of {api}")]
    UnsupportedVersion {
        /// The node.
        node: i32,
        /// Kafka's name of the API.
        api: &'static str,
    },
    /// The peer sent what no broker may send.
    #[error("node {node} misbehaves: {why}")]
    PeerMisbehaved {
        /// The node.
        node: i32,
        /// What was wrong.
        why: String,
    },
    /// A batch in a fetch response is damaged.
    #[error("{partition} is damaged at offset {offset}: {why}")]
    CorruptRecords {
        /// Where.
        partition: TopicPartition,
        /// The base offset that the damaged batch claims, or the position if none can be read.
        offset: i64,
        /// What was wrong.
        why: String,
    },
    /// There is no position and `auto.offset.reset` is `none`, or the position is out of range.
    #[error("{partition} has no valid position (asked for {position:?})")]
    NoOffset {
        /// Where.
        partition: TopicPartition,
        /// The position that is out of range, if there was one.
        position: Option<i64>,
    },
    /// The sequence of an idempotent producer cannot be continued without risk of loss or reordering.
    #[error("the idempotent producer lost its place in {partition}: {why}")]
    SequenceLost {
        /// Where.
        partition: TopicPartition,
        /// What happened.
        why: String,
    },
    /// The client was closed.
    #[error("the client is closed")]
    Closed,
    /// The application asked for something that cannot be.
    #[error("{why}")]
    Misuse {
        /// What, and why not.
        why: String,
    },
}

/// Kafka's name of an error code, with its number for those who look it up.
fn named(code: i16) -> String {
    odradek_wire::error::ErrorCode::known(code)
        .map_or_else(|| format!("error {code} of a broker"), |known| format!("{} ({code})", known.name()))
}
