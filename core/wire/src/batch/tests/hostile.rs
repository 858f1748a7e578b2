//! Bytes from anywhere: nothing panics, and what was accepted can be used.

use allocation_counter::measure;
use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;

use super::{DECODED_MAX, a_codec, build, sealed, some_records, validate};
use crate::batch::header::ATTRIBUTES_AT;
use crate::batch::{BatchHeader, Batches, ReplicaBatch};
use crate::codec::Codec;

/// Everything that can be done with bytes that say they are batches.
fn use_all(bytes: &Bytes) {
    let _ = BatchHeader::parse(bytes).map(|header| (header.last_offset(), header.next_offset(), header.producer(), header.size_bytes()));
    if let Ok(batch) = validate(bytes) {
        let read = batch.records(DECODED_MAX).expect("validation has decompressed it");
        assert_eq!(read.filter(Result::is_ok).count(), batch.record_count() as usize);
        for log_append_ms in [None, Some(5)] {
            let assigned = batch.assign(super::shape::stamp(1, log_append_ms)).to_bytes();
            assert_eq!(ReplicaBatch::all(assigned).map(|all| all.len()), Ok(1));
        }
    }
    let mut walk = Batches::new(bytes.clone());
    for batch in walk.by_ref().flatten() {
        let _ = batch.records(DECODED_MAX).map(Iterator::count);
        let _ = batch.check();
    }
    assert!(walk.position() + walk.rest().len() == bytes.len());
}

#[test]
fn records_that_are_not_compressed_are_validated_without_allocating() {
    let batch = super::three(Codec::None);
    let seen = measure(|| assert!(validate(&batch).is_ok()));
    // What is allocated is the share that the batch keeps of its bytes, whatever their number.
    assert!(seen.count_total <= 2, "{seen:?}");
}

#[test]
fn a_batch_that_claims_more_than_it_holds_gets_no_memory_for_it() {
    let good = super::three(Codec::None);
    let claims = [(57, i32::MAX), (23, i32::MAX - 1), (57, i32::MAX)]; // count, last offset delta
    let bytes = claims.into_iter().fold(good, |batch, (at, claim)| super::patched(&batch, at, &claim.to_be_bytes()));
    let seen = measure(|| assert!(validate(&bytes).is_err()));
    assert!(seen.bytes_max < 1024, "{seen:?}");
    let whole = Batches::new(bytes).next().expect("whole").expect("fits").check().expect("counts agree");
    let seen = measure(|| assert!(whole.records(DECODED_MAX).expect("not compressed").filter(Result::is_ok).count() == 3));
    assert!(seen.bytes_max < 1024, "{seen:?}");
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
