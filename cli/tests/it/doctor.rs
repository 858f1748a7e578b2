//! Disks that lie and directories that are lost: what a node does, what the doctor says, and how an operator ends it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::SystemTime;

use crate::process::{Scratch, Server, odradek};

/// Runs a tool that needs no cluster: its exit code, and what it printed.
fn tool(arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = Command::new(odradek()).args(arguments).output().expect("the binary starts");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (status.code(), text(stdout), text(stderr))
}

/// What a tool printed that must end with this exit code.
fn ends(code: i32, arguments: &[&str]) -> String {
    let (got, out, err) = tool(arguments);
    assert_eq!(got, Some(code), "{arguments:?}: {out}{err}");
    out + &err
}

fn text(path: &Path) -> &str {
    path.to_str().expect("the path is text")
}

/// Every file below, with its content and when it was changed; every directory likewise.
fn everything(dir: &Path) -> Vec<(PathBuf, Option<Vec<u8>>, SystemTime)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(dir).expect("the directory is there") {
        let path = entry.expect("an entry").path();
        let found = path.metadata().expect("it is there");
        all.push((path.clone(), (!found.is_dir()).then(|| fs::read(&path).expect("it can be read")), found.modified().expect("a time")));
        if found.is_dir() {
            all.extend(everything(&path));
        }
    }
    all.push((dir.to_owned(), None, dir.metadata().expect("it is there").modified().expect("a time")));
    all.sort();
    all
}

/// A server over several log directories.
fn over(dirs: &[&Path]) -> Server {
    Server::start_with(&[
        "--listen",
        "127.0.0.1:0",
        &format!("log.dirs={}", dirs.iter().map(|dir| text(dir)).collect::<Vec<_>>().join(",")),
    ])
}

/// The line of a partition in what `topics describe` prints.
fn partition(server: &Server, topic: &str, index: i32) -> String {
    let described = server.tool(&["topics", "describe", topic]);
    let line = described.lines().find(|line| line.starts_with(&format!("  {index}\t")));
    line.unwrap_or_else(|| panic!("no partition {index}: {described}")).to_owned()
}

/// The directory of a node that was killed, with a bit flipped in the middle of the segment of `orders-0`.
fn damaged(scratch: &Scratch, records: usize) -> PathBuf {
    let data = scratch.path("data");
    let server = Server::start(data.clone(), &[]);
    server.tool(&["topics", "create", "orders", "-p", "1"]);
    server.tool(&["topics", "create", "others", "-p", "1"]);
    let lines: String = (0..records).map(|n| format!("record number {n}\n")).collect();
    let produced = server.run(&["produce", "-t", "orders", "-X", "batch.size=200"], &lines);
    assert!(produced.status.success(), "{}", String::from_utf8_lossy(&produced.stderr));
    server.produce("others", &["whole"]);
    server.kill();
    let segment = data.join("orders-0/00000000000000000000.log");
    let mut bytes = fs::read(&segment).expect("there is a segment");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&segment, bytes).expect("the disk lies");
    data
}

/// The offset in the command that the doctor names.
fn cure(said: &str, partition: &str) -> i64 {
    let named = format!("--give-up {partition}@");
    let from = said.find(&named).unwrap_or_else(|| panic!("no cure of {partition}: {said}")) + named.len();
    said[from..].split_whitespace().next().and_then(|offset| offset.parse().ok()).unwrap_or_else(|| panic!("no offset: {said}"))
}

