//! What the metadata log says of the node's replicas: a small reading, without a quorum.

use std::path::{Path, PathBuf};

use odradek_cluster::image::{Image, LOST, Loader, MIGRATING, Resource, UNASSIGNED};
use odradek_cluster::record::MetadataRecord;
use odradek_log::doctor::{Expected, Placed, Root};
use odradek_log::formats::dir_name::METADATA_DIR;
use odradek_log::formats::file_name::{FileName, Kind, Mark};
use odradek_quorum::{SnapshotId, snapshot};
use odradek_wire::batch::Batches;
use odradek_wire::ids::{NodeId, Offset, TopicPartition, Uuid};

/// What a batch of the metadata may decode to.
const DECODED_BYTES_MAX: usize = 64 << 20;

/// What the metadata says of a node.
pub struct Metadata {
    /// Its replicas.
    pub expected: Vec<Expected>,
    /// The log directories with which it registered.
    pub log_dirs: Vec<Uuid>,
}

/// Reads the metadata log, if it is in one of these directories; or says why it cannot be read.
pub fn read(roots: &[Root]) -> Result<Option<Metadata>, String> {
    let holds = |root: &&Root| root.logs.first().is_some_and(|(dir, _)| dir.as_str() == METADATA_DIR);
    let Some(node) = roots.iter().find_map(|root| Some(root.meta.as_ref()?.node)) else { return Ok(None) };
    let Some(root) = roots.iter().find(holds) else {
        return Err(format!(
            "{METADATA_DIR} is in none of these directories, and a start with these alone is refused: name every directory of the node"
        ));
    };
    let dir = Path::new(&root.path).join(METADATA_DIR);
    let image = image(&dir).map_err(|why| format!("{}: {why}", dir.display()))?;
    let log_dirs = image.broker(node).map(|broker| broker.log_dirs.clone()).unwrap_or_default();
    Ok(Some(Metadata { expected: expected(&image, node), log_dirs }))
}

fn expected(image: &Image, node: NodeId) -> Vec<Expected> {
    let mut all = Vec::new();
    for topic in image.topics() {
        let compacts = policy(image, node, &topic.name).is_some_and(|policy| policy.contains("compact"));
        for (&index, granted) in topic.partitions.iter().filter(|(_, p)| p.replicas.contains(&node)) {
            let placed = match granted.directory(node) {
                MIGRATING | UNASSIGNED => Placed::Anywhere,
                LOST => Placed::Lost,
                id => Placed::In(id),
            };
            all.push(Expected {
                partition: TopicPartition { topic: topic.name.clone(), partition: index },
                topic_id: topic.id,
                placed,
                compacts,
            });
        }
    }
    all
}

/// The topic's policy, or that of the node; what its file says is not known here.
fn policy<'a>(image: &'a Image, node: NodeId, topic: &str) -> Option<&'a str> {
    let of_topic = image.override_of(&Resource::topic(topic), "cleanup.policy");
    let of = |resource: &Resource| image.override_of(resource, "log.cleanup.policy");
    of_topic.or_else(|| of(&Resource::broker(node))).or_else(|| of(&Resource::every_broker()))
}

/// The newest snapshot, and every batch behind it.
fn image(dir: &Path) -> Result<Image, String> {
    let names = std::fs::read_dir(dir).map_err(|e| e.to_string())?.filter_map(|e| Some(e.ok()?.file_name().to_string_lossy().into_owned()));
    let (mut segments, mut newest): (Vec<(Offset, PathBuf)>, Option<SnapshotId>) = (Vec::new(), None);
    for name in names {
        match FileName::parse(&name) {
            Some(FileName { offset, kind: Kind::Log, mark: Mark::None }) => segments.push((offset, dir.join(&name))),
            Some(FileName { kind: Kind::Checkpoint(_), mark: Mark::None, .. }) => newest = newest.max(SnapshotId::parse(&name)),
            _ => {}
        }
    }
    segments.sort();
    let mut loader = Loader::default();
    if let Some(id) = newest {
        let bytes = std::fs::read(dir.join(id.file_name())).map_err(|e| format!("{}: {e}", id.file_name()))?;
        let found = snapshot::decode(bytes.into()).map_err(|why| format!("{}: {why}", id.file_name()))?;
        apply(&mut loader, &found.records)?;
    }
    let from = newest.map_or(Offset(0), |id| id.end);
    for (i, (base, path)) in segments.iter().enumerate() {
        if segments.get(i + 1).is_some_and(|(next, _)| *next <= from) {
            continue;
        }
        let bytes = std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?;
        // The last segment may end with a batch that was torn.
        let is_last = i + 1 == segments.len();
        replay(&mut loader, bytes, from).or_else(|why| if is_last { Ok(()) } else { Err(format!("segment {}: {why}", base.0)) })?;
    }
    Ok(loader.image().clone())
}

fn replay(loader: &mut Loader, bytes: Vec<u8>, from: Offset) -> Result<(), String> {
    for batch in Batches::new(bytes.into()) {
        let batch = batch.and_then(odradek_wire::batch::Batch::check).map_err(|e| e.to_string())?;
        if batch.header().attributes.is_control() || batch.header().base_offset < from {
            continue;
        }
        let mut records = Vec::new();
        for record in batch.records(DECODED_BYTES_MAX).map_err(|e| e.to_string())? {
            let value = record.map_err(|e| e.to_string())?.value.ok_or("a record without a value")?;
            records.push(MetadataRecord::decode(&value).map_err(|e| e.to_string())?.0);
        }
        apply(loader, &records)?;
    }
    Ok(())
}

fn apply(loader: &mut Loader, records: &[MetadataRecord]) -> Result<(), String> {
    records.iter().try_for_each(|record| loader.apply(record, &mut Vec::new()).map_err(|e| e.to_string()))
}
