//! Errands: what a stage of an opening asks of the disk, carried out one after the other or several at once, answered all together.
//!
//! A stage is a pure decision from what is known to a list of errands; this is the one place that knows how many operations each takes.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::{Bytes, BytesMut};
use odradek_machine::{Subject, reached};

use super::{Input, NotesOf, Output};
use crate::dir::ids::{DirIds, FileIds};
use crate::disk::{DiskAction, DiskDone, DiskError, DiskErrorKind, DiskResult, Entry, FileId, Name, OpId};
use crate::work::scan::Scan;
use crate::work::{Work, WorkResult};

/// What one read fetches at the most.
const READ_BYTES_MAX: u64 = 4 << 20;

/// Something to be done on the disk.
#[derive(Clone, Debug)]
pub(super) enum Errand {
    /// Take the lock of the directory.
    Lock(Name),
    /// Give it back.
    Unlock(Name),
    /// Read a whole file, if it is there.
    Read(Name),
    /// Read the last bytes of a file, at most so many, if it is there.
    ReadEnd(Name, u64),
    /// Read from an open file.
    Peek(FileId, u64, u64),
    /// Open a file, to stay open.
    Open(Name),
    /// Let a file go.
    Close(FileId),
    /// List a directory, if it is there.
    List(Name),
    /// Give a file this content, whole or not at all, and durably.
    Replace(Name, Bytes),
    /// Remove a file or an empty directory, if it is there.
    Remove(Name),
    /// Make a directory.
    Make(Name),
    /// Rename.
    Rename(Name, Name),
    /// Make the names in a directory durable.
    SyncDirectory(Name),
    /// Cut an open file, durably.
    Cut(FileId, u64),
    /// Make an open file durable as it is.
    Sync(FileId),
    /// Write what an open file has between two positions once more, as it is, and make it durable.
    WriteAgain(FileId, u64, u64),
    /// Scan a segment to its end.
    Scan(Box<Scan>),
    /// One whose failure is an answer like another, and stops no other errand.
    Attempt(Box<Errand>),
}

/// What came of it.
#[derive(Clone, Debug)]
pub(super) enum Done {
    /// Nothing more to say.
    Nothing,
    /// The content, if the file is there.
    Content(Option<Bytes>),
    /// An open file and its length.
    Opened(FileId, u64),
    /// The entries, if the directory is there.
    Listed(Option<Vec<Entry>>),
    /// A scan that ended.
    Scanned(Box<Scan>),
    /// An attempt that failed.
    Failed(DiskError),
}

impl Done {
    /// What was read.
    pub(super) fn content(self) -> Option<Bytes> {
        match self {
            Done::Content(bytes) => bytes,
            other => panic!("an errand that reads came back with {other:?}"),
        }
    }

    /// What came of an attempt.
    pub(super) fn attempted(self) -> Result<Done, DiskError> {
        match self {
            Done::Failed(error) => Err(error),
            done => Ok(done),
        }
    }

    /// What was listed.
    pub(super) fn listed(self) -> Option<Vec<Entry>> {
        match self {
            Done::Listed(entries) => entries,
            other => panic!("an errand that lists came back with {other:?}"),
        }
    }

    /// What was opened.
    pub(super) fn opened(self) -> (FileId, u64) {
        match self {
            Done::Opened(file, length) => (file, length),
            other => panic!("an errand that opens came back with {other:?}"),
        }
    }

    /// What was scanned.
    pub(super) fn scanned(self) -> Box<Scan> {
        match self {
            Done::Scanned(scan) => scan,
            other => panic!("an errand that scans came back with {other:?}"),
        }
    }
}

/// Where errands get their ids, and where what they ask for goes.
pub(super) struct Desk<'a> {
    pub(super) ids: &'a mut DirIds,
    pub(super) files: &'a mut FileIds,
    /// Whose errands they are, for notes.
    pub(super) subject: &'a Subject,
    pub(super) out: &'a mut Vec<Output>,
}

