//! Directories exchanged: what one server wrote, the other goes on with and hands back, after clean stops and after kills.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::dump::dump;
use crate::need::franz_go_path;
use crate::shell::{run, scratch};
use crate::target::Target;

/// There and back.
#[derive(Clone, Copy)]
pub struct Exchange {
    first: Server,
    clean: bool,
    /// The metadata log has a directory of its own (`metadata.log.dir`).
    apart: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Server {
    Kafka,
    Odradek,
}

/// Few bytes, so that each life begins from a snapshot of the metadata log and leaves another; an authorizer, so that ACLs can be set.
const KAFKA: [&str; 4] = [
    SNAPSHOTS,
    "transaction.state.log.num.partitions=3",
    "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users=User:ANONYMOUS",
];
const SNAPSHOTS: &str = "metadata.log.max.record.bytes.between.snapshots=1000";

/// What `keep` leaves in the metadata log by Apache Kafka, and our server keeps without acting on it.
const KEPT: [&str; 3] = ["UserScramCredentialRecord", "ClientQuotaRecord", "AccessControlEntryRecord"];

/// Both ways, with clean stops and with kills; and the same with a directory for the metadata log alone.
pub fn exchanges() -> Vec<Exchange> {
    let exchange = |first, clean| Exchange { first, clean, apart: false };
    let apart = |first, clean| Exchange { first, clean, apart: true };
    vec![
        exchange(Server::Kafka, true),
        exchange(Server::Kafka, false),
        exchange(Server::Odradek, true),
        exchange(Server::Odradek, false),
        apart(Server::Kafka, true),
        apart(Server::Odradek, false),
    ]
}

impl Exchange {
    /// Three lives on one directory: the first server, the other, the first again. Each compares what the lives before have left, then writes its share.
    ///
    /// # Errors
    /// What was not intact.
    pub fn run(self, records: u32) -> Result<String, String> {
        let cluster = scratch("exchange")?;
        let outcome = self.exchange(&cluster, records);
        if outcome.is_ok() {
            std::fs::remove_dir_all(&cluster).map_err(|e| e.to_string())?;
            return outcome;
        }
        outcome.map_err(|says| format!("{says} (kept: {})", cluster.display()))
    }

    fn exchange(self, cluster: &Path, records: u32) -> Result<String, String> {
        let data = cluster.join("node-0/data");
        let metadata = if self.apart { cluster.join("node-0/metadata") } else { data.clone() };
        let place = format!("metadata.log.dir={}", metadata.display());
        let place = self.apart.then_some(place.as_str());
        let mut said = String::new();
        let mut snapshots = BTreeSet::new();
        let second = if self.first == Server::Kafka { Server::Odradek } else { Server::Kafka };
        for (at, server) in [self.first, second, self.first].into_iter().enumerate() {
            let during = |says: String| format!("life {} ({server}): {says}", at + 1);
            let target = self.live(server, cluster, &data, place).map_err(during)?;
            let killed = !self.clean && at < 2;
            let (count, name) = (records.to_string(), server.to_string());
            let life = [count.as_str(), &name, if killed { "killed" } else { "stopped" }];
            said = keep(&target, &cluster.join("state.json"), life).map_err(during)?;
            snapshots = another_snapshot(&metadata, &snapshots).map_err(during)?;
            if server == Server::Odradek && at > 0 {
                names_what_it_keeps(&data).map_err(during)?;
            }
            let ended = if killed { target.kill() } else { target.stop() };
            ended.map_err(during)?;
            if server == Server::Odradek {
                dump(&BTreeSet::from([data.as_path(), metadata.as_path()])).map_err(during)?;
            }
        }
        Ok(said)
    }

    fn live(self, server: Server, cluster: &Path, data: &Path, place: Option<&str>) -> Result<Target, String> {
        let begun = data.join("meta.properties").exists();
        let with = |lines: &[&'static str]| lines.iter().copied().chain(place).collect::<Vec<&str>>();
        match server {
            Server::Kafka if begun => Target::kafka_on(cluster, &with(&KAFKA)),
            Server::Kafka if self.kraft_version() == 1 => Target::kafka_in(cluster, &[&with(&KAFKA)[..], &["--standalone"]].concat()),
            Server::Kafka => Target::kafka_in(cluster, &with(&KAFKA)),
            Server::Odradek => {
                std::fs::create_dir_all(data).map_err(|e| e.to_string())?;
                Target::odradek_on(data, &with(&[SNAPSHOTS]))
            }
        }
    }

    /// Who votes stands in the properties, or from version 1 on in the metadata log: Apache Kafka's killed directory is of the second kind.
    fn kraft_version(self) -> u8 {
        u8::from(self.first == Server::Kafka && !self.clean)
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Server::Kafka { "kafka" } else { "odradek" })
    }
}

impl fmt::Display for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, to) = if self.first == Server::Kafka { ("Apache Kafka", "odradek") } else { ("odradek", "Apache Kafka") };
        let how = if self.clean { "clean stops" } else { "kill -9" };
        let apart = if self.apart { " and metadata.log.dir" } else { "" };
        write!(f, "directory of {from} (kraft.version {}) taken over by {to} and given back, with {how}{apart}", self.kraft_version())
    }
}

fn keep(target: &Target, state: &Path, life: [&str; 3]) -> Result<String, String> {
    let mut command = Command::new(franz_go_path("keep"));
    command.arg(target.bootstrap()).arg(state).args(life);
    let said = run(&mut command)?;
    said.strip_prefix("ok ").map(str::to_owned).ok_or_else(|| format!("no verdict in: {said}"))
}

/// Waits until a life has made a snapshot of the metadata log of its own; all that are there then.
fn another_snapshot(directory: &Path, before: &BTreeSet<PathBuf>) -> Result<BTreeSet<PathBuf>, String> {
    let metadata = directory.join("__cluster_metadata-0");
    let began = Instant::now();
    loop {
        let mut all = BTreeSet::new();
        for entry in std::fs::read_dir(&metadata).map_err(|e| format!("{}: {e}", metadata.display()))? {
            let path = entry.map_err(|e| e.to_string())?.path();
            if path.extension().is_some_and(|e| e == "checkpoint") {
                all.insert(path);
            }
        }
        if all.difference(before).next().is_some() {
            return Ok(all);
        }
        if began.elapsed() > Duration::from_secs(60) {
            return Err("no snapshot of the metadata log within 60 s".to_owned());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn names_what_it_keeps(data: &Path) -> Result<(), String> {
    let log = std::fs::read_to_string(data.with_extension("log")).map_err(|e| e.to_string())?;
    let missing: Vec<&str> = KEPT.into_iter().filter(|name| !log.contains(name)).collect();
    if missing.is_empty() { Ok(()) } else { Err(format!("its log does not name {}", missing.join(", "))) }
}
