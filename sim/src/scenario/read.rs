//! From tables to a [`Scenario`], key by key.

use std::sync::Arc;

use odradek_cluster::config::{Definition, broker_keys, topic_keys};

use super::draws::Params;
use super::error::ScenarioError;
use super::model::{Anomaly, ClientKind, ClientSpec, ClusterSpec, Expect, FaultSpec, RunSpec, Scenario, TopicSpec};
use super::reader::{Node, Table};
use super::value::{Count, Draw, Every, Size, Span};
use super::when::{When, Who, mark_of};
use crate::fault::{Fault, Lasts, Suffers};
use crate::oracle::Guarantee;
use crate::workload::{check_client_key, client_keys};

/// Whether a key was there: what a file leaves open, the files that it uses may say.
#[derive(Default)]
pub(super) struct Said {
    pub(super) run: bool,
    pub(super) cluster: bool,
    pub(super) expect: bool,
}

/// Reads the root of a file; `use` and `matrix` are the loader's.
pub(super) fn scenario(mut root: Table<'_>) -> Result<(Scenario, Said), ScenarioError> {
    root.take("use")?;
    root.take("matrix")?;
    let title = root.take("title")?.map(|node| node.text().map(str::to_owned)).transpose()?;
    let (run_node, cluster_node, expect_node) = (root.take("run")?, root.take("cluster")?, root.take("expect")?);
    let said = Said { run: run_node.is_some(), cluster: cluster_node.is_some(), expect: expect_node.is_some() };
    let scenario = Scenario {
        title: title.unwrap_or_default(),
        run: run_node.map_or(Ok(RunSpec::default()), |node| run(&node))?,
        cluster: cluster_node.map_or(Ok(ClusterSpec::default()), |node| cluster(&node))?,
        topics: each(root.take("topic")?, topic)?,
        clients: each(root.take("client")?, client)?,
        steps: each(root.take("step")?, fault)?,
        faults: each(root.take("fault")?, fault)?,
        expect: expect_node.map_or(Ok(Expect::default()), |node| expect(&node))?,
    };
    root.finish()?;
    Ok((scenario, said))
}

fn each<T>(node: Option<Node<'_>>, read: impl Fn(&Node<'_>) -> Result<T, ScenarioError>) -> Result<Vec<T>, ScenarioError> {
    node.map_or(Ok(Vec::new()), |node| node.list()?.iter().map(read).collect())
}

fn run(node: &Node<'_>) -> Result<RunSpec, ScenarioError> {
    let mut table = node.table()?;
    let mut run = RunSpec::default();
    if let Some(chaos) = table.take("chaos")? {
        run.chaos = Draw::read(&chaos)?;
    }
    if let Some(floor) = table.take("floor")? {
        run.floor = whole(&floor)?;
    }
    table.finish()?;
    Ok(run)
}

fn cluster(node: &Node<'_>) -> Result<ClusterSpec, ScenarioError> {
    let mut table = node.table()?;
    let mut cluster = ClusterSpec::default();
    if let Some(brokers) = table.take("brokers")? {
        cluster.brokers = small(&brokers, 1).map_err(|error| error.because("brokers do not replicate yet, so there is one"))?;
    }
    if let Some(disks) = table.take("disks")? {
        cluster.disks = small(&disks, 8)?;
    }
    if let Some(image) = table.take("image")? {
        cluster.image = Some(image.text()?.to_owned());
    }
    cluster.config = broker_config(table.take("config")?, broker_keys())?;
    table.finish()?;
    Ok(cluster)
}

fn topic(node: &Node<'_>) -> Result<TopicSpec, ScenarioError> {
    let mut table = node.table()?;
    let count = |table: &mut Table<'_>, key| table.take(key)?.map_or(Ok(Draw::One(Count(1))), |node| Draw::read(&node));
    let topic = TopicSpec {
        place: node.place(),
        name: Arc::from(table.need("name")?.text()?),
        partitions: count(&mut table, "partitions")?,
        replication: count(&mut table, "replication")?,
        config: broker_config(table.take("config")?, topic_keys())?,
    };
    table.finish()?;
    Ok(topic)
}

