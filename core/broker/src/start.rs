//! The start of a node: all its directories are looked at, what becomes of each is decided for all of them at once, and when all have said what they are,
//! the node is [`Running`]: it reads the metadata log, elects, and loads the partitions.

use std::sync::Arc;

use odradek_cluster::controller::{ControllerConfig, bootstrap_records};
use odradek_log::config::LogConfig;
use odradek_log::dir::ids::{DirIds, FileIds, OwnerId};
use odradek_log::dir::{DirConfig, LogDir, Owner};
use odradek_log::disk::{DirId, DiskResult, Name, OpId};
use odradek_log::log::{Log, Setup};
use odradek_log::open::node::{self, Looked};
use odradek_log::open::{self, Format, MetadataFound, OpenError, Opening, Recovered, Root};
use odradek_log::output::Output as LogOutput;
use odradek_log::work::WorkResult as LogWorkResult;
use odradek_machine::Now;
use odradek_quorum::{Found, Quorum, QuorumConfig, SnapshotId, Voter, snapshot};
use odradek_wire::ids::{NodeId, Offset, TopicPartition, Uuid};

use crate::io::{Outbox, Output};
use crate::metadata::{Metadata, Unread};
use crate::running::Running;
use crate::setup::NodeSetup;
use crate::storage::{Directory, Holder, Storage, WorkOwner};
use crate::work::Work;

/// Log directories on their way into service.
#[derive(Debug)]
pub(crate) struct Start {
    setup: Arc<NodeSetup>,
    pub(crate) storage: Storage,
    openings: Vec<Opening>,
    looked: Vec<Option<Looked>>,
    /// What each directory that is to be formatted is given.
    formats: Vec<Option<Format>>,
    /// Directories whose intent to be formatted is not durable yet.
    intending: usize,
    roots: Vec<Option<Root>>,
}

/// What a start came to.
pub(crate) enum Started {
    /// It goes on.
    NotYet,
    /// Every directory said what it is.
    Running(Box<Running>),
    /// The node cannot start.
    Refused(String),
}

impl Start {
    /// Begins to look at every directory.
    pub(crate) fn begin(now: Now, setup: Arc<NodeSetup>, out: &mut Outbox) -> (Start, Started) {
        let directories = setup.directories();
        let none = || directories.iter().map(|_| None).collect();
        let (looked, formats, roots) = (none(), directories.iter().map(|_| None).collect(), directories.iter().map(|_| None).collect());
        let mut start = Start { setup, storage: Storage::default(), openings: Vec::new(), looked, formats, intending: 0, roots };
        let mut started = Started::NotYet;
        for (at, path) in directories.iter().enumerate() {
            let (dir, mut said) = (DirId(at as u16), Vec::new());
            let opening = Opening::new(now, start.opening(dir, path), &mut said);
            start.openings.push(opening);
            started = start.carry(now, dir, said, out);
        }
        (start, started)
    }

    fn opening(&self, dir: DirId, path: &str) -> open::Setup {
        let at = usize::from(dir.0);
        open::Setup {
            dir,
            path: path.into(),
            node: self.setup.node,
            cluster_id: self.setup.cluster_id.clone(),
            holds_metadata: at == self.setup.metadata_directory(),
            holds_partitions: at < self.setup.log_dirs.len(),
            seed: self.setup.seed.named("opening").number(u64::from(dir.0)),
            guards: self.setup.guards,
        }
    }

    /// A disk operation finished.
    pub(crate) fn disk_done(&mut self, now: Now, op: OpId, result: DiskResult, out: &mut Outbox) -> Started {
        self.step(now, odradek_log::dir::ids::dir_of(op), open::Input::Disk { op, result }, out)
    }

    /// A unit of work finished.
    pub(crate) fn work_done(&mut self, now: Now, owner: WorkOwner, result: LogWorkResult, out: &mut Outbox) -> Started {
        match owner {
            WorkOwner::Opening(dir, op) => self.step(now, dir, open::Input::Work { op, result }, out),
            other => unreachable!("nobody but an opening asks for work yet, not {other:?}"),
        }
    }

