//! Which requests this broker answers, in which versions: one table, from which everything else follows.
//!
//! What is advertised is exactly what is implemented. Group and transaction APIs are absent until they are.

use std::fmt;

/// Hands the table of APIs to another macro: name, key, versions, first flexible version, and the bodies of request and response.
///
/// InitProducerId stops at 5, since 6 is not stable in Kafka (KIP-939); ApiVersions at 4, the newest that the codec has.
macro_rules! for_each_api {
    ($then:ident) => {
        $then! {
            Produce = 0, 3..=13, flexible 9, ProduceRequestData => ProduceResponseData;
            Fetch = 1, 4..=18, flexible 12, FetchRequestData => FetchResponseData;
            ListOffsets = 2, 1..=11, flexible 6, ListOffsetsRequestData => ListOffsetsResponseData;
            Metadata = 3, 0..=13, flexible 9, MetadataRequestData => MetadataResponseData;
            ApiVersions = 18, 0..=4, flexible 3, ApiVersionsRequestData => ApiVersionsResponseData;
            CreateTopics = 19, 2..=7, flexible 5, CreateTopicsRequestData => CreateTopicsResponseData;
            DeleteTopics = 20, 1..=6, flexible 4, DeleteTopicsRequestData => DeleteTopicsResponseData;
            DeleteRecords = 21, 0..=2, flexible 2, DeleteRecordsRequestData => DeleteRecordsResponseData;
            InitProducerId = 22, 0..=5, flexible 2, InitProducerIdRequestData => InitProducerIdResponseData;
            OffsetForLeaderEpoch = 23, 2..=4, flexible 4, OffsetForLeaderEpochRequestData => OffsetForLeaderEpochResponseData;
            DescribeConfigs = 32, 1..=4, flexible 4, DescribeConfigsRequestData => DescribeConfigsResponseData;
            AlterConfigs = 33, 0..=2, flexible 2, AlterConfigsRequestData => AlterConfigsResponseData;
            DescribeLogDirs = 35, 1..=5, flexible 2, DescribeLogDirsRequestData => DescribeLogDirsResponseData;
            CreatePartitions = 37, 0..=3, flexible 2, CreatePartitionsRequestData => CreatePartitionsResponseData;
            IncrementalAlterConfigs = 44, 0..=1, flexible 1, IncrementalAlterConfigsRequestData => IncrementalAlterConfigsResponseData;
            DescribeCluster = 60, 0..=2, flexible 0, DescribeClusterRequestData => DescribeClusterResponseData;
            DescribeProducers = 61, 0..=0, flexible 0, DescribeProducersRequestData => DescribeProducersResponseData;
            ListConfigResources = 74, 0..=1, flexible 0, ListConfigResourcesRequestData => ListConfigResourcesResponseData;
            DescribeTopicPartitions = 75, 0..=0, flexible 0, DescribeTopicPartitionsRequestData => DescribeTopicPartitionsResponseData;
        }
    };
}
pub(crate) use for_each_api;

macro_rules! declare {
    ($($name:ident = $key:literal, $oldest:literal..=$newest:literal, flexible $flexible:literal, $request:ident => $response:ident;)*) => {
        /// An API that this broker implements.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(i16)]
        pub enum ApiKey {
            $(
                #[doc = concat!(stringify!($name), ", versions ", stringify!($oldest), " to ", stringify!($newest), ".")]
                $name = $key,
            )*
        }

        impl ApiKey {
            /// Every API, by ascending key.
            pub const ALL: &[ApiKey] = &[$(ApiKey::$name),*];

            /// The API of a key, if it is implemented.
            pub const fn known(key: i16) -> Option<ApiKey> {
                match key {
                    $($key => Some(ApiKey::$name),)*
                    _ => None,
                }
            }

            /// The versions that are implemented.
            pub const fn versions(self) -> Versions {
                match self {
                    $(ApiKey::$name => Versions { oldest: $oldest, newest: $newest },)*
                }
            }

            /// The first version with compact lengths and tagged fields (KIP-482).
            const fn first_flexible(self) -> i16 {
                match self {
                    $(ApiKey::$name => $flexible,)*
                }
            }

            /// Kafka's name.
            pub const fn name(self) -> &'static str {
                match self {
                    $(ApiKey::$name => stringify!($name),)*
                }
            }
        }
    };
}

