//! `odradek configs`.

use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand};
use odradek_client::admin::{ConfigChange, ConfigEntry, ConfigResource, Operation, Reply};

use crate::outcome::{Outcome, print};
use crate::remote::{Cluster, key_and_value, on_one_thread};
use crate::topics::{strange, tell};

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    cluster: Cluster,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Show configuration: what was set, or with --all everything
    Describe {
        #[command(flatten)]
        of: Resource,
        /// Defaults too
        #[arg(long)]
        all: bool,
    },
    /// Set keys
    Set {
        #[command(flatten)]
        of: Resource,
        /// What to set
        #[arg(required = true, value_name = "KEY=VALUE", value_parser = key_and_value)]
        config: Vec<(String, String)>,
    },
    /// Give keys their default back
    Delete {
        #[command(flatten)]
        of: Resource,
        /// Which keys
        #[arg(required = true)]
        keys: Vec<String>,
    },
}

#[derive(Args)]
#[group(required = true, multiple = false)]
struct Resource {
    /// Of a topic
    #[arg(short, long)]
    topic: Option<String>,
    /// Of a broker by its id; the default of all brokers if the id is "default"
    #[arg(long)]
    broker: Option<String>,
}

impl Resource {
    fn resource(&self) -> ConfigResource {
        match (&self.topic, &self.broker) {
            (Some(topic), _) => ConfigResource::Topic(topic.clone()),
            (None, Some(broker)) if broker == "default" => ConfigResource::Broker(String::new()),
            (None, broker) => ConfigResource::Broker(broker.clone().unwrap_or_default()),
        }
    }
}

pub fn run(arguments: &Arguments) -> Outcome {
    on_one_thread(async {
        match &arguments.command {
            Command::Describe { of, all } => describe(&arguments.cluster, of.resource(), *all).await,
            Command::Set { of, config } => {
                let changes = config.iter().map(|(key, value)| ConfigChange::Set(key.clone(), value.clone())).collect();
                change(&arguments.cluster, of.resource(), changes).await
            }
            Command::Delete { of, keys } => {
                change(&arguments.cluster, of.resource(), keys.iter().cloned().map(ConfigChange::Delete).collect()).await
            }
        }
    })
}

async fn describe(cluster: &Cluster, resource: ConfigResource, all: bool) -> Outcome {
    let operation = Operation::DescribeConfigs { resources: vec![(resource, None)], synonyms: false, documentation: false };
    let Reply::DescribeConfigs(described) = cluster.ask(operation).await? else { return Err(strange()) };
    for (_, entries) in described {
        let mut entries = entries.map_err(|error| cluster.failed(error))?;
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        for entry in entries.iter().filter(|entry| all || set(entry)) {
            print(&format!("{}={}\t{}", entry.name, entry.value.as_deref().unwrap_or("(hidden)"), source(entry)));
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn change(cluster: &Cluster, resource: ConfigResource, changes: Vec<ConfigChange>) -> Outcome {
    let operation = Operation::IncrementalAlterConfigs { resources: vec![(resource, changes)], validate_only: false };
    let Reply::AlterConfigs(results) = cluster.ask(operation).await? else { return Err(strange()) };
    Ok(tell(results.into_iter().map(|(resource, result)| (Arc::from(resource.code_and_name().1), result.map(|()| "changed".to_owned())))))
}

const fn set(entry: &ConfigEntry) -> bool {
    entry.source != 5
}

const fn source(entry: &ConfigEntry) -> &'static str {
    match entry.source {
        1 => "topic",
        2 => "broker, dynamic",
        3 => "all brokers, dynamic",
        4 => "broker, static",
        5 => "default",
        _ => "elsewhere",
    }
}
