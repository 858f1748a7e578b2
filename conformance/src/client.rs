//! The clients, and the story that each tells.

use std::fmt;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::Part;
use crate::need::{franz_go_path, python_path};
use crate::shell::{root, run};
use crate::target::Target;

/// A foreign client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// kcat.
    Kcat,
    /// confluent-kafka.
    Python,
    /// franz-go.
    FranzGo,
    /// Apache Kafka's tools.
    Java,
}

/// One telling of the story in `conformance/clients/README.md`.
#[derive(Clone, Copy, Debug)]
pub struct Story {
    /// Codec.
    pub codec: &'static str,
    /// With idempotence.
    pub idempotent: bool,
    /// How many records.
    pub records: u32,
    /// The part of one record that is written otherwise than told.
    pub bend: Option<&'static str>,
}

/// The parts of a record that a story can be told to write otherwise.
const BENDS: [&str; 5] = ["key", "value", "headers", "timestamp", "order"];

static TOPICS: AtomicU32 = AtomicU32::new(0);

impl Client {
    /// The client of a part, if the part is a client.
    pub const fn of(part: Part) -> Option<Client> {
        match part {
            Part::Kcat => Some(Client::Kcat),
            Part::Python => Some(Client::Python),
            Part::FranzGo => Some(Client::FranzGo),
            Part::Java => Some(Client::Java),
            Part::Directories | Part::Answers => None,
        }
    }

    /// A number of its own.
    pub const fn number(self) -> usize {
        self as usize
    }

    /// Tells the story to a server.
    ///
    /// # Errors
    /// What went otherwise than told.
    pub fn tell(self, story: &Story, target: &Target) -> Result<String, String> {
        let topic = topic(self);
        let said = run(&mut self.command(story, target, &topic))?;
        if self == Client::Kcat {
            // kcat cannot delete; our own tool does.
            target.delete_topic(&topic)?;
            await_deletion(target, &topic)?;
        }
        verdict(&said)
    }

    /// Tells a short story once for each part of a record, with that part of one record written otherwise than told: each must fail, since a comparison that cannot
    /// fail is worth nothing.
    ///
    /// # Errors
    /// What was not noticed.
    pub fn notices(self, target: &Target) -> Result<String, String> {
        for what in BENDS {
            let story = Story { codec: "none", idempotent: true, records: 400, bend: Some(what) };
            match run(&mut self.command(&story, target, &topic(self))) {
                Err(says) if says.starts_with("failed: ") => {}
                Err(says) => return Err(format!("one record with another {what} ended the story without a verdict: {says}")),
                Ok(_) => return Err(format!("one record with another {what} was not noticed")),
            }
        }
        Ok(BENDS.join(", "))
    }

    fn command(self, story: &Story, target: &Target, topic: &str) -> Command {
        let clients = root().join("conformance/clients");
        let mut command = match self {
            Client::Kcat => Command::new(clients.join("kcat/story.sh")),
            Client::Java => Command::new(clients.join("java/story.sh")),
            Client::FranzGo => Command::new(franz_go_path("story")),
            Client::Python => {
                let mut command = Command::new(python_path());
                command.arg(clients.join("python/story.py"));
                command
            }
        };
        let idempotent = if story.idempotent { "1" } else { "0" };
        command.args([target.bootstrap(), topic, story.codec, idempotent, &story.records.to_string()]);
        command.env("DATA", target.data()).env("BEND", story.bend.unwrap_or_default());
        command
    }
}

fn topic(client: Client) -> String {
    format!("story-{}-{}", client.to_string().to_lowercase(), TOPICS.fetch_add(1, Ordering::Relaxed))
}

/// A broker may hear of a deletion a little after the controller has answered.
fn await_deletion(target: &Target, topic: &str) -> Result<(), String> {
    let began = Instant::now();
    while run(Command::new("kcat").args(["-b", target.bootstrap(), "-L"]))?.contains(&format!("\"{topic}\"")) {
        if began.elapsed() > Duration::from_secs(30) {
            return Err("the topic is still listed 30 s after its deletion".to_owned());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

fn verdict(said: &str) -> Result<String, String> {
    said.lines().last().and_then(|line| line.strip_prefix("ok ")).map(str::to_owned).ok_or_else(|| format!("no verdict in: {said}"))
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Client::Kcat => "kcat",
            Client::Python => "Python",
            Client::FranzGo => "franz-go",
            Client::Java => "Java",
        })
    }
}

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let idempotent = if self.idempotent { ", idempotent" } else { "" };
        write!(f, "{} records, {}{idempotent}", self.records, self.codec)
    }
}
