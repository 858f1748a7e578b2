//! The opening of a log directory: from its lock to logs that go on where they ended.
//!
//! Three parts, since what a directory is to become is decided for all directories of a node at once, and only the metadata log says which partitions are
//! assigned here:
//!
//! 1. lock, `meta.properties`, root files, nothing changed → [`Output::Looked`]; [`node::decide`] says what follows;
//! 2. after [`Opening::go_on`] it is formatted, if it is to be; the metadata log is scanned whole, if it lies here → [`Output::Root`];
//! 3. after [`Opening::load`] the partitions' logs: strays renamed, the rest loaded or recovered, the clean mark removed → [`Output::Opened`].
//!
//! Between the last two the directory runs already (the metadata log is appended to), so the opening draws its ids from a mint of its own,
//! [`crate::dir::ids::DirIds::opening`]; completions of operations with [`crate::dir::ids::DirIds::is_opening`] belong here.
//!
//! A torn tail is told from damage: what cannot be read beyond the point that was known to be synced is cut; below it nothing is cut, and the log comes out as
//! [`OutOfService`].

mod errands;
mod error;
mod finish;
mod found;
pub(crate) mod identify;
pub(crate) mod known;
mod load;
pub mod node;
mod partitions;
pub(crate) mod plan;
pub(crate) mod root;
mod segments;
#[cfg(test)]
mod tests;
pub(crate) mod tidy;

use std::sync::Arc;

use bytes::Bytes;
use odradek_machine::{Guards, Note, Notes, Now, Seed, Subject};
use odradek_wire::ids::{NodeId, TopicPartition, Uuid};

use crate::dir::ids::{DirIds, FileIds};
use crate::disk::{DirId, DiskAction, DiskResult, Name, OpId};
use crate::formats::dir_name::{DirName, Purpose};
use crate::work::{Work, WorkResult};
use errands::{Desk, Errand, Errands};
use known::KnownRoot;
use node::Looked;
use partitions::LoadAll;
use root::Begin;

pub use crate::log::recovered::Recovered;
pub use error::{Damage, OpenError, OutOfService, Unserved};
pub use found::{Assigned, MetadataFound, Opened, OpenedLog, Root};

/// The lock file in the root.
const LOCK: &str = ".lock";
/// What a fresh metadata log begins with, in the root.
const BOOTSTRAP: &str = "bootstrap.checkpoint";

/// What a log directory is opened with.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Which directory.
    pub dir: DirId,
    /// What people call it: its path, for error lines.
    pub path: Arc<str>,
    /// `node.id`.
    pub node: NodeId,
    /// The cluster that it must belong to, if that is known.
    pub cluster_id: Option<String>,
    /// True if the metadata log belongs here (`metadata.log.dir`, else the first of `log.dirs`).
    pub holds_metadata: bool,
    /// True if it is one of `log.dirs`. A directory that is for the metadata log alone may hold what was a log directory once: nothing of that is touched.
    pub holds_partitions: bool,
    /// Draws the names of strays.
    pub seed: Seed,
    /// Which guards stand.
    pub guards: Guards,
}

/// What a fresh directory is given.
#[derive(Clone, Debug)]
pub struct Format {
    /// The cluster.
    pub cluster_id: String,
    /// The directory.
    pub directory_id: Uuid,
    /// Content of `bootstrap.checkpoint`, where the metadata log lies here.
    pub bootstrap: Option<Bytes>,
}

/// What the host tells an [`Opening`].
#[derive(Clone, Debug)]
pub enum Input {
    /// A disk operation finished.
    Disk {
        /// Which.
        op: OpId,
        /// How.
        result: DiskResult,
    },
    /// A unit of work finished.
    Work {
        /// Which.
        op: OpId,
        /// With what.
        result: WorkResult,
    },
}