#[test]
fn damage_is_out_of_service_until_it_is_given_up_by_its_offset_and_never_by_a_restart() {
    let scratch = Scratch::new("damage");
    let data = damaged(&scratch, 5_000);
    let dir = text(&data);
    let said = ends(1, &["doctor", dir]);
    let offset = cure(&said, "orders-0");
    assert!((1..4_999).contains(&offset), "{said}");
    let whole = format!("damaged  offsets 0 to {} are whole", offset - 1);
    assert!(said.contains(&whole) && said.contains("records can still be read") && said.contains("1 damaged"), "{said}");

    // No restart cuts it, whether it is stopped cleanly or not.
    for clean in [true, false] {
        let server = Server::start(data.clone(), &[]);
        assert!(partition(&server, "orders", 0).contains("leader -1"), "{}", partition(&server, "orders", 0));
        assert!(partition(&server, "orders", 0).ends_with("offline [0]"), "{}", partition(&server, "orders", 0));
        assert!(!partition(&server, "others", 0).contains("offline"), "{}", partition(&server, "others", 0));
        assert_eq!(server.consume_sorted("others"), ["whole"]);
        for refused in [ends(2, &["doctor", dir]), ends(2, &["doctor", dir, "--give-up", &format!("orders-0@{offset}")])] {
            assert!(refused.contains("a node is running there"), "{refused}");
        }
        assert!(ends(1, &["doctor", dir, "--running"]).contains("recorded"), "the damage is written down");
        if clean { drop(server.terminate()) } else { server.kill() }
    }
    let before = everything(&data);
    assert_eq!(cure(&ends(1, &["doctor", dir]), "orders-0"), offset);
    let json: serde_json::Value = serde_json::from_str(&ends(1, &["doctor", dir, "--json"])).expect("it is JSON");
    let logs = json["directories"][0]["logs"].as_array().expect("there are logs");
    let log = logs.iter().find(|log| log["name"] == "orders-0").expect("it is among them");
    assert_eq!((log["record"]["offset"].as_i64(), log["whole"]["end"].as_i64()), (Some(offset), Some(offset)));
    assert_eq!((&log["out_of_service"], &json["whole"]), (&true.into(), &false.into()));
    let refused = ends(2, &["doctor", dir, "--give-up", "orders-0@5"]);
    assert!(refused.contains(&format!("not damaged at offset 5; it is at {offset} (checksum")), "{refused}");
    assert!(ends(2, &["doctor", dir, "--give-up", "others-0@1"]).contains("others-0 is whole up to offset 1"));
    assert!(ends(2, &["doctor", dir, "--give-up", "nothing-0@0"]).contains("nothing-0 is in none of these directories"));
    let lock = |all: Vec<(PathBuf, Option<Vec<u8>>, SystemTime)>| {
        all.into_iter().filter(|(path, content, _)| content.is_some() && !path.ends_with(".lock")).collect::<Vec<_>>()
    };
    assert_eq!(lock(everything(&data)), lock(before), "nothing is touched");

    let given = ends(0, &["doctor", dir, "--give-up", &format!("orders-0@{offset}")]);
    assert!(given.contains(&format!("offsets {offset} to 4999 are given up: ")) && given.contains("could still be read"), "{given}");
    assert!(ends(0, &["doctor", dir]).contains("3 logs: 3 whole"));
    let server = Server::start(data.clone(), &[]);
    let read = server.tool(&["consume", "-t", "orders", "-e", "-f", "%o %s\n"]);
    assert_eq!(read.lines().count() as i64, offset);
    assert_eq!(read.lines().last(), Some(format!("{} record number {}", offset - 1, offset - 1).as_str()));
    server.produce("orders", &["after"]);
    assert_eq!(server.tool(&["consume", "-t", "orders", "-o", "-1", "-e", "-f", "%o %s\n"]), format!("{offset} after\n"));
    assert!(!partition(&server, "orders", 0).contains("offline"));
    assert_eq!(server.terminate().0, Some(0));
    ends(0, &["doctor", dir]);
}

#[test]
fn reading_touches_nothing_of_a_directory_that_was_killed() {
    let scratch = Scratch::new("untouched");
    let data = damaged(&scratch, 50);
    let before = everything(&data);
    ends(1, &["doctor", text(&data)]);
    ends(1, &["doctor", text(&data), "--json"]);
    assert_eq!(everything(&data), before);
}

