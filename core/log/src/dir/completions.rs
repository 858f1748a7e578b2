//! Completions come home.

use odradek_machine::Now;

use super::{After, LogDir, Output, OwnerId, OwnerInput, Purpose};
use crate::disk::{DiskDone, DiskErrorKind, DiskResult, FileId, Name, OpId};
use crate::output::Token;

impl LogDir {
    pub(super) fn take_completion(&mut self, now: Now, op: OpId, result: DiskResult, out: &mut Vec<Output>) {
        let purpose = self.ops.remove(&op).expect("an operation finishes once, and only after it was asked for");
        match purpose {
            Purpose::Owner { owner, token, after } => self.owners_operation(now, owner, token, after, result, out),
            Purpose::SyncFile(file) => match result {
                // What a sync covers behind a failed write is not what its owner believes: nothing is marked and nothing told.
                Ok(_) if self.files.get(file).is_some_and(|f| f.broken) => self.files.remove(file),
                Ok(_) => {
                    self.files.synced(file);
                    self.deliver(file, out);
                }
                Err(_) if self.files.get(file).is_some_and(|f| f.broken) => self.files.remove(file),
                Err(error) => self.fall(error, out),
            },
            Purpose::SyncDirectory(name, birth) => match result {
                Err(error) if error.kind != DiskErrorKind::NotFound => self.fall(error, out),
                // A directory that is not there any more has no names to lose.
                Ok(_) | Err(_) => {
                    self.names.synced(&name, birth);
                    self.name_synced(now, &name, out);
                }
            },
            Purpose::Whole(id, part) => self.whole_finished(now, id, part, result.map(drop), out),
            Purpose::MarkAppended | Purpose::MarkSynced => {
                self.mark_finished(now, matches!(purpose, Purpose::MarkSynced), result.map(drop), out);
            }
            Purpose::Unlock => self.unlocked(out),
            Purpose::Nothing => {}
        }
    }

    fn owners_operation(&mut self, now: Now, owner: OwnerId, token: Token, after: After, result: DiskResult, out: &mut Vec<Output>) {
        let done = result.is_ok();
        if let (After::Synced, Err(error)) = (&after, &result) {
            self.fall(error.clone(), out);
        }
        match after {
            After::Created(file) if done => {
                if let Some(dir) = self.files.get(file).map(|f| f.dir.clone()) {
                    let birth = self.names.changed(&dir);
                    if let Some(f) = self.files.get_mut(file) {
                        f.birth = Some(birth);
                    }
                }
            }
            After::Created(file) | After::Wrote(file) if !done => {
                if let Some(f) = self.files.get_mut(file) {
                    f.broken = true;
                }
            }
            After::MadeDirectory(name) => {
                if done {
                    self.names.made_directory(&name);
                }
                self.release_held(now, owner, out);
            }
            After::Renamed { from, to } if done => {
                self.names.changed(&from.parent());
                if from.parent() != to.parent() {
                    self.names.changed(&to.parent());
                }
                if self.taken.get(&from) == Some(&owner) {
                    self.names.forget(&from);
                    self.name_is_free(now, &from, out);
                }
            }
            After::Nothing | After::Synced | After::Created(_) | After::Wrote(_) | After::Renamed { .. } => {}
        }
        self.tell(owner, token, result, out);
    }

    /// Tells a log that its file is durable, if nothing keeps that back: the file's name, or the mark of the round before.
    pub(super) fn deliver(&mut self, file: FileId, out: &mut Vec<Output>) {
        let Some(f) = self.files.get(file) else { return };
        let (Some(done), Some(birth)) = (f.held, f.birth) else { return };
        let owner = f.owner;
        if !self.name_is_durable(&f.dir, birth) || self.marks.is_behind(owner) {
            return;
        }
        self.files.holding.remove(&file);
        if let Some(f) = self.files.get_mut(file) {
            f.held = None;
        }
        out.push(Output::ToOwner { owner, input: OwnerInput::Synced { file, through: done.through, length: done.length } });
    }

    /// Tells whatever was kept back and need not be any more.
    pub(super) fn deliver_held(&mut self, out: &mut Vec<Output>) {
        let holding: Vec<_> = self.files.holding.iter().copied().collect();
        for file in holding {
            self.deliver(file, out);
        }
    }

    fn name_synced(&mut self, now: Now, name: &Name, out: &mut Vec<Output>) {
        self.deliver_held(out);
        self.wholes_named(now, name, out);
    }
}

/// What most operations complete with.
pub(super) const DONE: DiskResult = Ok(DiskDone::Done);
