//! gzip: one member or several, as Java's GZIPInputStream reads them.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;

use super::{Codec, CodecError};

const CHUNK_BYTES: usize = 8 * 1024;

pub(super) fn compress(level: Option<i32>, bytes: &[u8]) -> Vec<u8> {
    let level = level.map_or(Compression::default(), |level| Compression::new(level.clamp(1, 9).unsigned_abs()));
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 2 + 64), level);
    encoder.write_all(bytes).expect("a vector takes every byte");
    encoder.finish().expect("a vector takes every byte")
}

pub(super) fn decompress(bytes: &[u8], limit_bytes: usize) -> Result<Vec<u8>, CodecError> {
    let mut inflated = Vec::new();
    let mut rest = bytes;
    loop {
        let mut member = GzDecoder::new(rest);
        let first = inflated.is_empty() && rest.len() == bytes.len();
        if !first && member.header().is_none() {
            return Ok(inflated); // what follows a member and is none is ignored, as in Java
        }
        read_member(&mut member, &mut inflated, limit_bytes)?;
        rest = member.into_inner();
        if rest.is_empty() {
            return Ok(inflated);
        }
    }
}

fn read_member(member: &mut GzDecoder<&[u8]>, inflated: &mut Vec<u8>, limit_bytes: usize) -> Result<(), CodecError> {
    let mut chunk = [0; CHUNK_BYTES];
    loop {
        let read = member.read(&mut chunk).map_err(|_| CodecError::Corrupt { codec: Codec::Gzip, what: "broken or cut short" })?;
        if read == 0 {
            return Ok(());
        }
        if read > limit_bytes - inflated.len() {
            return Err(CodecError::Limit { codec: Codec::Gzip, limit_bytes });
        }
        inflated.extend_from_slice(&chunk[..read]);
    }
}
