//! Tells the binary which sources it was made of: two builds of the same sources must run the same seeds alike, and others need not.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this crate lives one folder below the root");
    let mut files = vec![root.join("Cargo.lock")];
    for folder in ["core", "sim", "cli"] {
        println!("cargo::rerun-if-changed={}", root.join(folder).display());
        sources(&root.join(folder), &mut files);
    }
    println!("cargo::rerun-if-changed={}", root.join("Cargo.lock").display());
    files.sort();
    let mut hash = 0xcbf2_9ce4_8422_2325_u64; // FNV-1a
    for byte in files.iter().flat_map(|file| fs::read(file).unwrap_or_default()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    println!("cargo::rustc-env=ODRADEK_SOURCES={hash:016x}");
    println!("cargo::rustc-env=ODRADEK_COMMIT={}", commit(root).unwrap_or_else(|| "no commit".to_owned()));
}

/// The commit that is checked out; the sources may be ahead of it.
fn commit(root: &Path) -> Option<String> {
    let output = Command::new("git").arg("-C").arg(root).args(["rev-parse", "--short=12", "HEAD"]).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Every source and manifest below a folder.
fn sources(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            sources(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs" || extension == "toml") {
            files.push(path);
        }
    }
}
