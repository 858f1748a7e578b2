//! `odradek doctor`: the log directories of a node that does not run, read without touching them; and the one way to give records up.
//!
//! What is found is decided in `odradek_log::doctor`; here files are read, lines printed, and operations carried out.

mod json;
mod mend;
mod metadata;
mod read;
mod words;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use odradek_log::formats::dir_name::{DirName, Purpose};
use odradek_wire::ids::{Offset, TopicPartition};

use crate::outcome::{Failure, Outcome, print};
use read::Reading;

/// Exit codes: 0 all is whole, 1 something is damaged or missing, 2 it could not be looked at.
#[derive(Args)]
#[command(
    after_help = "Exit codes: 0 all is whole (or was given up), 1 something is damaged or missing, 2 misuse, or a node is running there"
)]
pub struct Arguments {
    /// Log directories of one node: name all of them, so that a replica that lies in another one is not taken for missing
    #[arg(value_name = "DIR", required = true)]
    dirs: Vec<PathBuf>,
    /// Give up every record of a partition from the offset on at which its log is damaged; nothing else ever gives up what was acknowledged
    #[arg(long, value_name = "TOPIC-PARTITION@OFFSET", value_parser = target, conflicts_with_all = ["running", "json"])]
    give_up: Option<(TopicPartition, Offset)>,
    /// What was found, as JSON
    #[arg(long)]
    json: bool,
    /// Read although a node is running there: what it writes meanwhile may look torn
    #[arg(long)]
    running: bool,
}

pub fn run(arguments: &Arguments) -> Outcome {
    for dir in &arguments.dirs {
        if !std::fs::metadata(dir).map_err(|e| format!("{}: {e}", dir.display()))?.is_dir() {
            return Err(format!("{} is no directory", dir.display()).into());
        }
    }
    if let Some((partition, offset)) = &arguments.give_up {
        return mend::give_up(&arguments.dirs, partition, *offset);
    }
    if let Some(dir) = arguments.dirs.iter().find(|dir| !arguments.running && is_in_use(dir)) {
        let why = "a node is running there; stop it first, or read along with --running";
        return Err(format!("{}: {why}", dir.display()).into());
    }
    let found = Reading::of(&arguments.dirs, None)?;
    if arguments.json {
        print(&json::of(&found).to_string());
    } else {
        words::of(&found).iter().for_each(|line| print(line));
    }
    Ok(if found.is_whole() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A lock file that cannot be looked at is no hindrance to reading.
fn is_in_use(dir: &Path) -> bool {
    odradek_server::is_in_use(dir).unwrap_or(false)
}

/// `orders-0@2457`.
fn target(text: &str) -> Result<(TopicPartition, Offset), String> {
    let parsed = text.rsplit_once('@').and_then(|(log, offset)| {
        let DirName { partition, .. } = DirName::parse(log).filter(|name| name.purpose == Purpose::Current)?;
        Some((partition, Offset(offset.parse().ok().filter(|offset| *offset >= 0)?)))
    });
    parsed.ok_or_else(|| "write the partition and the offset, such as orders-0@2457".to_owned())
}

impl From<read::Unfit> for Failure {
    fn from(unfit: read::Unfit) -> Failure {
        Failure::from(unfit.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_up_is_named_by_partition_and_offset() {
        let named = |text: &str| target(text).map(|(p, o)| (p.to_string(), o.0)).map_err(|_| ());
        assert_eq!(named("orders-0@2457"), Ok(("orders-0".to_owned(), 2457)));
        assert_eq!(named("a-b-12@0"), Ok(("a-b-12".to_owned(), 0)));
        for wrong in
            ["orders-0", "orders@5", "orders-0@", "orders-0@-1", "orders-0@x", "@5", "orders-0.00112233445566778899aabbccddeeff-stray@5"]
        {
            assert_eq!(named(wrong), Err(()), "{wrong}");
        }
    }
}
