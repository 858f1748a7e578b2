//! The loading of one log: its directory tidied, its segments opened and checked as far as needed, its state read or built again.
//!
//! | stage | what is under way | then |
//! |---|---|---|
//! | `List` | the directory is listed | `Tidy`, `Swap` or `Open` |
//! | `Swap` | the output of a finished compaction is measured | `Tidy` |
//! | `Tidy` | what a crash left half done is finished or removed | `List` |
//! | `Open` | segments opened; indexes, epochs, aborted transactions read | `Peek` |
//! | `Peek` | first headers of segments that are not scanned | `Ends`, or as that |
//! | `Ends` | where there can be no gaps, the ends of closed segments that are not scanned | `Tail` (clean) or `Snapshot` |
//! | `Tail` | the end of the last segment is walked from its last index entry | `Snapshot` |
//! | `Snapshot` | producer snapshots are read, newest first, until one can be believed | `Scan` |
//! | `Scan` | segments one after the other: headers for producers, checksums for recovery | `Finish` |
//! | `Finish` | what cannot be kept is cut, what changed is rewritten | over |

use odradek_machine::{Guards, Note, Subject, reached};
use odradek_wire::ids::Offset;

use super::errands::{Desk, Done, Errand, Errands};
use super::finish;
use super::plan::{self, Known, Verdict};
use super::segments::{Segment, Segments};
use super::tidy::{self, Listing};
use super::{Damage, Input, NotesOf, Output, Unserved};
use crate::dir::ids::{DirIds, FileIds};
use crate::disk::{DiskError, DiskErrorKind, Entry, Name, OpId};
use crate::epochs::EpochStart;
use crate::formats::file_name::{FileName, Kind, LEADER_EPOCHS};
use crate::formats::{checkpoint, producer_snapshot};
use crate::log::recovered::Recovered;
use crate::producers::Producers;
use crate::work::scan::{Depth, End, Fault, Scan};

/// Errands of one log at a time.
const AT_ONCE: usize = 16;

/// What is known of a log before its directory is looked at.
#[derive(Clone, Debug)]
pub(super) struct LoadSetup {
    /// Its directory.
    pub(super) dir: Name,
    /// What it is called in notes.
    pub(super) subject: Subject,
    /// How far it is known to be synced.
    pub(super) known: Known,
    /// Our mark: in this segment at this byte the next offset is this one.
    pub(super) marked: Option<(Offset, u64, Offset)>,
    /// The checkpointed log start.
    pub(super) log_start: Option<Offset>,
    /// Where the log is known to begin: its first segment cannot begin above. `None` where that is not known.
    pub(super) starts_at: Option<Offset>,
    /// The checkpointed high watermark.
    pub(super) high_watermark: Option<Offset>,
    /// `index.interval.bytes`.
    pub(super) index_interval_bytes: u32,
    /// The last life was not one of ours.
    pub(super) foreign: bool,
    /// `cleanup.policy` contains `compact`.
    pub(super) compacts: bool,
    /// True for the metadata log: scanned whole, no producers, and beside it snapshots above which it may not end.
    pub(super) is_metadata: bool,
    /// Which guards stand.
    pub(super) guards: Guards,
}

/// A log that is being loaded.
#[derive(Debug)]
pub(super) struct LoadLog {
    pub(super) setup: LoadSetup,
    pub(super) files: FileIds,
    stage: Stage,
    errands: Errands,
    pub(super) listing: Listing,
    pub(super) segments: Segments,
    pub(super) epochs_on_disk: Option<Vec<EpochStart>>,
    /// The first segment whose checksums are looked at.
    pub(super) recover_from: Option<usize>,
    /// Epochs that were scanned.
    pub(super) epochs_scanned: Vec<EpochStart>,
    /// Of what was read so far; at the end, of the log.
    pub(super) producers: Producers,
    producers_from: Offset,
    /// The offset after the last batch that is believed.
    pub(super) end: Offset,
    /// What cannot be kept, if anything.
    pub(super) cut: Option<Cut>,
    outcome: Option<Recovered>,
}

/// Where a log is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cut {
    /// The segment in which it is cut; those behind go.
    pub(super) segment: usize,
    /// Bytes of it that stay; `None` if it goes as well.
    pub(super) length: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    List,
    Swap,
    Tidy,
    Open,
    Peek,
    Ends,
    Tail,
    Snapshot(Offset),
    Scan(usize),
    Finish,
    Over,
}

