//! What a broker checks of a request to alter configurations before it sends the rest to the controller.
//!
//! A broker's own keys can only be judged by that broker: it knows what can change while it runs. So a request is split: some resources are refused here,
//! the others go on, and the answer is put together in the order of the request.

use std::collections::BTreeMap;

use odradek_wire::ids::NodeId;

use crate::config::{ConfigError, validate_broker_overrides};
use crate::controller::{Refusal, apply_operation};
use crate::image::{Image, Overrides, Resource, ResourceType};
use crate::messages::{
    AlterConfigsRequestData, AlterConfigsResponseData, ErrorCode, IncrementalAlterConfigsRequestData, IncrementalAlterConfigsResponseData,
    alter_configs_response, incremental_alter_configs_response, text,
};

/// Refusals of resources, by their place in the request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refused(BTreeMap<usize, Refusal>);

impl Refused {
    /// True if the controller need not be asked.
    pub fn is_all(&self, resources: usize) -> bool {
        self.0.len() == resources
    }
}

/// Splits an IncrementalAlterConfigs: what this broker refuses, and what the controller is to decide.
pub fn check_incremental(
    image: &Image,
    node: NodeId,
    request: &IncrementalAlterConfigsRequestData,
) -> (Refused, IncrementalAlterConfigsRequestData) {
    let names: Vec<_> = request.resources.iter().map(|r| (r.resource_type, r.resource_name.as_str())).collect();
    let mut refused = repeated(&names);
    for (i, r) in request.resources.iter().enumerate().filter(|(i, _)| !names_repeat(&names, *i)) {
        let keys: Vec<&str> = r.configs.iter().map(|c| c.name.as_str()).collect();
        let nulls = r.configs.iter().filter(|c| c.config_operation != DELETE && c.value.is_none()).map(|c| c.name.as_str());
        let outcome = check_keys(&keys, nulls.collect()).and_then(|()| {
            let Some(resource) = broker_resource(node, r.resource_type, r.resource_name.as_str())? else { return Ok(()) };
            let mut after = image.overrides(&resource).cloned().unwrap_or_default();
            for config in &r.configs {
                let current = after.get(config.name.as_str()).map(ToString::to_string);
                match apply_operation(&resource, config, current.as_deref())? {
                    Some(value) => after.insert(config.name.as_str().into(), value.into()),
                    None => after.remove(config.name.as_str()),
                };
            }
            let set: Vec<&str> = r.configs.iter().filter(|c| c.config_operation != DELETE).map(|c| c.name.as_str()).collect();
            check_broker(&after, &set)
        });
        refused.extend(outcome.err().map(|why| (i, why)));
    }
    let mut rest = request.clone();
    rest.resources = request.resources.iter().enumerate().filter(|(i, _)| !refused.contains_key(i)).map(|(_, r)| r.clone()).collect();
    (Refused(refused), rest)
}

/// The answer to the whole request: refusals of this broker, and the controller's results for the rest.
pub fn answer_incremental(
    request: &IncrementalAlterConfigsRequestData,
    refused: &Refused,
    decided: &IncrementalAlterConfigsResponseData,
) -> IncrementalAlterConfigsResponseData {
    let one = |(i, r): (usize, &crate::messages::incremental_alter_configs_request::AlterConfigsResource)| {
        let by_controller = decided.responses.iter().find(|d| d.resource_type == r.resource_type && d.resource_name == r.resource_name);
        match (refused.0.get(&i), by_controller) {
            (None, Some(decided)) => decided.clone(),
            (why, _) => incremental_alter_configs_response::AlterConfigsResourceResponse {
                error_code: why.map_or(ErrorCode::UnknownServerError, |w| w.error).code(),
                error_message: why.and_then(|w| w.message.as_deref()).map(text),
                resource_type: r.resource_type,
                resource_name: r.resource_name.clone(),
                ..Default::default()
            },
        }
    };
    let responses = request.resources.iter().enumerate().map(one).collect();
    IncrementalAlterConfigsResponseData { responses, ..decided.clone() }
}

/// Splits an AlterConfigs: what this broker refuses, and what the controller is to decide.
pub fn check_legacy(node: NodeId, request: &AlterConfigsRequestData) -> (Refused, AlterConfigsRequestData) {
    let names: Vec<_> = request.resources.iter().map(|r| (r.resource_type, r.resource_name.as_str())).collect();
    let mut refused = repeated(&names);
    for (i, r) in request.resources.iter().enumerate().filter(|(i, _)| !names_repeat(&names, *i)) {
        let keys: Vec<&str> = r.configs.iter().map(|c| c.name.as_str()).collect();
        let nulls = r.configs.iter().filter(|c| c.value.is_none()).map(|c| c.name.as_str());
        let outcome = check_keys(&keys, nulls.collect()).and_then(|()| {
            if r.resource_type == ResourceType::BROKER_LOGGER.0 {
                return Err(unknown_type(r.resource_type));
            }
            if broker_resource(node, r.resource_type, r.resource_name.as_str())?.is_none() {
                return Ok(());
            }
            let after: Overrides =
                r.configs.iter().filter_map(|c| Some((c.name.as_str().into(), c.value.as_ref()?.as_str().into()))).collect();
            check_broker(&after, &keys)
        });
        refused.extend(outcome.err().map(|why| (i, why)));
    }
    let mut rest = request.clone();
    rest.resources = request.resources.iter().enumerate().filter(|(i, _)| !refused.contains_key(i)).map(|(_, r)| r.clone()).collect();
    (Refused(refused), rest)
}

