//! A disk that breaks as disks do: for each sector the durable bytes, the cached bytes and whether it is dirty; and a journal of directory entries.
//!
//! A *kill* keeps the cache. A *power cut* keeps any legal subset of the dirty sectors, also within one file and in any order, and each change of
//! the directory by itself, as long as changes of one entry survive in their order (a rename is old or new, never neither).
//! Here is the state alone; when an operation is carried out, and in which order, is [`queue`]'s.

mod carry;
mod contents;
mod cut;
mod medium;
pub mod queue;
mod tree;
mod trouble;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use odradek_log::disk::{DiskError, FileId, Name};
use odradek_log::work::ReadAt;
use odradek_machine::{Seed, WallMs};

pub use carry::Moment;
pub use contents::{PAGE_BYTES, SECTOR_BYTES};
pub use cut::Survival;
pub use medium::Destroyed;
pub use tree::Inode;
pub use trouble::{Armed, Limit, NextCut, Troubles};

use contents::Contents;
use tree::Tree;

/// One log directory of one node, a file system of its own.
#[derive(Clone, Debug)]
pub struct Disk {
    tree: Tree,
    nodes: BTreeMap<Inode, Node>,
    handles: BTreeMap<FileId, Handle>,
    /// True while this node's process holds the lock file.
    locked: bool,
    next: u32,
    /// What is wrong with it.
    pub troubles: Troubles,
}

/// An open file: it stays the same file when its name changes.
#[derive(Clone, Debug)]
struct Handle {
    inode: Inode,
    /// The name at the time of opening, for messages.
    name: Name,
}

#[derive(Clone, Debug)]
struct Node {
    /// `None` for a directory.
    contents: Option<Contents>,
    modified_ms: i64,
    /// Handles and streams that keep it although its name may be gone.
    pins: u32,
}

/// What a power cut took from a disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// Dirty sectors that went back to their old bytes.
    pub sectors: u64,
    /// Bytes by which files are shorter.
    pub bytes: u64,
    /// Directory changes undone.
    pub changes: u64,
}

impl Lost {
    /// True if the cut left everything as it was.
    pub const fn is_nothing(&self) -> bool {
        self.sectors == 0 && self.bytes == 0 && self.changes == 0
    }
}

impl Default for Disk {
    fn default() -> Disk {
        Disk::new()
    }
}

impl Disk {
    /// An empty disk.
    pub fn new() -> Disk {
        let root = Node { contents: None, modified_ms: 0, pins: 0 };
        Disk {
            tree: Tree::default(),
            nodes: BTreeMap::from([(Inode::ROOT, root)]),
            handles: BTreeMap::new(),
            locked: false,
            next: 1,
            troubles: Troubles::default(),
        }
    }

    /// Puts a file there, durable with its name and the directories above it: how an image is given.
    pub fn place(&mut self, name: &Name, bytes: &[u8], wall: WallMs) {
        let mut above = Name::root();
        for part in name.parent().as_str().split('/').filter(|part| !part.is_empty()) {
            above = above.join(part);
            if self.tree.find(&above).is_none() {
                self.put(&above, None, wall);
            }
        }
        self.put(name, Some(Contents::durable(bytes)), wall);
    }

    fn put(&mut self, name: &Name, contents: Option<Contents>, wall: WallMs) {
        let place = self.tree.place(name).expect("the directories above were just made");
        let inode = self.mint(contents, wall);
        let directory = place.0;
        self.tree.change(vec![(place, Some(inode))]);
        self.tree.sync(directory, u64::MAX, Seed(0));
    }

    /// How many changes of the directory there have been: what a directory sync that is submitted at this moment covers.
    pub const fn changes(&self) -> u64 {
        self.tree.changes()
    }

    /// The file behind a handle, kept readable for a stream until [`Disk::unpin`], whatever becomes of its name and handle.
    pub fn pin(&mut self, file: FileId) -> Option<Inode> {
        let inode = self.handles.get(&file)?.inode;
        self.nodes.get_mut(&inode)?.pins += 1;
        Some(inode)
    }

    /// Lets go what [`Disk::pin`] kept.
    pub fn unpin(&mut self, inode: Inode) {
        let node = self.nodes.get_mut(&inode).expect("what is pinned is kept");
        node.pins = node.pins.checked_sub(1).expect("each pin is let go once");
    }

    /// The bytes of a pinned file, as the cache has them at this moment; fewer only at its end. `None` if a sector of them cannot be read.
    pub fn read_pinned(&self, inode: Inode, at: u64, length: u64) -> Option<Bytes> {
        let Some(contents) = self.contents(inode) else { return Some(Bytes::new()) };
        contents.is_readable(at, length).then(|| contents.read(at, length))
    }

    /// What an open file was called when it was opened.
    pub fn name_of(&self, file: FileId) -> Option<&Name> {
        self.handles.get(&file).map(|handle| &handle.name)
    }

    /// The length of an open file.
    pub fn length_of(&self, file: FileId) -> Option<u64> {
        self.contents(self.handles.get(&file)?.inode).map(Contents::length)
    }

