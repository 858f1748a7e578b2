//! The language: what it says, and how it says what is wrong.

use std::path::Path;

use super::*;
use crate::fault::Fault;
use crate::plan::Dice;

const STORY: &str = r#"
title = "Power goes while a sync is under way"
cluster = { brokers = 1, config = { "log.segment.bytes" = [1048576, 2097152] } }
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
    assert!(["1048576", "2097152"].contains(&scenario.cluster.config[0].1.fix_words(&mut dice).as_str()));
}

#[test]
fn matrix_spans_cells_and_fills_in_its_names() {
    let text = "title = \"t\"\nmatrix = { acks = [\"1\", \"all\"], n = [1, 2, 3] }\n[[topic]]\nname = \"orders\"\n[[client]]\nkind = \"producer\"\nacks = \"$acks\"\ncount = \"$n\"\n";
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
            "free" | "per_second" => "\"8KiB\"",
            "by" => "\"3s\"",
            "rpc" => "\"Produce\"",
            "keeps" => "\"holes\"",
            "peer" => "\"broker-1\"",
            _ => "\"orders\"",
        };
        let with: Vec<String> = fault.params().iter().map(|key| format!("{key} = {}", value(key))).collect();
        let who = match fault.suffers() {
            crate::fault::Suffers::Nobody => "",
            crate::fault::Suffers::Client => "who = \"p-1\"",
            _ => "who = \"broker-1\"",
        };
        let text = format!(
            "title = \"t\"\n[[topic]]\nname = \"orders\"\n[[client]]\nkind = \"producer\"\nname = \"p\"\n[[fault]]\nwhen = \"1s\"\n{who}\ndo = \"{fault}\"\nwith = {{ {} }}\n",
            with.join(", ")
        );
        load_text(&text).unwrap_or_else(|error| panic!("{error}"));
    }
}

/// Two given topics and two producers, in front of what is wrong; the wrong part begins in line 11.
const GIVEN: &str = "title = \"t\"\n[[topic]]\nname = \"orders\"\npartitions = 2\n[[topic]]\nname = \"late\"\n[[client]]\nkind = \"producer\"\ncount = 2\nname = \"p\"\n";

/// What is written behind [`GIVEN`], in which line the mistake is, at which key, what is said, and the word that is offered.
type Mistake = (&'static str, usize, &'static str, &'static str, Option<&'static str>);

