//! Every topic key of Kafka 4.3.

use super::definition::{BrokerSynonym, Definition, Effect, Update, ValueType};
use super::rule::Rule;

const fn key(
    name: &'static str,
    value_type: ValueType,
    default: &'static str,
    rule: Rule,
    synonyms: &'static [BrokerSynonym],
) -> Definition {
    let (default, update, effect) = (Some(default), Update::ClusterWide, Effect::Works);
    Definition { name, value_type, default, rule, synonyms, update, effect, internal: false, says: "" }
}

const fn of(name: &'static str) -> BrokerSynonym {
    BrokerSynonym { name, factor: 1 }
}

const fn hours(name: &'static str) -> BrokerSynonym {
    BrokerSynonym { name, factor: 3_600_000 }
}

const fn minutes(name: &'static str) -> BrokerSynonym {
    BrokerSynonym { name, factor: 60_000 }
}

impl Definition {
    const fn says(self, says: &'static str) -> Definition {
        Definition { says, ..self }
    }

    /// For tests: null if nobody says anything, and shown only where somebody does.
    const fn internal(self) -> Definition {
        Definition { default: None, internal: true, ..self }
    }

    const fn nothing(self, why: &'static str) -> Definition {
        Definition { effect: Effect::Nothing(why), ..self }
    }

    const fn refused(self, why: &'static str) -> Definition {
        Definition { effect: Effect::Refused(why), ..self }
    }
}

const NOT_COMPACTED: &str = "nothing is compacted yet";
const ONE_REPLICA: &str = "every partition has one replica so far";
const NOT_TIERED: &str = "every segment is kept on the disks of this server";

/// Kafka's least size of a segment (KIP-1030). A trial that rolls often says `internal.segment.bytes`.
pub(super) const SEGMENT_BYTES_MIN: i64 = 1 << 20;

const MAX: &str = "9223372036854775807";

