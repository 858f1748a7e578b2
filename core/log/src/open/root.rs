//! The parts of an opening before its partitions: lock, root files, and the metadata log.
//!
//! | stage | what is under way | then |
//! |---|---|---|
//! | `Lock` | the lock is taken | `Read` |
//! | `Read` | the root is listed, its files are read | `Looked`, or after a format `Rewrite` |
//! | `Looked` | nothing: the node decides | `Intend`, `Format`, `Rewrite` |
//! | `Intend` | the intent to format is written down | `Looked` |
//! | `Format` | a fresh directory gets its files | `Read` |
//! | `Rewrite` | an id that was missing is written | `Metadata`, or over |
//! | `Metadata` | the metadata log is scanned | `Beside` |
//! | `Beside` | election state and newest snapshot are read | over |

use bytes::Bytes;
use odradek_machine::{Note, Seed, Subject};
use odradek_wire::ids::{LeaderEpoch, Offset, TopicPartition, Uuid};

use super::errands::{Desk, Done, Errand, Errands};
use super::known::{KnownRoot, metadata_partition};
use super::load::{LoadError, LoadLog, LoadSetup};
use super::node::{self, INTENT, Intent, Looked};
use super::{BOOTSTRAP, Format, Input, LOCK, MetadataFound, OpenError, Output, Root, Setup};
use crate::dir::ids::{DirIds, FileIds};
use crate::disk::{DiskError, DiskErrorKind, Entry, Name};
use crate::formats::checkpoint::{RECOVERY_POINTS, ROOT_CHECKPOINTS};
use crate::formats::dir_name::{DirName, METADATA_DIR, Purpose, REMOTE_INDEX_CACHE};
use crate::formats::file_name::{FileName, Kind, QUORUM_STATE};
use crate::formats::meta_properties::{self, MetaProperties, is_reserved};
use crate::formats::synced_marks;
use crate::formats::{Malformed, clean_shutdown};
use crate::log::recovered::Recovered;

const AT_ONCE: usize = 16;

/// The root and the metadata log under way.
#[derive(Debug)]
pub(super) struct Begin {
    stage: Stage,
    errands: Errands,
    files: FileIds,
    subject: Subject,
    formatted: bool,
    /// The root was read once, and something of it could not be made out: a disk may err once.
    again: bool,
    /// `bootstrap.checkpoint`.
    bootstrap: Option<Bytes>,
    /// An intent to format is there.
    intent: bool,
    /// The directory itself is not there: it is made when it is decided that it shall be.
    absent: bool,
    meta: Option<MetaProperties>,
    previous_broker_epoch: Option<i64>,
    known: Option<KnownRoot>,
    root: Option<Root>,
    metadata: Option<LoadLog>,
    recovered: Option<Recovered>,
    snapshots: Vec<(Offset, LeaderEpoch)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Lock,
    Read,
    Looked,
    Intend,
    Format,
    Rewrite,
    Metadata,
    Beside,
}

/// The files of the root that are read, in this order.
pub const ROOT_FILES: [&str; 9] = [
    meta_properties::FILE,
    clean_shutdown::FILE,
    synced_marks::FILE,
    BOOTSTRAP,
    ROOT_CHECKPOINTS[0],
    ROOT_CHECKPOINTS[1],
    ROOT_CHECKPOINTS[2],
    ROOT_CHECKPOINTS[3],
    INTENT,
];

type Ended = Option<Result<(Root, KnownRoot), OpenError>>;

impl Begin {
    pub(super) fn new(setup: &Setup, ids: &mut DirIds, out: &mut Vec<Output>) -> Begin {
        let files = ids.owner();
        let mut begin = Begin {
            stage: Stage::Lock,
            errands: Errands::default(),
            files,
            subject: Subject { name: setup.path.clone(), number: i32::from(setup.dir.0) },
            formatted: false,
            again: false,
            bootstrap: None,
            intent: false,
            absent: false,
            meta: None,
            previous_broker_epoch: None,
            known: None,
            root: None,
            metadata: None,
            recovered: None,
            snapshots: Vec::new(),
        };
        begin.go(Stage::Lock, vec![Errand::Lock(Name::from(LOCK))], 1, ids, out);
        begin
    }

