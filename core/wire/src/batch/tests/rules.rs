//! Each rule of validation, in a batch that breaks it alone.

use super::{DECODED_MAX, RULES, build, patched, sealed, some_records, three, validate};
use crate::batch::header::{ATTRIBUTES_AT, LAST_OFFSET_DELTA_AT, LENGTH_AT, MAGIC_AT, MAX_TIMESTAMP_AT};
use crate::batch::{
    BatchError, Batches, Builder, HEADER_BYTES, Header, NewRecord, ProducerBatch, Record, ReplicaBatch, Rules, TimestampType,
};
use crate::codec::{self, Codec, CodecError};
use crate::error::ErrorCode;
use crate::ids::Offset;
use bytes::Bytes;
use proptest::prelude::*;

const BASE_SEQUENCE_AT: usize = 53;
const RECORD_COUNT_AT: usize = 57;

#[test]
fn a_batch_as_clients_send_it_is_accepted_with_every_codec() {
    for codec in Codec::ALL {
        let batch = validate(&three(codec)).expect("nothing is wrong with it");
        assert_eq!((batch.record_count(), batch.last_offset_delta(), batch.codec()), (3, 2, codec));
        assert_eq!(
            (batch.facts().max_timestamp_ms, batch.facts().max_timestamp_delta, batch.facts().min_timestamp_ms),
            (1000, 0, Some(998))
        );
        assert_eq!((batch.facts().without_key, batch.facts().largest_record_bytes), (0, 15));
    }
}

#[test]
fn a_flipped_bit_anywhere_under_the_checksum_is_found() {
    let good = three(Codec::None);
    for at in ATTRIBUTES_AT..good.len() {
        let mut bad = good.to_vec();
        bad[at] ^= 0x10;
        assert!(matches!(validate(&bad.into()), Err(BatchError::Checksum { .. })), "byte {at}");
    }
}

#[test]
fn no_batch_half_a_batch_and_two_batches_are_refused() {
    let good = three(Codec::None);
    assert_eq!(validate(&Bytes::new()), Err(BatchError::NoBatch));
    assert_eq!(validate(&good.slice(..good.len() - 1)), Err(BatchError::NoBatch));
    assert_eq!(validate(&[&good[..], &good[..]].concat().into()), Err(BatchError::ManyBatches));
    // As in Kafka, what follows and is no whole batch is dropped.
    let followed = validate(&[&good[..], &good[..40]].concat().into()).expect("one whole batch");
    assert_eq!(followed.bytes(), &good);
}

#[test]
fn a_length_below_any_batch_and_one_below_the_header_are_refused() {
    let good = three(Codec::None);
    for length in [i32::MIN, -1, 0, 13, 14, 48] {
        let mut bad = good.to_vec();
        bad[LENGTH_AT..LENGTH_AT + 4].copy_from_slice(&length.to_be_bytes());
        let found = ProducerBatch::validate(&bad.into(), RULES).expect_err("too short");
        // A short first batch leaves bytes that may pass for a second one.
        assert!(matches!(found, BatchError::Length { .. } | BatchError::TooShort { .. } | BatchError::ManyBatches), "{length}: {found:?}");
    }
}

#[test]
fn older_formats_are_refused() {
    let good = three(Codec::None);
    for (magic, code) in
        [(0u8, ErrorCode::InvalidRecord), (1, ErrorCode::InvalidRecord), (3, ErrorCode::CorruptMessage), (0xff, ErrorCode::CorruptMessage)]
    {
        let refused = validate(&patched(&good, MAGIC_AT, &[magic])).expect_err("only format 2 is written");
        assert_eq!((&refused, refused.code()), (&BatchError::Magic { found: magic as i8 }, code));
    }
}

#[test]
fn a_codec_that_is_not_there_or_too_new_is_refused() {
    for id in 5..8u8 {
        assert_eq!(validate(&patched(&three(Codec::None), ATTRIBUTES_AT, &[0, id])), Err(BatchError::UnknownCodec { id }));
    }
    let old = Rules { produce_version: 6, ..RULES };
    let refused = ProducerBatch::validate(&three(Codec::Zstd), old).expect_err("zstd came with version 7");
    assert_eq!((&refused, refused.code()), (&BatchError::CodecTooNew { produce_version: 6 }, ErrorCode::UnsupportedCompressionType));
    assert!(ProducerBatch::validate(&three(Codec::Lz4), old).is_ok());
}

