//! Reading by offset: which bytes of which files.

use odradek_machine::Now;
use odradek_wire::ids::Offset;

use super::positions::At;
use super::{Log, Phase, Read, ReadError, ReadRequest, Slice, aborted};
use crate::disk::FileRange;
use crate::output::Output;
use crate::segment::Segment;

/// Where a read begins in its first segment.
struct Start {
    segment: usize,
    batch: At,
}

/// How far into a segment a read may go.
enum Bound {
    /// To this position.
    At(u64),
    /// It must be looked up where this offset lies.
    Unknown(Offset),
}

impl Log {
    pub(super) fn find(&mut self, _now: Now, request: ReadRequest, out: &mut Vec<Output>) -> Result<Read, ReadError> {
        self.answers_reads()?;
        let ReadRequest { from, until, bytes_max, at_least_one, want_aborted } = request;
        let (log_start, log_end) = (self.ends.start, self.ends.end);
        if from < log_start || from > log_end {
            return Err(ReadError::OutOfRange { asked: from, log_start, log_end });
        }
        let until = until.min(self.ends.written);
        let nothing = Slice { ranges: Vec::new(), base: from, bytes: 0, left_out: false, aborted: Vec::new() };
        if from >= until {
            return Ok(Read::Ready(nothing));
        }
        let start = match self.start_of(from) {
            Ok(start) => start,
            Err(segment) => return Ok(Read::Cold(self.look_up_offset(segment, from, out))),
        };
        if start.batch.base >= until {
            return Ok(Read::Ready(nothing));
        }
        let first = &self.segments[start.segment];
        if let (true, Bound::Unknown(offset)) = (until < first.end, self.bound(first, until)) {
            return Ok(Read::Cold(self.look_up_offset(start.segment, offset, out)));
        }
        let mut slice = self.gather(&start, until, bytes_max, at_least_one);
        if want_aborted && slice.bytes > 0 {
            // How far the bytes reach in offsets is not known without reading them; a list that is too long does no harm.
            slice.aborted = aborted::overlapping(&self.aborted, start.batch.base, until);
        }
        Ok(Read::Ready(slice))
    }

    pub(super) fn answers_reads(&self) -> Result<(), ReadError> {
        match self.phase {
            Phase::Serving => Ok(()),
            Phase::Truncating(_) | Phase::Closing(_) | Phase::Deleting(_) => Err(ReadError::Busy),
            Phase::OutOfService | Phase::Ended => Err(ReadError::OutOfService),
        }
    }

    /// The batch with which a read from `offset` begins; or the segment in which it must be looked up.
    fn start_of(&self, offset: Offset) -> Result<Start, usize> {
        let mut segment = self.segment_of(offset);
        // Behind the last batch of a segment there may be a hole up to the next one's base.
        while offset >= self.segments[segment].end && segment + 1 < self.segments.len() {
            segment += 1;
        }
        let s = &self.segments[segment];
        match self.positions.holds(offset.max(s.base)) {
            Some(batch) if batch.base >= s.base && batch.last < s.end => Ok(Start { segment, batch }),
            _ => Err(segment),
        }
    }

    /// The position in this segment below which every batch lies wholly below `until`.
    fn bound(&self, segment: &Segment, until: Offset) -> Bound {
        if until >= segment.end {
            return Bound::At(segment.length);
        }
        match self.positions.holds(until) {
            Some(batch) if batch.base >= segment.base => Bound::At(batch.at),
            _ => Bound::Unknown(until),
        }
    }

    /// A batch that does not fit is left out whole if it would be the first; behind others its head may be there, which readers drop (KIP-74).
    fn gather(&self, start: &Start, until: Offset, bytes_max: u64, at_least_one: bool) -> Slice {
        let left_out = !at_least_one && bytes_max < start.batch.length;
        let mut slice = Slice { ranges: Vec::new(), base: start.batch.base, bytes: 0, left_out, aborted: Vec::new() };
        if left_out {
            return slice;
        }
        let mut left = if at_least_one { bytes_max.max(start.batch.length) } else { bytes_max };
        for (i, s) in self.segments.iter().enumerate().skip(start.segment) {
            let at = if i == start.segment { start.batch.at } else { 0 };
            let Bound::At(end) = self.bound(s, until) else { break };
            let length = end.saturating_sub(at).min(left);
            if length > 0 {
                slice.ranges.push(FileRange { dir: self.setup.dir, file: s.file, at, length });
                slice.bytes += length;
                left -= length;
            }
            if left == 0 || s.end >= until {
                break;
            }
        }
        slice
    }

    pub(super) fn bytes_between(&self, from: Offset, until: Offset) -> u64 {
        let until = until.min(self.ends.written);
        if from >= until {
            return 0;
        }
        let first = self.segment_of(from);
        let mut bytes = 0;
        for s in self.segments.iter().skip(first).take_while(|s| s.base < until) {
            let end = if until >= s.end { s.length } else { self.roughly(s, until) };
            let begin = if from <= s.base { 0 } else { self.roughly(s, from) };
            bytes += end.saturating_sub(begin);
        }
        bytes
    }

    /// A position at or before an offset, without asking the disk.
    fn roughly(&self, segment: &Segment, offset: Offset) -> u64 {
        match self.positions.holds(offset) {
            Some(batch) if batch.base >= segment.base && batch.last < segment.end => batch.at,
            _ if offset >= segment.end => segment.length,
            _ => segment.indexes.as_ref().map_or(0, |i| u64::from(i.floor(offset))),
        }
    }
}
