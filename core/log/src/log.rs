//! One partition's log as state: what was appended, what of it is written, what of it is synced.
//!
//! | end | meaning | who may rely on it |
//! |---|---|---|
//! | log end | offsets assigned | the next append, a follower's fetch position |
//! | written end | in the file (page cache) | readers, replicas |
//! | synced end | durable | acknowledgments |
//!
//! A log is owned by its partition, refers to nothing outside, and asks for everything through [`crate::output::Output`].

mod aborted;
pub mod admit;
mod append;
mod create;
mod durable;
mod ends;
pub mod incoming;
mod lookup;
mod positions;
mod read;
pub mod recovered;
mod replay;
mod retire;
mod roll;
mod side;
mod step;
mod stop;
#[cfg(test)]
mod tests;
mod truncate;

use std::collections::{BTreeSet, VecDeque};

use odradek_machine::{Deadline, Guards, Map, Mono, Now, Seed, Subject};
use odradek_wire::ids::{LeaderEpoch, Offset, ProducerEpoch, ProducerId, Sequence, TopicPartition, Uuid};

use crate::config::LogConfig;
use crate::dir::ids::FileIds;
use crate::disk::{DirId, DiskAction, FileRange, Name};
use crate::epochs::{EpochEnd, Epochs};
use crate::output::{Checkpoint, Input, LookupId, Output, RecordAt, Request, Token};
use crate::producers::{ProducerInfo, Producers};
use crate::segment::Segment;
use admit::Rejected;
use ends::Ends;
use incoming::{Incoming, Origin};
use lookup::Lookup;
use positions::Positions;
use recovered::{AbortedTransaction, Recovered};
use retire::Doomed;
use stop::{Closing, Deleting};
use truncate::Truncating;

/// Who a log is, and by which rules it runs.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Topic and index.
    pub partition: TopicPartition,
    /// The topic's id, for `partition.metadata`.
    pub topic_id: Uuid,
    /// Which log directory it lies in.
    pub dir: DirId,
    /// Name of its directory there.
    pub name: Name,
    /// Its topic's configuration.
    pub config: LogConfig,
    /// The mint of its file handles, from [`crate::dir::LogDir::adopt`].
    pub files: FileIds,
    /// Its branch of the node's draws.
    pub seed: Seed,
    /// Which guards stand.
    pub guards: Guards,
}

/// An append that was accepted. It may be acknowledged once [`Log::durable_end`] has reached `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Offset of the first record.
    pub base: Offset,
    /// The offset after the last record.
    pub end: Offset,
    /// The time that the log gave the records, with `LogAppendTime`.
    pub log_append_time_ms: Option<i64>,
    /// The log start at this moment.
    pub log_start: Offset,
    /// True if the batch was in the log already: the offsets are those of its original, and it waits for its original's durability.
    pub duplicate: bool,
}

/// Why an append was refused; nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// The disk failed, or does not have what was written.
    #[error("the log is out of service")]
    OutOfService,
    /// A truncation or a closing is under way.
    #[error("the log takes no appends at the moment")]
    Busy,
    /// Kafka's MESSAGE_TOO_LARGE.
    #[error("a batch of {bytes} bytes is larger than max.message.bytes={limit}")]
    TooLarge {
        /// Of the batch.
        bytes: u64,
        /// What is allowed.
        limit: u64,
    },
    /// Kafka's RECORD_LIST_TOO_LARGE.
    #[error("a batch of {bytes} bytes is larger than segment.bytes={limit}")]
    LargerThanSegment {
        /// Of the batch.
        bytes: u64,
        /// What is allowed.
        limit: u64,
    },
    /// Kafka's INVALID_TIMESTAMP, or INVALID_RECORD where no time is wrong.
    #[error("{} of the records are refused by the rules of the topic", .0.count)]
    Rejected(Rejected),
    /// Kafka's OUT_OF_ORDER_SEQUENCE_NUMBER.
    #[error("producer {producer:?} sent sequence {got:?} where {last:?} was the last")]
    OutOfOrderSequence {
        /// The producer.
        producer: ProducerId,
        /// The first sequence of the batch.
        got: Sequence,
        /// The last sequence in the log, if any.
        last: Option<Sequence>,
    },
    /// Kafka's INVALID_PRODUCER_EPOCH.
    #[error("producer {producer:?} came with epoch {got:?} after {current:?}")]
    ProducerFenced {
        /// The producer.
        producer: ProducerId,
        /// The batch's epoch.
        got: ProducerEpoch,
        /// The epoch in the log.
        current: ProducerEpoch,
    },
    /// Kafka's TRANSACTION_COORDINATOR_FENCED.
    #[error("coordinator epoch {got} after {current}")]
    CoordinatorFenced {
        /// The marker's.
        got: i32,
        /// The newest in the log.
        current: i32,
    },
    /// Kafka's INVALID_TXN_STATE: a batch outside a transaction while one is open, or a marker without a producer.
    #[error("producer {producer:?} mixes a transaction with what is not in it")]
    TransactionState {
        /// The producer.
        producer: ProducerId,
    },
    /// A replicated batch does not continue the log.
    #[error("a batch begins at {got:?} where {expected:?} is next")]
    NotNext {
        /// The batch's first offset.
        got: Offset,
        /// The log end.
        expected: Offset,
    },
    /// Offsets are used up.
    #[error("no offsets are left after {after:?}")]
    Exhausted {
        /// The log end.
        after: Offset,
    },
}

