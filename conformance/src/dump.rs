//! Apache Kafka's dump tool over every file that a server left.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::shell::run_both;
use crate::target::kafka_sh;

/// Reads, in these directories, the logs of all partitions with their indexes and producer snapshots, and the metadata log with its snapshots. How many files.
///
/// # Errors
/// The first complaint of the tool, or if there is nothing to read.
pub fn dump(directories: &BTreeSet<&Path>) -> Result<usize, String> {
    let (mut partitions, mut metadata) = (Vec::new(), Vec::new());
    let mut inside = Vec::new();
    for directory in directories {
        inside.extend(entries(directory)?);
    }
    for directory in inside {
        // A name with a dot is of a topic that is being deleted.
        if !directory.is_dir() || directory.extension().is_some() {
            continue;
        }
        let of_metadata = directory.file_name().is_some_and(|name| name == "__cluster_metadata-0");
        for file in entries(&directory)? {
            match file.extension().and_then(|e| e.to_str()) {
                Some("log" | "checkpoint") if of_metadata => metadata.push(file),
                Some("log" | "index" | "timeindex" | "txnindex" | "snapshot") => partitions.push(file),
                _ => {}
            }
        }
    }
    read(&partitions, &[])?;
    read(&metadata, &["--cluster-metadata-decoder"])?;
    Ok(partitions.len() + metadata.len())
}

fn read(files: &[PathBuf], more: &[&str]) -> Result<(), String> {
    if files.is_empty() {
        return Err("there is no file for dump-log to read".to_owned());
    }
    let names: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    let mut command = Command::new(kafka_sh());
    command.args(["run", "dump-log", "--deep-iteration", "--files", &names.join(",")]).args(more);
    let (out, errors) = run_both(&mut command).map_err(|e| format!("dump-log: {e}"))?;
    match complaint(&out, &errors) {
        Some(line) => Err(format!("dump-log complains: {line}")),
        None => Ok(()),
    }
}

/// The first line in which the tool finds a file wrong. What it says on standard error is a complaint, with one exception: it calls the first batch of every
/// segment but the first "non-consecutive", since it begins each file as if offset −1 had been the last.
fn complaint<'a>(out: &'a str, errors: &'a str) -> Option<&'a str> {
    let harmless = |line: &str| line.starts_with("Non-consecutive offsets in ") || line.trim_start().starts_with("-1 is followed by ");
    let wrong = ["isvalid: false", "invalid bytes", "mismatch", "Mismatch", "Could not", "Exception"];
    let in_errors = errors.lines().find(|line| !line.trim().is_empty() && !harmless(line));
    in_errors.or_else(|| out.lines().find(|line| wrong.iter().any(|word| line.contains(word))))
}

fn entries(directory: &Path) -> Result<Vec<PathBuf>, String> {
    let wrong = |e: std::io::Error| format!("{}: {e}", directory.display());
    let mut all = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(wrong)? {
        all.push(entry.map_err(wrong)?.path());
    }
    all.sort();
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::complaint;

    #[test]
    fn a_complaint_is_told_from_a_habit() {
        let habit = "Non-consecutive offsets in /a/00000000000000000500.log\n  -1 is followed by 500";
        assert_eq!(complaint("baseOffset: 500 isvalid: true\n| offset: 500 headerKeys: [n]", habit), None);
        let gap = "Non-consecutive offsets in /a/00000000000000000500.log\n  520 is followed by 530";
        assert_eq!(complaint("", gap), Some("  520 is followed by 530"));
        assert_eq!(complaint("", "Mismatches in :/a/0.index"), Some("Mismatches in :/a/0.index"));
        assert_eq!(complaint("baseOffset: 0 isvalid: true\nbaseOffset: 7 isvalid: false", ""), Some("baseOffset: 7 isvalid: false"));
        assert_eq!(complaint("Found 60 invalid bytes at the end of 0.log", ""), Some("Found 60 invalid bytes at the end of 0.log"));
    }
}
