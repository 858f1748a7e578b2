//! What the files of a root say of the logs in it, and how much of that is believed.

use bytes::Bytes;
use odradek_wire::ids::{Offset, TopicPartition, Uuid};

use super::plan::Known;
use crate::disk::Name;
use crate::formats::checkpoint::{self, CLEANED, HIGH_WATERMARKS, LOG_STARTS, OffsetOf, Offsets, RECOVERY_POINTS};
use crate::formats::dir_name::DirName;
use crate::formats::synced_marks::{self, SyncedMark};
use crate::formats::{Malformed, clean_shutdown};

/// What the root says of its logs, as whoever opens or examines them needs it.
#[derive(Clone, Debug, Default)]
pub(crate) struct KnownRoot {
    /// The directories in the root, by name, with what their names say.
    pub(crate) dirs: Vec<(String, DirName)>,
    /// The last life ended cleanly.
    pub(crate) clean: bool,
    /// The last life was not one of ours: what it wrote says nothing of our own marks.
    pub(crate) foreign: bool,
    /// Lines of the marks could not be read.
    pub(crate) marks_damaged: bool,
    pub(crate) recovery_points: Vec<OffsetOf>,
    pub(crate) log_starts: Vec<OffsetOf>,
    pub(crate) high_watermarks: Vec<OffsetOf>,
    pub(crate) marks: Vec<SyncedMark>,
}

/// What is known of one log before its directory is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KnownLog {
    /// How far it is known to be synced.
    pub(crate) synced: Known,
    /// Our mark: in this segment at this byte the next offset is this one. `None` where another system lived since.
    pub(crate) marked: Option<(Offset, u64, Offset)>,
    /// Its start: by the checkpoint, and by our mark where that could not be read.
    pub(crate) log_start: Option<Offset>,
    /// Where its first segment must begin at the latest; `None` where that is not known.
    pub(crate) starts_at: Option<Offset>,
    /// By the checkpoint.
    pub(crate) high_watermark: Option<Offset>,
}

impl KnownRoot {
    /// What the files of a root say, and which checkpoints could not be read: those say nothing.
    pub(crate) fn read(dirs: Vec<(String, DirName)>, file: &dyn Fn(&str) -> Option<Bytes>) -> (KnownRoot, Vec<Malformed>) {
        let (marks, torn) = synced_marks::decode(&file(synced_marks::FILE).unwrap_or_default());
        let mut unread = Vec::new();
        let mut offsets = |name: &str| {
            checkpoint::decode_offsets(&Name::from(name), &file(name).unwrap_or_default()).unwrap_or_else(|what| {
                unread.push(what);
                Offsets { entries: Vec::new(), sealed: true }
            })
        };
        offsets(CLEANED);
        let (recovery_points, log_starts, high_watermarks) = (offsets(RECOVERY_POINTS), offsets(LOG_STARTS), offsets(HIGH_WATERMARKS));
        let known = KnownRoot {
            dirs,
            clean: file(clean_shutdown::FILE).is_some(),
            // The high watermarks are written most often: seconds after its start, whoever lives here has left his own.
            foreign: !high_watermarks.sealed && file(HIGH_WATERMARKS).is_some_and(|bytes| !bytes.is_empty()),
            marks_damaged: torn > 0,
            recovery_points: recovery_points.entries,
            log_starts: log_starts.entries,
            high_watermarks: high_watermarks.entries,
            marks,
        };
        (known, unread)
    }

    /// What is known of a partition's log. Without a topic id it is taken to be that of the mark.
    pub(crate) fn of_log(&self, partition: &TopicPartition, topic_id: Option<Uuid>) -> KnownLog {
        let find = |all: &[OffsetOf]| all.iter().find(|e| e.partition == *partition).map(|e| e.offset);
        let mark = self.mark_of(partition, topic_id);
        let log_start = find(&self.log_starts).or(mark.map(|m| m.start).filter(|start| start.0 > 0));
        KnownLog {
            synced: self.synced(partition, mark),
            marked: self.marked(partition, topic_id),
            log_start,
            starts_at: mark.filter(|_| !self.foreign).map(|m| m.start.max(log_start.unwrap_or_default())),
            high_watermark: find(&self.high_watermarks),
        }
    }

    /// Where our mark of a log stands in its files.
    pub(crate) fn marked(&self, partition: &TopicPartition, topic_id: Option<Uuid>) -> Option<(Offset, u64, Offset)> {
        self.mark_of(partition, topic_id).filter(|_| !self.foreign).map(|m| (m.segment, m.length, m.end))
    }

    /// How far the metadata log is known to be synced: a clean stop does not vouch for it, since it is closed after that.
    pub(crate) fn of_metadata(&self) -> Known {
        let mark = self.marks.iter().find(|m| m.partition == metadata_partition());
        mark.map_or(Known::RecoveryPoint { end: Offset(0) }, |m| Known::Mark { end: m.end })
    }

    /// Our mark of this log, and not of an earlier topic of that name.
    pub(crate) fn mark_of(&self, partition: &TopicPartition, topic_id: Option<Uuid>) -> Option<&SyncedMark> {
        let mark = self.marks.iter().find(|m| m.partition == *partition);
        mark.filter(|m| m.topic_id.zip(topic_id).is_none_or(|(marked, id)| marked == id))
    }

    /// How far a log is known to be synced. After an unclean stop a mark counts alone where there is one: it is lowered before a truncation, which a recovery
    /// point is not.
    ///
    /// The mark of an earlier topic of that name says that the recovery point is that topic's too: both go by name, and a log's own mark is durable before
    /// anything in it is acknowledged. So a directory with marks has one of each log that counts.
    fn synced(&self, partition: &TopicPartition, mark: Option<&SyncedMark>) -> Known {
        let recovery_point = self.recovery_points.iter().find(|e| e.partition == *partition).map(|e| e.offset);
        match mark {
            mark if self.clean => {
                let end = mark.map_or(Offset(0), |m| m.end).max(recovery_point.unwrap_or_default());
                Known::Clean { end, exact: recovery_point.is_some() }
            }
            Some(mark) => Known::Mark { end: mark.end },
            None if self.marks.iter().any(|m| m.partition == *partition) => Known::RecoveryPoint { end: Offset(0) },
            None if self.marks.is_empty() || self.foreign || self.marks_damaged => {
                Known::RecoveryPoint { end: recovery_point.unwrap_or_default() }
            }
            None => Known::RecoveryPoint { end: Offset(0) },
        }
    }
}

/// The partition by whose name the metadata log is marked.
pub(crate) fn metadata_partition() -> TopicPartition {
    TopicPartition { topic: "__cluster_metadata".into(), partition: 0 }
}