/// A range of versions, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Versions {
    /// The oldest version.
    pub oldest: i16,
    /// The newest version.
    pub newest: i16,
}

impl Versions {
    /// True if `version` lies in the range.
    pub const fn contains(self, version: i16) -> bool {
        self.oldest <= version && version <= self.newest
    }

    /// The newest version that both sides have, by which a client picks its version.
    pub fn newest_common(self, other: Versions) -> Option<i16> {
        let newest = self.newest.min(other.newest);
        (newest >= self.oldest.max(other.oldest)).then_some(newest)
    }
}

impl ApiKey {
    /// The key on the wire.
    pub const fn key(self) -> i16 {
        self as i16
    }

    /// The versions told to clients in ApiVersions.
    ///
    /// Produce says 0 although 0 to 2 are refused: old librdkafka takes a broker without them for one that cannot do
    /// message format 2 (KAFKA-18659).
    pub const fn advertised(self) -> Versions {
        match self {
            ApiKey::Produce => Versions { oldest: 0, ..self.versions() },
            _ => self.versions(),
        }
    }

    /// True from the first version with compact lengths and tagged fields on (KIP-482), unknown newer versions included.
    pub const fn is_flexible(self, version: i16) -> bool {
        version >= self.first_flexible()
    }

    /// The version of a response's header. ApiVersions always has 0, since its reader does not know yet what the broker speaks (KIP-511).
    pub const fn response_header_version(self, version: i16) -> i16 {
        match self {
            ApiKey::ApiVersions => 0,
            _ => self.is_flexible(version) as i16,
        }
    }
}

impl fmt::Display for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// True for a name or version by which a client may introduce itself (KIP-511): letters, digits, dots and hyphens, with a letter or digit at each end.
///
/// Anything else in ApiVersions from version 3 on is answered with `INVALID_REQUEST`.
pub fn is_software_name(text: &str) -> bool {
    let bytes = text.as_bytes();
    let ends = [bytes.first(), bytes.last()];
    ends.iter().all(|end| end.is_some_and(u8::is_ascii_alphanumeric))
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(b))
}

for_each_api!(declare);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn api_table_agrees_with_the_codec_on_keys_and_flexible_versions() {
        for &api in ApiKey::ALL {
            let theirs = kacrab_protocol::generated::ApiKey::from_i16(api.key()).expect("the codec knows every API of the table");
            assert_eq!(format!("{theirs:?}"), api.name());
            let info = kacrab_protocol::version::client_api_info(theirs);
            assert_eq!(info.flexible_versions_start, api.first_flexible(), "{api}");
            assert!(info.min_version <= api.versions().oldest && api.versions().newest <= info.max_version, "{api}");
        }
    }

    #[test]
    fn api_produce_is_advertised_from_zero_and_accepted_from_three() {
        assert_eq!(ApiKey::Produce.advertised().oldest, 0);
        assert!(!ApiKey::Produce.versions().contains(2));
        assert!(ApiKey::ALL.iter().filter(|a| **a != ApiKey::Produce).all(|a| a.advertised() == a.versions()));
    }

    #[test]
    fn api_software_names_are_those_that_kafka_accepts() {
        assert!(["apache-kafka-java", "4.3.1", "a", "librdkafka"].into_iter().all(is_software_name));
        assert!(!["", "-a", "a.", "a b", "ä", "a_b"].into_iter().any(is_software_name));
    }

    #[test]
    fn api_version_is_the_newest_that_both_sides_have() {
        let ours = Versions { oldest: 4, newest: 18 };
        assert_eq!(ours.newest_common(Versions { oldest: 0, newest: 11 }), Some(11));
        assert_eq!(ours.newest_common(Versions { oldest: 0, newest: 3 }), None);
    }
}
