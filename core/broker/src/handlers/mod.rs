//! One file for each API: what it is asked, and what it answers.
//!
//! A handler is a function of the node in service, who asked ([`Ask`]), and the request; it says how the request goes on ([`Reply`]). One that must wait
//! leaves what it needs in [`Pending`], copies the names that it keeps out of the frame, and answers later with [`crate::running::Running::answer`].

pub(crate) mod alter_configs;
pub(crate) mod api_versions;
pub(crate) mod create_partitions;
pub(crate) mod create_topics;
pub(crate) mod delete_records;
pub(crate) mod delete_topics;
pub(crate) mod describe_cluster;
pub(crate) mod describe_configs;
pub(crate) mod describe_log_dirs;
pub(crate) mod describe_producers;
pub(crate) mod describe_topic_partitions;
pub(crate) mod fetch;
pub(crate) mod forward;
pub(crate) mod incremental_alter_configs;
pub(crate) mod init_producer_id;
pub(crate) mod list_config_resources;
pub(crate) mod list_offsets;
pub(crate) mod made;
pub(crate) mod metadata;
pub(crate) mod offset_for_leader_epoch;
pub(crate) mod produce;
pub(crate) mod resolve;
pub(crate) mod twice;

use odradek_log::disk::FileRange;
use odradek_machine::Now;
use odradek_wire::request::Request;
use odradek_wire::response::{Response, unsupported_api_versions};
use odradek_wire::scatter::ScatterList;

use crate::io::Outbox;
use crate::running::Running;
use crate::sessions::RequestKey;

/// Who asks, and how the answer must be said.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    /// The request.
    pub(crate) key: RequestKey,
    /// Its version.
    pub(crate) version: i16,
}

/// How a request goes on.
#[derive(Debug)]
pub(crate) enum Reply {
    /// It is answered.
    Now(Response),
    /// It is answered with a frame that is already made.
    Frame(ScatterList<FileRange>),
    /// It is over and nothing is said (`acks=0`).
    Silent,
    /// It waits; its handler left something in [`Pending`].
    Later,
    /// The connection is closed, for this reason.
    Close(String),
}

/// A request that waits, and what its handler needs to go on.
#[derive(Debug)]
pub(crate) enum Pending {
    Produce(produce::PendingProduce),
    Fetch(Box<fetch::PendingFetch>),
    ListOffsets(list_offsets::PendingListOffsets),
    DeleteRecords(delete_records::PendingDeleteRecords),
    InitProducerId(init_producer_id::PendingInitProducerId),
    Metadata(metadata::PendingMetadata),
    Forwarded(Box<forward::Forwarded>),
    Made(Box<made::PendingMade>),
}

/// Routes a request to its handler.
pub(crate) fn handle(node: &mut Running, now: Now, ask: &Ask, request: Request, out: &mut Outbox) -> Reply {
    match request {
        Request::Produce(r) => produce::handle(node, now, ask, r, out),
        Request::Fetch(r) => fetch::handle(node, now, ask, &r, out),
        Request::ListOffsets(r) => list_offsets::handle(node, now, ask, &r, out),
        Request::Metadata(r) => metadata::handle(node, now, ask, &r, out),
        Request::ApiVersions(r) => api_versions::handle(node, ask, &r),
        Request::UnsupportedApiVersions { .. } => Reply::Now(unsupported_api_versions()),
        Request::CreateTopics(r) => create_topics::handle(node, now, ask, r, out),
        Request::DeleteTopics(r) => delete_topics::handle(node, now, ask, r, out),
        Request::DeleteRecords(r) => delete_records::handle(node, now, ask, &r, out),
        Request::InitProducerId(r) => init_producer_id::handle(node, now, ask, &r, out),
        Request::OffsetForLeaderEpoch(r) => offset_for_leader_epoch::handle(node, &r),
        Request::DescribeConfigs(r) => describe_configs::handle(node, &r),
        Request::AlterConfigs(r) => alter_configs::handle(node, now, ask, r, out),
        Request::DescribeLogDirs(r) => describe_log_dirs::handle(node, &r),
        Request::CreatePartitions(r) => create_partitions::handle(node, now, ask, r, out),
        Request::IncrementalAlterConfigs(r) => incremental_alter_configs::handle(node, now, ask, r, out),
        Request::DescribeCluster(r) => describe_cluster::handle(node, ask, &r),
        Request::DescribeProducers(r) => describe_producers::handle(node, &r),
        Request::ListConfigResources(r) => list_config_resources::handle(node, ask, &r),
        Request::DescribeTopicPartitions(r) => describe_topic_partitions::handle(node, &r),
    }
}