/// Why a log could not be loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum LoadError {
    Disk(DiskError),
    Damaged(Damage),
    Unserved(Unserved),
}

impl From<DiskError> for LoadError {
    fn from(error: DiskError) -> LoadError {
        LoadError::Disk(error)
    }
}

impl LoadLog {
    /// Begins with a listing of the directory.
    pub(super) fn begin(setup: LoadSetup, files: FileIds, ids: &mut DirIds, out: &mut Vec<Output>) -> LoadLog {
        let mut log = LoadLog {
            setup,
            files,
            stage: Stage::List,
            errands: Errands::default(),
            listing: Listing::default(),
            segments: Segments::default(),
            epochs_on_disk: None,
            recover_from: None,
            epochs_scanned: Vec::new(),
            producers: Producers::default(),
            producers_from: Offset(0),
            end: Offset(0),
            cut: None,
            outcome: None,
        };
        log.list(ids, out);
        log
    }

    /// True if this operation is one of its own.
    pub(super) fn owns(&self, op: OpId) -> bool {
        self.errands.owns(op)
    }

    /// An operation came back. Says how the loading ended, when it did.
    pub(super) fn step(&mut self, input: Input, ids: &mut DirIds, out: &mut Vec<Output>) -> Option<Result<Recovered, LoadError>> {
        let mut desk = Desk { ids, files: &mut self.files, subject: &self.setup.subject, out };
        self.errands.step(input, &mut desk);
        while self.errands.is_over() && self.stage != Stage::Over {
            let finished = self.errands.finished().map_err(LoadError::Disk);
            if let Err(error) = finished.and_then(|done| self.next(done, ids, out)) {
                self.stage = Stage::Over;
                return Some(Err(error));
            }
        }
        if self.stage == Stage::Over { self.outcome.take().map(Ok) } else { None }
    }

    fn next(&mut self, done: Vec<Done>, ids: &mut DirIds, out: &mut Vec<Output>) -> Result<(), LoadError> {
        match self.stage {
            Stage::List => self.listed(done, ids, out)?,
            Stage::Swap => self.swaps_measured(done, ids, out),
            Stage::Tidy => self.list(ids, out),
            Stage::Open => self.opened(done, ids, out)?,
            Stage::Peek => self.peeked(done, ids, out)?,
            Stage::Ends => {
                let short = self.segments.walked(done);
                self.recover_from = short.into_iter().chain(self.recover_from).min();
                self.begin_at_end(ids, out)?;
            }
            Stage::Tail => self.tail_walked(done, ids, out)?,
            Stage::Snapshot(at) => self.snapshot_read(at, done, ids, out),
            Stage::Scan(i) => self.scanned(i, done, ids, out)?,
            Stage::Finish => self.stage = Stage::Over,
            Stage::Over => {}
        }
        Ok(())
    }

    fn go(&mut self, stage: Stage, errands: Vec<Errand>, at_once: usize, ids: &mut DirIds, out: &mut Vec<Output>) {
        self.stage = stage;
        let mut desk = Desk { ids, files: &mut self.files, subject: &self.setup.subject, out };
        self.errands = Errands::begin(errands, at_once, &mut desk);
    }

    fn list(&mut self, ids: &mut DirIds, out: &mut Vec<Output>) {
        self.go(Stage::List, vec![Errand::List(self.setup.dir.clone())], 1, ids, out);
    }

    fn listed(&mut self, done: Vec<Done>, ids: &mut DirIds, out: &mut Vec<Output>) -> Result<(), LoadError> {
        let entries: Vec<Entry> = done.into_iter().next().and_then(Done::listed).ok_or_else(|| self.gone())?;
        self.listing = Listing::of(&entries);
        let logs = self.listing.swapped_logs();
        if !self.listing.rubbish.is_empty() {
            let dir = &self.setup.dir;
            let mut errands: Vec<_> = self.listing.rubbish.iter().map(|name| Errand::Remove(dir.join(name))).collect();
            errands.push(Errand::SyncDirectory(dir.clone()));
            self.go(Stage::Tidy, errands, 1, ids, out);
        } else if !self.listing.swaps.is_empty() {
            let name = |base: &Offset| self.setup.dir.join(&format!("{}.swap", FileName::of(Kind::Log, *base)));
            let errands = logs.iter().map(|base| Errand::Open(name(base))).collect();
            self.go(Stage::Swap, errands, AT_ONCE, ids, out);
        } else {
            self.segments = Segments::listed(&self.listing);
            self.drop_stale_snapshots();
            let errands = self.segments.errands(&self.setup.dir);
            self.go(Stage::Open, errands, AT_ONCE, ids, out);
        }
        Ok(())
    }

