//! Checkpoint files: text, version 0, a count, then one entry a line.

use std::fmt::Write;

use odradek_wire::ids::{LeaderEpoch, Offset, TopicPartition};

use super::{Malformed, excerpt, text};
use crate::disk::Name;
use crate::epochs::EpochStart;

/// Everything below the offset is synced.
pub const RECOVERY_POINTS: &str = "recovery-point-offset-checkpoint";
/// Log starts that lie above the base of the first segment.
pub const LOG_STARTS: &str = "log-start-offset-checkpoint";
/// High watermarks.
pub const HIGH_WATERMARKS: &str = "replication-offset-checkpoint";
/// First dirty offsets of compacted logs.
pub const CLEANED: &str = "cleaner-offset-checkpoint";
/// The four checkpoints in the root of a log directory.
pub const ROOT_CHECKPOINTS: [&str; 4] = [RECOVERY_POINTS, LOG_STARTS, HIGH_WATERMARKS, CLEANED];

/// One line of a checkpoint in the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetOf {
    /// Whose.
    pub partition: TopicPartition,
    /// The offset.
    pub offset: Offset,
}

/// The entries of a checkpoint in the root; none if the file is empty.
///
/// # Errors
/// Another version, a malformed line, or a wrong count.
pub fn decode_offsets(file: &Name, bytes: &[u8]) -> Result<Vec<OffsetOf>, Malformed> {
    decode(file, bytes, "topic partition offset", |fields| match fields {
        [topic, partition, offset] => {
            let partition = partition.parse().ok().filter(|p| *p >= 0)?;
            Some(OffsetOf { partition: TopicPartition { topic: (*topic).into(), partition }, offset: Offset(offset.parse().ok()?) })
        }
        _ => None,
    })
}

/// The bytes of a checkpoint in the root.
pub fn encode_offsets<'a>(entries: impl IntoIterator<Item = (&'a TopicPartition, Offset)>) -> String {
    encode(entries.into_iter().map(|(p, offset)| format!("{} {} {}", p.topic, p.partition, offset.0)))
}

/// The entries of a `leader-epoch-checkpoint`; none if the file is empty. Whether they ascend is for [`crate::epochs`] to see to.
///
/// # Errors
/// Another version, a malformed line, or a wrong count.
pub fn decode_epochs(file: &Name, bytes: &[u8]) -> Result<Vec<EpochStart>, Malformed> {
    decode(file, bytes, "epoch startOffset", |fields| match fields {
        [epoch, start] => {
            let found = EpochStart { epoch: LeaderEpoch(epoch.parse().ok()?), start: Offset(start.parse().ok()?) };
            (found.epoch.0 >= 0 && found.start.0 >= 0).then_some(found)
        }
        _ => None,
    })
}

/// The bytes of a `leader-epoch-checkpoint`.
pub fn encode_epochs(entries: &[EpochStart]) -> String {
    encode(entries.iter().map(|e| format!("{} {}", e.epoch.0, e.start.0)))
}

fn decode<T>(file: &Name, bytes: &[u8], form: &str, entry: impl Fn(&[&str]) -> Option<T>) -> Result<Vec<T>, Malformed> {
    let all = text(file, bytes)?;
    let mut lines = all.lines().enumerate().map(|(i, line)| (i + 1, line));
    let Some((_, version)) = lines.next() else { return Ok(Vec::new()) };
    match version.parse::<i32>() {
        Ok(0) => {}
        Ok(n) => return Err(Malformed::at(file, 1, format!("Unrecognised version:{n}, expected version: 0"))),
        Err(_) => return Err(malformed_line(file, 1, "a version", version)),
    }
    let Some((_, count)) = lines.next() else { return Ok(Vec::new()) };
    let count: usize = count.parse().map_err(|_| malformed_line(file, 2, "the number of entries", count))?;
    let mut entries = Vec::new();
    for (number, line) in lines {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        entries.push(entry(&fields).ok_or_else(|| malformed_line(file, number, form, line))?);
    }
    if entries.len() != count {
        return Err(Malformed::whole(file, format!("Expected [{count}] entries, but found [{}]", entries.len())));
    }
    Ok(entries)
}

fn malformed_line(file: &Name, number: usize, form: &str, line: &str) -> Malformed {
    Malformed::at(file, number, format!("Malformed line {}, expected {form}", excerpt(line)))
}

fn encode(lines: impl Iterator<Item = String>) -> String {
    let mut entries = String::new();
    let mut count = 0;
    for line in lines {
        entries.push_str(&line);
        entries.push('\n');
        count += 1;
    }
    let mut all = String::with_capacity(entries.len() + 8);
    let _ = write!(all, "0\n{count}\n{entries}");
    all
}
