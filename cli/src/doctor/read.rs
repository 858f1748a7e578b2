//! Directories read whole, and nothing in them touched: files are opened for reading, and no lock is taken.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use odradek_log::disk::{DiskError, DiskErrorKind, Entry, Name};
use odradek_log::doctor::{
    Contents, Examination, Expected, Missing, ROOT_FILES, Report, Root, SMALL_FILES, TolerantFile, Unreadable, missing,
};
use odradek_log::formats::file_name::{FileName, Kind, Mark};
use odradek_log::work::ReadAt;
use odradek_log::work::survey::Survey;
use odradek_wire::ids::TopicPartition;

use super::metadata;
use crate::progress;

/// A directory that is none of a node's, or directories that are not of one node: exit code 2.
pub struct Unfit(pub String);

/// What was found in the log directories of a node.
pub struct Reading {
    /// The directories, in the order in which they were named.
    pub roots: Vec<Root>,
    /// Of each, its logs.
    pub reports: Vec<Vec<Report>>,
    /// Replicas that are in none of them.
    pub missing: Vec<Missing>,
    /// The node's log directories by the metadata, where that was read.
    pub registered: Vec<odradek_wire::ids::Uuid>,
    /// Why the metadata was not read, though its log is here.
    pub metadata_unread: Option<String>,
}

impl Reading {
    /// Reads these directories; with `only`, of the logs that of this partition alone.
    pub fn of(dirs: &[PathBuf], only: Option<&TopicPartition>) -> Result<Reading, Unfit> {
        let mut roots = Vec::new();
        for dir in dirs {
            let root = look(dir)?;
            if !root.is_of_a_node() {
                return Err(Unfit(format!("{} holds nothing of a node", dir.display())));
            }
            roots.push(root);
        }
        fit(&roots)?;
        let (metadata, metadata_unread) = match metadata::read(&roots) {
            Ok(found) => (found, None),
            Err(why) => (None, Some(why)),
        };
        let expected = metadata.as_ref().map(|m| &m.expected[..]);
        let mut reading =
            Reading { missing: missing(&roots, expected), roots, reports: Vec::new(), registered: Vec::new(), metadata_unread };
        reading.examine(expected, only)?;
        reading.registered = metadata.map(|m| m.log_dirs).unwrap_or_default();
        Ok(reading)
    }

    /// True if nothing is damaged and nothing missing, as far as that can be known.
    pub fn is_whole(&self) -> bool {
        let roots = self.roots.iter().all(|root| root.bad.is_empty());
        roots
            && self.metadata_unread.is_none()
            && self.reports.iter().flatten().all(|report| !report.is_damaged())
            && self.missing.is_empty()
    }

    fn examine(&mut self, expected: Option<&[Expected]>, only: Option<&TopicPartition>) -> Result<(), Unfit> {
        let wanted = |partition: &TopicPartition| only.is_none_or(|only| only == partition);
        let mut logs = Vec::new();
        let mut bytes = 0;
        for root in &self.roots {
            let begin = |(dir, partition): &(Name, TopicPartition)| examination(root, dir, partition, expected);
            let begun = root.logs.iter().filter(|(_, partition)| wanted(partition)).map(begin).collect::<Result<Vec<_>, _>>()?;
            bytes += begun.iter().map(|(_, e)| e.bytes()).sum::<u64>();
            logs.push(begun);
        }
        let mut progress = progress::Reading::new(bytes);
        for begun in logs {
            let reports = begun.into_iter().map(|(path, examination)| examined(&path, examination, &mut progress));
            self.reports.push(reports.collect::<Result<_, _>>()?);
        }
        progress.finish();
        Ok(())
    }
}

/// What a fresh metadata log begins with.
const BOOTSTRAP: &str = "bootstrap.checkpoint";

/// What is named together must be of one node.
fn fit(roots: &[Root]) -> Result<(), Unfit> {
    let mut identified = roots.iter().filter_map(|root| Some((root, root.meta.as_ref()?)));
    let Some((first, own)) = identified.next() else { return Ok(()) };
    for (root, meta) in identified {
        if (meta.node, &meta.cluster_id) != (own.node, &own.cluster_id) {
            return Err(Unfit(format!("{} and {} are not of one node: name the directories of one", first.path, root.path)));
        }
        if meta.directory_id.is_some() && meta.directory_id == own.directory_id {
            return Err(Unfit(format!("{} and {} are the same directory, or one is a copy of the other", first.path, root.path)));
        }
    }
    Ok(())
}

fn look(dir: &Path) -> Result<Root, Unfit> {
    let (contents, unreadable) = contents(dir, &ROOT_FILES)?;
    let mut root = Root::look(&dir.display().to_string(), contents);
    unreadable.into_iter().for_each(|(name, says)| root.found_bad(&name, says));
    if let Some(Err(why)) = root.file(BOOTSTRAP).cloned().map(odradek_quorum::snapshot::decode) {
        root.found_bad(BOOTSTRAP, why);
    }
    Ok(root)
}

