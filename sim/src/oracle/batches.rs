//! Batches in the bytes of a segment, by a reading that shares no code with the core; and those of them that the world destroyed.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use odradek_log::disk::Name;
use odradek_wire::ids::{Offset, TopicPartition};

/// Bytes of a batch in front of its length's count.
const LOG_OVERHEAD: u64 = 12;
/// Bytes of a batch's header.
pub const HEADER: u64 = 61;

/// What the header of a batch says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The first offset.
    pub base: i64,
    /// The offset behind the last.
    pub next: i64,
    /// Bytes of the whole batch.
    pub bytes: u64,
}

impl Header {
    /// The header at the beginning of these bytes; `None` if no batch stands there.
    pub fn parse(bytes: &[u8]) -> Option<Header> {
        if (bytes.len() as u64) < HEADER {
            return None;
        }
        let base = i64::from_be_bytes(field(bytes, 0));
        let length = u64::from(u32::from_be_bytes(field(bytes, 8))) + LOG_OVERHEAD;
        let last = i64::from(i32::from_be_bytes(field(bytes, 23)));
        (length >= HEADER && bytes[16] == 2 && last >= 0 && base >= 0).then(|| Header { base, next: base + last + 1, bytes: length })
    }
}

/// So many bytes from a place on.
pub fn field<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..at + N].try_into().expect("the header is whole")
}

/// The partition whose log lies in a directory of this name.
pub fn partition_of(directory: &Name) -> Option<TopicPartition> {
    let (topic, partition) = directory.as_str().rsplit_once('-')?;
    let partition = partition.parse().ok().filter(|_| !topic.is_empty() && !topic.contains('/'))?;
    Some(TopicPartition { topic: Arc::from(topic), partition })
}

/// The base offset of the segment in a file of this name.
pub fn base_of(file: &str) -> Option<i64> {
    file.strip_suffix(".log")?.parse().ok()
}

/// Batches, one behind the other in a segment, that the world destroyed in part or whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Whose they were.
    pub at: TopicPartition,
    /// Where they stand in the segment.
    pub bytes: Range<u64>,
    /// Their offsets.
    pub offsets: Range<i64>,
    /// True if they stay destroyed; false if one reading alone went wrong.
    pub lasts: bool,
}

/// A segment: of which node, on which of its disks, and its file.
type Place = (usize, usize, Name);

/// Every batch that the world destroyed.
#[derive(Clone, Debug, Default)]
pub struct Destroyed {
    segments: BTreeMap<Place, Vec<Held>>,
}

impl Destroyed {
    /// The batches that destroyed bytes of a file belong to; `was` is the file without this destruction, which may hold earlier ones.
    pub fn held(&self, node: usize, disk: usize, file: &Name, bytes: &Range<u64>, was: &[u8], lasts: bool) -> Option<Held> {
        let (at, base) = (partition_of(&file.parent())?, base_of(file.file_name())?);
        let (mut from, mut next) = (0, base);
        let mut held: Option<Held> = None;
        while from < bytes.end {
            let (end, behind) = match self.behind(node, disk, file, from) {
                Some(behind) => behind,
                None => match Header::parse(was.get(from as usize..)?).filter(|header| from + header.bytes <= was.len() as u64) {
                    Some(header) => (from + header.bytes, header.next),
                    None => break,
                },
            };
            if end > bytes.start {
                let held = held.get_or_insert_with(|| Held { at: at.clone(), bytes: from..end, offsets: next..behind, lasts });
                (held.bytes.end, held.offsets.end) = (end, behind);
            }
            (from, next) = (end, behind);
        }
        held
    }

    /// Takes in batches that are destroyed.
    pub fn add(&mut self, node: usize, disk: usize, file: &Name, held: Held) {
        let segment = self.segments.entry((node, disk, file.clone())).or_default();
        if held.lasts {
            segment.retain(|known| !(held.bytes.start <= known.bytes.start && known.bytes.end <= held.bytes.end && known.at == held.at));
        }
        segment.push(held);
    }

    /// Where destroyed batches end that begin at this byte: their last byte's successor, and the offset behind the last.
    pub fn behind(&self, node: usize, disk: usize, file: &Name, at: u64) -> Option<(u64, i64)> {
        let segment = self.segments.get(&(node, disk, file.clone()))?;
        let held = segment.iter().find(|held| held.lasts && held.bytes.start == at)?;
        Some((held.bytes.end, held.offsets.end))
    }

    /// The destroyed batches that hold an offset, those that last first.
    pub fn holding(&self, at: &TopicPartition, offset: Offset) -> Option<&Held> {
        let mut all = self.segments.values().flatten().filter(|held| held.at == *at && held.offsets.contains(&offset.0));
        all.clone().find(|held| held.lasts).or_else(|| all.next())
    }

    /// A log was cut: what is written from there on is written anew.
    pub fn cut(&mut self, at: &TopicPartition, offset: Offset) {
        self.segments.values_mut().for_each(|segment| segment.retain(|held| held.at != *at || held.offsets.end <= offset.0));
    }
}

#[cfg(test)]
mod tests {
    use super::super::segment_reader::tests::batch;
    use super::super::testing::at;
    use super::*;

    fn segment() -> Vec<u8> {
        // Three batches of 100 bytes: offsets 10 to 13, 13 to 14, 14 to 20.
        [batch(10, 3), batch(13, 1), batch(14, 6)].concat()
    }

    fn file() -> Name {
        Name::from("orders-0/00000000000000000010.log")
    }

    fn held(destroyed: &Destroyed, bytes: Range<u64>, was: &[u8]) -> Option<(Range<u64>, Range<i64>)> {
        destroyed.held(0, 0, &file(), &bytes, was, true).map(|held| (held.bytes, held.offsets))
    }

    #[test]
    fn destroyed_bytes_are_those_of_the_batches_that_they_lie_in() {
        let none = Destroyed::default();
        assert_eq!(held(&none, 0..1, &segment()), Some((0..100, 10..13)));
        assert_eq!(held(&none, 99..101, &segment()), Some((0..200, 10..14)));
        assert_eq!(held(&none, 250..300, &segment()), Some((200..300, 14..20)));
        assert_eq!(held(&none, 300..400, &segment()), None);
        assert_eq!(none.held(0, 0, &Name::from("recovery-point-offset-checkpoint"), &(0..1), &segment(), true), None);
    }

    #[test]
    fn batches_behind_destroyed_ones_are_found_although_those_cannot_be_read() {
        let mut destroyed = Destroyed::default();
        let first = destroyed.held(0, 0, &file(), &(8..9), &segment(), true).expect("a batch stands there");
        destroyed.add(0, 0, &file(), first);
        let mut was = segment();
        was[8..12].fill(0xff);
        assert_eq!(held(&destroyed, 120..121, &was), Some((100..200, 13..14)));
        assert_eq!(held(&destroyed, 20..21, &was), Some((0..100, 10..13)));
        assert_eq!(held(&Destroyed::default(), 120..121, &was), None);
    }

    #[test]
    fn what_is_cut_is_not_destroyed_any_more() {
        let mut destroyed = Destroyed::default();
        for byte in [50, 250] {
            let held = destroyed.held(0, 0, &file(), &(byte..byte + 1), &segment(), true).expect("a batch stands there");
            destroyed.add(0, 0, &file(), held);
        }
        destroyed.cut(&at(), Offset(13));
        assert!(destroyed.holding(&at(), Offset(12)).is_some());
        assert!(destroyed.holding(&at(), Offset(13)).is_none() && destroyed.holding(&at(), Offset(15)).is_none());
    }
}
