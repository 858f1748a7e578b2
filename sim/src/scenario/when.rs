//! When something happens, and to whom.

use std::fmt;
use std::sync::Arc;

use odradek_wire::api::ApiKey;

use super::error::ScenarioError;
use super::marks::MARKS;
use super::read::words_of;
use super::reader::{Node, Table};
use super::value::{Count, Draw, Span};

/// A moment, said by what leads to it.
#[derive(Clone, Debug)]
pub struct When {
    /// What it waits for.
    pub trigger: Trigger,
    /// How much later.
    pub after: Option<Draw<Span>>,
}

/// What a moment waits for.
#[derive(Clone, Debug)]
pub enum Trigger {
    /// A time since the run began; in a step, since the step before.
    At(Draw<Span>),
    /// A mark is reached.
    Mark {
        /// Its address.
        mark: Arc<str>,
        /// About what: `topic/partition`.
        of: Option<Arc<str>>,
        /// The how-manyeth time.
        nth: Draw<Count>,
    },
    /// A broker is about to take a request.
    Rpc {
        /// Which, by Kafka's name.
        rpc: ApiKey,
        /// The how-manyeth time.
        nth: Draw<Count>,
    },
    /// A measure passes a bound.
    Predicate {
        /// Which measure.
        measure: Measure,
        /// How it must stand to the bound.
        relation: Relation,
        /// The bound.
        bound: Draw<Count>,
    },
    /// The first of several.
    Any(Vec<When>),
    /// The last of several.
    All(Vec<When>),
}

/// What a predicate looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Operations that were acknowledged.
    Acknowledged,
    /// Operations that were asked for.
    Asked,
    /// Records that consumers handed to applications.
    Read,
    /// Brokers that are up.
    NodesUp,
}

impl Measure {
    /// Every measure, by its word.
    pub const ALL: &[(&'static str, Measure)] =
        &[("acknowledged", Measure::Acknowledged), ("asked", Measure::Asked), ("read", Measure::Read), ("nodes.up", Measure::NodesUp)];
}

/// How a measure must stand to its bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// At least.
    AtLeast,
    /// Below.
    Below,
    /// Equal.
    Equal,
}

/// To whom it happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// A host or a bound name.
    Named(Arc<str>),
    /// One of a group, drawn; called `as` afterwards.
    Any {
        /// Of which group.
        group: Group,
        /// The name it gets.
        bound: Option<Arc<str>>,
    },
    /// All of a group.
    All {
        /// Of which group.
        group: Group,
    },
    /// The broker that leads a partition at that moment.
    LeaderOf {
        /// The topic.
        topic: Arc<str>,
        /// The partition.
        partition: i32,
        /// The name it gets.
        bound: Option<Arc<str>>,
    },
}

/// A group of hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Group {
    /// The brokers.
    Brokers,
    /// The clients.
    Clients,
    /// The clients of one entry.
    Named(Arc<str>),
}

const TRIGGERS: &str = "expected one of mark, rpc, at, predicate, any, all";

impl When {
    /// Reads a table, or a bare time.
    pub fn read(node: &Node<'_>) -> Result<When, ScenarioError> {
        if !node.is_table() {
            return Ok(When { trigger: Trigger::At(Draw::read(node)?), after: None });
        }
        let mut table = node.table()?;
        let after = table.take("after")?.map(|node| Draw::read(&node)).transpose()?;
        let mut found = Vec::new();
        let nth = |table: &mut Table<'_>| table.take("nth")?.map_or(Ok(Draw::One(Count(1))), |node| Draw::read(&node));
        if let Some(mark) = table.take("mark")? {
            let of = table.take("of")?.map(|node| node.text().map(Arc::from)).transpose()?;
            found.push(Trigger::Mark { mark: Arc::from(mark_of(&mark)?), of, nth: nth(&mut table)? });
        }
        if let Some(rpc) = table.take("rpc")? {
            found.push(Trigger::Rpc { rpc: read_rpc(&rpc)?, nth: nth(&mut table)? });
        }
        if let Some(at) = table.take("at")? {
            found.push(Trigger::At(Draw::read(&at)?));
        }
        if let Some(predicate) = table.take("predicate")? {
            found.push(read_predicate(&predicate)?);
        }
        for (key, make) in [("any", Trigger::Any as fn(Vec<When>) -> Trigger), ("all", Trigger::All)] {
            if let Some(several) = table.take(key)? {
                let list = several.list()?;
                if list.is_empty() {
                    return Err(several.error("waits for nothing"));
                }
                let inner: Vec<When> = list.iter().map(When::read).collect::<Result<_, _>>()?;
                if let Some(nth) = inner.iter().position(|when| when.after.is_some()) {
                    return Err(list[nth].error("`after` belongs to the outer moment"));
                }
                found.push(make(inner));
            }
        }
        match found.len() {
            1 => table.finish()?,
            0 => {
                table.finish()?;
                return Err(node.error(format!("says no moment; {TRIGGERS}")));
            }
            _ => return Err(node.error(format!("says several moments at once; {TRIGGERS}"))),
        }
        Ok(When { trigger: found.remove(0), after })
    }
}

