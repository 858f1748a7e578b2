//! What differs between two trees.

use super::tree::Tree;

/// A place where two answers differ.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// The fields on the way, with places in lists.
    pub path: String,
    /// What Apache Kafka says there.
    pub kafka: String,
    /// What we say.
    pub ours: String,
}

/// Every difference, from the first field to the last.
pub fn differences(kafka: &Tree, ours: &Tree) -> Vec<Difference> {
    let mut all = Vec::new();
    compare("", kafka, ours, &mut all);
    all
}

fn compare(path: &str, kafka: &Tree, ours: &Tree, all: &mut Vec<Difference>) {
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match (kafka, ours) {
        (Tree::Fields(left), Tree::Fields(right)) if left.len() == right.len() => {
            for ((name, left), (_, right)) in left.iter().zip(right) {
                compare(&below(name), left, right, all);
            }
        }
        (Tree::List(left), Tree::List(right)) if left.len() == right.len() => {
            for (at, (left, right)) in left.iter().zip(right).enumerate() {
                compare(&format!("{path}[{}]", name_of(left, at)), left, right, all);
            }
        }
        _ if kafka == ours => {}
        (Tree::List(left), Tree::List(right)) => {
            let odd = |side: &[Tree], other: &[Tree]| Tree::List(side.iter().filter(|e| !other.contains(e)).cloned().collect());
            let (kafka, ours) = (short(&odd(left, right)), short(&odd(right, left)));
            all.push(Difference { path: format!("{path} ({} and {} entries)", left.len(), right.len()), kafka, ours });
        }
        _ => all.push(Difference { path: path.to_owned(), kafka: short(kafka), ours: short(ours) }),
    }
}

/// What an entry of a list is called: its name if it has one.
fn name_of(entry: &Tree, at: usize) -> String {
    match entry.text("name") {
        "" => at.to_string(),
        name => name.to_owned(),
    }
}

fn short(tree: &Tree) -> String {
    let text = match tree {
        Tree::Bytes(bytes) => format!("{} bytes {}", bytes.len(), bytes.iter().map(|b| format!("{b:02x}")).collect::<String>()),
        _ => tree.to_string(),
    };
    match text.char_indices().nth(200) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
