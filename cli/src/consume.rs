//! `odradek consume`: prints records, with the flags of kcat.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use odradek_client::admin::{Operation, Reply};
use odradek_client::config::{ConsumerConfig, Isolation, OffsetReset};
use odradek_client::consumer::{Command, Consumer, Event, SeekTo, Token};
use odradek_client::record::ConsumerRecord;
use odradek_server::remote::Remote;
use odradek_wire::ids::TopicPartition;

use crate::Outcome;
use crate::format::{Format, json};
use crate::remote::{Cluster, on_one_thread, seed};
use crate::topics::strange;

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    cluster: Cluster,
    /// Topic to read
    #[arg(short, long)]
    topic: String,
    /// Partition to read; all of them without
    #[arg(short, long)]
    partition: Option<i32>,
    /// Where to begin: beginning, end, an offset, -N for the last N, s@MS for a timestamp
    #[arg(short, long, default_value = "beginning", allow_hyphen_values = true)]
    offset: String,
    /// Leave after this many records
    #[arg(short, long)]
    count: Option<u64>,
    /// Leave at the end of every partition
    #[arg(short = 'e', long)]
    exit_at_end: bool,
    /// How a record is printed: %s value, %k key, %o offset, %p partition, %t topic, %T timestamp, %h headers, %S and %K lengths
    #[arg(short, long, default_value = "%s\\n")]
    format: String,
    /// Print JSON
    #[arg(short = 'J', long, conflicts_with = "format")]
    json: bool,
    /// Read only what is committed
    #[arg(long)]
    committed: bool,
}

#[derive(Clone, Copy)]
enum Start {
    At(SeekTo),
    Last(i64),
}

pub fn run(arguments: &Arguments) -> Outcome {
    on_one_thread(consume(arguments))
}

async fn consume(arguments: &Arguments) -> Outcome {
    let format = Format::parse(&arguments.format)?;
    let start = start(&arguments.offset)?;
    let partitions = partitions(arguments).await?;
    let isolation = if arguments.committed { Isolation::ReadCommitted } else { Isolation::ReadUncommitted };
    let config = ConsumerConfig { isolation, offset_reset: OffsetReset::Earliest, ..ConsumerConfig::new(arguments.cluster.common()?) };
    let mut reader = Reader { remote: Remote::new(Consumer::new(config, seed())), token: 0 };

    let ends = if arguments.exit_at_end || matches!(start, Start::Last(_)) { reader.ends(&partitions).await? } else { BTreeMap::new() };
    reader.remote.command(Command::Assign { partitions: partitions.clone() });
    for partition in &partitions {
        let to = match start {
            Start::At(to) => to,
            Start::Last(count) => SeekTo::Offset(ends.get(partition).map_or(0, |end| (end - count).max(0))),
        };
        reader.remote.command(Command::Seek { partition: partition.clone(), to });
    }
    let mut left = arguments.count.unwrap_or(u64::MAX);
    let mut open: BTreeMap<TopicPartition, i64> = if arguments.exit_at_end { ends } else { BTreeMap::new() };
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    while left > 0 {
        if arguments.exit_at_end && reader.all_read(&mut open).await? {
            break;
        }
        for (from, records) in reader.poll(500).await? {
            for record in records.iter().take(usize::try_from(left).unwrap_or(usize::MAX)) {
                left -= 1;
                print(&mut out, arguments, &format, &from, record).map_err(|e| format!("standard output: {e}"))?;
            }
        }
        out.flush().map_err(|e| format!("standard output: {e}"))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn print(
    out: &mut impl Write,
    arguments: &Arguments,
    format: &Format,
    from: &TopicPartition,
    record: &ConsumerRecord,
) -> std::io::Result<()> {
    if arguments.json { writeln!(out, "{}", json(from, record)) } else { out.write_all(&format.apply(from, record)) }
}

struct Reader {
    remote: Remote<Consumer>,
    token: u64,
}

impl Reader {
    async fn poll(&mut self, timeout_ms: u64) -> Result<Vec<(TopicPartition, Vec<ConsumerRecord>)>, String> {
        let token = self.next_token();
        self.remote.command(Command::Poll { token, records_max: 10_000, timeout_ms });
        loop {
            if let Event::Polled { records, .. } = self.event().await? {
                return Ok(records);
            }
        }
    }

    async fn ends(&mut self, partitions: &[TopicPartition]) -> Result<BTreeMap<TopicPartition, i64>, String> {
        let token = self.next_token();
        self.remote.command(Command::EndOffsets { token, partitions: partitions.to_vec() });
        loop {
            if let Event::Offsets { offsets, .. } = self.event().await? {
                let found = offsets.into_iter().map(|(partition, found)| match found {
                    Ok(found) => Ok((partition, found.offset.unwrap_or(0))),
                    Err(error) => Err(error.to_string()),
                });
                return found.collect();
            }
        }
    }

    /// Drops the partitions whose end is reached; true if none is left.
    async fn all_read(&mut self, open: &mut BTreeMap<TopicPartition, i64>) -> Result<bool, String> {
        let ends: Vec<(TopicPartition, i64)> = open.iter().map(|(partition, end)| (partition.clone(), *end)).collect();
        for (partition, end) in ends {
            if self.position(&partition).await? >= end {
                open.remove(&partition);
            }
        }
        Ok(open.is_empty())
    }

    async fn position(&mut self, of: &TopicPartition) -> Result<i64, String> {
        let token = self.next_token();
        self.remote.command(Command::Position { token, partition: of.clone() });
        loop {
            if let Event::Position { offset, .. } = self.event().await? {
                return offset.map_err(|error| error.to_string());
            }
        }
    }

    /// The next event; one that ends a partition ends the command.
    async fn event(&mut self) -> Result<Event, String> {
        match self.remote.event().await {
            Event::PartitionFailed { partition, error } => Err(format!("{partition}: {error}")),
            Event::Truncated { partition, position, divergent_offset, .. } => {
                eprintln!("odradek: {partition} was cut below offset {position}; going on at {divergent_offset:?}");
                Ok(Event::Closed)
            }
            event => Ok(event),
        }
    }

    fn next_token(&mut self) -> Token {
        self.token += 1;
        Token(self.token)
    }
}

async fn partitions(arguments: &Arguments) -> Result<Vec<TopicPartition>, String> {
    let topic: Arc<str> = Arc::from(arguments.topic.as_str());
    if let Some(partition) = arguments.partition {
        return Ok(vec![TopicPartition { topic, partition }]);
    }
    let operation = Operation::DescribeTopics { topics: vec![Arc::clone(&topic)] };
    let Reply::DescribeTopics(described) = arguments.cluster.ask(operation).await? else { return Err(strange()) };
    let mut partitions = Vec::new();
    for (name, description) in described {
        for p in description.map_err(|error| format!("{name}: {error}"))?.partitions {
            partitions.push(TopicPartition { topic: Arc::clone(&topic), partition: p.partition });
        }
    }
    Ok(partitions)
}

fn start(text: &str) -> Result<Start, String> {
    let number = |digits: &str| digits.parse::<i64>().map_err(|_| format!("-o {text}: beginning, end, an offset, -N or s@MS"));
    Ok(match text {
        "beginning" | "earliest" => Start::At(SeekTo::Beginning),
        "end" | "latest" => Start::At(SeekTo::End),
        _ => match (text.strip_prefix("s@"), text.strip_prefix('-')) {
            (Some(ms), _) => Start::At(SeekTo::Timestamp(number(ms)?)),
            (None, Some(last)) => Start::Last(number(last)?),
            (None, None) => Start::At(SeekTo::Offset(number(text)?)),
        },
    })
}
