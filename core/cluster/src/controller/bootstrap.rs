//! What the log of a fresh cluster begins with, as Apache Kafka 4.3 formats it.

use crate::image::METADATA_VERSION;
use crate::record::{BeginTransactionRecord, ConfigRecord, EndTransactionRecord, FeatureLevelRecord, MetadataRecord};

/// 4.3-IV0, the newest level of production.
pub const METADATA_VERSION_LATEST: i16 = 30;

/// A feature, and the levels of it that this software supports, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SupportedFeature {
    /// Its name.
    pub name: &'static str,
    /// The lowest level.
    pub min: i16,
    /// The highest level.
    pub max: i16,
}

const fn feature(name: &'static str, min: i16, max: i16) -> SupportedFeature {
    SupportedFeature { name, min, max }
}

/// What brokers and controllers announce at their registration.
pub const SUPPORTED_FEATURES: &[SupportedFeature] = &[
    feature(METADATA_VERSION, 7, METADATA_VERSION_LATEST),
    feature("kraft.version", 0, 1),
    feature("group.version", 0, 1),
    feature("share.version", 0, 1),
    feature("streams.version", 0, 1),
    feature("transaction.version", 0, 2),
    feature("eligible.leader.replicas.version", 0, 1),
];

/// The content of `bootstrap.checkpoint`: the finalized features.
pub fn bootstrap_records() -> Vec<MetadataRecord> {
    let levels = [
        (METADATA_VERSION, METADATA_VERSION_LATEST),
        ("eligible.leader.replicas.version", 1),
        ("group.version", 1),
        ("share.version", 1),
        ("streams.version", 1),
        ("transaction.version", 2),
    ];
    let record =
        |(name, feature_level): (&str, i16)| MetadataRecord::FeatureLevel(FeatureLevelRecord { name: name.to_owned(), feature_level });
    levels.into_iter().map(record).collect()
}

/// The first batch of a fresh log: the bootstrap records in a transaction, and, if eligible leaders are kept, a cluster-wide `min.insync.replicas`.
///
/// Bootstrap records that do not say a `metadata.version` (the file was lost) get the newest.
pub(super) fn first_batch(bootstrap: &[MetadataRecord], min_insync_replicas: i64) -> Vec<MetadataRecord> {
    let mut records = vec![MetadataRecord::BeginTransaction(BeginTransactionRecord { name: Some("Bootstrap records".to_owned()) })];
    let level = |r: &MetadataRecord| matches!(r, MetadataRecord::FeatureLevel(f) if f.name == METADATA_VERSION && f.feature_level > 0);
    if !bootstrap.iter().any(level) {
        let newest = FeatureLevelRecord { name: METADATA_VERSION.to_owned(), feature_level: METADATA_VERSION_LATEST };
        records.push(MetadataRecord::FeatureLevel(newest));
    }
    records.extend_from_slice(bootstrap);
    let elr = |r: &MetadataRecord| matches!(r, MetadataRecord::FeatureLevel(f) if f.name == super::ELR_FEATURE && f.feature_level > 0);
    if bootstrap.iter().any(elr) {
        records.push(MetadataRecord::Config(ConfigRecord {
            resource_type: 4,
            resource_name: String::new(),
            name: "min.insync.replicas".to_owned(),
            value: Some(min_insync_replicas.to_string()),
        }));
    }
    records.push(MetadataRecord::EndTransaction(EndTransactionRecord {}));
    records
}