    /// A snapshot below the first segment says nothing of what was appended between the two: it is removed, as Kafka does.
    fn drop_stale_snapshots(&mut self) {
        let first = self.segments.all.first().map_or(self.setup.log_start.unwrap_or_default(), |s| s.base);
        let (stale, kept): (Vec<_>, Vec<_>) = self.listing.snapshots.drain(..).partition(|at| *at < first);
        self.listing.snapshots = kept;
        self.listing.rubbish.extend(stale.into_iter().map(|at| FileName::of(Kind::Snapshot, at)));
    }

    /// The logs of a compaction's output were opened, or walked to their ends.
    fn swaps_measured(&mut self, done: Vec<Done>, ids: &mut DirIds, out: &mut Vec<Output>) {
        let bases = self.listing.swapped_logs();
        if let [Done::Opened(..), ..] = &done[..] {
            let scan = |(base, d): (&Offset, Done)| {
                Errand::Scan(Box::new(Scan {
                    producers_from: Offset(i64::MAX),
                    ..Scan::new(d.opened().0, *base, Depth::Headers, self.setup.guards)
                }))
            };
            let errands = bases.iter().zip(done).map(scan).collect();
            return self.go(Stage::Swap, errands, AT_ONCE, ids, out);
        }
        let scans: Vec<_> = done.into_iter().map(Done::scanned).collect();
        let end = scans.iter().map(|s| s.next).max().unwrap_or(Offset(0));
        let dir = &self.setup.dir;
        let mut errands: Vec<_> = scans.iter().map(|s| Errand::Close(s.file)).collect();
        errands.extend(self.listing.sources(end).iter().map(|name| Errand::Remove(dir.join(name))));
        errands.extend(self.listing.finished_swaps(dir).into_iter().map(|(from, to)| Errand::Rename(from, to)));
        errands.push(Errand::SyncDirectory(dir.clone()));
        reached!(&mut NotesOf(out), "log.swap_finished", of = &self.setup.subject, bases.first().map_or(0, |o| o.0), end.0);
        self.go(Stage::Tidy, errands, 1, ids, out);
    }

    fn opened(&mut self, done: Vec<Done>, ids: &mut DirIds, out: &mut Vec<Output>) -> Result<(), LoadError> {
        let epochs = self.segments.take(done);
        let name = self.setup.dir.join(LEADER_EPOCHS);
        let epochs = epochs.map(|bytes| checkpoint::decode_epochs(&name, &bytes)).transpose();
        let epochs_damaged = epochs.as_ref().err().map(ToString::to_string);
        self.epochs_on_disk = epochs.unwrap_or_default();
        let bases = self.segments.bases();
        let first_damaged = self.segments.first_damaged(self.is_clean());
        self.recover_from = if self.setup.is_metadata && !bases.is_empty() {
            Some(0)
        } else {
            plan::recover_from(&bases, self.setup.known, first_damaged, self.setup.log_start)
        };
        if let Some(says) = epochs_damaged {
            // Every batch has the epoch of its leader: the history is built again from all of them.
            out.push(Output::Note(Note::mark("log.epochs_damaged").of(Some(&self.setup.subject)).says(says)));
            self.recover_from = (!bases.is_empty()).then(|| plan::holding(&bases, self.setup.log_start));
        }
        self.judge_front(&bases)?;
        let errands = self.segments.peeks(self.recover_from);
        self.go(Stage::Peek, errands, AT_ONCE, ids, out);
        Ok(())
    }

