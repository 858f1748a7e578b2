//! A log, its directory and a small disk under one roof, for the tests of this crate: every completion is chosen by the test.

pub(crate) mod batches;
pub(crate) mod disk;
pub(crate) mod opening;
pub(crate) mod play;
pub(crate) mod search;
pub(crate) mod tree;

use std::collections::BTreeMap;

use odradek_machine::{Guards, Mono, Now, Seed, WallMs};
use odradek_wire::ids::{LeaderEpoch, Offset, TopicPartition, Uuid};

use crate::config::LogConfig;
use crate::dir::ids::{DirIds, OwnerId};
use crate::dir::{self, DirConfig, LogDir, Owner};
use crate::disk::{DirId, DiskAction, Name, OpId};
use crate::log::incoming::{Incoming, Origin};
use crate::log::recovered::Recovered;
use crate::log::{AppendError, Appended, Log, Read, ReadError, ReadRequest, Setup};
use crate::output::{Answer, Input, LookupId, Output, Token, Work};
use crate::work::WorkResult;
use disk::Disk;

/// Some logs in one directory.
pub(crate) struct World {
    pub(crate) now: Now,
    pub(crate) dir: LogDir,
    pub(crate) logs: BTreeMap<OwnerId, Log>,
    pub(crate) disk: Disk,
    /// Operations that were asked for and have not finished, in the order of asking.
    pub(crate) ops: Vec<(OpId, DiskAction)>,
    pub(crate) works: Vec<(OwnerId, Token, Work)>,
    pub(crate) answers: BTreeMap<LookupId, Answer>,
    /// What logs and directory said besides, in order.
    pub(crate) said: Vec<Said>,
}

/// What is not carried on by the world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Log(OwnerId, Output),
    Dir(dir::Output),
}

impl World {
    pub(crate) fn new(guards: Guards) -> World {
        World::on(Disk::default(), guards)
    }

    /// A life on a disk that may hold something already.
    pub(crate) fn on(disk: Disk, guards: Guards) -> World {
        let now = Now { mono: Mono(1_000_000_000), wall: WallMs(1_700_000_000_000) };
        let dir = LogDir::new(now, DirIds::new(DirId(0)), DirConfig::default(), guards);
        World { now, dir, logs: BTreeMap::new(), disk, ops: Vec::new(), works: Vec::new(), answers: BTreeMap::new(), said: Vec::new() }
    }

    /// Makes the log of `t-partition`.
    pub(crate) fn create(&mut self, partition: i32, config: LogConfig, guards: Guards) -> OwnerId {
        let setup = self.setup(partition, config, guards);
        let owner = setup.files.owner();
        let mut out = Vec::new();
        let log = Log::create(self.now, setup, &mut out);
        self.logs.insert(owner, log);
        self.carry(owner, out);
        self.settle();
        owner
    }

    pub(crate) fn setup(&mut self, partition: i32, config: LogConfig, guards: Guards) -> Setup {
        let partition = TopicPartition { topic: "t".into(), partition };
        let files = self.dir.adopt(Owner::Partition(partition.clone()), None);
        let name = Name::from(partition.to_string().as_str());
        Setup { partition, topic_id: Uuid([7; 16]), dir: DirId(0), name, config, files, seed: Seed(7), guards }
    }

    /// A log over files that are there, under handles that the test opened.
    pub(crate) fn resume(&mut self, setup: Setup, recovered: Recovered) -> OwnerId {
        let owner = setup.files.owner();
        let mut out = Vec::new();
        let log = Log::from_recovered(self.now, setup, recovered, &mut out);
        self.logs.insert(owner, log);
        self.carry(owner, out);
        self.settle();
        owner
    }

    pub(crate) fn log(&self, owner: OwnerId) -> &Log {
        &self.logs[&owner]
    }

    /// Does something with a log and carries what it asks for; the end of a step.
    pub(crate) fn with<T>(&mut self, owner: OwnerId, f: impl FnOnce(&mut Log, Now, &mut Vec<Output>) -> T) -> T {
        let mut out = Vec::new();
        let result = f(self.logs.get_mut(&owner).expect("a log of the world"), self.now, &mut out);
        self.carry(owner, out);
        self.settle();
        self.check();
        result
    }

    pub(crate) fn append(&mut self, owner: OwnerId, batch: Incoming) -> Result<Appended, AppendError> {
        self.with(owner, |log, now, out| log.append_as_leader(now, batch, LeaderEpoch(1), Origin::Client, out))
    }

    /// Reads and follows cold lookups to their end, finishing whatever is under way.
    pub(crate) fn read(&mut self, owner: OwnerId, request: ReadRequest) -> Result<Vec<u8>, ReadError> {
        for _ in 0..10 {
            match self.with(owner, |log, now, out| log.read(now, request, out))? {
                Read::Ready(slice) => return Ok(slice.ranges.iter().flat_map(|r| self.disk.range(r)).collect()),
                Read::Cold(lookup) => {
                    self.finish_all();
                    let answer = self.answers.remove(&lookup);
                    assert_eq!(answer, Some(Answer::ReadAgain), "a cold read at {:?}", request.from);
                }
            }
        }
        panic!("a cold read at {:?} stays cold", request.from);
    }

