//! A log directory opened on the test's disk, one operation after the other.

use bytes::Bytes;
use odradek_machine::{Guards, Mono, Now, Seed, WallMs};
use odradek_wire::ids::{NodeId, TopicPartition, Uuid};

use super::disk::Disk;
use crate::config::LogConfig;
use crate::disk::{DirId, DiskError};
use crate::open::node;
use crate::open::{Assigned, Format, Input, Opened, Opening, Output, Root, Setup};
use crate::work::{ReadAt, run};

/// Opens the directory, formats it if it is empty, and loads these partitions of topic `t`.
pub(crate) fn open(disk: &mut Disk, partitions: &[i32], config: &LogConfig) -> (Root, Opened) {
    let now = Now { mono: Mono(1), wall: WallMs(1_700_000_000_000) };
    let format = Format { cluster_id: "MkU3OEVBNTcwNTJENDM2Qg".to_owned(), directory_id: Uuid([3; 16]), bootstrap: None };
    let setup = Setup {
        dir: DirId(0),
        path: "d".into(),
        node: NodeId(1),
        cluster_id: None,
        holds_metadata: false,
        holds_partitions: true,
        seed: Seed(1),
        guards: Guards::ALL_ON,
    };
    let mut out = Vec::new();
    let mut opening = Opening::new(now, setup, &mut out);
    let (mut root, mut opened) = (None, None);
    while !out.is_empty() {
        for output in std::mem::take(&mut out) {
            match output {
                Output::Disk { op, action } => {
                    let result = disk.apply(&action, now.wall.0);
                    opening.step(now, Input::Disk { op, result }, &mut out);
                }
                Output::Work { op, work } => {
                    let mut file = Whole(disk.bytes_of(work.file()).into());
                    opening.step(now, Input::Work { op, result: run(work, &mut file) }, &mut out);
                }
                Output::Looked(looked) => {
                    let decided = node::decide(&[looked]).expect("the directory is fresh, or ours");
                    opening.go_on(now, Some(&format).filter(|_| decided.format[0]), &mut out);
                }
                Output::Intended => {}
                Output::Root(found) => {
                    root = Some(*found);
                    let assigned = partitions.iter().map(|p| Assigned {
                        partition: TopicPartition { topic: "t".into(), partition: *p },
                        topic_id: Uuid([7; 16]),
                        config: config.clone(),
                    });
                    opening.load(now, assigned.collect(), &mut out);
                }
                Output::Opened(found) => opened = Some(found),
                Output::Refused(error) => panic!("refused: {error}"),
                Output::Note(_) => {}
            }
        }
    }
    (root.expect("the first half ended"), opened.expect("the second half ended"))
}

/// A file that lies in memory.
pub(crate) struct Whole(pub(crate) Bytes);

impl ReadAt for Whole {
    fn length(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&mut self, at: u64, length: u64) -> Result<Bytes, DiskError> {
        let from = at.min(self.length()) as usize;
        let until = at.saturating_add(length).min(self.length()) as usize;
        Ok(self.0.slice(from..until))
    }
}
