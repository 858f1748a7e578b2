//! The records of `__cluster_metadata`, in the schemas of Kafka 4.3.
//!
//! The value of each record is a frame: version 1, the schema's key, the schema's version, and the body.

use bytes::{Bytes, BytesMut};

use crate::batch::varint::put_u32;
use crate::ids::Uuid;
use crate::records::{Field, Float64, Reader, RecordError, schema};

const FRAME_VERSION: u32 = 1;

/// Makes the enum of all records: variant, structure, key, newest version.
macro_rules! records {
    ($($variant:ident($name:ident) = $key:literal, newest $newest:literal;)+) => {
        /// A record of the metadata log.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[expect(missing_docs, reason = "variants and fields carry the names of Kafka's schemas, which say what they are")]
        pub enum MetadataRecord {
            $($variant($name),)+
            /// One that is not understood: kept as it came, and written again byte for byte.
            Unknown { api_key: u32, version: u32, body: Bytes },
        }

        impl MetadataRecord {
            /// The key of its schema.
            pub fn api_key(&self) -> u32 {
                match self {
                    $(MetadataRecord::$variant(_) => $key,)+
                    MetadataRecord::Unknown { api_key, .. } => *api_key,
                }
            }

            /// The name of its schema.
            pub fn name(&self) -> &'static str {
                match self {
                    $(MetadataRecord::$variant(_) => stringify!($name),)+
                    MetadataRecord::Unknown { .. } => "unknown record",
                }
            }

            /// The newest version of its schema.
            pub fn newest_version(&self) -> u32 {
                match self {
                    $(MetadataRecord::$variant(_) => $newest,)+
                    MetadataRecord::Unknown { version, .. } => *version,
                }
            }

            /// The oldest version of its schema that can say what it holds.
            pub fn oldest_version(&self) -> u32 {
                match self {
                    $(MetadataRecord::$variant(record) => record.oldest_version(),)+
                    MetadataRecord::Unknown { version, .. } => *version,
                }
            }

            fn put_body(&self, version: u32, out: &mut BytesMut) {
                match self {
                    $(MetadataRecord::$variant(record) => {
                        assert!(version <= $newest, "{} has no version {version}", stringify!($name));
                        record.put(version, out);
                    })+
                    MetadataRecord::Unknown { body, .. } => out.extend_from_slice(body),
                }
            }

            fn get_body(api_key: u32, version: u32, mut from: Reader) -> Result<MetadataRecord, RecordError> {
                let record = match api_key {
                    $($key if version <= $newest => MetadataRecord::$variant($name::get(version, &mut from)?),)+
                    _ => return Ok(MetadataRecord::Unknown { api_key, version, body: from.rest() }),
                };
                from.end()?;
                Ok(record)
            }
        }

        $(impl From<$name> for MetadataRecord {
            fn from(record: $name) -> MetadataRecord {
                MetadataRecord::$variant(record)
            }
        })+
    };
}

records! {
    RegisterBroker(RegisterBrokerRecord) = 0, newest 4;
    UnregisterBroker(UnregisterBrokerRecord) = 1, newest 0;
    Topic(TopicRecord) = 2, newest 0;
    Partition(PartitionRecord) = 3, newest 2;
    Config(ConfigRecord) = 4, newest 0;
    PartitionChange(PartitionChangeRecord) = 5, newest 2;
    FenceBroker(FenceBrokerRecord) = 7, newest 0;
    UnfenceBroker(UnfenceBrokerRecord) = 8, newest 0;
    RemoveTopic(RemoveTopicRecord) = 9, newest 0;
    DelegationToken(DelegationTokenRecord) = 10, newest 0;
    UserScramCredential(UserScramCredentialRecord) = 11, newest 0;
    FeatureLevel(FeatureLevelRecord) = 12, newest 0;
    ClientQuota(ClientQuotaRecord) = 14, newest 0;
    ProducerIds(ProducerIdsRecord) = 15, newest 0;
    BrokerRegistrationChange(BrokerRegistrationChangeRecord) = 17, newest 3;
    AccessControlEntry(AccessControlEntryRecord) = 18, newest 0;
    RemoveAccessControlEntry(RemoveAccessControlEntryRecord) = 19, newest 0;
    NoOp(NoOpRecord) = 20, newest 0;
    ZkMigrationState(ZkMigrationStateRecord) = 21, newest 0;
    RemoveUserScramCredential(RemoveUserScramCredentialRecord) = 22, newest 0;
    BeginTransaction(BeginTransactionRecord) = 23, newest 0;
    EndTransaction(EndTransactionRecord) = 24, newest 0;
    AbortTransaction(AbortTransactionRecord) = 25, newest 0;
    RemoveDelegationToken(RemoveDelegationTokenRecord) = 26, newest 0;
    RegisterController(RegisterControllerRecord) = 27, newest 0;
    ClearElr(ClearElrRecord) = 28, newest 0;
}

