//! Reading TOML so that every mistake can be named: file, line, key, what was expected, the nearest valid word.

use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::ScenarioError;
use super::words::nearest;

/// A file, and the values that this cell of the matrix gives to `$names`.
pub struct Source<'a> {
    /// Its path, for messages.
    pub path: &'a Path,
    /// Its text.
    pub text: &'a str,
    /// What `"$name"` stands for.
    pub cell: &'a [(String, Spanned<DeValue<'a>>)],
}

/// A value with its place.
#[derive(Clone)]
pub struct Node<'a> {
    source: &'a Source<'a>,
    key: String,
    span: Range<usize>,
    value: &'a DeValue<'a>,
}

/// A table of which every key must be asked for.
pub struct Table<'a> {
    node: Node<'a>,
    entries: &'a DeTable<'a>,
    asked: Vec<&'static str>,
}

/// Where something is written: kept for mistakes that show only when all is read.
#[derive(Clone, Debug)]
pub struct Place {
    file: PathBuf,
    at: (usize, usize),
    key: String,
}

impl Place {
    /// A name that is none of those there are.
    pub fn wrong_word(&self, says: &str, wrong: &str, words: &[&str]) -> ScenarioError {
        let says = format!("`{wrong}` {says}; there are {}", if words.is_empty() { "none".to_owned() } else { words.join(", ") });
        ScenarioError {
            file: self.file.clone(),
            at: Some(self.at),
            key: self.key.clone(),
            says,
            nearest: nearest(wrong, words.iter().copied()),
        }
    }

    /// A mistake there.
    pub fn error(&self, says: impl Into<String>) -> ScenarioError {
        ScenarioError { file: self.file.clone(), at: Some(self.at), key: self.key.clone(), says: says.into(), nearest: None }
    }

    /// The key with its tables.
    pub fn key(&self) -> &str {
        &self.key
    }
}

impl<'a> Source<'a> {
    /// What is wrong at a place of the file.
    pub fn error(&self, span: &Range<usize>, key: &str, says: impl Into<String>) -> ScenarioError {
        ScenarioError {
            file: self.path.to_owned(),
            at: Some(self.line_and_column(span)),
            key: key.to_owned(),
            says: says.into(),
            nearest: None,
        }
    }

    fn line_and_column(&self, span: &Range<usize>) -> (usize, usize) {
        let before = &self.text[..span.start.min(self.text.len())];
        (before.matches('\n').count() + 1, before.chars().rev().take_while(|&c| c != '\n').count() + 1)
    }

    /// The whole file as a table.
    pub fn root(&'a self, table: &'a Spanned<DeTable<'a>>, whole: &'a DeValue<'a>) -> Table<'a> {
        Table {
            node: Node { source: self, key: String::new(), span: table.span(), value: whole },
            entries: table.get_ref(),
            asked: Vec::new(),
        }
    }
}

impl<'a> Node<'a> {
    fn new(source: &'a Source<'a>, key: String, value: &'a Spanned<DeValue<'a>>) -> Result<Node<'a>, ScenarioError> {
        let node = Node { source, key, span: value.span(), value: value.get_ref() };
        let Some(name) = value.get_ref().as_str().and_then(|text| text.strip_prefix('$')) else { return Ok(node) };
        match source.cell.iter().find(|(known, _)| known == name) {
            Some((_, value)) => Ok(Node { value: value.get_ref(), ..node }),
            None => Err(node.wrong_word(&format!("no `{name}` in matrix"), name, source.cell.iter().map(|(known, _)| known.as_str()))),
        }
    }

    /// Where it is written.
    pub fn place(&self) -> Place {
        Place { file: self.source.path.to_owned(), at: self.source.line_and_column(&self.span), key: self.key.clone() }
    }

    /// A mistake at this value.
    pub fn error(&self, says: impl Into<String>) -> ScenarioError {
        self.source.error(&self.span, &self.key, says)
    }

