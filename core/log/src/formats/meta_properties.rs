//! `meta.properties`: whose directory it is (KIP-858).
//!
//! Ours has a comment with the checksum of the lines behind it, which Apache Kafka passes over: without it a bit that flips in an id makes another id.

use odradek_wire::batch::crc32c;
use odradek_wire::ids::{NodeId, Uuid};

use super::{Malformed, excerpt, properties, text};
use crate::disk::Name;

/// The name in the root of every log directory.
pub const FILE: &str = "meta.properties";

/// What the comment in the first line begins with.
const CHECKSUM: &str = "#crc32c ";

/// What `meta.properties` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetaProperties {
    /// 0 or 1.
    pub version: i32,
    /// The node.
    pub node: NodeId,
    /// The cluster; compared as text.
    pub cluster_id: String,
    /// The directory; `None` in files that are older than KIP-858.
    pub directory_id: Option<Uuid>,
}

/// What the file says; keys that are not known are skipped.
///
/// # Errors
/// Another version, a key that is missing or malformed, or a checksum that does not fit.
pub fn decode(file: &Name, bytes: &[u8]) -> Result<MetaProperties, Malformed> {
    if let Some((crc, said)) = text(file, bytes)?.strip_prefix(CHECKSUM).and_then(|rest| rest.split_once('\n'))
        && u32::from_str_radix(crc, 16) != Ok(crc32c(said.as_bytes()))
    {
        return Err(Malformed::at(file, 1, format!("checksum {crc} stored, {:08x} computed", crc32c(said.as_bytes()))));
    }
    let pairs = properties::decode(file, bytes)?;
    let get = |key: &str| pairs.iter().find(|(k, _)| k == key).map(|(_, value)| value.as_str());
    let required = |key: &str| get(key).ok_or_else(|| Malformed::whole(file, format!("{key} was not found.")));
    let number = |key: &str, text: &str| {
        text.trim().parse::<i32>().map_err(|_| Malformed::whole(file, format!("{key} is {}, expected a decimal number", excerpt(text))))
    };
    let version = get("version").map_or(Ok(0), |text| number("version", text))?;
    let node_key = match version {
        0 if get("node.id").is_none() => "broker.id",
        0 | 1 => "node.id",
        n => return Err(Malformed::whole(file, format!("Unknown meta.properties version number {n}"))),
    };
    let node = NodeId(number(node_key, required(node_key)?)?);
    let cluster_id = required("cluster.id")?.to_owned();
    let directory_id = get("directory.id").map(|text| parse_directory(file, text)).transpose()?;
    Ok(MetaProperties { version, node, cluster_id, directory_id })
}

/// The bytes of the file, always of version 1.
pub fn encode(meta: &MetaProperties) -> String {
    let (node, directory) = (meta.node.0.to_string(), meta.directory_id.map(|id| id.to_string()));
    let mut pairs = vec![("cluster.id", meta.cluster_id.as_str())];
    pairs.extend(directory.as_deref().map(|id| ("directory.id", id)));
    pairs.extend([("node.id", node.as_str()), ("version", "1")]);
    let said = properties::encode(pairs);
    format!("{CHECKSUM}{:08x}\n{said}", crc32c(said.as_bytes()))
}

/// True for one of the hundred ids that name no directory.
pub fn is_reserved(id: Uuid) -> bool {
    id.0[..15].iter().all(|b| *b == 0) && id.0[15] < 100
}

fn parse_directory(file: &Name, text: &str) -> Result<Uuid, Malformed> {
    match Uuid::parse(text.trim()) {
        Some(id) if !is_reserved(id) => Ok(id),
        Some(_) => Err(Malformed::whole(file, format!("directory.id {text} is reserved"))),
        None => Err(Malformed::whole(file, format!("directory.id is {}, expected an id of 22 characters", excerpt(text)))),
    }
}
