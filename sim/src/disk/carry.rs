//! Carrying out one operation on the state of a disk, at one moment.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use odradek_log::disk::{DiskAction, DiskDone, DiskError, DiskErrorKind, DiskResult, Entry, FileId, Name};
use odradek_machine::{Seed, WallMs};

use super::contents::{Contents, PAGE_BYTES};
use super::medium::Stray;
use super::trouble::{Armed, refuse, spoils};
use super::{Disk, Handle, Inode};

/// When and how an operation is carried out.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// The node's wall clock, for the time of last change.
    pub wall: WallMs,
    /// What the operation draws from.
    pub draw: Seed,
    /// Changes of the directory that had completed when the operation was submitted: [`Disk::changes`] at that time.
    pub covers: u64,
}

/// Bytes of a disk that nothing limits, as [`DiskAction::FreeSpace`] tells them.
const FREE_BYTES: u64 = 1 << 40;

impl Disk {
    /// Carries out one operation.
    ///
    /// # Errors
    /// As a file system would, or because of a trouble that the world armed.
    pub fn carry_out(&mut self, action: &DiskAction, moment: Moment) -> DiskResult {
        match action {
            DiskAction::Create { file, name, length } => self.create(*file, name, *length, moment),
            DiskAction::Open { file, name } => self.open(*file, name),
            DiskAction::Close { file } => self.close(*file),
            DiskAction::Write { file, at, parts } => self.write(*file, *at, parts, moment),
            DiskAction::Read { file, at, length } => self.read(*file, *at, *length, moment),
            DiskAction::Sync { file } => self.sync(*file, moment),
            DiskAction::Truncate { file, length } => self.truncate(*file, *length, moment),
            DiskAction::Rename { from, to } => self.rename(from, to),
            DiskAction::Remove { name } => self.remove(name),
            DiskAction::MakeDirectory { name } => self.make_directory(name, moment),
            DiskAction::SyncDirectory { name } => self.sync_directory(name, moment),
            DiskAction::List { name } => self.list(name),
            DiskAction::FreeSpace => Ok(DiskDone::Free(self.free())),
            DiskAction::Lock { name } => self.lock(name, moment),
            DiskAction::Unlock { name } => self.unlock(name),
        }
    }

    /// The process dies while this operation is under way: of a write any whole pages from its beginning may be done, anything else is done or not.
    pub fn carry_out_partly(&mut self, action: &DiskAction, moment: Moment) {
        if let DiskAction::Write { file, at, parts } = action {
            let all: u64 = parts.iter().map(|part| part.len() as u64).sum();
            let pages = moment.draw.named("pages").below(all.div_ceil(PAGE_BYTES) + 1);
            let done = (pages * PAGE_BYTES).saturating_sub(at % PAGE_BYTES).min(all);
            self.write_first(*file, *at, parts, done, moment);
        } else if moment.draw.named("died").one_in(2) {
            drop(self.carry_out(action, moment)); // nobody hears of the outcome
        }
    }

    fn create(&mut self, file: FileId, name: &Name, length: u64, moment: Moment) -> DiskResult {
        self.check_names("create", name)?;
        if self.tree.find(name).is_some() {
            return Err(refuse("create", name, DiskErrorKind::Exists, "File exists"));
        }
        let place = self.tree.place(name).ok_or_else(|| not_found("create", name))?;
        let inode = self.mint(Some(Contents::zeros(length)), moment.wall);
        self.tree.change(vec![(place, Some(inode))]);
        self.hold(file, inode, name);
        Ok(DiskDone::Done)
    }

    fn open(&mut self, file: FileId, name: &Name) -> DiskResult {
        let inode = self.tree.find(name).ok_or_else(|| not_found("open", name))?;
        let length = self.contents(inode).ok_or_else(|| refuse("open", name, DiskErrorKind::Io, "Is a directory"))?.length();
        self.hold(file, inode, name);
        Ok(DiskDone::Opened { length })
    }

