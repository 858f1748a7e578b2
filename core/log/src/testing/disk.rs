//! A disk in memory without any durability: what is asked for is done.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::disk::{DiskAction, DiskDone, DiskError, DiskErrorKind, DiskResult, Entry, FileId, FileRange, Name};

#[derive(Clone, Debug, Default)]
pub(crate) struct Disk {
    inodes: Vec<Vec<u8>>,
    pub(crate) names: BTreeMap<Name, usize>,
    directories: BTreeMap<Name, ()>,
    handles: BTreeMap<FileId, (usize, Name)>,
    /// At the nth operation of this verb the disk stops, and everything fails from there on.
    stops_at: Option<(&'static str, usize)>,
    stopped: bool,
    /// The next operation of this verb on a name that contains this fails so.
    pub(crate) fail: Vec<(&'static str, &'static str, DiskErrorKind)>,
    /// A failure is part of the test.
    pub(crate) fail_expected: bool,
}

impl Disk {
    /// The process that had files open is gone.
    pub(crate) fn let_go(&mut self) {
        self.handles.clear();
    }

    pub(crate) fn apply(&mut self, action: &DiskAction, wall_ms: i64) -> DiskResult {
        let name = self.name_of(action);
        if self.stops(action.verb()) {
            return Err(error(DiskErrorKind::Io, action, name));
        }
        if let Some(i) = self.fail.iter().position(|(verb, part, _)| *verb == action.verb() && name.as_str().contains(part)) {
            let (_, _, kind) = self.fail.remove(i);
            return Err(error(kind, action, name));
        }
        self.carry_out(action, wall_ms).map_err(|kind| error(kind, action, name))
    }

    fn stops(&mut self, verb: &str) -> bool {
        if let Some((at, left)) = &mut self.stops_at
            && *at == verb
        {
            self.stopped |= *left == 0;
            *left = left.saturating_sub(1);
        }
        self.stopped
    }

    /// Lets the disk stop at the nth operation of this verb, from 0.
    pub(crate) fn stop_at(&mut self, verb: &'static str, nth: usize) {
        self.stops_at = Some((verb, nth));
    }

    /// The disk is as it was left, and goes on.
    pub(crate) fn go_on(&mut self) {
        (self.stops_at, self.stopped) = (None, false);
    }

    /// Makes a file, and the directory it lies in.
    pub(crate) fn put(&mut self, name: &str, bytes: &[u8]) {
        let name = Name::from(name);
        if !name.parent().as_str().is_empty() {
            self.directories.insert(name.parent(), ());
        }
        self.inodes.push(bytes.to_vec());
        self.names.insert(name, self.inodes.len() - 1);
    }

    /// Removes a file.
    pub(crate) fn take(&mut self, name: &str) {
        self.names.remove(&Name::from(name));
    }

    /// Every file and its content, and every directory.
    pub(crate) fn everything(&self) -> Vec<(String, Option<Vec<u8>>)> {
        let files = self.names.iter().map(|(n, inode)| (n.to_string(), Some(self.inodes[*inode].clone())));
        files.chain(self.directories.keys().map(|n| (n.to_string(), None))).collect()
    }

