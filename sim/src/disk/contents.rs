//! The bytes of one file as a disk has them: durable, cached and dirty by sector, on copy-on-write pages.

mod medium;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use odradek_machine::Seed;

use super::cut::Survival;
pub(super) use medium::differ;

/// Bytes of a page: what the cache is made of.
pub const PAGE_BYTES: u64 = 4096;
/// Bytes of a sector: what a disk writes whole or not at all.
pub const SECTOR_BYTES: u64 = 512;
const SECTORS: u64 = PAGE_BYTES / SECTOR_BYTES;

const _: () = assert!(SECTORS == 8, "the sectors of a page are the bits of a byte");

/// Lengths remembered between two syncs; a file that is never synced forgets some in the middle, which leaves fewer cuts but no illegal one.
const LENGTHS_MAX: usize = 64;

type Block = [u8; PAGE_BYTES as usize];

/// One page; `None` stands for zeros. Clean pages share one block between cache and disk.
#[derive(Clone, Debug, Default)]
struct Page {
    cached: Option<Arc<Block>>,
    durable: Option<Arc<Block>>,
    /// Sectors whose cached bytes no sync has covered.
    dirty: u8,
    /// Sectors that a failed sync left clean although the disk has other bytes.
    adrift: u8,
    /// Sectors that the medium cannot give until they are written again.
    unreadable: u8,
}

/// The bytes of one file.
#[derive(Clone, Debug, Default)]
pub(super) struct Contents {
    pages: BTreeMap<u64, Page>,
    dirty: BTreeSet<u64>,
    length: u64,
    durable_length: u64,
    /// Lengths that the file has had since the last sync, at most [`LENGTHS_MAX`] of them: any may be the one that the disk knows.
    lengths: Vec<u64>,
    /// The shortest of all that it has had since then, and the synced one.
    shortest: u64,
    /// True if a sync failed since the last power cut: pages may be adrift.
    sync_failed: bool,
}

/// How many sectors and lengths a power cut took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Taken {
    /// Sectors whose cached bytes are gone.
    pub(super) sectors: u64,
    /// Bytes by which the file is shorter.
    pub(super) bytes: u64,
}

impl Contents {
    /// A file of zeros whose length no sync has covered.
    pub(super) fn zeros(length: u64) -> Contents {
        let lengths = if length > 0 { vec![length] } else { Vec::new() };
        Contents { length, lengths, ..Contents::default() }
    }

    /// A file that is on the disk already.
    pub(super) fn durable(bytes: &[u8]) -> Contents {
        let mut contents = Contents::default();
        contents.write(0, bytes, Seed(0));
        contents.sync();
        contents
    }

    /// The length as the process sees it.
    pub(super) const fn length(&self) -> u64 {
        self.length
    }

    /// Pages that take space.
    pub(super) fn pages(&self) -> u64 {
        self.pages.len() as u64
    }

    /// True if a sync would have something to do.
    pub(super) fn is_dirty(&self) -> bool {
        !self.dirty.is_empty() || self.length != self.durable_length || !self.lengths.is_empty()
    }

    /// True if a power cut may leave something else than what the process sees.
    pub(super) fn is_at_risk(&self) -> bool {
        self.is_dirty() || self.sync_failed
    }

    /// Writes into the cache. Sectors that were dirty before may have reached the disk meanwhile, as `draw` says.
    pub(super) fn write(&mut self, at: u64, bytes: &[u8], draw: Seed) {
        let end = at + bytes.len() as u64;
        let mut from = at;
        while from < end {
            let number = from / PAGE_BYTES;
            let to = end.min((number + 1) * PAGE_BYTES);
            let page = self.pages.entry(number).or_default();
            let touched = sectors_between(from % PAGE_BYTES, to - number * PAGE_BYTES);
            page.write_back(page.dirty & touched, draw.number(number));
            let (start, stop) = ((from % PAGE_BYTES) as usize, (to - number * PAGE_BYTES) as usize);
            page.cached_mut()[start..stop].copy_from_slice(&bytes[(from - at) as usize..(to - at) as usize]);
            page.dirty |= touched;
            page.adrift &= !touched;
            self.dirty.insert(number);
            from = to;
        }
        if end > self.length {
            self.set_length(end);
        }
    }

    /// Reads from the cache; fewer bytes only at the end of the file.
    pub(super) fn read(&self, at: u64, length: u64) -> Bytes {
        self.gather(at, at.saturating_add(length).min(self.length), |page| page.cached.as_ref())
    }

    /// Cuts or lengthens with zeros, in the cache.
    pub(super) fn truncate(&mut self, length: u64) {
        if length < self.length {
            let first = length / PAGE_BYTES;
            let beyond: Vec<u64> = self.pages.range(first..).map(|(&number, _)| number).collect();
            for number in beyond {
                let page = self.pages.get_mut(&number).expect("the number was just listed");
                let keep = length.saturating_sub(number * PAGE_BYTES).min(PAGE_BYTES);
                page.zero_from(keep as usize);
                self.dirty.insert(number);
            }
        }
        if length != self.length {
            self.set_length(length);
        }
    }

