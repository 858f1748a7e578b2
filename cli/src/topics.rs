//! `odradek topics`.

use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand};
use odradek_client::admin::{Item, NewTopic, Operation, Reply, TopicDescription};

use crate::outcome::{Failure, Outcome, print};
use crate::remote::{Cluster, key_and_value, on_one_thread};

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    cluster: Cluster,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// List topics (what happens without a command)
    List {
        /// Internal ones too
        #[arg(long)]
        internal: bool,
    },
    /// Show partitions, leaders and replicas
    Describe {
        /// Which topics; all of them without a name
        topics: Vec<String>,
    },
    /// Create topics
    Create {
        /// Their names
        #[arg(required = true)]
        topics: Vec<String>,
        /// Partitions of each; the broker's default without
        #[arg(short, long)]
        partitions: Option<i32>,
        /// Replicas of each partition; the broker's default without
        #[arg(short, long)]
        replication_factor: Option<i16>,
        /// Configuration of the topics
        #[arg(short, long = "config", value_name = "KEY=VALUE", value_parser = key_and_value)]
        config: Vec<(String, String)>,
        /// Only say whether it would work
        #[arg(long)]
        validate_only: bool,
    },
    /// Raise the number of partitions
    Grow {
        /// The topic
        topic: String,
        /// How many partitions it shall have
        partitions: i32,
    },
    /// Delete topics with all their records
    Delete {
        /// Their names
        #[arg(required = true)]
        topics: Vec<String>,
    },
}

pub fn run(arguments: &Arguments) -> Outcome {
    on_one_thread(async {
        match arguments.command.as_ref().unwrap_or(&Command::List { internal: false }) {
            Command::List { internal } => list(&arguments.cluster, *internal).await,
            Command::Describe { topics } => describe(&arguments.cluster, topics).await,
            Command::Create { topics, partitions, replication_factor, config, validate_only } => {
                let topics = topics.iter().map(|name| NewTopic {
                    name: Arc::from(name.as_str()),
                    partitions: *partitions,
                    replication_factor: *replication_factor,
                    assignments: Vec::new(),
                    config: config.clone(),
                });
                let operation = Operation::CreateTopics { topics: topics.collect(), validate_only: *validate_only };
                let Reply::CreateTopics(results) = arguments.cluster.ask(operation).await? else { return Err(strange()) };
                let done = if *validate_only { "could be created" } else { "created" };
                Ok(tell(
                    results
                        .into_iter()
                        .map(|(name, result)| (name, result.map(|topic| format!("{done}, {} partitions", topic.partitions)))),
                ))
            }
            Command::Grow { topic, partitions } => {
                let topics = vec![(Arc::from(topic.as_str()), *partitions)];
                let operation = Operation::CreatePartitions { topics, validate_only: false };
                let Reply::CreatePartitions(results) = arguments.cluster.ask(operation).await? else { return Err(strange()) };
                Ok(tell(results.into_iter().map(|(name, result)| (name, result.map(|()| format!("has {partitions} partitions"))))))
            }
            Command::Delete { topics } => {
                let topics = topics.iter().map(|name| Arc::from(name.as_str())).collect();
                let Reply::DeleteTopics(results) = arguments.cluster.ask(Operation::DeleteTopics { topics }).await? else {
                    return Err(strange());
                };
                Ok(tell(results.into_iter().map(|(name, result)| (name, result.map(|()| "deleted".to_owned())))))
            }
        }
    })
}

async fn list(cluster: &Cluster, internal: bool) -> Outcome {
    let Reply::ListTopics(mut topics) = cluster.ask(Operation::ListTopics { internal }).await? else { return Err(strange()) };
    topics.sort_by(|a, b| a.name.cmp(&b.name));
    for topic in topics {
        print(&format!("{}\t{} partitions\t{}", topic.name, topic.partitions, topic.id));
    }
    Ok(ExitCode::SUCCESS)
}

async fn describe(cluster: &Cluster, names: &[String]) -> Outcome {
    let mut topics: Vec<Arc<str>> = names.iter().map(|name| Arc::from(name.as_str())).collect();
    if topics.is_empty() {
        let Reply::ListTopics(all) = cluster.ask(Operation::ListTopics { internal: false }).await? else { return Err(strange()) };
        topics = all.into_iter().map(|topic| topic.name).collect();
        topics.sort();
    }
    if topics.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    let Reply::DescribeTopics(described) = cluster.ask(Operation::DescribeTopics { topics }).await? else { return Err(strange()) };
    Ok(tell(described.into_iter().map(|(name, topic)| (name, topic.map(|topic| words(&topic))))))
}

fn words(topic: &TopicDescription) -> String {
    let mut words = format!("id {}, {} partitions", topic.id, topic.partitions.len());
    for p in &topic.partitions {
        words +=
            &format!("\n  {}\tleader {} (epoch {})\treplicas {:?}\tin sync {:?}", p.partition, p.leader, p.leader_epoch, p.replicas, p.isr);
        if !p.offline.is_empty() {
            words += &format!("\toffline {:?}", p.offline);
        }
    }
    words
}

/// Prints a line for each item; the exit code says whether all went well.
pub fn tell(results: impl Iterator<Item = (Arc<str>, Item<String>)>) -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    for (name, result) in results {
        match result {
            Ok(words) => print(&format!("{name}: {words}")),
            Err(error) => {
                eprintln!("{name}: {error}");
                code = ExitCode::FAILURE;
            }
        }
    }
    code
}

/// The machine answered another question than the one that was asked.
pub fn strange() -> Failure {
    Failure::work("the client answered another question than the one asked: please report this")
}
