//! CRC-32C: the one place that knows which crate computes it.

/// CRC-32C (Castagnoli) of the bytes.
pub fn crc32c(bytes: &[u8]) -> u32 {
    ::crc32c::crc32c(bytes)
}

/// The checksum of `new_head ++ tail`, from the checksum of `old_head ++ tail` and without the tail.
///
/// The checksum is linear: what a head of equal length adds to the whole is its own checksum shifted by the length of the tail, so the difference of two
/// heads shifts to the difference of two wholes.
pub fn crc32c_with_other_head(old_whole: u32, old_head: &[u8], new_head: &[u8], tail_bytes: usize) -> u32 {
    assert_eq!(old_head.len(), new_head.len(), "heads of different length");
    ::crc32c::crc32c_combine(crc32c(old_head) ^ crc32c(new_head), old_whole, tail_bytes)
}
