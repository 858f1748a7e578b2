//! The stories of the repository, as files.

use std::path::{Path, PathBuf};

use odradek_sim::scenario::{find_files, load};

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
