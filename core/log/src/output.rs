//! What crosses the border of a log: everything it is told and everything it asks for.
//!
//! A log speaks to three partners through one outbox: to its log directory ([`Output::Dir`]), to the host's workers ([`Output::Work`]), and to its owner
//! (the other variants). The owner hands each on and brings back [`Input`].

use bytes::Bytes;
use odradek_machine::{Note, Notes};
use odradek_wire::ids::{LeaderEpoch, Offset, Uuid};

use crate::disk::{DiskAction, DiskError, DiskResult, FileId, FileRange, Name};
use crate::log::incoming::Incoming;

/// Ties a completion to what a log asked for; unique within one log and one life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub u64);

/// A question whose answer comes later in [`Output::Answered`]; unique within one log and one life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LookupId(pub u64);

/// What a log is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A [`Request::Disk`], [`Request::Replace`], [`Request::WriteNew`], [`Request::LogStart`] or [`Request::LowerMark`] finished.
    Disk {
        /// Which.
        token: Token,
        /// How.
        result: DiskResult,
    },
    /// A file is durable, its name included, up to what a [`Request::WantSync`] said.
    Synced {
        /// Which file.
        file: FileId,
        /// The largest `through` that the sync covers.
        through: Offset,
        /// The length that was said with it.
        length: u64,
    },
    /// A unit of work finished.
    Work {
        /// Which.
        token: Token,
        /// With what.
        result: Result<WorkDone, DiskError>,
    },
    /// The log directory is out of service: nothing unsynced may be believed again.
    OutOfService,
    /// A range that [`crate::log::Log::read`] gave out could not be read when it was sent.
    Unreadable {
        /// Where.
        range: FileRange,
        /// What the system said.
        says: String,
    },
}

/// What a log asks for and says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// For the log directory: [`crate::dir::LogDir::request`].
    Dir(Request),
    /// For the host's workers; answered by [`Input::Work`].
    Work {
        /// For the completion.
        token: Token,
        /// What to do.
        work: Work,
    },
    /// An answer to a question that had to go to the disk.
    Answered {
        /// Which question.
        lookup: LookupId,
        /// The answer.
        answer: Answer,
    },
    /// Bytes that were handed out as ranges are cut: connections which hold a range of this file that ends beyond `past` must be closed.
    RangesCut {
        /// Which file.
        file: FileId,
        /// The first byte that is no longer there.
        past: u64,
    },
    /// The log start moved, and the move is durable.
    LogStartMoved {
        /// Where it is.
        to: Offset,
    },
    /// A log that was made anew has its directory, its identity and its first segment. Said once, and never by one that was out of service before.
    Made,
    /// A truncation that had to go to the disk is over; appends are taken again.
    Truncated {
        /// The log end.
        to: Offset,
    },
    /// The log is closed ([`crate::log::Log::close`]) or its directory is removed ([`crate::log::Log::delete`]); nothing follows.
    Ended {
        /// True if everything it holds is synced and its indexes are complete.
        clean: bool,
    },
    /// The log is out of service: nothing unsynced may be acknowledged. Said once, and not where its directory fell.
    OutOfService {
        /// Why.
        error: DiskError,
    },
    /// Something worth knowing that changes nothing.
    Note(Note),
}

/// What a log (or another owner of files) asks of its log directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// A disk operation, in the order of asking among those on one file.
    Disk {
        /// For the completion.
        token: Token,
        /// What to do. When something appended is synced is the directory's to decide ([`Request::WantSync`]); a sync that fails ends its service.
        action: DiskAction,
    },
    /// Make durable what was written to this file so far; answered by [`Input::Synced`], for several wants at once where they come together.
    WantSync {
        /// Which file.
        file: FileId,
        /// What the owner calls this point; grows with each want of a file.
        through: Offset,
        /// Length of the file at this point, in bytes.
        length: u64,
    },
    /// Give a small file this content, whole or not at all: written beside it, synced, renamed over it, directory synced. Requests for one name keep their
    /// order.
    Replace {
        /// For the completion.
        token: Token,
        /// The file.
        name: Name,
        /// Its content.
        bytes: Bytes,
    },
    /// Write a whole small file that should not be there yet: made, written, synced, directory synced, without a detour over another name. A file of that
    /// name gives way. Half of it may be there after a crash, so its content must be able to tell.
    WriteNew {
        /// For the completion.
        token: Token,
        /// The file.
        name: Name,
        /// Its content.
        bytes: Bytes,
    },
    /// What the checkpoints of the log directory shall say of this log from here on.
    Checkpoint(Checkpoint),
    /// The log start shall be this offset: completes when the checkpoint on disk says so, which is when anybody may be told (a log start never goes back).
    LogStart {
        /// For the completion.
        token: Token,
        /// The log start.
        to: Offset,
    },
    /// Before a cut: the log will hold no bytes beyond this point, and what the directory has on disk as "known to be synced" must say so first.
    LowerMark {
        /// For the completion.
        token: Token,
        /// The end of the log after the cut.
        to: Mark,
    },
    /// The log is being deleted: no checkpoint shall speak of it any more.
    Forget,
    /// The log is closed; the handles it held are gone.
    Closed {
        /// True if a clean-shutdown mark may vouch for it.
        clean: bool,
    },
}

