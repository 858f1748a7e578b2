//! The verdict over a log whose segments were surveyed: what is whole, what is damaged, what was torn.
//!
//! Each fault is judged as a start judges it ([`plan::judge`]); a start looks only at what it must, so that more may be found here.

use odradek_wire::batch::BatchError;
use odradek_wire::ids::Offset;

use super::examine::Examination;
use super::report::{Cut, Place, Readable, Report, Shows};
use crate::disk::Name;
use crate::formats::file_name::{FileName, Kind};
use crate::open::Unserved;
use crate::open::plan::{self, Known, Verdict};
use crate::work::scan::Fault;
use crate::work::survey::{Break, Stretch, Survey};

pub(super) fn judge(examination: Examination) -> Report {
    let mut judge = Judge::of(&examination);
    judge.front();
    judge.segments();
    let Judge { end, ended, mut damaged, torn, unserved, .. } = judge;
    damaged.sort_by_key(|place| place.offset);
    let looks = examination.looks(examination.surveys.last().map_or(end, Survey::end));
    let found_at_start = damaged.iter().find(|place| place.is_met(looks)).map(|place| place.offset);
    for place in &mut damaged {
        place.behind = readable_behind(&examination.surveys, place.cut);
    }
    let begins = examination.bases.first().copied().unwrap_or(examination.known.log_start.unwrap_or_default());
    let counted = whole(&examination.surveys, ended);
    Report {
        begins,
        whole_end: end,
        segments: counted.0,
        bytes: counted.1,
        records: counted.2,
        damaged,
        torn,
        unserved,
        found_at_start,
        ..examination.report
    }
}

/// What is found on the way through the segments.
struct Judge<'a> {
    e: &'a Examination,
    /// What is known to be synced, of what counts.
    known: Known,
    /// Every batch below is whole.
    end: Offset,
    /// Where that ends: the segment, and its bytes.
    ended: Option<(usize, u64)>,
    damaged: Vec<Place>,
    torn: Option<(Place, u64)>,
    unserved: Option<Unserved>,
}

