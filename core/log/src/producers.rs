//! Producer state of one log: what makes a producer idempotent (KIP-98, KIP-360), and its open transactions.
//!
//! A batch is *judged* against the state, which changes nothing, and *accepted* once its append is: between the two lie the checks and the roll that may
//! still refuse it or write the state down (KAFKA-6683).

mod entry;
#[cfg(test)]
mod tests;
mod transactions;

use std::collections::BTreeSet;

use odradek_machine::{Guards, Map};
use odradek_wire::batch::BatchProducer;
use odradek_wire::ids::{Offset, ProducerEpoch, ProducerId, Sequence};

use crate::log::AppendError;
use crate::log::incoming::{Control, Incoming, Origin};
use crate::log::recovered::RecoveredProducer;
pub use entry::BATCHES_KEPT;
use entry::Entry;
pub use transactions::{CompletedTransaction, Transactions};

/// One batch that a producer appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProducerBatchMeta {
    /// Sequence of the last record.
    pub last_sequence: Sequence,
    /// Offset of the last record.
    pub last_offset: Offset,
    /// Last offset minus first offset.
    pub offset_delta: i32,
    /// The largest timestamp.
    pub timestamp_ms: i64,
}

impl ProducerBatchMeta {
    /// Offset of the first record.
    pub const fn base_offset(&self) -> Offset {
        self.last_offset.plus(-(self.offset_delta as i64))
    }

    /// Sequence of the first record.
    pub const fn base_sequence(&self) -> Sequence {
        self.last_sequence.plus(-self.offset_delta)
    }
}

/// What a log knows of one producer, as DescribeProducers tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProducerInfo {
    /// The producer.
    pub id: ProducerId,
    /// Its incarnation.
    pub epoch: ProducerEpoch,
    /// Sequence of its last record; `None` after a marker that bumped the epoch.
    pub last_sequence: Option<Sequence>,
    /// Time of its last append.
    pub last_timestamp_ms: i64,
    /// Epoch of the coordinator that wrote its last marker, −1 before any.
    pub coordinator_epoch: i32,
    /// Where its open transaction begins.
    pub transaction_start: Option<Offset>,
}

/// What a batch means to the producer state, found by [`Producers::judge`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The batch has no producer, or says nothing about one.
    Nothing,
    /// The batch is in order; its acceptance changes the state so.
    Fresh(Update),
    /// The batch is in the log already.
    Duplicate(ProducerBatchMeta),
}

/// A change of producer state that waits for its append to be accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Update {
    producer: ProducerId,
    epoch: ProducerEpoch,
    what: Change,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Batch { last_sequence: Sequence, offset_delta: i32, transactional: bool },
    Marker { commit: bool, coordinator_epoch: i32 },
}

/// The producers that a log remembers.
#[derive(Clone, Debug, Default)]
pub struct Producers {
    entries: Map<ProducerId, Entry>,
    /// By time of the last append: who expires next.
    by_age: BTreeSet<(i64, ProducerId)>,
    transactions: Transactions,
}

impl Producers {
    /// The state as a snapshot and a replay left it.
    pub fn recovered(producers: Vec<RecoveredProducer>) -> Producers {
        let mut state = Producers::default();
        for p in producers {
            if let Some(first) = p.transaction_start {
                state.transactions.begin(first, p.id);
            }
            state.by_age.insert((p.last_timestamp_ms, p.id));
            state.entries.insert(p.id, Entry::recovered(p));
        }
        state
    }

    /// What this batch means, and whether it may be appended. Changes nothing.
    ///
    /// # Errors
    /// Out of order, fenced, or outside its transaction; never for a replicated batch, whose leader has judged it (KAFKA-6003).
    pub fn judge(&self, batch: &Incoming, origin: Origin) -> Result<Verdict, AppendError> {
        let Some(producer) = batch.producer else { return Ok(Verdict::Nothing) };
        let entry = self.entries.get(&producer.id);
        let what = match (batch.control, producer.base_sequence) {
            (Some(Control::Raft), _) | (None, None) => return Ok(Verdict::Nothing),
            (Some(Control::Commit { coordinator_epoch }), _) => Change::Marker { commit: true, coordinator_epoch },
            (Some(Control::Abort { coordinator_epoch }), _) => Change::Marker { commit: false, coordinator_epoch },
            (None, Some(base)) => {
                let last_sequence = base.plus(batch.last_offset_delta);
                if origin == Origin::Client
                    && let Some(original) = entry.and_then(|e| e.duplicate(producer.epoch, base, last_sequence))
                {
                    return Ok(Verdict::Duplicate(original));
                }
                Change::Batch { last_sequence, offset_delta: batch.last_offset_delta, transactional: batch.transactional }
            }
        };
        if origin != Origin::Replication {
            refuse(producer, entry, what, origin)?;
        }
        Ok(Verdict::Fresh(Update { producer: producer.id, epoch: producer.epoch, what }))
    }

