//! The lock of a log directory: a POSIX record lock on `.lock`, so that Apache Kafka and this server keep each other out.
//!
//! Such a lock belongs to the process: it keeps no second node of the same process out, so the directories in use here are remembered too.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};

use odradek_log::disk::{DiskDone, DiskError, DiskErrorKind, DiskResult, Name};
use rustix::fs::FlockOperation;

use super::error::failed;

static HERE: LazyLock<Mutex<Vec<PathBuf>>> = LazyLock::new(Mutex::default);

/// The locks that one node holds; given back when it is dropped.
#[derive(Default)]
pub struct Locks {
    held: HashMap<PathBuf, File>,
}

impl Locks {
    /// Takes the lock of a directory, or says who cannot have it.
    pub fn take(&mut self, root: &Path, name: &Name) -> DiskResult {
        let path = root.join(name.as_str());
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(|e| failed("lock", name, &e))?;
        let path = path.canonicalize().map_err(|e| failed("lock", name, &e))?;
        let mut here = HERE.lock().unwrap_or_else(PoisonError::into_inner);
        if here.contains(&path) || rustix::fs::fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            return Err(DiskError {
                kind: DiskErrorKind::Locked,
                action: "lock",
                name: name.clone(),
                says: format!("another node is using {}", root.display()),
            });
        }
        here.push(path.clone());
        self.held.insert(path, file);
        Ok(DiskDone::Done)
    }

    /// Gives the lock back and removes its file.
    pub fn give_back(&mut self, root: &Path, name: &Name) -> DiskResult {
        let path = root.join(name.as_str()).canonicalize().map_err(|e| failed("unlock", name, &e))?;
        std::fs::remove_file(&path).map_err(|e| failed("unlock", name, &e))?;
        self.forget(&path);
        Ok(DiskDone::Done)
    }

    fn forget(&mut self, path: &Path) {
        self.held.remove(path);
        HERE.lock().unwrap_or_else(PoisonError::into_inner).retain(|held| held != path);
    }
}

impl Drop for Locks {
    fn drop(&mut self) {
        for path in self.held.keys().cloned().collect::<Vec<_>>() {
            self.forget(&path);
        }
    }
}
