//! One partition's log as state: what was appended, what of it is written, what of it is synced.
//!
//! | end | meaning | who may rely on it |
//! |---|---|---|
//! | log end | offsets assigned | the next append, a follower's fetch position |
//! | written end | in the file (page cache) | readers, replicas |
//! | synced end | durable | acknowledgments |
//!
//! A log is owned by its partition, refers to nothing outside, and asks for everything through [`crate::output::Output`].

pub mod incoming;
pub mod recovered;

use odradek_machine::{Deadline, Guards, Now, Seed, Subject};
use odradek_wire::ids::{LeaderEpoch, Offset, ProducerEpoch, ProducerId, Sequence, TopicPartition, Uuid};

use crate::config::LogConfig;
use crate::dir::ids::FileIds;
use crate::disk::{DirId, FileRange, Name};
use crate::epochs::EpochEnd;
use crate::output::{Input, LookupId, Output, RecordAt};
use crate::producers::ProducerInfo;
use incoming::{Incoming, Origin};
use recovered::{AbortedTransaction, Recovered};

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
    /// A disk operation failed before.
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
    /// Kafka's INVALID_TIMESTAMP.
    #[error("timestamp {timestamp_ms} is outside {least_ms}..={most_ms}")]
    Timestamp {
        /// Of the batch.
        timestamp_ms: i64,
        /// The least allowed.
        least_ms: i64,
        /// The most allowed.
        most_ms: i64,
    },
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
    /// Their sum.
    pub bytes: u64,
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
    /// A disk operation failed before.
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
}

impl Log {
    /// A log that nobody had: makes its directory and files.
    pub fn create(now: Now, setup: Setup, out: &mut Vec<Output>) -> Log {
        let _ = (now, out);
        let subject = Subject { name: setup.partition.topic.clone(), number: setup.partition.partition };
        Log { setup, subject }
    }

    /// A log as opening and recovery found it; what lies above the recovery point is synced again.
    pub fn from_recovered(now: Now, setup: Setup, recovered: Recovered, out: &mut Vec<Output>) -> Log {
        let _ = recovered;
        Log::create(now, setup, out)
    }

    /// Takes in what the log directory or a worker says.
    pub fn step(&mut self, now: Now, input: Input, out: &mut Vec<Output>) {
        let _ = (now, input, out);
    }

    /// Does what is due: `segment.ms`, `flush.ms`, files whose deletion was delayed, producers that expired.
    pub fn wake(&mut self, now: Now, out: &mut Vec<Output>) {
        let _ = (now, out);
    }

