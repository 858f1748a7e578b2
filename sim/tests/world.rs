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

/// What rots in 8 seconds of one producer, and the kill that follows.
fn rotten(file: &str) -> String {
    format!(
        "[[step]]\nwhen = \"2s\"\nwho = \"broker-1\"\ndo = \"disk.rot\"\nwith = {{ file = \"{file}\", times = 3 }}\n\
         [[step]]\nwhen = \"100ms\"\nwho = \"broker-1\"\ndo = \"node.kill\"\nfor = \"100ms\"\n"
    )
}

#[test]
fn node_that_refuses_to_start_for_what_the_world_destroyed_has_said_so() {
    let (lines, report) = told("refuses", &rotten("quorum-state"));
    assert!(count(&lines, "broker-1", "refuses to start: Error while reading the Quorum status") == 1, "{:?}", report.verdict);
    assert_eq!((report.verdict.exit_code(), report.destroyed), (0, 3));
    assert!(report.marks.contains_key("node.refuses"));
}

#[test]
fn partition_that_is_out_of_service_is_passed_over_and_told() {
    let (lines, report) = told("unserved", &rotten("orders-0/00000000000000000000.log"));
    assert!(count(&lines, "world", "orders-0 is served by nobody") == 1, "{:?}", report.verdict);
    assert_eq!(report.verdict.exit_code(), 0);
}

#[test]
fn reader_that_is_given_rotten_bytes_goes_on_behind_them() {
    let story = rotten("orders-0/00000000000000000000.log").split("[[step]]").take(2).collect::<Vec<_>>().join("[[step]]");
    let (lines, report) = told("rotten", &story);
    assert!(count(&lines, "world", "the auditor cannot read orders-0 from offset") >= 1, "{:?}", report.verdict);
    assert_eq!(report.verdict.exit_code(), 0);
    assert!(count(&lines, "broker-1", "the medium destroys bytes") == 3);
}

#[test]
fn old_image_of_the_whole_disk_comes_back_at_the_next_start() {
    let story = "[[step]]\nwhen = \"2s\"\nwho = \"broker-1\"\ndo = \"disk.old_image\"\n\
        [[step]]\nwhen = \"2s\"\nwho = \"broker-1\"\ndo = \"node.kill\"\nfor = \"100ms\"\n";
    let (lines, report) = told("image", story);
    let at = |who: &str, what: &str| lines.iter().position(|(whose, says)| whose == who && says.starts_with(what));
    assert!(at("broker-1", "disk 0 goes back to an old image") < at("broker-1", "rises, life 2"), "{:?}", report.verdict);
    assert_eq!(report.verdict.exit_code(), 0, "{:?}", report.verdict);
}
