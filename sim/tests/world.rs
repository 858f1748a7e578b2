//! What the world does to processes and connections, as a trace tells it.

use std::path::PathBuf;

use odradek_sim::run::{RunReport, trace};

/// One topic and one impatient producer; what goes wrong follows.
const GIVEN: &str = "title = \"t\"\nrun = { chaos = \"8s\", floor = 1 }\n[[topic]]\nname = \"orders\"\n[[client]]\nkind = \"producer\"\nname = \"p\"\n\
    profile = \"at-least-once\"\nconfig = { \"request.timeout.ms\" = 500 }\n";

/// A line of a trace: who, and what.
type Line = (String, String);

/// Runs a story and gives back its trace from the beginning of the fault to its end, and the report.
fn while_it_lasts(name: &str, story: &str, fault: &str) -> (Vec<Line>, RunReport) {
    let (lines, report) = told(name, story);
    let at = |says: &str| lines.iter().position(|(who, what)| who == "world" && what.starts_with(says));
    let (begins, ends) = (at(fault).expect("it begins"), at(&format!("{fault} is over")).expect("it ends"));
    (lines[begins..ends].to_vec(), report)
}

fn told(name: &str, story: &str) -> (Vec<Line>, RunReport) {
    let path: PathBuf = std::env::temp_dir().join(format!("odradek-world-{}-{name}.toml", std::process::id()));
    std::fs::write(&path, format!("{GIVEN}{story}")).expect("the directory for temporary files takes a file");
    let mut out = Vec::new();
    let report = trace(&path, None, 1, None, &mut out).expect("the story is right");
    std::fs::remove_file(&path).expect("it was just written");
    let text = String::from_utf8(out).expect("a trace is text");
    let line = |line: &str| {
        let mut words = line.split_whitespace();
        let (_, who) = (words.next()?, words.next()?);
        Some((who.to_owned(), words.collect::<Vec<_>>().join(" ")))
    };
    (text.lines().filter_map(line).collect(), report)
}

fn count(lines: &[Line], whose: &str, begins: &str) -> usize {
    lines.iter().filter(|(who, what)| who == whose && what.starts_with(begins)).count()
}

#[test]
fn paused_process_takes_nothing_while_its_kernel_accepts_connections_and_bytes() {
    let story = "[[fault]]\nwhen = \"2s\"\nwho = \"broker-1\"\ndo = \"node.pause\"\nfor = \"3s\"\n";
    let (lines, report) = while_it_lasts("pause", story, "node.pause");
    assert_eq!(count(&lines, "broker-1", ""), 0, "a paused process does something");
    // The producer gives up on its connection, dials, is let in, and asks.
    assert!(count(&lines, "p-1", "dials") >= 2 && count(&lines, "p-1", "sends ApiVersions") >= 2, "{lines:?}");
    assert_eq!(report.verdict.exit_code(), 0);
}

#[test]
fn refusing_kernel_lets_nobody_in() {
    let story = "[[fault]]\nwhen = \"2s\"\nwho = \"broker-1\"\ndo = \"net.refuse\"\nfor = \"2s\"\n\
        [[fault]]\nwhen = \"2100ms\"\nwho = \"broker-1\"\ndo = \"net.reset\"\n";
    let (lines, _) = while_it_lasts("refuse", story, "net.refuse");
    assert!(count(&lines, "p-1", "dials") >= 2, "{lines:?}");
    assert_eq!((count(&lines, "broker-1", "accepts"), count(&lines, "p-1", "sends ApiVersions")), (0, 0));
}

#[test]
fn cut_of_what_a_broker_sends_lets_requests_in_and_no_answer_out() {
    let story = "[[fault]]\nwhen = \"2s\"\nwho = \"broker-1\"\ndo = \"net.cut.send_only\"\nfor = \"400ms\"\n";
    let (lines, _) = while_it_lasts("send-only", story, "net.cut.send_only");
    assert!(count(&lines, "broker-1", "takes Produce") >= 1, "{lines:?}");
    assert_eq!(lines.iter().filter(|(who, what)| who == "p-1" && what.contains("is acknowledged")).count(), 0);
}

#[test]
fn cut_of_what_a_broker_hears_lets_answers_out_and_no_request_in() {
    let story = "[[fault]]\nwhen = \"2s\"\nwho = \"broker-1\"\ndo = \"net.cut.receive_only\"\nfor = \"400ms\"\n";
    let (lines, _) = while_it_lasts("receive-only", story, "net.cut.receive_only");
    assert_eq!(count(&lines, "broker-1", "takes"), 0, "{lines:?}");
    assert!(count(&lines, "p-1", "sends Produce") >= 1, "{lines:?}");
}

#[test]
fn narrow_link_makes_bytes_take_their_time() {
    let wide = "[[fault]]\nwhen = \"2s\"\nwho = \"broker-1\"\ndo = \"net.delay\"\nwith = { by = \"1ms\" }\nfor = \"3s\"\n";
    let narrow = wide.replace("net.delay", "net.bandwidth").replace("by = \"1ms\"", "per_second = 2000");
    let acknowledged = |lines: &[Line]| lines.iter().filter(|(who, what)| who == "p-1" && what.contains("is acknowledged")).count();
    let (wide, narrow) = (while_it_lasts("wide", wide, "net.delay").0, while_it_lasts("narrow", &narrow, "net.bandwidth").0);
    assert!(acknowledged(&narrow) * 2 < acknowledged(&wide), "{} and {}", acknowledged(&narrow), acknowledged(&wide));
}

#[test]
fn life_ends_between_two_outputs_of_one_step_when_a_mark_of_it_is_the_moment() {
    let story = "[[step]]\nwhen = { mark = \"leader.elected\" }\nwho = \"broker-1\"\ndo = \"node.kill\"\nfor = \"100ms\"\n\
        [[fault]]\nwhen = \"1s\"\ndo = \"admin.create_topic\"\nwith = { topic = \"late\", partitions = 3 }\n";
    let (_, report) = told("between", story);
    assert!(report.marks.contains_key("node.fell_between_outputs"), "{:?} {:?}", report.verdict, report.marks);
}

#[test]
fn speed_is_bounded_by_events_and_not_only_by_the_clock() {
    let (_, report) = told("events", "");
    let per_second = report.events * 1000 / report.simulated_ms;
    assert!(per_second < 2_000, "{per_second} events for each simulated second of one producer");
}
