//! Zstandard, decompressed in one piece: the output is its own window, so that no frame header can ask for a window of 128 MiB.

use zstd::zstd_safe::{self, CCtx, DCtx};

use super::{Codec, CodecError};

/// The most that one block holds.
const BLOCK_BYTES_MAX: usize = 128 * 1024;
const BLOCK_HEADER_BYTES: usize = 3;
/// What an honest stream seldom exceeds: the first attempt reserves this much per byte.
const GROWTH_USUAL: usize = 16;

pub(super) fn compress(level: Option<i32>, bytes: &[u8]) -> Vec<u8> {
    let level = level.map_or(zstd::DEFAULT_COMPRESSION_LEVEL, |level| level.clamp(zstd_safe::min_c_level(), zstd_safe::max_c_level()));
    let mut packed = Vec::with_capacity(zstd_safe::compress_bound(bytes.len()));
    CCtx::create().compress(&mut packed, bytes, level).expect("the output has room for its worst case");
    packed
}

pub(super) fn decompress(bytes: &[u8], limit_bytes: usize) -> Result<Vec<u8>, CodecError> {
    if bytes.is_empty() {
        return Err(CodecError::Corrupt { codec: Codec::Zstd, what: "no frame" });
    }
    let most = (bytes.len() / BLOCK_HEADER_BYTES + 1).saturating_mul(BLOCK_BYTES_MAX);
    let ceiling = limit_bytes.min(most);
    let mut room = ceiling.min(bytes.len().saturating_mul(GROWTH_USUAL).max(BLOCK_BYTES_MAX));
    if let Ok(Some(claimed)) = zstd_safe::get_frame_content_size(bytes) {
        room = room.min(usize::try_from(claimed).unwrap_or(usize::MAX));
    }
    let mut context = DCtx::create();
    loop {
        let mut inflated = Vec::with_capacity(room);
        match context.decompress(&mut inflated, bytes) {
            Ok(_) => return Ok(inflated),
            Err(code) if !is_too_small(code) => return Err(CodecError::Corrupt { codec: Codec::Zstd, what: "broken or cut short" }),
            Err(_) if room < ceiling => room = ceiling.min(room.max(BLOCK_BYTES_MAX).saturating_mul(4)),
            Err(_) if ceiling < limit_bytes => return Err(CodecError::Corrupt { codec: Codec::Zstd, what: "more inside than it claims" }),
            Err(_) => return Err(CodecError::Limit { codec: Codec::Zstd, limit_bytes }),
        }
    }
}

/// The library says by name alone that the output was too small.
fn is_too_small(code: zstd_safe::ErrorCode) -> bool {
    zstd_safe::get_error_name(code).contains("too small")
}
