//! Bytes from anywhere: nothing panics, and what was accepted can be used.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;

use super::{DECODED_MAX, a_codec, build, sealed, some_records, validate};
use crate::batch::header::ATTRIBUTES_AT;
use crate::batch::{BatchHeader, Batches, ReplicaBatch};

/// Everything that can be done with bytes that say they are batches.
fn use_all(bytes: &Bytes) {
    let _ = BatchHeader::parse(bytes).map(|header| (header.last_offset(), header.next_offset(), header.producer(), header.size_bytes()));
    if let Ok(batch) = validate(bytes) {
        let read = batch.records(DECODED_MAX).expect("validation has decompressed it");
        assert_eq!(read.map(|record| record.expect("validation has read it")).count(), batch.record_count() as usize);
        for log_append_ms in [None, Some(5)] {
            let assigned = batch.assign(super::shape::stamp(1, log_append_ms)).to_bytes();
            assert_eq!(ReplicaBatch::all(assigned).map(|all| all.len()), Ok(1));
        }
    }
    let mut walk = Batches::new(bytes.clone());
    for batch in walk.by_ref().flatten() {
        let _ = batch.records(DECODED_MAX).map(|records| records.count());
        let _ = batch.check();
    }
    assert!(walk.position() + walk.rest().len() == bytes.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn random_bytes_never_panic(bytes in vec(any::<u8>(), 0..400)) {
        use_all(&bytes.into());
    }

    #[test]
    fn mutated_batches_never_panic(
        codec in a_codec(), records in some_records(), edits in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6), cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = build(codec, &records).to_vec();
        for (at, byte) in edits {
            // The length and the magic stay, or few mutants get past them.
            let at = ATTRIBUTES_AT + at.index(bytes.len() - ATTRIBUTES_AT);
            bytes[at] = byte;
        }
        use_all(&bytes.clone().into());
        // With the checksum put right, the rules behind it are met.
        use_all(&sealed(bytes.clone()));
        let cut = 61 + cut.index(bytes.len() - 60);
        use_all(&sealed(bytes[..cut.min(bytes.len())].to_vec()));
    }
}
