//! What holds for a topic or a node, and who said so.

use std::sync::Arc;

use odradek_wire::ids::NodeId;

use super::definition::{Definition, Source};
use super::rule::Rule;
use super::{BROKER_KEYS, CLIENT_METRICS_KEYS, GROUP_KEYS, StaticConfig, TOPIC_KEYS, all_broker_keys, broker_key};
use crate::image::{Image, Overrides, Resource};

/// Where one value of a key was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Synonym {
    /// The key under which it was said.
    pub name: &'static str,
    /// The value.
    pub value: Option<Arc<str>>,
    /// By whom.
    pub source: Source,
}

/// A key, its value that holds, and who said so.
#[derive(Clone, Debug)]
pub struct Effective {
    /// The key.
    pub definition: &'static Definition,
    /// The value that holds; `None` is Kafka's null.
    pub value: Option<Arc<str>>,
    /// Every value that was said, as DescribeConfigs lists them: the one that holds first, as long as it was said under the key's first name.
    pub synonyms: Vec<Synonym>,
}

impl Effective {
    /// Who said it.
    pub fn source(&self) -> Source {
        self.synonyms.first().map_or(Source::Default, |s| s.source)
    }
}

/// The layers below a topic's own overrides, highest first.
pub struct NodeView<'a> {
    broker: Option<&'a Overrides>,
    every_broker: Option<&'a Overrides>,
    file: &'a StaticConfig,
}

impl<'a> NodeView<'a> {
    /// What holds for a node.
    pub fn of(image: &'a Image, node: NodeId, file: &'a StaticConfig) -> NodeView<'a> {
        NodeView { broker: image.overrides(&Resource::broker(node)), every_broker: image.overrides(&Resource::every_broker()), file }
    }

    /// What holds for the whole cluster, whatever node: what a controller decides by.
    pub fn of_cluster(image: &'a Image, file: &'a StaticConfig) -> NodeView<'a> {
        NodeView { broker: None, every_broker: image.overrides(&Resource::every_broker()), file }
    }

    /// The value of a broker key; `None` if it is null. What was said of it elsewhere is passed over if it is not right for the key, or if the key
    /// cannot change here while a node runs: it came from another version.
    pub fn value(&self, key: &Definition) -> Option<String> {
        let said = |overrides| heeded(overrides, key).and_then(|v| key.parse(v).ok());
        said(self.broker)
            .or_else(|| said(self.every_broker))
            .or_else(|| self.file.set(key.name).map(str::to_owned))
            .or_else(|| key.default.map(str::to_owned))
    }

    /// The number that holds now, of a key that the table defines as one, that is never null and that may change while a node runs.
    ///
    /// # Panics
    /// If the table defines no such number.
    pub fn current_long(&self, key: &'static str) -> i64 {
        let value = broker_key(key).and_then(|key| self.value(key));
        value.and_then(|v| v.parse().ok()).unwrap_or_else(|| panic!("the table defines no number {key}"))
    }

    /// The text of a broker key that holds now; empty where none was set and the table has none.
    pub fn current_text(&self, key: &'static str) -> String {
        broker_key(key).and_then(|key| self.value(key)).unwrap_or_default()
    }

    /// The default of a topic key here: the first of its broker keys that is not null.
    pub fn topic_default(&self, key: &Definition) -> Option<String> {
        let from_node = key.synonyms.iter().find_map(|synonym| {
            let broker = broker_key(synonym.name).expect("the tables agree, which a test checks");
            let value = self.value(broker)?;
            let number = value.parse::<i64>().ok();
            match number {
                Some(..0) if broker.rule == Rule::NotZero => Some("-1".to_owned()),
                _ if synonym.factor == 1 => Some(value),
                number => number?.checked_mul(synonym.factor).map(|n| n.to_string()),
            }
        });
        from_node.or_else(|| key.default.map(str::to_owned))
    }

    /// Every value said under these names, by layer; what was said under other names before `own` is left out, as Kafka does.
    fn said(&self, names: &[&'static str], own: &str) -> Vec<Synonym> {
        let mut all = Vec::new();
        for (overrides, source) in [(self.broker, Source::DynamicBroker), (self.every_broker, Source::DynamicDefaultBroker)] {
            let said = names.iter().filter_map(|&name| Some((name, heeded(overrides, broker_key(name)?)?)));
            all.extend(said.map(|(name, value)| Synonym { name, value: Some(Arc::clone(value)), source }));
        }
        let of_file = names.iter().filter_map(|&name| Some((name, self.file.set(name)?)));
        all.extend(of_file.map(|(name, value)| Synonym { name, value: Some(Arc::from(value)), source: Source::StaticBroker }));
        let defaults = names.iter().filter_map(|&name| Some((name, broker_key(name)?.default?)));
        all.extend(defaults.map(|(name, value)| Synonym { name, value: Some(Arc::from(value)), source: Source::Default }));
        all.into_iter().skip_while(|s| s.name != own).collect()
    }
}

/// What an override of a broker's key says, if it holds: the key may change here while a node runs, and the value is right for it. Others came from another
/// version.
fn heeded<'a>(overrides: Option<&'a Overrides>, key: &Definition) -> Option<&'a Arc<str>> {
    overrides?.get(key.name).filter(|value| !key.is_read_only() && key.parse(value).is_ok())
}

