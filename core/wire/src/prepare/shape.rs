//! The shapes of request bodies: walked before anything is decoded, to refuse nulls that the codec would take for empty, and to know what the
//! decoded value will cost before a byte of it is allocated.

use crate::messages::RawTaggedField;

/// A structure of a schema, or the body itself.
pub(crate) struct Shape {
    /// Bytes of memory of one decoded value, without what it owns elsewhere.
    bytes: usize,
    pub(crate) fields: &'static [Field],
    /// False for numbers and strings as elements of an array, which have no tagged fields of their own.
    pub(crate) is_structure: bool,
}

/// A field of a structure, in the order of the wire.
pub(crate) struct Field {
    name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) oldest: i16,
    pub(crate) newest: i16,
    /// The first version in which it may be null.
    pub(crate) nullable: i16,
}

pub(crate) enum Kind {
    /// Numbers and ids: so many bytes.
    Fixed(usize),
    Text,
    Bytes,
    Array(&'static Shape),
    /// A structure behind a byte that says whether it is there.
    Optional(&'static Shape),
}

/// Why a body has not the shape of its schema.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ShapeError {
    #[error("it ends within {field}")]
    Short { field: &'static str },
    #[error("{field} is null and must not be")]
    Null { field: &'static str },
    #[error("{field} has no valid length")]
    Length { field: &'static str },
    #[error("it takes {bytes} bytes of memory or more")]
    TooLarge { bytes: u64 },
}

impl Shape {
    /// The shape of the decoded type `T`.
    pub(crate) const fn of<T>(fields: &'static [Field]) -> Shape {
        Shape { bytes: size_of::<T>(), fields, is_structure: true }
    }

    /// The shape of an array's elements that are plain numbers or strings of the type `T`.
    pub(crate) const fn of_plain<T>(field: &'static [Field; 1]) -> Shape {
        Shape { bytes: size_of::<T>(), fields: field, is_structure: false }
    }

    /// The same shape, whose values are turned into values of `T` besides.
    pub(crate) const fn and<T>(self) -> Shape {
        Shape { bytes: self.bytes + size_of::<T>(), ..self }
    }
}

impl Field {
    const fn new(name: &'static str, kind: Kind) -> Field {
        Field { name, kind, oldest: 0, newest: i16::MAX, nullable: i16::MAX }
    }

    pub(crate) const fn since(self, oldest: i16) -> Field {
        Field { oldest, ..self }
    }

    pub(crate) const fn until(self, newest: i16) -> Field {
        Field { newest, ..self }
    }

    pub(crate) const fn nullable_since(self, nullable: i16) -> Field {
        Field { nullable, ..self }
    }
}

pub(crate) const fn fixed(name: &'static str, bytes: usize) -> Field {
    Field::new(name, Kind::Fixed(bytes))
}

pub(crate) const fn text(name: &'static str) -> Field {
    Field::new(name, Kind::Text)
}

pub(crate) const fn bytes(name: &'static str) -> Field {
    Field::new(name, Kind::Bytes)
}

pub(crate) const fn array(name: &'static str, of: &'static Shape) -> Field {
    Field::new(name, Kind::Array(of))
}

pub(crate) const fn optional(name: &'static str, of: &'static Shape) -> Field {
    Field::new(name, Kind::Optional(of))
}

/// Walks a body without allocating and tells how many bytes of memory the decoded value will take besides the frame.
pub(crate) fn walk(shape: &Shape, body: &[u8], version: i16, flexible: bool, bytes_max: u64) -> Result<u64, ShapeError> {
    let mut walk = Walk { rest: body, version, flexible, bytes: shape.bytes as u64, bytes_max };
    walk.structure(shape)?;
    Ok(walk.bytes)
}

/// How many bytes the tagged fields take that `bytes` begins with.
pub(crate) fn tags_length(bytes: &[u8]) -> Result<usize, ShapeError> {
    let mut walk = Walk { rest: bytes, version: 0, flexible: true, bytes: 0, bytes_max: u64::MAX };
    walk.tags()?;
    Ok(bytes.len() - walk.rest.len())
}

struct Walk<'a> {
    rest: &'a [u8],
    version: i16,
    flexible: bool,
    bytes: u64,
    bytes_max: u64,
}

impl<'a> Walk<'a> {
    fn structure(&mut self, shape: &Shape) -> Result<(), ShapeError> {
        for field in shape.fields {
            if field.oldest <= self.version && self.version <= field.newest {
                self.field(field)?;
            }
        }
        if self.flexible && shape.is_structure { self.tags() } else { Ok(()) }
    }

    fn field(&mut self, field: &Field) -> Result<(), ShapeError> {
        match field.kind {
            Kind::Fixed(bytes) => self.take(bytes, field.name).map(drop),
            Kind::Text => {
                let length = self.length(2, field)?;
                self.take(length.unwrap_or(0), field.name).map(drop)
            }
            Kind::Bytes => {
                let length = self.length(4, field)?;
                self.take(length.unwrap_or(0), field.name).map(drop)
            }
            Kind::Array(of) => {
                let count = self.length(4, field)?.unwrap_or(0);
                self.elements(of, count, field.name)
            }
            Kind::Optional(of) => {
                if self.take(1, field.name)?[0].cast_signed() < 0 {
                    return Ok(());
                }
                self.charge(of.bytes as u64)?;
                self.structure(of)
            }
        }
    }

    fn elements(&mut self, of: &Shape, count: usize, name: &'static str) -> Result<(), ShapeError> {
        if count > self.rest.len() {
            return Err(ShapeError::Short { field: name }); // no element is shorter than a byte
        }
        self.charge((of.bytes as u64).saturating_mul(array_capacity(count as u64)))?;
        for _ in 0..count {
            self.structure(of)?;
        }
        Ok(())
    }

    /// The length of a string, of bytes or of an array, which fixed layouts keep in `bytes` bytes; `None` where it is null and may be.
    fn length(&mut self, bytes: usize, field: &Field) -> Result<Option<usize>, ShapeError> {
        let length = if self.flexible {
            i64::from(self.varint(field.name)?) - 1
        } else if bytes == 2 {
            i64::from(i16::from_be_bytes(self.take(2, field.name)?.try_into().expect("two bytes were taken")))
        } else {
            i64::from(i32::from_be_bytes(self.take(4, field.name)?.try_into().expect("four bytes were taken")))
        };
        if length >= 0 {
            return usize::try_from(length).map(Some).map_err(|_| ShapeError::Length { field: field.name });
        }
        if self.version < field.nullable { Err(ShapeError::Null { field: field.name }) } else { Ok(None) }
    }

    fn tags(&mut self) -> Result<(), ShapeError> {
        const NAME: &str = "tagged fields";
        let count = self.varint(NAME)?;
        if count as usize > self.rest.len() {
            return Err(ShapeError::Short { field: NAME });
        }
        // The codec collects them twice, the second time in a vector that doubles.
        let element = size_of::<RawTaggedField>() as u64;
        self.charge(element * (u64::from(count) + doubling_capacity(u64::from(count))))?;
        for _ in 0..count {
            self.varint(NAME)?;
            let bytes = self.varint(NAME)?;
            self.take(bytes as usize, NAME)?;
        }
        Ok(())
    }

    fn varint(&mut self, field: &'static str) -> Result<u32, ShapeError> {
        let mut value: u32 = 0;
        for shift in [0, 7, 14, 21, 28] {
            let byte = self.take(1, field)?[0];
            value |= u32::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(ShapeError::Length { field })
    }

    fn take(&mut self, bytes: usize, field: &'static str) -> Result<&'a [u8], ShapeError> {
        let (taken, rest) = self.rest.split_at_checked(bytes).ok_or(ShapeError::Short { field })?;
        self.rest = rest;
        Ok(taken)
    }

    fn charge(&mut self, bytes: u64) -> Result<(), ShapeError> {
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes > self.bytes_max { Err(ShapeError::TooLarge { bytes: self.bytes }) } else { Ok(()) }
    }
}

/// Elements that the codec has room for after decoding `count`: exactly so many up to its budget, then it doubles.
fn array_capacity(count: u64) -> u64 {
    const BUDGET: u64 = 1024;
    if count <= BUDGET { count } else { (count.div_ceil(BUDGET)).next_power_of_two() * BUDGET }
}

/// Elements that a vector has room for after `count` pushes.
fn doubling_capacity(count: u64) -> u64 {
    if count == 0 { 0 } else { count.next_power_of_two().max(4) }
}
