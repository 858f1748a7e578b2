//! Who may connect, and who goes for whom.

use std::net::IpAddr;

use odradek_cluster::config::StaticConfig;
use odradek_wire::messages::incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig};
use odradek_wire::messages::{ApiVersionsRequestData, IncrementalAlterConfigsRequestData, text};
use odradek_wire::response::Response;

use super::disk::Disk;
use super::host::{Host, batch, produce};
use super::story::{fetch_of, topic_id};
use crate::io::{ConnectionId, Input, ListenerId};
use crate::setup::Listener;

const CLIENTS: ListenerId = ListenerId(0);
const BROKERS: ListenerId = ListenerId(1);
const CONTROLLERS: ListenerId = ListenerId(2);

fn started(lines: &[(&str, &str)]) -> Host {
    let mut host = Host::on(Disk::default(), 5, |setup| {
        setup.config = StaticConfig::parse(lines.iter().copied()).expect("keys of the table");
        let listener = |name: &str, controller| Listener { name: name.to_owned(), host: "localhost".to_owned(), port: 1, controller };
        setup.listeners = vec![listener("OUTSIDE", false), listener("INSIDE", false), listener("CONTROLLER", true)];
        setup.hosts = [("known.example".to_owned(), ip(9))].into();
    });
    host.start();
    host.orders.clear();
    host
}

fn ip(last: u8) -> IpAddr {
    [10, 0, 0, last].into()
}

/// Which connections were told to close, and why.
fn closed(host: &Host) -> Vec<(u64, &str)> {
    host.closed.iter().map(|(connection, why)| (connection.0, why.as_str())).collect()
}

fn gone(host: &mut Host, connection: ConnectionId) {
    host.step(Input::Closed { connection });
    host.closed.remove(&connection);
}

