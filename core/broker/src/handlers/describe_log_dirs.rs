//! DescribeLogDirs: what lies in each log directory (KIP-113, KIP-827).

use std::collections::BTreeMap;
use std::sync::Arc;

use odradek_log::disk::DirId;
use odradek_wire::error::ErrorCode;
use odradek_wire::ids::TopicPartition;
use odradek_wire::messages::describe_log_dirs_response::{DescribeLogDirsPartition, DescribeLogDirsResult, DescribeLogDirsTopic};
use odradek_wire::messages::{DescribeLogDirsRequestData, DescribeLogDirsResponseData, text};

use super::Reply;
use crate::partition::Replica;
use crate::running::Running;

/// Answers from the replicas here; sizes of the file system are not known to the core and are told as unknown.
pub(crate) fn handle(node: &Running, request: &DescribeLogDirsRequestData) -> Reply {
    let wanted = |replica: &Replica| match &request.topics {
        None => true,
        Some(topics) => topics.iter().any(|t| t.topic.as_str() == &*replica.topic && t.partitions.contains(&replica.id.index)),
    };
    let mut results: Vec<_> = node.storage.log_dirs().map(|d| one(node, d.dir.id(), &d.path, d.dir.is_out_of_service(), &wanted)).collect();
    let fallen = node.round.iter().filter_map(|id| node.replicas.get(id)).filter(|r| node.fell_alone(r));
    results.extend(fallen.filter_map(|r| out_of_service(node, r.dir, &r.log.setup().partition)));
    results.extend(node.offline.sorted().into_iter().filter_map(|(_, o)| out_of_service(node, o.dir?, &o.partition)));
    Reply::Now(DescribeLogDirsResponseData::default().with_results(results).into())
}

/// A replica that is out of service is told as a directory of its own that failed: the protocol has no error for one replica.
fn out_of_service(node: &Running, dir: DirId, partition: &TopicPartition) -> Option<DescribeLogDirsResult> {
    let directory = node.storage.dirs.get(usize::from(dir.0))?;
    let path = format!("{}/{partition}", directory.path);
    let failed = DescribeLogDirsResult::default().with_log_dir(text(&path)).with_total_bytes(-1).with_usable_bytes(-1);
    Some(failed.with_error_code(ErrorCode::KafkaStorageError.code()))
}

fn one(node: &Running, dir: DirId, path: &str, failed: bool, wanted: &dyn Fn(&Replica) -> bool) -> DescribeLogDirsResult {
    let base = DescribeLogDirsResult::default().with_log_dir(text(path)).with_total_bytes(-1).with_usable_bytes(-1);
    if failed {
        return base.with_error_code(ErrorCode::KafkaStorageError.code());
    }
    let mut topics: BTreeMap<Arc<str>, Vec<DescribeLogDirsPartition>> = BTreeMap::new();
    for replica in
        node.round.iter().filter_map(|id| node.replicas.get(id)).filter(|r| r.dir == dir && !r.log.is_out_of_service() && wanted(r))
    {
        let size = i64::try_from(replica.log.bytes()).unwrap_or(i64::MAX);
        let partition = DescribeLogDirsPartition::default().with_partition_index(replica.id.index).with_partition_size(size);
        topics.entry(replica.topic.clone()).or_default().push(partition);
    }
    let topic = |(name, partitions): (Arc<str>, Vec<DescribeLogDirsPartition>)| {
        DescribeLogDirsTopic::default().with_name(text(&name)).with_partitions(partitions)
    };
    base.with_topics(topics.into_iter().map(topic).collect())
}
