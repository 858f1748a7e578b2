//! Producer state by itself: what is in order, what is a duplicate, who is fenced, who is forgotten.

use odradek_wire::ids::{Offset, ProducerId};
use proptest::prelude::*;

use super::*;
use crate::testing::batches::{idempotent, marker, transactional};

const T: i64 = 1_000;

/// Judges and accepts, as an append does.
fn append(p: &mut Producers, batch: &Incoming, base: i64) -> Result<Verdict, AppendError> {
    let verdict = p.judge(batch, Origin::Client)?;
    if let Verdict::Fresh(update) = &verdict {
        p.accept(*update, Offset(base), batch.max_timestamp_ms());
    }
    p.check(Guards::ALL_ON);
    Ok(verdict)
}

fn batch(epoch: i16, sequence: i32, records: usize) -> Incoming {
    idempotent(&vec![b"v" as &[u8]; records], T, 7, epoch, sequence)
}

#[test]
fn producer_batches_follow_each_other_without_a_gap() {
    let mut p = Producers::default();
    assert!(append(&mut p, &batch(0, 0, 2), 0).is_ok());
    assert!(append(&mut p, &batch(0, 2, 1), 2).is_ok());
    let refused = append(&mut p, &batch(0, 4, 1), 3);
    assert_eq!(refused, Err(AppendError::OutOfOrderSequence { producer: ProducerId(7), got: Sequence(4), last: Some(Sequence(2)) }));
    assert!(append(&mut p, &batch(0, 3, 1), 3).is_ok(), "a refusal changes nothing");
}

#[test]
fn producer_unknown_may_begin_anywhere_since_its_state_may_have_been_deleted() {
    let mut p = Producers::default();
    assert!(append(&mut p, &batch(0, 41, 1), 0).is_ok());
    assert!(append(&mut p, &batch(0, 43, 1), 1).is_err());
}

#[test]
fn sequence_wraps_from_the_largest_to_zero_within_and_between_batches() {
    let mut p = Producers::default();
    assert!(append(&mut p, &batch(0, i32::MAX - 1, 2), 0).is_ok());
    assert!(append(&mut p, &batch(0, 0, 1), 2).is_ok(), "after the largest comes zero");
    let mut p = Producers::default();
    let across = batch(0, i32::MAX - 1, 4);
    assert!(append(&mut p, &across, 0).is_ok());
    assert!(
        matches!(append(&mut p, &across, 4), Ok(Verdict::Duplicate(b)) if b.base_offset() == Offset(0)),
        "a batch over the wrap is known again"
    );
    assert!(append(&mut p, &batch(0, 2, 1), 4).is_ok());
}

#[test]
fn duplicates_are_known_for_five_batches_and_no_longer() {
    let mut p = Producers::default();
    for i in 0..6 {
        assert!(append(&mut p, &batch(0, i, 1), i64::from(i) * 10).is_ok());
    }
    for i in 1..6 {
        assert!(
            matches!(append(&mut p, &batch(0, i, 1), 99), Ok(Verdict::Duplicate(b)) if b.last_offset == Offset(i64::from(i) * 10)),
            "batch {i}"
        );
    }
    assert!(append(&mut p, &batch(0, 0, 1), 99).is_err(), "the sixth is forgotten");
    assert!(append(&mut p, &batch(0, 4, 2), 99).is_err(), "another cut of the same records is no duplicate");
}

#[test]
fn epoch_bump_begins_at_zero_and_fences_the_one_before() {
    let mut p = Producers::default();
    assert!(append(&mut p, &batch(3, 0, 1), 0).is_ok());
    assert!(append(&mut p, &batch(4, 1, 1), 1).is_err(), "an incarnation begins at zero");
    assert!(append(&mut p, &batch(4, 0, 1), 1).is_ok());
    let fenced = append(&mut p, &batch(3, 1, 1), 2);
    assert_eq!(fenced, Err(AppendError::ProducerFenced { producer: ProducerId(7), got: ProducerEpoch(3), current: ProducerEpoch(4) }));
}

#[test]
fn replicated_batches_are_never_refused() {
    let mut p = Producers::default();
    assert!(append(&mut p, &batch(3, 0, 1), 0).is_ok());
    for odd in [batch(2, 9, 1), batch(3, 40, 1)] {
        assert!(matches!(p.judge(&odd, Origin::Replication), Ok(Verdict::Fresh(_))), "its leader has judged it (KAFKA-6003)");
    }
}

#[test]
fn producer_silent_too_long_is_forgotten_unless_its_transaction_is_open() {
    let mut p = Producers::default();
    assert!(append(&mut p, &batch(0, 0, 1), 0).is_ok());
    assert!(append(&mut p, &transactional(&[b"v"], T, 8, 0, 0), 1).is_ok());
    assert_eq!(p.expire(T + 99, 100, 10), 0);
    assert_eq!(p.expire(T + 100, 100, 10), 1);
    assert_eq!(p.list().iter().map(|i| i.id.0).collect::<Vec<_>>(), [8]);
    p.check(Guards::ALL_ON);
}

#[test]
fn last_stable_offset_waits_for_open_transactions_and_for_their_markers_replication() {
    let mut p = Producers::default();
    assert!(append(&mut p, &transactional(&[b"v"], T, 1, 0, 0), 10).is_ok());
    assert!(append(&mut p, &transactional(&[b"v"], T, 2, 0, 0), 11).is_ok());
    assert_eq!(p.transactions().first_unstable(), Some(Offset(10)));
    assert!(
        matches!(append(&mut p, &idempotent(&[b"v"], T, 1, 0, 1), 12), Err(AppendError::TransactionState { .. })),
        "inside a transaction, outside of it"
    );
    let Ok(Verdict::Fresh(end)) = p.judge(&marker(false, 1, 0, 5), Origin::Coordinator) else { panic!("a marker is fresh") };
    let done = p.accept(end, Offset(12), T).expect("it ended the transaction");
    assert_eq!((done.first, done.last, done.committed, done.last_stable), (Offset(10), Offset(12), false, Offset(11)));
    assert_eq!(p.transactions().first_unstable(), Some(Offset(10)), "the marker is not replicated");
    p.high_watermark(Offset(13));
    assert_eq!(p.transactions().first_unstable(), Some(Offset(11)));
    let zombie = p.judge(&marker(true, 1, 0, 4), Origin::Coordinator);
    assert_eq!(zombie, Err(AppendError::CoordinatorFenced { got: 4, current: 5 }));
}

proptest! {
    /// A producer that repeats any of its last five batches, or sends the next: the state answers as a list of all batches would.
    #[test]
    fn producer_state_agrees_with_a_list_of_everything(first in prop_oneof![Just(0), Just(i32::MAX - 7)], acts in prop::collection::vec((0..6usize, 1..4usize), 1..60)) {
        let mut p = Producers::default();
        let mut all: Vec<(Incoming, i64)> = Vec::new();
        let (mut next, mut end) = (Sequence(first), 0i64);
        for (back, records) in acts {
            if back > 0 && all.len() >= back {
                let (old, base) = &all[all.len() - back];
                let judged = append(&mut p, old, end);
                prop_assert!(matches!(judged, Ok(Verdict::Duplicate(b)) if b.base_offset() == Offset(*base)), "{:?}", judged);
            } else {
                let fresh = batch(0, next.0, records);
                prop_assert!(matches!(append(&mut p, &fresh, end), Ok(Verdict::Fresh(_))));
                all.push((fresh, end));
                (next, end) = (next.plus(records as i32), end + records as i64);
            }
        }
    }
}
