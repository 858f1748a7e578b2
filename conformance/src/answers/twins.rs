//! Two fresh servers that are asked the same.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use kacrab_protocol::KafkaUuid;
use kacrab_protocol::generated::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use kacrab_protocol::generated::delete_topics_request::DeleteTopicState;
use kacrab_protocol::generated::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kacrab_protocol::generated::metadata_request::MetadataRequestTopic;
use kacrab_protocol::generated::{
    ApiKey, CreateTopicsRequestData, DeleteTopicsRequestData, InitProducerIdRequestData, ListOffsetsRequestData, MetadataRequestData,
};

use super::compare::{Difference, differences};
use super::legal::{LEGAL, level};
use super::message::{Message, body, encoded, frame, head, text, unwrap, versions};
use super::peer::Peer;
use super::tree::Tree;

/// Apache Kafka, and ours.
pub struct Twins {
    pub kafka: Peer,
    pub ours: Peer,
    /// Requests that were sent to both.
    pub requests: usize,
    /// How often each allowed difference was met.
    pub met: Vec<usize>,
    /// Differences, by API, title, place and values; with the versions.
    pub found: BTreeMap<(String, String, Difference), Vec<i16>>,
    correlation: i32,
}

/// How often what is read after a change is read again: brokers act on changes a moment after they are told.
const TRIES: usize = 12;
const TRIES_TO_BEGIN: usize = 200;
const PAUSE: Duration = Duration::from_millis(50);
/// How soon an answer comes that something hurried.
const SOON: Duration = Duration::from_secs(2);
/// How long nothing must be said for silence to be believed.
const SILENCE: Duration = Duration::from_millis(1500);

impl Twins {
    pub fn new(kafka: &str, ours: &str) -> Twins {
        Twins {
            kafka: Peer::new("Apache Kafka", kafka),
            ours: Peer::new("odradek", ours),
            requests: 0,
            met: vec![0; LEGAL.len()],
            found: BTreeMap::new(),
            correlation: 0,
        }
    }

    /// Waits until both do everything: a broker of Apache Kafka gives out producer ids a moment after it is ready, when its controller has given it some.
    pub fn await_start(&mut self) {
        let request = InitProducerIdRequestData::default().with_transaction_timeout_ms(60_000);
        self.until_both(0, |_| request.clone(), |answer| answer.error_code == 0);
    }

    /// Asks both in one version, and compares what they say.
    pub fn ask<M: Message>(&mut self, title: &str, version: i16, make: impl Fn(&Peer) -> M) -> [Option<M::Answer>; 2] {
        let (answers, differences) = self.once(version, &make);
        self.requests += 1;
        self.note(&format!("{:?}", M::API), title, version, differences);
        answers
    }

    /// As [`Twins::ask`], again and again until both say the same, for what follows a change.
    pub fn ask_settled<M: Message>(&mut self, title: &str, version: i16, make: impl Fn(&Peer) -> M) -> [Option<M::Answer>; 2] {
        self.requests += 1;
        for _ in 0..TRIES {
            let (answers, differences) = self.once(version, &make);
            if differences.is_empty() {
                return answers;
            }
            std::thread::sleep(PAUSE);
        }
        let (answers, differences) = self.once(version, &make);
        self.note(&format!("{:?}", M::API), title, version, differences);
        answers
    }

    /// Asks each until its answer is right; the last answers are not compared.
    fn until_both<M: Message>(&mut self, version: i16, make: impl Fn(&Peer) -> M, right: impl Fn(&M::Answer) -> bool) {
        for peer in [&mut self.kafka, &mut self.ours] {
            for _ in 0..TRIES_TO_BEGIN {
                let request = frame(head(M::API, version, 0), &encoded(&make(peer), version));
                let answer = peer.ask(&request).and_then(|answer| decoded::<M>(0, version, answer));
                if answer.is_ok_and(|(answer, _)| right(&answer)) {
                    break;
                }
                std::thread::sleep(PAUSE);
            }
        }
    }

    /// Asks both, and compares nothing.
    pub fn unjudged<M: Message>(&mut self, version: i16, make: impl Fn(&Peer) -> M) -> [Option<M::Answer>; 2] {
        self.once(version, &make).0
    }

    /// Holds one thing of both answers against each other.
    pub fn same(&mut self, title: &str, said: [Option<usize>; 2]) {
        let [kafka, ours] = said.map(|count| count.map_or_else(|| "no answer".to_owned(), |count| count.to_string()));
        self.requests += 1;
        if kafka != ours {
            self.found
                .entry((title.to_owned(), "a count".to_owned(), Difference { path: String::new(), kafka, ours }))
                .or_default()
                .push(0);
        }
    }

    /// Asks both in every version.
    pub fn each<M: Message>(&mut self, title: &str, make: impl Fn(&Peer, i16) -> M) {
        for version in versions(M::API) {
            self.ask(title, version, |peer| make(peer, version));
        }
    }

