//! A reader of the small JSON files of a directory. They are written by hand, each by its own module.

/// A JSON value; members keep their order, numbers their text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Json {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number as it stands in the file.
    Number(String),
    /// A string.
    Text(String),
    /// An array.
    Array(Vec<Json>),
    /// An object.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// The member of an object.
    pub fn get(&self, key: &str) -> Option<&Json> {
        match self {
            Json::Object(members) => members.iter().rev().find(|(k, _)| k == key).map(|(_, value)| value),
            _ => None,
        }
    }

    /// A whole number.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Json::Number(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// A string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Json::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// Text that is no JSON.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("byte {at}: expected {expected}")]
pub struct JsonError {
    /// Where.
    pub at: usize,
    /// What should be there.
    pub expected: &'static str,
}

const DEPTH_MAX: u32 = 32;

/// The value that the text is.
///
/// # Errors
/// Where it is no JSON, or nested deeper than any file of ours.
pub fn parse(text: &str) -> Result<Json, JsonError> {
    let mut reader = Reader { text, at: 0 };
    let value = reader.value(0)?;
    reader.blanks();
    if reader.at == text.len() { Ok(value) } else { Err(reader.expected("the end")) }
}

/// A string with its quotes and escapes.
pub fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if u32::from(c) < 0x20 => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn value(&mut self, depth: u32) -> Result<Json, JsonError> {
        self.blanks();
        if depth > DEPTH_MAX {
            return Err(self.expected("less depth"));
        }
        match self.peek() {
            Some(b'{') => self.members(depth),
            Some(b'[') => self.elements(depth),
            Some(b'"') => self.string().map(Json::Text),
            Some(b'-' | b'0'..=b'9') => Ok(self.number()),
            _ => self.word(),
        }
    }

    fn members(&mut self, depth: u32) -> Result<Json, JsonError> {
        self.take(b'{', "{")?;
        let mut members = Vec::new();
        if self.taken(b'}') {
            return Ok(Json::Object(members));
        }
        loop {
            self.blanks();
            let key = self.string()?;
            self.take(b':', "a colon")?;
            members.push((key, self.value(depth + 1)?));
            if !self.taken(b',') {
                self.take(b'}', "a comma or }")?;
                return Ok(Json::Object(members));
            }
        }
    }

    fn elements(&mut self, depth: u32) -> Result<Json, JsonError> {
        self.take(b'[', "[")?;
        let mut elements = Vec::new();
        if self.taken(b']') {
            return Ok(Json::Array(elements));
        }
        loop {
            elements.push(self.value(depth + 1)?);
            if !self.taken(b',') {
                self.take(b']', "a comma or ]")?;
                return Ok(Json::Array(elements));
            }
        }
    }

    fn string(&mut self) -> Result<String, JsonError> {
        self.take(b'"', "a string")?;
        let mut units: Vec<u16> = Vec::new();
        loop {
            let c = self.text[self.at..].chars().next().ok_or_else(|| self.expected("the end of a string"))?;
            self.at += c.len_utf8();
            match c {
                '"' => break,
                '\\' => units.push(self.escape()?),
                c if u32::from(c) < 0x20 => return Err(self.expected("no control character")),
                c => units.extend(c.encode_utf16(&mut [0; 2]).iter()),
            }
        }
        Ok(String::from_utf16_lossy(&units))
    }

    fn escape(&mut self) -> Result<u16, JsonError> {
        let c = self.peek().ok_or_else(|| self.expected("an escape"))?;
        self.at += 1;
        Ok(match c {
            b'"' | b'\\' | b'/' => u16::from(c),
            b'b' => 8,
            b'f' => 12,
            b'n' => 10,
            b'r' => 13,
            b't' => 9,
            b'u' => {
                let digits = self.text.get(self.at..self.at + 4).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
                let unit = digits.and_then(|d| u16::from_str_radix(d, 16).ok()).ok_or_else(|| self.expected("four hexadecimal digits"))?;
                self.at += 4;
                unit
            }
            _ => {
                self.at -= 1;
                return Err(self.expected("an escape"));
            }
        })
    }

    fn number(&mut self) -> Json {
        let rest = &self.text[self.at..];
        let length = rest.bytes().take_while(|b| b.is_ascii_digit() || b"+-.eE".contains(b)).count();
        self.at += length;
        Json::Number(rest[..length].to_owned())
    }

    fn word(&mut self) -> Result<Json, JsonError> {
        for (word, value) in [("null", Json::Null), ("true", Json::Bool(true)), ("false", Json::Bool(false))] {
            if self.text[self.at..].starts_with(word) {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err(self.expected("a value"))
    }

    fn take(&mut self, byte: u8, expected: &'static str) -> Result<(), JsonError> {
        if self.taken(byte) { Ok(()) } else { Err(self.expected(expected)) }
    }

    fn taken(&mut self, byte: u8) -> bool {
        self.blanks();
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    const fn expected(&self, expected: &'static str) -> JsonError {
        JsonError { at: self.at, expected }
    }
}