    /// Changes the state by a batch whose append is accepted, at these offsets. Returns the transaction that it ended.
    pub fn accept(&mut self, update: Update, base: Offset, timestamp_ms: i64) -> Option<CompletedTransaction> {
        let Update { producer, epoch, what } = update;
        let entry = self.entries.entry(producer).or_insert_with(|| Entry::new(epoch));
        self.by_age.remove(&(entry.last_timestamp_ms, producer));
        entry.enter_epoch(epoch);
        entry.last_timestamp_ms = timestamp_ms;
        self.by_age.insert((timestamp_ms, producer));
        match what {
            Change::Batch { last_sequence, offset_delta, transactional } => {
                entry.push(ProducerBatchMeta {
                    last_sequence,
                    last_offset: base.plus(i64::from(offset_delta)),
                    offset_delta,
                    timestamp_ms,
                });
                if transactional && entry.transaction_start.is_none() {
                    entry.transaction_start = Some(base);
                    self.transactions.begin(base, producer);
                }
                None
            }
            Change::Marker { commit, coordinator_epoch } => {
                entry.coordinator_epoch = entry.coordinator_epoch.max(coordinator_epoch);
                let first = entry.transaction_start.take()?;
                Some(self.transactions.end(producer, first, base, commit))
            }
        }
    }

    /// Forgets producers that were silent for `expiration_ms` and have no transaction open, at most `most` of them. Says how many.
    pub fn expire(&mut self, wall_ms: i64, expiration_ms: i64, most: usize) -> usize {
        let entries = &self.entries;
        let gone: Vec<_> = self
            .by_age
            .iter()
            .take_while(|(at, _)| wall_ms.saturating_sub(*at) >= expiration_ms)
            .filter(|(_, id)| entries.get(id).is_none_or(|e| e.transaction_start.is_none()))
            .take(most)
            .copied()
            .collect();
        for key in &gone {
            self.by_age.remove(key);
            self.entries.remove(&key.1);
        }
        gone.len()
    }

    /// When the next producer may expire, wall clock; one with an open transaction counts as well.
    pub fn oldest_ms(&self) -> Option<i64> {
        self.by_age.first().map(|(at, _)| *at)
    }

    /// Open and undecided transactions.
    pub const fn transactions(&self) -> &Transactions {
        &self.transactions
    }

    /// Transactions that ended below this high watermark are decided for everybody.
    pub fn high_watermark(&mut self, to: Offset) {
        self.transactions.high_watermark(to);
    }

    /// Every producer, by id.
    pub fn list(&self) -> Vec<ProducerInfo> {
        self.entries.sorted().into_iter().map(|(id, entry)| entry.info(*id)).collect()
    }

    /// Every producer with its batches, by id, for a snapshot.
    pub fn entries(&self) -> Vec<RecoveredProducer> {
        self.entries.sorted().into_iter().map(|(id, entry)| entry.to_recovered(*id)).collect()
    }

    /// True if nobody is remembered.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many are remembered.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Every invariant that can be seen from inside.
    pub fn check(&self, guards: Guards) {
        assert_eq!(self.by_age.len(), self.entries.len(), "{} ages of {} producers", self.by_age.len(), self.entries.len());
        for entry in self.entries.values_unordered() {
            entry.check(guards);
        }
        let open = self.entries.values_unordered().filter(|e| e.transaction_start.is_some()).count();
        assert_eq!(open, self.transactions.open_count(), "{open} producers in a transaction, {} open", self.transactions.open_count());
    }
}

/// The checks of a batch that is appended at the leader.
fn refuse(producer: BatchProducer, entry: Option<&Entry>, what: Change, origin: Origin) -> Result<(), AppendError> {
    let Some(entry) = entry else { return Ok(()) };
    if producer.epoch < entry.epoch {
        return Err(AppendError::ProducerFenced { producer: producer.id, got: producer.epoch, current: entry.epoch });
    }
    match what {
        Change::Marker { coordinator_epoch, .. } if coordinator_epoch < entry.coordinator_epoch => {
            Err(AppendError::CoordinatorFenced { got: coordinator_epoch, current: entry.coordinator_epoch })
        }
        Change::Marker { .. } => Ok(()),
        Change::Batch { transactional: false, .. } if entry.transaction_start.is_some() => {
            Err(AppendError::TransactionState { producer: producer.id })
        }
        Change::Batch { .. } if origin == Origin::Client => match producer.base_sequence {
            Some(got) if !entry.continues_with(producer.epoch, got) => {
                Err(AppendError::OutOfOrderSequence { producer: producer.id, got, last: entry.last_sequence() })
            }
            _ => Ok(()),
        },
        Change::Batch { .. } => Ok(()),
    }
}