#[test]
fn doctor_says_what_it_cannot_look_at_with_exit_code_2() {
    let scratch = Scratch::new("misuse");
    let (one, two, empty) = (scratch.path("one"), scratch.path("two"), scratch.path("empty"));
    for data in [&one, &two] {
        Server::start(data.clone(), &[]).terminate();
    }
    fs::create_dir(&empty).expect("the scratch directory can be written");
    let file = one.join("meta.properties");
    let cases: &[(&[&str], &str)] = &[
        (&["doctor"], "required"),
        (&["doctor", "/no/such/directory"], "/no/such/directory: No such file"),
        (&["doctor", text(&file)], "is no directory"),
        (&["doctor", text(&empty)], "holds nothing of a node"),
        (&["doctor", text(&one), text(&two)], "are not of one node"),
        (&["doctor", text(&one), text(&one)], "are the same directory"),
        (&["doctor", text(&one), "--give-up", "orders@5"], "orders-0@2457"),
        (&["doctor", text(&one), "--give-up", "orders-0@5", "--running"], "cannot be used with"),
        (&["doctor", text(&one), "--give-up", "__cluster_metadata-0@5"], "the metadata log is not given up"),
    ];
    for (arguments, words) in cases {
        let said = ends(2, arguments);
        assert!(said.contains(words), "{arguments:?}: {said}");
    }
    // What refuses a start is damage here.
    fs::write(one.join("meta.properties"), "version=1\nnode.id=0\n").expect("the disk lies");
    assert!(ends(1, &["doctor", text(&one)]).contains("meta.properties: cluster.id was not found.; the start is refused"));
}

#[test]
fn directory_that_is_lost_is_offline_comes_back_whole_and_a_new_one_is_formatted_beside_the_others() {
    let scratch = Scratch::new("lost");
    let (a, b, c, away) = (scratch.path("a"), scratch.path("b"), scratch.path("c"), scratch.path("away"));
    let server = over(&[&a, &b]);
    server.tool(&["topics", "create", "orders", "-p", "4"]);
    for p in 0..4 {
        let produced = server.run(&["produce", "-t", "orders", "-p", &p.to_string()], &format!("v{p}\n"));
        assert!(produced.status.success());
    }
    assert_eq!(server.terminate().0, Some(0));
    let in_b: Vec<i32> = (0..4).filter(|p| b.join(format!("orders-{p}")).exists()).collect();
    assert_eq!(in_b.len(), 2, "each directory has two");

    fs::rename(&b, &away).expect("the disk is taken out");
    let dirs = format!("log.dirs={},{}", text(&a), text(&b));
    let (code, _, said) = tool(&["serve", "--listen", "127.0.0.1:0", &dirs]);
    let words = format!("{} holds no meta.properties, though {} is of this node", text(&b), text(&a));
    let command = format!("odradek format {} --beside {}", text(&b), text(&a));
    assert!(code == Some(2) && said.contains(&words) && said.contains(&command), "{said}");
    assert!(!b.exists(), "nothing is made");

    let server = over(&[&a]);
    for p in 0..4 {
        let line = partition(&server, "orders", p);
        assert_eq!(line.contains("leader -1") && line.ends_with("offline [0]"), in_b.contains(&p), "{line}");
    }
    assert_eq!(server.terminate().0, Some(0));
    let said = ends(1, &["doctor", text(&a)]);
    assert!(said.contains("2 missing") && said.contains("which was not named"), "{said}");

    fs::rename(&away, &b).expect("the disk is put back");
    let made = ends(0, &["format", text(&c), "--beside", text(&a)]);
    assert!(made.contains("add it to log.dirs"), "{made}");
    for (arguments, words) in [
        ([text(&c), "--beside", text(&a)], "is not empty: meta.properties is in it"),
        ([text(&b), "--beside", text(&a)], "is not empty"),
        ([text(&away), "--beside", text(&away)], "--beside names a log directory of the node"),
    ] {
        let said = ends(2, &[&["format"], &arguments[..]].concat());
        assert!(said.contains(words), "{said}");
    }
    let server = over(&[&a, &b, &c]);
    assert_eq!(server.consume_sorted("orders"), ["v0", "v1", "v2", "v3"]);
    server.tool(&["topics", "create", "more", "-p", "2"]);
    assert_eq!(server.terminate().0, Some(0));
    assert!(c.join("more-0").exists() && c.join("more-1").exists(), "the emptiest takes them");
    assert!(ends(0, &["doctor", text(&a), text(&b), text(&c)]).contains("7 logs: 7 whole"));
}