    /// Something came back. Says how the half ended, when it did.
    pub(super) fn step(&mut self, setup: &Setup, input: Input, ids: &mut DirIds, out: &mut Vec<Output>) -> Ended {
        if let Some(log) = &mut self.metadata {
            let ended = log.step(input, ids, out)?;
            let log = self.metadata.take().expect("it was just stepped");
            return self.metadata_loaded(setup, log, ended, ids, out);
        }
        self.errands.step(input, &mut Desk { ids, files: &mut self.files, subject: &self.subject, out });
        while self.metadata.is_none() && self.stage != Stage::Looked && self.errands.is_over() {
            let ended = match self.errands.finished() {
                Ok(done) => self.next(setup, done, ids, out),
                Err(error) if self.stage == Stage::Lock && error.kind == DiskErrorKind::NotFound => self.is_absent(setup, out),
                Err(error) => Err(refusal(setup, self.stage, error)),
            };
            match ended {
                Ok(None) => {}
                Ok(Some(ended)) => return Some(Ok(ended)),
                Err(error) => return Some(Err(error)),
            }
        }
        None
    }

    fn next(
        &mut self,
        setup: &Setup,
        done: Vec<Done>,
        ids: &mut DirIds,
        out: &mut Vec<Output>,
    ) -> Result<Option<(Root, KnownRoot)>, OpenError> {
        match self.stage {
            Stage::Lock | Stage::Format => {
                self.read_root(ids, out);
                Ok(None)
            }
            Stage::Read => self.read(setup, done, ids, out).map(|()| None),
            Stage::Intend => {
                self.stage = Stage::Looked;
                out.push(Output::Intended);
                Ok(None)
            }
            Stage::Rewrite => self.rewritten(setup, ids, out),
            Stage::Beside => Ok(Some(self.read_beside(done))),
            Stage::Looked | Stage::Metadata => Ok(None),
        }
    }

    fn go(&mut self, stage: Stage, errands: Vec<Errand>, at_once: usize, ids: &mut DirIds, out: &mut Vec<Output>) {
        self.stage = stage;
        self.errands = Errands::begin(errands, at_once, &mut Desk { ids, files: &mut self.files, subject: &self.subject, out });
    }

    fn read_root(&mut self, ids: &mut DirIds, out: &mut Vec<Output>) {
        let mut errands = vec![Errand::List(Name::root())];
        errands.extend(ROOT_FILES.map(|name| Errand::Read(Name::from(name))));
        self.go(Stage::Read, errands, AT_ONCE, ids, out);
    }

    /// Takes in what the root holds; what is malformed in it refuses the directory, and nothing was changed.
    fn read(&mut self, setup: &Setup, done: Vec<Done>, ids: &mut DirIds, out: &mut Vec<Output>) -> Result<(), OpenError> {
        let mut done = done.into_iter();
        let entries = done.next().and_then(Done::listed).unwrap_or_default();
        let files: Vec<Option<Bytes>> = done.map(Done::content).collect();
        let file = |name: &str| files[ROOT_FILES.iter().position(|file| *file == name).expect("it is among the files read")].clone();
        if !is_legible(&file) && !std::mem::replace(&mut self.again, true) {
            self.read_root(ids, out);
            return Ok(());
        }
        let meta = file(meta_properties::FILE).map(|bytes| meta_properties::decode(&Name::from(meta_properties::FILE), &bytes));
        self.meta = meta.transpose().map_err(|what| malformed(setup, what))?;
        self.meta.as_ref().map_or(Ok(()), |meta| check_identity(setup, meta))?;
        self.bootstrap = file(BOOTSTRAP);
        self.previous_broker_epoch = file(clean_shutdown::FILE).as_deref().and_then(clean_shutdown::decode);
        // A directory without identity may be anything: what else is in it is not a node's, unless it looks like one's.
        let dirs = if self.meta.is_some() { directories(setup, &entries)? } else { lookalikes(&entries) };
        let known = known_root(setup, dirs, &file, out)?;
        let intent = file(INTENT).map(|bytes| node::decode_intent(&bytes)).transpose().map_err(|what| malformed(setup, what))?;
        self.intent = file(INTENT).is_some();
        let looked = Looked {
            path: setup.path.clone(),
            meta: self.meta.clone(),
            intent: intent.flatten(),
            in_use: in_use(&known, self.meta.is_some()),
            metadata_log: known.dirs.iter().any(|(name, _)| name == METADATA_DIR),
            holds_metadata: setup.holds_metadata,
        };
        self.known = Some(known);
        self.stage = Stage::Looked;
        if self.formatted {
            self.rewrite(setup, ids, out);
        } else {
            out.push(Output::Looked(looked));
        }
        Ok(())
    }

