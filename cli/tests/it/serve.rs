//! `odradek serve` as a user starts it: a real process, its ready line, its refusals, its log, its ends.

use std::path::Path;
use std::process::Command;

use crate::process::{Scratch, Server, odradek, refused};

fn files(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).expect("the directory is there");
    let mut names: Vec<String> = entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn the_ready_line_names_the_port_that_was_chosen_and_clients_are_answered_there() {
    let scratch = Scratch::new("ready");
    let server = Server::start(scratch.path("data"), &[]);
    assert!(server.address.starts_with("127.0.0.1:") && !server.address.ends_with(":0"), "{}", server.address);
    assert_eq!(server.tool(&["topics", "create", "orders", "-p", "3"]), "orders: created, 3 partitions\n");
    assert_eq!(server.stdout_so_far().lines().count(), 1, "the ready line is all there is on standard output");
}

#[test]
fn a_wrong_configuration_is_one_line_with_exit_code_2_and_touches_nothing() {
    let scratch = Scratch::new("wrong");
    let data = scratch.path("data");
    let file = scratch.path("server.properties");
    std::fs::write(&file, "# the file of an operator\nnode.id=1\n\nnum.partitons=3\n").expect("the scratch directory can be written");
    let file = file.to_str().expect("the path is text");
    let cases: &[(&[&str], &[&str])] = &[
        (&["num.partitons=3"], &["num.partitons=3", "did you mean num.partitions?"]),
        (&["--config", file], &["server.properties:4", "did you mean num.partitions?"]),
        (&["num.partitions=three"], &["num.partitions", "three"]),
        (&["listeners=SSL://127.0.0.1:0"], &["SSL"]),
        (&["listeners=INSIDE://127.0.0.1:0", "listener.security.protocol.map=INSIDE:SASL_PLAINTEXT"], &["INSIDE", "SASL_PLAINTEXT"]),
        (&["listeners=INSIDE://127.0.0.1:0"], &["listener.security.protocol.map", "INSIDE:PLAINTEXT"]),
        (&["ssl.keystore.location=/keys"], &["ssl.keystore.location", "TLS"]),
        (&["sasl.enabled.mechanisms=PLAIN"], &["sasl.enabled.mechanisms", "SASL"]),
        (&["security.inter.broker.protocol=SSL"], &["security.inter.broker.protocol=SSL"]),
        (&["process.roles=broker"], &["process.roles=broker", "broker,controller"]),
        (&["controller.quorum.voters=0@a:1,1@b:2"], &["controller.quorum.voters", "several voters"]),
        (&["advertised.listeners=PLAINTEXT://0.0.0.0:9092"], &["advertised.listeners", "0.0.0.0"]),
        (&["create.topic.policy.class.name=a.Policy"], &["create.topic.policy.class.name", "no plugins"]),
        (&["authorizer.class.name=a.Class"], &["authorizer.class.name", "no permissions"]),
        (&["controller.quorum.bootstrap.servers=other:9093"], &["controller.quorum.bootstrap.servers", "no listener of this node"]),
        (&["node.id=1", "broker.id=2"], &["broker.id=2", "node.id=1"]),
        (&["offsets.retention.minutes=soon"], &["offsets.retention.minutes", "soon"]),
        (&["offsets.retention.minuts=5"], &["did you mean offsets.retention.minutes?"]),
        (&["--listen", "localhost"], &["--listen localhost", "HOST:PORT"]),
        (&["--config", "/no/such.properties"], &["/no/such.properties"]),
        (&["nonsense"], &["nonsense", "KEY=VALUE"]),
    ];
    for (arguments, words) in cases {
        let said = refused(&data, arguments);
        for word in *words {
            assert!(said.contains(word), "{arguments:?}: '{said}' does not say {word}");
        }
        assert!(!data.exists(), "{arguments:?} made a directory");
    }
}

#[test]
fn a_key_that_has_no_effect_here_is_named_and_does_not_stop_the_start() {
    let scratch = Scratch::new("no-effect");
    let keys = ["offsets.retention.minutes=5", "metric.reporters=a.Class", "num.io.threads=4", "authorizer.class.name=", "broker.id=3"];
    let server = Server::start(scratch.path("data"), &keys);
    server.tool(&["topics", "create", "state", "-p", "1", "-c", "cleanup.policy=compact"]);
    let (code, log) = server.terminate();
    assert_eq!(code, Some(0), "{log}");
    assert!(
        log.lines().any(|line| line.contains("WARN") && line.contains("cleanup.policy of state") && line.contains("nothing is compacted")),
        "{log}"
    );
    let warned = |key: &str| log.lines().any(|line| line.contains("WARN") && line.contains("no effect") && line.contains(key));
    assert!(warned("offsets.retention.minutes") && warned("metric.reporters") && warned("num.io.threads"), "{log}");
    assert!(!warned("authorizer.class.name") && !warned("broker.id"), "{log}");
    let properties = std::fs::read_to_string(scratch.path("data").join("meta.properties")).expect("it was formatted");
    assert!(properties.contains("node.id=3\n"), "{properties}");
}

