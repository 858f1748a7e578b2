//! The header of a request, versions 1 and 2.

use bytes::{Buf, Bytes};

use crate::api::ApiKey;
use crate::ids::CorrelationId;
use crate::messages::KafkaString;
use crate::prepare::{PrepareError, shape};
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
    let client_id = client_id(&mut frame)?;
    if api.is_flexible(version) {
        let tags = shape::tags_length(&frame).map_err(|e| PrepareError::Header { says: e.to_string() })?;
        frame.advance(tags);
    }
    Ok((RequestHeader { api, version, correlation: CorrelationId(correlation), client_id }, frame))
}

/// The client's id: never compact, not even in the flexible header (KIP-482); null means empty; bytes that are no UTF-8 are replaced, as Java does.
fn client_id(frame: &mut Bytes) -> Result<KafkaString, PrepareError> {
    let short = || PrepareError::Header { says: "it ends within the client id".to_owned() };
    let length = frame.try_get_i16().map_err(|_| short())?;
    let Ok(length) = usize::try_from(length) else { return Ok(KafkaString::default()) };
    if length > frame.len() {
        return Err(short());
    }
    let bytes = frame.split_to(length);
    Ok(KafkaString::new(bytes.clone()).unwrap_or_else(|_| KafkaString::from(String::from_utf8_lossy(&bytes).into_owned())))
}
