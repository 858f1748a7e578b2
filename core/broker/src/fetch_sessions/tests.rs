use std::sync::Arc;

use odradek_machine::{Mono, Seed, ms};
use odradek_wire::error::ErrorCode;
use odradek_wire::fetch::FetchedPartition;
use odradek_wire::ids::{Offset, Uuid};

use super::session::next_epoch;
use super::*;

fn asked(offset: i64) -> Asked {
    Asked { offset: Offset(offset), bytes_max: 1 << 20, current_epoch: None, last_epoch: None, log_start: Offset(-1) }
}

fn topic(name: &str) -> TopicKey {
    TopicKey::Name(name.into())
}

fn partitions(n: i32) -> Vec<(Wanted, Told)> {
    (0..n).map(|p| (Wanted::new(topic("t"), p, asked(0), no_name), Told::NOTHING)).collect()
}

fn no_name(_: Uuid) -> Option<Arc<str>> {
    None
}

fn cache(slots: usize) -> Cache {
    Cache::new(CacheLimits { slots, safe_ms: 1_000 }, Seed(1))
}

fn answer(index: i32, high_watermark: i64, records: bool) -> FetchedPartition<u64> {
    use odradek_wire::scatter::Part;
    FetchedPartition {
        high_watermark: Offset(high_watermark),
        log_start_offset: Offset(0),
        records: if records { vec![Part::Bytes(bytes::Bytes::from_static(b"r"))] } else { Vec::new() },
        ..FetchedPartition::of_error(index, ErrorCode::None)
    }
}

const EARLY: Mono = Mono(0);
const LATE: Mono = Mono(ms(5_000));

#[test]
fn a_full_cache_pushes_out_what_was_not_used_for_long() {
    let mut cache = cache(2);
    let old = cache.create(EARLY, false, false, partitions(9)).expect("room");
    let young = cache.create(LATE, false, false, partitions(1)).expect("room");
    let next = cache.create(LATE, false, false, partitions(1)).expect("the old one goes");
    assert!(cache.get(old).is_none() && cache.get(young).is_some() && cache.get(next).is_some());
    assert_eq!(cache.create(LATE, false, false, partitions(50)), None, "everything else is young, and safe");
    assert_eq!(cache.counts(), (2, 2, 1));
    cache.check();
}

#[test]
fn a_follower_pushes_out_the_smallest_session_of_a_consumer_and_never_another_follower() {
    let mut cache = cache(2);
    let small = cache.create(EARLY, false, false, partitions(1)).expect("room");
    let large = cache.create(EARLY, false, false, partitions(5)).expect("room");
    let follower = cache.create(EARLY, true, false, partitions(1)).expect("it is privileged");
    assert!(cache.get(small).is_none() && cache.get(large).is_some());
    cache.create(EARLY, true, false, partitions(1)).expect("and again");
    assert_eq!(cache.create(EARLY, true, false, partitions(9)), None);
    assert!(cache.get(follower).is_some());
    cache.check();
}

fn incremental(id: i32, epoch: i32) -> Begin {
    Begin { session_id: id, session_epoch: epoch, privileged: false, uses_ids: false, asked: Vec::new(), forgotten: Vec::new() }
}

#[test]
fn a_partition_that_got_records_comes_last_next_time() {
    let mut cache = cache(2);
    let id = cache.create(EARLY, false, false, partitions(3)).expect("room");
    let first = begin(EARLY, &mut cache, incremental(id, 1), no_name).expect("it goes on");
    assert_eq!(first.wanted.iter().map(|w| w.partition).collect::<Vec<_>>(), [0, 1, 2]);
    let mut answers = vec![(0, answer(0, 5, true)), (1, answer(1, 0, false)), (2, answer(2, 0, false))];
    first.finish(EARLY, &mut cache, &mut answers).expect("nobody took over");
    assert_eq!(answers.len(), 3, "their high watermarks were not known");
    let second = begin(EARLY, &mut cache, incremental(id, 2), no_name).expect("it goes on");
    assert_eq!(second.wanted.iter().map(|w| w.partition).collect::<Vec<_>>(), [1, 2, 0]);
    let mut answers = vec![(0, answer(1, 0, false)), (1, answer(2, 7, false)), (2, answer(0, 5, false))];
    second.finish(EARLY, &mut cache, &mut answers).expect("nobody took over");
    assert_eq!(answers.iter().map(|(_, a)| a.index).collect::<Vec<_>>(), [2], "only its high watermark moved");
    cache.check();
}

