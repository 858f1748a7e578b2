//! What a medium does to a whole disk: bytes rot, sectors cannot be read, pages go to other places or nowhere, an old image comes back.
//!
//! What is destroyed is said byte by byte, so that whoever judges can be exact.

use std::collections::BTreeMap;
use std::ops::Range;

use bytes::Bytes;
use odradek_log::disk::Name;
use odradek_machine::Seed;

use super::contents::{Contents, PAGE_BYTES, SECTOR_BYTES, differ};
use super::cut::Survival;
use super::trouble::is_meant;
use super::{Disk, Inode, Troubles};

/// Bytes that a file does not hold any more as they were written, or that a node did not get as the file holds them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destroyed {
    /// Which fault of the plan did it.
    pub by: usize,
    /// The file; one that is about to replace another goes by that one's name.
    pub file: Name,
    /// The first such byte, and the one behind the last.
    pub bytes: Range<u64>,
    /// What the file would hold without this, whole.
    pub was: Bytes,
    /// True if it stays so; false if one reading alone went wrong.
    pub lasts: bool,
    /// True if every file of the disk went back in time together: nothing on the disk can tell.
    pub whole_disk: bool,
}

/// What a disk, or some files of it, held at an earlier time.
#[derive(Clone, Debug)]
pub struct Image {
    by: usize,
    kept: Kept,
}

#[derive(Clone, Debug)]
enum Kept {
    Whole(Box<Disk>),
    Files(BTreeMap<Name, Contents>),
}

/// What becomes of a page that a sync should have made durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stray {
    /// A page is lost.
    Lost,
    /// A page goes to another place.
    Misdirected,
}

impl Disk {
    /// True if a file whose name is meant has bytes on the medium that can be harmed.
    pub fn can_be_harmed(&self, end: Option<&str>) -> bool {
        self.named(end).iter().any(|(_, inode)| self.contents(*inode).is_some_and(|contents| !contents.settled().is_empty()))
    }

    /// A byte of a file rots: one bit of it, or several.
    pub fn rot(&mut self, by: usize, end: Option<&str>, draw: Seed) {
        let Some((name, inode, sector)) = self.a_settled_sector(end, draw) else { return };
        let was = self.whole(inode);
        let Some(contents) = self.contents_mut(inode) else { return };
        let from = sector * SECTOR_BYTES;
        let at = from + draw.named("byte").below((contents.length() - from).min(SECTOR_BYTES));
        let flips = if draw.named("one bit").one_in(2) { 1 << draw.named("bit").below(8) } else { 1 + draw.named("bits").below(255) as u8 };
        if let Some(bytes) = contents.overwrite(at, &[was[at as usize] ^ flips]) {
            self.troubles.touched.push(by);
            self.destroyed(by, &name, bytes, was);
        }
    }

    /// A sector of a file cannot be read from now on, until it is written again.
    pub fn lose_sector(&mut self, by: usize, end: Option<&str>, draw: Seed) {
        let Some((name, inode, sector)) = self.a_settled_sector(end, draw) else { return };
        let was = self.whole(inode);
        let Some(contents) = self.contents_mut(inode) else { return };
        let bytes = contents.lose_sector(sector);
        self.troubles.touched.push(by);
        self.destroyed(by, &name, bytes, was);
    }

    /// Remembers what the medium holds of the files that are meant, or the whole of it: what comes back at the next start.
    pub fn keep_image(&mut self, by: usize, end: Option<&str>) {
        let mut then = Box::new(self.clone());
        then.troubles = Troubles::default();
        then.power_cut_as(Some(Survival::None), Seed(0));
        let kept = match end {
            None => Kept::Whole(then),
            Some(_) => {
                let named = then.named(end).into_iter();
                Kept::Files(named.filter_map(|(name, inode)| Some((name, then.contents(inode)?.clone()))).collect())
            }
        };
        self.troubles.image = Some(Image { by, kept });
    }

    /// The image that was kept comes back, if one was. Streams must have let go of their files. True if anything went back in time.
    pub fn bring_back_image(&mut self) -> bool {
        let Some(Image { by, kept }) = self.troubles.image.take() else { return false };
        let before: Vec<(Name, Bytes)> =
            self.files().into_iter().filter_map(|(name, _)| Some((name.clone(), self.read_file(&name)?))).collect();
        let whole_disk = matches!(kept, Kept::Whole(_));
        match kept {
            Kept::Whole(then) => {
                let next = self.next.max(then.next);
                *self = Disk { troubles: std::mem::take(&mut self.troubles), next, ..*then };
            }
            Kept::Files(files) => {
                for (name, contents) in files {
                    if let Some(there) = self.tree.find(&name).and_then(|inode| self.contents_mut(inode)) {
                        *there = contents;
                    }
                }
            }
        }
        let mut went_back = false;
        for (name, was) in before {
            let is = self.read_file(&name).unwrap_or_default();
            if let Some(bytes) = differ(&was, &is).filter(|bytes| bytes.start < was.len() as u64) {
                let bytes = bytes.start..bytes.end.min(was.len() as u64);
                self.troubles.destroyed.push(Destroyed { by, file: name, bytes, was, lasts: true, whole_disk });
                went_back = true;
            }
        }
        if went_back {
            self.troubles.touched.push(by);
        }
        went_back
    }

