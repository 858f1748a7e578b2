//! `synced-marks`: how far each log is known to be synced, at most one round behind. Ours; Apache Kafka ignores it.
//!
//! Lines are only ever appended (or the file is replaced whole), each with its own checksum, and the last one of a partition counts:
//! `topic partition topic-id segment length end start crc`. A line that is torn or damaged is passed over: what stands behind it was written after what it
//! speaks of, and is as true without it. Segments before the named one are synced whole. The topic id keeps a mark from being believed about a later topic of
//! the same name; `-` where it is not known. The start is the log's own, for when `log-start-offset-checkpoint` cannot be read.

use std::collections::BTreeMap;
use std::fmt::Write;

use odradek_wire::batch::crc32c;
use odradek_wire::ids::{Offset, TopicPartition, Uuid};

/// The name in the root of a log directory.
pub const FILE: &str = "synced-marks";

/// A point up to which a log is known to be synced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncedMark {
    /// Whose log.
    pub partition: TopicPartition,
    /// Which topic of that name.
    pub topic_id: Option<Uuid>,
    /// Base offset of a segment; those before it are synced whole.
    pub segment: Offset,
    /// Bytes of its `.log` that are synced.
    pub length: u64,
    /// The offset there.
    pub end: Offset,
    /// The log start offset.
    pub start: Offset,
}

/// The newest mark of each partition, by partition, and how many lines could not be read.
pub fn decode(bytes: &[u8]) -> (Vec<SyncedMark>, usize) {
    let mut marks: BTreeMap<TopicPartition, SyncedMark> = BTreeMap::new();
    let mut damaged = 0;
    for line in bytes.split_inclusive(|b| *b == b'\n') {
        match decode_line(line) {
            Some(mark) => drop(marks.insert(mark.partition.clone(), mark)),
            None => damaged += 1,
        }
    }
    (marks.into_values().collect(), damaged)
}

/// One line.
pub fn encode(mark: &SyncedMark) -> String {
    const NEVER: &str = "a string takes what is written";
    let TopicPartition { topic, partition } = &mark.partition;
    let mut line = String::with_capacity(topic.len() + 80);
    write!(line, "{topic} {partition} ").expect(NEVER);
    match mark.topic_id {
        Some(id) => write!(line, "{id}"),
        None => write!(line, "-"),
    }
    .expect(NEVER);
    write!(line, " {} {} {} {}", mark.segment.0, mark.length, mark.end.0, mark.start.0).expect(NEVER);
    let crc = crc32c(line.as_bytes());
    writeln!(line, " {crc:08x}").expect(NEVER);
    line
}

fn decode_line(line: &[u8]) -> Option<SyncedMark> {
    let line = std::str::from_utf8(line).ok()?.strip_suffix('\n')?;
    let (said, crc) = line.rsplit_once(' ')?;
    if u32::from_str_radix(crc, 16) != Ok(crc32c(said.as_bytes())) {
        return None;
    }
    let mut fields = said.split(' ');
    let mut next = || fields.next();
    let partition = TopicPartition { topic: next()?.into(), partition: next()?.parse().ok()? };
    let topic_id = match next()? {
        "-" => None,
        id => Some(Uuid::parse(id)?),
    };
    Some(SyncedMark {
        partition,
        topic_id,
        segment: Offset(next()?.parse().ok()?),
        length: next()?.parse().ok()?,
        end: Offset(next()?.parse().ok()?),
        start: Offset(next()?.parse().ok()?),
    })
}
