//! What opening and recovery found: all that a log needs to go on.

use odradek_wire::ids::{LeaderEpoch, Offset, ProducerEpoch, ProducerId, Sequence};

use crate::disk::FileId;
use crate::epochs::EpochStart;

/// One partition's log as it was found on disk and made whole: the files exist, are open where a handle is given, and nothing lies behind their lengths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// By ascending base offset; may be empty, then the log begins at `log_start`.
    pub segments: Vec<RecoveredSegment>,
    /// As `leader-epoch-checkpoint` has it, trimmed to the log.
    pub epochs: Vec<EpochStart>,
    /// Producer state at the log end.
    pub producers: Vec<RecoveredProducer>,
    /// Aborted transactions that the log still holds, by segment.
    pub aborted: Vec<AbortedTransaction>,
    /// Snapshots on disk, by offset.
    pub snapshots: Vec<Offset>,
    /// The log start offset.
    pub log_start: Offset,
    /// The log end offset.
    pub log_end: Offset,
    /// Everything below is known to be synced, by checkpoint or by mark; the rest is synced again before it counts.
    pub recovery_point: Offset,
    /// The checkpointed high watermark, clamped to the log.
    pub high_watermark: Offset,
}

/// One segment as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecoveredSegment {
    /// Base offset.
    pub base: Offset,
    /// Handle of its open `.log`.
    pub file: FileId,
    /// Bytes of `.log`.
    pub length: u64,
    /// The offset after its last batch; the base if it is empty.
    pub end: Offset,
    /// The largest timestamp in it, −1 if there is none.
    pub max_timestamp_ms: i64,
    /// Last offset of the batch that has it, as the time index records it.
    pub max_timestamp_offset: Offset,
    /// The largest timestamp of its first batch, −1 if not known; decides when `segment.ms` is over.
    pub first_timestamp_ms: i64,
    /// When `.log` was last changed, wall clock; ages segments whose records have no timestamp.
    pub modified_ms: i64,
    /// Its offset index, if it was read or built: required for the last segment.
    pub offset_index: Option<Vec<OffsetEntry>>,
    /// Its time index, likewise.
    pub time_index: Option<Vec<TimeEntry>>,
    /// True if `.index` and `.timeindex` on disk are as given or complete; false asks the log to write them (at roll or clean stop).
    pub indexes_on_disk: bool,
}

/// One entry of an offset index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OffsetEntry {
    /// Last offset of a batch.
    pub last: Offset,
    /// Position of its start.
    pub at: u32,
}

/// One entry of a time index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeEntry {
    /// The largest timestamp so far.
    pub timestamp_ms: i64,
    /// Last offset of the batch that has it.
    pub last: Offset,
}

/// The state of one producer as a snapshot holds it, with what a replay knows beyond: up to five batches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecoveredProducer {
    /// The producer.
    pub id: ProducerId,
    /// Its incarnation.
    pub epoch: ProducerEpoch,
    /// Its last batches, oldest first, at most five.
    pub batches: Vec<crate::producers::ProducerBatchMeta>,
    /// Time of its last append.
    pub last_timestamp_ms: i64,
    /// Epoch of the coordinator that wrote its last marker, −1 before any.
    pub coordinator_epoch: i32,
    /// Where its open transaction begins.
    pub transaction_start: Option<Offset>,
}

/// One aborted transaction, as a transaction index holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AbortedTransaction {
    /// Base offset of the segment in which it ended.
    pub segment: Offset,
    /// The producer.
    pub producer: ProducerId,
    /// Its first offset.
    pub first: Offset,
    /// Offset of the abort marker.
    pub last: Offset,
    /// The last stable offset when the marker was written.
    pub last_stable: Offset,
}

/// The last known leader epoch, for callers that want it by name.
impl Recovered {
    /// The newest epoch, if any was recorded.
    pub fn latest_epoch(&self) -> Option<LeaderEpoch> {
        self.epochs.last().map(|e| e.epoch)
    }

    /// The sequence after which a producer's next batch is in order, if it is known.
    pub fn last_sequence(&self, id: ProducerId) -> Option<Sequence> {
        self.producers.iter().find(|p| p.id == id)?.batches.last().map(|b| b.last_sequence)
    }
}
