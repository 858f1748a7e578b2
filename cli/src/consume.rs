//! `odradek consume`: prints records, with the flags of kcat.

mod reader;
mod start;

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use odradek_client::admin::{Operation, Reply};
use odradek_client::config::{ConsumerConfig, Isolation, OffsetReset};
use odradek_client::consumer::{Command, Consumer};
use odradek_client::record::ConsumerRecord;
use odradek_wire::ids::TopicPartition;

use self::reader::Reader;
use self::start::Bounds;
use crate::format::{Format, json};
use crate::options;
use crate::outcome::{Failure, Outcome, written};
use crate::progress::Flow;
use crate::remote::{Cluster, interrupts, on_one_thread, seed};
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
    /// Where to begin: beginning, end, an offset, -N for the last N, s@MS for a timestamp; and e@MS to end before a timestamp
    #[arg(short, long, default_value = "beginning", allow_hyphen_values = true)]
    offset: Vec<String>,
    /// Leave after this many records
    #[arg(short, long)]
    count: Option<u64>,
    /// Leave at the end of every partition
    #[arg(short = 'e', long)]
    exit_at_end: bool,
    /// How a record is printed: %s value, %k key, %o offset, %p partition, %t topic, %T timestamp, %h headers; %S and %K lengths of value and key,
    /// %R length of the value as four bytes
    #[arg(short, long, conflicts_with = "json")]
    format: Option<String>,
    /// Print JSON
    #[arg(short = 'J', long)]
    json: bool,
    /// What stands behind each record
    #[arg(short = 'D', long, value_name = "DELIMITER", default_value = "\\n", allow_hyphen_values = true)]
    delimiter: String,
    /// Print keys too, and this between key and value
    #[arg(short = 'K', long, value_name = "DELIMITER", allow_hyphen_values = true)]
    key_delimiter: Option<String>,
    /// Print offsets too
    #[arg(short = 'O', long)]
    print_offset: bool,
    /// Print NULL for what is null, not nothing
    #[arg(short = 'Z', long)]
    null: bool,
    /// Print each record at once
    #[arg(short, long)]
    unbuffered: bool,
    /// Say nothing about ends and progress
    #[arg(short, long)]
    quiet: bool,
    /// Read only what is committed
    #[arg(long)]
    committed: bool,
}

pub fn run(arguments: &Arguments) -> Outcome {
    on_one_thread(consume(arguments))
}

async fn consume(arguments: &Arguments) -> Outcome {
    let printer = Printer::new(arguments)?;
    let bounds = Bounds::parse(&arguments.offset)?;
    let config = config(arguments)?;
    let partitions = partitions(arguments, &config).await?;
    let mut reader = Reader::new(&arguments.cluster, Consumer::new(config, seed()));

    // Where to leave each partition, if anywhere.
    let mut open: BTreeMap<TopicPartition, i64> = BTreeMap::new();
    let ends = if arguments.exit_at_end || bounds.needs_ends() { reader.ends(&partitions).await? } else { BTreeMap::new() };
    if let Some(until_ms) = bounds.until_ms {
        open = reader.offsets_at(&partitions, until_ms, &ends).await?;
    } else if arguments.exit_at_end {
        open.clone_from(&ends);
    }
    reader.command(Command::Assign { partitions: partitions.clone() });
    for partition in &partitions {
        let to = bounds.start.seek(ends.get(partition).copied());
        reader.command(Command::Seek { partition: partition.clone(), to });
    }
    let follows = open.is_empty();
    let quiet = arguments.quiet || std::io::stdout().is_terminal();
    let mut flow = Flow::new(quiet, arguments.count);
    let mut left = arguments.count.unwrap_or(u64::MAX);
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let mut stop = interrupts()?;
    let mut patience = Patience::default();
    while left > 0 {
        if !follows && reader.all_read(&mut open, |partition, end| arguments.say_end(partition, end)).await? {
            break;
        }
        let polled = tokio::select! {
            polled = reader.poll(500) => polled?,
            _ = stop.recv() => break,
        };
        if patience.is_over(!polled.is_empty()) {
            reader.say_where_nothing_comes(&open).await?;
        }
        for (from, records) in polled {
            // What lies behind the end that was asked for was read along with the rest.
            let end = open.get(&from).copied().or(if follows { None } else { Some(0) }).unwrap_or(i64::MAX);
            for record in records.iter().filter(|record| record.offset < end).take(usize::try_from(left).unwrap_or(usize::MAX)) {
                left -= 1;
                written(printer.print(&mut out, &from, record));
                flow.add(1, record.value.as_ref().map_or(0, |value| value.len() as u64));
            }
        }
        written(out.flush());
    }
    flow.finish();
    Ok(ExitCode::SUCCESS)
}

