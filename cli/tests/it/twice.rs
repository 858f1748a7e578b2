//! The comparison of processes, tried by planted nondeterminism: what a process has of its own, and what the order of its runs leaves behind.

use std::path::PathBuf;
use std::process::{Command, Output};

const STORY: &str = "title = \"t\"\nrun = { chaos = \"1s\" }\n[[topic]]\nname = \"orders\"\n[[client]]\nkind = \"producer\"\n";

fn twice(name: &str, arguments: &[&str]) -> Output {
    let path: PathBuf = std::env::temp_dir().join(format!("odradek-twice-{}-{name}.toml", std::process::id()));
    std::fs::write(&path, STORY).expect("the directory for temporary files takes a file");
    let mut command = Command::new(env!("CARGO_BIN_EXE_odradek"));
    let output = command.args(["sim", "twice"]).arg(&path).args(["--seeds", "1..2"]).args(arguments).output().expect("it was just built");
    std::fs::remove_file(&path).expect("it was just written");
    output
}

#[test]
fn two_processes_agree_however_they_are_perturbed() {
    let output = twice("agrees", &[]);
    let says = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{says}");
    assert!(says.contains("2 runs compared with another process") && says.contains(": 0 differ"), "{says}");
}

#[test]
fn planted_nondeterminism_by_process_is_found_with_its_cause_and_both_lines() {
    let output = twice("process", &["--plant", "process"]);
    let says = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(127), "{says}");
    assert!(says.contains("cause:  another process"), "{says}");
    assert!(says.contains("here: ") && says.contains("there: ") && says.matches("depends on").count() >= 4, "{says}");
}

#[test]
fn other_programs_are_no_builds_of_these_sources() {
    let output = twice("other", &["--build", "/bin/false"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("/bin/false: it runs no legs"));
}
