//! See [`NoPowerCutTakesWhatWasPromised`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use odradek_log::disk::Name;
use odradek_wire::ids::{Offset, TopicPartition};

use super::segment_reader::{Found, SegmentReader};
use super::{Checker, Event, Excuses, Setup, Violation};
use crate::disk::Disk;

/// At the moment at which a node tells a producer that its batch is written, no power cut that is legal then could take it.
///
/// Judged at the acknowledgment, not at the crash: an independent reader walks the bytes that every legal cut would leave, by names that every legal cut
/// would leave, and must meet the batch whole. Asked of topics that sync before they acknowledge. Batches that the world destroyed are passed over.
pub struct NoPowerCutTakesWhatWasPromised {
    synced: BTreeSet<Arc<str>>,
    excuses: Excuses,
    readers: BTreeMap<(usize, TopicPartition), SegmentReader>,
}

impl NoPowerCutTakesWhatWasPromised {
    /// Nothing was promised yet.
    pub fn new(setup: &Setup) -> NoPowerCutTakesWhatWasPromised {
        let synced = setup.topics.iter().filter(|topic| topic.synced).map(|topic| Arc::clone(&topic.name)).collect();
        NoPowerCutTakesWhatWasPromised { synced, excuses: Excuses::new(setup), readers: BTreeMap::new() }
    }

    fn judge(&mut self, node: usize, at: &TopicPartition, base: Offset, disks: &[Disk]) -> Result<(), Violation> {
        let reader = self.readers.entry((node, at.clone())).or_default();
        let directory = Name::from(at.to_string().as_str());
        let mut why = "its partition has no directory that every power cut would leave".to_owned();
        for (nth, disk) in disks.iter().enumerate() {
            let behind = |file: &Name, position| self.excuses.behind(node, nth, file, position);
            match reader.find(disk, &directory, base, behind) {
                Found::Whole => return Ok(()),
                Found::Missing(reason) => why = reason,
                Found::NoSegment => {}
            }
        }
        Err(Violation::new(self.sentence(), format!("{at}: offset {} was acknowledged, and a power cut now could take it: {why}", base.0)))
    }
}

impl Checker for NoPowerCutTakesWhatWasPromised {
    fn sentence(&self) -> &'static str {
        "no_power_cut_takes_what_was_promised"
    }

    fn observe(&mut self, event: &Event<'_>) -> Result<(), Violation> {
        self.excuses.observe(event);
        match event {
            Event::Promised { node, at, base, disks, .. } if self.synced.contains(&at.topic) => self.judge(*node, at, *base, disks),
            Event::Fell { .. } | Event::MediaLost { .. } => {
                self.readers.clear();
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use odradek_log::disk::{DiskAction, FileId};

    use super::super::segment_reader::tests::batch;
    use super::super::testing::{at, moment, setup};
    use super::*;

    fn promised(disks: &[Disk], base: i64) -> Result<(), Violation> {
        let event = Event::Promised { node: 0, at: at(), base: Offset(base), records: 1, disks };
        NoPowerCutTakesWhatWasPromised::new(&setup()).observe(&event)
    }

    fn carry_out(disk: &mut Disk, action: &DiskAction) {
        disk.carry_out(action, moment()).expect("nothing is wrong with this disk");
    }

    fn write(disk: &mut Disk) {
        let file = FileId(1);
        carry_out(disk, &DiskAction::MakeDirectory { name: Name::from("orders-0") });
        carry_out(disk, &DiskAction::Create { file, name: Name::from("orders-0/00000000000000000000.log"), length: 0 });
        carry_out(disk, &DiskAction::Write { file, at: 0, parts: vec![batch(0, 3)] });
    }

    fn sync(disk: &mut Disk) {
        carry_out(disk, &DiskAction::Sync { file: FileId(1) });
    }

    fn sync_names(disk: &mut Disk) {
        carry_out(disk, &DiskAction::SyncDirectory { name: Name::from("orders-0") });
        carry_out(disk, &DiskAction::SyncDirectory { name: Name::root() });
    }

    #[test]
    fn fires_when_the_bytes_were_not_synced() {
        let mut disk = Disk::new();
        write(&mut disk);
        sync_names(&mut disk);
        assert!(promised(&[disk], 0).is_err());
    }

    #[test]
    fn fires_when_the_name_of_the_file_was_not_synced() {
        let mut disk = Disk::new();
        write(&mut disk);
        sync(&mut disk);
        assert!(promised(&[disk], 0).is_err());
    }

    #[test]
    fn fires_when_the_offset_lies_beyond_what_is_durable() {
        let mut disk = Disk::new();
        write(&mut disk);
        sync(&mut disk);
        sync_names(&mut disk);
        assert_eq!(promised(&[disk.clone()], 2), Ok(()));
        assert!(promised(&[disk], 3).is_err());
    }
}
