//! Overrides of topics and brokers are changed.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::names::check_topic_name;
use super::refusal::{incremental_result, legacy_result};
use super::{Controller, ControllerResponse, Decision, Refusal};
use crate::config::{
    NodeView, ValueType, broker_key, topic_key, validate_client_metrics_key, validate_group_key, validate_topic_overrides,
};
use crate::image::{Overrides, Resource, ResourceType};
use crate::messages::incremental_alter_configs_request::AlterableConfig;
use crate::messages::{
    AlterConfigsRequestData, AlterConfigsResponseData, ErrorCode, IncrementalAlterConfigsRequestData, IncrementalAlterConfigsResponseData,
    KafkaString,
};
use crate::record::{ClearElrRecord, ConfigRecord, MetadataRecord};
use odradek_wire::ids::NodeId;

const MIN_INSYNC_REPLICAS: &str = "min.insync.replicas";

/// What becomes of one key: a value, or nothing.
type Changes = BTreeMap<String, Option<String>>;

impl Controller {
    pub(super) fn incremental_alter_configs(&self, r: &IncrementalAlterConfigsRequestData) -> Decision {
        let mut records = Vec::new();
        let keys: Vec<_> = r.resources.iter().map(|r| (r.resource_type, r.resource_name.as_str())).collect();
        let mut responses = Vec::new();
        for (i, alter) in r.resources.iter().enumerate() {
            let outcome = match occurrence(&keys, i) {
                Occurrence::Only => self.alter_incrementally(alter.resource_type, &alter.resource_name, &alter.configs, &mut records),
                Occurrence::First => Err(Refusal::new(ErrorCode::InvalidRequest, "Duplicate resource.")),
                Occurrence::Again => continue,
            };
            responses.push(incremental_result(alter.resource_type, &alter.resource_name, outcome.err().as_ref()));
        }
        self.finish(&mut records, r.validate_only);
        let reply = IncrementalAlterConfigsResponseData { responses, ..Default::default() };
        Decision { records, reply: ControllerResponse::IncrementalAlterConfigs(reply) }
    }

    pub(super) fn alter_configs(&self, r: &AlterConfigsRequestData) -> Decision {
        let mut records = Vec::new();
        let keys: Vec<_> = r.resources.iter().map(|r| (r.resource_type, r.resource_name.as_str())).collect();
        let mut responses = Vec::new();
        for (i, alter) in r.resources.iter().enumerate() {
            let wanted = || alter.configs.iter().map(|c| (c.name.to_string(), c.value.as_ref().map(KafkaString::to_string))).collect();
            let outcome = match occurrence(&keys, i) {
                Occurrence::Only => self.replace_all(alter.resource_type, &alter.resource_name, wanted(), &mut records),
                Occurrence::First => Err(Refusal::new(ErrorCode::InvalidRequest, "Duplicate resource.")),
                Occurrence::Again => continue,
            };
            responses.push(legacy_result(alter.resource_type, &alter.resource_name, outcome.err().as_ref()));
        }
        self.finish(&mut records, r.validate_only);
        let reply = AlterConfigsResponseData { responses, ..Default::default() };
        Decision { records, reply: ControllerResponse::AlterConfigs(reply) }
    }

    fn alter_incrementally(
        &self,
        kind: i8,
        name: &KafkaString,
        configs: &[AlterableConfig],
        records: &mut Vec<MetadataRecord>,
    ) -> Result<(), Refusal> {
        let resource = known_resource(kind, name)?;
        let mut changes = Changes::new();
        for config in configs {
            let current = self.image.override_of(&resource, config.name.as_str());
            changes.insert(config.name.to_string(), apply_operation(&resource, config, current)?);
        }
        self.change_overrides(&resource, changes, records)
    }

    /// The legacy form: what is not named goes back to its default.
    fn replace_all(&self, kind: i8, name: &KafkaString, wanted: Changes, records: &mut Vec<MetadataRecord>) -> Result<(), Refusal> {
        let resource = known_resource(kind, name)?;
        let mut changes = wanted;
        for key in self.image.overrides(&resource).into_iter().flat_map(|o| o.keys()) {
            changes.entry(key.to_string()).or_insert(None);
        }
        self.change_overrides(&resource, changes, records)
    }

