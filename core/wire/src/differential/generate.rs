//! Bytes of a given shape, from a seed.

use bytes::{BufMut, Bytes, BytesMut};
use kacrab_protocol::primitives::write_unsigned_varint;

use crate::prepare::shape::{Field, Kind, Shape};

/// Makes bodies. Every byte of a number is 0 or 1, so that whatever is a boolean has one of the two bytes that it is written as.
pub(crate) struct Values {
    state: u64,
    version: i16,
    flexible: bool,
    out: BytesMut,
}

impl Values {
    pub(crate) fn new(seed: u64, version: i16, flexible: bool) -> Values {
        Values { state: seed, version, flexible, out: BytesMut::new() }
    }

    pub(crate) fn body(mut self, shape: &Shape) -> Bytes {
        self.structure(shape);
        self.out.freeze()
    }

    fn structure(&mut self, shape: &Shape) {
        for field in shape.fields {
            if field.oldest <= self.version && self.version <= field.newest {
                self.field(field);
            }
        }
        if self.flexible && shape.is_structure {
            self.out.put_u8(0);
        }
    }

    fn field(&mut self, field: &Field) {
        let null = self.version >= field.nullable && self.below(4) == 0;
        match field.kind {
            Kind::Fixed(bytes) => (0..bytes).for_each(|_| self.bit()),
            Kind::Optional(of) => {
                let null = self.below(2) == 0;
                self.out.put_i8(if null { -1 } else { 1 });
                if !null {
                    self.structure(of);
                }
            }
            _ if null => self.length(None, &field.kind),
            Kind::Text | Kind::Bytes => {
                let bytes = [0, 1, 7, 130][self.below(4)];
                self.length(Some(bytes), &field.kind);
                self.out.put_bytes(b'a', bytes);
            }
            Kind::Array(of) => {
                let count = [0, 1, 1, 2][self.below(4)];
                self.length(Some(count), &field.kind);
                (0..count).for_each(|_| self.structure(of));
            }
        }
    }

    fn length(&mut self, length: Option<usize>, kind: &Kind) {
        let length = length.map_or(-1, |length| length as i32);
        match kind {
            _ if self.flexible => write_unsigned_varint(&mut self.out, (length + 1) as u32),
            Kind::Text => self.out.put_i16(length as i16),
            _ => self.out.put_i32(length),
        }
    }

    fn bit(&mut self) {
        let bit = self.below(2) as u8;
        self.out.put_u8(bit);
    }

    /// A number below `end`, by SplitMix64.
    fn below(&mut self, end: usize) -> usize {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 33) as usize % end
    }
}
