//! `odradek format`: a new and empty log directory for a node that is there.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use odradek_log::disk::{DiskError, Name};
use odradek_log::doctor;
use odradek_log::formats::meta_properties::{self, MetaProperties};
use odradek_server::Offline;

use crate::outcome::{Failure, Outcome, print};
use crate::remote::seed;

#[derive(Args)]
pub struct Arguments {
    /// The directory: made if it is not there, and empty if it is
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// A log directory of the node to which it shall belong
    #[arg(long, value_name = "OTHER")]
    beside: PathBuf,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let Arguments { dir, beside } = arguments;
    let own = identity(beside)?;
    let is_there = is_empty(dir)?;
    let meta = doctor::beside(&own, seed());
    let mut disk = Offline::new(dir.clone());
    for action in doctor::format(&meta, is_there) {
        doctor::tolerate(disk.apply(action.clone()), &action).map_err(|error| failed(dir, &error))?;
    }
    let id = meta.directory_id.map_or_else(String::new, |id| id.to_string());
    print(&format!("{} is log directory {id} of node {}: add it to log.dirs", dir.display(), meta.node.0));
    Ok(ExitCode::SUCCESS)
}

fn identity(beside: &Path) -> Result<MetaProperties, Failure> {
    let path = beside.join(meta_properties::FILE);
    let bytes = std::fs::read(&path).map_err(|e| format!("{}: {e}; --beside names a log directory of the node", path.display()))?;
    let name = Name::from(path.display().to_string().as_str());
    Ok(meta_properties::decode(&name, &bytes).map_err(|what| what.to_string())?)
}

/// Whether the directory is there; one that is not empty is refused.
fn is_empty(dir: &Path) -> Result<bool, Failure> {
    match std::fs::read_dir(dir) {
        Ok(mut entries) => match entries.next() {
            None => Ok(true),
            Some(entry) => {
                let name = entry.map_err(|e| format!("{}: {e}", dir.display()))?.file_name();
                Err(format!("{} is not empty: {} is in it; nothing is formatted over", dir.display(), name.to_string_lossy()).into())
            }
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(format!("{}: {error}", dir.display()).into()),
    }
}

fn failed(dir: &Path, error: &DiskError) -> Failure {
    Failure::work(format!("{}: {error}", dir.display()))
}