    fn is_absent(&mut self, setup: &Setup, out: &mut Vec<Output>) -> Result<Option<(Root, KnownRoot)>, OpenError> {
        self.absent = true;
        self.stage = Stage::Looked;
        let (path, holds_metadata) = (setup.path.clone(), setup.holds_metadata);
        out.push(Output::Looked(Looked { path, meta: None, intent: None, in_use: None, metadata_log: false, holds_metadata }));
        Ok(None)
    }

    /// What comes before anything is written: the directory itself, and its lock.
    fn made(&mut self) -> Vec<Errand> {
        if std::mem::take(&mut self.absent) { vec![Errand::Make(Name::root()), Errand::Lock(Name::from(LOCK))] } else { Vec::new() }
    }

    /// True if the lock is held, and must be given back.
    pub(super) const fn is_locked(&self) -> bool {
        !self.absent
    }

    pub(super) fn intend(&mut self, format: &Format, ids: &mut DirIds, out: &mut Vec<Output>) {
        let intent = Intent { cluster_id: format.cluster_id.clone(), directory_id: format.directory_id };
        let bytes = node::encode_intent(&intent).into_bytes().into();
        let mut errands = self.made();
        errands.push(Errand::Replace(Name::from(INTENT), bytes));
        self.go(Stage::Intend, errands, 1, ids, out);
    }

    /// Gives a fresh directory its files; `meta.properties` is written last, so that half a format is none.
    pub(super) fn format(&mut self, setup: &Setup, format: &Format, ids: &mut DirIds, out: &mut Vec<Output>) {
        let (cluster_id, directory_id) = (format.cluster_id.clone(), Some(format.directory_id));
        let meta = MetaProperties { version: 1, node: setup.node, cluster_id, directory_id };
        let bootstrap = format.bootstrap.clone().map(|bytes| Errand::Replace(Name::from(BOOTSTRAP), bytes));
        let mut errands = self.made();
        errands.extend(bootstrap);
        errands.push(Errand::Replace(Name::from(meta_properties::FILE), meta_properties::encode(&meta).into_bytes().into()));
        errands.push(Errand::Remove(Name::from(INTENT)));
        self.formatted = true;
        self.go(Stage::Format, errands, 1, ids, out);
    }

    /// The directory is this node's: what its identity lacks is added, and what the last life made is made durable.
    pub(super) fn rewrite(&mut self, setup: &Setup, ids: &mut DirIds, out: &mut Vec<Output>) {
        let mut meta = self.meta.take().expect("a directory without identity is formatted first");
        // After a kill the names that the last life made may be in the page cache alone, and this life takes them for durable.
        let mut errands = vec![Errand::SyncDirectory(Name::root())];
        if self.intent {
            errands.push(Errand::Remove(Name::from(INTENT)));
        }
        if meta.version == 1 && meta.directory_id.is_none() {
            meta.directory_id = Some(draw_directory_id(setup.seed));
            errands.push(Errand::Replace(Name::from(meta_properties::FILE), meta_properties::encode(&meta).into_bytes().into()));
        }
        let known = self.known.as_ref().expect("the root was read");
        let bootstrap = self.bootstrap.take();
        let metadata = setup.holds_metadata.then(|| MetadataFound {
            name: Name::from(METADATA_DIR),
            files: ids.owner(),
            recovered: None,
            quorum_state: None,
            snapshot: None,
            snapshots: Vec::new(),
            bootstrap,
        });
        self.root = Some(Root {
            meta,
            formatted: self.formatted,
            clean: known.clean,
            previous_broker_epoch: self.previous_broker_epoch,
            recovery_points: known.recovery_points.clone(),
            log_starts: known.log_starts.clone(),
            high_watermarks: known.high_watermarks.clone(),
            marks: known.marks.clone(),
            metadata,
        });
        self.go(Stage::Rewrite, errands, 1, ids, out);
    }

