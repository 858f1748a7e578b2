//! `-X KEY=VALUE`: the clients' own configuration, with Kafka's names and librdkafka's.

use std::str::FromStr;

use odradek_client::config::{Acks, CommonConfig, Compression, ConsumerConfig, Isolation, OffsetReset, ProducerConfig};

/// A pair of the command line.
pub type Pair = (String, String);

const COMMON: &[&str] =
    &["client.id", "request.timeout.ms", "socket.timeout.ms", "retry.backoff.ms", "reconnect.backoff.ms", "allow.auto.create.topics"];
const PRODUCER: &[&str] = &[
    "acks",
    "request.required.acks",
    "enable.idempotence",
    "batch.size",
    "linger.ms",
    "buffer.memory",
    "max.request.size",
    "message.max.bytes",
    "max.in.flight.requests.per.connection",
    "delivery.timeout.ms",
    "message.timeout.ms",
    "retries",
    "max.block.ms",
    "compression.type",
    "compression.codec",
    "partitioner.ignore.keys",
];
const CONSUMER: &[&str] = &[
    "fetch.min.bytes",
    "fetch.max.bytes",
    "max.partition.fetch.bytes",
    "fetch.max.wait.ms",
    "fetch.wait.max.ms",
    "isolation.level",
    "auto.offset.reset",
    "check.crcs",
    "client.rack",
];

/// Applies what all clients have.
///
/// # Errors
/// The first key or value that cannot be meant.
pub fn common(pairs: &[Pair], config: &mut CommonConfig) -> Result<(), String> {
    pairs.iter().try_for_each(|(key, value)| if set_common(config, key, value)? { Ok(()) } else { Err(unknown(key, &[COMMON])) })
}

/// Applies what producers have.
///
/// # Errors
/// The first key or value that cannot be meant.
pub fn producer(pairs: &[Pair], config: &mut ProducerConfig) -> Result<(), String> {
    for (key, value) in pairs {
        if !set_common(&mut config.common, key, value)? {
            set_producer(config, key, value)?;
        }
    }
    Ok(())
}

/// Applies what consumers have.
///
/// # Errors
/// The first key or value that cannot be meant.
pub fn consumer(pairs: &[Pair], config: &mut ConsumerConfig) -> Result<(), String> {
    for (key, value) in pairs {
        if !set_common(&mut config.common, key, value)? {
            set_consumer(config, key, value)?;
        }
    }
    Ok(())
}

fn set_common(config: &mut CommonConfig, key: &str, value: &str) -> Result<bool, String> {
    match key {
        "client.id" => config.client_id = value.into(),
        "request.timeout.ms" | "socket.timeout.ms" => config.request_timeout_ms = number(key, value)?,
        "retry.backoff.ms" => config.retry_backoff_ms = number(key, value)?,
        "reconnect.backoff.ms" => config.reconnect_backoff_ms = number(key, value)?,
        "allow.auto.create.topics" => config.auto_create_topics = one_of(key, value, &[("true", true), ("false", false)])?,
        _ => return Ok(false),
    }
    Ok(true)
}

fn set_producer(config: &mut ProducerConfig, key: &str, value: &str) -> Result<(), String> {
    match key.strip_prefix("topic.").unwrap_or(key) {
        "acks" | "request.required.acks" => {
            config.acks = one_of(key, value, &[("all", Acks::All), ("-1", Acks::All), ("1", Acks::Leader), ("0", Acks::None)])?;
            config.idempotence &= config.acks == Acks::All;
        }
        "enable.idempotence" => config.idempotence = one_of(key, value, &[("true", true), ("false", false)])?,
        "batch.size" => config.batch_bytes = number(key, value)?,
        "linger.ms" => config.linger_ms = number(key, value)?,
        "buffer.memory" => config.buffer_bytes_max = number(key, value)?,
        "max.request.size" | "message.max.bytes" => config.request_bytes_max = number(key, value)?,
        "max.in.flight.requests.per.connection" => config.in_flight_max = number(key, value)?,
        "delivery.timeout.ms" | "message.timeout.ms" => config.delivery_timeout_ms = number(key, value)?,
        "retries" => config.retries = number(key, value)?,
        "max.block.ms" => config.block_ms_max = number(key, value)?,
        "compression.type" | "compression.codec" => {
            let codecs = [
                ("none", Compression::None),
                ("gzip", Compression::Gzip),
                ("snappy", Compression::Snappy),
                ("lz4", Compression::Lz4),
                ("zstd", Compression::Zstd),
            ];
            config.compression = one_of(key, value, &codecs)?;
        }
        "partitioner.ignore.keys" => config.ignore_keys = one_of(key, value, &[("true", true), ("false", false)])?,
        _ => return Err(unknown(key, &[COMMON, PRODUCER])),
    }
    Ok(())
}