    /// A log that begins above its start has lost its first segments.
    fn judge_front(&self, bases: &[Offset]) -> Result<(), LoadError> {
        let (Some(start), Some(first)) = (self.setup.starts_at, bases.first()) else { return Ok(()) };
        let known = plan::of_what_counts(self.setup.known, self.setup.log_start);
        if *first <= start || known.end() <= start {
            return Ok(());
        }
        let segment = self.setup.dir.join(&FileName::of(Kind::Log, start));
        let why = format!("the first segment begins at offset {}, and the log at {}", first.0, start.0);
        Err(LoadError::Damaged(Damage { segment, at: 0, offset: start, synced: known.end(), why }))
    }

    fn peeked(&mut self, done: Vec<Done>, ids: &mut DirIds, out: &mut Vec<Output>) -> Result<(), LoadError> {
        let in_use = plan::holding(&self.segments.bases(), self.setup.log_start);
        if let Some(i) = self.segments.peeked(done, self.is_gapless()).filter(|i| *i >= in_use) {
            // A segment that begins with something else than a batch of ours is read whole, whatever is known of it.
            self.recover_from = Some(self.recover_from.map_or(i, |from| from.min(i)));
        }
        if let Some(i) = self.segments.first_untimed().filter(|i| self.recover_from.is_none_or(|from| *i < from)) {
            self.recover_from = Some(i.max(plan::holding(&self.segments.bases(), self.setup.log_start)));
        }
        let until = self.recover_from.unwrap_or(self.segments.all.len());
        let errands = if self.is_gapless() { self.segments.ends(in_use, until, self.setup.guards) } else { Vec::new() };
        if errands.is_empty() {
            return self.begin_at_end(ids, out);
        }
        self.go(Stage::Ends, errands, AT_ONCE, ids, out);
        Ok(())
    }

    /// True if each batch follows the one before: nothing is compacted, and nobody else can have compacted it.
    const fn is_gapless(&self) -> bool {
        !self.setup.compacts && !self.setup.foreign && !self.setup.is_metadata
    }

    /// All that is looked at beforehand was: on to what is scanned.
    fn begin_at_end(&mut self, ids: &mut DirIds, out: &mut Vec<Output>) -> Result<(), LoadError> {
        self.end = self.segments.all.first().map_or(self.setup.log_start.unwrap_or_default(), |s| s.base);
        match (self.recover_from, self.segments.all.last_mut()) {
            (None, Some(last)) => {
                let depth = Scan { producers_from: Offset(i64::MAX), ..Scan::new(last.file, last.base, Depth::Headers, self.setup.guards) };
                let (offsets, times) = (last.offsets.take().unwrap_or_default(), last.times.take().unwrap_or_default());
                let scan = Scan { index_interval_bytes: self.setup.index_interval_bytes, ..depth }.from_indexes(offsets, times);
                self.go(Stage::Tail, vec![Errand::Scan(Box::new(scan))], 1, ids, out);
            }
            (Some(i), _) => {
                let below = self.segments.all[i].base;
                self.choose_snapshot(below, ids, out);
            }
            (None, None) if plan::judge(self.setup.known, self.end, None) == Verdict::Damaged => {
                let why = "there is no segment".to_owned();
                let (end, synced) = (self.end, self.setup.known.end());
                return Err(LoadError::Damaged(Damage { segment: self.setup.dir.clone(), at: 0, offset: end, synced, why }));
            }
            (None, None) => self.choose_snapshot(self.end, ids, out),
        }
        Ok(())
    }

    /// The end of a cleanly closed log is found; or the index led astray, and the last segment is read whole.
    fn tail_walked(&mut self, done: Vec<Done>, ids: &mut DirIds, out: &mut Vec<Output>) -> Result<(), LoadError> {
        let scan = done.into_iter().next().map(Done::scanned).expect("one scan was asked for");
        let last = self.segments.all.len() - 1;
        if scan.batches == 0 && scan.at > 0 {
            reached!(&mut NotesOf(out), "log.index_damaged", of = &self.setup.subject, scan.base.0, scan.at);
            self.recover_from = Some(last);
            self.choose_snapshot(scan.base, ids, out);
            return Ok(());
        }
        self.end = scan.next;
        self.judge(last, &scan, out)?;
        self.segments.all[last].tail(*scan);
        self.choose_snapshot(self.end, ids, out);
        Ok(())
    }

