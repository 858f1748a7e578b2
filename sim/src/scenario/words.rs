//! The nearest valid word to a wrong one.

/// The word most like `wrong`, if one is near enough to be meant.
pub fn nearest<'a>(wrong: &str, words: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let scored = words.into_iter().map(|word| (distance(wrong, word), word));
    let (distance, word) = scored.min()?;
    (distance <= wrong.chars().count().max(word.chars().count()) / 2).then(|| word.to_owned())
}

/// Edits (insert, delete, replace) from one word to the other, without regard to case.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.to_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.to_lowercase().chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, &b) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_word_is_offered_only_when_it_is_near() {
        assert_eq!(nearest("node.powercut", ["node.kill", "node.power_cut"]).as_deref(), Some("node.power_cut"));
        assert_eq!(nearest("Brokers", ["brokers", "disks"]).as_deref(), Some("brokers"));
        assert_eq!(nearest("zebra", ["node.kill", "node.power_cut"]), None);
    }
}
