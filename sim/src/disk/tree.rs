//! The names of a disk: what the process sees, what is durable, and the journal of changes between the two.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use odradek_log::disk::Name;
use odradek_machine::Seed;

use super::cut::Survival;

/// A file or directory, whatever it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Inode(pub u32);

impl Inode {
    /// The log directory itself.
    pub(super) const ROOT: Inode = Inode(0);
}

/// Where an entry is: in which directory, under which name.
pub(super) type Place = (Inode, Arc<str>);

type Entries = BTreeMap<Inode, BTreeMap<Arc<str>, Inode>>;

/// One atomic change of the directory; a rename has two edits, everything else one.
#[derive(Clone, Debug)]
struct Change {
    number: u64,
    edits: Vec<(Place, Option<Inode>)>,
}

/// The names of a disk.
#[derive(Clone, Debug, Default)]
pub(super) struct Tree {
    seen: Entries,
    durable: Entries,
    /// Changes that no sync has covered, oldest first.
    journal: Vec<Change>,
    changes: u64,
}

impl Tree {
    /// The inode at a name, as the process sees it.
    pub(super) fn find(&self, name: &Name) -> Option<Inode> {
        find(&self.seen, name)
    }

    /// The directory and last part of a name, if the directory is there.
    pub(super) fn place(&self, name: &Name) -> Option<Place> {
        let directory = self.find(&name.parent())?;
        Some((directory, Arc::from(name.file_name())))
    }

    /// The entries of a directory, as the process sees them.
    pub(super) fn list(&self, directory: Inode) -> impl Iterator<Item = (&Arc<str>, Inode)> {
        self.seen.get(&directory).into_iter().flatten().map(|(name, &inode)| (name, inode))
    }

    /// How many changes there have been: a directory sync covers those before its submission.
    pub(super) const fn changes(&self) -> u64 {
        self.changes
    }

    /// Carries out one atomic change.
    pub(super) fn change(&mut self, edits: Vec<(Place, Option<Inode>)>) {
        apply(&mut self.seen, &edits);
        self.journal.push(Change { number: self.changes, edits });
        self.changes += 1;
    }

    /// Makes the entries of a directory durable, as far as their changes are older than `covers`; younger ones as `draw` says.
    ///
    /// What a covered change stands on, an older change of the same entry elsewhere, becomes durable with it.
    pub(super) fn sync(&mut self, directory: Inode, covers: u64, draw: Seed) {
        let mut needed: BTreeSet<Place> = BTreeSet::new();
        let mut covered = vec![false; self.journal.len()];
        for (nth, change) in self.journal.iter().enumerate().rev() {
            let asked = change.edits.iter().any(|((dir, _), _)| *dir == directory);
            let in_time = change.number < covers || draw.number(change.number).one_in(2);
            covered[nth] = asked && in_time || change.edits.iter().any(|(place, _)| needed.contains(place));
            if covered[nth] {
                needed.extend(change.edits.iter().map(|(place, _)| place.clone()));
            }
        }
        let mut covered = covered.into_iter();
        let durable = &mut self.durable;
        self.journal.retain(|change| {
            let covered = covered.next().expect("a flag for each change");
            if covered {
                apply(durable, &change.edits);
            }
            !covered
        });
    }

    /// Power goes: any changes survive, each by itself, as long as the older changes of their entries do. Says how many were lost.
    pub(super) fn power_cut(&mut self, survival: Survival, draw: Seed) -> u64 {
        let journal = std::mem::take(&mut self.journal);
        let all = journal.len();
        let mut lost: BTreeSet<Place> = BTreeSet::new();
        let mut count = 0;
        for (nth, change) in journal.into_iter().enumerate() {
            let stands = !change.edits.iter().any(|(place, _)| lost.contains(place));
            if stands && survival.change(draw, nth, all) {
                apply(&mut self.durable, &change.edits);
            } else {
                lost.extend(change.edits.into_iter().map(|(place, _)| place));
                count += 1;
            }
        }
        self.seen.clone_from(&self.durable);
        count
    }

    /// Everything that has a name, or may have one again after a power cut.
    pub(super) fn reachable(&self) -> BTreeSet<Inode> {
        let pending = self.journal.iter().flat_map(|change| &change.edits).filter_map(|(_, inode)| *inode);
        let mut found: BTreeSet<Inode> = pending.chain([Inode::ROOT]).collect();
        let mut open: Vec<Inode> = found.iter().copied().collect();
        while let Some(directory) = open.pop() {
            let entries = [&self.seen, &self.durable].into_iter().filter_map(|entries| entries.get(&directory));
            open.extend(entries.flat_map(BTreeMap::values).copied().filter(|&inode| found.insert(inode)));
        }
        found
    }

    /// Forgets directories that nobody can reach.
    pub(super) fn forget_all_but(&mut self, reachable: &BTreeSet<Inode>) {
        self.seen.retain(|directory, _| reachable.contains(directory));
        self.durable.retain(|directory, _| reachable.contains(directory));
    }

    /// The inode that a name has after any power cut at this moment; `None` if some cut takes the name or gives it to another.
    pub(super) fn surely(&self, name: &Name) -> Option<Inode> {
        parts(name).try_fold(Inode::ROOT, |directory, part| {
            let inode = *self.durable.get(&directory)?.get(part)?;
            (!self.is_edited(directory, part)).then_some(inode)
        })
    }

    /// The entries that a directory has after any power cut at this moment.
    pub(super) fn surely_in(&self, directory: Inode) -> impl Iterator<Item = (&Arc<str>, Inode)> {
        let entries = self.durable.get(&directory).into_iter().flatten();
        entries.filter(move |(part, _)| !self.is_edited(directory, part)).map(|(part, &inode)| (part, inode))
    }

    /// True if a change of this entry waits for a sync.
    fn is_edited(&self, directory: Inode, part: &str) -> bool {
        let edits = self.journal.iter().flat_map(|change| &change.edits);
        edits.into_iter().any(|((edited, name), _)| *edited == directory && **name == *part)
    }

    /// Every name, with its inode, in order of name: depth first, as the process sees them.
    pub(super) fn walk(&self) -> Vec<(Name, Inode)> {
        let mut all = Vec::new();
        let mut open = vec![(Name::root(), Inode::ROOT)];
        while let Some((name, directory)) = open.pop() {
            for (part, inode) in self.list(directory) {
                all.push((name.join(part), inode));
                open.push((name.join(part), inode));
            }
        }
        all.sort();
        all
    }
}

fn parts(name: &Name) -> impl Iterator<Item = &str> {
    name.as_str().split('/').filter(|part| !part.is_empty())
}

fn find(entries: &Entries, name: &Name) -> Option<Inode> {
    parts(name).try_fold(Inode::ROOT, |inode, part| entries.get(&inode)?.get(part).copied())
}

fn apply(entries: &mut Entries, edits: &[(Place, Option<Inode>)]) {
    for ((directory, name), inode) in edits {
        match inode {
            Some(inode) => {
                entries.entry(*directory).or_default().insert(name.clone(), *inode);
            }
            None => {
                entries.entry(*directory).or_default().remove(name);
            }
        }
    }
}