    /// Reads the newest producer snapshot at or below an offset.
    fn choose_snapshot(&mut self, below: Offset, ids: &mut DirIds, out: &mut Vec<Output>) {
        let newest = self.listing.snapshots.iter().rev().find(|at| **at <= below).copied();
        match newest.filter(|_| !self.setup.is_metadata) {
            Some(at) => {
                let name = self.setup.dir.join(&FileName::of(Kind::Snapshot, at));
                self.go(Stage::Snapshot(at), vec![Errand::Read(name)], 1, ids, out);
            }
            None => self.begin_scans(self.segments.all.first().map_or(self.end, |s| s.base), ids, out),
        }
    }

    fn snapshot_read(&mut self, at: Offset, done: Vec<Done>, ids: &mut DirIds, out: &mut Vec<Output>) {
        let bytes = done.into_iter().next().and_then(Done::content).unwrap_or_default();
        match producer_snapshot::decode(at, &bytes, self.setup.guards) {
            Ok(producers) => {
                self.producers = Producers::recovered(producers);
                self.begin_scans(at, ids, out);
            }
            Err(error) => {
                let note = Note::mark("log.snapshot_damaged").of(Some(&self.setup.subject)).facts(at.0, 0);
                out.push(Output::Note(note.says(format!("{}: {error}", self.setup.dir.join(&FileName::of(Kind::Snapshot, at))))));
                self.listing.snapshots.retain(|s| *s != at);
                self.listing.rubbish.push(FileName::of(Kind::Snapshot, at));
                self.choose_snapshot(Offset(at.0 - 1), ids, out);
            }
        }
    }

    /// Scans from the segment that holds `from`, up to which producers are known; from [`LoadLog::recover_from`] on with checksums.
    fn begin_scans(&mut self, from: Offset, ids: &mut DirIds, out: &mut Vec<Output>) {
        self.producers_from = from;
        let holds = self.segments.bases().partition_point(|base| *base <= from).saturating_sub(1);
        let first = match self.recover_from {
            Some(i) if self.setup.is_metadata => i,
            Some(i) => holds.min(i),
            None if from >= self.end => self.segments.all.len(),
            None => holds,
        };
        self.scan(first, ids, out);
    }

    fn scan(&mut self, i: usize, ids: &mut DirIds, out: &mut Vec<Output>) {
        let Some(segment) = self.segments.all.get(i) else { return self.finish(ids, out) };
        let recovers = self.recovers(i);
        if recovers && self.recover_from < Some(i) && plan::is_torn_between(self.setup.known, self.setup.compacts, self.end, segment.base) {
            reached!(&mut NotesOf(out), "log.hole_cut", of = &self.setup.subject, self.end.0, segment.base.0);
            self.cut = Some(Cut { segment: i, length: None });
            return self.finish(ids, out);
        }
        let next = if recovers && self.recover_from < Some(i) { self.end.max(segment.base) } else { segment.base };
        let marked = self.setup.marked.filter(|(base, ..)| *base == segment.base).map(|(_, at, end)| (at, end));
        let scan = Scan {
            next,
            until: self.segments.all.get(i + 1).map(|behind| behind.base),
            marked,
            index_interval_bytes: self.setup.index_interval_bytes,
            producers_from: self.producers_from,
            producers: std::mem::take(&mut self.producers),
            ..Scan::new(segment.file, segment.base, Depth::Checksums, self.setup.guards)
        };
        self.go(Stage::Scan(i), vec![Errand::Scan(Box::new(scan))], 1, ids, out);
    }

    fn scanned(&mut self, i: usize, done: Vec<Done>, ids: &mut DirIds, out: &mut Vec<Output>) -> Result<(), LoadError> {
        let mut scan = done.into_iter().next().map(Done::scanned).expect("one scan was asked for");
        self.producers = std::mem::take(&mut scan.producers);
        self.epochs_scanned.append(&mut scan.epochs);
        if self.recovers(i) {
            self.end = scan.next;
            let behind = self.segments.all.get(i + 1).map(|behind| behind.base);
            if scan.end == Some(End::Whole)
                && self.is_gapless()
                && behind.is_some_and(|base| scan.next < base)
                && scan.next < plan::of_what_counts(self.setup.known, self.setup.log_start).end()
            {
                let why = format!("the segment ends here, and the one behind begins at offset {}", behind.unwrap_or_default().0);
                return Err(LoadError::Damaged(self.damage(i, &scan, why)));
            }
            reached!(&mut NotesOf(out), "log.segment_recovered", of = &self.setup.subject, scan.base.0, scan.next.0);
            self.judge(i, &scan, out)?;
            let is_last = i + 1 == self.segments.all.len() || self.cut.is_some();
            self.segments.all[i].rebuilt(*scan, is_last);
        } else if let Some(End::Fault(fault)) = &scan.end
            && self.segments.all.get(i + 1).is_some_and(|next| self.setup.log_start.is_none_or(|start| start < next.base))
        {
            // It lies whole below what was synced: it is read for the producers in it, and serves reads.
            return Err(match fault {
                Fault::Unserved(why) => LoadError::Unserved(Unserved { segment: self.name_of(i), at: scan.at, why: why.clone() }),
                fault => LoadError::Damaged(self.damage(i, &scan, fault.to_string())),
            });
        }
        if self.cut.is_some() {
            self.finish(ids, out);
        } else {
            self.scan(i + 1, ids, out);
        }
        Ok(())
    }