fn client(node: &Node<'_>) -> Result<ClientSpec, ScenarioError> {
    let mut table = node.table()?;
    let kind_node = table.need("kind")?;
    let kind = word_of(&kind_node, ClientKind::ALL)?;
    let name = table.take("name")?.map_or(kind_node.text(), |node| node.text())?;
    let profile = table.take("profile")?.map(|node| guarantee(&node)).transpose()?;
    let topics = table.take("topics")?;
    let client = ClientSpec {
        place: node.place(),
        topics_place: topics.as_ref().unwrap_or(node).place(),
        kind,
        name: Arc::from(name),
        count: table.take("count")?.map_or(Ok(1), |node| small(&node, 256))?,
        profile,
        acks: table.take("acks")?.map(|node| words_of(&node, &["0", "1", "all"])).transpose()?,
        topics: each(topics, |node| node.text().map(Arc::from))?,
        rate: table.take("rate")?.map_or(Ok(Draw::One(Every(40_000_000))), |node| Draw::<Every>::read(&node))?,
        size: table.take("size")?.map_or(Ok((32, 512)), |node| size(&node))?,
        keys: table.take("keys")?.map_or(Ok(0), |node| whole(&node))?,
        codec: table
            .take("codec")?
            .map_or(Ok(Draw::One("none".to_owned())), |node| words_of(&node, &["none", "gzip", "snappy", "lz4", "zstd"]))?,
        start: table.take("start")?.map_or(Ok(Draw::Range(Span(0), Span(500_000_000))), |node| Draw::read(&node))?,
        operations: table.take("operations")?.map(|node| Draw::read(&node)).transpose()?,
        config: config(table.take("config")?, client_keys(), check_client_key)?,
    };
    table.finish()?;
    Ok(client)
}

fn fault(node: &Node<'_>) -> Result<FaultSpec, ScenarioError> {
    let mut table = node.table()?;
    let does = table.need("do")?;
    let address = does.text()?;
    let fault = Fault::at(address);
    let fault =
        fault.ok_or_else(|| does.wrong_word(&format!("no fault `{address}`"), address, Fault::ALL.iter().map(|fault| fault.address())))?;
    let who = table.take("who")?;
    match (fault.suffers(), &who) {
        (Suffers::Nobody, Some(who)) => return Err(who.error(format!("{fault} happens to nobody in particular"))),
        (Suffers::Node | Suffers::Client | Suffers::Host, None) => {
            return Err(table.error(format!("the key `who` is missing: {fault} happens to somebody")));
        }
        _ => {}
    }
    let lasts = table.take("for")?;
    let until = table.take("until")?;
    if let (Lasts::Not, Some(node)) = (fault.lasts(), lasts.as_ref().or(until.as_ref())) {
        return Err(node.error(format!("{fault} is over at once")));
    }
    let spec = FaultSpec {
        place: node.place(),
        who_place: who.as_ref().unwrap_or(node).place(),
        when: When::read(&table.need("when")?)?,
        who: who.map(|node| Who::read(&node)).transpose()?,
        fault,
        with: Params::read(fault, table.take("with")?)?,
        lasts: lasts.map(|node| Draw::read(&node)).transpose()?,
        until: until.map(|node| When::read(&node)).transpose()?,
        times: table.take("times")?.map_or(Ok(Draw::One(Count(1))), |node| Draw::read(&node))?,
    };
    table.finish()?;
    Ok(spec)
}

fn expect(node: &Node<'_>) -> Result<Expect, ScenarioError> {
    let mut table = node.table()?;
    let mut expect = Expect {
        guarantees: each(table.take("guarantees")?, guarantee)?,
        never: each(table.take("never")?, |node| word_of(node, Anomaly::ALL))?,
        in_some_seed: each(table.take("in_some_seed")?, |node| word_of(node, Anomaly::ALL))?,
        errors: each(table.take("errors")?, |node| node.text().map(str::to_owned))?,
        marks: each(table.take("marks")?, |node| mark_of(node).map(str::to_owned))?,
        ..Expect::default()
    };
    if let Some(within) = table.take("within")? {
        let Draw::One(span) = Draw::<Span>::read(&within)? else { return Err(within.error("expected one span of time, not a draw")) };
        expect.within = span;
    }
    table.finish()?;
    Ok(expect)
}

