//! Metadata, topic auto-creation, DescribeTopicPartitions and ListConfigResources.

use kacrab_protocol::KafkaUuid;
use kacrab_protocol::generated::describe_topic_partitions_request::{Cursor, TopicRequest};
use kacrab_protocol::generated::metadata_request::MetadataRequestTopic;
use kacrab_protocol::generated::{ApiKey, DescribeTopicPartitionsRequestData, ListConfigResourcesRequestData, MetadataRequestData};

use super::message::{text, versions};
use super::topics::NOBODY;
use super::twins::Twins;

pub fn run(twins: &mut Twins) {
    twins.create("seen", 3, &[]);
    twins.create("seen-too", 1, &[]);
    asked(twins);
    by_id(twins);
    created_by_asking(twins);
    pages(twins);
    resources(twins);
}

fn wants(version: i16, topics: Option<Vec<MetadataRequestTopic>>, create: bool) -> MetadataRequestData {
    // Before version 4 there is no way to say "do not create".
    MetadataRequestData::default().with_topics(topics).with_allow_auto_topic_creation(version < 4 || create)
}

fn named(names: &[&str]) -> Option<Vec<MetadataRequestTopic>> {
    Some(names.iter().map(|n| MetadataRequestTopic::default().with_name(Some(text(n)))).collect())
}

fn asked(twins: &mut Twins) {
    let all = |v: i16| if v == 0 { Some(Vec::new()) } else { None };
    twins.ask_settled("every topic", 12, |_| wants(12, None, false));
    twins.each("every topic", |_, v| wants(v, all(v), false));
    twins.each_of("no topic", 1..=13, |_, v| wants(v, Some(Vec::new()), false));
    twins.each("two topics", |_, v| wants(v, named(&["seen", "seen-too"]), false));
    twins.each("a topic twice", |_, v| wants(v, named(&["seen", "seen"]), false));
    twins.each_of("unknown topics", 4..=13, |_, v| wants(v, named(&["nobody", "seen", "no-one"]), false));
    for name in ["", "a b", ".", &"x".repeat(250)] {
        let shown = if name.len() > 20 { "250 letters" } else { name };
        twins.each(&format!("name '{shown}'"), |_, v| wants(v, named(&[name, "seen"]), false));
        twins.each_of(&format!("name '{shown}', may create"), 4..=13, |_, v| wants(v, named(&[name, "seen"]), true));
    }
    twins.each_of("operations of topics", 8..=13, |_, v| {
        wants(v, named(&["seen", "nobody"]), false).with_include_topic_authorized_operations(true)
    });
    twins.each_of("operations of the cluster", 8..=10, |_, v| {
        wants(v, named(&["seen"]), false).with_include_cluster_authorized_operations(true)
    });
    twins.each_of("an internal topic that is not there", 4..=13, |_, v| wants(v, named(&["__share_group_state"]), false));
}

fn by_id(twins: &mut Twins) {
    let id = |id: KafkaUuid, name: Option<&str>| MetadataRequestTopic::default().with_topic_id(id).with_name(name.map(text));
    twins.each_of("by id", 12..=13, |p, v| wants(v, Some(vec![id(p.id("seen"), None)]), false));
    twins.each_of("unknown id", 12..=13, |_, v| wants(v, Some(vec![id(NOBODY, None)]), false));
    twins.each_of("id and name", 12..=13, |p, v| wants(v, Some(vec![id(p.id("seen"), Some("seen"))]), false));
    twins.each_of("unknown id and a name", 12..=13, |_, v| wants(v, Some(vec![id(NOBODY, Some("seen"))]), false));
    // Neither id nor name is not asked: Apache Kafka throws.
    twins.each_of("some by id, some by name", 12..=13, |p, v| {
        wants(v, Some(vec![id(p.id("seen"), None), id(KafkaUuid::ZERO, Some("seen-too"))]), false)
    });
    twins.each_of("an id twice", 12..=13, |p, v| wants(v, Some(vec![id(p.id("seen"), None), id(p.id("seen"), None)]), false));
    twins.each_of("the metadata log's id", 12..=13, |_, v| wants(v, Some(vec![id(KafkaUuid::ONE, None)]), false));
    twins.each_of("id before it was there", 10..=11, |_, v| wants(v, Some(vec![id(KafkaUuid::ZERO, Some("seen"))]), false));
}

fn created_by_asking(twins: &mut Twins) {
    for version in versions(ApiKey::Metadata) {
        let name = format!("asked-{version}");
        // Which of the two first answers is given depends on how fast the topic is there, so the first is not compared.
        twins.unjudged(version, |_| wants(version, named(&[&name]), true));
        twins.ask_settled("a topic made by asking", version, |_| wants(version, named(&[&name]), true));
    }
}

/// Title, topics, limit, cursor.
type Page<'a> = (&'a str, &'a [&'a str], i32, Option<(&'a str, i32)>);

fn pages(twins: &mut Twins) {
    let request = |names: &[&str], limit: i32, cursor: Option<(&str, i32)>| {
        let topics = names.iter().map(|n| TopicRequest::default().with_name(text(n))).collect();
        let cursor = cursor.map(|(name, at)| Box::new(Cursor::default().with_topic_name(text(name)).with_partition_index(at)));
        DescribeTopicPartitionsRequestData::default().with_topics(topics).with_response_partition_limit(limit).with_cursor(cursor)
    };
    let ask: &[Page<'_>] = &[
        ("all", &[], 2000, None),
        ("one topic", &["seen"], 2000, None),
        ("other order", &["seen-too", "seen"], 2000, None),
        ("limit", &["seen-too", "seen"], 2, None),
        ("limit of a whole topic", &["seen-too", "seen"], 3, None),
        ("limit within the second", &["seen", "grows"], 4, None),
        ("no limit", &["seen"], 0, None),
        ("negative limit", &["seen"], -1, None),
        ("cursor", &["seen", "seen-too"], 2000, Some(("seen", 1))),
        ("cursor behind the end", &["seen", "seen-too"], 2000, Some(("seen", 7))),
        ("cursor on another topic", &["seen", "seen-too"], 2000, Some(("seen-a", 0))),
        ("cursor behind all", &["seen", "seen-too"], 2000, Some(("z", 0))),
        ("cursor, limit", &["seen", "seen-too"], 1, Some(("seen", 1))),
        ("cursor without topics", &[], 3, Some(("seen", 1))),
        ("negative cursor", &["seen"], 10, Some(("seen", -1))),
        ("unknown", &["nobody", "seen"], 2000, None),
        ("unknown, cursor on it", &["nobody", "seen"], 2000, Some(("nobody", 0))),
        ("bad name", &["a b", "seen"], 2000, None),
        ("twice", &["seen", "seen"], 2000, None),
        ("unknown behind the limit", &["seen", "zzz"], 3, None),
    ];
    for (title, names, limit, cursor) in ask {
        twins.ask(title, 0, |_| request(names, *limit, *cursor));
    }
}

fn resources(twins: &mut Twins) {
    twins.ask("version 0", 0, |_| ListConfigResourcesRequestData::default());
    for kinds in [vec![], vec![2], vec![4], vec![8], vec![16], vec![32], vec![2, 4], vec![4, 2], vec![2, 2], vec![99], vec![0], vec![2, 99]]
    {
        twins.ask(&format!("kinds {kinds:?}"), 1, |_| ListConfigResourcesRequestData::default().with_resource_types(kinds.clone()));
    }
}
