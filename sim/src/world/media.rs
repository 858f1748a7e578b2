//! What the world destroys on media: arming it, counting it by byte, and what the world must know to tell damage from a torn tail.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use odradek_log::disk::Name;
use odradek_machine::Note;
use odradek_wire::ids::{Offset, TopicPartition};

use super::World;
use crate::disk::{Destroyed as DestroyedBytes, Disk};
use crate::fault::Fault;
use crate::oracle::{self, Destroyed, HEADER, Header, base_of};
use crate::plan::Plan;
use crate::weather::Kind;

/// What the world knows of media.
#[derive(Default)]
pub(super) struct Media {
    /// The plan destroys something: without that nothing is looked at.
    watches: bool,
    destroyed: Destroyed,
    logs: BTreeMap<(usize, TopicPartition), Log>,
    /// Nodes of which something was destroyed.
    harmed: BTreeSet<usize>,
}

/// How far the log of a partition must be marked as synced on its disk.
///
/// A node marks each sync of a log before the next sync of that log is told to it. So a batch whose writing was asked for after another was promised is promised
/// only when the other is marked: of the last round alone a torn tail and damage look alike.
#[derive(Default)]
struct Log {
    /// The segment in which the last promised batch stands, and where; the offset behind what was walked.
    base: i64,
    position: u64,
    next: i64,
    /// Ends of promised batches that are not surely marked, with where the log ended on disk when they were promised.
    promised: VecDeque<(i64, (i64, u64))>,
    marked: i64,
    end: i64,
}

impl Media {
    pub(super) fn of(plan: &Plan) -> Media {
        let destroys = |fault: &Fault| {
            matches!(
                fault,
                Fault::DiskRot
                    | Fault::DiskUnreadable
                    | Fault::DiskMisdirectedRead
                    | Fault::DiskMisdirectedWrite
                    | Fault::DiskWriteLost
                    | Fault::DiskOldImage
            )
        };
        Media { watches: plan.steps.iter().chain(&plan.faults).any(|planned| destroys(&planned.fault)), ..Media::default() }
    }

    /// True if the world destroyed anything of a node.
    pub(super) fn harmed(&self, nth: usize) -> bool {
        self.harmed.contains(&nth)
    }

    /// The offset behind the batches that hold this one, if the world destroyed them.
    pub(super) fn behind(&self, at: &TopicPartition, offset: i64) -> Option<i64> {
        self.destroyed.holding(at, Offset(offset)).filter(|held| held.lasts).map(|held| held.offsets.end)
    }
}

impl Log {
    /// A batch is promised. Says up to where the log is surely marked, if that is further than before.
    fn promise(
        &mut self,
        disk: &Disk,
        directory: &Name,
        base: i64,
        end: i64,
        behind: impl Fn(&Name, u64) -> Option<(u64, i64)>,
    ) -> Option<i64> {
        let mut segments: Vec<(i64, String)> =
            disk.names_in(directory).filter_map(|file| Some((base_of(file)?, file.to_owned()))).collect();
        segments.sort();
        let (newest, file) = segments.last()?;
        let ends_at = (*newest, disk.length(&directory.join(file))?);
        let stands = self.find(disk, directory, &segments, base, behind);
        let before = self.marked;
        while let Some((promised, _)) = self.promised.pop_front_if(|(_, ended_at)| stands.is_some_and(|stands| *ended_at <= stands)) {
            self.marked = self.marked.max(promised);
        }
        self.promised.push_back((end, ends_at));
        self.end = self.end.max(end);
        (self.marked > before).then_some(self.marked)
    }

    /// The segment and the place in it where the batch with this base stands.
    fn find(
        &mut self,
        disk: &Disk,
        directory: &Name,
        segments: &[(i64, String)],
        base: i64,
        behind: impl Fn(&Name, u64) -> Option<(u64, i64)>,
    ) -> Option<(i64, u64)> {
        let (segment, file) = segments.iter().rev().find(|(first, _)| *first <= base)?;
        if self.base != *segment || self.next > base {
            (self.base, self.position, self.next) = (*segment, 0, *segment);
        }
        let name = directory.join(file);
        while self.next < base {
            (self.position, self.next) = match behind(&name, self.position) {
                Some(behind) => behind,
                None => {
                    let header = Header::parse(&disk.read_part(&name, self.position, HEADER)?)?;
                    (self.position + header.bytes, header.next)
                }
            };
        }
        (self.next == base).then_some((self.base, self.position))
    }
}

impl World<'_, '_> {
    /// True if a medium of this node holds something that a fault could harm.
    pub(super) fn can_be_harmed(&self, fault: usize, nth: usize) -> bool {
        let end = self.faults.entry(fault).planned.with.file.as_deref();
        self.nodes[nth].disks.iter().any(|disk| disk.can_be_harmed(end))
    }