    fn hold(&mut self, file: FileId, inode: Inode, name: &Name) {
        let before = self.handles.insert(file, Handle { inode, name: name.clone() });
        assert!(before.is_none(), "the handle {file:?} is in use already");
        self.nodes.get_mut(&inode).expect("what is found exists").pins += 1;
    }

    fn close(&mut self, file: FileId) -> DiskResult {
        let (inode, _) = self.handle("close", file)?;
        self.handles.remove(&file);
        self.unpin(inode);
        Ok(DiskDone::Done)
    }

    fn write(&mut self, file: FileId, at: u64, parts: &[Bytes], moment: Moment) -> DiskResult {
        let (inode, name) = self.handle("write", file)?;
        let all = parts.iter().map(|part| part.len() as u64).sum();
        if spoils(&mut self.troubles.write_fails, &mut self.troubles.touched, &name) {
            self.write_first(file, at, parts, moment.draw.named("done").below(all + 1), moment);
            return Err(refuse("write", &name, DiskErrorKind::Io, "Input/output error"));
        }
        if self.contents(inode).is_some_and(|contents| !contents.is_writable(at, all)) {
            return Err(refuse("write", &name, DiskErrorKind::Io, "Input/output error"));
        }
        let room = self.room_for(inode, at, all);
        self.write_first(file, at, parts, room, moment);
        if room < all {
            return Err(refuse("write", &name, DiskErrorKind::Full, "No space left on device"));
        }
        Ok(DiskDone::Done)
    }

    fn write_first(&mut self, file: FileId, at: u64, parts: &[Bytes], first: u64, moment: Moment) {
        let Some(node) = self.handles.get(&file).and_then(|handle| self.nodes.get_mut(&handle.inode)) else { return };
        let Some(contents) = node.contents.as_mut() else { return };
        let mut done = 0;
        for (nth, part) in parts.iter().enumerate() {
            let length = (part.len() as u64).min(first - done);
            contents.write(at + done, &part[..length as usize], moment.draw.number(nth as u64));
            done += length;
        }
        node.modified_ms = moment.wall.0;
    }

    /// How many of these bytes fit; counts the fault that leaves too little room.
    fn room_for(&mut self, inode: Inode, at: u64, bytes: u64) -> u64 {
        let Some(limit) = self.troubles.full else { return bytes };
        let taken = self.pages();
        let length = self.contents(inode).map_or(0, Contents::length);
        let own = length.div_ceil(PAGE_BYTES) * PAGE_BYTES;
        let room = (own + limit.pages_max.saturating_sub(taken) * PAGE_BYTES).saturating_sub(at);
        if room < bytes {
            self.troubles.touched.push(limit.by);
        }
        bytes.min(room)
    }

    fn read(&mut self, file: FileId, at: u64, length: u64, moment: Moment) -> DiskResult {
        let (inode, name) = self.handle("read", file)?;
        self.read_inode(inode, &name, at, length, moment.draw).map(DiskDone::Read)
    }

    /// Reads as a process does: what is wrong with the disk or its medium shows.
    pub(super) fn read_inode(&mut self, inode: Inode, name: &Name, at: u64, length: u64, draw: Seed) -> Result<Bytes, DiskError> {
        let troubles = &mut self.troubles;
        let spoilt = spoils(&mut troubles.read_fails, &mut troubles.touched, name);
        let contents = self.contents(inode).ok_or_else(|| not_found("read", name))?;
        if spoilt || !contents.is_readable(at, length) {
            return Err(refuse("read", name, DiskErrorKind::Io, "Input/output error"));
        }
        let range = at..at.saturating_add(length).min(contents.length());
        let bytes = contents.read(at, length);
        Ok(self.misdirected(inode, name, &range, draw).unwrap_or(bytes))
    }

