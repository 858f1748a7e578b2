//! A properties file as Java reads it: comments, separators, escapes and lines that go on.

/// One key with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Where it begins, from 1.
    pub number: usize,
    /// The key.
    pub key: String,
    /// The value; empty if there is none.
    pub value: String,
}

/// Reads a whole file.
///
/// # Errors
/// The line and what was expected there. Java takes a line without a separator as a key without a value; no key of Kafka's is one, so it is refused.
pub fn read(words: &str) -> Result<Vec<Line>, (usize, String)> {
    let mut lines = Vec::new();
    let mut rest = words.lines().enumerate().map(|(index, line)| (index + 1, line.trim_start()));
    while let Some((number, first)) = rest.next() {
        if first.is_empty() || first.starts_with(['#', '!']) {
            continue;
        }
        let mut whole = first.to_owned();
        while goes_on(&whole) {
            whole.pop();
            let Some((_, next)) = rest.next() else { break };
            whole.push_str(next);
        }
        let (key, value) = split(&whole).ok_or_else(|| (number, format!("expected KEY=VALUE, found '{}'", first.trim_end())))?;
        let unescaped = |text: &str| unescape(text).map_err(|why| (number, why));
        lines.push(Line { number, key: unescaped(key)?, value: unescaped(value)?.trim_end().to_owned() });
    }
    Ok(lines)
}

/// True if the line ends in a backslash that is not itself escaped.
fn goes_on(line: &str) -> bool {
    line.bytes().rev().take_while(|&byte| byte == b'\\').count() % 2 == 1
}

/// Cuts at the first `=`, `:` or white space that is not escaped; white space around the separator belongs to neither side.
fn split(line: &str) -> Option<(&str, &str)> {
    let mut escaped = false;
    let at = line.char_indices().find(|&(_, letter)| {
        let ends = !escaped && (letter == '=' || letter == ':' || letter.is_whitespace());
        escaped = letter == '\\' && !escaped;
        ends
    });
    let (key, rest) = line.split_at(at?.0);
    let rest = rest.trim_start();
    let value = rest.strip_prefix(['=', ':']).unwrap_or(rest);
    if key.is_empty() || value.is_empty() && rest.is_empty() { None } else { Some((key, value.trim_start())) }
}

fn unescape(text: &str) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        if letter != '\\' {
            out.push(letter);
            continue;
        }
        out.push(match letters.next() {
            Some('t') => '\t',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('f') => '\u{c}',
            Some('u') => {
                let digits: String = letters.by_ref().take(4).collect();
                let code = u32::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == 4).and_then(char::from_u32);
                code.ok_or_else(|| format!("\\u{digits} is no character; expected \\u and four hexadecimal digits"))?
            }
            Some(other) => other,
            None => break,
        });
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(words: &str) -> Vec<(usize, String, String)> {
        read(words).expect("the file is right").into_iter().map(|line| (line.number, line.key, line.value)).collect()
    }

    #[test]
    fn a_properties_file_is_read_as_java_reads_it() {
        let words = "# a comment\n! another\n\nlog.dirs = /a,\\\n    /b \nnode.id:7\nlog.dir \\u0041\\:\\\\x\nempty=\n";
        let expected = [(4, "log.dirs", "/a,/b"), (6, "node.id", "7"), (7, "log.dir", "A:\\x"), (8, "empty", "")];
        assert_eq!(pairs(words), expected.map(|(number, key, value)| (number, key.to_owned(), value.to_owned())));
    }

    #[test]
    fn a_line_that_is_no_property_is_named_by_its_number() {
        assert_eq!(read("node.id=1\nnonsense\n"), Err((2, "expected KEY=VALUE, found 'nonsense'".to_owned())));
        assert!(read("log.dir=\\u00zz").unwrap_err().1.contains("\\u00zz"));
    }
}
