//! What a partition remembers of its producers, and for how long.

use odradek_cluster::config::StaticConfig;
use odradek_wire::batch::{BatchProducer, Builder, NewRecord};
use odradek_wire::codec::Codec;
use odradek_wire::ids::{ProducerEpoch, ProducerId, Sequence};
use odradek_wire::messages::describe_producers_request::TopicRequest;
use odradek_wire::messages::{DescribeProducersRequestData, text};
use odradek_wire::response::Response;

use super::disk::Disk;
use super::host::{Host, produce};
use super::story::topic_id;
use crate::io::ConnectionId;

pub(super) fn producers(host: &mut Host, connection: ConnectionId) -> Vec<i64> {
    let topic = TopicRequest::default().with_name(text("orders")).with_partition_indexes(vec![0]);
    match host.call(connection, 0, DescribeProducersRequestData::default().with_topics(vec![topic])) {
        Response::DescribeProducers(r) => r.topics[0].partitions[0].active_producers.iter().map(|p| p.producer_id).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_producer_that_is_silent_for_long_is_forgotten() {
    let lines = [("producer.id.expiration.ms", "5000"), ("log.retention.check.interval.ms", "1000")];
    let config = StaticConfig::parse(lines).expect("known keys");
    let mut host = Host::on(Disk::default(), 11, |setup| setup.config = config);
    host.start();
    let connection = host.connect();
    topic_id(&mut host, connection, "orders");

    let mut builder = Builder::new(Codec::None);
    builder.set_producer(BatchProducer { id: ProducerId(7), epoch: ProducerEpoch(0), base_sequence: Some(Sequence(0)) }, false);
    builder.push(NewRecord { timestamp_ms: host.now.wall.0, key: None, value: Some(b"a"), headers: &[] });
    host.call(connection, 9, produce("orders", 0, -1, builder.build_bytes()));

    host.pass_ms(3_000);
    assert_eq!(producers(&mut host, connection), [7]);
    host.pass_ms(4_000);
    assert_eq!(producers(&mut host, connection), [0; 0]);
}
