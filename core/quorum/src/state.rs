//! `quorum-state`: what a node must remember of elections, as JSON that Apache Kafka reads and writes.

use bytes::Bytes;
use odradek_log::disk::Name;
use odradek_log::formats::file_name::QUORUM_STATE;
use odradek_log::formats::quorum_state;
use odradek_wire::ids::{LeaderEpoch, NodeId, Uuid};

/// The election as far as this node knows it; replaced whole, before anything that follows from it is done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QuorumState {
    /// The epoch.
    pub epoch: LeaderEpoch,
    /// Its leader, once known.
    pub leader: Option<NodeId>,
    /// Whom this node voted for in the epoch, and that one's directory (zero while voters are static).
    pub voted: Option<(NodeId, Uuid)>,
}

/// A file that is no election state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Error while reading the Quorum status from the file quorum-state: {why}")]
pub struct StateError {
    /// What is wrong with it.
    pub why: String,
}

impl QuorumState {
    /// Reads either version of the file.
    ///
    /// # Errors
    /// If it is empty, no JSON, of another version, or lacks what it must have.
    pub fn decode(content: &[u8]) -> Result<QuorumState, StateError> {
        let state = quorum_state::decode(&Name::from(QUORUM_STATE), content).map_err(|what| StateError { why: what.why })?;
        Ok(QuorumState {
            epoch: state.epoch,
            leader: state.leader,
            voted: state.voted.map(|id| (id, state.voted_directory.unwrap_or(Uuid::ZERO))),
        })
    }

    /// The file's content: version 1 under kraft.version 1, else version 0, which names the static voters.
    pub fn encode(&self, kraft_version: i16, voters: &[NodeId]) -> Bytes {
        Bytes::from(quorum_state::encode(&quorum_state::QuorumState {
            epoch: self.epoch,
            leader: self.leader,
            voted: self.voted.map(|(id, _)| id),
            voted_directory: self.voted.map(|(_, directory)| directory),
            voters: voters.to_vec(),
            data_version: i16::from(kraft_version > 0),
        }))
    }
}
