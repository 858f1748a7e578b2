//! A disk in memory: what is asked for is done, and what was not synced may be taken back by [`Disk::cut_power`].

use std::collections::BTreeMap;

use bytes::Bytes;
use odradek_machine::Seed;

use super::tree::{Change, Tree};
use crate::disk::{DiskAction, DiskDone, DiskError, DiskErrorKind, DiskResult, Entry, FileId, FileRange, Name};

#[derive(Clone, Debug, Default)]
pub(crate) struct Disk {
    inodes: Vec<Vec<u8>>,
    /// What a sync left of each.
    synced: BTreeMap<usize, Vec<u8>>,
    pub(crate) tree: Tree,
    durable: Tree,
    /// Changes of names that no sync of their directory followed, oldest first.
    changes: Vec<Change>,
    handles: BTreeMap<FileId, (usize, Name)>,
    /// The bytes stay readable through ranges that were handed out.
    closed: BTreeMap<FileId, usize>,
    /// At the nth operation of this verb the disk stops, and everything fails from there on.
    stops_at: Option<(&'static str, usize)>,
    stopped: bool,
    /// The next operation of this verb on a name that contains this fails so.
    pub(crate) fail: Vec<(&'static str, &'static str, DiskErrorKind)>,
    /// The next reading of a file with this name gives zeros in its place.
    pub(crate) misread: Option<&'static str>,
    /// A failure is part of the test.
    pub(crate) fail_expected: bool,
    /// A file was damaged by the test, so that a simple reader stumbles.
    pub(crate) damaged: bool,
}

impl Disk {
    /// The process that had files open is gone.
    pub(crate) fn let_go(&mut self) {
        self.handles.clear();
        self.closed.clear();
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

    /// What a reading of a file shall come to, if it shall fail.
    pub(crate) fn fails(&mut self, verb: &'static str, name: &str) -> Option<DiskError> {
        let i = self.fail.iter().position(|(v, part, _)| *v == verb && name.contains(part))?;
        let (_, _, kind) = self.fail.remove(i);
        Some(DiskError { kind, action: verb, name: Name::from(name), says: format!("{kind:?}") })
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
            self.change(Change::Directory(name.parent()));
        }
        self.make(name, bytes.to_vec());
    }

    /// Lets a file that is there hold something else, under every handle.
    pub(crate) fn damage(&mut self, name: &str, bytes: &[u8]) {
        self.damaged = true;
        let inode = self.tree.files[&Name::from(name)];
        self.inodes[inode] = bytes.to_vec();
    }

    /// The names of the files that are open.
    pub(crate) fn open_files(&self) -> Vec<String> {
        self.handles.values().map(|(_, name)| name.to_string()).collect()
    }

    /// Removes a file.
    pub(crate) fn take(&mut self, name: &str) {
        self.change(Change::Remove(name.into()));
    }

    /// Every file and its content, and every directory.
    pub(crate) fn everything(&self) -> Vec<(String, Option<Vec<u8>>)> {
        let files = self.tree.files.iter().map(|(n, inode)| (n.to_string(), Some(self.inodes[*inode].clone())));
        files.chain(self.tree.directories.keys().map(|n| (n.to_string(), None))).collect()
    }

    /// Everything that was not synced is kept or taken back, as is drawn: of names the newest changes, of bytes any.
    pub(crate) fn cut_power(&mut self, seed: Seed) {
        self.let_go();
        let kept = seed.named("names").below(self.changes.len() as u64 + 1) as usize;
        for change in self.changes.drain(..).take(kept) {
            self.durable.apply(&change);
        }
        self.durable.prune();
        self.tree = self.durable.clone();
        for (i, inode) in self.inodes.iter_mut().enumerate() {
            let before = self.synced.get(&i).map_or(&[][..], Vec::as_slice);
            *inode = torn(before, inode, seed.number(i as u64));
            self.synced.insert(i, inode.clone());
        }
    }

    fn change(&mut self, change: Change) {
        self.tree.apply(&change);
        self.changes.push(change);
    }

    fn make(&mut self, name: Name, bytes: Vec<u8>) -> usize {
        self.inodes.push(bytes);
        let inode = self.inodes.len() - 1;
        self.change(Change::File(name, inode));
        inode
    }

    fn sync_directory(&mut self, name: &Name) {
        let changes = std::mem::take(&mut self.changes);
        let (synced, left): (Vec<_>, Vec<_>) = changes.into_iter().partition(|c| c.directory() == *name);
        self.changes = left;
        for change in synced {
            self.durable.apply(&change);
        }
    }

