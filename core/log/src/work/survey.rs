//! The survey of a segment: every batch of it by checksum, and what lies behind those that cannot be believed.
//!
//! A [scan](super::scan) ends at the first batch that cannot be believed, since nothing behind it may be served. A survey is for a person who has to decide what
//! becomes of it: it goes on at the next whole batch, and counts.

use std::collections::VecDeque;

use odradek_machine::Guards;
use odradek_wire::batch::{BatchError, BatchHeader, HEADER_BYTES};
use odradek_wire::ids::Offset;

use super::ReadAt;
use super::front::{self, Front};
use super::scan::{Fault, SLICE_BYTES};
use super::window::{PAYLOAD_BYTES, Window};
use crate::disk::DiskError;
use crate::log::recovered::OffsetEntry;

/// Where a batch has its magic.
const MAGIC_AT: usize = 16;

/// Whole batches one behind the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stretch {
    /// Where the first begins.
    pub at: u64,
    /// Bytes of all.
    pub bytes: u64,
    /// First offset of the first.
    pub first: Offset,
    /// The offset after the last.
    pub end: Offset,
    /// How many.
    pub batches: u64,
    /// Records in them.
    pub records: u64,
}

/// A place that holds no batch that can be believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Break {
    /// Where it begins.
    pub at: u64,
    /// The least offset that a batch here can have.
    pub offset: Offset,
    /// What is wrong.
    pub fault: Fault,
    /// A whole batch follows right behind the length that the batch here claims.
    pub followed: bool,
    /// Only what is known besides shows it: read alone, the batch is one that could be here.
    pub told: bool,
}

/// A survey under way. Made by [`Survey::new`], continued by [`Survey::slice`] until [`Survey::is_over`].
#[derive(Clone, Debug)]
pub struct Survey {
    /// Base offset of the segment.
    pub base: Offset,
    /// Whole batches; more than one stretch where something lies between.
    pub stretches: Vec<Stretch>,
    /// What lies between them, and behind the last.
    pub breaks: Vec<Break>,
    /// The first entry of the offset index that leads to no batch of its kind.
    pub astray: Option<OffsetEntry>,
    /// It ended at a batch that is whole, and of a form that only others serve.
    pub served_elsewhere: bool,
    /// Where the next batch begins.
    at: u64,
    next: Offset,
    guards: Guards,
    /// Entries of the offset index whose batches are still ahead.
    index: VecDeque<OffsetEntry>,
    limits: Limits,
    search: Search,
    over: bool,
}

/// What is known of a segment's offsets: they lie outside the checksums of its batches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// No batch reaches this offset: the base of the next segment.
    pub below: Option<Offset>,
    /// Behind so many bytes this offset is next: our mark.
    pub mark: Option<(u64, Offset)>,
}

/// How the next whole batch is looked for, behind one that cannot be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Search {
    /// Nothing is looked for: one begins here.
    No,
    /// First where the one that is not believed says that it ends.
    Behind(u64),
    /// Then at every byte from here on.
    From(u64),
}

impl Survey {
    /// A survey of a whole segment. `next` is the end of the segment before, or the base; `index` the entries of its offset index, where that could be read.
    pub fn new(base: Offset, next: Offset, index: Vec<OffsetEntry>, limits: Limits, guards: Guards) -> Survey {
        Survey {
            base,
            stretches: Vec::new(),
            breaks: Vec::new(),
            astray: None,
            served_elsewhere: false,
            at: 0,
            next: next.max(base),
            guards,
            index: index.into(),
            limits,
            search: Search::No,
            over: false,
        }
    }

    /// Reads on, some MiB at the most.
    ///
    /// # Errors
    /// What the disk said.
    pub fn slice(&mut self, file: &mut dyn ReadAt) -> Result<(), DiskError> {
        let mut window = Window::new(file, u64::MAX, PAYLOAD_BYTES);
        while !self.over && window.read < SLICE_BYTES {
            match self.search {
                Search::No => self.step(&mut window)?,
                Search::Behind(at) => self.try_behind(at, &mut window)?,
                Search::From(at) => self.seek(at, &mut window)?,
            }
        }
        Ok(())
    }

    /// True if all was read.
    pub const fn is_over(&self) -> bool {
        self.over
    }

    /// Bytes from the segment's start that are whole batches; nothing, if it begins with something else.
    pub fn whole(&self) -> Stretch {
        let none = Stretch { first: self.base, end: self.breaks.first().map_or(self.next, |b| b.offset), ..Stretch::default() };
        self.stretches.first().copied().filter(|s| s.at == 0).unwrap_or(none)
    }

    /// The offset after the last whole batch; the least that one behind it can have.
    pub const fn end(&self) -> Offset {
        self.next
    }

    /// How far it has read.
    pub const fn position(&self) -> u64 {
        match self.search {
            Search::From(at) => at,
            Search::No | Search::Behind(_) => self.at,
        }
    }