    /// A word that is none of those expected.
    pub fn wrong_word<'w>(&self, says: &str, wrong: &str, words: impl IntoIterator<Item = &'w str>) -> ScenarioError {
        ScenarioError { nearest: nearest(wrong, words), ..self.error(says) }
    }

    /// The value as text.
    pub fn text(&self) -> Result<&'a str, ScenarioError> {
        self.value.as_str().ok_or_else(|| self.expected("text in quotes"))
    }

    /// The value as a whole number, if it is one.
    pub fn as_integer(&self) -> Option<i64> {
        let number = self.value.as_integer()?;
        i64::from_str_radix(number.as_str(), number.radix()).ok()
    }

    /// The value as text, if it is one.
    pub fn as_text(&self) -> Option<&'a str> {
        self.value.as_str()
    }

    /// The value as yes or no.
    pub fn yes_or_no(&self) -> Result<bool, ScenarioError> {
        self.value.as_bool().ok_or_else(|| self.expected("true or false"))
    }

    /// The elements of an array.
    pub fn list(&self) -> Result<Vec<Node<'a>>, ScenarioError> {
        self.as_list()?.ok_or_else(|| self.expected("a list in brackets"))
    }

    /// The elements of an array, if it is one.
    pub fn as_list(&self) -> Result<Option<Vec<Node<'a>>>, ScenarioError> {
        let Some(array) = self.value.as_array() else { return Ok(None) };
        let element = |(nth, value)| Node::new(self.source, format!("{}[{}]", self.key, nth + 1), value);
        array.iter().enumerate().map(element).collect::<Result<_, _>>().map(Some)
    }

    /// The value as a table.
    pub fn table(&self) -> Result<Table<'a>, ScenarioError> {
        let entries = self.value.as_table().ok_or_else(|| self.expected("a table in braces"))?;
        Ok(Table { node: self.clone(), entries, asked: Vec::new() })
    }

    /// True if the value is a table.
    pub fn is_table(&self) -> bool {
        self.value.is_table()
    }

    /// A value for a configuration key, as its text.
    pub fn scalar(&self) -> Result<String, ScenarioError> {
        match self.value {
            DeValue::String(text) => Ok(text.to_string()),
            DeValue::Integer(_) => self.as_integer().map(|n| n.to_string()).ok_or_else(|| self.error("the number is too large")),
            DeValue::Boolean(yes) => Ok(yes.to_string()),
            DeValue::Float(_) | DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => {
                Err(self.expected("text, a whole number, true or false"))
            }
        }
    }

    /// Something else was expected here.
    pub fn expected(&self, what: &str) -> ScenarioError {
        self.error(format!("expected {what}, found {}", kind(self.value)))
    }
}

const fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a point",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

impl<'a> Table<'a> {
    /// The value at a key.
    pub fn take(&mut self, key: &'static str) -> Result<Option<Node<'a>>, ScenarioError> {
        self.asked.push(key);
        let Some((_, value)) = self.entries.iter().find(|(name, _)| name.get_ref() == key) else { return Ok(None) };
        Node::new(self.node.source, self.path(key), value).map(Some)
    }

    /// The value at a key that must be there.
    pub fn need(&mut self, key: &'static str) -> Result<Node<'a>, ScenarioError> {
        self.take(key)?.ok_or_else(|| self.node.error(format!("the key `{key}` is missing")))
    }

    /// Every entry, whatever its key: for tables of configuration.
    pub fn entries(&self) -> Result<Vec<(String, Node<'a>)>, ScenarioError> {
        let mut entries: Vec<_> = self.entries.iter().collect();
        entries.sort_by_key(|(name, _)| name.span().start);
        entries
            .into_iter()
            .map(|(name, value)| Ok((name.get_ref().to_string(), Node::new(self.node.source, self.path(name.get_ref()), value)?)))
            .collect()
    }

    /// Nothing is left that nobody asked for.
    pub fn finish(self) -> Result<(), ScenarioError> {
        let mut unknown: Vec<_> = self.entries.keys().filter(|name| !self.asked.contains(&name.get_ref().as_ref())).collect();
        unknown.sort_by_key(|name| name.span().start);
        let Some(name) = unknown.first() else { return Ok(()) };
        let mut words = self.asked.clone();
        words.sort_unstable();
        let says = format!("unknown key; expected one of {}", words.join(", "));
        let error = self.node.source.error(&name.span(), &self.path(name.get_ref()), says);
        Err(ScenarioError { nearest: nearest(name.get_ref(), words), ..error })
    }

    /// A mistake that concerns the table as a whole.
    pub fn error(&self, says: impl Into<String>) -> ScenarioError {
        self.node.error(says)
    }

    fn path(&self, key: &str) -> String {
        if self.node.key.is_empty() { key.to_owned() } else { format!("{}.{key}", self.node.key) }
    }
}