/// Begins with a log: its small files are read.
fn examination(
    root: &Root,
    dir: &Name,
    partition: &TopicPartition,
    expected: Option<&[Expected]>,
) -> Result<(PathBuf, Examination), Unfit> {
    let path = Path::new(&root.path).join(dir.as_str());
    let (found, unreadable) = contents(&path, &SMALL_FILES)?;
    let snapshots: Vec<String> = found.entries.iter().map(|e| e.name.clone()).filter(|name| is_metadata_snapshot(name)).collect();
    let mut examination = Examination::begin(root, dir, partition, found, expected);
    unreadable.into_iter().for_each(|(name, says)| examination.found_bad(&name, says));
    let mut bad = Vec::new();
    for name in examination.names_beside() {
        match std::fs::read(path.join(&name)) {
            Ok(bytes) => examination.beside(&name, &bytes.into()),
            Err(error) => bad.push((name.clone(), allowed(&path.join(name), error)?.to_string())),
        }
    }
    for name in snapshots.into_iter().filter(|_| examination.is_metadata()) {
        let read = std::fs::read(path.join(&name)).map_err(|e| e.to_string());
        bad.extend(read.and_then(|bytes| odradek_quorum::snapshot::decode(bytes.into())).err().map(|why| (name, why)));
    }
    bad.into_iter().for_each(|(name, says)| examination.found_bad(&name, says));
    Ok((path, examination))
}

fn is_metadata_snapshot(name: &str) -> bool {
    FileName::parse(name).is_some_and(|n| n.mark == Mark::None && matches!(n.kind, Kind::Checkpoint(_)))
}

/// Reads every segment of a log.
fn examined(path: &Path, mut examination: Examination, progress: &mut progress::Reading) -> Result<Report, Unfit> {
    for name in examination.segments() {
        let path = path.join(&name);
        let (survey, unreadable) = surveyed(&path, examination.survey(), progress)?;
        examination.take(survey, unreadable);
    }
    Ok(examination.finish())
}

fn surveyed(path: &Path, mut survey: Survey, progress: &mut progress::Reading) -> Result<(Survey, Vec<Unreadable>), Unfit> {
    let file = match File::open(path).and_then(|file| Ok((file.metadata()?.len(), file))) {
        Ok(file) => Ok(file),
        Err(error) => Err(allowed(path, error)?.to_string()),
    };
    let mut segment = Segment(file, path);
    let mut tolerant = TolerantFile::new(&mut segment);
    let name = path.display().to_string();
    while !survey.is_over() {
        let before = survey.position();
        survey.slice(&mut tolerant).expect("what cannot be read is zeros");
        progress.add(survey.position().saturating_sub(before), &name);
    }
    Ok((survey, tolerant.unreadable))
}

/// A segment's file; one that cannot be opened holds nothing that can be read.
struct Segment<'a>(Result<(u64, File), String>, &'a Path);

impl ReadAt for Segment<'_> {
    fn length(&self) -> u64 {
        // One that cannot be opened is as long as it is, so that its bytes are told as unreadable.
        self.0.as_ref().map_or_else(|_| self.1.metadata().map_or(0, |m| m.len()), |(length, _)| *length)
    }

    fn read_at(&mut self, at: u64, length: u64) -> Result<Bytes, DiskError> {
        let failed = |says: String| DiskError { kind: DiskErrorKind::Io, action: "read", name: Name::root(), says };
        let (end, file) = self.0.as_ref().map_err(|says| failed(says.clone()))?;
        let mut buffer = vec![0; usize::try_from(length.min(end.saturating_sub(at))).map_err(|e| failed(e.to_string()))?];
        let mut filled = 0;
        while filled < buffer.len() {
            match file.read_at(&mut buffer[filled..], at + filled as u64) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(failed(e.to_string())),
            }
        }
        buffer.truncate(filled);
        Ok(buffer.into())
    }
}

/// An error of the disk; one of permission says nothing of what is there, and nothing may be taken for damaged because of it.
fn allowed(path: &Path, error: std::io::Error) -> Result<std::io::Error, Unfit> {
    if error.kind() == ErrorKind::PermissionDenied {
        return Err(Unfit(format!("{}: {error}; run this as the user of the node", path.display())));
    }
    Ok(error)
}

/// Small files that cannot be read, and why.
type UnreadFiles = Vec<(String, String)>;

/// What a directory holds, with these of its files where they are there; and those that cannot be read.
fn contents(dir: &Path, names: &[&str]) -> Result<(Contents, UnreadFiles), Unfit> {
    let unfit = |e: std::io::Error| match allowed(dir, e) {
        Ok(error) => Unfit(format!("{}: {error}", dir.display())),
        Err(denied) => denied,
    };
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(unfit)? {
        let entry = entry.map_err(unfit)?;
        // A node that runs removes files meanwhile.
        let Ok(found) = std::fs::metadata(entry.path()) else { continue };
        let name = entry.file_name().to_string_lossy().into_owned();
        let length = if found.is_dir() { 0 } else { found.len() };
        entries.push(Entry { name, directory: found.is_dir(), length, modified_ms: -1 });
    }
    entries.sort();
    let (mut files, mut unreadable) = (BTreeMap::new(), Vec::new());
    for name in names {
        match std::fs::read(dir.join(name)) {
            Ok(bytes) => drop(files.insert((*name).to_owned(), Bytes::from(bytes))),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => unreadable.push(((*name).to_owned(), allowed(&dir.join(name), error)?.to_string())),
        }
    }
    Ok((Contents { entries, files }, unreadable))
}
