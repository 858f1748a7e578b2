//! The real disk: carries out [`DiskAction`]s with the promises that `odradek_log::disk` names, and no more.
//!
//! Page-cache work (write, truncate) is done at once on the loop thread, since every hop to another thread costs more than the work itself. What may
//! take long leaves the loop: syncs, reads from the device, and everything with names (opening a file, too), which waits for the file system's journal
//! while it commits. Completions of one file keep the order of submission: while a helper is busy with a file, what follows on it is applied but
//! reported later.
//!
//! What finds no descriptor to open a file or a directory with has done nothing yet, and is tried again until there is one. A sync is never tried again.

mod error;
mod helpers;
mod lock;
mod offline;
mod writeback;

use std::collections::{HashMap, VecDeque};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use odradek_log::disk::{DirId, DiskAction, DiskDone, DiskError, DiskErrorKind, DiskResult, Entry, FileId, FileRange, Name, OpId};

use self::error::{failed, is_for_want_of_a_descriptor};
pub use self::helpers::{Helpers, Lane};
use self::lock::Locks;
pub use self::offline::{Offline, is_in_use};
use self::writeback::{Tail, Writeback};
use crate::counters::Counters;

/// The log directories of one node and the files it has open in them.
pub struct Disk {
    roots: Vec<PathBuf>,
    files: HashMap<FileId, OpenFile>,
    /// What was asked of files that a helper is still opening.
    opening: HashMap<FileId, Vec<(OpId, DiskAction)>>,
    /// What found no descriptor, in order.
    starved: VecDeque<Starved>,
    /// When somebody was last told of that.
    told: Option<Instant>,
    locks: Locks,
    hands: Hands,
    /// What finished on the loop thread and was not yet reported.
    done: VecDeque<(OpId, DiskResult)>,
}

/// Who carries out what an operation needs beyond its file.
struct Hands {
    helpers: Helpers,
    writeback: Writeback,
    counters: Arc<Counters>,
}

struct OpenFile {
    handle: Arc<File>,
    name: Name,
    tail: Tail,
    /// Operations that a helper has or that wait for one; empty means that the next operation completes at once.
    line: VecDeque<Waiting>,
}

enum Waiting {
    /// A helper has it: a sync, behind which later operations may be applied, or a read, behind which they may not.
    Away { op: OpId, read: bool },
    /// Applied behind a helper's; reported when it is at the head.
    Applied(OpId, DiskResult),
    /// A read is ahead: not applied yet.
    Held(OpId, DiskAction),
    /// The last operation of a file: reported, the handle goes.
    Closed(OpId),
}

/// An operation that did nothing, for want of a descriptor.
struct Starved {
    op: OpId,
    dir: DirId,
    action: DiskAction,
}

/// What a helper brings back.
pub enum Finished {
    /// An operation on an open file, or on names.
    Done { op: OpId, file: Option<FileId>, result: DiskResult },
    /// A file is open, or could not be opened.
    Opened { op: OpId, file: FileId, opened: Result<(Name, File, DiskDone), DiskError> },
    /// Nothing was done.
    Starved { op: OpId, dir: DirId, action: DiskAction },
}

impl Disk {
    /// A disk over these log directories, which need not be there.
    pub fn new(roots: Vec<PathBuf>, helpers: Helpers, counters: Arc<Counters>) -> Disk {
        let hands = Hands { helpers, writeback: Writeback::new(Arc::clone(&counters)), counters };
        Disk {
            roots,
            files: HashMap::new(),
            opening: HashMap::new(),
            starved: VecDeque::new(),
            told: None,
            locks: Locks::default(),
            hands,
            done: VecDeque::new(),
        }
    }

    /// Begins an operation; its completion comes from [`Disk::next_done`], at once or after [`Disk::finished`].
    pub fn submit(&mut self, op: OpId, dir: DirId, action: DiskAction) {
        match (action.file(), &action) {
            (Some(file), DiskAction::Create { .. } | DiskAction::Open { .. }) => {
                self.opening.insert(file, Vec::new());
                self.begin_on_names(op, dir, action);
            }
            (Some(file), _) => match self.opening.get_mut(&file) {
                Some(asked) => asked.push((op, action)),
                None => self.submit_on_file(op, file, action),
            },
            (None, _) => self.submit_on_names(op, dir, action),
        }
    }

