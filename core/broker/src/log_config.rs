//! What of a topic's configuration its logs act upon.

use odradek_cluster::config::{TimestampType, TopicConfig};
use odradek_log::config::LogConfig;

/// The configuration of a log, from that of its topic.
pub(crate) fn log_config(topic: &TopicConfig, producer_id_expiration_ms: i64) -> LogConfig {
    let positive = |value: i32| u32::try_from(value).unwrap_or(0);
    LogConfig {
        segment_bytes: positive(topic.segment_bytes),
        segment_ms: topic.segment_ms,
        segment_jitter_ms: topic.segment_jitter_ms,
        segment_index_bytes: positive(topic.segment_index_bytes),
        index_interval_bytes: positive(topic.index_interval_bytes),
        max_message_bytes: positive(topic.max_message_bytes),
        log_append_time: topic.message_timestamp_type == TimestampType::LogAppendTime,
        timestamp_before_max_ms: topic.message_timestamp_before_max_ms,
        timestamp_after_max_ms: topic.message_timestamp_after_max_ms,
        retention_ms: topic.retention_ms,
        retention_bytes: topic.retention_bytes.and_then(|bytes| u64::try_from(bytes).ok()),
        cleanup_delete: topic.cleanup_policy.delete,
        cleanup_compact: topic.cleanup_policy.compact,
        file_delete_delay_ms: u64::try_from(topic.file_delete_delay_ms).unwrap_or(0),
        flush_messages: u64::try_from(topic.flush_messages).unwrap_or(1),
        flush_ms: u64::try_from(topic.flush_ms).ok().filter(|&ms| ms != i64::MAX as u64),
        producer_id_expiration_ms,
    }
}
