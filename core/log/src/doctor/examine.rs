//! The examination of one log: its small files, then every segment, then the verdict.

use std::collections::BTreeMap;

use bytes::Bytes;
use odradek_machine::Guards;
use odradek_wire::ids::{Offset, TopicPartition, Uuid};

use super::missing::Expected;
use super::report::{By, Report, Standing};
use super::root::{IDENTITY, Root, is_metadata, words};
use super::{BadFile, Contents, REBUILT, REFUSED, Unreadable, judge};
use crate::disk::{Entry, Name};
use crate::epochs::EpochStart;
use crate::formats::checkpoint::CLEANED;
use crate::formats::file_name::{FileName, Kind, LEADER_EPOCHS, Mark, QUORUM_STATE};
use crate::formats::{checkpoint, damage, index, partition_metadata, producer_snapshot, quorum_state};
use crate::log::recovered::OffsetEntry;
use crate::open::identify::{Found, Whose, whose};
use crate::open::known::{KnownLog, metadata_partition};
use crate::open::plan::{self, Known};
use crate::open::tidy::Listing;
use crate::work::survey::{Limits, Survey};

/// The small files of a log's directory that are read before anything else, where they are there.
pub const SMALL_FILES: [&str; 4] = [IDENTITY, damage::FILE, LEADER_EPOCHS, QUORUM_STATE];

/// A log that is being examined. Made by [`Examination::begin`]; then [`Examination::beside`] for each file that it names, [`Examination::survey`] for each
/// segment in order, and [`Examination::finish`].
#[derive(Debug)]
pub struct Examination {
    pub(super) dir: Name,
    pub(super) is_metadata: bool,
    pub(super) known: KnownLog,
    /// True where gaps between segments are the work of a cleaner; false where none ran; `None` where that is not known.
    pub(super) compacts: Option<bool>,
    /// Bases of the segments that count, ascending: those that lie whole below the log start do not.
    pub(super) bases: Vec<Offset>,
    pub(super) surveys: Vec<Survey>,
    pub(super) report: Report,
    /// Producer snapshots that can be believed, ascending.
    pub(super) snapshots: Vec<Offset>,
    /// Segments one of whose indexes is missing, or cannot be believed.
    pub(super) unindexed: Vec<Offset>,
    /// How far the index of each segment leads, in bytes.
    pub(super) indexed_to: BTreeMap<Offset, u64>,
    /// The history of epochs cannot be read, and is built again from every batch.
    pub(super) rebuilds_epochs: bool,
    /// Another system lived on the directory since our last mark.
    pub(super) foreign: bool,
    indexes: BTreeMap<Offset, Vec<OffsetEntry>>,
    /// Our mark, where its life was the last: the segment, its bytes, and the offset there.
    mark: Option<(Offset, u64, Offset)>,
}

