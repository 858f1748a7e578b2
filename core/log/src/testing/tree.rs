//! The names on a disk, as they are and as a power cut may leave them.

use std::collections::BTreeMap;

use crate::disk::Name;

/// Files and directories by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tree {
    pub(crate) files: BTreeMap<Name, usize>,
    pub(crate) directories: BTreeMap<Name, ()>,
}

/// A change of names that was made.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    File(Name, usize),
    Directory(Name),
    Remove(Name),
    Rename(Name, Name),
}

impl Change {
    /// The directory whose sync makes it durable. Nothing of ours is moved from one directory into another.
    pub(crate) fn directory(&self) -> Name {
        match self {
            Change::File(name, _) | Change::Directory(name) | Change::Remove(name) | Change::Rename(name, _) => name.parent(),
        }
    }
}

impl Tree {
    pub(crate) fn has_directory(&self, name: &Name) -> bool {
        name.as_str().is_empty() || self.directories.contains_key(name)
    }

    /// Makes a change; what it needs may be missing where a power cut took it.
    pub(crate) fn apply(&mut self, change: &Change) {
        match change {
            Change::File(name, inode) => drop(self.files.insert(name.clone(), *inode)),
            Change::Directory(name) => drop(self.directories.insert(name.clone(), ())),
            Change::Remove(name) => {
                self.files.remove(name);
                self.directories.remove(name);
            }
            Change::Rename(from, to) => self.rename(from, to),
        }
    }

    fn rename(&mut self, from: &Name, to: &Name) {
        if self.directories.remove(from).is_some() {
            self.directories.insert(to.clone(), ());
            let inside: Vec<_> = self.files.keys().filter(|n| n.parent() == *from).cloned().collect();
            for name in inside {
                let inode = self.files.remove(&name).expect("it was listed");
                self.files.insert(to.join(name.file_name()), inode);
            }
        } else if let Some(inode) = self.files.remove(from) {
            self.files.insert(to.clone(), inode);
        }
    }

    /// Forgets files whose directory is not there.
    pub(crate) fn prune(&mut self) {
        let directories = self.directories.clone();
        self.files.retain(|name, _| name.parent().as_str().is_empty() || directories.contains_key(&name.parent()));
    }
}
