//! `.kafka_cleanshutdown`: everything in the directory was synced and nothing was written since (KIP-966 reads the broker epoch).

use super::json::{self, Json};

/// The name in the root of a log directory.
pub const FILE: &str = ".kafka_cleanshutdown";

/// The broker epoch of the life that ended so; `None` if the file does not say. That the file exists is enough for the rest.
pub fn decode(bytes: &[u8]) -> Option<i64> {
    json::parse(std::str::from_utf8(bytes).ok()?).ok()?.get("brokerEpoch").and_then(Json::as_i64)
}

/// The bytes of the file.
pub fn encode(broker_epoch: i64) -> String {
    format!("{{\"version\":0,\"brokerEpoch\":{broker_epoch}}}")
}