    /// Says what a scan's end means.
    fn judge(&mut self, i: usize, scan: &Scan, out: &mut Vec<Output>) -> Result<(), LoadError> {
        let is_last = i + 1 == self.segments.all.len();
        let fault = match &scan.end {
            Some(End::Fault(fault)) => Some(fault),
            _ => None,
        };
        // The metadata log is synced append by append: a whole batch behind one that is not proves damage, where nothing else is known.
        let proven = self.setup.is_metadata && self.setup.known.end() == Offset(0) && scan.followed_by.is_some();
        let known = plan::of_what_counts(self.setup.known, self.setup.log_start);
        let verdict = match plan::judge(known, scan.next, fault) {
            Verdict::Torn if proven => Verdict::Damaged,
            Verdict::Damaged if fault.is_none() && !is_last => Verdict::Whole,
            verdict => verdict,
        };
        if let Some(Fault::Unserved(why)) = fault {
            return Err(LoadError::Unserved(Unserved { segment: self.name_of(i), at: scan.at, why: why.clone() }));
        }
        let why = fault.map_or_else(|| "the log ends here".to_owned(), ToString::to_string);
        match verdict {
            Verdict::Whole => Ok(()),
            Verdict::Torn => {
                let drop_it = i > 0 && scan.at == 0;
                self.cut = Some(Cut { segment: i, length: (!drop_it).then_some(scan.at) });
                let note = Note::mark("log.tail_cut").of(Some(&self.setup.subject)).facts(scan.next.0, scan.at as i64);
                out.push(Output::Note(note.says(format!("{} is cut at byte {}, offset {}: {why}", self.name_of(i), scan.at, scan.next.0))));
                Ok(())
            }
            Verdict::Damaged => Err(LoadError::Damaged(self.damage(i, scan, why))),
        }
    }

    fn damage(&self, i: usize, scan: &Scan, why: String) -> Damage {
        Damage { segment: self.name_of(i), at: scan.at, offset: scan.next, synced: self.setup.known.end().max(scan.next), why }
    }

    fn finish(&mut self, ids: &mut DirIds, out: &mut Vec<Output>) {
        let (recovered, errands) = finish::finish(self, out);
        finish::note(self, &recovered, out);
        self.outcome = Some(Recovered { producers: self.producers.entries(), ..recovered });
        self.go(Stage::Finish, errands, 1, ids, out);
    }

    fn name_of(&self, i: usize) -> Name {
        let base = self.segments.all.get(i).map_or(self.end, |s: &Segment| s.base);
        self.setup.dir.join(&FileName::of(Kind::Log, base))
    }

    fn recovers(&self, i: usize) -> bool {
        self.recover_from.is_some_and(|from| i >= from)
    }

    const fn is_clean(&self) -> bool {
        matches!(self.setup.known, Known::Clean { .. })
    }

    fn gone(&self) -> LoadError {
        let says = "the directory was there when its parent was listed".to_owned();
        LoadError::Disk(DiskError { kind: DiskErrorKind::NotFound, action: "list", name: self.setup.dir.clone(), says })
    }
}

/// Every file that a segment may have, in the log's directory.
pub(super) fn files_of(dir: &Name, base: Offset) -> impl Iterator<Item = Errand> {
    tidy::files_of(base).into_iter().map(|name| Errand::Remove(dir.join(&name))).collect::<Vec<_>>().into_iter()
}
