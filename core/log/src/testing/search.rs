//! The work of a log, done the simple way: by walking everything.

use bytes::Bytes;
use odradek_wire::batch::{Batch, Batches};
use odradek_wire::ids::Offset;

use crate::log::incoming::Incoming;
use crate::output::{BatchAt, RecordAt, Work, WorkDone};

pub(crate) fn run(work: &Work, bytes: &[u8]) -> WorkDone {
    match *work {
        Work::FindOffset { from, until, offset, .. } => {
            let mut found = walk(bytes, from, until);
            WorkDone::Batch(found.find(|(_, b)| b.header().last_offset() >= offset).map(|(at, b)| BatchAt {
                base: b.header().base_offset,
                last: b.header().last_offset(),
                at,
                length: b.header().size_bytes() as u64,
                max_timestamp_ms: b.header().max_timestamp_ms,
                epoch: b.header().leader_epoch,
            }))
        }
        Work::FindTimestamp { from, until, offset, timestamp_ms, .. } => {
            WorkDone::Record(records(bytes, from, until).find(|r| r.offset >= offset && r.timestamp_ms >= timestamp_ms))
        }
        Work::FindNewest { from, until, timestamp_ms, .. } => {
            let batch = walk(bytes, from, until).find(|(_, b)| b.header().max_timestamp_ms == timestamp_ms);
            let of_it =
                batch.and_then(|(at, b)| records(bytes, at, at + b.header().size_bytes() as u64).find(|r| r.timestamp_ms == timestamp_ms));
            WorkDone::Record(of_it)
        }
        Work::SearchOffsets { base, offset, .. } => {
            let entries = bytes.chunks_exact(8).map(|e| (number(&e[..4]), number(&e[4..])));
            WorkDone::Position(
                entries.filter(|(last, _)| base.0 + last <= offset.0).map(|(_, at)| at.unsigned_abs()).next_back().unwrap_or(0),
            )
        }
        Work::SearchTimes { base, timestamp_ms, .. } => {
            let entries = bytes.chunks_exact(12).map(|e| (i64::from_be_bytes(e[..8].try_into().expect("eight")), number(&e[8..])));
            WorkDone::Offset(entries.filter(|(t, _)| *t <= timestamp_ms).map(|(_, last)| Offset(base.0 + last)).next_back().unwrap_or(base))
        }
        Work::Headers { from, until, most, .. } => {
            let mut next = from;
            let batches = walk(bytes, from, until).take(most as usize).map(|(at, b)| {
                next = at + b.header().size_bytes() as u64;
                Incoming::replicated(b.check().expect("a log can be read")).expect("a log can be read")
            });
            let batches = batches.map(|b| Incoming { body: crate::log::incoming::Body::Absent, ..b }).collect();
            WorkDone::Headers { batches, next }
        }
    }
}

fn records(bytes: &[u8], from: u64, until: u64) -> impl Iterator<Item = RecordAt> {
    walk(bytes, from, until).flat_map(|(_, b)| {
        let epoch = b.header().leader_epoch;
        let records: Vec<_> =
            b.check().and_then(|b| b.records(1 << 24)).expect("a log can be read").map(|r| r.expect("a log can be read")).collect();
        records.into_iter().map(move |r| RecordAt { offset: r.offset, timestamp_ms: r.timestamp_ms, epoch })
    })
}

fn walk(bytes: &[u8], from: u64, until: u64) -> impl Iterator<Item = (u64, Batch)> {
    let until = (until as usize).min(bytes.len());
    let mut at = from;
    Batches::new(Bytes::copy_from_slice(&bytes[from as usize..until])).map(move |b| {
        let b = b.expect("a log can be walked");
        let here = at;
        at += b.header().size_bytes() as u64;
        (here, b)
    })
}

fn number(bytes: &[u8]) -> i64 {
    i64::from(i32::from_be_bytes(bytes.try_into().expect("four")))
}
