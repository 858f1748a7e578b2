//! Scans and searches over segments that are whole, cut and bent.

mod scans;
mod searches;
mod surveys;

use bytes::Bytes;
use odradek_machine::Guards;
use odradek_wire::batch::{BatchProducer, Builder, NewRecord};
use odradek_wire::codec::Codec;
use odradek_wire::control::ControlRecord;
use odradek_wire::ids::{LeaderEpoch, Offset, ProducerEpoch, ProducerId, Sequence};

use super::ReadAt;
use super::scan::{Depth, Scan};
use crate::disk::{DiskError, FileId};

/// A file in memory; counts what is read.
pub(crate) struct InMemory {
    pub(crate) bytes: Bytes,
    pub(crate) largest_read: u64,
}

impl InMemory {
    pub(crate) fn new(bytes: impl Into<Bytes>) -> InMemory {
        InMemory { bytes: bytes.into(), largest_read: 0 }
    }
}

impl ReadAt for InMemory {
    fn length(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read_at(&mut self, at: u64, length: u64) -> Result<Bytes, DiskError> {
        self.largest_read = self.largest_read.max(length);
        let from = (at as usize).min(self.bytes.len());
        Ok(self.bytes.slice(from..(from + length as usize).min(self.bytes.len())))
    }
}

/// A batch with these values at an offset.
pub(crate) fn batch(base: i64, epoch: i32, values: &[&str], codec: Codec) -> Bytes {
    let mut b = Builder::new(codec).at(Offset(base), LeaderEpoch(epoch));
    for (i, value) in values.iter().enumerate() {
        b.push(NewRecord { timestamp_ms: 1000 + base + i as i64, value: Some(value.as_bytes()), ..NewRecord::default() });
    }
    b.build_bytes()
}

/// The same of a producer.
pub(crate) fn produced(base: i64, values: &[&str], id: i64, sequence: i32, transactional: bool) -> Bytes {
    let mut b = Builder::new(Codec::None).at(Offset(base), LeaderEpoch(0));
    for value in values {
        b.push(NewRecord { timestamp_ms: 1000 + base, value: Some(value.as_bytes()), ..NewRecord::default() });
    }
    b.set_producer(BatchProducer { id: ProducerId(id), epoch: ProducerEpoch(0), base_sequence: Some(Sequence(sequence)) }, transactional);
    b.build_bytes()
}

/// A transaction marker at an offset.
pub(crate) fn marker(base: i64, commit: bool, id: i64) -> Bytes {
    let mut b = Builder::new(Codec::None).control().at(Offset(base), LeaderEpoch(0));
    let record = if commit { ControlRecord::Commit { coordinator_epoch: 1 } } else { ControlRecord::Abort { coordinator_epoch: 1 } };
    record.push(1000 + base, &mut b);
    b.set_producer(BatchProducer { id: ProducerId(id), epoch: ProducerEpoch(0), base_sequence: None }, true);
    b.build_bytes()
}

/// Runs a scan to its end, slice by slice.
pub(crate) fn run(mut scan: Scan, file: &mut InMemory) -> Scan {
    while scan.end.is_none() {
        scan.slice(file).expect("memory does not fail");
    }
    scan
}

/// A scan of a whole segment with checksums.
pub(crate) fn recover(bytes: impl Into<Bytes>) -> Scan {
    run(Scan::new(FileId(1), Offset(0), Depth::Checksums, Guards::ALL_ON), &mut InMemory::new(bytes))
}
