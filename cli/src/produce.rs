//! `odradek produce`: lines of standard input or files become records, with the flags of kcat.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use odradek_client::config::{Acks, Compression, ProducerConfig};
use odradek_client::producer::{Command, Event, Producer, Token};
use odradek_client::record::{Header, ProducerRecord};
use odradek_server::remote::Remote;

use crate::delimiter;
use crate::input::Input;
use crate::options;
use crate::outcome::{Outcome, written};
use crate::progress::Flow;
use crate::remote::{Cluster, interrupts, key_and_value, on_one_thread, seed};

/// Records that may wait for their outcome before more input is read.
const IN_HAND_MAX: u64 = 10_000;
/// Bytes of values that may wait likewise: half of what the producer buffers.
const IN_HAND_BYTES_MAX: u64 = 16 << 20;

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    cluster: Cluster,
    /// Topic to write to
    #[arg(short, long)]
    topic: String,
    /// Partition to write to; by key, or sticky, without it or with -1
    #[arg(short, long, allow_negative_numbers = true)]
    partition: Option<i32>,
    /// What stands between key and value
    #[arg(short = 'K', long, value_name = "DELIMITER", allow_hyphen_values = true)]
    key_delimiter: Option<String>,
    /// The key of every record that brings none of its own
    #[arg(short, long, allow_hyphen_values = true)]
    key: Option<String>,
    /// What stands between records
    #[arg(short = 'D', long, value_name = "DELIMITER", default_value = "\\n", allow_hyphen_values = true)]
    delimiter: String,
    /// A header of every record; may be given several times
    #[arg(short = 'H', long = "header", value_name = "NAME=VALUE", value_parser = key_and_value)]
    headers: Vec<(String, String)>,
    /// Codec
    #[arg(short = 'z', long, value_enum)]
    compression: Option<Codec>,
    /// An empty value (or key) is a null one
    #[arg(short = 'Z', long)]
    null: bool,
    /// Who must have a record before it counts: all, 1 or 0
    #[arg(long, value_enum)]
    acks: Option<AcksOf>,
    /// Leave after this many records
    #[arg(short, long)]
    count: Option<u64>,
    /// Send the lines of the file, not the file as one record
    #[arg(short = 'l', long)]
    lines: bool,
    /// Print what is sent, as tee does
    #[arg(short = 'T', long)]
    tee: bool,
    /// Say nothing about progress
    #[arg(short, long)]
    quiet: bool,
    /// Files to send, each as one record; standard input without
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
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
    let delimiter = delimiter::parse(&arguments.delimiter).map_err(|why| format!("-D {}: {why}", arguments.delimiter))?;
    let template = Template::new(arguments)?;
    let producer = Producer::new(config(arguments)?, seed()).map_err(|error| error.to_string())?;
    let mut input = Input::open(&arguments.files, arguments.lines, delimiter.clone())?;
    let mut remote = arguments.cluster.remote(producer);
    let mut tally = Tally { flow: Flow::new(arguments.quiet, None), ..Tally::default() };
    let mut stop = interrupts()?;
    while tally.sent < arguments.count.unwrap_or(u64::MAX) {
        let value = tokio::select! {
            value = input.next() => value?,
            // What was read is still delivered, and then the command ends.
            _ = stop.recv() => break,
            // Only outcomes can come: they are taken in while the input is slow.
            event = remote.event(), if tally.in_hand() > 0 => {
                tally.take(event);
                continue;
            }
        };
        let Some(value) = value else { break };
        if arguments.tee {
            use std::io::Write;
            let mut out = std::io::stdout().lock();
            written(out.write_all(&value).and_then(|()| out.write_all(&delimiter)));
        }
        tally.send(&mut remote, template.record(&value), value.len());
        while tally.is_full() {
            tally.take(remote.event().await);
        }
    }
    remote.command(Command::Flush { token: Token(u64::MAX) });
    while !tally.flushed {
        tally.take(remote.event().await);
    }
    tally.flow.finish();
    if tally.failed > 0 {
        return Err(arguments
            .cluster
            .failed(format!("{}: {} of {} records failed: {}", arguments.topic, tally.failed, tally.sent, tally.first_failure)));
    }
    Ok(ExitCode::SUCCESS)
}

/// What became of the records so far.
#[derive(Default)]
struct Tally {
    sent: u64,
    delivered: u64,
    failed: u64,
    /// The sizes of the records in hand, oldest first by token.
    sizes: std::collections::BTreeMap<u64, u64>,
    bytes_in_hand: u64,
    first_failure: String,
    flushed: bool,
    flow: Flow,
}

impl Tally {
    fn in_hand(&self) -> u64 {
        self.sent - self.delivered - self.failed
    }

    fn is_full(&self) -> bool {
        self.in_hand() >= IN_HAND_MAX || self.in_hand() > 0 && self.bytes_in_hand >= IN_HAND_BYTES_MAX
    }

