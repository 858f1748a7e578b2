//! How a log ends: closed cleanly, or deleted with its topic.

use std::fmt::Write as _;

use odradek_machine::{Deadline, Mono, Now, reached};

use super::{Log, Pending, Phase};
use crate::disk::{DiskAction, DiskDone, DiskResult, Name};
use crate::output::{NotesOf, Output, Request};
use crate::segment::IndexFiles;

/// A close under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Closing {
    clean: bool,
    /// The handles are being let go.
    letting_go: bool,
}

impl Closing {
    pub(super) fn fail(&mut self) {
        self.clean = false;
    }
}

/// A deletion under way.
#[derive(Clone, Debug)]
pub(super) struct Deleting {
    stage: DeleteStage,
    /// The log is to be closed: nobody waits for the delay, and the next start removes what is called `…-delete`.
    closing: bool,
}

/// | from | to | trigger |
/// |---|---|---|
/// | `Settling` | `Renaming` | nothing of the log is under way on disk |
/// | `Renaming` | `Waiting` | the directory is called `…-delete` |
/// | `Renaming`, `Waiting` | ended | the log is to be closed |
/// | `Waiting` | `Listing` | `file.delete.delay.ms` is over |
/// | `Listing` | `Removing` | what is in it is known |
/// | `Removing` | ended | the directory is gone |
#[derive(Clone, Debug)]
enum DeleteStage {
    Settling,
    Renaming,
    Waiting(Mono),
    Listing,
    Removing { left: usize, directory: bool },
}

impl DeleteStage {
    /// The delay is over.
    fn is_over(&self, now: Mono) -> bool {
        matches!(self, DeleteStage::Waiting(at) if *at <= now)
    }
}

impl Log {
    pub(super) fn begin_close(&mut self, now: Now, out: &mut Vec<Output>) {
        let serving = match self.phase {
            Phase::Serving => true,
            Phase::Truncating(_) | Phase::OutOfService => false,
            Phase::Deleting(_) => return self.close_deleted(out),
            Phase::Closing(_) | Phase::Ended => return,
        };
        self.fail_lookups(out);
        self.phase = Phase::Closing(Closing { clean: serving, letting_go: false });
        if serving {
            self.settle(out);
        }
        self.go_on_stopping(now, out);
    }

    /// Brings to disk whatever a clean start would miss.
    fn settle(&mut self, out: &mut Vec<Output>) {
        let unsynced: Vec<_> = self.segments.iter().filter(|s| s.synced < s.end).map(|s| s.file).collect();
        for file in unsynced {
            self.want_sync(file, out);
        }
        for i in 0..self.segments.len() {
            if self.segments[i].index_files == IndexFiles::Memory {
                let end = self.segments[i].end;
                self.write_indexes(i, end, out);
            }
        }
        self.write_snapshot(self.ends.end, out);
        self.save_epochs_again(out);
    }

    /// A deletion that has operations under way ends with them; one that only waits ends at once.
    fn close_deleted(&mut self, out: &mut Vec<Output>) {
        let Phase::Deleting(deleting) = &mut self.phase else { return };
        deleting.closing = true;
        if matches!(deleting.stage, DeleteStage::Waiting(_)) {
            self.end(true, out);
        }
    }

    pub(super) fn begin_delete(&mut self, now: Now, out: &mut Vec<Output>) {
        if matches!(self.phase, Phase::Deleting(_) | Phase::Ended) {
            return;
        }
        self.fail_lookups(out);
        let closing = matches!(self.phase, Phase::Closing(_));
        self.phase = Phase::Deleting(Deleting { stage: DeleteStage::Settling, closing });
        out.push(Output::Dir(Request::Forget));
        self.go_on_stopping(now, out);
    }

    /// Goes on with a close or a deletion where what it waits for has come.
    pub(super) fn go_on_stopping(&mut self, now: Now, out: &mut Vec<Output>) {
        let empty = self.pending.is_empty();
        match &mut self.phase {
            Phase::Closing(closing) => {
                let closing = *closing;
                self.go_on_closing(closing, out);
            }
            Phase::Deleting(Deleting { stage: DeleteStage::Settling, .. }) if empty => self.rename_directory(now, out),
            Phase::Deleting(Deleting { stage, .. }) if stage.is_over(now.mono) => {
                *stage = DeleteStage::Listing;
                let name = self.setup.name.clone();
                self.disk(Pending::Stop, DiskAction::List { name }, out);
            }
            _ => {}
        }
    }

