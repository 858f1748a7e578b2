//! The rules of a topic for records, beside a model that looks at every record; and what is said first where several things are wrong.

use bytes::Bytes;
use odradek_machine::Guards;
use odradek_wire::batch::{BatchProducer, Builder, NewRecord, ProducerBatch, Rules, crc32c};
use odradek_wire::codec::Codec;
use odradek_wire::ids::{ProducerEpoch, ProducerId, Sequence};
use proptest::prelude::*;

use crate::config::LogConfig;
use crate::log::AppendError;
use crate::log::admit::{RecordFault, Rejected, RejectedRecord};
use crate::log::incoming::Incoming;
use crate::testing::World;

/// The wall clock of [`World`].
const T: i64 = 1_700_000_000_000;

/// Key and time of a record.
type Sent = (bool, i64);

fn batch(records: &[Sent], codec: Codec) -> Bytes {
    let mut b = Builder::new(codec);
    for &(key, timestamp_ms) in records {
        let key = key.then_some(&b"k"[..]);
        b.push(NewRecord { timestamp_ms, key, value: Some(b"some value"), ..NewRecord::default() });
    }
    b.build_bytes()
}

/// The same with the flag of log-append time, and that time in its header.
fn stamped(batch: &Bytes, at_ms: i64) -> Bytes {
    let mut bytes = batch.to_vec();
    bytes[22] |= 0x08;
    bytes[35..43].copy_from_slice(&at_ms.to_be_bytes());
    let checksum = crc32c(&bytes[21..]);
    bytes[17..21].copy_from_slice(&checksum.to_be_bytes());
    bytes.into()
}

fn validated(bytes: &Bytes) -> ProducerBatch {
    ProducerBatch::validate(bytes, Rules { produce_version: 12, decoded_bytes_max: 1 << 20 }).expect("no rule of batches is broken")
}

fn asked(config: &LogConfig, bytes: &Bytes) -> Result<(), AppendError> {
    let mut w = World::new(Guards::ALL_ON);
    let log = w.create(0, config.clone(), Guards::ALL_ON);
    let now = w.now;
    let admitted = w.log(log).admits(now, &validated(bytes));
    let appended = w.append(log, Incoming::produced(validated(bytes)));
    assert_eq!(admitted.clone().err(), appended.err(), "the append says the same");
    admitted
}

fn faults(config: &LogConfig, bytes: &Bytes) -> Vec<(i32, RecordFault)> {
    match asked(config, bytes) {
        Ok(()) => Vec::new(),
        Err(AppendError::Rejected(Rejected { records, count, untimely })) => {
            assert_eq!(count, records.len());
            assert_eq!(untimely, records.iter().any(|r| r.fault != RecordFault::NoKey));
            records.into_iter().map(|RejectedRecord { index, fault }| (index, fault)).collect()
        }
        Err(other) => panic!("{other:?}"),
    }
}

fn some_times() -> impl Strategy<Value = i64> {
    prop_oneof![
        4 => (-3i64..4).prop_map(|d| T + d * 1000),
        2 => (-1000i64..=-998).prop_map(|d| T + d),
        2 => (998i64..=1002).prop_map(|d| T + d),
        1 => Just(-1),
        1 => Just(-5),
        1 => Just(0),
    ]
}

proptest! {
    #[test]
    fn every_record_that_breaks_a_rule_is_named_and_no_other(
        records in prop::collection::vec((any::<bool>(), some_times()), 1..12),
        (compact, log_append_time, bounded) in any::<(bool, bool, bool)>(),
        stamp in prop::option::of(some_times()),
        codec in prop::sample::select(vec![Codec::None, Codec::Gzip]),
    ) {
        let bound = if bounded { 1000 } else { i64::MAX };
        let config = LogConfig {
            cleanup_compact: compact, log_append_time, timestamp_before_max_ms: bound, timestamp_after_max_ms: 1000, ..LogConfig::default()
        };
        let plain = batch(&records, codec);
        let bytes = stamp.map_or(plain.clone(), |at| stamped(&plain, at));
        let model = |&(key, own_ms): &Sent| {
            let timestamp_ms = stamp.unwrap_or(own_ms);
            if compact && !key {
                return Some(RecordFault::NoKey);
            }
            if log_append_time || timestamp_ms == -1 {
                return stamp.map(|_| RecordFault::Stamped { timestamp_ms, key_bytes: usize::from(key), value_bytes: 10 });
            }
            let out = timestamp_ms > T + 1000 || bounded && timestamp_ms < T - 1000;
            out.then(|| RecordFault::OutOfTime { timestamp_ms, least_ms: T.saturating_sub(bound), most_ms: T + 1000 })
        };
        let expected: Vec<_> = (0..).zip(records.iter().map(model)).filter_map(|(at, fault)| Some((at, fault?))).collect();
        prop_assert_eq!(faults(&config, &bytes), expected);
    }
}

#[test]
fn a_batch_is_too_large_before_anything_is_said_of_its_records_and_they_before_the_segment_and_the_producer() {
    let rules = LogConfig { cleanup_compact: true, segment_bytes: 300, max_message_bytes: 200, ..LogConfig::default() };
    let many: Vec<Sent> = vec![(false, T); 20];
    assert!(matches!(asked(&rules, &batch(&many, Codec::None)), Err(AppendError::TooLarge { limit: 200, .. })));
    let wide = LogConfig { max_message_bytes: 1000, ..rules };
    assert_eq!(faults(&wide, &batch(&many, Codec::None)).len(), 20);
    let keyed: Vec<Sent> = vec![(true, T); 20];
    assert!(matches!(asked_of_append(&wide, &batch(&keyed, Codec::None)), Err(AppendError::LargerThanSegment { limit: 300, .. })));
    let mut astray = Builder::new(Codec::None);
    astray.set_producer(BatchProducer { id: ProducerId(7), epoch: ProducerEpoch(0), base_sequence: Some(Sequence(5)) }, false);
    astray.push(NewRecord { timestamp_ms: T, value: Some(b"v"), ..NewRecord::default() });
    assert_eq!(faults(&wide, &astray.build_bytes()), [(0, RecordFault::NoKey)]);
}

fn asked_of_append(config: &LogConfig, bytes: &Bytes) -> Result<(), AppendError> {
    let mut w = World::new(Guards::ALL_ON);
    let log = w.create(0, config.clone(), Guards::ALL_ON);
    w.append(log, Incoming::produced(validated(bytes))).map(drop)
}

#[test]
fn the_least_time_there_is_lies_in_the_future_as_in_java() {
    let (open, bounded) = (LogConfig::default(), LogConfig { timestamp_before_max_ms: 1000, ..LogConfig::default() });
    for config in [open, bounded] {
        assert_eq!(faults(&config, &batch(&[(true, i64::MIN)], Codec::None)).len(), 1);
    }
}

#[test]
fn a_batch_that_a_client_stamped_is_taken_without_its_flag_where_the_topic_has_create_time() {
    let mut w = World::new(Guards::ALL_ON);
    let log = w.create(0, LogConfig::default(), Guards::ALL_ON);
    let bytes = stamped(&batch(&[(true, T - 9), (true, T - 7)], Codec::None), T - 1);
    w.append(log, Incoming::produced(validated(&bytes))).expect("Apache Kafka takes it");
    w.finish_all();
    let stored = w.read(log, w.all_from(log, odradek_wire::ids::Offset(0))).expect("it is there");
    assert_eq!(stored[22] & 0x08, 0);
    assert_eq!(stored[35..43], (T - 1).to_be_bytes(), "the header keeps what the client said");
}
