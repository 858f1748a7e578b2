//! The tables against themselves and against a real broker's own.

use super::*;

#[test]
fn tables_are_sorted_and_every_default_is_right_for_its_key() {
    for table in [TOPIC_KEYS, BROKER_KEYS] {
        assert!(table.is_sorted_by(|a, b| a.name < b.name));
        for key in table.iter().filter(|k| !k.name.starts_with("internal.")) {
            if let Some(default) = key.default {
                assert_eq!(key.parse(default).as_deref(), Ok(default), "{}", key.name);
            }
            assert!(!key.says.is_empty());
        }
    }
    for synonym in TOPIC_KEYS.iter().flat_map(|k| k.synonyms) {
        assert!(broker_key(synonym.name).is_some(), "{}", synonym.name);
    }
}
