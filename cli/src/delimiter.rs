//! Bytes as they are written on a command line: `\\n`, `\\t`, `\\x1f`.

use std::iter::Peekable;
use std::str::Chars;

/// The bytes that a delimiter stands for.
///
/// # Errors
/// The escape that is none.
pub fn parse(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => bytes.push(escaped(&mut letters)?),
            other => bytes.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    if bytes.is_empty() { Err("a delimiter has at least one byte".to_owned()) } else { Ok(bytes) }
}

/// What follows a backslash.
///
/// # Errors
/// The escape that is none.
pub fn escaped(letters: &mut Peekable<Chars<'_>>) -> Result<u8, String> {
    match letters.next() {
        Some('n') => Ok(b'\n'),
        Some('r') => Ok(b'\r'),
        Some('t') => Ok(b'\t'),
        Some('0') => Ok(0),
        Some('\\') => Ok(b'\\'),
        Some('x') => {
            let mut digits = String::new();
            while digits.len() < 2 {
                let Some(digit) = letters.next_if(char::is_ascii_hexdigit) else { break };
                digits.push(digit);
            }
            u8::from_str_radix(&digits, 16).map_err(|_| "\\x wants hexadecimal digits, such as \\x1f".to_owned())
        }
        other => Err(format!("'\\{}' is no escape; there are \\n \\r \\t \\0 \\xNN and \\\\", other.unwrap_or(' '))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delimiters_are_words_and_escapes() {
        assert_eq!(parse("\\n").as_deref(), Ok(&b"\n"[..]));
        assert_eq!(parse("=>\\x1f\\t").as_deref(), Ok(&b"=>\x1f\t"[..]));
        assert!(parse("\\q").unwrap_err().contains("\\q"));
        assert!(parse("\\xzz").is_err() && parse("").is_err());
    }
}