    /// Makes everything durable.
    pub(super) fn sync(&mut self) {
        for number in std::mem::take(&mut self.dirty) {
            let page = self.pages.get_mut(&number).expect("dirty pages are pages");
            page.durable.clone_from(&page.cached);
            page.reached(page.dirty);
            (page.dirty, page.adrift) = (0, 0);
            if page.cached.is_none() {
                self.pages.remove(&number);
            }
        }
        (self.durable_length, self.shortest) = (self.length, self.length);
        self.lengths.clear();
        assert!(!self.is_dirty(), "a synced file is dirty");
    }

    /// A sync that fails as on Linux: every sector is clean afterwards, whether it reached the disk or not; reads give the cached bytes until [`Contents::evict`].
    pub(super) fn fail_sync(&mut self, draw: Seed) {
        self.sync_failed = true;
        let dirty = std::mem::take(&mut self.dirty);
        // One page at least did not reach the disk, or nothing would have failed.
        let missed = dirty.iter().nth(draw.named("missed").below(dirty.len().max(1) as u64) as usize).copied();
        for number in dirty {
            let page = self.pages.get_mut(&number).expect("dirty pages are pages");
            let reached = if missed == Some(number) { 0 } else { page.dirty & draw.number(number).u64() as u8 };
            page.write_back_exactly(reached);
            page.adrift |= page.dirty;
            page.dirty = 0;
        }
    }

    /// Drops clean sectors from the cache: what a failed sync left behind shows its old bytes.
    pub(super) fn evict(&mut self) -> u64 {
        let mut shown = 0;
        for page in self.pages.values_mut().filter(|page| page.adrift != 0) {
            shown += u64::from(page.adrift.count_ones());
            let adrift = std::mem::take(&mut page.adrift);
            page.show_durable(adrift);
        }
        shown
    }

    /// Power goes: each dirty sector is its old or its cached self, the length one that the file has had, as `survival` says.
    pub(super) fn power_cut(&mut self, survival: Survival, draw: Seed) -> Taken {
        let was = self.length;
        let mut taken = Taken::default();
        let reach = self.reach(draw);
        for number in std::mem::take(&mut self.dirty) {
            let page = self.pages.get_mut(&number).expect("dirty pages are pages");
            let kept = survival.sectors(draw, number * SECTORS, page.dirty, reach);
            taken.sectors += u64::from((page.dirty & !kept).count_ones());
            page.write_back_exactly(kept);
            if let Some(sector) = survival.torn_inside(draw.number(number), page.dirty & !kept) {
                page.tear(sector, draw.number(number).named("tear"));
            }
        }
        let length = survival.length(draw.named("length"), self.durable_length, &self.lengths, reach);
        self.settle(length);
        taken.bytes = was.saturating_sub(self.length);
        taken
    }

    /// The length below which no power cut takes a byte.
    pub(super) const fn surely_long(&self) -> u64 {
        self.shortest
    }

    /// What any power cut at this moment would leave of a range; `None` if it may differ or be gone.
    pub(super) fn surely_holds(&self, at: u64, length: u64) -> Option<Bytes> {
        let end = at.checked_add(length)?;
        if end > self.surely_long() {
            return None;
        }
        let first = at / PAGE_BYTES;
        let last = end.div_ceil(PAGE_BYTES);
        for &number in self.dirty.range(first..last) {
            let page = &self.pages[&number];
            let from = at.saturating_sub(number * PAGE_BYTES);
            let to = (end - number * PAGE_BYTES).min(PAGE_BYTES);
            if page.differs(page.dirty & sectors_between(from, to), from as usize..to as usize) {
                return None;
            }
        }
        Some(self.gather(at, end, |page| page.durable.as_ref()))
    }

    /// The sector at which a prefix ends, anywhere from the first dirty one to behind the last.
    fn reach(&self, draw: Seed) -> u64 {
        let (Some(first), Some(last)) = (self.dirty.first(), self.dirty.last()) else { return 0 };
        first * SECTORS + draw.named("reach").below((last - first + 1) * SECTORS + 1)
    }

    fn set_length(&mut self, length: u64) {
        self.length = length;
        self.shortest = self.shortest.min(length);
        if self.lengths.len() == LENGTHS_MAX {
            self.lengths.remove(LENGTHS_MAX / 2);
        }
        self.lengths.push(length);
    }

    /// The disk's bytes become the file's, `length` long.
    fn settle(&mut self, length: u64) {
        self.pages.retain(|&number, page| {
            let keep = length.saturating_sub(number * PAGE_BYTES).min(PAGE_BYTES) as usize;
            page.cached.clone_from(&page.durable);
            if keep < PAGE_BYTES as usize {
                page.zero_from(keep);
                page.durable.clone_from(&page.cached);
                page.forget_behind(keep as u64);
            }
            (page.dirty, page.adrift) = (0, 0);
            page.durable.is_some()
        });
        (self.length, self.durable_length, self.shortest) = (length, length, length);
        self.lengths.clear();
        self.sync_failed = false;
    }

