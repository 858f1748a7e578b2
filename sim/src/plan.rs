//! The plan: everything of a run that is drawn before it starts, so that it can be printed, kept and edited.
//!
//! ChaCha draws it from the seed in the order of the scenario. It holds some tens of entries: a client's operations are one entry, each of them being a
//! keyed draw by its absolute id, so that taking one out changes no other.

mod dice;
mod fault;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde::Serialize;

pub use dice::Dice;
pub use fault::{Moment, PlannedFault, Signal, With};

use crate::oracle::Guarantee;
use crate::scenario::{ClientKind, ClientSpec, Count, Every, Scenario, Span};
use crate::time::{SECOND, Time};

/// A run before it starts.
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    /// The seed from which all is drawn, weather and lives included.
    pub seed: u64,
    /// How long things go wrong, in nanoseconds.
    pub chaos_ns: u64,
    /// How long the healed cluster may take to come to rest, in nanoseconds.
    pub within_ns: u64,
    /// Acknowledged operations without which the run does not count.
    pub floor: u64,
    /// The brokers.
    pub brokers: Vec<PlannedBroker>,
    /// The topics that are there before clients begin.
    pub topics: Vec<PlannedTopic>,
    /// Who acts.
    pub clients: Vec<PlannedClient>,
    /// What goes wrong in order.
    pub steps: Vec<PlannedFault>,
    /// What goes wrong in no order.
    pub faults: Vec<PlannedFault>,
    /// Stretches of the run in which the weather is calm.
    #[serde(skip)]
    pub calm: Vec<Range<Time>>,
}

/// A broker of the run.
#[derive(Clone, Debug, Serialize)]
pub struct PlannedBroker {
    /// What it is called.
    pub name: String,
    /// How many log directories it has.
    pub disks: u16,
    /// Its configuration.
    pub config: Vec<(String, String)>,
    /// How its wall clock is off, in milliseconds.
    pub clock_off_ms: i64,
    /// How fast its clocks run, in parts per million.
    pub drift_ppm: i64,
}

/// A topic of the run.
#[derive(Clone, Debug, Serialize)]
pub struct PlannedTopic {
    /// Its name.
    pub name: Arc<str>,
    /// How many partitions.
    pub partitions: i32,
    /// How many replicas of each.
    pub replication: i16,
    /// Its configuration.
    pub config: Vec<(String, String)>,
}

/// A client of the run.
#[derive(Clone, Debug, Serialize)]
pub struct PlannedClient {
    /// What it is called.
    pub name: String,
    /// What it does.
    pub kind: ClientKind,
    /// What its configuration promises.
    pub profile: Option<Guarantee>,
    /// `acks`.
    pub acks: String,
    /// `compression.type`.
    pub codec: String,
    /// The topics that it uses.
    pub topics: Vec<Arc<str>>,
    /// When it begins, in nanoseconds of the chaos.
    pub start_ns: u64,
    /// From one operation to the next.
    pub every_ns: u64,
    /// How many operations it will begin.
    pub operations: u64,
    /// Operations that shrinking took out.
    pub without: Vec<Range<u64>>,
    /// Bytes of a value, both bounds included.
    pub size: (u64, u64),
    /// How many different keys.
    pub keys: u64,
    /// Its configuration.
    pub config: Vec<(String, String)>,
    /// How its wall clock is off, in milliseconds.
    pub clock_off_ms: i64,
}

impl Plan {
    /// Draws the plan of a seed.
    pub fn draw(scenario: &Scenario, seed: u64) -> Plan {
        let dice = &mut Dice::new(seed);
        let chaos_ns = scenario.run.chaos.fix(dice).0;
        let brokers = (1..=scenario.cluster.brokers).map(|number| PlannedBroker::draw(scenario, number, dice)).collect();
        let topics: Vec<_> = scenario
            .topics
            .iter()
            .map(|spec| PlannedTopic {
                name: spec.name.clone(),
                partitions: i32::try_from(spec.partitions.fix(dice).0).unwrap_or(i32::MAX),
                replication: i16::try_from(spec.replication.fix(dice).0).unwrap_or(i16::MAX),
                config: fix_config(&spec.config, dice),
            })
            .collect();
        let names: Vec<Arc<str>> = topics.iter().map(|topic| topic.name.clone()).collect();
        let mut clients = Vec::new();
        for spec in &scenario.clients {
            clients.extend((1..=spec.count).map(|number| PlannedClient::draw(spec, number, &names, chaos_ns, dice)));
        }
        let mut each = |specs: &[_]| specs.iter().flat_map(|spec| PlannedFault::draw(spec, dice)).collect();
        let (steps, faults) = (each(&scenario.steps), each(&scenario.faults));
        let within_ns = scenario.expect.within.0;
        Plan { seed, chaos_ns, within_ns, floor: scenario.run.floor, brokers, topics, clients, steps, faults, calm: Vec::new() }
    }
}

