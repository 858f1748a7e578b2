//! Questions to a consumer, one at a time, and their answers.

use std::collections::BTreeMap;

use odradek_client::consumer::{Command, Consumer, Event, Token};
use odradek_client::record::ConsumerRecord;
use odradek_server::remote::Remote;
use odradek_wire::ids::TopicPartition;

use crate::outcome::Failure;
use crate::remote::Cluster;

/// A consumer that is asked and waited for.
pub struct Reader {
    remote: Remote<Consumer>,
    token: u64,
}

/// Records by partition, as one poll brings them.
pub type Polled = Vec<(TopicPartition, Vec<ConsumerRecord>)>;

impl Reader {
    /// A reader of a cluster.
    pub fn new(cluster: &Cluster, consumer: Consumer) -> Reader {
        Reader { remote: cluster.remote(consumer), token: 0 }
    }

    /// Tells the consumer what needs no answer.
    pub fn command(&mut self, command: Command) {
        self.remote.command(command);
    }

    /// Records, or none after the time.
    pub async fn poll(&mut self, timeout_ms: u64) -> Result<Polled, Failure> {
        let token = self.next_token();
        self.remote.command(Command::Poll { token, records_max: 10_000, timeout_ms });
        loop {
            if let Event::Polled { records, .. } = self.event().await? {
                return Ok(records);
            }
        }
    }

    /// The ends of partitions.
    pub async fn ends(&mut self, partitions: &[TopicPartition]) -> Result<BTreeMap<TopicPartition, i64>, Failure> {
        let token = self.next_token();
        self.remote.command(Command::EndOffsets { token, partitions: partitions.to_vec() });
        Ok(self.offsets().await?.into_iter().map(|(partition, offset)| (partition, offset.unwrap_or(0))).collect())
    }

    /// The first offsets from a timestamp on; the end where no record is that young.
    pub async fn offsets_at(
        &mut self,
        partitions: &[TopicPartition],
        ms: i64,
        ends: &BTreeMap<TopicPartition, i64>,
    ) -> Result<BTreeMap<TopicPartition, i64>, Failure> {
        let token = self.next_token();
        let times = partitions.iter().map(|partition| (partition.clone(), ms)).collect();
        self.remote.command(Command::OffsetsForTimes { token, times });
        let found = self.offsets().await?.into_iter();
        Ok(found
            .map(|(partition, offset)| (partition.clone(), offset.unwrap_or_else(|| ends.get(&partition).copied().unwrap_or(0))))
            .collect())
    }

    /// Drops the partitions whose end is reached; true if none is left.
    pub async fn all_read(
        &mut self,
        open: &mut BTreeMap<TopicPartition, i64>,
        mut reached: impl FnMut(&TopicPartition, i64),
    ) -> Result<bool, Failure> {
        let ends: Vec<(TopicPartition, i64)> = open.iter().map(|(partition, end)| (partition.clone(), *end)).collect();
        for (partition, end) in ends {
            if self.position(&partition).await? >= end {
                open.remove(&partition);
                reached(&partition, end);
            }
        }
        Ok(open.is_empty())
    }

    /// Says of each partition that is not at its end where it stands, and what to ask.
    pub async fn say_where_nothing_comes(&mut self, open: &BTreeMap<TopicPartition, i64>) -> Result<(), Failure> {
        for (partition, end) in open {
            let at = self.position(partition).await?;
            let topic = &partition.topic;
            eprintln!("odradek: nothing comes of {partition} at offset {at} of {end}; is it served? odradek topics describe {topic}");
        }
        Ok(())
    }

    async fn offsets(&mut self) -> Result<Vec<(TopicPartition, Option<i64>)>, Failure> {
        loop {
            if let Event::Offsets { offsets, .. } = self.event().await? {
                let found = offsets.into_iter().map(|(partition, found)| match found {
                    Ok(found) => Ok((partition, found.offset)),
                    Err(error) => Err(Failure::work(format!("{partition}: {error}"))),
                });
                return found.collect();
            }
        }
    }

    async fn position(&mut self, of: &TopicPartition) -> Result<i64, Failure> {
        let token = self.next_token();
        self.remote.command(Command::Position { token, partition: of.clone() });
        loop {
            if let Event::Position { offset, .. } = self.event().await? {
                return offset.map_err(|error| Failure::work(format!("{of}: {error}")));
            }
        }
    }

    /// The next event; one that ends a partition ends the command.
    async fn event(&mut self) -> Result<Event, Failure> {
        match self.remote.event().await {
            Event::PartitionFailed { partition, error } => Err(Failure::work(format!("{partition}: {error}"))),
            Event::Truncated { partition, position, divergent_offset, .. } => {
                eprintln!("odradek: {partition} was cut below offset {position}; going on at {divergent_offset:?}");
                Ok(Event::Closed)
            }
            event => Ok(event),
        }
    }

    fn next_token(&mut self) -> Token {
        self.token += 1;
        Token(self.token)
    }
}
