//! As much of JSON as `quorum-state` needs: one object, of whose values numbers and strings are looked at and the rest is passed over.

/// A value of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// A whole number.
    Number(i64),
    /// A string without escapes.
    Text(String),
    /// Anything else.
    Other,
}

/// The members of the object that `text` is; or why it is none.
pub(crate) fn parse_object(text: &[u8]) -> Result<Vec<(String, Value)>, String> {
    let mut reader = Reader { text, at: 0 };
    let members = reader.object(0)?;
    reader.blanks();
    if reader.at < text.len() {
        return Err(format!("something follows the object at byte {}", reader.at));
    }
    Ok(members)
}

/// Nesting that no file of Kafka's reaches.
const DEPTH_MAX: usize = 16;

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn object(&mut self, depth: usize) -> Result<Vec<(String, Value)>, String> {
        self.expect(b'{')?;
        let mut members = Vec::new();
        if self.take(b'}') {
            return Ok(members);
        }
        loop {
            let name = self.string()?;
            self.expect(b':')?;
            members.push((name, self.value(depth + 1)?));
            if !self.take(b',') {
                break;
            }
        }
        self.expect(b'}')?;
        Ok(members)
    }

    fn value(&mut self, depth: usize) -> Result<Value, String> {
        if depth > DEPTH_MAX {
            return Err(format!("nested too deep at byte {}", self.at));
        }
        match self.peek() {
            Some(b'"') => Ok(Value::Text(self.string()?)),
            Some(b'{') => self.object(depth).map(|_| Value::Other),
            Some(b'[') => self.array(depth),
            _ => self.word(),
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value, String> {
        self.expect(b'[')?;
        if self.take(b']') {
            return Ok(Value::Other);
        }
        loop {
            self.value(depth + 1)?;
            if !self.take(b',') {
                break;
            }
        }
        self.expect(b']')?;
        Ok(Value::Other)
    }

    fn word(&mut self) -> Result<Value, String> {
        let start = self.at;
        while self.text.get(self.at).is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'+' | b'.')) {
            self.at += 1;
        }
        match std::str::from_utf8(&self.text[start..self.at]) {
            Ok("true" | "false" | "null") => Ok(Value::Other),
            Ok(word) => word.parse().map(Value::Number).map_err(|_| format!("no value at byte {start}")),
            Err(_) => Err(format!("no value at byte {start}")),
        }
    }

    fn string(&mut self) -> Result<String, String> {
        self.expect(b'"')?;
        let start = self.at;
        let length = self.text[start..].iter().position(|&b| b == b'"' || b == b'\\');
        let end = start + length.ok_or_else(|| format!("a string without end at byte {start}"))?;
        if self.text[end] == b'\\' {
            return Err(format!("an escape at byte {end}, which nobody writes here"));
        }
        self.at = end + 1;
        String::from_utf8(self.text[start..end].to_vec()).map_err(|_| format!("no UTF-8 at byte {start}"))
    }

    fn blanks(&mut self) {
        while self.text.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
    }

    fn peek(&mut self) -> Option<u8> {
        self.blanks();
        self.text.get(self.at).copied()
    }

    fn take(&mut self, wanted: u8) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, wanted: u8) -> Result<(), String> {
        if self.take(wanted) { Ok(()) } else { Err(format!("'{}' expected at byte {}", char::from(wanted), self.at)) }
    }
}
