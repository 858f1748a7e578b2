//! `--give-up`: what was planned is carried out, with the locks of the directories held.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use indicatif::{HumanBytes, HumanCount};
use odradek_log::disk::{DiskAction, DiskErrorKind, Name};
use odradek_log::doctor::{self, Loss, Plan, Report, Root};
use odradek_server::Offline;
use odradek_wire::ids::{Offset, TopicPartition};

use super::read::Reading;
use crate::outcome::{Failure, Outcome, print};
use crate::remote::seed;

/// The lock file of a log directory.
const LOCK: &str = ".lock";

/// Gives up the records of a partition from an offset on.
pub fn give_up(dirs: &[PathBuf], partition: &TopicPartition, offset: Offset) -> Outcome {
    let mut disks = dirs.iter().map(|dir| locked(dir)).collect::<Result<Vec<_>, Failure>>()?;
    let done = planned(dirs, partition, offset).and_then(|(at, plan)| {
        print(&format!("{partition}: {}", loss(&plan.loss)));
        carry_out(&mut disks[at], &plan, partition)?;
        plan.says.iter().for_each(|line| print(&format!("  {line}")));
        Ok(())
    });
    for disk in &mut disks {
        // Whoever comes next takes over a lock file that is left.
        let _ = disk.apply(DiskAction::Unlock { name: Name::from(LOCK) });
    }
    done.map(|()| ExitCode::SUCCESS)
}

fn locked(dir: &Path) -> Result<Offline, Failure> {
    let mut disk = Offline::new(dir.to_owned());
    match disk.apply(DiskAction::Lock { name: Name::from(LOCK) }) {
        Ok(_) => Ok(disk),
        Err(error) if error.kind == DiskErrorKind::Locked => {
            Err(format!("{}: a node is running there; stop it first", dir.display()).into())
        }
        Err(error) => Err(Failure::work(format!("{}: {error}", dir.display()))),
    }
}

/// What is to be done, and in which of the directories.
fn planned(dirs: &[PathBuf], partition: &TopicPartition, offset: Offset) -> Result<(usize, Plan), Failure> {
    let found = Reading::of(dirs, Some(partition))?;
    let refused = |refusal: doctor::Refusal| Failure::from(refusal.to_string());
    let here = found.reports.iter().enumerate().flat_map(|(at, reports)| reports.iter().map(move |report| (at, report)));
    let here: Vec<(usize, &Report)> = here.collect();
    let damaged: Vec<_> = here.iter().filter(|(_, report)| !report.cures().is_empty()).collect();
    match (&damaged[..], &here[..]) {
        (&[&(at, report)], _) | (&[], &[(at, report), ..]) => {
            return doctor::give_up(&found.roots[at], report, offset, seed()).map(|plan| (at, plan)).map_err(refused);
        }
        (&[_, _, ..], _) => {
            return Err(format!("{partition} is damaged in more than one of these directories: name the one that is meant").into());
        }
        (&[], &[]) => {}
    }
    let Some(missing) = found.missing.iter().find(|m| m.partition == *partition) else {
        return Err(format!("{partition} is in none of these directories, and nothing says that it should be").into());
    };
    let at = missing.root.unwrap_or_else(|| place(&found));
    doctor::give_up_missing(&found.roots[at], missing, offset).map(|plan| (at, plan)).map_err(refused)
}

/// Where a replica is made whose directory is not here: in one of the node's log directories, and not in one that is for the metadata log alone.
fn place(found: &Reading) -> usize {
    let id = |root: &Root| root.meta.as_ref().and_then(|meta| meta.directory_id);
    let registered = found.roots.iter().position(|root| id(root).is_some_and(|id| found.registered.contains(&id)));
    let plain = || found.roots.iter().position(|root| !root.logs.iter().any(|(dir, _)| dir.as_str().starts_with("__cluster_metadata")));
    registered.or_else(plain).unwrap_or(0)
}

fn loss(loss: &Loss) -> String {
    let offsets = loss.to.0 - loss.from.0;
    if offsets <= 0 {
        return "no record that is known is given up".to_owned();
    }
    let readable = match loss.readable {
        0 => String::new(),
        records => format!(" ({} of them could still be read)", HumanCount(records)),
    };
    format!(
        "offsets {} to {} are given up: {} records at the most{readable}, {}",
        loss.from.0,
        loss.to.0 - 1,
        HumanCount(offsets.unsigned_abs()),
        HumanBytes(loss.bytes)
    )
}

fn carry_out(disk: &mut Offline, plan: &Plan, partition: &TopicPartition) -> Result<(), Failure> {
    for action in &plan.actions {
        doctor::tolerate(disk.apply(action.clone()), action)
            .map_err(|error| Failure::work(format!("{partition} is not given up yet: {error}; run the same again")))?;
    }
    Ok(())
}
