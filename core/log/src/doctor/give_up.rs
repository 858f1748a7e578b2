//! Records are given up: by partition and offset, and never otherwise.
//!
//! | step | what is done | if it is the last that is done |
//! |---|---|---|
//! | 1 | the damage is written down, if it is not | the log is out of service |
//! | 2 | marks, recovery point and high watermark come down, the start goes up where the front is lost | the same |
//! | 3 | later segments, snapshots and indexes go, from the end backwards; the damaged segment is cut; the epochs follow | the same |
//! | 4 | `partition.metadata` is written, where it was missing or damaged | the same |
//! | 5 | the record of damage goes | the records are given up |
//!
//! A log without a directory has no record of damage: its mark says that it was here, and comes down last.

use odradek_machine::Seed;
use odradek_wire::ids::{Offset, TopicPartition, Uuid};

use super::actions::Actions;
use super::report::{Cut, Place, Report, Standing};
use super::root::{IDENTITY, Root};
use super::{Missing, WhyMissing};
use crate::disk::{DiskAction, Name};
use crate::epochs::Epochs;
use crate::formats::checkpoint::{self, HIGH_WATERMARKS, LOG_STARTS, OffsetOf, RECOVERY_POINTS};
use crate::formats::dir_name::{DirName, Purpose};
use crate::formats::file_name::{FileName, Kind, LEADER_EPOCHS, Mark, SEGMENT_KINDS};
use crate::formats::synced_marks::{self, SyncedMark};
use crate::formats::{damage, partition_metadata};
use crate::open::Damage;
use crate::open::tidy::files_of;

/// What is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss {
    /// First offset that is given up.
    pub from: Offset,
    /// The offset after the last that was known.
    pub to: Offset,
    /// Records among them that could still be read.
    pub readable: u64,
    /// Bytes that are cut away.
    pub bytes: u64,
}

/// What is to be done, in this order, each operation after the one before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// What is lost.
    pub loss: Loss,
    /// What the log is afterwards, and what else there is to say.
    pub says: Vec<String>,
    /// On the directory whose root was handed in.
    pub actions: Vec<DiskAction>,
}

/// Why nothing is given up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nothing is damaged.
    #[error("{partition} is whole up to offset {}: there is nothing to be given up", end.0)]
    Whole {
        /// Topic and index.
        partition: TopicPartition,
        /// Where it ends.
        end: Offset,
    },
    /// It is damaged elsewhere.
    #[error("{partition} is not damaged at offset {}; {}", asked.0, offsets(right))]
    OtherOffset {
        /// Topic and index.
        partition: TopicPartition,
        /// The offset that was named.
        asked: Offset,
        /// The ones that can be, and why.
        right: Vec<(Offset, String)>,
    },
    /// It holds what is not served here, and nothing is lost.
    #[error(
        "{partition} is not damaged: {what}. Nothing is given up. Start Apache Kafka on a copy of this directory, copy the topic there to one of another name \
         (which writes format 2), and bring the records here with a client"
    )]
    Unserved {
        /// Topic and index.
        partition: TopicPartition,
        /// What it holds.
        what: String,
    },
    /// The metadata log.
    #[error(
        "the metadata log is not given up: without its end the topics in it would be gone, and their logs strays. Put a copy of {dir} back, or start the node \
         anew and move the logs' directories in"
    )]
    Metadata {
        /// Its directory.
        dir: Name,
    },
    /// The next start sets it aside.
    #[error("{dir} is no replica of this node: {why}. The next start sets it aside and keeps it; there is nothing to be given up")]
    Stray {
        /// Its directory.
        dir: Name,
        /// Why.
        why: String,
    },
    /// Files of a compaction that was interrupted: what they replace is not settled.
    #[error(
        "a compaction of {partition} was interrupted while its output took its place: {name} is there. Let Apache Kafka finish it first"
    )]
    Compacting {
        /// Topic and index.
        partition: TopicPartition,
        /// One of its files.
        name: String,
    },
    /// Nothing says whose the records are.
    #[error("which topic {partition} belongs to is not known here: name the directory of the metadata log as well")]
    NoTopic {
        /// Topic and index.
        partition: TopicPartition,
    },
}

fn offsets(right: &[(Offset, String)]) -> String {
    let each: Vec<String> = right.iter().map(|(offset, why)| format!("it is at {} ({why})", offset.0)).collect();
    each.join(", and ")
}

