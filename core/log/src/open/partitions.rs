//! The second half of an opening: the logs of the partitions.
//!
//! | stage | what is under way | then |
//! |---|---|---|
//! | `Identify` | `partition.metadata` of every directory is read; deleted ones are listed | `Sort` |
//! | `Sort` | strays are renamed, deleted ones removed | `Load` |
//! | `Load` | the logs of assigned partitions are loaded, some at a time | over |

use std::collections::{BTreeMap, VecDeque};

use odradek_machine::{Note, Subject, reached};
use odradek_wire::ids::{Offset, TopicPartition, Uuid};

use super::errands::{Desk, Done, Errand, Errands};
use super::load::{LoadError, LoadLog, LoadSetup};
use super::plan::Known;
use super::root::{KnownRoot, load_refusal};
use super::{Assigned, Input, NotesOf, OpenError, Opened, OpenedLog, Output, Setup};
use crate::dir::ids::{DirIds, FileIds};
use crate::disk::{Name, OpId};
use crate::formats::checkpoint::OffsetOf;
use crate::formats::dir_name::{DirName, METADATA_DIR, Purpose};
use crate::formats::file_name::PARTITION_METADATA;
use crate::formats::partition_metadata;
use crate::log::recovered::Recovered;

/// Small files that are read at a time.
const AT_ONCE: usize = 64;
/// Logs that are loaded at a time.
const LOGS_AT_ONCE: usize = 8;

/// The second half under way.
#[derive(Debug)]
pub(super) struct LoadAll {
    stage: Stage,
    errands: Errands,
    files: FileIds,
    subject: Subject,
    known: KnownRoot,
    assigned: BTreeMap<TopicPartition, Assigned>,
    /// Directories that are identified, in the order of the errands.
    asked: Vec<(String, DirName)>,
    waiting: VecDeque<Assigned>,
    running: Vec<(Assigned, LoadLog)>,
    total: usize,
    opened: Opened,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Identify,
    Sort,
    Load,
}

impl LoadAll {
    pub(super) fn begin(
        setup: &Setup,
        known: KnownRoot,
        assigned: Vec<Assigned>,
        ids: &mut DirIds,
        out: &mut Vec<Output>,
    ) -> Result<LoadAll, OpenError> {
        let asked: Vec<_> = known
            .dirs
            .iter()
            .filter(|(name, d)| name != METADATA_DIR && matches!(d.purpose, Purpose::Current | Purpose::Delete))
            .cloned()
            .collect();
        let mut all = LoadAll {
            stage: Stage::Identify,
            errands: Errands::default(),
            files: ids.owner(),
            subject: Subject { name: setup.path.clone(), number: i32::from(setup.dir.0) },
            known,
            assigned: assigned.into_iter().map(|a| (a.partition.clone(), a)).collect(),
            asked,
            waiting: VecDeque::new(),
            running: Vec::new(),
            total: 0,
            opened: Opened { logs: Vec::new(), deleted: Vec::new(), strays: Vec::new() },
        };
        let identify = |(name, d): &(String, DirName)| match d.purpose {
            Purpose::Delete => Errand::List(Name::from(name.as_str())),
            _ => Errand::Read(Name::from(name.as_str()).join(PARTITION_METADATA)),
        };
        let errands = all.asked.iter().map(identify).collect();
        all.go(Stage::Identify, errands, AT_ONCE, ids, out);
        all.turn(setup, ids, out)?;
        Ok(all)
    }

    /// Something came back. Says how the half ended, when it did.
    pub(super) fn step(
        &mut self,
        setup: &Setup,
        input: Input,
        ids: &mut DirIds,
        out: &mut Vec<Output>,
    ) -> Option<Result<Opened, OpenError>> {
        let op = match &input {
            Input::Disk { op, .. } | Input::Work { op, .. } => *op,
        };
        let turned = if self.errands.owns(op) {
            self.errands.step(input, &mut Desk { ids, files: &mut self.files, subject: &self.subject, out });
            self.turn(setup, ids, out)
        } else {
            self.step_log(setup, op, input, ids, out)
        };
        match turned {
            Ok(()) => self.ended().map(Ok),
            Err(error) => Some(Err(error)),
        }
    }

