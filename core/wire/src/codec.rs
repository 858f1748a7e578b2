//! The compression codecs of record batches: what Kafka's own clients write, and whatever Kafka itself would read.
//!
//! Decompression never allocates more than the limit asks for, nor more than the bytes at hand could honestly become: what a stream claims about itself is
//! not believed.

mod gzip;
mod lz4;
mod snappy;
#[cfg(test)]
mod tests;
mod xxh32;
mod zstandard;

use thiserror::Error;

/// How the records of a batch are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Codec {
    /// Not at all.
    #[default]
    None,
    /// RFC 1952; levels 1–9.
    Gzip,
    /// Snappy blocks in the framing of snappy-java; no levels.
    Snappy,
    /// The LZ4 frame format with independent blocks; levels are accepted and mean nothing here.
    Lz4,
    /// Zstandard frames; levels 1–22 and negative ones.
    Zstd,
}

impl Codec {
    /// Every codec.
    pub const ALL: [Codec; 5] = [Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd];

    /// The codec with this number in a batch's attributes.
    pub const fn from_id(id: u8) -> Option<Codec> {
        match id {
            0 => Some(Codec::None),
            1 => Some(Codec::Gzip),
            2 => Some(Codec::Snappy),
            3 => Some(Codec::Lz4),
            4 => Some(Codec::Zstd),
            _ => None,
        }
    }

    /// The number in a batch's attributes.
    pub const fn id(self) -> u8 {
        match self {
            Codec::None => 0,
            Codec::Gzip => 1,
            Codec::Snappy => 2,
            Codec::Lz4 => 3,
            Codec::Zstd => 4,
        }
    }

    /// The name in configurations.
    pub const fn name(self) -> &'static str {
        match self {
            Codec::None => "none",
            Codec::Gzip => "gzip",
            Codec::Snappy => "snappy",
            Codec::Lz4 => "lz4",
            Codec::Zstd => "zstd",
        }
    }

    /// The codec of a name in configurations.
    pub fn from_name(name: &str) -> Option<Codec> {
        Codec::ALL.into_iter().find(|codec| codec.name() == name)
    }
}

/// Why bytes do not decompress.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[expect(missing_docs, reason = "the fields are the numbers of the message")]
pub enum CodecError {
    /// The stream is not what the codec writes, or ends too early.
    #[error("{codec:?} stream: {what}")]
    Corrupt { codec: Codec, what: &'static str },
    /// There is more inside than may be decompressed.
    #[error("{codec:?} stream holds more than {limit_bytes} bytes")]
    Limit { codec: Codec, limit_bytes: usize },
}

/// Compresses. Without a level the codec's default is taken; a level out of its range is brought into it.
pub fn compress(codec: Codec, level: Option<i32>, bytes: &[u8]) -> Vec<u8> {
    match codec {
        Codec::None => bytes.to_vec(),
        Codec::Gzip => gzip::compress(level, bytes),
        Codec::Snappy => snappy::compress(bytes),
        Codec::Lz4 => lz4::compress(bytes),
        Codec::Zstd => zstandard::compress(level, bytes),
    }
}

/// Decompresses into at most `limit_bytes` bytes.
///
/// Errors: a broken or unfinished stream, or one with more inside than the limit, without inflating the rest.
pub fn decompress(codec: Codec, bytes: &[u8], limit_bytes: usize) -> Result<Vec<u8>, CodecError> {
    match codec {
        Codec::None if bytes.len() > limit_bytes => Err(CodecError::Limit { codec, limit_bytes }),
        Codec::None => Ok(bytes.to_vec()),
        Codec::Gzip => gzip::decompress(bytes, limit_bytes),
        Codec::Snappy => snappy::decompress(bytes, limit_bytes),
        Codec::Lz4 => lz4::decompress(bytes, limit_bytes),
        Codec::Zstd => zstandard::decompress(bytes, limit_bytes),
    }
}

/// Decompressed bytes that grow up to a limit.
struct Output {
    codec: Codec,
    bytes: Vec<u8>,
    limit_bytes: usize,
}

impl Output {
    fn new(codec: Codec, limit_bytes: usize) -> Output {
        Output { codec, bytes: Vec::new(), limit_bytes }
    }

    /// Room for `more` bytes at the end, zeroed, to be filled; fails beyond the limit.
    fn room(&mut self, more: usize) -> Result<&mut [u8], CodecError> {
        let start = self.bytes.len();
        if more > self.limit_bytes - start {
            return Err(CodecError::Limit { codec: self.codec, limit_bytes: self.limit_bytes });
        }
        self.bytes.resize(start + more, 0);
        Ok(&mut self.bytes[start..])
    }

    fn corrupt(&self, what: &'static str) -> CodecError {
        CodecError::Corrupt { codec: self.codec, what }
    }
}