#[test]
fn a_base_offset_of_the_clients_own_is_refused() {
    assert_eq!(validate(&patched(&three(Codec::None), 0, &5i64.to_be_bytes())), Err(BatchError::BaseOffset { found: 5 }));
}

#[test]
fn counts_that_do_not_fit_are_refused() {
    let good = three(Codec::None);
    let count = |n: i32| patched(&good, RECORD_COUNT_AT, &n.to_be_bytes());
    let both = |n: i32| patched(&count(n), LAST_OFFSET_DELTA_AT, &(n - 1).to_be_bytes());
    assert_eq!(validate(&count(0)), Err(BatchError::Count { found: 0 }));
    assert_eq!(validate(&count(-3)), Err(BatchError::Count { found: -3 }));
    assert_eq!(validate(&count(2)), Err(BatchError::LastOffsetDelta { last_offset_delta: 2, count: 2 }));
    assert_eq!(validate(&both(2)), Err(BatchError::Trailing { bytes: 15 }));
    assert_eq!(validate(&both(4)), Err(BatchError::Record { index: 3, what: "broken varint" }));
    assert!(validate(&both(i32::MAX)).is_err());
}

#[test]
fn offset_deltas_that_are_not_dense_are_refused() {
    let mut builder = Builder::new(Codec::None);
    for delta in [0, 1, 3] {
        builder.push_at(delta, NewRecord::default());
    }
    let gap = builder.build_bytes();
    assert_eq!(validate(&gap), Err(BatchError::LastOffsetDelta { last_offset_delta: 3, count: 3 }));
    let hidden = patched(&gap, LAST_OFFSET_DELTA_AT, &2i32.to_be_bytes());
    assert_eq!(validate(&hidden), Err(BatchError::OffsetDelta { index: 2, found: 3 }));
}

#[test]
fn control_records_are_not_for_clients() {
    assert_eq!(validate(&patched(&three(Codec::None), ATTRIBUTES_AT, &[0, 0x20])), Err(BatchError::Control));
}

#[test]
fn a_batch_that_a_client_stamped_has_the_time_of_its_header_and_loses_the_flag() {
    let good = patched(&three(Codec::None), ATTRIBUTES_AT, &[0, 0]);
    let stamped = patched(&patched(&good, ATTRIBUTES_AT, &[0, 0x08]), MAX_TIMESTAMP_AT, &5000i64.to_be_bytes());
    let batch = validate(&stamped).expect("for a topic with create time");
    assert_eq!(batch.timestamp_type(), TimestampType::LogAppendTime);
    assert_eq!((batch.facts().max_timestamp_ms, batch.facts().min_timestamp_ms), (5000, Some(5000)));
    // Apache Kafka drops the flag and keeps what the header said.
    let kept = batch.assign(super::shape::stamp(0, None)).to_bytes();
    let expected = validate(&patched(&good, MAX_TIMESTAMP_AT, &5000i64.to_be_bytes())).expect("as built");
    assert_eq!(kept[ATTRIBUTES_AT..], expected.bytes()[ATTRIBUTES_AT..]);
    let timeless = patched(&stamped, MAX_TIMESTAMP_AT, &(-1i64).to_be_bytes());
    assert_eq!(validate(&timeless).expect("the topic refuses it").facts().min_timestamp_ms, None);
}

#[test]
fn a_producer_without_a_sequence_is_refused() {
    let refused = validate(&patched(&three(Codec::None), BASE_SEQUENCE_AT, &(-1i32).to_be_bytes()));
    assert_eq!(refused, Err(BatchError::Sequence { producer_id: 7, base_sequence: -1 }));
}

/// One record with this body behind a length that fits it.
fn record_of(body: &[u8]) -> Result<ProducerBatch, BatchError> {
    let mut builder = Builder::new(Codec::None);
    builder.push(NewRecord::default());
    let mut bytes = builder.build_bytes()[..HEADER_BYTES].to_vec();
    bytes.push((body.len() * 2) as u8);
    bytes.extend_from_slice(body);
    validate(&sealed(bytes))
}

