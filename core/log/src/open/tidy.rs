//! What a partition's directory holds, and what of it a crash left half done.

use std::collections::BTreeMap;

use odradek_wire::ids::{LeaderEpoch, Offset};

use crate::disk::{Entry, Name};
use crate::formats::file_name::{FileName, Kind, Mark, SEGMENT_KINDS};

/// The files of a partition's directory that are in use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Listing {
    /// Segments by base offset: what there is of each.
    pub(crate) segments: BTreeMap<Offset, SegmentFiles>,
    /// Producer snapshots, by offset.
    pub(crate) snapshots: Vec<Offset>,
    /// Metadata snapshots: end and epoch, ascending.
    pub(crate) checkpoints: Vec<(Offset, LeaderEpoch)>,
    /// Complete output of a compaction that has not taken the place of its sources.
    pub(crate) swaps: Vec<FileName>,
    /// Files on their way out, and output of a compaction that did not end.
    pub(crate) rubbish: Vec<String>,
}

/// The files of one segment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SegmentFiles {
    /// `.log`: when it was last changed, if it is there.
    pub(crate) log_modified_ms: Option<i64>,
    /// Bytes of `.index`, if it is there.
    pub(crate) index: Option<u64>,
    /// Bytes of `.timeindex`, if it is there.
    pub(crate) time_index: Option<u64>,
    /// Bytes of `.txnindex`, if it is there.
    pub(crate) txn_index: Option<u64>,
}

impl Listing {
    /// Sorts what a directory holds. Directories in it, and files of other names, are not looked at.
    pub(crate) fn of(entries: &[Entry]) -> Listing {
        let mut listing = Listing::default();
        for entry in entries.iter().filter(|e| !e.directory) {
            let Some(name) = FileName::parse(&entry.name) else { continue };
            match name.mark {
                Mark::None => listing.put(name, entry),
                Mark::Swap => listing.swaps.push(name),
                Mark::Deleted | Mark::Cleaned | Mark::Part => listing.rubbish.push(entry.name.clone()),
            }
        }
        listing.forget_swaps_of_an_unfinished_cleaning();
        listing.forget_what_has_no_log();
        listing.snapshots.sort_unstable();
        listing.checkpoints.sort_unstable();
        listing.swaps.sort_unstable();
        listing.rubbish.sort_unstable();
        listing
    }

    fn put(&mut self, name: FileName, entry: &Entry) {
        let segments = &mut self.segments;
        match name.kind {
            Kind::Log => segments.entry(name.offset).or_default().log_modified_ms = Some(entry.modified_ms),
            Kind::Index => segments.entry(name.offset).or_default().index = Some(entry.length),
            Kind::TimeIndex => segments.entry(name.offset).or_default().time_index = Some(entry.length),
            Kind::TxnIndex => segments.entry(name.offset).or_default().txn_index = Some(entry.length),
            Kind::Snapshot => self.snapshots.push(name.offset),
            Kind::Checkpoint(epoch) => self.checkpoints.push((name.offset, epoch)),
        }
    }

    /// A split writes several segments; while one is still `.cleaned`, the `.swap` ones at or above it are not the whole.
    fn forget_swaps_of_an_unfinished_cleaning(&mut self) {
        let cleaned = self.rubbish.iter().filter_map(|n| FileName::parse(n)).filter(|n| n.mark == Mark::Cleaned).map(|n| n.offset).min();
        let Some(lowest) = cleaned else { return };
        let (gone, kept) = self.swaps.drain(..).partition(|n: &FileName| n.offset >= lowest);
        self.swaps = kept;
        self.rubbish.extend(gone.into_iter().map(|n| format!("{}.swap", FileName::of(n.kind, n.offset))));
    }

    fn forget_what_has_no_log(&mut self) {
        let orphans: Vec<Offset> = self.segments.iter().filter(|(_, s)| s.log_modified_ms.is_none()).map(|(base, _)| *base).collect();
        for base in orphans {
            let files = self.segments.remove(&base).expect("the key was just read");
            let there = [(Kind::Index, files.index), (Kind::TimeIndex, files.time_index), (Kind::TxnIndex, files.txn_index)];
            self.rubbish.extend(there.into_iter().filter(|(_, length)| length.is_some()).map(|(kind, _)| FileName::of(kind, base)));
        }
    }

    /// Base offsets of the logs among the complete compaction output.
    pub(crate) fn swapped_logs(&self) -> Vec<Offset> {
        self.swaps.iter().filter(|n| n.kind == Kind::Log).map(|n| n.offset).collect()
    }

    /// The files whose place a compaction's output takes, which ends at `end`: of segments that begin in its range.
    pub(crate) fn sources(&self, end: Offset) -> Vec<String> {
        let Some(lowest) = self.swaps.iter().map(|n| n.offset).min() else { return Vec::new() };
        self.segments.range(lowest..end.max(lowest)).flat_map(|(base, _)| files_of(*base)).collect()
    }

    /// Old and new names of the compaction's output; each log last, so that a segment is there only when its indexes are.
    pub(crate) fn finished_swaps(&self, dir: &Name) -> Vec<(Name, Name)> {
        let mut files = self.swaps.clone();
        files.sort_unstable_by_key(|n| (n.kind == Kind::Log, *n));
        files.iter().map(|n| FileName::of(n.kind, n.offset)).map(|name| (dir.join(&format!("{name}.swap")), dir.join(&name))).collect()
    }
}

/// Every file that a segment may have.
pub(crate) fn files_of(base: Offset) -> Vec<String> {
    SEGMENT_KINDS.iter().map(|kind| FileName::of(*kind, base)).collect()
}
