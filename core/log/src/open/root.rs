//! The first half of an opening: lock, root files, and the metadata log.
//!
//! | stage | what is under way | then |
//! |---|---|---|
//! | `Lock` | the lock is taken | `Read` |
//! | `Read` | the root is listed, its files are read | `Format`, `Rewrite` |
//! | `Format` | a fresh directory gets its files | `Read` |
//! | `Rewrite` | the clean mark goes; an id that was missing is written | `Metadata`, or over |
//! | `Metadata` | the metadata log is scanned | `Beside` |
//! | `Beside` | election state and newest snapshot are read | over |

use bytes::Bytes;
use odradek_machine::{Seed, Subject};
use odradek_wire::ids::{LeaderEpoch, Offset, TopicPartition, Uuid};

use super::errands::{Desk, Done, Errand, Errands};
use super::load::{LoadError, LoadLog, LoadSetup};
use super::plan::Known;
use super::{BOOTSTRAP, Input, LOCK, MetadataFound, OpenError, Output, Root, Setup};
use crate::dir::ids::{DirIds, FileIds};
use crate::disk::{DiskError, DiskErrorKind, Entry, Name};
use crate::formats::checkpoint::{HIGH_WATERMARKS, LOG_STARTS, OffsetOf, RECOVERY_POINTS, ROOT_CHECKPOINTS};
use crate::formats::dir_name::{DirName, METADATA_DIR, Purpose, REMOTE_INDEX_CACHE};
use crate::formats::file_name::{FileName, Kind, QUORUM_STATE};
use crate::formats::meta_properties::{self, MetaProperties, is_reserved};
use crate::formats::synced_marks::{self, SyncedMark};
use crate::formats::{Malformed, checkpoint, clean_shutdown};
use crate::log::recovered::Recovered;

const AT_ONCE: usize = 16;

/// The first half under way.
#[derive(Debug)]
pub(super) struct Begin {
    stage: Stage,
    errands: Errands,
    files: FileIds,
    subject: Subject,
    formatted: bool,
    known: Option<KnownRoot>,
    root: Option<Root>,
    metadata: Option<LoadLog>,
    recovered: Option<Recovered>,
    snapshots: Vec<(Offset, LeaderEpoch)>,
}

/// What the second half needs of the first.
#[derive(Clone, Debug, Default)]
pub(super) struct KnownRoot {
    /// The directories in the root, by name, with what their names say.
    pub(super) dirs: Vec<(String, DirName)>,
    /// The last life ended cleanly.
    pub(super) clean: bool,
    pub(super) recovery_points: Vec<OffsetOf>,
    pub(super) log_starts: Vec<OffsetOf>,
    pub(super) high_watermarks: Vec<OffsetOf>,
    pub(super) marks: Vec<SyncedMark>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Lock,
    Read,
    Format,
    Rewrite,
    Metadata,
    Beside,
}