impl MetadataRecord {
    /// The value of a record of the metadata log, with the version of the schema in which it was written.
    ///
    /// Errors: bytes that are no frame, or a body that does not fit its schema. An unknown key or version is no error: it is kept.
    pub fn decode(value: &Bytes) -> Result<(MetadataRecord, u32), RecordError> {
        let mut from = Reader::new(value.clone());
        let found = from.varint()?;
        if found != FRAME_VERSION {
            return Err(RecordError::FrameVersion { found });
        }
        let (api_key, version) = (from.varint()?, from.varint()?);
        Ok((MetadataRecord::get_body(api_key, version, from)?, version))
    }

    /// The value to be written, in a version of its schema that can say it; an unknown record keeps its own.
    pub fn encode(&self, version: u32) -> Bytes {
        let version = if let MetadataRecord::Unknown { version, .. } = self { *version } else { version };
        let mut out = BytesMut::new();
        put_u32(&mut out, FRAME_VERSION);
        put_u32(&mut out, self.api_key());
        put_u32(&mut out, version);
        self.put_body(version, &mut out);
        out.freeze()
    }

    /// The version in which Kafka writes this record when the cluster's `metadata.version` is at this level.
    pub fn version_at(&self, metadata_level: i16) -> u32 {
        const MIGRATION: i16 = 8; // 3.4-IV0
        const DIRECTORIES: i16 = 17; // 3.7-IV2, KIP-858
        const ELIGIBLE_LEADERS: i16 = 23; // 4.0-IV1, KIP-966
        const CORDONED: i16 = 30; // 4.3-IV0, KIP-1066
        match self {
            MetadataRecord::RegisterBroker(_) => match metadata_level {
                CORDONED.. => 4,
                DIRECTORIES.. => 3,
                MIGRATION.. => 2,
                _ => 1,
            },
            MetadataRecord::Partition(_) | MetadataRecord::PartitionChange(_) => match metadata_level {
                ELIGIBLE_LEADERS.. => 2,
                DIRECTORIES.. => 1,
                _ => 0,
            },
            _ => self.oldest_version(),
        }
    }
}

