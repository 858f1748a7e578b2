//! DescribeCluster: the brokers of the committed image (KIP-700, KIP-919, KIP-1073).

use odradek_wire::error::ErrorCode;
use odradek_wire::messages::describe_cluster_response::DescribeClusterBroker;
use odradek_wire::messages::{DescribeClusterRequestData, DescribeClusterResponseData, text};

use super::resolve::CLUSTER_OPERATIONS;
use super::{Ask, Reply};
use crate::running::Running;

/// Endpoints of brokers.
const BROKERS: i8 = 1;
/// Endpoints of controllers, which are told by controllers.
const CONTROLLERS: i8 = 2;

/// Answers from the committed image.
pub(crate) fn handle(node: &Running, ask: &Ask, request: &DescribeClusterRequestData) -> Reply {
    let refusal = match request.endpoint_type {
        BROKERS => None,
        CONTROLLERS => Some((ErrorCode::MismatchedEndpointType, "The request asks for controllers, and this is an endpoint of brokers.")),
        _ => Some((ErrorCode::UnsupportedEndpointType, "The request asks for endpoints of an unknown type.")),
    };
    if let Some((error, why)) = refusal {
        let refused = DescribeClusterResponseData::default().with_error_code(error.code()).with_error_message(Some(text(why)));
        return Reply::Now(refused.into());
    }
    let listener = node.listener_of(ask.key.connection);
    let told = node.image().brokers().filter(|b| !b.fenced || request.include_fenced_brokers);
    let broker = |b: &std::sync::Arc<odradek_cluster::image::Broker>| {
        let at = b.endpoint(listener)?;
        let broker = DescribeClusterBroker::default().with_broker_id(b.id.0).with_host(text(&at.host)).with_port(i32::from(at.port));
        Some(broker.with_rack(b.rack.as_deref().map(text)).with_is_fenced(b.fenced))
    };
    let operations = if request.include_cluster_authorized_operations { CLUSTER_OPERATIONS } else { i32::MIN };
    let response = DescribeClusterResponseData::default()
        .with_endpoint_type(BROKERS)
        .with_cluster_id(text(&node.cluster_id))
        .with_controller_id(node.me().0)
        .with_brokers(told.filter_map(broker).collect())
        .with_cluster_authorized_operations(operations);
    Reply::Now(response.into())
}
