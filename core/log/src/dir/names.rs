//! Which names are durable: a file that was made is found again after a power cut only if its directory was synced afterwards, and that one's, and so on up
//! to the root (KAFKA-16541).

use std::collections::{BTreeMap, BTreeSet};

use crate::disk::Name;

/// The directories below one log directory in which names were made.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    dirs: BTreeMap<Name, Dir>,
    /// Those with names that no sync covers, and none under way.
    due: BTreeSet<Name>,
}

/// A point in the history of one directory: names made up to here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Birth(u64);

impl Birth {
    /// Of a name that was there before this life.
    pub(super) const DURABLE: Birth = Birth(0);
}

#[derive(Clone, Debug, Default)]
struct Dir {
    /// Its own birth, if it was made in this life.
    born: Option<Birth>,
    made: u64,
    synced: u64,
    running: bool,
}

impl Names {
    /// A name was made, changed or removed in this directory, and its completion is here.
    pub(super) fn changed(&mut self, dir: &Name) -> Birth {
        let d = self.dirs.entry(dir.clone()).or_default();
        d.made += 1;
        if !d.running {
            self.due.insert(dir.clone());
        }
        Birth(d.made)
    }

    /// A directory was made.
    pub(super) fn made_directory(&mut self, name: &Name) {
        let birth = self.changed(&name.parent());
        self.dirs.entry(name.clone()).or_default().born = Some(birth);
    }

    /// A directory is called otherwise, or is gone.
    pub(super) fn forget(&mut self, name: &Name) {
        self.dirs.remove(name);
        self.due.remove(name);
    }

    /// True if a power cut cannot take this name away.
    pub(super) fn is_durable(&self, dir: &Name, birth: Birth) -> bool {
        let Some(d) = self.dirs.get(dir) else { return true };
        d.synced >= birth.0 && d.born.is_none_or(|born| dir.as_str().is_empty() || self.is_durable(&dir.parent(), born))
    }

    /// The directories to sync now; each is under way from here on.
    pub(super) fn begin_syncs(&mut self) -> Vec<(Name, Birth)> {
        let due = std::mem::take(&mut self.due).into_iter();
        due.filter_map(|name| {
            let d = self.dirs.get_mut(&name)?;
            d.running = true;
            let through = Birth(d.made);
            Some((name, through))
        })
        .collect()
    }

    /// A sync of a directory ended well.
    pub(super) fn synced(&mut self, name: &Name, through: Birth) {
        if let Some(d) = self.dirs.get_mut(name) {
            d.running = false;
            d.synced = d.synced.max(through.0);
            if d.made > d.synced {
                self.due.insert(name.clone());
            }
        }
    }

    pub(super) fn check(&self) {
        for name in &self.due {
            let d = self.dirs.get(name).expect("a due directory is known");
            assert!(d.synced < d.made && !d.running, "{name} is due, synced to {} of {}", d.synced, d.made);
        }
    }
}
