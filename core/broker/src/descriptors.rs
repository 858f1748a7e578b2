//! The descriptors of the process: how many files have, and how many connections may have.
//!
//! A quarter of them is for files and a quarter for connections, whatever the others want; of the half between, files have what they need before
//! connections do. So a flood of connections costs no log its file, and files without number leave their operator a way in.

use odradek_log::disk::{DiskAction, FileId, OpId};
use odradek_machine::{Map, Set};

use crate::io::Output;

/// Counts the open files of a node.
#[derive(Debug)]
pub(crate) struct Descriptors {
    /// Those that files and connections share.
    all: u64,
    open: Set<FileId>,
    /// Of these, the files that the host is still opening.
    opening: Map<OpId, FileId>,
    /// How many connections there may be, as was said last.
    said: Option<u64>,
}

/// Files that are about to be made find their descriptors free up to this part of all: a roll of several logs, some topics.
const READY: u64 = 16;

impl Descriptors {
    /// Nothing is open.
    pub(crate) fn new(all: u64) -> Descriptors {
        Descriptors { all, open: Set::new(), opening: Map::new(), said: None }
    }

    /// Takes in what the host is asked for.
    pub(crate) fn asked(&mut self, outputs: &[Output]) {
        for output in outputs {
            match output {
                Output::Disk { op, action: DiskAction::Create { file, .. } | DiskAction::Open { file, .. }, .. } => {
                    self.open.insert(*file, ());
                    self.opening.insert(*op, *file);
                }
                Output::Disk { action: DiskAction::Close { file }, .. } => drop(self.open.remove(file)),
                _ => {}
            }
        }
    }

    /// An operation ended; a file that could not be opened has no descriptor.
    pub(crate) fn ended(&mut self, op: OpId, failed: bool) {
        if let Some(file) = self.opening.remove(&op).filter(|_| failed) {
            self.open.remove(&file);
        }
    }

    /// How many connections there may be, if that is another number than before.
    pub(crate) fn take_room(&mut self) -> Option<u64> {
        let (files, quarter) = (self.open.len() as u64, self.all / 4);
        let room = self.all.saturating_sub(files + self.all / READY).clamp(quarter, self.all - quarter);
        (self.said.replace(room) != Some(room)).then_some(room)
    }
}

#[cfg(test)]
mod tests {
    use odradek_log::disk::{DirId, Name};

    use super::*;

    fn asked(descriptors: &mut Descriptors, op: u64, action: DiskAction) {
        descriptors.asked(&[Output::Disk { op: OpId(op), dir: DirId(0), action }]);
    }

    fn create(descriptors: &mut Descriptors, n: u64) {
        asked(descriptors, n, DiskAction::Create { file: FileId(n), name: Name::from("a"), length: 0 });
    }

    #[test]
    fn files_come_before_connections_and_leave_them_a_quarter() {
        let mut descriptors = Descriptors::new(160);
        assert_eq!(descriptors.take_room(), Some(120));
        (0..30).for_each(|n| create(&mut descriptors, n));
        assert_eq!(descriptors.take_room(), None, "a quarter is theirs anyway");
        (30..50).for_each(|n| create(&mut descriptors, n));
        assert_eq!(descriptors.take_room(), Some(100), "ten more are kept for those to come");
        (50..500).for_each(|n| create(&mut descriptors, n));
        assert_eq!(descriptors.take_room(), Some(40));
    }

    #[test]
    fn files_that_are_closed_or_could_not_be_opened_count_no_more() {
        let mut descriptors = Descriptors::new(160);
        (0..60).for_each(|n| create(&mut descriptors, n));
        assert_eq!(descriptors.take_room(), Some(90));
        (0..5).for_each(|n| descriptors.ended(OpId(n), true));
        (5..60).for_each(|n| descriptors.ended(OpId(n), false));
        assert_eq!(descriptors.take_room(), Some(95));
        (5..15).for_each(|n| asked(&mut descriptors, 100 + n, DiskAction::Close { file: FileId(n) }));
        assert_eq!(descriptors.take_room(), Some(105));
        assert_eq!(descriptors.take_room(), None);
    }
}
