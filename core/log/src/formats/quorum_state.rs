//! `quorum-state`: the election as far as a node knows it (KIP-595, KIP-853).
//!
//! Ours ends with a member `crc32c`, the checksum of all before it, which Apache Kafka passes over: a bit that flips in a vote makes another vote.

use odradek_wire::batch::crc32c;
use odradek_wire::ids::{LeaderEpoch, NodeId, Uuid};

use super::json::{self, Json};
use super::{Malformed, text};
use crate::disk::Name;

/// What `quorum-state` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuorumState {
    /// The epoch.
    pub epoch: LeaderEpoch,
    /// Its leader, once known.
    pub leader: Option<NodeId>,
    /// Whom this node voted for.
    pub voted: Option<NodeId>,
    /// The metadata directory of whom it voted for; version 1 only.
    pub voted_directory: Option<Uuid>,
    /// Who votes by static configuration; version 0 only.
    pub voters: Vec<NodeId>,
    /// 0 under kraft.version 0, 1 under kraft.version 1.
    pub data_version: i16,
}

/// What the file says.
///
/// # Errors
/// No JSON, another version, or a member that is missing or of another type.
pub fn decode(file: &Name, bytes: &[u8]) -> Result<QuorumState, Malformed> {
    let fault = |why: String| Malformed::whole(file, why);
    if let Some((said, crc)) = text(file, bytes)?.rsplit_once(CHECKSUM) {
        let computed = format!("{:08x}\"}}", crc32c(said.as_bytes()));
        if crc != computed {
            return Err(fault(format!("checksum {} stored, {} computed", crc.trim_end_matches(['"', '}']), &computed[..8])));
        }
    }
    let value = json::parse(text(file, bytes)?).map_err(|e| fault(e.to_string()))?;
    let number = |object: &Json, key: &str| object.get(key).and_then(Json::as_i64).and_then(|n| i32::try_from(n).ok());
    let required = |key: &str| number(&value, key).ok_or_else(|| fault(format!("expected a number as {key}")));
    let data_version = match required("data_version")? {
        version @ (0 | 1) => version as i16,
        other => return Err(fault(format!("data_version ({other}) is not within the min (0) and max (1) supported version"))),
    };
    let node = |id: i32| (id >= 0).then_some(NodeId(id));
    let voters = match value.get("currentVoters") {
        Some(Json::Array(voters)) => voters.iter().map(|v| number(v, "voterId").map(NodeId)).collect::<Option<Vec<_>>>(),
        Some(Json::Null) | None => Some(Vec::new()),
        Some(_) => None,
    };
    let directory = value
        .get("votedDirectoryId")
        .map(|id| id.as_str().and_then(Uuid::parse).ok_or_else(|| fault("expected an id as votedDirectoryId".to_owned())));
    let epoch = required("leaderEpoch")?;
    if epoch < 0 {
        return Err(fault(format!("leaderEpoch is {epoch}")));
    }
    Ok(QuorumState {
        epoch: LeaderEpoch(epoch),
        leader: node(required("leaderId")?),
        voted: node(required("votedId")?),
        voted_directory: directory.transpose()?.filter(|id| !id.is_zero()),
        voters: voters.ok_or_else(|| fault("expected an array of voterId as currentVoters".to_owned()))?,
        data_version,
    })
}

/// The bytes of the file.
pub fn encode(state: &QuorumState) -> String {
    let id = |node: Option<NodeId>| node.map_or(-1, |n| n.0);
    let (leader, epoch, voted) = (id(state.leader), state.epoch.0, id(state.voted));
    if state.data_version == 0 {
        let voters: Vec<String> = state.voters.iter().map(|v| format!("{{\"voterId\":{}}}", v.0)).collect();
        let said = format!(
            "{{\"clusterId\":\"\",\"leaderId\":{leader},\"leaderEpoch\":{epoch},\"votedId\":{voted},\"appliedOffset\":0,\"currentVoters\":[{}],\"data_version\":0",
            voters.join(",")
        );
        return sealed(&said);
    }
    let directory = state.voted_directory.unwrap_or(Uuid::ZERO);
    sealed(&format!(
        "{{\"leaderId\":{leader},\"leaderEpoch\":{epoch},\"votedId\":{voted},\"votedDirectoryId\":\"{directory}\",\"data_version\":1"
    ))
}

/// What stands before the checksum.
const CHECKSUM: &str = ",\"crc32c\":\"";

fn sealed(said: &str) -> String {
    format!("{said}{CHECKSUM}{:08x}\"}}", crc32c(said.as_bytes()))
}
