//! A scenario as read: draws are not fixed yet.

use std::sync::Arc;

use odradek_machine::Seed;

use super::draws::Params;
use super::reader::Place;
use super::value::{Count, Draw, Every, Span};
use super::when::{When, Who};
use crate::fault::Fault;
use crate::oracle::Guarantee;

/// One story.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The sentence that it tells.
    pub title: String,
    /// What the run is like as a whole.
    pub run: RunSpec,
    /// The brokers.
    pub cluster: ClusterSpec,
    /// The topics that are there before clients begin.
    pub topics: Vec<TopicSpec>,
    /// Who acts.
    pub clients: Vec<ClientSpec>,
    /// What goes wrong in order: each is watched for when the one before has happened.
    pub steps: Vec<FaultSpec>,
    /// What goes wrong in no order.
    pub faults: Vec<FaultSpec>,
    /// What must come of it.
    pub expect: Expect,
}

impl Scenario {
    /// What every host is called, brokers first.
    pub fn host_names(&self) -> Vec<String> {
        let brokers = (1..=self.cluster.brokers).map(|number| format!("broker-{number}"));
        let clients = self.clients.iter().flat_map(|client| (1..=client.count).map(|number| format!("{}-{number}", client.name)));
        brokers.chain(clients).collect()
    }
}

/// What the run is like as a whole.
#[derive(Clone, Debug)]
pub struct RunSpec {
    /// How long things go wrong.
    pub chaos: Draw<Span>,
    /// Acknowledged operations without which the run does not count.
    pub floor: u64,
}

impl Default for RunSpec {
    fn default() -> RunSpec {
        RunSpec { chaos: Draw::One(Span(20_000_000_000)), floor: 20 }
    }
}

/// The brokers.
#[derive(Clone, Debug)]
pub struct ClusterSpec {
    /// How many.
    pub brokers: u16,
    /// Log directories of each.
    pub disks: u16,
    /// Configuration of all, by Kafka's keys.
    pub config: Vec<(String, Draw<String>)>,
    /// A directory whose files the first broker's disk begins with.
    pub image: Option<String>,
}

impl Default for ClusterSpec {
    fn default() -> ClusterSpec {
        ClusterSpec { brokers: 1, disks: 1, config: Vec::new(), image: None }
    }
}

/// A topic that is given.
#[derive(Clone, Debug)]
pub struct TopicSpec {
    /// Where it is written.
    pub place: Place,
    /// Its name.
    pub name: Arc<str>,
    /// How many partitions.
    pub partitions: Draw<Count>,
    /// How many replicas of each.
    pub replication: Draw<Count>,
    /// Its configuration, by Kafka's keys.
    pub config: Vec<(String, Draw<String>)>,
}

/// What a client does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClientKind {
    /// Writes records.
    Producer,
    /// Reads its topics.
    Consumer,
    /// Asks about and changes what is there.
    Admin,
    /// Sends garbage, breaks off, replays, speaks under epochs that are over.
    Hostile,
}

impl ClientKind {
    /// Every kind, by its word.
    pub const ALL: &[(&'static str, ClientKind)] = &[
        ("producer", ClientKind::Producer),
        ("consumer", ClientKind::Consumer),
        ("admin", ClientKind::Admin),
        ("hostile", ClientKind::Hostile),
    ];
}

/// A group of equal clients.
#[derive(Clone, Debug)]
pub struct ClientSpec {
    /// Where it is written.
    pub place: Place,
    /// Where its topics are written.
    pub topics_place: Place,
    /// What they do.
    pub kind: ClientKind,
    /// The name of the group; each is called by it and a number.
    pub name: Arc<str>,
    /// How many.
    pub count: u16,
    /// What a producer's configuration promises.
    pub profile: Option<Guarantee>,
    /// `acks`, where the profile leaves it open.
    pub acks: Option<Draw<String>>,
    /// The topics that they use; all that are given if empty.
    pub topics: Vec<Arc<str>>,
    /// How often each begins an operation.
    pub rate: Draw<Every>,
    /// Bytes of a value.
    pub size: (u64, u64),
    /// How many different keys; none at zero.
    pub keys: u64,
    /// `compression.type`.
    pub codec: Draw<String>,
    /// When they begin.
    pub start: Draw<Span>,
    /// After so many operations each is done; without it they go on until the chaos ends.
    pub operations: Option<Draw<Count>>,
    /// Their configuration, by Kafka's keys.
    pub config: Vec<(String, Draw<String>)>,
}

impl ClientSpec {
    /// The size of a record's value: weather of its name, so that one record more changes no other.
    pub fn size_of(&self, draw: Seed) -> u64 {
        self.size.0 + draw.below(self.size.1 - self.size.0 + 1)
    }
}

/// One thing that goes wrong, or that an operator does.
#[derive(Clone, Debug)]
pub struct FaultSpec {
    /// Where it is written.
    pub place: Place,
    /// When.
    pub when: When,
    /// To whom.
    pub who: Option<Who>,
    /// Where that is written.
    pub who_place: Place,
    /// What.
    pub fault: Fault,
    /// With what.
    pub with: Params,
    /// For how long.
    pub lasts: Option<Draw<Span>>,
    /// Until what.
    pub until: Option<When>,
    /// How often, each with draws of its own.
    pub times: Draw<Count>,
}

/// Something that clients can see and some guarantees forbid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Anomaly {
    /// A record that was handed over is not there.
    Loss,
    /// A record is there twice.
    Duplicate,
    /// Records of one producer are there in another order than they were handed over.
    Reorder,
}

impl Anomaly {
    /// Every anomaly, by its word.
    pub const ALL: &[(&'static str, Anomaly)] =
        &[("loss", Anomaly::Loss), ("duplicate", Anomaly::Duplicate), ("reorder", Anomaly::Reorder)];

    /// The word that scenarios use.
    pub const fn word(self) -> &'static str {
        match self {
            Anomaly::Loss => "loss",
            Anomaly::Duplicate => "duplicate",
            Anomaly::Reorder => "reorder",
        }
    }
}

/// What must come of a run.
#[derive(Clone, Debug)]
pub struct Expect {
    /// Guarantees that hold in every seed.
    pub guarantees: Vec<Guarantee>,
    /// Anomalies that appear in no seed.
    pub never: Vec<Anomaly>,
    /// Anomalies that appear in some seed: what is allowed does happen, so that no check is vacuous.
    pub in_some_seed: Vec<Anomaly>,
    /// How long the healed cluster may take to come to rest.
    pub within: Span,
    /// The only errors that applications may be told, by Kafka's names; empty allows all.
    pub errors: Vec<String>,
    /// Marks without which the run does not count.
    pub marks: Vec<String>,
}

impl Default for Expect {
    fn default() -> Expect {
        Expect {
            guarantees: Vec::new(),
            never: Vec::new(),
            in_some_seed: Vec::new(),
            within: Span(60_000_000_000),
            errors: Vec::new(),
            marks: Vec::new(),
        }
    }
}
