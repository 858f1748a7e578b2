//! A node in service: everything that it holds, and the loop that carries one input to its last consequence.
//!
//! Every input ends in [`Running::settle`]: parts tell each other by [`Event`]s, first come, first served, until nothing is left to be said. So a step
//! is whole: what was answered is answered, what must wait for the disk is parked.

mod begin;
mod carry;
mod controller;
mod member;
mod offline;
mod quorum;
mod replicas;
mod requests;
mod stop;
mod sweep;
mod unheeded;
mod unmade;
mod wake;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use odradek_cluster::Image;
use odradek_cluster::controller::{ControllerResponse, RequestId};
use odradek_log::dir::ids::OwnerId;
use odradek_log::disk::{DirId, DiskError, OpId};
use odradek_log::log::Log;
use odradek_log::open::Opening;
use odradek_log::output::{Answer, Input as LogInput, LookupId};
use odradek_machine::{Deadline, Map, Mono, Now, Timers};
use odradek_quorum::SnapshotId;
use odradek_wire::batch::{BatchError, ProducerBatch};
use odradek_wire::ids::NodeId;

use crate::fetch_sessions::Cache;
use crate::handlers::Pending;
use crate::handlers::produce::AppendQueue;
use crate::io::{Outbox, Output};
use crate::membership::Membership;
use crate::metadata::Metadata;
use crate::partition::{Ends, PartitionId, Replica};
use crate::purgatory::Purgatory;
use crate::sessions::{Connections, RequestKey};
use crate::setup::NodeSetup;
use crate::storage::Storage;

pub(crate) use controller::Asker;
pub(crate) use offline::Offline;
pub(crate) use stop::Stopping;
pub(crate) use unmade::Making;

/// What one part of a node tells another within a step.
#[derive(Debug)]
pub(crate) enum Event {
    /// A log is told something by its directory or a worker.
    ToOwner(OwnerId, LogInput),
    /// A log answered a question that had to go to the disk.
    Answered(PartitionId, LookupId, Answer),
    /// A replica moved on from these ends.
    Moved(PartitionId, Ends),
    /// A leadership ended or began here, the log failed, or the partition is gone: whoever waits must look again.
    Upset(PartitionId),
    /// A log that was made anew is there.
    Made(PartitionId),
    /// A log could not be made.
    NotMade(PartitionId, DiskError),
    /// Logs of replicas went out of service, of which the metadata is to know.
    Fell,
    /// The controller answered.
    Reply(RequestId, ControllerResponse),
    /// The committed image moved: who waits for a topic looks again.
    ImageMoved,
    /// The controller that had a request leads no longer.
    Abandoned(RequestId),
    /// A batch was compressed again.
    Recompressed(PartitionId, Result<Box<ProducerBatch>, BatchError>),
    /// A snapshot of the metadata was encoded.
    SnapshotEncoded(SnapshotId, Bytes),
    /// Work of an opening finished.
    OpeningWorked(DirId, OpId, odradek_log::work::WorkResult),
}

/// What rings at a time of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Alarm {
    /// Retention looks at its next log.
    Retention,
    /// A log wants to be woken.
    Log(PartitionId),
    /// A log whose topic is deleted wants to be woken.
    Dying(OwnerId),
    /// A log that could not be made is tried again.
    Make(PartitionId),
}

/// A node in service.
pub(crate) struct Running {
    pub(crate) setup: Arc<NodeSetup>,
    pub(crate) cluster_id: Arc<str>,
    pub(crate) connections: Connections,
    pub(crate) storage: Storage,
    pub(crate) metadata: Metadata,
    pub(crate) replicas: Map<PartitionId, Replica>,
    /// Replicas of this node that were never in service in this life, so that they have no log.
    pub(crate) offline: Map<PartitionId, Offline>,
    /// Partitions of this node whose logs could not be made yet.
    pub(crate) unmade: Map<PartitionId, unmade::Unmade>,
    /// The partitions of `replicas` in order, for jobs that go round.
    pub(crate) round: BTreeSet<PartitionId>,
    /// Logs whose topics are deleted, until their directories are gone.
    pub(crate) dying: Map<OwnerId, (Log, DirId)>,
    /// Directories of topics that were deleted in a life before.
    pub(crate) sweeps: Map<OwnerId, sweep::Sweep>,
    pub(crate) purgatory: Purgatory,
    pub(crate) fetch_sessions: Cache,
    pub(crate) pending: Map<RequestKey, Pending>,
    /// Appends that wait for a batch of their partition to be compressed again.
    pub(crate) queues: Map<PartitionId, AppendQueue>,
    pub(crate) membership: Membership,
    /// Requests that wait for a block of producer ids, in order.
    pub(crate) waiting_for_ids: VecDeque<RequestKey>,
    /// Who asked the controller what.
    pub(crate) asked: Map<RequestId, Asker>,
    pub(crate) asks: u64,
    /// Questions to logs that are under way, by whom.
    pub(crate) lookups: Map<(PartitionId, LookupId), Vec<RequestKey>>,
    pub(crate) alarms: Timers<Alarm>,
    /// The alarm that is set for each log.
    pub(crate) log_alarms: Map<PartitionId, (Mono, odradek_machine::TimerId)>,
    pub(crate) retention_next: Option<PartitionId>,
    pub(crate) events: VecDeque<Event>,
    /// Partitions that the last step touched, for `check`.
    pub(crate) touched: Vec<PartitionId>,
    /// Directories whose partitions are not loaded yet, by directory.
    pub(crate) openings: Vec<Opening>,
    /// How many directories are still loading their partitions, once that began.
    pub(crate) loading: Option<usize>,
    pub(crate) listening: bool,
    pub(crate) stopping: Option<Stopping>,
    /// The node said that it has ended.
    pub(crate) ended: bool,
    /// Set when the node cannot go on; said once at the end of the step.
    pub(crate) fatal: Option<String>,
    pub(crate) steps: u64,
}

