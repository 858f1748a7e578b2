//! `damage` in the directory of a partition: its log was found damaged and is out of service. Ours; Apache Kafka ignores it.
//!
//! It is written when the damage is found and stays until an operator gives the lost records up, so that no later life takes what is left for the whole log:
//! neither one of ours that would not look there again, nor one behind a life of Apache Kafka, which cuts a log at its first bad batch.
//!
//! Lines of `key: value`, the last of them `crc32c`, the checksum of all before it.

use odradek_wire::batch::crc32c;
use odradek_wire::ids::Offset;

use super::{Malformed, text};
use crate::disk::Name;
use crate::open::Damage;

/// The name in a partition's directory.
pub const FILE: &str = "damage";

/// The bytes of the file.
pub fn encode(damage: &Damage) -> String {
    let Damage { segment, at, offset, synced, why } = damage;
    let why = why.replace(['\n', '\r'], " ");
    let said = format!("version: 0\nsegment: {segment}\nat: {at}\noffset: {}\nsynced: {}\nwhy: {why}\n", offset.0, synced.0);
    let crc = crc32c(said.as_bytes());
    format!("{said}crc32c: {crc:08x}\n")
}

/// What the file says.
///
/// # Errors
/// Another version, a line that is missing or malformed, or a checksum that does not fit: the log is damaged, and how is not known.
pub fn decode(file: &Name, bytes: &[u8]) -> Result<Damage, Malformed> {
    let all = text(file, bytes)?;
    let fault = |why: &str| Malformed::whole(file, why);
    let (said, crc) = all.rsplit_once("crc32c: ").ok_or_else(|| fault("no line of crc32c"))?;
    if u32::from_str_radix(crc.trim_end(), 16) != Ok(crc32c(said.as_bytes())) {
        return Err(fault("the checksum does not fit"));
    }
    let get = |key: &str| said.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(": ")).ok_or_else(|| fault(key));
    let number = |key: &str| get(key)?.parse::<i64>().map_err(|_| fault(key));
    if number("version")? != 0 {
        return Err(fault("version: expected 0"));
    }
    Ok(Damage {
        segment: Name::from(get("segment")?),
        at: u64::try_from(number("at")?).map_err(|_| fault("at"))?,
        offset: Offset(number("offset")?),
        synced: Offset(number("synced")?),
        why: get("why")?.to_owned(),
    })
}