/// What an [`Opening`] asks for and says.
#[derive(Clone, Debug)]
pub enum Output {
    /// A disk operation on this directory.
    Disk {
        /// Its id.
        op: OpId,
        /// What to do.
        action: DiskAction,
    },
    /// A unit of work on an open file of this directory.
    Work {
        /// Its id, from the same mint.
        op: OpId,
        /// What to do.
        work: Work,
    },
    /// It is known what the directory is; [`Opening::intend`] or [`Opening::go_on`] follows.
    Looked(Looked),
    /// The intent of [`Opening::intend`] is durable; [`Opening::go_on`] follows.
    Intended,
    /// The directory is this node's; [`Opening::load`] follows.
    Root(Box<Root>),
    /// The logs are loaded, and the opening is over.
    Opened(Opened),
    /// The directory cannot be used; the lock was given back. Nothing follows.
    Refused(OpenError),
    /// Something worth knowing.
    Note(Note),
}

/// Lets an outbox take notes.
pub struct NotesOf<'a>(pub &'a mut Vec<Output>);

impl Notes for NotesOf<'_> {
    fn note(&mut self, note: Note) {
        self.0.push(Output::Note(note));
    }
}

/// A log directory that is being opened.
///
/// | from | to | trigger |
/// |---|---|---|
/// | `Begin` | `Begin` | [`Output::Looked`], [`Opening::intend`], [`Output::Intended`], [`Opening::go_on`] |
/// | `Begin` | `Between` | [`Output::Root`] |
/// | `Between` | `Load` | [`Opening::load`] |
/// | `Load` | `Over` | every log is loaded: [`Output::Opened`] |
/// | any | `Refuse` | the directory cannot be used, and the lock must be given back |
/// | any | `Over` | [`Output::Refused`] |
#[derive(Debug)]
pub struct Opening {
    setup: Setup,
    ids: DirIds,
    phase: Phase,
    known: Option<KnownRoot>,
}

#[derive(Debug)]
enum Phase {
    Begin(Box<Begin>),
    Between,
    Load(Box<LoadAll>),
    Refuse(Box<Refusal>),
    Over,
}

/// A refusal that waits for the lock to be given back.
#[derive(Debug)]
struct Refusal {
    errands: Errands,
    files: FileIds,
    error: OpenError,
}

impl Opening {
    /// Begins: takes the lock first.
    pub fn new(now: Now, setup: Setup, out: &mut Vec<Output>) -> Opening {
        let _ = now;
        let mut ids = DirIds::opening(setup.dir);
        let begin = Begin::new(&setup, &mut ids, out);
        Opening { setup, ids, phase: Phase::Begin(Box::new(begin)), known: None }
    }

    /// Takes in what the disk or a worker says.
    pub fn step(&mut self, now: Now, input: Input, out: &mut Vec<Output>) {
        let _ = now;
        match &mut self.phase {
            Phase::Begin(begin) => match begin.step(&self.setup, input, &mut self.ids, out) {
                None => {}
                Some(ended) => self.begun(ended, out),
            },
            Phase::Load(load) => match load.step(&self.setup, input, &mut self.ids, out) {
                None => {}
                Some(Ok(opened)) => {
                    self.phase = Phase::Over;
                    out.push(Output::Opened(opened));
                }
                Some(Err(error)) => self.refuse(error, out),
            },
            Phase::Refuse(refusal) => {
                let subject = Subject { name: self.setup.path.clone(), number: 0 };
                // What was under way when the directory was refused comes back too, and says nothing more.
                let owned = matches!(&input, Input::Disk { op, .. } | Input::Work { op, .. } if refusal.errands.owns(*op));
                if owned {
                    let Refusal { errands, files, .. } = &mut **refusal;
                    errands.step(input, &mut Desk { ids: &mut self.ids, files, subject: &subject, out });
                    self.refused(out);
                }
            }
            Phase::Between | Phase::Over => {}
        }
    }

    /// Writes down that the directory is to be formatted, after [`Output::Looked`].
    ///
    /// # Panics
    /// If it is not known yet what the directory is, or the opening went on.
    pub fn intend(&mut self, now: Now, format: &Format, out: &mut Vec<Output>) {
        let _ = now;
        let Phase::Begin(begin) = &mut self.phase else { panic!("the directory was looked at, and no more") };
        begin.intend(format, &mut self.ids, out);
    }

