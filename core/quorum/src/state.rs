//! `quorum-state`: what a node must remember of elections, as JSON that Apache Kafka reads and writes.

use bytes::Bytes;
use odradek_wire::ids::{LeaderEpoch, NodeId, Uuid};

use crate::json::{Value, parse_object};

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
        let members = parse_object(content).map_err(|why| StateError { why })?;
        let number = |name: &str| match members.iter().find(|(n, _)| n == name) {
            Some((_, Value::Number(n))) => i32::try_from(*n).map_err(|_| StateError { why: format!("{name} is {n}") }),
            _ => Err(StateError { why: format!("{name} is missing") }),
        };
        let version = number("data_version")?;
        if !(0..=1).contains(&version) {
            let why = format!("data_version ({version}) is not within the min (0) and max (1) supported version");
            return Err(StateError { why });
        }
        let directory = members.iter().find_map(|(name, value)| match value {
            Value::Text(text) if name == "votedDirectoryId" => Uuid::parse(text),
            _ => None,
        });
        let epoch = number("leaderEpoch")?;
        if epoch < 0 {
            return Err(StateError { why: format!("leaderEpoch is {epoch}") });
        }
        let node = |id: i32| (id >= 0).then_some(NodeId(id));
        Ok(QuorumState {
            epoch: LeaderEpoch(epoch),
            leader: node(number("leaderId")?),
            voted: node(number("votedId")?).map(|id| (id, directory.unwrap_or(Uuid::ZERO))),
        })
    }

    /// The file's content: version 1 under kraft.version 1, else version 0, which names the static voters.
    pub fn encode(&self, kraft_version: i16, voters: &[NodeId]) -> Bytes {
        let leader = self.leader.map_or(-1, |l| l.0);
        let (voted, directory) = self.voted.map_or((-1, Uuid::ZERO), |(id, directory)| (id.0, directory));
        let epoch = self.epoch.0;
        let text = if kraft_version > 0 {
            format!(r#"{{"leaderId":{leader},"leaderEpoch":{epoch},"votedId":{voted},"votedDirectoryId":"{directory}","data_version":1}}"#)
        } else {
            let voters: Vec<String> = voters.iter().map(|v| format!(r#"{{"voterId":{}}}"#, v.0)).collect();
            format!(
                r#"{{"clusterId":"","leaderId":{leader},"leaderEpoch":{epoch},"votedId":{voted},"appliedOffset":0,"currentVoters":[{}],"data_version":0}}"#,
                voters.join(",")
            )
        };
        Bytes::from(text)
    }
}
