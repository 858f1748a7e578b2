//! The small files beside the segments: leader epochs and producer snapshots.

use bytes::Bytes;
use odradek_wire::ids::Offset;

use super::{Log, Pending};
use crate::formats::checkpoint::encode_epochs;
use crate::formats::producer_snapshot;
use crate::output::{Output, Request, Token};
use crate::segment::file_name;

impl Log {
    /// Writes the epochs down. Until that is durable, the recovery point stays at or below `from`: recovery reads newer epochs out of the batches.
    pub(super) fn save_epochs(&mut self, from: Offset, out: &mut Vec<Output>) {
        self.epochs_unsaved_from = Some(self.epochs_unsaved_from.map_or(from, |f| f.min(from)));
        let token = self.token(Pending::Epochs);
        self.epochs_saving = Some(token);
        let name = self.setup.name.join("leader-epoch-checkpoint");
        out.push(Output::Dir(Request::Replace { token, name, bytes: Bytes::from(encode_epochs(self.epochs.starts())) }));
    }

    pub(super) fn epochs_saved(&mut self, token: Token, failed: bool, out: &mut Vec<Output>) {
        if self.epochs_saving == Some(token) {
            self.epochs_saving = None;
            if !failed {
                self.epochs_unsaved_from = None;
            }
        }
        self.moved(out);
    }

    /// Tries again what failed; where nothing did, does nothing.
    pub(super) fn save_epochs_again(&mut self, out: &mut Vec<Output>) {
        if let (None, Some(from)) = (self.epochs_saving, self.epochs_unsaved_from) {
            self.save_epochs(from, out);
        }
    }

    /// Writes the state of producers at `at`, which must be the log end as producer state knows it.
    pub(super) fn write_snapshot(&mut self, at: Offset, out: &mut Vec<Output>) {
        if !self.snapshots.insert(at) {
            return;
        }
        let token = self.token(Pending::Snapshot(at));
        let name = file_name(&self.setup.name, at, "snapshot");
        out.push(Output::Dir(Request::WriteNew { token, name, bytes: producer_snapshot::encode(&self.producers.entries()) }));
    }

    /// A snapshot that could not be written is not missed: an older one and the log replace it.
    pub(super) fn snapshot_written(&mut self, at: Offset, failed: bool) {
        if failed {
            self.snapshots.remove(&at);
        }
    }
}