    /// Takes in what a helper brought back.
    pub fn finished(&mut self, finished: Finished) {
        match finished {
            Finished::Done { op, file: None, result } => self.done.push_back((op, result)),
            Finished::Done { op, file: Some(file), result } => self.finished_on_file(op, file, result),
            Finished::Opened { op, file, opened } => self.opened(op, file, opened),
            Finished::Starved { op, dir, action } => self.starve(Starved { op, dir, action }),
        }
    }

    /// True if operations wait for [`Disk::try_again`].
    pub fn is_starved(&self) -> bool {
        !self.starved.is_empty()
    }

    /// Tries the operations again that found no descriptor.
    pub fn try_again(&mut self) {
        for Starved { op, dir, action } in std::mem::take(&mut self.starved) {
            self.begin_on_names(op, dir, action);
        }
    }

    fn starve(&mut self, starved: Starved) {
        const TOLD_AGAIN: Duration = Duration::from_secs(10);
        self.hands.counters.starved.add(1);
        if self.told.is_none_or(|told| told.elapsed() > TOLD_AGAIN) {
            tracing::warn!(action = starved.action.verb(), "no descriptor is free, and this is tried again: raise the limit of open files");
            self.told = Some(Instant::now());
        }
        self.starved.push_back(starved);
    }

    fn opened(&mut self, op: OpId, file: FileId, opened: Result<(Name, File, DiskDone), DiskError>) {
        let asked = self.opening.remove(&file).expect("a file is opened once");
        let result = opened.map(|(name, handle, done)| {
            self.files.insert(file, OpenFile { handle: Arc::new(handle), name, tail: Tail::default(), line: VecDeque::new() });
            done
        });
        self.done.push_back((op, result));
        asked.into_iter().for_each(|(op, action)| self.submit_on_file(op, file, action));
    }

    fn finished_on_file(&mut self, op: OpId, file: FileId, result: DiskResult) {
        let open = self.files.get_mut(&file).expect("a file stays in the table while a helper has it");
        let place = open
            .line
            .iter_mut()
            .find(|w| matches!(w, Waiting::Away { op: o, .. } if *o == op))
            .expect("a helper has only what stands in the line");
        *place = Waiting::Applied(op, result);
        self.advance(file);
    }

    /// The next completion to tell the core.
    pub fn next_done(&mut self) -> Option<(OpId, DiskResult)> {
        self.done.pop_front()
    }

    /// The open file behind a range; it stays readable after the core has closed or removed it.
    pub fn file_of(&self, range: &FileRange) -> Arc<File> {
        let open = self.files.get(&range.file).expect("the core hands out ranges of files that it has open");
        Arc::clone(&open.handle)
    }

    /// An open file, for work.
    pub fn handle(&self, file: FileId) -> Arc<File> {
        Arc::clone(&self.files.get(&file).expect("the core names files that it has open").handle)
    }

    fn submit_on_file(&mut self, op: OpId, file: FileId, action: DiskAction) {
        let Some(open) = self.files.get_mut(&file) else {
            // Operations may be asked for behind a create or an open that then failed.
            self.done.push_back((op, Err(never_opened(&action))));
            return;
        };
        let behind_a_read = open.line.iter().any(|w| matches!(w, Waiting::Held(..) | Waiting::Away { read: true, .. }));
        let waiting = if behind_a_read { Waiting::Held(op, action) } else { start(open, file, op, action, &mut self.hands) };
        open.line.push_back(waiting);
        self.advance(file);
    }

    /// Reports the head of a file's line as far as it is done, and begins what was held behind a read.
    fn advance(&mut self, file: FileId) {
        let Some(open) = self.files.get_mut(&file) else { return };
        while let Some(head) = open.line.pop_front() {
            match head {
                Waiting::Applied(op, result) => self.done.push_back((op, result)),
                Waiting::Held(op, action) => {
                    let waiting = start(open, file, op, action, &mut self.hands);
                    open.line.push_front(waiting);
                }
                Waiting::Closed(op) => {
                    self.done.push_back((op, Ok(DiskDone::Done)));
                    self.hands.writeback.moved(&mut open.tail, 0);
                    self.files.remove(&file);
                    return;
                }
                away @ Waiting::Away { .. } => {
                    open.line.push_front(away);
                    return;
                }
            }
        }
    }

