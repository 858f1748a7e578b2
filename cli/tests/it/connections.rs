//! What connections may do to a real server, and what they may not.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use odradek_wire::messages::{DeleteTopicsRequestData, text};
use odradek_wire::response::Response;

use crate::client::{Client, batch, produce};
use crate::process::{Scratch, Server};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// True if the server closed it, false if nothing came within the time.
fn is_closed(stream: &mut TcpStream, within: Duration) -> bool {
    stream.set_read_timeout(Some(within)).expect("a socket of the system");
    match stream.read(&mut [0]) {
        Ok(0) => true,
        Ok(_) => panic!("nobody asked for an answer"),
        Err(error) => !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
    }
}

#[test]
fn idle_connections_are_closed_and_a_poll_that_takes_longer_is_not() {
    let scratch = Scratch::new("idle");
    let server = Server::start(scratch.path("data"), &["connections.max.idle.ms=500"]);
    let mut silent = TcpStream::connect(&server.address).expect("the server listens");
    let mut half = TcpStream::connect(&server.address).expect("the server listens");
    half.write_all(&[0, 0, 1, 0, 0, 18]).expect("the server reads");
    Client::connect(&server.address).create_topic("orders", 1, &[]);
    let mut reader = Client::connect(&server.address);
    let polled = std::thread::spawn(move || reader.fetch("orders", 0, 0));
    assert!(is_closed(&mut silent, PATIENCE) && is_closed(&mut half, PATIENCE));
    std::thread::sleep(Duration::from_millis(1_000));
    Client::connect(&server.address).produce("orders", 0, batch(1, 100));
    assert!(!polled.join().expect("it is answered").is_empty());
    let (_, log) = server.terminate();
    assert!(log.contains("connections.max.idle.ms"), "{log}");
}

#[test]
fn connections_beyond_the_limit_wait_and_those_of_one_address_are_turned_away() {
    let scratch = Scratch::new("limits");
    let listener = ["listeners=PLAINTEXT://:0", "advertised.listeners=PLAINTEXT://127.0.0.1:0"];
    let data = scratch.path("data");
    let arguments = ["--data", data.to_str().expect("the path is text"), "max.connections=3", listener[0], listener[1]];
    let server = Server::start_with(&arguments);
    let mut first = Client::connect(&server.address);
    first.create_topic("orders", 1, &[]);
    let others = [(); 2].map(|()| Client::connect(&server.address));
    let mut waits = Client::connect(&server.address);
    let frame = waits.encode(9, produce("orders", 0, batch(1, 100)));
    waits.stream.write_all(&frame).expect("the kernel takes it");
    assert!(!is_closed(&mut waits.stream, Duration::from_millis(300)), "it waits for a connection");
    drop(others);
    waits.stream.set_read_timeout(Some(PATIENCE)).expect("a socket of the system");
    assert!(!waits.frame().is_empty());
    drop((first, waits, server));

    // A socket of both families shows clients of IPv4 by their own address.
    let arguments = [&arguments[..2], &["max.connections.per.ip.overrides=localhost:2", listener[0], listener[1]]].concat();
    let server = Server::start_with(&arguments);
    let mut three = [(); 3].map(|()| TcpStream::connect(&server.address).expect("the server listens"));
    assert!(is_closed(&mut three[2], PATIENCE));
    assert!(!is_closed(&mut three[0], Duration::from_millis(100)) && !is_closed(&mut three[1], Duration::from_millis(100)));
    drop(three);
    let (_, log) = server.terminate();
    assert!(log.contains("127.0.0.1 has as many connections as one address may have: 2"), "{log}");
}

#[test]
fn silent_connections_that_are_closed_make_room_though_their_peers_keep_them_open() {
    let scratch = Scratch::new("silent");
    let server = Server::start(scratch.path("data"), &["connections.max.idle.ms=500", "max.connections=5"]);
    let mut silent = [(); 5].map(|()| TcpStream::connect(&server.address).expect("the server listens"));
    std::thread::sleep(Duration::from_millis(100));
    let mut waits = TcpStream::connect(&server.address).expect("the kernel listens");
    waits.write_all(&versions(40)).expect("the kernel takes it");
    waits.set_read_timeout(Some(PATIENCE)).expect("a socket of the system");
    assert!(waits.read(&mut [0; 4]).expect("it is served when there is room") > 0);
    assert!(silent.iter_mut().all(|stream| is_closed(stream, PATIENCE)));
}

/// ApiVersions from a client whose name makes the frame so long.
fn versions(frame_bytes: u16) -> Vec<u8> {
    let name = vec![b'x'; usize::from(frame_bytes) - 10];
    let head = [&u32::from(frame_bytes).to_be_bytes()[..], &[0, 18, 0, 0, 0, 0, 0, 1], &(frame_bytes - 10).to_be_bytes()].concat();
    [head, name].concat()
}