    fn gather<'a>(&'a self, at: u64, end: u64, side: impl Fn(&'a Page) -> Option<&'a Arc<Block>>) -> Bytes {
        if at >= end {
            return Bytes::new();
        }
        let mut bytes = BytesMut::with_capacity((end - at) as usize);
        let mut from = at;
        while from < end {
            let number = from / PAGE_BYTES;
            let to = end.min((number + 1) * PAGE_BYTES);
            let (start, stop) = ((from % PAGE_BYTES) as usize, (to - number * PAGE_BYTES) as usize);
            match self.pages.get(&number).and_then(&side) {
                Some(block) => bytes.extend_from_slice(&block[start..stop]),
                None => bytes.resize(bytes.len() + stop - start, 0),
            }
            from = to;
        }
        bytes.freeze()
    }
}

impl Page {
    fn cached_mut(&mut self) -> &mut Block {
        Arc::make_mut(self.cached.get_or_insert_with(|| Arc::new([0; PAGE_BYTES as usize])))
    }

    fn zero_from(&mut self, keep: usize) {
        if self.cached.is_some() && keep == 0 {
            self.cached = None;
            self.dirty = u8::MAX;
        } else if self.cached.is_some() {
            self.cached_mut()[keep..].fill(0);
            self.dirty |= sectors_between(keep as u64, PAGE_BYTES);
        }
        self.adrift &= !self.dirty;
    }

    /// The kernel writes back what it likes, when it likes: one time in four, some of these dirty sectors are on the disk before they change again.
    fn write_back(&mut self, sectors: u8, draw: Seed) {
        if sectors != 0 && draw.one_in(4) {
            self.write_back_exactly(sectors & draw.named("write back").u64() as u8);
        }
    }

    /// These sectors reach the disk; they count as clean.
    fn write_back_exactly(&mut self, sectors: u8) {
        self.dirty &= !sectors;
        self.reached(sectors);
        let Some(cached) = &self.cached else {
            if sectors == u8::MAX {
                self.durable = None;
            } else if sectors != 0 && self.durable.is_some() {
                self.copy_sectors(sectors, &[0; PAGE_BYTES as usize]);
            }
            return;
        };
        if sectors == u8::MAX {
            self.durable = Some(cached.clone());
        } else if sectors != 0 {
            self.copy_sectors(sectors, &cached.clone());
        }
    }

    /// The cache holds what the disk has.
    fn show_durable(&mut self, sectors: u8) {
        let durable = self.durable.clone().unwrap_or_else(|| Arc::new([0; PAGE_BYTES as usize]));
        for range in ranges_of(sectors) {
            self.cached_mut()[range.clone()].copy_from_slice(&durable[range]);
        }
    }

    fn copy_sectors(&mut self, sectors: u8, from: &Block) {
        let durable = Arc::make_mut(self.durable.get_or_insert_with(|| Arc::new([0; PAGE_BYTES as usize])));
        for range in ranges_of(sectors) {
            durable[range.clone()].copy_from_slice(&from[range]);
        }
    }

    /// One sector becomes neither its old nor its new self: each byte is one of the two.
    fn tear(&mut self, sector: u8, draw: Seed) {
        let cached = self.cached.clone().unwrap_or_else(|| Arc::new([0; PAGE_BYTES as usize]));
        let durable = Arc::make_mut(self.durable.get_or_insert_with(|| Arc::new([0; PAGE_BYTES as usize])));
        for at in ranges_of(sector).flatten() {
            if draw.number(at as u64).one_in(2) {
                durable[at] = cached[at];
            }
        }
    }

    /// True if cache and disk have different bytes for a range, as far as it lies in these sectors. Bytes that are the same in both versions of a sector
    /// survive whichever of the two does.
    fn differs(&self, sectors: u8, within: Range<usize>) -> bool {
        const ZEROS: Block = [0; PAGE_BYTES as usize];
        let cached = self.cached.as_deref().unwrap_or(&ZEROS);
        let durable = self.durable.as_deref().unwrap_or(&ZEROS);
        ranges_of(sectors).any(|sector| {
            let both = sector.start.max(within.start)..sector.end.min(within.end);
            cached[both.clone()] != durable[both]
        })
    }
}

/// The sectors that a range of one page touches.
fn sectors_between(from: u64, to: u64) -> u8 {
    let (first, last) = (from / SECTOR_BYTES, to.div_ceil(SECTOR_BYTES));
    (first..last).fold(0, |mask, sector| mask | 1 << sector)
}

fn ranges_of(sectors: u8) -> impl Iterator<Item = Range<usize>> {
    let sector = SECTOR_BYTES as usize;
    (0..SECTORS as usize).filter(move |bit| sectors & 1 << bit != 0).map(move |bit| bit * sector..(bit + 1) * sector)
}
