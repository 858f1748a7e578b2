//! Snapshots of the metadata log (KIP-630): their names, and their content as control and data batches.
//!
//! Offsets inside a snapshot count from zero; the epoch of its batches is that of its id. `bootstrap.checkpoint` has the same shape.

use bytes::{Bytes, BytesMut};
use odradek_wire::batch::{Batches, ReplicaBatch};
use odradek_wire::codec::Codec;
use odradek_wire::control::{ControlRecord, KRaftVersionRecord, SnapshotFooterRecord, SnapshotHeaderRecord, VotersRecord};
use odradek_wire::ids::{LeaderEpoch, Offset};
use odradek_wire::records::metadata::MetadataRecord;

use crate::batches::{Content, checked, content, control_batch, push};

/// A data batch of a snapshot is closed when it is this long.
const BATCH_BYTES_TARGET: usize = 1 << 20;

/// Which snapshot: the state of everything below `end`, whose last record is of `epoch`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
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

/// What a snapshot says beside its metadata records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SnapshotHeader {
    /// The time of the last record that it contains.
    pub last_contained_ms: i64,
    /// The version of the quorum's protocol; from 1 on the log says who votes (KIP-853).
    pub kraft_version: i16,
    /// Who votes, from version 1 on.
    pub voters: Option<VotersRecord>,
}

/// A snapshot that was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// What it says beside its records.
    pub header: SnapshotHeader,
    /// Its records.
    pub records: Vec<MetadataRecord>,
}

/// The content of a snapshot file. A pure function over what is handed in, to be run as work.
pub fn encode(id: SnapshotId, now_ms: i64, header: &SnapshotHeader, level: i16, records: &[MetadataRecord]) -> Bytes {
    let mut out = BytesMut::new();
    let mut next = Offset(0);
    let mut add = |batch: ReplicaBatch| {
        next = batch.header().next_offset();
        out.extend_from_slice(batch.bytes());
        next
    };
    let begin = SnapshotHeaderRecord { version: 0, last_contained_log_timestamp: header.last_contained_ms };
    let mut control = vec![ControlRecord::SnapshotHeader(begin)];
    if header.kraft_version > 0 {
        control.push(ControlRecord::KRaftVersion(KRaftVersionRecord { version: 0, k_raft_version: header.kraft_version }));
        control.extend(header.voters.clone().map(ControlRecord::KRaftVoters));
    }
    let mut base = add(control_batch(Offset(0), id.epoch, now_ms, &control));
    let mut rest = records.iter().peekable();
    while rest.peek().is_some() {
        let mut builder = odradek_wire::batch::Builder::new(Codec::None).at(base, id.epoch);
        while let Some(record) = rest.next_if(|_| builder.size_bytes() < BATCH_BYTES_TARGET) {
            push(&mut builder, now_ms, level, record);
        }
        base = add(builder.build());
    }
    add(control_batch(base, id.epoch, now_ms, &[ControlRecord::SnapshotFooter(SnapshotFooterRecord::default())]));
    out.freeze()
}

/// The content of `bootstrap.checkpoint` for these records.
pub fn bootstrap_checkpoint(now_ms: i64, level: i16, records: &[MetadataRecord]) -> Bytes {
    encode(SnapshotId::default(), now_ms, &SnapshotHeader::default(), level, records)
}

/// Reads a snapshot file. One without its footer is refused: it was synced before it got its name, so it is damaged.
///
/// # Errors
/// What is wrong with it.
pub fn decode(bytes: Bytes) -> Result<Snapshot, String> {
    let mut snapshot = Snapshot::default();
    let (mut begun, mut ended) = (false, false);
    let mut batches = Batches::new(bytes);
    for batch in batches.by_ref() {
        if ended {
            return Err("something follows the footer".to_owned());
        }
        match content(&checked(batch.map_err(|e| e.to_string())?)?)? {
            Content::Data(_) if !begun => return Err("records before the header".to_owned()),
            Content::Data(records) => snapshot.records.extend(records),
            Content::Control(records) => {
                for record in records {
                    match record {
                        ControlRecord::SnapshotHeader(h) => {
                            begun = true;
                            snapshot.header.last_contained_ms = h.last_contained_log_timestamp;
                        }
                        ControlRecord::SnapshotFooter(_) => ended = true,
                        ControlRecord::KRaftVersion(v) => snapshot.header.kraft_version = v.k_raft_version,
                        ControlRecord::KRaftVoters(v) => snapshot.header.voters = Some(v),
                        _ => {}
                    }
                }
            }
        }
    }
    match (begun, ended, batches.rest().is_empty()) {
        (false, ..) => Err("no header".to_owned()),
        (_, false, _) => Err("cut short: no footer".to_owned()),
        (_, _, false) => Err("something follows the footer".to_owned()),
        _ => Ok(snapshot),
    }
}