    /// The root is as it should be: on to the metadata log, if it is here.
    fn rewritten(&mut self, setup: &Setup, ids: &mut DirIds, out: &mut Vec<Output>) -> Result<Option<(Root, KnownRoot)>, OpenError> {
        let known = self.known.as_ref().expect("the root was read");
        let root = self.root.as_mut().expect("the root was read");
        let here = known.dirs.iter().any(|(name, _)| name == METADATA_DIR);
        let Some(found) = root.metadata.as_ref().filter(|_| here) else { return Ok(self.root.take().zip(self.known.take())) };
        // A clean stop does not vouch for the metadata log, which is closed after it.
        let load = LoadSetup {
            dir: found.name.clone(),
            subject: Subject { name: "__cluster_metadata".into(), number: 0 },
            known: known.of_metadata(),
            marked: known.marked(&metadata_partition(), None),
            log_start: None,
            starts_at: None,
            high_watermark: None,
            index_interval_bytes: 4096,
            foreign: known.foreign,
            compacts: false,
            is_metadata: true,
            guards: setup.guards,
        };
        self.stage = Stage::Metadata;
        self.metadata = Some(LoadLog::begin(load, found.files.clone(), ids, out));
        Ok(None)
    }

    fn metadata_loaded(
        &mut self,
        setup: &Setup,
        log: LoadLog,
        ended: Result<Recovered, LoadError>,
        ids: &mut DirIds,
        out: &mut Vec<Output>,
    ) -> Ended {
        let recovered = match ended {
            Ok(recovered) => recovered,
            Err(error) => return Some(Err(load_refusal(setup, error))),
        };
        let dir = Name::from(METADATA_DIR);
        let mut errands = vec![Errand::Read(dir.join(QUORUM_STATE))];
        self.snapshots = log.listing.checkpoints.clone();
        let newest = self.snapshots.last().filter(|(end, _)| *end >= recovered.log_start);
        errands.extend(newest.map(|(end, epoch)| Errand::Read(dir.join(&FileName::of(Kind::Checkpoint(*epoch), *end)))));
        self.root.as_mut().and_then(|r| r.metadata.as_mut()).expect("the metadata log lies here").files = log.files;
        self.recovered = Some(recovered);
        self.go(Stage::Beside, errands, AT_ONCE, ids, out);
        None
    }

    fn read_beside(&mut self, done: Vec<Done>) -> (Root, KnownRoot) {
        let (mut root, known) = self.root.take().zip(self.known.take()).expect("the root was read");
        let mut contents = done.into_iter().map(Done::content);
        let found = root.metadata.as_mut().expect("the metadata log lies here");
        found.recovered = self.recovered.take();
        found.quorum_state = contents.next().flatten();
        found.snapshot = self.snapshots.last().zip(contents.next().flatten()).map(|((end, epoch), bytes)| (*end, *epoch, bytes));
        found.snapshots = std::mem::take(&mut self.snapshots);
        (root, known)
    }
}

/// True if everything in the files of the root can be made out.
fn is_legible(file: &dyn Fn(&str) -> Option<Bytes>) -> bool {
    let (known, unread) = KnownRoot::read(Vec::new(), file);
    let meta = file(meta_properties::FILE).is_none_or(|bytes| meta_properties::decode(&Name::from(meta_properties::FILE), &bytes).is_ok());
    meta && unread.is_empty() && !known.marks_damaged
}

/// What the files of the root say. A checkpoint that cannot be read is built again from our marks where there are any, and refuses the directory where not.
fn known_root(
    setup: &Setup,
    dirs: Vec<(String, DirName)>,
    file: &dyn Fn(&str) -> Option<Bytes>,
    out: &mut Vec<Output>,
) -> Result<KnownRoot, OpenError> {
    let (known, unread) = KnownRoot::read(dirs, file);
    for what in unread {
        if known.marks.is_empty() {
            return Err(malformed(setup, what));
        }
        let says = format!("{}/{what}: it is built again from {}", setup.path, synced_marks::FILE);
        out.push(Output::Note(Note::mark("dir.checkpoint_damaged").says(says)));
    }
    Ok(known)
}