/// Gives up the records of a log from an offset on. `seed` draws the name under which records of another topic are set aside.
///
/// # Errors
/// Why nothing is given up.
pub fn give_up(root: &Root, report: &Report, offset: Offset, seed: Seed) -> Result<Plan, Refusal> {
    let partition = report.partition.clone();
    if report.is_metadata {
        return Err(Refusal::Metadata { dir: report.dir.clone() });
    }
    if let Some(unserved) = &report.unserved {
        return Err(Refusal::Unserved { partition, what: unserved.to_string() });
    }
    if let Standing::Stray { why } = &report.standing {
        return Err(Refusal::Stray { dir: report.dir.clone(), why: why.clone() });
    }
    let cures = report.cures();
    if cures.is_empty() {
        return Err(Refusal::Whole { partition, end: report.whole_end });
    }
    if !cures.iter().any(|(at, _)| *at == offset) {
        return Err(Refusal::OtherOffset { partition, asked: offset, right: cures });
    }
    if matches!(report.standing, Standing::Swapped { .. }) && offset == report.nothing_here() {
        return set_aside(root, report, offset, seed);
    }
    let swap = |e: &&crate::disk::Entry| FileName::parse(&e.name).is_some_and(|n| n.mark == Mark::Swap);
    if let Some(entry) = report.entries.iter().find(swap) {
        return Err(Refusal::Compacting { partition, name: entry.name.clone() });
    }
    match report.damaged.iter().position(|place| place.offset == offset) {
        Some(at) => cut(root, report, at),
        None => heal(report),
    }
}

/// Gives up a replica that has no directory: an empty one is made in this root.
///
/// # Errors
/// Why nothing is given up.
pub fn give_up_missing(root: &Root, missing: &Missing, offset: Offset) -> Result<Plan, Refusal> {
    let Missing { partition, topic_id, start, synced, .. } = missing;
    if super::root::is_metadata(partition) {
        return Err(Refusal::Metadata { dir: Name::from(partition.to_string().as_str()) });
    }
    let Some(topic_id) = *topic_id else { return Err(Refusal::NoTopic { partition: partition.clone() }) };
    if offset != *start {
        let why = match missing.why {
            WhyMissing::Gone => "its directory is gone, and the log began there",
            WhyMissing::Elsewhere(_) => "its log directory is not here, and it begins anew there",
            WhyMissing::Lost => "it is in none of the log directories, and begins anew there",
        };
        return Err(Refusal::OtherOffset { partition: partition.clone(), asked: offset, right: vec![(*start, why.to_owned())] });
    }
    let mut actions = Actions::default();
    make_empty(&mut actions, root, partition, topic_id, *start);
    let mut says = vec![format!("{partition} is made empty in {}", root.path)];
    if let WhyMissing::Elsewhere(id) = missing.why {
        says.push(format!("should directory {id} come back, its {partition} is set aside as a stray, and kept"));
    }
    Ok(Plan { loss: Loss { from: *start, to: (*synced).max(*start), readable: 0, bytes: 0 }, says, actions: actions.all })
}

/// The records are whole: what keeps them from being served goes.
fn heal(report: &Report) -> Result<Plan, Refusal> {
    let mut actions = Actions::default();
    let mut says = vec![format!("every record below offset {} is whole, and is kept", report.whole_end.0)];
    identify(&mut actions, report, &mut says)?;
    forget(&mut actions, report);
    Ok(Plan { loss: Loss { from: report.whole_end, to: report.whole_end, readable: 0, bytes: 0 }, says, actions: actions.all })
}

/// The log is cut at a place, or begins behind it.
fn cut(root: &Root, report: &Report, at: usize) -> Result<Plan, Refusal> {
    let place = &report.damaged[at];
    let mut actions = Actions::default();
    let mut says = Vec::new();
    if !matches!(report.record, Some(Ok(_))) {
        record(&mut actions, report, place);
    }
    let loss = match place.cut {
        Cut::Front { first } => {
            raise(&mut actions, root, report, first);
            says.push(format!("the log begins at offset {}", first.0));
            Loss { from: place.offset, to: first, readable: 0, bytes: 0 }
        }
        Cut::Behind { base, keep } => {
            lower(&mut actions, root, &report.partition, report.topic_id, Ends { segment: base, length: keep, end: place.offset });
            cut_behind(&mut actions, report, base, keep);
            cut_epochs(&mut actions, report, place.offset);
            let to = report.synced.max(place.behind.end.unwrap_or_default()).max(place.offset);
            says.push(format!("the log ends at offset {}", place.offset.0));
            Loss { from: place.offset, to, readable: place.behind.records, bytes: report.bytes_from(base) - keep }
        }
        Cut::Nothing => {
            lower(&mut actions, root, &report.partition, report.topic_id, Ends { segment: place.offset, length: 0, end: place.offset });
            says.push(format!("the log is empty, and begins at offset {}", place.offset.0));
            Loss { from: place.offset, to: report.synced, readable: 0, bytes: 0 }
        }
    };
    identify(&mut actions, report, &mut says)?;
    conclude(&mut actions, report, at, &mut says);
    Ok(Plan { loss, says, actions: actions.all })
}