    /// What is read from another place, where a fault says so and there is one.
    fn misdirected(&mut self, inode: Inode, name: &Name, range: &Range<u64>, draw: Seed) -> Option<Bytes> {
        let fault = self.troubles.misdirects_reads.clone().filter(|fault| fault.means(name) && !range.is_empty())?;
        let read = self.read_astray(fault.by, inode, name, range, fault.file.as_deref(), draw.named("astray"))?;
        spoils(&mut self.troubles.misdirects_reads, &mut self.troubles.touched, name);
        Some(read)
    }

    fn sync(&mut self, file: FileId, moment: Moment) -> DiskResult {
        let (inode, name) = self.handle("sync", file)?;
        if self.contents(inode).is_none() {
            return Ok(DiskDone::Done);
        }
        if spoils(&mut self.troubles.sync_fails, &mut self.troubles.touched, &name) {
            self.nodes
                .get_mut(&inode)
                .and_then(|node| node.contents.as_mut())
                .expect("looked at above")
                .fail_sync(moment.draw.named("reached"));
            return Err(refuse("sync", &name, DiskErrorKind::Io, "Input/output error"));
        }
        if spoils(&mut self.troubles.sync_lies, &mut self.troubles.touched, &name) {
            return Ok(DiskDone::Done);
        }
        match self.stray(inode, &name) {
            Some((by, stray, end)) => self.sync_astray(by, inode, &name, stray, end.as_deref(), moment.draw.named("astray")),
            None => self.nodes.get_mut(&inode).and_then(|node| node.contents.as_mut()).expect("looked at above").sync(),
        }
        Ok(DiskDone::Done)
    }

    /// The fault that leads a page of this sync astray, if there is a page that it could.
    fn stray(&mut self, inode: Inode, name: &Name) -> Option<(usize, Stray, Option<Arc<str>>)> {
        if self.contents(inode)?.dirty_pages().is_empty() {
            return None;
        }
        let lost = self.troubles.loses_writes.clone().filter(|fault| fault.means(name));
        if let Some(Armed { by, file, .. }) = lost {
            spoils(&mut self.troubles.loses_writes, &mut self.troubles.touched, name);
            return Some((by, Stray::Lost, file));
        }
        let Armed { by, file, .. } = self.troubles.misdirects_writes.clone().filter(|fault| fault.means(name))?;
        if !self.has_other_places(file.as_deref()) {
            return None;
        }
        spoils(&mut self.troubles.misdirects_writes, &mut self.troubles.touched, name);
        Some((by, Stray::Misdirected, file))
    }

    fn truncate(&mut self, file: FileId, length: u64, moment: Moment) -> DiskResult {
        let (inode, name) = self.handle("truncate", file)?;
        let node = self.nodes.get_mut(&inode).expect("a handle keeps its file");
        node.modified_ms = moment.wall.0;
        node.contents.as_mut().ok_or_else(|| not_found("truncate", &name))?.truncate(length);
        Ok(DiskDone::Done)
    }

    fn rename(&mut self, from: &Name, to: &Name) -> DiskResult {
        self.check_names("rename", to)?;
        let inode = self.tree.find(from).ok_or_else(|| not_found("rename", from))?;
        if let Some(there) = self.tree.find(to) {
            if self.contents(there).is_none() && self.tree.list(there).next().is_some() {
                return Err(refuse("rename", to, DiskErrorKind::Io, "Directory not empty"));
            }
            if self.contents(there).is_none() != self.contents(inode).is_none() {
                return Err(refuse("rename", to, DiskErrorKind::Io, "Not the same kind of file"));
            }
        }
        let source = self.tree.place(from).ok_or_else(|| not_found("rename", from))?;
        let target = self.tree.place(to).ok_or_else(|| not_found("rename", to))?;
        if source != target {
            self.tree.change(vec![(source, None), (target, Some(inode))]);
        }
        Ok(DiskDone::Done)
    }

