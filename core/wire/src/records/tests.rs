//! Metadata records: the bytes that Apache Kafka 4.3.1 wrote, every field of every schema, and hostile bytes.

use bytes::Bytes;
use proptest::prelude::*;

use crate::ids::Uuid;
use crate::records::metadata::*;
use crate::records::{Float64, RecordError};

/// `metadata.version` 4.3-IV0, at which the captures were made.
const LEVEL: i16 = 30;

fn unhex(hex: &str) -> Bytes {
    let digit = |c: u8| (c as char).to_digit(16).expect("a hex digit") as u8;
    hex.as_bytes().chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

fn uuid(text: &str) -> Uuid {
    Uuid::parse(text).expect("22 characters")
}

/// The capture says the record, the record is written as captured, and in the version that Kafka chose.
fn captured(hex: &str, version: u32, record: impl Into<MetadataRecord>) {
    let (bytes, record) = (unhex(hex), record.into());
    assert_eq!(MetadataRecord::decode(&bytes), Ok((record.clone(), version)));
    assert_eq!(record.encode(version), bytes, "{}", record.name());
    assert_eq!(record.version_at(LEVEL), version, "{}", record.name());
}

#[test]
fn transactions_no_ops_and_features_are_kafkas_bytes() {
    captured("01170001001212426f6f747374726170207265636f726473", 0, BeginTransactionRecord { name: Some("Bootstrap records".into()) });
    captured("01180000", 0, EndTransactionRecord {});
    captured("01140000", 0, NoOpRecord {});
    captured(
        "010c00116d657461646174612e76657273696f6e001e00",
        0,
        FeatureLevelRecord { name: "metadata.version".into(), feature_level: 30 },
    );
}

#[test]
fn topics_partitions_and_configs_are_kafkas_bytes() {
    let topic_id = uuid("KENjlJvzQwahHHHvkaJgJw");
    captured("010200076f7264657273284363949bf34306a11c71ef91a2602700", 0, TopicRecord { name: "orders".into(), topic_id });
    let partition = PartitionRecord {
        partition_id: 0,
        topic_id,
        replicas: vec![0],
        isr: vec![0],
        leader: 0,
        leader_epoch: 0,
        partition_epoch: 0,
        directories: vec![uuid("4GyyMsXu2PiWT76JkCCdRg")],
        ..PartitionRecord::default()
    };
    captured(
        "01030200000000284363949bf34306a11c71ef91a2602702000000000200000000010100000000000000000000000002e06cb232c5eed8f8964fbe8990209d4600",
        2,
        partition,
    );
    let config = |resource_type, resource: &str, name: &str, value: &str| ConfigRecord {
        resource_type,
        resource_name: resource.into(),
        name: name.into(),
        value: Some(value.into()),
    };
    captured("01040002076f72646572730d726574656e74696f6e2e6d73053130303000", 0, config(2, "orders", "retention.ms", "1000"));
    captured("0104000401146d696e2e696e73796e632e7265706c69636173023100", 0, config(4, "", "min.insync.replicas", "1"));
    captured("010900e60f1a877a7640818e70654ed4f9761700", 0, RemoveTopicRecord { topic_id: uuid("5g8ah3p2QIGOcGVO1Pl2Fw") });
}

#[test]
fn a_partition_change_writes_its_tags_in_order() {
    let change = PartitionChangeRecord {
        partition_id: 0,
        topic_id: uuid("wqZqO-xQQCybTgJwuOPSGg"),
        isr: Some(vec![]),
        leader: -1,
        eligible_leader_replicas: Some(vec![0]),
        last_known_elr: Some(vec![0]),
        ..PartitionChangeRecord::default()
    };
    captured("01050200000000c2a66a3bec50402c9b4e0270b8e3d21a040001010104ffffffff0605020000000007050200000000", 2, change.clone());
    // The schema declares tag 8 before 6 and 7.
    let moved = PartitionChangeRecord { directories: Some(vec![]), ..change };
    let bytes = MetadataRecord::from(moved).encode(2);
    assert!(bytes.ends_with(&unhex("050607050200000000080101")[2..]), "{bytes:?}");
}

#[test]
fn registrations_are_kafkas_bytes() {
    captured(
        "01110300000000000000000000000d01030101",
        3,
        BrokerRegistrationChangeRecord { broker_epoch: 13, cordoned_log_dirs: Some(vec![]), ..Default::default() },
    );
    captured(
        "01110000000000000000000000000d010001ff",
        0,
        BrokerRegistrationChangeRecord { broker_epoch: 13, fenced: -1, ..Default::default() },
    );
    captured(
        "01110100000000000000000000000d01010101",
        1,
        BrokerRegistrationChangeRecord { broker_epoch: 13, in_controlled_shutdown: 1, ..Default::default() },
    );
    let feature = |name: &str, min, max| BrokerFeature { name: name.into(), min_supported_version: min, max_supported_version: max };
    let broker = RegisterBrokerRecord {
        broker_id: 0,
        incarnation_id: uuid("knKsAG_6QzaY7FzSHR4cMA"),
        broker_epoch: 13,
        end_points: vec![BrokerEndpoint { name: "PLAINTEXT".into(), host: "127.0.0.1".into(), port: 27392, security_protocol: 0 }],
        features: vec![
            feature("kraft.version", 0, 1),
            feature("group.version", 0, 1),
            feature("streams.version", 0, 1),
            feature("transaction.version", 0, 2),
            feature("eligible.leader.replicas.version", 0, 1),
            feature("metadata.version", 7, 30),
            feature("share.version", 0, 1),
        ],
        log_dirs: vec![uuid("4GyyMsXu2PiWT76JkCCdRg")],
        ..Default::default()
    };
    captured(
        "01000400000000009272ac006ffa433698ec5cd21d1e1c30000000000000000d020a504c41494e544558540a3132372e302e302e316b00000000080e6b726166742e\
         76657273696f6e00000001000e67726f75702e76657273696f6e00000001001073747265616d732e76657273696f6e0000000100147472616e73616374696f6e2e76\
         657273696f6e000000020021656c696769626c652e6c65616465722e7265706c696361732e76657273696f6e0000000100116d657461646174612e76657273696f6e\
         0007001e000e73686172652e76657273696f6e000000010000010001001102e06cb232c5eed8f8964fbe8990209d46",
        4,
        broker,
    );
}

#[test]
fn a_registered_controller_is_kafkas_bytes() {
    let feature = |name: &str, min, max| ControllerFeature { name: name.into(), min_supported_version: min, max_supported_version: max };
    let controller = RegisterControllerRecord {
        controller_id: 0,
        incarnation_id: uuid("t0g3kaUKQliAur3Ue6Uhew"),
        zk_migration_ready: false,
        end_points: vec![ControllerEndpoint { name: "CONTROLLER".into(), host: "127.0.0.1".into(), port: 27393, security_protocol: 0 }],
        features: vec![
            feature("group.version", 0, 1),
            feature("kraft.version", 0, 1),
            feature("metadata.version", 7, 30),
            feature("share.version", 0, 1),
            feature("streams.version", 0, 1),
            feature("transaction.version", 0, 2),
            feature("eligible.leader.replicas.version", 0, 1),
        ],
    };
    captured(
        "011b0000000000b7483791a50a425880babdd47ba5217b00020b434f4e54524f4c4c45520a3132372e302e302e316b01000000080e67726f75702e76657273696f6e\
         00000001000e6b726166742e76657273696f6e0000000100116d657461646174612e76657273696f6e0007001e000e73686172652e76657273696f6e000000010010\
         73747265616d732e76657273696f6e0000000100147472616e73616374696f6e2e76657273696f6e000000020021656c696769626c652e6c65616465722e7265706c\
         696361732e76657273696f6e000000010000",
        0,
        controller,
    );
}

#[test]
fn credentials_quotas_and_producer_ids_are_kafkas_bytes() {
    let credential = UserScramCredentialRecord {
        name: "alice".into(),
        mechanism: 1,
        salt: Bytes::from_static(b"175j2wu61dzw9hrczqvk9uz8g"),
        stored_key: unhex("2b050ff18eacbf0836f0a35064d516550fd3c33927414c2628d1a9b45533c3f1"),
        server_key: unhex("7180d4b8441e168dd2796031c106b588bf3f6818529938f001632e0abd3e5f0b"),
        iterations: 8192,
    };
    captured(
        "010b0006616c696365011a3137356a3277753631647a77396872637a71766b39757a3867212b050ff18eacbf0836f0a35064d516550fd3c33927414c2628d1a9b45533\
         c3f1217180d4b8441e168dd2796031c106b588bf3f6818529938f001632e0abd3e5f0b0000200000",
        0,
        credential,
    );
    captured("01160006616c6963650100", 0, RemoveUserScramCredentialRecord { name: "alice".into(), mechanism: 1 });
    let quota = ClientQuotaRecord {
        entity: vec![EntityData { entity_type: "user".into(), entity_name: Some("alice".into()) }],
        key: "producer_byte_rate".into(),
        value: Float64(1024f64.to_bits()),
        remove: false,
    };
    captured("010e0002057573657206616c696365001370726f64756365725f627974655f7261746540900000000000000000", 0, quota);
    captured(
        "010f0000000000000000000000000d00000000000003e800",
        0,
        ProducerIdsRecord { broker_id: 0, broker_epoch: 13, next_producer_id: 1000 },
    );
}

#[test]
fn the_remaining_schemas_are_written_field_by_field() {
    let id = uuid("AAAAAAAAAAAAAAAAAAAAAQ");
    let zeros_1 = "00000000000000000000000000000001";
    captured("01010000000007000000000000000900", 0, UnregisterBrokerRecord { broker_id: 7, broker_epoch: 9 });
    captured("01070000000007000000000000000900", 0, FenceBrokerRecord { id: 7, epoch: 9 });
    captured("01080000000007000000000000000900", 0, UnfenceBrokerRecord { id: 7, epoch: 9 });
    let token = DelegationTokenRecord {
        owner: "o".into(),
        requester: "r".into(),
        renewers: vec!["a".into(), "b".into()],
        issue_timestamp: 1,
        max_timestamp: 2,
        expiration_timestamp: 3,
        token_id: "t".into(),
    };
    captured("010a00026f0272030261026200000000000000010000000000000002000000000000000302 7400".replace(' ', "").as_str(), 0, token);
    let entry = AccessControlEntryRecord {
        id,
        resource_type: 2,
        resource_name: "t".into(),
        pattern_type: 3,
        principal: "p".into(),
        host: "*".into(),
        operation: 4,
        permission_type: 5,
    };
    captured(&format!("011200{zeros_1}020274030270022a040500"), 0, entry);
    captured(&format!("011300{zeros_1}00"), 0, RemoveAccessControlEntryRecord { id });
    captured("0115000300", 0, ZkMigrationStateRecord { zk_migration_state: 3 });
    captured("011900010002026e", 0, AbortTransactionRecord { reason: Some("n".into()) });
    captured("011a00027400", 0, RemoveDelegationTokenRecord { token_id: "t".into() });
    captured("011c00027400", 0, ClearElrRecord { topic_name: "t".into() });
}

#[test]
fn older_versions_leave_out_what_they_do_not_know() {
    let partition = |directories: Vec<Uuid>, elr: Option<Vec<i32>>| PartitionRecord {
        directories,
        eligible_leader_replicas: elr,
        ..Default::default()
    };
    let lengths: Vec<_> = (0..3).map(|version| MetadataRecord::from(partition(vec![], None)).encode(version).len()).collect();
    assert_eq!(lengths, [40, 41, 41]);
    assert_eq!(partition(vec![Uuid::ZERO], None).oldest_version(), 1);
    assert_eq!(partition(vec![], Some(vec![])).oldest_version(), 2);
    let broker = MetadataRecord::from(RegisterBrokerRecord::default());
    let versions: Vec<_> = [7, 8, 16, 17, 29, 30].map(|level| broker.version_at(level)).to_vec();
    assert_eq!(versions, [1, 2, 2, 3, 3, 4]);
    for version in 0..=4 {
        assert_eq!(MetadataRecord::decode(&broker.encode(version)), Ok((broker.clone(), version)));
    }
}

#[test]
#[should_panic(expected = "directories cannot be said in version 0")]
fn a_version_that_cannot_say_the_record_is_our_own_bug() {
    MetadataRecord::from(PartitionRecord { directories: vec![Uuid::ZERO], ..Default::default() }).encode(0);
}

#[test]
fn an_unknown_record_is_kept_byte_for_byte() {
    for hex in ["011d00deadbeef", "01ac0203", "010205aabb", "01000500"] {
        let (record, version) = MetadataRecord::decode(&unhex(hex)).expect("kept");
        assert!(matches!(record, MetadataRecord::Unknown { .. }), "{hex}");
        assert_eq!((record.version_at(LEVEL), record.encode(0)), (version, unhex(hex)));
    }
}

#[test]
fn broken_frames_and_bodies_are_named() {
    assert_eq!(MetadataRecord::decode(&unhex("021400")), Err(RecordError::FrameVersion { found: 2 }));
    assert_eq!(MetadataRecord::decode(&unhex("0114000000")), Err(RecordError::Trailing { bytes: 1 }));
    assert!(matches!(MetadataRecord::decode(&Bytes::new()), Err(RecordError::Malformed { .. })));
    assert!(matches!(MetadataRecord::decode(&unhex("010100000000")), Err(RecordError::CutShort { .. })));
    // A null name, a name that is not UTF-8, an array that claims four thousand million entries.
    assert!(matches!(MetadataRecord::decode(&unhex("010c00000000")), Err(RecordError::Malformed { .. })));
    assert!(matches!(MetadataRecord::decode(&unhex("010c0002ff000000")), Err(RecordError::Malformed { .. })));
    assert!(matches!(
        MetadataRecord::decode(&unhex("010e00ffffffff0f")),
        Err(RecordError::Malformed { .. } | RecordError::CutShort { .. })
    ));
    // An unknown tag is passed over; a known one with bytes left over is not.
    assert!(MetadataRecord::decode(&unhex("01140001630155")).is_ok());
    assert!(matches!(MetadataRecord::decode(&unhex("01110000000000000000000000000d010002ffff")), Err(RecordError::Trailing { bytes: 1 })));
}

proptest! {
    #[test]
    fn hostile_bodies_cost_a_multiple_of_what_came(
        key in 0u8..30, version in 0u8..5, body in prop::collection::vec(prop_oneof![Just(0), Just(1), Just(0xff), any::<u8>()], 0..3_000),
    ) {
        let bytes: Bytes = [&[1, key, version], &body[..]].concat().into();
        let cost = allocation_counter::measure(|| drop(MetadataRecord::decode(&bytes)));
        prop_assert!(cost.bytes_max <= 1_024 + 128 * bytes.len() as u64, "{} of {} for key {} version {}", cost.bytes_max, bytes.len(), key, version);
    }

    #[test]
    fn random_bodies_of_every_schema_never_panic(key in 0u8..30, version in 0u8..5, body in prop::collection::vec(any::<u8>(), 0..120)) {
        let bytes: Bytes = [&[1, key, version], &body[..]].concat().into();
        if let Ok((record, version)) = MetadataRecord::decode(&bytes) {
            let again = record.encode(version);
            prop_assert_eq!(MetadataRecord::decode(&again), Ok((record, version)));
        }
    }
}