fn set_consumer(config: &mut ConsumerConfig, key: &str, value: &str) -> Result<(), String> {
    match key.strip_prefix("topic.").unwrap_or(key) {
        "fetch.min.bytes" => config.fetch_bytes_min = number(key, value)?,
        "fetch.max.bytes" => config.fetch_bytes_max = number(key, value)?,
        "max.partition.fetch.bytes" => config.partition_fetch_bytes_max = number(key, value)?,
        "fetch.max.wait.ms" | "fetch.wait.max.ms" => config.fetch_wait_ms_max = number(key, value)?,
        "isolation.level" => {
            let levels = [("read_uncommitted", Isolation::ReadUncommitted), ("read_committed", Isolation::ReadCommitted)];
            config.isolation = one_of(key, value, &levels)?;
        }
        "auto.offset.reset" => {
            let resets = [
                ("earliest", OffsetReset::Earliest),
                ("smallest", OffsetReset::Earliest),
                ("latest", OffsetReset::Latest),
                ("largest", OffsetReset::Latest),
                ("none", OffsetReset::None),
                ("error", OffsetReset::None),
            ];
            config.offset_reset = one_of(key, value, &resets)?;
        }
        "check.crcs" => config.check_crcs = one_of(key, value, &[("true", true), ("false", false)])?,
        "client.rack" => value.clone_into(&mut config.rack),
        _ => return Err(unknown(key, &[COMMON, CONSUMER])),
    }
    Ok(())
}

fn number<T: FromStr>(key: &str, value: &str) -> Result<T, String> {
    value.parse().map_err(|_| format!("-X {key}={value}: expected a number"))
}

fn one_of<T: Copy>(key: &str, value: &str, words: &[(&str, T)]) -> Result<T, String> {
    let found = words.iter().find(|(word, _)| word.eq_ignore_ascii_case(value)).map(|&(_, meaning)| meaning);
    found.ok_or_else(|| format!("-X {key}={value}: expected {}", words.iter().map(|&(word, _)| word).collect::<Vec<_>>().join(", ")))
}

fn unknown(key: &str, tables: &[&[&str]]) -> String {
    let known: Vec<&str> = tables.iter().flat_map(|table| table.iter().copied()).collect();
    format!("-X {key}: no such property here; there are {}", known.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &[(&str, &str)]) -> Vec<Pair> {
        text.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    fn fresh() -> CommonConfig {
        CommonConfig::new("test", Vec::new())
    }

    #[test]
    fn properties_of_both_families_are_understood() {
        let mut config = ProducerConfig::new(fresh());
        let given = [("client.id", "me"), ("topic.request.required.acks", "1"), ("linger.ms", "50"), ("compression.codec", "zstd")];
        producer(&pairs(&given), &mut config).expect("all of them are known");
        assert_eq!((&*config.common.client_id, config.acks, config.idempotence), ("me", Acks::Leader, false));
        assert_eq!((config.linger_ms, config.compression), (50, Compression::Zstd));
    }

    #[test]
    fn every_property_that_is_offered_is_taken() {
        let refused = |key: &str, told: Result<(), String>| assert!(!told.is_err_and(|e| e.contains("no such property")), "{key}");
        for key in COMMON {
            refused(key, common(&pairs(&[(key, "1")]), &mut fresh()));
        }
        for key in PRODUCER {
            refused(key, producer(&pairs(&[(key, "1")]), &mut ProducerConfig::new(fresh())));
        }
        for key in CONSUMER {
            refused(key, consumer(&pairs(&[(key, "1")]), &mut ConsumerConfig::new(fresh())));
        }
    }

    #[test]
    fn what_cannot_be_meant_is_named_with_what_can() {
        let mut config = ConsumerConfig::new(fresh());
        assert!(consumer(&pairs(&[("group.id", "g")]), &mut config).unwrap_err().contains("fetch.min.bytes"));
        assert!(consumer(&pairs(&[("isolation.level", "high")]), &mut config).unwrap_err().contains("read_committed"));
        assert!(common(&pairs(&[("request.timeout.ms", "soon")]), &mut fresh()).unwrap_err().contains("a number"));
    }
}
