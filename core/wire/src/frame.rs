//! Frames out of a byte stream: four bytes of length, then that many bytes.
//!
//! A [`Framer`] is fed as bytes come and yields whole frames as slices of what it was fed. It allocates for what arrived, never for what was announced.

use bytes::buf::Limit;
use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::api::ApiKey;

/// Bytes of a frame above which the server asks before it reads on.
pub const UNASKED_BYTES_MAX: u32 = 64 * 1024;
/// Small frames are read together into chunks of this size; a longer frame gets a buffer of its own.
pub const CHUNK_BYTES: usize = 16 * 1024;

/// What a long frame's own buffer begins with, unless the frame is shorter.
const OWN_BYTES: usize = 256 * 1024;
/// By what that buffer grows when it is full. Each growth copies what is there: a third of the frame in all.
const GROWTH: usize = 4;
const LENGTH_BYTES: usize = 4;
const API_KEY_BYTES: usize = 2;

/// How long a frame may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameLimits {
    /// Any frame, in bytes; `socket.request.max.bytes`.
    pub frame_bytes_max: u32,
    /// A request other than Produce, in bytes; `None` where frames are responses.
    pub other_bytes_max: Option<u32>,
    /// A frame above this is announced and waits for [`Framer::grant`].
    pub unasked_bytes_max: u32,
}

impl FrameLimits {
    /// Kafka's default of `socket.request.max.bytes`.
    pub const REQUEST_BYTES_MAX: u32 = 100 * 1024 * 1024;
    /// Longest request other than Produce: a fetch of some 60,000 partitions fits.
    pub const OTHER_BYTES_MAX: u32 = 2 * 1024 * 1024;

    /// For a server that accepts requests of up to `request_bytes_max` bytes.
    pub const fn server(request_bytes_max: u32) -> FrameLimits {
        FrameLimits {
            frame_bytes_max: request_bytes_max,
            other_bytes_max: Some(FrameLimits::OTHER_BYTES_MAX),
            unasked_bytes_max: UNASKED_BYTES_MAX,
        }
    }

    /// For a client, which asked for what it is sent: Fetch responses may be as long as a frame can be.
    pub const fn client() -> FrameLimits {
        FrameLimits { frame_bytes_max: i32::MAX as u32, other_bytes_max: None, unasked_bytes_max: u32::MAX }
    }
}

/// What a stream turned out to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FrameEvent {
    /// A long frame begins; nothing more is to be read until [`Framer::grant`].
    Announced {
        /// Bytes of the frame, without the four of its length.
        bytes: u32,
    },
    /// A whole frame, without its length.
    Frame(Bytes),
}

/// Why a stream cannot be read on. The connection is to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The length is below zero.
    #[error("a frame of {length} bytes was announced")]
    Negative {
        /// What was announced.
        length: i32,
    },
    /// The frame is longer than any may be.
    #[error("a frame of {bytes} bytes was announced, and at most {bytes_max} are accepted")]
    TooLarge {
        /// What was announced.
        bytes: u32,
        /// The limit.
        bytes_max: u32,
    },
    /// The frame is longer than one that is no Produce request may be.
    #[error(
        "a request of {bytes} bytes with API key {api_key} was announced, and at most {bytes_max} are accepted for anything but Produce"
    )]
    OtherTooLarge {
        /// The key of its API.
        api_key: i16,
        /// What was announced.
        bytes: u32,
        /// The limit.
        bytes_max: u32,
    },
}

/// Cuts one byte stream into frames.
///
/// | from | to | trigger |
/// |---|---|---|
/// | Between | Asking | a length above `unasked_bytes_max` is known |
/// | Between | Filling | any other length is known |
/// | Asking | Filling | granted |
/// | Filling | Between | the frame is whole |
/// | Between | Broken | a length that no frame may have; there is no way back |
#[derive(Debug)]
pub struct Framer {
    limits: FrameLimits,
    /// What arrived and was not yet yielded; without the length once that is known.
    held: BytesMut,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Between,
    Asking { bytes: u32 },
    Filling { bytes: u32 },
    Broken(FrameError),
}

impl Framer {
    /// A framer at the start of a stream. Holds no memory until bytes come.
    pub fn new(limits: FrameLimits) -> Framer {
        Framer { limits, held: BytesMut::new(), state: State::Between }
    }