/// Errands under way.
#[derive(Debug, Default)]
pub(super) struct Errands {
    waiting: VecDeque<(usize, Errand)>,
    running: BTreeMap<OpId, (usize, Step)>,
    done: Vec<Option<Done>>,
    /// Which of them are attempts.
    attempts: BTreeSet<usize>,
    at_once: usize,
    failed: Option<DiskError>,
}

/// Where an errand stands: what its operation under way is for.
#[derive(Debug)]
enum Step {
    /// The last one.
    Last,
    /// The last one; the name need not be there.
    LastIfThere,
    List,
    Open(FileId),
    ReadOpen {
        file: FileId,
        tail: Option<u64>,
    },
    ReadMore {
        file: FileId,
        at: u64,
        end: u64,
        got: BytesMut,
    },
    ReadClose {
        got: Bytes,
    },
    Peek,
    ReplaceRemove {
        name: Name,
        bytes: Bytes,
    },
    ReplaceCreate {
        name: Name,
        bytes: Bytes,
        file: FileId,
    },
    ReplaceWrite {
        name: Name,
        file: FileId,
    },
    ReplaceSync {
        name: Name,
        file: FileId,
    },
    ReplaceClose {
        name: Name,
    },
    ReplaceRename {
        name: Name,
    },
    Cut(FileId),
    AgainRead {
        file: FileId,
        at: u64,
        end: u64,
        /// What the reading before gave.
        before: Option<Bytes>,
    },
    AgainWrite {
        file: FileId,
        at: u64,
        end: u64,
    },
    Scan,
}

enum Turn {
    Act(DiskAction, Step),
    Work(Work),
    Done(Done),
    Failed(DiskError),
}

impl Errands {
    /// Begins these, at most `at_once` at a time; with one at a time they are done in order.
    pub(super) fn begin(errands: Vec<Errand>, at_once: usize, desk: &mut Desk<'_>) -> Errands {
        let done = errands.iter().map(|_| None).collect();
        let attempts = errands.iter().enumerate().filter(|(_, e)| matches!(e, Errand::Attempt(_))).map(|(slot, _)| slot).collect();
        let waiting = errands.into_iter().enumerate().collect();
        let mut all = Errands { waiting, running: BTreeMap::new(), done, attempts, at_once, failed: None };
        all.fill(desk);
        all
    }

    /// True if this operation or work is one of theirs.
    pub(super) fn owns(&self, op: OpId) -> bool {
        self.running.contains_key(&op)
    }

    /// True if nothing is under way: ask [`Errands::finished`].
    pub(super) fn is_over(&self) -> bool {
        self.running.is_empty() && (self.waiting.is_empty() || self.failed.is_some())
    }

    /// What came of all, in the order in which they were given; or the first that failed, with nothing under way any more.
    pub(super) fn finished(&mut self) -> Result<Vec<Done>, DiskError> {
        assert!(self.is_over(), "{} errands are under way", self.running.len());
        match self.failed.take() {
            Some(error) => Err(error),
            None => Ok(self.done.drain(..).map(|done| done.expect("every errand came back")).collect()),
        }
    }

    /// An operation or work came back.
    pub(super) fn step(&mut self, input: Input, desk: &mut Desk<'_>) {
        let (op, result) = match input {
            Input::Disk { op, result } => (op, Ok(result)),
            Input::Work { op, result } => (op, Err(result)),
        };
        let (slot, step) = self.running.remove(&op).expect("whoever asks owns the operation");
        let turn = match result {
            Ok(result) => turn(step, result, desk),
            Err(WorkResult::Scan(result)) => scanned(result, desk),
            Err(WorkResult::Search(_)) => panic!("an opening searches nothing"),
        };
        self.take(slot, turn, desk);
        self.fill(desk);
    }

    fn fill(&mut self, desk: &mut Desk<'_>) {
        while self.failed.is_none() && self.running.len() < self.at_once {
            let Some((slot, errand)) = self.waiting.pop_front() else { return };
            let turn = first(errand, desk);
            self.take(slot, turn, desk);
        }
    }

