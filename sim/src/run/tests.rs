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

fn request(file: PathBuf, seeds: Range<u64>) -> Request {
    let capsules = file.parent().map(|directory| directory.join("capsules"));
    Request { files: vec![file], seeds, jobs: 2, mutant: None, capsules }
}

#[test]
fn plan_and_weather_of_a_seed_give_the_same_hash_alone_and_among_others() {
    let file = story("same", "title = \"t\"\n[run]\nchaos = \"1s\"\n[[topic]]\nname = \"orders\"\n[[client]]\nkind = \"producer\"\n");
    let twice = twice(&request(file, 1..6), &|_| {}).expect("the story is right");
    assert_eq!((twice.runs, twice.exit_code()), (5, 0), "{:?}", twice.different);
}

#[test]
fn panic_in_a_run_is_a_crash_and_stays_in_its_run() {
    let verdict = one::catch(|| panic!("{} > {}", 3, 2)).expect_err("it panics");
    assert!(verdict.contains("3 > 2") && verdict.contains("tests.rs"), "{verdict}");
    assert_eq!(one::catch(|| 7), Ok(7));
}
