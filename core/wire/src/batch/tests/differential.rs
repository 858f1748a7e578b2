//! The crate `kafka-protocol` reads what is built here, and what it builds is read here.

use bytes::{Bytes, BytesMut};
use kafka_protocol::protocol::StrBytes;
use kafka_protocol::records as theirs;
use proptest::prelude::*;

use super::{DECODED_MAX, a_codec, build, some_records, validate};
use crate::batch::{Header, Record};
use crate::codec::Codec;
use crate::ids::Offset;

fn their_codec(codec: Codec) -> theirs::Compression {
    match codec {
        Codec::None => theirs::Compression::None,
        Codec::Gzip => theirs::Compression::Gzip,
        Codec::Snappy => theirs::Compression::Snappy,
        Codec::Lz4 => theirs::Compression::Lz4,
        Codec::Zstd => theirs::Compression::Zstd,
    }
}

/// Fields of the producer as [`build`] writes them.
fn to_theirs(record: &Record) -> theirs::Record {
    let name = |header: &Header| StrBytes::try_from(header.key.clone()).expect("names are ASCII here");
    theirs::Record {
        transactional: true,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: -1,
        producer_id: 7,
        producer_epoch: 3,
        timestamp_type: theirs::TimestampType::Creation,
        offset: record.offset.0,
        sequence: 11 + record.offset.0 as i32,
        timestamp: record.timestamp_ms,
        key: record.key.clone(),
        value: record.value.clone(),
        headers: record.headers.iter().map(|header| (name(header), header.value.clone())).collect(),
    }
}

fn from_theirs(record: &theirs::Record) -> Record {
    let header = |(key, value): (&StrBytes, &Option<Bytes>)| Header { key: Bytes::copy_from_slice(key.as_bytes()), value: value.clone() };
    Record {
        offset: Offset(record.offset),
        timestamp_ms: record.timestamp,
        key: record.key.clone(),
        value: record.value.clone(),
        headers: record.headers.iter().map(header).collect(),
    }
}

proptest! {
    #[test]
    fn another_codec_reads_what_is_built_here(codec in a_codec(), records in some_records()) {
        let read = theirs::RecordBatchDecoder::decode(&mut build(codec, &records)).expect("the other codec reads it");
        prop_assert_eq!((read.compression, read.version), (their_codec(codec), 2));
        prop_assert_eq!(read.records.iter().map(from_theirs).collect::<Vec<_>>(), records.clone());
        for record in &read.records {
            prop_assert_eq!((record.producer_id, record.producer_epoch, record.transactional, record.control), (7, 3, true, false));
            prop_assert_eq!(record.sequence, 11 + record.offset as i32);
        }
    }

    #[test]
    fn what_another_codec_builds_is_accepted_and_read_here(codec in a_codec(), records in some_records()) {
        let mut bytes = BytesMut::new();
        let options = theirs::RecordEncodeOptions { version: 2, compression: their_codec(codec) };
        let sent: Vec<_> = records.iter().map(to_theirs).collect();
        theirs::RecordBatchEncoder::encode(&mut bytes, &sent, &options).expect("the other codec writes it");
        let batch = validate(&bytes.freeze()).expect("accepted");
        let producer = batch.producer().expect("it has one");
        prop_assert_eq!((producer.id.0, producer.epoch.0, producer.base_sequence.map(|s| s.0)), (7, 3, Some(11)));
        prop_assert_eq!((batch.codec(), batch.is_transactional()), (codec, true));
        let read: Vec<Record> = batch.records(DECODED_MAX).expect("decompresses").collect::<Result<_, _>>().expect("read");
        prop_assert_eq!(read, records);
    }
}