impl<'a> Judge<'a> {
    fn of(e: &'a Examination) -> Judge<'a> {
        let known = plan::of_what_counts(e.known.synced, e.known.log_start);
        let end = e.known.log_start.unwrap_or_default();
        Judge { e, known, end, ended: None, damaged: Vec::new(), torn: None, unserved: None }
    }

    /// A log that begins above its start has lost its first segments; one without any has lost all.
    fn front(&mut self) {
        let Some(&first) = self.e.bases.first() else {
            if plan::judge(self.e.known.synced, self.end, None) == Verdict::Damaged {
                let (offset, file) = (self.end, self.e.dir.clone());
                self.damaged.push(Place::new(file, 0, offset, "there is no segment".to_owned(), Cut::Nothing, Shows::Always));
            }
            return;
        };
        self.end = first;
        if let Some(start) = self.e.known.starts_at.filter(|start| first > *start && self.known.end() > *start) {
            let why = format!("the first segment begins at offset {}, and the log at {}", first.0, start.0);
            self.damaged.push(Place::new(self.e.name(start), 0, start, why, Cut::Front { first }, Shows::Always));
        }
    }

    fn segments(&mut self) {
        for (i, survey) in self.e.surveys.iter().enumerate() {
            if i > 0 && !self.follows(i, survey) {
                return;
            }
            if self.ended.is_none() {
                self.end = survey.whole().end;
            }
            for found in &survey.breaks {
                if !self.fault(i, survey, found) {
                    return;
                }
            }
        }
        self.last();
    }

    /// Looks at the gap before a segment. False if the log is cut there.
    fn follows(&mut self, i: usize, survey: &Survey) -> bool {
        let before = &self.e.surveys[i - 1];
        if survey.base <= before.end() || !before.breaks.is_empty() || self.ended.is_some() {
            return true;
        }
        let (end, length) = (before.end(), before.position());
        let why = format!("offsets {} to {} are missing: the next segment begins at {}", end.0, survey.base.0 - 1, survey.base.0);
        let place = Place::new(self.e.name(before.base), length, end, why, Cut::Behind { base: before.base, keep: length }, Shows::Always);
        if plan::is_torn_between(self.e.known.synced, self.e.compacts.unwrap_or(true), end, survey.base) {
            self.torn = Some((place, self.e.report.bytes_from(survey.base)));
            self.ended = Some((i - 1, length));
            return false;
        }
        if end < self.known.end() && self.e.is_gapless() {
            self.damaged.push(place);
            self.ended = Some((i - 1, length));
        }
        true
    }

    /// Says what a place means that cannot be believed. False if nothing behind it counts.
    fn fault(&mut self, i: usize, survey: &Survey, found: &Break) -> bool {
        let file = self.e.name(survey.base);
        let unknown = matches!(found.fault, Fault::Unserved(_));
        if let Fault::Unserved(why) = &found.fault
            && survey.served_elsewhere
        {
            self.unserved.get_or_insert(Unserved { segment: file, at: found.at, why: why.clone() });
            self.ended.get_or_insert((i, found.at));
            return false;
        }
        let proven = self.e.is_metadata && self.e.known.synced.end() == Offset(0) && found.followed;
        let verdict = match plan::judge(self.known, found.offset, Some(&found.fault)) {
            Verdict::Torn if proven || unknown => Verdict::Damaged,
            verdict => verdict,
        };
        let cut = Cut::Behind { base: survey.base, keep: found.at };
        let shows = match &found.fault {
            _ if found.told => Shows::InHeaders,
            Fault::Batch(BatchError::Checksum { .. }) => Shows::InChecksums,
            _ => Shows::InHeaders,
        };
        let place = Place::new(file, found.at, found.offset, found.fault.to_string(), cut, shows);
        if verdict == Verdict::Damaged {
            self.damaged.push(place);
            self.ended.get_or_insert((i, found.at));
            return true;
        }
        if self.damaged.iter().all(|p| matches!(p.cut, Cut::Front { .. })) {
            self.torn = Some((place, self.e.report.bytes_from(survey.base) - found.at));
            self.ended.get_or_insert((i, found.at));
        }
        false
    }

    /// A log that ends before what was synced.
    fn last(&mut self) {
        let Some(last) = self.e.surveys.last().filter(|_| self.ended.is_none()) else { return };
        if plan::judge(self.known, self.end, None) == Verdict::Damaged {
            let (offset, at) = (self.end, last.position());
            let why = format!("the log ends here, and was synced up to offset {}", self.known.end().0);
            let cut = Cut::Behind { base: last.base, keep: at };
            self.damaged.push(Place::new(self.e.name(last.base), at, offset, why, cut, Shows::Always));
        }
    }
}

impl Examination {
    fn name(&self, base: Offset) -> Name {
        self.dir.join(&FileName::of(Kind::Log, base))
    }

    /// True if each batch follows the one before.
    fn is_gapless(&self) -> bool {
        self.compacts == Some(false) && !self.foreign && !self.is_metadata
    }

