//! The stories of the repository, as files.

use std::path::{Path, PathBuf};

use odradek_sim::scenario::{find_files, load, reference};

fn stories() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this crate lives one folder below the root").join("scenarios")
}

#[test]
fn every_story_can_be_read_and_there_are_fifteen_at_least() {
    let files = find_files(&[stories()]).expect("the folder is there");
    assert!(files.len() >= 15, "{} stories", files.len());
    for file in files {
        load(&file).unwrap_or_else(|error| panic!("{error}"));
    }
}

#[test]
fn reference_of_the_language_says_what_the_tables_say() {
    let page = stories().join("WORDS.md");
    if std::env::var_os("ODRADEK_UPDATE").is_some() {
        std::fs::write(&page, reference()).expect("the folder takes a file");
    }
    let written = std::fs::read_to_string(&page).unwrap_or_default();
    assert!(written == reference(), "{} is behind: run this test once with ODRADEK_UPDATE=1", page.display());
}
