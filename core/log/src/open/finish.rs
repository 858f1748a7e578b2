//! The end of a loading: what is cut, what is rewritten, and the log as it goes on.

use odradek_machine::{Note, guard, reached};
use odradek_wire::ids::Offset;

use super::errands::Errand;
use super::load::{Cut, LoadLog, files_of};
use super::plan::{self, Known};
use super::segments::Segment;
use super::{NotesOf, Output};
use crate::epochs::Epochs;
use crate::formats::file_name::{FileName, Kind, LEADER_EPOCHS};
use crate::formats::{checkpoint, index};
use crate::log::recovered::{Recovered, RecoveredSegment};
use crate::producers::Producers;

/// What is left to do on the disk, in this order, and what the log then is (all but its producers).
pub(super) fn finish(log: &mut LoadLog, out: &mut Vec<Output>) -> (Recovered, Vec<Errand>) {
    let begins_at = begin_anew(log, out);
    let mut errands = cut(log);
    errands.extend(rewrite_aborted(log));
    let log_start = begins_at.unwrap_or_else(|| {
        let first = log.segments.all.first().map_or(log.end, |s| s.base);
        log.setup.log_start.unwrap_or(first).clamp(first, log.end)
    });
    let (epochs, rewrite) = epochs(log, log_start, begins_at.is_some());
    errands.extend(rewrite);
    let recovery_point = match log.setup.known {
        Known::Clean { .. } => log.end,
        Known::Mark { end } | Known::RecoveryPoint { end } => end.clamp(log_start, log.end),
    };
    let recovered = Recovered {
        segments: recovered_segments(&log.segments.all),
        epochs: epochs.starts().to_vec(),
        producers: Vec::new(),
        aborted: log.segments.all.iter().flat_map(|s| s.aborted.iter().copied()).collect(),
        snapshots: log.listing.snapshots.clone(),
        log_start,
        log_end: log.end,
        recovery_point,
        high_watermark: log.setup.high_watermark.unwrap_or(log_start).clamp(log_start, log.end),
    };
    assert!(recovered.log_start <= recovered.log_end, "log start {:?} beyond the end {:?}", recovered.log_start, recovered.log_end);
    (recovered, errands)
}

/// A log that ends below its start, or (the metadata log) below its newest snapshot, is emptied and begins there.
fn begin_anew(log: &mut LoadLog, out: &mut Vec<Output>) -> Option<Offset> {
    let newest = log.listing.checkpoints.last().map(|(end, _)| *end).filter(|_| log.setup.is_metadata);
    let start = log.setup.log_start.max(newest).filter(|start| *start > log.end)?;
    if !log.segments.all.is_empty() {
        log.cut = Some(Cut { segment: 0, length: None });
        let says = format!(
            "{}: Deleting all segments because logEndOffset ({}) is smaller than logStartOffset {}",
            log.setup.dir, log.end.0, start.0
        );
        out.push(Output::Note(Note::mark("log.begun_anew").of(Some(&log.setup.subject)).facts(log.end.0, start.0).says(says)));
    }
    // Whoever wrote here is as unknown to this log as what it wrote.
    log.listing.rubbish.extend(log.listing.snapshots.drain(..).map(|at| FileName::of(Kind::Snapshot, at)));
    log.producers = Producers::default();
    log.epochs_scanned.clear();
    log.end = start;
    Some(start)
}

/// What cannot be kept goes from the end backwards, so that a crash on the way leaves a log without holes; the segment that stays is cut last.
fn cut(log: &mut LoadLog) -> Vec<Errand> {
    let dir = log.setup.dir.clone();
    let mut errands: Vec<Errand> = log.listing.rubbish.drain(..).map(|name| Errand::Remove(dir.join(&name))).collect();
    let (gone, kept): (Vec<_>, Vec<_>) = log.listing.snapshots.drain(..).partition(|at| *at > log.end);
    log.listing.snapshots = kept;
    errands.extend(gone.into_iter().rev().map(|at| Errand::Remove(dir.join(&FileName::of(Kind::Snapshot, at)))));
    errands.extend(stale_indexes(log));
    let mut shorten = None;
    if let Some(Cut { segment, length }) = log.cut {
        let keep = segment + usize::from(length.is_some());
        for s in log.segments.all.drain(keep..).rev() {
            errands.push(Errand::Close(s.file));
            errands.extend(files_of(&dir, s.base));
        }
        // One that was not scanned ends where the first of those that go began.
        if let Some(last) = log.segments.all.last_mut() {
            last.end.get_or_insert(log.end);
        }
        shorten = length.map(|length| (segment, length));
    }
    let unclean = !matches!(log.setup.known, Known::Clean { .. });
    // After a kill the names that the last life made may be in the page cache alone, and this life takes them for durable.
    if unclean || !errands.is_empty() {
        errands.push(Errand::SyncDirectory(dir));
    }
    let kept = shorten.as_ref().map(|(segment, length)| (*segment, *length));
    errands.extend(shorten.map(|(segment, length)| Errand::Cut(log.segments.all[segment].file, length)));
    if unclean {
        errands.extend(write_again(log, kept));
    }
    errands
}

