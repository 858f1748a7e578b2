//! A window over a file: small reads beside each other become one.

use bytes::Bytes;

use super::ReadAt;
use crate::disk::DiskError;

/// What one read fetches at the least, where payload is looked at too.
pub(super) const PAYLOAD_BYTES: u64 = 1 << 20;
/// What one read fetches at the least, where only headers are.
pub(super) const HEADERS_BYTES: u64 = 64 << 10;

/// The bytes read last, and how many were read in all.
pub(super) struct Window<'a> {
    file: &'a mut dyn ReadAt,
    /// Nothing at or beyond is looked at.
    pub(super) end: u64,
    ahead: u64,
    at: u64,
    held: Bytes,
    /// Bytes read so far.
    pub(super) read: u64,
}

impl<'a> Window<'a> {
    /// A window below `until`; each read fetches `ahead` bytes at the least.
    pub(super) fn new(file: &'a mut dyn ReadAt, until: u64, ahead: u64) -> Window<'a> {
        let end = file.length().min(until);
        Window { file, end, ahead, at: 0, held: Bytes::new(), read: 0 }
    }

    /// The bytes of a stretch, a piece at a time: a length that fits may be that of a torn batch, and as long as the file.
    pub(super) fn pieces(&mut self, from: u64, end: u64, mut each: impl FnMut(&[u8])) -> Result<(), DiskError> {
        let mut at = from;
        while at < end {
            let piece = self.get(at, (end - at).min(PAYLOAD_BYTES))?;
            if piece.is_empty() {
                break;
            }
            each(&piece);
            at += piece.len() as u64;
        }
        Ok(())
    }

    /// The bytes from `at`: `length` of them, or what there is before the end.
    pub(super) fn get(&mut self, at: u64, length: u64) -> Result<Bytes, DiskError> {
        let length = length.min(self.end.saturating_sub(at));
        if at < self.at || at + length > self.at + self.held.len() as u64 {
            self.held = self.file.read_at(at, length.max(self.ahead).min(self.end - at))?;
            self.at = at;
            self.read += self.held.len() as u64;
        }
        let from = (at - self.at) as usize;
        // A file that became shorter since it was measured gives less than was asked for.
        let to = (from + length as usize).min(self.held.len());
        Ok(self.held.slice(from..to))
    }
}
