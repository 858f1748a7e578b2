//! Resets, seeks, lookups, and the noticing of cut logs.

use bytes::Bytes;
use odradek_wire::error::ErrorCode;
use odradek_wire::messages::fetch_response::EpochEndOffset as Diverging;
use odradek_wire::messages::list_offsets_response::{ListOffsetsPartitionResponse, ListOffsetsTopicResponse};
use odradek_wire::messages::offset_for_leader_epoch_response::{EpochEndOffset, OffsetForLeaderTopicResult};
use odradek_wire::messages::{ListOffsetsResponseData, OffsetForLeaderEpochResponseData, text};
use odradek_wire::request::Request;

use super::fetching::{batch, data, of, poll, read_from, stage, told, wanted};
use crate::config::OffsetReset;
use crate::consumer::{Command, Consumer, Event, FoundOffset, SeekTo, Token};
use crate::error::ClientError;
use crate::testing::{Asked, Stage};

/// The timestamps that a ListOffsets asks for.
fn timestamps(asked: &Asked) -> Vec<i64> {
    let Request::ListOffsets(body) = &asked.request else { panic!("no ListOffsets: {:?}", asked.request) };
    body.topics.iter().flat_map(|t| &t.partitions).map(|p| p.timestamp).collect()
}

fn found(partition: i32, offset: i64, epoch: i32) -> ListOffsetsResponseData {
    let p = ListOffsetsPartitionResponse::default().with_partition_index(partition).with_offset(offset).with_leader_epoch(epoch);
    let topic = ListOffsetsTopicResponse::default().with_name(text("orders")).with_partitions(vec![p]);
    ListOffsetsResponseData::default().with_topics(vec![topic])
}

fn epoch_end(epoch: i32, end_offset: i64) -> OffsetForLeaderEpochResponseData {
    let end = EpochEndOffset::default().with_partition(0).with_leader_epoch(epoch).with_end_offset(end_offset);
    let topic = OffsetForLeaderTopicResult::default().with_topic(text("orders")).with_partitions(vec![end]);
    OffsetForLeaderEpochResponseData::default().with_topics(vec![topic])
}

/// A consumer that has read offsets 0 to 4 in leader epoch 0, and whose leader is one of epoch 1 by now: its check is on the way.
fn checking(reset: OffsetReset) -> (Stage<Consumer>, Asked) {
    let mut stage = stage(1, |c| c.offset_reset = reset);
    read_from(&mut stage, &[(0, 0)]);
    let asked = stage.next();
    stage.plan.topics.get_mut("orders").expect("it is planned").leaders = vec![(1, 1)];
    stage.answer(&asked, told(0, vec![data(0, batch(0, 0, &["a", "b", "c", "d", "e"]))]));
    assert_eq!(poll(&mut stage, 10).len(), 5);
    let asked = stage.next();
    let fenced = |_: &Asked| told(0, vec![data(0, Bytes::new()).with_error_code(ErrorCode::FencedLeaderEpoch.code())]).into();
    stage.answer(&asked, fenced(&asked));
    let check = stage.until(|asked| matches!(asked.request, Request::OffsetForLeaderEpoch(_)), fenced);
    let Request::OffsetForLeaderEpoch(body) = &check.request else { panic!("no check: {:?}", check.request) };
    let partition = &body.topics[0].partitions[0];
    assert_eq!((partition.current_leader_epoch, partition.leader_epoch), (1, 0));
    (stage, check)
}

#[test]
fn consumer_resets_by_policy_and_says_where_to() {
    for (policy, timestamp) in [(OffsetReset::Earliest, -2), (OffsetReset::Latest, -1), (OffsetReset::ByDurationMs(400), 1_000_000 - 400)] {
        let mut stage = stage(1, |c| c.offset_reset = policy);
        stage.command(Command::Assign { partitions: vec![of(0)] });
        let asked = stage.next();
        assert_eq!(timestamps(&asked), [timestamp], "{policy:?}");
        stage.answer(&asked, found(0, 17, 0));
        assert_eq!(stage.take_events(), [Event::PositionReset { partition: of(0), from: None, to: 17 }]);
        assert_eq!(wanted(&stage.next()), [(0, 17)]);
    }
}

#[test]
fn consumer_without_policy_tells_once_that_there_is_no_position() {
    let mut stage = stage(1, |_| ());
    stage.command(Command::Assign { partitions: vec![of(0)] });
    assert!(stage.take_events().is_empty(), "a seek may follow");
    assert!(poll(&mut stage, 1).is_empty());
    stage.command(Command::Poll { token: Token(1), records_max: 1, timeout_ms: 0 });
    let again = stage.take_events();
    assert!(again.iter().all(|e| matches!(e, Event::Polled { .. })), "{again:?}");
    stage.command(Command::Position { token: Token(2), partition: of(0) });
    let error = ClientError::NoOffset { partition: of(0), position: None };
    assert_eq!(stage.take_events(), [Event::Position { token: Token(2), partition: of(0), offset: Err(error) }]);
}