    fn step(&mut self, now: Now, dir: DirId, input: open::Input, out: &mut Outbox) -> Started {
        let mut said = Vec::new();
        let Some(opening) = self.openings.get_mut(usize::from(dir.0)) else { return Started::NotYet };
        opening.step(now, input, &mut said);
        self.carry(now, dir, said, out)
    }

    fn carry(&mut self, now: Now, dir: DirId, said: Vec<open::Output>, out: &mut Outbox) -> Started {
        let at = usize::from(dir.0);
        for output in said {
            let started = match output {
                open::Output::Looked(looked) => {
                    self.looked[at] = Some(looked);
                    if self.looked.iter().any(Option::is_none) { Started::NotYet } else { self.decide(now, out) }
                }
                open::Output::Intended => {
                    self.intending -= 1;
                    if self.intending > 0 { Started::NotYet } else { self.go_on(now, out) }
                }
                open::Output::Root(root) => {
                    self.roots[at] = Some(*root);
                    if self.roots.iter().any(Option::is_none) { Started::NotYet } else { self.run(now, out) }
                }
                open::Output::Refused(error) => Started::Refused(error.to_string()),
                open::Output::Opened(_) => unreachable!("partitions are loaded after the roots"),
                other => {
                    carry_opening(&mut self.storage, dir, other, out);
                    Started::NotYet
                }
            };
            if !matches!(started, Started::NotYet) {
                return started;
            }
        }
        Started::NotYet
    }

    /// Every directory was looked at, and nothing in any of them is changed yet: what becomes of each.
    fn decide(&mut self, now: Now, out: &mut Outbox) -> Started {
        let looked: Vec<Looked> = self.looked.iter_mut().filter_map(Option::take).collect();
        let decided = match node::decide(&looked) {
            Ok(decided) => decided,
            Err(error) => return self.decline(now, &error, out),
        };
        let seed = self.setup.seed.named("format");
        let drawn = || self.setup.cluster_id.clone().unwrap_or_else(|| readable(seed.named("cluster.id")).to_string());
        let cluster_id = decided.cluster_id.unwrap_or_else(drawn);
        let level = odradek_cluster::controller::METADATA_VERSION_LATEST;
        for (at, _) in decided.format.iter().enumerate().filter(|(_, format)| **format) {
            let bootstrap = || snapshot::bootstrap_checkpoint(now.wall.0, level, &bootstrap_records());
            self.formats[at] = Some(Format {
                cluster_id: cluster_id.clone(),
                directory_id: readable(seed.named("directory.id").number(at as u64)),
                bootstrap: (at == self.setup.metadata_directory()).then(bootstrap),
            });
        }
        if !decided.fresh || self.openings.len() == 1 {
            return self.go_on(now, out);
        }
        self.intending = self.openings.len();
        self.each_opening(now, out, |at, opening, formats, said| {
            opening.intend(now, formats[at].as_ref().expect("a fresh node is formatted whole"), said);
        })
    }

    /// Directories that are to be formatted are, the others are taken as they are.
    fn go_on(&mut self, now: Now, out: &mut Outbox) -> Started {
        self.each_opening(now, out, |at, opening, formats, said| opening.go_on(now, formats[at].as_ref(), said))
    }

    fn decline(&mut self, now: Now, error: &OpenError, out: &mut Outbox) -> Started {
        self.each_opening(now, out, |_, opening, _, said| opening.decline(error.clone(), said))
    }

    fn each_opening(
        &mut self,
        now: Now,
        out: &mut Outbox,
        mut f: impl FnMut(usize, &mut Opening, &[Option<Format>], &mut Vec<open::Output>),
    ) -> Started {
        let mut all = Vec::new();
        for (at, opening) in self.openings.iter_mut().enumerate() {
            let mut said = Vec::new();
            f(at, opening, &self.formats, &mut said);
            all.push(said);
        }
        for (at, said) in all.into_iter().enumerate() {
            match self.carry(now, DirId(at as u16), said, out) {
                Started::NotYet => {}
                started => return started,
            }
        }
        Started::NotYet
    }

