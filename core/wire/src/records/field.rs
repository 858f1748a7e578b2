//! How one field of a flexible schema stands in bytes.

use bytes::{BufMut, Bytes, BytesMut};
use thiserror::Error;

use crate::batch::varint::{put_u32, read_u32};
use crate::ids::Uuid;

/// Why the bytes of a record cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[expect(missing_docs, reason = "the fields are the numbers of the message")]
pub enum RecordError {
    /// The bytes end inside a field.
    #[error("the record ends inside a field, at byte {at}")]
    CutShort { at: usize },
    /// A field holds what its type cannot.
    #[error("{what} at byte {at}")]
    Malformed { at: usize, what: &'static str },
    /// Bytes follow the last field.
    #[error("{bytes} bytes after the last field")]
    Trailing { bytes: usize },
    /// The frame around a metadata record is of another version.
    #[error("frame version {found} instead of 1")]
    FrameVersion { found: u32 },
}

/// The bits of a 64-bit float: carried, compared, never computed with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Float64(pub u64);

/// A place in the bytes of a record.
pub(crate) struct Reader {
    bytes: Bytes,
    at: usize,
}

impl Reader {
    pub(crate) fn new(bytes: Bytes) -> Reader {
        Reader { bytes, at: 0 }
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], RecordError> {
        let array = self.bytes[self.at..].first_chunk().copied().ok_or(RecordError::CutShort { at: self.at })?;
        self.at += N;
        Ok(array)
    }

    pub(crate) fn varint(&mut self) -> Result<u32, RecordError> {
        let (value, len) = read_u32(&self.bytes[self.at..]).ok_or(RecordError::Malformed { at: self.at, what: "broken varint" })?;
        self.at += len;
        Ok(value)
    }

    pub(crate) fn take(&mut self, len: usize) -> Result<Bytes, RecordError> {
        if len > self.bytes.len() - self.at {
            return Err(RecordError::CutShort { at: self.at });
        }
        let taken = self.bytes.slice(self.at..self.at + len);
        self.at += len;
        Ok(taken)
    }

    /// A length one above itself, so that zero means null.
    fn compact_len(&mut self) -> Result<Option<usize>, RecordError> {
        Ok(self.varint()?.checked_sub(1).map(|len| len as usize))
    }

    pub(crate) fn rest(&self) -> Bytes {
        self.bytes.slice(self.at..)
    }

    pub(crate) fn end(&self) -> Result<(), RecordError> {
        let bytes = self.bytes.len() - self.at;
        if bytes == 0 { Ok(()) } else { Err(RecordError::Trailing { bytes }) }
    }

    pub(crate) fn malformed(&self, what: &'static str) -> RecordError {
        RecordError::Malformed { at: self.at, what }
    }
}

/// A type that a schema may name.
pub(crate) trait Field: Sized {
    /// Appends the value.
    fn put(&self, version: u32, out: &mut BytesMut);
    /// Reads the value.
    fn get(version: u32, from: &mut Reader) -> Result<Self, RecordError>;
}

macro_rules! numbers {
    ($($type:ty),*) => {
        $(impl Field for $type {
            fn put(&self, _version: u32, out: &mut BytesMut) {
                out.put_slice(&self.to_be_bytes());
            }

            fn get(_version: u32, from: &mut Reader) -> Result<Self, RecordError> {
                Ok(<$type>::from_be_bytes(from.array()?))
            }
        })*
    };
}

numbers!(i8, i16, u16, i32, i64);

impl Field for bool {
    fn put(&self, _version: u32, out: &mut BytesMut) {
        out.put_u8(u8::from(*self));
    }

    fn get(_version: u32, from: &mut Reader) -> Result<Self, RecordError> {
        Ok(from.array::<1>()? != [0])
    }
}

impl Field for Float64 {
    fn put(&self, _version: u32, out: &mut BytesMut) {
        out.put_u64(self.0);
    }

    fn get(_version: u32, from: &mut Reader) -> Result<Self, RecordError> {
        Ok(Float64(u64::from_be_bytes(from.array()?)))
    }
}

impl Field for Uuid {
    fn put(&self, _version: u32, out: &mut BytesMut) {
        out.put_slice(&self.0);
    }

