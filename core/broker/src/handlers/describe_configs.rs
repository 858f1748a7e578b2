//! DescribeConfigs: what holds, who said so, and what it means (KIP-133, KIP-226, KIP-569).

use odradek_cluster::config::{
    Effective, effective_broker, effective_client_metrics, effective_every_broker, effective_group, effective_topic,
};
use odradek_cluster::controller::check_topic_name;
use odradek_cluster::image::ResourceType;
use odradek_wire::error::ErrorCode;
use odradek_wire::messages::describe_configs_request::DescribeConfigsResource;
use odradek_wire::messages::describe_configs_response::{DescribeConfigsResourceResult, DescribeConfigsResult, DescribeConfigsSynonym};
use odradek_wire::messages::{DescribeConfigsRequestData, DescribeConfigsResponseData, text};

use super::Reply;
use crate::running::Running;

/// Answers from the committed image and the file of this node.
pub(crate) fn handle(node: &Running, request: &DescribeConfigsRequestData) -> Reply {
    let results = request.resources.iter().map(|r| one(node, r, request)).collect();
    Reply::Now(DescribeConfigsResponseData::default().with_results(results).into())
}

fn one(node: &Running, resource: &DescribeConfigsResource, request: &DescribeConfigsRequestData) -> DescribeConfigsResult {
    let name = resource.resource_name.as_str();
    let base = DescribeConfigsResult::default().with_resource_type(resource.resource_type).with_resource_name(text(name));
    match effective(node, ResourceType(resource.resource_type), name) {
        Ok(all) => {
            let wanted = |e: &&Effective| match &resource.configuration_keys {
                None => true,
                // Clients that have no keys to ask for send an empty list as well as none at all.
                Some(keys) if keys.is_empty() => true,
                Some(keys) => keys.iter().any(|k| k.as_str() == e.definition.name),
            };
            let base = base.with_error_message(Some(text("")));
            base.with_configs(all.iter().filter(wanted).map(|e| config(e, request)).collect())
        }
        Err((error, why)) => base.with_error_code(error.code()).with_error_message(Some(text(&why))),
    }
}

fn effective(node: &Running, kind: ResourceType, name: &str) -> Result<Vec<Effective>, (ErrorCode, String)> {
    let (image, me, file) = (node.image(), node.me(), &node.setup.config);
    match kind {
        ResourceType::TOPIC if check_topic_name(name).is_err() => {
            Err((ErrorCode::InvalidTopicException, format!("No topic has the name '{name}'.")))
        }
        ResourceType::TOPIC if image.topic(name).is_none() => Err((ErrorCode::UnknownTopicOrPartition, String::new())),
        ResourceType::TOPIC => Ok(effective_topic(image, me, file, name)),
        ResourceType::BROKER if name.is_empty() => Ok(effective_every_broker(image)),
        ResourceType::BROKER if name == me.0.to_string() => Ok(effective_broker(image, me, file)),
        ResourceType::BROKER => {
            let why = format!("Unexpected broker id, expected {} or empty string, but received {name}", me.0);
            Err((ErrorCode::InvalidRequest, why))
        }
        ResourceType::BROKER_LOGGER if name != me.0.to_string() => {
            Err((ErrorCode::InvalidRequest, format!("The loggers of broker {} are asked of it by its id, and not by '{name}'.", me.0)))
        }
        ResourceType::BROKER_LOGGER => Ok(Vec::new()),
        ResourceType::CLIENT_METRICS if name.is_empty() => {
            Err((ErrorCode::InvalidRequest, "Client metrics subscription name must not be empty".to_owned()))
        }
        ResourceType::CLIENT_METRICS => Ok(effective_client_metrics(image, name)),
        ResourceType::GROUP if name.is_empty() => Err((ErrorCode::InvalidRequest, "Group name must not be empty".to_owned())),
        ResourceType::GROUP => Ok(effective_group(image, me, file, name)),
        other => Err((ErrorCode::InvalidRequest, format!("Unsupported resource type: {}", other.0))),
    }
}

fn config(effective: &Effective, request: &DescribeConfigsRequestData) -> DescribeConfigsResourceResult {
    let definition = effective.definition;
    let shown = |value: Option<&str>| value.filter(|_| !definition.is_sensitive()).map(text);
    let synonyms = effective.synonyms.iter().filter(|_| request.include_synonyms).map(|s| {
        DescribeConfigsSynonym::default().with_name(text(s.name)).with_value(shown(s.value.as_deref())).with_source(s.source as i8)
    });
    DescribeConfigsResourceResult::default()
        .with_name(text(definition.name))
        .with_value(shown(effective.value.as_deref()))
        .with_read_only(definition.is_read_only())
        .with_config_source(effective.source() as i8)
        .with_is_sensitive(definition.is_sensitive())
        .with_synonyms(synonyms.collect())
        .with_config_type(definition.value_type as i8)
        .with_documentation(request.include_documentation.then(|| text(&definition.documentation())))
}