    fn go_on_closing(&mut self, closing: Closing, out: &mut Vec<Output>) {
        let synced = self.ends.synced == self.ends.end || !closing.clean;
        if !self.pending.is_empty() || !synced {
            return;
        }
        if closing.letting_go {
            let whole = self.segments.iter().all(|s| s.index_files == IndexFiles::OnDisk) && self.snapshots.contains(&self.ends.end);
            let clean = closing.clean && whole && self.epochs_unsaved_from.is_none();
            self.end(clean, out);
        } else {
            self.phase = Phase::Closing(Closing { letting_go: true, ..closing });
            self.moved(out);
            self.close_files(Pending::Stop, out);
        }
    }

    /// Lets go of every segment, those on their way out included: their files are removed with the directory, or at the next start.
    fn close_files(&mut self, pending: Pending, out: &mut Vec<Output>) {
        let doomed = std::mem::take(&mut self.doomed).into_iter().filter_map(|d| d.file());
        let files: Vec<_> = self.segments.iter().map(|s| s.file).chain(doomed).collect();
        for file in files {
            self.disk(pending.clone(), DiskAction::Close { file }, out);
        }
    }

    fn end(&mut self, clean: bool, out: &mut Vec<Output>) {
        self.phase = Phase::Ended;
        reached!(&mut NotesOf(out), "log.ended", of = &self.subject, i64::from(clean), self.ends.end.0);
        out.push(Output::Dir(Request::Closed { clean }));
        out.push(Output::Ended { clean });
    }

    /// `<topic>-<partition>.<32 hex digits>-delete`, the topic cut so that the whole is a legal file name.
    fn rename_directory(&mut self, now: Now, out: &mut Vec<Output>) {
        if !self.has_directory {
            return self.end(false, out); // what may have the name is not its
        }
        self.close_files(Pending::Nothing, out);
        let to = self.name_of_deleted(now);
        let from = std::mem::replace(&mut self.setup.name, to.clone());
        if let Phase::Deleting(deleting) = &mut self.phase {
            deleting.stage = DeleteStage::Renaming;
        }
        self.disk(Pending::Stop, DiskAction::Rename { from, to }, out);
    }

    /// A name that no other log of this partition gets, as long as it may lie there.
    fn name_of_deleted(&self, now: Now) -> Name {
        let mut suffix = format!("-{}.", self.setup.partition.partition);
        let draw = self.setup.seed.named("log.delete").named(&self.setup.topic_id.to_string()).number(now.mono.0);
        for byte in draw.uuid() {
            write!(suffix, "{byte:02x}").expect("a string takes everything");
        }
        suffix.push_str("-delete");
        let topic = &self.setup.partition.topic;
        let kept = topic.len().min(255 - suffix.len());
        self.setup.name.parent().join(&format!("{}{suffix}", &topic[..kept]))
    }

    /// A step of a deletion is done. What cannot be removed is found again, and deleted, at the next start.
    pub(super) fn stop_step(&mut self, now: Now, result: DiskResult, out: &mut Vec<Output>) {
        let Phase::Deleting(Deleting { stage, closing }) = &mut self.phase else { return };
        match (stage, result) {
            (stage @ DeleteStage::Renaming, Ok(_)) => {
                // Nobody has a handle or a range of a log that was never made.
                let delay_ms = if self.making.is_empty() { self.setup.config.file_delete_delay_ms } else { 0 };
                *stage = DeleteStage::Waiting(now.mono.plus_ms(delay_ms));
                let (closing, root) = (*closing, self.setup.name.parent());
                self.disk(Pending::Nothing, DiskAction::SyncDirectory { name: root }, out);
                if closing {
                    self.end(true, out);
                }
            }
            (stage @ DeleteStage::Listing, Ok(DiskDone::Listed(entries))) => {
                *stage = DeleteStage::Removing { left: entries.len(), directory: false };
                let dir = self.setup.name.clone();
                for e in &entries {
                    self.disk(Pending::Stop, DiskAction::Remove { name: dir.join(&e.name) }, out);
                }
                self.remove_directory_if_empty(out);
            }
            (DeleteStage::Removing { directory: true, .. }, _) => self.end(true, out),
            (DeleteStage::Removing { left, .. }, _) => {
                *left -= 1;
                self.remove_directory_if_empty(out);
            }
            (DeleteStage::Settling | DeleteStage::Waiting(_), _) => {}
            (DeleteStage::Renaming | DeleteStage::Listing, _) => self.end(false, out),
        }
    }

    fn remove_directory_if_empty(&mut self, out: &mut Vec<Output>) {
        if let Phase::Deleting(Deleting { stage: DeleteStage::Removing { left: 0, directory }, .. }) = &mut self.phase {
            *directory = true;
            let name = self.setup.name.clone();
            self.disk(Pending::Stop, DiskAction::Remove { name }, out);
        }
    }

    pub(super) fn stop_deadline(&self) -> Option<Deadline> {
        match self.phase {
            Phase::Deleting(Deleting { stage: DeleteStage::Waiting(at), .. }) => Some(Deadline { at, why: "log.directory_delete" }),
            _ => None,
        }
    }
}
