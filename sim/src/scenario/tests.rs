//! The language: what it says, and how it says what is wrong.

use std::path::Path;

use super::*;
use crate::fault::Fault;
use crate::plan::Dice;

const STORY: &str = r#"
title = "Power goes while a sync is under way"
cluster = { brokers = 1, config = { "log.segment.bytes" = [16384, 65536] } }
[[topic]]
name = "orders"
partitions = "2..4"
[[client]]
kind = "producer"
count = 3
profile = "at-least-once"
rate = "10/s..50/s"
[[fault]]
when = { mark = "log.rolled", nth = 2, after = "0ms..3ms" }
who = { any = "broker", as = "victim" }
do = "node.power_cut"
for = "1s..2s"
[[step]]
when = { any = ["3s", { rpc = "Fetch", nth = 5 }, { predicate = "acknowledged >= 10" }] }
who = "victim"
do = "disk.sync_fails"
with = { times = 2, file = ".log" }
[expect]
guarantees = ["at-least-once"]
in_some_seed = ["duplicate"]
within = "30s"
marks = ["log.rolled"]
"#;

/// Loads a text as if it were a file.
fn load_text(text: &str) -> Result<Vec<Cell>, ScenarioError> {
    let name = format!("odradek-scenario-{}-{}.toml", std::process::id(), text.len());
    let path = std::env::temp_dir().join(name);
    std::fs::write(&path, text).expect("the directory for temporary files takes a file");
    let loaded = load(&path);
    std::fs::remove_file(&path).expect("it was just written");
    loaded
}

fn wrong(text: &str) -> ScenarioError {
    load_text(text).map(|cells| cells.len()).expect_err("the text is wrong")
}

#[test]
fn story_is_read_as_it_is_written() {
    // A bound name is only known to what follows, so here the fault has to come before the step that uses it.
    let error = wrong(STORY);
    assert_eq!(error.key, "step[1].who");
    let story = STORY.replace("[[fault]]", "[[step]]");
    let cells = load_text(&story).expect("the story is right");
    let scenario = &cells[0].scenario;
    assert_eq!(scenario.host_names(), ["broker-1", "producer-1", "producer-2", "producer-3"]);
    assert_eq!(scenario.steps[0].fault, Fault::NodePowerCut);
    assert!(matches!(&scenario.steps[1].when.trigger, Trigger::Any(several) if several.len() == 3));
    let mut dice = Dice::new(3);
    assert!((2..=4).contains(&scenario.topics[0].partitions.fix(&mut dice).0));
    assert!((20_000_000..=100_000_000).contains(&scenario.clients[0].rate.fix(&mut dice).0));
    assert!(["16384", "65536"].contains(&scenario.cluster.config[0].1.fix_words(&mut dice).as_str()));
}

#[test]
fn matrix_spans_cells_and_fills_in_its_names() {
    let text = "title = \"t\"\nmatrix = { acks = [\"1\", \"all\"], n = [1, 2, 3] }\n[[client]]\nkind = \"producer\"\nacks = \"$acks\"\ncount = \"$n\"\n";
    let cells = load_text(text).expect("the matrix is right");
    let names: Vec<&str> = cells.iter().map(|cell| cell.name.as_str()).collect();
    assert_eq!(names, ["acks=1,n=1", "acks=1,n=2", "acks=1,n=3", "acks=all,n=1", "acks=all,n=2", "acks=all,n=3"]);
    assert_eq!(cells[5].scenario.clients[0].count, 3);
    let error = wrong(&text.replace("$acks", "$ack"));
    assert_eq!((error.key.as_str(), error.nearest.as_deref()), ("client[1].acks", Some("acks")));
}

#[test]
fn mistakes_are_named_with_line_key_and_the_nearest_word() {
    let story = STORY.replace("[[fault]]", "[[step]]");
    let cases = [
        ("cluster = { brokers", "cluster = { broker", "cluster.broker", Some("brokers")),
        ("node.power_cut", "node.powercut", "step[1].do", Some("node.power_cut")),
        ("\"0ms..3ms\"", "\"0ms..3m\"", "step[1].when.after", None),
        ("after = ", "afer = ", "step[1].when.afer", Some("after")),
        ("\"Fetch\"", "\"Fecth\"", "step[2].when.any[2].rpc", Some("Fetch")),
        ("acknowledged >= 10", "acknowleged >= 10", "step[2].when.any[3].predicate", Some("acknowledged")),
        ("file = \".log\"", "files = \".log\"", "step[2].with.files", Some("file")),
        ("at-least-once\"]", "at-least-one\"]", "expect.guarantees[1]", Some("at-least-once")),
        ("who = \"victim\"", "who = \"victm\"", "step[2].who", Some("victim")),
        ("rate = \"10/s..50/s\"", "rate = 10", "client[1].rate", None),
        ("brokers = 1", "brokers = 7", "cluster.brokers", None),
        ("within = \"30s\"", "within = \"30\"", "expect.within", None),
        ("do = \"disk.sync_fails\"", "do = \"disk.sync_fails\"\nfor = \"3s\"", "step[2].for", None),
        ("who = \"victim\"\n", "", "step[2]", None),
    ];
    for (right, mistaken, key, nearest) in cases {
        let text = story.replacen(right, mistaken, 1);
        assert_ne!(text, story, "`{right}` is not in the story");
        let error = wrong(&text);
        assert_eq!((error.key.as_str(), error.nearest.as_deref()), (key, nearest), "{error}");
        let (line, _) = error.at.expect("the mistake has a line");
        if !mistaken.is_empty() {
            let written = text.lines().position(|line| line.contains(mistaken.lines().last().expect("a line"))).expect("it is written") + 1;
            assert_eq!(line, written, "{error}");
        }
    }
}

#[test]
fn file_that_is_no_toml_or_not_there_is_named() {
    let error = wrong("title = \"never ends\ncluster = {}\n");
    assert_eq!(error.at.expect("it has a line").0, 1);
    let error = load(Path::new("/nowhere/story.toml")).map(|cells| cells.len()).expect_err("it is not there");
    assert!(error.to_string().starts_with("/nowhere/story.toml: "), "{error}");
}

#[test]
fn every_fault_can_be_written_with_each_of_its_keys() {
    for fault in Fault::ALL {
        let value = |key: &str| match key {
            "times" | "partitions" | "percent" | "ppm" => "3",
            "free" => "\"8KiB\"",
            "by" => "\"3s\"",
            "rpc" => "\"Produce\"",
            "keeps" => "\"holes\"",
            "peer" => "\"broker-1\"",
            _ => "\"x\"",
        };
        let with: Vec<String> = fault.params().iter().map(|key| format!("{key} = {}", value(key))).collect();
        let who = match fault.suffers() {
            crate::fault::Suffers::Nobody => "",
            crate::fault::Suffers::Client => "who = \"p-1\"",
            _ => "who = \"broker-1\"",
        };
        let text = format!(
            "title = \"t\"\n[[client]]\nkind = \"producer\"\nname = \"p\"\n[[fault]]\nwhen = \"1s\"\n{who}\ndo = \"{fault}\"\nwith = {{ {} }}\n",
            with.join(", ")
        );
        load_text(&text).unwrap_or_else(|error| panic!("{error}"));
    }
}