    /// Appends a batch as leader: assigns offsets, leader epoch and (with `LogAppendTime`) the time.
    ///
    /// Checked here: size, timestamps against `message.timestamp.*`, sequence, epochs. Checked by the caller: leadership, authorization, the topic's rules
    /// about keys and codecs.
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
        let _ = (now, batch, epoch, origin, out);
        Err(AppendError::OutOfService)
    }

    /// Appends a leader's batch as follower: offsets and epoch are inside, and producer state follows without judging.
    ///
    /// # Errors
    /// Why it was refused; nothing was changed.
    pub fn append_as_follower(&mut self, now: Now, batch: Incoming, out: &mut Vec<Output>) -> Result<Appended, AppendError> {
        let _ = (now, batch, out);
        Err(AppendError::OutOfService)
    }

    /// Records that a leadership begins at the log end (KIP-101).
    pub fn begin_epoch(&mut self, epoch: LeaderEpoch, out: &mut Vec<Output>) {
        let _ = (epoch, out);
    }

    /// Finds the bytes of a range of offsets.
    ///
    /// # Errors
    /// Why there are none to have.
    pub fn read(&mut self, now: Now, request: ReadRequest, out: &mut Vec<Output>) -> Result<Read, ReadError> {
        let _ = (now, request, out);
        Err(ReadError::OutOfService)
    }

    /// The first record at or after `timestamp_ms`, below `until`.
    ///
    /// # Errors
    /// Why the log cannot be asked.
    pub fn offset_for_timestamp(&mut self, timestamp_ms: i64, until: Offset, out: &mut Vec<Output>) -> Result<TimestampFound, ReadError> {
        let _ = (timestamp_ms, until, out);
        Err(ReadError::OutOfService)
    }

    /// The record with the largest timestamp (ListOffsets with MAX_TIMESTAMP, KIP-734).
    ///
    /// # Errors
    /// Why the log cannot be asked.
    pub fn offset_of_max_timestamp(&mut self, out: &mut Vec<Output>) -> Result<TimestampFound, ReadError> {
        let _ = out;
        Err(ReadError::OutOfService)
    }

    /// Where an epoch ended (OffsetForLeaderEpoch); `None` if the log knows none so old.
    pub fn end_offset_for(&self, epoch: LeaderEpoch) -> Option<EpochEnd> {
        let _ = epoch;
        None
    }

    /// Cuts everything from `to` on, as a follower does that diverged.
    pub fn truncate_to(&mut self, now: Now, to: Offset, out: &mut Vec<Output>) -> Truncation {
        let _ = (now, to, out);
        Truncation::Done
    }

    /// Forgets everything and goes on at `start`, as a follower does whose log ended before its leader's began.
    pub fn truncate_fully_and_start_at(&mut self, now: Now, start: Offset, out: &mut Vec<Output>) -> Truncation {
        let _ = (now, start, out);
        Truncation::Done
    }

    /// Moves the log start up to `to` (DeleteRecords, or a leader's log start on a follower), and lets go of whole segments below it.
    ///
    /// # Errors
    /// [`ReadError::OutOfRange`] above the high watermark.
    pub fn delete_records_before(&mut self, now: Now, to: Offset, out: &mut Vec<Output>) -> Result<Offset, ReadError> {
        let _ = (now, to, out);
        Err(ReadError::OutOfService)
    }

    /// The partition's high watermark moved: bounds retention and the last stable offset, and goes to the checkpoint.
    pub fn set_high_watermark(&mut self, to: Offset, out: &mut Vec<Output>) {
        let _ = (to, out);
    }

    /// Lets go of segments that retention gives up; one log is one slice of the sweep over all (`log.retention.check.interval.ms`). Says how many went.
    pub fn retire(&mut self, now: Now, out: &mut Vec<Output>) -> usize {
        let _ = (now, out);
        0
    }

    /// Runs by another configuration from here on.
    pub fn reconfigure(&mut self, config: LogConfig) {
        self.setup.config = config;
    }

    /// Ends cleanly: syncs, writes indexes and a producer snapshot, closes; [`Output::Ended`] follows.
    pub fn close(&mut self, now: Now, out: &mut Vec<Output>) {
        let _ = (now, out);
    }

    /// Ends for good (the topic was deleted): its directory is renamed at once and removed after `file.delete.delay.ms`; [`Output::Ended`] follows.
    pub fn delete(&mut self, now: Now, out: &mut Vec<Output>) {
        let _ = (now, out);
    }

    /// When it wants to be woken next.
    pub fn deadline(&self) -> Option<Deadline> {
        None
    }

    /// The first offset that may be read.
    pub fn log_start(&self) -> Offset {
        Offset(0)
    }

    /// The next offset to be assigned.
    pub fn log_end(&self) -> Offset {
        Offset(0)
    }

    /// Everything below is in the file.
    pub fn written_end(&self) -> Offset {
        Offset(0)
    }

    /// Everything below is durable.
    pub fn synced_end(&self) -> Offset {
        Offset(0)
    }

    /// Everything below may be acknowledged as far as this log's durability goes: the synced end with `flush.messages=1`, else the written end.
    pub fn durable_end(&self) -> Offset {
        Offset(0)
    }

    /// The high watermark it was last told.
    pub fn high_watermark(&self) -> Offset {
        Offset(0)
    }

    /// Everything below is decided: not above the high watermark, nor above the first record of an open transaction.
    pub fn last_stable_offset(&self) -> Offset {
        Offset(0)
    }

    /// The newest leader epoch, if any was recorded.
    pub fn latest_epoch(&self) -> Option<LeaderEpoch> {
        None
    }

    /// The epoch that an offset belongs to, if known.
    pub fn epoch_of(&self, offset: Offset) -> Option<LeaderEpoch> {
        let _ = offset;
        None
    }

    /// Bytes from the log start's segment to the end.
    pub fn bytes(&self) -> u64 {
        0
    }

    /// Bytes that a read from `offset` would have before it, roughly (for lag in bytes and `fetch.min.bytes`).
    pub fn bytes_from(&self, offset: Offset, until: Offset) -> u64 {
        let _ = (offset, until);
        0
    }

    /// How many segments there are.
    pub fn segments(&self) -> usize {
        1
    }

    /// Every producer that is remembered, by id (DescribeProducers).
    pub fn producers(&self) -> Vec<ProducerInfo> {
        Vec::new()
    }

    /// Topic and index, for notes.
    pub const fn subject(&self) -> &Subject {
        &self.subject
    }

    /// Its rules and names.
    pub const fn setup(&self) -> &Setup {
        &self.setup
    }

    /// True after a failure that ended its service.
    pub const fn is_out_of_service(&self) -> bool {
        false
    }

    /// Every invariant that can be seen from inside.
    pub fn check(&self) {}
}