    /// What was opened, if nothing is left to do.
    pub(super) fn ended(&mut self) -> Option<Opened> {
        let over = self.stage == Stage::Load && self.waiting.is_empty() && self.running.is_empty();
        over.then(|| {
            self.opened.logs.sort_by(|a, b| a.partition.cmp(&b.partition));
            std::mem::replace(&mut self.opened, Opened { logs: Vec::new(), deleted: Vec::new(), strays: Vec::new() })
        })
    }

    /// Every invariant that can be seen from inside.
    pub(super) fn check(&self) {
        let (waiting, running, opened) = (self.waiting.len(), self.running.len(), self.opened.logs.len());
        assert_eq!(waiting + running + opened, self.total, "logs: {waiting} wait, {running} run, {opened} are open");
        assert!(running <= LOGS_AT_ONCE, "{running} logs at once");
    }

    fn go(&mut self, stage: Stage, errands: Vec<Errand>, at_once: usize, ids: &mut DirIds, out: &mut Vec<Output>) {
        self.stage = stage;
        self.errands = Errands::begin(errands, at_once, &mut Desk { ids, files: &mut self.files, subject: &self.subject, out });
    }

    /// Goes on as far as nothing is waited for.
    fn turn(&mut self, setup: &Setup, ids: &mut DirIds, out: &mut Vec<Output>) -> Result<(), OpenError> {
        while self.stage != Stage::Load && self.errands.is_over() {
            let done = self.errands.finished().map_err(|error| OpenError::Disk { path: setup.path.clone(), error })?;
            match self.stage {
                Stage::Identify => self.identified(setup, done, ids, out)?,
                Stage::Sort => self.stage = Stage::Load,
                Stage::Load => {}
            }
        }
        if self.stage == Stage::Load {
            self.fill(setup, ids, out);
        }
        Ok(())
    }

    /// Every directory says whose it is: those that belong here are loaded, the rest is renamed or removed.
    fn identified(&mut self, setup: &Setup, done: Vec<Done>, ids: &mut DirIds, out: &mut Vec<Output>) -> Result<(), OpenError> {
        let mut errands = Vec::new();
        for ((name, dir), done) in std::mem::take(&mut self.asked).into_iter().zip(done) {
            let path = Name::from(name.as_str());
            if dir.purpose == Purpose::Delete {
                let entries = done.listed().unwrap_or_default();
                errands.extend(entries.iter().map(|e| Errand::Remove(path.join(&e.name))));
                errands.push(Errand::Remove(path.clone()));
                self.opened.deleted.push(path);
                continue;
            }
            let file = path.join(PARTITION_METADATA);
            let id = done.content().map(|bytes| partition_metadata::decode(&file, &bytes)).transpose();
            let id = id.map_err(|what| OpenError::Malformed { path: setup.path.clone(), what })?;
            match self.assigned.get(&dir.partition) {
                Some(assigned) if id == Some(assigned.topic_id) => self.waiting.push_back(assigned.clone()),
                _ => errands.push(self.stray(setup, path, &dir.partition, id, out)),
            }
        }
        self.opened
            .strays
            .extend(self.known.dirs.iter().filter(|(_, d)| d.purpose == Purpose::Stray).map(|(name, _)| Name::from(name.as_str())));
        if !errands.is_empty() {
            errands.push(Errand::SyncDirectory(Name::root()));
        }
        self.total = self.waiting.len();
        self.go(Stage::Sort, errands, 1, ids, out);
        Ok(())
    }

