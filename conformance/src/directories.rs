//! Directories exchanged: what one server wrote, the other starts on, after a clean stop and after a kill.

use std::fmt;
use std::path::Path;
use std::process::Command;

use crate::need::python_path;
use crate::shell::{root, run, scratch};
use crate::target::{Target, kafka_sh};

/// One exchange.
#[derive(Clone, Copy)]
pub struct Exchange {
    from_kafka: bool,
    clean: bool,
}

/// All four.
pub fn exchanges() -> [Exchange; 4] {
    [(true, true), (true, false), (false, true), (false, false)].map(|(from_kafka, clean)| Exchange { from_kafka, clean })
}

impl Exchange {
    /// Writes with one server, ends it, starts the other on its directory, and compares: topics, configuration, records, producers; then goes on writing.
    ///
    /// # Errors
    /// What was not intact.
    pub fn run(self, records: u32) -> Result<String, String> {
        let directory = scratch("exchange")?;
        let outcome = self.exchange(&directory, records);
        if outcome.is_ok() {
            std::fs::remove_dir_all(&directory).map_err(|e| e.to_string())?;
            return outcome;
        }
        outcome.map_err(|says| format!("{says} (kept: {})", directory.display()))
    }

    fn exchange(self, directory: &Path, records: u32) -> Result<String, String> {
        let (writer, data) = if self.from_kafka {
            let cluster = directory.join("cluster");
            (Target::kafka_in(&cluster)?, cluster.join("node-0/data"))
        } else {
            let data = directory.join("data");
            (Target::odradek_on(&data, &[])?, data)
        };
        keep("write", &writer, records)?;
        let before = producers(&writer)?;
        let ended = if self.clean { writer.stop() } else { writer.kill() };
        ended?;
        if !self.from_kafka {
            dump(&data)?;
        }
        let reader = if self.from_kafka { Target::odradek_on(&data, &[])? } else { Target::kafka_on(&directory.join("cluster"), &data)? };
        let said = keep("check", &reader, records)?;
        let after = producers(&reader)?;
        if before != after {
            return Err(format!("producers differ: before {before:?}, after {after:?}"));
        }
        keep("continue", &reader, records)?;
        reader.stop()?;
        Ok(said)
    }
}

impl fmt::Display for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, to) = if self.from_kafka { ("Apache Kafka", "odradek") } else { ("odradek", "Apache Kafka") };
        write!(f, "directory of {from} started by {to} after {}", if self.clean { "a clean stop" } else { "kill -9" })
    }
}

fn keep(verb: &str, target: &Target, records: u32) -> Result<String, String> {
    run(Command::new(python_path()).arg(root().join("conformance/clients/python/keep.py")).args([
        verb,
        target.bootstrap(),
        &records.to_string(),
    ]))
}

/// Producer id, epoch and last sequence of each producer of each partition, as Apache Kafka's own tool sees them.
fn producers(target: &Target) -> Result<Vec<String>, String> {
    let mut all = Vec::new();
    for partition in ["0", "1"] {
        let command = [
            "run",
            "transactions",
            "--bootstrap-server",
            target.bootstrap(),
            "describe-producers",
            "--topic",
            "kept",
            "--partition",
            partition,
        ];
        let said = run(Command::new(kafka_sh()).args(command)).map_err(|e| format!("describe-producers: {e}"))?;
        let mut rows: Vec<String> = said.lines().skip(1).map(|row| row.split_whitespace().take(3).collect::<Vec<_>>().join(" ")).collect();
        rows.sort();
        all.extend(rows.into_iter().map(|row| format!("{partition}: {row}")));
    }
    if all.is_empty() { Err("no producer is known".to_owned()) } else { Ok(all) }
}

/// Apache Kafka's dump tool reads every log file, indexes included, without complaint.
fn dump(data: &Path) -> Result<(), String> {
    let mut files = Vec::new();
    for topic in ["kept-0", "kept-1", "__cluster_metadata-0"] {
        for entry in std::fs::read_dir(data.join(topic)).map_err(|e| format!("{topic}: {e}"))? {
            let path = entry.map_err(|e| e.to_string())?.path();
            if path.extension().is_some_and(|e| e == "log") {
                files.push(path.display().to_string());
            }
        }
    }
    let said = run(Command::new(kafka_sh()).args(["run", "dump-log", "--deep-iteration", "--files", &files.join(",")]))?;
    let complaint = said
        .lines()
        .find(|line| ["mismatch", "Mismatches", "corrupt", "invalid", "isvalid: false", "Found"].iter().any(|word| line.contains(word)));
    complaint.map_or(Ok(()), |line| Err(format!("dump-log complains: {line}")))
}
