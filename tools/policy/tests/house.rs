//! The rules of the house over the whole repository.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// What a crate of `core/` may use from outside, and why it is harmless: each is a pure function of its input.
const ALLOWED: &[&str] = &["bytes", "crc-fast", "crc32c", "flate2", "kacrab-protocol", "lz4_flex", "snap", "thiserror", "zstd"];

/// The longest file of ours, in lines.
const FILE_LINES_MAX: usize = 800;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the crate lives two folders below the root").to_path_buf()
}

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo runs where cargo built this test");
    assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON")
}

/// Package name → names of its dependencies of the kind that ships.
fn shipped_dependencies(metadata: &Value) -> BTreeMap<String, (PathBuf, BTreeSet<String>)> {
    let packages = metadata["packages"].as_array().expect("metadata lists packages");
    packages
        .iter()
        .map(|package| {
            let dependencies = package["dependencies"].as_array().expect("a package lists dependencies");
            let shipped = dependencies.iter().filter(|d| d["kind"].is_null()).map(|d| text(&d["name"])).collect();
            (text(&package["name"]), (PathBuf::from(text(&package["manifest_path"])), shipped))
        })
        .collect()
}

fn text(value: &Value) -> String {
    value.as_str().expect("metadata has text here").to_owned()
}

fn core_crates() -> BTreeMap<String, BTreeSet<String>> {
    let core = root().join("core");
    shipped_dependencies(&metadata())
        .into_iter()
        .filter(|(_, (manifest, _))| manifest.starts_with(&core))
        .map(|(name, (_, uses))| (name, uses))
        .collect()
}

#[test]
fn core_depends_on_nothing_that_could_ask_the_system() {
    let crates = core_crates();
    assert!(crates.len() >= 7, "only {} crates found under core/", crates.len());
    for (name, uses) in &crates {
        for used in uses.iter().filter(|used| !used.starts_with("odradek-")) {
            assert!(ALLOWED.contains(&used.as_str()), "{name} uses {used}, which is not in the allow-list of tools/policy/tests/house.rs");
        }
    }
}

#[test]
fn core_depends_inwards_only() {
    let allowed: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("odradek-machine", &[][..]),
        ("odradek-wire", &["machine"][..]),
        ("odradek-log", &["machine", "wire"][..]),
        ("odradek-quorum", &["machine", "wire", "log"][..]),
        ("odradek-cluster", &["machine", "wire"][..]),
        ("odradek-client", &["machine", "wire"][..]),
        ("odradek-broker", &["machine", "wire", "log", "quorum", "cluster"][..]),
    ]);
    for (name, uses) in core_crates() {
        let may = allowed.get(name.as_str()).unwrap_or_else(|| panic!("{name} is new under core/: say here what it may know"));
        for used in uses.iter().filter_map(|used| used.strip_prefix("odradek-")) {
            assert!(may.contains(&used), "{name} knows odradek-{used}, which lies outside it");
        }
    }
}

#[test]
fn no_file_of_ours_is_longer_than_the_limit() {
    let long: Vec<String> = tracked()
        .into_iter()
        .filter(|path| matches!(path.extension().and_then(|e| e.to_str()), Some("rs" | "py" | "sh" | "go" | "java" | "toml" | "md" | "js")))
        .filter(|path| path.file_name().is_some_and(|name| name != "Cargo.lock"))
        .filter_map(|path| {
            let lines = std::fs::read_to_string(root().join(&path)).ok()?.lines().count();
            (lines > FILE_LINES_MAX).then(|| format!("{}: {lines} lines", path.display()))
        })
        .collect();
    assert!(long.is_empty(), "longer than {FILE_LINES_MAX} lines:\n{}", long.join("\n"));
}

#[test]
fn every_link_of_our_documents_leads_somewhere() {
    let mut broken = Vec::new();
    for document in tracked().into_iter().filter(|path| path.extension().is_some_and(|e| e == "md")) {
        let words = std::fs::read_to_string(root().join(&document)).expect("a tracked document can be read");
        for target in links(&words) {
            let path = target.split('#').next().unwrap_or_default();
            let elsewhere = path.is_empty() || target.contains("://") || target.starts_with("mailto:");
            let folder = document.parent().map(|p| root().join(p)).unwrap_or_else(root);
            if !elsewhere && !folder.join(path).exists() {
                broken.push(format!("{}: {target}", document.display()));
            }
        }
    }
    assert!(broken.is_empty(), "links that lead nowhere:\n{}", broken.join("\n"));
}

fn tracked() -> Vec<PathBuf> {
    let output = Command::new("git")
        .args(["ls-files", "-co", "--exclude-standard"])
        .current_dir(root())
        .output()
        .expect("git is there: this is a checkout");
    assert!(output.status.success(), "git ls-files: {}", String::from_utf8_lossy(&output.stderr));
    let files: Vec<PathBuf> = String::from_utf8_lossy(&output.stdout).lines().map(PathBuf::from).collect();
    assert!(!files.is_empty(), "git lists no file");
    files
}

/// The targets of `[words](target)` outside code blocks.
fn links(words: &str) -> Vec<String> {
    let mut fenced = false;
    let mut found = Vec::new();
    for line in words.lines() {
        fenced ^= line.trim_start().starts_with("```");
        let mut rest = if fenced { "" } else { line };
        while let Some(at) = rest.find("](") {
            rest = &rest[at + 2..];
            let Some(end) = rest.find(')') else { break };
            found.push(rest[..end].split_whitespace().next().unwrap_or_default().to_owned());
            rest = &rest[end..];
        }
    }
    found
}

#[test]
fn links_are_found_outside_code_blocks_only() {
    assert_eq!(links("see [a](b.md) and [c](d.md#e)\n```\n[x](y)\n```\n[z](w \"title\")"), ["b.md", "d.md#e", "w"]);
}
