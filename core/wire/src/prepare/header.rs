//! The header of a request, versions 1 and 2.

use bytes::{Buf, Bytes};
use kacrab_protocol::{string, tagged};

use crate::api::ApiKey;
use crate::ids::CorrelationId;
use crate::prepare::PrepareError;
use crate::request::RequestHeader;

/// Splits a frame into header and body.
///
/// An ApiVersions request in a version that nobody knows has a header all the same: flexible from version 3 on.
pub(super) fn read(mut frame: Bytes) -> Result<(RequestHeader, Bytes), PrepareError> {
    if frame.len() < 8 {
        return Err(PrepareError::Header { says: format!("the frame has {} bytes", frame.len()) });
    }
    let (key, version, correlation) = (frame.get_i16(), frame.get_i16(), frame.get_i32());
    let api = ApiKey::known(key).ok_or(PrepareError::UnknownApi { key, version })?;
    if !api.versions().contains(version) && api != ApiKey::ApiVersions {
        return Err(PrepareError::UnsupportedVersion { api, version });
    }
    // Never compact, not even in the flexible header (KIP-482); null means empty.
    let client_id = string::read_nullable_string(&mut frame).map_err(|e| PrepareError::Header { says: e.to_string() })?.unwrap_or_default();
    if api.is_flexible(version) {
        tagged::read_tagged_fields(&mut frame).map_err(|e| PrepareError::Header { says: e.to_string() })?;
    }
    Ok((RequestHeader { api, version, correlation: CorrelationId(correlation), client_id }, frame))
}
