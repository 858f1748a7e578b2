//! A disk in memory that keeps everything: names, handles, bytes.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use odradek_log::disk::{DiskAction, DiskDone, DiskError, DiskErrorKind, DiskResult, Entry, FileId, FileRange, Name};
use odradek_log::work::ReadAt;

/// Number of a file's content: it lives on under its handles when its name goes.
type Inode = u64;

/// One log directory.
#[derive(Clone, Default)]
pub(super) struct Disk {
    names: BTreeMap<String, Inode>,
    directories: BTreeSet<String>,
    contents: BTreeMap<Inode, Vec<u8>>,
    handles: BTreeMap<FileId, Inode>,
    inodes: u64,
    /// The next sync of a file fails.
    pub(super) sync_fails: bool,
    /// What begins with this can neither be made nor written.
    pub(super) no_room_for: Option<&'static str>,
}

impl Disk {
    /// What a process leaves when it ends: handles are gone.
    pub(super) fn without_handles(mut self) -> Disk {
        self.handles.clear();
        self
    }

    pub(super) fn apply(&mut self, action: DiskAction) -> DiskResult {
        let verb = action.verb();
        if let DiskAction::Sync { file } = &action
            && std::mem::take(&mut self.sync_fails)
        {
            return fail(DiskErrorKind::Io, verb, &Name::from(format!("{file:?}").as_str()));
        }
        if let Some(name) = self.needs_room(&action) {
            return fail(DiskErrorKind::Full, verb, &name);
        }
        if let Some(file) = action.file().filter(|f| !self.handles.contains_key(f) && !matches!(verb, "create" | "open")) {
            return fail(DiskErrorKind::Io, verb, &Name::from(format!("{file:?}").as_str()));
        }
        match action {
            DiskAction::Create { file, name, length } => {
                if self.names.contains_key(name.as_str()) {
                    return fail(DiskErrorKind::Exists, verb, &name);
                }
                if !name.parent().as_str().is_empty() && !self.directories.contains(name.parent().as_str()) {
                    return fail(DiskErrorKind::NotFound, verb, &name);
                }
                self.inodes += 1;
                self.contents.insert(self.inodes, vec![0; length as usize]);
                self.names.insert(name.as_str().to_owned(), self.inodes);
                self.handles.insert(file, self.inodes);
                Ok(DiskDone::Done)
            }
            DiskAction::Open { file, name } => {
                let Some(&inode) = self.names.get(name.as_str()) else { return fail(DiskErrorKind::NotFound, verb, &name) };
                self.handles.insert(file, inode);
                Ok(DiskDone::Opened { length: self.contents[&inode].len() as u64 })
            }
            DiskAction::Close { .. } => Ok(DiskDone::Done), // ranges that were handed out stay readable
            DiskAction::Write { file, at, parts } => {
                let content = self.content(file);
                let mut at = at as usize;
                for part in parts {
                    let end = at + part.len();
                    if content.len() < end {
                        content.resize(end, 0);
                    }
                    content[at..end].copy_from_slice(&part);
                    at = end;
                }
                Ok(DiskDone::Done)
            }
            DiskAction::Read { file, at, length } => Ok(DiskDone::Read(self.read(file, at, length))),
            DiskAction::Truncate { file, length } => {
                self.content(file).resize(length as usize, 0);
                Ok(DiskDone::Done)
            }
            DiskAction::Rename { from, to } => self.rename(&from, &to),
            DiskAction::Remove { name } => {
                if self.names.remove(name.as_str()).is_some() || self.directories.remove(name.as_str()) {
                    return Ok(DiskDone::Done);
                }
                fail(DiskErrorKind::NotFound, verb, &name)
            }
            DiskAction::MakeDirectory { name } => {
                if !self.directories.insert(name.as_str().to_owned()) {
                    return fail(DiskErrorKind::Exists, verb, &name);
                }
                Ok(DiskDone::Done)
            }
            DiskAction::List { name } => self.list(&name),
            DiskAction::FreeSpace => Ok(DiskDone::Free(1 << 40)),
            DiskAction::Sync { .. } | DiskAction::SyncDirectory { .. } | DiskAction::Lock { .. } | DiskAction::Unlock { .. } => {
                Ok(DiskDone::Done)
            }
        }
    }

    /// What an operation makes or writes that there is no room for.
    fn needs_room(&self, action: &DiskAction) -> Option<Name> {
        let begins = self.no_room_for?;
        let name = match action {
            DiskAction::Create { name, .. } | DiskAction::MakeDirectory { name } => name.clone(),
            DiskAction::Write { file, .. } => {
                let inode = self.handles.get(file)?;
                Name::from(self.names.iter().find(|(_, i)| *i == inode)?.0.as_str())
            }
            _ => return None,
        };
        name.as_str().starts_with(begins).then_some(name)
    }

