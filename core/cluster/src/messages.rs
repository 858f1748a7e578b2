//! The messages that the controller answers, by Kafka's names: one place to say where they come from.

pub use kacrab_protocol::generated::*;
pub use kacrab_protocol::{KafkaString, KafkaUuid};

use odradek_wire::ids::Uuid;

/// An id as the generated messages want it.
pub fn to_message(id: Uuid) -> KafkaUuid {
    let (most, least) = id.0.split_at(8);
    let half = |bytes: &[u8]| u64::from_be_bytes(bytes.try_into().expect("sixteen bytes split in the middle"));
    KafkaUuid::from_parts(half(most), half(least))
}
