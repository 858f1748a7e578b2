//! The clients, and the story that each tells.

use std::fmt;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

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
}

static TOPICS: AtomicU32 = AtomicU32::new(0);

impl Client {
    /// The client of a part, if the part is a client.
    pub const fn of(part: Part) -> Option<Client> {
        match part {
            Part::Kcat => Some(Client::Kcat),
            Part::Python => Some(Client::Python),
            Part::FranzGo => Some(Client::FranzGo),
            Part::Java => Some(Client::Java),
            Part::Directories => None,
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
        let topic = format!("story-{}-{}", self.to_string().to_lowercase(), TOPICS.fetch_add(1, Ordering::Relaxed));
        let clients = root().join("conformance/clients");
        let mut command = match self {
            Client::Kcat => Command::new(clients.join("kcat/story.sh")),
            Client::Java => Command::new(clients.join("java/story.sh")),
            Client::FranzGo => Command::new(franz_go_path()),
            Client::Python => {
                let mut command = Command::new(python_path());
                command.arg(clients.join("python/story.py"));
                command
            }
        };
        command
            .arg(target.bootstrap())
            .arg(&topic)
            .arg(story.codec)
            .arg(if story.idempotent { "1" } else { "0" })
            .arg(story.records.to_string());
        let said = run(&mut command)?;
        if self == Client::Kcat {
            target.delete_topic(&topic)?;
        }
        said.lines().last().and_then(|line| line.strip_prefix("ok ")).map(str::to_owned).ok_or_else(|| format!("no verdict in: {said}"))
    }
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