    fn remove(&mut self, name: &Name) -> DiskResult {
        self.check_names("remove", name)?;
        let inode = self.tree.find(name).ok_or_else(|| not_found("remove", name))?;
        if self.contents(inode).is_none() && self.tree.list(inode).next().is_some() {
            return Err(refuse("remove", name, DiskErrorKind::Io, "Directory not empty"));
        }
        let place = self.tree.place(name).ok_or_else(|| not_found("remove", name))?;
        self.tree.change(vec![(place, None)]);
        Ok(DiskDone::Done)
    }

    fn make_directory(&mut self, name: &Name, moment: Moment) -> DiskResult {
        self.check_names("mkdir", name)?;
        if self.tree.find(name).is_some() {
            return Err(refuse("mkdir", name, DiskErrorKind::Exists, "File exists"));
        }
        let place = self.tree.place(name).ok_or_else(|| not_found("mkdir", name))?;
        let inode = self.mint(None, moment.wall);
        self.tree.change(vec![(place, Some(inode))]);
        Ok(DiskDone::Done)
    }

    fn sync_directory(&mut self, name: &Name, moment: Moment) -> DiskResult {
        let inode = self.tree.find(name).ok_or_else(|| not_found("syncdir", name))?;
        if spoils(&mut self.troubles.sync_fails, &mut self.troubles.touched, name) {
            return Err(refuse("syncdir", name, DiskErrorKind::Io, "Input/output error"));
        }
        if !spoils(&mut self.troubles.sync_lies, &mut self.troubles.touched, name) {
            self.tree.sync(inode, moment.covers, moment.draw);
            self.collect();
        }
        Ok(DiskDone::Done)
    }

    fn list(&self, name: &Name) -> DiskResult {
        let inode = self.tree.find(name).ok_or_else(|| not_found("list", name))?;
        let entry = |(name, inode): (&Arc<str>, Inode)| {
            let node = &self.nodes[&inode];
            let length = node.contents.as_ref().map_or(0, Contents::length);
            Entry { name: name.to_string(), directory: node.contents.is_none(), length, modified_ms: node.modified_ms }
        };
        Ok(DiskDone::Listed(self.tree.list(inode).map(entry).collect()))
    }

    fn free(&self) -> u64 {
        let taken = self.pages();
        match self.troubles.full {
            Some(limit) => limit.pages_max.saturating_sub(taken) * PAGE_BYTES,
            None => FREE_BYTES.saturating_sub(taken * PAGE_BYTES),
        }
    }

    fn lock(&mut self, name: &Name, moment: Moment) -> DiskResult {
        if self.locked || spoils(&mut self.troubles.locked, &mut self.troubles.touched, name) {
            return Err(refuse("lock", name, DiskErrorKind::Locked, "Resource temporarily unavailable"));
        }
        if self.tree.find(name).is_none() {
            let place = self.tree.place(name).ok_or_else(|| not_found("lock", name))?;
            let inode = self.mint(Some(Contents::default()), moment.wall);
            self.tree.change(vec![(place, Some(inode))]);
        }
        self.locked = true;
        Ok(DiskDone::Done)
    }

    fn unlock(&mut self, name: &Name) -> DiskResult {
        self.locked = false;
        self.remove(name)
    }

    fn check_names(&mut self, action: &'static str, name: &Name) -> Result<(), DiskError> {
        if spoils(&mut self.troubles.name_fails, &mut self.troubles.touched, name) {
            return Err(refuse(action, name, DiskErrorKind::Io, "Input/output error"));
        }
        Ok(())
    }

    /// The file behind a handle, and a name for messages.
    fn handle(&self, action: &'static str, file: FileId) -> Result<(Inode, Name), DiskError> {
        let handle = self.handles.get(&file);
        let handle = handle.ok_or_else(|| refuse(action, &Name::root(), DiskErrorKind::Io, "Bad file descriptor"))?;
        Ok((handle.inode, handle.name.clone()))
    }
}

fn not_found(action: &'static str, name: &Name) -> DiskError {
    refuse(action, name, DiskErrorKind::NotFound, "No such file or directory")
}
