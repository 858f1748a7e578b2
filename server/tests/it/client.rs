//! A client that blocks and does what it is told, byte by byte if need be.

use std::io::{Read, Write};
use std::net::TcpStream;

use bytes::{Bytes, BytesMut};
use odradek_wire::batch::{Builder, NewRecord};
use odradek_wire::codec::Codec;
use odradek_wire::ids::CorrelationId;
use odradek_wire::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use odradek_wire::messages::fetch_request::{FetchPartition, FetchTopic};
use odradek_wire::messages::produce_request::{PartitionProduceData, TopicProduceData};
use odradek_wire::messages::{CreateTopicsRequestData, FetchRequestData, ProduceRequestData, text};
use odradek_wire::request::{RequestBody, RequestHeader};
use odradek_wire::response::Response;

/// One connection.
pub struct Client {
    pub stream: TcpStream,
    correlation: i32,
}

impl Client {
    pub fn connect(address: &str) -> Client {
        let stream = TcpStream::connect(address).expect("the server listens");
        stream.set_nodelay(true).expect("a socket of the system");
        Client { stream, correlation: 0 }
    }

    /// A request as bytes, and what its answer will carry back.
    pub fn encode(&mut self, version: i16, body: impl Into<RequestBody>) -> Bytes {
        self.correlation += 1;
        let body = body.into();
        let correlation = CorrelationId(self.correlation);
        let header = RequestHeader { api: body.api(), version, correlation, client_id: text("test") };
        let parts = odradek_wire::request::encode(&header, &body).expect("the version has every field");
        let mut frame = BytesMut::new();
        parts.iter().for_each(|part| frame.extend_from_slice(part));
        frame.freeze()
    }

    /// A request and its answer.
    pub fn ask(&mut self, version: i16, body: impl Into<RequestBody>) -> Response {
        let body = body.into();
        let api = body.api();
        let frame = self.encode(version, body);
        self.stream.write_all(&frame).expect("the server reads");
        odradek_wire::response::decode(api, version, self.frame()).expect("the answer is one").1
    }

    /// The next frame that comes, without its length.
    pub fn frame(&mut self) -> Bytes {
        let mut length = [0u8; 4];
        self.stream.read_exact(&mut length).expect("an answer comes");
        let mut frame = vec![0u8; u32::from_be_bytes(length) as usize];
        self.stream.read_exact(&mut frame).expect("the answer comes whole");
        frame.into()
    }

    pub fn create_topic(&mut self, name: &str, partitions: i32, config: &[(&str, &str)]) {
        let config = config.iter().map(|(key, value)| CreatableTopicConfig::default().with_name(text(key)).with_value(Some(text(value))));
        let topic = CreatableTopic::default()
            .with_name(text(name))
            .with_num_partitions(partitions)
            .with_replication_factor(1)
            .with_configs(config.collect());
        let answer = self.ask(5, CreateTopicsRequestData::default().with_topics(vec![topic]).with_timeout_ms(30_000));
        let Response::CreateTopics(answer) = answer else { panic!("{answer:?}") };
        assert_eq!(answer.topics[0].error_code, 0, "{answer:?}");
    }

    /// Writes a batch and waits for the acknowledgment.
    pub fn produce(&mut self, topic: &str, partition: i32, records: Bytes) {
        let answer = self.ask(9, produce(topic, partition, records));
        let Response::Produce(answer) = answer else { panic!("{answer:?}") };
        assert_eq!(answer.responses[0].partition_responses[0].error_code, 0, "{answer:?}");
    }

    /// The record bytes from an offset on.
    pub fn fetch(&mut self, topic: &str, partition: i32, offset: i64) -> Bytes {
        let partition = FetchPartition::default()
            .with_partition(partition)
            .with_fetch_offset(offset)
            .with_partition_max_bytes(64 << 20)
            .with_current_leader_epoch(-1)
            .with_last_fetched_epoch(-1)
            .with_log_start_offset(-1);
        let topic = FetchTopic::default().with_topic(text(topic)).with_partitions(vec![partition]);
        let request =
            FetchRequestData::default().with_max_wait_ms(10_000).with_min_bytes(1).with_max_bytes(64 << 20).with_topics(vec![topic]);
        let answer = self.ask(11, request);
        let Response::Fetch(mut answer) = answer else { panic!("{answer:?}") };
        let mut answer = answer.responses.remove(0).partitions.remove(0);
        assert_eq!(answer.error_code, 0, "{answer:?}");
        answer.records.take().unwrap_or_default()
    }
}

/// A Produce of one batch, acknowledged by all.
pub fn produce(topic: &str, partition: i32, records: Bytes) -> ProduceRequestData {
    let data = PartitionProduceData::default().with_index(partition).with_records(Some(records));
    let topic = TopicProduceData::default().with_name(text(topic)).with_partition_data(vec![data]);
    ProduceRequestData::default().with_acks(-1).with_timeout_ms(30_000).with_topic_data(vec![topic])
}

/// A batch of records of this size.
pub fn batch(records: usize, bytes: usize) -> Bytes {
    let value = vec![b'x'; bytes];
    let mut builder = Builder::new(Codec::None);
    for _ in 0..records {
        builder.push(NewRecord { timestamp_ms: 1_700_000_000_000, key: None, value: Some(&value), headers: &[] });
    }
    builder.build_bytes()
}
