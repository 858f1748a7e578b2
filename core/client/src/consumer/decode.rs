//! The bytes of a fetched partition into records: control records and aborted ones are passed over, positions move on.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use odradek_wire::batch::{Batch, BatchError, Batches, Record};
use odradek_wire::control::ControlRecord;
use odradek_wire::messages::fetch_response::AbortedTransaction;

use crate::config::Isolation;
use crate::record::{ConsumerRecord, Header};

/// What a fetched partition holds from a position on.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Decoded {
    pub(super) records: Vec<ConsumerRecord>,
    /// The offset behind the last whole batch, and that batch's leader epoch; `None` if there was no batch.
    pub(super) end: Option<(i64, i32)>,
    /// Why decoding stopped before the end, and at which offset.
    pub(super) damage: Option<(i64, BatchError)>,
}

/// How to read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    pub(super) from: i64,
    pub(super) isolation: Isolation,
    pub(super) check_crcs: bool,
}

/// Reads whole batches; a partial one at the end is left, since a broker cuts its answer anywhere. What was read before damage is given all the same.
pub(super) fn decode(bytes: Bytes, aborted: &[AbortedTransaction], reading: Reading) -> Decoded {
    let mut decoded = Decoded::default();
    let mut aborts = Aborts::new(aborted, reading.isolation);
    let mut at = reading.from;
    for batch in Batches::new(bytes) {
        let taken = batch.and_then(|batch| Ok((take(&batch, &mut aborts, reading, at, &mut decoded.records)?, batch)));
        match taken {
            Ok((end, batch)) => {
                at = at.max(end);
                decoded.end = Some((at, batch.header().leader_epoch.0));
            }
            Err(damage) => {
                decoded.damage = Some((at, damage));
                break;
            }
        }
    }
    decoded
}

/// Takes the records of a batch whose reading begins at `at`; gives the offset behind it. Offsets are checked, since a position may not go back.
fn take(batch: &Batch, aborts: &mut Aborts, reading: Reading, at: i64, records: &mut Vec<ConsumerRecord>) -> Result<i64, BatchError> {
    let header = *batch.header();
    let (base_offset, last_offset_delta) = (header.base_offset.0, header.last_offset_delta);
    let end = base_offset.checked_add(i64::from(last_offset_delta)).and_then(|last| last.checked_add(1));
    let end = end.filter(|end| base_offset >= 0 && *end > base_offset).ok_or(BatchError::OffsetRange { base_offset, last_offset_delta })?;
    if end <= reading.from {
        return Ok(end); // compaction and batching give more than was asked for
    }
    if reading.check_crcs {
        batch.clone().check()?;
    }
    aborts.reach(end - 1);
    if header.attributes.is_control() {
        marker(batch, aborts)?;
        return Ok(end);
    }
    if header.attributes.is_transactional() && aborts.is_aborted(header.producer_id) {
        return Ok(end);
    }
    let before = records.len();
    let mut next = at;
    for (record, index) in batch.records(DECODED_BYTES_MAX)?.zip(0..) {
        let record = record.inspect_err(|_| records.truncate(before))?;
        if record.offset.0 < reading.from {
            continue;
        }
        if record.offset.0 < next || record.offset.0 >= end {
            records.truncate(before);
            return Err(BatchError::Record { index, what: "offset out of order" });
        }
        next = record.offset.0 + 1;
        records.push(of(record, header.leader_epoch.0, header.attributes.timestamp_type()));
    }
    Ok(end)
}

/// A batch of control records: an abort ends the aborted transaction of its producer.
fn marker(batch: &Batch, aborts: &mut Aborts) -> Result<(), BatchError> {
    for record in batch.records(DECODED_BYTES_MAX)? {
        if let Ok(ControlRecord::Abort { .. }) = ControlRecord::decode(&record?) {
            aborts.ended(batch.header().producer_id);
        }
    }
    Ok(())
}

fn of(record: Record, leader_epoch: i32, timestamp_type: crate::record::TimestampType) -> ConsumerRecord {
    let headers = record.headers.into_iter().map(|h| Header { key: Arc::from(String::from_utf8_lossy(&h.key)), value: h.value });
    ConsumerRecord {
        offset: record.offset.0,
        leader_epoch,
        timestamp: record.timestamp_ms,
        timestamp_type,
        key: record.key,
        value: record.value,
        headers: headers.collect(),
    }
}

/// Producers whose open transaction, at this place of the log, is known to end in an abort (KIP-98).
struct Aborts {
    /// First offset and producer, the smallest last. Brokers should sort them, and not all do.
    ahead: Vec<(i64, i64)>,
    open: BTreeSet<i64>,
}

impl Aborts {
    fn new(aborted: &[AbortedTransaction], isolation: Isolation) -> Aborts {
        let mut ahead: Vec<(i64, i64)> = match isolation {
            Isolation::ReadCommitted => aborted.iter().map(|t| (t.first_offset, t.producer_id)).collect(),
            Isolation::ReadUncommitted => Vec::new(),
        };
        ahead.sort_unstable_by(|a, b| b.cmp(a));
        Aborts { ahead, open: BTreeSet::new() }
    }

    /// The reading comes to a batch that ends at this offset.
    fn reach(&mut self, last_offset: i64) {
        while let Some((_, producer)) = self.ahead.pop_if(|(first, _)| *first <= last_offset) {
            self.open.insert(producer);
        }
    }

    fn ended(&mut self, producer: i64) {
        self.open.remove(&producer);
    }

    fn is_aborted(&self, producer: i64) -> bool {
        self.open.contains(&producer)
    }
}

/// What one batch may decompress to; more is taken for damage.
const DECODED_BYTES_MAX: usize = 256 << 20;