/// The record of damage goes; or it is that of another place, which a start would come upon.
fn conclude(actions: &mut Actions, report: &Report, at: usize, says: &mut Vec<String>) {
    let is_front = |place: &&Place| matches!(place.cut, Cut::Front { .. });
    let (before, behind) = (report.damaged[..at].first(), report.damaged.get(at + 1));
    let other = behind.filter(|_| is_front(&&report.damaged[at])).or(before.filter(is_front));
    if let Some(place) = other {
        record(actions, report, place);
        says.push(format!("the log stays out of service: it is damaged at offset {} too ({})", place.offset.0, place.why));
        return;
    }
    forget(actions, report);
    if let Some(place) = before {
        says.push(format!("what is damaged at offset {} stays as it is ({}): readers cannot pass it", place.offset.0, place.why));
    }
}

/// Records of another topic are kept as a stray, and the replica begins anew.
fn set_aside(root: &Root, report: &Report, offset: Offset, seed: Seed) -> Result<Plan, Refusal> {
    let Report { partition, dir, .. } = report;
    let topic_id = report.topic_id.ok_or(Refusal::NoTopic { partition: partition.clone() })?;
    let to = Name::from(DirName::renamed(partition, Purpose::Stray, Uuid(seed.named(dir.as_str()).uuid())).as_str());
    let mut actions = Actions::default();
    actions.rename(dir.clone(), to.clone());
    actions.sync_directory(Name::root());
    make_empty(&mut actions, root, partition, topic_id, offset);
    let says = vec![format!("the records of the other topic are kept in {}/{to}", root.path), format!("{partition} is made empty")];
    Ok(Plan { loss: Loss { from: offset, to: report.synced, readable: 0, bytes: 0 }, says, actions: actions.all })
}

fn make_empty(actions: &mut Actions, root: &Root, partition: &TopicPartition, topic_id: Uuid, start: Offset) {
    let dir = Name::from(DirName::current(partition).as_str());
    actions.make(dir.clone());
    actions.replace(&dir.join(IDENTITY), partition_metadata::encode(topic_id));
    actions.sync_directory(Name::root());
    lower(actions, root, partition, Some(topic_id), Ends { segment: start, length: 0, end: start });
}

/// Writes the damage down, as a start does.
fn record(actions: &mut Actions, report: &Report, place: &Place) {
    let synced = report.synced.max(place.offset);
    let damage = Damage { segment: place.file.clone(), at: place.at, offset: place.offset, synced, why: place.why.clone() };
    actions.replace(&report.dir.join(damage::FILE), damage::encode(&damage));
}

/// The last step of all: from here on the log is served.
fn forget(actions: &mut Actions, report: &Report) {
    actions.remove(report.dir.join(damage::FILE));
    actions.sync_directory(report.dir.clone());
}

/// Says whose the log is, where its directory does not.
fn identify(actions: &mut Actions, report: &Report, says: &mut Vec<String>) -> Result<(), Refusal> {
    let (Standing::Unnamed { .. } | Standing::Swapped { .. }) = report.standing else { return Ok(()) };
    let topic_id = report.topic_id.ok_or(Refusal::NoTopic { partition: report.partition.clone() })?;
    actions.replace(&report.dir.join(IDENTITY), partition_metadata::encode(topic_id));
    says.push(format!("{IDENTITY} is written anew, with topic {topic_id}"));
    Ok(())
}

/// Where a log ends.
#[derive(Clone, Copy)]
struct Ends {
    segment: Offset,
    length: u64,
    end: Offset,
}

