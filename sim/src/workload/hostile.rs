//! A client that means harm, or was written badly: garbage, lengths that lie, requests that break off, replays, epochs that are over, two connections for
//! one producer. It keeps to no protocol, and holds the broker to it: what it must not be told shows in its marks.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use odradek_client::io::ConnectionId;
use odradek_machine::{Note, Seed};
use odradek_wire::api::ApiKey;
use odradek_wire::batch::{BatchProducer, Builder, NewRecord};
use odradek_wire::codec::Codec;
use odradek_wire::ids::{CorrelationId, ProducerEpoch, ProducerId, Sequence};
use odradek_wire::messages::fetch_request::{FetchPartition, FetchTopic};
use odradek_wire::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use odradek_wire::messages::produce_request::{PartitionProduceData, TopicProduceData};
use odradek_wire::messages::{
    ApiVersionsRequestData, FetchRequestData, ListOffsetsRequestData, MetadataRequestData, ProduceRequestData, text,
};
use odradek_wire::request::{self, RequestBody, RequestHeader};
use odradek_wire::response::{self, Response};

use super::machine::{Asked, Machine, Said, Told, TopicList};
use crate::plan::PlannedClient;

/// What it does on one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    /// A frame of random bytes.
    Garbage,
    /// A length that is negative, enormous or shorter than a header.
    Length,
    /// A request that breaks off, and no end of the stream: the connection is closed in the middle.
    Half,
    /// A whole request, and gone before the answer.
    Vanish,
    /// A request with some bytes changed.
    Mutated,
    /// An API or a version that does not exist.
    Unknown,
    /// Many requests at once.
    Flood,
    /// A batch under a newer epoch, then one under an older.
    Zombie,
    /// The same batch twice on one connection.
    Replay,
    /// The same batch on two connections.
    Twins,
}

impl Act {
    const ALL: [Act; 10] =
        [Act::Garbage, Act::Length, Act::Half, Act::Vanish, Act::Mutated, Act::Unknown, Act::Flood, Act::Zombie, Act::Replay, Act::Twins];
}

/// The application: at its pace, something hostile.
#[derive(Debug)]
pub struct HostileApp {
    plan: Arc<PlannedClient>,
    draw: Seed,
    next: u64,
}

impl HostileApp {
    /// An application that has done nothing.
    pub const fn new(plan: Arc<PlannedClient>, draw: Seed) -> HostileApp {
        HostileApp { plan, draw, next: 0 }
    }

    /// A machine at the start of a life.
    pub fn machine(&self, brokers: &[String]) -> Machine {
        Machine::Hostile(Box::new(Hostile::new(brokers, &self.plan)))
    }

    /// When the next operation begins, in nanoseconds of the chaos; `None` when all are done.
    pub fn next_ns(&mut self) -> Option<u64> {
        while self.next < self.plan.operations && self.plan.is_without(self.next) {
            self.next += 1;
        }
        (self.next < self.plan.operations).then(|| self.plan.begins_ns(self.next, self.draw))
    }

    /// Begins the next operation.
    pub fn operate(&mut self, topics: &TopicList) -> Option<Asked> {
        let op = self.next;
        self.next += 1;
        let draw = self.draw.named("operation").number(op);
        let mine: Vec<_> = topics.iter().filter(|(name, _)| self.plan.topics.contains(name)).collect();
        let (topic, partitions) = mine.get(draw.named("topic").below(mine.len().max(1) as u64) as usize)?;
        let partition = draw.named("partition").below(*partitions as u64) as i32;
        Some(Asked::Hostile(Misdeed { op, draw, topic: topic.clone(), partition }))
    }
}

/// One operation of a hostile application.
#[derive(Clone, Debug)]
pub struct Misdeed {
    op: u64,
    draw: Seed,
    topic: Arc<str>,
    partition: i32,
}

/// A connection on which something hostile is done.
#[derive(Debug)]
struct Errand {
    misdeed: Misdeed,
    act: Act,
    /// What was told so far: error code and base offset of each answer to a Produce.
    told: Vec<(i16, i64)>,
}

/// The machine.
#[derive(Debug)]
pub struct Hostile {
    client_id: String,
    broker: String,
    connections: u64,
    errands: BTreeMap<ConnectionId, Errand>,
    /// The first answer to a batch that was sent on two connections, by operation.
    twins: BTreeMap<u64, (i16, i64)>,
}

/// It holds so many connections at most; the oldest is closed for another.
const CONNECTIONS_MAX: usize = 8;
/// Producer ids of its own, far from those that a broker gives out.
const PRODUCERS: i64 = 1 << 40;
/// The newest version of Produce that names topics.
const PRODUCE_VERSION: i16 = 12;

