//! Variable-length integers of record bodies: base 128, least group first, signed ones in zigzag.

use bytes::BufMut;

/// The unsigned number at the front, and the bytes it takes. `None` if the bytes end before it does or it exceeds 32 bits.
#[inline]
pub(crate) fn read_u32(bytes: &[u8]) -> Option<(u32, usize)> {
    if let Some(&first) = bytes.first()
        && first < 0x80
    {
        return Some((u32::from(first), 1));
    }
    let mut value = 0u32;
    for (i, &byte) in bytes.iter().take(5).enumerate() {
        if i == 4 && byte & 0xf0 != 0 {
            return None;
        }
        value |= u32::from(byte & 0x7f) << (7 * i);
        if byte < 0x80 {
            return Some((value, i + 1));
        }
    }
    None
}

/// The unsigned number at the front, and the bytes it takes. `None` if the bytes end before it does or it exceeds 64 bits.
#[inline]
pub(crate) fn read_u64(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0u64;
    for (i, &byte) in bytes.iter().take(10).enumerate() {
        if i == 9 && byte & 0xfe != 0 {
            return None;
        }
        value |= u64::from(byte & 0x7f) << (7 * i);
        if byte < 0x80 {
            return Some((value, i + 1));
        }
    }
    None
}

/// The signed number at the front.
#[inline]
pub(crate) fn read_i32(bytes: &[u8]) -> Option<(i32, usize)> {
    let (raw, len) = read_u32(bytes)?;
    Some(((raw >> 1) as i32 ^ -((raw & 1) as i32), len))
}

/// The signed number at the front.
#[inline]
pub(crate) fn read_i64(bytes: &[u8]) -> Option<(i64, usize)> {
    let (raw, len) = read_u64(bytes)?;
    Some(((raw >> 1) as i64 ^ -((raw & 1) as i64), len))
}

/// Appends an unsigned number.
pub(crate) fn put_u64(out: &mut impl BufMut, mut value: u64) {
    while value >= 0x80 {
        out.put_u8(value as u8 | 0x80);
        value >>= 7;
    }
    out.put_u8(value as u8);
}

/// Appends an unsigned number.
pub(crate) fn put_u32(out: &mut impl BufMut, value: u32) {
    put_u64(out, u64::from(value));
}

/// Appends a signed number.
pub(crate) fn put_i64(out: &mut impl BufMut, value: i64) {
    put_u64(out, zigzag(value));
}

/// Appends a signed number.
pub(crate) fn put_i32(out: &mut impl BufMut, value: i32) {
    put_i64(out, i64::from(value));
}

/// Bytes that a signed number takes.
pub(crate) fn len_i64(value: i64) -> usize {
    (64 - (zigzag(value) | 1).leading_zeros() as usize).div_ceil(7)
}

/// Bytes that a signed number takes.
pub(crate) fn len_i32(value: i32) -> usize {
    len_i64(i64::from(value))
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}