/// The answer to the whole request: refusals of this broker, and the controller's results for the rest.
pub fn answer_legacy(request: &AlterConfigsRequestData, refused: &Refused, decided: &AlterConfigsResponseData) -> AlterConfigsResponseData {
    let one = |(i, r): (usize, &crate::messages::alter_configs_request::AlterConfigsResource)| {
        let by_controller = decided.responses.iter().find(|d| d.resource_type == r.resource_type && d.resource_name == r.resource_name);
        match (refused.0.get(&i), by_controller) {
            (None, Some(decided)) => decided.clone(),
            (why, _) => alter_configs_response::AlterConfigsResourceResponse {
                error_code: why.map_or(ErrorCode::UnknownServerError, |w| w.error).code(),
                error_message: why.and_then(|w| w.message.as_deref()).map(text),
                resource_type: r.resource_type,
                resource_name: r.resource_name.clone(),
                ..Default::default()
            },
        }
    };
    let responses = request.resources.iter().enumerate().map(one).collect();
    AlterConfigsResponseData { responses, ..decided.clone() }
}

/// The operation that takes an override away.
const DELETE: i8 = 1;

fn names_repeat(names: &[(i8, &str)], at: usize) -> bool {
    names.iter().filter(|n| **n == names[at]).count() > 1
}

fn repeated(names: &[(i8, &str)]) -> BTreeMap<usize, Refusal> {
    let why = || Refusal::new(ErrorCode::InvalidRequest, "Each resource must appear at most once.");
    (0..names.len()).filter(|&i| names_repeat(names, i)).map(|i| (i, why())).collect()
}

fn check_keys(keys: &[&str], nulls: Vec<&str>) -> Result<(), Refusal> {
    if keys.iter().enumerate().any(|(i, k)| keys[..i].contains(k)) {
        return Err(Refusal::new(ErrorCode::InvalidRequest, "Error due to duplicate config keys"));
    }
    if nulls.is_empty() {
        return Ok(());
    }
    Err(Refusal::new(ErrorCode::InvalidRequest, format!("Null value not supported for : {}", nulls.join(", "))))
}

/// The resource, if it is this broker or every broker; `None` if the controller alone decides about it.
fn broker_resource(node: NodeId, kind: i8, name: &str) -> Result<Option<Resource>, Refusal> {
    match ResourceType(kind) {
        ResourceType::BROKER => {}
        ResourceType::TOPIC | ResourceType::CLIENT_METRICS | ResourceType::GROUP => return Ok(None),
        _ => return Err(unknown_type(kind)),
    }
    if name.is_empty() {
        return Ok(Some(Resource::every_broker()));
    }
    let invalid = |message| Err(Refusal::new(ErrorCode::InvalidRequest, message));
    match name.parse::<i32>() {
        Err(_) => invalid(format!("Node id must be an integer, but it is: {name}")),
        Ok(id) if id != node.0 => invalid(format!("Unexpected broker id, expected {}, but received {name}", node.0)),
        Ok(_) => Ok(Some(Resource::broker(node))),
    }
}

fn unknown_type(kind: i8) -> Refusal {
    Refusal::new(ErrorCode::InvalidRequest, format!("Unknown resource type {kind}"))
}

/// A broker's key that cannot be changed is an invalid request and not an invalid configuration (KAFKA-13609).
fn check_broker(after: &Overrides, set: &[&str]) -> Result<(), Refusal> {
    let refusal = |wrong: ConfigError| Refusal::new(ErrorCode::InvalidRequest, wrong.message);
    validate_broker_overrides(after, set).map_err(refusal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig};

    fn resource(kind: i8, name: &str, changes: &[(&str, i8, Option<&str>)]) -> AlterConfigsResource {
        let config = |&(name, config_operation, value): &(&str, i8, Option<&str>)| AlterableConfig {
            name: text(name),
            config_operation,
            value: value.map(text),
            ..Default::default()
        };
        let configs = changes.iter().map(config).collect();
        AlterConfigsResource { resource_type: kind, resource_name: text(name), configs, ..Default::default() }
    }

    #[test]
    fn a_brokers_own_keys_are_judged_by_it_and_the_rest_by_the_controller() {
        let resources = vec![
            resource(4, "0", &[("log.dirs", 0, Some("/x"))]),
            resource(2, "orders", &[("retention.ms", 0, Some("5"))]),
            resource(4, "", &[("log.retention.ms", 0, Some("abc"))]),
            resource(4, "7", &[("log.retention.ms", 0, Some("5"))]),
            resource(4, "x", &[]),
            resource(2, "twice", &[]),
            resource(2, "twice", &[]),
            resource(2, "null", &[("k", 0, None), ("gone", 1, None)]),
            resource(99, "?", &[]),
        ];
        let request = IncrementalAlterConfigsRequestData { resources, ..Default::default() };
        let (refused, rest) = check_incremental(&Image::new(), NodeId(0), &request);
        assert_eq!(rest.resources, request.resources[1..2]);
        let decided = IncrementalAlterConfigsResponseData {
            responses: vec![incremental_alter_configs_response::AlterConfigsResourceResponse {
                resource_type: 2,
                resource_name: text("orders"),
                ..Default::default()
            }],
            ..Default::default()
        };
        let answer = answer_incremental(&request, &refused, &decided);
        let says: Vec<_> = answer.responses.iter().map(|r| r.error_message.as_ref().map_or("", |m| m.as_str())).collect();
        assert_eq!(
            says,
            [
                "Cannot update these configs dynamically: [log.dirs]",
                "",
                "Invalid value abc for configuration log.retention.ms: Not a number of type LONG",
                "Unexpected broker id, expected 0, but received 7",
                "Node id must be an integer, but it is: x",
                "Each resource must appear at most once.",
                "Each resource must appear at most once.",
                "Null value not supported for : k",
                "Unknown resource type 99",
            ]
        );
        assert!(answer.responses.iter().all(|r| (r.error_code == 0) == (r.resource_name.as_str() == "orders")));
    }
}