/// The files of the root that are read, in this order.
const ROOT_FILES: [&str; 8] = [
    meta_properties::FILE,
    clean_shutdown::FILE,
    synced_marks::FILE,
    BOOTSTRAP,
    ROOT_CHECKPOINTS[0],
    ROOT_CHECKPOINTS[1],
    ROOT_CHECKPOINTS[2],
    ROOT_CHECKPOINTS[3],
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
        while self.metadata.is_none() && self.errands.is_over() {
            let ended = match self.errands.finished() {
                Ok(done) => self.next(setup, done, ids, out),
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
                let mut errands = vec![Errand::List(Name::root())];
                errands.extend(ROOT_FILES.map(|name| Errand::Read(Name::from(name))));
                self.go(Stage::Read, errands, AT_ONCE, ids, out);
                Ok(None)
            }
            Stage::Read => self.read(setup, done, ids, out).map(|()| None),
            Stage::Rewrite => self.rewritten(setup, ids, out),
            Stage::Beside => Ok(Some(self.read_beside(done))),
            Stage::Metadata => Ok(None),
        }
    }

    fn go(&mut self, stage: Stage, errands: Vec<Errand>, at_once: usize, ids: &mut DirIds, out: &mut Vec<Output>) {
        self.stage = stage;
        self.errands = Errands::begin(errands, at_once, &mut Desk { ids, files: &mut self.files, subject: &self.subject, out });
    }

    fn read(&mut self, setup: &Setup, done: Vec<Done>, ids: &mut DirIds, out: &mut Vec<Output>) -> Result<(), OpenError> {
        let mut done = done.into_iter();
        let entries = done.next().and_then(Done::listed).unwrap_or_default();
        let mut files: Vec<Option<Bytes>> = done.map(Done::content).collect();
        let Some(meta) = files[0].take() else { return self.format(setup, &entries, ids, out) };
        let mut meta = meta_properties::decode(&Name::from(meta_properties::FILE), &meta).map_err(|what| malformed(setup, what))?;
        check_identity(setup, &meta)?;
        let known = known_root(setup, &entries, &files)?;
        let mut errands = Vec::new();
        if known.clean {
            errands.push(Errand::Remove(Name::from(clean_shutdown::FILE)));
        }
        // After a kill the names that the last life made may be in the page cache alone, and this life takes them for durable.
        errands.push(Errand::SyncDirectory(Name::root()));
        if meta.version == 1 && meta.directory_id.is_none() {
            meta.directory_id = Some(draw_directory_id(setup.seed));
            errands.push(Errand::Replace(Name::from(meta_properties::FILE), meta_properties::encode(&meta).into_bytes().into()));
        }
        let bootstrap = files[3].take();
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
            previous_broker_epoch: files[1].as_deref().and_then(clean_shutdown::decode),
            recovery_points: known.recovery_points.clone(),
            log_starts: known.log_starts.clone(),
            high_watermarks: known.high_watermarks.clone(),
            marks: known.marks.clone(),
            metadata,
        });
        self.known = Some(known);
        self.go(Stage::Rewrite, errands, 1, ids, out);
        Ok(())
    }

    /// A directory without `meta.properties` is formatted if it is empty of logs; `meta.properties` is written last, so that half a format is none.
    fn format(&mut self, setup: &Setup, entries: &[Entry], ids: &mut DirIds, out: &mut Vec<Output>) -> Result<(), OpenError> {
        let path = setup.path.clone();
        if let Some(entry) = entries.iter().find(|e| e.directory && e.name != "lost+found" && DirName::parse(&e.name).is_some()) {
            return Err(OpenError::NotEmpty { path, name: entry.name.clone() });
        }
        let Some(format) = setup.format.as_ref().filter(|_| !self.formatted) else { return Err(OpenError::NotFormatted { path }) };
        let (cluster_id, directory_id) = (format.cluster_id.clone(), Some(format.directory_id));
        let meta = MetaProperties { version: 1, node: setup.node, cluster_id, directory_id };
        let bootstrap = format.bootstrap.clone().map(|bytes| Errand::Replace(Name::from(BOOTSTRAP), bytes));
        let mut errands: Vec<_> = bootstrap.into_iter().collect();
        errands.push(Errand::Replace(Name::from(meta_properties::FILE), meta_properties::encode(&meta).into_bytes().into()));
        self.formatted = true;
        self.go(Stage::Format, errands, 1, ids, out);
        Ok(())
    }

    /// The root is as it should be: on to the metadata log, if it is here.
    fn rewritten(&mut self, setup: &Setup, ids: &mut DirIds, out: &mut Vec<Output>) -> Result<Option<(Root, KnownRoot)>, OpenError> {
        let known = self.known.as_ref().expect("the root was read");
        let root = self.root.as_mut().expect("the root was read");
        let here = known.dirs.iter().any(|(name, _)| name == METADATA_DIR);
        let Some(found) = root.metadata.as_ref().filter(|_| here) else { return Ok(self.root.take().zip(self.known.take())) };
        let mark = known.marks.iter().find(|m| m.partition == metadata_partition() && !known.clean);
        let load = LoadSetup {
            dir: found.name.clone(),
            subject: Subject { name: "__cluster_metadata".into(), number: 0 },
            known: mark.map_or(Known::RecoveryPoint { end: Offset(0) }, |m| Known::Mark { end: m.end }),
            log_start: None,
            high_watermark: None,
            index_interval_bytes: 4096,
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

/// What lists and files of the root say; everything malformed in it refuses the directory before anything is changed.
fn known_root(setup: &Setup, entries: &[Entry], files: &[Option<Bytes>]) -> Result<KnownRoot, OpenError> {
    let offsets = |name: &str| -> Result<Vec<OffsetOf>, OpenError> {
        let at = ROOT_FILES.iter().position(|file| *file == name).expect("every checkpoint is among the files read");
        checkpoint::decode_offsets(&Name::from(name), files[at].as_deref().unwrap_or_default()).map_err(|what| malformed(setup, what))
    };
    for name in ROOT_CHECKPOINTS {
        offsets(name)?;
    }
    Ok(KnownRoot {
        dirs: directories(setup, entries)?,
        clean: files[1].is_some(),
        recovery_points: offsets(RECOVERY_POINTS)?,
        log_starts: offsets(LOG_STARTS)?,
        high_watermarks: offsets(HIGH_WATERMARKS)?,
        marks: synced_marks::decode(files[2].as_deref().unwrap_or_default()).0,
    })
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
fn draw_directory_id(seed: Seed) -> Uuid {
    let seed = seed.named("directory.id");
    (0..)
        .map(|n| Uuid(seed.number(n).uuid()))
        .find(|id| !is_reserved(*id) && !id.to_string().starts_with('-'))
        .expect("one in 64 draws is passed over")
}

/// The partition by whose name the metadata log is marked.
fn metadata_partition() -> TopicPartition {
    TopicPartition { topic: "__cluster_metadata".into(), partition: 0 }
}

fn malformed(setup: &Setup, what: Malformed) -> OpenError {
    OpenError::Malformed { path: setup.path.clone(), what }
}

fn refusal(setup: &Setup, stage: Stage, error: DiskError) -> OpenError {
    let path = setup.path.clone();
    if stage == Stage::Lock && error.kind == DiskErrorKind::Locked { OpenError::InUse { path } } else { OpenError::Disk { path, error } }
}

/// A log that could not be loaded, where the whole directory stands or falls with it.
pub(super) fn load_refusal(setup: &Setup, error: LoadError) -> OpenError {
    let path = setup.path.clone();
    match error {
        LoadError::Disk(error) => OpenError::Disk { path, error },
        LoadError::Malformed(what) => OpenError::Malformed { path, what },
        LoadError::Damaged(what) => OpenError::Metadata { path, what },
    }
}