    fn take(&mut self, slot: usize, turn: Turn, desk: &mut Desk<'_>) {
        match turn {
            Turn::Act(action, step) => {
                let op = desk.ids.op();
                self.running.insert(op, (slot, step));
                desk.out.push(Output::Disk { op, action });
            }
            Turn::Work(work) => {
                let op = desk.ids.op();
                self.running.insert(op, (slot, Step::Scan));
                desk.out.push(Output::Work { op, work });
            }
            Turn::Done(done) => self.done[slot] = Some(done),
            Turn::Failed(error) if self.attempts.contains(&slot) => self.done[slot] = Some(Done::Failed(error)),
            Turn::Failed(error) => {
                self.failed.get_or_insert(error);
            }
        }
    }
}

/// The first operation of an errand.
fn first(errand: Errand, desk: &mut Desk<'_>) -> Turn {
    let (action, step) = match errand {
        Errand::Lock(name) => (DiskAction::Lock { name }, Step::Last),
        Errand::Unlock(name) => (DiskAction::Unlock { name }, Step::Last),
        Errand::Read(name) => open(name, desk, |file| Step::ReadOpen { file, tail: None }),
        Errand::ReadEnd(name, length) => open(name, desk, |file| Step::ReadOpen { file, tail: Some(length) }),
        Errand::Peek(file, at, length) => (DiskAction::Read { file, at, length }, Step::Peek),
        Errand::Open(name) => open(name, desk, Step::Open),
        Errand::Close(file) => (DiskAction::Close { file }, Step::Last),
        Errand::List(name) => (DiskAction::List { name }, Step::List),
        Errand::Replace(name, bytes) => (DiskAction::Remove { name: temporary(&name) }, Step::ReplaceRemove { name, bytes }),
        Errand::Remove(name) => (DiskAction::Remove { name }, Step::LastIfThere),
        Errand::Make(name) => (DiskAction::MakeDirectory { name }, Step::Last),
        Errand::Rename(from, to) => (DiskAction::Rename { from, to }, Step::Last),
        Errand::SyncDirectory(name) => (DiskAction::SyncDirectory { name }, Step::Last),
        Errand::Cut(file, length) => (DiskAction::Truncate { file, length }, Step::Cut(file)),
        Errand::Sync(file) => (DiskAction::Sync { file }, Step::Last),
        Errand::WriteAgain(file, from, until) => return again(file, from, until, None),
        Errand::Scan(scan) => return Turn::Work(Work::Scan(scan)),
        Errand::Attempt(errand) => return first(*errand, desk),
    };
    Turn::Act(action, step)
}

/// What follows from a completion.
fn turn(step: Step, result: DiskResult, desk: &mut Desk<'_>) -> Turn {
    let absent = matches!(&result, Err(e) if e.kind == DiskErrorKind::NotFound);
    let done = match (result, &step) {
        (Err(_), Step::LastIfThere) if absent => return Turn::Done(Done::Nothing),
        (Err(_), Step::List) if absent => return Turn::Done(Done::Listed(None)),
        (Err(_), Step::ReadOpen { .. }) if absent => return Turn::Done(Done::Content(None)),
        (Err(_), Step::ReplaceRemove { .. }) if absent => DiskDone::Done,
        (Err(error), _) => return Turn::Failed(error),
        (Ok(done), _) => done,
    };
    match (step, done) {
        (Step::List, DiskDone::Listed(entries)) => Turn::Done(Done::Listed(Some(entries))),
        (Step::Open(file), DiskDone::Opened { length }) => Turn::Done(Done::Opened(file, length)),
        (Step::ReadOpen { file, tail }, DiskDone::Opened { length }) => {
            let at = tail.map_or(0, |tail| length.saturating_sub(tail));
            read_on(file, at, length, BytesMut::new())
        }
        (Step::ReadMore { file, at, end, mut got }, DiskDone::Read(bytes)) => {
            // A file that ends before its length is as long as it is.
            let end = if bytes.is_empty() { at } else { end };
            got.extend_from_slice(&bytes);
            read_on(file, at + bytes.len() as u64, end, got)
        }
        (Step::ReadClose { got }, _) => Turn::Done(Done::Content(Some(got))),
        (Step::Peek, DiskDone::Read(bytes)) => Turn::Done(Done::Content(Some(bytes))),
        (Step::Cut(file), _) => Turn::Act(DiskAction::Sync { file }, Step::Last),
        (Step::AgainRead { file, at, end, before }, DiskDone::Read(bytes)) if before.as_ref() == Some(&bytes) => {
            let next = if bytes.is_empty() { end } else { at + bytes.len() as u64 };
            Turn::Act(DiskAction::Write { file, at, parts: vec![bytes] }, Step::AgainWrite { file, at: next, end })
        }
        (Step::AgainRead { file, at, end, .. }, DiskDone::Read(bytes)) => again(file, at, end, Some(bytes)),
        (Step::AgainWrite { file, at, end }, _) => again(file, at, end, None),
        (step, _) => replace_on(step, desk),
    }
}

