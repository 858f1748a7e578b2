//! ApiVersions: what this broker speaks, and which features are finalized (KIP-35, KIP-511, KIP-584).

use odradek_cluster::controller::SUPPORTED_FEATURES;
use odradek_wire::api::ApiKey;
use odradek_wire::error::ErrorCode;
use odradek_wire::messages::api_versions_response::{ApiVersion, FinalizedFeatureKey, SupportedFeatureKey};
use odradek_wire::messages::{ApiVersionsRequestData, ApiVersionsResponseData, text};

use super::{Ask, Reply};
use crate::running::Running;

/// Says what is spoken; remembers what the client is made of.
pub(crate) fn handle(node: &mut Running, ask: &Ask, request: &ApiVersionsRequestData) -> Reply {
    if ask.version >= 3 {
        let (name, version) = (request.client_software_name.as_str(), request.client_software_version.as_str());
        if !is_software(name) || !is_software(version) {
            return Reply::Now(ApiVersionsResponseData::default().with_error_code(ErrorCode::InvalidRequest.code()).into());
        }
        if let Some(peer) = node.connections.peer_mut(ask.key.connection) {
            peer.software = Some((name.into(), version.into()));
        }
    }
    Reply::Now(versions(node, ask.version).into())
}

fn versions(node: &Running, version: i16) -> ApiVersionsResponseData {
    let spoken = |&api: &ApiKey| {
        let versions = api.advertised();
        ApiVersion::default().with_api_key(api.key()).with_min_version(versions.oldest).with_max_version(versions.newest)
    };
    let finalized = |(name, level): (&str, i16)| {
        FinalizedFeatureKey::default().with_name(text(name)).with_max_version_level(level).with_min_version_level(level)
    };
    ApiVersionsResponseData::default()
        .with_api_keys(ApiKey::ALL.iter().map(spoken).collect())
        .with_supported_features(supported(version))
        .with_finalized_features_epoch(node.metadata.image_end.0 - 1)
        .with_finalized_features(node.image().features().map(finalized).collect())
}

/// Before version 4 a lowest level of 0 is hidden: clients of that time refuse it (KAFKA-17492).
fn supported(version: i16) -> Vec<SupportedFeatureKey> {
    let told = SUPPORTED_FEATURES.iter().filter(|f| version >= 4 || f.min > 0);
    told.map(|f| SupportedFeatureKey::default().with_name(text(f.name)).with_min_version(f.min).with_max_version(f.max)).collect()
}

/// `[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?`
fn is_software(said: &str) -> bool {
    let edge = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = said.as_bytes();
    edge(bytes.first()) && edge(bytes.last()) && bytes.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'))
}
