//! Client configuration by Kafka's keys.

use odradek_client::config::{Acks, AdminConfig, CommonConfig, Compression, ConsumerConfig, Isolation, OffsetReset, ProducerConfig};

use crate::oracle::Guarantee;
use crate::plan::PlannedClient;

/// Every key that the configuration of a client may have.
pub const fn client_keys() -> &'static [&'static str] {
    &[
        "request.timeout.ms",
        "retry.backoff.ms",
        "reconnect.backoff.ms",
        "reconnect.backoff.max.ms",
        "socket.connection.setup.timeout.ms",
        "metadata.max.age.ms",
        "batch.size",
        "linger.ms",
        "buffer.memory",
        "max.in.flight.requests.per.connection",
        "delivery.timeout.ms",
        "retries",
        "max.block.ms",
        "fetch.min.bytes",
        "fetch.max.bytes",
        "max.partition.fetch.bytes",
        "fetch.max.wait.ms",
        "isolation.level",
        "auto.offset.reset",
        "default.api.timeout.ms",
    ]
}

/// True if a key of a client has a value that it can have.
///
/// # Errors
/// What was expected.
pub fn check_client_key(key: &str, value: &str) -> Result<(), String> {
    let one_of = |words: &[&str]| {
        if words.contains(&value) { Ok(()) } else { Err(format!("`{value}` is none of {}", words.join(", "))) }
    };
    match key {
        "isolation.level" => one_of(&["read_committed", "read_uncommitted"]),
        "auto.offset.reset" => one_of(&["earliest", "latest", "none"]),
        _ => value.trim().parse::<u64>().map(|_| ()).map_err(|_| format!("`{value}` is no whole number from 0")),
    }
}

/// The configuration of one client, read by key.
struct Keys<'a>(&'a [(String, String)]);

impl Keys<'_> {
    fn text(&self, key: &str) -> Option<&str> {
        self.0.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    fn number<N: TryFrom<u64>>(&self, key: &str, default: N) -> N {
        self.text(key).and_then(|text| text.parse::<u64>().ok()).and_then(|number| N::try_from(number).ok()).unwrap_or(default)
    }
}

/// Timeouts are shorter than Kafka's defaults, so that a run of some tens of seconds sees each of them pass.
fn common(client: &PlannedClient, brokers: &[String]) -> CommonConfig {
    let keys = Keys(&client.config);
    let mut common = CommonConfig::new(client.name.as_str(), brokers.iter().map(|name| (name.clone(), 9092)).collect());
    common.request_timeout_ms = keys.number("request.timeout.ms", 2_000);
    common.retry_backoff_ms = keys.number("retry.backoff.ms", common.retry_backoff_ms);
    common.reconnect_backoff_ms = keys.number("reconnect.backoff.ms", common.reconnect_backoff_ms);
    common.reconnect_backoff_max_ms = keys.number("reconnect.backoff.max.ms", common.reconnect_backoff_max_ms);
    common.connection_setup_timeout_ms = keys.number("socket.connection.setup.timeout.ms", 1_500);
    common.metadata_age_ms_max = keys.number("metadata.max.age.ms", 5_000);
    common.auto_create_topics = false;
    common
}

/// Of a producer: what its profile promises, then its own keys.
pub(super) fn producer(client: &PlannedClient, brokers: &[String]) -> ProducerConfig {
    let keys = Keys(&client.config);
    let mut config = ProducerConfig::new(common(client, brokers));
    config.acks = match client.acks.as_str() {
        "0" => Acks::None,
        "1" => Acks::Leader,
        _ => Acks::All,
    };
    config.idempotence = client.profile == Some(Guarantee::Idempotent);
    config.retries = match client.profile {
        Some(Guarantee::AtMostOnce) => 0,
        Some(Guarantee::AtLeastOnce | Guarantee::Idempotent) | None => keys.number("retries", u32::MAX),
    };
    config.batch_bytes = keys.number("batch.size", config.batch_bytes);
    config.linger_ms = keys.number("linger.ms", config.linger_ms);
    config.buffer_bytes_max = keys.number("buffer.memory", config.buffer_bytes_max);
    config.in_flight_max = keys.number("max.in.flight.requests.per.connection", config.in_flight_max);
    config.delivery_timeout_ms = keys.number("delivery.timeout.ms", 15_000);
    config.block_ms_max = keys.number("max.block.ms", 10_000);
    config.compression = match client.codec.as_str() {
        "gzip" => Compression::Gzip,
        "snappy" => Compression::Snappy,
        "lz4" => Compression::Lz4,
        "zstd" => Compression::Zstd,
        _ => Compression::None,
    };
    config
}

/// Of a consumer; it begins at the log start unless it says otherwise.
pub(super) fn consumer(client: &PlannedClient, brokers: &[String]) -> ConsumerConfig {
    let keys = Keys(&client.config);
    let mut config = ConsumerConfig::new(common(client, brokers));
    config.fetch_bytes_min = keys.number("fetch.min.bytes", config.fetch_bytes_min);
    config.fetch_bytes_max = keys.number("fetch.max.bytes", config.fetch_bytes_max);
    config.partition_fetch_bytes_max = keys.number("max.partition.fetch.bytes", config.partition_fetch_bytes_max);
    config.fetch_wait_ms_max = keys.number("fetch.max.wait.ms", config.fetch_wait_ms_max);
    config.isolation =
        if keys.text("isolation.level") == Some("read_committed") { Isolation::ReadCommitted } else { Isolation::ReadUncommitted };
    config.offset_reset = match keys.text("auto.offset.reset") {
        Some("latest") => OffsetReset::Latest,
        Some("none") => OffsetReset::None,
        _ => OffsetReset::Earliest,
    };
    config
}

/// Of an admin client.
pub(super) fn admin(client: &PlannedClient, brokers: &[String]) -> AdminConfig {
    let mut config = AdminConfig::new(common(client, brokers));
    config.api_timeout_ms = Keys(&client.config).number("default.api.timeout.ms", 10_000);
    config
}
