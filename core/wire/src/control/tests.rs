//! Control records: Apache Kafka's bytes, and whole control batches.

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::batch::{BatchProducer, ReplicaBatch};
use crate::codec::Codec;
use crate::ids::{LeaderEpoch, Offset, ProducerEpoch, ProducerId};

fn record(kind: i16, value: Bytes) -> Record {
    let key = ControlRecord::Unknown { kind, value: Bytes::new() }.key();
    Record { offset: Offset(0), timestamp_ms: 0, key: Some(key), value: Some(value), headers: Vec::new() }
}

/// The value is written in these bytes and read from them.
fn written(control: ControlRecord, kind: i16, value: &[u8]) {
    assert_eq!((control.kind(), &control.value()[..]), (kind, value));
    assert_eq!(ControlRecord::decode(&record(kind, Bytes::copy_from_slice(value))), Ok(control));
}

#[test]
fn control_records_are_kafkas_bytes() {
    written(ControlRecord::Abort { coordinator_epoch: 3 }, 0, &[0, 0, 0, 0, 0, 3]);
    written(ControlRecord::Commit { coordinator_epoch: 0 }, 1, &[0; 6]);
    let voter = LeaderChangeVoter { voter_id: 0, voter_directory_id: Uuid::ZERO };
    let change = |version, voter: LeaderChangeVoter| {
        let voters = vec![voter];
        ControlRecord::LeaderChange(LeaderChangeMessage { version, leader_id: 0, granting_voters: voters.clone(), voters })
    };
    written(change(0, voter.clone()), 2, &[0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0]);
    let directory = LeaderChangeVoter { voter_directory_id: Uuid::METADATA_TOPIC, ..voter };
    assert_eq!(change(1, directory.clone()).value().len(), 19 + 32);
    assert_eq!(ControlRecord::decode(&record(2, change(1, directory.clone()).value())), Ok(change(1, directory)));
    written(
        ControlRecord::SnapshotHeader(SnapshotHeaderRecord { version: 0, last_contained_log_timestamp: 5 }),
        3,
        &[0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0],
    );
    written(ControlRecord::SnapshotFooter(SnapshotFooterRecord { version: 0 }), 4, &[0; 3]);
    written(ControlRecord::KRaftVersion(KRaftVersionRecord { version: 0, k_raft_version: 1 }), 5, &[0, 0, 0, 1, 0]);
    written(ControlRecord::Unknown { kind: 77, value: Bytes::from_static(b"later") }, 77, b"later");
}

#[test]
fn voters_are_written_field_by_field() {
    let voter = Voter {
        voter_id: 1,
        voter_directory_id: Uuid::METADATA_TOPIC,
        endpoints: vec![VoterEndpoint { name: "C".into(), host: "h".into(), port: 9093 }],
        k_raft_version_feature: KRaftVersionFeature { min_supported_version: 0, max_supported_version: 1 },
    };
    let mut bytes = vec![0, 0, 2, 0, 0, 0, 1];
    bytes.extend_from_slice(&Uuid::METADATA_TOPIC.0);
    bytes.extend_from_slice(&[2, 2, b'C', 2, b'h', 0x23, 0x85, 0, 0, 0, 0, 1, 0, 0, 0]);
    written(ControlRecord::KRaftVoters(VotersRecord { version: 0, voters: vec![voter] }), 6, &bytes);
}

#[test]
fn a_transaction_marker_is_a_batch_of_78_bytes() {
    let mut builder = Builder::new(Codec::None).control().at(Offset(40), LeaderEpoch(2));
    builder.set_producer(BatchProducer { id: ProducerId(9), epoch: ProducerEpoch(1), base_sequence: None }, true);
    ControlRecord::Commit { coordinator_epoch: 4 }.push(1000, &mut builder);
    let batch = builder.build_bytes();
    assert_eq!((batch.len(), batch[22]), (78, 0x30));
    let read = ReplicaBatch::all(batch).expect("checked").remove(0);
    assert_eq!((read.header().base_sequence, read.header().producer_epoch), (-1, 1));
    let record = read.records(100).expect("not compressed").next().expect("one").expect("whole");
    assert_eq!(ControlRecord::decode(&record), Ok(ControlRecord::Commit { coordinator_epoch: 4 }));
}

#[test]
fn a_control_batch_of_kafkas_is_built_byte_for_byte() {
    // The first batch of a metadata log by Apache Kafka 4.3.1.
    let hex = "00000000000000000000004f0000000102fb31ea9a002000000000000001a20bc58633000001a20bc58633ffffffffffffffffffffffffffff000000013a000000\
               0800000002260000000000000200000000000200000000000000";
    let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex");
    let captured: Bytes = (0..hex.len()).step_by(2).map(byte).collect();
    let batch = ReplicaBatch::all(captured.clone()).expect("the checksum fits").remove(0);
    assert!(batch.header().attributes.is_control());
    let mut builder = Builder::new(Codec::None).control().at(batch.header().base_offset, batch.header().leader_epoch);
    for record in batch.records(1000).expect("not compressed") {
        let record = record.expect("whole");
        ControlRecord::decode(&record).expect("a leader change").push(record.timestamp_ms, &mut builder);
    }
    assert_eq!(builder.build_bytes(), captured);
}

#[test]
fn broken_control_records_are_errors() {
    let key = |bytes: &'static [u8]| Record { key: Some(Bytes::from_static(bytes)), ..record(0, Bytes::from_static(&[0; 6])) };
    assert!(ControlRecord::decode(&key(&[0, 0, 0, 1])).is_ok());
    assert!(ControlRecord::decode(&key(&[0, 9, 0, 1, 5])).is_ok(), "a later key is read as far as known");
    for bytes in [&b""[..], &[0, 0, 0], &[0xff, 0xff, 0, 1]] {
        assert!(ControlRecord::decode(&key(bytes)).is_err(), "{bytes:?}");
    }
    assert!(ControlRecord::decode(&record(1, Bytes::from_static(&[0, 0, 0]))).is_err());
    assert!(ControlRecord::decode(&record(1, Bytes::from_static(&[0x80, 0, 0, 0, 0, 0]))).is_err());
    assert!(ControlRecord::decode(&Record { key: None, ..record(1, Bytes::new()) }).is_err());
}

#[test]
#[should_panic(expected = "a control record in a batch of data")]
fn a_control_record_in_a_batch_of_data_is_our_own_bug() {
    ControlRecord::Commit { coordinator_epoch: 0 }.push(0, &mut Builder::new(Codec::None));
}

proptest! {
    #[test]
    fn random_control_records_never_panic(kind in -1i16..9, value in prop::collection::vec(any::<u8>(), 0..60)) {
        if let Ok(control) = ControlRecord::decode(&record(kind, value.into())) {
            let _ = (control.key(), control.value());
        }
    }
}
