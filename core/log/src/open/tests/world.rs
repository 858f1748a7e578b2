//! One opening and its disk.

use odradek_machine::{Guards, Now, Seed};
use odradek_wire::codec::Codec;
use odradek_wire::ids::{NodeId, TopicPartition, Uuid};

use super::TOPIC;
use crate::config::LogConfig;
use crate::disk::{DirId, DiskAction, OpId};
use crate::formats::synced_marks::{self, SyncedMark};
use crate::formats::{checkpoint, index, partition_metadata};
use crate::log::recovered::Recovered;
use crate::open::node::{self, Decision};
use crate::open::{Assigned, Damage, Format, Input, OpenError, Opened, Opening, OutOfService, Output, Root, Setup};
use crate::testing::disk::Disk;
use crate::work;
use crate::work::tests::{InMemory, batch};

/// A directory as a test makes it, and what an opening of it says.
pub(super) struct World {
    pub(super) disk: Disk,
    pub(super) setup: Setup,
    /// What an empty directory becomes.
    format: Option<Format>,
    /// Every operation that was carried out, in order.
    pub(super) done: Vec<DiskAction>,
    /// Marks that were noted.
    pub(super) notes: Vec<&'static str>,
    ops: Vec<(OpId, DiskAction)>,
    works: Vec<(OpId, work::Work)>,
}

pub(super) const META: &str = "cluster.id=c\ndirectory.id=Jx0wDf9QT0mWwqK1L1xYzA\nnode.id=1\nversion=1\n";

impl World {
    /// A formatted directory with nothing else in it.
    pub(super) fn formatted() -> World {
        let mut world = World::empty();
        world.disk.put("meta.properties", META.as_bytes());
        world
    }

    /// An empty directory.
    pub(super) fn empty() -> World {
        let setup = Setup {
            dir: DirId(0),
            path: "/data".into(),
            node: NodeId(1),
            cluster_id: None,
            holds_metadata: true,
            holds_partitions: true,
            seed: Seed(3),
            guards: Guards::ALL_ON,
        };
        World { disk: Disk::default(), setup, format: None, done: Vec::new(), notes: Vec::new(), ops: Vec::new(), works: Vec::new() }
    }

    /// A directory beside the one of the metadata log.
    pub(super) fn holding_no_metadata(mut self) -> World {
        self.setup.holds_metadata = false;
        self
    }

    /// The next life of a disk.
    pub(super) fn again(disk: Disk) -> World {
        World { disk, ..World::empty() }
    }

    /// A formatted directory with the log of `t-0` in these segments, each of batches of one record at these offsets.
    pub(super) fn with_log(segments: &[(i64, std::ops::Range<i64>)]) -> World {
        let mut world = World::formatted().holding_no_metadata();
        world.disk.put("t-0/partition.metadata", partition_metadata::encode(TOPIC).as_bytes());
        world.disk.put("t-0/leader-epoch-checkpoint", b"0\n1\n0 0\n");
        for (base, offsets) in segments {
            world.put_segment(*base, records(offsets.clone()));
        }
        world
    }

    /// A segment of `t-0` with the indexes of a small one that was closed: an empty one, and one with the largest timestamp.
    pub(super) fn put_segment(&mut self, base: i64, bytes: Vec<u8>) {
        let newest = work::tests::recover(bytes.clone()).newest;
        self.disk.put(&format!("t-0/{base:020}.log"), &bytes);
        self.disk.put(&format!("t-0/{base:020}.index"), b"");
        self.disk.put(&format!("t-0/{base:020}.timeindex"), &index::encode_times(odradek_wire::ids::Offset(base), newest.as_slice()));
    }

    pub(super) fn clean(mut self) -> World {
        self.disk.put(".kafka_cleanshutdown", b"{\"version\":0,\"brokerEpoch\":11}");
        self
    }

    /// A recovery point, as Kafka keeps it.
    pub(super) fn recovery_point(mut self, offset: i64) -> World {
        self.disk.put(checkpoint::RECOVERY_POINTS, format!("0\n1\nt 0 {offset}\n").as_bytes());
        self
    }

    /// A mark, as we keep it.
    pub(super) fn mark(mut self, segment: i64, length: u64, end: i64) -> World {
        let (segment, end) = (odradek_wire::ids::Offset(segment), odradek_wire::ids::Offset(end));
        let mark = SyncedMark { partition: tp("t", 0), topic_id: Some(TOPIC), segment, length, end, start: odradek_wire::ids::Offset(0) };
        self.disk.put(synced_marks::FILE, synced_marks::encode(&mark).as_bytes());
        self
    }

    pub(super) fn format(mut self) -> World {
        let directory_id = Uuid([9; 16]);
        self.format = Some(Format { cluster_id: "c".to_owned(), directory_id, bootstrap: Some((&b"boot"[..]).into()) });
        self
    }

    /// The first half.
    pub(super) fn root(&mut self) -> Result<(Opening, Root), OpenError> {
        let mut out = Vec::new();
        let opening = Opening::new(Now::default(), self.setup.clone(), &mut out);
        self.run(opening, out).map(|(opening, said)| match said {
            Output::Root(root) => (opening, *root),
            other => panic!("{other:?}"),
        })
    }

