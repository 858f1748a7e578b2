//! The root of a log directory: whose it is, what its small files say, which logs are in it.

use std::collections::BTreeSet;

use bytes::Bytes;
use odradek_wire::ids::TopicPartition;

use super::{BadFile, Contents, REFUSED};
use crate::disk::Name;
use crate::formats::dir_name::{DirName, METADATA_DIR, Purpose, REMOTE_INDEX_CACHE};
use crate::formats::file_name::PARTITION_METADATA;
use crate::formats::meta_properties::{self, MetaProperties};
use crate::formats::synced_marks;
use crate::open::known::{KnownRoot, metadata_partition};

pub use crate::open::root::ROOT_FILES;

/// The root of a log directory, as it was found.
#[derive(Clone, Debug)]
pub struct Root {
    /// Its path.
    pub path: String,
    /// Whose it is, if it says so.
    pub meta: Option<MetaProperties>,
    /// The last stop was a clean one.
    pub clean: bool,
    /// Small files that are missing, or not what they should be.
    pub bad: Vec<BadFile>,
    /// The directories of replicas: the metadata log first, the others by name.
    pub logs: Vec<(Name, TopicPartition)>,
    /// Directories of deleted topics, strays, and replicas that are on their way here.
    pub aside: Vec<(Name, Purpose)>,
    pub(super) known: KnownRoot,
    pub(super) contents: Contents,
}

impl Root {
    /// Looks at a root.
    pub fn look(path: &str, contents: Contents) -> Root {
        let file = |name: &str| contents.files.get(name).cloned();
        let mut bad = Vec::new();
        let meta = meta(&file, &mut bad);
        let mut dirs = directories(&contents, &mut bad);
        dirs.sort_by(|a, b| (a.0 != METADATA_DIR, &a.1.partition, &a.0).cmp(&(b.0 != METADATA_DIR, &b.1.partition, &b.0)));
        let (known, unread) = KnownRoot::read(dirs, &file);
        let then = if known.marks.is_empty() { REFUSED } else { "it is built again from synced-marks" };
        bad.extend(unread.into_iter().map(|what| BadFile::new(what.file.clone(), words(&what), then)));
        bad.extend(marks(&file));
        let of = |purpose: fn(Purpose) -> bool| known.dirs.iter().filter(move |(_, d)| purpose(d.purpose));
        let logs: Vec<_> = of(|p| p == Purpose::Current).map(|(name, d)| (Name::from(name.as_str()), d.partition.clone())).collect();
        let aside: Vec<_> = of(|p| p != Purpose::Current).map(|(name, d)| (Name::from(name.as_str()), d.purpose)).collect();
        let twice = known.dirs.iter().filter(|(_, d)| d.purpose == Purpose::Future && logs.iter().any(|(_, p)| *p == d.partition));
        bad.extend(twice.map(|(name, _)| BadFile::new(Name::from(name.as_str()), "its replica is here too", REFUSED)));
        Root { path: path.to_owned(), meta, clean: known.clean, bad, logs, aside, known, contents }
    }

    /// True if anything of a node is here.
    pub fn is_of_a_node(&self) -> bool {
        !self.logs.is_empty() || !self.aside.is_empty() || ROOT_FILES.iter().any(|name| self.file(name).is_some())
    }

    /// A small file that somebody else looked at, or that cannot be read.
    pub fn found_bad(&mut self, name: &str, why: String) {
        self.bad.push(BadFile::new(Name::from(name), why, REFUSED));
    }

    /// The content of a small file, if it is there.
    pub fn file(&self, name: &str) -> Option<&Bytes> {
        self.contents.files.get(name)
    }

    /// True if this partition's replica has a directory here.
    pub fn holds(&self, partition: &TopicPartition) -> bool {
        self.logs.iter().any(|(_, p)| p == partition)
    }

    /// The logs that its marks and recovery points speak of.
    pub(super) fn known_logs(&self) -> BTreeSet<&TopicPartition> {
        let (marked, pointed) = (self.known.marks.iter().map(|m| &m.partition), self.known.recovery_points.iter().map(|e| &e.partition));
        marked.chain(pointed).collect()
    }
}

fn meta(file: &dyn Fn(&str) -> Option<Bytes>, bad: &mut Vec<BadFile>) -> Option<MetaProperties> {
    let name = Name::from(meta_properties::FILE);
    let Some(bytes) = file(meta_properties::FILE) else {
        bad.push(BadFile::new(name, "it is missing", "the start is refused: a directory that lost its identity is not made anew"));
        return None;
    };
    match meta_properties::decode(&name, &bytes) {
        Ok(meta) => Some(meta),
        Err(what) => {
            bad.push(BadFile::new(name, words(&what), REFUSED));
            None
        }
    }
}

/// Lines of the marks that are damaged. The last one may be torn: the life that wrote it was killed.
fn marks(file: &dyn Fn(&str) -> Option<Bytes>) -> Option<BadFile> {
    let bytes = file(synced_marks::FILE)?;
    let whole = bytes.iter().rposition(|b| *b == b'\n').map_or(0, |last| last + 1);
    let (_, damaged) = synced_marks::decode(&bytes[..whole]);
    let why = format!("{damaged} of its lines cannot be read");
    (damaged > 0).then(|| BadFile::new(Name::from(synced_marks::FILE), why, "they are passed over"))
}

/// The directories of partitions; those that are none refuse a start.
fn directories(contents: &Contents, bad: &mut Vec<BadFile>) -> Vec<(String, DirName)> {
    let mut dirs = Vec::new();
    for entry in contents.entries.iter().filter(|e| e.directory && e.name != REMOTE_INDEX_CACHE) {
        match DirName::parse(&entry.name) {
            Some(name) => dirs.push((entry.name.clone(), name)),
            None => bad.push(BadFile::new(
                Name::from(entry.name.as_str()),
                "it is a directory, and not in the form of topic-partition or topic-partition.uniqueId-delete",
                REFUSED,
            )),
        }
    }
    dirs
}

/// What is wrong with a file, without its name.
pub(super) fn words(what: &crate::formats::Malformed) -> String {
    match what.line {
        Some(line) => format!("line {line}: {}", what.why),
        None => what.why.clone(),
    }
}

/// True for the metadata log, which has no `partition.metadata` and is closed after the clean mark.
pub(super) fn is_metadata(partition: &TopicPartition) -> bool {
    *partition == metadata_partition()
}

/// The name of the file that says whose a directory is.
pub(super) const IDENTITY: &str = PARTITION_METADATA;
