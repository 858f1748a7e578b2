//! When disk operations are carried out: in the order of submission on one file, in any order otherwise.
//!
//! An operation is carried out and completes at one moment. Until then it is in the queue, and a process that dies takes it along, except for what
//! was under way.

use std::collections::{BTreeMap, VecDeque};

use odradek_log::disk::{DirId, DiskAction, FileId, OpId};

use crate::time::{MICROSECOND, MILLISECOND, Time};
use crate::weather::{Kind, Weather};

/// An operation that was submitted and has not completed.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// Its id.
    pub op: OpId,
    /// Its log directory.
    pub dir: DirId,
    /// What to do.
    pub action: DiskAction,
    /// Changes of the directory that had completed when it was submitted.
    pub covers: u64,
}

/// What the world is told when the time of an operation has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Turn {
    /// The oldest operation of this file.
    File(FileId),
    /// An operation on no open file.
    Loose(OpId),
}

/// Every operation of one life of a node that has not completed.
#[derive(Clone, Debug, Default)]
pub struct Queue {
    files: BTreeMap<FileId, Line>,
    loose: BTreeMap<OpId, Waiting>,
    submitted: u64,
}

#[derive(Clone, Debug, Default)]
struct Line {
    waiting: VecDeque<Waiting>,
    /// When the youngest of them completes.
    busy_until: Time,
}

impl Queue {
    /// Takes an operation; says whose turn comes when. `slow` multiplies what it takes.
    pub fn submit(&mut self, now: Time, waiting: Waiting, slow: u64, weather: &Weather) -> (Time, Turn) {
        self.submitted += 1;
        let file = waiting.action.file();
        let name = file.map_or(waiting.op.0, |file| file.0);
        let (least, usual) = duration(&waiting.action);
        let due = now + weather.span(Kind::Disk, name, now, self.submitted, least, usual).saturating_mul(slow);
        let Some(file) = file else {
            let op = waiting.op;
            self.loose.insert(op, waiting);
            return (due, Turn::Loose(op));
        };
        let line = self.files.entry(file).or_default();
        line.busy_until = line.busy_until.max(due);
        line.waiting.push_back(waiting);
        (line.busy_until, Turn::File(file))
    }

    /// The operation whose turn it is.
    pub fn take(&mut self, turn: Turn) -> Option<Waiting> {
        match turn {
            Turn::Loose(op) => self.loose.remove(&op),
            Turn::File(file) => {
                let line = self.files.get_mut(&file)?;
                let waiting = line.waiting.pop_front();
                if line.waiting.is_empty() {
                    self.files.remove(&file);
                }
                waiting
            }
        }
    }

    /// Whose turns there will be, and how many of each.
    pub fn turns(&self) -> Vec<(Turn, usize)> {
        let files = self.files.iter().map(|(&file, line)| (Turn::File(file), line.waiting.len()));
        files.chain(self.loose.keys().map(|&op| (Turn::Loose(op), 1))).collect()
    }

    /// How many operations wait.
    pub fn len(&self) -> usize {
        self.loose.len() + self.files.values().map(|line| line.waiting.len()).sum::<usize>()
    }

    /// True if none waits.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty() && self.loose.is_empty()
    }

    /// The process dies: everything that waits, oldest first for each file.
    pub fn abandon(&mut self) -> Vec<(Turn, Vec<Waiting>)> {
        let lines = std::mem::take(&mut self.files).into_iter().map(|(file, line)| (Turn::File(file), Vec::from(line.waiting)));
        let loose = std::mem::take(&mut self.loose).into_iter().map(|(op, waiting)| (Turn::Loose(op), vec![waiting]));
        lines.chain(loose).collect()
    }
}

/// What an operation takes at the least, and what it usually takes more: a disk with a write-back cache and real flushes.
fn duration(action: &DiskAction) -> (u64, u64) {
    match action {
        DiskAction::Write { parts, .. } => {
            (3 * MICROSECOND + parts.iter().map(|part| part.len() as u64).sum::<u64>() / 4, 30 * MICROSECOND)
        }
        DiskAction::Read { length, .. } => (10 * MICROSECOND + (*length).min(1 << 20) / 2, 200 * MICROSECOND),
        DiskAction::Sync { .. } | DiskAction::SyncDirectory { .. } => (100 * MICROSECOND, 2 * MILLISECOND),
        DiskAction::Close { .. } | DiskAction::FreeSpace => (MICROSECOND, 5 * MICROSECOND),
        DiskAction::Create { .. }
        | DiskAction::Open { .. }
        | DiskAction::Truncate { .. }
        | DiskAction::Rename { .. }
        | DiskAction::Remove { .. }
        | DiskAction::MakeDirectory { .. }
        | DiskAction::List { .. }
        | DiskAction::Lock { .. }
        | DiskAction::Unlock { .. } => (10 * MICROSECOND, 100 * MICROSECOND),
    }
}
