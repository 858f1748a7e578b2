//! What requests cost in copies, writes and syncs: counts, which do not depend on how busy the machine is.

use std::io::Write;

use bytes::BytesMut;

use crate::client::{Client, batch, produce};
use crate::server::Server;

const MIB: u64 = 1 << 20;

#[test]
fn fetched_records_leave_by_sendfile_and_pass_through_no_memory() {
    let server = Server::start("sendfile");
    let mut client = Client::connect(&server.address);
    client.create_topic("orders", 1, &[]);
    let records = batch(512, 1024);
    for _ in 0..16 {
        client.produce("orders", 0, records.clone());
    }
    let (sendfile_before, memory_before) = (server.counters.sendfile_bytes.get(), server.counters.sent_bytes.get());
    let fetched = client.fetch("orders", 0, 0);
    assert_eq!(fetched.len(), 16 * records.len());
    let sendfile = server.counters.sendfile_bytes.get() - sendfile_before;
    let memory = server.counters.sent_bytes.get() - memory_before;
    assert_eq!(sendfile, fetched.len() as u64);
    assert!(memory < 256, "{memory} bytes of one answer were in memory");
    assert_eq!(server.counters.cold_ranges.get(), 0, "what was just written is in the page cache");
}

#[test]
fn batches_are_written_once_and_each_with_one_write() {
    let server = Server::start("writes");
    let mut client = Client::connect(&server.address);
    client.create_topic("orders", 1, &[("flush.messages", "9223372036854775807")]);
    client.produce("orders", 0, batch(1, 100));
    let (writes, bytes, syncs) = (server.counters.writes.get(), server.counters.written_bytes.get(), server.counters.syncs.get());
    let records = batch(100, 1024);
    for _ in 0..100 {
        client.produce("orders", 0, records.clone());
    }
    let written = server.counters.written_bytes.get() - bytes;
    let payload = 100 * records.len() as u64;
    assert!((payload..payload + payload / 50).contains(&written), "{written} bytes written for {payload}");
    let writes = server.counters.writes.get() - writes;
    assert!((100..120).contains(&writes), "{writes} writes for 100 batches");
    let syncs = server.counters.syncs.get() - syncs;
    assert!(syncs < 10, "{syncs} syncs of a topic that asked for none");
}

#[test]
fn sixteen_producers_at_once_share_their_syncs() {
    let server = Server::start("syncs");
    Client::connect(&server.address).create_topic("orders", 1, &[]);
    let before = server.counters.syncs.get();
    let producers: Vec<_> = (0..16)
        .map(|_| {
            let address = server.address.clone();
            std::thread::spawn(move || {
                let mut client = Client::connect(&address);
                let mut burst = BytesMut::new();
                for _ in 0..25 {
                    let frame = client.encode(9, produce("orders", 0, batch(1, 100)));
                    burst.extend_from_slice(&frame);
                }
                for _ in 0..4 {
                    client.stream.write_all(&burst).expect("the server reads");
                    (0..25).for_each(|_| drop(client.frame()));
                }
            })
        })
        .collect();
    producers.into_iter().for_each(|producer| producer.join().expect("every batch is acknowledged"));
    let syncs = server.counters.syncs.get() - before;
    assert!(syncs > 0, "acknowledged records are synced");
    // A burst that arrives while a sync is under way waits for the next one, whole; even alone, each needs only the first's and the rest's.
    assert!(syncs <= 1_600 / 4, "{syncs} syncs for 1,600 acknowledged batches");
}

#[test]
fn writeback_is_started_long_before_the_kernel_would() {
    let server = Server::start("writeback");
    let mut client = Client::connect(&server.address);
    client.create_topic("orders", 1, &[("flush.messages", "9223372036854775807")]);
    let records = batch(512, 1024);
    for _ in 0..64 {
        client.produce("orders", 0, records.clone());
    }
    let started = server.counters.writeback_bytes.get();
    assert!((24 * MIB..=33 * MIB).contains(&started), "{started} of 32 MiB");
}
