//! The rolling hash of a run: equal for equal runs, and no more than a few nanoseconds an event.

use std::fmt;

/// Everything that happened so far, in one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RollingHash(u64);

impl Default for RollingHash {
    fn default() -> RollingHash {
        RollingHash(0x6f64_7261_6465_6b21)
    }
}

impl RollingHash {
    /// Takes a number.
    pub const fn number(&mut self, word: u64) {
        let mixed = (self.0.rotate_left(29) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ (mixed >> 32);
    }

    /// Takes bytes, eight at a time.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.number(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        self.number(u64::from_le_bytes(last));
    }

    /// Folded to half its size, where it stands for a checksum.
    pub const fn folded(self) -> u32 {
        (self.0 ^ (self.0 >> 32)) as u32
    }

    /// Takes text.
    pub fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }
}

impl fmt::Display for RollingHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}