#[test]
fn a_directory_in_use_is_refused_and_its_user_goes_on() {
    let scratch = Scratch::new("in-use");
    let server = Server::start(scratch.path("data"), &[]);
    let said = refused(&scratch.path("data"), &["--listen", "127.0.0.1:0"]);
    assert!(said.contains("another process is using this directory"), "{said}");
    assert_eq!(server.tool(&["topics", "create", "orders", "-p", "1"]), "orders: created, 1 partitions\n");
}

#[test]
fn a_directory_of_another_cluster_or_node_is_refused_and_stays_as_it_was() {
    let scratch = Scratch::new("other");
    let data = scratch.path("data");
    let cluster = "AAAAAAAAQACAAAAAAAAAAA";
    Server::start(data.clone(), &["--cluster-id", cluster]).terminate();
    let before = (files(&data), std::fs::read(data.join("meta.properties")).expect("it was formatted"));
    assert!(String::from_utf8_lossy(&before.1).contains(&format!("cluster.id={cluster}\n")));

    let said = refused(&data, &["--listen", "127.0.0.1:0", "--cluster-id", "BBBBBBBBQACAAAAAAAAAAA"]);
    assert!(said.contains(cluster) && said.contains("BBBBBBBBQACAAAAAAAAAAA"), "{said}");
    let said = refused(&data, &["--listen", "127.0.0.1:0", "node.id=7"]);
    assert!(said.contains("node id 0 doesn't match node id 7"), "{said}");

    let after = (files(&data), std::fs::read(data.join("meta.properties")).expect("it is there"));
    let lock = ".lock".to_owned();
    assert_eq!(after.0.iter().filter(|name| **name != lock).collect::<Vec<_>>(), before.0.iter().collect::<Vec<_>>());
    assert_eq!(after.1, before.1);
    Server::start(data, &["--cluster-id", cluster]).terminate();
}

#[test]
fn a_port_in_use_leaves_the_directory_untouched() {
    let scratch = Scratch::new("port");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = taken.local_addr().expect("it is bound").to_string();
    let said = refused(&scratch.path("data"), &["--listen", &address]);
    assert!(said.contains(&address) && said.contains("in use"), "{said}");
    assert!(!scratch.path("data").exists());
}

#[test]
fn each_signal_that_asks_for_a_stop_ends_with_the_mark_of_a_clean_shutdown() {
    // Under `nohup` this process and its children are to outlive a hangup.
    let ignored = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let hears_hangups =
        !ignored.lines().any(|line| line.starts_with("SigIgn:") && line.ends_with(['1', '3', '5', '7', '9', 'b', 'd', 'f']));
    for name in ["TERM", "INT"].into_iter().chain(hears_hangups.then_some("HUP")) {
        let scratch = Scratch::new("signal");
        let data = scratch.path("data");
        let server = Server::start(data.clone(), &[]);
        server.tool(&["topics", "create", "orders", "-p", "2"]);
        server.produce("orders", &["one", "two", "three"]);
        assert!(!data.join(".kafka_cleanshutdown").exists());
        server.signal(name);
        let (code, log) = server.wait();
        assert_eq!(code, Some(0), "{name}: {log}");
        assert!(log.contains("stopped cleanly"), "{name}: {log}");
        assert!(data.join(".kafka_cleanshutdown").exists());
        let server = Server::start(data.clone(), &[]);
        assert!(!data.join(".kafka_cleanshutdown").exists(), "the mark speaks for the life before only");
        assert_eq!(server.consume_sorted("orders"), ["one", "three", "two"]);
    }
}

#[test]
fn a_server_under_nohup_outlives_its_terminal() {
    let scratch = Scratch::new("nohup");
    let server = Server::start_under("trap '' HUP; exec \"$@\"", &scratch.path("data"));
    server.signal("HUP");
    server.produce("orders", &["one"]);
    assert_eq!(server.terminate().0, Some(0));
}

