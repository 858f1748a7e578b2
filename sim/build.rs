//! Collects every mark that the sources can reach, so that a scenario which waits for another is told so.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let core = own.parent().expect("this crate lives one folder below the root").join("core");
    let mut marks = BTreeSet::new();
    for folder in [core, own.join("src")] {
        println!("cargo::rerun-if-changed={}", folder.display());
        collect(&folder, &mut marks);
    }
    let list: String = marks.iter().map(|mark| format!("    {mark:?},\n")).collect();
    let text = format!("/// Every mark that the core, its clients and the world can reach.\npub const MARKS: &[&str] = &[\n{list}];\n");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo says where"));
    fs::write(out.join("marks.rs"), text).expect("cargo's own folder takes a file");
}

fn collect(folder: &Path, marks: &mut BTreeSet<String>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && name != "tests" && name != "machine" {
            collect(&path, marks);
        } else if name.ends_with(".rs") && name != "tests.rs" {
            let text = fs::read_to_string(&path).unwrap_or_default();
            marks_of(text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default(), marks);
        }
    }
}

/// The literals behind `reached!(`, `mark(` and `mark: &str =`.
fn marks_of(text: &str, marks: &mut BTreeSet<String>) {
    for behind in text.split("reached!(").skip(1) {
        marks.extend(literal(behind, 160));
    }
    for behind in text.split("mark(").skip(1) {
        marks.extend(literal(behind, 0));
    }
    for (at, _) in text.match_indices("\"hostile.") {
        marks.extend(literal(&text[at..], 0));
    }
}

/// The address in the first quotes, if they begin within so many bytes.
fn literal(text: &str, within: usize) -> Option<String> {
    let at = text.find('"').filter(|&at| at <= within)?;
    let (word, _) = text[at + 1..].split_once('"')?;
    let is_mark = word.contains('.') && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_' || byte == b'.');
    is_mark.then(|| word.to_owned())
}
