//! One partition of a producer: what is queued, what is outstanding, and the sequence that keeps them in order.
//!
//! With idempotence, batches get their place in the sequence when they are first sent and keep it over retries. A retry goes out only as the first of
//! the outstanding batches, so that the broker sees the sequence without a gap. Where the sequence cannot go on (a batch is refused for good, expires,
//! or the broker lost its state), the partition lets what is in flight come home and takes the next epoch (KIP-360), in which it starts at zero. Only
//! batches whose every attempt was plainly refused are sent again there; one that may have been appended would be doubled, so it fails as unknown.
//! Epochs of a producer id are counted by partition, as brokers keep them.
//!
//! Without idempotence a retry may fall behind a later batch, unless one request in flight is the limit.

use std::collections::VecDeque;

use odradek_machine::{Mono, Now};
use odradek_wire::ids::{ProducerEpoch, ProducerId, Sequence};

use super::batch::{Batch, BatchState, CompressionRatio, Pending, Stamp};
use super::verdict::Verdict;

/// What a partition goes by; the same for all of a producer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub(super) idempotence: bool,
    pub(super) batch_bytes: usize,
    pub(super) linger_ms: u64,
    pub(super) in_flight_max: usize,
    pub(super) delivery_timeout_ms: u64,
    pub(super) retries: u32,
}

/// Batches of one partition.
#[derive(Debug, Default)]
pub(super) struct Partition {
    /// Sent at least once, in the order of first sending.
    outstanding: VecDeque<Batch>,
    /// Never sent, or refused and to be numbered anew; oldest first.
    queued: VecDeque<Batch>,
    in_flight: usize,
    sequence: Option<Numbering>,
    /// The sequence cannot go on: nothing is sent until what is in flight came home and the next epoch is taken.
    renumber: bool,
    /// The producer id whose epochs are used up here.
    retired: Option<ProducerId>,
}

/// How the next batch is numbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Numbering {
    producer: ProducerId,
    epoch: ProducerEpoch,
    next: Sequence,
    /// The broker has taken a batch of this epoch, so it refuses what does not follow.
    known: bool,
}

/// What an append did: whether it opened a batch, whether that is full now, and by how many bytes it is estimated to have grown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Appended {
    pub(super) opened: bool,
    pub(super) full: bool,
    pub(super) grown: usize,
}

/// What an answer, a loss or the time did to batches; `Failed` says whether the batch may be in the log.
#[derive(Debug)]
pub(super) enum Ended {
    Delivered { batch: Batch, duplicate: bool },
    Failed { batch: Batch, doubt: bool, reason: Reason },
}

/// Why a batch failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// `delivery.timeout.ms` passed.
    Expired,
    /// As the broker said, or for want of retries.
    Answer,
    /// It may be in the log under a sequence that cannot be continued.
    SequenceLost,
}

impl Partition {
    /// Takes a record into the newest batch, or opens one for it.
    pub(super) fn append(&mut self, now: Now, record: Pending, rules: &Rules, ratio: CompressionRatio, batches: &mut u64) -> Appended {
        let opens = self.opens_batch(&record, rules, ratio);
        if opens {
            self.close_batch();
            *batches += 1;
            self.queued.push_back(Batch::new(*batches, now.mono));
        }
        let batch = self.queued.back_mut().expect("there is a batch to take the record");
        let before = if opens { 0 } else { ratio.estimate(batch.bytes) };
        batch.push(record);
        Appended { opened: opens, full: batch.is_full(rules.batch_bytes, ratio), grown: ratio.estimate(batch.bytes) - before }
    }

    /// True if a record would find no batch with room for it.
    pub(super) fn opens_batch(&self, record: &Pending, rules: &Rules, ratio: CompressionRatio) -> bool {
        self.queued.back().is_none_or(|batch| !batch.has_room(record, rules.batch_bytes, ratio))
    }

    /// The newest queued batch takes no more records: it waits no longer to be filled.
    pub(super) fn close_batch(&mut self) {
        if let Some(batch) = self.queued.back_mut() {
            batch.closed = true;
        }
    }

