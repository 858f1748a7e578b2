//! The small files beside the segments: leader epochs and producer snapshots.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use odradek_wire::ids::{Offset, ProducerEpoch, ProducerId, Sequence};

use super::recovered::RecoveredProducer;
use super::{Log, Pending};
use crate::output::{Output, Request, Token};
use crate::producers::ProducerBatchMeta;
use crate::segment::file_name;

impl Log {
    /// Writes the epochs down. Until that is durable, the recovery point stays at or below `from`: recovery reads newer epochs out of the batches.
    pub(super) fn save_epochs(&mut self, from: Offset, out: &mut Vec<Output>) {
        self.epochs_unsaved_from = Some(self.epochs_unsaved_from.map_or(from, |f| f.min(from)));
        let token = self.token(Pending::Epochs);
        self.epochs_saving = Some(token);
        let name = self.setup.name.join("leader-epoch-checkpoint");
        out.push(Output::Dir(Request::Replace { token, name, bytes: Bytes::from(self.epochs.to_text()) }));
    }

    pub(super) fn epochs_saved(&mut self, token: Token, failed: bool, out: &mut Vec<Output>) {
        if self.epochs_saving == Some(token) {
            self.epochs_saving = None;
            if !failed {
                self.epochs_unsaved_from = None;
            }
        }
        self.moved(out);
    }

    /// Tries again what failed; where nothing did, does nothing.
    pub(super) fn save_epochs_again(&mut self, out: &mut Vec<Output>) {
        if let (None, Some(from)) = (self.epochs_saving, self.epochs_unsaved_from) {
            self.save_epochs(from, out);
        }
    }

    /// Writes the state of producers at `at`, which must be the log end as producer state knows it.
    pub(super) fn write_snapshot(&mut self, at: Offset, out: &mut Vec<Output>) {
        if !self.snapshots.insert(at) {
            return;
        }
        let token = self.token(Pending::Snapshot(at));
        let name = file_name(&self.setup.name, at, "snapshot");
        out.push(Output::Dir(Request::WriteNew { token, name, bytes: encode_snapshot(&self.producers.entries()) }));
    }

    /// A snapshot that could not be written is not missed: an older one and the log replace it.
    pub(super) fn snapshot_written(&mut self, at: Offset, failed: bool) {
        if failed {
            self.snapshots.remove(&at);
        }
    }
}

/// A producer snapshot, version 1: of each producer the last batch.
pub(super) fn encode_snapshot(producers: &[RecoveredProducer]) -> Bytes {
    let mut body = BytesMut::new();
    body.put_i32(i32::try_from(producers.len()).expect("memory ends before two billion producers"));
    for p in producers {
        let last = p.batches.last();
        body.put_i64(p.id.0);
        body.put_i16(p.epoch.0);
        body.put_i32(last.map_or(-1, |b| b.last_sequence.0));
        body.put_i64(last.map_or(-1, |b| b.last_offset.0));
        body.put_i32(last.map_or(0, |b| b.offset_delta));
        body.put_i64(p.last_timestamp_ms);
        body.put_i32(p.coordinator_epoch);
        body.put_i64(p.transaction_start.map_or(-1, |o| o.0));
    }
    let mut file = BytesMut::with_capacity(6 + body.len());
    file.put_i16(1);
    file.put_u32(odradek_wire::batch::crc32c(&body));
    file.put(body);
    file.freeze()
}

/// What a producer snapshot holds; `None` if it is no such thing.
pub(super) fn decode_snapshot(bytes: &Bytes) -> Option<Vec<RecoveredProducer>> {
    let mut body = bytes.clone();
    if body.try_get_i16().ok()? != 1 || body.try_get_u32().ok()? != odradek_wire::batch::crc32c(&body) {
        return None;
    }
    let count = body.try_get_i32().ok()?;
    (0..count).map(|_| decode_producer(&mut body)).collect()
}

fn decode_producer(body: &mut Bytes) -> Option<RecoveredProducer> {
    let id = ProducerId(body.try_get_i64().ok()?);
    let epoch = ProducerEpoch(body.try_get_i16().ok()?);
    let last_sequence = body.try_get_i32().ok()?;
    let last_offset = Offset(body.try_get_i64().ok()?);
    let offset_delta = body.try_get_i32().ok()?;
    let last_timestamp_ms = body.try_get_i64().ok()?;
    let coordinator_epoch = body.try_get_i32().ok()?;
    let transaction_start = Some(body.try_get_i64().ok()?).filter(|o| *o >= 0).map(Offset);
    let batch = ProducerBatchMeta { last_sequence: Sequence(last_sequence), last_offset, offset_delta, timestamp_ms: last_timestamp_ms };
    let batches = if last_sequence >= 0 { vec![batch] } else { Vec::new() };
    Some(RecoveredProducer { id, epoch, batches, last_timestamp_ms, coordinator_epoch, transaction_start })
}
