//! Responses: encoded by the broker, decoded by a client.

use bytes::{BufMut, Bytes, BytesMut};

use crate::api::{ApiKey, for_each_api};
use crate::error::ErrorCode;
use crate::ids::CorrelationId;
use crate::messages::ApiVersionsResponseData;
use crate::messages::api_versions_response::ApiVersion;
use crate::request::EncodeError;
use crate::scatter::{RangeLength, ScatterList};

/// Why a frame is no response to the request it should answer. The connection is to be closed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed response to {api} version {version}: {says}")]
pub struct ResponseError {
    /// The API asked.
    pub api: ApiKey,
    /// The version it was asked in.
    pub version: i16,
    /// What the codec said.
    pub says: String,
}

macro_rules! declare_response {
    ($($name:ident = $key:literal, $oldest:literal..=$newest:literal, flexible $flexible:literal, $request:ident => $response:ident;)*) => {
        /// The body of a response.
        ///
        /// A broker sends Fetch by [`crate::fetch::encode`], which copies no records; [`Response::Fetch`] is what a client decodes.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Response {
            $(
                #[doc = concat!("Answers ", stringify!($name), ".")]
                $name(crate::messages::$response),
            )*
        }

        impl Response {
            /// The API that this answers.
            pub const fn api(&self) -> ApiKey {
                match self {
                    $(Response::$name(_) => ApiKey::$name,)*
                }
            }

            fn body_bytes(&self, version: i16) -> kacrab_protocol::Result<usize> {
                match self {
                    $(Response::$name(body) => body.encoded_len(version),)*
                }
            }

            fn write(&self, out: &mut BytesMut, version: i16) -> kacrab_protocol::Result<()> {
                match self {
                    $(Response::$name(body) => body.write(out, version),)*
                }
            }

            fn read(api: ApiKey, version: i16, body: &mut Bytes) -> kacrab_protocol::Result<Response> {
                match api {
                    $(ApiKey::$name => crate::messages::$response::read(body, version).map(Response::$name),)*
                }
            }
        }

        $(impl From<crate::messages::$response> for Response {
            fn from(body: crate::messages::$response) -> Response {
                Response::$name(body)
            }
        })*
    };
}

for_each_api!(declare_response);

/// The frame of a response, its length included. `version` is that of the request.
pub fn encode<R: RangeLength>(version: i16, correlation: CorrelationId, response: &Response) -> Result<ScatterList<R>, EncodeError> {
    let mut out = begin(response.api(), version, correlation, response.body_bytes(version).map_err(EncodeError::of)?);
    response.write(&mut out, version).map_err(EncodeError::of)?;
    let bytes = i32::try_from(out.len() - LENGTH_BYTES).map_err(EncodeError::of)?;
    out[..LENGTH_BYTES].copy_from_slice(&bytes.to_be_bytes());
    Ok(ScatterList::of_frame(out.freeze()))
}

/// Decodes the response to a request that was sent in `version`, from a frame without its length.
///
/// An ApiVersions response that says `UNSUPPORTED_VERSION` is in version 0 whatever was asked (KIP-511).
pub fn decode(api: ApiKey, version: i16, mut frame: Bytes) -> Result<(CorrelationId, Response), ResponseError> {
    let fail = |says: String| ResponseError { api, version, says };
    let correlation = kacrab_protocol::primitives::read_i32(&mut frame).map_err(|e| fail(e.to_string()))?;
    if api.response_header_version(version) >= 1 {
        kacrab_protocol::tagged::read_tagged_fields(&mut frame).map_err(|e| fail(e.to_string()))?;
    }
    let version = if api == ApiKey::ApiVersions && is_refusal(&frame) { 0 } else { version };
    let response = Response::read(api, version, &mut frame).map_err(|e| fail(e.to_string()))?;
    Ok((CorrelationId(correlation), response))
}

/// The answer to [`crate::request::Request::UnsupportedApiVersions`], to be encoded in version 0.
pub fn unsupported_api_versions() -> Response {
    let versions = ApiKey::ApiVersions.advertised();
    let own =
        ApiVersion::default().with_api_key(ApiKey::ApiVersions.key()).with_min_version(versions.oldest).with_max_version(versions.newest);
    ApiVersionsResponseData::default().with_error_code(ErrorCode::UnsupportedVersion.code()).with_api_keys(vec![own]).into()
}

pub(crate) const LENGTH_BYTES: usize = 4;

/// Room for the length, and the header.
pub(crate) fn begin(api: ApiKey, version: i16, correlation: CorrelationId, body_bytes: usize) -> BytesMut {
    let mut out = BytesMut::with_capacity(LENGTH_BYTES + 5 + body_bytes);
    out.put_i32(0);
    out.put_i32(correlation.0);
    if api.response_header_version(version) >= 1 {
        out.put_u8(0); // no tagged fields
    }
    out
}

fn is_refusal(body: &[u8]) -> bool {
    body.first_chunk::<2>().is_some_and(|code| i16::from_be_bytes(*code) == ErrorCode::UnsupportedVersion.code())
}

#[cfg(test)]
mod tests;
