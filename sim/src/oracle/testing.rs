//! Small stories for the tests of checkers: one topic `orders` with one partition, client 0.

use std::sync::Arc;

use odradek_log::disk::Name;
use odradek_machine::{Seed, WallMs};
use odradek_wire::ids::{Offset, TopicPartition};

use super::batches::Held;
use super::{Checker, ClientSetup, Event, Guarantee, RecordId, Setup, TopicSetup, Violation};
use crate::disk::Moment;

/// The partition.
pub fn at() -> TopicPartition {
    TopicPartition { topic: Arc::from("orders"), partition: 0 }
}

/// A record.
pub const fn id(client: u16, op: u32) -> RecordId {
    RecordId { client, op }
}

/// A run without expectations.
pub fn setup() -> Setup {
    let topic = TopicSetup { name: Arc::from("orders"), partitions: 1, synced: true, shrinks: false };
    Setup { guarantees: Vec::new(), topics: vec![topic], clients: Vec::new() }
}

/// A run whose client 0 has this profile.
pub fn setup_of(profile: Guarantee) -> Setup {
    let client = ClientSetup { name: Arc::from("client"), profile: Some(profile), may_reorder: false };
    Setup { guarantees: vec![profile], clients: vec![client], ..setup() }
}

/// An application sends.
pub fn sent(record: RecordId) -> Event<'static> {
    Event::Sent { record, to: at() }
}

/// A producer is told.
pub fn acknowledged(record: RecordId, offset: i64) -> Event<'static> {
    Event::Acknowledged { record, at: at(), offset: Some(Offset(offset)) }
}

/// A consumer reads.
pub fn read(offset: i64, record: RecordId) -> Event<'static> {
    Event::Read { client: 1, at: at(), offset: Offset(offset), record: Some(record) }
}

/// The final read begins.
pub fn bounds(start: i64, end: i64) -> Event<'static> {
    Event::FinalBounds { at: at(), start: Offset(start), end: Offset(end) }
}

/// The final read goes on.
pub fn final_read(offset: i64, record: Option<RecordId>) -> Event<'static> {
    Event::FinalRead { at: at(), offset: Offset(offset), record, sum: 0 }
}

/// A medium destroys batches of these offsets, or the whole disk forgets them.
pub fn media_lost(offsets: std::ops::Range<i64>, whole_disk: bool) -> Event<'static> {
    static FILE: std::sync::LazyLock<Name> = std::sync::LazyLock::new(|| Name::from("orders-0/00000000000000000000.log"));
    let bytes = offsets.start as u64 * 100..offsets.end as u64 * 100;
    let held = Some(Held { at: at(), bytes: bytes.clone(), offsets, lasts: true });
    Event::MediaLost { node: 0, disk: 0, file: &FILE, bytes, held, whole_disk }
}

/// Shows a story to a checker, up to the first violation.
pub fn watch(mut checker: impl Checker, story: &[Event<'_>]) -> Result<(), Violation> {
    story.iter().try_for_each(|event| checker.observe(event))
}

/// A moment at which everything that completed is covered.
pub const fn moment() -> Moment {
    Moment { wall: WallMs(0), draw: Seed(1), covers: u64::MAX }
}