    fn step(&mut self, window: &mut Window<'_>) -> Result<(), DiskError> {
        match front::look(window, self.at)? {
            Front::End => self.ended(),
            Front::Fault(fault) => match front::unserved(&fault, self.at, window)? {
                Some(why) if matches!(fault, Fault::Batch(BatchError::Magic { found: 0 | 1 })) => self.unserved(why),
                // A later format, or a bit of the magic, which lies outside the checksum.
                Some(why) => self.broken(Fault::Unserved(why), Search::From(self.at + 1), false),
                None => self.broken(fault, Search::From(self.at + 1), false),
            },
            Front::Batch(header) => match self.judge(&header, window)? {
                None => self.take(&header),
                Some((Fault::Unserved(why), _)) => self.unserved(why),
                Some((fault, told)) => self.broken(fault, Search::Behind(self.at + header.size_bytes() as u64), told),
            },
        }
        Ok(())
    }

    /// Why the batch here cannot be believed, if so; and whether only what is known besides shows it.
    fn judge(&self, header: &BatchHeader, window: &mut Window<'_>) -> Result<Option<(Fault, bool)>, DiskError> {
        if let Some(fault) = front::judge(header, self.at, (self.base, self.next), self.guards, window)? {
            return Ok(Some((fault, false)));
        }
        let (end, behind) = (header.next_offset(), self.at + header.size_bytes() as u64);
        let beyond = self.limits.below.is_some_and(|below| end > below);
        let marked = self.limits.mark.is_some_and(|(at, next)| at == behind && end != next);
        let overtaken = front::is_overtaken(header, self.at, (self.base, self.next), self.guards, window)?;
        let BatchHeader { base_offset: base, last_offset_delta, .. } = *header;
        let fault = Fault::Offsets { base, last_offset_delta, next: self.next };
        Ok((beyond || marked || overtaken).then_some((fault, !overtaken)))
    }

    /// Nothing behind a batch of a form that others serve is judged: nothing is damaged.
    fn unserved(&mut self, why: String) {
        self.broken(Fault::Unserved(why), Search::No, false);
        self.served_elsewhere = true;
        self.over = true;
    }

    fn broken(&mut self, fault: Fault, search: Search, told: bool) {
        self.breaks.push(Break { at: self.at, offset: self.next, fault, followed: false, told });
        self.index.clear();
        self.search = search;
    }

    fn take(&mut self, header: &BatchHeader) {
        let bytes = header.size_bytes() as u64;
        self.check_index(header);
        match self.stretches.last_mut().filter(|s| s.at + s.bytes == self.at) {
            Some(stretch) => stretch.bytes += bytes,
            None => self.stretches.push(Stretch { at: self.at, bytes, first: header.base_offset, ..Stretch::default() }),
        }
        let stretch = self.stretches.last_mut().expect("the batch lies in one");
        stretch.end = header.next_offset();
        stretch.batches += 1;
        stretch.records += u64::from(header.record_count.unsigned_abs());
        self.at += bytes;
        self.next = header.next_offset();
    }

    /// An entry says that all records up to its offset lie before the end of the batch at its position: that of a batch, or of some that were appended at once.
    fn check_index(&mut self, header: &BatchHeader) {
        if let Some(entry) = self.index.front().copied().filter(|entry| u64::from(entry.at) <= self.at) {
            self.index.pop_front();
            if u64::from(entry.at) < self.at || entry.last < header.last_offset() {
                self.astray.get_or_insert(entry);
            }
        }
    }

    fn ended(&mut self) {
        if let Some(entry) = self.index.pop_front() {
            self.astray.get_or_insert(entry);
        }
        self.over = true;
    }

    fn try_behind(&mut self, at: u64, window: &mut Window<'_>) -> Result<(), DiskError> {
        if at >= window.end {
            // It ends where the file ends: there is nothing behind it.
            self.over = true;
        } else if self.is_whole(at, window)? {
            self.breaks.last_mut().expect("a search is for what is behind one").followed = true;
            self.go_on(at);
        } else {
            self.search = Search::From(self.at + 1);
        }
        Ok(())
    }

    /// Looks for a whole batch at every byte of a piece.
    fn seek(&mut self, from: u64, window: &mut Window<'_>) -> Result<(), DiskError> {
        let piece = window.get(from, PAYLOAD_BYTES)?;
        let Some(places) = piece.len().checked_sub(HEADER_BYTES - 1).filter(|n| *n > 0) else {
            self.over = true;
            return Ok(());
        };
        for i in 0..places {
            let at = from + i as u64;
            if piece[i + MAGIC_AT] == 2 && self.may_begin(&piece[i..]) && self.is_whole(at, window)? {
                self.go_on(at);
                return Ok(());
            }
        }
        self.search = Search::From(from + places as u64);
        Ok(())
    }

    /// A cheap look before the checksum.
    fn may_begin(&self, bytes: &[u8]) -> bool {
        BatchHeader::parse(bytes).is_ok_and(|header| front::fits(&header, self.base, self.next).is_ok())
    }

    fn is_whole(&self, at: u64, window: &mut Window<'_>) -> Result<bool, DiskError> {
        let Front::Batch(header) = front::look(window, at)? else { return Ok(false) };
        Ok(front::judge(&header, at, (self.base, self.next), self.guards, window)?.is_none())
    }

    fn go_on(&mut self, at: u64) {
        self.at = at;
        self.search = Search::No;
    }
}
