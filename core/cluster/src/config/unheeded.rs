//! Overrides in the metadata log that do not hold here: for the log of a node that starts on them.

use std::collections::BTreeMap;

use odradek_wire::ids::NodeId;

use super::definition::{Definition, Effect};
use super::{CLIENT_METRICS_KEYS, GROUP_KEYS, broker_key, topic_key};
use crate::image::{Image, Resource, ResourceType};

/// Every override that concerns a node and does not hold there, in sentences: one for each key and reason.
pub fn unheeded_overrides(image: &Image, node: NodeId) -> Vec<String> {
    let mut all: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    let concerns =
        |resource: &Resource| resource.kind != ResourceType::BROKER || resource.name.is_empty() || *resource == Resource::broker(node);
    for resource in image.configured().filter(|resource| concerns(resource)) {
        for (key, value) in image.overrides(resource).into_iter().flatten() {
            if let Some(why) = unheeded_override(resource.kind, key, value) {
                all.entry((key.to_string(), why)).or_default().push(named(resource));
            }
        }
    }
    all.into_iter().map(|((key, why), whose)| format!("{key} of {}: {why}", whose.join(", "))).collect()
}

/// Why one override does not hold here; `None` if it does.
pub fn unheeded_override(kind: ResourceType, key: &str, value: &str) -> Option<String> {
    let definition = match kind {
        ResourceType::TOPIC => topic_key(key),
        ResourceType::BROKER => broker_key(key),
        ResourceType::GROUP => GROUP_KEYS.iter().find(|known| known.name == key),
        ResourceType::CLIENT_METRICS => CLIENT_METRICS_KEYS.iter().find(|known| known.name == key),
        _ => None,
    };
    let Some(definition) = definition else { return Some("it has no effect here, where nobody knows such a key".to_owned()) };
    match definition.effect {
        Effect::Nothing(why) => Some(format!("it has no effect here: {why}")),
        Effect::Refused(why) if Some(value) != definition.default => Some(format!("it has no effect here: {why}")),
        Effect::Works | Effect::Refused(_) => not_changed(kind, definition, value),
    }
}

fn not_changed(kind: ResourceType, definition: &Definition, value: &str) -> Option<String> {
    if kind == ResourceType::BROKER && definition.is_read_only() {
        return Some("it has no effect here, where it is read at the start from the file and the command line only".to_owned());
    }
    let wrong = definition.parse(value).err()?;
    Some(format!("it is passed over: {}", wrong.message))
}

fn named(resource: &Resource) -> String {
    match resource.kind {
        ResourceType::BROKER if resource.name.is_empty() => "every broker".to_owned(),
        ResourceType::BROKER => format!("broker {}", resource.name),
        ResourceType::GROUP => format!("group {}", resource.name),
        ResourceType::CLIENT_METRICS => format!("client metrics {}", resource.name),
        _ => resource.name.to_string(),
    }
}
