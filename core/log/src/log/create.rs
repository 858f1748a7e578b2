//! How a log begins: made anew, or taken over from recovery.

use bytes::Bytes;
use odradek_machine::{Map, Now, Subject};

use super::ends::Ends;
use super::positions::Positions;
use super::recovered::{Recovered, RecoveredSegment, TimeEntry};
use super::{Log, Pending, Phase, Setup};
use crate::disk::DiskAction;
use crate::epochs::Epochs;
use crate::formats::partition_metadata;
use crate::index::Indexes;
use crate::output::{Output, Request};
use crate::producers::Producers;
use crate::segment::{IndexFiles, Segment};

impl Log {
    pub(super) fn begin(now: Now, setup: Setup, out: &mut Vec<Output>) -> Log {
        let mut log = Log::empty(setup, &Recovered::default());
        let name = log.setup.name.clone();
        log.disk(Pending::Directory, DiskAction::MakeDirectory { name }, out);
        log.identity_durable = false;
        log.has_directory = false;
        log.write_identity(out);
        log.save_epochs(log.ends.end, out);
        log.push_segment(now, log.ends.end, out);
        // Epochs that could not be saved are saved again with the next one.
        let needed = log.pending.sorted().into_iter().filter(|(_, pending)| **pending != Pending::Epochs);
        log.making = needed.map(|(token, _)| *token).collect();
        log.moved(out);
        log
    }

    pub(super) fn resume(now: Now, setup: Setup, recovered: Recovered, out: &mut Vec<Output>) -> Log {
        let mut log = Log::empty(setup, &recovered);
        log.epochs = Epochs::recovered(recovered.epochs);
        log.producers = Producers::recovered(recovered.producers);
        log.snapshots = recovered.snapshots.into_iter().collect();
        log.aborted = recovered.aborted;
        let last = recovered.segments.len().wrapping_sub(1);
        for (i, s) in recovered.segments.into_iter().enumerate() {
            let jitter_ms = log.draw_jitter(s.base);
            let has_aborted = log.aborted.iter().any(|a| a.segment == s.base);
            log.segments.push_back(Segment { jitter_ms, has_aborted, ..take_over(s, i == last, recovered.recovery_point) });
        }
        if log.segments.back().is_none_or(|s| s.end != log.ends.end) {
            log.push_segment(now, log.ends.end, out);
        }
        log.ends.written_at = log.segments.back().map_or((log.ends.end, 0), |s| (s.base, s.length));
        // What a crash left above the recovery point is in the page cache at best.
        let unsynced: Vec<_> = log.segments.iter().filter(|s| s.synced < s.end).map(|s| s.file).collect();
        for file in unsynced {
            log.want_sync(file, out);
        }
        for i in 0..log.segments.len() - 1 {
            if log.segments[i].index_files == IndexFiles::Memory {
                let end = log.segments[i].end;
                log.write_indexes(i, end, out);
            }
        }
        log.moved(out);
        log.check_all();
        log
    }

    fn empty(setup: Setup, recovered: &Recovered) -> Log {
        let subject = Subject { name: setup.partition.topic.clone(), number: setup.partition.partition };
        let mut ends = Ends::new(recovered.log_start, recovered.log_end);
        ends.synced = recovered.recovery_point.clamp(recovered.log_start, recovered.log_end);
        ends.high_watermark = recovered.high_watermark.clamp(recovered.log_start, recovered.log_end);
        Log {
            setup,
            subject,
            phase: Phase::Serving,
            ends,
            segments: std::collections::VecDeque::new(),
            positions: Positions::default(),
            epochs: Epochs::default(),
            epochs_unsaved_from: None,
            epochs_saving: None,
            producers: Producers::default(),
            snapshots: std::collections::BTreeSet::new(),
            aborted: Vec::new(),
            identity_durable: true,
            making: std::collections::BTreeSet::new(),
            has_directory: true,
            unflushed: 0,
            flush_at: None,
            pending: Map::new(),
            tokens: 0,
            lookups: Map::new(),
            lookup_ids: 0,
            start_moving: None,
            doomed: std::collections::VecDeque::new(),
            told: None,
            index_failures: 0,
        }
    }

    /// `partition.metadata` (KIP-516): without it, Apache Kafka takes the directory for a stray.
    fn write_identity(&mut self, out: &mut Vec<Output>) {
        let token = self.token(Pending::Identity);
        let name = self.setup.name.join("partition.metadata");
        let bytes = Bytes::from(partition_metadata::encode(self.setup.topic_id));
        out.push(Output::Dir(Request::Replace { token, name, bytes }));
    }
}

/// A segment as recovery found it. What it did not read of the active one's indexes is missing from memory, which costs longer walks and nothing else.
fn take_over(s: RecoveredSegment, active: bool, recovery_point: odradek_wire::ids::Offset) -> Segment {
    let in_memory = active || !s.indexes_on_disk;
    let indexes = Indexes { offsets: s.offset_index.unwrap_or_default(), times: s.time_index.unwrap_or_default() };
    let whole = recovery_point >= s.end;
    let synced = recovery_point.clamp(s.base, s.end);
    let last_entry = indexes.offsets.last().map_or(0, |e| u64::from(e.at));
    Segment {
        end: s.end,
        length: s.length,
        synced,
        synced_length: if whole { s.length } else { 0 },
        bytes_since_entry: s.length - last_entry.min(s.length),
        index_files: if s.indexes_on_disk && !active { IndexFiles::OnDisk } else { IndexFiles::Memory },
        indexes: in_memory.then_some(indexes),
        newest: (s.max_timestamp_ms >= 0).then_some(TimeEntry { timestamp_ms: s.max_timestamp_ms, last: s.max_timestamp_offset }),
        first_timestamp_ms: (s.length > 0).then_some(s.first_timestamp_ms),
        ..Segment::new(s.base, s.file, s.modified_ms, 0)
    }
}
