//! `odradek produce`: lines of standard input become records, with the flags of kcat.

use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use odradek_client::config::{Acks, Compression, ProducerConfig};
use odradek_client::producer::{Command, Event, Producer, Token};
use odradek_client::record::{Header, ProducerRecord};
use odradek_server::remote::Remote;
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::Outcome;
use crate::remote::{Cluster, key_and_value, on_one_thread, seed};

/// Records that may wait for their outcome before more input is read.
const IN_HAND_MAX: u64 = 10_000;

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    cluster: Cluster,
    /// Topic to write to
    #[arg(short, long)]
    topic: String,
    /// Partition to write to; by key, or sticky, without
    #[arg(short, long)]
    partition: Option<i32>,
    /// What stands between key and value on a line
    #[arg(short = 'K', long, value_name = "DELIMITER")]
    key_delimiter: Option<String>,
    /// The key of every record
    #[arg(short, long, conflicts_with = "key_delimiter")]
    key: Option<String>,
    /// What stands between records
    #[arg(short = 'D', long, value_name = "BYTE", default_value = "\\n")]
    delimiter: String,
    /// A header of every record
    #[arg(short = 'H', long = "header", value_name = "NAME=VALUE", value_parser = key_and_value)]
    headers: Vec<(String, String)>,
    /// Codec
    #[arg(short = 'z', long, value_enum, default_value_t = Codec::None)]
    compression: Codec,
    /// An empty value (or key) is a null one
    #[arg(short = 'Z', long)]
    null: bool,
    /// Who must have a record before it counts: all, 1 or 0
    #[arg(long, value_enum, default_value_t = AcksOf::All)]
    acks: AcksOf,
}

#[derive(Clone, Copy, ValueEnum)]
enum Codec {
    None,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
}

#[derive(Clone, Copy, ValueEnum)]
enum AcksOf {
    All,
    #[value(name = "1")]
    Leader,
    #[value(name = "0")]
    None,
}

pub fn run(arguments: &Arguments) -> Outcome {
    on_one_thread(produce(arguments))
}

async fn produce(arguments: &Arguments) -> Outcome {
    let delimiter = delimiter(&arguments.delimiter)?;
    let producer = Producer::new(config(arguments)?, seed()).map_err(|error| error.to_string())?;
    let mut remote = Remote::new(producer);
    let mut input = BufReader::new(tokio::io::stdin());
    let mut tally = Tally::default();
    let mut line = Vec::new();
    loop {
        line.clear();
        if input.read_until(delimiter, &mut line).await.map_err(|e| format!("standard input: {e}"))? == 0 {
            break;
        }
        if line.last() == Some(&delimiter) {
            line.pop();
        }
        remote.command(Command::Send { token: Token(tally.sent), record: record(arguments, &line) });
        tally.sent += 1;
        while tally.in_hand() >= IN_HAND_MAX {
            tally.take(remote.event().await);
        }
    }
    remote.command(Command::Flush { token: Token(u64::MAX) });
    while !tally.flushed {
        tally.take(remote.event().await);
    }
    Ok(if tally.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[derive(Default)]
struct Tally {
    sent: u64,
    delivered: u64,
    failed: u64,
    flushed: bool,
}

impl Tally {
    const fn in_hand(&self) -> u64 {
        self.sent - self.delivered - self.failed
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Delivered { .. } => self.delivered += 1,
            Event::Failed { token, error, outcome } => {
                self.failed += 1;
                eprintln!("record {}: {error} ({outcome:?})", token.0 + 1);
            }
            Event::Flushed { .. } | Event::Closed => self.flushed = true,
        }
    }
}

fn config(arguments: &Arguments) -> Result<ProducerConfig, String> {
    let config = ProducerConfig::new(arguments.cluster.common()?);
    let acks = match arguments.acks {
        AcksOf::All => Acks::All,
        AcksOf::Leader => Acks::Leader,
        AcksOf::None => Acks::None,
    };
    let compression = match arguments.compression {
        Codec::None => Compression::None,
        Codec::Gzip => Compression::Gzip,
        Codec::Snappy => Compression::Snappy,
        Codec::Lz4 => Compression::Lz4,
        Codec::Zstd => Compression::Zstd,
    };
    let timeout_ms = arguments.cluster.timeout_ms();
    Ok(ProducerConfig {
        acks,
        compression,
        idempotence: acks == Acks::All,
        delivery_timeout_ms: config.linger_ms + timeout_ms, // a request may take the whole of it
        block_ms_max: timeout_ms,
        ..config
    })
}

fn record(arguments: &Arguments, line: &[u8]) -> ProducerRecord {
    let (key, value) = match &arguments.key_delimiter {
        Some(delimiter) => split(line, delimiter.as_bytes()),
        None => (arguments.key.as_ref().map(|key| key.as_bytes().to_vec()), line.to_vec()),
    };
    let present = |bytes: &Vec<u8>| !(arguments.null && bytes.is_empty());
    let headers = arguments.headers.iter().map(|(name, value)| Header { key: Arc::from(name.as_str()), value: Some(value.clone().into()) });
    ProducerRecord {
        topic: Arc::from(arguments.topic.as_str()),
        partition: arguments.partition,
        timestamp: None,
        key: key.filter(present).map(Into::into),
        value: Some(value).filter(present).map(Into::into),
        headers: headers.collect(),
    }
}

/// The key and the value of a line; without the delimiter the whole line is the value.
fn split(line: &[u8], delimiter: &[u8]) -> (Option<Vec<u8>>, Vec<u8>) {
    match line.windows(delimiter.len().max(1)).position(|window| window == delimiter) {
        Some(at) => (Some(line[..at].to_vec()), line[at + delimiter.len()..].to_vec()),
        None => (None, line.to_vec()),
    }
}

fn delimiter(text: &str) -> Result<u8, String> {
    match text {
        "\\n" => Ok(b'\n'),
        "\\t" => Ok(b'\t'),
        "\\0" => Ok(0),
        one if one.len() == 1 => Ok(one.as_bytes()[0]),
        other => Err(format!("-D {other}: one byte, or \\n, \\t, \\0")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_split_at_its_first_delimiter() {
        assert_eq!(split(b"k:v:w", b":"), (Some(b"k".to_vec()), b"v:w".to_vec()));
        assert_eq!(split(b"no key", b":"), (None, b"no key".to_vec()));
        assert_eq!(split(b"k=>v", b"=>"), (Some(b"k".to_vec()), b"v".to_vec()));
    }
}
