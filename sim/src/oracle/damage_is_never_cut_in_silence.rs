//! See [`DamageIsNeverCutInSilence`].

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use odradek_log::disk::Name;
use odradek_wire::ids::{Offset, TopicPartition};

use super::batches::{Header, base_of};
use super::excuses::cut_of;
use super::{Checker, Event, Excuses, RecordId, Setup, Violation};
use crate::disk::Disk;

/// Behind every offset.
const END: Offset = Offset(i64::MAX);
/// Where the metadata log lies.
const METADATA_LOG: &str = "__cluster_metadata-0/";

/// Where the world destroyed bytes, an acknowledged record is read as it was, or it is refused with a word; a shorter log that looks whole is none of the two.
///
/// A word is: the reader is told an error or is given bytes that fail their checksum, exactly where something is destroyed; or the partition is out of service, of
/// which something is destroyed, and the node has noted that in the life that it is in; or the node refuses to start, and names a file of which something is
/// destroyed. Of a log that is out of service every byte that the medium still has must stay where it is. Over any number of lives. What [`Excuses`] forgives is
/// forgiven here.
pub struct DamageIsNeverCutInSilence {
    excuses: Excuses,
    owed: BTreeMap<TopicPartition, BTreeMap<Offset, RecordId>>,
    /// Files of which something was destroyed, with their nodes.
    files: BTreeSet<(usize, Name)>,
    /// Partitions of which the life that a node is in has said that they are out of service; `None` for all that it has.
    said: BTreeSet<(usize, Option<TopicPartition>)>,
    /// Where the final reader stands.
    next: BTreeMap<TopicPartition, Offset>,
    /// Partitions that nobody serves.
    unserved: BTreeSet<TopicPartition>,
    /// Nodes that refuse to start.
    refused: BTreeSet<usize>,
}

impl DamageIsNeverCutInSilence {
    /// Nothing was destroyed yet.
    pub fn new(setup: &Setup) -> DamageIsNeverCutInSilence {
        DamageIsNeverCutInSilence {
            excuses: Excuses::new(setup),
            owed: BTreeMap::new(),
            files: BTreeSet::new(),
            said: BTreeSet::new(),
            next: BTreeMap::new(),
            unserved: BTreeSet::new(),
            refused: BTreeSet::new(),
        }
    }

    fn wrong(&self, says: String) -> Result<(), Violation> {
        Err(Violation::new(self.sentence(), says))
    }

    /// The first record of a range that is owed.
    fn first_owed(&self, at: &TopicPartition, range: Range<Offset>) -> Option<(Offset, RecordId)> {
        if range.is_empty() || self.excuses.may_lose(&at.topic) {
            return None;
        }
        self.owed.get(at)?.range(range).map(|(offset, record)| (*offset, *record)).next()
    }

    fn acknowledged(&mut self, at: &TopicPartition, offset: Offset, record: RecordId) -> Result<(), Violation> {
        let before = self.owed.entry(at.clone()).or_default().insert(offset, record);
        match before.filter(|before| *before != record && !self.excuses.may_lose(&at.topic)) {
            Some(before) => {
                self.wrong(format!("{at}: offset {} is given out again: {before} was acknowledged there, and so is {record}", offset.0))
            }
            None => Ok(()),
        }
    }

    /// A node cuts a log and says so; what was acknowledged above the cut is gone.
    fn cut(&self, at: &TopicPartition, offset: Offset, says: &str) -> Result<(), Violation> {
        match self.first_owed(at, offset..END) {
            Some((first, record)) => {
                self.wrong(format!("{at} is cut at offset {}, and {record} was acknowledged at offset {}: {says}", offset.0, first.0))
            }
            None => Ok(()),
        }
    }