/// Something that only a node leaves which ran here: a replica, or what is known of a log. Where there is no identity, a checkpoint without entries counts too.
fn in_use(known: &KnownRoot, identified: bool) -> Option<String> {
    let replica =
        known.dirs.iter().find(|(name, d)| name != METADATA_DIR && d.purpose == Purpose::Current || name == METADATA_DIR && !identified);
    let marked = known.marks.iter().find(|m| m.end > Offset(0)).map(|_| synced_marks::FILE);
    let point = known.recovery_points.iter().find(|e| e.offset > Offset(0)).map(|_| RECOVERY_POINTS);
    let clean = (known.clean && !identified).then_some(clean_shutdown::FILE);
    replica.map(|(name, _)| name.clone()).or(marked.or(point).or(clean).map(str::to_owned))
}

/// Directories that look like those of partitions.
fn lookalikes(entries: &[Entry]) -> Vec<(String, DirName)> {
    let of = |e: &Entry| Some((e.name.clone(), DirName::parse(&e.name)?));
    entries.iter().filter(|e| e.directory && e.name != REMOTE_INDEX_CACHE && e.name != "lost+found").filter_map(of).collect()
}

/// The directories in the root, ascending; one that is no partition's refuses them all.
fn directories(setup: &Setup, entries: &[Entry]) -> Result<Vec<(String, DirName)>, OpenError> {
    let path = || setup.path.clone();
    let mut dirs = Vec::new();
    for entry in entries.iter().filter(|e| e.directory && e.name != REMOTE_INDEX_CACHE) {
        let name = DirName::parse(&entry.name).ok_or_else(|| OpenError::StrangeDirectory { path: path(), name: entry.name.clone() })?;
        if entry.name == METADATA_DIR && !setup.holds_metadata {
            return Err(OpenError::OtherMetadata { path: path() });
        }
        dirs.push((entry.name.clone(), name));
    }
    dirs.sort_by(|a, b| a.0.cmp(&b.0));
    let is_current = |p: &TopicPartition| dirs.iter().find(|(_, d)| d.purpose == Purpose::Current && d.partition == *p);
    for (future, name) in dirs.iter().filter(|(_, d)| d.purpose == Purpose::Future) {
        if let Some((current, _)) = is_current(&name.partition) {
            return Err(OpenError::TwoReplicas { path: path(), current: current.clone(), future: future.clone() });
        }
    }
    Ok(dirs)
}

fn check_identity(setup: &Setup, meta: &MetaProperties) -> Result<(), OpenError> {
    if meta.node != setup.node {
        return Err(OpenError::OtherNode { path: setup.path.clone(), stored: meta.node.0, node: setup.node.0 });
    }
    match &setup.cluster_id {
        Some(cluster) if *cluster != meta.cluster_id => {
            Err(OpenError::OtherCluster { path: setup.path.clone(), stored: meta.cluster_id.clone(), cluster: cluster.clone() })
        }
        _ => Ok(()),
    }
}

/// An id that Kafka would draw too: not reserved, and not mistaken for an option on a command line.
pub(crate) fn draw_directory_id(seed: Seed) -> Uuid {
    let seed = seed.named("directory.id");
    (0..)
        .map(|n| Uuid(seed.number(n).uuid()))
        .find(|id| !is_reserved(*id) && !id.to_string().starts_with('-'))
        .expect("one in 64 draws is passed over")
}

fn malformed(setup: &Setup, what: Malformed) -> OpenError {
    OpenError::Malformed { path: setup.path.clone(), what }
}

fn refusal(setup: &Setup, stage: Stage, error: DiskError) -> OpenError {
    let path = setup.path.clone();
    match stage {
        Stage::Lock if error.kind == DiskErrorKind::Locked => OpenError::InUse { path },
        Stage::Lock | Stage::Read if !setup.holds_metadata => OpenError::Unusable { path, error },
        _ => OpenError::Disk { path, error },
    }
}

/// The metadata log could not be loaded: the node stands or falls with it.
pub(super) fn load_refusal(setup: &Setup, error: LoadError) -> OpenError {
    let path = setup.path.clone();
    match error {
        LoadError::Disk(error) => OpenError::Disk { path, error },
        LoadError::Damaged(what) => OpenError::Metadata { path, what: what.to_string() },
        LoadError::Unserved(what) => OpenError::Metadata { path, what: what.to_string() },
    }
}
