//! What clients may cost in memory, by the node's own counters.

use odradek_cluster::config::StaticConfig;
use odradek_wire::frame::UNASKED_BYTES_MAX;
use odradek_wire::messages::ApiVersionsRequestData;

use super::disk::Disk;
use super::host::{Host, batch, produce};
use super::story::{fetch_of, metadata, topic_id};
use crate::io::{ConnectionId, Input, ListenerId};
use crate::memory::Limits;

const MIB: u64 = 1 << 20;

fn held(host: &Host) -> u64 {
    host.node.running().expect("it runs").connections.memory().bytes()
}

fn peak(host: &Host) -> u64 {
    host.node.running().expect("it runs").connections.memory().peak_bytes()
}

/// 1,000 connections announce 100 MiB each and send half of it: the node lets in what fits, and says what it can cost at the most.
#[test]
fn a_thousand_large_frames_cost_a_bounded_amount() {
    let mut host = Host::started(1);
    let well_behaved = host.connect();
    let ip = std::net::Ipv4Addr::LOCALHOST.into();
    for n in 0..1_000 {
        let connection = ConnectionId(10_000 + n);
        host.step(Input::Opened { connection, listener: ListenerId(0), ip, peer: String::new() });
        host.step(Input::FrameAnnounced { connection, bytes: (100 * MIB) as u32 });
    }
    let granted = host.orders.iter().filter(|o| o.starts_with("grant")).count();
    assert_eq!(granted, 1, "100 MiB is large: such frames share half of 256 MiB");
    assert!(peak(&host) <= 256 * MIB, "{} bytes", peak(&host));
    let bound = host.node.setup().memory().bound(1_001);
    assert_eq!(bound, (256 + 128) * MIB + 1_001 * 2 * u64::from(UNASKED_BYTES_MAX));
    // The others still work, small frames and ordinary large ones alike.
    metadata(&mut host, well_behaved, "orders");
    host.step(Input::FrameAnnounced { connection: well_behaved, bytes: MIB as u32 });
    assert_eq!(host.orders.last().map(String::as_str), Some(format!("grant {}", well_behaved.0).as_str()));
    host.call(well_behaved, 9, produce("orders", 0, -1, batch(&["through"])));
    // The granted frame never comes: it is closed, and the next one gets its chance.
    for next in 0..3 {
        host.pass_ms(140_000);
        let late: Vec<ConnectionId> = host.closed.keys().copied().collect();
        assert_eq!(late.len(), next + 1, "{late:?}");
        host.step(Input::Closed { connection: late[next] });
    }
    assert!(peak(&host) <= bound);
}

#[test]
fn a_client_that_reads_no_answers_is_not_worked_for_and_then_not_read() {
    let mut host = Host::started(2);
    let connection = host.connect();
    let id = topic_id(&mut host, connection, "orders");
    host.call(connection, 9, produce("orders", 0, -1, batch(&["x"])));
    host.stuck = true;
    let limits = host.node.setup().memory();
    for _ in 0..limits.connection_requests_max * 200 {
        if host.orders.iter().any(|o| o.starts_with("pause")) {
            break;
        }
        host.ask(connection, 0, ApiVersionsRequestData::default());
        host.ask(connection, 17, fetch_of(id, 0, 0));
    }
    assert!(host.orders.iter().any(|o| *o == format!("pause {}", connection.0)), "it is never paused");
    assert!(held(&host) <= limits.connection_responses_bytes_max + limits.connection_requests_bytes_max + MIB, "{} bytes", held(&host));
    while host.sent.get(&connection).is_some_and(|s| !s.is_empty()) {
        host.answered(connection);
        host.step(Input::Flushed { connection });
    }
    assert_eq!(host.orders.last(), Some(&format!("resume {}", connection.0)));
    assert_eq!(held(&host), 0);
}

#[test]
fn everything_is_given_back_when_connections_go() {
    let mut host = Host::started(3);
    let connection = host.connect();
    let id = topic_id(&mut host, connection, "orders");
    host.ask(connection, 17, fetch_of(id, 0, 60_000));
    host.step(Input::FrameAnnounced { connection, bytes: 5 << 20 });
    assert!(held(&host) > 5 * MIB);
    host.step(Input::Closed { connection });
    assert_eq!(held(&host), 0);
}

#[test]
fn requests_of_all_connections_together_take_what_queued_max_request_bytes_says() {
    const REQUEST: u32 = 1 << 20;
    let lines = [("socket.request.max.bytes", "1048576"), ("queued.max.request.bytes", "4194304")];
    let mut host = Host::on(Disk::default(), 4, |setup| setup.config = StaticConfig::parse(lines).expect("keys of the table"));
    host.start();
    let ordinary = REQUEST - 100_000;
    let all: Vec<ConnectionId> = (0..20).map(|_| host.connect()).collect();
    for &connection in &all {
        host.step(Input::FrameAnnounced { connection, bytes: ordinary });
    }
    let granted = host.orders.iter().filter(|order| order.starts_with("grant")).count();
    assert_eq!(granted, 4);
    assert_eq!(held(&host), 4 * u64::from(ordinary));
    let limits = host.node.setup().memory();
    assert_eq!((limits.frame_bytes_max, limits.bound(0)), (REQUEST, 4 * MIB + 128 * MIB));
    // One that goes lets one in.
    host.step(Input::Closed { connection: all[0] });
    assert_eq!(host.orders.last(), Some(&format!("grant {}", all[4].0)));
    let unset = Limits::of(&StaticConfig::default());
    assert_eq!((unset, unset.bound(0)), (Limits::default(), 384 * MIB));
}
