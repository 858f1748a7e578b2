//! Scatter lists: a frame in parts, some of them bytes in memory and some of them ranges of a file that nobody has read.

use bytes::Bytes;

/// Something that stands for bytes elsewhere and knows how many they are.
pub trait RangeLength {
    /// How many bytes it stands for.
    fn length(&self) -> u64;
}

/// No range at all: the type of lists whose bytes are all in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoRange {}

impl RangeLength for NoRange {
    fn length(&self) -> u64 {
        match *self {}
    }
}

/// A piece of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part<R> {
    /// Bytes in memory.
    Bytes(Bytes),
    /// Bytes elsewhere, for `sendfile`.
    Range(R),
}

impl<R: RangeLength> Part<R> {
    /// How many bytes it is or stands for.
    pub fn length(&self) -> u64 {
        match self {
            Part::Bytes(bytes) => bytes.len() as u64,
            Part::Range(range) => range.length(),
        }
    }
}

/// A whole frame to send, its four bytes of length included, part after part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScatterList<R> {
    parts: Vec<Part<R>>,
    bytes: u64,
}

impl<R: RangeLength> ScatterList<R> {
    /// A frame of one part that already begins with its length.
    pub fn of_frame(frame: Bytes) -> ScatterList<R> {
        ScatterList { bytes: frame.len() as u64, parts: vec![Part::Bytes(frame)] }
    }

    /// A frame in parts, the first of which begins with the frame's length.
    pub fn of_parts(parts: Vec<Part<R>>) -> ScatterList<R> {
        ScatterList { bytes: parts.iter().map(Part::length).sum(), parts }
    }
}

impl<R> ScatterList<R> {
    /// Every byte that will be sent, the four of the frame's length included.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The parts, in order.
    pub fn parts(&self) -> &[Part<R>] {
        &self.parts
    }

    /// The parts, in order, for a sender that uses them up.
    pub fn into_parts(self) -> Vec<Part<R>> {
        self.parts
    }

    /// Bytes held in memory until this is sent.
    pub fn resident_bytes(&self) -> u64 {
        self.parts.iter().map(|part| if let Part::Bytes(bytes) = part { bytes.len() as u64 } else { 0 }).sum()
    }
}
