//! What the tools share: how they reach a cluster, and how they wait for it.

use std::future::Future;

use clap::Args;
use odradek_client::admin::{Admin, Command, Event, Operation, Reply, Token};
use odradek_client::config::{AdminConfig, CommonConfig};
use odradek_machine::Seed;
use odradek_server::remote::{Machine, Remote};

use crate::options::{self, Pair};
use crate::outcome::Failure;

/// Which cluster.
#[derive(Args, Clone, Debug)]
pub struct Cluster {
    /// Bootstrap servers, HOST:PORT separated by commas
    #[arg(short = 'b', long = "brokers", value_name = "HOST:PORT,…", default_value = "127.0.0.1:9092", global = true)]
    brokers: String,

    /// Seconds after which an operation is given up
    #[arg(short = 'm', long, value_name = "SECONDS", default_value_t = 30, global = true)]
    timeout: u64,

    /// A property of the client, with Kafka's name or librdkafka's
    #[arg(short = 'X', long = "property", value_name = "KEY=VALUE", value_parser = key_and_value, global = true)]
    properties: Vec<Pair>,
}

impl Cluster {
    /// The configuration that all clients of the command line have.
    pub fn common(&self) -> Result<CommonConfig, String> {
        let bootstrap = self.brokers.split(',').map(|server| host_and_port(server.trim())).collect::<Result<Vec<_>, _>>()?;
        Ok(CommonConfig { request_timeout_ms: self.timeout_ms(), ..CommonConfig::new("odradek", bootstrap) })
    }

    /// What `-X` says.
    pub fn properties(&self) -> &[Pair] {
        &self.properties
    }

    /// A host for a client of this cluster; says on standard error when the cluster cannot be reached.
    pub fn remote<M: Machine>(&self, machine: M) -> Remote<M> {
        let mut remote = Remote::new(machine);
        let timeout = self.timeout;
        remote.on_trouble(move |why| eprintln!("odradek: {why}; trying for {timeout} s"));
        remote
    }

    /// A failure of a client, with the servers that were asked.
    pub fn failed(&self, error: impl std::fmt::Display) -> Failure {
        Failure::work(format!("{}: {error}", self.brokers))
    }

    /// How long an operation is tried, in milliseconds.
    pub fn timeout_ms(&self) -> u64 {
        self.timeout.saturating_mul(1_000)
    }

    /// Does one operation.
    pub async fn ask(&self, operation: Operation) -> Result<Reply, Failure> {
        let mut common = self.common()?;
        options::common(&self.properties, &mut common)?;
        self.ask_with(common, operation).await
    }

    /// Does one operation on behalf of a client with its own properties.
    pub async fn ask_with(&self, common: CommonConfig, operation: Operation) -> Result<Reply, Failure> {
        let config = AdminConfig { api_timeout_ms: self.timeout_ms(), ..AdminConfig::new(common) };
        let mut admin = self.remote(Admin::new(config, seed()));
        admin.command(Command::Do { token: Token(0), operation, timeout_ms: None });
        match admin.event().await {
            Event::Done { result, .. } => result.map_err(|error| self.failed(error)),
            Event::Closed => Err(self.failed("the client ended before it answered")),
        }
    }
}

/// The seed of one run of a tool, drawn from the system: tools live outside the simulator.
pub fn seed() -> Seed {
    use std::hash::{BuildHasher, RandomState};
    Seed(RandomState::new().hash_one(std::process::id()))
}

/// Runs a tool on one thread.
pub fn on_one_thread<T, E: From<String>>(work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| format!("starting the runtime: {e}"))?;
    let outcome = tokio::task::LocalSet::new().block_on(&runtime, work);
    // A read of standard input that nobody waits for any more must not hold up the end.
    runtime.shutdown_background();
    outcome
}

/// Ctrl-C, heard from this moment on: a future that is only polled later would leave a gap in which it kills.
pub fn interrupts() -> Result<tokio::signal::unix::Signal, String> {
    tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt()).map_err(|e| format!("listening for Ctrl-C: {e}"))
}

fn host_and_port(server: &str) -> Result<(String, u16), String> {
    let (host, port) = server.rsplit_once(':').unwrap_or((server, "9092"));
    let port = port.parse().map_err(|_| format!("-b {server}: '{port}' is no port; write HOST:PORT, such as 127.0.0.1:9092"))?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if host.is_empty() {
        return Err(format!("-b {server}: the host is missing; write HOST:PORT, such as 127.0.0.1:9092"));
    }
    Ok((host.to_owned(), port))
}

/// `key=value` of the command line.
pub fn key_and_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err(format!("'{text}': write KEY=VALUE")),
    }
}