    fn bounds(&mut self, at: &TopicPartition, start: Offset, end: Offset) -> Result<(), Violation> {
        self.next.insert(at.clone(), start);
        let below = if self.excuses.shrinks(&at.topic) { None } else { self.first_owed(at, Offset(0)..start) };
        match (below, self.first_owed(at, end..END)) {
            (Some((offset, record)), _) => {
                self.wrong(format!("{at} begins at offset {}, and {record} was acknowledged at offset {}", start.0, offset.0))
            }
            (None, Some((offset, record))) => {
                self.wrong(format!("{at} looks whole and ends at offset {}, and {record} was acknowledged at offset {}", end.0, offset.0))
            }
            (None, None) => Ok(()),
        }
    }

    /// The final reader goes on; what it passes over without an error it takes for never written.
    fn reads(&mut self, at: &TopicPartition, from: Offset, to: Offset) -> Result<(), Violation> {
        let Some(next) = self.next.insert(at.clone(), to) else { return Ok(()) };
        match self.first_owed(at, next..from) {
            Some((offset, record)) => self.wrong(format!(
                "{at}: a reader passes from offset {} to {} without an error, and {record} was acknowledged at offset {}",
                next.0, from.0, offset.0
            )),
            None => Ok(()),
        }
    }

    /// True if a node has said, in the life that it is in, that this partition is damaged or out of service.
    fn is_said(&self, at: &TopicPartition) -> bool {
        self.said.iter().any(|(_, said)| said.as_ref().is_none_or(|said| said == at))
    }

    fn refuses(&self, at: &TopicPartition, from: Offset, to: Offset, why: &str) -> Result<(), Violation> {
        if self.is_said(at) && self.is_harmed(at) {
            return Ok(());
        }
        let mut sound = (from.0..to.0).map(Offset).filter(|offset| !self.excuses.is_destroyed(at, *offset));
        let destroyed = sound.clone().count() as i64 != to.0 - from.0;
        match sound.find_map(|offset| self.first_owed(at, offset..offset.next())) {
            Some((offset, record)) => {
                self.wrong(format!("{at}: {record} was acknowledged at offset {}, is not destroyed, and cannot be read: {why}", offset.0))
            }
            None if !destroyed => self.wrong(format!("{at}: nothing is destroyed at offset {}, and it cannot be read: {why}", from.0)),
            None => Ok(()),
        }
    }

    fn serves_not(&mut self, at: &TopicPartition, why: &str) -> Result<(), Violation> {
        self.unserved.insert(at.clone());
        if !self.is_harmed(at) {
            return self.wrong(format!("{at} is served by nobody, and nothing of it is destroyed: {why}"));
        }
        if !self.is_said(at) {
            return self.wrong(format!("{at} is served by nobody, and no node has said that it is out of service: {why}"));
        }
        Ok(())
    }

    /// True if something of a partition is destroyed. What a directory knows of all that it holds is no excuse: checkpoints and marks are built again.
    fn is_harmed(&self, at: &TopicPartition) -> bool {
        let directory = Name::from(at.to_string().as_str());
        self.files.iter().any(|(_, file)| file.parent() == directory)
    }

    fn starts_not(&mut self, node: usize, why: &str) -> Result<(), Violation> {
        self.refused.insert(node);
        let mut files = self.files.iter().filter(|(of, _)| *of == node).map(|(_, file)| file.as_str());
        let name = |file: &str| Name::from(file).file_name().to_owned();
        let names = |file: &str| why.contains(&name(file)) || (file.starts_with(METADATA_LOG) && why.contains("metadata log"));
        if files.clone().any(names) {
            return Ok(());
        }
        let destroyed = files.next().map_or_else(|| "nothing of it is destroyed".to_owned(), |file| format!("{file} is destroyed"));
        self.wrong(format!("node {node} does not start, and says nothing of what is destroyed ({destroyed}): {why}"))
    }

