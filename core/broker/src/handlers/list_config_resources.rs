//! ListConfigResources: everything that may be configured, by kind (KIP-1142).

use odradek_cluster::image::ResourceType;
use odradek_wire::error::ErrorCode;
use odradek_wire::messages::list_config_resources_response::ConfigResource;
use odradek_wire::messages::{ListConfigResourcesRequestData, ListConfigResourcesResponseData, text};

use super::{Ask, Reply};
use crate::running::Running;

const KINDS: &[ResourceType] =
    &[ResourceType::TOPIC, ResourceType::BROKER, ResourceType::BROKER_LOGGER, ResourceType::CLIENT_METRICS, ResourceType::GROUP];

/// Answers from the committed image. Version 0 asks for client metrics, without saying so (KIP-714).
pub(crate) fn handle(node: &Running, ask: &Ask, request: &ListConfigResourcesRequestData) -> Reply {
    let asked: Vec<i8> = match (ask.version, request.resource_types.as_slice()) {
        (0, _) => vec![ResourceType::CLIENT_METRICS.0],
        (_, []) => KINDS.iter().map(|k| k.0).collect(),
        (_, kinds) => kinds.to_vec(),
    };
    if asked.iter().any(|kind| !KINDS.contains(&ResourceType(*kind))) {
        let refused = ListConfigResourcesResponseData::default().with_error_code(ErrorCode::UnsupportedVersion.code());
        return Reply::Now(refused.into());
    }
    let resources = KINDS.iter().filter(|k| asked.contains(&k.0)).flat_map(|&kind| of_kind(node, kind)).collect();
    Reply::Now(ListConfigResourcesResponseData::default().with_config_resources(resources).into())
}

fn of_kind(node: &Running, kind: ResourceType) -> Vec<ConfigResource> {
    let names: Vec<String> = match kind {
        ResourceType::TOPIC => node.image().topics().map(|t| t.name.to_string()).collect(),
        ResourceType::BROKER | ResourceType::BROKER_LOGGER => node.image().brokers().map(|b| b.id.0.to_string()).collect(),
        _ => node.image().configured().filter(|r| r.kind == kind).map(|r| r.name.to_string()).collect(),
    };
    names.iter().map(|name| ConfigResource::default().with_resource_name(text(name)).with_resource_type(kind.0)).collect()
}
