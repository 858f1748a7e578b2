//! What can be wrong with a disk, armed by the world and met by operations.

use std::sync::Arc;

use odradek_log::disk::{DiskError, DiskErrorKind, Name};

use super::cut::Survival;
use super::medium::{Destroyed, Image};

/// A fault that waits for an operation to meet it.
#[derive(Clone, Debug, Default)]
pub struct Armed {
    /// Which fault of the plan armed it.
    pub by: usize,
    /// How many operations it will spoil yet.
    pub times: u64,
    /// Only files whose name, without a `.tmp`, or whose directory's name ends with this.
    pub file: Option<Arc<str>>,
}

/// What is wrong with one disk.
#[derive(Clone, Debug, Default)]
pub struct Troubles {
    /// Syncs that fail as on Linux.
    pub sync_fails: Option<Armed>,
    /// Syncs that say they did what they did not.
    pub sync_lies: Option<Armed>,
    /// Writes that fail, with any part of them done.
    pub write_fails: Option<Armed>,
    /// Reads that fail.
    pub read_fails: Option<Armed>,
    /// Changes of the directory (create, rename, remove) that fail.
    pub name_fails: Option<Armed>,
    /// Bytes that may still be taken before the disk is full, and by which fault.
    pub full: Option<Limit>,
    /// Another process holds the lock.
    pub locked: Option<Armed>,
    /// How the next power cut loses.
    pub next_cut: Option<NextCut>,
    /// Readings of which a page comes from another place.
    pub misdirects_reads: Option<Armed>,
    /// Syncs of which a page goes to another place.
    pub misdirects_writes: Option<Armed>,
    /// Syncs of which a page is lost.
    pub loses_writes: Option<Armed>,
    /// What comes back at the next start.
    pub image: Option<Image>,
    /// What the medium destroyed since the world last asked.
    pub destroyed: Vec<Destroyed>,
    /// Which faults met an operation since the world last asked.
    pub touched: Vec<usize>,
}

/// A disk with little space left.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    /// Which fault of the plan set it.
    pub by: usize,
    /// Pages that all files may take together.
    pub pages_max: u64,
}

/// The fashion of the next power cut.
#[derive(Clone, Copy, Debug)]
pub struct NextCut {
    /// Which fault of the plan set it.
    pub by: usize,
    /// The fashion.
    pub survival: Survival,
}

impl Troubles {
    /// The disk is as new; what it lost stays lost.
    pub fn heal(&mut self) {
        let (touched, destroyed) = (std::mem::take(&mut self.touched), std::mem::take(&mut self.destroyed));
        *self = Troubles { touched, destroyed, ..Troubles::default() };
    }
}

/// True if the armed fault spoils an operation on this file; counts it.
pub(super) fn spoils(armed: &mut Option<Armed>, touched: &mut Vec<usize>, name: &Name) -> bool {
    let Some(fault) = armed.as_mut().filter(|fault| fault.means(name)) else { return false };
    touched.push(fault.by);
    fault.times -= 1;
    if fault.times == 0 {
        *armed = None;
    }
    true
}

impl Armed {
    /// True if an operation on this file is one to spoil.
    pub(super) fn means(&self, name: &Name) -> bool {
        self.file.as_ref().is_none_or(|end| is_meant(name, end))
    }
}

/// True if a file is one of those whose name, or whose directory's name, ends with this.
pub(super) fn is_meant(name: &Name, end: &str) -> bool {
    // A file that is replaced whole is written beside its name first.
    let meant = name.as_str().strip_suffix(".tmp").unwrap_or(name.as_str());
    meant.ends_with(end) || name.parent().as_str().ends_with(end)
}

/// A failed operation.
pub(super) fn refuse(action: &'static str, name: &Name, kind: DiskErrorKind, says: &str) -> DiskError {
    DiskError { kind, action, name: name.clone(), says: says.to_owned() }
}