    /// Every directory said what it is: quorum, metadata log and the rest of the node are made.
    fn run(&mut self, now: Now, out: &mut Outbox) -> Started {
        let mut roots: Vec<Root> = std::mem::take(&mut self.roots).into_iter().flatten().collect();
        let mut storage = std::mem::take(&mut self.storage);
        for (at, (root, path)) in roots.iter().zip(self.setup.directories()).enumerate() {
            let mut dir = LogDir::new(now, DirIds::new(DirId(at as u16)), dir_config(&self.setup), self.setup.guards);
            dir.inherit(root);
            let id = root.meta.directory_id.unwrap_or_default();
            storage.dirs.push(Directory { dir, id, path, holds_partitions: at < self.setup.log_dirs.len(), partitions: 0 });
        }
        let metadata_dir = self.setup.metadata_directory();
        let cluster_id: Arc<str> = roots[metadata_dir].meta.cluster_id.as_str().into();
        // Only an epoch that all log directories agree on speaks for a clean stop (KIP-966).
        let log_dirs = &roots[..self.setup.log_dirs.len()];
        let previous = log_dirs[0].previous_broker_epoch.filter(|&epoch| log_dirs.iter().all(|r| r.previous_broker_epoch == Some(epoch)));
        let directory_id = roots[metadata_dir].meta.directory_id.unwrap_or_default();
        let found = roots[metadata_dir].metadata.take().expect("this directory holds the metadata log");
        let (metadata, log_said) = match self.metadata(now, found, &mut storage, directory_id, &cluster_id) {
            Ok(made) => made,
            Err(why) => return Started::Refused(why),
        };
        let openings = std::mem::take(&mut self.openings);
        let mut running = Box::new(Running::new(Arc::clone(&self.setup), cluster_id, storage, metadata, previous, openings));
        running.begin(now, log_said, out);
        Started::Running(running)
    }

    #[expect(clippy::type_complexity, reason = "the parts of a metadata side and what its log asked for")]
    fn metadata(
        &self,
        now: Now,
        found: MetadataFound,
        storage: &mut Storage,
        directory_id: Uuid,
        cluster_id: &str,
    ) -> Result<(Metadata, (Vec<LogOutput>, Vec<odradek_quorum::Output>)), String> {
        let dir = DirId(self.setup.metadata_directory() as u16);
        let config = &self.setup.config;
        let files: FileIds = storage.dir_mut(dir).adopt(Owner::Metadata, Some(found.files.clone()));
        let (log_owner, files_owner): (OwnerId, OwnerId) = (files.owner(), storage.adopt(dir, Owner::Metadata).owner());
        storage.hold(log_owner, Holder::MetadataLog, dir);
        storage.hold(files_owner, Holder::Quorum, dir);
        let recovered = found.recovered.clone();
        let unread = recovered.iter().flat_map(|r| &r.segments).map(|s| Unread { file: s.file, at: 0, end: s.length }).collect();
        let quorum_found = Found {
            quorum_state: found.quorum_state,
            snapshots: found.snapshots.iter().map(|&(end, epoch)| SnapshotId { end, epoch }).collect(),
            newest_snapshot: found.snapshot.map(|(_, _, bytes)| bytes),
            log_start: recovered.as_ref().map_or(Offset(0), |r| r.log_start),
            log_end: recovered.as_ref().map_or(Offset(0), |r| r.log_end),
            last_epoch: recovered.as_ref().and_then(Recovered::latest_epoch),
        };
        let mut quorum_said = Vec::new();
        let quorum =
            Quorum::open(quorum_config(&self.setup, directory_id), self.setup.seed.named("quorum"), quorum_found, &mut quorum_said)
                .map_err(|e| e.to_string())?;
        let bootstrap = found.bootstrap.map(snapshot::decode).transpose().map_err(|why| format!("bootstrap.checkpoint: {why}"))?;
        let setup = Setup {
            partition: TopicPartition { topic: "__cluster_metadata".into(), partition: 0 },
            topic_id: Uuid::METADATA_TOPIC,
            dir,
            name: found.name,
            config: metadata_log_config(&self.setup),
            files,
            seed: self.setup.seed.named("metadata.log"),
            guards: self.setup.guards,
        };
        let mut log_said = Vec::new();
        let log = match recovered {
            Some(recovered) => Log::from_recovered(now, setup, recovered, &mut log_said),
            None => Log::create(now, setup, &mut log_said),
        };
        let controller = ControllerConfig {
            cluster_id: cluster_id.to_owned(),
            node: self.setup.node,
            defaults: config.clone(),
            broker_session_timeout_ms: positive(config.long("broker.session.timeout.ms")),
            metadata_max_idle_interval_ms: positive(config.long("metadata.max.idle.interval.ms")),
        };
        let mut metadata = Metadata::new(quorum, log, dir, (log_owner, files_owner), controller);
        metadata.unread = unread;
        metadata.being_made = found.recovered.is_none();
        metadata.bootstrap = bootstrap.map_or_else(bootstrap_records, |b| b.records);
        Ok((metadata, (log_said, quorum_said)))
    }
}