    pub(crate) fn carry(&mut self, owner: OwnerId, out: Vec<Output>) {
        for output in out {
            match output {
                Output::Dir(request) => {
                    let mut said = Vec::new();
                    self.dir.request(self.now, owner, request, &mut said);
                    self.carry_dir(said);
                }
                Output::Work { token, work } => self.works.push((owner, token, work)),
                Output::Answered { lookup, answer } => {
                    self.answers.insert(lookup, answer);
                }
                Output::OutOfService { error } if self.disk.fail_expected => {
                    self.said.push(Said::Log(owner, Output::OutOfService { error }));
                }
                Output::OutOfService { error } => panic!("nothing was to fail here: {error}"),
                other => self.said.push(Said::Log(owner, other)),
            }
        }
    }

    pub(crate) fn carry_dir(&mut self, said: Vec<dir::Output>) {
        for output in said {
            match output {
                dir::Output::Disk { op, action } => self.ops.push((op, action)),
                dir::Output::ToOwner { owner, input } => self.tell(owner, input),
                other => self.said.push(Said::Dir(other)),
            }
        }
    }

    fn tell(&mut self, owner: OwnerId, input: Input) {
        if let Some(log) = self.logs.get_mut(&owner) {
            let mut out = Vec::new();
            log.step(self.now, input, &mut out);
            self.carry(owner, out);
        }
    }

    pub(crate) fn settle(&mut self) {
        let mut said = Vec::new();
        self.dir.settle(self.now, &mut said);
        self.carry_dir(said);
    }

    /// The operations that may finish next: the first of each file, and all that have no file.
    pub(crate) fn ready(&self) -> Vec<usize> {
        let first = |i: &usize| {
            let file = self.ops[*i].1.file();
            file.is_none() || self.ops[..*i].iter().all(|(_, before)| before.file() != file)
        };
        (0..self.ops.len()).filter(first).collect()
    }

    /// The name of an open file, or the one that it will have when it is made.
    pub(crate) fn name_of_file(&self, file: crate::disk::FileId) -> String {
        let making = self.ops.iter().find_map(|(_, a)| match a {
            DiskAction::Create { file: f, name, .. } | DiskAction::Open { file: f, name } if *f == file => Some(name.to_string()),
            _ => None,
        });
        making.unwrap_or_else(|| self.disk.name_of(&DiskAction::Sync { file }).to_string())
    }

    /// Finishes one operation.
    pub(crate) fn finish(&mut self, i: usize) {
        let (op, action) = self.ops.remove(i);
        let result = self.disk.apply(&action, self.now.wall.0);
        let mut said = Vec::new();
        self.dir.completed(self.now, op, result, &mut said);
        self.carry_dir(said);
        self.settle();
        self.check();
    }

    /// Runs one unit of work; where the files are whole, the simple way comes to the same.
    pub(crate) fn finish_work(&mut self, i: usize) {
        let (owner, token, work) = self.works.remove(i);
        let bytes = self.disk.bytes_of(work.file());
        let mut file = opening::Whole(bytes.clone().into());
        let WorkResult::Search(result) = crate::work::run(crate::work::Work::Search(work), &mut file) else {
            panic!("a search was asked for")
        };
        if !self.disk.damaged {
            assert_eq!(result, Ok(search::run(&work, &bytes)), "{work:?}");
        }
        let result = self.disk.fails("read", &self.name_of_file(work.file())).map_or(result, Err);
        self.tell(owner, Input::Work { token, result });
        self.settle();
        self.check();
    }

    /// Finishes everything, in an order drawn from the number.
    pub(crate) fn finish_all_in(&mut self, order: Seed) {
        let mut n = 0;
        while !self.ops.is_empty() || !self.works.is_empty() {
            n += 1;
            let ready = self.ready();
            let choice = order.number(n).below((ready.len() + self.works.len()) as u64) as usize;
            if choice < ready.len() { self.finish(ready[choice]) } else { self.finish_work(choice - ready.len()) }
        }
    }

    pub(crate) fn finish_all(&mut self) {
        self.finish_all_in(Seed(1));
    }

    /// Lets time pass, and wakes everybody.
    pub(crate) fn pass_ms(&mut self, ms: u64) {
        self.now = Now { mono: self.now.mono.plus_ms(ms), wall: WallMs(self.now.wall.0 + ms.cast_signed()) };
        let mut said = Vec::new();
        self.dir.wake(self.now, &mut said);
        self.carry_dir(said);
        for owner in self.logs.keys().copied().collect::<Vec<_>>() {
            self.with(owner, Log::wake);
        }
    }

    pub(crate) fn check(&self) {
        self.dir.check();
        for log in self.logs.values() {
            log.check();
        }
    }

    /// Everything from an offset on, whole.
    pub(crate) fn all_from(&self, owner: OwnerId, from: Offset) -> ReadRequest {
        ReadRequest { from, until: self.log(owner).log_end(), bytes_max: u64::MAX, at_least_one: true, want_aborted: false }
    }

    pub(crate) fn said_of(&self, owner: OwnerId) -> Vec<&Output> {
        self.said.iter().filter_map(|s| if let Said::Log(o, output) = s { (*o == owner).then_some(output) } else { None }).collect()
    }

    /// How often a mark was reached.
    pub(crate) fn marks(&self, mark: &str) -> usize {
        let is = |s: &&Said| matches!(s, Said::Log(_, Output::Note(n)) | Said::Dir(dir::Output::Note(n)) if n.mark == mark);
        self.said.iter().filter(is).count()
    }
}
