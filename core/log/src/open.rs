//! The opening of a log directory: from its lock to logs that go on where they ended.
//!
//! Two halves, since only the metadata log says which partitions are assigned here:
//!
//! 1. lock, `meta.properties`, clean mark, root files; the metadata log is scanned whole, if it lies here → [`Output::Root`];
//! 2. after [`Opening::load`] the partitions' logs: strays renamed, the rest loaded or recovered → [`Output::Opened`].
//!
//! Between the halves the directory runs already (the metadata log is appended to), so the opening draws its ids from a mint of its own,
//! [`crate::dir::ids::DirIds::opening`]; completions of operations with [`crate::dir::ids::DirIds::is_opening`] belong here.
//!
//! Recovery after an unclean stop tells a torn tail from damage: what cannot be read beyond the point that was known to be synced is cut; below it nothing is
//! cut, and the log comes out as [`Damage`].

mod errands;
mod error;
mod finish;
mod found;
mod load;
mod partitions;
mod plan;
mod root;
mod segments;
#[cfg(test)]
mod tests;
mod tidy;

use std::sync::Arc;

use bytes::Bytes;
use odradek_machine::{Guards, Note, Notes, Now, Seed, Subject};
use odradek_wire::ids::{NodeId, Uuid};

use crate::dir::ids::{DirIds, FileIds};
use crate::disk::{DirId, DiskAction, DiskResult, Name, OpId};
use crate::work::{Work, WorkResult};
use errands::{Desk, Errand, Errands};
use partitions::LoadAll;
use root::{Begin, KnownRoot};

pub use crate::log::recovered::Recovered;
pub use error::{Damage, OpenError};
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
    /// True if the metadata log lies here (`metadata.log.dir`, else the first of `log.dirs`).
    pub holds_metadata: bool,
    /// What an empty directory becomes; `None` refuses it.
    pub format: Option<Format>,
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
    /// The first half is over; [`Opening::load`] begins the second.
    Root(Box<Root>),
    /// The second half is over, and the opening with it.
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
/// | `Begin` | `Between` | the first half ended: [`Output::Root`] |
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
                Some(Ok((root, known))) => {
                    self.known = Some(known);
                    self.phase = Phase::Between;
                    out.push(Output::Root(Box::new(root)));
                }
                Some(Err(error)) => self.refuse(error, out),
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

    /// Begins the second half, after [`Output::Root`]: `assigned` is what the metadata says belongs into this directory.
    ///
    /// # Panics
    /// If the first half is not over, or the second was begun before.
    pub fn load(&mut self, now: Now, assigned: Vec<Assigned>, out: &mut Vec<Output>) {
        let _ = now;
        let known = self.known.take().expect("the first half is over, and the second begins once");
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
        assert!(!between || self.known.is_some(), "the second half has nothing to begin with");
        if let Phase::Load(load) = &self.phase {
            load.check();
        }
    }

    /// Nothing is here to be loaded: the second half ends as it begins.
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
        let held = !matches!(error, OpenError::InUse { .. });
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