    /// Takes the next batch that may leave and marks it in flight; it is stamped if it is new and `producer` is given.
    pub(super) fn send(&mut self, now: Now, rules: &Rules, producer: Option<(ProducerId, ProducerEpoch)>) -> &mut Batch {
        let at = match self.retry_at(now, rules) {
            Some(at) => at,
            None => {
                let mut batch = self.queued.pop_front().expect("the caller has asked whether a batch may leave");
                batch.stamp = producer.map(|new| self.stamp(new, batch.records.len() as i32));
                self.outstanding.push_back(batch);
                self.outstanding.len() - 1
            }
        };
        self.in_flight += 1;
        let batch = &mut self.outstanding[at];
        batch.state = BatchState::InFlight { first: at == 0 };
        batch.attempts += 1;
        batch
    }

    /// Carries out a verdict on a batch in flight. `retry_from` says when it may be tried again; `batches` numbers the halves of a split.
    pub(super) fn settle(
        &mut self,
        id: u64,
        verdict: Verdict,
        retry_from: impl Fn(&Batch) -> Mono,
        rules: &Rules,
        batches: &mut u64,
    ) -> Vec<Ended> {
        let at = self.outstanding.iter().position(|batch| batch.id == id).expect("a batch in flight stays until its attempt ends");
        let batch = &mut self.outstanding[at];
        let BatchState::InFlight { first } = batch.state else { panic!("batch {id} is settled and was not in flight") };
        batch.state = BatchState::Ready { from: retry_from(batch) };
        self.in_flight -= 1;
        let mut ended = match verdict {
            Verdict::Delivered | Verdict::Duplicate => self.delivered(at, verdict == Verdict::Duplicate),
            Verdict::TooLarge if batch.records.len() > 1 => {
                *batches += 1;
                let later = batch.split(*batches);
                self.outstanding.insert(at + 1, later);
                Vec::new()
            }
            // What comes before it is not settled: it would have been refused whatever its sequence.
            Verdict::OutOfSequence if rules.idempotence && !first && !batch.abandoned => Vec::new(),
            Verdict::OutOfSequence if rules.idempotence && !batch.abandoned => {
                self.renumber = true;
                Vec::new()
            }
            Verdict::Retry { doubt, .. } => {
                batch.doubt |= doubt;
                let spent = batch.abandoned || batch.attempts > rules.retries;
                if spent { self.failed(at, Reason::Answer, rules) } else { Vec::new() }
            }
            Verdict::Doubtful => {
                batch.doubt = true;
                self.failed(at, Reason::Answer, rules)
            }
            Verdict::TooLarge | Verdict::OutOfSequence | Verdict::Refused => self.failed(at, Reason::Answer, rules),
        };
        ended.extend(self.renumber_at_rest());
        ended
    }

    /// Ends what is older than `delivery.timeout.ms`. A batch in flight keeps its place until its attempt ends, without records.
    pub(super) fn expire(&mut self, now: Now, rules: &Rules) -> Vec<Ended> {
        let mut ended = Vec::new();
        let is_over = |batch: &Batch| batch.created.plus_ms(rules.delivery_timeout_ms) <= now.mono;
        let mut at = 0;
        while let Some(batch) = self.outstanding.get_mut(at) {
            if batch.abandoned || !is_over(batch) {
                at += 1;
            } else if batch.is_in_flight() {
                ended.push(abandon(batch, Reason::Expired));
                at += 1;
            } else {
                ended.extend(self.failed(at, Reason::Expired, rules));
            }
        }
        ended.extend(self.renumber_at_rest());
        while let Some(batch) = self.queued.pop_front_if(|batch| is_over(batch)) {
            ended.push(Ended::Failed { batch, doubt: false, reason: Reason::Expired });
        }
        ended
    }

    /// Gives everything up, as at a close.
    pub(super) fn give_up(&mut self) -> Vec<Ended> {
        let outstanding = std::mem::take(&mut self.outstanding).into_iter().filter(|batch| !batch.abandoned);
        let sent = outstanding.map(|batch| Ended::Failed { doubt: batch.doubt || batch.is_in_flight(), batch, reason: Reason::Answer });
        let queued = std::mem::take(&mut self.queued).into_iter();
        let never = queued.map(|batch| Ended::Failed { batch, doubt: false, reason: Reason::Answer });
        self.in_flight = 0;
        sent.chain(never).collect()
    }

