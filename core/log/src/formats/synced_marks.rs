//! `synced-marks`: how far each log is known to be synced, at most one round behind. Ours; Apache Kafka ignores it.
//!
//! Lines are only ever appended (or the file is replaced whole), each with its own checksum, and the last one of a partition counts:
//! `topic partition topic-id segment length end crc`. Reading stops at the first line that is torn: what it would have said was not yet relied on. Segments
//! before the named one are synced whole. The topic id keeps a mark from being believed about a later topic of the same name; `-` where it is not known.

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
}

/// The newest mark of each partition, in no order that means anything, and how many bytes of the file are whole lines.
pub fn decode(bytes: &[u8]) -> (Vec<SyncedMark>, usize) {
    let mut marks: std::collections::BTreeMap<TopicPartition, SyncedMark> = std::collections::BTreeMap::new();
    let mut whole = 0;
    for line in bytes.split_inclusive(|b| *b == b'\n') {
        let Some(mark) = decode_line(line) else { break };
        marks.insert(mark.partition.clone(), mark);
        whole += line.len();
    }
    (marks.into_values().collect(), whole)
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
    write!(line, " {} {} {}", mark.segment.0, mark.length, mark.end.0).expect(NEVER);
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
    })
}