    fn carry_out(&mut self, action: &DiskAction, wall_ms: i64) -> Result<DiskDone, DiskErrorKind> {
        match action {
            DiskAction::Create { file, name, length } => {
                if self.names.contains_key(name) {
                    return Err(DiskErrorKind::Exists);
                }
                if !name.parent().as_str().is_empty() && !self.directories.contains_key(&name.parent()) {
                    return Err(DiskErrorKind::NotFound);
                }
                self.inodes.push(vec![0; *length as usize]);
                self.names.insert(name.clone(), self.inodes.len() - 1);
                self.handles.insert(*file, (self.inodes.len() - 1, name.clone()));
            }
            DiskAction::Open { file, name } => {
                let inode = *self.names.get(name).ok_or(DiskErrorKind::NotFound)?;
                self.handles.insert(*file, (inode, name.clone()));
                return Ok(DiskDone::Opened { length: self.inodes[inode].len() as u64 });
            }
            // The bytes stay readable through ranges that were handed out.
            DiskAction::Close { file } => drop(self.inode(*file)?),
            DiskAction::Write { file, at, parts } => {
                let inode = self.inode(*file)?;
                let (bytes, at) = (parts.concat(), *at as usize);
                let content = &mut self.inodes[inode];
                content.resize(content.len().max(at + bytes.len()), 0);
                content[at..at + bytes.len()].copy_from_slice(&bytes);
            }
            DiskAction::Read { file, at, length } => {
                let inode = self.inode(*file)?;
                let content = &self.inodes[inode];
                let from = (*at as usize).min(content.len());
                let until = (*at + *length).min(content.len() as u64) as usize;
                return Ok(DiskDone::Read(Bytes::copy_from_slice(&content[from..until])));
            }
            DiskAction::Sync { file } => drop(self.inode(*file)?),
            DiskAction::Truncate { file, length } => {
                let inode = self.inode(*file)?;
                self.inodes[inode].resize(*length as usize, 0);
            }
            DiskAction::Rename { from, to } => self.rename(from, to)?,
            DiskAction::Remove { name } => {
                if self.names.remove(name).is_none() && self.directories.remove(name).is_none() {
                    return Err(DiskErrorKind::NotFound);
                }
            }
            DiskAction::MakeDirectory { name } => {
                if self.directories.insert(name.clone(), ()).is_some() {
                    return Err(DiskErrorKind::Exists);
                }
            }
            DiskAction::SyncDirectory { name } => {
                if !name.as_str().is_empty() && !self.directories.contains_key(name) {
                    return Err(DiskErrorKind::NotFound);
                }
            }
            DiskAction::List { name } => {
                if !name.as_str().is_empty() && !self.directories.contains_key(name) {
                    return Err(DiskErrorKind::NotFound);
                }
                let inside = self.names.iter().filter(|(n, _)| n.parent() == *name);
                let below = self.directories.keys().filter(|n| n.parent() == *name && !n.as_str().is_empty());
                let directory = |n: &Name| Entry { name: n.file_name().to_owned(), directory: true, length: 0, modified_ms: wall_ms };
                let entry = |(n, inode): (&Name, &usize)| Entry {
                    name: n.file_name().to_owned(),
                    directory: false,
                    length: self.inodes[*inode].len() as u64,
                    modified_ms: wall_ms,
                };
                return Ok(DiskDone::Listed(inside.map(entry).chain(below.map(directory)).collect()));
            }
            DiskAction::FreeSpace => return Ok(DiskDone::Free(1 << 40)),
            DiskAction::Lock { .. } | DiskAction::Unlock { .. } => {}
        }
        Ok(DiskDone::Done)
    }

    fn rename(&mut self, from: &Name, to: &Name) -> Result<(), DiskErrorKind> {
        if self.directories.remove(from).is_some() {
            self.directories.insert(to.clone(), ());
            let inside: Vec<_> = self.names.keys().filter(|n| n.parent() == *from).cloned().collect();
            for name in inside {
                let inode = self.names.remove(&name).expect("it was listed");
                self.names.insert(to.join(name.file_name()), inode);
            }
            return Ok(());
        }
        let inode = self.names.remove(from).ok_or(DiskErrorKind::NotFound)?;
        for (_, name) in self.handles.values_mut().filter(|(_, name)| name == from) {
            *name = to.clone();
        }
        self.names.insert(to.clone(), inode);
        Ok(())
    }

    fn inode(&self, file: FileId) -> Result<usize, DiskErrorKind> {
        self.handles.get(&file).map(|(inode, _)| *inode).ok_or(DiskErrorKind::Io)
    }

    /// The name under which an operation is known: of its file where it has a handle.
    pub(crate) fn name_of(&self, action: &DiskAction) -> Name {
        match action {
            DiskAction::Create { name, .. }
            | DiskAction::Open { name, .. }
            | DiskAction::Remove { name }
            | DiskAction::MakeDirectory { name }
            | DiskAction::SyncDirectory { name }
            | DiskAction::List { name }
            | DiskAction::Lock { name }
            | DiskAction::Unlock { name } => name.clone(),
            DiskAction::Rename { from, .. } => from.clone(),
            DiskAction::FreeSpace => Name::root(),
            other => other.file().and_then(|f| self.handles.get(&f)).map_or_else(Name::root, |(_, name)| name.clone()),
        }
    }

    pub(crate) fn bytes_of(&self, file: FileId) -> Vec<u8> {
        self.handles.get(&file).map(|(inode, _)| self.inodes[*inode].clone()).unwrap_or_default()
    }

    /// The content of a named file.
    pub(crate) fn content(&self, name: &str) -> Option<&[u8]> {
        self.names.get(&Name::from(name)).map(|inode| &self.inodes[*inode][..])
    }

    pub(crate) fn range(&self, range: &FileRange) -> Vec<u8> {
        let bytes = self.bytes_of(range.file);
        bytes[range.at as usize..(range.at + range.length) as usize].to_vec()
    }

    /// Every name in a directory, by name.
    pub(crate) fn list(&self, dir: &str) -> Vec<String> {
        self.names.keys().filter(|n| n.parent().as_str() == dir).map(|n| n.file_name().to_owned()).collect()
    }
}

fn error(kind: DiskErrorKind, action: &DiskAction, name: Name) -> DiskError {
    DiskError { kind, action: action.verb(), name, says: format!("{kind:?}") }
}
