//! A validated batch on its way into a log: the one place that knows the batch types of `wire`.

use bytes::{Bytes, BytesMut};
use odradek_wire::batch::{BatchError, BatchHeader, BatchProducer, ProducerBatch, ReplicaBatch, Stamp};
use odradek_wire::control::ControlRecord;
use odradek_wire::ids::{LeaderEpoch, Offset};

/// What a log must know of a batch to append it. Obtained from `wire`'s validated batches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incoming {
    /// First offset; of a producer's batch it counts for nothing.
    pub base: Offset,
    /// Leader epoch; of a producer's batch not yet assigned.
    pub epoch: LeaderEpoch,
    /// Last offset minus first offset.
    pub last_offset_delta: i32,
    /// The producer, if the batch has one.
    pub producer: Option<BatchProducer>,
    /// The batch is part of a transaction.
    pub transactional: bool,
    /// The batch holds control records; for a transaction marker, which.
    pub control: Option<Control>,
    /// The largest timestamp that its records say, −1 if there is none.
    pub max_timestamp_ms: i64,
    /// Bytes of the batch.
    pub bytes: u64,
    /// The batch itself.
    pub body: Body,
}

/// The bytes of a batch on its way in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// Only the header is here: for a replay.
    Absent,
    /// Of a producer: offsets, leader epoch and perhaps the time are to be assigned.
    Produced(Box<ProducerBatch>),
    /// As it stands in a log.
    Whole(Bytes),
}

/// Bytes in front of a batch that lie outside its checksum and end with the leader epoch.
const ASSIGNED_BYTES: usize = 16;

impl Incoming {
    /// A client's batch.
    pub fn produced(batch: ProducerBatch) -> Incoming {
        let max_timestamp_ms = batch.facts().max_timestamp_ms;
        let whole = Incoming::header(batch.header(), None);
        Incoming { max_timestamp_ms, body: Body::Produced(Box::new(batch)), ..whole }
    }

    /// A batch with its offsets, from a leader or built here.
    ///
    /// # Errors
    /// A control batch whose record cannot be read.
    pub fn replicated(batch: ReplicaBatch) -> Result<Incoming, BatchError> {
        let control = if batch.header().attributes.is_control() { Some(read_control(&batch)?) } else { None };
        let header = Incoming::header(batch.header(), control);
        Ok(Incoming { body: Body::Whole(batch.into_bytes()), ..header })
    }

    /// What the header alone says, for a replay. `control` is what the caller read of a control batch.
    pub fn header(header: &BatchHeader, control: Option<Control>) -> Incoming {
        Incoming {
            base: header.base_offset,
            epoch: header.leader_epoch,
            last_offset_delta: header.last_offset_delta,
            producer: header.producer(),
            transactional: header.attributes.is_transactional(),
            control,
            max_timestamp_ms: header.max_timestamp_ms,
            bytes: header.size_bytes() as u64,
            body: Body::Absent,
        }
    }

    /// The largest timestamp, −1 if there is none.
    pub const fn max_timestamp_ms(&self) -> i64 {
        self.max_timestamp_ms
    }

    /// The parts to write, with offsets and epoch (and, with `LogAppendTime`, the time) assigned. The payload is not copied.
    pub(super) fn assign(self, base_offset: Offset, leader_epoch: LeaderEpoch, log_append_ms: Option<i64>) -> Vec<Bytes> {
        match self.body {
            Body::Produced(batch) => batch.assign(Stamp { base_offset, leader_epoch, log_append_ms }).parts().to_vec(),
            Body::Whole(bytes) if self.base == base_offset && self.epoch == leader_epoch => vec![bytes],
            Body::Whole(bytes) => {
                let mut head = BytesMut::from(&bytes[..ASSIGNED_BYTES]);
                head[..8].copy_from_slice(&base_offset.0.to_be_bytes());
                head[12..].copy_from_slice(&leader_epoch.0.to_be_bytes());
                vec![head.freeze(), bytes.slice(ASSIGNED_BYTES..)]
            }
            Body::Absent => unreachable!("a header alone is only replayed"),
        }
    }

    /// The parts of a batch that has everything inside.
    pub(super) fn into_parts(self) -> Vec<Bytes> {
        let (base, epoch) = (self.base, self.epoch);
        self.assign(base, epoch, None)
    }
}

/// What a control batch means: its first record says.
fn read_control(batch: &ReplicaBatch) -> Result<Control, BatchError> {
    /// No control record of Kafka's is larger.
    const CONTROL_BYTES_MAX: usize = 1 << 20;
    let Some(record) = batch.records(CONTROL_BYTES_MAX)?.next().transpose()? else { return Ok(Control::Raft) };
    Ok(match ControlRecord::decode(&record) {
        Ok(ControlRecord::Abort { coordinator_epoch }) => Control::Abort { coordinator_epoch },
        Ok(ControlRecord::Commit { coordinator_epoch }) => Control::Commit { coordinator_epoch },
        // Of the raft layer, or of a kind that Kafka's own state machine passes over.
        Ok(_) | Err(_) => Control::Raft,
    })
}

/// What a control batch says to a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// The producer's open transaction is committed.
    Commit {
        /// Epoch of the coordinator that says so.
        coordinator_epoch: i32,
    },
    /// The producer's open transaction is aborted.
    Abort {
        /// Epoch of the coordinator that says so.
        coordinator_epoch: i32,
    },
    /// Of the raft layer: means nothing here.
    Raft,
}

/// Who appends: decides which checks of producer state apply (Kafka's AppendOrigin).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A client's produce: sequences are checked, duplicates answered.
    Client,
    /// A coordinator of this broker.
    Coordinator,
    /// The leader of the metadata quorum.
    Raft,
    /// A follower that copies its leader: nothing is refused.
    Replication,
}