/// What a read found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read {
    /// The bytes that begin with the batch that holds the offset asked for; none at the limit.
    Ready(Slice),
    /// The position must be looked up on disk; [`crate::output::Answer::ReadAgain`] says when the same read will be answered at once.
    Cold(LookupId),
}

/// Bytes of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice {
    /// Where they are, in order.
    pub ranges: Vec<FileRange>,
    /// Offset of the batch that they begin with; `from` if there are none.
    pub base: Offset,
    /// Their sum.
    pub bytes: u64,
    /// There is a batch, and it is longer than the read may be.
    pub left_out: bool,
    /// Aborted transactions that overlap them, where the caller asked.
    pub aborted: Vec<AbortedTransaction>,
}

/// What to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadRequest {
    /// The first offset.
    pub from: Offset,
    /// Never this offset or beyond: the high watermark, the last stable offset, or the log end for a replica. The written end bounds it anyway.
    pub until: Offset,
    /// Bytes at the most.
    pub bytes_max: u64,
    /// One batch is given whole even if it is longer than `bytes_max` (KIP-74).
    pub at_least_one: bool,
    /// List the aborted transactions that overlap the answer (read_committed).
    pub want_aborted: bool,
}

/// Why a read was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// Kafka's OFFSET_OUT_OF_RANGE.
    #[error("offset {asked:?} is outside {log_start:?}..={log_end:?}")]
    OutOfRange {
        /// What was asked for.
        asked: Offset,
        /// The log start.
        log_start: Offset,
        /// The log end.
        log_end: Offset,
    },
    /// The disk failed, or does not have what was written.
    #[error("the log is out of service")]
    OutOfService,
    /// A truncation is under way.
    #[error("the log answers no reads at the moment")]
    Busy,
}

/// The answer to a search by timestamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampFound {
    /// Known from memory.
    Ready(Option<RecordAt>),
    /// A segment must be searched; [`crate::output::Answer::Timestamp`] follows.
    Cold(LookupId),
}

/// How a truncation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truncation {
    /// Done: the log end is where it was asked for, or was below it already.
    Done,
    /// The disk must be asked first; [`Output::Truncated`] follows, and appends are refused until then.
    UnderWay,
}

/// One partition's log.
#[derive(Debug)]
pub struct Log {
    setup: Setup,
    subject: Subject,
    phase: Phase,
    ends: Ends,
    /// Ascending; never empty. The last one is active.
    segments: VecDeque<Segment>,
    positions: Positions,
    epochs: Epochs,
    /// The oldest epoch that `leader-epoch-checkpoint` does not hold for certain.
    epochs_unsaved_from: Option<Offset>,
    /// The replacement of that file that holds everything, while it is under way.
    epochs_saving: Option<Token>,
    producers: Producers,
    /// Offsets of the producer snapshots on disk.
    snapshots: BTreeSet<Offset>,
    /// By ascending marker.
    aborted: Vec<AbortedTransaction>,
    /// `partition.metadata` is durable, so that what is acknowledged will be found again.
    identity_durable: bool,
    /// What a log that is made anew waits for: its directory, its identity, its first segment. Empty once it is made.
    making: BTreeSet<Token>,
    /// Its directory was made by it, or found.
    has_directory: bool,
    /// Records appended since a sync was asked for.
    unflushed: u64,
    flush_at: Option<Mono>,
    pending: Map<Token, Pending>,
    tokens: u64,
    lookups: Map<LookupId, Lookup>,
    lookup_ids: u64,
    /// A log start that is not durable yet.
    start_moving: Option<Offset>,
    doomed: VecDeque<Doomed>,
    /// What the directory was told last for its checkpoints.
    told: Option<Checkpoint>,
    /// Index files that could not be written, in all.
    index_failures: u64,
}

