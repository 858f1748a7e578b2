//! What was found of one log.

use odradek_wire::ids::{Offset, TopicPartition, Uuid};

use super::{BadFile, Unreadable};
use crate::disk::{Entry, Name};
use crate::open::{Damage, Unserved};

/// By what it is known how far a log is synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// A clean stop.
    CleanStop,
    /// Our mark.
    Mark,
    /// A recovery point alone.
    RecoveryPoint,
}

/// What a directory is to the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The replica of its partition, as far as is known.
    Replica,
    /// It is the replica by its name, and does not say so: `partition.metadata` is missing or damaged.
    Unnamed {
        /// What is wrong with the file.
        why: String,
    },
    /// Another topic's records in the place of those that were here.
    Swapped {
        /// Whose.
        topic_id: Uuid,
    },
    /// Of no partition that is assigned here: the next start sets it aside.
    Stray {
        /// Why.
        why: String,
    },
}

/// Where a log is not what it was, or ends before it should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: Name,
    /// Where in it the batch begins.
    pub at: u64,
    /// The offset that should be there.
    pub offset: Offset,
    /// What is wrong, and what was expected.
    pub why: String,
    /// What can still be read behind it.
    pub behind: Readable,
    pub(super) cut: Cut,
    pub(super) shows: Shows,
}

/// Who comes upon a place that is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shows {
    /// Every start.
    Always,
    /// Whoever walks the batches of its segment.
    InHeaders,
    /// Whoever looks at the checksums of its segment.
    InChecksums,
}

/// What giving up the records at a place does to the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// The segment keeps so many bytes, and those behind it go.
    Behind {
        /// Its base.
        base: Offset,
        /// Bytes that stay.
        keep: u64,
    },
    /// What is missing lies in front: the log begins later.
    Front {
        /// Base of the first segment that is there.
        first: Offset,
    },
    /// There is no segment.
    Nothing,
}

/// What can still be read behind a place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Readable {
    /// Whole batches.
    pub batches: u64,
    /// Records in them.
    pub records: u64,
    /// Their bytes.
    pub bytes: u64,
    /// First offset of the first.
    pub first: Option<Offset>,
    /// The offset after the last.
    pub end: Option<Offset>,
}

/// A log as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Its directory.
    pub dir: Name,
    /// Topic and index.
    pub partition: TopicPartition,
    /// True for the metadata log.
    pub is_metadata: bool,
    /// The topic, by what is known best: the metadata, else our mark, else the directory.
    pub topic_id: Option<Uuid>,
    /// What the directory is to the node.
    pub standing: Standing,
    /// Everything below is known to be synced.
    pub synced: Offset,
    /// By what.
    pub by: By,
    /// The log start, if it lies above the first segment or our mark says it.
    pub log_start: Option<Offset>,
    /// The checkpointed high watermark.
    pub high_watermark: Option<Offset>,
    /// The record of damage, if there is one; or why it cannot be read.
    pub record: Option<Result<Damage, String>>,
    /// The first offset of what was read.
    pub begins: Offset,
    /// From there on every batch up to here is whole.
    pub whole_end: Offset,
    /// Segments that hold it.
    pub segments: usize,
    /// Segments that lie whole below the log start, and were not read.
    pub below_start: usize,
    /// Bytes of what is whole.
    pub bytes: u64,
    /// Records in it.
    pub records: u64,
    /// Places that are damaged, by offset: below what was known to be synced, or where nothing but damage explains them.
    pub damaged: Vec<Place>,
    /// A batch of a form that is not served here.
    pub unserved: Option<Unserved>,
    /// Where the next start cuts what was never known to be synced, and the bytes that go.
    pub torn: Option<(Place, u64)>,
    /// What the disk does not give back.
    pub unreadable: Vec<(Name, Unreadable)>,
    /// Small files that are missing, or not what they should be.
    pub bad: Vec<BadFile>,
    /// Where it would be found damaged by a start that looks only as far as it must.
    pub(super) found_at_start: Option<Offset>,
    /// The log's files.
    pub(super) entries: Vec<Entry>,
    /// The epochs in its checkpoint, if that can be read.
    pub(super) epochs: Option<Vec<crate::epochs::EpochStart>>,
}

impl Report {
    /// True if something of it is not as it should be.
    pub fn is_damaged(&self) -> bool {
        self.is_out_of_service() || !self.damaged.is_empty() || !self.unreadable.is_empty() || !self.bad.is_empty()
    }

    /// True if the node does not serve it.
    pub fn is_out_of_service(&self) -> bool {
        let identified = matches!(self.standing, Standing::Replica | Standing::Stray { .. });
        let recorded = self.record.is_some() && !matches!(self.standing, Standing::Stray { .. });
        recorded || !identified || self.unserved.is_some() || self.found_at_start.is_some()
    }

    /// The offsets at which records can be given up, and why there: the first damaged place; the one for which the log is out of service, if that is another;
    /// or, where the records are whole and something else keeps them from being served, the end.
    pub fn cures(&self) -> Vec<(Offset, String)> {
        if self.unserved.is_some() || matches!(self.standing, Standing::Stray { .. }) {
            return Vec::new();
        }
        let said = |place: &Place| (place.offset, place.why.clone());
        let mut cures: Vec<_> = self.damaged.first().map(said).into_iter().collect();
        let recorded = self.record.iter().flatten().map(|damage| damage.offset).next();
        let other = self.damaged.iter().skip(1).find(|p| Some(p.offset) == recorded.or(self.found_at_start));
        cures.extend(other.map(said));
        if cures.is_empty() && self.is_out_of_service() {
            cures.push((self.whole_end, "every record is whole, and there is nothing behind it to be given up".to_owned()));
        }
        if let Standing::Swapped { topic_id } = &self.standing
            && self.whole_end > self.nothing_here()
        {
            let why = format!("where the records are of topic {topic_id}, as partition.metadata says: they are set aside");
            cures.iter_mut().for_each(|(_, why)| why.insert_str(0, "where it is partition.metadata that is damaged: "));
            cures.retain(|(offset, _)| *offset != self.nothing_here());
            cures.insert(0, (self.nothing_here(), why));
        }
        cures
    }

    /// Where a log without records begins.
    pub(super) fn nothing_here(&self) -> Offset {
        self.log_start.unwrap_or_default()
    }

    /// Bytes of segments' logs from a base on.
    pub(super) fn bytes_from(&self, base: Offset) -> u64 {
        self.logs().filter(|(b, _)| *b >= base).map(|(_, e)| e.length).sum()
    }

    /// The segments' logs with their bases.
    pub(super) fn logs(&self) -> impl Iterator<Item = (Offset, &Entry)> {
        use crate::formats::file_name::{FileName, Kind, Mark};
        let log = |e: &Entry| FileName::parse(&e.name).filter(|n| (n.kind, n.mark) == (Kind::Log, Mark::None)).map(|n| n.offset);
        self.entries.iter().filter(|e| !e.directory).filter_map(move |e| Some((log(e)?, e)))
    }
}
