//! Names of the directories in the root of a log directory.

use odradek_wire::ids::{TopicPartition, Uuid};

/// The metadata log's directory.
pub const METADATA_DIR: &str = "__cluster_metadata-0";
/// Tiered storage keeps its indexes here; skipped.
pub const REMOTE_INDEX_CACHE: &str = "remote-log-index-cache";
/// The longest name of a directory, in bytes.
pub const NAME_BYTES_MAX: usize = 255;

/// What a directory of a partition is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// The replica itself.
    Current,
    /// Of a deleted topic, on its way out.
    Delete,
    /// Belongs to no partition that is assigned here.
    Stray,
    /// Being filled, to become the current one (KIP-113).
    Future,
}

/// The name of a partition's directory, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirName {
    /// Topic and index. For all but [`Purpose::Current`] the topic may be cut short.
    pub partition: TopicPartition,
    /// What it is there for.
    pub purpose: Purpose,
    /// What tells it from others of that purpose; zero for [`Purpose::Current`].
    pub unique: Uuid,
}

impl Purpose {
    const fn suffix(self) -> &'static str {
        match self {
            Purpose::Current => "",
            Purpose::Delete => "-delete",
            Purpose::Stray => "-stray",
            Purpose::Future => "-future",
        }
    }
}

impl DirName {
    /// The name in parts; `None` if it is not in the form of topic-partition, with or without a suffix.
    pub fn parse(name: &str) -> Option<DirName> {
        for purpose in [Purpose::Delete, Purpose::Stray, Purpose::Future] {
            if let Some((partition, unique)) = name.strip_suffix(purpose.suffix()).and_then(|rest| rest.rsplit_once('.'))
                && let Some(unique) = parse_hex(unique)
            {
                return Some(DirName { partition: parse_partition(partition)?, purpose, unique });
            }
        }
        Some(DirName { partition: parse_partition(name)?, purpose: Purpose::Current, unique: Uuid::ZERO })
    }

    /// The directory of a partition's replica.
    pub fn current(partition: &TopicPartition) -> String {
        partition.to_string()
    }

    /// The directory under another purpose; the topic is cut so that the whole fits a file system.
    ///
    /// # Panics
    /// For [`Purpose::Current`], which is no other one.
    pub fn renamed(partition: &TopicPartition, purpose: Purpose, unique: Uuid) -> String {
        assert_ne!(purpose, Purpose::Current, "a directory is not renamed to what it is");
        let hex: String = unique.0.iter().map(|b| format!("{b:02x}")).collect();
        let suffix = format!("-{}.{hex}{}", partition.partition, purpose.suffix());
        // Names of topics are ASCII; others were never accepted, and are cut where a character ends.
        let mut cut = partition.topic.len().min(NAME_BYTES_MAX - suffix.len());
        while !partition.topic.is_char_boundary(cut) {
            cut -= 1;
        }
        format!("{}{suffix}", &partition.topic[..cut])
    }
}

fn parse_partition(name: &str) -> Option<TopicPartition> {
    let (topic, index) = name.rsplit_once('-')?;
    // `-1` of `topic--1` would be a negative index: the split at the last dash leaves it to the topic.
    let plain = !topic.is_empty() && !index.is_empty() && index.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| index.parse().ok()).flatten().map(|partition| TopicPartition { topic: topic.into(), partition })
}

fn parse_hex(text: &str) -> Option<Uuid> {
    if text.len() != 32 || !text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
        return None;
    }
    let mut id = [0; 16];
    for (byte, pair) in id.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(Uuid(id))
}