impl PlannedBroker {
    fn draw(scenario: &Scenario, number: u16, dice: &mut Dice) -> PlannedBroker {
        PlannedBroker {
            name: format!("broker-{number}"),
            disks: scenario.cluster.disks,
            config: fix_config(&scenario.cluster.config, dice),
            clock_off_ms: off(dice),
            drift_ppm: dice.between(0, 100) as i64 - 50,
        }
    }
}

impl PlannedClient {
    fn draw(spec: &ClientSpec, number: u16, topics: &[Arc<str>], chaos_ns: u64, dice: &mut Dice) -> PlannedClient {
        let Span(start_ns) = spec.start.fix(dice);
        let Every(every_ns) = spec.rate.fix(dice);
        let fit = chaos_ns.saturating_sub(start_ns) / every_ns.max(1);
        let operations = spec.operations.as_ref().map_or(fit, |operations| {
            let Count(operations) = operations.fix(dice);
            operations.min(fit)
        });
        let acks = spec.acks.as_ref().map(|acks| acks.fix_words(dice));
        PlannedClient {
            name: format!("{}-{number}", spec.name),
            kind: spec.kind,
            profile: spec.profile,
            acks: acks.unwrap_or_else(|| acks_of(spec.profile, dice).to_owned()),
            codec: spec.codec.fix_words(dice),
            topics: if spec.topics.is_empty() { topics.to_vec() } else { spec.topics.clone() },
            start_ns,
            every_ns,
            operations,
            without: Vec::new(),
            size: spec.size,
            keys: spec.keys,
            config: fix_config(&spec.config, dice),
            clock_off_ms: off(dice),
        }
    }

    /// When it begins an operation, in nanoseconds of the chaos: at its pace, each somewhat early or late.
    pub fn begins_ns(&self, operation: u64, draw: odradek_machine::Seed) -> u64 {
        self.start_ns + operation * self.every_ns + draw.number(operation).below(self.every_ns.max(1))
    }

    /// True if shrinking took this operation out.
    pub fn is_without(&self, operation: u64) -> bool {
        self.without.iter().any(|range| range.contains(&operation))
    }
}

fn acks_of(profile: Option<Guarantee>, dice: &mut Dice) -> &'static str {
    match profile {
        Some(Guarantee::AtMostOnce) => ["0", "1", "all"][dice.below(3) as usize],
        Some(Guarantee::AtLeastOnce | Guarantee::Idempotent) | None => "all",
    }
}

fn fix_config(config: &[(String, crate::scenario::Draw<String>)], dice: &mut Dice) -> Vec<(String, String)> {
    config.iter().map(|(key, value)| (key.clone(), value.fix_words(dice))).collect()
}

/// Clocks of healthy machines are within some tens of milliseconds of each other.
fn off(dice: &mut Dice) -> i64 {
    dice.between(0, 60) as i64 - 30
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "plan of seed {}: {} of chaos, {} brokers, {} clients",
            self.seed,
            Time(self.chaos_ns),
            self.brokers.len(),
            self.clients.len()
        )?;
        for broker in &self.brokers {
            writeln!(f, "  {} clock {:+} ms {:+} ppm {:?}", broker.name, broker.clock_off_ms, broker.drift_ppm, broker.config)?;
        }
        for topic in &self.topics {
            writeln!(f, "  topic {} partitions {} replicas {} {:?}", topic.name, topic.partitions, topic.replication, topic.config)?;
        }
        for client in &self.clients {
            let pace = SECOND.checked_div(client.every_ns).unwrap_or_default();
            let profile = client.profile.map_or("", Guarantee::word);
            write!(
                f,
                "  {} from {} {} operations at {pace}/s {profile} acks={} codec={}",
                client.name,
                Time(client.start_ns),
                client.operations,
                client.acks,
                client.codec
            )?;
            writeln!(f, " {:?}", client.config)?;
        }
        for (order, faults) in [("step", &self.steps), ("fault", &self.faults)] {
            for fault in faults {
                writeln!(f, "  {order} {fault}")?;
            }
        }
        Ok(())
    }
}
