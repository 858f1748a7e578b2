//! `partition.metadata`: which topic a partition's directory belongs to (KIP-516).

use odradek_wire::ids::Uuid;

use super::{Malformed, excerpt, text};
use crate::disk::Name;

/// The topic's id.
///
/// # Errors
/// A malformed line, a line too few, or the id that means "none".
pub fn decode(file: &Name, bytes: &[u8]) -> Result<Uuid, Malformed> {
    let (mut version, mut topic_id) = (None, None);
    for (i, line) in text(file, bytes)?.lines().enumerate() {
        let malformed = |expected: &str| Malformed::at(file, i + 1, format!("Malformed line {}, expected {expected}", excerpt(line)));
        let (key, value) = line.split_once(':').map(|(k, v)| (k.trim(), v.trim())).ok_or_else(|| malformed("key: value"))?;
        match key {
            "version" => version = Some(value.parse::<i32>().ok().filter(|v| *v >= 0).ok_or_else(|| malformed("a version of at least 0"))?),
            "topic_id" => topic_id = Some(Uuid::parse(value).ok_or_else(|| malformed("a topic id of 22 characters"))?),
            _ => return Err(malformed("version or topic_id")),
        }
    }
    match (version, topic_id) {
        (Some(_), Some(id)) if id.is_zero() => Err(Malformed::whole(file, "Invalid topic ID: the one that means none")),
        (Some(_), Some(id)) => Ok(id),
        (None, _) => Err(Malformed::whole(file, "no line with a version")),
        (_, None) => Err(Malformed::whole(file, "no line with a topic_id")),
    }
}

/// The bytes of the file; its last line has no end.
pub fn encode(topic_id: Uuid) -> String {
    format!("version: 0\ntopic_id: {topic_id}")
}
