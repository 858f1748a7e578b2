//! Every file of a node's directory as Apache Kafka lays it out: one file here per format, encode and decode, no disk.
//!
//! | file | module |
//! |---|---|
//! | directory names | [`dir_name`] |
//! | file names in a partition | [`file_name`] |
//! | `.index`, `.timeindex`, `.txnindex` | [`index`] |
//! | `.snapshot` | [`producer_snapshot`] |
//! | the four checkpoints of the root, `leader-epoch-checkpoint` | [`checkpoint`] |
//! | `partition.metadata` | [`partition_metadata`] |
//! | `meta.properties` | [`meta_properties`], over [`properties`] |
//! | `.kafka_cleanshutdown` | [`clean_shutdown`], over [`json`] |
//! | `quorum-state` | [`quorum_state`], over [`json`] |
//! | `synced-marks` (ours; Apache Kafka ignores it) | [`synced_marks`] |
//! | `damage` in a partition (ours; Apache Kafka ignores it) | [`damage`] |

pub mod checkpoint;
pub mod clean_shutdown;
pub mod damage;
pub mod dir_name;
pub mod file_name;
pub mod index;
pub mod json;
pub mod meta_properties;
pub mod partition_metadata;
pub mod producer_snapshot;
pub mod properties;
pub mod quorum_state;
pub mod synced_marks;
#[cfg(test)]
mod tests;

use std::fmt;

use crate::disk::Name;

/// A file that is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Malformed {
    /// Which file.
    pub file: Name,
    /// The line, from 1; `None` where the file has none or the fault is of the whole.
    pub line: Option<usize>,
    /// What is wrong, and what was expected.
    pub why: String,
}

impl Malformed {
    /// A fault of the whole file.
    pub fn whole(file: &Name, why: impl Into<String>) -> Malformed {
        Malformed { file: file.clone(), line: None, why: why.into() }
    }

    /// A fault of one line, counted from 1.
    pub fn at(file: &Name, line: usize, why: impl Into<String>) -> Malformed {
        Malformed { file: file.clone(), line: Some(line), why: why.into() }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{} line {line}: {}", self.file, self.why),
            None => write!(f, "{}: {}", self.file, self.why),
        }
    }
}

/// The bytes of a text file as text.
fn text<'a>(file: &Name, bytes: &'a [u8]) -> Result<&'a str, Malformed> {
    std::str::from_utf8(bytes).map_err(|e| Malformed::whole(file, format!("not UTF-8 at byte {}", e.valid_up_to())))
}

/// Something from a file, short enough for an error line.
fn excerpt(found: &str) -> String {
    const CHARS_MAX: usize = 80;
    if found.chars().count() <= CHARS_MAX {
        format!("{found:?}")
    } else {
        format!("{:?}…", found.chars().take(CHARS_MAX).collect::<String>())
    }
}
