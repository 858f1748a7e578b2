//! Snappy. Kafka's Java side writes the framing of snappy-java (a header, then blocks with their length in front); librdkafka and others may send one bare
//! block. Both are read, the framing is written.

use super::{Codec, CodecError, Output};

/// The framing's magic, its version and the oldest version that reads it.
const HEADER: [u8; 16] = [0x82, b'S', b'N', b'A', b'P', b'P', b'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1];
const MAGIC_BYTES: usize = 8;
/// The first four bytes of the magic in the place of a block length: another framed stream begins.
const MAGIC_AS_LENGTH: [u8; 4] = [HEADER[0], HEADER[1], HEADER[2], HEADER[3]];
/// The block size of snappy-java.
const BLOCK_BYTES: usize = 32 * 1024;
/// A copy of 64 bytes takes three: no honest block grows more.
const GROWTH_MAX: usize = 22;

pub(super) fn compress(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = snap::raw::Encoder::new();
    let mut framed = HEADER.to_vec();
    let mut block = vec![0; snap::raw::max_compress_len(BLOCK_BYTES.min(bytes.len()))];
    for chunk in bytes.chunks(BLOCK_BYTES) {
        let len = encoder.compress(chunk, &mut block).expect("a block has room for its worst case");
        framed.extend_from_slice(&(len as u32).to_be_bytes());
        framed.extend_from_slice(&block[..len]);
    }
    framed
}

pub(super) fn decompress(bytes: &[u8], limit_bytes: usize) -> Result<Vec<u8>, CodecError> {
    let mut out = Output::new(Codec::Snappy, limit_bytes);
    if bytes.len() < HEADER.len() || bytes[..MAGIC_BYTES] != HEADER[..MAGIC_BYTES] {
        read_block(bytes, &mut out)?;
        return Ok(out.bytes);
    }
    let mut rest = check_versions(bytes, &out)?;
    // Fewer than four bytes where a length should stand are the end, as in snappy-java.
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        if *length == MAGIC_AS_LENGTH {
            rest = check_versions(rest, &out)?;
            continue;
        }
        let length = usize::try_from(i32::from_be_bytes(*length)).map_err(|_| out.corrupt("negative block length"))?;
        let (block, next) = after.split_at_checked(length).ok_or_else(|| out.corrupt("cut short"))?;
        read_block(block, &mut out)?;
        rest = next;
    }
    Ok(out.bytes)
}

/// Looks at the header in front and gives what follows it.
fn check_versions<'a>(framed: &'a [u8], out: &Output) -> Result<&'a [u8], CodecError> {
    let (header, rest) = framed.split_first_chunk::<16>().ok_or_else(|| out.corrupt("cut short"))?;
    if header[..MAGIC_BYTES] != HEADER[..MAGIC_BYTES] {
        return Err(out.corrupt("broken header"));
    }
    let version = header[8..].first_chunk().copied().map(i32::from_be_bytes).expect("the version lies within the header");
    if version < 1 {
        return Err(out.corrupt("version of the framing"));
    }
    Ok(rest)
}

fn read_block(block: &[u8], out: &mut Output) -> Result<(), CodecError> {
    let claimed = snap::raw::decompress_len(block).map_err(|_| out.corrupt("broken block"))?;
    if claimed > block.len().saturating_mul(GROWTH_MAX) {
        return Err(out.corrupt("a block claims more than it can hold"));
    }
    let broken = out.corrupt("broken block");
    let room = out.room(claimed)?;
    snap::raw::Decoder::new().decompress(block, room).map_err(|_| broken)?;
    Ok(())
}
