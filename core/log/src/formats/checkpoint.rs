//! Checkpoint files: text, version 0, a count, then one entry a line.
//!
//! Those of the root end with an entry of ours whose offset is the CRC-32C of the lines before it: its topic, [`CHECKSUM`], is no name that a topic can have.
//! Apache Kafka reads it as the entry of a partition that it does not have, and leaves it out when it writes the file anew: a file without it is Kafka's, and
//! is believed as Kafka believes it.

use std::fmt::Write;

use odradek_wire::batch::crc32c;
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

/// What stands in the place of a topic in the entry that seals a checkpoint.
const CHECKSUM: &str = "crc32c:";

/// One line of a checkpoint in the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetOf {
    /// Whose.
    pub partition: TopicPartition,
    /// The offset.
    pub offset: Offset,
}

/// What a checkpoint in the root says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offsets {
    /// Its entries; none if the file is empty.
    pub entries: Vec<OffsetOf>,
    /// True if it is ours: its checksum was there, and fits.
    pub sealed: bool,
}

/// What a checkpoint in the root says.
///
/// # Errors
/// Another version, a malformed line, a wrong count, or a checksum that does not fit.
pub fn decode_offsets(file: &Name, bytes: &[u8]) -> Result<Offsets, Malformed> {
    let mut entries = decode(file, bytes, "topic partition offset", |fields| match fields {
        [topic, partition, offset] => {
            let partition = partition.parse().ok().filter(|p| *p >= 0)?;
            Some(OffsetOf { partition: TopicPartition { topic: (*topic).into(), partition }, offset: Offset(offset.parse().ok()?) })
        }
        _ => None,
    })?;
    let Some(seal) = entries.pop_if(|e| &*e.partition.topic == CHECKSUM) else { return Ok(Offsets { entries, sealed: false }) };
    let computed = i64::from(crc32c(&lines_before_last(bytes)));
    if seal.offset.0 != computed {
        return Err(Malformed::whole(file, format!("checksum {} stored, {computed} computed", seal.offset.0)));
    }
    Ok(Offsets { entries, sealed: true })
}

/// Adds the line of one entry.
pub fn push_offset(lines: &mut String, partition: &TopicPartition, offset: Offset) {
    writeln!(lines, "{} {} {}", partition.topic, partition.partition, offset.0).expect("a string takes everything");
}

/// The bytes of a checkpoint in the root: so many lines of [`push_offset`], sealed.
pub fn seal_offsets(count: usize, lines: &str) -> String {
    format!("0\n{}\n{lines}{CHECKSUM} 0 {}\n", count + 1, crc32c(lines.as_bytes()))
}

/// The same as Apache Kafka writes it, without a seal.
pub fn plain_offsets(count: usize, lines: &str) -> String {
    format!("0\n{count}\n{lines}")
}

/// The lines of entries without the last.
fn lines_before_last(bytes: &[u8]) -> Vec<u8> {
    let lines: Vec<&[u8]> = bytes.split_inclusive(|b| *b == b'\n').collect();
    lines[2..lines.len() - 1].concat()
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