    fn stray(&mut self, setup: &Setup, from: Name, partition: &TopicPartition, id: Option<Uuid>, out: &mut Vec<Output>) -> Errand {
        let unique = Uuid(setup.seed.named("stray").named(from.as_str()).uuid());
        let to = Name::from(DirName::renamed(partition, Purpose::Stray, unique).as_str());
        let whose = id.map_or_else(|| "has no partition.metadata".to_owned(), |id| format!("is of topic {id}"));
        let says = format!("{}/{from} {whose} and is not assigned here: it is kept as {to}", setup.path);
        let subject = Subject { name: partition.topic.clone(), number: partition.partition };
        out.push(Output::Note(Note::mark("log.stray").of(Some(&subject)).says(says)));
        self.opened.strays.push(to.clone());
        Errand::Rename(from, to)
    }

    fn fill(&mut self, setup: &Setup, ids: &mut DirIds, out: &mut Vec<Output>) {
        while self.running.len() < LOGS_AT_ONCE
            && let Some(assigned) = self.waiting.pop_front()
        {
            let load = self.load_setup(setup, &assigned);
            let files = ids.owner();
            self.running.push((assigned, LoadLog::begin(load, files, ids, out)));
        }
    }

    fn load_setup(&self, setup: &Setup, assigned: &Assigned) -> LoadSetup {
        let partition = &assigned.partition;
        let find = |all: &[OffsetOf]| all.iter().find(|e| e.partition == *partition).map(|e| e.offset);
        LoadSetup {
            dir: Name::from(DirName::current(partition).as_str()),
            subject: Subject { name: partition.topic.clone(), number: partition.partition },
            known: self.known_of(assigned, find(&self.known.recovery_points).unwrap_or_default()),
            log_start: find(&self.known.log_starts),
            high_watermark: find(&self.known.high_watermarks),
            index_interval_bytes: assigned.config.index_interval_bytes,
            compacts: assigned.config.cleanup_compact,
            is_metadata: false,
            guards: setup.guards,
        }
    }

    /// How far a log is known to be synced. A mark counts alone where there is one: it is lowered before a truncation, which a recovery point is not.
    ///
    /// The mark of an earlier topic of that name says that the recovery point is that topic's too: both go by name, and a log's own mark is durable before
    /// anything in it is acknowledged.
    fn known_of(&self, assigned: &Assigned, recovery_point: Offset) -> Known {
        let mark = self.known.marks.iter().find(|m| m.partition == assigned.partition);
        match mark {
            _ if self.known.clean => Known::Clean { recovery_point },
            Some(mark) if mark.topic_id.is_none_or(|id| id == assigned.topic_id) => Known::Mark { end: mark.end },
            Some(_) => Known::RecoveryPoint { end: Offset(0) },
            None => Known::RecoveryPoint { end: recovery_point },
        }
    }

    fn step_log(&mut self, setup: &Setup, op: OpId, input: Input, ids: &mut DirIds, out: &mut Vec<Output>) -> Result<(), OpenError> {
        let Some(i) = self.running.iter().position(|(_, log)| log.owns(op)) else { return Ok(()) };
        let Some(ended) = self.running[i].1.step(input, ids, out) else { return Ok(()) };
        let (assigned, log) = self.running.remove(i);
        let found = match ended {
            Ok(recovered) => Ok(recovered),
            Err(LoadError::Damaged(damage)) => Err(damage),
            Err(error) => return Err(load_refusal(setup, error)),
        };
        self.put(assigned, log, found, out);
        self.fill(setup, ids, out);
        Ok(())
    }

    fn put(&mut self, assigned: Assigned, log: LoadLog, found: Result<Recovered, super::Damage>, out: &mut Vec<Output>) {
        if let Err(damage) = &found {
            let subject = Subject { name: assigned.partition.topic.clone(), number: assigned.partition.partition };
            let says = format!("{} is out of service: {damage}", assigned.partition);
            out.push(Output::Note(Note::mark("log.damaged").of(Some(&subject)).facts(damage.offset.0, damage.at as i64).says(says)));
        }
        let name = Name::from(DirName::current(&assigned.partition).as_str());
        self.opened.logs.push(OpenedLog { partition: assigned.partition, name, files: log.files, log: found });
        reached!(&mut NotesOf(out), "opening.progress", of = &self.subject, self.opened.logs.len(), self.total);
    }
}
