//! Configuration under Kafka's names, with the defaults of its Java client.

use std::sync::Arc;

/// What producer, consumer and admin have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommonConfig {
    /// `client.id`.
    pub client_id: Arc<str>,
    /// `bootstrap.servers` as (host, port).
    pub bootstrap: Vec<(String, u16)>,
    /// `request.timeout.ms`.
    pub request_timeout_ms: u64,
    /// `retry.backoff.ms`: the first pause before a retry; doubles up to [`CommonConfig::retry_backoff_max_ms`].
    pub retry_backoff_ms: u64,
    /// `retry.backoff.max.ms`.
    pub retry_backoff_max_ms: u64,
    /// `reconnect.backoff.ms`: the first pause before a node is dialed again; doubles up to [`CommonConfig::reconnect_backoff_max_ms`].
    pub reconnect_backoff_ms: u64,
    /// `reconnect.backoff.max.ms`.
    pub reconnect_backoff_max_ms: u64,
    /// `socket.connection.setup.timeout.ms`.
    pub connection_setup_timeout_ms: u64,
    /// `metadata.max.age.ms`.
    pub metadata_age_ms_max: u64,
    /// `allow.auto.create.topics`: whether asking for the metadata of a topic may create it.
    pub auto_create_topics: bool,
}

impl CommonConfig {
    /// The defaults for one bootstrap server.
    pub fn new(client_id: impl Into<Arc<str>>, bootstrap: Vec<(String, u16)>) -> CommonConfig {
        CommonConfig {
            client_id: client_id.into(),
            bootstrap,
            request_timeout_ms: 30_000,
            retry_backoff_ms: 100,
            retry_backoff_max_ms: 1_000,
            reconnect_backoff_ms: 50,
            reconnect_backoff_max_ms: 1_000,
            connection_setup_timeout_ms: 10_000,
            metadata_age_ms_max: 300_000,
            auto_create_topics: true,
        }
    }
}

/// `acks`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acks {
    /// No answer is awaited: a record counts as delivered when it was handed to the connection.
    None,
    /// The leader has it.
    Leader,
    /// Every in-sync replica has it.
    All,
}

impl Acks {
    /// As the protocol writes it.
    pub const fn code(self) -> i16 {
        match self {
            Acks::None => 0,
            Acks::Leader => 1,
            Acks::All => -1,
        }
    }
}

/// `compression.type`.
pub use odradek_wire::codec::Codec as Compression;

/// Configuration of a [`crate::producer::Producer`].
///
/// Order: with idempotence, records of one partition stay in the order of sending, over retries too. Without it and with more than one request in
/// flight, a retry may put a batch behind a later one, as in Apache Kafka.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProducerConfig {
    /// What all clients have.
    pub common: CommonConfig,
    /// `acks`.
    pub acks: Acks,
    /// `enable.idempotence`. Needs `acks=all`, retries, and at most five requests in flight.
    pub idempotence: bool,
    /// `batch.size`: a batch is sent when it is that long; zero makes batches of one record.
    pub batch_bytes: usize,
    /// `linger.ms`: how long a batch that is not full waits for more.
    pub linger_ms: u64,
    /// `buffer.memory`.
    pub buffer_bytes_max: usize,
    /// `max.request.size`.
    pub request_bytes_max: usize,
    /// `max.in.flight.requests.per.connection`.
    pub in_flight_max: usize,
    /// `delivery.timeout.ms`: from sending to the last moment at which the outcome is told.
    pub delivery_timeout_ms: u64,
    /// `retries`.
    pub retries: u32,
    /// `max.block.ms`: how long a record waits for the metadata of its topic.
    pub block_ms_max: u64,
    /// `compression.type`.
    pub compression: Compression,
    /// `partitioner.ignore.keys`.
    pub ignore_keys: bool,
}

impl ProducerConfig {
    /// Kafka's defaults.
    pub const fn new(common: CommonConfig) -> ProducerConfig {
        ProducerConfig {
            common,
            acks: Acks::All,
            idempotence: true,
            batch_bytes: 16_384,
            linger_ms: 5,
            buffer_bytes_max: 32 << 20,
            request_bytes_max: 1 << 20,
            in_flight_max: 5,
            delivery_timeout_ms: 120_000,
            retries: u32::MAX,
            block_ms_max: 60_000,
            compression: Compression::None,
            ignore_keys: false,
        }
    }
}

/// `isolation.level`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Isolation {
    /// Everything below the high watermark.
    #[default]
    ReadUncommitted,
    /// Only what is committed, up to the last stable offset.
    ReadCommitted,
}

impl Isolation {
    /// As the protocol writes it.
    pub const fn code(self) -> i8 {
        match self {
            Isolation::ReadUncommitted => 0,
            Isolation::ReadCommitted => 1,
        }
    }
}

/// `auto.offset.reset`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OffsetReset {
    /// To the log start.
    Earliest,
    /// To the end.
    #[default]
    Latest,
    /// Not at all: tell the application.
    None,
    /// To the first record not older than this (KIP-1106).
    ByDurationMs(u64),
}

/// Configuration of a [`crate::consumer::Consumer`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerConfig {
    /// What all clients have.
    pub common: CommonConfig,
    /// `fetch.min.bytes`.
    pub fetch_bytes_min: i32,
    /// `fetch.max.bytes`.
    pub fetch_bytes_max: i32,
    /// `max.partition.fetch.bytes`.
    pub partition_fetch_bytes_max: i32,
    /// `fetch.max.wait.ms`.
    pub fetch_wait_ms_max: i32,
    /// `isolation.level`.
    pub isolation: Isolation,
    /// `auto.offset.reset`.
    pub offset_reset: OffsetReset,
    /// `check.crcs`.
    pub check_crcs: bool,
    /// `client.rack`.
    pub rack: String,
    /// `default.api.timeout.ms`: how long a lookup is tried.
    pub api_timeout_ms: u64,
}

impl ConsumerConfig {
    /// Kafka's defaults.
    pub const fn new(common: CommonConfig) -> ConsumerConfig {
        ConsumerConfig {
            common,
            fetch_bytes_min: 1,
            fetch_bytes_max: 50 << 20,
            partition_fetch_bytes_max: 1 << 20,
            fetch_wait_ms_max: 500,
            isolation: Isolation::ReadUncommitted,
            offset_reset: OffsetReset::Latest,
            check_crcs: true,
            rack: String::new(),
            api_timeout_ms: 60_000,
        }
    }
}

/// Configuration of an [`crate::admin::Admin`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminConfig {
    /// What all clients have.
    pub common: CommonConfig,
    /// `default.api.timeout.ms`: how long an operation is tried.
    pub api_timeout_ms: u64,
}

impl AdminConfig {
    /// Kafka's defaults.
    pub const fn new(common: CommonConfig) -> AdminConfig {
        AdminConfig { common, api_timeout_ms: 60_000 }
    }
}