/// What was read above the mark may be in the page cache alone, and clean there: a sync that failed in the life before leaves it so, and no later sync writes it.
/// It is written once more. Without a mark it is synced; a cut that a kill interrupted may be in the page cache alone too, and what it took must not come back in
/// the place of what is appended next.
fn write_again(log: &LoadLog, cut: Option<(usize, u64)>) -> Vec<Errand> {
    let Some((marked, at, _)) = log.setup.marked.filter(|_| !guard!(log.setup.guards, BELIEVED_CACHE, false)) else {
        return log.segments.all.last().map(|s| Errand::Sync(s.file)).into_iter().collect();
    };
    let above = log.segments.all.iter().enumerate().filter(|(_, s)| s.base >= marked);
    let again = |(i, s): (usize, &Segment)| {
        let length = cut.filter(|(segment, _)| *segment == i).map_or(s.length, |(_, length)| length);
        Errand::WriteAgain(s.file, if s.base == marked { at.min(length) } else { 0 }, length)
    };
    above.map(again).collect()
}

/// Indexes on disk of segments whose own were built again. They are written anew at a roll or a clean stop; a life that is killed before must not leave them
/// to the next one, since what they say may be of batches that were cut.
fn stale_indexes(log: &LoadLog) -> Vec<Errand> {
    let rebuilt = log.segments.all.iter().filter(|s| !s.indexes_on_disk);
    let names = rebuilt.flat_map(|s| [Kind::Index, Kind::TimeIndex].map(|kind| log.setup.dir.join(&FileName::of(kind, s.base))));
    names.map(Errand::Remove).collect()
}

/// The transaction indexes of recovered segments, where they differ from what is on disk.
fn rewrite_aborted(log: &LoadLog) -> Vec<Errand> {
    let recovered = log.segments.all.iter().skip(log.recover_from.unwrap_or(usize::MAX));
    let rewrite = |s: &Segment| {
        let (name, bytes) = (log.setup.dir.join(&FileName::of(Kind::TxnIndex, s.base)), index::encode_aborted(&s.aborted));
        match &s.aborted_on_disk {
            Some(on_disk) if *on_disk == bytes => None,
            Some(_) if bytes.is_empty() => Some(Errand::Remove(name)),
            None if bytes.is_empty() => None,
            _ => Some(Errand::Replace(name, bytes)),
        }
    };
    recovered.filter_map(rewrite).collect()
}

/// The epoch history of [log start, log end), with what a scan found above it; and its file, where that differs.
fn epochs(log: &LoadLog, log_start: Offset, anew: bool) -> (Epochs, Option<Errand>) {
    // Where every batch was looked at, they say more than the file, which has no checksum.
    let bases: Vec<Offset> = log.segments.all.iter().map(|s| s.base).collect();
    let looked_at_all = log.recover_from.is_some_and(|from| from <= plan::holding(&bases, log.setup.log_start));
    let on_disk = log.epochs_on_disk.clone().filter(|_| !anew && (!looked_at_all || log.epochs_scanned.is_empty()));
    let mut epochs = Epochs::recovered(on_disk.unwrap_or_default());
    epochs.cut_end(log.end);
    for scanned in log.epochs_scanned.iter().filter(|e| e.start < log.end) {
        if epochs.latest().is_none_or(|latest| latest.epoch < scanned.epoch) {
            epochs.assign(scanned.epoch, scanned.start);
        }
    }
    epochs.cut_start(log_start);
    let unchanged = log.epochs_on_disk.as_deref().unwrap_or_default() == epochs.starts();
    let text = checkpoint::encode_epochs(epochs.starts());
    let rewrite = (!unchanged).then(|| Errand::Replace(log.setup.dir.join(LEADER_EPOCHS), text.into_bytes().into()));
    (epochs, rewrite)
}

fn recovered_segments(segments: &[Segment]) -> Vec<RecoveredSegment> {
    let end_of = |i: usize, s: &Segment| s.end.or_else(|| segments.get(i + 1).map(|next| next.base)).unwrap_or(s.base);
    let recovered = |(i, s): (usize, &Segment)| RecoveredSegment {
        base: s.base,
        file: s.file,
        length: s.length,
        end: end_of(i, s),
        max_timestamp_ms: s.newest.map_or(-1, |n| n.timestamp_ms),
        max_timestamp_offset: s.newest.map_or(s.base, |n| n.last),
        first_timestamp_ms: s.first_timestamp_ms.unwrap_or(-1),
        modified_ms: s.modified_ms,
        offset_index: s.offsets.clone(),
        time_index: s.times.clone(),
        indexes_on_disk: s.indexes_on_disk,
    };
    segments.iter().enumerate().map(recovered).collect()
}

/// Marks that a log was loaded, with its bounds.
pub(super) fn note(log: &LoadLog, recovered: &Recovered, out: &mut Vec<Output>) {
    match log.setup.known {
        Known::Clean { .. } => {
            reached!(&mut NotesOf(out), "log.loaded", of = &log.setup.subject, recovered.log_start.0, recovered.log_end.0);
        }
        Known::Mark { .. } | Known::RecoveryPoint { .. } => {
            reached!(&mut NotesOf(out), "log.recovered", of = &log.setup.subject, recovered.log_start.0, recovered.log_end.0);
        }
    }
}
