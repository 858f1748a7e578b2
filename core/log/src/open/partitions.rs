//! The last part of an opening: the logs of the partitions.
//!
//! | stage | what is under way | then |
//! |---|---|---|
//! | `Identify` | of every directory `partition.metadata` and `damage` are read, and what is in it is listed | `Sort` |
//! | `Sort` | strays are renamed, deleted ones removed | `Load` |
//! | `Load` | the logs of assigned partitions are loaded, some at a time | `Record` |
//! | `Record` | damage that was found is written down, a log at a time | `Unmark` |
//! | `Unmark` | the clean mark goes: from here on a stop must write its own | over |
//!
//! The clean mark goes last, so that a start which ends on the way is followed by one that knows as much.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use odradek_machine::{Note, Subject, guard, reached};
use odradek_wire::ids::{Offset, TopicPartition, Uuid};

use super::errands::{Desk, Done, Errand, Errands};
use super::identify::{self, Found, Whose};
use super::known::KnownRoot;
use super::load::{LoadError, LoadLog, LoadSetup};
use super::{Assigned, Damage, Input, NotesOf, OpenError, Opened, OpenedLog, OutOfService, Output, Setup};
use crate::dir::ids::{DirIds, FileIds};
use crate::disk::{DiskError, Name, OpId};
use crate::formats::dir_name::{DirName, METADATA_DIR, Purpose};
use crate::formats::file_name::PARTITION_METADATA;
use crate::formats::{clean_shutdown, damage, partition_metadata};

/// Small files that are read at a time.
const AT_ONCE: usize = 64;
/// Logs that are loaded at a time.
const LOGS_AT_ONCE: usize = 8;

