//! A reader of segment files that shares no code with the core: it believes only bytes that every legal power cut would leave.

use odradek_log::disk::Name;
use odradek_wire::ids::Offset;

use super::batches::{HEADER, Header, base_of, field};
use crate::disk::Disk;

/// What was found of an offset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A batch that holds it, whole.
    Whole,
    /// The segment that should hold it, without it; and why.
    Missing(String),
    /// No segment that could hold it.
    NoSegment,
}

/// Remembers how far it has walked, so that each byte is read once for all acknowledgments.
#[derive(Clone, Debug, Default)]
pub struct SegmentReader {
    segment: Option<Name>,
    position: u64,
    next: i64,
}

impl SegmentReader {
    /// Looks for an offset in the segments of a directory. `behind` says where batches end, with the offset behind them, that begin at a byte of a file and
    /// that the world destroyed.
    pub fn find(&mut self, disk: &Disk, directory: &Name, offset: Offset, behind: impl Fn(&Name, u64) -> Option<(u64, i64)>) -> Found {
        let Some((base, name)) = segment_of(disk, directory, offset) else { return Found::NoSegment };
        if self.segment.as_ref() != Some(&name) || self.next > offset.0 {
            *self = SegmentReader { segment: Some(name.clone()), position: 0, next: base };
        }
        let Some(length) = disk.surely_long(&name) else { return Found::Missing(format!("the name {name} is not synced")) };
        loop {
            if self.next > offset.0 {
                return Found::Whole;
            }
            if let Some((position, next)) = behind(&name, self.position) {
                (self.next, self.position) = (next, position);
                continue;
            }
            match walk(disk, &name, self.position, length) {
                Ok((next, position)) => (self.next, self.position) = (next, position),
                Err(why) => return Found::Missing(format!("{name} at byte {}: {why}", self.position)),
            }
        }
    }
}

/// The segment with the largest base that is not above the offset, among files that every power cut would leave.
fn segment_of(disk: &Disk, directory: &Name, offset: Offset) -> Option<(i64, Name)> {
    let segments = disk.surely_named_in(directory).filter_map(|file| Some((base_of(file)?, file)));
    let (base, file) = segments.filter(|(base, _)| *base <= offset.0).max_by_key(|(base, _)| *base)?;
    Some((base, directory.join(file)))
}

/// The offset and the position behind the batch at a position.
fn walk(disk: &Disk, name: &Name, at: u64, length: u64) -> Result<(i64, u64), String> {
    if at + HEADER > length {
        return Err(format!("only {length} bytes are durable"));
    }
    let header = disk.surely_holds(name, at, HEADER).ok_or("its header is not durable")?;
    let Header { next, bytes, .. } = Header::parse(&header).ok_or("what stands there is no batch")?;
    if at + bytes > length {
        return Err(format!("a batch of {bytes} bytes stands there, and only {length} bytes are durable"));
    }
    let whole = disk.surely_holds(name, at, bytes).ok_or("its bytes are not durable")?;
    if crc(&whole[21..]) != u32::from_be_bytes(field(&whole, 17)) {
        return Err("its checksum does not hold".to_owned());
    }
    Ok((next, at + bytes))
}

/// CRC-32C, eight bytes at a time: `TABLES[n]` is what a byte does to the sum when n more come behind it.
fn crc(bytes: &[u8]) -> u32 {
    let (eights, rest) = bytes.as_chunks::<8>();
    let sum = eights.iter().fold(u32::MAX, |sum, eight| {
        let word = u64::from_le_bytes(*eight) ^ u64::from(sum);
        (0..8).fold(0, |sum, n| sum ^ TABLES[7 - n][(word >> (8 * n)) as usize & 0xff])
    });
    !rest.iter().fold(sum, |sum, byte| TABLES[0][((sum ^ u32::from(*byte)) & 0xff) as usize] ^ (sum >> 8))
}

static TABLES: [[u32; 256]; 8] = tables();

const fn tables() -> [[u32; 256]; 8] {
    let mut tables = [[0u32; 256]; 8];
    let mut n = 0;
    while n < 256 {
        let mut sum = n as u32;
        let mut bit = 0;
        while bit < 8 {
            sum = if sum & 1 == 1 { (sum >> 1) ^ 0x82f6_3b78 } else { sum >> 1 };
            bit += 1;
        }
        tables[0][n] = sum;
        n += 1;
    }
    let mut n = 256;
    while n < 8 * 256 {
        let before = tables[n / 256 - 1][n % 256];
        tables[n / 256][n % 256] = tables[0][(before & 0xff) as usize] ^ (before >> 8);
        n += 1;
    }
    tables
}

#[cfg(test)]
pub mod tests {
    use bytes::Bytes;

    use super::*;

    /// A batch of `records` records that nobody can decode and whose checksum holds.
    pub fn batch(base: i64, records: i32) -> Bytes {
        let mut bytes = vec![0u8; 100];
        bytes[..8].copy_from_slice(&base.to_be_bytes());
        bytes[8..12].copy_from_slice(&88u32.to_be_bytes());
        bytes[16] = 2;
        bytes[23..27].copy_from_slice(&(records - 1).to_be_bytes());
        let sum = crc(&bytes[21..]);
        bytes[17..21].copy_from_slice(&sum.to_be_bytes());
        bytes.into()
    }

    #[test]
    fn the_checksum_is_castagnolis() {
        assert_eq!(crc(b"123456789"), 0xe306_9283);
        // RFC 3720, B.4.
        assert_eq!(crc(&[0; 32]), 0x8a91_36aa);
        let up: Vec<u8> = (0..32).collect();
        assert_eq!(crc(&up), 0x46dd_794e);
    }
}