    fn submit_on_names(&mut self, op: OpId, dir: DirId, action: DiskAction) {
        let root = &self.roots[usize::from(dir.0)];
        let result = match action {
            DiskAction::Lock { name } => self.locks.take(root, &name),
            DiskAction::Unlock { name } => self.locks.give_back(root, &name),
            slow => return self.begin_on_names(op, dir, slow),
        };
        self.done.push_back((op, result));
    }

    /// Hands an operation on names, the opening of a file among them, to a helper.
    fn begin_on_names(&mut self, op: OpId, dir: DirId, action: DiskAction) {
        let root = self.roots[usize::from(dir.0)].clone();
        let job = move || match on_names(&root, op, &action) {
            Ok(finished) => finished,
            Err(_) => Finished::Starved { op, dir, action },
        };
        self.hands.helpers.run(Lane::Names, Box::new(job));
    }
}

fn never_opened(action: &DiskAction) -> DiskError {
    let says = "the file could not be opened".to_owned();
    DiskError { kind: DiskErrorKind::NotFound, action: action.verb(), name: Name::root(), says }
}

/// Applies an operation on the loop thread, or hands it to a helper.
fn start(open: &mut OpenFile, file: FileId, op: OpId, action: DiskAction, hands: &mut Hands) -> Waiting {
    match action {
        DiskAction::Write { at, parts, .. } => Waiting::Applied(op, write(open, at, parts, hands)),
        DiskAction::Truncate { length, .. } => {
            hands.writeback.moved(&mut open.tail, length);
            let cut = open.handle.set_len(length).map(|()| DiskDone::Done);
            Waiting::Applied(op, cut.map_err(|e| failed("truncate", &open.name, &e)))
        }
        DiskAction::Close { .. } => Waiting::Closed(op),
        DiskAction::Sync { .. } => {
            hands.writeback.synced(&mut open.tail);
            let (handle, name, counters) = (Arc::clone(&open.handle), open.name.clone(), Arc::clone(&hands.counters));
            hands.helpers.run(
                Lane::Files,
                Box::new(move || {
                    counters.syncs.add(1);
                    let result = handle.sync_data().map(|()| DiskDone::Done).map_err(|e| failed("sync", &name, &e));
                    Finished::Done { op, file: Some(file), result }
                }),
            );
            Waiting::Away { op, read: false }
        }
        DiskAction::Read { at, length, .. } => {
            let (handle, name) = (Arc::clone(&open.handle), open.name.clone());
            hands.helpers.run(
                Lane::Files,
                Box::new(move || {
                    let result = read_up_to(&handle, at, length).map(DiskDone::Read).map_err(|e| failed("read", &name, &e));
                    Finished::Done { op, file: Some(file), result }
                }),
            );
            Waiting::Away { op, read: true }
        }
        other => unreachable!("{} is no operation on an open file", other.verb()),
    }
}

fn write(open: &mut OpenFile, at: u64, parts: Vec<Bytes>, hands: &mut Hands) -> DiskResult {
    let length = parts.iter().map(|part| part.len() as u64).sum();
    hands.counters.writes.add(1);
    hands.counters.written_bytes.add(length);
    write_all(&open.handle, at, parts).map_err(|e| failed("write", &open.name, &e))?;
    hands.writeback.wrote(&open.handle, &mut open.tail, at, length);
    Ok(DiskDone::Done)
}

/// No descriptor was free, and nothing was done.
struct NoDescriptor;