/// Nothing may say any more that the log reached further.
fn lower(actions: &mut Actions, root: &Root, partition: &TopicPartition, topic_id: Option<Uuid>, to: Ends) {
    let Ends { segment, length, end } = to;
    rewrite(actions, root, HIGH_WATERMARKS, partition, |offset| offset.min(end));
    rewrite(actions, root, RECOVERY_POINTS, partition, |offset| offset.min(end));
    if let Some(mark) = root.known.mark_of(partition, topic_id).filter(|m| m.end > end) {
        remark(actions, root, &SyncedMark { segment, length, end, start: mark.start.min(end), ..mark.clone() });
    }
}

/// The log begins later than anything says.
fn raise(actions: &mut Actions, root: &Root, report: &Report, first: Offset) {
    let partition = &report.partition;
    rewrite(actions, root, LOG_STARTS, partition, |offset| offset.max(first));
    if let Some(mark) = root.known.mark_of(partition, report.topic_id) {
        remark(actions, root, &SyncedMark { start: first, ..mark.clone() });
    }
}

/// Adds a mark behind the others: the last one of a log counts. Lines that cannot be read stay, since they say that something is not known.
fn remark(actions: &mut Actions, root: &Root, mark: &SyncedMark) {
    let mut lines = root.file(synced_marks::FILE).map(|bytes| bytes.to_vec()).unwrap_or_default();
    if lines.last().is_some_and(|last| *last != b'\n') {
        lines.push(b'\n');
    }
    lines.extend_from_slice(synced_marks::encode(mark).as_bytes());
    actions.replace(&Name::from(synced_marks::FILE), lines);
}

/// Changes one entry of a checkpoint, if it is there and that changes it. Whose the file is stays as it was: sealed, or as Apache Kafka writes it.
fn rewrite(actions: &mut Actions, root: &Root, file: &str, partition: &TopicPartition, to: impl Fn(Offset) -> Offset) {
    let name = Name::from(file);
    // One that cannot be read says nothing, and is built again or refuses the start.
    let Some(Ok(found)) = root.file(file).map(|bytes| checkpoint::decode_offsets(&name, bytes)) else { return };
    let changed = |e: &OffsetOf| if e.partition == *partition { to(e.offset) } else { e.offset };
    if found.entries.iter().all(|e| changed(e) == e.offset) {
        return;
    }
    let mut lines = String::new();
    for entry in &found.entries {
        checkpoint::push_offset(&mut lines, &entry.partition, changed(entry));
    }
    let count = found.entries.len();
    let text = if found.sealed { checkpoint::seal_offsets(count, &lines) } else { checkpoint::plain_offsets(count, &lines) };
    actions.replace(&name, text);
}

/// What lies behind goes from the end backwards, so that no step leaves a hole; the segment that stays is cut last.
fn cut_behind(actions: &mut Actions, report: &Report, base: Offset, keep: u64) {
    let in_use = |e: &&crate::disk::Entry| FileName::parse(&e.name).filter(|n| n.mark == Mark::None);
    let names: Vec<FileName> = report.entries.iter().filter(|e| !e.directory).filter_map(|e| in_use(&e)).collect();
    let end = report.damaged.iter().find(|p| p.cut == Cut::Behind { base, keep }).map_or(base, |p| p.offset);
    let mut snapshots: Vec<Offset> = names.iter().filter(|n| n.kind == Kind::Snapshot && n.offset > end).map(|n| n.offset).collect();
    snapshots.sort_unstable();
    let remove = |actions: &mut Actions, name: &str| actions.remove(report.dir.join(name));
    for at in snapshots.into_iter().rev() {
        remove(actions, &FileName::of(Kind::Snapshot, at));
    }
    let mut bases: Vec<Offset> = report.logs().map(|(b, _)| b).filter(|b| *b > base).collect();
    bases.sort_unstable();
    for later in bases.into_iter().rev() {
        files_of(later).iter().for_each(|name| remove(actions, name));
    }
    for kind in SEGMENT_KINDS.into_iter().filter(|kind| *kind != Kind::Log) {
        remove(actions, &FileName::of(kind, base));
    }
    actions.sync_directory(report.dir.clone());
    actions.cut(report.dir.join(&FileName::of(Kind::Log, base)), keep);
}

fn cut_epochs(actions: &mut Actions, report: &Report, end: Offset) {
    let Some(starts) = report.epochs.clone() else { return };
    let mut epochs = Epochs::recovered(starts);
    if epochs.cut_end(end) {
        actions.replace(&report.dir.join(LEADER_EPOCHS), checkpoint::encode_epochs(epochs.starts()));
    }
}
