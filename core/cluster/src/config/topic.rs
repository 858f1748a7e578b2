//! The configuration of a topic, typed: what logs and partitions work with.

use odradek_wire::ids::NodeId;

use super::rule::split;
use super::{NodeView, StaticConfig, topic_key};
use crate::image::{Image, Overrides, Resource};

/// What becomes of old segments (`cleanup.policy`); both may hold, and neither.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CleanupPolicy {
    /// Old segments are deleted.
    pub delete: bool,
    /// The last value of each key is kept.
    pub compact: bool,
}

/// In what codec batches are kept (`compression.type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompressionType {
    /// As the producer sent them.
    Producer,
    /// None.
    Uncompressed,
    /// Gzip of this level.
    Gzip(i32),
    /// Snappy.
    Snappy,
    /// LZ4 of this level.
    Lz4(i32),
    /// Zstandard of this level.
    Zstd(i32),
}

/// Whose time a record carries (`message.timestamp.type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampType {
    /// The producer's.
    CreateTime,
    /// The leader's, at the append.
    LogAppendTime,
}

/// What holds for one topic. Bounds that Kafka writes as −1 are `None` here.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "fields carry the names of the keys, whose definitions say what they are")]
pub struct TopicConfig {
    pub cleanup_policy: CleanupPolicy,
    pub compression_type: CompressionType,
    pub file_delete_delay_ms: i64,
    pub flush_messages: i64,
    pub flush_ms: i64,
    pub index_interval_bytes: i32,
    pub max_message_bytes: i32,
    pub message_timestamp_after_max_ms: i64,
    pub message_timestamp_before_max_ms: i64,
    pub message_timestamp_type: TimestampType,
    pub min_insync_replicas: i32,
    pub retention_bytes: Option<i64>,
    pub retention_ms: Option<i64>,
    pub segment_bytes: i32,
    pub segment_index_bytes: i32,
    pub segment_jitter_ms: i64,
    pub segment_ms: i64,
    pub unclean_leader_election_enable: bool,
}

impl Default for TopicConfig {
    /// What holds if nobody says anything: Kafka's defaults, but for `flush.messages`, which is 1: what is acknowledged is synced.
    fn default() -> Self {
        TopicConfig {
            cleanup_policy: CleanupPolicy { delete: true, compact: false },
            compression_type: CompressionType::Producer,
            file_delete_delay_ms: 60_000,
            flush_messages: 1,
            flush_ms: i64::MAX,
            index_interval_bytes: 4096,
            max_message_bytes: 1_048_588,
            message_timestamp_after_max_ms: 3_600_000,
            message_timestamp_before_max_ms: i64::MAX,
            message_timestamp_type: TimestampType::CreateTime,
            min_insync_replicas: 1,
            retention_bytes: None,
            retention_ms: Some(604_800_000),
            segment_bytes: 1_073_741_824,
            segment_index_bytes: 10_485_760,
            segment_jitter_ms: 0,
            segment_ms: 604_800_000,
            unclean_leader_election_enable: false,
        }
    }
}

/// What holds for a topic on a node.
pub fn topic_config(image: &Image, node: NodeId, file: &StaticConfig, topic: &str) -> TopicConfig {
    let view = NodeView::of(image, node, file);
    TopicConfig::resolve(&view, image.overrides(&Resource::topic(topic)))
}

impl TopicConfig {
    /// What holds under these overrides. A value that is not right for its key is passed over: it came from another version.
    pub fn resolve(view: &NodeView<'_>, overrides: Option<&Overrides>) -> TopicConfig {
        let values = Values { view, overrides };
        let policy = values.text("cleanup.policy");
        TopicConfig {
            cleanup_policy: CleanupPolicy {
                delete: split(&policy).any(|p| p == "delete"),
                compact: split(&policy).any(|p| p == "compact"),
            },
            compression_type: values.compression_type(),
            file_delete_delay_ms: values.long("file.delete.delay.ms"),
            flush_messages: values.long("flush.messages"),
            flush_ms: values.long("flush.ms"),
            index_interval_bytes: values.int("index.interval.bytes"),
            max_message_bytes: values.int("max.message.bytes"),
            message_timestamp_after_max_ms: values.long("message.timestamp.after.max.ms"),
            message_timestamp_before_max_ms: values.long("message.timestamp.before.max.ms"),
            message_timestamp_type: match &*values.text("message.timestamp.type") {
                "LogAppendTime" => TimestampType::LogAppendTime,
                _ => TimestampType::CreateTime,
            },
            min_insync_replicas: values.int("min.insync.replicas"),
            retention_bytes: unless_negative(values.long("retention.bytes")),
            retention_ms: unless_negative(values.long("retention.ms")),
            segment_bytes: values.own_int("internal.segment.bytes").unwrap_or_else(|| values.int("segment.bytes")),
            segment_index_bytes: values.int("segment.index.bytes"),
            segment_jitter_ms: values.long("segment.jitter.ms"),
            segment_ms: values.long("segment.ms"),
            unclean_leader_election_enable: values.text("unclean.leader.election.enable") == "true",
        }
    }
}

struct Values<'a> {
    view: &'a NodeView<'a>,
    overrides: Option<&'a Overrides>,
}

impl Values<'_> {
    fn text(&self, name: &'static str) -> String {
        let key = topic_key(name).unwrap_or_else(|| panic!("the table has no topic key {name}"));
        let own = self.overrides.and_then(|o| o.get(name)).and_then(|v| key.parse(v).ok());
        own.or_else(|| self.view.topic_default(key)).unwrap_or_else(|| panic!("{name} has a default"))
    }

    /// A key without default: what the topic itself says.
    fn own_int(&self, name: &'static str) -> Option<i32> {
        topic_key(name)?.parse(self.overrides?.get(name)?).ok()?.parse().ok()
    }

    fn long(&self, name: &'static str) -> i64 {
        self.text(name).parse().unwrap_or_else(|_| panic!("{name} is a number by its type"))
    }

    fn int(&self, name: &'static str) -> i32 {
        i32::try_from(self.long(name)).unwrap_or_else(|_| panic!("{name} fits by its type, as its broker key does"))
    }

    fn compression_type(&self) -> CompressionType {
        match &*self.text("compression.type") {
            "uncompressed" => CompressionType::Uncompressed,
            "gzip" => CompressionType::Gzip(self.int("compression.gzip.level")),
            "snappy" => CompressionType::Snappy,
            "lz4" => CompressionType::Lz4(self.int("compression.lz4.level")),
            "zstd" => CompressionType::Zstd(self.int("compression.zstd.level")),
            _ => CompressionType::Producer,
        }
    }
}

fn unless_negative(n: i64) -> Option<i64> {
    (n >= 0).then_some(n)
}
