//! Which connections are idle, and when they are closed for it.

use odradek_cluster::config::StaticConfig;
use odradek_wire::messages::ApiVersionsRequestData;

use super::disk::Disk;
use super::host::{Host, batch, produce};
use super::story::{fetch_of, topic_id};
use crate::io::{ConnectionId, Input};

/// A node that closes what is idle for so long.
fn started(idle_ms: &str) -> Host {
    let mut host = Host::on(Disk::default(), 5, |setup| {
        setup.config = StaticConfig::parse([("connections.max.idle.ms", idle_ms)]).expect("a number");
    });
    host.start();
    host
}

fn closed(host: &Host) -> Vec<ConnectionId> {
    host.closed.keys().copied().collect()
}

fn gone(host: &mut Host, connection: ConnectionId) {
    host.step(Input::Closed { connection });
    host.closed.remove(&connection);
}

#[test]
fn connection_is_closed_when_nothing_has_moved_on_it_for_the_interval_and_not_before() {
    let mut host = started("1000");
    let [silent, dripping, talking] = [(); 3].map(|()| host.connect());
    host.pass_ms(600);
    // A part of a frame came on one, a whole request on another.
    host.step(Input::Moved { connection: dripping });
    host.call(talking, 0, ApiVersionsRequestData::default());
    host.pass_ms(399);
    assert_eq!(closed(&host), []);
    host.pass_ms(1);
    assert_eq!(closed(&host), [silent]);
    assert_eq!(host.closed[&silent], "nothing moved for 1000 ms (connections.max.idle.ms), AtOnce");
    gone(&mut host, silent);
    host.pass_ms(599);
    assert_eq!(closed(&host), []);
    host.pass_ms(1);
    assert_eq!(closed(&host), [dripping, talking]);
    assert_eq!(host.marks.iter().filter(|mark| **mark == "connection.idle").count(), 3);
}

#[test]
fn connection_with_a_request_in_hand_is_not_idle_until_its_answer_has_left() {
    let mut host = started("1000");
    let (reader, writer) = (host.connect(), host.connect());
    let id = topic_id(&mut host, reader, "orders");
    host.ask(reader, 17, fetch_of(id, 0, 5_000));
    host.disk_stalls = true;
    host.ask(writer, 9, produce("orders", 0, -1, batch(&["waits for the disk"])));
    host.pass_ms(4_000);
    assert_eq!(closed(&host), []);
    host.disk_stalls = false;
    host.pass_ms(0);
    assert!(host.answered(reader).is_some() && host.answered(writer).is_some());
    host.pass_ms(999);
    assert_eq!(closed(&host), []);
    host.pass_ms(1);
    assert_eq!(closed(&host), [reader, writer]);
}

#[test]
fn peer_that_reads_no_answers_is_idle_although_it_asked_for_more() {
    let mut host = started("1000");
    let connection = host.connect();
    topic_id(&mut host, connection, "orders");
    host.stuck = true;
    let limits = host.node.setup().memory();
    while !host.orders.iter().any(|order| order.starts_with("pause")) {
        host.ask(connection, 0, ApiVersionsRequestData::default());
        assert!(host.sent.get(&connection).map_or(0, std::collections::VecDeque::len) < limits.connection_requests_max * 1_000);
    }
    host.pass_ms(900);
    // It takes a few bytes of the first answer.
    host.step(Input::Moved { connection });
    host.pass_ms(999);
    assert_eq!(closed(&host), []);
    host.pass_ms(1);
    assert_eq!(closed(&host), [connection]);
}

#[test]
fn connection_that_waits_for_room_is_not_idle_and_one_that_was_let_in_is() {
    const LARGE: u32 = 100 << 20;
    let mut host = started("1000");
    let [first, second] = [(); 2].map(|()| host.connect());
    for connection in [first, second] {
        host.step(Input::FrameAnnounced { connection, bytes: LARGE });
    }
    host.pass_ms(1_000);
    assert_eq!(closed(&host), [first], "it may send, and does not");
    host.pass_ms(10_000);
    gone(&mut host, first);
    host.pass_ms(999);
    assert_eq!(closed(&host), []);
    host.pass_ms(1);
    assert_eq!(closed(&host), [second]);
}

#[test]
fn connection_that_is_to_close_when_its_answers_have_left_is_closed_though_nobody_takes_them() {
    let mut host = started("1000");
    let connection = host.connect();
    host.stuck = true;
    host.ask(connection, 0, ApiVersionsRequestData::default());
    let request = odradek_wire::prepare::prepare(bytes::Bytes::from_static(b"no request"), &Default::default());
    host.step(Input::Request { connection, frame_bytes: 10, request });
    assert!(host.closed.remove(&connection).is_some_and(|why| why.ends_with("Drained")));
    host.pass_ms(1_000);
    assert!(host.closed.remove(&connection).is_some_and(|why| why.ends_with("AtOnce")));
}

#[test]
fn connections_stay_where_the_interval_is_below_zero_and_ten_minutes_unless_it_is_set() {
    let mut host = started("-1");
    host.connect();
    host.pass_ms(3_600_000);
    assert_eq!(closed(&host), []);
    let mut host = Host::started(6);
    let connection = host.connect();
    host.pass_ms(599_999);
    assert_eq!(closed(&host), []);
    host.pass_ms(1);
    assert_eq!(closed(&host), [connection]);
}