/// The last part under way.
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
    /// Damage that is to be written down: the files and their contents.
    records: Vec<(Name, Bytes)>,
    opened: Opened,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Identify,
    Sort,
    Load,
    Record,
    Unmark,
    Over,
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
            .filter(|(name, d)| setup.holds_partitions && name != METADATA_DIR && matches!(d.purpose, Purpose::Current | Purpose::Delete))
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
            records: Vec::new(),
            opened: Opened::default(),
        };
        let identify = |(name, _): &(String, DirName)| {
            let path = Name::from(name.as_str());
            let errands = [Errand::List(path.clone()), Errand::Read(path.join(PARTITION_METADATA)), Errand::Read(path.join(damage::FILE))];
            errands.map(|errand| Errand::Attempt(Box::new(errand)))
        };
        let errands = all.asked.iter().flat_map(identify).collect();
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
        (self.stage == Stage::Over).then(|| {
            self.opened.logs.sort_by(|a, b| a.partition.cmp(&b.partition));
            self.opened.present = self.known.dirs.iter().map(|(_, d)| d.partition.clone()).collect();
            std::mem::take(&mut self.opened)
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
        while self.stage != Stage::Over && self.errands.is_over() {
            let finished = self.errands.finished();
            if self.stage == Stage::Record {
                self.recorded(finished, ids, out);
                continue;
            }
            let done = finished.map_err(|error| OpenError::Disk { path: setup.path.clone(), error })?;
            match self.stage {
                Stage::Identify => self.identified(setup, done, ids, out),
                Stage::Sort => self.stage = Stage::Load,
                Stage::Load => {
                    self.fill(setup, ids, out);
                    if !self.running.is_empty() {
                        return Ok(());
                    }
                    self.stage = Stage::Record;
                }
                Stage::Unmark => self.stage = Stage::Over,
                Stage::Record | Stage::Over => {}
            }
        }
        Ok(())
    }

    /// The next damage is written down; after the last the clean mark goes. Where that fails, the next life finds the damage as this one did.
    fn recorded(&mut self, finished: Result<Vec<Done>, DiskError>, ids: &mut DirIds, out: &mut Vec<Output>) {
        if let Err(error) = finished {
            let says = format!("damage could not be written down: {error}");
            out.push(Output::Note(Note::mark("log.damage_not_recorded").of(Some(&self.subject)).says(says)));
        }
        match self.records.pop() {
            Some((name, bytes)) => self.go(Stage::Record, vec![Errand::Replace(name, bytes)], 1, ids, out),
            None if self.known.clean => {
                let errands = vec![Errand::Remove(Name::from(clean_shutdown::FILE)), Errand::SyncDirectory(Name::root())];
                self.go(Stage::Unmark, errands, 1, ids, out);
            }
            None => self.stage = Stage::Over,
        }
    }

    /// Every directory says whose it is: those that belong here are loaded, the rest is renamed or removed.
    fn identified(&mut self, setup: &Setup, done: Vec<Done>, ids: &mut DirIds, out: &mut Vec<Output>) {
        let mut errands = Vec::new();
        let mut done = done.into_iter();
        let mut missing = self.assigned.clone();
        for (name, dir) in std::mem::take(&mut self.asked) {
            let found = Found::of(&mut done);
            let path = Name::from(name.as_str());
            if dir.purpose == Purpose::Delete {
                errands.extend(found.map(|f| f.entries).unwrap_or_default().iter().map(|e| Errand::Remove(path.join(&e.name))));
                errands.push(Errand::Remove(path.clone()));
                self.opened.deleted.push(path);
                continue;
            }
            let Some(assigned) = self.assigned.get(&dir.partition).cloned() else {
                let id = found.ok().and_then(|f| f.identity).and_then(|bytes| partition_metadata::decode(&path, &bytes).ok());
                errands.push(self.stray(setup, path, &dir.partition, id, out));
                continue;
            };
            missing.remove(&dir.partition);
            let marked = self.known.mark_of(&assigned.partition, Some(assigned.topic_id)).map_or(Offset(0), |m| m.end);
            let found = match found {
                Ok(found) => found,
                Err(error) => {
                    self.put_aside(assigned, ids.owner(), OutOfService::Unreadable(error), out);
                    continue;
                }
            };
            match identify::whose(&path, &found, assigned.topic_id, marked) {
                Whose::Assigned => self.waiting.push_back(assigned),
                Whose::Damaged(damage, newly) => {
                    if newly {
                        self.record(setup, &assigned, &damage);
                    }
                    self.put_aside(assigned, ids.owner(), damage.into(), out);
                }
                Whose::Stray(id) => errands.push(self.stray(setup, path, &dir.partition, id, out)),
            }
        }
        for assigned in missing.into_values() {
            let end = self.known.of_log(&assigned.partition, Some(assigned.topic_id)).synced.end();
            if end > Offset(0) {
                let damage = identify::gone(&assigned.partition, end);
                self.put_aside(assigned, ids.owner(), damage.into(), out);
            }
        }
        self.opened
            .strays
            .extend(self.known.dirs.iter().filter(|(_, d)| d.purpose == Purpose::Stray).map(|(name, _)| Name::from(name.as_str())));
        if !errands.is_empty() {
            errands.push(Errand::SyncDirectory(Name::root()));
        }
        self.total = self.waiting.len() + self.opened.logs.len();
        self.go(Stage::Sort, errands, 1, ids, out);
    }

    fn record(&mut self, setup: &Setup, assigned: &Assigned, damage: &Damage) {
        if guard!(setup.guards, FORGOTTEN, false) {
            return;
        }
        let file = Name::from(DirName::current(&assigned.partition).as_str()).join(damage::FILE);
        self.records.push((file, damage::encode(damage).into_bytes().into()));
    }

    /// A log that is out of service.
    fn put_aside(&mut self, assigned: Assigned, files: FileIds, why: OutOfService, out: &mut Vec<Output>) {
        let subject = Subject { name: assigned.partition.topic.clone(), number: assigned.partition.partition };
        let says = format!("{} is out of service: {why}", assigned.partition);
        let note = match &why {
            OutOfService::Damaged(damage) => Note::mark("log.damaged").facts(damage.offset.0, damage.at as i64),
            OutOfService::Unserved(unserved) => Note::mark("log.unserved").facts(0, unserved.at as i64),
            OutOfService::Unreadable(_) => Note::mark("log.unreadable"),
        };
        out.push(Output::Note(note.of(Some(&subject)).says(says)));
        let name = Name::from(DirName::current(&assigned.partition).as_str());
        self.opened.logs.push(OpenedLog { partition: assigned.partition, name, files, log: Err(why) });
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
        let known = self.known.of_log(partition, Some(assigned.topic_id));
        LoadSetup {
            dir: Name::from(DirName::current(partition).as_str()),
            subject: Subject { name: partition.topic.clone(), number: partition.partition },
            known: known.synced,
            marked: known.marked,
            log_start: known.log_start,
            starts_at: known.starts_at,
            high_watermark: known.high_watermark,
            index_interval_bytes: assigned.config.index_interval_bytes,
            foreign: self.known.foreign,
            compacts: assigned.config.cleanup_compact,
            is_metadata: false,
            guards: setup.guards,
        }
    }

    fn step_log(&mut self, setup: &Setup, op: OpId, input: Input, ids: &mut DirIds, out: &mut Vec<Output>) -> Result<(), OpenError> {
        let Some(i) = self.running.iter().position(|(_, log)| log.owns(op)) else { return Ok(()) };
        let Some(ended) = self.running[i].1.step(input, ids, out) else { return Ok(()) };
        let (assigned, log) = self.running.remove(i);
        let found = ended.map_err(|error| match error {
            LoadError::Damaged(damage) => OutOfService::Damaged(damage),
            LoadError::Unserved(unserved) => OutOfService::Unserved(unserved),
            LoadError::Disk(error) => OutOfService::Unreadable(error),
        });
        match found {
            Ok(recovered) => {
                let name = Name::from(DirName::current(&assigned.partition).as_str());
                self.opened.logs.push(OpenedLog { partition: assigned.partition, name, files: log.files, log: Ok(recovered) });
            }
            Err(why) => {
                if let OutOfService::Damaged(damage) = &why {
                    self.record(setup, &assigned, damage);
                }
                self.put_aside(assigned, log.files, why, out);
            }
        }
        reached!(&mut NotesOf(out), "opening.progress", of = &self.subject, self.opened.logs.len(), self.total);
        self.turn(setup, ids, out)
    }
}