    /// Gives up what was never sent.
    pub(super) fn give_up_queued(&mut self) -> Vec<Ended> {
        let queued = std::mem::take(&mut self.queued).into_iter();
        queued.map(|batch| Ended::Failed { batch, doubt: false, reason: Reason::Answer }).collect()
    }

    /// True if a batch may leave. `hurry` makes batches leave that are neither full nor old; `producer` is the current producer id.
    pub(super) fn may_send(&self, now: Now, rules: &Rules, hurry: bool, ratio: CompressionRatio, producer: Option<ProducerId>) -> bool {
        if self.renumber || self.in_flight >= self.in_flight_max(rules) {
            return false;
        }
        if self.outstanding.len() > self.in_flight {
            return self.retry_at(now, rules).is_some();
        }
        let Some(batch) = self.queued.front() else { return false };
        let full = self.queued.len() > 1 || batch.is_full(rules.batch_bytes, ratio);
        (full || hurry || linger_end(batch, rules) <= now.mono) && self.may_number(rules, producer)
    }

    /// When time alone may change something here: a linger or a backoff ends, a batch expires. Only instants after `now`.
    pub(super) fn next_instant(&self, now: Now, rules: &Rules) -> Option<Mono> {
        let oldest = [self.outstanding.iter().find(|batch| !batch.abandoned), self.queued.front()];
        let expiry = oldest.into_iter().flatten().map(|batch| batch.created.plus_ms(rules.delivery_timeout_ms));
        let linger = self.queued.front().map(|batch| linger_end(batch, rules));
        let retries = self.outstanding.iter().filter_map(|batch| match batch.state {
            BatchState::Ready { from } => Some(from),
            BatchState::InFlight { .. } => None,
        });
        expiry.chain(linger).chain(retries).filter(|at| *at > now.mono).min()
    }

    /// True if something waits to be sent.
    pub(super) fn has_work(&self) -> bool {
        !self.queued.is_empty() || self.outstanding.len() > self.in_flight
    }

    /// Batches in hand.
    pub(super) fn batches(&self) -> usize {
        self.queued.len() + self.outstanding.len()
    }

    /// Batches in hand that are not on their way.
    pub(super) fn batches_waiting(&self) -> usize {
        self.batches() - self.in_flight
    }

    /// The producer id whose epochs are used up here: another one is needed.
    pub(super) const fn retired(&self) -> Option<ProducerId> {
        self.retired
    }

    /// The epoch in use, if one is.
    pub(super) fn epoch(&self) -> Option<ProducerEpoch> {
        self.sequence.map(|s| s.epoch)
    }

    /// How many bytes the batch that would leave is estimated to have.
    pub(super) fn next_bytes(&self, now: Now, rules: &Rules, ratio: CompressionRatio) -> usize {
        let batch = self.retry_at(now, rules).map(|at| &self.outstanding[at]).or(self.queued.front());
        batch.map_or(0, |b| b.encoded.as_ref().map_or(ratio.estimate(b.bytes), bytes::Bytes::len))
    }

    /// Every invariant that can be seen from inside.
    pub(super) fn check(&self, rules: &Rules) {
        let flying = self.outstanding.iter().filter(|batch| batch.is_in_flight()).count();
        assert_eq!(self.in_flight, flying, "batches in flight are miscounted");
        assert!(flying <= rules.in_flight_max, "{flying} batches of a partition in flight, {} allowed", rules.in_flight_max);
        assert!(self.outstanding.iter().all(|b| !b.abandoned || b.is_in_flight()), "an abandoned batch would be sent again");
        assert!(self.queued.iter().all(|b| b.stamp.is_none() && !b.doubt), "a queued batch has a past");
        for (a, b) in self.outstanding.iter().zip(self.outstanding.iter().skip(1)) {
            let (Some(a), Some(b)) = (a.stamp, b.stamp) else { continue };
            assert_eq!((a.producer, a.epoch), (b.producer, b.epoch), "outstanding batches of two epochs");
        }
        assert!(!self.renumber || self.in_flight > 0, "a partition at rest was not numbered anew");
    }

    fn delivered(&mut self, at: usize, duplicate: bool) -> Vec<Ended> {
        let batch = self.outstanding.remove(at).expect("the position was just found");
        if let (Some(stamp), Some(numbering)) = (batch.stamp, &mut self.sequence) {
            numbering.known |= (stamp.producer, stamp.epoch) == (numbering.producer, numbering.epoch);
        }
        if batch.abandoned { Vec::new() } else { vec![Ended::Delivered { batch, duplicate }] }
    }

