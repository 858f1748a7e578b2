//! What can only be seen when all is read: names that are used are names that are there, and a plan of it can be carried out.

use std::collections::BTreeSet;
use std::path::Path;

use super::error::ScenarioError;
use super::load::of_file;
use super::model::{ClientKind, ClientSpec, FaultSpec, Scenario, TopicSpec};
use super::value::{Count, Draw};
use super::when::{Group, Who};
use crate::fault::Fault;
use crate::oracle::Guarantee;
use crate::plan::Plan;
use crate::workload::refusal;

/// Looks for the first mistake.
pub(super) fn check(file: &Path, scenario: &Scenario) -> Result<(), ScenarioError> {
    if scenario.title.is_empty() {
        return Err(of_file(file, "the key `title` is missing: a scenario is a sentence"));
    }
    check_topics(file, scenario)?;
    check_clients(scenario)?;
    check_guarantees(file, scenario)?;
    check_faults(scenario)?;
    check_plans(scenario)
}

/// What only a client's own configuration knows to contradict itself, over a few plans.
fn check_plans(scenario: &Scenario) -> Result<(), ScenarioError> {
    let specs: Vec<&ClientSpec> = scenario.clients.iter().flat_map(|spec| (0..spec.count).map(move |_| spec)).collect();
    for seed in 0..PLANS_TRIED {
        let plan = Plan::draw(scenario, seed);
        let refused = plan.clients.iter().zip(&specs).find_map(|(client, spec)| Some((spec, refusal(client)?)));
        if let Some((spec, says)) = refused {
            return Err(spec.place.error(says));
        }
    }
    Ok(())
}

/// A draw may contradict another one only in some seeds.
const PLANS_TRIED: u64 = 8;

fn check_topics(file: &Path, scenario: &Scenario) -> Result<(), ScenarioError> {
    if scenario.topics.is_empty() {
        return Err(of_file(file, "no topic is given: write [[topic]] with a `name`"));
    }
    let mut names = BTreeSet::new();
    for topic in &scenario.topics {
        if !names.insert(&topic.name) {
            return Err(topic.place.error(format!("the topic `{}` is given twice", topic.name)));
        }
        let brokers = u64::from(scenario.cluster.brokers);
        if highest(&topic.replication) > brokers {
            return Err(topic.place.error(format!("more replicas than brokers, of which there are {brokers}")));
        }
        if lowest(&topic.partitions) == 0 || lowest(&topic.replication) == 0 {
            return Err(topic.place.error("a topic has at least one partition and one replica"));
        }
    }
    Ok(())
}

fn check_clients(scenario: &Scenario) -> Result<(), ScenarioError> {
    let topics: Vec<&str> = scenario.topics.iter().map(|topic| &*topic.name).collect();
    let mut names = BTreeSet::new();
    for client in &scenario.clients {
        if let Some(unknown) = client.topics.iter().find(|topic| !topics.contains(&&***topic)) {
            return Err(client.topics_place.wrong_word("uses a topic that is not given", unknown, &topics));
        }
        if ["broker", "client", "operator", "auditor"].contains(&&*client.name) {
            return Err(client.place.error(format!("`{}` is what the world calls others; say another `name`", client.name)));
        }
        if !names.insert(&client.name) {
            return Err(client.place.error(format!("the clients `{}` are given twice; say another `name`", client.name)));
        }
        if let Some(says) = contradiction(client) {
            return Err(client.place.error(says));
        }
    }
    Ok(())
}

/// What a client's profile does not go together with.
fn contradiction(client: &ClientSpec) -> Option<String> {
    let acks: Vec<&str> = client.acks.as_ref().map(Draw::words).unwrap_or_default();
    let is_producer = client.kind == ClientKind::Producer;
    let in_flight = client.config.iter().find(|(key, _)| key == "max.in.flight.requests.per.connection");
    let too_many = in_flight.is_some_and(|(_, value)| value.words().iter().any(|word| word.parse().is_ok_and(|many: u64| many > 5)));
    match client.profile {
        Some(profile) if !is_producer => Some(format!("the profile {} is a producer's", profile.word())),
        Some(profile @ (Guarantee::AtLeastOnce | Guarantee::Idempotent)) if acks.iter().any(|acks| *acks != "all") => {
            Some(format!("the profile {} needs acks = \"all\"", profile.word()))
        }
        Some(Guarantee::Idempotent) if too_many => {
            Some("the profile idempotent allows at most 5 requests in flight (max.in.flight.requests.per.connection)".to_owned())
        }
        _ => None,
    }
}

/// A guarantee judges the clients of its profile alone: without one it would hold of nobody.
fn check_guarantees(file: &Path, scenario: &Scenario) -> Result<(), ScenarioError> {
    let has = |guarantee: &Guarantee| scenario.clients.iter().any(|client| client.profile == Some(*guarantee));
    match scenario.expect.guarantees.iter().find(|guarantee| !has(guarantee)) {
        Some(guarantee) => {
            let word = guarantee.word();
            Err(of_file(
                file,
                &format!("expect.guarantees: no producer has the profile `{word}`; give it to one, or leave the guarantee out"),
            ))
        }
        None => Ok(()),
    }
}