impl Who {
    /// Reads a name or a table.
    pub fn read(node: &Node<'_>) -> Result<Who, ScenarioError> {
        if !node.is_table() {
            return node.text().map(|name| Who::Named(Arc::from(name)));
        }
        let mut table = node.table()?;
        let bound = table.take("as")?.map(|node| node.text().map(Arc::from)).transpose()?;
        let any = table.take("any")?;
        let all = table.take("all")?;
        let leader = table.take("leader_of")?;
        table.finish()?;
        match (any, all, leader) {
            (Some(group), None, None) => Ok(Who::Any { group: Group::read(&group)?, bound }),
            (None, Some(group), None) if bound.is_none() => Ok(Who::All { group: Group::read(&group)? }),
            (None, Some(_), None) => Err(node.error("`all` are several and cannot be bound to one name")),
            (None, None, Some(partition)) => {
                let (topic, partition) = read_partition(&partition)?;
                Ok(Who::LeaderOf { topic, partition, bound })
            }
            _ => Err(node.error("expected exactly one of any, all, leader_of")),
        }
    }

    /// The name that it binds.
    pub const fn binds(&self) -> Option<&Arc<str>> {
        match self {
            Who::Any { bound, .. } | Who::LeaderOf { bound, .. } => bound.as_ref(),
            Who::Named(_) | Who::All { .. } => None,
        }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Who::Named(name) => f.write_str(name)?,
            Who::Any { group, .. } => write!(f, "any {group}")?,
            Who::All { group } => write!(f, "every {group}")?,
            Who::LeaderOf { topic, partition, .. } => write!(f, "the leader of {topic}/{partition}")?,
        }
        self.binds().map_or(Ok(()), |name| write!(f, " as {name}"))
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Group::Brokers => "broker",
            Group::Clients => "client",
            Group::Named(name) => name,
        })
    }
}

impl Group {
    fn read(node: &Node<'_>) -> Result<Group, ScenarioError> {
        Ok(match node.text()? {
            "broker" => Group::Brokers,
            "client" => Group::Clients,
            name => Group::Named(Arc::from(name)),
        })
    }
}

/// A mark that something can reach.
pub(super) fn mark_of<'a>(node: &Node<'a>) -> Result<&'a str, ScenarioError> {
    let mark = node.text()?;
    if MARKS.contains(&mark) {
        Ok(mark)
    } else {
        Err(node.wrong_word(&format!("nothing reaches a mark `{mark}`"), mark, MARKS.iter().copied()))
    }
}

/// A request by Kafka's name.
fn read_rpc(node: &Node<'_>) -> Result<ApiKey, ScenarioError> {
    let name = node.text()?;
    let known = ApiKey::ALL.iter().copied().find(|key| key.name() == name);
    known.ok_or_else(|| node.wrong_word("no such request", name, ApiKey::ALL.iter().map(|key| key.name())))
}

/// One or several requests by Kafka's names.
pub(super) fn rpc_words(node: &Node<'_>) -> Result<Draw<String>, ScenarioError> {
    let names: Vec<&str> = ApiKey::ALL.iter().map(|key| key.name()).collect();
    words_of(node, &names)
}

fn read_predicate(node: &Node<'_>) -> Result<Trigger, ScenarioError> {
    const EXPECTED: &str = "expected a measure, `>=`, `<` or `==`, and a number, such as \"acknowledged >= 100\"";
    let parts: Vec<&str> = node.text()?.split_whitespace().collect();
    let [measure, relation, bound] = parts[..] else { return Err(node.error(EXPECTED)) };
    let known = Measure::ALL.iter().find(|(word, _)| *word == measure);
    let (_, measure) = known.ok_or_else(|| node.wrong_word("no such measure", measure, Measure::ALL.iter().map(|(word, _)| *word)))?;
    let relation = match relation {
        ">=" => Relation::AtLeast,
        "<" => Relation::Below,
        "==" => Relation::Equal,
        _ => return Err(node.error(EXPECTED)),
    };
    let bound = bound.parse().map_err(|_| node.error(EXPECTED))?;
    Ok(Trigger::Predicate { measure: *measure, relation, bound: Draw::One(Count(bound)) })
}

fn read_partition(node: &Node<'_>) -> Result<(Arc<str>, i32), ScenarioError> {
    let text = node.text()?;
    let parsed = text.rsplit_once('/').and_then(|(topic, partition)| Some((Arc::from(topic), partition.parse().ok()?)));
    parsed.ok_or_else(|| node.error("expected topic/partition, such as \"orders/0\""))
}
