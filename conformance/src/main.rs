//! Foreign clients and tools, run against the real server and against Apache Kafka beside it: the same story must get the same verdict.
//!
//! Nothing here is a Rust test: a client or tool that cannot be had is a failure that says what is missing, and no concern of `cargo just test`.

mod answers;
mod client;
mod directories;
mod dump;
mod need;
mod shell;
mod target;

use std::process::ExitCode;
use std::time::Instant;

use clap::{Parser, ValueEnum};

use crate::client::{Client, Story};
use crate::target::Target;

/// Foreign clients against our server, and against Apache Kafka beside it.
#[derive(Parser)]
#[command(name = "conformance", max_term_width = 120)]
struct Arguments {
    /// Few records, one codec each, our server alone
    #[arg(long)]
    quick: bool,
    /// Install the clients that are missing (Debian packages, a Python environment, Go modules, Maven artifacts)
    #[arg(long)]
    install: bool,
    /// Which parts
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,
    /// Whose server
    #[arg(long, value_enum)]
    against: Option<Whose>,
    /// Which groups of answers, of the part `answers`
    #[arg(long, value_delimiter = ',')]
    groups: Vec<String>,
    /// Records of each story
    #[arg(long)]
    records: Option<u32>,
}

/// A part of the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// kcat, with the librdkafka of the distribution.
    Kcat,
    /// Python's confluent-kafka.
    Python,
    /// franz-go.
    FranzGo,
    /// Apache Kafka's own tools.
    Java,
    /// Directories written by one server and read by the other.
    Directories,
    /// What our server answers to every API in every version, against what Apache Kafka answers.
    Answers,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Whose {
    Odradek,
    Kafka,
    Both,
}

const CODECS: [&str; 5] = ["none", "gzip", "snappy", "lz4", "zstd"];

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("conformance: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs what was asked for; how many parts failed.
fn run(arguments: &Arguments) -> Result<usize, String> {
    let parts = if arguments.only.is_empty() { Part::value_variants().to_vec() } else { arguments.only.clone() };
    let against = arguments.against.unwrap_or(if arguments.quick { Whose::Odradek } else { Whose::Both });
    if arguments.only.contains(&Part::Answers) && against != Whose::Both {
        return Err("the part 'answers' holds both servers against each other: say --against both".to_owned());
    }
    need::all(&parts, arguments.install, against != Whose::Odradek)?;

    let mut tally = Tally::default();
    let clients: Vec<Client> = parts.iter().filter_map(|&part| Client::of(part)).collect();
    if !clients.is_empty() {
        let mut targets = Vec::new();
        if against != Whose::Kafka {
            targets.push(Target::odradek()?);
        }
        if against != Whose::Odradek {
            targets.push(Target::kafka()?);
        }
        for client in &clients {
            for story in stories(*client, arguments) {
                for target in &targets {
                    tally.count(&format!("{client} {story} on {target}"), || client.tell(&story, target));
                }
            }
            // Java's tools are slow to start.
            if !(arguments.quick && *client == Client::Java) {
                let target = &targets[0];
                tally.count(&format!("{client} notices what differs on {target}"), || client.notices(target));
            }
        }
    }
    if parts.contains(&Part::Directories) {
        let records = arguments.records.unwrap_or(if arguments.quick { 1_000 } else { 10_000 });
        for exchange in directories::exchanges() {
            tally.count(&exchange.to_string(), || exchange.run(records));
        }
    }
    if parts.contains(&Part::Answers) && against == Whose::Both {
        tally.count("answers of odradek and Apache Kafka", || answers::run(&arguments.groups));
    }
    println!("{} passed, {} failed", tally.passed, tally.failed);
    Ok(tally.failed)
}

/// Every codec with idempotence, and one without; the quick part takes one codec, another one for each client.
fn stories(client: Client, arguments: &Arguments) -> Vec<Story> {
    let records = arguments.records.unwrap_or(if arguments.quick { 4_000 } else { 100_000 });
    let story = |codec: &'static str, idempotent| Story { codec, idempotent, records, bend: None };
    if arguments.quick {
        return vec![story(CODECS[client.number() % CODECS.len()], true)];
    }
    CODECS.iter().map(|codec| story(codec, true)).chain([story("none", false)]).collect()
}

#[derive(Default)]
struct Tally {
    passed: usize,
    failed: usize,
}

impl Tally {
    fn count(&mut self, title: &str, run: impl FnOnce() -> Result<String, String>) {
        let began = Instant::now();
        let (word, says) = match run() {
            Ok(says) => {
                self.passed += 1;
                ("ok", says)
            }
            Err(says) => {
                self.failed += 1;
                ("FAILED", says)
            }
        };
        println!("{word:6} {title} ({} s): {says}", began.elapsed().as_secs());
    }
}