/// | from | to | trigger |
/// |---|---|---|
/// | `Serving` | `Truncating` | a truncation that must ask the disk |
/// | `Truncating` | `Serving` | the cut is done and producer state is rebuilt |
/// | `Serving` | `Closing`, `Deleting` | close, delete |
/// | `Closing`, `Deleting` | `Ended` | the last operation finished |
/// | any | `OutOfService` | a write to a segment failed, what was written cannot be read, or the directory failed; only `Closing` and `Deleting` follow, and end unclean |
#[derive(Debug)]
enum Phase {
    Serving,
    Truncating(Truncating),
    Closing(Closing),
    Deleting(Deleting),
    OutOfService,
    Ended,
}

/// What a completion is for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Pending {
    /// A segment's file was made.
    Create,
    /// A batch was written.
    Write,
    /// An index file was replaced.
    Index { segment: Offset, rolled_at: Offset },
    /// A producer snapshot was written.
    Snapshot(Offset),
    /// `leader-epoch-checkpoint` was replaced.
    Epochs,
    /// `partition.metadata` was written.
    Identity,
    /// The directory was made.
    Directory,
    /// A step of a cold lookup.
    Lookup(LookupId),
    /// A step of a deletion.
    Doomed(u64),
    /// The log start is durable.
    LogStart(Offset),
    /// A step of a truncation.
    Truncation,
    /// A step of a close or deletion of the log.
    Stop,
    /// Damage was written down.
    Damage,
    /// Nobody waits.
    Nothing,
}

impl Log {
    /// A log that nobody had: makes its directory and files.
    pub fn create(now: Now, setup: Setup, out: &mut Vec<Output>) -> Log {
        Log::begin(now, setup, out)
    }

    /// A log as opening and recovery found it; what lies above the recovery point is synced again.
    pub fn from_recovered(now: Now, setup: Setup, recovered: Recovered, out: &mut Vec<Output>) -> Log {
        Log::resume(now, setup, recovered, out)
    }

    /// Takes in what the log directory or a worker says.
    pub fn step(&mut self, now: Now, input: Input, out: &mut Vec<Output>) {
        self.take_step(now, input, out);
    }

    /// Does what is due: `segment.ms`, `flush.ms`, files whose deletion was delayed, producers that expired.
    pub fn wake(&mut self, now: Now, out: &mut Vec<Output>) {
        self.do_what_is_due(now, out);
    }

    /// Appends a batch as leader: assigns offsets, leader epoch and (with `LogAppendTime`) the time.
    ///
    /// Checked here: size, the topic's rules about keys and timestamps ([`Log::admits`]), sequence, epochs. Checked by the caller: leadership, authorization,
    /// the topic's codec.
    ///
    /// # Errors
    /// Why it was refused; nothing was changed.
    pub fn append_as_leader(
        &mut self,
        now: Now,
        batch: Incoming,
        epoch: LeaderEpoch,
        origin: Origin,
        out: &mut Vec<Output>,
    ) -> Result<Appended, AppendError> {
        self.append_leader(now, batch, epoch, origin, out)
    }

    /// Appends a leader's batch as follower: offsets and epoch are inside, and producer state follows without judging.
    ///
    /// # Errors
    /// Why it was refused; nothing was changed.
    pub fn append_as_follower(&mut self, now: Now, batch: Incoming, out: &mut Vec<Output>) -> Result<Appended, AppendError> {
        self.append_follower(now, batch, out)
    }

    /// Records that a leadership begins at the log end (KIP-101).
    pub fn begin_epoch(&mut self, epoch: LeaderEpoch, out: &mut Vec<Output>) {
        let start = self.ends.end;
        if self.epochs.assign(epoch, start) {
            self.save_epochs(start, out);
        }
    }

    /// Finds the bytes of a range of offsets.
    ///
    /// # Errors
    /// Why there are none to have.
    pub fn read(&mut self, now: Now, request: ReadRequest, out: &mut Vec<Output>) -> Result<Read, ReadError> {
        self.find(now, request, out)
    }

