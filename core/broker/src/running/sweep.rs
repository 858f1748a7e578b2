//! What a life before left of deleted topics: directories called `…-delete`, listed, emptied and removed.

use odradek_log::dir::Owner;
use odradek_log::dir::ids::OwnerId;
use odradek_log::disk::{DirId, DiskAction, DiskDone, Name};
use odradek_log::output::{Input as LogInput, Request, Token};
use odradek_machine::{Now, reached};

use super::Running;
use crate::io::{NotesOf, Outbox};
use crate::storage::Holder;

/// One directory that goes.
#[derive(Debug)]
pub(crate) struct Sweep {
    name: Name,
    left: usize,
    directory: bool,
}

impl Running {
    /// Begins to remove a directory of a deleted topic.
    pub(super) fn remove_deleted(&mut self, now: Now, dir: DirId, name: Name, out: &mut Outbox) {
        let owner = self.storage.adopt(dir, Owner::Metadata).owner();
        self.storage.hold(owner, Holder::Sweep, dir);
        self.sweep_action(now, owner, dir, DiskAction::List { name: name.clone() }, out);
        self.sweeps.insert(owner, Sweep { name, left: 1, directory: false });
    }

    fn sweep_action(&mut self, now: Now, owner: OwnerId, dir: DirId, action: DiskAction, out: &mut Outbox) {
        self.request_dir(now, owner, dir, Request::Disk { token: Token(0), action }, out);
    }

    /// A step of a removal finished. One that fails leaves the rest to the next start.
    pub(super) fn swept(&mut self, now: Now, owner: OwnerId, dir: DirId, input: LogInput, out: &mut Outbox) {
        let (LogInput::Disk { result, .. }, Some(sweep)) = (input, self.sweeps.get_mut(&owner)) else { return };
        sweep.left -= 1;
        let entries = match result {
            Ok(DiskDone::Listed(entries)) => entries,
            _ => Vec::new(),
        };
        sweep.left += entries.len();
        let name = sweep.name.clone();
        let finished = sweep.left == 0 && std::mem::replace(&mut sweep.directory, sweep.left == 0);
        let remove_directory = sweep.left == 0 && !finished;
        sweep.left += usize::from(remove_directory);
        for entry in entries {
            self.sweep_action(now, owner, dir, DiskAction::Remove { name: name.join(&entry.name) }, out);
        }
        if remove_directory {
            self.sweep_action(now, owner, dir, DiskAction::Remove { name }, out);
        } else if finished {
            reached!(&mut NotesOf(out), "dir.deleted_topic_removed");
            self.sweeps.remove(&owner);
            self.storage.release(owner);
        }
    }
}