    /// Goes on after [`Output::Looked`] or [`Output::Intended`]: formats the directory, or takes it as it is.
    ///
    /// # Panics
    /// If it is not known yet what the directory is, or the opening went on before.
    pub fn go_on(&mut self, now: Now, format: Option<&Format>, out: &mut Vec<Output>) {
        let _ = now;
        let Phase::Begin(begin) = &mut self.phase else { panic!("the directory was looked at, and no more") };
        match format {
            Some(format) => begin.format(&self.setup, format, &mut self.ids, out),
            None => begin.rewrite(&self.setup, &mut self.ids, out),
        }
    }

    /// True if this partition's replica has a directory here, known from [`Output::Root`] on until [`Opening::load`].
    pub fn holds(&self, partition: &TopicPartition) -> bool {
        let current = |(_, d): &(String, DirName)| d.purpose == Purpose::Current && d.partition == *partition;
        self.known.as_ref().is_some_and(|known| known.dirs.iter().any(current))
    }

    /// Gives the directory back after [`Output::Looked`], with nothing changed: [`node::decide`] refused.
    pub fn decline(&mut self, error: OpenError, out: &mut Vec<Output>) {
        self.refuse(error, out);
    }

    /// Begins the last part, after [`Output::Root`]: `assigned` is what the metadata says belongs into this directory.
    ///
    /// # Panics
    /// If the part before is not over, or this one was begun before.
    pub fn load(&mut self, now: Now, assigned: Vec<Assigned>, out: &mut Vec<Output>) {
        let _ = now;
        let known = self.known.take().expect("the part before is over, and this one begins once");
        match LoadAll::begin(&self.setup, known, assigned, &mut self.ids, out) {
            Ok(load) => {
                self.phase = Phase::Load(Box::new(load));
                self.loaded_nothing(out);
            }
            Err(error) => self.refuse(error, out),
        }
    }

    /// Every invariant that can be seen from inside.
    pub fn check(&self) {
        let between = matches!(self.phase, Phase::Between);
        assert!(!between || self.known.is_some(), "the last part has nothing to begin with");
        if let Phase::Load(load) = &self.phase {
            load.check();
        }
    }

    fn begun(&mut self, ended: Result<(Root, KnownRoot), OpenError>, out: &mut Vec<Output>) {
        match ended {
            Ok((root, known)) => {
                self.known = Some(known);
                self.phase = Phase::Between;
                out.push(Output::Root(Box::new(root)));
            }
            Err(error) => self.refuse(error, out),
        }
    }

    /// Nothing is here to be loaded: the last part ends as it begins.
    fn loaded_nothing(&mut self, out: &mut Vec<Output>) {
        if let Phase::Load(load) = &mut self.phase
            && let Some(opened) = load.ended()
        {
            self.phase = Phase::Over;
            out.push(Output::Opened(opened));
        }
    }

    fn refuse(&mut self, error: OpenError, out: &mut Vec<Output>) {
        let mut files = self.ids.owner();
        let subject = Subject { name: self.setup.path.clone(), number: 0 };
        let held = match &self.phase {
            Phase::Begin(begin) => begin.is_locked() && !matches!(error, OpenError::InUse { .. }),
            _ => true,
        };
        let errands = if held { vec![Errand::Unlock(Name::from(LOCK))] } else { Vec::new() };
        let desk = &mut Desk { ids: &mut self.ids, files: &mut files, subject: &subject, out };
        let errands = Errands::begin(errands, 1, desk);
        self.phase = Phase::Refuse(Box::new(Refusal { errands, files, error }));
        self.refused(out);
    }

    /// The lock is given back, or could not be: the process ends, and it goes with it.
    fn refused(&mut self, out: &mut Vec<Output>) {
        if let Phase::Refuse(refusal) = &self.phase
            && refusal.errands.is_over()
        {
            out.push(Output::Refused(refusal.error.clone()));
            self.phase = Phase::Over;
        }
    }
}