/// What holds for a topic on a node, every key that is shown, by name: its override, else the node's, else every broker's, else the file, else the default.
pub fn effective_topic(image: &Image, node: NodeId, file: &StaticConfig, topic: &str) -> Vec<Effective> {
    let view = NodeView::of(image, node, file);
    let overrides = image.overrides(&Resource::topic(topic));
    let is_shown = |key: &&Definition| !key.internal || overrides.is_some_and(|o| o.contains_key(key.name));
    TOPIC_KEYS.iter().filter(is_shown).map(|key| effective_topic_key(&view, overrides, key)).collect()
}

/// What a topic created with these overrides has, every key, by name: for the answer to CreateTopics, which says overrides as they were said.
pub fn effective_of_overrides(view: &NodeView<'_>, overrides: &Overrides) -> Vec<Effective> {
    let shown = TOPIC_KEYS.iter().filter(|key| !key.internal || overrides.contains_key(key.name));
    let one = |key| {
        let effective = effective_topic_key(view, Some(overrides), key);
        Effective { value: overrides.get(key.name).cloned().or(effective.value), ..effective }
    };
    shown.map(one).collect()
}

fn effective_topic_key(view: &NodeView<'_>, overrides: Option<&Overrides>, key: &'static Definition) -> Effective {
    let own = overrides.and_then(|o| o.get(key.name)).and_then(|v| key.parse(v).ok()).map(Arc::<str>::from);
    let mut synonyms: Vec<Synonym> = Vec::new();
    synonyms.extend(own.clone().map(|value| Synonym { name: key.name, value: Some(value), source: Source::DynamicTopic }));
    if let Some(first) = key.synonyms.first() {
        let names: Vec<&'static str> = key.synonyms.iter().map(|s| s.name).collect();
        synonyms.extend(view.said(&names, first.name));
    }
    Effective { definition: key, value: own.or_else(|| view.topic_default(key).map(Arc::from)), synonyms }
}

/// What holds for a node, every key that is shown, by name.
pub fn effective_broker(image: &Image, node: NodeId, file: &StaticConfig) -> Vec<Effective> {
    let view = NodeView::of(image, node, file);
    let one = |key: &'static Definition| Effective {
        definition: key,
        value: view.value(key).map(Arc::from),
        synonyms: view.said(&synonyms_of_broker_key(key.name), key.name),
    };
    shown_broker_keys(file).into_iter().map(one).collect()
}

/// What was said for a group, and what holds where nothing was; every key, by name.
pub fn effective_group(image: &Image, node: NodeId, file: &StaticConfig, group: &str) -> Vec<Effective> {
    let view = NodeView::of(image, node, file);
    let overrides = image.overrides(&Resource::group(group));
    let one = |key: &'static Definition| {
        let of_broker = broker_key(&format!("group.{}", key.name));
        let below = match of_broker {
            Some(broker) => view.said(&[broker.name], broker.name),
            None => vec![Synonym { name: key.name, value: key.default.map(Arc::from), source: Source::Default }],
        };
        of_resource(key, overrides, Source::Group, below)
    };
    GROUP_KEYS.iter().map(one).collect()
}

/// What was said for a client metrics subscription, and what holds where nothing was; every key, by name.
pub fn effective_client_metrics(image: &Image, name: &str) -> Vec<Effective> {
    let overrides = image.overrides(&Resource::client_metrics(name));
    CLIENT_METRICS_KEYS.iter().map(|key| of_resource(key, overrides, Source::ClientMetrics, Vec::new())).collect()
}

/// A key of a resource: what was said for it stands before what holds below.
fn of_resource(key: &'static Definition, overrides: Option<&Overrides>, source: Source, below: Vec<Synonym>) -> Effective {
    let own = overrides.and_then(|o| o.get(key.name)).map(|value| Synonym { name: key.name, value: Some(Arc::clone(value)), source });
    let synonyms: Vec<Synonym> = own.into_iter().chain(below).collect();
    let value = synonyms.first().map_or_else(|| key.default.map(Arc::from), |said| said.value.clone());
    Effective { definition: key, value, synonyms }
}

/// What was said for every broker, by name.
pub fn effective_every_broker(image: &Image) -> Vec<Effective> {
    let overrides = image.overrides(&Resource::every_broker());
    let said = |key: &'static Definition| {
        let value = heeded(overrides, key)?;
        let synonym = Synonym { name: key.name, value: Some(Arc::clone(value)), source: Source::DynamicDefaultBroker };
        Some(Effective { definition: key, value: Some(Arc::clone(value)), synonyms: vec![synonym] })
    };
    BROKER_KEYS.iter().filter_map(said).collect()
}

/// The names under which a broker key may be set: its own, and those that say the same in other units.
fn synonyms_of_broker_key(name: &'static str) -> Vec<&'static str> {
    let family = TOPIC_KEYS.iter().map(|k| k.synonyms).find(|s| s.len() > 1 && s.iter().any(|s| s.name == name));
    match family {
        Some(family) if name != "log.flush.scheduler.interval.ms" => family.iter().map(|s| s.name).collect(),
        _ => vec![name],
    }
}

fn shown_broker_keys(file: &StaticConfig) -> Vec<&'static Definition> {
    let mut shown: Vec<_> = all_broker_keys().filter(|key| !key.internal || file.set(key.name).is_some()).collect();
    shown.sort_by_key(|key| key.name);
    shown
}
