//! Running a program and keeping what it said.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

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
    run_both(command).map(|(out, _)| out)
}

/// Like [`run`]; gives standard output and standard error.
///
/// # Errors
/// What it said, in one line.
pub fn run_both(command: &mut Command) -> Result<(String, String), String> {
    let output = command.stdin(Stdio::null()).output().map_err(|e| format!("{:?}: {e}", command.get_program()))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    let (out, errors) = (text(&output.stdout), text(&output.stderr));
    if output.status.success() {
        return Ok((out, errors));
    }
    // A story says on standard output what went otherwise than told; anything else has its last words on standard error.
    let last = |words: &str| words.lines().skip(words.lines().count().saturating_sub(3)).collect::<Vec<_>>().join(" | ");
    let said = [last(&out), last(&errors)].into_iter().filter(|words| !words.is_empty()).collect::<Vec<_>>().join("; on standard error: ");
    Err(if said.is_empty() { format!("ended with {}", output.status) } else { said })
}