    fn send(&mut self, remote: &mut Remote<Producer>, record: ProducerRecord, bytes: usize) {
        self.sizes.insert(self.sent, bytes as u64);
        self.bytes_in_hand += bytes as u64;
        remote.command(Command::Send { token: Token(self.sent), record });
        self.sent += 1;
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Delivered { token, .. } => {
                self.delivered += 1;
                let bytes = self.let_go(token);
                self.flow.add(1, bytes);
            }
            Event::Failed { token, error, outcome } => {
                self.failed += 1;
                self.let_go(token);
                if self.first_failure.is_empty() {
                    self.first_failure = match outcome {
                        odradek_client::error::Outcome::Definite => format!("record {}: {error}", token.0 + 1),
                        odradek_client::error::Outcome::Unknown => format!("record {}: {error}; it may have been written", token.0 + 1),
                    };
                }
            }
            Event::Flushed { .. } | Event::Closed => self.flushed = true,
        }
    }

    fn let_go(&mut self, token: Token) -> u64 {
        let bytes = self.sizes.remove(&token.0).unwrap_or_default();
        self.bytes_in_hand -= bytes;
        bytes
    }
}

fn config(arguments: &Arguments) -> Result<ProducerConfig, String> {
    let timeout_ms = arguments.cluster.timeout_ms();
    let defaults = ProducerConfig::new(arguments.cluster.common()?);
    let mut config = ProducerConfig { delivery_timeout_ms: defaults.linger_ms + timeout_ms, block_ms_max: timeout_ms, ..defaults };
    options::producer(arguments.cluster.properties(), &mut config)?;
    if let Some(acks) = arguments.acks {
        config.acks = acks.meaning();
        config.idempotence &= config.acks == Acks::All;
    }
    if let Some(codec) = arguments.compression {
        config.compression = codec.meaning();
    }
    // A request may take the whole of the time for a delivery.
    config.delivery_timeout_ms = config.delivery_timeout_ms.max(config.linger_ms + config.common.request_timeout_ms);
    Ok(config)
}

impl Codec {
    const fn meaning(self) -> Compression {
        match self {
            Codec::None => Compression::None,
            Codec::Gzip => Compression::Gzip,
            Codec::Snappy => Compression::Snappy,
            Codec::Lz4 => Compression::Lz4,
            Codec::Zstd => Compression::Zstd,
        }
    }
}

impl AcksOf {
    const fn meaning(self) -> Acks {
        match self {
            AcksOf::All => Acks::All,
            AcksOf::Leader => Acks::Leader,
            AcksOf::None => Acks::None,
        }
    }
}

/// What all records of one run have in common.
struct Template {
    topic: Arc<str>,
    partition: Option<i32>,
    key: Option<Vec<u8>>,
    key_delimiter: Option<Vec<u8>>,
    headers: Vec<Header>,
    null: bool,
}

impl Template {
    fn new(arguments: &Arguments) -> Result<Template, String> {
        let key_delimiter = arguments.key_delimiter.as_deref();
        let header = |(name, value): &(String, String)| Header { key: Arc::from(name.as_str()), value: Some(value.clone().into()) };
        Ok(Template {
            topic: Arc::from(arguments.topic.as_str()),
            partition: match arguments.partition {
                Some(-1) | None => None,
                Some(wrong) if wrong < 0 => return Err(format!("-p {wrong}: a partition from 0 on, or -1 for any")),
                some => some,
            },
            key: arguments.key.as_ref().map(|key| key.as_bytes().to_vec()),
            key_delimiter: key_delimiter.map(|text| delimiter::parse(text).map_err(|why| format!("-K {text}: {why}"))).transpose()?,
            headers: arguments.headers.iter().map(header).collect(),
            null: arguments.null,
        })
    }

    fn record(&self, line: &[u8]) -> ProducerRecord {
        let (key, value) = match &self.key_delimiter {
            Some(delimiter) => split(line, delimiter),
            None => (None, line.to_vec()),
        };
        let present = |bytes: &Vec<u8>| !(self.null && bytes.is_empty());
        ProducerRecord {
            topic: Arc::clone(&self.topic),
            partition: self.partition,
            timestamp: None,
            key: key.or_else(|| self.key.clone()).filter(present).map(Into::into),
            value: Some(value).filter(present).map(Into::into),
            headers: self.headers.clone(),
        }
    }
}

/// The key and the value of a line; without the delimiter the whole line is the value.
fn split(line: &[u8], delimiter: &[u8]) -> (Option<Vec<u8>>, Vec<u8>) {
    match line.windows(delimiter.len().max(1)).position(|window| window == delimiter) {
        Some(at) => (Some(line[..at].to_vec()), line[at + delimiter.len()..].to_vec()),
        None => (None, line.to_vec()),
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
