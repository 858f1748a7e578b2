//! What the directories of a node are, all together: formatted or not is decided for the node as a whole, before anything in any of them is changed.
//!
//! A directory that is lost, or lost its identity, must not be made anew beside others that are there: what it held would be served as empty, and its offsets
//! given out again. So a node is formatted only where nothing of a node is, in any of its directories.
//!
//! A format of several directories may be cut short: each first gets its intent (the file `formatting`), then each its `meta.properties`, so that a directory
//! without identity and with an intent is one that was never in use.

use std::sync::Arc;

use odradek_wire::ids::Uuid;

use super::OpenError;
use crate::disk::Name;
use crate::formats::meta_properties::{self, MetaProperties};
use crate::formats::{Malformed, properties};

/// The name in the root of an intent.
pub const INTENT: &str = "formatting";

/// What a directory was about to be given when its formatting was cut short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// The cluster.
    pub cluster_id: String,
    /// The directory.
    pub directory_id: Uuid,
}

/// What a directory is, before anything in it is changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Looked {
    /// Its path.
    pub path: Arc<str>,
    /// Whose it is, if it was formatted.
    pub meta: Option<MetaProperties>,
    /// It was to be formatted.
    pub intent: Option<Intent>,
    /// The name of something in it that only a node that ran here leaves.
    pub in_use: Option<String>,
    /// The metadata log is here.
    pub metadata_log: bool,
    /// The metadata log belongs here (`metadata.log.dir`, else the first of `log.dirs`).
    pub holds_metadata: bool,
}

/// What is to be done with a node's directories.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The cluster, where one of them says it.
    pub cluster_id: Option<String>,
    /// Which of them are to be formatted, in their order.
    pub format: Vec<bool>,
    /// Nothing of a node is anywhere: the intent is to be written to all of them before the first is formatted.
    pub fresh: bool,
}

/// Decides for all directories of a node.
///
/// # Errors
/// One of them is missing, lost its identity, belongs elsewhere, or lost the metadata log.
pub fn decide(dirs: &[Looked]) -> Result<Decision, OpenError> {
    let Some((owned, meta)) = dirs.iter().find_map(|d| Some((d, d.meta.as_ref()?))) else { return fresh(dirs) };
    let in_use = dirs.iter().find_map(|d| Some((d, d.in_use.as_ref()?)));
    for (i, dir) in dirs.iter().enumerate() {
        match (&dir.meta, &dir.intent) {
            (Some(other), _) => agrees(dir, other, meta, &dirs[..i])?,
            (None, Some(intent)) if intent.cluster_id == meta.cluster_id && dir.in_use.is_none() => {}
            (None, _) if dir.holds_metadata && !dir.metadata_log => {
                let found = format!("{}/{}", owned.path, meta_properties::FILE);
                return Err(OpenError::MetadataLost { path: dir.path.clone(), found });
            }
            (None, _) => return Err(OpenError::Lost { path: dir.path.clone(), beside: owned.path.clone() }),
        }
        if let Some((other, name)) = in_use.filter(|_| dir.holds_metadata && !dir.metadata_log) {
            let found = format!("{}/{name}", other.path);
            return Err(OpenError::MetadataLost { path: dir.path.clone(), found });
        }
    }
    Ok(Decision { cluster_id: Some(meta.cluster_id.clone()), format: dirs.iter().map(|d| d.meta.is_none()).collect(), fresh: false })
}

fn fresh(dirs: &[Looked]) -> Result<Decision, OpenError> {
    match dirs.iter().find_map(|d| Some((d, d.in_use.as_ref()?))) {
        Some((dir, name)) => Err(OpenError::NotEmpty { path: dir.path.clone(), name: name.clone() }),
        None => Ok(Decision { cluster_id: None, format: vec![true; dirs.len()], fresh: true }),
    }
}

fn agrees(dir: &Looked, own: &MetaProperties, first: &MetaProperties, before: &[Looked]) -> Result<(), OpenError> {
    if own.cluster_id != first.cluster_id {
        return Err(OpenError::OtherCluster { path: dir.path.clone(), stored: own.cluster_id.clone(), cluster: first.cluster_id.clone() });
    }
    let same = |d: &&Looked| own.directory_id.is_some() && d.meta.as_ref().is_some_and(|m| m.directory_id == own.directory_id);
    match before.iter().find(same) {
        Some(twin) => Err(OpenError::SameDirectory { path: dir.path.clone(), other: twin.path.clone() }),
        None => Ok(()),
    }
}

/// The bytes of an intent.
pub(super) fn encode_intent(intent: &Intent) -> String {
    properties::encode([("cluster.id", intent.cluster_id.as_str()), ("directory.id", intent.directory_id.to_string().as_str())])
}

/// What an intent says; nothing where it was cut short.
pub(super) fn decode_intent(bytes: &[u8]) -> Result<Option<Intent>, Malformed> {
    let pairs = properties::decode(&Name::from(INTENT), bytes)?;
    let get = |key: &str| pairs.iter().find(|(k, _)| k == key).map(|(_, value)| value.clone());
    Ok(get("cluster.id")
        .zip(get("directory.id").and_then(|id| Uuid::parse(&id)))
        .map(|(cluster_id, directory_id)| Intent { cluster_id, directory_id }))
}
