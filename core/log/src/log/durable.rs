//! Durability of one log: what waits for a sync, and what the checkpoints may say.

use odradek_machine::{Now, guard};
use odradek_wire::ids::Offset;

use super::{Log, Phase};
use crate::config::LogConfig;
use crate::disk::FileId;
use crate::output::{Checkpoint, Mark, Output, Request};
use crate::segment::{IndexFiles, Segment};

impl Log {
    pub(super) fn set_config(&mut self, now: Now, config: LogConfig, out: &mut Vec<Output>) {
        let flush_ms = std::mem::replace(&mut self.setup.config, config).flush_ms;
        if flush_ms != self.setup.config.flush_ms {
            self.flush_at = None; // counted from here on
        }
        if matches!(self.phase, Phase::Serving) && self.unflushed > 0 {
            self.want_sync_if_due(now, out);
        }
    }

    /// Asks for a sync after an append, if `flush.messages` says that it is time.
    pub(super) fn want_sync_if_due(&mut self, now: Now, out: &mut Vec<Output>) {
        if self.unflushed < self.setup.config.flush_messages {
            if let (None, Some(ms)) = (self.flush_at, self.setup.config.flush_ms) {
                self.flush_at = Some(now.mono.plus_ms(ms));
            }
            return;
        }
        self.want_sync_of_active(out);
    }

    /// Asks for a sync of everything that was appended.
    pub(super) fn want_sync_of_active(&mut self, out: &mut Vec<Output>) {
        self.unflushed = 0;
        self.flush_at = None;
        let file = self.segments.back().expect("a log has an active segment").file;
        self.want_sync(file, out);
    }

    pub(super) fn want_sync(&mut self, file: FileId, out: &mut Vec<Output>) {
        let s = self.segments.iter_mut().rev().find(|s| s.file == file).expect("a sync is wanted for a segment of this log");
        s.asked = s.end;
        out.push(Output::Dir(Request::WantSync { file, through: s.end, length: s.length }));
    }

    /// A file is durable up to here.
    pub(super) fn synced(&mut self, file: FileId, through: Offset, length: u64, out: &mut Vec<Output>) {
        // A segment that was cut or deleted meanwhile is not there, or ends before.
        let Some(s) = self.segments.iter_mut().rev().find(|s| s.file == file) else { return };
        if through > s.synced && through <= s.end {
            (s.synced, s.synced_length) = (through, length);
        }
        self.moved(out);
    }

    /// Moves the synced end over everything that is durable, and tells the directory what the checkpoints may say.
    pub(super) fn moved(&mut self, out: &mut Vec<Output>) {
        if !matches!(self.phase, Phase::OutOfService | Phase::Ended) && self.identity_durable {
            let synced = self.synced_mark().end;
            assert!(synced >= self.ends.synced, "the synced end went back from {:?} to {synced:?}", self.ends.synced);
            self.ends.synced = synced;
        }
        // A mark that was lowered for a cut stays low until the cut is done, or a crash in between makes damage of it.
        if matches!(self.phase, Phase::Truncating(_)) {
            return;
        }
        let checkpoint = Checkpoint {
            recovery_point: self.recovery_point(),
            topic_id: self.setup.topic_id,
            log_start: self.ends.start,
            high_watermark: self.ends.high_watermark,
            synced: if guard!(self.setup.guards, MARK_OF_WRITTEN, false) { self.written_mark() } else { self.synced_mark() },
        };
        if self.told != Some(checkpoint) {
            self.told = Some(checkpoint);
            out.push(Output::Dir(Request::Checkpoint(checkpoint)));
        }
    }

    /// The point up to which every segment is durable.
    pub(super) fn synced_mark(&self) -> Mark {
        let from = self.segments.partition_point(|s| s.base <= self.ends.synced).saturating_sub(1);
        let behind = self.segments.iter().skip(from);
        let s = behind.clone().find(|s| s.synced < s.end).or(behind.last()).expect("a log has an active segment");
        Mark { segment: s.base, length: s.synced_length, end: s.synced }
    }

    fn written_mark(&self) -> Mark {
        let (segment, length) = self.ends.written_at;
        Mark { segment, length, end: self.ends.written }
    }

    /// Everything below is durable, and a recovery that begins here misses nothing: neither an index of a segment before it nor a leader epoch.
    pub(super) fn recovery_point(&self) -> Offset {
        let mut point = self.ends.synced;
        let waits = |s: &Segment| s.index_files != IndexFiles::OnDisk || s.synced < s.end;
        let closed = self.segments.iter().rev().skip(1);
        // Those that wait are the newest, unless a write failed.
        let oldest = if self.index_failures == 0 {
            closed.take_while(|s| waits(s)).last()
        } else {
            self.segments.iter().rev().skip(1).rfind(|s| waits(s))
        };
        if let Some(s) = oldest {
            point = point.min(s.base);
        }
        if let Some(epoch) = self.epochs_unsaved_from {
            point = point.min(epoch);
        }
        point
    }
}