    /// The first record at or after `timestamp_ms`, below `until`.
    ///
    /// # Errors
    /// Why the log cannot be asked.
    pub fn offset_for_timestamp(&mut self, timestamp_ms: i64, until: Offset, out: &mut Vec<Output>) -> Result<TimestampFound, ReadError> {
        self.find_timestamp(timestamp_ms, until, out)
    }

    /// The record with the largest timestamp (ListOffsets with MAX_TIMESTAMP, KIP-734). As in Kafka it may lie below the log start, as long as its segment is
    /// there; where no record has a timestamp, it is the first one.
    ///
    /// # Errors
    /// Why the log cannot be asked.
    pub fn offset_of_max_timestamp(&mut self, out: &mut Vec<Output>) -> Result<TimestampFound, ReadError> {
        self.find_max_timestamp(out)
    }

    /// Where an epoch ended (OffsetForLeaderEpoch); `None` if the log knows none so old.
    pub fn end_offset_for(&self, epoch: LeaderEpoch) -> Option<EpochEnd> {
        self.epochs.end_offset_for(epoch, self.ends.end)
    }

    /// Cuts everything from `to` on, as a follower does that diverged.
    pub fn truncate_to(&mut self, now: Now, to: Offset, out: &mut Vec<Output>) -> Truncation {
        self.begin_truncation(now, to, out)
    }

    /// Forgets everything and goes on at `start`, as a follower does whose log ended before its leader's began.
    pub fn truncate_fully_and_start_at(&mut self, now: Now, start: Offset, out: &mut Vec<Output>) -> Truncation {
        self.begin_full_truncation(now, start, out)
    }

    /// Moves the log start up to `to` (DeleteRecords, or a leader's log start on a follower), and lets go of whole segments below it.
    ///
    /// # Errors
    /// [`ReadError::OutOfRange`] above the high watermark.
    pub fn delete_records_before(&mut self, now: Now, to: Offset, out: &mut Vec<Output>) -> Result<Offset, ReadError> {
        self.delete_before(now, to, out)
    }

    /// The partition's high watermark moved: bounds retention and the last stable offset, and goes to the checkpoint.
    pub fn set_high_watermark(&mut self, to: Offset, out: &mut Vec<Output>) {
        let to = to.min(self.ends.end);
        if to != self.ends.high_watermark {
            self.ends.high_watermark = to;
            self.producers.high_watermark(to);
            self.moved(out);
        }
    }

    /// Lets go of segments that retention gives up; one log is one slice of the sweep over all (`log.retention.check.interval.ms`). Says how many went.
    pub fn retire(&mut self, now: Now, out: &mut Vec<Output>) -> usize {
        self.give_up_segments(now, out)
    }

    /// Runs by another configuration from here on; what was written already and waits for a sync waits no longer than it says.
    pub fn reconfigure(&mut self, now: Now, config: LogConfig, out: &mut Vec<Output>) {
        self.set_config(now, config, out);
    }

    /// Ends cleanly: syncs, writes indexes and a producer snapshot, closes; [`Output::Ended`] follows.
    pub fn close(&mut self, now: Now, out: &mut Vec<Output>) {
        self.begin_close(now, out);
    }

    /// Ends for good (the topic was deleted): its directory is renamed at once and removed after `file.delete.delay.ms`; [`Output::Ended`] follows.
    pub fn delete(&mut self, now: Now, out: &mut Vec<Output>) {
        self.begin_delete(now, out);
    }

    /// When it wants to be woken next.
    pub fn deadline(&self) -> Option<Deadline> {
        self.next_deadline()
    }

    /// The first offset that may be read.
    pub fn log_start(&self) -> Offset {
        self.ends.start
    }

    /// The next offset to be assigned.
    pub fn log_end(&self) -> Offset {
        self.ends.end
    }

    /// Everything below is in the file.
    pub fn written_end(&self) -> Offset {
        self.ends.written
    }

    /// Everything below is durable.
    pub fn synced_end(&self) -> Offset {
        self.ends.synced
    }

    /// Everything below may be acknowledged as far as this log's durability goes: the synced end with `flush.messages=1`, else the written end.
    pub fn durable_end(&self) -> Offset {
        if self.setup.config.flush_messages <= 1 { self.ends.synced } else { self.ends.written }
    }