#[test]
fn replicas_of_a_directory_that_is_lost_for_good_are_given_up_and_what_comes_back_late_is_set_aside() {
    let scratch = Scratch::new("for-good");
    let (a, b, away) = (scratch.path("a"), scratch.path("b"), scratch.path("away"));
    let server = over(&[&a, &b]);
    server.tool(&["topics", "create", "orders", "-p", "2"]);
    for p in 0..2 {
        assert!(server.run(&["produce", "-t", "orders", "-p", &p.to_string()], "before\n").status.success());
    }
    server.kill();
    let lost = (0..2).find(|p| b.join(format!("orders-{p}")).exists()).expect("each directory has one");
    let target = |offset: i64| format!("orders-{lost}@{offset}");
    fs::rename(&b, &away).expect("the disk is taken out");
    let refused = ends(2, &["doctor", text(&a), "--give-up", &target(1)]);
    assert!(refused.contains("it is at 0 (its log directory is not here"), "{refused}");
    let given = ends(0, &["doctor", text(&a), "--give-up", &target(0)]);
    assert!(given.contains("is made empty in") && given.contains("is set aside as a stray"), "{given}");
    ends(0, &["doctor", text(&a)]);

    let server = over(&[&a]);
    assert!(!server.tool(&["topics", "describe"]).contains("offline"));
    assert!(server.run(&["produce", "-t", "orders", "-p", &lost.to_string()], "later\n").status.success());
    assert_eq!(server.consume_sorted("orders"), ["before", "later"]);
    assert_eq!(server.terminate().0, Some(0));
    // Seen: the replica was opened in both directories, the one that came back was served, and the node did not stop.
    fs::rename(&away, &b).expect("the disk is put back");
    let server = over(&[&a, &b]);
    assert_eq!(server.consume_sorted("orders"), ["before", "later"]);
    assert_eq!(server.terminate().0, Some(0));
    let said = ends(0, &["doctor", text(&a), text(&b)]);
    assert!(said.contains("-stray  belongs to no partition here, and is kept"), "{said}");
}

#[test]
fn log_whose_own_directory_is_gone_is_given_up_and_begins_anew() {
    let scratch = Scratch::new("gone");
    let data = scratch.path("data");
    let server = Server::start(data.clone(), &[]);
    server.tool(&["topics", "create", "orders", "-p", "1"]);
    server.produce("orders", &["one", "two", "three"]);
    server.kill();
    fs::remove_dir_all(data.join("orders-0")).expect("somebody removes it");
    let said = ends(1, &["doctor", text(&data)]);
    assert!(said.contains("missing  it was synced up to offset 3, and its directory is gone") && cure(&said, "orders-0") == 0, "{said}");
    let server = Server::start(data.clone(), &[]);
    assert!(partition(&server, "orders", 0).ends_with("offline [0]"));
    server.kill();
    let given = ends(0, &["doctor", text(&data), "--give-up", "orders-0@0"]);
    assert!(given.contains("offsets 0 to 2 are given up: 3 records at the most"), "{given}");
    let server = Server::start(data.clone(), &[]);
    server.produce("orders", &["again"]);
    assert_eq!(server.tool(&["consume", "-t", "orders", "-e", "-f", "%o %s\n"]), "0 again\n");
    assert_eq!(server.terminate().0, Some(0));
    ends(0, &["doctor", text(&data)]);
}

