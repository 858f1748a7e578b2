//! A key that is said to work has a reader: whoever sets a key that nothing reads is deceived in silence.

use std::path::{Path, PathBuf};

use odradek_cluster::config::{Definition, Effect, Update, all_broker_keys, topic_keys};

/// What a node acts by: the sources of `core/` and `server/` without their tests and without the tables themselves.
fn sources() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the crate lives two folders below the root");
    let mut files = Vec::new();
    for folder in ["core", "server"] {
        gather(&root.join(folder), &mut files);
    }
    let is_table = |path: &Path| path.starts_with(root.join("core/cluster/src/config"));
    let shipped = |words: String| words.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned();
    files.iter().filter(|path| !is_table(path)).map(|path| shipped(std::fs::read_to_string(path).expect("a source is text"))).collect()
}

fn gather(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        match path.is_dir() {
            true if name != "tests" && name != "target" => gather(&path, files),
            false if name.ends_with(".rs") && name != "tests.rs" => files.push(path),
            _ => {}
        }
    }
}

/// The calls by which a broker key is read: of one that may change while a node runs, the value that holds; of any other, any call whose last argument it is.
fn calls(key: &Definition) -> Vec<String> {
    match key.update {
        Update::ReadOnly => vec![format!("(\"{}\")", key.name), format!(", \"{}\")", key.name)],
        Update::ClusterWide => vec![format!(".current_long(\"{}\")", key.name), format!(".current_text(\"{}\")", key.name)],
    }
}

/// What the typed configuration of a topic makes of a topic key.
fn field(key: &Definition) -> String {
    match key.name {
        "compression.gzip.level" => "CompressionType::Gzip(".to_owned(),
        "compression.lz4.level" => "CompressionType::Lz4(".to_owned(),
        "compression.zstd.level" => "CompressionType::Zstd(".to_owned(),
        "internal.segment.bytes" => ".segment_bytes".to_owned(),
        name => format!(".{}", name.replace('.', "_")),
    }
}

fn unread(all: &[String]) -> Vec<&'static str> {
    let has = |needle: &str| all.iter().any(|words| words.contains(needle));
    let works = |key: &&'static Definition| key.effect == Effect::Works;
    let is_default = |key: &Definition| {
        topic_keys().iter().filter(works).any(|of| has(&field(of)) && of.synonyms.iter().any(|synonym| synonym.name == key.name))
    };
    let broker = all_broker_keys().filter(works).filter(|key| !is_default(key) && !calls(key).iter().any(|call| has(call)));
    let topic = topic_keys().iter().filter(works).filter(|key| !has(&field(key)));
    broker.chain(topic).map(|key| key.name).collect()
}

#[test]
fn every_key_that_is_said_to_work_has_a_reader() {
    let unread = unread(&sources());
    assert!(unread.is_empty(), "said to work, and nothing reads them: {unread:?}");
}

#[test]
fn a_key_without_a_reader_is_found() {
    assert!(unread(&[]).contains(&"num.partitions") && unread(&[]).contains(&"retention.ms"));
    let words = ["config.long(\"num.partitions\")".to_owned(), "config.retention_ms".to_owned()];
    let left = unread(&words);
    assert!(["num.partitions", "retention.ms", "log.retention.hours"].iter().all(|key| !left.contains(key)), "{left:?}");
    assert!(left.contains(&"producer.id.expiration.ms"), "a value that was set at the start is not the one that holds");
}
