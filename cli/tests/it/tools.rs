//! The tools against a server: the habits of kcat, exit codes, and what is said when something is wrong.

use std::io::Read;
use std::process::{Command, Output, Stdio};

use crate::process::{Scratch, Server, odradek};

fn said(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn server(name: &str) -> (Scratch, Server) {
    let scratch = Scratch::new(name);
    let server = Server::start(scratch.path("data"), &[]);
    (scratch, server)
}

#[test]
fn records_are_written_from_lines_keys_headers_and_files_and_printed_in_every_way() {
    let (scratch, server) = server("ways");
    server.tool(&["topics", "create", "orders", "-p", "1"]);
    let written =
        |arguments: &[&str], input: &str| assert_eq!(said(&server.run(arguments, input)), (Some(0), String::new(), String::new()));
    written(&["produce", "-t", "orders", "-K", ":", "-H", "from=here", "-z", "zstd"], "k1:v1\nno key\n");
    written(&["produce", "-t", "orders", "-p", "0", "-k", "fixed", "-D", "--\\n"], "one\nvalue--\nanother--\n");
    written(&["produce", "-t", "orders", "-Z", "-K="], "k=\n");
    let file = scratch.path("a file");
    std::fs::write(&file, "line 1\nline 2\n").expect("the scratch directory can be written");
    let file = file.to_str().expect("the path is text");
    written(&["produce", "-t", "orders", file], "");
    written(&["produce", "-t", "orders", "-c", "1", "-l", file], "");
    let teed = server.run(&["produce", "-t", "orders", "-T", "-X", "acks=1"], "last\n");
    assert_eq!(said(&teed), (Some(0), "last\n".to_owned(), String::new()));

    let all = server.tool(&["consume", "-t", "orders", "-e", "-f", "%p/%o %K:%k=%S:%s [%h];"]);
    let expected = "0/0 2:k1=2:v1 [from=here];0/1 -1:=6:no key [from=here];0/2 5:fixed=9:one\nvalue [];0/3 5:fixed=7:another [];\
                    0/4 1:k=-1: [];0/5 -1:=14:line 1\nline 2\n [];0/6 -1:=6:line 1 [];0/7 -1:=4:last [];";
    assert_eq!(all, expected);
    assert_eq!(server.tool(&["consume", "-t", "orders", "-o", "4", "-c", "1", "-Z", "-O", "-K", "\\t"]), "4\tk\tNULL\n");
    assert_eq!(server.tool(&["consume", "-t", "orders", "-p", "0", "-o", "-2", "-e"]), "line 1\nlast\n");
    assert_eq!(server.tool(&["consume", "-t", "orders", "-o", "end", "-e"]), "");
    let json = server.tool(&["consume", "-t", "orders", "-c", "1", "-J"]);
    let json: serde_json::Value = serde_json::from_str(&json).expect("it is JSON");
    assert_eq!((json["topic"].as_str(), json["offset"].as_i64(), json["key"].as_str()), (Some("orders"), Some(0), Some("k1")));

    let since = server.tool(&["consume", "-t", "orders", "-o", "-1", "-e", "-f", "%T"]);
    assert_eq!(server.tool(&["consume", "-t", "orders", "-o", &format!("s@{since}"), "-e"]), "last\n");
    let before = server.tool(&["consume", "-t", "orders", "-o", &format!("e@{since}")]);
    assert!(before.ends_with("line 1\n") && before.starts_with("v1\n"), "{before}");
}

#[test]
fn failures_name_what_is_wrong_and_have_exit_code_1_while_misuse_has_2() {
    let (_scratch, server) = server("failures");
    server.tool(&["topics", "create", "orders", "-p", "2"]);
    let cases: &[(&[&str], i32, &str)] = &[
        (&["consume", "-t", "nothing", "-e"], 1, "nothing: UNKNOWN_TOPIC_OR_PARTITION (3)"),
        (&["consume", "-t", "orders", "-p", "9", "-e"], 1, "orders has no partition 9"),
        (&["consume", "-t", "orders", "-o", "stored"], 2, "without a group"),
        (&["consume", "-t", "orders", "-f", "%q"], 2, "%q"),
        (&["consume", "-t", "orders", "-X", "group.id=g"], 2, "-X group.id"),
        (&["produce", "-t", "orders", "-p", "9", "-m", "1"], 1, "orders-9"),
        (&["produce", "-t", "not/a/topic", "-m", "2"], 1, "not/a/topic"),
        (&["produce", "-t", "orders", "/no/such/file"], 2, "/no/such/file"),
        (&["produce", "-t", "orders", "-X", "acks=2"], 2, "acks=2"),
        (&["topics", "create", "orders"], 1, "TOPIC_ALREADY_EXISTS (36)"),
        (&["topics", "delete", "nothing"], 1, "UNKNOWN_TOPIC_OR_PARTITION (3)"),
        (&["configs", "set", "-t", "orders", "no.such.key=1"], 1, "no.such.key"),
        (&["configs", "describe", "-t", "nothing"], 1, "UNKNOWN_TOPIC_OR_PARTITION (3)"),
    ];
    for (arguments, code, word) in cases {
        let (got, out, err) = said(&server.run(arguments, "x\n"));
        assert_eq!((got, out.as_str()), (Some(*code), ""), "{arguments:?}: {err}");
        assert!(err.contains(word), "{arguments:?}: {err}");
    }
    let listed = server.tool(&["topics", "list"]);
    assert!(listed.starts_with("orders\t2 partitions\t") && listed.lines().count() == 1, "none of it made a topic: {listed}");
}

#[test]
fn a_cluster_that_cannot_be_reached_is_said_at_once_and_given_up_in_time() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free").local_addr().expect("it is bound").to_string();
    for arguments in
        [&["topics", "list"][..], &["consume", "-t", "orders"], &["produce", "-t", "orders"], &["configs", "describe", "--broker", "0"]]
    {
        let mut child = Command::new(odradek())
            .args(arguments)
            .args(["-b", &free, "-m", "1"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        std::io::Write::write_all(&mut child.stdin.take().expect("it is piped"), b"x\n").expect("the tool reads");
        let (code, _, err) = said(&child.wait_with_output().expect("it ends"));
        assert_eq!(code, Some(1), "{arguments:?}: {err}");
        assert!(err.contains("Connection refused") && err.contains(&free), "{arguments:?}: {err}");
        assert_eq!(err.lines().count(), 2, "once at the first try and once at the end: {err}");
    }
}

#[test]
fn a_reader_that_has_had_enough_ends_the_tool_quietly() {
    let (_scratch, server) = server("pipe");
    server.tool(&["topics", "create", "orders", "-p", "1"]);
    server.produce("orders", &["some words to fill a pipe with"; 20_000]);
    let mut child = Command::new(odradek())
        .args(["consume", "-b", &server.address, "-t", "orders"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut some = [0u8; 100];
    child.stdout.take().expect("it is piped").read_exact(&mut some).expect("there are records");
    // The pipe is closed here: what follows cannot be written.
    let (code, _, err) = said(&child.wait_with_output().expect("it ends"));
    assert_eq!((code, err.as_str()), (Some(0), ""));
}

#[test]
fn ctrl_c_delivers_what_was_read_and_ends_well() {
    let (_scratch, server) = server("ctrl-c");
    server.tool(&["topics", "create", "orders", "-p", "1"]);
    let mut child = Command::new(odradek())
        .args(["produce", "-b", &server.address, "-t", "orders", "-X", "linger.ms=600000", "-T"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut stdin = child.stdin.take().expect("it is piped");
    std::io::Write::write_all(&mut stdin, b"read\n").expect("the tool reads");
    let mut echo = [0u8; 5];
    child.stdout.take().expect("it is piped").read_exact(&mut echo).expect("what is read is echoed");
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("there is a kill");
    assert!(sent.success() && child.wait().expect("it ends").success());
    drop(stdin);
    assert_eq!(server.tool(&["consume", "-t", "orders", "-e"]), "read\n");
}

#[test]
fn configuration_is_set_shown_and_given_back() {
    let (_scratch, server) = server("configs");
    server.tool(&["topics", "create", "orders", "-p", "1", "-c", "retention.ms=1000"]);
    assert!(server.tool(&["configs", "describe", "-t", "orders"]).contains("retention.ms=1000\ttopic\n"));
    assert_eq!(server.tool(&["configs", "set", "-t", "orders", "retention.ms=2000", "cleanup.policy=compact"]), "orders: changed\n");
    assert!(server.tool(&["configs", "describe", "-t", "orders"]).contains("cleanup.policy=compact\ttopic\n"));
    assert_eq!(server.tool(&["configs", "delete", "-t", "orders", "retention.ms", "cleanup.policy"]), "orders: changed\n");
    assert!(!server.tool(&["configs", "describe", "-t", "orders"]).contains("retention.ms"));
    assert!(server.tool(&["configs", "describe", "-t", "orders", "--all"]).contains("retention.ms=604800000\tdefault\n"));
}