    fn carry_out(&mut self, action: &DiskAction, wall_ms: i64) -> Result<DiskDone, DiskErrorKind> {
        match action {
            DiskAction::Create { file, name, length } => {
                if self.tree.files.contains_key(name) {
                    return Err(DiskErrorKind::Exists);
                }
                if !self.tree.has_directory(&name.parent()) {
                    return Err(DiskErrorKind::NotFound);
                }
                let inode = self.make(name.clone(), vec![0; *length as usize]);
                self.handles.insert(*file, (inode, name.clone()));
            }
            DiskAction::Open { file, name } => {
                let inode = *self.tree.files.get(name).ok_or(DiskErrorKind::NotFound)?;
                self.handles.insert(*file, (inode, name.clone()));
                return Ok(DiskDone::Opened { length: self.inodes[inode].len() as u64 });
            }
            DiskAction::Close { file } => {
                let handle = self.handles.remove(file).ok_or(DiskErrorKind::Io)?;
                self.closed.insert(*file, handle.0);
            }
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
                if self.misread.is_some_and(|name| self.handles[file].1.as_str() == name) {
                    self.misread = None;
                    return Ok(DiskDone::Read(vec![0; content.len()].into()));
                }
                let from = (*at as usize).min(content.len());
                let until = (*at + *length).min(content.len() as u64) as usize;
                return Ok(DiskDone::Read(Bytes::copy_from_slice(&content[from..until])));
            }
            DiskAction::Sync { file } => {
                let inode = self.inode(*file)?;
                self.synced.insert(inode, self.inodes[inode].clone());
            }
            DiskAction::Truncate { file, length } => {
                let inode = self.inode(*file)?;
                self.inodes[inode].resize(*length as usize, 0);
            }
            DiskAction::Rename { from, to } => self.rename(from, to)?,
            DiskAction::Remove { name } => {
                if !self.tree.files.contains_key(name) && !self.tree.directories.contains_key(name) {
                    return Err(DiskErrorKind::NotFound);
                }
                self.change(Change::Remove(name.clone()));
            }
            DiskAction::MakeDirectory { name } => {
                if self.tree.directories.contains_key(name) {
                    return Err(DiskErrorKind::Exists);
                }
                self.change(Change::Directory(name.clone()));
            }
            DiskAction::SyncDirectory { name } => {
                if !self.tree.has_directory(name) {
                    return Err(DiskErrorKind::NotFound);
                }
                self.sync_directory(name);
            }
            DiskAction::List { name } => {
                if !self.tree.has_directory(name) {
                    return Err(DiskErrorKind::NotFound);
                }
                let inside = self.tree.files.iter().filter(|(n, _)| n.parent() == *name);
                let below = self.tree.directories.keys().filter(|n| n.parent() == *name && !n.as_str().is_empty());
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
        if !self.tree.directories.contains_key(from) && !self.tree.files.contains_key(from) {
            return Err(DiskErrorKind::NotFound);
        }
        for (_, name) in self.handles.values_mut().filter(|(_, name)| name == from) {
            *name = to.clone();
        }
        self.change(Change::Rename(from.clone(), to.clone()));
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
        let inode = self.handles.get(&file).map(|(inode, _)| inode).or_else(|| self.closed.get(&file));
        inode.map(|inode| self.inodes[*inode].clone()).unwrap_or_default()
    }

    /// The content of a named file.
    pub(crate) fn content(&self, name: &str) -> Option<&[u8]> {
        self.tree.files.get(&Name::from(name)).map(|inode| &self.inodes[*inode][..])
    }

    pub(crate) fn range(&self, range: &FileRange) -> Vec<u8> {
        let bytes = self.bytes_of(range.file);
        bytes[range.at as usize..(range.at + range.length) as usize].to_vec()
    }

    /// Every name in a directory, by name.
    pub(crate) fn list(&self, dir: &str) -> Vec<String> {
        self.tree.files.keys().filter(|n| n.parent().as_str() == dir).map(|n| n.file_name().to_owned()).collect()
    }
}

/// What a power cut leaves of a file: any pieces of what was written since the last sync, any length between.
fn torn(before: &[u8], after: &[u8], seed: Seed) -> Vec<u8> {
    /// Smaller than a sector, so that even short files tear.
    const PIECE: usize = 64;
    if before == after {
        return before.to_vec();
    }
    let (least, most) = (before.len().min(after.len()), before.len().max(after.len()));
    let length = least + seed.named("length").below((most - least) as u64 + 1) as usize;
    let mut left = before.to_vec();
    left.resize(length, 0);
    for (i, piece) in after[..length.min(after.len())].chunks(PIECE).enumerate() {
        if seed.named("piece").number(i as u64).below(2) == 1 {
            left[i * PIECE..i * PIECE + piece.len()].copy_from_slice(piece);
        }
    }
    left
}

fn error(kind: DiskErrorKind, action: &DiskAction, name: Name) -> DiskError {
    DiskError { kind, action: action.verb(), name, says: format!("{kind:?}") }
}
