//! What a thousand connections can cost: alone in its process, since it reads how much memory that process has.

#[path = "it/client.rs"]
mod client;
#[path = "it/server.rs"]
mod server;

use std::io::{ErrorKind, Write};
use std::net::TcpStream;

use client::{Client, batch};
use odradek_broker::memory::Limits;
use server::Server;

const MIB: u64 = 1 << 20;
const CONNECTIONS: usize = 1_000;
/// What a server has beside requests and responses: its code, tasks, indexes, threads; and this test's own thousand sockets.
const BASE_BYTES: u64 = 64 * MIB;

/// 1,000 connections announce a frame of 100 MiB each and send up to half of it, as far as the server reads.
#[test]
fn a_thousand_half_sent_frames_cost_a_bounded_amount_and_others_are_served() {
    raise_file_limit();
    let server = Server::start("memory");
    let mut served = Client::connect(&server.address);
    served.create_topic("orders", 1, &[]);
    served.produce("orders", 0, batch(1, 100));

    let mut greedy: Vec<Greedy> = (0..CONNECTIONS).map(|_| Greedy::connect(&server.address)).collect();
    let mut rounds_without_progress = 0;
    let mut rounds = 0;
    let is_done = |one: &Greedy| one.sent == HALF_BYTES;
    while !greedy.iter().any(is_done) || rounds_without_progress < 20 {
        rounds += 1;
        assert!(rounds < 100_000, "nobody was let in");
        let sent: u64 = greedy.iter_mut().map(Greedy::send).sum();
        rounds_without_progress = if sent == 0 { rounds_without_progress + 1 } else { 0 };
        if rounds % 10 == 0 {
            served.produce("orders", 0, batch(64, 1024));
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }

    let bound = Limits::default().bound(CONNECTIONS as u64 + 1);
    let held = server.counters.memory_bytes_peak.get();
    assert!(held >= 100 * MIB, "the one that was let in holds its frame: {held} bytes");
    assert!(held <= bound, "the accountant has seen {held} bytes of {bound}");
    let resident = resident_bytes_peak();
    assert!(resident <= bound + BASE_BYTES, "{resident} bytes resident, and {bound} + {BASE_BYTES} are the bound");
    // The others neither wait nor fail.
    let fetched = served.fetch("orders", 0, 0);
    assert!(!fetched.is_empty());
}

const HALF_BYTES: u64 = 50 * MIB;

/// A connection that announces 100 MiB of Produce and sends half.
struct Greedy {
    stream: TcpStream,
    sent: u64,
}

impl Greedy {
    fn connect(address: &str) -> Greedy {
        let mut stream = TcpStream::connect(address).expect("the server listens");
        let frame_bytes = (100 * MIB as i32).to_be_bytes();
        // Produce, version 9, and a correlation id: what a framer looks at.
        stream.write_all(&frame_bytes).and_then(|()| stream.write_all(&[0, 0, 0, 9, 0, 0, 0, 1])).expect("the server reads");
        stream.set_nonblocking(true).expect("a socket of the system");
        Greedy { stream, sent: 8 }
    }

    /// Sends what the socket takes; gives how much that was.
    fn send(&mut self) -> u64 {
        static ZEROS: [u8; 1 << 16] = [0; 1 << 16];
        let before = self.sent;
        while self.sent < HALF_BYTES {
            let length = (HALF_BYTES - self.sent).min(ZEROS.len() as u64) as usize;
            match self.stream.write(&ZEROS[..length]) {
                Ok(sent) => self.sent += sent as u64,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => panic!("the server let nobody go yet: {error}"),
            }
        }
        self.sent - before
    }
}

/// A thousand connections have two ends each in this process.
fn raise_file_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).expect("a soft limit may be raised to the hard one");
}

fn resident_bytes_peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux says how a process is");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("it says the peak");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number of kB") * 1024
}