#[test]
fn every_small_file_whose_bytes_changed_is_named() {
    let scratch = Scratch::new("small");
    let data = scratch.path("data");
    let server = Server::start(data.clone(), &[]);
    server.tool(&["topics", "create", "orders", "-p", "1", "-c", "segment.bytes=1048576", "-c", "index.interval.bytes=100"]);
    server.produce("orders", &["some words to fill a segment with"; 300]);
    server.produce("orders", &["some more of them"; 300]);
    assert_eq!(server.terminate().0, Some(0));
    ends(0, &["doctor", text(&data)]);
    let snapshot = fs::read_dir(data.join("orders-0")).expect("the directory is there");
    let snapshot =
        snapshot.map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned()).find(|name| name.ends_with(".snapshot"));
    let snapshot = format!("orders-0/{}", snapshot.expect("a clean stop writes one"));
    let files = [
        "meta.properties",
        "bootstrap.checkpoint",
        "synced-marks",
        "recovery-point-offset-checkpoint",
        "replication-offset-checkpoint",
        "log-start-offset-checkpoint",
        "__cluster_metadata-0/quorum-state",
        "__cluster_metadata-0/00000000000000000000.log",
        "orders-0/partition.metadata",
        "orders-0/00000000000000000000.log",
        "orders-0/00000000000000000000.index",
        "orders-0/00000000000000000000.timeindex",
        "orders-0/leader-epoch-checkpoint",
        &snapshot,
    ];
    for name in files {
        let path = data.join(name);
        let bytes = fs::read(&path).unwrap_or_else(|e| panic!("{name}: {e}"));
        let mut bent = bytes.clone();
        // Of a file without a checksum, a byte that must be as it is.
        let at = if name.ends_with("index") || name.ends_with("epoch-checkpoint") { 0 } else { bytes.len() / 2 };
        bent[at] ^= 0x80;
        fs::write(&path, bent).expect("the disk lies");
        let said = ends(1, &["doctor", text(&data)]);
        let line = said.lines().find(|line| line.contains(name.rsplit('/').next().unwrap_or(name)) && !line.contains("give up"));
        let named = line.is_some() || name.ends_with("partition.metadata") && said.contains("identity    partition.metadata");
        assert!(named, "{name} is not named: {said}");
        fs::write(&path, bytes).expect("the disk is mended");
    }
    ends(0, &["doctor", text(&data)]);
}

/// A reader's words until they are enough, or its time is over; then it goes.
fn words_of_a_reader(server: &Server, arguments: &[&str], enough: &str) -> String {
    let mut child = Command::new(odradek())
        .args(["consume", "-b", &server.address])
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut said = String::new();
    for line in BufReader::new(child.stderr.take().expect("it is piped")).lines() {
        said.push_str(&line.expect("it is text"));
        if said.contains(enough) {
            break;
        }
    }
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    said
}

#[test]
fn what_is_lost_under_a_server_that_runs_is_told_to_readers_and_to_the_operator() {
    for shorter in [true, false] {
        let scratch = Scratch::new(if shorter { "shorter" } else { "bent" });
        let data = scratch.path("data");
        let server = Server::start(data.clone(), &[]);
        server.tool(&["topics", "create", "orders", "-p", "1", "-c", "internal.segment.bytes=40000"]);
        let lines: String = (0..2_000).map(|n| format!("record number {n}\n")).collect();
        let produced = server.run(&["produce", "-t", "orders", "-X", "batch.size=200"], &lines);
        assert!(produced.status.success(), "{}", String::from_utf8_lossy(&produced.stderr));
        let segment = data.join("orders-0/00000000000000000000.log");
        let file = fs::OpenOptions::new().read(true).write(true).open(&segment).expect("there is a segment");
        let length = file.metadata().expect("it is there").len();
        assert!((30_000..40_001).contains(&length), "{length} bytes");
        if shorter {
            file.set_len(length - 7_000).expect("the disk lies");
        } else {
            // The length of the second batch.
            let at = 12 + u64::from(u32::from_be_bytes(fs::read(&segment).expect("it is there")[8..12].try_into().expect("four bytes")));
            file.write_all_at(&[0x40], at + 9).expect("the disk lies");
        }
        let said = words_of_a_reader(&server, &["-t", "orders", "-e", "-o", if shorter { "0" } else { "8" }], "describe orders");
        assert!(
            said.contains("nothing comes of orders-0 at offset ")
                && said.ends_with(" of 2000; is it served? odradek topics describe orders"),
            "{said}"
        );
        assert!(partition(&server, "orders", 0).contains("leader -1") && partition(&server, "orders", 0).ends_with("offline [0]"));
        assert_eq!(data.join("orders-0/damage").exists(), !shorter, "what cannot be read is tried again");
        let (code, log) = server.terminate();
        let word = if shorter { "send orders-0/00000000000000000000.log" } else { "the batches that lie here do not go on" };
        assert!(code == Some(0) && log.contains("orders-0 is out of service: ") && log.contains(word), "{code:?}: {log}");
        assert!(ends(1, &["doctor", text(&data)]).contains("1 damaged"));
    }
}
