//! What is wrong with a scenario file, said so that it can be mended at once.

use std::fmt;
use std::path::PathBuf;

/// A scenario that cannot be run: exit code 2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScenarioError {
    /// Which file.
    pub file: PathBuf,
    /// Which line and column, from one; `None` if the file could not be read at all.
    pub at: Option<(usize, usize)>,
    /// The key with its tables, such as `fault[1].when.mark`; empty for the file as a whole.
    pub key: String,
    /// What is wrong, and what was expected.
    pub says: String,
    /// The nearest valid word, if one is near.
    pub nearest: Option<String>,
}

impl ScenarioError {
    /// The same mistake with a reason.
    #[must_use]
    pub(crate) fn because(mut self, why: &str) -> ScenarioError {
        self.says = format!("{}: {why}", self.says);
        self
    }

    /// A cell that no matrix of the files has.
    pub(crate) fn no_cell(file: &std::path::Path, name: &str, known: &[String]) -> ScenarioError {
        let there_are = if known.is_empty() { "there is no matrix".to_owned() } else { format!("there are {}", known.join(", ")) };
        ScenarioError {
            file: file.to_owned(),
            at: None,
            key: "matrix".to_owned(),
            says: format!("no cell is called `{name}`; {there_are}"),
            nearest: super::words::nearest(name, known.iter().map(String::as_str)),
        }
    }
}

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some((line, column)) = self.at {
            write!(f, ":{line}:{column}")?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": {}", self.says)?;
        match &self.nearest {
            Some(word) => write!(f, "; did you mean `{word}`?"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ScenarioError {}