impl Examination {
    /// Begins with what the root says of the log, what is in its directory, and what the metadata says of the partition, where that was read.
    pub fn begin(root: &Root, dir: &Name, partition: &TopicPartition, contents: Contents, expected: Option<&[Expected]>) -> Examination {
        let is_metadata = is_metadata(partition);
        let assigned = expected.and_then(|all| all.iter().find(|e| e.partition == *partition));
        let here = contents.files.get(IDENTITY).and_then(|bytes| partition_metadata::decode(&dir.join(IDENTITY), bytes).ok());
        let marked = root.known.mark_of(partition, None).and_then(|m| m.topic_id);
        let topic_id = if is_metadata { None } else { assigned.map(|e| e.topic_id).or(marked).or(here) };
        let marked_end = root.known.mark_of(partition, topic_id).map_or(Offset(0), |m| m.end);
        let mut known = root.known.of_log(partition, topic_id);
        if is_metadata {
            let marked = root.known.marked(&metadata_partition(), None);
            known = KnownLog { synced: root.known.of_metadata(), marked, log_start: None, starts_at: None, high_watermark: None };
        }
        let listing = Listing::of(&contents.entries);
        let all: Vec<Offset> = listing.segments.keys().copied().collect();
        let below_start = if all.is_empty() { 0 } else { plan::holding(&all, known.log_start) };
        let mut bad = Vec::new();
        let epochs = epochs(dir, &contents, &mut bad);
        let rebuilds_epochs = epochs.is_none() && contents.files.contains_key(LEADER_EPOCHS);
        if is_metadata && let Some(bytes) = contents.files.get(QUORUM_STATE) {
            let name = dir.join(QUORUM_STATE);
            bad.extend(quorum_state::decode(&name, bytes).err().map(|what| BadFile::new(name, words(&what), REFUSED)));
        }
        let record = contents.files.get(damage::FILE).map(|bytes| {
            let name = dir.join(damage::FILE);
            damage::decode(&name, bytes).map_err(|what| words(&what))
        });
        let unassigned = expected.is_some() && assigned.is_none() && !is_metadata;
        let report = Report {
            dir: dir.clone(),
            partition: partition.clone(),
            is_metadata,
            topic_id,
            standing: if is_metadata { Standing::Replica } else { standing(dir, &contents, topic_id, unassigned, marked_end) },
            synced: known.synced.end(),
            by: match known.synced {
                Known::Clean { .. } => By::CleanStop,
                Known::Mark { .. } => By::Mark,
                Known::RecoveryPoint { .. } => By::RecoveryPoint,
            },
            log_start: known.log_start,
            high_watermark: known.high_watermark,
            record,
            begins: Offset(0),
            whole_end: Offset(0),
            segments: 0,
            below_start,
            bytes: 0,
            records: 0,
            damaged: Vec::new(),
            unserved: None,
            torn: None,
            unreadable: Vec::new(),
            bad,
            found_at_start: None,
            entries: contents.entries,
            epochs,
        };
        let cleaned = root.file(CLEANED).and_then(|bytes| checkpoint::decode_offsets(&Name::from(CLEANED), bytes).ok());
        let cleaned = cleaned.is_some_and(|c| c.entries.iter().any(|e| e.partition == *partition)) || !listing.swaps.is_empty();
        let unindexed = listing.segments.iter().filter(|(_, s)| s.index.is_none() || s.time_index.is_none()).map(|(base, _)| *base);
        Examination {
            dir: dir.clone(),
            is_metadata,
            known,
            compacts: if cleaned { Some(true) } else { assigned.map(|e| e.compacts) },
            bases: all[below_start..].to_vec(),
            surveys: Vec::new(),
            report,
            snapshots: Vec::new(),
            unindexed: unindexed.collect(),
            rebuilds_epochs,
            foreign: root.known.foreign,
            indexed_to: BTreeMap::new(),
            indexes: BTreeMap::new(),
            mark: root
                .known
                .mark_of(partition, topic_id)
                .filter(|m| !root.known.foreign && m.length > 0)
                .map(|m| (m.segment, m.length, m.end)),
        }
    }

    /// The files beside the segments that are to be read, before the segments.
    pub fn names_beside(&self) -> Vec<String> {
        let counts = |name: &FileName| match name.kind {
            Kind::Log | Kind::Checkpoint(_) => false,
            Kind::Snapshot => true,
            Kind::Index | Kind::TimeIndex | Kind::TxnIndex => self.bases.contains(&name.offset) && !self.is_rebuilt(name.offset),
        };
        let in_use = |name: &str| FileName::parse(name).is_some_and(|n| n.mark == Mark::None && counts(&n));
        self.report.entries.iter().filter(|e| !e.directory && in_use(&e.name)).map(|e| e.name.clone()).collect()
    }

    /// Takes in one of them.
    pub fn beside(&mut self, name: &str, bytes: &Bytes) {
        let Some(FileName { offset, kind, .. }) = FileName::parse(name) else { return };
        let log_bytes = self.report.logs().find(|(base, _)| *base == offset).map_or(0, |(_, e)| e.length);
        let wrong = match kind {
            Kind::Index => match index::decode_offsets(offset, bytes, log_bytes) {
                Ok(entries) => {
                    self.indexed_to.insert(offset, entries.last().map_or(0, |entry| u64::from(entry.at)));
                    self.indexes.insert(offset, entries);
                    None
                }
                Err(damage) => Some(damage),
            },
            Kind::TimeIndex => time_index(offset, bytes).err(),
            Kind::TxnIndex => index::decode_aborted(offset, bytes).err(),
            Kind::Snapshot => {
                match producer_snapshot::decode(offset, bytes, Guards::ALL_ON) {
                    Ok(_) => self.snapshots.push(offset),
                    Err(error) => {
                        let then = "the one before it is taken, and the log is read from there on";
                        self.report.bad.push(BadFile::new(self.dir.join(name), error.to_string(), then));
                    }
                }
                None
            }
            Kind::Log | Kind::Checkpoint(_) => None,
        };
        if wrong.is_some() {
            self.unindexed.push(offset);
        }
        self.report.bad.extend(wrong.map(|damage| BadFile::new(self.dir.join(name), damage.to_string(), REBUILT)));
    }

    /// Files of segments that are read whole, in this order.
    pub fn segments(&self) -> Vec<String> {
        self.bases.iter().map(|base| FileName::of(Kind::Log, *base)).collect()
    }