    /// Both halves, with `t-0` assigned.
    pub(super) fn open(&mut self) -> Result<Opened, OpenError> {
        self.open_with(vec![assigned("t", 0)])
    }

    pub(super) fn open_with(&mut self, assigned: Vec<Assigned>) -> Result<Opened, OpenError> {
        self.both(assigned).map(|(_, opened)| opened)
    }

    /// Both halves, with what each found.
    pub(super) fn both(&mut self, assigned: Vec<Assigned>) -> Result<(Root, Opened), OpenError> {
        let (mut opening, root) = self.root()?;
        let mut out = Vec::new();
        opening.load(Now::default(), assigned, &mut out);
        self.run(opening, out).map(|(_, said)| match said {
            Output::Opened(opened) => (root, opened),
            other => panic!("{other:?}"),
        })
    }

    /// The log of `t-0`.
    pub(super) fn log(&mut self) -> Result<Recovered, Damage> {
        self.outcome().map_err(|why| match why {
            OutOfService::Damaged(damage) => damage,
            other => panic!("it is not damaged, but: {other}"),
        })
    }

    /// The log of `t-0`, or why it is out of service.
    pub(super) fn outcome(&mut self) -> Result<Recovered, OutOfService> {
        let opened = self.open().expect("the directory can be opened");
        opened.logs.into_iter().next().expect("its directory is here").log
    }

    /// Both halves, with `t-0` assigned; what refused them, in the words of the log.
    pub(super) fn refusal(&mut self) -> String {
        let before = self.disk.everything();
        let says = self.open().expect_err("the directory is refused").to_string();
        assert_eq!(self.disk.everything(), before, "something was touched");
        let locked = self.done.iter().filter(|a| matches!(a, DiskAction::Lock { .. })).count();
        let unlocked = self.done.iter().filter(|a| matches!(a, DiskAction::Unlock { .. })).count();
        assert_eq!((locked, unlocked), (1, usize::from(!says.contains("acquire lock"))), "the lock is given back");
        assert!(!says.contains('\n'), "{says}");
        says
    }

    fn run(&mut self, mut opening: Opening, out: Vec<Output>) -> Result<(Opening, Output), OpenError> {
        let mut out = out;
        for n in 0.. {
            for output in std::mem::take(&mut out) {
                match output {
                    Output::Disk { op, action } => self.ops.push((op, action)),
                    Output::Work { op, work } => self.works.push((op, work)),
                    Output::Note(note) => self.notes.push(note.mark),
                    Output::Refused(error) => return Err(error),
                    Output::Looked(looked) => match node::decide(&[looked]) {
                        Ok(Decision { format, .. }) => {
                            opening.go_on(Now::default(), self.format.as_ref().filter(|_| format[0]), &mut out);
                        }
                        Err(error) => opening.decline(error, &mut out),
                    },
                    Output::Intended => unreachable!("nothing was intended"),
                    said @ (Output::Root(_) | Output::Opened(_)) => return Ok((opening, said)),
                }
            }
            opening.check();
            if !out.is_empty() {
                continue;
            }
            let input = self.finish_one(n).expect("an opening that waits for nothing has said how it ended");
            opening.step(Now::default(), input, &mut out);
        }
        unreachable!("numbers do not end")
    }

    /// Finishes an operation or a unit of work, whichever is drawn; operations on one file in their order.
    fn finish_one(&mut self, n: u64) -> Option<Input> {
        let is_first = |i: &usize| {
            let file = self.ops[*i].1.file();
            file.is_none() || self.ops[..*i].iter().all(|(_, before)| before.file() != file)
        };
        let ready: Vec<usize> = (0..self.ops.len()).filter(is_first).collect();
        let all = ready.len() + self.works.len();
        let choice = if all == 0 { return None } else { self.setup.seed.named("order").number(n).below(all as u64) as usize };
        if let Some(i) = ready.get(choice) {
            let (op, action) = self.ops.remove(*i);
            let result = self.disk.apply(&action, 5000);
            self.done.push(action);
            return Some(Input::Disk { op, result });
        }
        let (op, work) = self.works.remove(choice - ready.len());
        let mut file = InMemory::new(self.disk.bytes_of(work.file()));
        Some(Input::Work { op, result: work::run(work, &mut file) })
    }
}

/// Batches of one record each.
pub(super) fn records(offsets: std::ops::Range<i64>) -> Vec<u8> {
    offsets.flat_map(|o| batch(o, 0, &["some value"], Codec::None)).collect()
}

/// Bytes of one such batch.
pub(super) fn record_bytes() -> usize {
    records(0..1).len()
}

pub(super) fn tp(topic: &str, partition: i32) -> TopicPartition {
    TopicPartition { topic: topic.into(), partition }
}

pub(super) fn assigned(topic: &str, partition: i32) -> Assigned {
    Assigned { partition: tp(topic, partition), topic_id: TOPIC, config: LogConfig::default() }
}