    /// Takes bytes that the caller has in memory.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
    }

    /// Memory for the host to read the socket into; call [`Framer::poll`] afterwards until it has nothing more.
    ///
    /// Never empty, and never past the end of a long frame, so that such a frame has its buffer for itself.
    pub fn spare(&mut self) -> Limit<&mut BytesMut> {
        let room = match self.state {
            State::Filling { bytes } if bytes as usize > CHUNK_BYTES => self.grow_for(bytes as usize),
            State::Filling { bytes } => self.chunk_for((bytes as usize).saturating_sub(self.held.len())),
            _ => self.chunk_for(LENGTH_BYTES + API_KEY_BYTES),
        };
        (&mut self.held).limit(room)
    }

    /// The next event, if what arrived suffices for one.
    pub fn poll(&mut self) -> Result<Option<FrameEvent>, FrameError> {
        match self.state {
            State::Broken(error) => Err(error),
            State::Asking { .. } => Ok(None),
            State::Filling { bytes } => Ok(self.whole(bytes)),
            State::Between => self.begin(),
        }
    }

    /// Lets a frame that was announced be read.
    pub fn grant(&mut self) {
        if let State::Asking { bytes } = self.state {
            self.state = State::Filling { bytes };
        }
    }

    /// True while an announced frame waits for its grant: the host reads nothing.
    pub fn is_asking(&self) -> bool {
        matches!(self.state, State::Asking { .. })
    }

    /// True if the stream may end here: no frame has begun.
    pub fn is_between_frames(&self) -> bool {
        matches!(self.state, State::Between) && self.held.is_empty()
    }

    /// Lets the buffer go if it holds nothing, for a connection that falls idle.
    pub fn rest(&mut self) {
        if self.held.is_empty() {
            self.held = BytesMut::new();
        }
    }

    /// Bytes of memory held for this stream.
    pub fn resident_bytes(&self) -> usize {
        self.held.capacity()
    }

    fn begin(&mut self) -> Result<Option<FrameEvent>, FrameError> {
        let Some(length) = self.held.first_chunk::<LENGTH_BYTES>() else { return Ok(None) };
        let length = i32::from_be_bytes(*length);
        let bytes = u32::try_from(length).map_err(|_| self.broken(FrameError::Negative { length }))?;
        if bytes > self.limits.frame_bytes_max {
            return Err(self.broken(FrameError::TooLarge { bytes, bytes_max: self.limits.frame_bytes_max }));
        }
        if bytes <= self.limits.unasked_bytes_max {
            self.held.advance(LENGTH_BYTES);
            self.state = State::Filling { bytes };
            return Ok(self.whole(bytes));
        }
        if let Some(bytes_max) = self.limits.other_bytes_max {
            let Some(key) = self.held.get(LENGTH_BYTES..LENGTH_BYTES + API_KEY_BYTES) else { return Ok(None) };
            let api_key = i16::from_be_bytes([key[0], key[1]]);
            if api_key != ApiKey::Produce.key() && bytes > bytes_max {
                return Err(self.broken(FrameError::OtherTooLarge { api_key, bytes, bytes_max }));
            }
        }
        self.held.advance(LENGTH_BYTES);
        self.state = State::Asking { bytes };
        Ok(Some(FrameEvent::Announced { bytes }))
    }

    fn whole(&mut self, bytes: u32) -> Option<FrameEvent> {
        if self.held.len() < bytes as usize {
            return None;
        }
        self.state = State::Between;
        let frame = self.held.split_to(bytes as usize).freeze();
        if self.held.is_empty() && frame.len() > CHUNK_BYTES {
            // Or the next chunk would be cut out of the long buffer as soon as the frame is let go, and keep it alive.
            self.held = BytesMut::new();
        }
        Some(FrameEvent::Frame(frame))
    }

    fn broken(&mut self, error: FrameError) -> FrameError {
        self.state = State::Broken(error);
        self.held = BytesMut::new();
        error
    }

    /// Room in the shared chunk for at least `missing` bytes; what lies in a full chunk moves to the next one.
    fn chunk_for(&mut self, missing: usize) -> usize {
        let missing = missing.max(1);
        if self.held.capacity() - self.held.len() < missing && !self.held.try_reclaim(missing) {
            let mut fresh = BytesMut::with_capacity(CHUNK_BYTES.max(self.held.len() + missing));
            fresh.extend_from_slice(&self.held);
            self.held = fresh;
        }
        self.held.capacity() - self.held.len()
    }

    /// Room for the rest of a long frame, in a buffer of its own that grows with what arrives.
    fn grow_for(&mut self, bytes: usize) -> usize {
        let is_chunk = self.held.capacity() <= CHUNK_BYTES;
        if is_chunk || self.held.capacity() == self.held.len() {
            let mut own = BytesMut::with_capacity(bytes.min(OWN_BYTES.max(GROWTH * self.held.len())));
            own.extend_from_slice(&self.held);
            self.held = own;
        }
        bytes.min(self.held.capacity()) - self.held.len()
    }
}

#[cfg(test)]
mod tests;