/// Operations on names, on a helper thread: they may take long.
fn on_names(root: &Path, op: OpId, action: &DiskAction) -> Result<Finished, NoDescriptor> {
    let path = |name: &Name| root.join(name.as_str());
    // What follows it is not done for want of a descriptor.
    let with = |found: io::Result<File>| match found {
        Err(error) if is_for_want_of_a_descriptor(&error) => Err(NoDescriptor),
        found => Ok(found),
    };
    let mut how = OpenOptions::new();
    how.read(true).write(true);
    let failed_on = |name: &Name| {
        let name = name.clone();
        move |error: io::Error| failed(action.verb(), &name, &error)
    };
    let result = match action {
        DiskAction::Create { file, name, length } => {
            let made = with(how.create_new(true).mode(0o644).open(path(name)))?;
            let sized = made.and_then(|handle| if *length > 0 { handle.set_len(*length).map(|()| handle) } else { Ok(handle) });
            let opened = sized.map(|handle| (name.clone(), handle, DiskDone::Done)).map_err(failed_on(name));
            return Ok(Finished::Opened { op, file: *file, opened });
        }
        DiskAction::Open { file, name } => {
            let found = with(how.open(path(name)))?.and_then(|handle| Ok((handle.metadata()?.len(), handle)));
            let opened = found.map(|(length, handle)| (name.clone(), handle, DiskDone::Opened { length })).map_err(failed_on(name));
            return Ok(Finished::Opened { op, file: *file, opened });
        }
        DiskAction::Rename { from, to } => std::fs::rename(path(from), path(to)).map(|()| DiskDone::Done).map_err(failed_on(from)),
        DiskAction::MakeDirectory { name } if name.as_str().is_empty() => match make_root(root) {
            Err(error) if is_for_want_of_a_descriptor(&error) => return Err(NoDescriptor),
            made => made.map(|()| DiskDone::Done).map_err(failed_on(name)),
        },
        DiskAction::MakeDirectory { name } => {
            std::fs::DirBuilder::new().mode(0o755).create(path(name)).map(|()| DiskDone::Done).map_err(failed_on(name))
        }
        DiskAction::Remove { name } => remove(&path(name)).map(|()| DiskDone::Done).map_err(failed_on(name)),
        DiskAction::SyncDirectory { name } => {
            let directory = with(File::open(path(name)))?;
            directory.and_then(|directory| directory.sync_all()).map(|()| DiskDone::Done).map_err(failed_on(name))
        }
        DiskAction::List { name } => match list(&path(name)) {
            Err(error) if is_for_want_of_a_descriptor(&error) => return Err(NoDescriptor),
            listed => listed.map(DiskDone::Listed).map_err(failed_on(name)),
        },
        DiskAction::FreeSpace => rustix::fs::statvfs(root)
            .map(|status| DiskDone::Free(status.f_bavail.saturating_mul(status.f_frsize)))
            .map_err(|e| failed(action.verb(), &Name::root(), &e.into())),
        other => unreachable!("{} is no slow operation on names", other.verb()),
    };
    Ok(Finished::Done { op, file: None, result })
}

/// Makes a log directory with all that it lies in, each name durable in the directory that holds it.
fn make_root(root: &Path) -> io::Result<()> {
    let root = std::path::absolute(root)?;
    let missing: Vec<_> = root.ancestors().take_while(|path| !path.exists()).collect();
    for path in missing.iter().rev() {
        std::fs::DirBuilder::new().mode(0o755).create(path)?;
        if let Some(parent) = path.parent() {
            File::open(parent)?.sync_all()?;
        }
    }
    Ok(())
}

fn remove(path: &Path) -> io::Result<()> {
    if path.symlink_metadata()?.is_dir() { std::fs::remove_dir(path) } else { std::fs::remove_file(path) }
}

fn list(path: &Path) -> io::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        let found = entry.metadata()?;
        let modified = found.modified()?.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        entries.push(Entry {
            name: entry.file_name().to_string_lossy().into_owned(),
            directory: found.is_dir(),
            length: if found.is_dir() { 0 } else { found.len() },
            modified_ms: i64::try_from(modified.as_millis()).unwrap_or(i64::MAX),
        });
    }
    Ok(entries)
}

fn write_all(file: &File, mut at: u64, parts: Vec<Bytes>) -> io::Result<()> {
    let mut rest: VecDeque<Bytes> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    while !rest.is_empty() {
        let slices: Vec<io::IoSlice<'_>> = rest.iter().take(1024).map(|part| io::IoSlice::new(part)).collect();
        let mut written = rustix::io::pwritev(file, &slices, at)?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        at += written as u64;
        while let Some(head) = rest.front_mut() {
            if written < head.len() {
                bytes::Buf::advance(head, written);
                break;
            }
            written -= head.len();
            rest.pop_front();
        }
    }
    Ok(())
}

/// Up to `length` bytes from `at`; fewer only at the end of the file.
///
/// # Errors
/// What the system said.
pub fn read_up_to(file: &File, at: u64, length: u64) -> io::Result<Bytes> {
    let there = file.metadata()?.len().saturating_sub(at).min(length);
    let mut buffer = vec![0u8; usize::try_from(there).map_err(io::Error::other)?];
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], at + filled as u64) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    buffer.truncate(filled);
    Ok(buffer.into())
}

#[cfg(test)]
mod tests;
