//! What the oracle is told of a run before it starts.

use crate::fault::Fault;
use crate::oracle::{ClientSetup, Guarantee, Setup, TopicSetup};
use crate::plan::{Plan, PlannedClient, PlannedTopic};
use crate::scenario::{ClientKind, Scenario};

pub(super) fn of(scenario: &Scenario, plan: &Plan) -> Setup {
    Setup {
        guarantees: scenario.expect.guarantees.clone(),
        topics: plan.topics.iter().map(|topic| topic_setup(topic, plan)).collect(),
        clients: plan.clients.iter().map(client_setup).collect(),
    }
}

fn topic_setup(topic: &PlannedTopic, plan: &Plan) -> TopicSetup {
    let config = |key: &str, broker_key: &str| {
        let of_broker = plan.brokers.iter().flat_map(|broker| &broker.config).filter(|(name, _)| name == broker_key);
        let of_topic = topic.config.iter().filter(|(name, _)| name == key);
        of_broker.chain(of_topic).next_back().map(|(_, value)| value.as_str())
    };
    let faults = || plan.steps.iter().chain(&plan.faults);
    let removes = |fault: &Fault| matches!(fault, Fault::AdminDeleteRecords | Fault::AdminDeleteTopic | Fault::AdminAlterConfig);
    let bounded = |key: &str, broker_key: &str| config(key, broker_key).is_some_and(|value| value != "-1");
    let shrinks = bounded("retention.ms", "log.retention.ms")
        || bounded("retention.bytes", "log.retention.bytes")
        || config("cleanup.policy", "log.cleanup.policy").is_some_and(|policy| policy.contains("compact"))
        || faults().any(|fault| removes(&fault.fault) && fault.with.topic == *topic.name);
    TopicSetup {
        name: topic.name.clone(),
        partitions: topic.partitions,
        synced: config("flush.messages", "log.flush.interval.messages").is_none_or(|messages| messages == "1"),
        shrinks,
    }
}

fn client_setup(client: &PlannedClient) -> ClientSetup {
    let writes = client.kind == ClientKind::Producer;
    let in_flight = client.config.iter().find(|(key, _)| key == "max.in.flight.requests.per.connection");
    let several = in_flight.is_none_or(|(_, value)| value != "1");
    ClientSetup {
        name: client.name.as_str().into(),
        profile: client.profile.filter(|_| writes),
        may_reorder: writes && several && client.profile != Some(Guarantee::Idempotent),
    }
}