    /// Where a start looks: at the checksums of what was not known to be synced, of what it builds indexes or the history of epochs of, of what does not begin
    /// or end as a segment does, of all behind that, and of what is read for the producers in it; at the headers of the last segment.
    fn looks(&self, log_end: Offset) -> Looks {
        let (Some(&first), Some(&last)) = (self.bases.first(), self.bases.last()) else { return Looks::default() };
        if self.is_metadata {
            return Looks { from: first, until: Offset(i64::MAX), last };
        }
        let clean = matches!(self.known.synced, Known::Clean { .. });
        let closed = if clean { &self.bases[..] } else { &self.bases[..self.bases.len() - 1] };
        let unindexed = closed.iter().position(|base| self.unindexed.contains(base));
        let recovered = plan::recover_from(&self.bases, self.known.synced, unindexed, self.known.log_start);
        let recovered = if self.rebuilds_epochs { Some(0) } else { recovered };
        let recovered = self.first_strange(recovered.unwrap_or(self.bases.len())).or(recovered).map(|i| self.bases[i]);
        let below = recovered.unwrap_or(log_end);
        let snapshot = self.snapshots.iter().filter(|at| **at <= below && **at >= first).max().copied().unwrap_or(first);
        let replayed = self.bases[plan::holding(&self.bases, Some(snapshot))];
        Looks { from: recovered.map_or(replayed, |base| base.min(replayed)), until: recovered.map_or(last, |_| Offset(i64::MAX)), last }
    }
}

impl Examination {
    /// The first of these segments that does not begin with a batch of ours, or (where there are no gaps) does not lead from the last entry of its index to the
    /// segment behind: the last one has none.
    fn first_strange(&self, until: usize) -> Option<usize> {
        let shows = |b: &Break| b.told || !matches!(b.fault, Fault::Batch(BatchError::Checksum { .. }));
        let is_strange = |(i, survey): (usize, &Survey)| {
            let closed = i + 1 < self.bases.len();
            let walked_from = self.indexed_to.get(&survey.base).copied().unwrap_or(0);
            survey.breaks.iter().filter(|b| shows(b)).any(|b| b.at == 0 || closed && self.is_gapless() && b.at >= walked_from)
        };
        self.surveys.iter().enumerate().take(until).position(is_strange)
    }
}

/// Where a start looks at a log, by the bases of segments.
#[derive(Clone, Copy, Debug, Default)]
struct Looks {
    /// At checksums from here on.
    from: Offset,
    /// Until here.
    until: Offset,
    /// At the headers of this one.
    last: Offset,
}

impl Place {
    fn new(file: Name, at: u64, offset: Offset, why: String, cut: Cut, shows: Shows) -> Place {
        Place { file, at, offset, why, behind: Readable::default(), cut, shows }
    }

    /// Whether a start comes upon it.
    fn is_met(&self, looks: Looks) -> bool {
        let Cut::Behind { base, .. } = self.cut else { return true };
        let summed = looks.from <= base && base < looks.until;
        match self.shows {
            Shows::Always => true,
            Shows::InHeaders => summed || base == looks.last,
            Shows::InChecksums => summed,
        }
    }
}

/// Segments, bytes and records of what is whole, up to where that ends.
fn whole(surveys: &[Survey], ended: Option<(usize, u64)>) -> (usize, u64, u64) {
    let (last, within) = ended.unwrap_or((surveys.len(), 0));
    let before = surveys.iter().take(last).flat_map(|s| &s.stretches);
    let at_end = surveys.get(last).into_iter().flat_map(|s| &s.stretches).filter(|s| s.at < within);
    let stretches: Vec<&Stretch> = before.chain(at_end).collect();
    let segments = last + usize::from(within > 0);
    (segments, stretches.iter().map(|s| s.bytes).sum(), stretches.iter().map(|s| s.records).sum())
}

/// What can be read behind a cut.
fn readable_behind(surveys: &[Survey], cut: Cut) -> Readable {
    let mut readable = Readable::default();
    let (base, keep) = match cut {
        Cut::Behind { base, keep } => (base, keep),
        Cut::Front { first } => (first, 0),
        Cut::Nothing => return readable,
    };
    let behind = |survey: &&Survey| survey.base >= base;
    for survey in surveys.iter().filter(behind) {
        for stretch in survey.stretches.iter().filter(|s| survey.base > base || s.at >= keep) {
            readable.batches += stretch.batches;
            readable.records += stretch.records;
            readable.bytes += stretch.bytes;
            readable.first.get_or_insert(stretch.first);
            readable.end = Some(stretch.end);
        }
    }
    readable
}
