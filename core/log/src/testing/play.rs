//! Plays: a story as text, a verb and then everything the machines said. `ODRADEK_UPDATE_PLAYS=1` writes what happened over what was expected.

use std::fmt::Write as _;
use std::path::Path;

/// Runs every block of a play through `act` and compares.
///
/// Blocks are separated by an empty line; the first one is the title. A block is verbs, one a line, then `----`, then what was said.
#[expect(clippy::disallowed_methods, reason = "plays lie in files beside the tests")]
pub(crate) fn run(file: &str, mut act: impl FnMut(&str, &mut Vec<String>)) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("plays").join(file);
    let expected = std::fs::read_to_string(&path).expect("the play is there");
    let mut blocks = expected.split("\n\n").map(str::trim_end);
    let mut happened = blocks.next().expect("a play has a title").to_owned();
    for block in blocks.filter(|b| !b.is_empty()) {
        let verbs = block.split("----").next().expect("a block begins with verbs").trim_end();
        let mut said = Vec::new();
        for verb in verbs.lines() {
            act(verb, &mut said);
        }
        write!(happened, "\n\n{verbs}\n----").expect("a string takes everything");
        for line in said {
            write!(happened, "\n{line}").expect("a string takes everything");
        }
    }
    happened.push('\n');
    if std::env::var_os("ODRADEK_UPDATE_PLAYS").is_some() {
        std::fs::write(&path, &happened).expect("the play can be written");
    } else {
        assert_eq!(happened, expected, "{file} went otherwise; ODRADEK_UPDATE_PLAYS=1 takes it over");
    }
}
