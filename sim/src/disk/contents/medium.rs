//! What a medium does to the bytes of one file that it held.
//!
//! The cache drops its copy of what is harmed in the same moment: the kernel drops clean pages when it likes, so that this is a legal world, and the worst one.
//! A copy that stayed would hide the harm until the next power cut, which looks to every reader as if the harm came with that cut; and a later write into its page
//! would mend the medium, so that nobody could say exactly what is destroyed.

use std::ops::Range;
use std::sync::Arc;

use super::{Block, Contents, PAGE_BYTES, Page, SECTOR_BYTES, SECTORS, sectors_between};

impl Contents {
    /// Sectors that lie on the medium with nothing else in the cache, by number: what a medium can harm.
    pub(in crate::disk) fn settled(&self) -> Vec<u64> {
        let end = self.length.min(self.durable_length);
        let sectors = |(&number, page): (&u64, &Page)| {
            let settled = if page.durable.is_some() { !(page.dirty | page.adrift | page.unreadable) } else { 0 };
            (0..SECTORS).filter(move |bit| settled & 1 << bit != 0).map(move |bit| number * SECTORS + bit)
        };
        self.pages.iter().flat_map(sectors).filter(|sector| sector * SECTOR_BYTES < end).collect()
    }

    /// Pages of which every sector is settled, by number.
    pub(in crate::disk) fn settled_pages(&self) -> Vec<u64> {
        let end = self.length.min(self.durable_length);
        let settled = |(_, page): &(&u64, &Page)| page.durable.is_some() && page.dirty | page.adrift | page.unreadable == 0;
        let pages = self.pages.iter().filter(settled).map(|(&number, _)| number);
        pages.filter(|number| number * PAGE_BYTES < end).collect()
    }

    /// Pages that a sync would write.
    pub(in crate::disk) fn dirty_pages(&self) -> Vec<u64> {
        self.dirty.iter().copied().filter(|number| number * PAGE_BYTES < self.length).collect()
    }

    /// The bytes of a page as the cache has them.
    pub(in crate::disk) fn page(&self, number: u64) -> Vec<u8> {
        let cached = self.pages.get(&number).and_then(|page| page.cached.as_ref());
        cached.map_or_else(|| vec![0; PAGE_BYTES as usize], |block| block.to_vec())
    }

    /// The medium has other bytes here from now on. Says where they differ, as far as the file goes.
    pub(in crate::disk) fn overwrite(&mut self, at: u64, bytes: &[u8]) -> Option<Range<u64>> {
        let number = at / PAGE_BYTES;
        let from = (at % PAGE_BYTES) as usize;
        let to = from + bytes.len();
        assert!(to <= PAGE_BYTES as usize, "{} bytes at {at} lie in more than one page", bytes.len());
        let page = self.pages.get_mut(&number)?;
        let durable = page.durable_mut();
        let was: Vec<u8> = durable[from..to].to_vec();
        durable[from..to].copy_from_slice(bytes);
        page.show_durable(sectors_between(from as u64, to as u64));
        differ(&was, bytes).map(|differs| at + differs.start..(at + differs.end).min(self.length)).filter(|range| !range.is_empty())
    }

    /// A sector cannot be read from now on, until it is written. Says which bytes of the file lie in it.
    pub(in crate::disk) fn lose_sector(&mut self, sector: u64) -> Range<u64> {
        let at = sector * SECTOR_BYTES;
        if let Some(page) = self.pages.get_mut(&(sector / SECTORS)) {
            page.unreadable |= 1 << (sector % SECTORS);
        }
        at..(at + SECTOR_BYTES).min(self.length)
    }

    /// Makes everything durable but one page: of that one the medium keeps what it had. Says where that differs from what was written, as far as the file goes.
    pub(in crate::disk) fn sync_without(&mut self, number: u64) -> Option<Range<u64>> {
        let written = self.page(number);
        if self.dirty.remove(&number)
            && let Some(page) = self.pages.get_mut(&number)
        {
            let lost = std::mem::take(&mut page.dirty);
            page.show_durable(lost);
        }
        self.sync();
        let at = number * PAGE_BYTES;
        differ(&written, &self.page(number))
            .map(|differs| at + differs.start..(at + differs.end).min(self.length))
            .filter(|range| !range.is_empty())
    }

    /// True if every sector of a range can be read.
    pub(in crate::disk) fn is_readable(&self, at: u64, length: u64) -> bool {
        let end = at.saturating_add(length).min(self.length);
        self.pages_between(at, end).all(|(page, touched)| page.unread() & touched == 0)
    }

    /// True if a range can be written: a sector that cannot be read takes a write only as a whole, since the rest of it would have to be read first.
    pub(in crate::disk) fn is_writable(&self, at: u64, length: u64) -> bool {
        let end = at + length;
        let whole = |sector: Range<u64>| at <= sector.start && sector.end.min(self.length) <= end;
        let edges = [at / SECTOR_BYTES, end.saturating_sub(1) / SECTOR_BYTES].map(|sector| sector * SECTOR_BYTES);
        edges.into_iter().all(|start| whole(start..start + SECTOR_BYTES) || self.is_readable(start, SECTOR_BYTES))
    }

    fn pages_between(&self, at: u64, end: u64) -> impl Iterator<Item = (&Page, u8)> {
        let pages = self.pages.range(at / PAGE_BYTES..end.div_ceil(PAGE_BYTES).max(at / PAGE_BYTES));
        pages.map(move |(&number, page)| {
            let start = number * PAGE_BYTES;
            (page, sectors_between(at.saturating_sub(start).min(PAGE_BYTES), (end - start).min(PAGE_BYTES)))
        })
    }
}

impl Page {
    /// Sectors that cannot be read: what the cache has newer than the medium can.
    const fn unread(&self) -> u8 {
        self.unreadable & !self.dirty & !self.adrift
    }

    fn durable_mut(&mut self) -> &mut Block {
        Arc::make_mut(self.durable.get_or_insert_with(|| Arc::new([0; PAGE_BYTES as usize])))
    }

    /// The medium has these sectors: they can be read again.
    pub(super) const fn reached(&mut self, sectors: u8) {
        self.unreadable &= !sectors;
    }

    /// Sectors that lie whole behind the file's end are no longer the file's.
    pub(super) fn forget_behind(&mut self, keep: u64) {
        self.unreadable &= !sectors_between(keep.next_multiple_of(SECTOR_BYTES), PAGE_BYTES);
    }
}

/// The smallest range in which two runs of bytes differ.
pub(in crate::disk) fn differ(one: &[u8], other: &[u8]) -> Option<Range<u64>> {
    let both = one.len().min(other.len());
    let first = (0..both).find(|&at| one[at] != other[at]).or((one.len() != other.len()).then_some(both))?;
    let last =
        if one.len() == other.len() { (first..both).rev().find(|&at| one[at] != other[at])? + 1 } else { one.len().max(other.len()) };
    Some(first as u64..last as u64)
}