/// How long a reader who wants to come to an end waits before it says that nothing comes.
const PATIENCE: Duration = Duration::from_secs(10);

/// Since when nothing comes.
#[derive(Default)]
struct Patience {
    since: Option<Instant>,
    said: bool,
}

impl Patience {
    /// True once, when nothing came for so long.
    fn is_over(&mut self, comes: bool) -> bool {
        if comes {
            *self = Patience::default();
        }
        let over = self.since.get_or_insert_with(Instant::now).elapsed() > PATIENCE;
        let said = self.said;
        self.said |= over;
        over && !said
    }
}

impl Arguments {
    /// What kcat says at the end of a partition.
    fn say_end(&self, partition: &TopicPartition, end: i64) {
        if !self.quiet && std::io::stderr().is_terminal() {
            eprintln!("% Reached end of topic {} [{}] at offset {end}", partition.topic, partition.partition);
        }
    }
}

fn config(arguments: &Arguments) -> Result<ConsumerConfig, String> {
    let mut config = ConsumerConfig { offset_reset: OffsetReset::Earliest, ..ConsumerConfig::new(arguments.cluster.common()?) };
    config.api_timeout_ms = arguments.cluster.timeout_ms();
    // Reading creates no topic, whatever the broker would do for a producer.
    config.common.auto_create_topics = false;
    options::consumer(arguments.cluster.properties(), &mut config)?;
    if arguments.committed {
        config.isolation = Isolation::ReadCommitted;
    }
    Ok(config)
}

/// Writes records as they were asked for.
struct Printer {
    format: Option<Format>,
    unbuffered: bool,
}

impl Printer {
    fn new(arguments: &Arguments) -> Result<Printer, String> {
        let format = match (&arguments.format, arguments.json) {
            (_, true) => None,
            (Some(format), false) => Some(Format::parse(format)?),
            (None, false) => Some(Format::lines(arguments.print_offset, arguments.key_delimiter.as_deref(), &arguments.delimiter)?),
        };
        Ok(Printer { format: format.map(|format| format.with_nulls(arguments.null)), unbuffered: arguments.unbuffered })
    }

    fn print(&self, out: &mut impl Write, from: &TopicPartition, record: &ConsumerRecord) -> std::io::Result<()> {
        match &self.format {
            Some(format) => out.write_all(&format.apply(from, record))?,
            None => writeln!(out, "{}", json(from, record))?,
        }
        if self.unbuffered { out.flush() } else { Ok(()) }
    }
}

/// The partitions to read; it is an error if the topic, or the partition that was named, is not there.
async fn partitions(arguments: &Arguments, config: &ConsumerConfig) -> Result<Vec<TopicPartition>, Failure> {
    let topic: Arc<str> = Arc::from(arguments.topic.as_str());
    let operation = Operation::DescribeTopics { topics: vec![Arc::clone(&topic)] };
    let Reply::DescribeTopics(described) = arguments.cluster.ask_with(config.common.clone(), operation).await? else {
        return Err(strange());
    };
    let mut partitions = Vec::new();
    for (name, description) in described {
        for p in description.map_err(|error| Failure::work(format!("{name}: {error}")))?.partitions {
            partitions.push(TopicPartition { topic: Arc::clone(&topic), partition: p.partition });
        }
    }
    partitions.sort();
    let Some(named) = arguments.partition else { return Ok(partitions) };
    let there = partitions.len();
    partitions.retain(|partition| partition.partition == named);
    if partitions.is_empty() {
        return Err(Failure::work(format!(
            "{topic} has no partition {named}: its {there} partitions are 0 to {}",
            there.saturating_sub(1)
        )));
    }
    Ok(partitions)
}
