//! The comparison sees what differs, and lets pass what may.

use kacrab_protocol::generated::metadata_response::MetadataResponseTopic;
use kacrab_protocol::generated::produce_response::{BatchIndexAndErrorMessage, PartitionProduceResponse, TopicProduceResponse};
use kacrab_protocol::generated::{ApiKey, MetadataResponseData, ProduceResponseData};

use super::compare::differences;
use super::legal::{LEGAL, level};
use super::message::text;
use super::peer::Peer;
use super::tree::Tree;

fn topics(names: &[&str]) -> Tree {
    let topic = |name: &&str| MetadataResponseTopic::default().with_name(Some(text(name)));
    Tree::of(&MetadataResponseData::default().with_topics(names.iter().map(topic).collect()))
}

fn levelled(api: ApiKey, mut kafka: Tree, mut ours: Tree) -> usize {
    let peers = [Peer::new("one", "h:1"), Peer::new("two", "h:2")];
    level(api, &mut kafka, &mut ours, [&peers[0], &peers[1]], &mut vec![0; LEGAL.len()]);
    differences(&kafka, &ours).len()
}

#[test]
fn trees_hold_the_texts_that_the_codec_prints() {
    let odd = "a \"b\", {c: [1]}\n\\é\0";
    let tree = topics(&[odd]);
    let Some(Tree::List(list)) = tree.get("topics") else { panic!("{tree}") };
    assert_eq!((list[0].text("name"), list[0].text("error_code")), (odd, "0"));
    assert_eq!(list[0].get("partitions"), Some(&Tree::List(Vec::new())));
    assert_eq!(tree.get("cluster_id"), Some(&Tree::Null));
}

#[test]
fn differences_are_found_in_fields_lists_and_lengths() {
    assert_eq!(differences(&topics(&["a", "b"]), &topics(&["a", "b"])), []);
    assert_eq!(differences(&topics(&["a", "b"]), &topics(&["a", "c"]))[0].path, "topics[b].name");
    assert_eq!(differences(&topics(&["a", "b"]), &topics(&["a"]))[0].path, "topics (2 and 1 entries)");
    assert_eq!(differences(&topics(&[]), &Tree::of(&ProduceResponseData::default())).len(), 1);
}

#[test]
fn a_sentence_of_kafkas_is_compared_where_records_are_rejected_and_a_span_of_times_is_levelled() {
    let says = |all: Option<&str>, record: &str| {
        let error = BatchIndexAndErrorMessage::default().with_batch_index(0).with_batch_index_error_message(Some(text(record)));
        let part = PartitionProduceResponse::default().with_error_message(all.map(text)).with_record_errors(vec![error]);
        let topic = TopicProduceResponse::default().with_partition_responses(vec![part]);
        Tree::of(&ProduceResponseData::default().with_responses(vec![topic]))
    };
    let differ = |kafka: Tree, ours: Tree| levelled(ApiKey::Produce, kafka, ours);
    assert_eq!(differ(says(None, "a"), says(Some("b"), "a")), 0);
    assert_eq!(differ(says(Some("a"), "a"), says(None, "a")), 1);
    assert_eq!(differ(says(Some("One or more records, 2"), "a"), says(Some("One or more records, 3"), "a")), 1);
    assert_eq!(differ(says(None, "T within [1, 2000000]"), says(None, "T within [2, 2000001]")), 0);
    assert_eq!(differ(says(None, "T within [1, 2000000]"), says(None, "S within [1, 2000000]")), 1);
    assert_eq!(differ(says(None, "T within [1, 2000000]"), says(None, "T within [1, 20000000]")), 1);
}

#[test]
fn order_is_levelled_where_it_may_differ_and_nothing_else_is() {
    assert_eq!(levelled(ApiKey::Metadata, topics(&["a", "b"]), topics(&["b", "a"])), 0);
    assert_eq!(levelled(ApiKey::Metadata, topics(&["a", "b"]), topics(&["b", "c"])), 2);
    assert_eq!(levelled(ApiKey::CreateTopics, topics(&["a", "b"]), topics(&["b", "a"])), 2);
}