    fn get(_version: u32, from: &mut Reader) -> Result<Self, RecordError> {
        Ok(Uuid(from.array()?))
    }
}

/// A type whose length stands in front of it, and which may therefore be null.
pub(crate) trait Compact: Sized {
    fn len(&self) -> usize;
    fn put_content(&self, version: u32, out: &mut BytesMut);
    fn get_content(len: usize, version: u32, from: &mut Reader) -> Result<Self, RecordError>;
}

impl Compact for String {
    fn len(&self) -> usize {
        self.len()
    }

    fn put_content(&self, _version: u32, out: &mut BytesMut) {
        out.put_slice(self.as_bytes());
    }

    fn get_content(len: usize, _version: u32, from: &mut Reader) -> Result<Self, RecordError> {
        if len > 0x7fff {
            return Err(from.malformed("a string above 32767 bytes"));
        }
        let bytes = from.take(len)?;
        String::from_utf8(bytes.to_vec()).map_err(|_| from.malformed("a string that is not UTF-8"))
    }
}

impl Compact for Bytes {
    fn len(&self) -> usize {
        self.len()
    }

    fn put_content(&self, _version: u32, out: &mut BytesMut) {
        out.put_slice(self);
    }

    fn get_content(len: usize, _version: u32, from: &mut Reader) -> Result<Self, RecordError> {
        from.take(len)
    }
}

impl<T: Field> Compact for Vec<T> {
    fn len(&self) -> usize {
        self.len()
    }

    fn put_content(&self, version: u32, out: &mut BytesMut) {
        for item in self {
            item.put(version, out);
        }
    }

    fn get_content(len: usize, version: u32, from: &mut Reader) -> Result<Self, RecordError> {
        let mut items = Vec::new(); // grows with what is really there
        for _ in 0..len {
            items.push(T::get(version, from)?);
        }
        Ok(items)
    }
}

fn put_compact<T: Compact>(value: Option<&T>, version: u32, out: &mut BytesMut) {
    let Some(value) = value else { return out.put_u8(0) };
    put_u32(out, u32::try_from(value.len() + 1).expect("a field of a record is far below 4 GiB"));
    value.put_content(version, out);
}

impl<T: Compact> Field for Option<T> {
    fn put(&self, version: u32, out: &mut BytesMut) {
        put_compact(self.as_ref(), version, out);
    }

    fn get(version: u32, from: &mut Reader) -> Result<Self, RecordError> {
        match from.compact_len()? {
            None => Ok(None),
            Some(len) => T::get_content(len, version, from).map(Some),
        }
    }
}

macro_rules! never_null {
    ([$($parameter:ident)?] $type:ty) => {
        impl $(<$parameter: Field>)? Field for $type {
            fn put(&self, version: u32, out: &mut BytesMut) {
                put_compact(Some(self), version, out);
            }

            fn get(version: u32, from: &mut Reader) -> Result<Self, RecordError> {
                Option::<Self>::get(version, from)?.ok_or_else(|| from.malformed("null where none may be"))
            }
        }
    };
}

never_null!([] String);
never_null!([] Bytes);
never_null!([T] Vec<T>);

/// The tagged fields of a structure, gathered in the order of the schema and written by ascending tag.
#[derive(Default)]
pub(crate) struct Tags {
    fields: Vec<(u32, BytesMut)>,
}

impl Tags {
    pub(crate) fn add(&mut self, tag: u32, value: &impl Field, version: u32) {
        let mut content = BytesMut::new();
        value.put(version, &mut content);
        self.fields.push((tag, content));
    }

    pub(crate) fn put(mut self, out: &mut BytesMut) {
        self.fields.sort_unstable_by_key(|&(tag, _)| tag);
        put_u32(out, self.fields.len() as u32);
        for (tag, content) in self.fields {
            put_u32(out, tag);
            put_u32(out, u32::try_from(content.len()).expect("a field of a record is far below 4 GiB"));
            out.put_slice(&content);
        }
    }

    /// Reads the section, handing each field to `read` with a reader of its own, which must be read whole. A tag that `read` does not know is skipped.
    pub(crate) fn get(from: &mut Reader, mut read: impl FnMut(u32, &mut Reader) -> Result<bool, RecordError>) -> Result<(), RecordError> {
        for _ in 0..from.varint()? {
            let tag = from.varint()?;
            let len = from.varint()? as usize;
            let mut content = Reader::new(from.take(len)?);
            if read(tag, &mut content)? {
                content.end()?;
            }
        }
        Ok(())
    }
}
