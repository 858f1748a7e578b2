//! Bytes that no client of Kafka sends: the connection is closed with a reason in the log, nothing changes, and the others are served.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::process::{Scratch, Server};

/// Sends bytes and waits until the server closes; gives what came before.
fn closed_after(server: &Server, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(&server.address).expect("the server listens");
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a socket of the system");
    // The server may close in the middle of it.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Ok(_) => answer,
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => answer,
        Err(error) => panic!("the server keeps a connection that brought {:02x?}…: {error}", &bytes[..bytes.len().min(16)]),
    }
}

fn frame(body: &[u8]) -> Vec<u8> {
    let length = i32::try_from(body.len()).expect("a short frame");
    [&length.to_be_bytes(), body].concat()
}

#[test]
fn malformed_frames_close_their_connection_with_a_reason_and_change_nothing() {
    let scratch = Scratch::new("hostile");
    let server = Server::start(scratch.path("data"), &[]);
    server.tool(&["topics", "create", "orders", "-p", "1"]);
    server.produce("orders", &["one", "two"]);
    let topics = server.tool(&["topics", "list"]);
    let produce_of_9 = [0, 0, 0, 9, 0, 0, 0, 7];
    let cases: &[(Vec<u8>, &str)] = &[
        ((-1i32).to_be_bytes().to_vec(), "a frame of -1 bytes was announced"),
        (i32::MAX.to_be_bytes().to_vec(), "a frame of 2147483647 bytes was announced"),
        ([&(50i32 << 20).to_be_bytes()[..], &[0, 3, 0, 9]].concat(), "API key 3"),
        (b"GET / HTTP/1.1\r\nHost: odradek\r\n\r\n".to_vec(), "bytes was announced"),
        (frame(&[]), "request"),
        (frame(&[0, 18]), "request"),
        (frame(&[0x7f, 0xff, 0, 0, 0, 0, 0, 1, 0xff, 0xff]), "32767"),
        (frame(&[0, 0, 0x7f, 0xff, 0, 0, 0, 1, 0xff, 0xff]), "32767"),
        // A Produce of version 9 whose body ends after the correlation id, and one whose topics are said to be two billion.
        (frame(&produce_of_9), "Produce"),
        (frame(&[&produce_of_9[..], &[0xff, 0xff, 0, 0, 0xff, 0xff, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0x0f]].concat()), "Produce"),
    ];
    for (bytes, _) in cases {
        let answer = closed_after(&server, bytes);
        assert!(answer.is_empty(), "{bytes:02x?} is answered with {answer:02x?}");
    }
    // Noise of all kinds, from a generator that is the same in each run.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for round in 0..200 {
        let mut noise: Vec<u8> = (0..200)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 56) as u8
            })
            .collect();
        if round % 2 == 0 {
            noise[..6].copy_from_slice(&[0, 0, 0, 196, 0, (round % 76) as u8]); // a frame that is one, of an API that may be one
        }
        let mut stream = TcpStream::connect(&server.address).expect("the server still listens");
        let _ = stream.write_all(&noise);
    }
    // A peer that leaves in the middle of a frame.
    let mut stream = TcpStream::connect(&server.address).expect("the server listens");
    stream.write_all(&[0, 0, 1, 0, 0, 18]).expect("the server reads");
    drop(stream);

    assert_eq!(server.tool(&["topics", "list"]), topics);
    assert_eq!(server.consume_sorted("orders"), ["one", "two"]);
    let (code, log) = server.terminate();
    assert_eq!(code, Some(0), "{log}");
    for (bytes, reason) in cases {
        let told = log.lines().any(|line| line.contains("closing a connection") && line.contains("127.0.0.1:") && line.contains(reason));
        assert!(told, "no line says '{reason}' of {bytes:02x?}:\n{log}");
    }
    assert!(log.contains("left in the middle of a request"), "{log}");
    assert!(!log.contains("panicked"), "{log}");
}