#[test]
fn a_request_is_as_long_as_socket_request_max_bytes_and_not_longer() {
    let scratch = Scratch::new("longest");
    let server = Server::start(scratch.path("data"), &["socket.request.max.bytes=2000"]);
    let mut client = Client::connect(&server.address);
    client.stream.write_all(&versions(2_000)).expect("the server reads");
    assert!(!client.frame().is_empty());
    client.stream.write_all(&versions(2_001)).expect("the server reads");
    assert!(is_closed(&mut client.stream, PATIENCE));
    let (_, log) = server.terminate();
    assert!(log.contains("a frame of 2001 bytes was announced, and at most 2000 are accepted"), "{log}");
}

/// A server that may have so many files open.
fn limited(scratch: &Scratch, files: usize) -> Server {
    Server::start_under(&format!("ulimit -n {files}; exec \"$@\""), &scratch.path("data"))
}

fn delete_topic(client: &mut Client, name: &str) {
    let request = DeleteTopicsRequestData::default().with_topic_names(vec![text(name)]).with_timeout_ms(30_000);
    let Response::DeleteTopics(answer) = client.ask(5, request) else { panic!("another answer") };
    assert_eq!(answer.responses[0].error_code, 0, "{answer:?}");
}

#[test]
fn a_flood_of_connections_leaves_descriptors_to_files() {
    let scratch = Scratch::new("flood");
    let server = limited(&scratch, 256);
    let address: SocketAddr = server.address.parse().expect("an address");
    let mut client = Client::connect(&server.address);
    client.create_topic("rolls", 1, &[("segment.bytes", "1048576")]);
    client.produce("rolls", 0, batch(1, 100));
    // As many as the server and its kernel take.
    let (mut flood, mut in_vain) = (Vec::new(), 0);
    while in_vain < 5 {
        match TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
            Ok(stream) => flood.push(stream),
            Err(_) => in_vain += 1,
        }
    }
    assert!((150..250).contains(&flood.len()), "{} connections", flood.len());
    let mut acknowledged = 1;
    for round in 0..30 {
        let topic = format!("topic-{round}");
        client.create_topic(&topic, 2, &[]);
        client.produce(&topic, 1, batch(1, 100));
        client.produce("rolls", 0, batch(200, 1_000));
        acknowledged += 200;
        if round % 2 == 0 {
            delete_topic(&mut client, &topic);
        }
    }
    drop(flood);
    let (code, log) = server.terminate();
    assert_eq!(code, Some(0), "{log}");
    assert!(!log.contains("out of service"), "{log}");
    let server = Server::start(scratch.path("data"), &[]);
    assert_eq!(server.tool(&["topics", "list"]).lines().count(), 1 + 15);
    assert_eq!(server.consume_sorted("rolls").len(), acknowledged);
    for round in (1..30).step_by(2) {
        assert_eq!(server.consume_sorted(&format!("topic-{round}")).len(), 1);
    }
}

#[test]
fn a_log_that_finds_no_descriptor_waits_for_one_and_loses_nothing() {
    let scratch = Scratch::new("starved");
    let server = limited(&scratch, 120);
    let (mut client, mut operator) = (Client::connect(&server.address), Client::connect(&server.address));
    client.stream.set_read_timeout(Some(Duration::from_secs(2))).expect("a socket of the system");
    let mut topics = 0;
    // Each log has its files; at some point there are no more.
    let waits = loop {
        let topic = format!("topic-{topics}");
        operator.create_topic(&topic, 1, &[("file.delete.delay.ms", "0")]);
        let frame = client.encode(9, produce(&topic, 0, batch(1, 100)));
        client.stream.write_all(&frame).expect("the server reads");
        topics += 1;
        match client.stream.peek(&mut [0]) {
            Ok(_) => drop(client.frame()),
            Err(_) => break topic,
        }
        assert!(topics < 200, "descriptors do not end");
    };
    (0..4).for_each(|n| delete_topic(&mut operator, &format!("topic-{n}")));
    client.stream.set_read_timeout(Some(PATIENCE)).expect("a socket of the system");
    let Response::Produce(answer) =
        odradek_wire::response::decode(odradek_wire::api::ApiKey::Produce, 9, client.frame()).expect("an answer").1
    else {
        panic!("another answer")
    };
    assert_eq!(answer.responses[0].partition_responses[0].error_code, 0, "{answer:?}");
    let (code, log) = server.terminate();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("no descriptor is free"), "{log}");
    let server = Server::start(scratch.path("data"), &[]);
    for topic in (4..topics).map(|n| format!("topic-{n}")).chain([waits]) {
        assert_eq!(server.consume_sorted(&topic).len(), 1, "{topic}");
    }
}