    /// A batch leaves without acknowledgment: its sequence stays open behind it.
    fn failed(&mut self, at: usize, reason: Reason, rules: &Rules) -> Vec<Ended> {
        let batch = self.outstanding.remove(at).expect("the position was just found");
        self.renumber |= rules.idempotence;
        let doubt = batch.doubt;
        if batch.abandoned { Vec::new() } else { vec![Ended::Failed { batch, doubt, reason }] }
    }

    /// Takes the next epoch once nothing is in flight. What was refused is queued again in order, what is in doubt fails.
    fn renumber_at_rest(&mut self) -> Vec<Ended> {
        if !self.renumber || self.in_flight > 0 {
            return Vec::new();
        }
        self.renumber = false;
        let mut ended = Vec::new();
        let mut again = VecDeque::new();
        for mut batch in self.outstanding.drain(..) {
            if batch.doubt {
                ended.push(Ended::Failed { batch, doubt: true, reason: Reason::SequenceLost });
            } else {
                (batch.stamp, batch.encoded) = (None, None);
                again.push_back(batch);
            }
        }
        again.append(&mut self.queued);
        self.queued = again;
        if let Some(numbering) = self.sequence.take() {
            self.sequence = numbering.next_epoch();
            self.retired = self.sequence.is_none().then_some(numbering.producer);
        }
        ended
    }

    /// Which outstanding batch may be tried again.
    fn retry_at(&self, now: Now, rules: &Rules) -> Option<usize> {
        let is_due = |batch: &Batch| matches!(batch.state, BatchState::Ready { from } if from <= now.mono);
        if rules.idempotence {
            return self.outstanding.front().is_some_and(is_due).then_some(0);
        }
        self.outstanding.iter().position(is_due)
    }

    /// A broker that knows nothing of a producer takes whatever sequence comes first. So until it took the first batch of an epoch nothing follows that:
    /// the second would be taken in its place if the first is refused.
    fn in_flight_max(&self, rules: &Rules) -> usize {
        let known = self.sequence.is_some_and(|numbering| numbering.known);
        if rules.idempotence && !known { 1 } else { rules.in_flight_max }
    }

    /// False while a producer id of old has batches outstanding, or none is known.
    fn may_number(&self, rules: &Rules, producer: Option<ProducerId>) -> bool {
        if !rules.idempotence {
            return true;
        }
        match (producer, self.sequence) {
            (None, _) => false,
            (current, _) if current == self.retired => false,
            (Some(current), Some(numbering)) => numbering.producer == current || self.outstanding.is_empty(),
            (Some(_), None) => self.outstanding.is_empty(),
        }
    }

    fn stamp(&mut self, (producer, epoch): (ProducerId, ProducerEpoch), records: i32) -> Stamp {
        let numbering = match self.sequence {
            Some(numbering) if numbering.producer == producer => numbering,
            _ => Numbering { producer, epoch, next: Sequence(0), known: false },
        };
        self.sequence = Some(Numbering { next: numbering.next.plus(records), ..numbering });
        Stamp { producer, epoch: numbering.epoch, base: numbering.next }
    }
}

impl Numbering {
    /// The same producer in its next epoch; `None` after the last one, when a new producer id is needed.
    fn next_epoch(self) -> Option<Numbering> {
        let epoch = self.epoch.0.checked_add(1)?;
        Some(Numbering { producer: self.producer, epoch: ProducerEpoch(epoch), next: Sequence(0), known: false })
    }
}

fn linger_end(batch: &Batch, rules: &Rules) -> Mono {
    batch.created.plus_ms(rules.linger_ms)
}

/// Its records are told that nobody knows; the rest stays until the attempt ends.
fn abandon(batch: &mut Batch, reason: Reason) -> Ended {
    batch.abandoned = true;
    let mut told = Batch::new(batch.id, batch.created);
    told.records = std::mem::take(&mut batch.records);
    (told.bytes, told.attempts) = (batch.bytes, batch.attempts);
    Ended::Failed { batch: told, doubt: true, reason }
}