impl Hostile {
    fn new(brokers: &[String], plan: &PlannedClient) -> Hostile {
        Hostile {
            client_id: plan.name.clone(),
            broker: brokers[0].clone(),
            connections: 0,
            errands: BTreeMap::new(),
            twins: BTreeMap::new(),
        }
    }

    /// Takes an input.
    pub(super) fn step(&mut self, told: Told, said: &mut Vec<Said>) {
        match told {
            Told::Asked(Asked::Hostile(misdeed)) => self.begin(&misdeed, said),
            Told::Dialed(connection, Ok(())) => self.act(connection, said),
            Told::Response(connection, frame) => self.hear(connection, frame, said),
            Told::Closed(connection) => {
                if self.errands.remove(&connection).is_some() {
                    said.push(Said::Note(Note::mark("hostile.turned_away")));
                }
            }
            Told::Dialed(connection, Err(_)) => {
                self.errands.remove(&connection);
            }
            Told::Asked(_) | Told::Wake => {}
        }
    }

    fn begin(&mut self, misdeed: &Misdeed, said: &mut Vec<Said>) {
        let act = Act::ALL[misdeed.draw.named("act").below(Act::ALL.len() as u64) as usize];
        for _ in 0..if act == Act::Twins { 2 } else { 1 } {
            if self.errands.len() == CONNECTIONS_MAX {
                let (oldest, _) = self.errands.pop_first().expect("there are several");
                said.push(Said::Close(oldest));
            }
            self.connections += 1;
            let connection = ConnectionId(self.connections);
            self.errands.insert(connection, Errand { misdeed: misdeed.clone(), act, told: Vec::new() });
            said.push(Said::Dial(connection, self.broker.clone()));
        }
    }

    /// The connection is open: it does what it came for.
    fn act(&mut self, connection: ConnectionId, said: &mut Vec<Said>) {
        let Some(Errand { misdeed, act, .. }) = self.errands.get(&connection) else { return };
        let (act, draw) = (*act, misdeed.draw.named("bytes"));
        let bytes = match act {
            Act::Garbage => framed(&random(draw, 1 + draw.named("length").below(2_000))),
            Act::Length => {
                let mut bytes = BytesMut::new();
                bytes.put_i32([-1, i32::MIN, i32::MAX, 0, 1, 7, 101 << 20][draw.below(7) as usize]);
                bytes.extend_from_slice(&random(draw, draw.named("tail").below(64)));
                bytes.freeze()
            }
            Act::Half => {
                let whole = self.some_request(misdeed);
                whole.slice(..1 + draw.below(whole.len() as u64 - 1) as usize)
            }
            Act::Vanish | Act::Twins => self.produce(misdeed, 0, 0),
            Act::Mutated => mutated(&self.some_request(misdeed), draw),
            Act::Unknown => unknown(&self.some_request(misdeed), draw),
            Act::Flood => {
                let one = self.frame(ApiKey::ApiVersions, 3, &ApiVersionsRequestData::default().into());
                let two = self.some_request(misdeed);
                (0..40 + draw.below(200)).flat_map(|nth| if nth % 4 == 0 { two.clone() } else { one.clone() }).collect()
            }
            Act::Zombie => [self.produce(misdeed, 1, 0), self.produce(misdeed, 0, 1)].concat().into(),
            Act::Replay => [self.produce(misdeed, 0, 0), self.produce(misdeed, 0, 0)].concat().into(),
        };
        said.push(Said::Send(connection, vec![bytes]));
        if matches!(act, Act::Half | Act::Vanish) {
            self.errands.remove(&connection);
            said.push(Said::Close(connection));
        }
    }

    fn hear(&mut self, connection: ConnectionId, frame: Bytes, said: &mut Vec<Said>) {
        let Some(errand) = self.errands.get_mut(&connection) else { return };
        if !matches!(errand.act, Act::Zombie | Act::Replay | Act::Twins) {
            return;
        }
        let Ok((_, Response::Produce(answer))) = response::decode(ApiKey::Produce, PRODUCE_VERSION, frame) else { return };
        let answers = answer.responses.iter().flat_map(|topic| &topic.partition_responses);
        errand.told.extend(answers.map(|answer| (answer.error_code, answer.base_offset)));
        let (op, act, told) = (errand.misdeed.op, errand.act, errand.told.clone());
        let mark = match (act, &told[..]) {
            (Act::Zombie, [(0, _), (error, _)]) => Some(if *error == 0 { BELIEVED_STALE_EPOCH } else { "hostile.stale_epoch_refused" }),
            (Act::Replay, [first, second]) => compared(*first, *second),
            (Act::Twins, [one]) => self.twins.insert(op, *one).and_then(|other| compared(other, *one)),
            _ => None,
        };
        said.extend(mark.map(|mark| Said::Note(Note::mark(mark))));
    }

