//! What a life before left of deleted topics: directories called `…-delete`, listed, emptied and removed.

use odradek_log::dir::Owner;
use odradek_log::dir::ids::OwnerId;
use odradek_log::disk::{DirId, DiskAction, DiskDone, Name};
use odradek_log::formats::dir_name::{DirName, Purpose};
use odradek_log::output::{Input as LogInput, Request, Token};
use odradek_machine::{Now, reached};
use odradek_wire::ids::{TopicPartition, Uuid};

use super::Running;
use crate::io::{NotesOf, Outbox};
use crate::start::directory_name;
use crate::storage::Holder;

/// One directory that goes.
#[derive(Debug)]
pub(crate) struct Sweep {
    name: Name,
    /// It is being renamed to that name.
    renaming: bool,
    left: usize,
    directory: bool,
}

impl Running {
    /// Begins to remove a directory of a deleted topic.
    pub(super) fn remove_deleted(&mut self, now: Now, dir: DirId, name: Name, out: &mut Outbox) {
        let owner = self.storage.adopt(dir, Owner::Metadata).owner();
        self.storage.hold(owner, Holder::Sweep, dir);
        self.sweep_action(now, owner, dir, DiskAction::List { name: name.clone() }, out);
        self.sweeps.insert(owner, Sweep { name, renaming: false, left: 1, directory: false });
    }

    /// Begins to remove the directory of a replica that is out of service, whose topic is deleted.
    pub(super) fn remove_offline(&mut self, now: Now, owner: OwnerId, dir: DirId, partition: &TopicPartition, out: &mut Outbox) {
        let unique = Uuid(self.setup.seed.named("deleted").named(&partition.to_string()).number(self.steps).uuid());
        let name = Name::from(DirName::renamed(partition, Purpose::Delete, unique).as_str());
        self.storage.hold(owner, Holder::Sweep, dir);
        self.sweep_action(now, owner, dir, DiskAction::Rename { from: directory_name(partition), to: name.clone() }, out);
        self.sweeps.insert(owner, Sweep { name, renaming: true, left: 1, directory: false });
    }

    fn sweep_action(&mut self, now: Now, owner: OwnerId, dir: DirId, action: DiskAction, out: &mut Outbox) {
        self.request_dir(now, owner, dir, Request::Disk { token: Token(0), action }, out);
    }

    /// A step of a removal finished. One that fails leaves the rest to the next start.
    pub(super) fn swept(&mut self, now: Now, owner: OwnerId, dir: DirId, input: LogInput, out: &mut Outbox) {
        let (LogInput::Disk { result, .. }, Some(sweep)) = (input, self.sweeps.get_mut(&owner)) else { return };
        if std::mem::take(&mut sweep.renaming) {
            let name = sweep.name.clone();
            return self.sweep_action(now, owner, dir, DiskAction::List { name }, out);
        }
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