/// The steps of [`Errand::Replace`]: remove what a crash left, create, write, sync, close, rename, sync the directory.
fn replace_on(step: Step, desk: &mut Desk<'_>) -> Turn {
    match step {
        Step::ReplaceRemove { name, bytes } => {
            let file = desk.files.file();
            Turn::Act(DiskAction::Create { file, name: temporary(&name), length: 0 }, Step::ReplaceCreate { name, bytes, file })
        }
        Step::ReplaceCreate { name, bytes, file } => {
            Turn::Act(DiskAction::Write { file, at: 0, parts: vec![bytes] }, Step::ReplaceWrite { name, file })
        }
        Step::ReplaceWrite { name, file } => Turn::Act(DiskAction::Sync { file }, Step::ReplaceSync { name, file }),
        Step::ReplaceSync { name, file } => Turn::Act(DiskAction::Close { file }, Step::ReplaceClose { name }),
        Step::ReplaceClose { name } => {
            Turn::Act(DiskAction::Rename { from: temporary(&name), to: name.clone() }, Step::ReplaceRename { name })
        }
        Step::ReplaceRename { name } => Turn::Act(DiskAction::SyncDirectory { name: name.parent() }, Step::Last),
        Step::Last | Step::LastIfThere => Turn::Done(Done::Nothing),
        other => panic!("{other:?} completed with something else"),
    }
}

fn open(name: Name, desk: &mut Desk<'_>, step: impl Fn(FileId) -> Step) -> (DiskAction, Step) {
    let file = desk.files.file();
    (DiskAction::Open { file, name }, step(file))
}

/// Reads the next part of what is written again, until two readings agree: a disk that errs once must not have its error written. Behind the last part everything
/// is synced.
fn again(file: FileId, at: u64, end: u64, before: Option<Bytes>) -> Turn {
    if at >= end {
        return Turn::Act(DiskAction::Sync { file }, Step::Last);
    }
    Turn::Act(DiskAction::Read { file, at, length: (end - at).min(READ_BYTES_MAX) }, Step::AgainRead { file, at, end, before })
}

fn read_on(file: FileId, at: u64, end: u64, got: BytesMut) -> Turn {
    if at >= end {
        return Turn::Act(DiskAction::Close { file }, Step::ReadClose { got: got.freeze() });
    }
    let length = (end - at).min(READ_BYTES_MAX);
    Turn::Act(DiskAction::Read { file, at, length }, Step::ReadMore { file, at, end, got })
}

fn scanned(result: Result<Box<Scan>, DiskError>, desk: &mut Desk<'_>) -> Turn {
    match result {
        Ok(scan) if scan.end.is_some() => Turn::Done(Done::Scanned(scan)),
        Ok(scan) => {
            reached!(&mut NotesOf(desk.out), "log.scanning", of = desk.subject, scan.base.0, scan.at);
            Turn::Work(Work::Scan(scan))
        }
        Err(error) => Turn::Failed(error),
    }
}

/// What a file is called until its content is whole.
fn temporary(name: &Name) -> Name {
    Name::from(format!("{name}.tmp").as_str())
}