fn guarantee(node: &Node<'_>) -> Result<Guarantee, ScenarioError> {
    let words: Vec<_> = Guarantee::ALL.iter().map(|&guarantee| (guarantee.word(), guarantee)).collect();
    word_of(node, &words)
}

/// A table of configuration, of which every key must be known and every value be right.
fn config(
    node: Option<Node<'_>>,
    known: &[&'static str],
    parse: impl Fn(&str, &str) -> Result<(), String>,
) -> Result<Vec<(String, Draw<String>)>, ScenarioError> {
    let Some(node) = node else { return Ok(Vec::new()) };
    let entry = |(key, value): (String, Node<'_>)| {
        if !known.contains(&key.as_str()) {
            return Err(value.wrong_word(&format!("no configuration key `{key}`"), &key, known.iter().copied()));
        }
        let draw = Draw::read_words(&value)?;
        // Of a range of numbers both ends are tried.
        let words = draw.words().into_iter().flat_map(|word| word.split(".."));
        words.into_iter().try_for_each(|word| parse(&key, word)).map_err(|says| value.error(says))?;
        Ok((key, draw))
    };
    node.table()?.entries()?.into_iter().map(entry).collect()
}

/// Configuration of brokers or topics, as the broker itself reads it.
fn broker_config(node: Option<Node<'_>>, keys: &[Definition]) -> Result<Vec<(String, Draw<String>)>, ScenarioError> {
    let names: Vec<&'static str> = keys.iter().map(|key| key.name).collect();
    let parse = |key: &str, value: &str| {
        let definition = keys.iter().find(|definition| definition.name == key).expect("only known keys are parsed");
        definition.parse(value).map(|_| ()).map_err(|error| error.to_string())
    };
    config(node, &names, parse)
}

fn size(node: &Node<'_>) -> Result<(u64, u64), ScenarioError> {
    match Draw::<Size>::read(node)? {
        Draw::One(Size(size)) => Ok((size, size)),
        Draw::Range(Size(low), Size(high)) => Ok((low, high)),
        Draw::OneOf(_) => Err(node.error("expected a size or a range of sizes: each record draws its own")),
    }
}

fn whole(node: &Node<'_>) -> Result<u64, ScenarioError> {
    node.as_integer().and_then(|number| u64::try_from(number).ok()).ok_or_else(|| node.expected("a whole number from 0"))
}

fn small(node: &Node<'_>, max: u16) -> Result<u16, ScenarioError> {
    let number = whole(node)?;
    u16::try_from(number)
        .ok()
        .filter(|number| (1..=max).contains(number))
        .ok_or_else(|| node.error(format!("expected a whole number from 1 to {max}")))
}

/// One of several words.
fn word_of<T: Copy>(node: &Node<'_>, words: &[(&'static str, T)]) -> Result<T, ScenarioError> {
    let text = node.text()?;
    let known = words.iter().find(|(word, _)| *word == text);
    let expected: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
    known.map(|(_, value)| *value).ok_or_else(|| node.wrong_word(&format!("`{text}` is none of {}", expected.join(", ")), text, expected))
}

/// A draw from several words.
pub(super) fn words_of(node: &Node<'_>, words: &[&str]) -> Result<Draw<String>, ScenarioError> {
    let draw = Draw::read_words(node)?;
    match draw.words().into_iter().find(|word| !words.contains(word)) {
        None => Ok(draw.clone()),
        Some(wrong) => Err(node.wrong_word(&format!("`{wrong}` is none of {}", words.join(", ")), wrong, words.iter().copied())),
    }
}
