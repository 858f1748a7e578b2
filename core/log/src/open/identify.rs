//! Whose a partition's directory is: the partition that is assigned by that name, nobody's here, or one of which that cannot be told.

use bytes::Bytes;
use odradek_wire::ids::{Offset, TopicPartition, Uuid};

use super::Damage;
use super::errands::Done;
use crate::disk::{DiskError, Entry, Name};
use crate::formats::file_name::{FileName, Kind, Mark, PARTITION_METADATA};
use crate::formats::{damage, partition_metadata};

/// What was found in a partition's directory.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// What is in it.
    pub(crate) entries: Vec<Entry>,
    /// The content of `partition.metadata`.
    pub(crate) identity: Option<Bytes>,
    /// The content of `damage`.
    pub(crate) damage: Option<Bytes>,
}

impl Found {
    /// From the next three errands: list, and read either file; the first that failed.
    pub(super) fn of(done: &mut impl Iterator<Item = Done>) -> Result<Found, DiskError> {
        let [listed, identity, damage] = [(); 3].map(|()| done.next().expect("three errands were asked for each directory").attempted());
        Ok(Found { entries: listed?.listed().unwrap_or_default(), identity: identity?.content(), damage: damage?.content() })
    }
}

/// What a directory is to the partition that is assigned by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    /// Its replica.
    Assigned,
    /// Its replica, out of service; and whether that is still to be written down.
    Damaged(Damage, bool),
    /// Of another topic (with this id) or of none.
    Stray(Option<Uuid>),
}

/// Judges by what was found in the directory, and by our mark of the assigned partition's log: that it was synced up to `known`.
///
/// Apache Kafka renames every directory whose id is not the assigned one and begins an empty replica in its place. Here that is done only where nothing says
/// that the records in it are those of the assigned partition.
pub(crate) fn whose(dir: &Name, found: &Found, assigned: Uuid, known: Offset) -> Whose {
    let file = dir.join(PARTITION_METADATA);
    let id = found.identity.as_ref().map(|bytes| partition_metadata::decode(&file, bytes)).transpose();
    let damage = |file: Name, why: String| Damage { segment: file, at: 0, offset: Offset(0), synced: known, why };
    if let Some(bytes) = found.damage.as_ref().filter(|_| !matches!(id, Ok(Some(id)) if id != assigned && known == Offset(0))) {
        let name = dir.join(damage::FILE);
        let recorded = damage::decode(&name, bytes);
        return Whose::Damaged(
            recorded.unwrap_or_else(|what| damage(name, format!("damage was found, and its record is damaged: {}", what.why))),
            false,
        );
    }
    let lost = |why: String| Whose::Damaged(damage(file.clone(), why), true);
    let holds_records =
        found.entries.iter().any(|e| e.length > 0 && FileName::parse(&e.name).is_some_and(|n| (n.kind, n.mark) == (Kind::Log, Mark::None)));
    match id {
        Ok(Some(id)) if id == assigned => Whose::Assigned,
        Ok(Some(id)) if known > Offset(0) => lost(format!("it names topic {id}, and the log of topic {assigned} was here")),
        Ok(Some(id)) => Whose::Stray(Some(id)),
        Ok(None) if known > Offset(0) => lost(format!("it is missing; by our mark these are records of topic {assigned}")),
        Ok(None) if holds_records => lost("it is missing, and nothing else says whose records these are".to_owned()),
        Ok(None) => Whose::Stray(None),
        Err(what) if holds_records || known > Offset(0) => lost(what.why),
        Err(_) => Whose::Stray(None),
    }
}

/// The damage of a log whose directory is not there, though it was synced up to `known`.
pub(crate) fn gone(partition: &TopicPartition, known: Offset) -> Damage {
    let segment = Name::from(partition.to_string().as_str());
    Damage { segment, at: 0, offset: Offset(0), synced: known, why: "the directory is gone".to_owned() }
}
