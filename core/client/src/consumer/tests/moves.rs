//! Leaders that move, and topics that are made anew.

use bytes::Bytes;
use odradek_wire::error::ErrorCode;
use odradek_wire::ids::Uuid;
use odradek_wire::messages::fetch_response::{LeaderIdAndEpoch, NodeEndpoint};
use odradek_wire::messages::text;

use super::fetching::{batch, data, fetch, poll, read_from, stage, told, wanted};
use crate::config::OffsetReset;
use crate::testing::{Asked, TopicPlan};

#[test]
fn consumer_follows_the_leader_that_an_answer_names() {
    let mut stage = stage(1, |_| ());
    read_from(&mut stage, &[(0, 3)]);
    let asked = stage.next();
    assert_eq!(asked.port, 9001);
    // Metadata lags behind: it still names the old leader, in an older epoch than the hint.
    let leader = LeaderIdAndEpoch::default().with_leader_id(2).with_leader_epoch(4);
    let refused = data(0, Bytes::new()).with_error_code(ErrorCode::NotLeaderOrFollower.code()).with_current_leader(leader);
    let node = NodeEndpoint::default().with_node_id(2).with_host(text("broker")).with_port(9002);
    stage.answer(&asked, told(0, vec![refused]).with_node_endpoints(vec![node]));
    stage.plan.nodes = vec![1, 2];
    let stale = |_: &Asked| told(0, vec![data(0, Bytes::new()).with_error_code(ErrorCode::NotLeaderOrFollower.code())]).into();
    let moved = stage.until(|asked| asked.port == 9002, stale);
    assert_eq!((wanted(&moved), fetch(&moved).topics[0].partitions[0].current_leader_epoch), (vec![(0, 3)], 4));
    stage.answer(&moved, told(0, vec![data(0, batch(3, 4, &["a"]))]));
    assert_eq!(poll(&mut stage, 1), [(0, 3, "a".to_owned())]);
}

#[test]
fn consumer_of_a_topic_that_was_made_anew_reads_the_new_one_from_where_its_policy_says() {
    let mut stage = stage(1, |c| c.offset_reset = OffsetReset::Earliest);
    stage.plan.topics.get_mut("orders").expect("it is planned").leaders = vec![(1, 6)];
    read_from(&mut stage, &[(0, 90)]);
    let asked = stage.next();
    assert_eq!(Uuid::from(fetch(&asked).topics[0].topic_id), Uuid([7; 16]));
    // The new one begins with an older epoch, which counts since the id is another one.
    stage.plan.topics.insert("orders".to_owned(), TopicPlan { id: Uuid([8; 16]), leaders: vec![(1, 0)] });
    let gone = |_: &Asked| told(0, vec![data(0, Bytes::new()).with_error_code(ErrorCode::UnknownTopicId.code())]).into();
    stage.answer(&asked, gone(&asked));
    let of_the_new = |asked: &Asked| fetch(asked).topics.iter().any(|t| Uuid::from(t.topic_id) == Uuid([8; 16]));
    let anew = stage.until(of_the_new, gone);
    assert_eq!(wanted(&anew), [(0, 90)]);
    let mut body = told(0, vec![data(0, Bytes::new()).with_error_code(ErrorCode::OffsetOutOfRange.code())]);
    body.responses[0].topic_id = Uuid([8; 16]).into();
    stage.answer(&anew, body);
    let lookup = stage.next();
    assert!(matches!(&lookup.request, odradek_wire::request::Request::ListOffsets(_)), "{:?}", lookup.request);
}
