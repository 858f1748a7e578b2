//! The runner: verdicts, reproduction, capsules.

use std::path::PathBuf;

use super::*;

fn story(name: &str, text: &str) -> PathBuf {
    let directory = std::env::temp_dir().join(format!("odradek-run-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("there is a directory for temporary files");
    let path = directory.join(format!("{name}.toml"));
    std::fs::write(&path, text).expect("it takes a file");
    path
}

fn request(file: PathBuf, seeds: RangeInclusive<u64>) -> Request {
    let capsules = file.parent().map(|directory| directory.join("capsules"));
    Request { files: vec![file], seeds, cell: None, jobs: 2, mutant: None, capsules, revision: "tests" }
}

const SHORT: &str = "title = \"t\"\n[run]\nfloor = 1\nchaos = \"1s\"\n[[topic]]\nname = \"orders\"\n[[client]]\nkind = \"producer\"\n";

/// Runs everything twice; what stands for the other process is this one.
fn twice_here(request: &Request, plant: Option<Aspect>) -> Twice {
    let elsewhere = |asked: &Leg, _: &dyn Fn()| leg(&request.files, asked, &|_| {}).map_err(|error| error.to_string());
    let other = Other { name: "here again", is_other_build: false, run: &elsewhere };
    twice(request, plant, &[other], &|_| {}).expect("the story is right")
}

#[test]
fn plan_and_weather_of_a_seed_give_the_same_hash_alone_and_among_others() {
    let twice = twice_here(&request(story("same", SHORT), 1..=5), None);
    assert_eq!((twice.runs, twice.exit_code()), (5, 0), "{:?}", twice.different);
}

#[test]
fn planted_nondeterminism_is_found_with_its_cause_and_the_line_where_traces_part() {
    for aspect in [Aspect::Nothing, Aspect::Trace, Aspect::Oracle, Aspect::Workers, Aspect::Order] {
        let twice = twice_here(&request(story("differs", SHORT), 1..=2), Some(aspect));
        assert_eq!((twice.different.len(), twice.exit_code()), (2, 127), "{aspect}");
        for difference in &twice.different {
            assert_eq!(difference.cause, aspect.to_string());
            // What depends on the trace itself shows no other line in two traces.
            let parts = difference.first.contains("depends on") && difference.second.contains("depends on");
            assert_eq!(parts, aspect != Aspect::Trace, "{aspect}: {difference:?}");
        }
    }
}

#[test]
fn panic_in_a_run_is_a_crash_and_stays_in_its_run() {
    let verdict = one::catch(|| panic!("{} > {}", 3, 2)).expect_err("it panics");
    assert!(verdict.contains("3 > 2") && verdict.contains("tests.rs"), "{verdict}");
    assert_eq!(one::catch(|| 7), Ok(7));
}

/// Judges one seed of a story.
fn judged(name: &str, story_text: &str) -> Verdict {
    let request = request(story(name, story_text), 1..=1);
    let mut out = Vec::new();
    trace(&request.files[0], None, 1, None, &mut out).expect("the story is right").verdict
}

#[test]
fn run_that_met_too_little_is_void_and_says_what_was_missing() {
    let with = |more: &str| format!("{SHORT}{more}");
    for (name, text, missing) in [
        (
            "moment",
            with("[[fault]]\nwhen = \"9s\"\nwho = \"broker-1\"\ndo = \"node.kill\"\n"),
            "the moment of fault[1] node.kill did not come",
        ),
        ("nothing", with("[[fault]]\nwhen = \"500ms\"\nwho = \"broker-1\"\ndo = \"disk.evict\"\n"), "fault[1] disk.evict touched nothing"),
        ("mark", with("[expect]\nmarks = [\"log.rolled\"]\n"), "the mark log.rolled was not reached"),
        ("floor", SHORT.replace("floor = 1\n", "floor = 9000\n"), "of at least 9000"),
    ] {
        let verdict = judged(name, &text);
        assert!(matches!(&verdict, Verdict::Void { why } if why.contains(missing)), "{verdict:?}");
        assert_eq!(verdict.exit_code(), 0);
    }
    assert_eq!(judged("whole", SHORT), Verdict::Clean);
}

#[test]
fn run_that_shows_what_the_story_forbids_is_broken() {
    let stopped =
        "[[fault]]\nwhen = \"500ms\"\nwho = \"broker-1\"\ndo = \"node.stop\"\nfor = \"4s\"\n[expect]\nerrors = [\"no such message\"]\n";
    let text = SHORT.replace("\"1s\"", "\"6s\"") + "config = { \"delivery.timeout.ms\" = 2500 }\n" + stopped;
    let verdict = judged("errors", &text);
    assert!(matches!(&verdict, Verdict::Broken { violation } if violation.checker == "only_expected_errors"), "{verdict:?}");
    assert_eq!(verdict.exit_code(), 129);
}