#[test]
fn broken_records_are_refused_with_what_is_wrong() {
    let wrong = |body: &[u8]| match record_of(body) {
        Err(BatchError::Record { index: 0, what }) => what,
        other => panic!("{other:?}"),
    };
    // attributes, timestamp delta, offset delta, key length, value length, header count
    assert!(record_of(&[0, 0, 0, 1, 1, 0]).is_ok());
    assert_eq!(wrong(&[0, 0, 0, 6, 1, 0]), "a field runs past the end");
    assert_eq!(wrong(&[0, 0, 0, 1, 1, 1]), "negative header count");
    assert_eq!(wrong(&[0, 0, 0, 1, 1, 2]), "broken varint");
    assert_eq!(wrong(&[0, 0, 0, 1, 1, 2, 1, 1]), "null header key");
    assert_eq!(wrong(&[0, 0, 0, 1, 1, 0, 9]), "shorter than its length");
    assert_eq!(wrong(&[0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x7f, 0]), "broken varint");
    assert_eq!(wrong(&[]), "a field runs past the end");
    assert_eq!(wrong(&[0, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x03, 0, 1, 1, 0]), "broken varlong");
    let base = |ms: i64| patched(&three(Codec::None), 27, &ms.to_be_bytes());
    assert_eq!(validate(&base(i64::MIN)), Err(BatchError::Record { index: 1, what: "timestamp out of range" }));
}

#[test]
fn a_compressed_payload_that_is_broken_or_too_large_is_refused() {
    for codec in [Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd] {
        let good = three(codec);
        let cut = sealed(good[..good.len() - 3].to_vec());
        assert!(matches!(validate(&cut), Err(BatchError::Codec(CodecError::Corrupt { .. }))), "{codec:?}");
        let tight = Rules { decoded_bytes_max: 44, ..RULES };
        let refused = ProducerBatch::validate(&good, tight).expect_err("45 bytes are inside");
        assert_eq!(
            (&refused, refused.code()),
            (&BatchError::Codec(CodecError::Limit { codec, limit_bytes: 44 }), ErrorCode::MessageTooLarge)
        );
        assert!(ProducerBatch::validate(&good, Rules { decoded_bytes_max: 45, ..RULES }).is_ok(), "{codec:?}");
    }
}

#[test]
fn bytes_after_the_last_record_are_found_in_every_codec() {
    for codec in Codec::ALL {
        let good = three(codec);
        let mut records = codec::decompress(codec, &good[HEADER_BYTES..], DECODED_MAX).expect("as built");
        records.push(0);
        let bytes = [&good[..HEADER_BYTES], &codec::compress(codec, None, &records)].concat();
        assert_eq!(validate(&sealed(bytes)), Err(BatchError::Trailing { bytes: 1 }), "{codec:?}");
    }
}

#[test]
fn records_without_a_key_are_counted() {
    let mut builder = Builder::new(Codec::None);
    for key in [Some(&b"k"[..]), None, Some(b""), None] {
        builder.push(NewRecord { key, ..NewRecord::default() });
    }
    let batch = validate(&builder.build_bytes()).expect("for a topic that is not compacted");
    assert_eq!(batch.facts().without_key, 2);
}

#[test]
fn a_max_timestamp_that_no_record_has_is_put_right_when_offsets_are_assigned() {
    let lied = patched(&three(Codec::None), MAX_TIMESTAMP_AT, &9999i64.to_be_bytes());
    let batch = validate(&lied).expect("Kafka accepts it");
    assert_eq!(batch.facts().max_timestamp_ms, 1000);
    let stamp = super::shape::stamp(5, None);
    assert_eq!(batch.assign(stamp).to_bytes(), validate(&three(Codec::None)).expect("right").assign(stamp).to_bytes());
}

