//! The servers on trial: ours, and Apache Kafka; each on loopback in a directory of its own, stopped when dropped.

use std::fmt;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::shell::{root, run, scratch};

/// Where ports of Apache Kafka are looked for: below those that the system hands out by itself.
const KAFKA_PORTS: std::ops::Range<u16> = 30_000..32_000;

/// A running server.
pub struct Target {
    kind: Kind,
    bootstrap: String,
    data: PathBuf,
    /// What is removed when it goes; `None` keeps the directory.
    scratch: Option<PathBuf>,
}

enum Kind {
    Odradek(Child),
    Kafka { cluster: PathBuf },
}

impl Target {
    /// Our server, in an empty directory.
    ///
    /// # Errors
    /// Why it did not come up.
    pub fn odradek() -> Result<Target, String> {
        let directory = scratch("odradek")?;
        let mut target = Target::odradek_on(&directory.join("data"), &[])?;
        target.scratch = Some(directory);
        Ok(target)
    }

    /// Our server on a directory.
    ///
    /// # Errors
    /// Why it did not come up.
    pub fn odradek_on(data: &Path, properties: &[&str]) -> Result<Target, String> {
        let log = std::fs::File::create(data.with_extension("log")).map_err(|e| e.to_string())?;
        let mut child = Command::new(binary()?)
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .args(properties)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .map_err(|e| format!("odradek serve: {e}"))?;
        let out = child.stdout.take().expect("standard output was piped");
        let mut line = String::new();
        BufReader::new(out).read_line(&mut line).map_err(|e| e.to_string())?;
        let Some(bootstrap) = line.trim().strip_prefix("odradek ready on ") else {
            // It ended without a ready line; its own last words say why.
            let _ = child.wait();
            let said = std::fs::read_to_string(data.with_extension("log")).unwrap_or_default();
            return Err(format!("odradek serve did not come up: {}", said.lines().last().unwrap_or("no word")));
        };
        Ok(Target { kind: Kind::Odradek(child), bootstrap: bootstrap.to_owned(), data: data.to_path_buf(), scratch: None })
    }

    /// Apache Kafka, in an empty directory.
    ///
    /// # Errors
    /// Why it did not come up.
    pub fn kafka() -> Result<Target, String> {
        let directory = scratch("kafka")?;
        let mut target = Target::kafka_in(&directory, &[])?;
        target.scratch = Some(directory);
        Ok(target)
    }

    /// Apache Kafka, formatted into a directory; its data is in `node-0/data`.
    ///
    /// # Errors
    /// Why it did not come up.
    pub fn kafka_in(cluster: &Path, properties: &[&str]) -> Result<Target, String> {
        run(Command::new(kafka_sh()).arg("start").arg(cluster).args(["--port", &free_port()?.to_string()]).args(properties))?;
        Target::kafka_at(cluster)
    }

    /// Apache Kafka on the data that a server left in `node-0/data` of the cluster's directory, whoever that was.
    ///
    /// # Errors
    /// Why it did not come up.
    pub fn kafka_on(cluster: &Path, properties: &[&str]) -> Result<Target, String> {
        let node = cluster.join("node-0");
        if !node.join("server.properties").exists() {
            let id = property(&node.join("data/meta.properties"), "node.id")?;
            let lines = kafka_properties(&node.join("data"), &id, free_port()?, properties);
            std::fs::write(node.join("server.properties"), lines).map_err(|e| e.to_string())?;
        }
        run(Command::new(kafka_sh()).arg("restart").arg(cluster).arg("0"))?;
        Target::kafka_at(cluster)
    }

    fn kafka_at(cluster: &Path) -> Result<Target, String> {
        let node = cluster.join("node-0");
        let bootstrap = property(&node.join("server.properties"), "advertised.listeners")?.replace("PLAINTEXT://", "");
        Ok(Target { kind: Kind::Kafka { cluster: cluster.to_path_buf() }, bootstrap, data: node.join("data"), scratch: None })
    }

    /// Where clients begin.
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// Its data directory.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Deletes a topic with our own tool.
    ///
    /// # Errors
    /// What it said.
    pub fn delete_topic(&self, topic: &str) -> Result<(), String> {
        run(Command::new(binary()?).args(["topics", "-b", &self.bootstrap, "delete", topic])).map(drop)
    }

    /// Stops it cleanly and waits for its end.
    ///
    /// # Errors
    /// If it does not end in time.
    pub fn stop(mut self) -> Result<(), String> {
        self.end(Signal::TERM)
    }

    /// Kills it at once.
    ///
    /// # Errors
    /// What the system said.
    pub fn kill(mut self) -> Result<(), String> {
        self.end(Signal::KILL)
    }

    fn end(&mut self, signal: Signal) -> Result<(), String> {
        match &mut self.kind {
            Kind::Odradek(child) => {
                if child.try_wait().map_err(|e| e.to_string())?.is_some() {
                    return Ok(());
                }
                kill_process(Pid::from_child(child), signal).map_err(|e| e.to_string())?;
                let began = Instant::now();
                while child.try_wait().map_err(|e| e.to_string())?.is_none() {
                    if began.elapsed() > Duration::from_secs(30) {
                        return Err("odradek serve did not end within 30 s of SIGTERM".to_owned());
                    }
                    std::thread::sleep(Duration::from_millis(20));
                }
                Ok(())
            }
            Kind::Kafka { cluster } if signal == Signal::KILL => run(Command::new(kafka_sh()).arg("kill").arg(cluster).arg("0")).map(drop),
            Kind::Kafka { cluster } => run(Command::new(kafka_sh()).arg("stop").arg(cluster)).map(drop),
        }
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        // Whoever wanted to know how it ends has called `stop` or `kill`.
        let _ = self.end(Signal::TERM);
        if let Some(directory) = &self.scratch {
            let _ = std::fs::remove_dir_all(directory);
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            Kind::Odradek(_) => "odradek",
            Kind::Kafka { .. } => "Apache Kafka",
        })
    }
}

/// The script that runs Apache Kafka and its tools.
pub fn kafka_sh() -> PathBuf {
    root().join("conformance/peers/kafka.sh")
}

/// A port that is free together with the next, for a broker and its controller.
fn free_port() -> Result<u16, String> {
    let free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    let first = KAFKA_PORTS.start + (std::process::id() % 900) as u16 * 2;
    (first..KAFKA_PORTS.end).find(|&port| free(port) && free(port + 1)).ok_or_else(|| "no two free ports for Apache Kafka".to_owned())
}

fn kafka_properties(data: &Path, id: &str, port: u16, more: &[&str]) -> String {
    let controller = port + 1;
    format!(
        "process.roles=broker,controller\nnode.id={id}\ncontroller.quorum.voters={id}@127.0.0.1:{controller}\n\
         listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}\nadvertised.listeners=PLAINTEXT://127.0.0.1:{port}\n\
         controller.listener.names=CONTROLLER\nlog.dirs={}\noffsets.topic.replication.factor=1\n\
         transaction.state.log.replication.factor=1\ntransaction.state.log.min.isr=1\n{}\n",
        data.display(),
        more.join("\n")
    )
}

fn binary() -> Result<PathBuf, String> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    let binary = target.join("release/odradek");
    if binary.exists() { Ok(binary) } else { Err(format!("{} is not there: cargo build --release -p odradek-cli", binary.display())) }
}

fn property(file: &Path, key: &str) -> Result<String, String> {
    let words = std::fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
    let value = words.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    value.map(str::to_owned).ok_or_else(|| format!("{}: no {key}", file.display()))
}
