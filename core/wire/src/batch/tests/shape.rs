//! What assignment does to the bytes, and the checksum that it combines.

use proptest::prelude::*;

use super::{DECODED_MAX, build, patched, some_records, three, validate};
use crate::batch::header::{ATTRIBUTES_AT, PRODUCER_ID_AT};
use crate::batch::{Batches, ReplicaBatch, Stamp, TimestampType, crc32c, crc32c_with_other_head};
use crate::codec::Codec;
use crate::ids::{LeaderEpoch, Offset};

pub(super) fn stamp(base_offset: i64, log_append_ms: Option<i64>) -> Stamp {
    Stamp { base_offset: Offset(base_offset), leader_epoch: LeaderEpoch(9), log_append_ms }
}

#[test]
fn assignment_leaves_all_but_twelve_bytes_as_they_came() {
    let sent = three(Codec::Zstd);
    let assigned = validate(&sent).expect("as built").assign(stamp(1000, None));
    let mut expected = sent.to_vec();
    expected[..8].copy_from_slice(&1000i64.to_be_bytes());
    expected[12..16].copy_from_slice(&9i32.to_be_bytes());
    assert_eq!(assigned.to_bytes(), expected);
    let [head, tail] = assigned.parts();
    assert_eq!((head.len(), head.len() + tail.len()), (ATTRIBUTES_AT, assigned.size_bytes()));
    assert_eq!(tail.as_ptr(), sent[ATTRIBUTES_AT..].as_ptr(), "the rest is the producer's own buffer");
}

#[test]
fn log_append_time_changes_the_head_alone() {
    let sent = three(Codec::Gzip);
    let assigned = validate(&sent).expect("as built").assign(stamp(1000, Some(123_456)));
    let [head, tail] = assigned.parts();
    assert_eq!((head.len(), tail.as_ptr()), (PRODUCER_ID_AT, sent[PRODUCER_ID_AT..].as_ptr()));
    let header = *assigned.header();
    assert_eq!((header.attributes.timestamp_type(), header.max_timestamp_ms), (TimestampType::LogAppendTime, 123_456));
    assert!(header.attributes.is_transactional());
    let replica = Batches::new(assigned.to_bytes()).next().expect("whole").expect("fits").check().expect("the checksum was combined");
    assert_eq!(replica.header(), &header);
    for (i, record) in replica.records(DECODED_MAX).expect("decompresses").enumerate() {
        let record = record.expect("as built");
        assert_eq!((record.offset, record.timestamp_ms), (Offset(1000 + i as i64), 123_456));
    }
}

#[test]
fn flags_that_mean_nothing_are_dropped_when_the_head_is_written_anew() {
    let odd = patched(&three(Codec::None), ATTRIBUTES_AT, &[0x80, 0x90]);
    let batch = validate(&odd).expect("Kafka accepts them");
    assert_eq!(batch.assign(stamp(0, None)).header().attributes.0 as u16, 0x8090);
    assert_eq!(batch.assign(stamp(0, Some(1))).header().attributes.0, 0x18);
}

#[test]
fn a_checksum_is_combined_over_any_length() {
    let heads = [[1u8; 22], [2; 22]];
    for bits in 0..21 {
        for tail_bytes in [(1usize << bits) - 1, 1 << bits, (1 << bits) + 1] {
            let [old, new] = heads.map(|head| crc32c(&[&head[..], &vec![7; tail_bytes]].concat()));
            assert_eq!(crc32c_with_other_head(old, &heads[0], &heads[1], tail_bytes), new, "{tail_bytes}");
        }
    }
}

proptest! {
    #[test]
    fn a_combined_checksum_is_that_of_the_whole(old_head in any::<[u8; 22]>(), new_head in any::<[u8; 22]>(), tail in prop::collection::vec(any::<u8>(), 0..5000)) {
        let whole = |head: &[u8]| crc32c(&[head, &tail].concat());
        prop_assert_eq!(crc32c_with_other_head(whole(&old_head), &old_head, &new_head, tail.len()), whole(&new_head));
    }

    #[test]
    fn an_assigned_batch_passes_the_checks_of_a_replica(
        codec in super::a_codec(), records in some_records(), base in 0..i64::MAX / 2, append_ms in prop::option::of(any::<i64>()),
    ) {
        let assigned = validate(&build(codec, &records)).expect("as built").assign(stamp(base, append_ms));
        let replica = Batches::new(assigned.to_bytes()).next().expect("whole").expect("fits").check();
        prop_assert_eq!(replica.as_ref().map(ReplicaBatch::header), Ok(assigned.header()));
        let first = replica.expect("checked").records(DECODED_MAX).expect("decompresses").next().expect("at least one").expect("as built");
        prop_assert_eq!((first.offset.0, first.timestamp_ms), (base, append_ms.unwrap_or(records[0].timestamp_ms)));
    }
}
