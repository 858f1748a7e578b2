//! What checkers are shown: everything that clients did and saw, and what the world knows beside it.

use std::ops::Range;
use std::sync::Arc;

use odradek_cluster::image::Image;
use odradek_log::disk::Name;
use odradek_machine::Note;
use odradek_wire::ids::{Offset, TopicPartition};

use super::batches::Held;
use crate::disk::Disk;

/// The name of one record that a simulated producer wrote, carried in the record's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct RecordId {
    /// Which client, by its place in the plan.
    pub client: u16,
    /// Which of its operations; ascending in the order in which the application asked.
    pub op: u32,
}

impl std::fmt::Display for RecordId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "c{}#{}", self.client, self.op)
    }
}

/// How a life of a node ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub enum Fate {
    /// The process was killed; the page cache stayed.
    Killed,
    /// Power went; of what was not synced any legal subset stayed.
    PowerCut,
    /// It stopped as asked, or gave up with a reason.
    Stopped,
}

/// One thing that happened, in the order in which it happened.
///
/// The disks are borrowed where a checker may want to read them at that very moment.
#[derive(Clone, Debug)]
pub enum Event<'a> {
    /// An application handed a record to its producer.
    Sent {
        /// The record.
        record: RecordId,
        /// Where to, if the application chose the partition; the topic alone (partition −1) if the producer will.
        to: TopicPartition,
    },
    /// A producer told its application that a record is written.
    Acknowledged {
        /// The record.
        record: RecordId,
        /// Where it is.
        at: TopicPartition,
        /// Its offset, where the protocol says it (not with `acks=0`).
        offset: Option<Offset>,
    },
    /// A producer told its application that it gave up on a record.
    GaveUp {
        /// The record.
        record: RecordId,
        /// True when no attempt can have reached the log: the outcome is known. False is *unknown*, not *failed*.
        certain: bool,
        /// Kafka's name of the error.
        error: String,
    },
    /// A consumer handed a record to its application.
    Read {
        /// Which client, by its place in the plan.
        client: u16,
        /// From where.
        at: TopicPartition,
        /// Its offset.
        offset: Offset,
        /// The record, if its value is one of ours.
        record: Option<RecordId>,
    },
    /// A consumer's position was moved by something else than reading: a reset, a truncation, a seek.
    Moved {
        /// Which client, by its place in the plan.
        client: u16,
        /// In which partition.
        at: TopicPartition,
        /// The new position.
        to: Offset,
    },
    /// A node sent the answer that tells a producer its batch is written: judged here, not at the crash.
    Promised {
        /// Which node.
        node: usize,
        /// Where.
        at: TopicPartition,
        /// Offset of the first record.
        base: Offset,
        /// How many records.
        records: u32,
        /// The node's log directories at this moment.
        disks: &'a [Disk],
    },
    /// The operator was told that a topic is there.
    TopicTold {
        /// Its name.
        topic: Arc<str>,
    },
    /// A node noted something.
    Noted {
        /// Which node.
        node: usize,
        /// What.
        note: &'a Note,
    },
    /// A life of a node began.
    Rose {
        /// Which node.
        node: usize,
        /// Its how-manyeth life, from one.
        life: u32,
    },
    /// A life of a node ended.
    Fell {
        /// Which node.
        node: usize,
        /// How.
        fate: Fate,
    },
    /// The world destroyed durable bytes of a file beyond what a power cut may, or had a node read others.
    MediaLost {
        /// Which node.
        node: usize,
        /// Which of its disks.
        disk: usize,
        /// Which file.
        file: &'a Name,
        /// The first such byte, and the one behind the last.
        bytes: Range<u64>,
        /// The batches in which these bytes lay, where the file is a segment.
        held: Option<Held>,
        /// True if the whole disk went back in time, so that nothing on it can tell.
        whole_disk: bool,
    },
    /// What a partition's log holds below an offset must be marked on its disk as synced: it was promised, and so was something whose writing was asked for later;
    /// or the node stopped cleanly.
    Marked {
        /// Which partition.
        at: TopicPartition,
        /// Everything below.
        below: Offset,
    },
    /// After the healed cluster came to rest: the bounds of a partition's log.
    FinalBounds {
        /// Which partition.
        at: TopicPartition,
        /// Its log start offset.
        start: Offset,
        /// Its high watermark.
        end: Offset,
    },
    /// One record of the final read, from the log start to the high watermark, in order of offset.
    FinalRead {
        /// From where.
        at: TopicPartition,
        /// Its offset.
        offset: Offset,
        /// The record, if its value is one of ours.
        record: Option<RecordId>,
        /// A checksum of key and value, to tell a changed record from a missing one.
        sum: u32,
    },
    /// The final reader was given an error, or bytes that fail their checksum, or nothing at all, in the place of these offsets.
    FinalRefused {
        /// From where.
        at: TopicPartition,
        /// The first offset.
        from: Offset,
        /// The one behind the last.
        to: Offset,
        /// What it was told.
        why: String,
    },
    /// After the healed cluster came to rest: a partition that nobody serves, so that it is not read, or no further than it was.
    Unserved {
        /// Which partition.
        at: TopicPartition,
        /// What the operator was told.
        why: String,
    },
    /// A node refuses to start, again and again.
    Refused {
        /// Which node.
        node: usize,
        /// Its last words.
        why: String,
    },
    /// A client was told the log start of a partition.
    StartShown {
        /// Which partition.
        at: TopicPartition,
        /// Its log start offset.
        start: Offset,
    },
    /// The image by which a node acts, beside what replaying its metadata log gives.
    Replayed {
        /// Which node.
        node: usize,
        /// The node's own.
        image: &'a Image,
        /// From the log on its disk, up to the same offset.
        replayed: &'a Image,
    },
    /// All nodes stopped; the disks as they are.
    Audited {
        /// Which node.
        node: usize,
        /// Its log directories.
        disks: &'a [Disk],
    },
    /// Nothing follows.
    Finished,
}
