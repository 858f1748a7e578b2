//! Records of one partition that travel together.

use bytes::Bytes;
use odradek_machine::{Mono, Now};
use odradek_wire::batch::{HEADER_BYTES, Header, NewRecord, record_bytes_max};
use odradek_wire::ids::{ProducerEpoch, ProducerId, Sequence};

use super::Token;
use super::topic::Waiting;
use crate::record::ProducerRecord;

/// A record in hand, and whom to tell of its outcome.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) token: Token,
    /// Which flush waits for it: all that were asked for later.
    pub(super) generation: u64,
    pub(super) timestamp: i64,
    pub(super) key: Option<Bytes>,
    pub(super) value: Option<Bytes>,
    pub(super) headers: Vec<Header>,
    /// Its share of `buffer.memory`: an upper bound of its length in a batch without compression.
    pub(super) bytes: usize,
}

impl Pending {
    /// A record that has found its partition.
    pub(super) fn new(now: Now, waiting: Waiting) -> Pending {
        let Waiting { token, generation, record, bytes, .. } = waiting;
        let headers = record.headers.into_iter().map(|h| Header { key: Bytes::copy_from_slice(h.key.as_bytes()), value: h.value });
        let timestamp = record.timestamp.unwrap_or(now.wall.0);
        Pending { token, generation, timestamp, key: record.key, value: record.value, headers: headers.collect(), bytes }
    }

    /// As it will be encoded.
    pub(super) fn as_new(&self) -> NewRecord<'_> {
        NewRecord { timestamp_ms: self.timestamp, key: self.key.as_deref(), value: self.value.as_deref(), headers: &self.headers }
    }
}

/// The header of a batch (format 2).
pub(super) const BATCH_OVERHEAD_BYTES: usize = HEADER_BYTES;

/// An upper bound of what a record takes in a batch.
pub(super) fn record_bytes(record: &ProducerRecord) -> usize {
    let of = |bytes: &Option<Bytes>| bytes.as_ref().map(Bytes::len);
    record_bytes_max(of(&record.key), of(&record.value), record.headers.iter().map(|h| (h.key.len(), of(&h.value))))
}

/// A batch, from its first record to its outcome.
#[derive(Debug)]
pub(super) struct Batch {
    /// Never reused within a producer's life.
    pub(super) id: u64,
    pub(super) records: Vec<Pending>,
    /// Before compression.
    pub(super) bytes: usize,
    /// It takes no more records, full or not.
    pub(super) closed: bool,
    pub(super) created: Mono,
    pub(super) state: BatchState,
    /// Whose batch it is and where it stands, for idempotent producers; set when it is first sent.
    pub(super) stamp: Option<Stamp>,
    /// As it was sent; a retry repeats it byte for byte.
    pub(super) encoded: Option<Bytes>,
    pub(super) attempts: u32,
    /// Some attempt may have been appended although no acknowledgment came.
    pub(super) doubt: bool,
    /// Its records have their outcome already; it stays until the attempt in flight ends.
    pub(super) abandoned: bool,
}

/// Where a batch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BatchState {
    /// In hand, and not to be sent before an instant.
    Ready { from: Mono },
    /// On its way; `first` says that every batch before it had its outcome when it was sent.
    InFlight { first: bool },
}

/// The place of a batch in the sequence of an idempotent producer (KIP-98).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) producer: ProducerId,
    pub(super) epoch: ProducerEpoch,
    pub(super) base: Sequence,
}

impl Batch {
    pub(super) const fn new(id: u64, now: Mono) -> Batch {
        Batch {
            id,
            records: Vec::new(),
            bytes: BATCH_OVERHEAD_BYTES,
            closed: false,
            created: now,
            state: BatchState::Ready { from: now },
            stamp: None,
            encoded: None,
            attempts: 0,
            doubt: false,
            abandoned: false,
        }
    }

    pub(super) fn push(&mut self, record: Pending) {
        self.bytes = self.bytes_with(&record);
        self.records.push(record);
    }

    /// How long it would be with one record more, before compression.
    pub(super) fn bytes_with(&self, record: &Pending) -> usize {
        let base_timestamp = self.records.first().unwrap_or(record).timestamp;
        self.bytes + record.as_new().size_bytes(self.records.len() as i32, base_timestamp)
    }

    /// True if a record fits in, as far as compression can be foretold.
    pub(super) fn has_room(&self, record: &Pending, batch_bytes: usize, ratio: CompressionRatio) -> bool {
        !self.closed && ratio.estimate(self.bytes_with(record)) <= self.limit(batch_bytes)
    }

    /// True if it takes no more, as far as compression can be foretold.
    pub(super) fn is_full(&self, batch_bytes: usize, ratio: CompressionRatio) -> bool {
        self.closed || ratio.estimate(self.bytes) >= self.limit(batch_bytes)
    }

    /// `batch.size`, or what the first record may take if that is more, as the Java client has it; 0 allows one record.
    fn limit(&self, batch_bytes: usize) -> usize {
        match self.records.first() {
            Some(first) if batch_bytes > 0 => batch_bytes.max(BATCH_OVERHEAD_BYTES + first.bytes),
            _ => batch_bytes,
        }
    }

    pub(super) const fn is_in_flight(&self) -> bool {
        matches!(self.state, BatchState::InFlight { .. })
    }

    /// Splits off the later half of the records, whose sequences follow those of the first. `id` is for the new batch.
    pub(super) fn split(&mut self, id: u64) -> Batch {
        let moved = self.records.split_off(self.records.len() / 2);
        let kept = std::mem::take(&mut self.records);
        let stamp = self.stamp.map(|s| Stamp { base: s.base.plus(kept.len() as i32), ..s });
        let mut later = Batch { closed: true, state: self.state, stamp, doubt: self.doubt, ..Batch::new(id, self.created) };
        (self.bytes, self.encoded) = (BATCH_OVERHEAD_BYTES, None);
        kept.into_iter().for_each(|record| self.push(record));
        moved.into_iter().for_each(|record| later.push(record));
        later
    }
}

/// How well the batches of a topic compress, in thousandths of their length; compressed batches are filled by it (as Kafka's CompressionRatioEstimator).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CompressionRatio(u32);

impl CompressionRatio {
    /// Nothing is gained.
    pub(super) const NONE: CompressionRatio = CompressionRatio(1000);

    /// What `bytes` will be, give or take.
    pub(super) const fn estimate(self, bytes: usize) -> usize {
        bytes / 1000 * self.0 as usize + bytes % 1000 * self.0 as usize / 1000
    }

    /// A batch was compressed: believes at once that it got worse, and slowly that it got better.
    pub(super) fn observe(&mut self, plain: usize, compressed: usize) {
        let observed = (compressed.saturating_mul(1000) / plain.max(1)).clamp(1, 1000) as u32;
        self.0 = if observed > self.0 { observed.max(self.0 + 50).min(1000) } else { observed.max(self.0.saturating_sub(5)) };
    }
}