#[test]
fn a_second_signal_ends_a_server_at_once_and_the_next_start_recovers() {
    let scratch = Scratch::new("twice");
    let data = scratch.path("data");
    let server = Server::start(data.clone(), &[]);
    server.produce("orders", &["one", "two"]);
    // Both wait for the process when it goes on, so that it cannot have stopped between them.
    ["STOP", "TERM", "INT", "CONT"].iter().for_each(|name| server.signal(name));
    let (code, log) = server.wait();
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("a second time"), "{log}");
    assert!(!data.join(".kafka_cleanshutdown").exists());
    assert_eq!(Server::start(data, &[]).consume_sorted("orders"), ["one", "two"]);
}

/// No file may grow beyond 16 KiB: the marks of what is synced are begun anew there, and the metadata log ends the node.
#[test]
fn a_server_whose_directory_fails_says_so_ends_with_1_and_keeps_what_it_acknowledged() {
    let scratch = Scratch::new("limit");
    let data = scratch.path("data");
    let server = Server::start_under("trap '' XFSZ; ulimit -f 32; exec \"$@\"", &data);
    server.tool(&["topics", "create", "orders", "-p", "20"]);
    let lines: Vec<String> = (0..1_000).map(|n| n.to_string()).collect();
    let produced = server.run(&["produce", "-t", "orders", "-X", "linger.ms=0", "-X", "batch.size=0"], &(lines.join("\n") + "\n"));
    assert!(produced.status.success(), "{}", String::from_utf8_lossy(&produced.stderr));
    let made = |n: i32| server.run(&["topics", "create", &format!("more-{n}"), "-p", "20", "--timeout", "3"], "").status.success();
    assert!((0..40).any(|n| !made(n)), "the metadata log takes what it likes");
    let (code, log) = server.wait();
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("no log is told that it is synced before there is room: write synced-marks"), "{log}");
    assert!(log.contains("the metadata log is out of service: write ") && log.contains("File too large"), "{log}");
    let mut kept = Server::start(data, &[]).consume_sorted("orders");
    kept.sort_by_key(|line| line.parse::<i32>().ok());
    assert_eq!(kept, lines);
}

#[test]
fn all_acknowledged_records_are_there_after_kill_9() {
    let scratch = Scratch::new("kill");
    let data = scratch.path("data");
    let server = Server::start(data.clone(), &[]);
    server.tool(&["topics", "create", "orders", "-p", "3"]);
    let mut written: Vec<String> = (0..3_000).map(|n| format!("record {n:05}")).collect();
    // The tool ends with 0 only when every record was acknowledged.
    server.produce("orders", &written.iter().map(String::as_str).collect::<Vec<_>>());
    server.kill();
    let server = Server::start(data, &[]);
    written.sort();
    assert_eq!(server.consume_sorted("orders"), written);
}

#[test]
fn the_log_has_no_colour_codes_and_can_be_json() {
    let scratch = Scratch::new("log");
    let (_, log) = Server::start(scratch.path("data"), &[]).terminate();
    assert!(log.contains("ready") && !log.contains('\u{1b}'), "{log}");

    let (_, log) = Server::start(scratch.path("data"), &["--log-json"]).terminate();
    assert!(!log.is_empty());
    for line in log.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        assert!(line["level"].is_string() && line["message"].is_string() && line["timestamp"].is_string(), "{line}");
    }
    let said = Command::new(odradek()).args(["serve", "--data"]).arg(scratch.path("other")).env("ODRADEK_LOG", "a=b=c").output();
    let said = String::from_utf8_lossy(&said.expect("the binary starts").stderr).into_owned();
    assert!(said.starts_with("odradek: ODRADEK_LOG=a=b=c: "), "{said}");
}

#[test]
fn kafkas_own_properties_work_from_a_file_and_the_command_line_wins() {
    let scratch = Scratch::new("properties");
    let file = scratch.path("server.properties");
    let data = scratch.path("from the file");
    let words = format!(
        "process.roles=broker,controller\nnode.id=4\ncontroller.quorum.voters=4@127.0.0.1:0\nlisteners=PLAINTEXT://127.0.0.1:0,CONTROLLER://127.0.0.1:0\n\
         advertised.listeners=PLAINTEXT://localhost:0\ncontroller.listener.names=CONTROLLER\nlog.dirs={}\nnum.partitions=5\n",
        data.display()
    );
    std::fs::write(&file, words).expect("the scratch directory can be written");
    let server = Server::start_with(&["--config", file.to_str().expect("the path is text"), "num.partitions=2"]);
    assert!(server.address.starts_with("localhost:"), "{}", server.address);
    assert_eq!(server.tool(&["topics", "create", "orders"]), "orders: created, 2 partitions\n");
    assert!(std::fs::read_to_string(data.join("meta.properties")).expect("it was formatted").contains("node.id=4\n"));
}