#[test]
fn a_replica_refuses_what_no_leader_writes() {
    let check = |bytes: Bytes| Batches::new(bytes).next().expect("a whole batch").and_then(crate::batch::Batch::check);
    let good = three(Codec::None);
    assert!(check(good.clone()).is_ok());
    let mut flipped = good.to_vec();
    flipped[70] ^= 1;
    assert!(matches!(check(flipped.into()), Err(BatchError::Checksum { .. })));
    assert_eq!(check(patched(&good, RECORD_COUNT_AT, &(-1i32).to_be_bytes())), Err(BatchError::Count { found: -1 }));
    let count_4 = patched(&good, RECORD_COUNT_AT, &4i32.to_be_bytes());
    assert_eq!(check(count_4), Err(BatchError::LastOffsetDelta { last_offset_delta: 2, count: 4 }));
    for base_offset in [-1, i64::MAX - 2] {
        let moved = patched(&good, 0, &base_offset.to_be_bytes());
        assert_eq!(check(moved), Err(BatchError::OffsetRange { base_offset, last_offset_delta: 2 }));
    }
    assert_eq!(check(patched(&good, ATTRIBUTES_AT, &[0, 6])), Err(BatchError::UnknownCodec { id: 6 }));
    // Compaction leaves fewer records than offsets, or none.
    assert!(check(patched(&good, RECORD_COUNT_AT, &2i32.to_be_bytes())).is_ok());
    assert!(check(patched(&good, RECORD_COUNT_AT, &0i32.to_be_bytes())).is_ok());
}

#[test]
fn a_walk_stops_at_a_partial_tail_and_names_a_bad_length() {
    let good = three(Codec::Gzip);
    let tail = [&good[..], &good[..], &good[..30]].concat();
    let mut walk = Batches::new(tail.clone().into());
    assert_eq!(walk.by_ref().filter_map(Result::ok).count(), 2);
    assert_eq!((walk.position(), walk.rest().len()), (2 * good.len(), 30));
    assert_eq!(ReplicaBatch::all(tail.into()).expect("the tail is dropped").len(), 2);

    let zeros = [&good[..], &[0; 100]].concat();
    let mut walk = Batches::new(zeros.into());
    assert!(walk.next().is_some_and(|batch| batch.is_ok()));
    assert_eq!(walk.next(), Some(Err(BatchError::Length { found: 0 })));
    assert_eq!((walk.next(), walk.position()), (None, good.len()));
}

proptest! {
    #[test]
    fn the_facts_are_those_of_the_records(records in some_records()) {
        let batch = validate(&build(Codec::None, &records)).expect("as built");
        let facts = batch.facts();
        let newest = records.iter().map(|r| r.timestamp_ms).max().expect("at least one");
        prop_assert_eq!(facts.max_timestamp_ms, newest.max(-1));
        let first = records.iter().position(|r| r.timestamp_ms == newest).expect("it is one of them");
        prop_assert_eq!(facts.max_timestamp_delta as usize, first);
        prop_assert_eq!(facts.min_timestamp_ms, records.iter().map(|r| r.timestamp_ms).filter(|&ms| ms != -1).min());
        prop_assert_eq!(facts.without_key as usize, records.iter().filter(|r| r.key.is_none()).count());
        prop_assert_eq!(facts.decoded_bytes, batch.bytes().len() - HEADER_BYTES);
    }

    #[test]
    fn the_size_of_a_batch_with_one_record_more_is_known_beforehand(records in some_records()) {
        let mut builder = Builder::new(Codec::None);
        for record in &records {
            let headers: &[Header] = &record.headers;
            let new = NewRecord { timestamp_ms: record.timestamp_ms, key: record.key.as_deref(), value: record.value.as_deref(), headers };
            let foreseen = builder.size_bytes_with(&new);
            builder.push(new);
            prop_assert_eq!(builder.size_bytes(), foreseen);
        }
        prop_assert_eq!(builder.build_bytes().len(), builder.size_bytes());
    }

    #[test]
    fn records_are_read_as_they_were_written(codec in super::a_codec(), records in some_records()) {
        let batch = validate(&build(codec, &records)).expect("as built");
        let read: Vec<Record> = batch.records(DECODED_MAX).expect("decompresses").collect::<Result<_, _>>().expect("as built");
        prop_assert_eq!(&read, &records);
        prop_assert_eq!(read[0].offset, Offset(0));
    }
}