#[test]
fn an_error_is_told_each_time_and_the_recovery_from_it_too() {
    let mut cache = cache(2);
    let id = cache.create(EARLY, false, false, partitions(1)).expect("room");
    let mut round = |epoch: i32, answer: FetchedPartition<u64>| {
        let context = begin(EARLY, &mut cache, incremental(id, epoch), no_name).expect("it goes on");
        let mut answers = vec![(0, answer)];
        context.finish(EARLY, &mut cache, &mut answers).expect("nobody took over");
        answers.len()
    };
    assert_eq!(round(1, answer(0, 5, false)), 1);
    assert_eq!(round(2, FetchedPartition::of_error(0, ErrorCode::NotLeaderOrFollower)), 1);
    assert_eq!(round(3, FetchedPartition::of_error(0, ErrorCode::NotLeaderOrFollower)), 1);
    assert_eq!(round(4, answer(0, 5, false)), 1);
    assert_eq!(round(5, answer(0, 5, false)), 0);
}

#[test]
fn a_session_ends_with_its_last_partition_and_keeps_to_names_or_ids() {
    let mut cache = cache(2);
    let id = cache.create(EARLY, false, false, partitions(1)).expect("room");
    let by_id = Begin { uses_ids: true, ..incremental(id, 1) };
    assert_eq!(begin(EARLY, &mut cache, by_id, no_name), Err(ErrorCode::FetchSessionTopicIdError));
    let last = Begin { forgotten: vec![(topic("t"), 0)], ..incremental(id, 1) };
    assert_eq!(begin(EARLY, &mut cache, last, no_name).map(|c| c.kind), Ok(Kind::Sessionless));
    assert_eq!(begin(EARLY, &mut cache, incremental(id, 2), no_name), Err(ErrorCode::FetchSessionIdNotFound));
    assert_eq!(next_epoch(i32::MAX), 1);
}

#[test]
fn a_request_that_was_overtaken_is_told_so() {
    let mut cache = cache(2);
    let id = cache.create(EARLY, false, false, partitions(1)).expect("room");
    let slow = begin(EARLY, &mut cache, incremental(id, 1), no_name).expect("it goes on");
    begin(EARLY, &mut cache, incremental(id, 2), no_name).expect("another connection goes on");
    let mut answers = vec![(0, answer(0, 5, false))];
    assert_eq!(slow.finish(EARLY, &mut cache, &mut answers), Err(ErrorCode::InvalidFetchSessionEpoch));
}

#[test]
fn a_name_that_a_session_learned_stays_when_its_topic_goes() {
    let (id, late) = (Uuid([7; 16]), Uuid([8; 16]));
    let known = |topic: Uuid| (topic == id).then(|| Arc::from("t"));
    let mut cache = cache(2);
    let ask = |id: Uuid| (TopicKey::Id(id), 0, asked(0));
    let full = Begin { uses_ids: true, asked: vec![ask(id), ask(late)], ..incremental(0, 0) };
    let context = begin(EARLY, &mut cache, full, known).expect("it begins");
    let mut answers = vec![(0, answer(0, 5, false)), (1, FetchedPartition::of_error(0, ErrorCode::UnknownTopicId))];
    let session = context.finish(EARLY, &mut cache, &mut answers).expect("there is room");
    let mut names =
        |epoch: i32, asked: Vec<(TopicKey, i32, Asked)>, forgotten: Vec<(TopicKey, i32)>, name_of: fn(Uuid) -> Option<Arc<str>>| {
            let next = Begin { uses_ids: true, asked, forgotten, ..incremental(session, epoch) };
            let context = begin(EARLY, &mut cache, next, name_of).expect("it goes on");
            context.wanted.iter().map(|w| w.name.as_deref().map(str::to_owned)).collect::<Vec<_>>()
        };
    let (t, u) = (Some("t".to_owned()), Some("u".to_owned()));
    assert_eq!(names(1, Vec::new(), Vec::new(), no_name), [t.clone(), None], "its topic is gone");
    assert_eq!(names(2, vec![ask(id)], Vec::new(), |_| Some("u".into())), [t.clone(), u.clone()], "only what was not known is learned");
    assert_eq!(names(3, Vec::new(), Vec::new(), no_name), [t, u.clone()]);
    assert_eq!(names(4, vec![ask(id)], vec![(TopicKey::Id(id), 0)], no_name), std::slice::from_ref(&u), "asked for and forgotten at once");
    assert_eq!(names(5, vec![ask(id)], Vec::new(), no_name), [u, None], "what was forgotten is unknown");
}
