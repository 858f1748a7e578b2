//! What connections may do to a real server, and what they may not.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

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
