//! Replicas that are not where they should be, by the rules of a start.

use odradek_wire::ids::{Offset, TopicPartition, Uuid};

use super::Root;

/// A replica that the metadata assigns to the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// Topic and index.
    pub partition: TopicPartition,
    /// The topic's id.
    pub topic_id: Uuid,
    /// In which directory.
    pub placed: Placed,
    /// `cleanup.policy` contains `compact`.
    pub compacts: bool,
}

/// In which directory the metadata has a replica (KIP-858).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placed {
    /// In any.
    Anywhere,
    /// In the one with this id.
    In(Uuid),
    /// In none: it was offline.
    Lost,
}

/// A replica without a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Topic and index.
    pub partition: TopicPartition,
    /// The topic's id, where that is known.
    pub topic_id: Option<Uuid>,
    /// Everything below was known to be synced.
    pub synced: Offset,
    /// Where it began.
    pub start: Offset,
    /// The root that knows of it, by place; none if no root does.
    pub root: Option<usize>,
    /// Why it is missing.
    pub why: WhyMissing,
}

/// Why a replica has no directory here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhyMissing {
    /// Its log was here, and its directory is gone. It may have been moved to a directory of the node that was not looked at.
    Gone,
    /// The metadata has it in a directory that was not looked at.
    Elsewhere(Uuid),
    /// The metadata has it in none: it was offline before.
    Lost,
}

/// The replicas that are missing from these roots of a node; without its metadata, those that our marks know of.
///
/// One that was never in use is not missing: the next start makes it.
pub fn missing(roots: &[Root], expected: Option<&[Expected]>) -> Vec<Missing> {
    let held = |partition: &TopicPartition| roots.iter().any(|root| root.holds(partition));
    let mut found: Vec<Missing> = Vec::new();
    for (at, root) in roots.iter().enumerate() {
        for partition in root.known_logs().into_iter().filter(|p| !held(p)) {
            found.extend(gone(at, root, partition, expected).filter(|m| found.iter().all(|f| f.partition != m.partition)));
        }
    }
    let ids: Vec<Uuid> = roots.iter().filter_map(|root| root.meta.as_ref()?.directory_id).collect();
    for e in expected.unwrap_or_default().iter().filter(|e| !held(&e.partition)) {
        let why = match e.placed {
            Placed::Anywhere => continue,
            Placed::In(id) if ids.contains(&id) => continue,
            Placed::In(id) => WhyMissing::Elsewhere(id),
            Placed::Lost => WhyMissing::Lost,
        };
        if !found.iter().any(|m| m.partition == e.partition) {
            let (partition, topic_id) = (e.partition.clone(), Some(e.topic_id));
            found.push(Missing { partition, topic_id, synced: Offset(0), start: Offset(0), root: None, why });
        }
    }
    found.sort_by(|a, b| a.partition.cmp(&b.partition));
    found
}

/// A log that is known to have been in this root, if it is still one of the node's.
fn gone(at: usize, root: &Root, partition: &TopicPartition, expected: Option<&[Expected]>) -> Option<Missing> {
    let assigned = match expected {
        None => None,
        Some(all) => Some(all.iter().find(|e| e.partition == *partition)?.topic_id),
    };
    let topic_id = assigned.or(root.known.mark_of(partition, None).and_then(|m| m.topic_id));
    let known = root.known.of_log(partition, topic_id);
    let (synced, start) = (known.synced.end(), known.log_start.unwrap_or_default());
    let missing = Missing { partition: partition.clone(), topic_id, synced, start, root: Some(at), why: WhyMissing::Gone };
    (synced > Offset(0)).then_some(missing)
}
