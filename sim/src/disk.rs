//! A disk that breaks as disks do: for each sector the durable bytes, the cached bytes and whether it is dirty; and a journal of directory entries.
//!
//! A *kill* keeps the cache. A *power cut* keeps any legal subset of the dirty sectors, also within one file and in any order, and each change of
//! the directory by itself, as long as changes of one entry survive in their order (a rename is old or new, never neither).

use bytes::Bytes;
use odradek_log::disk::Name;

/// One log directory of one node.
#[derive(Clone, Debug, Default)]
pub struct Disk {}

impl Disk {
    /// Every file that a power cut at this moment would surely leave under its name, in the order of their names.
    pub fn surely_named(&self) -> Vec<Name> {
        Vec::new()
    }

    /// What a power cut at this moment would surely leave of a range of a file under this name: its bytes, or `None` if any of them could change or vanish.
    pub fn surely_holds(&self, _name: &Name, _at: u64, _length: u64) -> Option<Bytes> {
        None
    }

    /// The length below which no power cut could take a byte of this file; `None` if its name itself could vanish.
    pub fn surely_long(&self, _name: &Name) -> Option<u64> {
        None
    }
}