    /// Bytes rot, or sectors cannot be read any more: each on one of the disks that can suffer it.
    pub(super) fn harm(&mut self, fault: usize, kind: Fault, nth: usize) {
        let with = self.faults.entry(fault).planned.with.clone();
        let end = with.file.as_deref();
        for time in 0..with.times {
            let draw = self.weather.at(Kind::Medium, nth as u64, self.now).number(fault as u64).number(time);
            let disks: Vec<usize> =
                (0..self.nodes[nth].disks.len()).filter(|&disk| self.nodes[nth].disks[disk].can_be_harmed(end)).collect();
            let Some(&disk) = disks.get(draw.named("disk").below(disks.len().max(1) as u64) as usize) else { return };
            match kind {
                Fault::DiskRot => self.nodes[nth].disks[disk].rot(fault, end, draw),
                _ => self.nodes[nth].disks[disk].lose_sector(fault, end, draw),
            }
            self.hear_disk(nth, disk);
        }
    }

    /// An old image comes back before a life begins.
    pub(super) fn bring_back_image(&mut self, nth: usize) {
        if self.nodes[nth].disks.iter().all(|disk| disk.troubles.image.is_none()) {
            return;
        }
        self.abandon_connections(nth, oracle::Fate::PowerCut);
        for disk in 0..self.nodes[nth].disks.len() {
            if self.nodes[nth].disks[disk].bring_back_image() {
                self.trace_node(nth, || format!("disk {disk} goes back to an old image"));
            }
            self.hear_disk(nth, disk);
        }
    }

    /// What happened on a disk since this was asked: which faults met something, and what was destroyed.
    pub(super) fn hear_disk(&mut self, nth: usize, disk: usize) {
        let troubles = &mut self.nodes[nth].disks[disk].troubles;
        let (touched, destroyed) = (std::mem::take(&mut troubles.touched), std::mem::take(&mut troubles.destroyed));
        touched.into_iter().for_each(|fault| self.faults.touch(fault));
        for bytes in destroyed {
            self.destroyed(nth, disk, bytes);
        }
    }

    fn destroyed(&mut self, nth: usize, disk: usize, destroyed: DestroyedBytes) {
        let DestroyedBytes { file, bytes, was, lasts, whole_disk, .. } = destroyed;
        let held = self.media.destroyed.held(nth, disk, &file, &bytes, &was, lasts);
        self.trace_node(nth, || {
            let what = if lasts { "the medium destroys" } else { "the medium misreads" };
            let of = held
                .as_ref()
                .map_or_else(String::new, |held| format!(", offsets {} to {} of {}", held.offsets.start, held.offsets.end, held.at));
            format!("{what} bytes {} to {} of {file} on disk {disk}{of}", bytes.start, bytes.end)
        });
        self.hash.text(file.as_str());
        self.hash.number(bytes.start);
        if lasts {
            self.tally.destroyed += bytes.end - bytes.start;
        }
        self.media.harmed.insert(nth);
        if let Some(held) = &held {
            if whole_disk {
                self.media.logs.remove(&(nth, held.at.clone()));
            } else {
                self.media.destroyed.add(nth, disk, &file, held.clone());
            }
        }
        self.tell(&oracle::Event::MediaLost { node: nth, disk, file: &file, bytes, held, whole_disk });
        if lasts { self.world_mark("disk.media_lost") } else { self.world_mark("disk.misread") }
    }

    /// A node promises a batch: what it promised before may be marked by now.
    pub(super) fn mark_promised(&mut self, nth: usize, at: &TopicPartition, base: Offset, records: u32) {
        if !self.media.watches {
            return;
        }
        let directory = Name::from(at.to_string().as_str());
        let Some(disk) = self.nodes[nth].disks.iter().position(|disk| disk.names_in(&directory).next().is_some()) else { return };
        let Media { destroyed, logs, .. } = &mut self.media;
        let log = logs.entry((nth, at.clone())).or_default();
        let behind = |file: &Name, position| destroyed.behind(nth, disk, file, position);
        let marked = log.promise(&self.nodes[nth].disks[disk], &directory, base.0, base.0 + i64::from(records), behind);
        if let Some(below) = marked {
            self.tell(&oracle::Event::Marked { at: at.clone(), below: Offset(below) });
        }
    }

    /// A life of a node ended: after a clean stop all that was promised is known to be synced, and after any end what was not yet marked may never be.
    pub(super) fn mark_stopped(&mut self, nth: usize, clean: bool) {
        let mut marked = Vec::new();
        for ((_, at), log) in self.media.logs.iter_mut().filter(|((node, _), _)| *node == nth) {
            log.promised.clear();
            if clean && log.end > log.marked {
                log.marked = log.end;
                marked.push((at.clone(), Offset(log.end)));
            }
        }
        for (at, below) in marked {
            self.tell(&oracle::Event::Marked { at, below });
        }
    }

    /// A node says that it cuts a log: what is written from there on is written anew.
    pub(super) fn mark_cut(&mut self, nth: usize, note: &Note) {
        let Some((at, offset)) = oracle::cut_of(note) else { return };
        self.media.destroyed.cut(&at, offset);
        if let Some(log) = self.media.logs.get_mut(&(nth, at)) {
            log.end = log.end.min(offset.0);
            log.marked = log.marked.min(offset.0);
            log.promised.clear();
        }
    }
}