    /// A sync of which one page strays.
    pub(super) fn sync_astray(&mut self, by: usize, inode: Inode, name: &Name, stray: Stray, end: Option<&str>, draw: Seed) {
        let was = self.whole(inode);
        let Some(contents) = self.contents_mut(inode) else { return };
        let dirty = contents.dirty_pages();
        let page = dirty[draw.named("page").below(dirty.len() as u64) as usize];
        let written = contents.page(page);
        if let Some(bytes) = contents.sync_without(page) {
            self.destroyed(by, name, bytes, was);
        }
        if stray == Stray::Misdirected
            && let Some((name, inode, page)) = self.a_settled_page(end, (inode, page), draw)
        {
            let was = self.whole(inode);
            if let Some(bytes) = self.contents_mut(inode).and_then(|contents| contents.overwrite(page * PAGE_BYTES, &written)) {
                self.destroyed(by, &name, bytes, was);
            }
        }
    }

    /// A reading of which one page comes from another place. `None` if there is no other, or it holds the same.
    pub(super) fn read_astray(
        &mut self,
        by: usize,
        inode: Inode,
        name: &Name,
        range: &Range<u64>,
        end: Option<&str>,
        draw: Seed,
    ) -> Option<Bytes> {
        let right = self.contents(inode)?.read(range.start, range.end - range.start);
        let (first, last) = (range.start / PAGE_BYTES, range.end.div_ceil(PAGE_BYTES));
        let page = first + draw.named("page").below((last - first).max(1));
        let (_, other, elsewhere) = self.a_settled_page(end, (inode, page), draw)?;
        let found = self.contents(other)?.page(elsewhere);
        let mut read = right.to_vec();
        for (nth, byte) in read.iter_mut().enumerate() {
            let at = range.start + nth as u64;
            if at / PAGE_BYTES == page {
                *byte = found[(at % PAGE_BYTES) as usize];
            }
        }
        let bytes = differ(&right, &read)?;
        let was = self.whole(inode);
        let bytes = range.start + bytes.start..range.start + bytes.end;
        self.troubles.destroyed.push(Destroyed { by, file: meant(name), bytes, was, lasts: false, whole_disk: false });
        Some(Bytes::from(read))
    }

    /// True if a page could go to another place than its own, or come from one.
    pub(super) fn has_other_places(&self, end: Option<&str>) -> bool {
        self.named(end).iter().any(|(_, inode)| self.contents(*inode).is_some_and(|contents| !contents.settled_pages().is_empty()))
    }

    fn destroyed(&mut self, by: usize, name: &Name, bytes: Range<u64>, was: Bytes) {
        self.troubles.destroyed.push(Destroyed { by, file: meant(name), bytes, was, lasts: true, whole_disk: false });
    }

    /// A file that is meant, each as likely as the other, and a sector of it.
    fn a_settled_sector(&self, end: Option<&str>, draw: Seed) -> Option<(Name, Inode, u64)> {
        let files = self.settled(end, Contents::settled);
        let (name, inode, sectors) = files.get(draw.named("file").below(files.len().max(1) as u64) as usize)?;
        Some((name.clone(), *inode, sectors[draw.named("sector").below(sectors.len() as u64) as usize]))
    }

    /// A page of a file that is meant, other than one.
    fn a_settled_page(&self, end: Option<&str>, not: (Inode, u64), draw: Seed) -> Option<(Name, Inode, u64)> {
        let mut files = self.settled(end, Contents::settled_pages);
        files.iter_mut().for_each(|(_, inode, pages)| pages.retain(|page| (*inode, *page) != not));
        files.retain(|(_, _, pages)| !pages.is_empty());
        let (name, inode, pages) = files.get(draw.named("other file").below(files.len().max(1) as u64) as usize)?;
        Some((name.clone(), *inode, pages[draw.named("other page").below(pages.len() as u64) as usize]))
    }

    fn settled(&self, end: Option<&str>, of: impl Fn(&Contents) -> Vec<u64>) -> Vec<(Name, Inode, Vec<u64>)> {
        let named = self.named(end).into_iter();
        let found = named.filter_map(|(name, inode)| Some((name, inode, of(self.contents(inode)?))));
        found.filter(|(_, _, places)| !places.is_empty()).collect()
    }

    /// The files that are meant, by name.
    fn named(&self, end: Option<&str>) -> Vec<(Name, Inode)> {
        let all = self.tree.walk().into_iter().filter(|(_, inode)| self.contents(*inode).is_some());
        all.filter(|(name, _)| end.is_none_or(|end| is_meant(name, end))).collect()
    }

    fn whole(&self, inode: Inode) -> Bytes {
        self.contents(inode).map_or_else(Bytes::new, |contents| contents.read(0, contents.length()))
    }

    fn contents_mut(&mut self, inode: Inode) -> Option<&mut Contents> {
        self.nodes.get_mut(&inode)?.contents.as_mut()
    }
}

/// The name that a file is about to have.
fn meant(name: &Name) -> Name {
    name.as_str().strip_suffix(".tmp").map_or_else(|| name.clone(), Name::from)
}