    /// Bytes of those.
    pub fn bytes(&self) -> u64 {
        self.bases.first().map_or(0, |first| self.report.bytes_from(*first))
    }

    /// The survey of the next segment, to be run to its end and handed to [`Examination::take`].
    ///
    /// # Panics
    /// If every segment was surveyed.
    pub fn survey(&mut self) -> Survey {
        let at = self.surveys.len();
        let base = self.bases[at];
        let next = self.surveys.last().map_or(base, Survey::end);
        let limits = Limits { below: self.bases.get(at + 1).copied(), mark: self.mark.filter(|m| m.0 == base).map(|m| (m.1, m.2)) };
        Survey::new(base, next, self.indexes.remove(&base).unwrap_or_default(), limits, Guards::ALL_ON)
    }

    /// Takes in a survey that is over.
    pub fn take(&mut self, survey: Survey, unreadable: Vec<Unreadable>) {
        let name = |kind| self.dir.join(&FileName::of(kind, survey.base));
        self.report.unreadable.extend(unreadable.into_iter().map(|u| (name(Kind::Log), u)));
        if let Some(entry) = survey.astray {
            let why = format!("its entry for offset {} leads to byte {}, where no batch ends so", entry.last.0, entry.at);
            self.report.bad.push(BadFile::new(name(Kind::Index), why, REBUILT));
        }
        self.surveys.push(survey);
    }

    /// A small file that somebody else looked at: a snapshot of the metadata, or one that cannot be read.
    pub fn found_bad(&mut self, name: &str, why: String) {
        let then = if self.is_metadata { REFUSED } else { "the log is out of service" };
        self.report.bad.push(BadFile::new(self.dir.join(name), why, then));
    }

    /// True for the metadata log.
    pub const fn is_metadata(&self) -> bool {
        self.is_metadata
    }

    /// The verdict.
    pub fn finish(self) -> Report {
        judge::judge(self)
    }

    /// After an unclean stop the indexes of the last segment are built again whatever they say.
    fn is_rebuilt(&self, base: Offset) -> bool {
        let clean = matches!(self.known.synced, Known::Clean { .. });
        !clean && self.bases.last() == Some(&base)
    }
}

fn epochs(dir: &Name, contents: &Contents, bad: &mut Vec<BadFile>) -> Option<Vec<EpochStart>> {
    let name = dir.join(LEADER_EPOCHS);
    match checkpoint::decode_epochs(&name, contents.files.get(LEADER_EPOCHS)?) {
        Ok(epochs) => Some(epochs),
        Err(what) => {
            bad.push(BadFile::new(name, words(&what), REBUILT));
            None
        }
    }
}

/// Timestamps ascend: the first entry alone can have none.
fn time_index(base: Offset, bytes: &[u8]) -> Result<(), index::IndexDamage> {
    let untimed = bytes.len() >= index::TIME_ENTRY_BYTES && bytes[..8] == [0xff; 8];
    let timed = if untimed { &bytes[index::TIME_ENTRY_BYTES..] } else { bytes };
    index::decode_times(base, timed).map(|_| ())
}

/// What a directory is, by the rules of a start.
fn standing(dir: &Name, contents: &Contents, assigned: Option<Uuid>, unassigned: bool, marked: Offset) -> Standing {
    let identity = contents.files.get(IDENTITY);
    if unassigned {
        return Standing::Stray { why: "the metadata assigns no such partition to this node".to_owned() };
    }
    let Some(assigned) = assigned else {
        let is_log = |e: &Entry| e.length > 0 && FileName::parse(&e.name).is_some_and(|n| (n.kind, n.mark) == (Kind::Log, Mark::None));
        if !contents.entries.iter().any(is_log) {
            return Standing::Stray { why: "nothing says whose it is, and it holds no records".to_owned() };
        }
        let why = identity.map_or("it is missing", |_| "it cannot be read");
        return Standing::Unnamed { why: format!("{why}, and nothing else says whose records these are") };
    };
    // The record is looked at apart.
    let found = Found { entries: contents.entries.clone(), identity: identity.cloned(), damage: None };
    let here = identity.and_then(|bytes| partition_metadata::decode(dir, bytes).ok());
    match (whose(dir, &found, assigned, marked), here) {
        (Whose::Assigned, _) => Standing::Replica,
        (Whose::Damaged(..), Some(topic_id)) => Standing::Swapped { topic_id },
        (Whose::Damaged(damage, _), None) => Standing::Unnamed { why: damage.why },
        (Whose::Stray(Some(id)), _) => Standing::Stray { why: format!("it is of topic {id}, and {assigned} is assigned") },
        (Whose::Stray(None), _) => Standing::Stray { why: "it has no partition.metadata and no records".to_owned() },
    }
}
