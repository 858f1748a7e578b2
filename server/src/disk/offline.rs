//! A log directory of a node that does not run, for the tools that mend it: one operation after the other, each done when it is answered.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use odradek_log::disk::{DiskAction, DiskDone, DiskResult, FileId, Name, OpId};
use rustix::process::{Flock, FlockOffsetType, FlockType};

use super::error::failed;
use super::lock::Locks;
use super::{Finished, NoDescriptor, never_opened, on_names, read_up_to, write_all};

/// A log directory that is mended. Its locks are given back when it is dropped.
pub struct Offline {
    root: PathBuf,
    files: HashMap<FileId, (Name, File)>,
    locks: Locks,
}

impl Offline {
    /// The directory at this path.
    pub fn new(root: PathBuf) -> Offline {
        Offline { root, files: HashMap::new(), locks: Locks::default() }
    }

    /// Carries out one operation.
    ///
    /// # Errors
    /// What the system said.
    pub fn apply(&mut self, action: DiskAction) -> DiskResult {
        match (action.file(), action) {
            (None, DiskAction::Lock { name }) => self.locks.take(&self.root, &name),
            (None, DiskAction::Unlock { name }) => self.locks.give_back(&self.root, &name),
            (None, action) | (Some(_), action @ (DiskAction::Create { .. } | DiskAction::Open { .. })) => self.on_names(&action),
            (Some(file), DiskAction::Close { .. }) => {
                self.files.remove(&file);
                Ok(DiskDone::Done)
            }
            (Some(file), action) => match self.files.get(&file) {
                Some((name, handle)) => on_file(handle, name, action),
                None => Err(never_opened(&action)),
            },
        }
    }

    fn on_names(&mut self, action: &DiskAction) -> DiskResult {
        match on_names(&self.root, OpId(0), action) {
            Ok(Finished::Done { result, .. }) => result,
            Ok(Finished::Opened { file, opened, .. }) => opened.map(|(name, handle, done)| {
                self.files.insert(file, (name, handle));
                done
            }),
            Ok(Finished::Starved { .. }) | Err(NoDescriptor) => {
                Err(failed(action.verb(), &Name::root(), &io::Error::other("no descriptor is free: raise the limit of open files")))
            }
        }
    }
}

fn on_file(handle: &File, name: &Name, action: DiskAction) -> DiskResult {
    let verb = action.verb();
    let done = match action {
        DiskAction::Write { at, parts, .. } => write_all(handle, at, parts).map(|()| DiskDone::Done),
        DiskAction::Read { at, length, .. } => read_up_to(handle, at, length).map(DiskDone::Read),
        DiskAction::Truncate { length, .. } => handle.set_len(length).map(|()| DiskDone::Done),
        DiskAction::Sync { .. } => handle.sync_all().map(|()| DiskDone::Done),
        other => unreachable!("{} is no operation on an open file", other.verb()),
    };
    done.map_err(|e| failed(verb, name, &e))
}

/// True if a process holds the lock of a log directory. Nothing is made, and nothing is locked.
///
/// # Errors
/// What the system said of the lock file.
pub fn is_in_use(root: &Path) -> io::Result<bool> {
    let file = match File::open(root.join(".lock")) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    let wanted = Flock { start: 0, length: 0, pid: None, typ: FlockType::WriteLock, offset_type: FlockOffsetType::Set };
    Ok(rustix::process::fcntl_getlk(&file, &wanted)?.is_some())
}