    pub(super) fn read(&self, file: FileId, at: u64, length: u64) -> Bytes {
        let content = &self.contents[&self.handles[&file]];
        let at = content.len().min(at as usize);
        let end = content.len().min(at + length as usize);
        Bytes::copy_from_slice(&content[at..end])
    }

    pub(super) fn range(&self, range: &FileRange) -> Bytes {
        let bytes = self.read(range.file, range.at, range.length);
        assert_eq!(bytes.len() as u64, range.length, "a response points beyond the file: {range:?}");
        bytes
    }

    /// Moves a directory with everything in it to another disk.
    pub(super) fn move_to(&mut self, other: &mut Disk, directory: &str) {
        let prefix = format!("{directory}/");
        let names: Vec<String> = self.names.keys().filter(|n| n.starts_with(&prefix)).cloned().collect();
        for name in names {
            let inode = self.names.remove(&name).expect("it was just listed");
            other.inodes += 1;
            other.contents.insert(other.inodes, self.contents[&inode].clone());
            other.names.insert(name, other.inodes);
        }
        self.directories.remove(directory);
        other.directories.insert(directory.to_owned());
    }

    /// Every file, by name.
    pub(super) fn files(&self) -> Vec<&str> {
        self.names.keys().map(String::as_str).collect()
    }

    /// The bytes of a file.
    pub(super) fn bytes(&self, name: &str) -> &[u8] {
        &self.contents[&self.names[name]]
    }

    /// The same, to be bent.
    pub(super) fn bytes_mut(&mut self, name: &str) -> &mut Vec<u8> {
        self.contents.get_mut(&self.names[name]).expect("a name has a content")
    }

    fn content(&mut self, file: FileId) -> &mut Vec<u8> {
        let inode = self.handles[&file];
        self.contents.get_mut(&inode).expect("a handle has a content")
    }

    fn rename(&mut self, from: &Name, to: &Name) -> DiskResult {
        if let Some(inode) = self.names.remove(from.as_str()) {
            self.names.insert(to.as_str().to_owned(), inode);
            return Ok(DiskDone::Done);
        }
        if !self.directories.contains(from.as_str()) {
            return fail(DiskErrorKind::NotFound, "rename", from);
        }
        if self.names.keys().any(|n| Name::from(n.as_str()).parent() == *to) {
            return fail(DiskErrorKind::Io, "rename", to); // a directory that is not empty
        }
        self.directories.remove(from.as_str());
        self.directories.insert(to.as_str().to_owned());
        let prefix = format!("{from}/");
        let inside: Vec<String> = self.names.keys().filter(|n| n.starts_with(&prefix)).cloned().collect();
        for name in inside {
            let inode = self.names.remove(&name).expect("it was just listed");
            self.names.insert(format!("{to}/{}", &name[prefix.len()..]), inode);
        }
        Ok(DiskDone::Done)
    }

    fn list(&self, name: &Name) -> DiskResult {
        if !name.as_str().is_empty() && !self.directories.contains(name.as_str()) {
            return fail(DiskErrorKind::NotFound, "list", name);
        }
        let within = |n: &str| Name::from(n).parent() == *name && !n.is_empty();
        let files = self.names.iter().filter(|(n, _)| within(n)).map(|(n, inode)| Entry {
            name: Name::from(n.as_str()).file_name().to_owned(),
            directory: false,
            length: self.contents[inode].len() as u64,
            modified_ms: 0,
        });
        let directories = self.directories.iter().filter(|n| within(n)).map(|n| Entry {
            name: Name::from(n.as_str()).file_name().to_owned(),
            directory: true,
            length: 0,
            modified_ms: 0,
        });
        Ok(DiskDone::Listed(files.chain(directories).collect()))
    }
}

fn fail(kind: DiskErrorKind, action: &'static str, name: &Name) -> DiskResult {
    Err(DiskError { kind, action, name: name.clone(), says: format!("{kind:?}") })
}

/// One open file, for work.
pub(super) struct Reader<'a> {
    pub(super) disk: &'a Disk,
    pub(super) file: FileId,
}

impl ReadAt for Reader<'_> {
    fn length(&self) -> u64 {
        self.disk.contents[&self.disk.handles[&self.file]].len() as u64
    }

    fn read_at(&mut self, at: u64, length: u64) -> Result<Bytes, DiskError> {
        Ok(self.disk.read(self.file, at, length))
    }
}