    /// Nothing of a log that is out of service may be cut away: what the medium still has must be there.
    fn holds(&self, node: usize, disks: &[Disk]) -> Result<(), Violation> {
        let out = |at: &&TopicPartition| self.unserved.contains(*at) || self.refused.contains(&node);
        for at in self.owed.keys().filter(out) {
            let there = self.there(node, at, disks);
            let missing = self.owed[at]
                .iter()
                .find(|(offset, _)| !self.excuses.is_destroyed(at, **offset) && !there.iter().any(|range| range.contains(&offset.0)));
            if let Some((offset, record)) = missing.filter(|_| !self.excuses.may_lose(&at.topic) && !self.excuses.shrinks(&at.topic)) {
                return self.wrong(format!(
                    "{at} is out of service, and {record}, acknowledged at offset {}, was cut away: no medium destroyed it",
                    offset.0
                ));
            }
        }
        Ok(())
    }

    /// The offsets whose batches stand in the segments of a partition.
    fn there(&self, node: usize, at: &TopicPartition, disks: &[Disk]) -> Vec<Range<i64>> {
        let directory = Name::from(at.to_string().as_str());
        let mut there = Vec::new();
        for (nth, disk) in disks.iter().enumerate() {
            for (file, base) in disk.names_in(&directory).filter_map(|file| Some((directory.join(file), base_of(file)?))) {
                let Some(bytes) = disk.read_file(&file) else { continue };
                let (mut position, mut next) = (0, base);
                loop {
                    if let Some(behind) = self.excuses.behind(node, nth, &file, position) {
                        (position, next) = behind;
                        continue;
                    }
                    let rest = bytes.get(position as usize..).unwrap_or_default();
                    let Some(header) = Header::parse(rest).filter(|header| header.bytes <= rest.len() as u64) else { break };
                    there.push(next.max(header.base)..header.next);
                    (position, next) = (position + header.bytes, header.next);
                }
            }
        }
        there
    }
}

