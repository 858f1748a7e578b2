//! CRC-32C: the one place that knows which crate computes it, and how two checksums are combined. And CRC-32, by which message formats 0 and 1 are checked.

pub use flate2::Crc as Crc32;

/// CRC-32C (Castagnoli) of the bytes.
pub fn crc32c(bytes: &[u8]) -> u32 {
    ::crc32c::crc32c(bytes)
}

/// CRC-32C of something and these bytes behind it, from that of the something; of nothing it is zero.
pub fn crc32c_extend(so_far: u32, bytes: &[u8]) -> u32 {
    ::crc32c::crc32c_append(so_far, bytes)
}

/// The checksum of `new_head ++ tail`, from the checksum of `old_head ++ tail` and without the tail.
///
/// The checksum is linear: what a head adds to the whole is its own checksum shifted by the length of the tail, so the difference of two heads of equal
/// length shifts to the difference of two wholes. Costs well below a microsecond, whatever the length; the crate's own combination costs ten, as much as
/// the checksum of 256 KiB.
pub fn crc32c_with_other_head(old_whole: u32, old_head: &[u8], new_head: &[u8], tail_bytes: usize) -> u32 {
    assert_eq!(old_head.len(), new_head.len(), "heads of different length");
    old_whole ^ shift(crc32c(old_head) ^ crc32c(new_head), tail_bytes)
}

/// The Castagnoli polynomial, lowest power in the highest bit.
const POLYNOMIAL: u32 = 0x82f6_3b78;
/// x to the power of zero.
const ONE: u32 = 1 << 31;
/// x to the powers of two: enough for every length in bits.
const POWERS: [u32; 67] = powers();

/// The checksum times x to the power of eight for each byte, modulo the polynomial.
fn shift(crc: u32, bytes: usize) -> u32 {
    let mut shifted = crc;
    let mut rest = bytes;
    let mut power = 3; // eight bits a byte
    while rest != 0 {
        if rest & 1 == 1 {
            shifted = multiply(POWERS[power], shifted);
        }
        rest >>= 1;
        power += 1;
    }
    shifted
}

const fn multiply(a: u32, mut b: u32) -> u32 {
    let mut product = 0;
    let mut bit = ONE;
    while bit != 0 {
        if a & bit != 0 {
            product ^= b;
        }
        b = if b & 1 == 1 { b >> 1 ^ POLYNOMIAL } else { b >> 1 };
        bit >>= 1;
    }
    product
}

const fn powers() -> [u32; 67] {
    let mut powers = [ONE >> 1; 67];
    let mut i = 1;
    while i < powers.len() {
        powers[i] = multiply(powers[i - 1], powers[i - 1]);
        i += 1;
    }
    powers
}
