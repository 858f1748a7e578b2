//! One topic of a producer: its partitions, and the records that wait until they are known.

use std::collections::VecDeque;
use std::sync::Arc;

use odradek_machine::{Mono, Now, Seed, TimerId};
use odradek_wire::ids::TopicPartition;

use super::Token;
use super::batch::{CompressionRatio, Pending};
use super::partition::{Appended, Partition, Rules};
use super::partitioner::Sticky;
use crate::record::ProducerRecord;

/// A topic that was written to.
#[derive(Debug)]
pub(super) struct Topic {
    pub(super) name: Arc<str>,
    pub(super) sticky: Sticky,
    pub(super) ratio: CompressionRatio,
    /// By index, as far as metadata told.
    pub(super) partitions: Vec<Slot>,
    /// Records whose partition is not known to exist, oldest first.
    pub(super) waiting: VecDeque<Waiting>,
}

/// A partition and its alarm.
#[derive(Debug, Default)]
pub(super) struct Slot {
    pub(super) partition: Partition,
    pub(super) alarm: Option<(TimerId, Mono)>,
}

/// A record that waits for metadata.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) token: Token,
    pub(super) generation: u64,
    pub(super) record: ProducerRecord,
    pub(super) bytes: usize,
    /// When it fails.
    pub(super) until: Mono,
}

/// A partition by its place in the producer's list of topics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PartitionKey {
    pub(super) topic: usize,
    pub(super) partition: usize,
}

impl Topic {
    pub(super) fn new(name: Arc<str>, seed: Seed) -> Topic {
        let sticky = Sticky::new(seed.named("topic").named(&name));
        Topic { name, sticky, ratio: CompressionRatio::NONE, partitions: Vec::new(), waiting: VecDeque::new() }
    }

    /// The sticky partition for a record, among `count`; `is_led` says whether a partition has a leader.
    pub(super) fn stick(&mut self, count: usize, record: &Pending, rules: &Rules, is_led: impl Fn(i32) -> bool) -> usize {
        let Topic { sticky, partitions, ratio, .. } = self;
        if let Some(spent) = sticky.spent(rules.batch_bytes) {
            let partition = &mut partitions[spent as usize].partition;
            if partition.opens_batch(record, rules, *ratio) {
                partition.close_batch();
                sticky.leave();
            }
        }
        let chosen = sticky.choose(count, || {
            let led = (0..count as i32).filter(|partition| is_led(*partition));
            led.map(|partition| (partition, partitions[partition as usize].partition.batches_waiting())).collect()
        });
        chosen as usize
    }

    /// Puts a record into the newest batch of a partition, or opens one for it.
    pub(super) fn append(
        &mut self,
        now: Now,
        partition: usize,
        record: Pending,
        sticky: bool,
        rules: &Rules,
        batches: &mut u64,
    ) -> Appended {
        let appended = self.partitions[partition].partition.append(now, record, rules, self.ratio, batches);
        if sticky {
            self.sticky.appended(appended.grown, rules.batch_bytes, appended.full);
        }
        appended
    }

    /// The partition's name for the world outside.
    pub(super) fn named(&self, partition: usize) -> TopicPartition {
        TopicPartition { topic: self.name.clone(), partition: partition as i32 }
    }
}

#[cfg(test)]
mod tests {
    use odradek_machine::WallMs;

    use super::super::batch::record_bytes;
    use super::*;
    use crate::record::ProducerRecord;

    const NOW: Now = Now { mono: Mono(0), wall: WallMs(1_700_000_000_000) };

    fn record(bytes: usize) -> Pending {
        let record = ProducerRecord::new("t", vec![0; bytes]);
        let bytes = record_bytes(&record);
        Pending::new(NOW, Waiting { token: Token(0), generation: 0, record, bytes, until: NOW.mono })
    }

    /// The n-th draw of the partitioner of Java is n there, so its partition says how often it has drawn.
    #[test]
    fn topic_leaves_the_sticky_partition_at_the_record_where_the_java_client_does() {
        const PARTITIONS: usize = 400;
        let mut told = 0;
        for line in include_str!("../../testdata/sticky-java-4.3.1.txt").lines().filter_map(|line| line.strip_prefix("script ")) {
            let (batch_bytes, events) = line.split_once(": ").expect("a size and events");
            let batch_bytes = batch_bytes.parse().expect("a size");
            let rules = Rules { idempotence: false, batch_bytes, linger_ms: 0, in_flight_max: 1, delivery_timeout_ms: 100_000, retries: 0 };
            let mut topic = Topic::new("t".into(), Seed(1));
            topic.partitions.resize_with(PARTITIONS, Slot::default);
            let mut batches = 0;
            let mut drawn: Vec<usize> = Vec::new();
            for (at, event) in events.split(' ').enumerate() {
                if event == "drain" {
                    topic.partitions.iter_mut().for_each(|slot| drop(slot.partition.give_up_queued()));
                } else if let Some((bytes, place)) = event.split_once('=') {
                    let record = record(bytes.parse().expect("bytes"));
                    let chosen = topic.stick(PARTITIONS, &record, &rules, |p| !drawn.contains(&(p as usize)));
                    let place: usize = place.parse().expect("a partition");
                    if place == drawn.len() {
                        drawn.push(chosen);
                    }
                    assert_eq!(topic.sticky.choices(), place as u64 + 1, "event {at}, {event}, of {line}");
                    topic.append(NOW, chosen, record, true, &rules, &mut batches);
                    told += 1;
                } else {
                    let (bytes, place) = event.split_once('@').expect("a record for a partition");
                    let place: usize = place.parse().expect("a partition");
                    if place == drawn.len() {
                        // Java draws when it leaves a partition, and this record follows it to the next one.
                        let queues = (0..PARTITIONS).filter(|p| !drawn.contains(p)).map(|p| (p as i32, 0));
                        drawn.push(topic.sticky.choose(PARTITIONS, || queues.collect()) as usize);
                    }
                    let partition = drawn[place];
                    topic.append(NOW, partition, record(bytes.parse().expect("bytes")), false, &rules, &mut batches);
                }
            }
        }
        assert!(told > 5_000, "{told} records");
    }
}
