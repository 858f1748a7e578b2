//! How `odradek consume` prints a record: kcat's `-f` format, or JSON.

use std::fmt::Write as _;

use odradek_client::record::ConsumerRecord;
use odradek_wire::ids::TopicPartition;

/// A format, read once and applied to each record.
#[derive(Debug, PartialEq, Eq)]
pub struct Format {
    pieces: Vec<Piece>,
}

#[derive(Debug, PartialEq, Eq)]
enum Piece {
    Words(Vec<u8>),
    Value,
    ValueLength,
    Key,
    KeyLength,
    Topic,
    Partition,
    Offset,
    Timestamp,
    Headers,
}

impl Format {
    /// Reads a format: `%s` value, `%S` its length, `%k` key, `%K` its length, `%t` topic, `%p` partition, `%o` offset, `%T` timestamp, `%h` headers,
    /// `%%` a percent sign, and `\n \r \t \0 \\`.
    ///
    /// # Errors
    /// What was not understood.
    pub fn parse(text: &str) -> Result<Format, String> {
        let mut pieces = Vec::new();
        let mut words = Vec::new();
        let mut letters = text.chars();
        while let Some(letter) = letters.next() {
            match letter {
                '%' => match letters.next() {
                    Some('%') => words.push(b'%'),
                    named => {
                        pieces.push(Piece::Words(std::mem::take(&mut words)));
                        pieces.push(named.and_then(Piece::named).ok_or_else(|| {
                            format!("-f: '%{}' is no field; there are %s %S %k %K %t %p %o %T %h and %%", named.unwrap_or(' '))
                        })?);
                    }
                },
                '\\' => words.push(match letters.next() {
                    Some('n') => b'\n',
                    Some('r') => b'\r',
                    Some('t') => b'\t',
                    Some('0') => 0,
                    Some('\\') => b'\\',
                    other => return Err(format!("-f: '\\{}' is no escape; there are \\n \\r \\t \\0 and \\\\", other.unwrap_or(' '))),
                }),
                other => words.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        pieces.push(Piece::Words(words));
        Ok(Format { pieces })
    }

    /// One record, as bytes.
    pub fn apply(&self, from: &TopicPartition, record: &ConsumerRecord) -> Vec<u8> {
        let mut out = Vec::new();
        for piece in &self.pieces {
            match piece {
                Piece::Words(words) => out.extend_from_slice(words),
                Piece::Value => out.extend_from_slice(record.value.as_deref().unwrap_or_default()),
                Piece::ValueLength => out.extend_from_slice(length(record.value.as_deref()).as_bytes()),
                Piece::Key => out.extend_from_slice(record.key.as_deref().unwrap_or_default()),
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
    bytes.map_or_else(|| "-1".to_owned(), |bytes| bytes.len().to_string())
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
    let headers: Vec<serde_json::Value> = record.headers.iter().flat_map(|h| [h.key.to_string().into(), text(&h.value).into()]).collect();
    serde_json::json!({
        "topic": &*from.topic, "partition": from.partition, "offset": record.offset, "tstype": "create", "ts": record.timestamp,
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
        assert!(Format::parse("%q").unwrap_err().contains("%q"));
    }
}
