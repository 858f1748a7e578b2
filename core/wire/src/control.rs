//! Control records: transaction markers (KIP-98) and what the metadata quorum writes about itself (KIP-595, KIP-630, KIP-853).

#[cfg(test)]
mod tests;

use bytes::{BufMut, Bytes, BytesMut};

use crate::batch::{Builder, NewRecord, Record};
use crate::ids::Uuid;
use crate::records::{Field, Reader, RecordError, schema};

const ABORT: i16 = 0;
const COMMIT: i16 = 1;
const LEADER_CHANGE: i16 = 2;
const SNAPSHOT_HEADER: i16 = 3;
const SNAPSHOT_FOOTER: i16 = 4;
const KRAFT_VERSION: i16 = 5;
const KRAFT_VOTERS: i16 = 6;

/// What a control record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ControlRecord {
    /// The producer's transaction is aborted, by the word of a coordinator of this epoch.
    Abort {
        /// The coordinator's epoch.
        coordinator_epoch: i32,
    },
    /// The producer's transaction is committed, by the word of a coordinator of this epoch.
    Commit {
        /// The coordinator's epoch.
        coordinator_epoch: i32,
    },
    /// A leader begins its epoch.
    LeaderChange(LeaderChangeMessage),
    /// A snapshot begins.
    SnapshotHeader(SnapshotHeaderRecord),
    /// A snapshot is complete.
    SnapshotFooter(SnapshotFooterRecord),
    /// The version of the quorum's own protocol.
    KRaftVersion(KRaftVersionRecord),
    /// Who votes.
    KRaftVoters(VotersRecord),
    /// Another type: Kafka's readers pass over it.
    Unknown {
        /// Its type.
        kind: i16,
        /// Its value, as it came.
        value: Bytes,
    },
}

impl ControlRecord {
    /// The control record in a record of a control batch.
    ///
    /// Errors: a key or value that is null, too short, or does not fit its schema. Versions above those known are read as the newest known.
    pub fn decode(record: &Record) -> Result<ControlRecord, RecordError> {
        let key = record.key.clone().unwrap_or_default();
        let value = record.value.clone().unwrap_or_default();
        let mut key = Reader::new(key);
        let version = i16::get(0, &mut key)?;
        if version < 0 {
            return Err(key.malformed("negative version of a control record's key"));
        }
        ControlRecord::decode_value(i16::get(0, &mut key)?, value)
    }

    fn decode_value(kind: i16, value: Bytes) -> Result<ControlRecord, RecordError> {
        let mut from = Reader::new(value.clone());
        let known = match kind {
            ABORT => ControlRecord::Abort { coordinator_epoch: marker(&mut from)? },
            COMMIT => ControlRecord::Commit { coordinator_epoch: marker(&mut from)? },
            LEADER_CHANGE => {
                let version = i16::get(0, &mut Reader::new(value))?.clamp(0, 1);
                ControlRecord::LeaderChange(LeaderChangeMessage::get(version.unsigned_abs().into(), &mut from)?)
            }
            SNAPSHOT_HEADER => ControlRecord::SnapshotHeader(Field::get(0, &mut from)?),
            SNAPSHOT_FOOTER => ControlRecord::SnapshotFooter(Field::get(0, &mut from)?),
            KRAFT_VERSION => ControlRecord::KRaftVersion(Field::get(0, &mut from)?),
            KRAFT_VOTERS => ControlRecord::KRaftVoters(Field::get(0, &mut from)?),
            _ => ControlRecord::Unknown { kind, value },
        };
        Ok(known)
    }

    /// Its type, as in the key.
    pub fn kind(&self) -> i16 {
        match self {
            ControlRecord::Abort { .. } => ABORT,
            ControlRecord::Commit { .. } => COMMIT,
            ControlRecord::LeaderChange(_) => LEADER_CHANGE,
            ControlRecord::SnapshotHeader(_) => SNAPSHOT_HEADER,
            ControlRecord::SnapshotFooter(_) => SNAPSHOT_FOOTER,
            ControlRecord::KRaftVersion(_) => KRAFT_VERSION,
            ControlRecord::KRaftVoters(_) => KRAFT_VOTERS,
            ControlRecord::Unknown { kind, .. } => *kind,
        }
    }

    /// The key of its record.
    pub fn key(&self) -> Bytes {
        let mut key = BytesMut::new();
        key.put_i16(0);
        key.put_i16(self.kind());
        key.freeze()
    }

    /// The value of its record.
    pub fn value(&self) -> Bytes {
        let mut out = BytesMut::new();
        match self {
            ControlRecord::Abort { coordinator_epoch } | ControlRecord::Commit { coordinator_epoch } => {
                out.put_i16(0);
                out.put_i32(*coordinator_epoch);
            }
            ControlRecord::LeaderChange(message) => message.put(message.version.clamp(0, 1).unsigned_abs().into(), &mut out),
            ControlRecord::SnapshotHeader(record) => record.put(0, &mut out),
            ControlRecord::SnapshotFooter(record) => record.put(0, &mut out),
            ControlRecord::KRaftVersion(record) => record.put(0, &mut out),
            ControlRecord::KRaftVoters(record) => record.put(0, &mut out),
            ControlRecord::Unknown { value, .. } => out.put_slice(value),
        }
        out.freeze()
    }

    /// Adds the record to a batch, which must be a control batch.
    pub fn push(&self, timestamp_ms: i64, batch: &mut Builder) {
        assert!(batch.is_control(), "a control record in a batch of data");
        batch.push(NewRecord { timestamp_ms, key: Some(&self.key()), value: Some(&self.value()), headers: &[] });
    }
}

/// The coordinator's epoch in a transaction marker.
fn marker(from: &mut Reader) -> Result<i32, RecordError> {
    let version = i16::get(0, from)?;
    if version < 0 {
        return Err(from.malformed("negative version of a transaction marker"));
    }
    i32::get(0, from)
}

schema! {
    /// A leader begins its epoch; version 1 knows the voters' directories.
    LeaderChangeMessage {
        version: i16 [0],
        leader_id: i32 [0],
        voters: Vec<LeaderChangeVoter> [0],
        granting_voters: Vec<LeaderChangeVoter> [0],
    }
    /// A voter, by the word of a new leader.
    LeaderChangeVoter {
        voter_id: i32 [0],
        voter_directory_id: Uuid [1],
    }
    /// A snapshot begins: the time of the last record that it stands for.
    SnapshotHeaderRecord {
        version: i16 [0],
        last_contained_log_timestamp: i64 [0],
    }
    /// A snapshot is complete.
    SnapshotFooterRecord {
        version: i16 [0],
    }
    /// The version of the quorum's own protocol.
    KRaftVersionRecord {
        version: i16 [0],
        k_raft_version: i16 [0],
    }
    /// Who votes.
    VotersRecord {
        version: i16 [0],
        voters: Vec<Voter> [0],
    }
    /// One who votes.
    Voter {
        voter_id: i32 [0],
        voter_directory_id: Uuid [0],
        endpoints: Vec<VoterEndpoint> [0],
        k_raft_version_feature: KRaftVersionFeature [0],
    }
    /// Where a voter listens.
    VoterEndpoint {
        name: String [0],
        host: String [0],
        port: u16 [0],
    }
    /// Which versions of the quorum's protocol a voter speaks.
    KRaftVersionFeature {
        min_supported_version: i16 [0],
        max_supported_version: i16 [0],
    }
}
