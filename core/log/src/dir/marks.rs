//! How far each log is known to be synced, on disk at most one round behind, so that recovery can tell a torn tail from damage.
//!
//! Marks are appended to `synced-marks`, all that are new at a time, and synced beside the syncs of the next round. A log is told of a sync only when its mark
//! of the sync before is durable: that is the one round. When the file has grown, it is replaced by one that holds what the recovery points do not say.

use std::collections::BTreeSet;

use odradek_machine::Mono;

use super::ids::OwnerId;
use crate::disk::{DiskError, FileId};
use crate::output::Token;

/// From this length on it is replaced with the next recovery points.
pub(super) const REPLACE_BYTES: u64 = 256 << 10;
/// At this length the recovery points do not wait for their interval.
pub(super) const URGENT_BYTES: u64 = 16 << 20;

/// How long a full disk is given, in milliseconds, before marks are written again.
pub(super) const RETRY_MS: u64 = 1_000;

/// The writer of marks.
#[derive(Clone, Debug, Default)]
pub(super) struct Marks {
    pub(super) state: State,
    /// Where the next mark is appended.
    pub(super) length: u64,
    /// Logs with a mark that is not on disk.
    pub(super) dirty: BTreeSet<OwnerId>,
    /// Logs whose mark is being written.
    pub(super) writing: BTreeSet<OwnerId>,
    /// Logs whose mark says more than the recovery points on disk.
    pub(super) ahead: BTreeSet<OwnerId>,
    /// Who waits for a lowered mark that is not yet being written.
    pub(super) lowering: Vec<(OwnerId, Token)>,
    /// Who waits for one that is.
    pub(super) lowered: Vec<(OwnerId, Token)>,
    /// A mark of a log that is not open is to be written.
    pub(super) remembering: bool,
    /// The next write replaces the file.
    pub(super) replace: bool,
    /// What failed of the append that is under way, for want of room.
    pub(super) no_room: Option<DiskError>,
    /// There was no room for the marks: until then nothing is written, and no log is told of a sync.
    pub(super) retry_at: Option<Mono>,
}

/// | from | to | trigger |
/// |---|---|---|
/// | `None` | `Replacing` | the first mark of this life |
/// | `Idle` | `Appending` | there are new marks |
/// | `Idle` | `Replacing` | there are, and the file has grown |
/// | `Appending`, `Replacing` | `Idle` | written and synced |
/// | `Appending`, `Replacing` | `None` | there was no room; the file is replaced after a pause |
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum State {
    #[default]
    None,
    Idle(FileId),
    Appending(FileId),
    Replacing,
}

impl Marks {
    /// True if a log's mark is not durable.
    pub(super) fn is_behind(&self, owner: OwnerId) -> bool {
        self.dirty.contains(&owner) || self.writing.contains(&owner)
    }
}