#[test]
fn consumer_out_of_range_is_reset_by_policy_and_told_without_one() {
    for policy in [OffsetReset::Earliest, OffsetReset::None] {
        let mut stage = stage(1, |c| c.offset_reset = policy);
        read_from(&mut stage, &[(0, 90)]);
        let asked = stage.next();
        stage.answer(&asked, told(0, vec![data(0, Bytes::new()).with_error_code(ErrorCode::OffsetOutOfRange.code())]));
        if policy == OffsetReset::None {
            stage.command(Command::Poll { token: Token(1), records_max: 1, timeout_ms: 0 });
            let error = ClientError::NoOffset { partition: of(0), position: Some(90) };
            assert_eq!(stage.take_events()[0], Event::PartitionFailed { partition: of(0), error });
        } else {
            let lookup = stage.next();
            stage.answer(&lookup, found(0, 4, 0));
            assert_eq!(stage.take_events(), [Event::PositionReset { partition: of(0), from: Some(90), to: 4 }]);
        }
    }
}

#[test]
fn consumer_seek_by_time_goes_to_the_end_when_nothing_is_as_young() {
    let mut stage = stage(1, |_| ());
    stage.command(Command::Assign { partitions: vec![of(0)] });
    stage.command(Command::Seek { partition: of(0), to: SeekTo::Timestamp(5_000) });
    let asked = stage.next();
    assert_eq!(timestamps(&asked), [5_000]);
    stage.answer(&asked, found(0, -1, -1));
    let end = stage.next();
    assert_eq!(timestamps(&end), [-1]);
    stage.answer(&end, found(0, 30, 0));
    stage.command(Command::Position { token: Token(3), partition: of(0) });
    let events = stage.take_events();
    assert_eq!(events[1], Event::Position { token: Token(3), partition: of(0), offset: Ok(30) });
}

#[test]
fn consumer_truncation_goes_back_to_the_divergence_and_tells() {
    let (mut stage, check) = checking(OffsetReset::Earliest);
    stage.answer(&check, epoch_end(0, 3));
    let truncated = Event::Truncated { partition: of(0), position: 5, divergent_offset: Some(3), divergent_epoch: Some(0) };
    assert_eq!(stage.take_events(), [truncated]);
    assert_eq!(wanted(&stage.next()), [(0, 3)]);
    assert!(stage.marks.contains(&"consumer.truncated"));
}

#[test]
fn consumer_truncation_without_policy_waits_for_a_seek() {
    let (mut stage, check) = checking(OffsetReset::None);
    stage.answer(&check, epoch_end(0, 3));
    assert!(matches!(stage.take_events()[..], [Event::Truncated { divergent_offset: Some(3), .. }]));
    stage.pass_ms(1_000);
    assert!(stage.requests.is_empty(), "it reads on without being told where");
    stage.command(Command::Seek { partition: of(0), to: SeekTo::Offset(3) });
    assert_eq!(wanted(&stage.next()), [(0, 3)]);
}

#[test]
fn consumer_position_that_the_new_leader_has_is_read_on_from() {
    let (mut stage, check) = checking(OffsetReset::Earliest);
    stage.answer(&check, epoch_end(0, 5));
    assert!(stage.take_events().is_empty());
    assert_eq!(wanted(&stage.next()), [(0, 5)]);
}

#[test]
fn consumer_divergence_in_a_fetch_is_a_truncation_too() {
    let mut stage = stage(1, |c| c.offset_reset = OffsetReset::Latest);
    read_from(&mut stage, &[(0, 9)]);
    let asked = stage.next();
    let diverging = Diverging::default().with_epoch(2).with_end_offset(6);
    stage.answer(&asked, told(0, vec![data(0, Bytes::new()).with_diverging_epoch(diverging)]));
    let truncated = Event::Truncated { partition: of(0), position: 9, divergent_offset: Some(6), divergent_epoch: Some(2) };
    assert_eq!(stage.take_events(), [truncated]);
}

#[test]
fn consumer_lookups_are_tried_again_and_end_in_time() {
    let mut stage = stage(2, |c| c.api_timeout_ms = 2_000);
    stage.command(Command::EndOffsets { token: Token(4), partitions: vec![of(0), of(1)] });
    let asked = stage.next();
    let mut body = found(0, 0, 0);
    body.topics[0].partitions[0].error_code = ErrorCode::LeaderNotAvailable.code();
    body.topics[0].partitions.push(ListOffsetsPartitionResponse::default().with_partition_index(1).with_offset(8).with_leader_epoch(0));
    stage.answer(&asked, body);
    stage.pass_ms(300);
    let again = stage.next();
    assert_eq!(timestamps(&again), [-1], "only the one that failed is asked again");
    stage.pass_ms(2_000);
    let ok = FoundOffset { offset: Some(8), timestamp: -1, leader_epoch: 0 };
    let offsets = vec![(of(0), Err(ClientError::Timeout { after_ms: 2_000 })), (of(1), Ok(ok))];
    assert_eq!(stage.take_events(), [Event::Offsets { token: Token(4), offsets }]);
}