const MISTAKES: [Mistake; 35] = [
    ("[expct]\n", 11, "expct", "unknown key; expected one of client, cluster", Some("expect")),
    ("[run]\nchaos = \"3 secs\"\n", 12, "run.chaos", "`3 secs` is not a span of time", None),
    ("[run]\nchaos = 3\n", 12, "run.chaos", "expected a span of time", None),
    ("[run]\nchaos = \"8s..2s\"\n", 12, "run.chaos", "the range ends before it begins", None),
    ("[run]\nfloor = \"many\"\n", 12, "run.floor", "expected a whole number from 0, found text", None),
    ("[cluster]\nbrokers = 3\n", 12, "cluster.brokers", "from 1 to 1: brokers do not replicate yet", None),
    (
        "[cluster]\nconfig = { \"log.retention.hour\" = 1 }\n",
        12,
        "cluster.config.log.retention.hour",
        "no configuration key",
        Some("log.retention.hours"),
    ),
    ("[cluster]\nconfig = { \"log.segment.bytes\" = \"soon\" }\n", 12, "cluster.config.log.segment.bytes", "soon", None),
    ("[[topic]]\npartitions = 1\n", 11, "topic[3]", "the key `name` is missing", None),
    ("[[topic]]\nname = \"orders\"\n", 11, "topic[3]", "the topic `orders` is given twice", None),
    ("[[topic]]\nname = \"x\"\nreplication = 3\n", 11, "topic[3]", "more replicas than brokers, of which there are 1", None),
    ("[[topic]]\nname = \"x\"\nconfig = { \"cleanup.policy\" = \"deleet\" }\n", 13, "topic[3].config.cleanup.policy", "deleet", None),
    ("[[client]]\nkind = \"producr\"\n", 12, "client[2].kind", "`producr` is none of producer, consumer, admin, hostile", Some("producer")),
    ("[[client]]\nkind = \"producer\"\nname = \"p\"\n", 11, "client[2]", "the clients `p` are given twice", None),
    (
        "[[client]]\nkind = \"consumer\"\ntopics = [\"order\"]\n",
        13,
        "client[2].topics",
        "`order` uses a topic that is not given",
        Some("orders"),
    ),
    ("[[client]]\nkind = \"consumer\"\nrate = \"20/h\"\n", 13, "client[2].rate", "`20/h` is not how often", None),
    ("[[client]]\nkind = \"consumer\"\nrate = \"50/s..10/s\"\n", 13, "client[2].rate", "the range ends before it begins", None),
    ("[[client]]\nkind = \"consumer\"\ncount = \"two\"\n", 13, "client[2].count", "expected a whole number", None),
    (
        "[[client]]\nkind = \"producer\"\nprofile = \"idempotent\"\nacks = \"0\"\n",
        11,
        "client[2]",
        "the profile idempotent needs acks = \"all\"",
        None,
    ),
    (
        "[[client]]\nkind = \"consumer\"\nconfig = { \"request.timeout.ms\" = \"soon\" }\n",
        13,
        "client[2].config.request.timeout.ms",
        "`soon` is no whole number",
        None,
    ),
    ("[[fault]]\nwhen = \"1s\"\nwho = \"broker-1\"\ndo = \"node.kil\"\n", 14, "fault[1].do", "no fault `node.kil`", Some("node.kill")),
    (
        "[[fault]]\nwhen = \"1s\"\nwho = \"broker-1\"\ndo = \"node.kill\"\nwith = { times = 2 }\n",
        15,
        "fault[1].with.times",
        "node.kill takes no `with`",
        None,
    ),
    (
        "[[fault]]\nwhen = \"1s\"\nwho = \"broker-1\"\ndo = \"disk.full\"\nwith = { free = \"2 KB\" }\n",
        15,
        "fault[1].with.free",
        "`2 KB` is not a size",
        None,
    ),
    ("[[fault]]\nwhen = \"1s\"\nwho = \"broker-2\"\ndo = \"node.kill\"\n", 13, "fault[1].who", "`broker-2` is no host", Some("broker-1")),
    (
        "[[fault]]\nwhen = \"1s\"\nwho = \"p-1\"\ndo = \"node.kill\"\n",
        13,
        "fault[1].who",
        "node.kill happens to brokers, and this is a client",
        None,
    ),
    ("[[fault]]\nwhen = \"1s\"\nwho = { any = \"q\" }\ndo = \"net.reset\"\n", 13, "fault[1].who", "`q` is no group of hosts", None),
    (
        "[[fault]]\nwhen = \"1s\"\nwho = { leader_of = \"orders/2\" }\ndo = \"node.kill\"\n",
        13,
        "fault[1].who",
        "orders has 2 partitions, counted from 0",
        None,
    ),
    (
        "[[fault]]\nwhen = { mark = \"log.roled\" }\nwho = \"broker-1\"\ndo = \"node.kill\"\n",
        12,
        "fault[1].when.mark",
        "nothing reaches a mark `log.roled`",
        Some("log.rolled"),
    ),
    ("[[fault]]\nwhen = { nth = 2 }\nwho = \"broker-1\"\ndo = \"node.kill\"\n", 12, "fault[1].when.nth", "unknown key", None),
    (
        "[[fault]]\nwhen = { predicate = \"acknowledged > 3\" }\nwho = \"p-1\"\ndo = \"net.reset\"\n",
        12,
        "fault[1].when.predicate",
        "expected a measure, `>=`",
        None,
    ),
    (
        "[[fault]]\nwhen = \"1s\"\ndo = \"admin.delete_topic\"\nwith = { topic = \"order\" }\n",
        11,
        "fault[1]",
        "`order` is no topic that is given or created",
        Some("orders"),
    ),
    (
        "[[client]]\nkind = \"producer\"\nconfig = { \"delivery.timeout.ms\" = 500 }\n",
        11,
        "client[2]",
        "delivery.timeout.ms must be at least",
        None,
    ),
    ("[expect]\nmarks = [\"log.recoverd\"]\n", 12, "expect.marks[1]", "nothing reaches a mark", Some("log.recovered")),
    ("[expect]\nnever = [\"losses\"]\n", 12, "expect.never[1]", "`losses` is none of loss, duplicate, reorder", Some("loss")),
    ("[matrix]\ncodec = [\"none\", \"gzip\"]\n", 12, "matrix.codec", "no value is \"$codec\"", None),
];

#[test]
fn wrong_files_are_told_with_line_key_expectation_and_the_nearest_word() {
    load_text(GIVEN).expect("what is given is right");
    for (text, line, key, says, nearest) in MISTAKES {
        let error = wrong(&format!("{GIVEN}{text}"));
        assert_eq!((error.at.map(|(line, _)| line), error.key.as_str()), (Some(line), key), "{text}{error}");
        assert!(error.says.contains(says), "{text}{error}");
        assert_eq!(error.nearest.as_deref(), nearest, "{text}{error}");
    }
}

#[test]
fn files_that_give_too_little_say_what_is_missing() {
    for (text, says) in [
        ("", "the key `title` is missing"),
        ("title = \"t\"\n", "no topic is given: write [[topic]]"),
        ("title = \"t\"\nuse = [\"nowhere.toml\"]\n", "nowhere.toml: "),
    ] {
        let error = wrong(text);
        assert!(error.says.contains(says), "{error}");
    }
}

#[test]
fn a_guarantee_of_which_no_client_has_the_profile_is_refused() {
    let text = |profile: &str| {
        format!(
            "title = \"t\"\n[[topic]]\nname = \"orders\"\n[[client]]\nkind = \"producer\"\n{profile}[expect]\nguarantees = [\"idempotent\"]\n"
        )
    };
    assert!(load_text(&text("profile = \"idempotent\"\n")).is_ok());
    for other in ["", "profile = \"at-least-once\"\n"] {
        let error = load_text(&text(other)).expect_err("it would hold of nobody").to_string();
        assert!(error.contains("expect.guarantees: no producer has the profile `idempotent`"), "{error}");
    }
}
