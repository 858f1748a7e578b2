//! Small files that are written whole, step by step.

use bytes::Bytes;
use odradek_machine::{Now, guard};

use super::completions::DONE;
use super::whole::{Client, Next, Part, Whole, WholeId};
use super::{LogDir, Output, Purpose};
use crate::disk::{DiskAction, DiskError, Name};

impl LogDir {
    pub(super) fn write_whole(&mut self, client: Client, name: Name, bytes: Bytes, replaces: bool, out: &mut Vec<Output>) {
        let file = self.own.file();
        let (id, begins) = self.wholes.add(client, name, bytes, file, replaces);
        if begins {
            self.make_whole(id, out);
        }
    }

    /// Makes, writes and syncs the file: three operations on one handle, which keep their order.
    fn make_whole(&mut self, id: WholeId, out: &mut Vec<Output>) {
        let file = self.own.file();
        let synced = self.syncs_before_rename();
        let whole = self.wholes.all.get_mut(&id).expect("a file in work");
        whole.file = file;
        whole.submitted(if synced { 3 } else { 2 });
        let (name, bytes) = (whole.working_name(), whole.bytes.clone());
        self.submit(Purpose::Whole(id, Part::Create), DiskAction::Create { file, name, length: 0 }, out);
        self.submit(Purpose::Whole(id, Part::Write), DiskAction::Write { file, at: 0, parts: vec![bytes] }, out);
        if synced {
            self.submit(Purpose::Whole(id, Part::Sync), DiskAction::Sync { file }, out);
        }
    }

    /// A file is synced before it gets its name, or a power cut leaves an empty one under it (KAFKA-16541).
    fn syncs_before_rename(&self) -> bool {
        !guard!(self.guards, KAFKA_16541, false)
    }

    pub(super) fn whole_finished(&mut self, now: Now, id: WholeId, part: Part, result: Result<(), DiskError>, out: &mut Vec<Output>) {
        let whole = self.wholes.all.get_mut(&id).expect("a file in work");
        match whole.finished(part, result) {
            Next::Wait => {}
            Next::Make => self.make_whole(id, out),
            Next::RemoveLeftover => {
                whole.submitted(1);
                let name = whole.working_name();
                self.submit(Purpose::Whole(id, Part::Remove), DiskAction::Remove { name }, out);
            }
            Next::Rename => {
                let keeps_handle = whole.client == Client::Marks;
                whole.submitted(1);
                let (file, from, to) = (whole.file, whole.working_name(), whole.name.clone());
                if !keeps_handle {
                    self.submit(Purpose::Nothing, DiskAction::Close { file }, out);
                }
                self.submit(Purpose::Whole(id, Part::Rename), DiskAction::Rename { from, to }, out);
            }
            Next::Named => {
                let (name, file, replaces) = (whole.name.clone(), whole.file, whole.replaces);
                let birth = self.names.changed(&name.parent());
                self.wholes.all.get_mut(&id).expect("a file in work").birth = Some(birth);
                if !replaces {
                    self.submit(Purpose::Nothing, DiskAction::Close { file }, out);
                }
                self.wholes.naming.entry(name.parent()).or_default().push(id);
                self.wholes_named(now, &name.parent(), out);
            }
            Next::Failed(error) => {
                let file = whole.file;
                self.submit(Purpose::Nothing, DiskAction::Close { file }, out);
                self.end_whole(now, id, Err(error), out);
            }
            Next::SyncFailed(error) => {
                self.fall(error.clone(), out);
                self.end_whole(now, id, Err(error), out);
            }
        }
    }

    /// Ends the files whose names are durable, after this directory was looked at: its own, and after the root, in which directories are made, those of all.
    /// To look at all each time takes longer than the disk where thousands of logs are made.
    pub(super) fn wholes_named(&mut self, now: Now, dir: &Name, out: &mut Vec<Output>) {
        let all = dir.as_str().is_empty();
        let dirs = if all { self.wholes.naming.keys().cloned().collect() } else { vec![dir.clone()] };
        for dir in dirs {
            let naming = self.wholes.naming.remove(&dir).unwrap_or_default();
            let is_durable = |id: &WholeId| self.name_is_durable(&dir, self.wholes.all[id].birth.expect("it has its name"));
            let (durable, rest): (Vec<_>, Vec<_>) = naming.into_iter().partition(is_durable);
            if !rest.is_empty() {
                self.wholes.naming.insert(dir, rest);
            }
            for id in durable {
                self.end_whole(now, id, Ok(()), out);
            }
        }
    }

    fn end_whole(&mut self, now: Now, id: WholeId, result: Result<(), DiskError>, out: &mut Vec<Output>) {
        let (Whole { client, file, bytes, .. }, next) = self.wholes.end(id);
        if let Some(next) = next {
            self.make_whole(next, out);
        }
        match client {
            Client::Owner(owner, token) => self.tell(owner, token, result.and(DONE), out),
            Client::Checkpoint(kind) => self.checkpointed(now, kind, result, out),
            Client::Marks => self.marks_replaced(now, file, bytes.len() as u64, result, out),
            Client::CleanMark => self.clean_mark_written(result.is_ok(), out),
        }
    }
}
