//! Frames into requests: decoding, checksums, record-level validation, and the facts that later rules need. Pure, so any thread may do it.

mod decode;
mod header;
pub(crate) mod shape;
pub(crate) mod shapes;

use bytes::Bytes;

use crate::api::ApiKey;
use crate::request::{Request, RequestHeader};

/// How much one request may be and become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of memory that a decoded request other than Produce may take. A hostile Metadata request takes 36 times its frame.
    pub decoded_bytes_max: u64,
    /// Bytes that the records of one compressed batch may have when decompressed.
    pub batch_decompressed_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { decoded_bytes_max: 16 * 1024 * 1024, batch_decompressed_bytes_max: 256 * 1024 * 1024 }
    }
}

/// A request that is ready to be worked on.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// Its header.
    pub header: RequestHeader,
    /// Its body.
    pub request: Request,
    /// What the decoded value costs in memory besides its frame, in bytes, estimated.
    pub decoded_bytes: u64,
}

/// Why a frame is no request that can be answered. The connection is to be closed, as Apache Kafka does.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrepareError {
    /// The frame ends within the header, or the header makes no sense.
    #[error("malformed request header: {says}")]
    Header {
        /// What the codec said.
        says: String,
    },
    /// No such API, or none that is implemented.
    #[error("unknown API key {key} (version {version})")]
    UnknownApi {
        /// The key.
        key: i16,
        /// The version.
        version: i16,
    },
    /// The API is not implemented in this version.
    #[error("{api} is not supported in version {version}")]
    UnsupportedVersion {
        /// The API.
        api: ApiKey,
        /// The version.
        version: i16,
    },
    /// The body does not follow its schema.
    #[error("malformed {api} request, version {version}: {says}")]
    Malformed {
        /// The API.
        api: ApiKey,
        /// The version.
        version: i16,
        /// What is wrong.
        says: String,
    },
    /// The request would take more memory than any but Produce may.
    #[error("a {api} request would take {bytes} bytes of memory, and at most {bytes_max} are accepted")]
    TooLarge {
        /// The API.
        api: ApiKey,
        /// What it would take.
        bytes: u64,
        /// The limit.
        bytes_max: u64,
    },
}

/// Makes a request of a frame.
///
/// Bytes after the body are passed over, as Apache Kafka does.
pub fn prepare(frame: Bytes, limits: &Limits) -> Result<Prepared, PrepareError> {
    let (header, body) = header::read(frame)?;
    decode::decode(header, body, limits)
}

#[cfg(test)]
mod tests;
