//! What an application and its consumer say to each other.

use odradek_wire::ids::TopicPartition;

use crate::error::ClientError;
use crate::record::ConsumerRecord;

/// The application's own number for a command, given back in its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub u64);

/// Where to go in a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeekTo {
    /// This offset, whatever its epoch.
    Offset(i64),
    /// The log start.
    Beginning,
    /// The end, as the isolation level sees it.
    End,
    /// The first record with this timestamp or a later one; the end if there is none.
    Timestamp(i64),
}

/// What an application asks of a [`Consumer`](super::Consumer).
#[derive(Clone, Debug)]
pub enum Command {
    /// Replaces the assignment. Partitions kept keep their position; others start by `auto.offset.reset` unless a seek follows.
    Assign {
        /// The whole assignment.
        partitions: Vec<TopicPartition>,
    },
    /// Moves a position; records of the partition that were fetched and not handed out are dropped.
    Seek {
        /// Where.
        partition: TopicPartition,
        /// To what.
        to: SeekTo,
    },
    /// Hands out and fetches nothing from these partitions until [`Command::Resume`]; positions stay.
    Pause {
        /// Which.
        partitions: Vec<TopicPartition>,
    },
    /// Undoes [`Command::Pause`].
    Resume {
        /// Which.
        partitions: Vec<TopicPartition>,
    },
    /// Asks for records; answered by exactly one [`Event::Polled`], as soon as there are some or the time is over. One poll at a time.
    Poll {
        /// For the answer.
        token: Token,
        /// `max.poll.records`.
        records_max: usize,
        /// How long to wait for the first record.
        timeout_ms: u64,
    },
    /// Asks where the next record will be read; answered by [`Event::Position`] as soon as it is known.
    Position {
        /// For the answer.
        token: Token,
        /// Where.
        partition: TopicPartition,
    },
    /// Asks for the log starts; answered by [`Event::Offsets`].
    BeginningOffsets {
        /// For the answer.
        token: Token,
        /// Of what; need not be assigned.
        partitions: Vec<TopicPartition>,
    },
    /// Asks for the ends as the isolation level sees them; answered by [`Event::Offsets`].
    EndOffsets {
        /// For the answer.
        token: Token,
        /// Of what; need not be assigned.
        partitions: Vec<TopicPartition>,
    },
    /// Asks for the first offsets whose timestamp is not earlier; answered by [`Event::Offsets`].
    OffsetsForTimes {
        /// For the answer.
        token: Token,
        /// Of what, and since when.
        times: Vec<(TopicPartition, i64)>,
    },
    /// Gives the fetch sessions back and says [`Event::Closed`].
    Close,
}

/// An offset found by a lookup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoundOffset {
    /// The offset; `None` if no record is that young.
    pub offset: Option<i64>,
    /// Its timestamp, for lookups by time; -1 otherwise.
    pub timestamp: i64,
    /// The leader epoch of the record there; -1 if unknown.
    pub leader_epoch: i32,
}

/// What a [`Consumer`](super::Consumer) tells its application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Answers [`Command::Poll`]; empty if the time was over first.
    Polled {
        /// From the poll.
        token: Token,
        /// Records in the order of their offsets, by partition. No partition twice.
        records: Vec<(TopicPartition, Vec<ConsumerRecord>)>,
    },
    /// Answers [`Command::Position`].
    Position {
        /// From the command.
        token: Token,
        /// Where.
        partition: TopicPartition,
        /// The offset of the next record to be handed out.
        offset: Result<i64, ClientError>,
    },
    /// Answers a lookup.
    Offsets {
        /// From the command.
        token: Token,
        /// By partition.
        offsets: Vec<(TopicPartition, Result<FoundOffset, ClientError>)>,
    },
    /// A position was set by `auto.offset.reset` or by a seek that had to ask the broker.
    PositionReset {
        /// Where.
        partition: TopicPartition,
        /// The offset that was out of range; `None` if there was no position.
        from: Option<i64>,
        /// Where it goes on.
        to: i64,
    },
    /// The log was cut below the position: records handed out may be gone (KIP-320). With a reset policy the consumer goes on at the divergent
    /// offset; with `none` it waits for a seek.
    Truncated {
        /// Where.
        partition: TopicPartition,
        /// The position before.
        position: i64,
        /// The first offset at which the logs differ, if the broker knows.
        divergent_offset: Option<i64>,
        /// The largest epoch that both logs have.
        divergent_epoch: Option<i32>,
    },
    /// A partition cannot be read until the application does something: seek, assign anew.
    PartitionFailed {
        /// Where.
        partition: TopicPartition,
        /// Why.
        error: ClientError,
    },
    /// Nothing follows.
    Closed,
}