    /// The high watermark it was last told.
    pub fn high_watermark(&self) -> Offset {
        self.ends.high_watermark
    }

    /// Everything below is decided: not above the high watermark, nor above the first record of an open transaction.
    pub fn last_stable_offset(&self) -> Offset {
        let high_watermark = self.ends.high_watermark;
        self.producers.transactions().first_unstable().map_or(high_watermark, |first| first.min(high_watermark))
    }

    /// The newest leader epoch, if any was recorded.
    pub fn latest_epoch(&self) -> Option<LeaderEpoch> {
        self.epochs.latest().map(|e| e.epoch)
    }

    /// The epoch that an offset belongs to, if known.
    pub fn epoch_of(&self, offset: Offset) -> Option<LeaderEpoch> {
        self.epochs.epoch_of(offset)
    }

    /// Bytes from the log start's segment to the end.
    pub fn bytes(&self) -> u64 {
        self.segments.iter().map(|s| s.length).sum()
    }

    /// Bytes that a read from `offset` would have before it, roughly (for lag in bytes and `fetch.min.bytes`).
    pub fn bytes_from(&self, offset: Offset, until: Offset) -> u64 {
        self.bytes_between(offset, until)
    }

    /// How many segments there are.
    pub fn segments(&self) -> usize {
        self.segments.len()
    }

    /// Every producer that is remembered, by id (DescribeProducers).
    pub fn producers(&self) -> Vec<ProducerInfo> {
        self.producers.list()
    }

    /// Topic and index, for notes.
    pub const fn subject(&self) -> &Subject {
        &self.subject
    }

    /// Its rules and names.
    pub const fn setup(&self) -> &Setup {
        &self.setup
    }

    /// True if everything that a log needs was there, or was made. One that falls before was never in anybody's hands: what is there of it may go.
    pub fn is_made(&self) -> bool {
        self.making.is_empty()
    }

    /// True after a failure that ended its service.
    pub const fn is_out_of_service(&self) -> bool {
        matches!(self.phase, Phase::OutOfService)
    }

    /// Every invariant that can be seen from inside. Looks at what the last steps touched: the ends and the newest segments.
    pub fn check(&self) {
        self.ends.check();
        let active = self.segments.back().expect("a log has an active segment");
        assert_eq!(active.end, self.ends.end, "the active segment of {} ends elsewhere than the log", self.subject);
        for (newer, older) in self.segments.iter().rev().zip(self.segments.iter().rev().skip(1)).take(4) {
            assert!(
                older.end <= newer.base,
                "segment {:?} ends at {:?} beyond the base {:?} of the next",
                older.base,
                older.end,
                newer.base
            );
        }
        for s in self.segments.iter().rev().take(4) {
            assert!(s.synced <= s.end, "segment {:?} synced to {:?} of {:?}", s.base, s.synced, s.end);
            assert!(s.synced_length <= s.length, "segment {:?} synced to {} of {} bytes", s.base, s.synced_length, s.length);
        }
        assert!(
            self.recovery_point() <= self.ends.synced,
            "recovery point {:?} beyond the synced end {:?}",
            self.recovery_point(),
            self.ends.synced
        );
        self.epochs.check(self.ends.end);
    }

    /// Every invariant, of every segment and producer: for now and then, and at rest.
    pub fn check_all(&self) {
        self.check();
        self.producers.check(self.setup.guards);
        for (older, newer) in self.segments.iter().zip(self.segments.iter().skip(1)) {
            assert!(
                older.end <= newer.base,
                "segment {:?} ends at {:?} beyond the base {:?} of the next",
                older.base,
                older.end,
                newer.base
            );
        }
        let front = self.segments.front().expect("a log has an active segment");
        assert!(front.base <= self.ends.start, "log start {:?} before the first segment {:?}", self.ends.start, front.base);
    }

    fn token(&mut self, pending: Pending) -> Token {
        self.tokens += 1;
        let token = Token(self.tokens);
        self.pending.insert(token, pending);
        token
    }

    fn disk(&mut self, pending: Pending, action: DiskAction, out: &mut Vec<Output>) {
        let token = self.token(pending);
        out.push(Output::Dir(Request::Disk { token, action }));
    }

    /// The index of the segment that holds `offset`, or would.
    fn segment_of(&self, offset: Offset) -> usize {
        self.segments.partition_point(|s| s.base <= offset).saturating_sub(1)
    }
}
