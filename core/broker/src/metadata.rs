//! The metadata side of a node: the quorum, the log that carries it, the committed image, and the controller while this node leads.

use std::collections::VecDeque;

use bytes::Bytes;
use odradek_cluster::Image;
use odradek_cluster::controller::{Controller, ControllerConfig, ControllerRequest, RequestId};
use odradek_cluster::image::Loader;
use odradek_cluster::record::MetadataRecord;
use odradek_log::dir::ids::OwnerId;
use odradek_log::disk::{DirId, FileId};
use odradek_log::log::Log;
use odradek_log::output::Token;
use odradek_machine::{Deadline, Map};
use odradek_quorum::{Quorum, SnapshotId};
use odradek_wire::ids::Offset;

/// What a replaced or removed file of the quorum was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum QuorumFile {
    /// `quorum-state`.
    State,
    /// A snapshot that is written.
    Snapshot(SnapshotId),
    /// A snapshot that goes.
    Removal,
    /// A read of the metadata log at the start.
    Load,
}

/// A part of the metadata log that is still to be read at the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unread {
    /// The segment's file.
    pub(crate) file: FileId,
    /// Where to read on.
    pub(crate) at: u64,
    /// Where it ends.
    pub(crate) end: u64,
}

/// The metadata side of a node.
pub(crate) struct Metadata {
    /// Who leads, and what is committed.
    pub(crate) quorum: Quorum,
    /// The log that carries it.
    pub(crate) log: Log,
    /// The log directory that holds it: the first.
    pub(crate) dir: DirId,
    /// The owner of the log's files.
    pub(crate) log_owner: OwnerId,
    /// The owner of the small files beside it.
    pub(crate) files_owner: OwnerId,
    files: Map<Token, QuorumFile>,
    token: u64,
    /// What is still to be read before the quorum starts, in order, and what was read of a batch that is not whole yet.
    pub(crate) unread: VecDeque<Unread>,
    pub(crate) partial: Bytes,
    /// The log's directory is being made: nothing can be written beside it yet.
    pub(crate) being_made: bool,
    /// The synced end that the quorum was last told.
    pub(crate) told_synced: Offset,
    /// What is committed and visible.
    pub(crate) loader: Loader,
    /// The offset after the last record of the image.
    pub(crate) image_end: Offset,
    /// The controller, while this node leads.
    pub(crate) controller: Option<Controller>,
    /// Requests to the controller that wait for one.
    pub(crate) unsent: VecDeque<(RequestId, ControllerRequest)>,
    /// What a fresh log begins with.
    pub(crate) bootstrap: Vec<MetadataRecord>,
    /// What controllers of this node are made with.
    pub(crate) controller_config: ControllerConfig,
}

impl Metadata {
    /// The parts that are given; the rest is empty.
    pub(crate) fn new(quorum: Quorum, log: Log, dir: DirId, owners: (OwnerId, OwnerId), controller_config: ControllerConfig) -> Metadata {
        Metadata {
            quorum,
            log,
            dir,
            log_owner: owners.0,
            files_owner: owners.1,
            files: Map::new(),
            token: 0,
            unread: VecDeque::new(),
            partial: Bytes::new(),
            being_made: false,
            told_synced: Offset(-1),
            loader: Loader::default(),
            image_end: Offset(0),
            controller: None,
            unsent: VecDeque::new(),
            bootstrap: Vec::new(),
            controller_config,
        }
    }

    /// The image that brokers act on.
    pub(crate) const fn image(&self) -> &Image {
        self.loader.image()
    }

    /// A token for a file operation of the quorum.
    pub(crate) fn begin(&mut self, what: QuorumFile) -> Token {
        self.token += 1;
        self.files.insert(Token(self.token), what);
        Token(self.token)
    }

    /// What an operation was.
    pub(crate) fn end(&mut self, token: Token) -> Option<QuorumFile> {
        self.files.remove(&token)
    }

    /// When quorum, controller or log want to be woken.
    pub(crate) fn deadline(&self) -> Option<Deadline> {
        let controller = self.controller.as_ref().and_then(Controller::deadline);
        let quorum = Deadline::earliest(self.quorum.deadline(), controller);
        Deadline::earliest(quorum, self.log.deadline())
    }

    /// Every invariant that can be seen from inside.
    pub(crate) fn check(&self) {
        self.quorum.check();
        self.log.check();
        assert!(self.quorum.high_watermark().is_none_or(|hw| self.image_end <= hw), "the image is ahead of what is committed");
    }
}