    /// A request that the broker would answer.
    fn some_request(&self, misdeed: &Misdeed) -> Bytes {
        let topic = || text(&misdeed.topic);
        match misdeed.draw.named("request").below(4) {
            0 => self.produce(misdeed, 0, 0),
            1 => self.frame(ApiKey::Metadata, 12, &MetadataRequestData::default().into()),
            2 => {
                let partition = ListOffsetsPartition::default().with_partition_index(misdeed.partition).with_timestamp(-1);
                let topics = vec![ListOffsetsTopic::default().with_name(topic()).with_partitions(vec![partition])];
                self.frame(ApiKey::ListOffsets, 6, &ListOffsetsRequestData::default().with_topics(topics).into())
            }
            _ => {
                let partition = FetchPartition::default().with_partition(misdeed.partition).with_partition_max_bytes(1 << 16);
                let topics = vec![FetchTopic::default().with_topic(topic()).with_partitions(vec![partition])];
                self.frame(ApiKey::Fetch, 12, &FetchRequestData::default().with_max_bytes(1 << 20).with_topics(topics).into())
            }
        }
    }

    /// A batch of a producer of its own, one for each operation.
    fn produce(&self, misdeed: &Misdeed, epoch: i16, sequence: i32) -> Bytes {
        let mut batch = Builder::new(Codec::None);
        let value = format!("hostile {} {}", self.client_id, misdeed.op);
        batch.push(NewRecord { timestamp_ms: crate::clock::EPOCH_MS, value: Some(value.as_bytes()), ..NewRecord::default() });
        let id = ProducerId(PRODUCERS + (misdeed.draw.named("producer").u64() >> 24) as i64);
        let producer = BatchProducer { id, epoch: ProducerEpoch(epoch), base_sequence: Some(Sequence(sequence)) };
        batch.set_producer(producer, false);
        let data = PartitionProduceData::default().with_index(misdeed.partition).with_records(Some(batch.build_bytes()));
        let topic = TopicProduceData::default().with_name(text(&misdeed.topic)).with_partition_data(vec![data]);
        let body = ProduceRequestData::default().with_acks(-1).with_timeout_ms(5_000).with_topic_data(vec![topic]);
        self.frame(ApiKey::Produce, PRODUCE_VERSION, &body.into())
    }

    fn frame(&self, api: ApiKey, version: i16, body: &RequestBody) -> Bytes {
        let header = RequestHeader { api, version, correlation: CorrelationId(7), client_id: text(&self.client_id) };
        let parts = request::encode(&header, body).expect("these requests are valid in these versions");
        parts.concat().into()
    }
}

/// Reached when a broker accepts what it must refuse; nothing excuses that.
pub const BELIEVED_STALE_EPOCH: &str = "hostile.stale_epoch_accepted";
/// Reached when a broker takes a batch that it has for another one; nothing excuses that.
pub const BELIEVED_REPLAY: &str = "hostile.replay_accepted";

/// What two answers to the same batch say: both successful, they name the same offset.
fn compared(first: (i16, i64), second: (i16, i64)) -> Option<&'static str> {
    match (first, second) {
        ((0, one), (0, other)) if one == other => Some("hostile.replay_recognised"),
        ((0, _), (0, _)) => Some(BELIEVED_REPLAY),
        _ => None,
    }
}

fn random(draw: Seed, bytes: u64) -> Vec<u8> {
    (0..bytes).map(|nth| draw.number(nth).u64() as u8).collect()
}

fn framed(bytes: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(bytes.len() + 4);
    frame.put_u32(u32::try_from(bytes.len()).expect("a short frame"));
    frame.extend_from_slice(bytes);
    frame.freeze()
}

/// Up to eight bytes behind the length are others.
fn mutated(frame: &Bytes, draw: Seed) -> Bytes {
    let mut bytes = frame.to_vec();
    for nth in 0..1 + draw.below(8) {
        let draw = draw.named("flip").number(nth);
        let at = 4 + draw.below(bytes.len() as u64 - 4) as usize;
        bytes[at] = draw.named("to").u64() as u8;
    }
    bytes.into()
}

/// Another key or version stands in front of the same body.
fn unknown(frame: &Bytes, draw: Seed) -> Bytes {
    let mut bytes = frame.to_vec();
    let (at, number) = if draw.one_in(2) { (4, 900 + draw.below(100) as i16) } else { (6, [-1, 99, i16::MAX][draw.below(3) as usize]) };
    bytes[at..at + 2].copy_from_slice(&number.to_be_bytes());
    bytes.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_to_one_batch_name_one_offset_or_the_replay_was_believed() {
        assert_eq!(compared((0, 5), (0, 5)), Some("hostile.replay_recognised"));
        assert_eq!(compared((0, 5), (0, 6)), Some(BELIEVED_REPLAY));
        assert_eq!(compared((0, 5), (7, -1)), None);
    }
}
