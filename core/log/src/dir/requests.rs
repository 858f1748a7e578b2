//! What owners ask.

use std::collections::VecDeque;

use odradek_machine::Now;

use super::files::Want;
use super::ids::OwnerId;
use super::marking::marked_as;
use super::names::Birth;
use super::whole::Client;
use super::{After, LogDir, Output, OwnerState, Purpose, State};
use crate::dir::checkpoints::Kind;
use crate::disk::{DiskAction, DiskError, DiskErrorKind, FileId, Name};
use crate::output::{Request, Token};

impl LogDir {
    pub(super) fn take_request(&mut self, now: Now, owner: OwnerId, request: Request, out: &mut Vec<Output>) {
        if self.state == State::OutOfService {
            return self.refuse(now, owner, request, out);
        }
        let maker = self.maker(owner, &request);
        if let Some(held) = self.owners.get_mut(&maker).and_then(|o| o.held.as_mut()) {
            held.push_back((owner, request));
            return;
        }
        match request {
            Request::Disk { token, action } => self.operate(owner, token, action, out),
            Request::WantSync { file, through, length } => {
                self.counts.wants += 1;
                self.know(owner, file);
                self.files.want(file, Want { through, length });
            }
            Request::Replace { token, name, bytes } => self.write_whole(Client::Owner(owner, token), name, bytes, true, out),
            Request::WriteNew { token, name, bytes } => self.write_whole(Client::Owner(owner, token), name, bytes, false, out),
            Request::Checkpoint(entry) => self.entered(owner, entry),
            Request::LogStart { token, to } => {
                if let Some(o) = self.owners.get_mut(&owner) {
                    o.start_asked = Some(to);
                }
                let c = &mut self.checkpoints[Kind::LogStart as usize];
                c.asking.push((owner, token));
                c.urgent = true;
            }
            Request::LowerMark { token, to } => self.lower_mark(owner, token, to),
            Request::Forget => self.forget(owner),
            Request::Closed { clean } => self.closed(now, owner, clean, out),
        }
    }

    /// Whose directory a request needs: that of its owner, or of whoever makes the one that the name is in (the quorum's small files lie with its log).
    fn maker(&self, owner: OwnerId, request: &Request) -> OwnerId {
        let name = match request {
            Request::Replace { name, .. } | Request::WriteNew { name, .. } => name,
            Request::Disk { action: DiskAction::Create { name, .. }, .. } => name,
            _ => return owner,
        };
        let maker = self.taken.get(&name.parent()).copied();
        maker.filter(|maker| self.owners.get(maker).is_some_and(|o| o.held.is_some())).unwrap_or(owner)
    }

    /// An operation of an owner.
    fn operate(&mut self, owner: OwnerId, token: Token, action: DiskAction, out: &mut Vec<Output>) {
        let after = match &action {
            DiskAction::Create { file, name, .. } => {
                self.files.add(*file, owner, name.parent(), None);
                After::Created(*file)
            }
            DiskAction::MakeDirectory { name } => return self.make_directory(owner, token, name.clone(), out),
            DiskAction::Rename { from, to } => After::Renamed { from: from.clone(), to: to.clone() },
            DiskAction::Close { file } => {
                self.files.remove(*file);
                After::Nothing
            }
            DiskAction::Write { file, .. } | DiskAction::Truncate { file, .. } => After::Wrote(*file),
            DiskAction::Sync { .. } => After::Synced,
            _ => After::Nothing,
        };
        self.submit(Purpose::Owner { owner, token, after }, action, out);
    }

    /// A directory for an owner, whose other requests wait for it. One of a deleted topic may still have the name.
    fn make_directory(&mut self, owner: OwnerId, token: Token, name: Name, out: &mut Vec<Output>) {
        if let Some(o) = self.owners.get_mut(&owner) {
            o.held.get_or_insert_with(VecDeque::new);
        }
        if self.taken.contains_key(&name) {
            self.waiting_for_name.push((name, owner));
            self.ops_waiting(owner, token);
            return;
        }
        self.taken.insert(name.clone(), owner);
        self.submit(Purpose::Owner { owner, token, after: After::MadeDirectory(name.clone()) }, DiskAction::MakeDirectory { name }, out);
    }

    /// Keeps a request for a directory in front of what waits for it.
    fn ops_waiting(&mut self, owner: OwnerId, token: Token) {
        let Some((name, _)) = self.waiting_for_name.last().cloned() else { return };
        if let Some(held) = self.owners.get_mut(&owner).and_then(|o| o.held.as_mut()) {
            held.push_front((owner, Request::Disk { token, action: DiskAction::MakeDirectory { name } }));
        }
    }

    /// A directory's name is free: the first who waits for it gets it.
    pub(super) fn name_is_free(&mut self, now: Now, name: &Name, out: &mut Vec<Output>) {
        self.taken.remove(name);
        if let Some(i) = self.waiting_for_name.iter().position(|(n, _)| n == name) {
            let (_, owner) = self.waiting_for_name.remove(i);
            self.release_held(now, owner, out);
        }
    }

    /// What an owner asked while its directory was being made.
    pub(super) fn release_held(&mut self, now: Now, owner: OwnerId, out: &mut Vec<Output>) {
        let held = self.owners.get_mut(&owner).and_then(|o: &mut OwnerState| o.held.take());
        for (asker, request) in held.into_iter().flatten() {
            self.take_request(now, asker, request, out);
        }
    }

    /// A file that was there before this life is made known with its first want.
    fn know(&mut self, owner: OwnerId, file: FileId) {
        if self.files.get(file).is_none() {
            self.files.add(file, owner, Name::root(), Some(Birth::DURABLE));
        }
    }

    fn forget(&mut self, owner: OwnerId) {
        if let Some(o) = self.owners.get_mut(&owner) {
            o.entry = None;
            o.start_asked = None;
            self.inherited.remove(&marked_as(&o.owner));
        }
        self.marks.dirty.remove(&owner);
        self.marks.ahead.remove(&owner);
        for c in &mut self.checkpoints {
            c.dirty = true;
        }
    }

    /// Nobody shall wait for a directory that is out of service.
    fn refuse(&mut self, now: Now, owner: OwnerId, request: Request, out: &mut Vec<Output>) {
        match request {
            Request::Disk { token, action: action @ DiskAction::Close { .. } } => self.operate(owner, token, action, out),
            Request::Disk { token, action } => self.tell(owner, token, Err(out_of_service(action.verb(), Name::root())), out),
            Request::Replace { token, name, .. } | Request::WriteNew { token, name, .. } => {
                self.tell(owner, token, Err(out_of_service("replace", name)), out);
            }
            Request::LogStart { token, .. } | Request::LowerMark { token, .. } => {
                self.tell(owner, token, Err(out_of_service("checkpoint", Name::root())), out);
            }
            Request::Closed { clean } => self.closed(now, owner, clean, out),
            Request::WantSync { .. } | Request::Checkpoint(_) | Request::Forget => {}
        }
    }
}

fn out_of_service(action: &'static str, name: Name) -> DiskError {
    DiskError { kind: DiskErrorKind::Io, action, name, says: "the log directory is out of service".to_owned() }
}