fn set(host: &mut Host, connection: ConnectionId, key: &str, value: &str) -> (i16, String) {
    let config = AlterableConfig::default().with_name(text(key)).with_value(Some(text(value)));
    let resource = AlterConfigsResource::default().with_resource_type(4).with_resource_name(text("")).with_configs(vec![config]);
    match host.call(connection, 1, IncrementalAlterConfigsRequestData::default().with_resources(vec![resource])) {
        Response::IncrementalAlterConfigs(r) => {
            (r.responses[0].error_code, r.responses[0].error_message.as_ref().map_or(String::new(), ToString::to_string))
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn clients_wait_at_the_limit_until_one_goes() {
    let mut host = started(&[("max.connections", "2")]);
    let first = host.connect();
    assert_eq!(host.orders, Vec::<String>::new());
    let second = host.connect();
    assert_eq!(host.orders, ["full 0", "full 1"]);
    // The host may have accepted one more meanwhile.
    let third = host.connect();
    assert_eq!(closed(&host), [(third.0, "2 connections are open, and there may be no more, AtOnce")]);
    gone(&mut host, third);
    host.orders.clear();
    gone(&mut host, first);
    assert_eq!(host.orders, ["accept 0", "accept 1"]);
    host.call(second, 0, ApiVersionsRequestData::default());
}

#[test]
fn nobody_comes_where_nobody_may() {
    let mut host = Host::on(Disk::default(), 5, |setup| {
        setup.config = StaticConfig::parse([("max.connections", "0")]).expect("a key of the table");
    });
    host.start();
    assert_eq!(host.orders, ["full 0"]);
}

#[test]
fn brokers_come_at_the_limit_and_the_client_that_moved_last_of_all_goes_for_each() {
    let mut host = started(&[("max.connections", "3"), ("inter.broker.listener.name", "INSIDE")]);
    let reader = host.connect();
    let id = topic_id(&mut host, reader, "orders");
    let [idle, talking] = [(); 2].map(|()| {
        host.pass_ms(10);
        host.connect()
    });
    assert_eq!(host.orders, ["full 0"], "the listener of brokers stays open");
    host.pass_ms(10);
    host.ask(reader, 17, fetch_of(id, 0, 100_000));
    host.call(talking, 0, ApiVersionsRequestData::default());
    let pushed_out = |host: &mut Host| {
        host.connect_by(BROKERS, ip(1));
        host.closed.keys().copied().last()
    };
    assert_eq!(pushed_out(&mut host), Some(idle));
    gone(&mut host, idle);
    assert_eq!(pushed_out(&mut host), Some(talking));
    gone(&mut host, talking);
    assert_eq!(pushed_out(&mut host), None, "the last one waits for an answer");
    host.pass_ms(100_000);
    assert_eq!(host.closed.keys().copied().collect::<Vec<_>>(), [reader], "and goes when it has it");
    assert!(host.answered(reader).is_some());
}

#[test]
fn controllers_are_counted_by_nobody() {
    let mut host = started(&[("max.connections", "1"), ("max.connections.per.ip", "1")]);
    for _ in 0..3 {
        host.connect_by(CONTROLLERS, ip(1));
    }
    assert_eq!((host.orders.len(), closed(&host).len()), (0, 0));
}

#[test]
fn address_has_so_many_connections_and_those_beyond_are_closed_at_once() {
    let mut host =
        started(&[("max.connections.per.ip", "2"), ("max.connections.per.ip.overrides", "10.0.0.2:1, ::1:0,known.example:3,10.0.0.4:-1")]);
    let admitted = |host: &mut Host, ip: IpAddr| {
        host.closed.clear();
        let all = [(); 5].map(|()| host.connect_by(CLIENTS, ip));
        let admitted = all.iter().filter(|connection| !host.closed.contains_key(connection)).count();
        all.into_iter().for_each(|connection| gone(host, connection));
        admitted
    };
    assert_eq!(admitted(&mut host, ip(1)), 2);
    assert_eq!(admitted(&mut host, ip(2)), 1);
    assert_eq!(admitted(&mut host, ip(9)), 3);
    assert_eq!(admitted(&mut host, ip(4)), 0);
    assert_eq!(admitted(&mut host, "::1".parse().expect("an address")), 0);
    // Who is closed counts until it is gone.
    let all = [(); 3].map(|()| host.connect_by(CLIENTS, ip(1)));
    assert_eq!(closed(&host), [(all[2].0, "10.0.0.1 has as many connections as one address may have: 2, AtOnce")]);
    assert_eq!(host.marks.iter().filter(|mark| **mark == "connection.refused").count(), 3 + 4 + 2 + 5 + 5 + 1);
}

#[test]
fn connections_come_no_faster_than_they_may() {
    let mut host = started(&[("max.connection.creation.rate", "5")]);
    let mut came = 0;
    while host.orders.is_empty() {
        host.connect();
        came += 1;
    }
    assert_eq!((came, host.orders[0].as_str()), (51, "full 0"));
    host.connect_by(CONTROLLERS, ip(1));
    host.pass_ms(199);
    assert_eq!(host.orders, ["full 0", "full 1"]);
    host.pass_ms(1);
    assert_eq!(host.orders, ["full 0", "full 1", "accept 0", "accept 1"]);
}

#[test]
fn limits_change_while_the_node_runs() {
    let mut host = started(&[]);
    let [admin, other] = [(); 2].map(|()| host.connect_by(CLIENTS, ip(1)));
    assert_eq!(set(&mut host, admin, "max.connections.per.ip", "2").0, 0);
    let third = host.connect_by(CLIENTS, ip(1));
    assert_eq!(closed(&host).len(), 1);
    gone(&mut host, third);
    assert_eq!(set(&mut host, admin, "max.connections.per.ip.overrides", "10.0.0.1:3").0, 0);
    let third = host.connect_by(CLIENTS, ip(1));
    assert_eq!(closed(&host).len(), 0);
    // The one that moved last of all goes when there may be fewer.
    host.pass_ms(10);
    host.call(other, 0, ApiVersionsRequestData::default());
    assert_eq!(set(&mut host, admin, "max.connections", "2").0, 0);
    assert_eq!(host.closed.keys().copied().collect::<Vec<_>>(), [third]);
    gone(&mut host, third);
    assert_eq!(host.orders.pop().as_deref(), Some("full 1"));
    // What cannot be in force is refused: nobody looks up names while a node runs, and with none at all nobody could undo it.
    let (code, why) = set(&mut host, admin, "max.connections.per.ip.overrides", "somewhere.example:3");
    assert!(code == 42 && why.contains("somewhere.example"), "{code} {why}");
    assert_eq!(set(&mut host, admin, "max.connections.per.ip.overrides", "10.0.0.1").0, 42);
    assert_eq!(set(&mut host, admin, "max.connections.per.ip.overrides", "").0, 0);
    assert_eq!(set(&mut host, admin, "max.connections.per.ip", "0").0, 42);
    assert_eq!(set(&mut host, admin, "connections.max.idle.ms", "5").0, 42);
}

#[test]
fn connections_leave_descriptors_to_files_and_idle_ones_go_for_them() {
    let mut host = Host::on(Disk::default(), 5, |setup| setup.descriptors = Some(64));
    host.start();
    host.orders.clear();
    let admin = host.connect();
    let mut all = 1;
    while host.orders.is_empty() {
        host.connect();
        all += 1;
    }
    assert!((30..=48).contains(&all), "{all} connections");
    // Each topic opens files; connections that do nothing go for them, and never the last quarter.
    for n in 0..60 {
        topic_id(&mut host, admin, &format!("orders-{n}"));
        host.call(admin, 9, produce(&format!("orders-{n}"), 0, -1, batch(&["a"])));
        for connection in host.closed.keys().copied().collect::<Vec<_>>() {
            gone(&mut host, connection);
            all -= 1;
        }
    }
    assert_eq!(all, 16);
    assert!(host.marks.contains(&"connection.pushed_out"));
    host.call(admin, 0, ApiVersionsRequestData::default());
}