impl Checker for DamageIsNeverCutInSilence {
    fn sentence(&self) -> &'static str {
        "damage_is_never_cut_in_silence"
    }

    fn observe(&mut self, event: &Event<'_>) -> Result<(), Violation> {
        self.excuses.observe(event);
        for (at, range) in self.excuses.forgiven() {
            self.owed.entry(at.clone()).or_default().retain(|offset, _| !range.contains(offset));
        }
        if let Event::Acknowledged { record, at, offset: Some(offset) } = event {
            let taken = self.acknowledged(at, *offset, *record);
            return if self.excuses.is_any_destroyed() { taken } else { Ok(()) };
        }
        match event {
            Event::MediaLost { node, file, .. } => {
                self.files.insert((*node, (*file).clone()));
            }
            Event::Rose { node, .. } => self.said.retain(|(of, _)| of != node),
            Event::Noted { node, note } => {
                let partition = note.of.as_ref().map(|of| TopicPartition { topic: of.name.clone(), partition: of.number });
                match note.mark {
                    "log.damaged" | "log.unreadable" | "log.unserved" | "log.out_of_service" => {
                        self.said.extend(partition.map(|at| (*node, Some(at))));
                    }
                    "dir.out_of_service" => drop(self.said.insert((*node, None))),
                    _ => {}
                }
            }
            _ => {}
        }
        if !self.excuses.is_any_destroyed() {
            // A log that is out of service though nothing is destroyed: damage that is none.
            return if let Event::Unserved { at, why } = event { self.serves_not(at, why) } else { Ok(()) };
        }
        match event {
            Event::Noted { note, .. } => {
                let Some((at, offset)) = cut_of(note) else { return Ok(()) };
                self.cut(&at, offset, note.says.as_deref().unwrap_or(note.mark))
            }
            Event::FinalBounds { at, start, end } => self.bounds(at, *start, *end),
            Event::FinalRead { at, offset, .. } => self.reads(at, *offset, offset.next()),
            Event::FinalRefused { at, from, to, why } => {
                self.reads(at, *from, *to)?;
                self.refuses(at, *from, *to, why)
            }
            Event::Unserved { at, why } => self.serves_not(at, why),
            Event::Refused { node, why } => self.starts_not(*node, why),
            Event::Audited { node, disks } => self.holds(*node, disks),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use odradek_log::disk::{DiskAction, FileId};
    use odradek_machine::{Note, Subject};

    use super::super::segment_reader::tests::batch;
    use super::super::testing::{acknowledged, at, bounds, final_read, id, media_lost, moment, setup, watch};
    use super::*;

    fn watched(story: &[Event<'_>]) -> Result<(), String> {
        watch(DamageIsNeverCutInSilence::new(&setup()), story).map_err(|violation| violation.says)
    }

    /// Ten records, one a batch, of which the world destroys the fifth.
    fn given() -> Vec<Event<'static>> {
        (0..10).map(|n| acknowledged(id(0, n), i64::from(n))).chain([marked(9), media_lost(5..6, false)]).collect()
    }

    fn marked(below: i64) -> Event<'static> {
        Event::Marked { at: at(), below: Offset(below) }
    }

    fn note(mark: &'static str, offset: i64) -> Note {
        Note::mark(mark).of(Some(&Subject { name: Arc::from("orders"), number: 0 })).facts(offset, 0)
    }

    fn refused(from: i64, to: i64) -> Event<'static> {
        Event::FinalRefused { at: at(), from: Offset(from), to: Offset(to), why: "its checksum does not hold".to_owned() }
    }

    fn unserved() -> Event<'static> {
        Event::Unserved { at: at(), why: "LEADER_NOT_AVAILABLE".to_owned() }
    }

    fn reads<'a>(offsets: Range<i64>) -> impl Iterator<Item = Event<'a>> {
        offsets.map(|n| -> Event<'a> { final_read(n, Some(id(0, n as u32))) })
    }

    fn after<'a>(given: Vec<Event<'a>>, more: impl IntoIterator<Item = Event<'a>>) -> Vec<Event<'a>> {
        given.into_iter().chain(more).collect()
    }

    #[test]
    fn fires_when_a_log_is_cut_at_the_damage_whether_the_node_notes_it_or_not() {
        let cut = note("log.tail_cut", 5);
        let noted = after(given(), [Event::Noted { node: 0, note: &cut }]);
        assert!(watched(&noted).is_err_and(|says| says.contains("is cut at offset 5")));
        assert!(watched(&after(given(), [bounds(0, 5)])).is_err_and(|says| says.contains("looks whole and ends at offset 5")));
        assert!(watched(&after(given(), [bounds(6, 10)])).is_err_and(|says| says.contains("begins at offset 6")));
    }

    #[test]
    fn fires_when_an_offset_is_given_out_again() {
        assert!(watched(&after(given(), [acknowledged(id(0, 77), 5)])).is_err_and(|says| says.contains("given out again")));
        // Without lost media it is another checker's.
        assert_eq!(watched(&[acknowledged(id(0, 1), 5), acknowledged(id(0, 2), 5)]), Ok(()));
    }

    #[test]
    fn fires_when_a_reader_passes_over_what_is_not_destroyed_without_an_error() {
        let skips = after(given(), [bounds(0, 10)].into_iter().chain(reads(0..3)).chain(reads(4..5)));
        assert!(watched(&skips).is_err_and(|says| says.contains("passes from offset 3 to 4")));
    }

    #[test]
    fn fires_when_what_is_not_destroyed_cannot_be_read() {
        let story = |refusal| after(given(), [bounds(0, 10)].into_iter().chain(reads(0..5)).chain([refusal]).chain(reads(6..10)));
        assert_eq!(watched(&story(refused(5, 6))), Ok(()));
        assert!(watched(&story(refused(5, 7))).is_err_and(|says| says.contains("is not destroyed")));
        let whole = after(given(), [bounds(0, 10), refused(0, 1)]);
        assert!(watched(&whole).is_err());
    }

    #[test]
    fn fires_when_a_partition_is_out_of_service_without_damage_or_without_a_word() {
        let damaged = note("log.damaged", 5);
        let said = || Event::Noted { node: 0, note: &damaged };
        assert_eq!(watched(&after(given(), [said(), unserved()])), Ok(()));
        assert!(watched(&after(given(), [unserved()])).is_err_and(|says| says.contains("no node has said")));
        // A word holds for the life that said it.
        assert!(watched(&after(given(), [said(), Event::Rose { node: 0, life: 2 }, unserved()])).is_err());
        // Nor where nothing at all is destroyed, nor where it is a checkpoint.
        assert!(watched(&[acknowledged(id(0, 1), 0), said(), unserved()]).is_err_and(|says| says.contains("nothing of it is destroyed")));
        let marks = Name::from("synced-marks");
        let in_root = Event::MediaLost { node: 0, disk: 0, file: &marks, bytes: 0..1, held: None, whole_disk: false };
        assert!(watched(&[acknowledged(id(0, 1), 0), in_root, said(), unserved()]).is_err());
        let other = Name::from("payments-0/00000000000000000000.log");
        let elsewhere = Event::MediaLost { node: 0, disk: 0, file: &other, bytes: 0..1, held: None, whole_disk: false };
        assert!(
            watched(&[acknowledged(id(0, 1), 0), elsewhere, said(), unserved()])
                .is_err_and(|says| says.contains("nothing of it is destroyed"))
        );
    }

    #[test]
    fn fires_when_a_node_does_not_start_and_does_not_name_what_is_destroyed() {
        let refuses = |why: &str| watched(&after(given(), [Event::Refused { node: 0, why: why.to_owned() }]));
        assert_eq!(refuses("disk-0/orders-0/00000000000000000000.log at byte 500: the checksum does not hold"), Ok(()));
        assert!(refuses("something is wrong").is_err());
    }

    #[test]
    fn fires_when_bytes_that_the_medium_has_are_cut_away_from_a_log_that_is_out_of_service() {
        let disk = |batches: i64| {
            let mut disk = Disk::new();
            let bytes: Vec<u8> = (0..batches).flat_map(|base| batch(base, 1)).collect();
            let bytes =
                bytes.into_iter().enumerate().map(|(at, byte)| if (500..600).contains(&at) { 0 } else { byte }).collect::<Vec<u8>>();
            for action in [
                DiskAction::MakeDirectory { name: Name::from("orders-0") },
                DiskAction::Create { file: FileId(1), name: Name::from("orders-0/00000000000000000000.log"), length: 0 },
                DiskAction::Write { file: FileId(1), at: 0, parts: vec![bytes.into()] },
            ] {
                disk.carry_out(&action, moment()).expect("nothing is wrong with this disk");
            }
            [disk]
        };
        let damaged = note("log.damaged", 5);
        let judge = |disks: &[Disk]| {
            watched(&after(given(), [Event::Noted { node: 0, note: &damaged }, unserved(), Event::Audited { node: 0, disks }]))
        };
        assert_eq!(judge(&disk(10)), Ok(()));
        assert!(judge(&disk(9)).is_err_and(|says| says.contains("acknowledged at offset 9, was cut away")));
        assert!(judge(&disk(5)).is_err_and(|says| says.contains("offset 6, was cut away")));
    }

    #[test]
    fn is_silent_about_a_cut_that_no_mark_forbids_and_about_a_log_without_damage() {
        let cut = note("log.tail_cut", 5);
        let story = (0..10).map(|n| acknowledged(id(0, n), i64::from(n))).chain([marked(5), media_lost(5..6, false)]).collect();
        let more = [Event::Noted { node: 0, note: &cut }, acknowledged(id(0, 50), 5), bounds(0, 6)];
        assert_eq!(watched(&after(story, more.into_iter().chain(reads(0..5)).chain([final_read(5, Some(id(0, 50)))]))), Ok(()));
        assert_eq!(watched(&[acknowledged(id(0, 1), 0), bounds(0, 0)]), Ok(()), "without lost media it is another checker's");
    }
}