fn check_faults(scenario: &Scenario) -> Result<(), ScenarioError> {
    let hosts = scenario.host_names();
    let groups: Vec<&str> = scenario.clients.iter().map(|client| &*client.name).chain(["broker", "client"]).collect();
    let mut bound: Vec<&str> = Vec::new();
    for spec in scenario.steps.iter().chain(&scenario.faults) {
        let names: Vec<&str> = hosts.iter().map(String::as_str).chain(bound.iter().copied()).collect();
        check_who(scenario, spec, &names, &groups)?;
        if let Some(wrong) = spec.with.peer.iter().flat_map(|peer| peer.words()).find(|peer| !names.contains(peer)) {
            return Err(spec.who_place.wrong_word("is no host that could be a peer", wrong, &names));
        }
        check_topic_of(scenario, spec)?;
        if lowest(&spec.times) == 0 {
            return Err(spec.place.error("`times` begins at 1: what never happens is left out"));
        }
        bound.extend(spec.who.as_ref().and_then(Who::binds).map(|name| &**name));
    }
    Ok(())
}

fn check_who(scenario: &Scenario, spec: &FaultSpec, names: &[&str], groups: &[&str]) -> Result<(), ScenarioError> {
    match &spec.who {
        Some(Who::Named(name)) if !names.contains(&&**name) => {
            Err(spec.who_place.wrong_word("is no host, and nothing before is bound to it", name, names))
        }
        Some(Who::Any { group: Group::Named(name), .. } | Who::All { group: Group::Named(name) }) if !groups.contains(&&**name) => {
            Err(spec.who_place.wrong_word("is no group of hosts", name, groups))
        }
        Some(Who::LeaderOf { topic, partition, .. }) => {
            let topics: Vec<&str> = scenario.topics.iter().map(|topic| &*topic.name).collect();
            let given = scenario.topics.iter().find(|given| given.name == *topic);
            let given = given.ok_or_else(|| spec.who_place.wrong_word("is no topic that is given", topic, &topics))?;
            check_partition(given, *partition, spec)
        }
        _ => check_kind(scenario, spec),
    }
}

/// A fault of brokers happens to brokers, one of clients to clients.
fn check_kind(scenario: &Scenario, spec: &FaultSpec) -> Result<(), ScenarioError> {
    use crate::fault::Suffers;
    let brokers = scenario.host_names().into_iter().take(usize::from(scenario.cluster.brokers)).collect::<Vec<_>>();
    let is_broker = match &spec.who {
        Some(Who::Named(name)) if brokers.iter().any(|broker| **broker == **name) => true,
        Some(Who::Named(name)) if scenario.host_names().iter().any(|host| **host == **name) => false,
        Some(Who::Any { group, .. } | Who::All { group }) => *group == Group::Brokers || *group == Group::Named("broker".into()),
        _ => return Ok(()),
    };
    match (spec.fault.suffers(), is_broker) {
        (Suffers::Node, false) => Err(spec.who_place.error(format!("{} happens to brokers, and this is a client", spec.fault))),
        (Suffers::Client, true) => Err(spec.who_place.error(format!("{} happens to clients, and this is a broker", spec.fault))),
        _ => Ok(()),
    }
}

fn check_partition(topic: &TopicSpec, partition: i32, spec: &FaultSpec) -> Result<(), ScenarioError> {
    let partitions = lowest(&topic.partitions);
    if u64::try_from(partition).is_ok_and(|partition| partition < partitions) {
        return Ok(());
    }
    Err(spec.who_place.error(format!("{} has {partitions} partitions, counted from 0", topic.name)))
}

/// The operator changes topics that are given or created before.
fn check_topic_of(scenario: &Scenario, spec: &FaultSpec) -> Result<(), ScenarioError> {
    let Some(topic) = &spec.with.topic else {
        let needs = spec.fault.params().contains(&"topic");
        return if needs {
            Err(spec.place.error(format!("the key `with.topic` is missing: {} happens to a topic", spec.fault)))
        } else {
            Ok(())
        };
    };
    if spec.fault == Fault::AdminCreateTopic {
        return Ok(());
    }
    let created = scenario.steps.iter().chain(&scenario.faults).filter(|other| other.fault == Fault::AdminCreateTopic);
    let created = created.filter_map(|other| other.with.topic.as_ref()).flat_map(Draw::words);
    let known: Vec<&str> = scenario.topics.iter().map(|topic| &*topic.name).chain(created).collect();
    match topic.words().into_iter().find(|word| !known.contains(word)) {
        Some(unknown) => Err(spec.place.wrong_word("is no topic that is given or created", unknown, &known)),
        None => Ok(()),
    }
}

fn lowest(draw: &Draw<Count>) -> u64 {
    match draw {
        Draw::One(count) | Draw::Range(count, _) => count.0,
        Draw::OneOf(choices) => choices.iter().map(lowest).min().unwrap_or(0),
    }
}

fn highest(draw: &Draw<Count>) -> u64 {
    match draw {
        Draw::One(count) | Draw::Range(_, count) => count.0,
        Draw::OneOf(choices) => choices.iter().map(highest).max().unwrap_or(0),
    }
}