/// By name. `flush.messages` is 1 where Kafka has "never": what is acknowledged is synced. Everything else is Kafka's default.
pub(super) const TOPIC_KEYS: &[Definition] = &[
    key("cleanup.policy", ValueType::List, "delete", Rule::ListOf(&["compact", "delete"]), &[of("log.cleanup.policy")])
        .says(
            "What becomes of old segments: deleted, or compacted to the last value of each key, or both. Nothing is compacted yet: compact is kept, and \
             every record stays.",
        ),
    key("compression.gzip.level", ValueType::Int, "-1", Rule::GzipLevel, &[of("compression.gzip.level")])
        .says("The level of gzip when the topic compresses with it."),
    key("compression.lz4.level", ValueType::Int, "9", Rule::Between(1, 17), &[of("compression.lz4.level")])
        .says("The level of LZ4 when the topic compresses with it."),
    key(
        "compression.type",
        ValueType::String,
        "producer",
        Rule::OneOf(&["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"]),
        &[of("compression.type")],
    )
    .says("The codec in which batches are kept; 'producer' leaves them as they were sent."),
    key("compression.zstd.level", ValueType::Int, "3", Rule::Between(-131_072, 22), &[of("compression.zstd.level")])
        .says("The level of Zstandard when the topic compresses with it."),
    key("delete.retention.ms", ValueType::Long, "86400000", Rule::AtLeast(0), &[of("log.cleaner.delete.retention.ms")])
        .nothing(NOT_COMPACTED)
        .says("How long tombstones of a compacted topic stay readable."),
    key("file.delete.delay.ms", ValueType::Long, "60000", Rule::AtLeast(0), &[of("log.segment.delete.delay.ms")])
        .says("How long a deleted file stays on disk."),
    key("flush.messages", ValueType::Long, "1", Rule::AtLeast(1), &[of("log.flush.interval.messages")]).says(
        "1: a record is acknowledged after it was synced. More: after it was written, and synced at that many records at the latest.",
    ),
    key("flush.ms", ValueType::Long, MAX, Rule::AtLeast(0), &[of("log.flush.interval.ms"), of("log.flush.scheduler.interval.ms")])
        .says("After how long what was written is synced at the latest."),
    key("follower.replication.throttled.replicas", ValueType::List, "", Rule::ThrottledReplicas, &[])
        .nothing(ONE_REPLICA)
        .says("Replicas whose followers keep to the replication quota."),
    key("index.interval.bytes", ValueType::Int, "4096", Rule::AtLeast(0), &[of("log.index.interval.bytes")])
        .says("How many bytes lie between two entries of the offset index."),
    key("internal.segment.bytes", ValueType::Int, "", Rule::Any, &[])
        .internal()
        .says("The size of a segment in tests of Apache Kafka; stands before segment.bytes."),
    key("leader.replication.throttled.replicas", ValueType::List, "", Rule::ThrottledReplicas, &[])
        .nothing(ONE_REPLICA)
        .says("Replicas whose leaders keep to the replication quota."),
    key("local.retention.bytes", ValueType::Long, "-2", Rule::AtLeast(-2), &[of("log.local.retention.bytes")])
        .nothing(NOT_TIERED)
        .says("How many bytes of a tiered partition stay on the broker; -2 for retention.bytes."),
    key("local.retention.ms", ValueType::Long, "-2", Rule::AtLeast(-2), &[of("log.local.retention.ms")])
        .nothing(NOT_TIERED)
        .says("How long segments of a tiered partition stay on the broker; -2 for retention.ms."),
    key("max.compaction.lag.ms", ValueType::Long, MAX, Rule::AtLeast(1), &[of("log.cleaner.max.compaction.lag.ms")])
        .nothing(NOT_COMPACTED)
        .says("After how long a record is open to compaction at the latest."),
    key("max.message.bytes", ValueType::Int, "1048588", Rule::AtLeast(0), &[of("message.max.bytes")])
        .says("The longest batch that is taken."),
    key("message.timestamp.after.max.ms", ValueType::Long, "3600000", Rule::AtLeast(0), &[of("log.message.timestamp.after.max.ms")])
        .says("How far a record's time may lie after the broker's clock."),
    key("message.timestamp.before.max.ms", ValueType::Long, MAX, Rule::AtLeast(0), &[of("log.message.timestamp.before.max.ms")])
        .says("How far a record's time may lie before the broker's clock."),
    key(
        "message.timestamp.type",
        ValueType::String,
        "CreateTime",
        Rule::OneOf(&["CreateTime", "LogAppendTime"]),
        &[of("log.message.timestamp.type")],
    )
    .says("Whose time a record carries: its producer's, or the leader's at the append."),
    key("min.cleanable.dirty.ratio", ValueType::Double, "0.5", Rule::Ratio, &[of("log.cleaner.min.cleanable.ratio")])
        .nothing(NOT_COMPACTED)
        .says("Which part of a log must be uncompacted before it is compacted."),
    key("min.compaction.lag.ms", ValueType::Long, "0", Rule::AtLeast(0), &[of("log.cleaner.min.compaction.lag.ms")])
        .nothing(NOT_COMPACTED)
        .says("How long a record stays out of compaction at the least."),
    key("min.insync.replicas", ValueType::Int, "1", Rule::AtLeast(1), &[of("min.insync.replicas")])
        .says("How many replicas must hold a record before acks=all is answered."),
    key("preallocate", ValueType::Boolean, "false", Rule::Any, &[of("log.preallocate")])
        .nothing("a file grows as it is written")
        .says("Whether a segment's file gets its whole length when it is made."),
    key("remote.log.copy.disable", ValueType::Boolean, "false", Rule::Any, &[])
        .nothing(NOT_TIERED)
        .says("Whether tiered data becomes read-only."),
    key("remote.log.delete.on.disable", ValueType::Boolean, "false", Rule::Any, &[])
        .nothing(NOT_TIERED)
        .says("Whether tiered data is deleted when tiering is switched off."),
    key("remote.storage.enable", ValueType::Boolean, "false", Rule::Any, &[]).refused(NOT_TIERED).says("Whether segments are tiered."),
    key("retention.bytes", ValueType::Long, "-1", Rule::Any, &[of("log.retention.bytes")])
        .says("How many bytes a partition keeps before old segments are deleted; -1 for no bound."),
    key(
        "retention.ms",
        ValueType::Long,
        "604800000",
        Rule::AtLeast(-1),
        &[of("log.retention.ms"), minutes("log.retention.minutes"), hours("log.retention.hours")],
    )
    .says("How long segments are kept; -1 for ever."),
    key("segment.bytes", ValueType::Int, "1073741824", Rule::AtLeast(SEGMENT_BYTES_MIN), &[of("log.segment.bytes")])
        .says("At which size a segment is closed and the next one begun."),
    key("segment.index.bytes", ValueType::Int, "10485760", Rule::AtLeast(4), &[of("log.index.size.max.bytes")])
        .says("The size of a segment's indexes."),
    key("segment.jitter.ms", ValueType::Long, "0", Rule::AtLeast(0), &[of("log.roll.jitter.ms"), hours("log.roll.jitter.hours")])
        .says("By how much segment.ms is shortened at the most, drawn for each segment."),
    key("segment.ms", ValueType::Long, "604800000", Rule::AtLeast(1), &[of("log.roll.ms"), hours("log.roll.hours")])
        .says("After how long a segment is closed even if it is not full."),
    key("unclean.leader.election.enable", ValueType::Boolean, "false", Rule::Any, &[of("unclean.leader.election.enable")])
        .says("Whether a replica that may lack records can be elected when no other can."),
];