    /// Asks both in some versions.
    pub fn each_of<M: Message>(&mut self, title: &str, versions: impl IntoIterator<Item = i16>, make: impl Fn(&Peer, i16) -> M) {
        for version in versions {
            self.ask(title, version, |peer| make(peer, version));
        }
    }

    fn once<M: Message>(&mut self, version: i16, make: &impl Fn(&Peer) -> M) -> ([Option<M::Answer>; 2], Vec<Difference>) {
        self.correlation += 1;
        let head = head(M::API, version, self.correlation);
        let one = |peer: &mut Peer| {
            let request = frame(head, &encoded(&make(peer), version));
            peer.ask(&request).and_then(|answer| decoded::<M>(head.correlation, version, answer))
        };
        let said = [one(&mut self.kafka), one(&mut self.ours)];
        self.judge::<M>(said)
    }

    /// Asks both on connections of their own, does something while they wait, and compares what they say to it, and whether they say it soon after.
    pub fn ask_during<M: Message>(&mut self, title: &str, version: i16, make: impl Fn(&Peer) -> M, meanwhile: impl FnOnce(&mut Self)) {
        self.correlation += 1;
        self.requests += 1;
        let head = head(M::API, version, self.correlation);
        let waiting = [&self.kafka, &self.ours].map(|peer| peer.begin(&frame(head, &encoded(&make(peer), version))));
        std::thread::sleep(PAUSE * 2);
        meanwhile(self);
        let done = Instant::now();
        let mut soon = Vec::new();
        let said = waiting.map(|waiting| {
            let (answer, at) = waiting?.join().map_err(|_| "nobody waited".to_owned())?;
            soon.push((at < done + SOON).to_string());
            decoded::<M>(head.correlation, version, answer?)
        });
        let (_, mut differences) = self.judge::<M>(said);
        if let [kafka, ours] = &soon[..]
            && kafka != ours
        {
            differences.push(Difference { path: "soon".to_owned(), kafka: kafka.clone(), ours: ours.clone() });
        }
        self.note(&format!("{:?}", M::API), title, version, differences);
    }

    fn judge<M: Message>(&mut self, said: [Result<(M::Answer, Tree), String>; 2]) -> ([Option<M::Answer>; 2], Vec<Difference>) {
        let mut trees = said.each_ref().map(|s| match s {
            Ok((_, tree)) => tree.clone(),
            Err(error) => Tree::word(&format!("({error})")),
        });
        self.learn(&trees);
        let [kafka, ours] = &mut trees;
        level(M::API, kafka, ours, [&self.kafka, &self.ours], &mut self.met);
        let differences = differences(kafka, ours);
        (said.map(|s| s.ok().map(|(answer, _)| answer)), differences)
    }

    fn learn(&mut self, [kafka, ours]: &[Tree; 2]) {
        learn(kafka, &mut self.kafka);
        learn(ours, &mut self.ours);
    }

    fn note(&mut self, api: &str, title: &str, version: i16, differences: Vec<Difference>) {
        for difference in differences {
            self.found.entry((api.to_owned(), title.to_owned(), difference)).or_default().push(version);
        }
    }

    /// Sends the same bytes on fresh connections; compares the answers that came until there were `wanted`, and whether the connection was closed.
    pub fn bytes(&mut self, title: &str, sent: &[u8], asked: &[(ApiKey, i16)]) {
        self.requests += 1;
        let one = |peer: &Peer| match peer.try_bytes(sent, asked.len(), SILENCE) {
            Ok(outcome) => {
                let answers = outcome.answers.into_iter().zip(asked).map(|(answer, &(api, version))| any(api, version, answer)).collect();
                Tree::Fields(vec![
                    ("answers".to_owned(), Tree::List(answers)),
                    ("closed".to_owned(), Tree::word(&outcome.closed.to_string())),
                ])
            }
            Err(error) => Tree::word(&error),
        };
        let mut trees = [one(&self.kafka), one(&self.ours)];
        self.learn(&trees);
        let [kafka, ours] = &mut trees;
        for (at, &(api, _)) in asked.iter().enumerate() {
            if let (Some(left), Some(right)) = (entry(kafka, at), entry(ours, at)) {
                level(api, left, right, [&self.kafka, &self.ours], &mut self.met);
            }
        }
        let differences = differences(kafka, ours);
        let (api, version) = asked[0];
        self.note(&format!("{api:?}"), title, version, differences);
    }

