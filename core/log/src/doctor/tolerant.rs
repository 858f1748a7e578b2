//! A file of which some sectors cannot be read: they are taken for zeros, and remembered.

use bytes::{Bytes, BytesMut};

use crate::disk::DiskError;
use crate::work::ReadAt;

/// What a disk gives back or not, at once.
const SECTOR_BYTES: u64 = 4096;

/// Bytes that the disk does not give back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Where they begin.
    pub at: u64,
    /// How many.
    pub bytes: u64,
    /// What the disk said.
    pub says: String,
}

/// A file that is read in spite of its disk. A batch with such bytes has another checksum, and is found damaged where it begins.
pub struct TolerantFile<'a> {
    file: &'a mut dyn ReadAt,
    /// What could not be read so far, each once.
    pub unreadable: Vec<Unreadable>,
}

impl<'a> TolerantFile<'a> {
    /// Reads this file.
    pub fn new(file: &'a mut dyn ReadAt) -> TolerantFile<'a> {
        TolerantFile { file, unreadable: Vec::new() }
    }

    fn sector(&mut self, at: u64, length: u64) -> Bytes {
        match self.file.read_at(at, length) {
            Ok(bytes) => bytes,
            Err(error) => {
                self.remember(at, length, error.says);
                Bytes::from(vec![0; length as usize])
            }
        }
    }

    fn remember(&mut self, at: u64, bytes: u64, says: String) {
        if self.unreadable.iter().any(|u| u.at <= at && at + bytes <= u.at + u.bytes) {
            return;
        }
        match self.unreadable.last_mut().filter(|u| u.at + u.bytes == at) {
            Some(last) => last.bytes += bytes,
            None => self.unreadable.push(Unreadable { at, bytes, says }),
        }
    }
}

impl ReadAt for TolerantFile<'_> {
    fn length(&self) -> u64 {
        self.file.length()
    }

    fn read_at(&mut self, at: u64, length: u64) -> Result<Bytes, DiskError> {
        if let Ok(bytes) = self.file.read_at(at, length) {
            return Ok(bytes);
        }
        let end = (at + length).min(self.length());
        let mut read = BytesMut::new();
        let mut from = at;
        while from < end {
            let until = (from / SECTOR_BYTES + 1) * SECTOR_BYTES;
            let sector = self.sector(from, until.min(end) - from);
            if sector.is_empty() {
                break;
            }
            read.extend_from_slice(&sector);
            from += sector.len() as u64;
        }
        Ok(read.freeze())
    }
}