    /// Checks what the overrides would become as a whole; a broker's keys are written even unchanged, so that what they name is loaded again (KAFKA-14136).
    fn change_overrides(&self, resource: &Resource, changes: Changes, records: &mut Vec<MetadataRecord>) -> Result<(), Refusal> {
        let current = self.image.overrides(resource);
        let mut after: Overrides = current.cloned().unwrap_or_default();
        let mut mine = Vec::new();
        for (key, value) in changes {
            self.check_change(resource, &key, value.as_deref())?;
            let before = after.get(&*key).map(Arc::as_ref);
            if before == value.as_deref() && resource.kind != ResourceType::BROKER {
                continue;
            }
            match &value {
                Some(value) => after.insert(Arc::from(&*key), Arc::from(&**value)),
                None => after.remove(&*key),
            };
            mine.push(MetadataRecord::Config(ConfigRecord {
                resource_type: resource.kind.0,
                resource_name: resource.name.to_string(),
                name: key,
                value,
            }));
        }
        self.check_overrides(resource, &after)?;
        self.check_existence(resource)?;
        records.extend(mine);
        Ok(())
    }

    /// While eligible leaders are kept, every broker must have the same idea of `min.insync.replicas` (KIP-966).
    fn check_change(&self, resource: &Resource, key: &str, value: Option<&str>) -> Result<(), Refusal> {
        let invalid = |message: String| Err(Refusal::new(ErrorCode::InvalidConfig, message));
        if self.elr() && resource.kind == ResourceType::BROKER && key == MIN_INSYNC_REPLICAS {
            if !resource.name.is_empty() {
                return invalid(format!("Broker-level {MIN_INSYNC_REPLICAS} cannot be altered while ELR is enabled."));
            }
            if value.is_none() {
                return invalid(format!("Cluster-level {MIN_INSYNC_REPLICAS} cannot be removed while ELR is enabled."));
            }
        }
        if let Some(value) = value.filter(|_| !resource.name.is_empty()) {
            check_nothing_is_lost(resource, key, value)?;
        }
        match value {
            Some(value) if value.encode_utf16().count() > VALUE_LENGTH_MAX => invalid(format!(
                "The configuration value cannot be added because it exceeds the maximum value size of {VALUE_LENGTH_MAX} bytes."
            )),
            _ => Ok(()),
        }
    }

    fn check_overrides(&self, resource: &Resource, after: &Overrides) -> Result<(), Refusal> {
        let request = |message: &str| Err(Refusal::new(ErrorCode::InvalidRequest, message));
        match resource.kind {
            ResourceType::TOPIC if resource.name.is_empty() => request("Default topic resources are not allowed."),
            ResourceType::TOPIC => {
                check_topic_name(&resource.name)?;
                let view = NodeView::of_cluster(&self.image, &self.config.defaults);
                Ok(validate_topic_overrides(after, &view)?)
            }
            ResourceType::BROKER if resource.name.is_empty() => Ok(()),
            ResourceType::BROKER => match resource.name.parse::<i32>() {
                Err(_) => request("Unable to parse broker name as a base 10 number."),
                Ok(..0) => request("Invalid negative broker ID."),
                Ok(_) => Ok(()),
            },
            ResourceType::GROUP if resource.name.is_empty() => request("Default group resources are not allowed."),
            ResourceType::CLIENT_METRICS if resource.name.is_empty() => request("Subscription name can't be empty"),
            ResourceType::GROUP | ResourceType::CLIENT_METRICS => Ok(()),
            ResourceType(_) => request("Unknown resource type BROKER_LOGGER"),
        }
    }

    fn check_existence(&self, resource: &Resource) -> Result<(), Refusal> {
        match resource.kind {
            ResourceType::TOPIC if self.image.topic_id(&resource.name).is_none() => {
                let message = format!("The topic '{}' does not exist.", resource.name);
                Err(Refusal::new(ErrorCode::UnknownTopicOrPartition, message))
            }
            ResourceType::BROKER if !resource.name.is_empty() => {
                let id = NodeId(resource.name.parse().expect("the name of a broker was checked to be a number"));
                let known = id == self.config.node || self.image.broker(id).is_some() || self.image.controller(id).is_some();
                let message = || format!("No node with id {} found.", id.0);
                if known { Ok(()) } else { Err(Refusal::new(ErrorCode::BrokerIdNotRegistered, message())) }
            }
            _ => Ok(()),
        }
    }