impl Running {
    /// This node.
    pub(crate) fn me(&self) -> NodeId {
        self.setup.node
    }

    /// The committed image: all that brokers act on.
    pub(crate) fn image(&self) -> &Image {
        self.metadata.image()
    }

    /// Carries what is under way within this step to its end.
    pub(crate) fn settle(&mut self, now: Now, out: &mut Outbox) {
        loop {
            if let Some(event) = self.events.pop_front() {
                self.happened(now, event, out);
            } else if self.fatal.is_none()
                && let Some(started) = self.connections.start()
            {
                self.begin_request(now, started, out);
            } else if !self.settle_dirs(now, out) {
                break;
            }
        }
        self.steps += 1;
    }

    fn happened(&mut self, now: Now, event: Event, out: &mut Outbox) {
        match event {
            Event::ToOwner(owner, input) => self.told(now, owner, input, out),
            Event::Answered(partition, lookup, answer) => self.looked_up(now, partition, lookup, &answer, out),
            Event::Moved(partition, before) => self.moved(now, partition, before, out),
            Event::Upset(partition) => self.upset(now, partition, out),
            Event::Made(partition) => self.made(now, partition, out),
            Event::NotMade(partition, error) => self.could_not_make(now, partition, &error, out),
            Event::Fell => self.directories_changed(now, out),
            Event::Reply(request, response) => self.controller_said(now, request, response, out),
            Event::ImageMoved => self.image_moved(now, out),
            Event::Abandoned(request) => self.abandoned(now, request, out),
            Event::SnapshotEncoded(id, content) => self.snapshot_encoded(now, id, content, out),
            Event::OpeningWorked(dir, op, result) => self.step_opening(now, dir, odradek_log::open::Input::Work { op, result }, out),
            Event::Recompressed(partition, batch) => crate::handlers::produce::recompressed(self, now, partition, batch, out),
        }
    }

    /// When it wants to be woken next.
    pub(crate) fn deadline(&self) -> Option<Deadline> {
        let at = |at: Option<Mono>, why: &'static str| at.map(|at| Deadline { at, why });
        let mut earliest = self.metadata.deadline();
        for next in [
            at(self.purgatory.earliest(), "a parked request expires"),
            self.connections.deadline(),
            at(self.alarms.earliest(), "a log or a job is due"),
            self.membership.deadline(),
            self.stopping.as_ref().and_then(Stopping::deadline),
        ] {
            earliest = Deadline::earliest(earliest, next);
        }
        self.storage.dirs.iter().fold(earliest, |earliest, d| Deadline::earliest(earliest, d.dir.deadline()))
    }

    /// Asserts what the last step may have broken; everything every 1,024 steps and at rest.
    pub(crate) fn check(&self) {
        const FEW: usize = 64;
        let everything = self.steps.is_multiple_of(1024);
        if everything || self.connections.len() + self.purgatory.len() <= FEW {
            self.connections.check();
            self.purgatory.check();
        }
        if everything {
            self.metadata.check();
            self.fetch_sessions.check();
            self.storage.check();
            self.replicas.values_unordered().for_each(Replica::check_all);
        } else {
            self.touched.iter().filter_map(|id| self.replicas.get(id)).for_each(Replica::check);
        }
        assert!(self.events.is_empty(), "events that nobody took: {:?}", self.events);
    }

    /// The node cannot go on: the first reason is said when the step ends.
    pub(crate) fn fail(&mut self, why: String, out: &mut Outbox) {
        if self.fatal.is_none() {
            out.push(Output::Note(odradek_machine::Note::mark("node.failed").says(why.clone())));
            self.fatal = Some(why);
        }
    }
}