/// One log's entries in the checkpoint files of its log directory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checkpoint {
    /// Everything below is synced.
    pub recovery_point: Offset,
    /// The topic, so that a later topic of the same name is not judged by this one's marks.
    pub topic_id: Uuid,
    /// The log start. Kept even where it is the base of the first segment: the deletion of older ones may be undone by a power cut.
    pub log_start: Offset,
    /// The high watermark.
    pub high_watermark: Offset,
    /// How far the log is known to be synced, finer than the recovery point.
    pub synced: Mark,
}

/// A point up to which a log is known to be synced: segments before it whole, this one up to `length`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// Base offset of the segment.
    pub segment: Offset,
    /// Bytes of its `.log`.
    pub length: u64,
    /// The offset there.
    pub end: Offset,
}

/// A pure function over the bytes of one open file, run by the host on any thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// The first batch at or after `from` whose last offset is at least `offset`, by walking headers; never at or beyond `until`.
    FindOffset {
        /// The segment's file.
        file: FileId,
        /// Position of a batch to begin at.
        from: u64,
        /// Position to end at.
        until: u64,
        /// The offset to find.
        offset: Offset,
    },
    /// In an offset index: the position of its last entry that is not above `offset`, zero if there is none. Answered by [`WorkDone::Position`].
    SearchOffsets {
        /// The open `.index`.
        file: FileId,
        /// Base offset of the segment.
        base: Offset,
        /// The offset to find.
        offset: Offset,
    },
    /// In a time index: the offset of its last entry that is not above `timestamp_ms`, the base if there is none. Answered by [`WorkDone::Offset`].
    SearchTimes {
        /// The open `.timeindex`.
        file: FileId,
        /// Base offset of the segment.
        base: Offset,
        /// The timestamp to find.
        timestamp_ms: i64,
    },
    /// The headers of batches from `from` on, as a replay of producer state needs them. Answered by [`WorkDone::Headers`].
    Headers {
        /// The segment's file.
        file: FileId,
        /// Position of a batch to begin at.
        from: u64,
        /// Position to end at.
        until: u64,
        /// How many at the most.
        most: u32,
    },
    /// The first record at or after `from` with offset at least `offset` and timestamp at least `timestamp_ms`; looks inside compressed batches.
    FindTimestamp {
        /// The segment's file.
        file: FileId,
        /// Position of a batch to begin at.
        from: u64,
        /// Position to end at.
        until: u64,
        /// The smallest offset that counts.
        offset: Offset,
        /// The timestamp to find, in milliseconds.
        timestamp_ms: i64,
    },
    /// In the first batch at or after `from` whose header has this timestamp as its largest, the first record that has it; no record stands for none.
    FindNewest {
        /// The segment's file.
        file: FileId,
        /// Position of a batch to begin at.
        from: u64,
        /// Position to end at.
        until: u64,
        /// The timestamp to find, in milliseconds; −1 where no record has one.
        timestamp_ms: i64,
    },
}

impl Work {
    /// The open file that it reads.
    pub const fn file(&self) -> FileId {
        match self {
            Work::FindOffset { file, .. }
            | Work::SearchOffsets { file, .. }
            | Work::SearchTimes { file, .. }
            | Work::Headers { file, .. }
            | Work::FindTimestamp { file, .. }
            | Work::FindNewest { file, .. } => *file,
        }
    }
}

/// What a unit of [`Work`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WorkDone {
    /// To [`Work::FindOffset`].
    Batch(Option<BatchAt>),
    /// To [`Work::FindTimestamp`] and [`Work::FindNewest`].
    Record(Option<RecordAt>),
    /// To [`Work::SearchOffsets`].
    Position(u64),
    /// To [`Work::SearchTimes`].
    Offset(Offset),
    /// To [`Work::Headers`]: what was found, and the position after it.
    Headers {
        /// The batches, in order, without their bytes.
        batches: Vec<Incoming>,
        /// Where the next one begins.
        next: u64,
    },
}

/// Where a batch lies in a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchAt {
    /// Its first offset.
    pub base: Offset,
    /// Its last offset.
    pub last: Offset,
    /// Its position in bytes.
    pub at: u64,
    /// Its length in bytes.
    pub length: u64,
    /// The largest timestamp in it.
    pub max_timestamp_ms: i64,
    /// Its leader epoch.
    pub epoch: LeaderEpoch,
}

/// A record found by its timestamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordAt {
    /// Its offset.
    pub offset: Offset,
    /// Its timestamp in milliseconds.
    pub timestamp_ms: i64,
    /// The leader epoch of its batch.
    pub epoch: LeaderEpoch,
}

/// The answer to a question that had to go to the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The same read, asked again, is answered at once.
    ReadAgain,
    /// The record asked for by timestamp, if there is one.
    Timestamp(Option<RecordAt>),
    /// The disk failed.
    Failed(DiskError),
}

/// Lets an outbox take notes.
pub struct NotesOf<'a>(pub &'a mut Vec<Output>);

impl Notes for NotesOf<'_> {
    fn note(&mut self, note: Note) {
        self.0.push(Output::Note(note));
    }
}