    /// An open file as a unit of work reads it; `draw` is what its readings draw from.
    pub const fn reader(&mut self, file: FileId, length: u64, draw: Seed) -> DiskReader<'_> {
        DiskReader { disk: self, file, length, draw, reads: 0 }
    }

    /// The process is gone: handles and locks with it, nothing else.
    pub fn kill(&mut self) {
        for handle in std::mem::take(&mut self.handles).into_values() {
            self.unpin(handle.inode);
        }
        self.locked = false;
    }

    /// Power goes. Streams must have let go of their files.
    pub fn power_cut(&mut self, draw: Seed) -> Lost {
        self.power_cut_as(None, draw)
    }

    /// Power goes, and every file and the directory lose after the same fashion; `None` draws one for each.
    pub fn power_cut_as(&mut self, survival: Option<Survival>, draw: Seed) -> Lost {
        self.kill();
        let armed = std::mem::take(&mut self.troubles.next_cut);
        if let Some(armed) = armed {
            self.troubles.touched.push(armed.by);
        }
        let fashion = |draw| survival.or(armed.map(|armed| armed.survival)).unwrap_or_else(|| Survival::drawn(draw));
        let mut lost = Lost::default();
        for (inode, node) in &mut self.nodes {
            let draw = draw.named("file").number(u64::from(inode.0));
            if let Some(contents) = node.contents.as_mut().filter(|contents| contents.is_at_risk()) {
                let taken = contents.power_cut(fashion(draw), draw);
                lost.sectors += taken.sectors;
                lost.bytes += taken.bytes;
            }
            node.pins = 0;
        }
        let draw = draw.named("directory");
        lost.changes = self.tree.power_cut(fashion(draw), draw);
        self.collect();
        lost
    }

    /// Drops what the cache holds of clean pages: after a failed sync, the old bytes show. Says how many sectors changed before the reader's eyes.
    pub fn evict(&mut self) -> u64 {
        self.nodes.values_mut().filter_map(|node| node.contents.as_mut()).map(Contents::evict).sum()
    }

    /// Pages that all files take together.
    pub fn pages(&self) -> u64 {
        self.nodes.values().filter_map(|node| node.contents.as_ref()).map(Contents::pages).sum()
    }

    /// True if anything waits for a sync.
    pub fn is_dirty(&self) -> bool {
        self.nodes.values().filter_map(|node| node.contents.as_ref()).any(Contents::is_dirty)
    }

    /// Every file as the process sees it, in the order of names, with its length.
    pub fn files(&self) -> Vec<(Name, u64)> {
        let named = self.tree.walk().into_iter();
        named.filter_map(|(name, inode)| self.contents(inode).map(|contents| (name, contents.length()))).collect()
    }

    /// The bytes of a file as the process sees them.
    pub fn read_file(&self, name: &Name) -> Option<Bytes> {
        let contents = self.contents(self.tree.find(name)?)?;
        Some(contents.read(0, contents.length()))
    }

    /// The names of the files in a directory, as the process sees them, in their order.
    pub fn names_in(&self, directory: &Name) -> impl Iterator<Item = &str> {
        let entries = self.tree.find(directory).into_iter().flat_map(|directory| self.tree.list(directory));
        entries.filter(|(_, inode)| self.contents(*inode).is_some()).map(|(part, _)| &**part)
    }

    /// The length of the file of this name, as the process sees it.
    pub fn length(&self, name: &Name) -> Option<u64> {
        self.contents(self.tree.find(name)?).map(Contents::length)
    }

    /// Bytes of the file of this name, as the process sees them; fewer only at its end.
    pub fn read_part(&self, name: &Name, at: u64, length: u64) -> Option<Bytes> {
        Some(self.contents(self.tree.find(name)?)?.read(at, length))
    }

    /// The file names in a directory that any power cut at this moment would leave there, in their order; none if the directory itself could go.
    pub fn surely_named_in(&self, directory: &Name) -> impl Iterator<Item = &str> {
        let entries = self.tree.surely(directory).into_iter().flat_map(|directory| self.tree.surely_in(directory));
        entries.filter(|(_, inode)| self.contents(*inode).is_some()).map(|(part, _)| &**part)
    }

    /// What any power cut at this moment would leave of a range of the file of this name; `None` if its name, or a byte of it, could change or vanish.
    pub fn surely_holds(&self, name: &Name, at: u64, length: u64) -> Option<Bytes> {
        self.contents(self.tree.surely(name)?)?.surely_holds(at, length)
    }

    /// The length below which no power cut at this moment takes a byte of this file; `None` if its name itself could go.
    pub fn surely_long(&self, name: &Name) -> Option<u64> {
        self.contents(self.tree.surely(name)?).map(Contents::surely_long)
    }

    fn contents(&self, inode: Inode) -> Option<&Contents> {
        self.nodes.get(&inode)?.contents.as_ref()
    }

    fn mint(&mut self, contents: Option<Contents>, wall: WallMs) -> Inode {
        let inode = Inode(self.next);
        self.next += 1;
        self.nodes.insert(inode, Node { contents, modified_ms: wall.0, pins: 0 });
        inode
    }

    /// Forgets files that have no reader, and no name that any power cut could leave.
    fn collect(&mut self) {
        let reachable: BTreeSet<Inode> = self.tree.reachable();
        self.nodes.retain(|inode, node| node.pins > 0 || reachable.contains(inode));
        self.tree.forget_all_but(&reachable);
    }
}

/// An open file, read by a unit of work.
pub struct DiskReader<'a> {
    disk: &'a mut Disk,
    file: FileId,
    length: u64,
    draw: Seed,
    reads: u64,
}

impl ReadAt for DiskReader<'_> {
    fn length(&self) -> u64 {
        self.length
    }

    fn read_at(&mut self, at: u64, length: u64) -> Result<Bytes, DiskError> {
        let closed = || trouble::refuse("read", &Name::root(), odradek_log::disk::DiskErrorKind::Io, "the file is closed");
        let Handle { inode, name } = self.disk.handles.get(&self.file).cloned().ok_or_else(closed)?;
        self.reads += 1;
        let draw = self.draw.number(self.reads);
        self.disk.read_inode(inode, &name, at, length.min(self.length.saturating_sub(at)), draw)
    }
}
