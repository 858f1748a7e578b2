//! An answer as a tree of names and values, read from what the codec's types print of themselves.
//!
//! Every type of the codec derives `Debug`, so one reader serves every message in every version.

use std::fmt;

/// A value in an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tree {
    /// A number, a flag, a word, a text, an id.
    Word(String),
    /// A null.
    Null,
    /// Bytes.
    Bytes(Vec<u8>),
    /// An array.
    List(Vec<Tree>),
    /// Fields by name, in the schema's order.
    Fields(Vec<(String, Tree)>),
}

impl Tree {
    /// The tree of a value of the codec.
    pub fn of(value: &dyn fmt::Debug) -> Tree {
        let text = format!("{value:?}");
        let mut reader = Reader { text: &text };
        let tree = reader.value();
        assert!(reader.text.is_empty(), "left over of {text}: {}", reader.text);
        tree
    }

    /// A word.
    pub fn word(text: &str) -> Tree {
        Tree::Word(text.to_owned())
    }

    /// A field, if there is one of this name.
    pub fn get(&self, name: &str) -> Option<&Tree> {
        match self {
            Tree::Fields(fields) => fields.iter().find(|(n, _)| n == name).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The text of a field; empty if there is none.
    pub fn text(&self, name: &str) -> &str {
        match self.get(name) {
            Some(Tree::Word(word)) => word,
            _ => "",
        }
    }
}

impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Tree::Word(word) => write!(f, "{word}"),
            Tree::Null => write!(f, "null"),
            Tree::Bytes(bytes) => write!(f, "{} bytes", bytes.len()),
            Tree::List(list) => {
                write!(f, "[")?;
                for (at, value) in list.iter().enumerate() {
                    write!(f, "{}{value}", if at == 0 { "" } else { ", " })?;
                }
                write!(f, "]")
            }
            Tree::Fields(fields) => {
                write!(f, "{{")?;
                for (at, (name, value)) in fields.iter().enumerate() {
                    write!(f, "{}{name}: {value}", if at == 0 { "" } else { ", " })?;
                }
                write!(f, "}}")
            }
        }
    }
}

struct Reader<'a> {
    text: &'a str,
}

impl Reader<'_> {
    fn value(&mut self) -> Tree {
        if self.take("b\"") {
            return Tree::Bytes(self.escaped());
        }
        if self.take("\"") {
            return Tree::Word(String::from_utf8(self.escaped()).expect("a text is printed as one"));
        }
        if self.take("[") {
            return Tree::List(self.until("]", Self::value));
        }
        let end = self.text.find([',', ' ', '(', '{', '[', ')', '}', ']']).unwrap_or(self.text.len());
        let word = self.text[..end].to_owned();
        self.text = &self.text[end..];
        if self.take(" { ") {
            let mut fields = self.until(" }", |r| (r.name(), r.value()));
            fields.retain(|(name, value)| !(name == "_unknown_tagged_fields" && *value == Tree::List(Vec::new())));
            return text_of(&word, Tree::Fields(fields));
        }
        if self.take("(") {
            let mut inside = self.until(")", Self::value);
            return if inside.len() == 1 { inside.remove(0) } else { Tree::List(inside) };
        }
        if word == "None" { Tree::Null } else { Tree::Word(word) }
    }

    fn name(&mut self) -> String {
        let end = self.text.find(": ").expect("a field has a name");
        let name = self.text[..end].to_owned();
        self.text = &self.text[end + 2..];
        name
    }

    fn until<T>(&mut self, end: &str, mut one: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let mut all = Vec::new();
        while !self.take(end) {
            all.push(one(self));
            self.take(", ");
        }
        all
    }

    fn take(&mut self, what: &str) -> bool {
        match self.text.strip_prefix(what) {
            Some(rest) => {
                self.text = rest;
                true
            }
            None => false,
        }
    }

    /// Up to the closing quote, without it.
    fn escaped(&mut self) -> Vec<u8> {
        let bytes = self.text.as_bytes();
        let (mut out, mut at) = (Vec::new(), 0);
        while bytes[at] != b'"' {
            if bytes[at] != b'\\' {
                out.push(bytes[at]);
                at += 1;
                continue;
            }
            at += 2;
            match bytes[at - 1] {
                b'n' => out.push(b'\n'),
                b'r' => out.push(b'\r'),
                b't' => out.push(b'\t'),
                b'0' => out.push(0),
                b'x' => {
                    out.push(u8::from_str_radix(&self.text[at..at + 2], 16).expect("two digits"));
                    at += 2;
                }
                b'u' => {
                    let end = at + self.text[at..].find('}').expect("a code point ends");
                    let code = u32::from_str_radix(&self.text[at + 1..end], 16).expect("a code point is a number");
                    let character = char::from_u32(code).expect("a code point is one");
                    out.extend(character.to_string().as_bytes());
                    at = end + 1;
                }
                other => out.push(other),
            }
        }
        self.text = &self.text[at + 1..];
        out
    }
}

/// The codec's text holds bytes.
fn text_of(name: &str, fields: Tree) -> Tree {
    match (name, fields.get("inner")) {
        ("KafkaString", Some(Tree::Bytes(bytes))) => Tree::Word(String::from_utf8_lossy(bytes).into_owned()),
        _ => fields,
    }
}
