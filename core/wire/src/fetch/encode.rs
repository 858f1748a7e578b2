//! The encoder of Fetch responses, versions 4 to 18.

use bytes::{BufMut, BytesMut};
use kacrab_protocol::primitives::{unsigned_varint_len, write_unsigned_varint};
use kacrab_protocol::string;

use crate::api::ApiKey;
use crate::fetch::{AbortedTransaction, FetchAnswer, FetchedPartition, FetchedTopic, NodeEndpoint};
use crate::ids::CorrelationId;
use crate::request::EncodeError;
use crate::response;
use crate::scatter::{Part, RangeLength, ScatterList};

/// The frame of a Fetch response, its length included. `version` is that of the request.
///
/// What the version cannot say is left out. Fails on what no frame can hold: a name too long for the version, or 2 GiB and more in all.
pub fn encode<R: RangeLength>(version: i16, correlation: CorrelationId, answer: FetchAnswer<R>) -> Result<ScatterList<R>, EncodeError> {
    let mut out = Writer::new(version, response::begin(ApiKey::Fetch, version, correlation, resident_bytes_hint(&answer)));
    out.tail.put_i32(answer.throttle_ms);
    if version >= 7 {
        out.tail.put_i16(answer.error.code());
        out.tail.put_i32(answer.session_id);
    }
    out.count(Some(answer.topics.len()));
    for topic in answer.topics {
        out.topic(topic)?;
    }
    if out.flexible {
        out.node_endpoints(&answer.node_endpoints)?;
    }
    out.finish()
}

/// About what the bytes of an answer take, so that the buffer seldom grows.
fn resident_bytes_hint<R>(answer: &FetchAnswer<R>) -> usize {
    let topics = answer.topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|p| 64 + 17 * p.aborted_transactions.as_ref().map_or(0, Vec::len));
        24 + topic.name.len() + partitions.sum::<usize>()
    });
    32 + topics.sum::<usize>() + answer.node_endpoints.iter().map(|node| 32 + node.host.len()).sum::<usize>()
}

struct Writer<R> {
    version: i16,
    flexible: bool,
    /// What is finished but for the length of the frame, which the first part begins with.
    done: Vec<Part<R>>,
    /// The bytes since the last range.
    tail: BytesMut,
    /// The first part while it waits for the length of the frame.
    head: Option<BytesMut>,
}

impl<R: RangeLength> Writer<R> {
    fn new(version: i16, tail: BytesMut) -> Writer<R> {
        Writer { version, flexible: ApiKey::Fetch.is_flexible(version), done: Vec::new(), tail, head: None }
    }

    fn topic(&mut self, topic: FetchedTopic<R>) -> Result<(), EncodeError> {
        if self.version >= 13 {
            self.tail.put_slice(&topic.id.0);
        } else if self.flexible {
            string::write_compact_string(&mut self.tail, &topic.name).map_err(EncodeError::of)?;
        } else {
            string::write_string(&mut self.tail, &topic.name).map_err(EncodeError::of)?;
        }
        self.count(Some(topic.partitions.len()));
        for partition in topic.partitions {
            self.partition(partition)?;
        }
        self.no_tags();
        Ok(())
    }

    fn partition(&mut self, partition: FetchedPartition<R>) -> Result<(), EncodeError> {
        self.tail.put_i32(partition.index);
        self.tail.put_i16(partition.error.code());
        self.tail.put_i64(partition.high_watermark.0);
        self.tail.put_i64(partition.last_stable_offset.0);
        if self.version >= 5 {
            self.tail.put_i64(partition.log_start_offset.0);
        }
        self.aborted(partition.aborted_transactions.as_deref());
        if self.version >= 11 {
            self.tail.put_i32(partition.preferred_read_replica.map_or(-1, |node| node.0));
        }
        let tags = if self.flexible { partition_tags(&partition) } else { BytesMut::new() };
        self.records(partition.records)?;
        self.tail.put_slice(&tags);
        Ok(())
    }

    fn aborted(&mut self, transactions: Option<&[AbortedTransaction]>) {
        self.count(transactions.map(<[_]>::len));
        for transaction in transactions.unwrap_or_default() {
            self.tail.put_i64(transaction.producer.0);
            self.tail.put_i64(transaction.first_offset.0);
            self.no_tags();
        }
        let sorted = transactions.unwrap_or_default().is_sorted_by_key(|t| t.first_offset);
        assert!(sorted, "aborted transactions of a fetch are not in the order of their first offsets: {transactions:?}");
    }

