//! The topic configuration that a log acts upon.

/// Limits and habits of one log, in Kafka's keys. Changes with [`crate::log::Log::reconfigure`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// `segment.bytes`: a segment that would grow past it is rolled.
    pub segment_bytes: u32,
    /// `segment.ms`: a segment whose first record is this much older than the next one is rolled.
    pub segment_ms: i64,
    /// `segment.jitter.ms`: up to this much is taken off `segment.ms`, drawn for each segment, so that not all partitions roll at once.
    pub segment_jitter_ms: i64,
    /// `segment.index.bytes`: a segment is rolled when one of its indexes would grow past it.
    pub segment_index_bytes: u32,
    /// `index.interval.bytes`: bytes of log between two index entries.
    pub index_interval_bytes: u32,
    /// `max.message.bytes`: the largest batch that a client may append.
    pub max_message_bytes: u32,
    /// `message.timestamp.type` is `LogAppendTime`.
    pub log_append_time: bool,
    /// `message.timestamp.before.max.ms`: how far a client's timestamp may lie in the past.
    pub timestamp_before_max_ms: i64,
    /// `message.timestamp.after.max.ms`: how far a client's timestamp may lie in the future.
    pub timestamp_after_max_ms: i64,
    /// `retention.ms`; `None` keeps for ever. Applies only with `cleanup_delete`.
    pub retention_ms: Option<i64>,
    /// `retention.bytes`; `None` sets no bound. Applies only with `cleanup_delete`.
    pub retention_bytes: Option<u64>,
    /// `cleanup.policy` contains `delete`.
    pub cleanup_delete: bool,
    /// `cleanup.policy` contains `compact`.
    pub cleanup_compact: bool,
    /// `file.delete.delay.ms`: how long a `.deleted` file stays.
    pub file_delete_delay_ms: u64,
    /// `flush.messages`: at 1 (our default) an append is durable when it is synced; above, when it is written, and a sync is asked for after so many records.
    pub flush_messages: u64,
    /// `flush.ms`: the longest that a written record may wait for a sync; `None` leaves it to the host.
    pub flush_ms: Option<u64>,
    /// `producer.id.expiration.ms`: a producer that was silent for so long is forgotten.
    pub producer_id_expiration_ms: i64,
}

impl Default for LogConfig {
    /// Kafka's defaults, but `flush.messages=1`.
    fn default() -> Self {
        LogConfig {
            segment_bytes: 1 << 30,
            segment_ms: 7 * 24 * 3_600_000,
            segment_jitter_ms: 0,
            segment_index_bytes: 10 << 20,
            index_interval_bytes: 4096,
            max_message_bytes: 1_048_588,
            log_append_time: false,
            timestamp_before_max_ms: i64::MAX,
            timestamp_after_max_ms: 3_600_000,
            retention_ms: Some(7 * 24 * 3_600_000),
            retention_bytes: None,
            cleanup_delete: true,
            cleanup_compact: false,
            file_delete_delay_ms: 60_000,
            flush_messages: 1,
            flush_ms: None,
            producer_id_expiration_ms: 86_400_000,
        }
    }
}
