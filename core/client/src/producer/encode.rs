//! A batch in bytes.

use bytes::Bytes;
use odradek_wire::batch::{BatchProducer, Builder};

use super::batch::Batch;
use crate::config::Compression;

/// The bytes of a batch, compressed, under its stamp if it has one; and how long it was before compression.
pub(super) fn encode(batch: &Batch, compression: Compression) -> (Bytes, usize) {
    let mut builder = Builder::new(compression);
    for record in &batch.records {
        builder.push(record.as_new());
    }
    if let Some(stamp) = batch.stamp {
        let producer = BatchProducer { id: stamp.producer, epoch: stamp.epoch, base_sequence: Some(stamp.base) };
        builder.set_producer(producer, false);
    }
    (builder.build().into_bytes(), builder.size_bytes())
}