    /// A change of `min.insync.replicas` makes ELRs of before worthless (KIP-966).
    fn finish(&self, records: &mut Vec<MetadataRecord>, validate_only: bool) {
        if validate_only {
            records.clear();
        }
        if !self.elr() {
            return;
        }
        let clears = |record: &MetadataRecord| match record {
            MetadataRecord::Config(c) if c.name == MIN_INSYNC_REPLICAS => {
                let topic_name = if c.resource_type == ResourceType::TOPIC.0 { c.resource_name.clone() } else { String::new() };
                Some(MetadataRecord::ClearElr(ClearElrRecord { topic_name }))
            }
            _ => None,
        };
        let cleared: Vec<_> = records.iter().filter_map(clears).collect();
        records.extend(cleared);
    }
}

/// What cannot be in force is refused: groups and client metrics are not here yet.
fn check_nothing_is_lost(resource: &Resource, key: &str, value: &str) -> Result<(), Refusal> {
    match resource.kind {
        ResourceType::GROUP => Ok(validate_group_key(key, value)?),
        ResourceType::CLIENT_METRICS => match validate_client_metrics_key(key, value) {
            Some(checked) => Ok(checked?),
            None => Err(Refusal::new(ErrorCode::InvalidRequest, format!("Unknown client metrics configuration: {key}"))),
        },
        _ => Ok(()),
    }
}

/// As long as a string of Java's `short` length.
const VALUE_LENGTH_MAX: usize = i16::MAX as usize;

/// A resource that is named twice is refused once, and its second naming is not answered.
enum Occurrence {
    Only,
    First,
    Again,
}

fn occurrence(keys: &[(i8, &str)], at: usize) -> Occurrence {
    if keys[..at].contains(&keys[at]) {
        Occurrence::Again
    } else if keys[at + 1..].contains(&keys[at]) {
        Occurrence::First
    } else {
        Occurrence::Only
    }
}

fn known_resource(kind: i8, name: &KafkaString) -> Result<Resource, Refusal> {
    match kind {
        2 | 4 | 8 | 16 | 32 => Ok(Resource { kind: ResourceType(kind), name: Arc::from(name.as_str()) }),
        _ => Err(Refusal::new(ErrorCode::UnsupportedVersion, format!("Unknown resource type {kind}."))),
    }
}

/// The value of a key after one operation on it; `None` if it has none of its own any more.
///
/// # Errors
/// For an operation that is not known, or one for lists on a key that is none.
pub fn apply_operation(resource: &Resource, config: &AlterableConfig, current: Option<&str>) -> Result<Option<String>, Refusal> {
    let key = config.name.as_str();
    let definition = if resource.kind == ResourceType::TOPIC { topic_key(key) } else { broker_key(key) };
    let value = || config.value.as_ref().map_or("", KafkaString::as_str);
    let is_list = definition.is_some_and(|d| d.value_type == ValueType::List);
    let not_a_list =
        |operation: &str| Refusal::new(ErrorCode::InvalidConfig, format!("Can't {operation} to key {key} because its type is not LIST."));
    let mut entries: Vec<&str> =
        current.or(definition.and_then(|d| d.default)).unwrap_or("").split(',').filter(|e| !e.is_empty()).collect();
    match config.config_operation {
        0 => Ok(config.value.as_ref().map(KafkaString::to_string)),
        1 => Ok(None),
        2 if is_list => {
            for entry in value().split(',') {
                if !entries.contains(&entry) {
                    entries.push(entry);
                }
            }
            Ok(Some(entries.join(",")))
        }
        3 if is_list => {
            for entry in value().split(',') {
                if let Some(at) = entries.iter().position(|e| *e == entry) {
                    entries.remove(at);
                }
            }
            Ok(Some(entries.join(",")))
        }
        2 => Err(not_a_list("APPEND")),
        3 => Err(not_a_list("SUBTRACT")),
        other => Err(Refusal::new(ErrorCode::InvalidRequest, format!("Unknown operations type {other}"))),
    }
}