/// Carries what an opening asks of disk and workers.
pub(crate) fn carry_opening(storage: &mut Storage, dir: DirId, output: open::Output, out: &mut Outbox) {
    match output {
        open::Output::Disk { op, action } => out.push(Output::Disk { op, dir, action }),
        open::Output::Work { op, work } => {
            let id = storage.begin_work(WorkOwner::Opening(dir, op));
            out.push(Output::Work { work: id, what: Work::Log { dir, what: work } });
        }
        open::Output::Note(note) => out.push(Output::Note(note)),
        open::Output::Looked(_) | open::Output::Intended | open::Output::Root(_) | open::Output::Opened(_) | open::Output::Refused(_) => {
            unreachable!("the caller takes these")
        }
    }
}

/// An id whose text does not begin with `-`, since Kafka's tools would take that for an option.
fn readable(seed: odradek_machine::Seed) -> Uuid {
    (0..)
        .map(|n| Uuid(seed.number(n).uuid()))
        .find(|id| !id.to_string().starts_with('-'))
        .expect("one draw in 64 begins with a dash, not all")
}

fn positive(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

fn dir_config(setup: &NodeSetup) -> DirConfig {
    DirConfig {
        recovery_point_checkpoint_ms: positive(setup.config.long("log.flush.offset.checkpoint.interval.ms")),
        log_start_checkpoint_ms: positive(setup.config.long("log.flush.start.offset.checkpoint.interval.ms")),
        high_watermark_checkpoint_ms: positive(setup.config.long("replica.high.watermark.checkpoint.interval.ms")),
    }
}

/// Segments of the metadata log go only behind a snapshot, and every append is synced.
fn metadata_log_config(setup: &NodeSetup) -> LogConfig {
    LogConfig {
        segment_bytes: u32::try_from(setup.config.long("metadata.log.segment.bytes")).unwrap_or(1 << 30),
        segment_ms: setup.config.long("metadata.log.segment.ms"),
        max_message_bytes: 64 << 20,
        cleanup_delete: false,
        ..LogConfig::default()
    }
}

/// Who votes: `controller.quorum.voters`, or this node alone where nobody was named.
fn quorum_config(setup: &NodeSetup, directory_id: Uuid) -> QuorumConfig {
    let mut voters: Vec<Voter> = setup.config.list("controller.quorum.voters").into_iter().filter_map(voter).collect();
    if voters.is_empty() {
        let at = setup.listeners.iter().find(|l| l.controller).or(setup.listeners.first());
        let (host, port) = at.map_or_else(|| ("localhost".to_owned(), 0), |l| (l.host.clone(), l.port));
        voters.push(Voter { id: setup.node, directory_id: None, host, port });
    }
    QuorumConfig {
        node: setup.node,
        directory_id,
        voters,
        snapshot_bytes_max: positive(setup.config.long("metadata.log.max.record.bytes.between.snapshots")),
        snapshot_interval_ms_max: positive(setup.config.long("metadata.log.max.snapshot.interval.ms")),
    }
}

/// `id@host:port`.
fn voter(text: &str) -> Option<Voter> {
    let (id, address) = text.split_once('@')?;
    let (host, port) = address.rsplit_once(':')?;
    Some(Voter { id: NodeId(id.trim().parse().ok()?), directory_id: None, host: host.to_owned(), port: port.parse().ok()? })
}

/// Name of a partition's directory.
pub(crate) fn directory_name(partition: &TopicPartition) -> Name {
    Name::from(partition.to_string().as_str())
}
