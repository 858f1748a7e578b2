//! Handing out what was fetched, and telling positions.

use odradek_machine::{Mono, Now};
use odradek_wire::ids::TopicPartition;

use super::partition::Aim;
use super::{Consumer, Event, Outbox, Token};
use crate::error::ClientError;
use crate::io::Output;
use crate::record::ConsumerRecord;

/// A poll that waits for its first record.
#[derive(Clone, Copy, Debug)]
pub(super) struct PendingPoll {
    pub(super) token: Token,
    pub(super) records_max: usize,
    pub(super) until: Mono,
}

impl Consumer {
    /// A poll that is asked while another waits ends that one empty.
    pub(super) fn begin_poll(&mut self, now: Now, token: Token, records_max: usize, timeout_ms: u64, out: &mut Outbox) {
        if let Some(poll) = self.poll.take() {
            out.push(Output::Event(Event::Polled { token: poll.token, records: Vec::new() }));
        }
        self.tell_unset(out);
        self.poll = Some(PendingPoll { token, records_max: records_max.max(1), until: now.mono.plus_ms(timeout_ms) });
    }

    /// Answers the poll if there are records or its time is over.
    pub(super) fn answer_poll(&mut self, now: Now, out: &mut Outbox) {
        let Some(poll) = self.poll else { return };
        let records = self.hand_out(poll.records_max);
        if records.is_empty() && poll.until > now.mono {
            return self.wake_by(poll.until);
        }
        self.poll = None;
        out.push(Output::Event(Event::Polled { token: poll.token, records }));
    }

    /// Tells the positions that the application waits for, as far as they are known or never will be.
    pub(super) fn answer_positions(&mut self, out: &mut Outbox) {
        for (token, of) in std::mem::take(&mut self.positions) {
            let offset = match self.partitions.get(&of).map(|p| p.aim) {
                None => Err(ClientError::Misuse { why: format!("{of} is not assigned") }),
                Some(Aim::Unset { out_of_range, .. }) => Err(ClientError::NoOffset { partition: of.clone(), position: out_of_range }),
                Some(Aim::Failed) => Err(ClientError::NoOffset { partition: of.clone(), position: None }),
                Some(Aim::At(position) | Aim::Validating { position, .. }) => Ok(position.offset),
                Some(Aim::Reset { .. }) => {
                    self.positions.push((token, of));
                    continue;
                }
            };
            out.push(Output::Event(Event::Position { token, partition: of, offset }));
        }
    }

    /// Tells, once, of partitions that have no position and no policy to get one.
    pub(super) fn tell_unset(&mut self, out: &mut Outbox) {
        for (of, partition) in &mut self.partitions {
            if let Aim::Unset { out_of_range, told: told @ false } = &mut partition.aim {
                *told = true;
                let error = ClientError::NoOffset { partition: of.clone(), position: *out_of_range };
                out.push(Output::Event(Event::PartitionFailed { partition: of.clone(), error }));
            }
        }
    }

    /// Records of the partitions in turn, beginning behind the one that was served last.
    fn hand_out(&mut self, records_max: usize) -> Vec<(TopicPartition, Vec<ConsumerRecord>)> {
        let ready = |(_, p): &(&TopicPartition, &super::Partition)| !p.paused && p.has_records();
        let keys: Vec<TopicPartition> = self.partitions.iter().filter(ready).map(|(of, _)| of.clone()).collect();
        let start = self.last_handed_out.as_ref().map_or(0, |last| keys.partition_point(|of| of <= last));
        let mut handed = Vec::new();
        let mut left = records_max;
        for of in keys[start..].iter().chain(&keys[..start]) {
            if left == 0 {
                break;
            }
            let records = self.partitions.get_mut(of).expect("the key was just read").hand_out(left);
            left -= records.len();
            self.last_handed_out = Some(of.clone());
            handed.push((of.clone(), records));
        }
        handed
    }
}
