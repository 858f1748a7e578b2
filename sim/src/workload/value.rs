//! Values that say whose they are: so that the oracle can tell every record of a run from every other.

use bytes::{BufMut, Bytes, BytesMut};
use odradek_machine::Seed;

use crate::oracle::RecordId;

const MAGIC: &[u8; 4] = b"Odra";
/// Magic, client, operation.
const HEAD_BYTES: usize = 10;

/// The value of a record: at least ten bytes, the rest filled from its name, half of it easy to compress.
pub fn value_of(record: RecordId, bytes: u64, draw: Seed) -> Bytes {
    let bytes = (bytes as usize).max(HEAD_BYTES);
    let mut value = BytesMut::with_capacity(bytes + 8);
    value.put_slice(MAGIC);
    value.put_u16(record.client);
    value.put_u32(record.op);
    let mut nth = 0;
    while value.len() < bytes {
        value.put_u64(if nth % 2 == 0 { draw.number(nth).u64() } else { 0x2e2e_2e2e_2e2e_2e2e });
        nth += 1;
    }
    value.truncate(bytes);
    value.freeze()
}

/// Whose a value is; `None` if it is none of ours.
pub fn record_of(value: &[u8]) -> Option<RecordId> {
    let head = value.first_chunk::<HEAD_BYTES>()?;
    let (magic, rest) = head.split_first_chunk::<4>()?;
    let (client, op) = rest.split_first_chunk::<2>()?;
    let op = op.first_chunk::<4>()?;
    (magic == MAGIC).then(|| RecordId { client: u16::from_be_bytes(*client), op: u32::from_be_bytes(*op) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_tells_whose_it_is_whatever_its_size() {
        for bytes in [0, 10, 11, 500] {
            let record = RecordId { client: 3, op: 70_000 };
            let value = value_of(record, bytes, Seed(1));
            assert_eq!((record_of(&value), value.len() as u64), (Some(record), bytes.max(10)));
        }
        assert_eq!(record_of(b"someone else's"), None);
        assert_eq!(record_of(b""), None);
    }
}
