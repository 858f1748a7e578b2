//! How `odradek consume` prints a record: kcat's `-f` format, its lines, or JSON.

use std::fmt::Write as _;

use odradek_client::record::{ConsumerRecord, TimestampType};
use odradek_wire::ids::TopicPartition;

use crate::delimiter;

/// A format, read once and applied to each record.
#[derive(Debug, PartialEq, Eq)]
pub struct Format {
    pieces: Vec<Piece>,
    /// What stands for a null key or value.
    null: &'static [u8],
}

#[derive(Debug, PartialEq, Eq)]
enum Piece {
    Words(Vec<u8>),
    Value,
    ValueLength,
    ValueLengthBinary,
    Key,
    KeyLength,
    Topic,
    Partition,
    Offset,
    Timestamp,
    Headers,
}

impl Format {
    /// Reads a format: `%s` value, `%S` its length, `%R` the same as four bytes (big endian), `%k` key, `%K` its length, `%t` topic, `%p` partition,
    /// `%o` offset, `%T` timestamp, `%h` headers, `%%` a percent sign, and the escapes of [`crate::delimiter`].
    ///
    /// # Errors
    /// What was not understood.
    pub fn parse(text: &str) -> Result<Format, String> {
        let mut pieces = Vec::new();
        let mut words = Vec::new();
        let mut letters = text.chars().peekable();
        while let Some(letter) = letters.next() {
            match letter {
                '%' => match letters.next() {
                    Some('%') => words.push(b'%'),
                    named => {
                        pieces.push(Piece::Words(std::mem::take(&mut words)));
                        pieces.push(named.and_then(Piece::named).ok_or_else(|| {
                            format!("-f: '%{}' is no field; there are %s %S %R %k %K %t %p %o %T %h and %%", named.unwrap_or(' '))
                        })?);
                    }
                },
                '\\' => words.push(delimiter::escaped(&mut letters).map_err(|why| format!("-f: {why}"))?),
                other => words.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        pieces.push(Piece::Words(words));
        Ok(Format { pieces, null: b"" })
    }

    /// The format of kcat without `-f`: offset and key if asked for, the value, the delimiter.
    ///
    /// # Errors
    /// A delimiter that is none.
    pub fn lines(offset: bool, key_delimiter: Option<&str>, delimiter: &str) -> Result<Format, String> {
        let mut pieces = Vec::new();
        let between = delimiter::parse(key_delimiter.unwrap_or("\\t")).map_err(|why| format!("-K: {why}"))?;
        if offset {
            pieces.extend([Piece::Offset, Piece::Words(between.clone())]);
        }
        if key_delimiter.is_some() {
            pieces.extend([Piece::Key, Piece::Words(between)]);
        }
        pieces.extend([Piece::Value, Piece::Words(delimiter::parse(delimiter).map_err(|why| format!("-D: {why}"))?)]);
        Ok(Format { pieces, null: b"" })
    }

    /// The same format, with `NULL` for what is null.
    #[must_use]
    pub const fn with_nulls(mut self, shown: bool) -> Format {
        self.null = if shown { b"NULL" } else { b"" };
        self
    }

    /// One record, as bytes.
    pub fn apply(&self, from: &TopicPartition, record: &ConsumerRecord) -> Vec<u8> {
        let mut out = Vec::new();
        for piece in &self.pieces {
            match piece {
                Piece::Words(words) => out.extend_from_slice(words),
                Piece::Value => out.extend_from_slice(record.value.as_deref().unwrap_or(self.null)),
                Piece::ValueLength => out.extend_from_slice(length(record.value.as_deref()).as_bytes()),
                Piece::ValueLengthBinary => out.extend_from_slice(&length_of(record.value.as_deref()).to_be_bytes()),
                Piece::Key => out.extend_from_slice(record.key.as_deref().unwrap_or(self.null)),
                Piece::KeyLength => out.extend_from_slice(length(record.key.as_deref()).as_bytes()),
                Piece::Topic => out.extend_from_slice(from.topic.as_bytes()),
                Piece::Partition => out.extend_from_slice(from.partition.to_string().as_bytes()),
                Piece::Offset => out.extend_from_slice(record.offset.to_string().as_bytes()),
                Piece::Timestamp => out.extend_from_slice(record.timestamp.to_string().as_bytes()),
                Piece::Headers => out.extend_from_slice(headers(record).as_bytes()),
            }
        }
        out
    }
}

impl Piece {
    const fn named(letter: char) -> Option<Piece> {
        Some(match letter {
            's' => Piece::Value,
            'S' => Piece::ValueLength,
            'R' => Piece::ValueLengthBinary,
            'k' => Piece::Key,
            'K' => Piece::KeyLength,
            't' => Piece::Topic,
            'p' => Piece::Partition,
            'o' => Piece::Offset,
            'T' => Piece::Timestamp,
            'h' => Piece::Headers,
            _ => return None,
        })
    }
}

fn length(bytes: Option<&[u8]>) -> String {
    length_of(bytes).to_string()
}

/// The length, or -1 for null.
fn length_of(bytes: Option<&[u8]>) -> i32 {
    bytes.map_or(-1, |bytes| i32::try_from(bytes.len()).expect("a record came in a frame, whose length is a number of 32 bits"))
}

fn headers(record: &ConsumerRecord) -> String {
    let mut words = String::new();
    for header in &record.headers {
        let value = header.value.as_deref().map_or("NULL".into(), String::from_utf8_lossy);
        let comma = if words.is_empty() { "" } else { "," };
        write!(words, "{comma}{}={value}", header.key).expect("a string takes what is written");
    }
    words
}

/// A record as one line of JSON, with kcat's names.
pub fn json(from: &TopicPartition, record: &ConsumerRecord) -> String {
    let text = |bytes: &Option<bytes::Bytes>| bytes.as_deref().map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let tstype = match record.timestamp_type {
        TimestampType::CreateTime => "create",
        TimestampType::LogAppendTime => "logappend",
    };
    let headers: Vec<serde_json::Value> = record.headers.iter().flat_map(|h| [h.key.to_string().into(), text(&h.value).into()]).collect();
    serde_json::json!({
        "topic": &*from.topic, "partition": from.partition, "offset": record.offset, "tstype": tstype, "ts": record.timestamp,
        "headers": headers, "key": text(&record.key), "payload": text(&record.value),
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use odradek_client::record::{Header, TimestampType};

    use super::*;

    #[test]
    fn a_format_names_every_part_of_a_record() {
        let record = ConsumerRecord {
            offset: 7,
            leader_epoch: 0,
            timestamp: 99,
            timestamp_type: TimestampType::CreateTime,
            key: None,
            value: Some("v".into()),
            headers: vec![Header { key: Arc::from("h"), value: Some("x".into()) }],
        };
        let from = TopicPartition { topic: Arc::from("orders"), partition: 2 };
        let format = Format::parse("%t/%p@%o %T %K:%k=%S:%s [%h] 100%%\\n").unwrap();
        assert_eq!(format.apply(&from, &record), b"orders/2@7 99 -1:=1:v [h=x] 100%\n");
        assert_eq!(Format::parse("%R%s\\x1f").unwrap().apply(&from, &record), b"\0\0\0\x01v\x1f");
        let lines = Format::lines(true, Some("=>"), "\\n").unwrap().with_nulls(true);
        assert_eq!(lines.apply(&from, &record), b"7=>NULL=>v\n");
        assert!(Format::parse("%q").unwrap_err().contains("%q"));
    }
}
