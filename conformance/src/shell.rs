//! Running a program and keeping what it said.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this crate lives one folder below the root").to_path_buf()
}

/// Where clients that were installed stay between runs.
pub fn home() -> PathBuf {
    let home = || std::env::var_os("HOME").map_or_else(|| PathBuf::from("/tmp"), PathBuf::from);
    std::env::var_os("ODRADEK_PEERS").map_or_else(|| home().join(".cache/odradek-peers"), PathBuf::from)
}

/// A directory of its own for one use, below the build's own.
///
/// # Errors
/// What the system said.
pub fn scratch(name: &str) -> Result<PathBuf, String> {
    let path = std::env::temp_dir().join(format!("odradek-conformance-{}-{name}", std::process::id()));
    if path.exists() {
        std::fs::remove_dir_all(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    }
    std::fs::create_dir_all(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(path)
}

/// True if a program is there and its first words are taken.
pub fn answers(program: &str, arguments: &[&str]) -> bool {
    Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|s| s.success())
}

/// Runs a program to its end; what it printed, or its last words if it failed.
///
/// # Errors
/// What it said, in one line.
pub fn run(command: &mut Command) -> Result<String, String> {
    let output = command.stdin(Stdio::null()).output().map_err(|e| format!("{:?}: {e}", command.get_program()))?;
    let said = words(&output);
    if output.status.success() { Ok(said) } else { Err(if said.is_empty() { format!("ended with {}", output.status) } else { said }) }
}

fn words(output: &Output) -> String {
    let out = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if !out.is_empty() {
        return out;
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    let last: Vec<&str> = errors.trim().lines().rev().take(3).collect();
    last.into_iter().rev().collect::<Vec<_>>().join(" | ")
}