    /// Creates a topic on both, and waits until it can be used.
    pub fn create(&mut self, name: &str, partitions: i32, configs: &[(&str, &str)]) {
        let config = |(key, value): &(&str, &str)| CreatableTopicConfig::default().with_name(text(key)).with_value(Some(text(value)));
        let kept = configs.iter().any(|(key, _)| *key == "retention.ms");
        let topic = CreatableTopic::default()
            .with_name(text(name))
            .with_num_partitions(partitions)
            .with_replication_factor(1)
            // What is written here has times long past: a look at retention in the middle of the run would delete it.
            .with_configs(configs.iter().chain((!kept).then_some(&("retention.ms", "-1"))).map(config).collect());
        self.ask(&format!("a topic to work with: {name}"), 7, |_| {
            CreateTopicsRequestData::default().with_topics(vec![topic.clone()]).with_timeout_ms(20_000)
        });
        self.await_topic(name, partitions);
    }

    /// The ids that both gave to a topic.
    pub fn ids(&self, name: &str) -> [KafkaUuid; 2] {
        [&self.kafka, &self.ours].map(|peer| peer.id(name))
    }

    /// Deletes a topic of both, and waits until it is gone.
    pub fn delete(&mut self, name: &str) {
        let topic = DeleteTopicState::default().with_name(Some(text(name))).with_topic_id(KafkaUuid::ZERO);
        let request = DeleteTopicsRequestData::default().with_topics(vec![topic]).with_timeout_ms(20_000);
        self.ask(&format!("a topic that goes: {name}"), 6, |_| request.clone());
        self.await_gone(name);
    }

    /// Waits until both say that a topic is not there.
    fn await_gone(&mut self, name: &str) {
        const UNKNOWN_TOPIC_OR_PARTITION: i16 = 3;
        let topic = MetadataRequestTopic::default().with_name(Some(text(name)));
        let metadata = MetadataRequestData::default().with_topics(Some(vec![topic])).with_allow_auto_topic_creation(false);
        self.until_both(4, |_| metadata.clone(), |answer| answer.topics[0].error_code == UNKNOWN_TOPIC_OR_PARTITION);
    }

    /// Waits until both say that every partition of a topic is led and can be read.
    fn await_topic(&mut self, name: &str, partitions: i32) {
        let topic = MetadataRequestTopic::default().with_name(Some(text(name)));
        let metadata = MetadataRequestData::default().with_topics(Some(vec![topic])).with_allow_auto_topic_creation(false);
        self.until_both(
            4,
            |_| metadata.clone(),
            |answer| {
                let parts = &answer.topics[0].partitions;
                parts.len() == partitions as usize && parts.iter().all(|p| p.leader_id >= 0)
            },
        );
        let part = |index| ListOffsetsPartition::default().with_partition_index(index).with_timestamp(-1);
        let topic = ListOffsetsTopic::default().with_name(text(name)).with_partitions((0..partitions).map(part).collect());
        let offsets = ListOffsetsRequestData::default().with_replica_id(-1).with_topics(vec![topic]);
        self.until_both(1, |_| offsets.clone(), |answer| answer.topics[0].partitions.iter().all(|p| p.error_code == 0));
    }
}

/// The ids of topics, wherever an answer names both.
fn learn(tree: &Tree, peer: &mut Peer) {
    const ZERO: &str = "00000000-0000-0000-0000-000000000000";
    match tree {
        Tree::Fields(fields) => {
            let (name, id) = (tree.text("name"), tree.text("topic_id"));
            if !name.is_empty() && !id.is_empty() && id != ZERO && tree.text("error_code") == "0" {
                peer.learn(name, id);
            }
            fields.iter().for_each(|(_, value)| learn(value, peer));
        }
        Tree::List(list) => list.iter().for_each(|value| learn(value, peer)),
        _ => {}
    }
}

fn entry(tree: &mut Tree, at: usize) -> Option<&mut Tree> {
    let Tree::Fields(fields) = tree else { return None };
    let Tree::List(list) = &mut fields.first_mut()?.1 else { return None };
    list.get_mut(at)
}

fn decoded<M: Message>(correlation: i32, version: i16, answer: Bytes) -> Result<(M::Answer, Tree), String> {
    let (said, mut rest) = unwrap(M::API, version, answer)?;
    let answer = M::answer(&mut rest, version).map_err(|e| format!("an answer that cannot be read: {e}"))?;
    if said != correlation {
        return Err(format!("answered {said} and not {correlation}"));
    }
    if !rest.is_empty() {
        return Err(format!("{} bytes behind the answer", rest.len()));
    }
    let tree = Tree::of(&answer);
    Ok((answer, tree))
}

/// An answer in its version, or in version 0 as ApiVersions refuses.
fn any(api: ApiKey, version: i16, answer: Bytes) -> Tree {
    let read = |version: i16| {
        let (_, mut rest) = unwrap(api, version, answer.clone())?;
        let tree = body(api, &mut rest, version)?;
        if rest.is_empty() { Ok(tree) } else { Err("bytes behind the answer".to_owned()) }
    };
    let refusal = api == ApiKey::ApiVersions && answer.get(4..6) == Some(&[0, 35]);
    read(if refusal { 0 } else { version }).unwrap_or_else(|e| Tree::word(&e))
}