schema! {
    /// A broker begins a life; it stays fenced until its heartbeats have caught up.
    RegisterBrokerRecord {
        broker_id: i32 [0],
        is_migrating_zk_broker: bool [2],
        incarnation_id: Uuid [0],
        broker_epoch: i64 [0],
        end_points: Vec<BrokerEndpoint> [0],
        features: Vec<BrokerFeature> [0],
        rack: Option<String> [0],
        fenced: bool [0] = true,
        in_controlled_shutdown: bool [1],
        log_dirs: Vec<Uuid> [3, tag 0],
        cordoned_log_dirs: Option<Vec<Uuid>> [4, tag 1],
    }
    /// Where a broker listens.
    BrokerEndpoint {
        name: String [0],
        host: String [0],
        port: u16 [0],
        security_protocol: i16 [0],
    }
    /// Which levels of a feature a broker supports.
    BrokerFeature {
        name: String [0],
        min_supported_version: i16 [0],
        max_supported_version: i16 [0],
    }
    /// A broker is taken out of the cluster.
    UnregisterBrokerRecord {
        broker_id: i32 [0],
        broker_epoch: i64 [0],
    }
    /// A topic.
    TopicRecord {
        name: String [0],
        topic_id: Uuid [0],
    }
    /// A partition, with its whole state.
    PartitionRecord {
        partition_id: i32 [0] = -1,
        topic_id: Uuid [0],
        replicas: Vec<i32> [0],
        isr: Vec<i32> [0],
        removing_replicas: Vec<i32> [0],
        adding_replicas: Vec<i32> [0],
        leader: i32 [0] = -1,
        leader_recovery_state: i8 [0, tag 0],
        leader_epoch: i32 [0] = -1,
        partition_epoch: i32 [0] = -1,
        directories: Vec<Uuid> [1],
        eligible_leader_replicas: Option<Vec<i32>> [2, tag 1],
        last_known_elr: Option<Vec<i32>> [2, tag 2],
    }
    /// A configuration value; null deletes it.
    ConfigRecord {
        resource_type: i8 [0],
        resource_name: String [0],
        name: String [0],
        value: Option<String> [0],
    }
    /// What changes in a partition; null, −2 for the leader and −1 for the recovery state mean "as before".
    PartitionChangeRecord {
        partition_id: i32 [0] = -1,
        topic_id: Uuid [0],
        isr: Option<Vec<i32>> [0, tag 0],
        leader: i32 [0, tag 1] = -2,
        replicas: Option<Vec<i32>> [0, tag 2],
        removing_replicas: Option<Vec<i32>> [0, tag 3],
        adding_replicas: Option<Vec<i32>> [0, tag 4],
        leader_recovery_state: i8 [0, tag 5] = -1,
        directories: Option<Vec<Uuid>> [1, tag 8],
        eligible_leader_replicas: Option<Vec<i32>> [2, tag 6],
        last_known_elr: Option<Vec<i32>> [2, tag 7],
    }
    /// A broker is fenced, as before 3.3.
    FenceBrokerRecord {
        id: i32 [0],
        epoch: i64 [0],
    }
    /// A broker is unfenced, as before 3.3.
    UnfenceBrokerRecord {
        id: i32 [0],
        epoch: i64 [0],
    }
    /// A topic goes, its partitions and configuration with it.
    RemoveTopicRecord {
        topic_id: Uuid [0],
    }
    /// A delegation token (KIP-48).
    DelegationTokenRecord {
        owner: String [0],
        requester: String [0],
        renewers: Vec<String> [0],
        issue_timestamp: i64 [0],
        max_timestamp: i64 [0],
        expiration_timestamp: i64 [0],
        token_id: String [0],
    }
    /// A user's SCRAM credential (KIP-554).
    UserScramCredentialRecord {
        name: String [0],
        mechanism: i8 [0],
        salt: Bytes [0],
        stored_key: Bytes [0],
        server_key: Bytes [0],
        iterations: i32 [0],
    }
    /// The level of a feature in this cluster; zero means without it.
    FeatureLevelRecord {
        name: String [0],
        feature_level: i16 [0],
    }
    /// A client quota (KIP-546).
    ClientQuotaRecord {
        entity: Vec<EntityData> [0],
        key: String [0],
        value: Float64 [0],
        remove: bool [0],
    }
    /// Whom a client quota is for; a null name is the default of its type.
    EntityData {
        entity_type: String [0],
        entity_name: Option<String> [0],
    }
    /// A block of producer ids was given out; the next one begins here.
    ProducerIdsRecord {
        broker_id: i32 [0],
        broker_epoch: i64 [0] = -1,
        next_producer_id: i64 [0],
    }
    /// What changes in a broker's registration; zero and null mean "as before".
    BrokerRegistrationChangeRecord {
        broker_id: i32 [0],
        broker_epoch: i64 [0],
        fenced: i8 [0, tag 0],
        in_controlled_shutdown: i8 [1, tag 1],
        log_dirs: Vec<Uuid> [2, tag 2],
        cordoned_log_dirs: Option<Vec<Uuid>> [3, tag 3],
    }
    /// An access control entry (KIP-801).
    AccessControlEntryRecord {
        id: Uuid [0],
        resource_type: i8 [0],
        resource_name: String [0],
        pattern_type: i8 [0],
        principal: String [0],
        host: String [0],
        operation: i8 [0],
        permission_type: i8 [0],
    }
    /// An access control entry goes.
    RemoveAccessControlEntryRecord {
        id: Uuid [0],
    }
    /// Nothing: the active controller shows that it can still commit (KIP-835).
    NoOpRecord {}
    /// How far a migration from ZooKeeper came, in clusters that had one.
    ZkMigrationStateRecord {
        zk_migration_state: i8 [0],
    }
    /// A user's SCRAM credential goes.
    RemoveUserScramCredentialRecord {
        name: String [0],
        mechanism: i8 [0],
    }
    /// What follows is one change (KIP-868).
    BeginTransactionRecord {
        name: Option<String> [0, tag 0],
    }
    /// The change is complete.
    EndTransactionRecord {}
    /// The change did not happen.
    AbortTransactionRecord {
        reason: Option<String> [0, tag 0],
    }
    /// A delegation token goes.
    RemoveDelegationTokenRecord {
        token_id: String [0],
    }
    /// A controller begins a life (KIP-919).
    RegisterControllerRecord {
        controller_id: i32 [0],
        incarnation_id: Uuid [0],
        zk_migration_ready: bool [0],
        end_points: Vec<ControllerEndpoint> [0],
        features: Vec<ControllerFeature> [0],
    }
    /// Where a controller listens.
    ControllerEndpoint {
        name: String [0],
        host: String [0],
        port: u16 [0],
        security_protocol: i16 [0],
    }
    /// Which levels of a feature a controller supports.
    ControllerFeature {
        name: String [0],
        min_supported_version: i16 [0],
        max_supported_version: i16 [0],
    }
    /// The eligible leader replicas of a topic are forgotten, or of all topics if the name is empty (KIP-966).
    ClearElrRecord {
        topic_name: String [0],
    }
}
