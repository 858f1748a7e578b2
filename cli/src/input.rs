//! Where the records of `odradek produce` come from: standard input or a file cut at a delimiter, or whole files.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncRead, BufReader, ReadBuf};

/// A source of values, one after the other.
pub enum Input {
    /// A stream that is cut at a delimiter.
    Cut {
        /// What it is called in errors.
        name: String,
        /// The stream.
        stream: Box<dyn AsyncBufRead + Unpin>,
        /// What stands between values.
        delimiter: Vec<u8>,
        /// What was read of a value whose end has not come: whoever asks may be interrupted.
        begun: Vec<u8>,
    },
    /// Each file is one value.
    Whole(VecDeque<PathBuf>),
}

impl Input {
    /// Standard input without files; with `lines` the one file cut at the delimiter, else each file as one value.
    ///
    /// # Errors
    /// A file that cannot be opened, or more than one to be cut.
    pub fn open(files: &[PathBuf], lines: bool, delimiter: Vec<u8>) -> Result<Input, String> {
        match files {
            [] if lines => Err("-l: name the file whose lines are to be sent".to_owned()),
            [] => Ok(Input::Cut {
                name: "standard input".to_owned(),
                stream: Box::new(BufReader::new(tokio::io::stdin())),
                delimiter,
                begun: Vec::new(),
            }),
            [file] if lines => {
                let name = file.display().to_string();
                let stream = File::open(file).map_err(|e| format!("{name}: {e}"))?;
                Ok(Input::Cut { name, stream: Box::new(BufReader::with_capacity(1 << 16, Blocking(stream))), delimiter, begun: Vec::new() })
            }
            _ if lines => Err("-l takes one file; without it each file is sent as one record".to_owned()),
            several => Ok(Input::Whole(several.iter().cloned().collect())),
        }
    }

    /// The next value, without its delimiter; `None` at the end.
    ///
    /// # Errors
    /// What cannot be read.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, String> {
        match self {
            Input::Whole(files) => match files.pop_front() {
                Some(file) => std::fs::read(&file).map(Some).map_err(|e| format!("{}: {e}", file.display())),
                None => Ok(None),
            },
            Input::Cut { name, stream, delimiter, begun } => cut(stream, delimiter, begun).await.map_err(|e| format!("{name}: {e}")),
        }
    }
}

/// A file whose reads block: a tool that does one thing may wait for its disk.
struct Blocking(File);

impl AsyncRead for Blocking {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(self.0.read(into.initialize_unfilled()).map(|read| into.advance(read)))
    }
}

async fn cut(stream: &mut (impl AsyncBufRead + Unpin), delimiter: &[u8], begun: &mut Vec<u8>) -> std::io::Result<Option<Vec<u8>>> {
    let last = *delimiter.last().expect("a delimiter is not empty");
    while stream.read_until(last, begun).await? > 0 {
        if begun.ends_with(delimiter) {
            begun.truncate(begun.len() - delimiter.len());
            return Ok(Some(std::mem::take(begun)));
        }
    }
    Ok(if begun.is_empty() { None } else { Some(std::mem::take(begun)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(words: &'static [u8], delimiter: &[u8]) -> Vec<Vec<u8>> {
        crate::remote::on_one_thread(async {
            let mut input =
                Input::Cut { name: "test".to_owned(), stream: Box::new(words), delimiter: delimiter.to_vec(), begun: Vec::new() };
            let mut values = Vec::new();
            while let Some(value) = input.next().await? {
                values.push(value);
            }
            Ok::<_, String>(values)
        })
        .expect("memory can be read")
    }

    #[test]
    fn a_stream_is_cut_at_whole_delimiters_and_its_end_needs_none() {
        assert_eq!(all(b"a\nb\n", b"\n"), [b"a".to_vec(), b"b".to_vec()]);
        assert_eq!(all(b"a\n\nb", b"\n"), [b"a".to_vec(), b"".to_vec(), b"b".to_vec()]);
        assert_eq!(all(b"a;b--;c--;d", b"--;"), [b"a;b".to_vec(), b"c".to_vec(), b"d".to_vec()]);
        assert!(all(b"", b"\n").is_empty());
    }
}