    fn records(&mut self, records: Vec<Part<R>>) -> Result<(), EncodeError> {
        let bytes = i32::try_from(records.iter().map(Part::length).sum::<u64>()).map_err(EncodeError::of)?;
        if self.flexible {
            write_unsigned_varint(&mut self.tail, bytes as u32 + 1);
        } else {
            self.tail.put_i32(bytes);
        }
        for part in records.into_iter().filter(|part| part.length() > 0) {
            self.flush();
            self.done.push(part);
        }
        Ok(())
    }

    fn node_endpoints(&mut self, nodes: &[NodeEndpoint]) -> Result<(), EncodeError> {
        if self.version < 16 || nodes.is_empty() {
            self.no_tags();
            return Ok(());
        }
        let mut tag = BytesMut::new();
        write_unsigned_varint(&mut tag, u32::try_from(nodes.len() + 1).map_err(EncodeError::of)?);
        for node in nodes {
            tag.put_i32(node.node.0);
            string::write_compact_string(&mut tag, &node.host).map_err(EncodeError::of)?;
            tag.put_i32(node.port);
            string::write_compact_nullable_string(&mut tag, node.rack.as_ref()).map_err(EncodeError::of)?;
            tag.put_u8(0);
        }
        self.tail.put_u8(1);
        put_tag(&mut self.tail, 0, &tag);
        Ok(())
    }

    fn count(&mut self, count: Option<usize>) {
        let count =
            count.map_or(-1, |count| i32::try_from(count).expect("an answer to a frame has fewer entries than the frame has bytes"));
        if self.flexible {
            write_unsigned_varint(&mut self.tail, (count + 1) as u32);
        } else {
            self.tail.put_i32(count);
        }
    }

    fn no_tags(&mut self) {
        if self.flexible {
            self.tail.put_u8(0);
        }
    }

    /// Ends the bytes in hand, before a part that is somewhere else.
    fn flush(&mut self) {
        let bytes = self.tail.split();
        if self.head.is_none() {
            self.head = Some(bytes);
        } else if !bytes.is_empty() {
            self.done.push(Part::Bytes(bytes.freeze()));
        }
    }

    fn finish(mut self) -> Result<ScatterList<R>, EncodeError> {
        self.flush();
        let mut head = self.head.expect("the flush before has set it");
        let bytes = head.len() as u64 - response::LENGTH_BYTES as u64 + self.done.iter().map(Part::length).sum::<u64>();
        let length = i32::try_from(bytes).map_err(EncodeError::of)?;
        head[..response::LENGTH_BYTES].copy_from_slice(&length.to_be_bytes());
        self.done.insert(0, Part::Bytes(head.freeze()));
        Ok(ScatterList::of_parts(self.done))
    }
}

/// The tagged fields of a partition: 0 where the logs part, 1 who leads, 2 which snapshot.
fn partition_tags<R>(partition: &FetchedPartition<R>) -> BytesMut {
    let mut tags = BytesMut::new();
    let count = [partition.diverging_epoch.is_some(), partition.current_leader.is_some(), partition.snapshot.is_some()];
    tags.put_u8(count.into_iter().map(u8::from).sum());
    if let Some(diverging) = partition.diverging_epoch {
        let mut tag = BytesMut::with_capacity(13);
        tag.put_i32(diverging.epoch.0);
        tag.put_i64(diverging.end_offset.0);
        tag.put_u8(0);
        put_tag(&mut tags, 0, &tag);
    }
    if let Some(leader) = partition.current_leader {
        let mut tag = BytesMut::with_capacity(9);
        tag.put_i32(leader.leader.0);
        tag.put_i32(leader.epoch.0);
        tag.put_u8(0);
        put_tag(&mut tags, 1, &tag);
    }
    if let Some(snapshot) = partition.snapshot {
        let mut tag = BytesMut::with_capacity(13);
        tag.put_i64(snapshot.end_offset.0);
        tag.put_i32(snapshot.epoch.0);
        tag.put_u8(0);
        put_tag(&mut tags, 2, &tag);
    }
    tags
}

fn put_tag(out: &mut BytesMut, tag: u32, data: &[u8]) {
    let bytes = u32::try_from(data.len()).expect("a tagged field of an answer is shorter than its frame");
    out.reserve(unsigned_varint_len(tag) + unsigned_varint_len(bytes) + data.len());
    write_unsigned_varint(out, tag);
    write_unsigned_varint(out, bytes);
    out.put_slice(data);
}
